"""Stop, restart and sudden death in a real kernel, on every engine; and what is shown meanwhile."""

import io
import os
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty

import duckdb
import pyarrow as pa
import pytest
from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement
from adbc_driver_postgresql import _driver_path
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from maskline import MasklineError, QueryCancelledError, QueryFailedError
from maskline_jupyter._running import run
from maskline_jupyter._sidecar import SidecarSession

SECRET = "alice.secret@example.com"
CANARY = b"canary.of.the.raw.rows@example.com"
ENGINES = ("duckdb", "sqlite", "postgres")
FOREVER = (
    "SELECT count(*) AS found FROM numbers AS a CROSS JOIN numbers AS b CROSS JOIN numbers AS c"
    " WHERE (a.n * 7919 + b.n * 104729 + c.n * 31) % 1000003 = 500"
)
WITHIN = 2.0
"""A second, and as much again for a machine that is busy."""
ACTIVE = (
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%numbers%'"
    " AND pid <> pg_backend_pid()"
)


class Slow:
    """A source on which a query takes for ever, and a kernel beside it."""

    def __init__(self, folder: Path, engine: str, url: str) -> None:
        self.engine = engine
        self.url = url
        schema = "public" if engine == "postgres" else "main"
        (folder / "policy.yaml").write_text(
            "version: 1\nkeys: {file: keyring.json}\n"
            f"sources:\n  slow: {{url: '{url}'}}\n"
            f"labels:\n  slow:\n    {schema}.numbers: {{n: PUBLIC, email: EMAIL_ADDRESS}}\n"
            "audit: {path: audit}\n"
        )


@pytest.fixture(params=ENGINES)
def slow(
    folder: Path,
    request: pytest.FixtureRequest,
    postgres_run: Callable[[str, str], None],
) -> Slow:
    fill = f"SELECT i AS n, '{CANARY.decode()}' AS email"
    if request.param == "duckdb":
        with duckdb.connect(str(folder / "slow.duckdb")) as connection:
            connection.execute(f"CREATE TABLE numbers AS {fill} FROM range(20000) AS r(i)")
        return Slow(folder, request.param, "duckdb:///slow.duckdb")
    if request.param == "sqlite":
        with sqlite3.connect(folder / "slow.db") as other:
            other.execute(
                "CREATE TABLE numbers AS WITH RECURSIVE s(i) AS (VALUES (0) UNION ALL"
                f" SELECT i + 1 FROM s WHERE i < 20000) {fill} FROM s"
            )
        other.close()
        return Slow(folder, request.param, "sqlite:///slow.db")
    url = request.getfixturevalue("new_postgres_url")()
    postgres_run(url, f"CREATE TABLE numbers AS {fill} FROM generate_series(0, 20000) AS r(i)")
    return Slow(folder, request.param, url)


