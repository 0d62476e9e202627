"""SQLite, through the standard library.

This module knows sqlite3 and Arrow. It does not know policies, labels or masks.

ADBC's SQLite driver takes a third of the time (0.5 against 1.5 s of CPU for a million rows of
eight columns), and is not used: it has no authorizer, so ``VACUUM INTO``, ``ATTACH`` and functions
could not be denied where the statement runs; its queries cannot be cancelled; and it fixes the
type of a column by the first rows without a way back. sqlite3 gives all three.
"""

# ruff: noqa: S608 - names are quoted, and statements of others pass a guard first

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from maskline.errors import MasklineError, QueryError, QueryFailedError, SourceError
from maskline.model import Catalogue, ColumnRef, MaskedRead, Strategy
from maskline.roles import MaskColumn, Source
from maskline.sources._sqlite_catalogue import read_catalogue, read_version
from maskline.sources._sqlite_columns import arrow_array, arrow_type
from maskline.sources._sqlite_functions import MaskFunctions
from maskline.sources._streams import WITHHELD, QueryStream, Running, attempt, cancelled
from maskline.sources._text import check_names, file_of, quoted

__all__ = ["SQLiteType"]

_FUNCTIONS: Final = frozenset(
    (  # noqa: SIM905 - a list of a hundred quoted words is no easier to read
        "abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat "
        "concat_ws cos cosh count cume_dist current_date current_time current_timestamp date "
        "datetime degrees dense_rank exp first_value floor format glob group_concat hex ifnull "
        "iif if instr json json_array json_array_length json_error_position json_extract "
        "json_group_array json_group_object json_insert json_object json_patch json_pretty "
        "json_quote json_remove json_replace json_set json_type json_valid jsonb jsonb_array "
        "jsonb_extract jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set "
        "julianday lag last_value lead length like likelihood likely ln log log10 log2 lower "
        "ltrim max min mod nth_value ntile nullif octet_length percent_rank pi pow power printf "
        "quote radians random rank replace round row_number rtrim sign sin sinh soundex "
        "sqlite_version sqrt strftime string_agg substr substring sum tan tanh time timediff "
        "total trim trunc typeof unhex unicode unistr unixepoch unlikely upper -> ->>"
    ).split(" ")
)
"""Functions that only compute. ``load_extension``, ``readfile`` and ``fts3_tokenizer`` do not."""

_TABLE_FUNCTIONS: Final = ("json_each", "json_tree")
_BUSY_SECONDS: Final = 5.0
_SAMPLE_STARTS: Final = 16


class SQLiteType:
    """Opens files by URLs such as ``sqlite:///shop.db``."""

    schemes: tuple[str, ...] = ("sqlite",)

    def open(self, url: str) -> Source:
        """Open a file read-only. *SourceType.open* states the errors."""
        path = file_of(url)
        return _SQLite(path.as_uri(), str(path))


