"""Databases with their masked copies, made physically, and the ways to ask both.

A `Pair` is a database that maskline asks, and a copy filled with what maskline gives for
``SELECT *``. This module knows maskline's public door, plain drivers, and the two modules of data
beside it. It does not know which queries are asked.
"""

import base64
import datetime as dt
import importlib.util
import json
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import maskline

ENGINES = ("duckdb", "sqlite", "postgres")
HERE = Path(__file__).parent
# Anybody may know this key. It protects nothing, and gives the same tokens in each run.
KEYRING = {
    "format": "maskline-keyring-1",
    "tenant": "default",
    "active": 1,
    "keys": [
        {
            "version": 1,
            "created": "2026-01-01T00:00:00Z",
            "key": base64.b64encode(bytes(range(32))).decode(),
        }
    ],
}


def load(name: str) -> ModuleType:
    """Import a module of this folder, which is no package."""
    full = f"maskline_oracle_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


# The plain side.


@dataclass
class Plain:
    """A database as its plain driver shows it."""

    engine: str
    link: Any
    errors: type[Exception]

    def ask(self, sql: str) -> Counter[tuple[object, ...]]:
        """Return the rows of a query, each with how often it occurs."""
        if self.engine == "sqlite":
            return counted(self.link.execute(sql).fetchall())
        if self.engine == "duckdb":
            return counted(rows_of(self.link.sql(sql).to_arrow_table()))
        with closing(self.link.cursor()) as at:
            at.execute(sql)
            return counted(rows_of(at.fetch_arrow_table()))


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    """Return the rows of an Arrow table."""
    columns = [
        [_float(cell) for cell in _storage(column).to_pylist()]
        if _is_numeric(column.type)
        else _storage(column).to_pylist()
        for column in table.columns
    ]
    return list(zip(*columns, strict=True)) if columns else []


def _ordered(table: pa.Table) -> list[tuple[object, ...]]:
    """Return normal rows in the order of their first columns; maskline may shuffle a table."""
    return sorted((tuple(map(normal, row)) for row in rows_of(table)), key=itemgetter(0))


def _storage(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else column


def _is_numeric(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.OpaqueType) and kind.type_name == "numeric"


def _float(cell: str | None) -> float | None:
    return None if cell is None else float(cell)


def counted(rows: Sequence[tuple[object, ...]]) -> Counter[tuple[object, ...]]:
    """Count rows, in the one form that drivers share: numbers are numbers, dates are texts."""
    return Counter(tuple(map(normal, row)) for row in rows)


def normal(cell: object) -> object:
    """Return a cell without what only a driver adds."""
    if isinstance(cell, bool):
        return ("bool", cell)
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, str) and cell.startswith("{"):
        return _document(cell)
    return tuple(map(normal, cell)) if isinstance(cell, list) else cell


