"""Connections to PostgreSQL.

This module knows ADBC. It does not know what is asked, nor how an answer is shown.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import pyarrow as pa

from maskline.errors import QueryFailedError

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcDatabase, AdbcStatement

__all__ = ["BEGIN", "Link", "Pool", "reader_of"]

_T = TypeVar("_T")

# SELECT 1 takes the snapshot: from then on PostgreSQL refuses to make the transaction writable.
BEGIN: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"
"""Makes a transaction read-only for good."""


class Link:
    """One connection, always inside a transaction that will be rolled back."""

    def __init__(self, database: "AdbcDatabase") -> None:
        from adbc_driver_manager import AdbcConnection

        self._connection = AdbcConnection(database)
        # Notices quote values, and the driver writes them to the standard error.
        self.run("SET client_min_messages TO error; SET default_transaction_read_only TO on")
        self._connection.set_autocommit(enabled=False)

    def statement(self, sql: str) -> "AdbcStatement":
        """Return a statement that was not sent yet."""
        from adbc_driver_manager import AdbcStatement

        statement = AdbcStatement(self._connection)
        statement.set_sql_query(sql)
        return statement

    def run(self, sql: str) -> None:
        """Run constant statements, several at once if need be. Never pass others' SQL."""
        with contextlib.closing(self.statement(sql)) as statement:
            statement.execute_update()

    def rows(self, sql: str) -> list[dict[str, object]]:
        """Run one statement and fetch its few rows."""
        with contextlib.closing(self.statement(sql)) as statement:
            rows: list[dict[str, object]] = reader_of(statement).read_all().to_pylist()
        return rows

    def load(self, table: str, rows: pa.RecordBatchReader) -> None:
        """Append rows to a temporary table."""
        with contextlib.closing(self.statement("")) as statement:
            statement.set_options(
                **{
                    "adbc.ingest.target_table": table,
                    "adbc.ingest.mode": "adbc.ingest.mode.append",
                    "adbc.ingest.temporary": "true",
                }
            )
            statement.bind_stream(rows)
            statement.execute_update()

    def prepare(self, sql: str) -> pa.Schema:
        """Have PostgreSQL parse exactly one statement, without running it."""
        with contextlib.closing(self.statement(sql)) as statement:
            return pa.schema(statement.execute_schema())

    def described(self, sql: str) -> pa.Schema:
        """Return the columns of a query.

        Raises:
            QueryFailedError: It has none.
        """
        schema = self.prepare(sql)
        if not len(schema):
            msg = "The statement has no columns to give."
            raise QueryFailedError(msg, hint="Ask with exactly one SELECT of at least one column.")
        return schema

    def cancel(self) -> None:
        """Stop what runs, from any thread."""
        self._connection.cancel()

    def rollback(self) -> None:
        """Undo whatever was done, and be ready for the next transaction."""
        self._connection.rollback()

    def close(self) -> None:
        """Close the connection; the server undoes what was not finished."""
        self._connection.close()


class Pool:
    """The connections to one database that nobody uses at the moment."""

    def __init__(self, url: str) -> None:
        from adbc_driver_manager import AdbcDatabase
        from adbc_driver_postgresql import _driver_path

        self._lock = threading.Lock()
        self._database = AdbcDatabase(driver=_driver_path(), uri=url)
        self._idle = [Link(self._database)]

    def take(self) -> Link:
        """Return a connection; give it back, or close it."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Link(self._database)

    def give(self, link: Link) -> None:
        """Take back a connection, its transaction rolled back."""
        link.rollback()
        with self._lock:
            self._idle.append(link)

    def within(self, action: Callable[[Link], _T], *, begin: str = BEGIN) -> _T:
        """Do something in a transaction that is rolled back."""
        link = self.take()
        try:
            link.run(begin)
            result = action(link)
        except BaseException:
            link.close()
            raise
        self.give(link)
        return result

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()
        with contextlib.suppress(Exception):
            self._database.close()


def reader_of(statement: "AdbcStatement") -> pa.RecordBatchReader:
    """Run a statement. This reader, other than pyarrow's own, keeps the SQLSTATE of an error."""
    from adbc_driver_manager._reader import AdbcRecordBatchReader

    handle, _ = statement.execute_query()
    return AdbcRecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - as ADBC's own
