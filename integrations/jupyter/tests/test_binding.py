"""Values of a notebook in SQL: bound where they are named, and nowhere else."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maskline import UsageError
from maskline_jupyter.binding import bind, typed

DIALECTS = ("duckdb", "postgres", "sqlite")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("SELECT :a", "SELECT 1"),
        ("SELECT  :a ,:b--:a\n", "SELECT  1 ,'x'--:a\n"),
        ("SELECT :a::text", "SELECT 1::text"),
        ("a IN :l", "a IN (1, 2)"),
        ("a NOT IN (:l)", "a NOT IN (1, 2)"),
        ("a IN ( :l )", "a IN ( 1, 2 )"),
        ("a IN (:a, :b)", "a IN (1, 'x')"),
        ("SELECT ':a', \":a\", /* :a */ 1 -- :a", "SELECT ':a', \":a\", /* :a */ 1 -- :a"),
        ("SELECT '{{t}}', \"{{t}}\"", "SELECT '{{t}}', \"{{t}}\""),
        ("SELECT * FROM {{t}}", 'SELECT * FROM "my ""table"'),
        ("SELECT x::int, a:b", "SELECT x::int, a:b"),
        ("CASE WHEN x THEN :a ELSE :b END", "CASE WHEN x THEN 1 ELSE 'x' END"),
        ("SELECT 'é', :a", "SELECT 'é', 1"),
        ("SELECT 'it''s :a', :a", "SELECT 'it''s :a', 1"),
        ("SELECT :'a', :\"a\", : a, :1", "SELECT :'a', :\"a\", : a, :1"),
        ("x = - :n", "x = - (-5)"),
        ("SELECT 'open", "SELECT 'open"),
    ],
)
def test_values_stand_where_they_are_named(sql: str, bound: str, dialect: str) -> None:
    values = {"a": 1, "b": "x", "l": [1, 2], "t": 'my "table', "n": -5}

    assert bind(sql, values, dialect=dialect) == bound


@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("SELECT {'k': :a, 'l':a}", "SELECT {'k': 1, 'l':a}"),
        ("SELECT {'k':a}", "SELECT {'k':a}"),
        ("SELECT MAP {:a: :b}", "SELECT MAP {1: 'x'}"),
        ("SELECT x[1:a], x[:a], x[b:], x[a:b]", "SELECT x[1:a], x[:a], x[b:], x[a:b]"),
        ("SELECT [:a, :b], f(x)[:a]", "SELECT [1, 'x'], f(x)[:a]"),
        ("SELECT $$:a$$, $t$ :a $t$, E'\\':a'", "SELECT $$:a$$, $t$ :a $t$, E'\\':a'"),
        ("SELECT lambda x: :a", "SELECT lambda x: 1"),
        ("SELECT a: 1, {'x': {'y': 1}}", "SELECT a: 1, {'x': {'y': 1}}"),
    ],
)
def test_colons_of_duckdb_are_left_alone(sql: str, bound: str) -> None:
    assert bind(sql, {"a": 1, "b": "x"}, dialect="duckdb") == bound


@pytest.mark.parametrize("dialect", DIALECTS)
@given(sql=st.text())
@example(sql="SELECT '{# #}{% x %}', 1 << 2, 'a  b' ;")
def test_without_names_nothing_changes(dialect: str, sql: str) -> None:
    sql = sql.replace(":", "").replace("{{", "")

    assert bind(sql, {}, dialect=dialect) == sql


TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))


@given(value=TEXTS)
@example(value="'; DROP TABLE x; --")
@example(value="\\' OR 1=1 --")
def test_texts_arrive_as_they_are(value: str) -> None:
    with duckdb.connect() as duck, sqlite3.connect(":memory:") as lite:
        found = duck.execute(bind("SELECT :v", {"v": value}, dialect="duckdb")).fetchone()
        also = lite.execute(bind("SELECT :v", {"v": value}, dialect="sqlite")).fetchone()
    lite.close()

    assert found == also == (value,)


VALUES = [
    None, True, False, 0, -7, 2**63 - 1, 1.5, -2e-9, Decimal("1.50"), Decimal(-3), b"\x00\xff'",
    date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, 678), time(3, 4, 5),  # noqa: DTZ001
    UUID(int=7), np.int64(3), np.float64(2.5), np.str_("x'y"), np.bool_(True), "a\nb",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_of_every_type_are_equal_to_themselves_in_duckdb(value: object) -> None:
    with duckdb.connect() as duck:
        given_ = value.item() if isinstance(value, np.generic) else value
        sql = bind("SELECT :v IS NOT DISTINCT FROM $1", {"v": value}, dialect="duckdb")
        assert duck.execute(sql, [given_]).fetchone() == (True,)


def test_times_and_bytes_are_literals_of_each_dialect() -> None:
    values = {"d": datetime(2026, 1, 2, tzinfo=UTC), "b": b"\x01"}
    sql = "SELECT :d, :b"

    assert [bind(sql, values, dialect=dialect) for dialect in DIALECTS] == [
        "SELECT CAST('2026-01-02 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE), unhex('01')",
        "SELECT CAST('2026-01-02 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE), decode('01', 'hex')",
        "SELECT '2026-01-02 00:00:00+00:00', X'01'",
    ]


def test_finest_times_of_numpy_are_no_bare_numbers() -> None:
    value = np.datetime64("2026-01-02T03:04:05.123456789", "ns")

    assert "2026-01-02 03:04:05.123456" in bind(":v", {"v": value}, dialect="duckdb")


@pytest.mark.parametrize(
    "listed",
    [
        ("a", "b"),
        np.array(["a", "b"]),
        pa.chunked_array([pa.array(["a", "b"])]),
        lambda: __import__("pandas").Series(["a", "b"]),
        lambda: __import__("polars").Series(["a", "b"]),
    ],
)
def test_lists_of_every_kind_expand(listed: object) -> None:
    values = {"l": listed() if callable(listed) else listed}

    assert bind("x IN :l", values, dialect="duckdb") == "x IN ('a', 'b')"


@pytest.mark.parametrize(
    ("sql", "values", "words"),
    [
        ("SELECT :floor", {"flor": 1}, "Did you mean flor?"),
        ("SELECT :floor", {}, "--param floor=VALUE"),
        ("x = :l", {"l": [1]}, "a list can only stand after IN"),
        ("x IN :l", {"l": []}, "empty list"),
        ("x IN :l", {"l": [[1]]}, "type list"),
        ("SELECT :v", {"v": object()}, "type object"),
        ("SELECT :v", {"v": float("nan")}, "type float"),
        ("SELECT :v", {"v": 2**63}, "larger than"),
        ("SELECT :v", {"v": "a\0b"}, "a character that a database cannot hold"),
        ("SELECT :v", {"v": "\ud800"}, "a character that a database cannot hold"),
        ("SELECT :v", {"v": {"a": "secret"}}, "type dict"),
        ("SELECT {{v}}", {"v": 1}, "the name of a table or a column"),
        ("SELECT {{v}}", {"v": ""}, "the name of a table or a column"),
        ("SELECT {{v}}", {"v": "a\nb"}, "the name of a table or a column"),
    ],
)
def test_what_cannot_be_bound_is_refused(sql: str, values: dict, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        bind(sql, values, dialect="duckdb")

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_day_that_is_none_is_refused() -> None:
    import pandas as pd

    with pytest.raises(UsageError, match="NaTType"):
        bind(":v", {"v": pd.NaT}, dialect="duckdb")


def test_parameters_are_numbers_where_they_are_written_as_such() -> None:
    assert [typed(text) for text in ("5", "-2", "2.50", "007", "1e5", "", "x")] == [
        5, -2, Decimal("2.50"), "007", "1e5", "", "x",
    ]  # fmt: skip


def test_values_arrive_in_postgres(
    new_postgres_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    import maskline

    folder = tmp_path_factory.mktemp("postgres")
    (folder / "policy.yaml").write_text(
        f"version: 1\nsources: {{db: {{url: '{new_postgres_url()}'}}}}\naudit: {{path: audit}}\n"
    )
    text = "\\' ; -- \N{SNOWMAN} $$ E'"
    values = {"t": text, "b": b"\x00'", "d": date(2026, 1, 2), "n": -3, "l": ["x", text]}
    sql = "SELECT :t AS t, :b AS b, :d AS d, - :n AS n, :t IN :l AS i"

    with maskline.connect(policy=folder / "policy.yaml") as session:
        [row] = session.query(bind(sql, values, dialect="postgres"))

    assert row == {"t": text, "b": b"\x00'", "d": date(2026, 1, 2), "n": 3, "i": True}
