import json
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._kernels import is_nested
from maskline._maskers import BUILTIN
from maskline._maskers._json_paths import parse_path
from maskline.errors import MaskingError
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Kind, Label, Spans
from maskline.roles import Masker
from maskline.testing import MemoryContext, check_masker
from maskline.tokens import is_token_text

MASKERS = {masker.name: masker for masker in BUILTIN}
OPTIONS = [
    ("redact", {}),
    ("null", {}),
    ("partial", {}),
    ("partial", {"first": 1}),
    ("partial", {"first": 1, "last": 2}),
    ("token", {}),
    ("token", {"keep": "domain"}),
    ("token", {"domain": "shared"}),
    ("scan", {}),
    ("aggregate", {}),
    ("aggregate", {"min": 2}),
    ("reveal", {}),
]
TOKENISED = {pa.int64(), pa.uint64(), pa.binary()}
HIDING = [case for case in OPTIONS if case[0] != "reveal"]

characters = st.characters(exclude_categories=["Cs"])
words = st.sampled_from(["ada@example.com", "zoë@example.org", "Ada", "*", "[X]", " ", "é"])
texts = st.lists(words | st.text(characters, max_size=6), max_size=4).map("".join)
json_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
json_values = st.recursive(
    json_leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "mail"]) | texts, inner, max_size=3)
    ),
    max_leaves=12,
)


def arrays_of(type_, values):
    return st.lists(st.none() | values, max_size=6).map(lambda items: pa.array(items, type_))


def integers(type_, bits, *, signed=True):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return arrays_of(type_, st.integers(low, high))


typed_arrays = st.one_of(
    integers(pa.int8(), 8),
    integers(pa.int16(), 16),
    integers(pa.int32(), 32),
    integers(pa.int64(), 64),
    integers(pa.uint8(), 8, signed=False),
    integers(pa.uint64(), 64, signed=False),
    arrays_of(pa.float32(), st.floats(allow_nan=False, width=32)),
    arrays_of(pa.float64(), st.floats(allow_nan=False)),
    arrays_of(pa.decimal128(20, 3), st.decimals(-1000, 1000, places=3)),
    arrays_of(pa.bool_(), st.booleans()),
    arrays_of(pa.date32(), st.dates()),
    arrays_of(pa.timestamp("us"), st.datetimes()),
    arrays_of(pa.timestamp("us", "UTC"), st.datetimes().map(lambda at: at.replace(tzinfo=UTC))),
    arrays_of(pa.duration("ms"), st.integers(0, 10**6)),
    arrays_of(pa.binary(), st.binary(max_size=5)),
    arrays_of(pa.binary(2), st.binary(min_size=2, max_size=2)),
    arrays_of(pa.large_string(), texts),
    arrays_of(pa.list_(pa.string()), st.lists(texts, max_size=2)),
    arrays_of(pa.struct({"a": pa.string()}), st.fixed_dictionaries({"a": texts})),
    arrays_of(pa.map_(pa.string(), pa.int8()), st.lists(st.tuples(texts, st.just(1)), max_size=2)),
    arrays_of(pa.uuid(), st.binary(min_size=16, max_size=16)),
    arrays_of(pa.dictionary(pa.int8(), pa.int64()), st.integers(0, 9)),
    arrays_of(pa.null(), st.none()),
)
text_arrays = arrays_of(pa.string(), texts)
json_arrays = arrays_of(pa.string(), json_values.map(json.dumps) | texts)
JSON_LABEL = Label(entity=JSON, paths=(("$.mail", "EMAIL_ADDRESS"), ("$.a[*].b", "US_SSN")))


def mask(name, column, *, label="EMAIL_ADDRESS", options=None, masks=None):
    label = label if isinstance(label, Label) else Label(entity=label)
    context = MemoryContext(label, masks=masks or {})
    return MASKERS[name].mask(column, options=options or {}, context=context)


def mask_texts(name, values, **arguments):
    return mask(name, pa.array(values, pa.string()), **arguments).to_pylist()