def _document(text: str) -> str:
    """Return a JSON document without the spaces that PostgreSQL writes into JSONB."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text


# Both sides.


@dataclass
class Pair:
    """A database behind maskline, and its masked copy.

    Attributes:
        masked: The rows of each table of the copy.
    """

    engine: str
    session: maskline.Session
    copy: Plain
    masked: dict[str, list[tuple[object, ...]]] = field(repr=False)

    def answer(self, sql: str) -> Counter[tuple[object, ...]]:
        """Ask through maskline."""
        return counted(rows_of(self.session.query(sql).table))

    def close(self) -> None:
        """Close both."""
        self.session.close()
        self.copy.link.close()


@dataclass
class Makers:
    """How databases come to be."""

    folder: Callable[[], Path]
    fixture: Callable[[str], Any]

    def database(self, engine: str, statements: Sequence[str]) -> str:
        """Make a database; return its URL for maskline."""
        if engine == "postgres":
            # Asked for here, so that tests of the other engines start no server.
            url = str(self.fixture("new_postgres_url")())
            self.fixture("postgres_run")(url, ";\n".join(statements))
            return url
        path = self.folder() / f"oracle.{engine}"
        link = duckdb.connect(str(path)) if engine == "duckdb" else sqlite3.connect(path)
        with closing(link):
            for statement in statements:
                link.execute(statement)
            link.commit()
        return f"{engine}:///{path}"

    def pair(
        self,
        engine: str,
        *,
        filled: Sequence[str],
        empty: Sequence[str],
        tables: Sequence[str],
        labels: str,
    ) -> Pair:
        """Make a database, open it through maskline, and make the masked copy of it."""
        folder = self.folder()
        url = self.database(engine, filled)
        (folder / "keyring.json").write_text(json.dumps(KEYRING))
        (folder / "keyring.json").chmod(0o600)
        (folder / "policy.yaml").write_text(
            "version: 1\nkeys: {file: keyring.json}\n"
            f"sources:\n  shop: {{url: '{url}'}}\naudit: {{path: audit}}\n{labels}"
        )
        session = maskline.connect(policy=folder / "policy.yaml")
        shop = load("shop")
        masked = {name: _ordered(session.query(f"SELECT * FROM {name}").table) for name in tables}
        inserts = [each for name, rows in masked.items() for each in shop.inserted(name, rows)]
        copy = plain(engine, self.database(engine, [*empty, *inserts]))
        return Pair(engine, session, copy, masked)


def plain(engine: str, url: str) -> Plain:
    """Open a database with its plain driver."""
    if engine == "postgres":
        from adbc_driver_postgresql import dbapi

        return Plain(engine, dbapi.connect(url, autocommit=True), dbapi.Error)
    path = url.removeprefix(f"{engine}:///")
    if engine == "duckdb":
        return Plain(engine, duckdb.connect(path, read_only=True), duckdb.Error)
    return Plain(engine, sqlite3.connect(f"file:{path}?mode=ro", uri=True), sqlite3.Error)


@pytest.fixture(scope="session")
def oracle_makers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Makers:
    """Return what makes databases."""
    return Makers(
        folder=lambda: tmp_path_factory.mktemp("oracle"),
        fixture=request.getfixturevalue,
    )


@pytest.fixture(scope="session")
def shop_pairs(oracle_makers: Makers) -> Iterator[Callable[[str], tuple[Pair, Pair]]]:
    """Hand out the shop of both worlds, under one key. They are made when first asked for."""
    shop = load("shop")
    made: dict[str, tuple[Pair, Pair]] = {}

    def pairs(engine: str) -> tuple[Pair, Pair]:
        if engine not in made:
            first, second = (
                oracle_makers.pair(
                    engine,
                    filled=shop.statements(engine, world),
                    empty=shop.definitions(engine),
                    tables=list(shop.TABLES),
                    labels=shop.labels("public" if engine == "postgres" else "main"),
                )
                for world in (0, 1)
            )
            made[engine] = (first, second)
        return made[engine]

    yield pairs
    for both in made.values():
        for pair in both:
            pair.close()


@pytest.fixture(scope="session")
def write_query(
    shop_pairs: Callable[[str], tuple[Pair, Pair]],
) -> Callable[[str, int], str]:
    """Write the query of a seed; it may hold raw and masked values of world 0."""
    shop, writer = load("shop"), load("writer")
    named = {**shop.TABLES, **{name: columns for name, (_, columns) in shop.VIEWS.items()}}
    relations = [
        writer.Relation(name, [tuple(column) for column in columns], has_key=True)
        for name, columns in named.items()
    ]
    known: dict[str, dict[str, list[str]]] = {}

    def literals(engine: str) -> dict[str, list[str]]:
        if engine not in known:
            found = {entity: values[:6] for entity, values in shop.raw_values(0).items()}
            for table, rows in shop_pairs(engine)[0].masked.items():
                for place, column in enumerate(shop.TABLES[table]):
                    if column.entity in found and column.kind == "text":
                        cells = sorted({str(row[place]) for row in rows if row[place]})
                        found[column.entity] += cells[:6]
            known[engine] = found
        return known[engine]

    def write(engine: str, seed: int) -> str:
        made = writer.Writer(seed, dialect=engine, relations=relations, literals=literals(engine))
        return str(made.write())

    return write


@pytest.fixture(scope="session")
def oracle_shop() -> ModuleType:
    """Return the module of the shop."""
    return load("shop")


@pytest.fixture(scope="session")
def oracle_tpch() -> ModuleType:
    """Return the module of TPC-H."""
    return load("tpch")


@pytest.fixture(scope="session")
def first_seed() -> int:
    """Return where seeds begin: 0, unless MASKLINE_ORACLE_SEED says otherwise."""
    return int(os.environ.get("MASKLINE_ORACLE_SEED", "0"))
