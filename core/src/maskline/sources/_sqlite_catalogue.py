"""What a SQLite file holds.

This module knows SQLite's pragmas. It does not know Arrow, and reads no row of any table.

The row id is no column of the catalogue. Where a column is ``INTEGER PRIMARY KEY``, SQLite reports
a read of the row id as a read of that column; elsewhere as one of ``ROWID``, which the catalogue
does not know.
"""

# ruff: noqa: S608 - names are quoted, and statements of others pass a guard first

import hashlib
import re
import sqlite3
from typing import Final

from maskline.model import Catalogue, Column, Kind, Relation
from maskline.sources._sqlite_columns import is_numeric
from maskline.sources._text import quoted, view_body

__all__ = ["read_catalogue", "read_version"]

# What SQLite gives as the number of a column where an index holds an expression.
_EXPRESSION: Final = -2
_KINDS: Final = (
    # The first that fits. Of dates and booleans, SQLite keeps text or numbers, so they are those.
    (re.compile(r"INT|BOOL"), Kind.INTEGER),
    (re.compile(r"JSON"), Kind.JSON),
    (re.compile(r"CHAR|CLOB|TEXT|STRING|DATE|TIME|UUID"), Kind.TEXT),
    (re.compile(r"BLOB"), Kind.BINARY),
    (re.compile(r"REAL|FLOA|DOUB"), Kind.NUMBER),
)


def read_version(connection: sqlite3.Connection) -> str:
    """Return what changes with every change of the schema, at the cost of reading one page."""
    (cookie,) = connection.execute("PRAGMA schema_version").fetchone()
    return str(cookie)


def read_catalogue(connection: sqlite3.Connection) -> Catalogue:
    """Describe every ordinary table and every view that works."""
    listed = connection.execute(
        "SELECT m.name, m.type, m.sql FROM pragma_table_list AS l"
        " JOIN main.sqlite_schema AS m ON m.name = l.name AND m.type = l.type"
        " WHERE l.schema = 'main' AND l.type IN ('table', 'view')"
        " AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name"
    ).fetchall()
    relations = []
    for name, kind, sql in listed:
        columns = _columns(connection, name)
        if columns:
            names = [column.name for column in columns]
            body = view_body(sql, "sqlite", name=name, columns=names) if kind == "view" else ""
            relations.append(Relation(schema="main", name=name, columns=columns, definition=body))
    digest = hashlib.sha256(repr((listed, relations)).encode()).hexdigest()
    return Catalogue(
        dialect="sqlite", default_schema="main", relations=tuple(relations), version=digest
    )


def _columns(connection: sqlite3.Connection, relation: str) -> tuple[Column, ...]:
    """Return the columns; none for a view over something that is gone."""
    try:
        rows = connection.execute(f"PRAGMA main.table_xinfo({quoted(relation)})").fetchall()
    except sqlite3.OperationalError:
        return ()
    keys = sum(1 for row in rows if row[5])
    ordered = _ordered(connection, relation)
    columns = []
    for number, name, declared, is_required, _, key, _ in rows:
        kind = _kind(declared)
        is_row_id = bool(key) and keys == 1 and declared.upper() == "INTEGER"
        columns.append(
            Column(
                name=name,
                type=declared,
                kind=kind,
                nullable=not is_required and not is_row_id,
                exact_equality=kind in {Kind.TEXT, Kind.INTEGER}
                and _compares_bytes(connection, relation, name),
                is_ordered=is_row_id or number in ordered or _EXPRESSION in ordered,
            )
        )
    return tuple(columns)


def _ordered(connection: sqlite3.Connection, relation: str) -> frozenset[int]:
    """Return the numbers of the columns that are in any index, keys among them."""
    indexes = connection.execute(f"PRAGMA main.index_list({quoted(relation)})").fetchall()
    return frozenset(
        row[1]
        for index in indexes
        for row in connection.execute(f"PRAGMA main.index_xinfo({quoted(index[1])})")
        if row[5]
    )


def _kind(declared: str) -> Kind:
    upper = declared.upper()
    for pattern, kind in _KINDS:
        if pattern.search(upper):
            return kind
    return Kind.NUMBER if is_numeric(declared) else Kind.OTHER


def _compares_bytes(connection: sqlite3.Connection, relation: str, column: str) -> bool:
    """Look into a compiled comparison for its collation. Only SQLite knows it for sure."""
    name = quoted(column)
    try:
        program = connection.execute(
            f"EXPLAIN SELECT {name} IS {name} FROM {quoted('main', relation)}"
        ).fetchall()
    except sqlite3.OperationalError:
        return False
    collations = [row[5] for row in program if row[1] in {"Eq", "Ne"}]
    return bool(collations) and all(
        collation is None or collation.startswith("BINARY") for collation in collations
    )
