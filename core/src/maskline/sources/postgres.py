"""PostgreSQL, through ADBC's driver, which streams a binary COPY into Arrow.

This module knows ADBC and Arrow. It does not know policies, labels or masks.

What a result may hold is what people, pandas and detectors can read: ``numeric(p,s)`` comes as
decimal; ``numeric`` without a precision as a double; dates, times, numbers, booleans, text and
``bytea`` as themselves; and everything else as PostgreSQL's own text: ``uuid``, ``inet``,
``json``, ``interval``, ``money``, enums, arrays, ranges, rows. Parameters are never bound, because
the driver then fetches all rows at once.
"""

# ruff: noqa: S608 - names are quoted, and statements of others are only ever a whole subquery

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from maskline._kept import Kept
from maskline.errors import MasklineError, QueryError, QueryFailedError, SourceError
from maskline.model import Catalogue, ColumnRef, MaskedRead, Strategy
from maskline.roles import MaskColumn, Source
from maskline.sources._postgres_catalogue import (
    READ_SET,
    STRANGERS,
    VERSION,
    read_catalogue,
    read_set_of,
)
from maskline.sources._postgres_links import BEGIN, Link, Pool, reader_of
from maskline.sources._postgres_local import LocalTables
from maskline.sources._postgres_types import target
from maskline.sources._streams import WITHHELD, QueryStream, Running, attempt, cancelled
from maskline.sources._text import check_names, quoted

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcStatement

__all__ = ["PostgresType"]

_SMALL_TABLE: Final = 1_000_000
_BATCH_BYTES: Final = "4194304"
_DANGEROUS_ROLES: Final = (
    "pg_read_server_files", "pg_write_server_files", "pg_execute_server_program",
)  # fmt: skip
_WORDS: Final = {
    "08006": "connection_failure",
    "0A000": "feature_not_supported",
    "21000": "cardinality_violation",
    "22001": "string_data_right_truncation",
    "22003": "numeric_value_out_of_range",
    "22007": "invalid_datetime_format",
    "22008": "datetime_field_overflow",
    "22012": "division_by_zero",
    "2201B": "invalid_regular_expression",
    "22023": "invalid_parameter_value",
    "22P02": "invalid_text_representation",
    "22P03": "invalid_binary_representation",
    "25001": "active_sql_transaction",
    "25006": "read_only_sql_transaction",
    "28P01": "invalid_password",
    "3D000": "invalid_catalog_name",
    "40001": "serialization_failure",
    "42501": "insufficient_privilege",
    "42601": "syntax_error",
    "42702": "ambiguous_column",
    "42703": "undefined_column",
    "42704": "undefined_object",
    "42803": "grouping_error",
    "42804": "datatype_mismatch",
    "42883": "undefined_function",
    "42P01": "undefined_table",
    "42P02": "undefined_parameter",
    "53200": "out_of_memory",
    "53300": "too_many_connections",
    "54001": "statement_too_complex",
    "55P03": "lock_not_available",
    "57P01": "admin_shutdown",
    "57P03": "cannot_connect_now",
    "XX000": "internal_error",
}
_CANCELED: Final = "57014"
_CANNOT_PROBE: Final = frozenset({"42501", "25006"})


class PostgresType:
    """Opens databases by URLs as libpq understands them."""

    schemes: tuple[str, ...] = ("postgresql", "postgres")

    def open(self, url: str) -> Source:
        """Connect. *SourceType.open* states the errors."""
        return _Postgres(url)


