"""Every mask on every Arrow type, as the engine applies it."""

import dataclasses
import uuid
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline._kernels import same_cells
from maskline.errors import MaskingError
from maskline.execution import BatchMasker, Masking
from maskline.model import (
    FREE_TEXT,
    JSON,
    PUBLIC,
    Decision,
    Label,
    Mask,
    OutputColumn,
    Traits,
)
from maskline.plugins import load_registry
from maskline.tokens import Keyring

REGISTRY = load_registry()
KEYRING = Keyring.generate()
EMAIL = Label(entity="EMAIL_ADDRESS")

TEXTS = ["ada@canary.example", "Zoë <zoe@canary.example>", "山田@canary.example", ""]
BYTES = [b"canary-0123456789abcdef", b"canary\x00\xff", b"canary", b""]
FIXED = [b"canary-%09d" % number for number in range(4)]
MOMENTS = [datetime(1990, 1, day, 12, 30) for day in (1, 2, 3, 4)]  # noqa: DTZ001 - without a zone
AWARE = [moment.replace(tzinfo=UTC) for moment in MOMENTS]
SPANS = [timedelta(days=days) for days in (1, 22, 333, 4444)]
NUMBERS = [17, 42, 99, 101]
FLOATS = [1.5, -17.25, 4096.0, 0.0078125]

LEAVES = [
    *((kind, TEXTS) for kind in (pa.string(), pa.large_string(), pa.string_view())),
    *((kind, BYTES) for kind in (pa.binary(), pa.large_binary(), pa.binary_view())),
    (pa.binary(16), FIXED),
    (pa.binary(3), [b"abc", b"abd", b"abe", b"abf"]),
    *(
        (kind, NUMBERS)
        for kind in (
            *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
            *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        )
    ),
    *((kind, FLOATS) for kind in (pa.float32(), pa.float64())),
    (pa.float16(), [np.float16(number) for number in FLOATS]),
    (pa.decimal32(5, 1), [Decimal("17.5"), Decimal("0.1"), Decimal("-9.9"), Decimal("1.0")]),
    *(
        (kind, [Decimal(number) for number in NUMBERS])
        for kind in (pa.decimal64(18, 0), pa.decimal128(38, 0), pa.decimal256(70, 0))
    ),
    (pa.decimal128(20, 3), [Decimal("17.500"), Decimal("0.125"), Decimal("-9.9"), Decimal(1)]),
    (pa.bool_(), [True, False, True, False]),
    (pa.date32(), [moment.date() for moment in MOMENTS]),
    (pa.date64(), [moment.date() for moment in MOMENTS]),
    (pa.time32("ms"), [time(hour) for hour in (1, 2, 3, 4)]),
    (pa.time64("ns"), [time(hour) for hour in (1, 2, 3, 4)]),
    *((pa.timestamp(unit), MOMENTS) for unit in ("s", "ms", "us", "ns")),
    *((pa.timestamp("us", zone), AWARE) for zone in ("UTC", "+05:30")),
    *((pa.duration(unit), SPANS) for unit in ("s", "ns")),
    (pa.month_day_nano_interval(), [(month, 2, 3) for month in (1, 2, 3, 4)]),
    (pa.uuid(), FIXED),
    (pa.json_(), [f'"{text}"' for text in TEXTS]),
    (pa.bool8(), [1, 0, 2, 0]),
    (pa.opaque(pa.binary(), "blob", "test"), BYTES),
    (pa.fixed_shape_tensor(pa.int32(), [2]), [[17, 18], [27, 28], [37, 38], [47, 48]]),
    (pa.null(), [None] * 4),
]

INSIDE = {
    *(pa.string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.int8(), pa.int64()),
    *(pa.float64(), pa.decimal32(5, 1), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.uuid()),
}