@pytest.fixture
def kernel(
    folder: Path, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    outputs = execute(client, "%load_ext maskline\n%maskline connect slow")
    assert not [each for each in outputs if each["type"] == "error"], outputs
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def execute(client: BlockingKernelClient, code: str) -> list[dict]:
    """Run a cell to its end, and return what came meanwhile."""
    return wait(client, client.execute(code))


def wait(client: BlockingKernelClient, number: str, seconds: float = 60) -> list[dict]:
    got: list[dict] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            message = client.get_iopub_msg(timeout=0.2)
        except Empty:
            continue
        if message["parent_header"].get("msg_id") != number:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return got
        got.append({"type": kind, "at": time.monotonic(), **content})
    pytest.fail("The cell does not end.")


def started(client: BlockingKernelClient) -> tuple[str, list[dict]]:
    """Start a query that takes for ever, and return when its progress is shown."""
    number = client.execute(f"%%maskedsql\n{FOREVER}")
    shown: list[dict] = []
    while not shown:
        message = client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "display_data":
            shown.append(message["content"])
    return number, shown


def active(url: str) -> int:
    """Count the queries that the server runs."""
    with (
        AdbcDatabase(driver=_driver_path(), uri=url) as database,
        AdbcConnection(database) as connection,
        AdbcStatement(connection) as statement,
    ):
        statement.set_sql_query(ACTIVE)
        handle, _ = statement.execute_query()
        [row] = pa.RecordBatchReader._import_from_c(handle.address).read_all().to_pylist()
    return int(row["count"])


def sidecars(of: int | None) -> list[int]:
    """Return the children of a process that are sidecars."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes()
            parent = re.search(r"^PPid:\s(\d+)", (folder / "status").read_text(), re.MULTILINE)
        except OSError:
            continue
        if b"_sidecar_main" in arguments and parent and int(parent[1]) == of:
            found.append(int(folder.name))
    return found


def soon(is_so: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return is_so()


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_stop_ends_the_query_and_nothing_else(
    kernel: tuple[KernelManager, BlockingKernelClient], slow: Slow, folder: Path
) -> None:
    manager, client = kernel
    [sidecar] = sidecars(manager.provisioner.pid)  # type: ignore[union-attr]
    number, _ = started(client)
    began = time.monotonic()
    manager.interrupt_kernel()
    outputs = wait(client, number)
    took = time.monotonic() - began

    [error] = [each for each in outputs if each["type"] == "error"]
    assert error["ename"] == "QueryCancelledError"
    assert len(error["traceback"]) <= 2
    assert took < WITHIN
    assert slow.engine != "postgres" or soon(lambda: active(slow.url) == 0, WITHIN)
    assert "error" not in {each["type"] for each in execute(client, "%maskedsql SELECT 1 AS n")}
    assert sidecars(manager.provisioner.pid) == [sidecar]  # type: ignore[union-attr]
    records = b"".join(path.read_bytes() for path in folder.glob("audit/*.jsonl"))
    assert records.count(b'"cancelled"') == 1


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_end_of_the_kernel_ends_the_query_in_the_database(
    kernel: tuple[KernelManager, BlockingKernelClient], slow: Slow, how: str
) -> None:
    manager, client = kernel
    [sidecar] = sidecars(manager.provisioner.pid)  # type: ignore[union-attr]
    started(client)
    if slow.engine == "postgres":
        assert active(slow.url) >= 1
    if how == "restart":
        manager.restart_kernel(now=True)
    else:
        os.kill(manager.provisioner.pid, 9)  # type: ignore[union-attr]

    assert soon(lambda: is_gone(sidecar), WITHIN)
    assert slow.engine != "postgres" or active(slow.url) == 0


def test_time_limit_ends_the_query(
    kernel: tuple[KernelManager, BlockingKernelClient], slow: Slow
) -> None:
    _, client = kernel
    began = time.monotonic()
    outputs = execute(client, f"%%maskedsql --timeout 1s\n{FOREVER}")

    [error] = [each for each in outputs if each["type"] == "error"]
    assert "time limit" in error["evalue"]
    assert time.monotonic() - began < 1 + WITHIN
    assert slow.engine != "postgres" or active(slow.url) == 0


def test_query_in_process_is_stopped_too(
    kernel: tuple[KernelManager, BlockingKernelClient], slow: Slow
) -> None:
    manager, client = kernel
    execute(client, "%maskline connect slow --in-process")
    number, _ = started(client)
    began = time.monotonic()
    manager.interrupt_kernel()
    outputs = wait(client, number)

    [error] = [each for each in outputs if each["type"] == "error"]
    assert error["ename"] == "QueryCancelledError"
    assert time.monotonic() - began < WITHIN
    assert slow.engine != "postgres" or soon(lambda: active(slow.url) == 0, WITHIN)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no /proc")
def test_raw_rows_never_enter_the_memory_of_the_kernel(
    kernel: tuple[KernelManager, BlockingKernelClient],
) -> None:
    manager, client = kernel
    pid = manager.provisioner.pid  # type: ignore[union-attr]
    shown = execute(client, "%%maskedsql\nSELECT n, email FROM numbers")
    in_sidecar = hits(pid)
    execute(client, "%maskline connect slow --in-process")
    execute(client, "%%maskedsql kept <<\nSELECT n, email FROM numbers")
    in_process = hits(pid)

    assert "email_" in str(shown)
    assert in_sidecar == 0
    assert in_process > 0


def hits(pid: int) -> int:
    """Count the canary in everything that a process has in its memory, from outside of it."""
    count = 0
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            span, permissions, *_ = line.split()
            if not permissions.startswith("r") or "[v" in line:
                continue
            first, last = (int(part, 16) for part in span.split("-"))
            before = b""
            for place in range(first, last, 1 << 24):
                try:
                    memory.seek(place)
                    found = before + memory.read(min(1 << 24, last - place))
                except OSError:
                    break
                count += found.count(CANARY)
                before = found[-len(CANARY) + 1 :]
    return count


@pytest.mark.parametrize("slow", ["sqlite"], indirect=True)
def test_progress_comes_and_goes(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    _, client = kernel
    began = time.monotonic()
    outputs = execute(client, f"%%maskedsql --timeout 3s\n{FOREVER}")

    first = next(each for each in outputs if each["type"] == "display_data")
    later = [each for each in outputs if each["type"] == "update_display_data"]
    assert first["at"] - began > 0.5
    assert first["transient"] == later[0]["transient"]
    assert "<progress" in first["data"]["text/html"]
    assert re.fullmatch(r"running, \d\.\d s", first["data"]["text/plain"])
    assert 2 <= len(later) <= 4 * 3
    assert [each["type"] for each in outputs][-2:] == ["clear_output", "error"]


@pytest.mark.parametrize("slow", ["sqlite"], indirect=True)
def test_line_magic_clears_its_progress_only(
    kernel: tuple[KernelManager, BlockingKernelClient],
) -> None:
    _, client = kernel
    outputs = execute(client, f"print('before')\nx = %maskedsql --timeout 1s {FOREVER}")

    assert "clear_output" not in {each["type"] for each in outputs}
    [*_, last] = [each for each in outputs if each["type"] == "update_display_data"]
    assert last["data"] == {"text/plain": "", "text/html": ""}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_shows_rows_and_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    assert run(lambda: time.sleep(1.0), lambda: None, progress=lambda: 12_345) is None
    *_, shown, cleared = terminal.getvalue().split("\r")
    assert re.fullmatch(r"\033\[K12 345 rows, \d\.\d s", shown)
    assert cleared == "\033[K"


def test_quick_call_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    assert run(lambda: 7, lambda: None) == 7
    assert terminal.getvalue() == ""


def test_errors_come_without_the_frames_that_raised_them() -> None:
    def fail() -> None:
        msg = "The database gave up."
        raise QueryFailedError(msg, hint="Ask less.") from ValueError(SECRET)

    with pytest.raises(QueryFailedError, match="gave up") as caught:
        run(fail, lambda: None)

    assert caught.value.hint == "Ask less."
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert "fail" not in {entry.name for entry in caught.traceback}


def test_what_nobody_expected_is_withheld() -> None:
    def fail() -> None:
        raise ValueError(SECRET)

    with pytest.raises(MasklineError, match="ValueError") as caught:
        run(fail, lambda: None)

    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_interrupt_cancels_the_call() -> None:
    ended = threading.Event()
    threading.Timer(0.2, os.kill, (os.getpid(), 2)).start()
    with pytest.raises(QueryCancelledError, match="stopped"):
        run(lambda: ended.wait(30), ended.set)

    assert ended.is_set()


def test_call_that_forgets_its_time_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskline_jupyter._running._GRACE_SECONDS", 0.1)
    ended = threading.Event()
    with pytest.raises(QueryCancelledError, match="time limit"):
        run(lambda: ended.wait(30), ended.set, timeout=0.1)

    assert ended.is_set()


def test_sidecar_that_does_not_obey_is_left_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("maskline_jupyter._sidecar_process._GRACE_SECONDS", 0.1)
    session = SidecarSession("shop")
    session.open()
    assert session._sidecar is not None
    pid = session._sidecar._process.pid
    os.kill(pid, 19)
    timer = threading.Timer(0.3, session.cancel)
    timer.start()
    with pytest.raises(QueryCancelledError, match="and the sidecar with it"):
        session.query("SELECT id FROM customer")
    os.kill(pid, 18)

    assert len(session.query("SELECT id FROM customer")) == 2
    session.close()
