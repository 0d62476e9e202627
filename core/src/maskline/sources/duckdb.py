"""DuckDB files, through DuckDB's own Arrow reader.

This module knows duckdb and Arrow. It does not know policies, labels or masks.
"""

# ruff: noqa: S608 - names are quoted, and statements of others pass a check first

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from maskline._kept import Kept
from maskline.errors import MasklineError, QueryError, QueryFailedError, SourceError
from maskline.model import Catalogue, ColumnRef, MaskedRead, Strategy
from maskline.roles import MaskColumn, Source
from maskline.sources._duckdb_catalogue import (
    Config,
    Shadow,
    check_select,
    read_catalogue,
    read_ddl,
)
from maskline.sources._duckdb_functions import MaskFunctions
from maskline.sources._streams import WITHHELD, QueryStream, Running, attempt, cancelled
from maskline.sources._text import check_names, file_of, quoted

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuckDBType"]

_CONFIG: Final[Config] = {
    # Read-only alone still lets COPY write, and read_csv read, any file of the process.
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    # Otherwise a table name that is unknown is looked up among the caller's Python variables.
    "python_enable_replacements": "false",
    # Otherwise a large sort writes raw values beside the database.
    "temp_directory": "",
    "lock_configuration": "true",
}
_AS_TEXT: Final = re.compile(
    r"\b(BIT|BIGNUM|VARIANT|GEOMETRY|INTERVAL|UNION|UHUGEINT|TIME WITH TIME ZONE)\b"
)
"""Types that Arrow does not have, or that lose something in it."""
_ERROR_CLASS: Final = re.compile(
    r"(Binder|Catalog|Constraint|Conversion|Internal|Interrupt|Invalid Input|IO|Not implemented"
    r"|Out of Memory|Out of Range|Parser|Permission|Serialization|Transaction) Error:",
    re.IGNORECASE,
)


class DuckDBType:
    """Opens files by URLs such as ``duckdb:///shop.duckdb``."""

    schemes: tuple[str, ...] = ("duckdb",)

    def open(self, url: str) -> Source:
        """Open a file read-only and lock the engine down. *SourceType.open* states the errors."""
        import duckdb

        path = file_of(url)
        connection = attempt(
            lambda: duckdb.connect(str(path), read_only=True, config=_CONFIG), _unreadable
        )
        return _DuckDB(connection, path)


class _DuckDB:
    """One file. While it is open read-only, nobody can change it, so its catalogue stays."""

    dialect = "duckdb"
    masks_by = Strategy.AT_READ
    warnings: tuple[str, ...] = ()

    def __init__(self, connection: "duckdb.DuckDBPyConnection", path: Path) -> None:
        self.namespace = f"duckdb://{path}"
        self._connection = connection
        self._running = Running()
        self._shadow: Shadow | None = None
        self._read_sets: Kept[str, frozenset[ColumnRef]] = Kept()
        self._accepted: Kept[str, None] = Kept()
        self._ddl = attempt(lambda: read_ddl(connection), _unreadable)
        self._catalogue = attempt(lambda: read_catalogue(connection, self._ddl), _unreadable)
        ((self.database,),) = connection.execute("SELECT current_database()").fetchall()

    def catalogue(self) -> Catalogue:
        """Describe every table and view."""
        return self._catalogue

    def read_set(self, sql: str) -> frozenset[ColumnRef]:
        """Return the columns of tables; views, macros and generated columns are expanded."""
        return self._read_sets.get(
            sql, lambda: attempt(lambda: self._shadowed().reads(sql), _refused)
        )

    def query(self, sql: str, *, batch_rows: int = 65_536) -> "_DuckDBStream":
        """Run one SELECT on a cursor of its own."""
        return self._started(sql, batch_rows)

    def query_masked(
        self,
        sql: str,
        *,
        reads: Sequence[MaskedRead],
        mask: MaskColumn,
        batch_rows: int = 65_536,
    ) -> "_DuckDBStream":
        """Run one SELECT that calls functions which mask."""
        return self._started(sql, batch_rows, MaskFunctions(reads, mask))

    def sample(
        self,
        schema: str,
        relation: str,
        columns: Sequence[str],
        *,
        rows: int,
        is_spread: bool = True,
    ) -> pa.RecordBatch:
        """Fetch rows from all over a table, the same ones each time; of a view, the first ones."""
        check_names(self._catalogue, schema, relation, columns)
        is_view = any(
            kind == "view" and (schema, relation) == (of, name) for kind, of, name, _ in self._ddl
        )
        limit = (
            f"LIMIT {rows:d}"
            if is_view or not is_spread
            else f"USING SAMPLE reservoir({rows:d} ROWS) REPEATABLE (42)"
        )
        chosen = ", ".join(map(quoted, columns))
        return self.query(f"SELECT {chosen} FROM {quoted(schema, relation)} {limit}").read_all()

    def cancel(self) -> None:
        """Stop the running query."""
        self._running.cancel()

    def close(self) -> None:
        """Close every connection."""
        self._running.close()
        if self._shadow is not None:
            self._shadow.close()
        self._connection.close()

    def _started(
        self, sql: str, batch_rows: int, functions: MaskFunctions | None = None
    ) -> "_DuckDBStream":
        stream = _DuckDBStream(
            self._running,
            cursor=self._connection.cursor(),
            sql=sql,
            batch_rows=batch_rows,
            accepted=self._accepted,
            functions=functions,
        )
        stream.start()
        return stream

    def _shadowed(self) -> Shadow:
        if self._shadow is None:
            self._shadow = Shadow(
                _CONFIG,
                database=self.database,
                ddl=self._ddl,
                catalogue=self._catalogue,
                accepted=self._accepted,
            )
        return self._shadow


