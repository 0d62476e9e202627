"""Databases full of canaries, and the policy over them.

This module knows SQL's CREATE and INSERT in three dialects. It does not know attacks.
"""

# ruff: noqa: S608 - all of it is made here

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from maskline.errors import UsageError
from maskline.redteam._people import Person

__all__ = ["HELD", "LABELS", "definitions", "fill", "opened"]


def definitions(engine: str, everybody: list[Person]) -> list[str]:
    """Return the statements that make a world, for an engine."""
    array = {"duckdb": "VARCHAR[]", "postgres": "TEXT[]"}.get(engine)
    kind = "JSONB" if engine == "postgres" else "JSON"
    date = "TEXT" if engine == "sqlite" else "DATE"
    tags = f", tags {array}" if array else ""
    rows = []
    for p in everybody:
        cells = [
            str(p.id),
            *(
                "'" + text.replace("'", "''") + "'"
                for text in (p.full_name, p.email, p.ssn, p.phone, str(p.born), p.country, p.tier)
            ),
            str(p.ssn_num),
            f"'{p.profile}'",
            f"'{p.notes}'",
        ]
        if array:
            cells.append(f"ARRAY['{p.ssn}', '{p.tier}']")
        rows.append(f"({', '.join(cells)})")
    orders = ", ".join(
        f"({i}, {p.id}, '{p.email}', '{p.ssn}', {i * 10}.5, 'item {i % 4}', '2026-0{i % 9 + 1}-15')"
        for i in range(3 * len(everybody))
        for p in [everybody[i * 5 % len(everybody)]]
    )
    return [
        (
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, full_name TEXT, email TEXT, ssn TEXT, "
            f"phone TEXT, born {date}, country TEXT, tier TEXT, ssn_num BIGINT, profile {kind}, "
            f"notes TEXT{tags})"
        ),
        f"INSERT INTO customers VALUES {', '.join(rows)}",
        (
            "CREATE TABLE orders (oid INTEGER, cid INTEGER, email TEXT, ssn TEXT, "
            f"total DOUBLE PRECISION, item TEXT, placed {date})"
        ),
        f"INSERT INTO orders VALUES {orders}",
        "CREATE VIEW renamed AS SELECT id, ssn AS code, email AS contact FROM customers",
        "CREATE VIEW nested AS SELECT code AS inner_code, id FROM renamed",
        (
            "CREATE VIEW joined AS SELECT c.id, o.ssn AS other FROM customers AS c "
            "JOIN orders AS o ON o.cid = c.id"
        ),
        "CREATE VIEW filtered AS SELECT id, country FROM customers WHERE ssn LIKE '5%'",
        "CREATE VIEW sorted AS SELECT id FROM customers ORDER BY ssn LIMIT 5",
        *_OWN[engine],
    ]


