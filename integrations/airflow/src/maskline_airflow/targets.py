"""Where masked rows are written: a table of PostgreSQL or SQLite, or a Parquet file.

A target writes in one transaction, which is committed when its ``with`` block ends without an
error, and undone otherwise. This module knows hooks of Airflow and Arrow. It sees masked rows only,
and knows nothing of policies.
"""

import hashlib
import io
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from maskline_airflow.errors import MaskedTaskRefusedError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetTarget", "TableTarget", "Target", "open_target"]

_SQLITE_WAIT_MS: Final = 60_000


class Target(Protocol):
    """Takes masked rows, all of them or none."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Keep what was written, or undo it if there was an error."""
        ...

    def prepare(self, columns: Mapping[str, str], schema: "pa.Schema") -> None:
        """Make the target if there is none, and remove what shall be replaced.

        Args:
            columns: The SQL type of each column, by name.
            schema: The Arrow types.
        """
        ...

    def write(self, batch: "pa.RecordBatch") -> None:
        """Write a batch."""
        ...


def open_target(
    *,
    hook: Any,  # noqa: ANN401 - a DbApiHook or None
    table: str,
    path: str,
    mode: str,
    partition: Mapping[str, object],
) -> Target:
    """Return the target of a transfer.

    Args:
        hook: Of the connection to write to; None for a Parquet file.
        table: ``table`` or ``schema.table``.
        path: Of a Parquet file, or of the folder of its partitions.
        mode: ``append``, ``overwrite`` or ``replace_partition``.
        partition: The value of each column by which the target is cut, for the last mode.

    Raises:
        MaskedTaskRefusedError: There is no such target.
    """
    if hook is None:
        return ParquetTarget(path, mode=mode, partition=partition)
    if hook.conn_type == "postgres":
        return _PostgresTarget(hook, table, mode=mode, partition=partition)
    if hook.conn_type == "sqlite":
        return _SqliteTarget(hook, table, mode=mode, partition=partition)
    msg = (
        f"maskline cannot write to connections of the type {hook.conn_type}. "
        "It writes to postgres and sqlite, and to Parquet files."
    )
    raise MaskedTaskRefusedError(msg)


class TableTarget:
    """A table, written in one transaction.

    Args:
        hook: Of the connection to write to.
        table: ``table`` or ``schema.table``.
        mode: ``append``, ``overwrite`` or ``replace_partition``.
        partition: The value of each column by which the table is cut.
    """

    _place: str

    def __init__(
        self,
        hook: Any,  # noqa: ANN401 - a DbApiHook
        table: str,
        *,
        mode: str,
        partition: Mapping[str, object],
    ) -> None:
        self._hook = hook
        self._table = ".".join(map(_quoted, table.split(".")))
        self._mode = mode
        self._partition = dict(partition)

    def __enter__(self) -> Self:
        self._connection = self._hook.get_conn()
        self._cursor = self._connection.cursor()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                self._connection.commit()
            else:
                self._connection.rollback()
        finally:
            self._connection.close()

    def prepare(self, columns: Mapping[str, str], schema: "pa.Schema") -> None:
        """Make the table if there is none, and delete the rows that shall be replaced."""
        del schema
        listed = ", ".join(f"{_quoted(name)} {type_}" for name, type_ in columns.items())
        self._make(f"CREATE TABLE IF NOT EXISTS {self._table} ({listed})")
        self._columns = ", ".join(map(_quoted, columns))
        if self._mode == "overwrite":
            self._lock(self._table)
            self._cursor.execute(f"DELETE FROM {self._table}")  # noqa: S608 - names are quoted
        elif self._mode == "replace_partition":
            self._lock(f"{self._table} {sorted(self._partition.items())}")
            where = " AND ".join(f"{_quoted(name)} = {self._place}" for name in self._partition)
            self._cursor.execute(
                f"DELETE FROM {self._table} WHERE {where}",  # noqa: S608
                tuple(self._partition.values()),
            )

    def _make(self, statement: str) -> None:
        """Make the table, also when several tasks do it at once."""
        raise NotImplementedError

    def _lock(self, what: str) -> None:
        """Let no other transfer replace the same until this one has ended."""
        raise NotImplementedError


