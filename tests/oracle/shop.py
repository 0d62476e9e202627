"""The database that the oracles ask: five related tables, two views, nulls everywhere.

Twin worlds differ in nothing but the plaintext of sensitive cells. This module knows SQL's CREATE
and INSERT in three dialects, and the policy that masks the shop. It does not know maskline's code,
or queries.
"""

# ruff: noqa: S311 - a chance that can be repeated

import datetime as dt
import json
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

__all__ = [
    "TABLES",
    "VIEWS",
    "Column",
    "definitions",
    "inserted",
    "labels",
    "raw_values",
    "statements",
]

PEOPLE: Final = 24
_ROWS: Final = 500


class Column(NamedTuple):
    """A column: its name, the class of its type, and its entity, empty if it is public."""

    name: str
    kind: str
    entity: str = ""


EMAIL: Final = "EMAIL_ADDRESS"

TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "people": (
        Column("id", "int"),
        Column("name", "text", "PERSON"),
        Column("email", "text", EMAIL),
        Column("ssn", "text", "US_SSN"),
        Column("ssn_num", "big", "US_SSN"),
        Column("phone", "text", "PHONE_NUMBER"),
        Column("born", "date", "DATE_OF_BIRTH"),
        Column("tier", "text"),
        Column("age", "int"),
        Column("boss", "int"),
        Column("notes", "text", "FREE_TEXT"),
        Column("pin", "text", "PASSWORD"),
    ),
    "orders": (
        Column("oid", "int"),
        Column("person", "int"),
        Column("buyer", "text", EMAIL),
        Column("item", "int"),
        Column("amount", "num"),
        Column("placed", "date"),
        Column("status", "text"),
    ),
    "items": (
        Column("item", "int"),
        Column("title", "text"),
        Column("price", "num"),
        Column("seller", "text", EMAIL),
        Column("stock", "int"),
    ),
    "visits": (
        Column("vid", "int"),
        Column("person", "int"),
        Column("ssn", "text", "US_SSN"),
        Column("phone", "text", "PHONE_NUMBER"),
        Column("seen", "date"),
        Column("score", "int"),
        Column("comment", "text", "FREE_TEXT"),
    ),
    "events": (
        Column("eid", "int"),
        Column("kind", "text"),
        Column("email", "text", EMAIL),
        Column("doc", "json", "JSON"),
    ),
}
"""The first column of each table is its key."""

VIEWS: Final[dict[str, tuple[str, tuple[Column, ...]]]] = {
    "contacts": (
        "SELECT id, email AS mail, ssn AS code, tier, ssn_num AS mark FROM people",
        (
            Column("id", "int"),
            Column("mail", "text", EMAIL),
            Column("code", "text", "US_SSN"),
            Column("tier", "text"),
            Column("mark", "big", "US_SSN"),
        ),
    ),
    "turned": (
        (
            "SELECT p.id, upper(p.email) AS loud, substr(p.ssn, 1, 5) AS head, "
            "length(p.name) AS len, p.age FROM people AS p WHERE p.tier <> 'basic'"
        ),
        (
            Column("id", "int"),
            Column("loud", "text"),
            Column("head", "text"),
            Column("len", "int"),
            Column("age", "int"),
        ),
    ),
}

_PATHS: Final = "{$.who.email: EMAIL_ADDRESS, $.phone: PHONE_NUMBER, $.n: PUBLIC, $.lang: PUBLIC}"
_FIRST: Final = (("Zelda", "Quentin", "Ottoline"), ("Bo", "Clementina", "Ygritte"))
_LAST: Final = (("Quark", "Featherstone", "Oblonsky"), ("Xu", "Ashworth", "Middlebrook"))


class _Person:
    """The values of somebody, in world 0 or in world 1: other letters, lengths and orders."""

    def __init__(self, number: int, world: int) -> None:
        n = (number, 7 * (PEOPLE - number) + 3)[world]
        first, last = _FIRST[world][n % 3], _LAST[world][n % 3]
        self.name = f"{first} {last} {chr(65 + number)}"
        host = ("example.com", "mail.example.org")[world]
        self.email = f"{first}.{last}{n:0{2 + world}}@{host}".lower()
        self.ssn = f"{536 + n % 300}-{10 + (n * 7) % 80}-{1399 + n * 3}"
        self.ssn_num = int(self.ssn.replace("-", ""))
        self.phone = f"+1 {(202, 303)[world]} 555 {1000 + n * 13}"
        self.born = dt.date(1950 + 3 * world, 1, 1) + dt.timedelta(days=37 * n + 11)
        self.pin = f"{('tango', 'fox')[world]}{n * 31}"


def statements(engine: str, world: int) -> list[str]:
    """Return the statements that make and fill the shop."""
    content = _content([_Person(number, world) for number in range(PEOPLE)])
    fill = [each for name, rows in content.items() for each in inserted(name, rows)]
    return [*definitions(engine), *fill]


