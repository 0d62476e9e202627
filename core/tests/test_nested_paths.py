"""Nested data by path, masked as the same JSON is, and what two engines make of nested columns."""

import json
from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maskline
from maskline.execution import Masking
from maskline.model import FREE_TEXT, JSON, PUBLIC, Decision, Label, Mask
from maskline.plugins import load_registry
from maskline.tokens import Keyring, is_token_text

MASKING = Masking(
    load_registry(),
    keyring=Keyring.generate(),
    decide=lambda label: Decision(
        mask=None if label.entity == PUBLIC else Mask(name="token"), rule="a test"
    ),
)
SCAN = Mask(name="scan")
VIEWS = pa.ListArray.from_arrays([0, 1, 2], pa.array(["a@x.org", "b@x.org"], pa.string_view()))


def masked(column, paths=()):
    return MASKING.mask(column, label=Label(entity=JSON, paths=tuple(paths)), mask=SCAN)


def leaves(value):
    """Return every value inside a value of Python, but null, empty text and truth."""
    if isinstance(value, dict):
        return {leaf for inner in value.values() for leaf in leaves(inner)}
    if isinstance(value, list | tuple):
        return {leaf for inner in value for leaf in leaves(inner)}
    return set() if value is None or value in ("", b"") else {repr(value)}


PATHS = [
    ("$.mail", "EMAIL_ADDRESS"),
    ("$.list[*]", "PERSON"),
    ("$.list[0]", "PERSON"),
    ("$.rows[*].name", "PERSON"),
    ("$.rows[1].name", "PERSON"),
    ("$.rows.name", "PERSON"),
    ("$.rows[0]", "PERSON"),
    ("$.map.k", "US_SSN"),
    ("$.map", "US_SSN"),
    ("$.rows[*].note", PUBLIC),
    ("$.note", FREE_TEXT),
    ("$", "PERSON"),
]
WHOLE = {"$", "$.rows[0]", "$.map"}  # JSON cannot keep the shape of what is sensitive as a whole.
TREE = pa.struct(
    {
        "mail": pa.string(),
        "note": pa.string(),
        "list": pa.list_(pa.string()),
        "rows": pa.list_(pa.struct({"name": pa.string(), "note": pa.string()})),
        "map": pa.map_(pa.string(), pa.string()),
    }
)
text = st.none() | st.sampled_from(["a", "b", "mail ada@x.org", ""])
trees = st.fixed_dictionaries(
    {
        "mail": text,
        "note": text,
        "list": st.none() | st.lists(text, max_size=3),
        "rows": st.none()
        | st.lists(st.fixed_dictionaries({"name": text, "note": text}), max_size=3),
        "map": st.none()
        | st.dictionaries(st.sampled_from(["k", "l", "a@x.org"]), text, max_size=3),
    }
)


def as_document(tree):
    """Return a struct of Arrow as JSON has it: a map is an object."""
    entries = tree and tree["map"]
    return tree and {**tree, "map": entries if entries is None else dict(entries)}


@given(st.lists(st.none() | trees, max_size=4), st.lists(st.sampled_from(PATHS), max_size=3))
@settings(max_examples=200)
def test_nested_data_is_masked_as_the_same_json_is(values, paths):
    rows = [
        value and {**value, "map": value["map"] and list(value["map"].items())} for value in values
    ]
    documents = pa.array([value and json.dumps(value) for value in values], pa.string())

    after = masked(pa.array(rows, TREE), paths).to_pylist()

    expected = [text and json.loads(text) for text in masked(documents, paths).to_pylist()]
    if not WHOLE.intersection(dict(paths)):
        assert [as_document(tree) for tree in after] == expected


def test_a_sensitive_nest_keeps_its_shape_and_its_leaves_are_masked():
    column = pa.array([{"a": [{"b": "x", "n": 5}], "c": "y"}])

    after = masked(column, [("$.a", "US_SSN")]).to_pylist()[0]

    assert is_token_text(after["a"][0]["b"])
    assert after["a"][0]["n"] != 5
    assert after["c"] == "y"


def test_numbers_and_dates_without_a_label_stay_unless_something_is_found_in_them():
    card = 4111111111111111
    rows = [
        {
            "n": 17,
            "f": 1.5,
            "d": Decimal("1.50"),
            "t": date(1990, 1, 11),
            "b": True,
            "x": b"x",
            "i": 5,
        },
        {"n": card, "f": float(card), "d": Decimal(card), "t": None, "b": None, "x": None, "i": 5},
    ]
    kind = pa.struct(
        {
            "n": pa.int64(),
            "f": pa.float64(),
            "d": pa.decimal128(20, 2),
            "t": pa.date32(),
            "b": pa.bool_(),
            "x": pa.binary(),
            "i": pa.dictionary(pa.int8(), pa.int32()),
        }
    )

    after = masked(pa.array(rows, kind)).to_pylist()

    assert after[0] == {**rows[0], "x": None}
    assert after[1] == {**dict.fromkeys(rows[1]), "i": 5}