def mask_json(document, paths=(), **arguments):
    text = document if isinstance(document, str) else json.dumps(document)
    label = Label(entity=JSON, paths=tuple(paths))
    return mask_texts("scan", [text], label=label, **arguments)[0]


def test_there_is_one_masker_for_each_name_and_each_plays_the_role():
    assert list(MASKERS) == [
        "redact",
        "null",
        "partial",
        "token",
        "pseudonym",
        "fpe",
        "generalize",
        "shift",
        "noise",
        "aggregate",
        "scan",
        "reveal",
    ]
    assert all(isinstance(masker, Masker) for masker in BUILTIN)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_every_masker_keeps_the_contract_of_maskers(name, options):
    check_masker(MASKERS[name], options=options)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
@given(column=typed_arrays, label=st.sampled_from(["US_SSN", FREE_TEXT, JSON, UNKNOWN]))
@settings(max_examples=60)
def test_every_masker_keeps_any_type_and_hides_what_it_cannot_mask(name, options, column, label):
    masked = mask(name, column, label=label, options=options)

    masked.validate(full=True)
    assert masked.type == column.type
    assert len(masked) == len(column)
    if name == "reveal":
        assert masked is column
    elif name == "token" and column.type in TOKENISED:
        assert masked.is_null().equals(column.is_null())
    elif name != "scan" or not is_nested(column.type):
        assert all(value is None for value in masked.to_pylist())


@pytest.mark.parametrize(("name", "options"), OPTIONS)
@given(
    column=text_arrays,
    label=st.sampled_from([Label(entity="PERSON"), Label(entity=FREE_TEXT), JSON_LABEL]),
)
@settings(max_examples=60)
def test_a_mask_of_text_is_a_function_of_the_value_and_settles_at_once(
    name, options, column, label
):
    masked = mask(name, column, label=label, options=options)
    alone = [
        mask(name, column.slice(row, 1), label=label, options=options) for row in range(len(column))
    ]

    assert masked.type == pa.string()
    assert masked.to_pylist() == [value.to_pylist()[0] for value in alone]
    assert mask(name, masked, label=label, options=options).equals(masked)
    traits = MASKERS[name].traits(options, Kind.TEXT)
    if traits.keeps_nulls:
        assert masked.is_null().equals(column.is_null())
    if traits.injective:
        assert len(set(masked.to_pylist())) == len(set(column.to_pylist()))


@pytest.mark.parametrize(("name", "options"), HIDING)
@given(column=text_arrays)
@settings(max_examples=60)
def test_no_sensitive_text_passes_as_it_is(name, options, column):
    masked = mask(name, column, label="PERSON", options=options)

    for before, after in zip(column.to_pylist(), masked.to_pylist(), strict=True):
        # What is empty, and what looks masked by hand, has nothing left to hide.
        if before and "*" not in before:
            assert after != before


@pytest.mark.parametrize("masker", BUILTIN, ids=lambda masker: masker.name)
def test_an_option_that_is_not_there_is_refused_by_name(masker):
    needed = {"step": 10} if masker.name == "generalize" else {}
    assert masker.check(needed) == []
    problems = masker.check({**needed, "colour": "hunter2"})

    assert len(problems) == 1
    assert problems[0].startswith(f"The mask {masker.name} has no option colour; it has ")
    assert "hunter2" not in problems[0]


@pytest.mark.parametrize("kind", Kind)
def test_only_text_keeps_its_nulls_and_only_tokens_of_text_are_distinct(kind):
    is_text = kind is Kind.TEXT
    traits = {name: MASKERS[name].traits({}, kind) for name in MASKERS}

    keeping = {name for name, trait in traits.items() if trait.keeps_nulls}
    assert keeping == (MASKERS.keys() - {"null", "aggregate"} if is_text else {"reveal"})
    injective = {name for name, trait in traits.items() if trait.injective}
    assert injective == ({"token", "reveal"} if is_text else {"reveal"})
    assert {name for name, trait in traits.items() if trait.minimum_group} == {"aggregate"}


def test_redact_names_the_entity():
    assert mask_texts("redact", ["a", None, ""], label="US_SSN") == ["[US_SSN]", None, "[US_SSN]"]
    assert mask_texts("redact", ["a"], label=UNKNOWN) == ["[REDACTED]"]
    assert mask_texts("redact", ["a"], label=PUBLIC) == ["[REDACTED]"]