def raw_values(world: int) -> dict[str, list[str]]:
    """Return every sensitive value, by entity."""
    everybody = [_Person(number, world) for number in range(PEOPLE)]
    return {
        "PERSON": [p.name for p in everybody],
        EMAIL: [p.email for p in everybody],
        "US_SSN": [value for p in everybody for value in (p.ssn, str(p.ssn_num))],
        "PHONE_NUMBER": [p.phone for p in everybody],
        "DATE_OF_BIRTH": [str(p.born) for p in everybody],
        "PASSWORD": [p.pin for p in everybody],
    }


def definitions(engine: str) -> list[str]:
    """Return the statements that make empty tables, and the views."""
    types = {
        "int": "INTEGER",
        "big": "BIGINT",
        "text": "VARCHAR(200)",
        "num": "DECIMAL(12, 2)",
        "date": "DATE",
        "json": "JSONB" if engine == "postgres" else "JSON",
    }
    tables = []
    for name, columns in TABLES.items():
        key, *others = (f"{column.name} {types[column.kind]}" for column in columns)
        tables.append(f"CREATE TABLE {name} ({', '.join([f'{key} PRIMARY KEY', *others])})")
    # An index tempts an engine to read rows in the order of raw values.
    tables.append("CREATE INDEX people_by_email ON people (email)")
    return tables + [f"CREATE VIEW {name} AS {sql}" for name, (sql, _) in VIEWS.items()]


def inserted(table: str, rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the statements that fill a table; a single one for many rows would be slow."""
    lines = [f"({', '.join(map(_literal, row))})" for row in rows]
    return [
        f"INSERT INTO {table} VALUES {', '.join(lines[start : start + _ROWS])}"
        for start in range(0, len(lines), _ROWS)
    ]


def _literal(value: object) -> str:
    """Return a value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, int | float | Decimal):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def labels(schema: str) -> str:
    """Return ``labels:`` and ``masks:`` of a policy for a source called ``shop``."""
    lines = []
    for name, columns in TABLES.items():
        named = (f"{c.name}: {c.entity or 'PUBLIC'}" for c in columns if c.kind != "json")
        lines.append(f"    {schema}.{name}: {{{', '.join(named)}}}")
    return "\n".join(
        [
            "labels:",
            "  shop:",
            *lines,
            f"    {schema}.events.doc: {_PATHS}",
            "masks:",
            "  PHONE_NUMBER: {partial: {last: 4}}",
            "  PASSWORD: redact",
            "",
        ]
    )


def _content(everybody: list[_Person]) -> dict[str, list[list[object]]]:
    """Return all rows. Chance falls the same in each world: it never looks at a value."""
    chance = random.Random(20)

    def some(value: object, odds: float = 0.15) -> object:
        return None if chance.random() < odds else value

    def anybody() -> _Person:
        return everybody[chance.randrange(len(everybody))]

    def day() -> dt.date:
        return dt.date(2026, 1, 1) + dt.timedelta(days=chance.randrange(120))

    def cents(most: int) -> Decimal:
        # Quarters, so that the sums of an engine that adds doubles are exact.
        return Decimal(chance.randrange(4 * most)) / 4

    def free() -> str:
        p, kind = anybody(), chance.randrange(3)
        return ("came late", f"write to {p.email} soon", f"mail {p.email}, parcel 7")[kind]

    def doc() -> str:
        p, number = anybody(), chance.randrange(9)
        whole = {"who": {"email": some(p.email)}, "phone": p.phone, "n": number, "lang": "en"}
        if chance.random() < 0.3:
            del whole["phone"]
        return json.dumps(whole)

    people: list[list[object]] = []
    for number, p in enumerate(everybody):
        twin = everybody[number // 2] if number % 5 == 4 else p
        row = [p.name, p.email, twin.ssn, twin.ssn_num, p.phone, p.born]
        tier = chance.choice(["gold", "silver", "basic"])
        public = [some(tier), some(20 + chance.randrange(40)), some(chance.randrange(PEOPLE))]
        people.append([number, *map(some, row), *public, some(free()), some(p.pin)])
    return {
        "people": people,
        "orders": [
            [
                number,
                some(chance.randrange(PEOPLE + 3)),
                some(anybody().email),
                some(chance.randrange(12)),
                some(cents(200)),
                some(day()),
                some(chance.choice(["open", "paid", "sent"])),
            ]
            for number in range(40)
        ],
        "items": [
            [
                number,
                chance.choice(["pen", "ink", "red lamp", "Lamp", "50% off_box"]),
                some(cents(90)),
                some(anybody().email),
                some(chance.randrange(30)),
            ]
            for number in range(10)
        ],
        "visits": [
            [
                number,
                some(chance.randrange(PEOPLE)),
                some(anybody().ssn),
                some(anybody().phone),
                some(day()),
                some(chance.randrange(10)),
                some(free()),
            ]
            for number in range(30)
        ],
        "events": [
            [number, chance.choice(["in", "out"]), some(anybody().email), some(doc())]
            for number in range(16)
        ],
    }