class _PostgresTarget(TableTarget):
    _place = "%s"

    def _make(self, statement: str) -> None:
        # IF NOT EXISTS fails if another transaction makes the table meanwhile. A transaction of its
        # own gives the lock back before rows are written.
        self._lock(self._table)
        self._cursor.execute(statement)
        self._connection.commit()

    def _lock(self, what: str) -> None:
        digest = hashlib.sha256(f"maskline {what}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (key,))

    def write(self, batch: "pa.RecordBatch") -> None:
        """Write a batch by COPY: as CSV, an empty text is quoted, and null is not."""
        import pyarrow as pa
        import pyarrow.csv

        text = io.BytesIO()
        columns = [_csv_column(column) for column in batch.columns]
        pyarrow.csv.write_csv(
            pa.RecordBatch.from_arrays(columns, names=batch.schema.names),
            text,
            pyarrow.csv.WriteOptions(include_header=False),
        )
        statement = f"COPY {self._table} ({self._columns}) FROM STDIN (FORMAT csv)"
        if hasattr(self._cursor, "copy"):
            with self._cursor.copy(statement) as copy:
                copy.write(text.getbuffer())
        else:  # psycopg2
            text.seek(0)
            self._cursor.copy_expert(statement, text)


class _SqliteTarget(TableTarget):
    _place = "?"

    def __enter__(self) -> Self:
        super().__enter__()
        self._connection.isolation_level = None
        self._cursor.execute(f"PRAGMA busy_timeout = {_SQLITE_WAIT_MS}")
        # One writer at a time, from here on; making a table is part of the transaction.
        self._cursor.execute("BEGIN IMMEDIATE")
        return self

    def _make(self, statement: str) -> None:
        self._cursor.execute(statement)

    def _lock(self, what: str) -> None:
        """Do nothing: the transaction has the whole file."""

    def write(self, batch: "pa.RecordBatch") -> None:
        """Write a batch, row by row: SQLite has no other way."""
        columns = [_sqlite_column(column) for column in batch.columns]
        places = ", ".join("?" * len(columns))
        self._cursor.executemany(
            f"INSERT INTO {self._table} ({self._columns}) VALUES ({places})",  # noqa: S608
            zip(*columns, strict=True),
        )


class ParquetTarget:
    """A Parquet file, which takes its place at once when it is whole.

    Args:
        path: A path or URL that `ObjectStoragePath` knows: of the file, or of the folder of its
            partitions, which is cut as ``column=value/data.parquet``.
        mode: ``overwrite`` or ``replace_partition``.
        partition: The value of each column by which the folder is cut.

    Raises:
        MaskedTaskRefusedError: The mode is ``append``: a Parquet file cannot grow.
    """

    def __init__(self, path: str, *, mode: str, partition: Mapping[str, object]) -> None:
        if mode == "append":
            msg = "A Parquet file cannot grow. Write it with overwrite or replace_partition."
            raise MaskedTaskRefusedError(msg)
        folders = [_hive_folder(name, value) for name, value in partition.items()]
        self._path = "/".join([path.rstrip("/"), *folders, "data.parquet"]) if folders else path

    def __enter__(self) -> Self:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        path = ObjectStoragePath(self._path)
        # Not the path's own `open`: it would report the temporary file as a dataset.
        self._files, self._final = path.fs, path.path
        folder, _, name = self._final.rpartition("/")
        self._files.makedirs(folder, exist_ok=True)
        # Whoever reads a folder of Parquet files leaves out what begins with a dot.
        self._temporary = f"{folder}/.{name}.{uuid.uuid4().hex}"
        self._file = self._files.open(self._temporary, "wb")
        self._writer: Any = None
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            self._file.close()
            if error is None and self._writer is not None:
                self._files.mv(self._temporary, self._final)
        finally:
            if self._files.exists(self._temporary):
                self._files.rm(self._temporary)

    def prepare(self, columns: Mapping[str, str], schema: "pa.Schema") -> None:
        """Begin a file beside the one that it replaces."""
        import pyarrow.parquet

        del columns
        self._writer = pyarrow.parquet.ParquetWriter(self._file, schema)

    def write(self, batch: "pa.RecordBatch") -> None:
        """Write a batch."""
        self._writer.write_batch(batch)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _hive_folder(name: str, value: object) -> str:
    from urllib.parse import quote

    return f"{quote(name, safe='')}={quote(str(value), safe='')}"


def _csv_column(column: "pa.Array") -> "pa.Array":
    """Return a column as CSV can hold it: bytes become hex digits, as PostgreSQL reads them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return column
    whole = column.cast(pa.large_binary())
    offsets, values = _offsets(whole), whole.buffers()[2]
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    digits = (values.to_pybytes() if values else b"")[first:last].hex().encode()
    doubled = pc.multiply(pc.subtract(offsets, first), 2)
    texts = pa.LargeStringArray.from_buffers(
        len(column), doubled.buffers()[1], pa.py_buffer(digits)
    )
    joined = pc.binary_join_element_wise(
        pa.scalar("\\x", pa.large_string()), texts, pa.scalar("", pa.large_string())
    )
    return pc.if_else(column.is_valid(), joined, None)


def _offsets(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    return pa.Array.from_buffers(
        pa.int64(), len(column) + 1, [None, column.buffers()[1]], offset=column.offset
    )


def _sqlite_column(column: "pa.Array") -> Sequence[object]:
    """Return a column's values as SQLite stores them: numbers exactly, dates as ISO 8601."""
    import pyarrow as pa

    kind = column.type
    is_time = pa.types.is_temporal(kind) and not pa.types.is_duration(kind)
    if is_time or pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    values: list[object] = column.to_pylist()
    return values