class _DuckDBStream(QueryStream):
    """One running SELECT."""

    def __init__(  # noqa: PLR0913 - all that one query needs
        self,
        running: Running,
        *,
        cursor: "duckdb.DuckDBPyConnection",
        sql: str,
        batch_rows: int,
        accepted: Kept[str, None],
        functions: MaskFunctions | None = None,
    ) -> None:
        super().__init__(running)
        self._accepted = accepted
        self._cursor = cursor
        self._functions = functions
        self._sql = sql
        self._batch_rows = batch_rows
        self._reader: pa.RecordBatchReader | None = None

    def _start(self) -> pa.Schema:
        if self._functions:
            self._functions.add_to(self._cursor)
            # Their names are new each time, so that no such statement comes again.
            check_select(self._cursor, self._sql)
        else:
            self._accepted.get(self._sql, lambda: check_select(self._cursor, self._sql))
        relation = self._cursor.sql(self._sql)
        names = list(relation.columns)
        types = [str(each) for each in relation.types]
        if any(map(_AS_TEXT.search, types)):
            inner = ", ".join(f"c{i}" for i in range(len(types)))
            outer = ", ".join(
                f"CAST(c{i} AS VARCHAR)" if _AS_TEXT.search(each) else f"c{i}"
                for i, each in enumerate(types)
            )
            relation = self._cursor.sql(f"SELECT {outer} FROM (\n{self._sql}\n) AS q({inner})")
        self._reader = relation.to_arrow_reader(self._batch_rows)
        fields = zip(names, self._reader.schema, strict=True)
        return pa.schema([field.with_name(name) for name, field in fields])

    def _fetch(self) -> pa.RecordBatch | None:
        assert self._reader is not None  # noqa: S101 - the reader exists once it was started
        try:
            batch = self._reader.read_next_batch()
        except StopIteration:
            return None
        return pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)

    def _interrupt(self) -> None:
        self._cursor.interrupt()

    def _release(self) -> None:
        self._cursor.interrupt()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._functions:
            self._functions.remove_from(self._cursor)
        self._cursor.close()

    def _explain(self, error: Exception) -> MasklineError:
        failed = self._functions.error if self._functions else None
        return failed or _refused(error)


def _name_of(error: Exception) -> str:
    """Return the class of an error. Arrow's reader passes DuckDB's on as the start of a text."""
    if type(error).__module__.endswith("duckdb"):
        return type(error).__name__
    found = _ERROR_CLASS.match(str(error))
    return found[0].removesuffix(":") if found else type(error).__name__


def _refused(error: Exception) -> QueryError:
    name = _name_of(error)
    if name.lower().startswith("interrupt"):
        return cancelled()
    return QueryFailedError(f"DuckDB refused the statement: {name}.", hint=WITHHELD)


def _unreadable(error: Exception) -> MasklineError:
    name = _name_of(error)
    if name == "ConnectionException":
        msg = "The DuckDB file is open in this process with other settings."
        hint = "Close that connection, or connect it read-only through maskline too."
    else:
        msg = f"DuckDB cannot open the file: {name}."
        hint = "Is it a DuckDB database of this version, and does no other process write to it?"
    return SourceError(msg, hint=hint)