def test_null_hides_text_too():
    assert mask_texts("null", ["a", None]) == [None, None]


def test_aggregate_hides_every_value_and_tells_how_many_make_a_group():
    masker = MASKERS["aggregate"]

    assert mask("aggregate", pa.array([1.5, None])).to_pylist() == [None, None]
    assert mask_texts("aggregate", ["a", None]) == [None, None]
    assert masker.traits({}, Kind.NUMBER).minimum_group == 10
    assert masker.traits({"min": 2}, Kind.INTEGER).minimum_group == 2


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"min": 2}, 0),
        ({"min": 10**6}, 0),
        ({"min": 1}, 1),
        ({"min": -10}, 1),
        ({"min": True}, 1),
        ({"min": 10.0}, 1),
        ({"min": "10"}, 1),
        ({"max": 10, "min": 0}, 2),
    ],
)
def test_aggregate_says_what_is_wrong_with_its_options(options, count):
    problems = MASKERS["aggregate"].check(options)

    assert len(problems) == count
    assert all(problem.endswith(".") for problem in problems)


def test_partial_keeps_four_at_the_last_unless_told():
    assert mask_texts("partial", ["078-05-1120"]) == ["***-**-1120"]
    assert mask_texts("partial", ["078-05-1120"], options={"first": 3}) == ["078-**-****"]
    both = {"first": 1, "last": 1}
    assert mask_texts("partial", ["078-05-1120"], options=both) == ["0**-**-***0"]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"first": 0, "last": 8}, 0),
        ({"first": 8}, 0),
        ({"last": 9}, 1),
        ({"first": -1}, 1),
        ({"first": True}, 1),
        ({"first": "2", "last": 1.0}, 2),
        ({"first": 0}, 1),
        ({"last": 0}, 1),
        ({"first": 0, "last": 0}, 1),
        ({"middle": 1, "last": 0}, 2),
    ],
)
def test_partial_says_what_is_wrong_with_its_options(options, count):
    problems = MASKERS["partial"].check(options)

    assert len(problems) == count
    assert all(problem.endswith(".") for problem in problems)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"keep": "domain", "domain": "people_2"}, 0),
        ({"keep": "all"}, 1),
        ({"domain": ""}, 1),
        ({"domain": "2people"}, 1),
        ({"domain": "people-x\n"}, 1),
        ({"domain": 3, "keep": True}, 2),
    ],
)
def test_token_says_what_is_wrong_with_its_options(options, count):
    problems = MASKERS["token"].check(options)

    assert len(problems) == count
    assert all(problem.endswith(".") for problem in problems)


def test_tokens_are_equal_within_a_domain_and_differ_between_domains():
    own = mask_texts("token", ["ada", "zoë", "ada", None], label="PERSON")
    shared = mask_texts("token", ["ada"], label="PERSON", options={"domain": "people"})
    same = mask_texts("token", ["ada"], label="USER_NAME", options={"domain": "people"})

    assert own[0] == own[2] != own[1]
    assert own[3] is None
    assert is_token_text(own[0])
    assert shared == same != own[:1]


def test_a_token_of_an_address_may_keep_its_domain():
    address, other = mask_texts(
        "token", ["ada@example.com", "no address"], options={"keep": "domain"}
    )

    assert address.endswith("@example.com")
    assert not address.startswith("ada")
    assert is_token_text(other)


def test_integers_of_64_bits_have_tokens_and_narrower_ones_become_null():
    values = [1, None, 2, 1]

    wide = mask("token", pa.array(values, pa.int64())).to_pylist()

    assert wide[0] == wide[3] not in {1, wide[2]}
    assert wide[1] is None
    assert mask("token", pa.array(values, pa.int32())).null_count == len(values)


