"""Sessions in a process of their own: they answer as those in process do, and keep raw rows out."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import duckdb
import pytest

import maskline
from maskline import (
    MaskedResult,
    PolicyError,
    Principal,
    QueryFailedError,
    QueryRefusedError,
    UsageError,
)
from maskline.errors import Problem
from maskline_jupyter._sidecar import SidecarSession
from maskline_jupyter._sidecar_process import Sidecar
from maskline_jupyter._sidecar_wire import dump_error, load_error, unexpected

SECRET = "alice.secret@example.com"
QUERY = "SELECT id, email, tier FROM customer ORDER BY id"
OF_ONE_RUN = {"table", "query_id", "duration_ms"}


@pytest.fixture
def session(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SidecarSession]:
    monkeypatch.chdir(folder)
    session = SidecarSession("shop")
    session.open()
    yield session
    session.close()


@pytest.fixture
def kinds(folder: Path) -> Path:
    """A DuckDB file with every kind of type that Arrow nests, encodes or converts."""
    with duckdb.connect(str(folder / "kinds.duckdb")) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        connection.execute(
            "CREATE TABLE t AS SELECT i AS id, 'ok'::mood AS mood, [i, NULL] AS list,"
            " {'a': i, 'b': 'x'} AS struct, map([i], ['y']) AS map, i::DECIMAL(12, 3) AS money,"
            " uuid() AS uid, now() AS at, 'abc'::BLOB AS bytes, INTERVAL 3 DAY AS span,"
            " 'a' || i || '@mail.example' AS email FROM range(3000) AS r(i)"
        )
        connection.execute(
            "CREATE TABLE big AS SELECT i AS id, CASE WHEN i < 900000 THEN '1' ELSE 'one' END AS n"
            " FROM range(1000000) AS r(i)"
        )
    (folder / "kinds.yaml").write_text(
        "version: 1\nkeys: {file: keyring.json}\n"
        "sources:\n  kinds: {url: 'duckdb:///kinds.duckdb'}\n"
        "labels:\n  kinds:\n    main.t: {id: PUBLIC, mood: PUBLIC, list: PUBLIC, struct: PUBLIC,"
        " map: PUBLIC, money: PUBLIC, uid: PUBLIC, at: PUBLIC, bytes: PUBLIC, span: PUBLIC,"
        " email: EMAIL_ADDRESS}\n    main.big: {id: PUBLIC, n: PUBLIC}\n"
        "audit: {path: audit}\n"
    )
    return folder / "kinds.yaml"


def facts(result: MaskedResult) -> dict[str, object]:
    names = {field.name for field in fields(MaskedResult)} - OF_ONE_RUN
    return {name: getattr(result, name) for name in names}


def test_sidecar_answers_as_a_session_in_process(session: SidecarSession, folder: Path) -> None:
    with maskline.connect("shop", policy=folder / "policy.yaml") as here:
        mine, theirs = here.query(QUERY, limit=1), session.query(QUERY, limit=1)

        assert theirs.table.equals(mine.table)
        assert facts(theirs) == facts(mine)
        assert session.columns() == here.columns()
        assert (session.source_name, session.dialect) == (here.source_name, here.dialect)
        assert (session.principal, session.warnings) == (here.principal, here.warnings)
        assert (session.policy.hash, session.policy.version) == (
            here.policy.hash,
            here.policy.version,
        )


def test_every_type_arrives_as_it_was_sent(kinds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kinds.parent)
    session = SidecarSession(policy=kinds)
    session.open()
    with maskline.connect(policy=kinds) as here:
        mine = here.query("SELECT * FROM t ORDER BY id").table
    theirs = session.query("SELECT * FROM t ORDER BY id").table
    session.close()

    assert theirs.schema == mine.schema
    assert theirs.equals(mine)


def test_plan_comes_without_what_is_sent_to_the_database(
    session: SidecarSession, folder: Path
) -> None:
    sql = "SELECT tier, count(*) FROM customer WHERE email = 'somebody' GROUP BY tier"
    with maskline.connect("shop", policy=folder / "policy.yaml") as here:
        mine = here.explain(sql)
    theirs = session.explain(sql)

    assert (theirs.strategy, theirs.outputs, theirs.reads) == (
        mine.strategy,
        mine.outputs,
        mine.reads,
    )
    assert theirs.reasons == mine.reasons
    assert (theirs.sql, theirs.checked, theirs.lookups) == ("", "", ())


def test_purpose_of_the_session_is_that_of_its_queries(session: SidecarSession) -> None:
    session.purpose = "churn review"

    assert session.query(QUERY).purpose == "churn review"
    assert session.query(QUERY, purpose="audit").purpose == "audit"


def test_whoever_asks_keeps_their_roles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    asker = Principal(kind="agent", id="bot", roles=("fraud",), on_behalf_of=("ann",))
    session = SidecarSession(principal=asker)
    session.open()
    session.close()

    assert session.principal == asker


def test_error_comes_fresh_and_of_its_class(session: SidecarSession) -> None:
    with pytest.raises(QueryRefusedError, match="The function nosuch") as caught:
        session.query(f"SELECT nosuch(email) FROM customer WHERE email = '{SECRET}'")

    assert caught.value.hint
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert len(session.query(QUERY)) == 2


def test_error_in_the_middle_of_the_rows_releases_none(
    kinds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kinds.parent)
    session = SidecarSession(policy=kinds)
    session.open()
    with pytest.raises(QueryFailedError, match="Conversion"):
        session.query("SELECT id, CAST(n AS INTEGER) AS n FROM big")

    assert len(session.query("SELECT id FROM big", limit=3)) == 3
    session.close()


def test_broken_policy_comes_with_every_problem(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "policy.yaml").write_text("version: 2\nsuorces: {}\n")
    session = SidecarSession()
    with pytest.raises(PolicyError) as caught:
        session.open()
    session.close()

    assert len(caught.value.problems) >= 2


def test_errors_are_told_in_full_and_others_withheld() -> None:
    class OfAPluginError(QueryFailedError):
        code = "of-a-plugin"

    problem = Problem(line=1, column=2, where="rules[0]", message="Wrong.", hint="Mend it.")
    broken = load_error(dump_error(PolicyError("Broken.", hint="So.", problems=(problem,))))
    failed = load_error(dump_error(OfAPluginError("Failed.", hint="Then.")))
    withheld = unexpected(ValueError(SECRET))

    assert isinstance(broken, PolicyError)
    assert (broken.message, broken.hint, broken.problems) == ("Broken.", "So.", (problem,))
    assert type(failed) is QueryFailedError
    assert (failed.message, failed.hint) == ("Failed.", "Then.")
    assert "ValueError" in str(withheld)
    assert SECRET not in str(withheld)
    assert "No module named" in unexpected(ImportError("No module named 'x'")).message


def test_folder_and_environment_are_those_of_the_connection(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = Sidecar()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SHOP_FILE", "shop.db")
    text = (folder / "policy.yaml").read_text().replace("shop.db", "${SHOP_FILE}")
    (folder / "policy.yaml").write_text(text)
    session = SidecarSession(spare=spare)
    session.open()

    assert len(session.query(QUERY)) == 2
    session.close()
    assert not spare.is_open


def test_sidecar_that_was_killed_is_replaced(session: SidecarSession) -> None:
    os.kill(pid_of(session), signal.SIGKILL)
    with pytest.raises(QueryFailedError, match="ended before it answered: SIGKILL"):
        session.query(QUERY)

    assert len(session.query(QUERY)) == 2


def test_call_that_is_interrupted_leaves_no_answer_behind(
    session: SidecarSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_reader: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maskline_jupyter._sidecar._read_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.query(QUERY)
    monkeypatch.undo()
    [one] = session.query("SELECT 7 AS n").dicts()

    assert one == {"n": 7}


def test_forked_child_has_a_sidecar_of_its_own(session: SidecarSession, folder: Path) -> None:
    program = (
        "import os, sys\n"
        "from maskline_jupyter._sidecar import SidecarSession\n"
        "session = SidecarSession('shop'); session.open()\n"
        "mine = session._sidecar._process.pid\n"
        "if os.fork() == 0:\n"
        "    [row] = session.query('SELECT 1 AS n').dicts()\n"
        "    other = session._sidecar._process.pid\n"
        "    session.close()\n"
        "    os._exit(0 if row == {'n': 1} and other != mine else 1)\n"
        "_, status = os.wait()\n"
        "[row] = session.query('SELECT 2 AS n').dicts()\n"
        "session.close()\n"
        "sys.exit(status or row != {'n': 2})\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=folder, check=False, timeout=60)

    assert ran.returncode == 0


def test_death_of_the_notebook_ends_the_sidecar(folder: Path) -> None:
    program = (
        "import time\n"
        "from maskline_jupyter._sidecar import SidecarSession\n"
        "session = SidecarSession('shop'); session.open()\n"
        "print(session._sidecar._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as notebook:
        assert notebook.stdout is not None
        pid = int(notebook.stdout.readline())
        assert is_alive(pid)
        notebook.kill()

    assert soon(lambda: not is_alive(pid))


def test_closing_ends_the_process_and_every_socket(session: SidecarSession) -> None:
    before = sockets()
    for _ in range(2):
        other = SidecarSession("shop")
        other.open()
        pid = pid_of(other)
        other.close()
        other.close()
        assert not is_alive(pid)

    assert sockets() == before


@pytest.mark.parametrize("ask", ["query", "explain"])
def test_session_that_is_not_open_says_so(folder: Path, ask: str) -> None:
    session = SidecarSession("shop")

    with pytest.raises(UsageError, match="not open"):
        getattr(session, ask)("SELECT 1")
    for name in ("dialect", "principal"):
        with pytest.raises(UsageError, match="not open"):
            getattr(session, name)
    assert session.progress() == 0
    assert repr(session) == "<SidecarSession: shop>"
    session.cancel()
    session.close()


def test_sidecar_uses_no_network_and_hears_no_signals(session: SidecarSession) -> None:
    pid = pid_of(session)

    assert os.getpgid(pid) != os.getpgid(0)
    assert os.getsid(pid) != os.getsid(0)
    if sys.platform == "linux":
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert "-P" in arguments
        assert "shop" not in arguments


@pytest.mark.skipif(sys.platform != "linux", reason="it is another call elsewhere")
def test_sidecar_leaves_no_memory_to_look_at() -> None:
    program = (
        "import ctypes, resource\n"
        "from maskline_jupyter._sidecar_main import _harden\n"
        "_harden()\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "0 (0, 0)"


def test_report_tells_paths_and_no_keys(session: SidecarSession, folder: Path) -> None:
    told = session.report()

    assert told["source"].startswith("shop answers: 3 columns")
    assert told["policy"].startswith(str(folder / "policy.yaml"))
    assert told["keys"] == str(folder / "keyring.json")
    assert told["audit"] == str(folder / "audit")
    assert told["kernels"] in {"native", "numpy"}
    assert (folder / "keyring.json").read_text()[20:60] not in str(told)


def test_report_tells_that_the_source_is_gone(session: SidecarSession, folder: Path) -> None:
    (folder / "shop.db").write_bytes(b"no database any more" * 400)

    assert "answers" not in session.report()["source"]


def test_opening_can_be_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    session = SidecarSession("shop", spare=(spare := Sidecar()))
    os.kill(spare._process.pid, signal.SIGSTOP)
    threading.Timer(0.2, session.cancel).start()
    with pytest.raises(QueryFailedError):
        session.open()
    os.kill(spare._process.pid, signal.SIGCONT)

    session.open()
    assert len(session.query(QUERY)) == 2
    session.close()


def test_importing_the_sidecar_is_cheap() -> None:
    program = (
        "import sys, maskline_jupyter._sidecar, maskline_jupyter._running\n"
        "print([m for m in ('pyarrow', 'numpy', 'pydantic', 'sqlglot') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "[]"


def test_rows_that_cannot_be_read_end_the_sidecar(
    session: SidecarSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_reader: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("maskline_jupyter._sidecar._read_rows", unreadable)
    with pytest.raises(QueryFailedError, match="before it answered") as caught:
        session.query(QUERY)
    monkeypatch.undo()

    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None
    assert len(session.query(QUERY)) == 2


def sockets() -> int:
    """Count what this process has open, where that can be counted."""
    gc.collect()
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def pid_of(session: SidecarSession) -> int:
    assert session._sidecar is not None
    return session._sidecar._process.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def soon(is_so: Callable[[], bool], seconds: float = 8.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return is_so()
