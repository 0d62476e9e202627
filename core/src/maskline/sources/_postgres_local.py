"""Masked copies of what a query reads, in temporary tables of its own transaction.

PostgreSQL then runs the query itself, so that nothing about types, collations or functions can
differ from a masked copy of the database. No raw value is written: rows are masked on the way from
one to the other. This module knows ADBC's connections and Arrow. It does not know SQL of users, but
for the SELECTs that it is handed.
"""

# ruff: noqa: S608 - names are quoted, and statements of others pass a guard first

import contextlib
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from maskline.errors import QueryFailedError
from maskline.model import Kind, MaskedRead
from maskline.roles import MaskColumn
from maskline.sources._postgres_links import Link, reader_of
from maskline.sources._postgres_types import target
from maskline.sources._text import quoted

__all__ = ["LocalTables"]

_BEGIN: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ WRITE"
# From here on only temporary tables can be written to, and nothing makes it writable again.
_READ_ONLY: Final = "SET TRANSACTION READ ONLY; SELECT 1"
_MAX_ROWS: Final = 5_000_000
_MAX_BYTES: Final = 1 << 30
_EXACT: Final = frozenset("bool int2 int4 int8 text varchar".split())  # noqa: SIM905 - words
_WIDE_TEXT: Final = {"character varying": "varchar", "character": "bpchar", "citext": ""}
_STAGED: Final = (
    (pa.types.is_boolean, "bool"),
    (pa.types.is_int16, "int2"),
    (pa.types.is_int32, "int4"),
    (pa.types.is_int64, "int8"),
    (pa.types.is_float32, "float4"),
    (pa.types.is_float64, "float8"),
    (pa.types.is_binary, "bytea"),
)


class LocalTables:
    """The temporary tables of one query.

    Args:
        reads: What they stand for.
        mask: Masks a column.
    """

    def __init__(self, reads: Sequence[MaskedRead], mask: MaskColumn) -> None:
        self._reads = reads
        self._mask = mask
        self._rows = 0
        self._bytes = 0

    def fill(self, link: Link) -> None:
        """Begin a transaction, make the tables and fill them; from then on it is read-only.

        Raises:
            QueryFailedError: They would grow too large.
            MaskingError: A column could not be masked.
        """
        link.run(_BEGIN)
        fetched = [self._make(link, read) for read in self._reads]
        link.run(_READ_ONLY)
        for read, (sql, raw, staged) in zip(self._reads, fetched, strict=True):
            batches = self._masked(link, read, sql, raw, staged)
            stage = _stage(read)
            link.load(stage, pa.RecordBatchReader.from_batches(staged, batches))
            kinds = link.rows(
                "SELECT pg_catalog.format_type(atttypid, atttypmod) AS type"
                " FROM pg_catalog.pg_attribute WHERE attnum > 0"
                f" AND attrelid = 'pg_temp.{read.name}'::pg_catalog.regclass ORDER BY attnum"
            )
            values = ", ".join(f"c{i}::{row['type']}" for i, row in enumerate(kinds))
            link.run(
                f"INSERT INTO pg_temp.{read.name} SELECT {values} FROM pg_temp.{stage};"
                f"ANALYZE pg_temp.{read.name}"
            )

    def _make(self, link: Link, read: MaskedRead) -> tuple[str, list[pa.DataType], pa.Schema]:
        """Create the table and one to load it from.

        Returns:
            How its rows are fetched, as which types they are masked, and as which they are loaded.
        """
        described = link.described(read.sql)
        inner = ", ".join(f"c{i}" for i in range(len(described)))
        kept = ", ".join(
            f"c{i}{_cast(read, i)} AS {quoted(column.name)}"
            for i, column in enumerate(read.columns)
        )
        link.run(
            f"CREATE TEMP TABLE {read.name} ON COMMIT DROP AS"
            f" SELECT {kept} FROM (\n{read.sql}\n) AS q({inner}) WITH NO DATA"
        )
        outer, wanted = [], []
        for i, (field, column) in enumerate(zip(described, read.columns, strict=True)):
            expression, kind = target(field, f"c{i}")
            if column.mask is None:
                # What is not masked comes back as it went, so text is safer than a close type.
                expression, kind = f"c{i}{'' if _type(field) in _EXACT else '::text'}", None
            outer.append(expression)
            wanted.append(kind)
        sql = f"SELECT {', '.join(outer)} FROM (\n{read.sql}\n) AS q({inner})"
        given = link.described(sql)
        raw = [kind or field.type for kind, field in zip(wanted, given, strict=True)]
        # As a double, a number without end would lose its last digits on the way back.
        fields = [
            pa.field(f"c{i}", pa.string() if _type(field) == "numeric" else _staged(kind)[0])
            for i, (field, kind) in enumerate(zip(described, raw, strict=True))
        ]
        columns = ", ".join(f"{field.name} {_staged(field.type)[1]}" for field in fields)
        link.run(f"CREATE TEMP TABLE {_stage(read)} ({columns}) ON COMMIT DROP")
        return sql, raw, pa.schema(fields)

    def _masked(
        self, link: Link, read: MaskedRead, sql: str, kinds: list[pa.DataType], staged: pa.Schema
    ) -> list[pa.RecordBatch]:
        """Fetch and mask rows. They are kept, for one connection cannot read and write at once."""
        batches = []
        with contextlib.closing(link.statement(sql)) as statement:
            for raw in reader_of(statement):
                columns = [
                    _as(self._mask(column, _as(values, kind)), field.type)
                    for column, values, kind, field in zip(
                        read.columns, raw.columns, kinds, staged, strict=True
                    )
                ]
                batch = pa.RecordBatch.from_arrays(columns, schema=staged)
                self._rows += batch.num_rows
                self._bytes += batch.nbytes
                if self._rows > _MAX_ROWS or self._bytes > _MAX_BYTES:
                    msg = (
                        f"The query needs masked copies of more than {_MAX_ROWS} rows or "
                        f"{_MAX_BYTES >> 20} MiB; {read.schema}.{read.relation} is too large."
                    )
                    raise QueryFailedError(
                        msg,
                        hint="Filter it by columns that are not masked, or do not sort, compare "
                        "or transform masked columns.",
                    )
                batches.append(batch)
        return batches


def _type(field: pa.Field) -> str:
    """Return PostgreSQL's name of a column's type."""
    return str((field.metadata or {}).get(b"POSTGRESQL:type", b"").decode())


def _stage(read: MaskedRead) -> str:
    return f"{read.name}_stage"


def _cast(read: MaskedRead, position: int) -> str:
    """Return the cast to a type that masked values of a column fit in; nothing if they do."""
    if read.columns[position].mask is None:
        return ""
    if read.kinds[position] not in {Kind.TEXT, Kind.OTHER}:
        return ""
    name = read.types[position].partition("(")[0]
    return f"::{wide}" if (wide := _WIDE_TEXT.get(name, "text")) else ""


def _staged(kind: pa.DataType) -> tuple[pa.DataType, str]:
    """Return the types in which values are loaded, Arrow's and PostgreSQL's."""
    for fits, name in _STAGED:
        if fits(kind):
            return kind, name
    return pa.string(), "text"


def _as(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    return values if values.type == kind else pc.cast(values, kind)
