"""Asks a database with a plain driver, and through maskline with all that this leaves behind.

This module knows drivers and sessions. It does not know attacks.
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from maskline.errors import MasklineError
from maskline.model import Principal
from maskline.redteam._oracle import spread
from maskline.redteam._worlds import opened
from maskline.session import Session, connect
from maskline.tokens import Keyring

__all__ = ["Answer", "Door", "ask_raw", "open_door", "run_script"]


@dataclass
class Answer:
    """What a driver or maskline gave back."""

    names: list[str] = field(default_factory=list)
    rows: list[tuple[object, ...]] = field(default_factory=list)
    error: str = ""
    artefacts: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether there was no error."""
        return not self.error

    @property
    def text(self) -> str:
        """All of it, for the oracle."""
        return "\n".join([spread(self.names, self.rows), self.error, self.artefacts])

    @property
    def told(self) -> object:
        """What can be compared: the error, or the rows in any order."""
        return self.error or sorted(repr(row) for row in self.rows)


def ask_raw(engine: str, url: str, sql: str) -> Answer:
    """Ask with a plain driver; several statements give the answer of the last."""
    try:
        if engine == "postgres":
            from adbc_driver_postgresql import dbapi

            with closing(dbapi.connect(url)) as link, closing(link.cursor()) as at:
                *before, last = sql.split(";;")
                for statement in before:
                    at.execute(statement)
                    at.fetchall()
                at.execute(last)
                table = at.fetch_arrow_table()
            columns = [
                column.chunks and pa.chunked_array(column).cast(_plain(column.type)).to_pylist()
                for column in table.columns
            ]
            rows = list(zip(*columns, strict=True)) if table.num_rows else []
            return Answer(list(table.column_names), rows)
        with closing(opened(engine, url)) as link:
            at = link.cursor()
            for statement in sql.split(";;"):
                at.execute(statement)
            rows = at.fetchall()
            return Answer([item[0] for item in at.description or []], rows)
    except Exception as error:  # noqa: BLE001 - whatever the driver says is what an attacker sees
        return Answer(error=f"{type(error).__name__}: {error}")


def run_script(url: str, script: str) -> None:
    """Run statements on PostgreSQL, several at once, as the URL's role and without any guard."""
    from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement
    from adbc_driver_postgresql import _driver_path

    with (
        closing(AdbcDatabase(driver=_driver_path(), uri=url)) as database,
        closing(AdbcConnection(database)) as connection,
        closing(AdbcStatement(connection)) as statement,
    ):
        statement.set_sql_query(script)
        statement.execute_update()


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


class Door:
    """maskline's one door, and everything that it leaves behind."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self._seen: dict[Path, int] = {}

    def ask(self, sql: str, *, timeout: float | None = None) -> Answer:
        """Ask, and collect the answer with all artefacts."""
        records: list[str] = []
        handler = _Collector(records)
        logger = logging.getLogger()
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        answer = Answer()
        try:
            result = self.session.query(sql, timeout=timeout)
            answer.names = list(result.table.column_names)
            columns = [column.to_pylist() for column in result.table.columns]
            answer.rows = list(zip(*columns, strict=True))
            answer.artefacts = "\n".join(
                [repr(result), str(result.columns), str(result.notes), result._repr_html_()]
            )
        except MasklineError as error:
            answer.error = str(error)
            answer.artefacts = "\n".join(_chain(error))
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)
        answer.artefacts += "\n".join(["", *records, repr(self.session), self._written()])
        return answer

    def _written(self) -> str:
        """Return what was appended to files since the last time."""
        new = []
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix not in {".db", ".duckdb", ".json"}:
                text = path.read_text(encoding="utf-8", errors="replace")
                new.append(text[self._seen.get(path, 0) :])
                self._seen[path] = len(text)
        return "\n".join(new)


class _Collector(logging.Handler):
    def __init__(self, records: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(f"{record.getMessage()} {vars(record)}")


def _chain(error: BaseException | None) -> Iterator[str]:
    """Give all that an exception carries, and those behind it."""
    while error is not None:
        yield f"{error!r} {error.args} {vars(error)} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or error.__context__


def open_door(  # noqa: PLR0913 - all that a policy and a session are made of
    engine: str,
    folder: Path,
    url: str,
    labels: str,
    keyring: Keyring,
    *,
    rest: str = "sinks: {jsonl: {path: out/events.jsonl}}\n",
    principal: Principal | None = None,
    purpose: str = "",
) -> Door:
    """Open a database through maskline.

    Args:
        engine: Which.
        folder: Holds the database, if it is a file; the policy and all records go there.
        url: Of PostgreSQL.
        labels: The labels of its columns, as YAML with ``{schema}`` in place of the schema.
        keyring: Makes the tokens.
        rest: The rest of the policy, as YAML.
        principal: Who asks.
        purpose: Why.
    """
    address = {"duckdb": "duckdb:///world.duckdb", "sqlite": "sqlite:///world.db"}.get(engine, url)
    schema = "public" if engine == "postgres" else "main"
    keyring.save(folder / "keyring.json")
    policy = folder / "policy.yaml"
    policy.write_text(
        "version: 1\nkeys: {file: keyring.json}\n"
        f"sources:\n  world: {{url: '{address}'}}\n"
        f"labels:\n  world:{labels.format(schema=schema)}"
        f"audit: {{path: audit}}\n{rest}",
        encoding="utf-8",
    )
    return Door(connect(policy=policy, principal=principal, purpose=purpose), folder)