class _SQLite:
    """One file. Each query has a connection of its own, under an authorizer."""

    dialect = "sqlite"
    masks_by = Strategy.AT_READ
    database = ""
    warnings: tuple[str, ...] = ()

    def __init__(self, uri: str, path: str) -> None:
        self.namespace = f"sqlite://{path}"
        self._uri = f"{uri}?mode=ro"
        self._running = Running()
        self._catalogue: Catalogue | None = None
        self._version = ""
        # It runs only statements of this package, and its own view over a statement that the
        # guard has read before.
        self._own = attempt(lambda: _connect(self._uri), _unreadable)
        self._guard = attempt(lambda: _Guard(self._uri), _unreadable)

    def catalogue(self) -> Catalogue:
        """Describe tables and views. Virtual tables, and what they store, are left out."""
        version = attempt(lambda: read_version(self._own), _unreadable)
        if self._catalogue is None or version != self._version:
            self._catalogue = attempt(lambda: read_catalogue(self._own), _unreadable)
            self._version = version
        return self._catalogue

    def read_set(self, sql: str) -> frozenset[ColumnRef]:
        """Return what the authorizer saw: for a view, its own columns and those below it."""
        spelt = _spellings(self.catalogue())
        relations = {relation for relation, _ in spelt}
        return frozenset(
            spelt.get((relation.lower(), column.lower()), ColumnRef("main", relation, column))
            for relation, column in attempt(lambda: self._guard.reads(sql), _refused)
            if relation.lower() not in _TABLE_FUNCTIONS or relation.lower() in relations
        )

    def query(self, sql: str, *, batch_rows: int = 65_536) -> "_SQLiteStream":
        """Run one SELECT under the authorizer."""
        return self._started(sql, batch_rows)

    def query_masked(
        self,
        sql: str,
        *,
        reads: Sequence[MaskedRead],
        mask: MaskColumn,
        batch_rows: int = 65_536,
    ) -> "_SQLiteStream":
        """Run one SELECT that calls functions which mask, under the authorizer."""
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
        """Fetch rows from places spread over the row ids, or the first ones."""
        check_names(self.catalogue(), schema, relation, columns)
        name = quoted(schema, relation)
        chosen = ", ".join(quoted(column) for column in columns)
        starts = attempt(lambda: self._starts(name, rows), _unreadable) if is_spread else []
        each = -(-rows // max(len(starts), 1))
        parts = [
            f"SELECT * FROM (SELECT {chosen} FROM {name} WHERE rowid >= {start} LIMIT {each})"
            for start in starts
        ] or [f"SELECT {chosen} FROM {name}"]
        stream = self.query(f"{' UNION ALL '.join(parts)} LIMIT {rows:d}")
        return stream.read_all()

    def cancel(self) -> None:
        """Stop the running query."""
        self._running.cancel()

    def close(self) -> None:
        """Close every connection."""
        self._running.close()
        self._guard.close()
        self._own.close()

    def _starts(self, name: str, rows: int) -> list[int]:
        """Return row ids to sample from; none where the table is small or has no row ids."""
        try:
            # Two statements in one, for SQLite looks up an extreme only where it stands alone.
            first, last = self._own.execute(
                f"SELECT (SELECT min(rowid) FROM {name}), (SELECT max(rowid) FROM {name})"
            ).fetchone()
        except sqlite3.OperationalError:
            return []
        if not isinstance(first, int) or last - first < 4 * rows:
            return []
        return [first + (last - first) * i // _SAMPLE_STARTS for i in range(_SAMPLE_STARTS)]

    def _started(
        self, sql: str, batch_rows: int, functions: MaskFunctions | None = None
    ) -> "_SQLiteStream":
        names = functions.functions() if functions else ()
        stream = _SQLiteStream(
            self._running,
            connection=attempt(lambda: _Guard(self._uri), _refused),
            sql=sql,
            declared=lambda: self._declared_types(sql, names),
            batch_rows=batch_rows,
            functions=functions,
        )
        stream.start()
        return stream

    def _declared_types(self, sql: str, functions: Collection[str]) -> list[str]:
        """Return the declared type of each output column, empty where it is computed."""
        for name in functions:
            self._own.create_function(name, 1, lambda _: None)
        try:
            self._own.execute(f"CREATE TEMP VIEW maskline_probe AS {sql}")
            described = self._own.execute("PRAGMA temp.table_info(maskline_probe)").fetchall()
        except sqlite3.Error:
            return []
        finally:
            self._own.execute("DROP VIEW IF EXISTS temp.maskline_probe")
            for name in functions:
                self._own.create_function(name, 1, None)
        return [row[2] for row in described]


class _Guard:
    """A connection on which only a SELECT can be prepared."""

    def __init__(self, uri: str) -> None:
        self._connection = _connect(uri)
        self._reads: set[tuple[str, str]] = set()
        self._allowed = set(_FUNCTIONS)
        self._has_selected = False
        # The authorizer would deny what a table function does when a connection first meets it.
        for function in _TABLE_FUNCTIONS:
            self._connection.execute(f"SELECT * FROM {function}('[]')").close()
        self._connection.set_authorizer(self._authorize)

    def reads(self, sql: str) -> set[tuple[str, str]]:
        """Prepare a statement, and return the (relation, column) pairs that it reads.

        Raises:
            QueryFailedError: It is no SELECT.
            sqlite3.Error: SQLite, or the authorizer, does not accept it.
        """
        self._reads.clear()
        self._has_selected = False
        self._connection.execute(f"EXPLAIN {sql}").close()
        # SQLite prepares VACUUM INTO without a question to the authorizer.
        if not self._has_selected:
            msg = "The statement is not a SELECT."
            raise QueryFailedError(msg, hint="Ask with exactly one SELECT.")
        return set(self._reads)

    def execute(self, sql: str) -> sqlite3.Cursor:
        """Run a statement that *reads* has accepted."""
        return self._connection.execute(sql)

    def add(self, functions: MaskFunctions, *, batch_rows: int) -> None:
        """Make functions known that mask, for the rest of the connection's life.

        From here on, the connection sees the database as it is now.
        """
        self._connection.set_authorizer(None)
        self._connection.execute("BEGIN")
        self._connection.set_authorizer(self._authorize)
        for read in functions.reads:
            self.reads(read.sql)
            functions.learn(read, _batches(self.execute(read.sql), batch_rows))
        for name, function in functions.functions().items():
            self._connection.create_function(name, 1, function, deterministic=True)
            self._allowed.add(name)

    def interrupt(self) -> None:
        """Stop what runs, from any thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        allowed = False
        if action == sqlite3.SQLITE_SELECT:
            self._has_selected = allowed = True
        elif action == sqlite3.SQLITE_RECURSIVE:
            allowed = True
        elif action == sqlite3.SQLITE_FUNCTION:
            allowed = (second or "").lower() in self._allowed
        elif action == sqlite3.SQLITE_READ and first is not None:
            # Those tables hold the SQL of others, and statistics with values.
            allowed = not first.lower().startswith("sqlite_")
            if second:
                self._reads.add((first, second))
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


class _SQLiteStream(QueryStream):
    """One running SELECT, on a connection of its own."""

    def __init__(  # noqa: PLR0913 - all that one query needs
        self,
        running: Running,
        *,
        connection: _Guard,
        sql: str,
        declared: Callable[[], list[str]],
        batch_rows: int,
        functions: MaskFunctions | None = None,
    ) -> None:
        super().__init__(running)
        self._connection = connection
        self._functions = functions
        self._sql = sql
        self._declared = declared
        self._batch_rows = batch_rows
        self._cursor: sqlite3.Cursor | None = None
        self._first: list[tuple[object, ...]] | None = None

    def _start(self) -> pa.Schema:
        if self._functions:
            self._connection.add(self._functions, batch_rows=self._batch_rows)
        self._connection.reads(self._sql)
        declared = self._declared()
        self._cursor = self._connection.execute(self._sql)
        names = [column[0] for column in self._cursor.description]
        self._first = self._cursor.fetchmany(self._batch_rows)
        columns = list(zip(*self._first, strict=True)) or [()] * len(names)
        declared = declared or [""] * len(names)
        return pa.schema(
            [
                pa.field(name, arrow_type(column, kind))
                for name, column, kind in zip(names, columns, declared, strict=True)
            ]
        )

    def _fetch(self) -> pa.RecordBatch | None:
        assert self._cursor is not None  # noqa: S101 - the cursor exists once it was started
        rows, self._first = self._first, None
        if rows is None:
            rows = self._cursor.fetchmany(self._batch_rows)
        if not rows:
            return None
        arrays = [
            arrow_array(column, field.type, position)
            for position, (column, field) in enumerate(
                zip(zip(*rows, strict=True), self.schema, strict=True), start=1
            )
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _interrupt(self) -> None:
        self._connection.interrupt()

    def _release(self) -> None:
        self._first = None
        self._connection.close()

    def _explain(self, error: Exception) -> MasklineError:
        failed = self._functions.error if self._functions else None
        return failed or _refused(error)


def _batches(cursor: sqlite3.Cursor, size: int) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(size):
        yield rows


def _connect(uri: str) -> sqlite3.Connection:
    """Open the file read-only. SQLite itself refuses writes to it."""
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=0,
    )
    try:
        # A file may bring a view that calls any function; this leaves it the harmless ones.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _spellings(catalogue: Catalogue) -> dict[tuple[str, str], ColumnRef]:
    return {
        (relation.name.lower(), column.name.lower()): ColumnRef(
            relation.schema, relation.name, column.name
        )
        for relation in catalogue.relations
        for column in relation.columns
    }


def _name_of(error: Exception) -> str:
    code = getattr(error, "sqlite_errorname", "")
    kind = type(error).__name__
    return f"{code} ({kind})" if code else kind


def _refused(error: Exception) -> QueryError:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
        return cancelled()
    msg = f"SQLite refused the statement: {_name_of(error)}."
    return QueryFailedError(msg, hint=WITHHELD)


def _unreadable(error: Exception) -> MasklineError:
    msg = f"SQLite cannot read the file: {_name_of(error)}."
    return SourceError(msg, hint="Is it a SQLite database, may you read it, is it in use?")
