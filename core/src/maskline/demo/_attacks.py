"""Tries attacks on a database, and looks closely at what each of them got.

This module knows what the raw values are, and the same SQL on a copy that holds masks only. It
gives away numbers, and whether two answers are equal.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from maskline.demo._hunt import occurrences
from maskline.demo._places import Place
from maskline.demo._questions import ANALYST
from maskline.demo._story import Answer, Attack, Column, Question, ask
from maskline.session import connect

if TYPE_CHECKING:
    import duckdb

__all__ = ["attempts"]


def attempts(
    place: Place, attacks: Iterable[Question], columns: Sequence[Column], *, values: set[str]
) -> Iterator[Attack]:
    """Try attacks, one after the other.

    Args:
        place: What is attacked. Of the shop, a masked copy is made in memory, to compare with.
        attacks: What to try.
        columns: All columns of the database.
        values: Raw values that no answer may hold.
    """
    if not place.is_shop:
        yield from (_tried(place, attack, values=values) for attack in attacks)
        return
    with _masked_copy(place, columns) as copy:
        yield from (_tried(place, attack, values=values, copy=copy) for attack in attacks)


def _tried(
    place: Place,
    attack: Question,
    *,
    values: set[str],
    copy: "duckdb.DuckDBPyConnection | None" = None,
) -> Attack:
    happened = ask(place.policy, place.name, attack)
    if not isinstance(happened, Answer):
        return Attack(happened=happened)
    rows = happened.rows
    return Attack(
        happened=happened,
        found=occurrences(values, (str(cell) for row in rows for cell in row)),
        is_copy=None if copy is None else _is_same(attack.sql, rows, copy),
    )


def _is_same(
    sql: str, rows: Sequence[tuple[object, ...]], copy: "duckdb.DuckDBPyConnection"
) -> bool:
    """Whether a query gives these rows on the copy, in this order if it asks for one."""
    there = copy.execute(sql).fetchall()
    return list(rows) == there if "ORDER BY" in sql else Counter(rows) == Counter(there)


@contextmanager
def _masked_copy(place: Place, columns: Sequence[Column]) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Give a database in memory that holds what an ordinary person sees of each table."""
    import duckdb

    with (
        connect(
            place.name, policy=place.policy, principal=ANALYST, purpose="masked copy"
        ) as session,
        duckdb.connect() as copy,
    ):
        for _, relation in dict.fromkeys(column.ref[:2] for column in columns):
            masked = session.query(f"SELECT * FROM {relation}").table  # noqa: S608 - of our shop
            copy.register("masked", masked)
            copy.execute(f"CREATE TABLE {relation} AS SELECT * FROM masked")  # noqa: S608
            copy.unregister("masked")
        yield copy