class _Postgres:
    """One database. Queries borrow connections from a pool; the system tables have their own."""

    dialect = "postgres"

    def __init__(self, url: str) -> None:
        self._pool = attempt(lambda: Pool(url), _unreachable)
        self._running = Running()
        self._catalogue: Catalogue | None = None
        # Each time, the probe leaves dead rows in the system tables.
        self._read_sets: Kept[tuple[str, str], frozenset[ColumnRef] | None] = Kept()
        self._version = ""
        about = attempt(lambda: self._pool.within(_about), _unreachable)
        self.database, self.warnings, self.masks_by = about
        self.namespace = _namespace(url)

    def catalogue(self) -> Catalogue:
        """Describe every table and view that the role may read."""

        def read(link: "Link") -> Catalogue:
            version = str(link.rows(VERSION)[0]["version"])
            if self._catalogue is None or version != self._version:
                self._catalogue = read_catalogue(link.rows)
                self._version = version
            return self._catalogue

        return attempt(lambda: self._pool.within(read), _undescribed)

    def read_set(self, sql: str) -> frozenset[ColumnRef] | None:
        """Define a temporary view, ask what it depends on, and undo it.

        Returns:
            For a view its own columns and, below them, all columns its definition uses. Where
            the role may not create temporary objects, or the server is a read-only replica: what
            users made that the statement may call by the name of a function of the engine, and
            None if there is nothing of the kind.
        """
        if not self._version:
            return self._probed(sql)
        return self._read_sets.get((self._version, sql), lambda: self._probed(sql))

    def _probed(self, sql: str) -> frozenset[ColumnRef] | None:
        def probe(link: "Link") -> frozenset[ColumnRef] | None:
            try:
                columns = ", ".join(f"c{i}" for i in range(len(link.described(sql))))
                view = (
                    "CREATE TEMP VIEW maskline_probe AS"
                    f" SELECT count(*) FROM (\n{_bare(sql)}\n) AS q({columns})"
                )
                # Prepared first, because only what can be prepared is sure to be one statement.
                link.prepare(view)
                link.rows(view)
            except Exception as exc:
                if getattr(exc, "sqlstate", "") not in _CANNOT_PROBE:
                    raise
                return None
            return read_set_of(link.rows(READ_SET), link.rows)

        # Read-only would forbid the view; nothing of the statement is executed.
        begin = "SET TRANSACTION READ WRITE"
        found = attempt(lambda: self._pool.within(probe, begin=begin), _refused)
        return self._strangers(sql) if found is None else found

    def _strangers(self, sql: str) -> frozenset[ColumnRef] | None:
        """Return what users made that a statement, or a view of it, may call by its name."""
        text = _with_views(sql, self.catalogue())
        rows = attempt(lambda: self._pool.within(lambda link: link.rows(STRANGERS)), _refused)
        return (
            frozenset(
                ColumnRef(str(row["schema"]), f"{row['name']}()", "*")
                for row in rows
                if str(row["name"]).lower() in text
            )
            or None
        )

    def query(self, sql: str, *, batch_rows: int = 65_536) -> "_PostgresStream":
        """Run one SELECT in a read-only transaction that is always rolled back."""
        return self._started(sql, batch_rows)

    def query_masked(
        self,
        sql: str,
        *,
        reads: Sequence[MaskedRead],
        mask: MaskColumn,
        batch_rows: int = 65_536,
    ) -> "_PostgresStream":
        """Run one SELECT on temporary tables, in a transaction that is always rolled back."""
        return self._started(sql, batch_rows, LocalTables(reads, mask))

    def sample(
        self,
        schema: str,
        relation: str,
        columns: Sequence[str],
        *,
        rows: int,
        is_spread: bool = True,
    ) -> pa.RecordBatch:
        """Fetch rows from all over a large table, the same ones each time; else the first ones."""
        check_names(self.catalogue(), schema, relation, columns)
        name = quoted(schema, relation)
        base = f"SELECT {', '.join(map(quoted, columns))} FROM {name}"
        size = self._size(name) if is_spread else 0.0
        if size > 10 * rows:
            # Whole pages are cheap, but of a small table they would be too few to be mixed.
            method = "SYSTEM" if size > _SMALL_TABLE else "BERNOULLI"
            percent = 120 * rows / size
            chosen = f"{base} TABLESAMPLE {method} ({percent:.6f}) REPEATABLE (42) LIMIT {rows:d}"
            spread = self.query(chosen).read_all()
            if 2 * spread.num_rows >= rows:
                return spread
        return self.query(f"{base} LIMIT {rows:d}").read_all()

    def _size(self, name: str) -> float:
        """Return about how many rows a table has, as the server remembers; 0 for a view."""
        literal = name.replace("'", "''")
        ((size,),) = (
            row.values()
            for row in attempt(
                lambda: self._pool.within(
                    lambda link: link.rows(
                        "SELECT CASE WHEN relkind IN ('r', 'm') THEN reltuples ELSE 0 END::float8"
                        f" FROM pg_catalog.pg_class WHERE oid = '{literal}'::pg_catalog.regclass"
                    )
                ),
                _undescribed,
            )
        )
        return size if isinstance(size, float) else 0.0

    def cancel(self) -> None:
        """Stop the running query."""
        self._running.cancel()

    def close(self) -> None:
        """Close every connection."""
        self._running.close()
        self._pool.close()

    def _started(
        self, sql: str, batch_rows: int, tables: LocalTables | None = None
    ) -> "_PostgresStream":
        stream = _PostgresStream(
            self._running,
            pool=self._pool,
            link=attempt(self._pool.take, _refused),
            sql=sql,
            batch_rows=batch_rows,
            tables=tables,
        )
        stream.start()
        return stream