def test_a_leaf_that_is_a_date_stays_and_one_with_a_date_in_it_does_not():
    rows = [{"at": "2026-03-01T12:00:00Z", "note": "seen on 2026-03-01", "t": "12 May 2024"}]

    [after] = masked(pa.array(rows)).to_pylist()

    assert after["note"].startswith("seen on ")
    assert "2026" not in after["note"]
    assert {**after, "note": rows[0]["note"]} == rows[0]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[(1, 2, 3)]], pa.list_(pa.month_day_nano_interval())),
        pa.array([[b"a@x.org"]]),
        pa.MapArray.from_arrays([0, 1], pa.array([b"a@x.org"]), pa.array(["a"])),
        VIEWS,
        pa.StructArray.from_arrays(
            [pa.RunEndEncodedArray.from_arrays([1], pa.array([{"a": "no pattern"}]))], ["x"]
        ),
    ],
    ids=lambda column: str(column.type),
)
def test_what_has_no_text_to_scan_or_cannot_be_picked_out_becomes_null(column):
    after = masked(column, [("$[0].a", "US_SSN")])

    assert leaves(after.to_pylist()) == set()


def test_json_inside_a_nest_is_masked_as_json_where_a_path_says_so():
    column = pa.array([['{"a": "ada@x.org"}']])
    label = Label(entity=JSON, paths=(("$[*]", JSON),))
    masking = Masking(
        load_registry(),
        keyring=None,
        decide=lambda label: Decision(
            mask=Mask(name="scan" if label.entity == JSON else "redact"), rule="a test"
        ),
    )

    after = masking.mask(column, label=label, mask=SCAN).to_pylist()

    assert after == [['{"a":"[EMAIL_ADDRESS]"}']]


# ---- engines -------------------------------------------------------------------------------------

POLICY = """
version: 1
keys: {file: keyring.json}
sources: {db: {url: "URL"}}
labels:
  db:
    SCHEMA.t: {id: PUBLIC, mails: EMAIL_ADDRESS, notes: FREE_TEXT}
"""


def session_on(url, schema, folder, more=""):
    Keyring.generate().save(folder / "keyring.json")
    text = POLICY.replace("URL", url).replace("SCHEMA", schema)
    (folder / "policy.yaml").write_text(text + more)
    return maskline.connect(policy=folder / "policy.yaml")


def test_duckdb_masks_the_leaves_of_lists_structs_and_maps(tmp_path):
    with duckdb.connect(str(tmp_path / "t.duckdb")) as link:
        link.execute(
            """
            CREATE TABLE t (id INT, mails VARCHAR[], notes VARCHAR[],
              doc STRUCT(buyer STRUCT(ssn VARCHAR), note VARCHAR));
            INSERT INTO t VALUES
              (1, ['ada@x.org', NULL], ['hello', 'ask ada@x.org'],
               {'buyer': {'ssn': 'secret'}, 'note': 'ask ada@x.org'}),
              (2, [], NULL, NULL)
            """
        )
    more = """    main.t.doc: {$.buyer.ssn: US_SSN}
masks: {US_SSN: redact}
"""
    url = f"duckdb:///{tmp_path}/t.duckdb"
    with session_on(url, "main", tmp_path, more) as session:
        plain = session.query("SELECT mails, notes, doc FROM t ORDER BY id")
        joined = session.query("SELECT mails, len(notes) AS n, notes[1] AS one FROM t ORDER BY id")

    first, second = plain
    token = first["mails"][0]
    assert is_token_text(token)
    assert first["mails"] == [token, None]
    assert first["notes"] == ["hello", f"ask {token}"]
    assert first["doc"] == {"buyer": {"ssn": "[US_SSN]"}, "note": f"ask {token}"}
    assert second == {"mails": [], "notes": None, "doc": None}
    assert [row["mails"] for row in joined] == [first["mails"], []]
    assert [row["one"] for row in joined] == ["hello", None]


def test_postgres_masks_arrays(tmp_path, new_postgres_url, postgres_run):
    url = new_postgres_url()
    postgres_run(
        url,
        "CREATE TABLE t (id int, mails text[], notes text[]);"
        "INSERT INTO t VALUES (1, '{ada@x.org,NULL}', '{hello,ask ada@x.org}'), (2, '{}', NULL)",
    )
    with session_on(url, "public", tmp_path) as session:
        plain = list(session.query("SELECT mails, notes FROM t ORDER BY id"))
        local = list(session.query("SELECT notes, upper(mails::text) AS u FROM t ORDER BY id"))

    assert "ada" not in str(plain)
    assert "ADA" not in str(local)
    assert "hello" in plain[0]["notes"]
    assert plain[1]["notes"] is None