def storage(kind, values):
    """Return an array of a type, of values of Python; extensions by way of their storage."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    return pa.array(values, kind)


def leaf_column(kind, values):
    first, second, third, fourth = values
    return storage(kind, [first, None, second, first, third, None, fourth, second])


def nested_columns(leaf):
    """Return columns of every nested type, of lists of a leaf column of eight values."""
    kind = leaf.type
    missing = pa.array([False, True, False, False])
    lists = pa.ListArray.from_arrays([0, 2, 4, 4, 8], leaf, mask=missing)
    yield lists
    yield pa.LargeListArray.from_arrays([0, 2, 4, 4, 8], leaf, mask=missing)
    yield pa.FixedSizeListArray.from_arrays(leaf, 2, mask=missing)
    yield pa.ListViewArray.from_arrays([4, 0, 0, 1], [2, 0, 2, 3], leaf)
    yield pa.LargeListViewArray.from_arrays([4, 0, 0, 1], [2, 0, 2, 3], leaf, mask=missing)
    yield pa.StructArray.from_arrays(
        [leaf.slice(4), lists, pa.array([1, 2, 3, 4])], ["a", "b", "c"], mask=missing
    )
    yield pa.MapArray.from_arrays([0, 2, 2, 2, 4], pa.array(["k", "l", "m", "n"]), leaf.slice(2, 4))
    yield pa.ListArray.from_arrays([0, 1, 1, 3, 4], lists)
    if kind in {pa.string(), pa.int64(), pa.date32()}:
        filled = leaf.drop_null()
        yield pa.MapArray.from_arrays([0, 2, 2, 3, 5], filled.take([0, 1, 3, 2, 3]), leaf[:5])
        indices = pa.array([0, None, 2, 1], pa.int8())
        yield pa.DictionaryArray.from_arrays(indices, leaf.unique().drop_null())
        yield pa.DictionaryArray.from_arrays(
            indices.cast(pa.uint16()), leaf.unique().drop_null(), ordered=True
        )
        yield pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 7, 9], pa.int16()), leaf[:4])


COLUMNS = [
    *(leaf_column(kind, values) for kind, values in LEAVES),
    *(
        column
        for kind, values in LEAVES
        if kind in INSIDE
        for column in nested_columns(leaf_column(kind, values))
    ),
    pa.nulls(3, pa.sparse_union([pa.field("a", pa.string()), pa.field("b", pa.int64())])),
    pa.UnionArray.from_sparse(
        pa.array([0, 1], pa.int8()), [pa.array(TEXTS[:2]), pa.array([1, 2])], ["a", "b"]
    ),
    pa.array([{}, None], pa.struct([])),
]
MASKS = [
    Mask(name="redact"),
    Mask(name="null"),
    Mask(name="partial"),
    Mask(name="token"),
    Mask(name="token", options=(("keep", "domain"),)),
    Mask(name="pseudonym"),
    Mask(name="aggregate"),
    Mask(name="fpe"),
    Mask(name="generalize", options=(("to", "month"),)),
    Mask(name="generalize", options=(("step", 10),)),
    Mask(name="shift", options=(("days", 30),)),
    Mask(name="noise", options=(("percent", 10),)),
    Mask(name="scan"),
    Mask(name="reveal"),
]
HIDING = [mask for mask in MASKS if mask.name != "reveal"]
NEAR = {"generalize", "shift", "noise"}  # What these make of a number or date may be another one.
TOKENISED = [
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()),
    *(pa.binary_view(), pa.binary(16), pa.uuid(), pa.int64(), pa.uint64()),
    *(pa.decimal128(38, 0), pa.decimal256(70, 0)),
]
LABELS = [
    EMAIL,
    Label(entity=FREE_TEXT),
    Label(entity=JSON, paths=(("$[*]", "EMAIL_ADDRESS"), ("$.b[0]", PUBLIC))),
]


def masked(column, mask, label=EMAIL):
    return MASKING.mask(column, label=label, mask=mask)


MASKING = Masking(
    REGISTRY,
    keyring=KEYRING,
    decide=lambda label: Decision(
        mask=None if label.entity == PUBLIC else Mask(name="token"), rule="a test"
    ),
)


def values_of(column):
    """Return values of Python; some extensions have none but their storage's."""
    return (column.storage if isinstance(column, pa.ExtensionArray) else column).to_pylist()


def cells(column):
    return [repr(value) for value in values_of(column)]


def leaves(value):
    """Return every value inside a value of Python, but null, empty text and truth."""
    if isinstance(value, dict):
        return {leaf for inner in value.values() for leaf in leaves(inner)}
    if isinstance(value, list | tuple):
        return {leaf for inner in value for leaf in leaves(inner)}
    return set() if value is None or value in ("", b"") else {repr(value)}


def memory(column):
    """Return every byte that can be reached through a column."""
    if isinstance(column, pa.ExtensionArray):
        return memory(column.storage)
    found = b"".join(buffer.to_pybytes() for buffer in column.buffers() if buffer)
    if isinstance(column, pa.DictionaryArray):
        found += memory(column.dictionary)
    return found


@pytest.mark.parametrize("mask", MASKS, ids=str)
@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.entity)
def test_a_mask_keeps_type_length_and_nulls_and_depends_on_the_value_alone(label, mask):
    for column in COLUMNS:
        after = masked(column, mask, label)

        after.validate(full=True)
        assert after.type == column.type
        assert len(after) == len(column)
        shown = cells(after)
        for before, now in zip(cells(column), shown, strict=True):
            assert now == "None" or before != "None", column.type
        for first in range(len(column)):
            alone = cells(masked(column.slice(first, 1), mask, label))
            assert alone == shown[first : first + 1], column.type
        assert cells(masked(column.slice(1, 2), mask, label)) == shown[1:3], column.type