def test_scan_masks_each_entity_as_the_policy_wants_it_masked():
    values = ["Ask ada@example.com or zoe@example.org.", None, "nothing", "é ada@example.com"]

    redacted = mask_texts("scan", values, label=FREE_TEXT)
    token = mask_texts(
        "scan", values, label=FREE_TEXT, masks={"EMAIL_ADDRESS": (MASKERS["token"], {})}
    )

    assert redacted == [
        "Ask [EMAIL_ADDRESS] or [EMAIL_ADDRESS].",
        None,
        "nothing",
        "é [EMAIL_ADDRESS]",
    ]
    assert is_token_text(token[3].removeprefix("é "))
    assert token[3][2:] in token[0]


def test_scan_leaves_a_name_where_the_mask_of_an_entity_is_null():
    masks = {"EMAIL_ADDRESS": (MASKERS["null"], {})}

    assert mask_texts("scan", ["<ada@example.com>"], label=FREE_TEXT, masks=masks) == [
        "<[EMAIL_ADDRESS]>"
    ]


def test_scan_puts_the_masks_of_several_entities_back_where_they_belong():
    class TwoEntities(MemoryContext):
        def find(self, column):
            return Spans(
                rows=np.array([0, 0, 0, 1]),
                starts=np.array([0, 2, 4, 0]),
                ends=np.array([1, 3, 5, 1]),
                entities=np.array([1, 0, 1, 0], np.int32),
                scores=np.ones(4, np.float32),
                names=("FIRST", "SECOND"),
            )

    column = pa.array(["a b c", "d"])
    masked = MASKERS["scan"].mask(column, options={}, context=TwoEntities(Label(entity=FREE_TEXT)))

    assert masked.to_pylist() == ["[SECOND] [FIRST] [SECOND]", "[FIRST]"]


def test_scan_redacts_a_column_that_is_sensitive_as_a_whole_even_where_its_own_mask_is_scan():
    masks = {"EMAIL_ADDRESS": (MASKERS["scan"], {})}

    assert mask_texts("scan", ["nobody finds me"], label="PERSON") == ["[PERSON]"]
    assert mask_texts("scan", ["ada@example.com"], label=FREE_TEXT, masks=masks) == [
        "[EMAIL_ADDRESS]"
    ]


@pytest.mark.parametrize("label", [PUBLIC, UNKNOWN])
def test_scan_looks_into_text_that_has_no_entity(label):
    assert mask_texts("scan", ["to ada@example.com"], label=label) == ["to [EMAIL_ADDRESS]"]


def test_json_is_masked_at_its_labelled_paths_and_scanned_elsewhere():
    document = {
        "note": "Ask ada@example.com.",
        "buyer": {"phone": "555 0100", "age": 41, "vip": True, "none": None},
        "items": [{"serial no": "A1", "n": 1}, {"serial no": "B2"}],
        "tags": ["zoe@example.org", "ok"],
    }
    paths = [("$.buyer.phone", "PHONE_NUMBER"), ("$.items[*]['serial no']", "SERIAL")]

    masked = mask_json(document, paths)

    assert json.loads(masked) == {
        "note": "Ask [EMAIL_ADDRESS].",
        "buyer": {"phone": "[PHONE_NUMBER]", "age": 41, "vip": True, "none": None},
        "items": [{"serial no": "[SERIAL]", "n": 1}, {"serial no": "[SERIAL]"}],
        "tags": ["[EMAIL_ADDRESS]", "ok"],
    }
    assert list(json.loads(masked)) == list(document)


def test_a_document_without_anything_to_mask_stays_as_it_is_spelt():
    text = '{ "a" : 1.500, "b":[ 1E2, -0.0 , 12345678901234567890123456789 ] ,"é":"\\u00e9" }'

    assert mask_json(text) == text


def test_a_changed_document_keeps_its_numbers_as_they_are_spelt():
    text = '{"a": 1.500, "b": [1E2, -0.0, true, null, {}], "mail": "ada@example.com"}'

    assert mask_json(text) == ('{"a":1.500,"b":[1E2,-0.0,true,null,{}],"mail":"[EMAIL_ADDRESS]"}')