class _PostgresStream(QueryStream):
    """One running SELECT, in a transaction of its own."""

    def __init__(  # noqa: PLR0913 - all that one query needs
        self,
        running: Running,
        *,
        pool: Pool,
        link: Link,
        sql: str,
        batch_rows: int,
        tables: LocalTables | None = None,
    ) -> None:
        super().__init__(running)
        self._pool = pool
        self._sql = sql
        self._batch_rows = batch_rows
        self._link = link
        self._tables = tables
        self._statement: AdbcStatement | None = None
        self._reader: pa.RecordBatchReader | None = None
        self._slices: list[pa.RecordBatch] = []

    def _start(self) -> pa.Schema:
        link = self._link
        if self._tables:
            self._tables.fill(link)
        else:
            link.run(BEGIN)
        described = link.described(self._sql)
        targets = [target(field, f"c{i}") for i, field in enumerate(described)]
        inner = ", ".join(f"c{i}" for i in range(len(described)))
        outer = ", ".join(expression for expression, _ in targets)
        # As a subquery in FROM, a statement that writes is an error of grammar.
        statement = self._statement = link.statement(
            f"SELECT {outer} FROM (\n{_bare(self._sql)}\n) AS q({inner})"
        )
        statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
        self._reader = reader_of(statement)
        return pa.schema(
            [
                pa.field(field.name, wanted or given.type)
                for field, given, (_, wanted) in zip(
                    described, self._reader.schema, targets, strict=True
                )
            ]
        )

    def _fetch(self) -> pa.RecordBatch | None:
        assert self._reader is not None  # noqa: S101 - the reader exists once it was started
        while not self._slices:
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                return None
            starts = range(0, batch.num_rows, self._batch_rows)
            self._slices = [batch.slice(start, self._batch_rows) for start in reversed(starts)]
        columns = [
            array if array.type == field.type else _decimals(array, field.type, position)
            for position, (array, field) in enumerate(
                zip(self._slices.pop().columns, self.schema, strict=True), start=1
            )
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _interrupt(self) -> None:
        self._link.cancel()

    def _release(self) -> None:
        self._slices = []
        # A cancellation may arrive late and hit the next query, so such a link is not used again.
        is_clean = self._is_exhausted and not self._is_cancelled.is_set()
        with contextlib.suppress(Exception):
            if not is_clean:
                self._link.cancel()
            if self._reader is not None:
                self._reader.close()
            if self._statement is not None:
                self._statement.close()
            if is_clean:
                self._pool.give(self._link)
                return
        self._link.close()

    def _explain(self, error: Exception) -> QueryError:
        return _refused(error)


def _about(link: Link) -> tuple[str, tuple[str, ...], Strategy]:
    """Return the database's name, what is wrong with the role, and how a query may be masked."""
    roles = ", ".join(f"'{role}'" for role in _DANGEROUS_ROLES)
    (row,) = link.rows(
        "SELECT current_database()::text AS name, rolsuper AS super, array_to_string(ARRAY("
        f"SELECT r.rolname::text FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({roles})"
        " AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER') ORDER BY 1), ', ') AS member,"
        " pg_catalog.pg_is_in_recovery() AS replica,"
        " pg_catalog.has_database_privilege(current_database(), 'TEMPORARY') AS temporary"
        " FROM pg_catalog.pg_roles WHERE rolname = current_user"
    )
    warnings = []
    if row["super"]:
        warnings.append("The role is a superuser: it may read files of the server. Use another.")
    elif row["member"]:
        warnings.append(f"The role has {row['member']}, which reach beyond tables. Revoke them.")
    is_able = bool(row["temporary"]) and not row["replica"]
    if not is_able:
        why = "The server is a replica" if row["replica"] else "The role may not make them"
        warnings.append(
            f"There can be no temporary tables. {why}, so queries that sort, compare or transform "
            "masked columns are refused. GRANT TEMPORARY on the database of a primary server."
        )
    return str(row["name"]), tuple(warnings), Strategy.LOCAL if is_able else Strategy.REFUSED


def _bare(sql: str) -> str:
    """Return a statement without its last semicolon, so that it can be a subquery."""
    return sql.strip().removesuffix(";")


def _decimals(column: pa.Array, kind: pa.DataType, position: int) -> pa.Array:
    """Convert text to decimals, which have no NaN."""
    try:
        return pc.cast(column, kind)
    except pa.ArrowInvalid:
        pass
    msg = f"Output column {position} holds NaN, which {kind} cannot."
    raise QueryFailedError(msg, hint="CAST it to double precision in the query.")


def _namespace(url: str) -> str:
    """Return ``postgres://host:port``; of several hosts the first, of a socket localhost."""
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    first = parts.netloc.rpartition("@")[2].partition(",")[0]
    host, _, port = first.rpartition(":") if ":" in first.rpartition("]")[2] else (first, "", "")
    host = unquote(host) or options.get("host", [""])[0].partition(",")[0]
    port = port or options.get("port", [""])[0].partition(",")[0]
    return f"postgres://{'localhost' if host[:1] in {'', '/'} else host}:{port or 5432}"


def _name_of(error: Exception) -> str:
    code = getattr(error, "sqlstate", None)
    if not code:
        return type(error).__name__
    return f"{_WORDS.get(code, type(error).__name__)} ({code})"


def _refused(error: Exception) -> QueryError:
    if getattr(error, "sqlstate", None) == _CANCELED:
        return cancelled()
    return QueryFailedError(f"PostgreSQL refused the statement: {_name_of(error)}.", hint=WITHHELD)


def _unreachable(error: Exception) -> MasklineError:
    msg = f"PostgreSQL cannot be reached: {_name_of(error)}."
    return SourceError(msg, hint="Check host, port, database, user and password.")


def _undescribed(error: Exception) -> MasklineError:
    msg = f"PostgreSQL does not describe its tables: {_name_of(error)}."
    return SourceError(msg, hint="The role must be allowed to read the system tables.")


def _with_views(sql: str, catalogue: Catalogue) -> str:
    """Return a statement and the definitions of all views that it may read, in lower case."""
    text, views = sql.lower(), [view for view in catalogue.relations if view.definition]
    while found := [view for view in views if view.name.lower() in text]:
        views = [view for view in views if view not in found]
        text += " ".join(view.definition.lower() for view in found)
    return text