@pytest.mark.parametrize("mask", MASKS, ids=str)
@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.entity)
def test_a_mask_takes_no_rows_and_nothing_but_nulls(label, mask):
    for column in COLUMNS:
        nulls = pa.nulls(3, column.type)

        assert masked(column.slice(0, 0), mask, label).equals(column.slice(0, 0)), column.type
        assert cells(masked(nulls, mask, label)) == cells(nulls), column.type


@pytest.mark.parametrize("mask", HIDING, ids=str)
def test_no_sensitive_value_stays_and_none_can_be_reached(mask):
    for column in COLUMNS:
        after = masked(column, mask)

        if mask.name not in NEAR:
            assert not leaves(values_of(column)) & leaves(values_of(after)), column.type
        for part in (after, masked(column.slice(1, 1), mask)):
            reached = memory(part)
            if mask.options:  # The domains of addresses are kept.
                reached = reached.replace(b"@canary.example", b"")
            assert b"canary" not in reached, column.type


@pytest.mark.parametrize("kind", TOKENISED, ids=str)
def test_different_values_have_different_tokens_and_equal_ones_equal_tokens(kind):
    values = dict(LEAVES)[kind]

    tokens = cells(masked(leaf_column(kind, values), Mask(name="token")))

    first, none, second, again, *_ = tokens
    assert none == "None"
    assert first == again != second
    assert len(set(tokens)) == len(values) + 1
    assert not set(tokens) & set(cells(storage(kind, values)))


def test_equal_numbers_of_different_wide_types_have_one_token_of_60_bits():
    kinds = (pa.int64(), pa.uint64(), pa.decimal128(19, 0), pa.decimal256(70, 0))

    tokens = [masked(pa.array([5, 2**62], kind), Mask(name="token")).to_pylist() for kind in kinds]

    assert all(token == tokens[0] for token in tokens)
    assert all(0 <= token < 2**60 for token in tokens[0])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.uint64(), [2**64 - 1, 2**63, 2**63 - 1]),
        (pa.int64(), [2**63 - 1, -(2**63), -1]),
        (pa.decimal128(38, 0), [10**37, -(10**37), 2**63]),
        (pa.decimal256(76, 0), [10**75, -(10**75), 2**64]),
    ],
)
def test_the_largest_numbers_have_tokens_too(kind, values):
    tokens = masked(pa.array(values, kind), Mask(name="token")).to_pylist()

    assert len(set(tokens)) == len(values)
    assert all(0 <= token < 2**60 for token in tokens)


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32(), pa.float64()),
        *(pa.decimal128(18, 0), pa.decimal128(38, 2), pa.date32(), pa.binary(3), pa.bool_()),
    ],
    ids=str,
)
def test_what_is_too_narrow_for_a_token_becomes_null(kind):
    column = leaf_column(kind, dict(LEAVES).get(kind, [Decimal(number) for number in NUMBERS]))

    assert masked(column, Mask(name="token")).null_count == len(column)


def test_a_token_of_a_uuid_is_a_uuid_of_version_8_and_one_of_bytes_is_as_long_or_16():
    identifier = masked(storage(pa.uuid(), FIXED), Mask(name="token"))[0].as_py()
    fixed = masked(pa.array([b"0123456789abc"], pa.binary(13)), Mask(name="token"))[0].as_py()
    free = masked(pa.array([b"x"]), Mask(name="token"))[0].as_py()

    assert identifier.version == 8
    assert identifier.variant == uuid.RFC_4122
    assert len(fixed) == 13
    assert len(free) == 16


def test_null_and_aggregate_leave_not_even_the_shape():
    column = pa.array([["a", "b"], [], None])

    for name in ("null", "aggregate"):
        assert masked(column, Mask(name=name)).to_pylist() == [None, None, None]


def test_a_map_whose_keys_became_equal_becomes_null_and_others_keep_their_entries():
    column = pa.array([[("a", 1), ("b", 2)], [("c", 3)], []], pa.map_(pa.string(), pa.int64()))

    assert masked(column, Mask(name="redact")).to_pylist() == [
        None,
        [("[EMAIL_ADDRESS]", None)],
        [],
    ]
    assert len(masked(column, Mask(name="token")).to_pylist()[0]) == 2
    numbers = pa.array([[(1, "a")], []], pa.map_(pa.int32(), pa.string()))
    assert masked(numbers, Mask(name="token")).to_pylist() == [None, []]


def test_what_holds_a_null_where_none_may_be_becomes_null():
    required = pa.field("n", pa.int32(), nullable=False)
    free = pa.field("t", pa.string())
    struct = pa.array([{"n": 1, "t": "a"}], pa.struct([required, free]))
    lists = pa.array([[1], []], pa.list_(required))

    assert masked(struct, Mask(name="token")).to_pylist() == [None]
    assert masked(lists, Mask(name="token")).to_pylist() == [None, []]