@pytest.mark.parametrize("leaf", ["x", 1, 1.5, True, {"a": 1}, ["x"], {}, []])
def test_whatever_stands_at_a_sensitive_path_is_masked(leaf):
    masked = json.loads(mask_json({"a": leaf}, [("$.a", "US_SSN")]))

    assert masked == {"a": "[US_SSN]"}
    assert mask_json({"a": leaf}, [("$.a", UNKNOWN)]) == '{"a":"[REDACTED]"}'


def test_null_at_a_sensitive_path_stays_null_and_a_mask_may_make_one():
    masks = {"US_SSN": (MASKERS["null"], {})}
    paths = [("$.a", "US_SSN")]

    assert mask_json('{"a": null}', paths) == '{"a": null}'
    assert mask_json('{"a": "x"}', paths, masks=masks) == '{"a":null}'


def test_a_revealed_leaf_keeps_its_type():
    masks = {"US_SSN": (MASKERS["reveal"], {})}

    assert mask_json('{"a": 78051120}', [("$.a", "US_SSN")], masks=masks) == '{"a": 78051120}'


def test_a_number_at_a_sensitive_path_becomes_the_mask_of_its_digits():
    masks = {"US_SSN": (MASKERS["partial"], {})}

    assert mask_json('{"a": 78051120}', [("$.a", "US_SSN")], masks=masks) == '{"a":"****1120"}'


def test_all_leaves_of_an_entity_are_masked_at_once():
    calls = []

    class Counting(MemoryContext):
        def find(self, column):
            calls.append("find")
            return super().find(column)

        def mask_as(self, entity, column):
            calls.append(entity)
            return super().mask_as(entity, column)

    column = pa.array(['{"a": "x", "b": "y"}', '{"a": "z"}', '{"a": "x", "b": "y"}'])
    label = Label(entity=JSON, paths=(("$.a", "US_SSN"),))
    MASKERS["scan"].mask(column, options={}, context=Counting(label))

    assert sorted(calls) == ["US_SSN", "find"]


def test_a_public_leaf_is_left_and_what_lies_below_a_public_path_is_scanned():
    paths = [("$.shop", PUBLIC), ("$.below", PUBLIC), ("$.text", FREE_TEXT)]
    document = {
        "shop": "info@example.com",
        "below": {"a": "a@example.com"},
        "text": "b@example.com",
    }

    assert json.loads(mask_json(document, paths)) == {
        "shop": "info@example.com",
        "below": {"a": "[EMAIL_ADDRESS]"},
        "text": "[EMAIL_ADDRESS]",
    }


def test_a_sensitive_path_wins_over_a_public_one():
    paths = [("$.a[0]", PUBLIC), ("$.a[*]", "US_SSN")]

    assert mask_json({"a": ["x", "y"]}, paths) == '{"a":["[US_SSN]","[US_SSN]"]}'


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("$.a.b", {"a": [{"b": "x"}]}),
        ("$.a.b", [{"a": [[{"b": "x"}]]}]),
        ("$.a[*].b", {"a": {"b": "x"}}),
        ("$.a[0].b", {"a": {"b": "x"}}),
        ("$.a[*].b[*]", {"a": {"b": "x"}}),
        ("$.a[0].b", {"a": [{"b": "x"}]}),
    ],
)
def test_a_sensitive_path_holds_where_a_list_stands_for_a_value_or_a_value_for_a_list(
    path, document
):
    assert '"[US_SSN]"' in mask_json(document, [(path, "US_SSN")])


def test_an_index_labels_one_element_only():
    assert mask_json(["x", "y"], [("$[1]", "US_SSN")]) == '["x","[US_SSN]"]'


def test_a_document_may_be_a_leaf():
    assert mask_json('"x"', [("$", "US_SSN")]) == '"[US_SSN]"'
    assert mask_json('"ada@example.com"') == '"[EMAIL_ADDRESS]"'
    assert mask_json("17") == "17"


def test_keys_are_scanned_and_stay_distinct():
    text = '{"ada@example.com": 1, "zoe@example.org": 2, "[EMAIL_ADDRESS] 2": 3}'

    masked = mask_json(text)

    assert masked == '{"[EMAIL_ADDRESS]":1,"[EMAIL_ADDRESS] 2":2,"[EMAIL_ADDRESS] 2 2":3}'
    assert mask_json(masked) == masked