_OWN: Final = {
    "duckdb": [
        "CREATE VIEW turned AS SELECT id, reverse(ssn) AS code FROM customers",
        "CREATE MACRO ssn_of(i) AS (SELECT c.ssn FROM customers AS c WHERE c.id = i)",
        "CREATE MACRO everybody() AS TABLE SELECT id, ssn AS code FROM customers",
        "CREATE MACRO scale(i) AS (SELECT c.ssn FROM customers AS c WHERE c.id = i)",
        "CREATE VIEW by_macro AS SELECT o.id, ssn_of(o.id) AS code FROM customers AS o",
        "CREATE TABLE made (id INTEGER, ssn TEXT, tail TEXT GENERATED ALWAYS AS (reverse(ssn)))",
        "INSERT INTO made (id, ssn) SELECT id, ssn FROM customers",
        "CREATE SEQUENCE counter",
    ],
    "sqlite": [
        "CREATE VIEW turned AS SELECT id, hex(ssn) AS code FROM customers",
        "CREATE TABLE made (id INTEGER, ssn TEXT, tail TEXT AS (hex(ssn)) VIRTUAL)",
        "INSERT INTO made (id, ssn) SELECT id, ssn FROM customers",
        "CREATE VIRTUAL TABLE search USING fts5(body)",
        "INSERT INTO search SELECT notes FROM customers",
    ],
    "postgres": [
        "CREATE VIEW turned AS SELECT id, reverse(ssn) AS code FROM customers",
        (
            "CREATE FUNCTION ssn_of(i INTEGER) RETURNS TEXT LANGUAGE sql STABLE SECURITY DEFINER "
            "AS 'SELECT ssn FROM customers WHERE id = i'"
        ),
        (
            "CREATE FUNCTION everybody() RETURNS SETOF customers LANGUAGE sql STABLE "
            "AS 'SELECT * FROM customers'"
        ),
        (
            "CREATE FUNCTION scale(i INTEGER) RETURNS TEXT LANGUAGE sql STABLE "
            "AS 'SELECT ssn FROM customers WHERE id = i'"
        ),
        (
            "CREATE FUNCTION same(a TEXT, b TEXT) RETURNS BOOLEAN LANGUAGE sql STABLE "
            "AS 'SELECT EXISTS (SELECT FROM customers WHERE ssn = a)'"
        ),
        "CREATE OPERATOR === (LEFTARG = TEXT, RIGHTARG = TEXT, FUNCTION = same)",
        "CREATE VIEW by_macro AS SELECT id, ssn_of(id) AS code FROM customers",
        (
            "CREATE TABLE made (id INTEGER, ssn TEXT, "
            "tail TEXT GENERATED ALWAYS AS (reverse(ssn)) STORED)"
        ),
        "INSERT INTO made (id, ssn) SELECT id, ssn FROM customers",
        "CREATE SEQUENCE counter",
        "COMMENT ON COLUMN customers.ssn IS 'such as 573-17-1402'",
        "ANALYZE",
    ],
}

LABELS: Final = """
    {schema}.customers:
      {{id: PUBLIC, country: PUBLIC, tier: PUBLIC, full_name: PERSON, email: EMAIL_ADDRESS,
       ssn: US_SSN, ssn_num: US_SSN, phone: PHONE_NUMBER, born: DATE_OF_BIRTH, notes: FREE_TEXT}}
    {schema}.customers.profile: {{$.phone: PHONE_NUMBER, $.lang: PUBLIC}}
    {schema}.orders:
      {{oid: PUBLIC, cid: PUBLIC, email: EMAIL_ADDRESS, ssn: US_SSN, total: PUBLIC, item: PUBLIC,
       placed: PUBLIC}}
    {schema}.renamed: {{id: PUBLIC}}
    {schema}.nested: {{id: PUBLIC}}
    {schema}.joined: {{id: PUBLIC}}
    {schema}.filtered: {{id: PUBLIC, country: PUBLIC}}
    {schema}.sorted: {{id: PUBLIC}}
    {schema}.turned: {{id: PUBLIC}}
    {schema}.made: {{id: PUBLIC, ssn: US_SSN}}
"""

# What stands in columns that hold more than one thing.
HELD: Final = {
    "notes": ("US_SSN", "EMAIL_ADDRESS", "AWS_ACCESS_KEY"),
    "profile": ("PHONE_NUMBER", "US_SSN", "EMAIL_ADDRESS"),
}


def fill(
    engine: str,
    folder: Path,
    statements: Sequence[str],
    new_postgres: Callable[[str], str] | None,
) -> str:
    """Make a database.

    Args:
        engine: Which.
        folder: For the file, if it is one.
        statements: Make its tables.
        new_postgres: Runs a script in a new database, and returns its URL.

    Returns:
        The address for a plain driver: of files a copy, for it may write.
    """
    if engine == "postgres":
        if new_postgres is None:
            msg = "The attacks on PostgreSQL need a server."
            raise UsageError(msg, hint="Give --postgres URL.")
        return new_postgres(";\n".join(statements))
    path = folder / ("world.duckdb" if engine == "duckdb" else "world.db")
    with closing(opened(engine, str(path))) as link:
        for statement in statements:
            link.execute(statement)
        link.commit()
    copied = folder / f"raw{path.suffix}"
    shutil.copy(path, copied)
    return str(copied)


def opened(engine: str, path: str) -> Any:  # noqa: ANN401 - either driver's connection
    """Open a file with its plain driver."""
    if engine == "sqlite":
        return sqlite3.connect(path)
    import duckdb

    return duckdb.connect(path)
