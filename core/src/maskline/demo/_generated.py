"""Questions and attacks for a database that nobody described to us.

They come from the catalogue and the labels alone. Each question is planned first, and one that
would be refused gives way to the next. This module knows catalogues and SQL in general.
"""

# ruff: noqa: S608 - names are quoted, and the guard reads what comes of it

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, groupby
from typing import Final

from maskline.demo._questions import AGENT, ANALYST
from maskline.demo._story import Column, Question
from maskline.model import Principal

__all__ = ["EXPORTER", "own_attacks", "own_questions"]

EXPORTER: Final = Principal(kind="service", id="exporter")

_WIDTH: Final = 6
_TEXTS: Final = ("VARCHAR", "TEXT", "CHAR", "NVARCHAR")
_LOOK: Final = "look around"

Explains = Callable[[Question], bool]
"""Whether a question would be answered."""


Shares = Callable[[Column, Column], int]
"""How many values two columns share, as far as one can see."""


def own_questions(
    columns: Sequence[Column], *, explains: Explains, shares: Shares
) -> list[Question]:
    """Return up to five questions that would be answered; a join is the second if there is one."""
    groups = (
        _looks(columns),
        _joins(columns, shares),
        _counts(columns),
        _texts(columns),
        _agents(columns),
    )
    found = []
    for candidates in groups:
        chosen = next((each for each in candidates if explains(each)), None)
        if chosen is not None:
            found.append(chosen)
    return found or list(filter(explains, _sizes(columns)))[:1]


def own_attacks(columns: Sequence[Column]) -> list[Question]:
    """Return questions that would give away what is masked, if they ran on raw values."""
    attacks = []
    for column in [column for column in columns if _is_text(column) and column.is_masked][:1]:
        name, table = _quoted(column.ref.column), _table(column)
        attacks += [
            _attack(
                "Cut off a piece",
                "A piece of a value is a part of what it tells.",
                f"SELECT substr({name}, 1, 9) AS piece\nFROM {table}\nLIMIT 50",
            ),
            _attack(
                "Walk along the alphabet",
                "Each LIKE halves what a value can be.",
                f"SELECT count(*) AS hits\nFROM {table}\nWHERE {name} LIKE 'a%'",
            ),
            _attack(
                "Sort by it",
                "The order of rows tells the order of the values.",
                f"SELECT {name}\nFROM {table}\nORDER BY {name}\nLIMIT 50",
            ),
            Question(
                title="Give no reason",
                why="The policy wants a purpose from programs that act on their own.",
                who=AGENT,
                purpose="",
                sql=f"SELECT count(*) FROM {table}",
            ),
        ]
    return attacks


def _tables(columns: Sequence[Column]) -> list[list[Column]]:
    """Return the columns of each table, those with the most masked columns first."""
    tables = [list(group) for _, group in groupby(columns, key=lambda column: column.ref[:2])]
    return sorted(tables, key=lambda table: -sum(column.is_masked for column in table))


def _sizes(columns: Sequence[Column]) -> Iterator[Question]:
    for table in _tables(columns):
        yield Question(
            title=f"How large is {table[0].ref.relation}?",
            why="There is nothing to protect, so there is nothing to mask.",
            who=ANALYST,
            purpose=_LOOK,
            sql=f"SELECT count(*) AS n\nFROM {_table(table[0])}",
        )


def _looks(columns: Sequence[Column]) -> Iterator[Question]:
    for table in _tables(columns):
        chosen = sorted(table, key=lambda column: not column.is_masked)[:_WIDTH]
        if not chosen[0].is_masked:
            return
        names = ", ".join(_quoted(c.ref.column) for c in table if c in chosen)
        yield Question(
            title=f"What is in {table[0].ref.relation}?",
            why="The table with the most sensitive columns, as an ordinary person sees it.",
            who=ANALYST,
            purpose=_LOOK,
            sql=f"SELECT {names}\nFROM {_table(table[0])}\nLIMIT 100",
        )


def _joins(columns: Sequence[Column], shares: Shares) -> Iterator[Question]:
    tokens = combinations(filter(_is_token, columns), 2)
    pairs = [
        (one, two)
        for one, two in tokens
        if one.label.entity == two.label.entity and one.ref[:2] != two.ref[:2] and shares(one, two)
    ]
    for one, two in sorted(pairs, key=lambda pair: -shares(*pair)):
        yield _join(one, two, "Two tables are joined by tokens: equal values have equal ones.")
    keys = [column for column in columns if not column.is_masked and "INT" in column.type.upper()]
    for one, two in combinations(keys, 2):
        if one.ref[:2] != two.ref[:2] and _is_key(one, two):
            yield _join(one, two, "Two tables are joined by a key, which needs no mask.")


def _is_key(one: Column, two: Column) -> bool:
    """Whether one column looks like a reference to the other's table."""
    first, second = one.ref.column.lower(), two.ref.column.lower()
    if first == second and first.endswith("id") and first != "id":
        return True
    pairs = ((first, two), (second, one))
    return any(
        name == f"{other.ref.relation.lower().removesuffix('s')}_id"
        and other.ref.column.lower() == "id"
        for name, other in pairs
    )


def _join(one: Column, two: Column, why: str) -> Question:
    return Question(
        title=f"How do {one.ref.relation} and {two.ref.relation} belong together?",
        why=why,
        who=ANALYST,
        purpose=_LOOK,
        sql=f"SELECT count(*) AS pairs\nFROM {_table(one)} AS a\n"
        f"JOIN {_table(two)} AS b ON a.{_quoted(one.ref.column)} = b.{_quoted(two.ref.column)}",
    )


def _counts(columns: Sequence[Column]) -> Iterator[Question]:
    for column in filter(_is_token, columns):
        name, table = _quoted(column.ref.column), _table(column)
        for order in ("\nORDER BY n DESC\nLIMIT 50", ""):
            yield Question(
                title=f"How often does each {column.ref.column} occur?",
                why="Tokens group as their values do. This is also what they give away.",
                who=EXPORTER,
                purpose=_LOOK,
                sql=f"SELECT {name}, count(*) AS n\nFROM {table}\nGROUP BY {name}{order}",
            )


def _texts(columns: Sequence[Column]) -> Iterator[Question]:
    for column in columns:
        if column.label.entity in {"FREE_TEXT", "JSON"}:
            yield Question(
                title=f"What is written in {column.ref.relation}.{column.ref.column}?",
                why="The text is searched for what the detectors know. The rest can be read.",
                who=ANALYST,
                purpose=_LOOK,
                sql=f"SELECT {_quoted(column.ref.column)}\nFROM {_table(column)}\nLIMIT 50",
            )


def _agents(columns: Sequence[Column]) -> Iterator[Question]:
    for question in _looks(columns):
        yield Question(
            title="The same, for a program",
            why="A rule of the policy gives agents not even a token.",
            who=AGENT,
            purpose="demonstration",
            sql=question.sql,
        )


def _is_text(column: Column) -> bool:
    return column.type.upper().startswith(_TEXTS)


def _is_token(column: Column) -> bool:
    mask = column.decision.mask
    return mask is not None and mask.name == "token" and _is_text(column)


def _attack(title: str, why: str, sql: str) -> Question:
    return Question(title=title, why=why, who=ANALYST, purpose=_LOOK, sql=sql)


def _table(column: Column) -> str:
    return f"{_quoted(column.ref.schema)}.{_quoted(column.ref.relation)}"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
