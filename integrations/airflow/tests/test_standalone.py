"""One run of a whole Airflow: API server, scheduler, processor of DAGs, triggerer, workers."""

import collections
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

LIMIT = 240.0

DAGS = """
import datetime, os
from airflow.sdk import DAG, task
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from maskline_airflow import MaskedSQLExecuteQueryOperator
from maskline_airflow.example_dags import masked_shop
from maskline_airflow.example_dags.masked_shop import *

def refused():
    return f"SELECT nothing FROM customer WHERE email = '{os.environ['CANARY']}'"

class Refused(MaskedSQLExecuteQueryOperator):
    template_fields = ()
    def execute(self, context):
        self.sql = refused()
        self._seal()
        return super().execute(context)

with DAG(dag_id="guarded", schedule=None):
    Refused(task_id="refused", conn_id="shop", sql="SELECT 1", retries=2,
            retry_delay=datetime.timedelta(seconds=1))
    SQLExecuteQueryOperator(task_id="stock", conn_id="masked",
                            sql="SELECT email, ssn, name FROM customer")

with DAG(dag_id="leaky", schedule=None):
    SQLExecuteQueryOperator(task_id="leak", conn_id="shop", sql="SELECT name FROM customer")
"""

EXPECTED = {
    ("masked_shop", "START"): 1, ("masked_shop", "COMPLETE"): 1,
    ("masked_shop.count_tiers", "START"): 1, ("masked_shop.count_tiers", "COMPLETE"): 1,
    ("masked_shop.ask", "START"): 1, ("masked_shop.ask", "COMPLETE"): 1,
    ("masked_shop.copy", "START"): 2, ("masked_shop.copy", "COMPLETE"): 2,
    ("masked_shop.check", "START"): 1, ("masked_shop.check", "COMPLETE"): 1,
    ("guarded", "START"): 1, ("guarded", "FAIL"): 1,
    ("guarded.refused", "START"): 1, ("guarded.refused", "FAIL"): 1,
    ("guarded.stock", "START"): 1, ("guarded.stock", "COMPLETE"): 1,
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def home(folder: Path, canaries: Any) -> Path:
    home = folder / "airflow"
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "dags.py").write_text(DAGS)
    return home


def environment(folder: Path, home: Path, canary: str) -> dict[str, str]:
    port = free_port()
    given = {
        "HOME": str(home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CANARY": canary, "PYTHONWARNINGS": "ignore",
        "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW__API__PORT": str(port), "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(home / "events.jsonl"), "append": True}
        ),
        "AIRFLOW__OPENLINEAGE__INCLUDE_FULL_TASK_INFO": "True",
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "test",
        "AIRFLOW__MASKLINE__POLICY": str(folder / "policy.yaml"),
    }  # fmt: skip
    given |= {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
    given["AIRFLOW_CONN_WAREHOUSE"] = given["AIRFLOW_CONN_TARGET"]
    return given


def states(home: Path) -> dict[str, str]:
    with contextlib.suppress(sqlite3.Error):
        address = f"file:{home}/airflow.db?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            return dict(connection.execute("SELECT dag_id, state FROM dag_run"))
    return {}


def parsed(home: Path) -> int:
    with contextlib.suppress(sqlite3.Error):
        address = f"file:{home}/airflow.db?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM serialized_dag").fetchone()[0])
    return 0


def wait(what: Any, until: float) -> bool:
    while not (found := what()) and time.monotonic() < until:
        time.sleep(0.5)
    return bool(found)


def holders(home: Path, canaries: tuple[str, ...]) -> set[str]:
    """The files below a folder in which a canary stands."""
    found = set()
    for path in home.rglob("*"):
        if path.is_file() and any(word.encode() in path.read_bytes() for word in canaries):
            found.add(path.relative_to(home).as_posix())
    return found


@pytest.mark.slow
def test_no_canary_leaves_a_task_of_a_whole_airflow(
    folder: Path, home: Path, canaries: tuple[str, ...]
) -> None:
    given = environment(folder, home, canaries[0])
    deadline = time.monotonic() + LIMIT
    with (folder / "console.log").open("wb") as console:
        server = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            env=given, stdout=console, stderr=console, start_new_session=True,
        )  # fmt: skip
        try:
            assert wait(lambda: parsed(home) == 3, deadline)
            for dag in ("masked_shop", "guarded"):
                subprocess.run(
                    [sys.executable, "-m", "airflow", "dags", "trigger", dag],
                    env=given, check=True, capture_output=True,
                )  # fmt: skip
            ends = {"masked_shop": "success", "guarded": "failed"}
            wait(lambda: set(states(home).values()) <= {"success", "failed"}, deadline)
            assert states(home) == ends
            events = home / "events.jsonl"
            wait(lambda: len(events.read_text().splitlines()) >= sum(EXPECTED.values()), deadline)
            clean = holders(home, canaries), holders(folder, canaries)
            subprocess.run(
                [sys.executable, "-m", "airflow", "dags", "trigger", "leaky"],
                env=given, check=True, capture_output=True,
            )  # fmt: skip
            wait(lambda: states(home).get("leaky") == "success", deadline)
            leaky = holders(home, canaries)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)

    assert clean == (set(), {"shop.db"})
    assert leaky != set()
    told = [json.loads(line) for line in events.read_text().splitlines()]
    counts = collections.Counter((event["job"]["name"], event["eventType"]) for event in told)
    assert {
        key: count for key, count in counts.items() if not key[0].startswith("leaky")
    } == EXPECTED