VIEWS = pa.ListArray.from_arrays([0, 1, 2], pa.array(["a@x.org", "b@x.org"], pa.string_view()))


@pytest.mark.parametrize(
    "column",
    [
        pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int8()), pa.array([["a"], ["b"]])),
        pa.MapArray.from_arrays([0, 2], pa.array(["k", "l"]), VIEWS),
        pa.MapArray.from_arrays([0, 1], pa.array([{"a": "b"}]), pa.array([1])),
        pa.MapArray.from_arrays([0, 1], pa.array([Decimal(1)], pa.decimal32(5, 0)), pa.array([1])),
    ],
    ids=lambda column: str(column.type),
)
def test_what_arrow_cannot_put_together_again_becomes_null(column):
    after = masked(column, Mask(name="redact"))

    after.validate(full=True)
    assert after.equals(pa.nulls(len(column), column.type))


class Lying:
    name = "lying"

    def check(self, options):
        return []

    def traits(self, options, kind):
        return Traits(injective=False, keeps_nulls=False)

    def mask(self, column, *, options, context):
        return pa.nulls(len(column) + 1, column.type)


@pytest.mark.parametrize("column", [pa.array(["a"]), pa.array([["a"]]), pa.array([{"a": "b"}])])
def test_a_masker_that_changes_the_length_of_leaves_is_stopped(column):
    registry = dataclasses.replace(REGISTRY, maskers={"lying": Lying()})
    masking = Masking(registry, keyring=None, decide=MASKING.decide)

    with pytest.raises(MaskingError, match="a change of type or length"):
        masking.mask(column, label=EMAIL, mask=Mask(name="lying"))


# ---- what is counted -----------------------------------------------------------------------------


def counted(column, mask, label=EMAIL):
    output = OutputColumn(name="c", label=label, mask=mask)
    masker = BatchMasker(MASKING, [output], pa.schema([("c", column.type)]))
    list(masker.masked([pa.RecordBatch.from_arrays([column], ["c"])]))
    return masker.cells[0]


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        (["a@x.org", None, "", "plain"], 1),
        ([["a@x.org", "plain"], ["plain"], [], None, ["plain", "b@x.org"]], 2),
        ([{"a": "plain"}, {"a": "a@x.org"}, {"a": None}, None], 1),
        ([[{"a": ["a@x.org"]}], [{"a": ["plain", None]}], [{"a": None}]], 1),
    ],
)
def test_cells_are_counted_in_which_anything_changed(values, changed):
    column = pa.array(values)
    free = Label(entity=FREE_TEXT)

    assert counted(column, Mask(name="scan"), free) == changed
    twice = pa.concat_arrays([column, column]).slice(1, len(column))
    assert counted(twice, Mask(name="scan"), free) == changed
    assert counted(column, Mask(name="null")) == len(column) - column.null_count
    assert counted(column, Mask(name="reveal")) == 0


def test_cells_of_maps_and_of_types_that_cannot_be_compared_are_counted():
    entries = [
        [("k", "a@x.org")],
        [("a@x.org", "v")],
        [("k", "v")],
        [("a@x.org", "v"), ("b@x.org", "v")],
    ]
    maps = pa.array(entries, pa.map_(pa.string(), pa.string()))

    assert counted(maps, Mask(name="scan"), Label(entity=FREE_TEXT)) == 3
    text = pa.array(["a@x.org", "plain", None])
    runs = pa.RunEndEncodedArray.from_arrays([2, 3, 5], text)
    assert counted(runs, Mask(name="scan"), Label(entity=FREE_TEXT)) == 2
    assert counted(text.dictionary_encode(), Mask(name="scan"), Label(entity=FREE_TEXT)) == 1
    for kind, values in LEAVES:
        column = leaf_column(kind, values)
        assert counted(column, Mask(name="null")) == len(column) - column.null_count, kind


nested = st.lists(
    st.none()
    | st.lists(
        st.none() | st.fixed_dictionaries({"a": st.none() | st.text(max_size=1)}), max_size=2
    ),
    max_size=6,
)


@given(st.data(), nested)
def test_cells_are_the_same_if_python_says_so(data, before):
    after = (
        data.draw(st.lists(st.sampled_from(before), min_size=len(before), max_size=len(before)))
        if before
        else []
    )
    kind = pa.list_(pa.struct({"a": pa.string()}))

    same = same_cells(pa.array([None, *before], kind).slice(1), pa.array(after, kind))

    assert same.tolist() == [one == other for one, other in zip(before, after, strict=True)]
