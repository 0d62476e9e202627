import datetime as dt
import decimal
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline.errors import UsageError
from maskline_airflow.binding import bind


@pytest.mark.parametrize(
    ("dialect", "sql", "parameters", "bound"),
    [
        ("postgres", "a = %s AND b LIKE 'x%%' AND c = '%s'", ["o'k"],
         "a = 'o''k' AND b LIKE 'x%' AND c = '%s'"),
        ("postgres", "a = %(x)s OR b = %(x)s AND 5 %% 2 = 1", {"x": 1},
         "a = 1 OR b = 1 AND 5 % 2 = 1"),
        ("postgres", "a = $q$ %s $q$ -- %s\n OR b = %s /* %s */", [None],
         "a = $q$ %s $q$ -- %s\n OR b = NULL /* %s */"),
        ("postgres", "a = '%s'", None, "a = '%s'"),
        ("sqlite", "a = ? AND b = '?' AND \"?\" = ?", [True, 2.5],
         "a = TRUE AND b = '?' AND \"?\" = 2.5"),
        ("sqlite", "a = :x AND t = '12:00'", {"x": dt.date(2026, 1, 2)},
         "a = '2026-01-02' AND t = '12:00'"),
        ("duckdb", "a = $x AND b::int = 1", {"x": decimal.Decimal("1.50")},
         "a = 1.50 AND b::int = 1"),
        ("duckdb", "a > ?", [dt.datetime(2026, 1, 2, 3)], "a > '2026-01-02 03:00:00'"),  # noqa: DTZ001
    ],
)  # fmt: skip
def test_places_are_filled(dialect: str, sql: str, parameters: Any, bound: str) -> None:
    assert bind(sql, parameters, dialect=dialect) == bound


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("a = ?", [1, 2]),
        ("a = ? AND b = ?", [1]),
        ("a = :x", {"y": 1}),
        ("a = ?", [object()]),
        ("a = ?", [float("nan")]),
        ("a = ?", ["nul\0"]),
        ("a IN ?", [[1, 2]]),
    ],
)
def test_what_does_not_match_is_refused(sql: str, parameters: Any) -> None:
    with pytest.raises(UsageError):
        bind(sql, parameters, dialect="sqlite")


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.integers(-(2**60), 2**60),
)
def test_texts_and_numbers_arrive_as_they_are(text: str, number: int) -> None:
    with sqlite3.connect(":memory:") as connection:
        row = connection.execute(bind("SELECT ?, ?", [text, number], dialect="sqlite")).fetchone()
    connection.close()

    assert row == (text, number)