def test_json_inside_json_is_masked_as_json():
    masks = {JSON: (MASKERS["scan"], {})}
    document = {"a": '{"mail": "ada@example.com"}', "b": {"c": "x"}, "n": 1, "t": True}
    paths = [("$.a", JSON), ("$.b", JSON), ("$.n", JSON), ("$.t", JSON)]

    masked = json.loads(mask_json(document, paths, masks=masks))

    assert masked == {**document, "a": '{"mail":"[EMAIL_ADDRESS]"}'}


def test_digits_cannot_hide_behind_an_exponent():
    class Cards(MemoryContext):
        def find(self, column):
            rows = np.array([i for i, text in enumerate(column.to_pylist()) if len(text) == 16])
            count = len(rows)
            return Spans(
                rows=rows,
                starts=np.zeros(count, np.int64),
                ends=np.full(count, 16),
                entities=np.zeros(count, np.int32),
                scores=np.ones(count, np.float32),
                names=("CREDIT_CARD",),
            )

    column = pa.array(['{"a": 4.111111111111111E15, "b": 1e999999999999, "c": 4111111111111111}'])
    masked = MASKERS["scan"].mask(column, options={}, context=Cards(Label(entity=JSON)))

    assert masked.to_pylist() == ['{"a":"[CREDIT_CARD]","b":1e999999999999,"c":"[CREDIT_CARD]"}']


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "{",
        '{"a": 1} x',
        "{'a': 1}",
        '{"a": NaN}',
        "[Infinity]",
        '{"a": 1, "a": 2}',
        '[{"a": 1, "\\u0061": 2}]',
        '"\\ud800"',
        '{"\\uDC00": 1}',
        '"a\nb"',
        "[" * 102 + "]" * 102,
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 102 + "1" + "}" * 102,
    ],
)
def test_what_cannot_be_read_in_only_one_way_is_redacted_whole(text):
    assert mask_json(text) == "[JSON]"


def test_a_document_may_be_deep_and_hold_any_character():
    deep = "[" * 100 + "]" * 100
    odd = '["\\u0000 \\ud83d\\ude00 \\\\ud800"]'

    assert mask_json(deep) == deep
    assert mask_json(odd) == odd


def test_nulls_and_slices_of_json_are_kept():
    column = pa.array(["{", None, '"a@example.com"', None, "1"]).slice(1, 3)

    masked = mask("scan", column, label=JSON)

    assert masked.to_pylist() == [None, '"[EMAIL_ADDRESS]"', None]


@given(column=json_arrays)
@settings(max_examples=100)
def test_masked_json_is_json_and_settles_at_once(column):
    masked = mask("scan", column, label=JSON_LABEL)

    assert masked.is_null().equals(column.is_null())
    assert mask("scan", masked, label=JSON_LABEL).equals(masked)
    for text in masked.drop_null().to_pylist():
        if text != "[JSON]":
            json.loads(text)
            assert "ada@example.com" not in text


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.a.b-c.é_1", ("a", "b-c", "é_1")),
        ("$.a[*].b[12]", ("a", None, "b", 12)),
        (r"""$['a b']["c.d"]['it\'s']['\\']""", ("a b", "c.d", "it's", "\\")),
        ("""$['"']["'"]['']""", ('"', "'", "")),
    ],
)
def test_a_path_has_steps(path, steps):
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    "path",
    ["", "a", ".a", "$a", "$.", "$..a", "$.*", "$[", "$[a]", "$[-1]", "$['a]", "$.a b", "$$"],
)
def test_a_path_that_cannot_be_read_stops_the_masking(path):
    with pytest.raises(MaskingError, match="cannot be read"):
        mask_json({}, [(path, "US_SSN")])


def test_fixed_values_of_other_types_become_null_whatever_they_are():
    column = pa.array([Decimal("1.50"), None])
    moments = pa.array([datetime(1990, 1, 31, tzinfo=UTC)], pa.timestamp("us", "UTC"))

    assert mask("redact", column).equals(pa.nulls(2, column.type))
    assert mask("partial", moments).equals(pa.nulls(1, moments.type))
