"""The connection type ``maskline``: a hook that hands out masked rows, and nothing else.

Whatever speaks to a database through Airflow's `DbApiHook` becomes masked and read-only by the id
of another connection. This module knows that interface and sessions of core. It does not know
operators. Cursors and connections pass no unknown attribute on, so that what a driver can do
beside, such as COPY, is not there; and what the hook itself could do beside raises.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, Self

from airflow.providers.common.compat.sdk import BaseHook
from airflow.providers.common.sql.hooks.handlers import return_single_query_results
from airflow.providers.common.sql.hooks.sql import DbApiHook

from maskline_airflow.asking import Asking, open_session, roles
from maskline_airflow.errors import MaskedTaskRefusedError, without_values

if TYPE_CHECKING:
    from maskline.model import AccessEvent
    from maskline.result import MaskedResult
    from maskline.session import Session
    from maskline.streaming import MaskedStream

__all__ = ["MaskedConnection", "MaskedCursor", "MaskedSqlHook"]

Parameters = Sequence[object] | Mapping[str, object] | None

_FETCH_ROWS: Final = 1_000


class MaskedCursor:
    """A cursor of PEP 249 over masked rows.

    Args:
        session: Answers the statements.
        record: Receives the last record of each statement.

    Attributes:
        arraysize: How many rows *fetchmany* gives by default.
        rowcount: Always -1: not known before the rows are fetched.
    """

    rowcount: ClassVar[int] = -1

    def __init__(self, session: "Session", record: Callable[["AccessEvent"], None]) -> None:
        self.arraysize = _FETCH_ROWS
        self._session = session
        self._record = record
        self._stream: MaskedStream | None = None
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self._description: list[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Give masked row after row."""
        while rows := self.fetchmany():
            yield from rows

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """The name and the Arrow type of each column, and five times None."""
        return self._description

    def execute(self, sql: str, parameters: Parameters = None) -> Self:
        """Have one SELECT answered.

        Raises:
            MaskedTaskRefusedError: It is refused, or no SELECT.
            MaskedTaskError: The database failed.
        """
        without_values("run a statement", self._execute, sql, parameters)
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        return without_values("read rows", self._take, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return the next rows."""
        return without_values("read rows", self._take, size or self.arraysize)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        rows = without_values("read rows", self._take, 1)
        return rows[0] if rows else None

    def close(self) -> None:
        """End the statement, and record how it ended. May be called twice."""
        without_values("end a statement", self._end)

    def _execute(self, sql: str, parameters: Parameters) -> None:
        from maskline_airflow.binding import bind

        self._end()
        self._stream = self._session.stream(bind(sql, parameters, dialect=self._session.dialect))
        self._description = [
            (field.name, str(field.type), None, None, None, None, None)
            for field in self._stream.schema
        ]
        self._rows = self._read(self._stream)

    def _read(self, stream: "MaskedStream") -> Iterator[tuple[Any, ...]]:
        for batch in stream:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
        self._end()

    def _take(self, count: int | None) -> list[tuple[Any, ...]]:
        try:
            return list(itertools.islice(self._rows, count))
        except BaseException as exc:
            self._end(exc)
            raise

    def _end(self, error: BaseException | None = None) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        stream.__exit__(type(error) if error else None, error, None)
        self._record(stream.event)


class MaskedConnection:
    """A connection of PEP 249 that reads masked rows, and has no transaction to end.

    Args:
        session: Is closed with the connection.
        record: Receives the last record of each statement.
    """

    def __init__(self, session: "Session", record: Callable[["AccessEvent"], None]) -> None:
        self._session = session
        self._record = record

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cursor(self) -> MaskedCursor:
        """Return a new cursor. One of them at a time may read."""
        return MaskedCursor(self._session, self._record)

    def commit(self) -> None:
        """Do nothing: nothing was written."""

    def rollback(self) -> None:
        """Do nothing: nothing was written."""

    def close(self) -> None:
        """Close the database."""
        self._session.close()


class MaskedSqlHook(DbApiHook):
    """Asks the database of another connection, under a policy.

    Args:
        args: The id of a connection of the type ``maskline``, which gives what is left out here.
        source_conn_id: The connection whose data is masked: PostgreSQL, SQLite or DuckDB. With it,
            no connection of the type ``maskline`` is needed.
        policy: The policy file; by default, ``[maskline] policy`` of the configuration.
        source: The name of the source in the policy, where it has several.
        purpose: Why is asked.
        roles: Groups whose rules of the policy apply.
        kwargs: As for `DbApiHook`.

    Attributes:
        events: The last record of each statement so far. They hold no value.
    """

    conn_name_attr = "maskline_conn_id"
    default_conn_name = "maskline_default"
    conn_type = "maskline"
    hook_name = "maskline (masked SQL, read-only)"
    supports_autocommit = False

    def __init__(
        self,
        *args: str,
        source_conn_id: str = "",
        policy: str = "",
        source: str = "",
        purpose: str = "",
        roles: Iterable[str] | str = (),
        **kwargs: Any,  # noqa: ANN401 - whatever the connection's extras name
    ) -> None:
        kwargs["log_sql"] = False
        super().__init__(*args, **kwargs)
        self.events: list[AccessEvent] = []
        self._source_conn_id = source_conn_id
        self._given = {"policy": policy, "source": source, "purpose": purpose, "roles": roles}

    @classmethod
    def around(cls, conn_id: str, **given: Any) -> "MaskedSqlHook":  # noqa: ANN401 - as the constructor
        """Return a hook for a connection, be it masked already or not."""
        is_masked = BaseHook.get_connection(conn_id).conn_type == cls.conn_type
        return cls(conn_id, **given) if is_masked else cls(source_conn_id=conn_id, **given)

    @cached_property
    def source_conn_id(self) -> str:
        """The id of the connection whose data is masked.

        Raises:
            MaskedTaskRefusedError: The connection names none.
        """
        found = self._source_conn_id or self.connection_extra.get("source_conn_id")
        if not found:
            msg = f"The connection {self.get_conn_id()} does not say which connection to mask."
            raise MaskedTaskRefusedError(msg)
        return str(found)

    @cached_property
    def asking(self) -> Asking:
        """Under which policy is asked, and why."""
        extra = {} if self._source_conn_id else self.connection_extra
        merged = {name: value or extra.get(name) or "" for name, value in self._given.items()}
        return Asking(
            policy=str(merged["policy"]),
            source=str(merged["source"]),
            purpose=str(merged["purpose"]),
            roles=roles(merged["roles"]),
        )

    def session(self) -> "Session":
        """Open the database. Close the session, or use it in a ``with`` block.

        Raises:
            MaskedTaskRefusedError: The policy, a plugin, a key or the connection is wrong.
            MaskedTaskError: The database does not let us in.
        """
        return without_values("open the source", self._open)

    def _open(self) -> "Session":
        return open_session(BaseHook.get_connection(self.source_conn_id), self.asking)

    def get_conn(self) -> MaskedConnection:
        """Open a masked connection."""
        return MaskedConnection(self.session(), self.events.append)

    def run(  # type: ignore[override]  # noqa: PLR0913, PLR0917 - Airflow's signature
        self,
        sql: str | Iterable[str],
        autocommit: bool = False,  # noqa: FBT001, FBT002
        parameters: Parameters = None,
        handler: Callable[[Any], Any] | None = None,
        split_statements: bool = False,  # noqa: FBT001, FBT002
        return_last: bool = True,  # noqa: FBT001, FBT002
    ) -> Any:  # noqa: ANN401 - what the handler returns
        """Have SELECTs answered one after the other, as `DbApiHook.run`, and log none of them."""
        del autocommit
        statements = [sql] if isinstance(sql, str) else list(sql)
        if isinstance(sql, str) and split_statements:
            statements = self.split_sql_string(sql)
        self.descriptions = []
        results = []
        with closing(self.get_conn()) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement, parameters)
                if handler is not None:
                    results.append(self._make_common_data_structure(handler(cursor)))
                    self.descriptions.append(cursor.description)
        if handler is None:
            return None
        if return_single_query_results(sql, return_last, split_statements):
            self.descriptions = self.descriptions[-1:]
            return results[-1] if results else None
        return results

    def _get_pandas_df(self, sql: Any, parameters: Parameters = None, **_: Any) -> Any:  # noqa: ANN401
        return self._answer(sql, parameters).pandas()

    def _get_polars_df(self, sql: Any, parameters: Parameters = None, **_: Any) -> Any:  # noqa: ANN401
        return self._answer(sql, parameters).polars()

    def _answer(self, sql: str, parameters: Parameters) -> "MaskedResult":
        from maskline_airflow.binding import bind

        with closing(self.session()) as session:
            bound = without_values(
                "bind parameters", bind, sql, parameters, dialect=session.dialect
            )
            return without_values("run a statement", session.query, bound)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        msg = (
            f"A maskline connection is read-only and has no way around its masks. "
            f"Use cursors, `run`, `get_records`, `get_first` or `get_df` of {type(self).__name__}."
        )
        raise MaskedTaskRefusedError(msg)

    get_uri = get_sqlalchemy_engine = get_table_schema = get_reserved_words = _refuse
    insert_rows = bulk_dump = bulk_load = _serialize_cell = _generate_insert_sql = _refuse
    _get_pandas_df_by_chunks = _get_polars_df_by_chunks = _run_command = _refuse
    sqlalchemy_url = inspector = dialect = dialect_name = reserved_words = property(_refuse)

    def get_openlineage_database_info(self, connection: Any) -> None:  # noqa: ANN401
        """Return nothing, so that no one else parses the SQL or asks the database for names."""

    def get_openlineage_database_specific_lineage(self, task_instance: Any) -> Any:  # noqa: ANN401
        """Return the lineage of what was asked, as core saw it."""
        from maskline_airflow.lineage import of_answers

        return of_answers(self.events, task_instance)
