"""Tasks that run in Airflow's real task runner, and everything that leaves their process.

No database, API server or scheduler of Airflow takes part: a fake supervisor records every message.
The listener of the OpenLineage provider is the real one, and writes its events to a file.
"""

import contextlib
import dataclasses
import io
import json
import logging
import os
import sqlite3
import tempfile
import types
import uuid
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maskline.tokens import Keyring

CANARIES = ("canary.raw@leak-test.example", "666-12-9999", "Quillon Vexmoor")

_HOME = Path(tempfile.mkdtemp(prefix="maskline-airflow-"))
_EVENTS = _HOME / "events.jsonl"
# Airflow reads its configuration when it is first imported, and each test imports it.
os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__OPENLINEAGE__DEBUG_MODE": "True",
    "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "60",
    "AIRFLOW__OPENLINEAGE__INCLUDE_FULL_TASK_INFO": "True",
    "AIRFLOW__OPENLINEAGE__NAMESPACE": "test",
    "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
        {"type": "file", "log_file_path": str(_EVENTS), "append": True}
    ),
}


class Supervisor:
    """Answers what the task runner asks, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.socket = None

    def send(self, msg: Any) -> Any:
        from airflow.sdk.execution_time import comms

        self.sent.append(msg)
        kind = type(msg).__name__
        if kind == "GetXCom":
            return comms.XComResult(key=msg.key, value=None)
        if kind == "ValidateInletsAndOutlets":
            return comms.InactiveAssetsResult(inactive_assets=[])
        if kind == "GetConnection":
            return comms.ErrorResponse(error=comms.ErrorType.CONNECTION_NOT_FOUND)
        if kind == "GetVariable":
            return comms.ErrorResponse(error=comms.ErrorType.VARIABLE_NOT_FOUND)
        return comms.OKResponse(ok=True)

    async def asend(self, msg: Any) -> Any:
        return self.send(msg)


@dataclasses.dataclass(frozen=True)
class TaskRun:
    """How a task ended, and everything that left its process."""

    state: str
    error: BaseException | None
    sent: list[Any]
    log: str
    events: list[dict[str, Any]]

    def xcom(self) -> Any:
        from airflow.sdk.serde import deserialize

        values = [msg.value for msg in self.sent if type(msg).__name__ == "SetXCom"]
        return deserialize(values[-1]) if values else None

    def rendered(self) -> list[dict[str, Any]]:
        kind = "SetRenderedFields"
        return [msg.rendered_fields for msg in self.sent if type(msg).__name__ == kind]

    def leaks(self) -> list[str]:
        """Every place in which a canary stands."""
        places = {f"message {type(msg).__name__}": msg.model_dump_json() for msg in self.sent}
        places |= {f"event {event['eventType']}": json.dumps(event) for event in self.events}
        error: BaseException | None = self.error
        while error is not None:
            places[f"error {type(error).__name__}"] = repr(error)
            error = error.__cause__ or error.__context__
        places["log"] = self.log
        return [name for name, text in places.items() if any(word in text for word in CANARIES)]


def _runtime(operator: Any, try_number: int) -> Any:
    import uuid6
    from airflow.sdk.api.datamodels import _generated as models
    from airflow.sdk.execution_time import task_runner

    now = datetime.now(UTC)
    run = models.DagRun(
        dag_id=operator.dag_id, run_id="run", logical_date=now, data_interval_start=now,
        data_interval_end=now, run_after=now, start_date=now, end_date=None,
        run_type=models.DagRunType.MANUAL, state=models.DagRunState.RUNNING, conf={},
        consumed_asset_events=[], partition_key=None,
    )  # fmt: skip
    can_retry = try_number <= operator.retries
    context = models.TIRunContext(dag_run=run, max_tries=operator.retries, should_retry=can_retry)
    return task_runner.RuntimeTaskInstance.model_construct(
        id=uuid6.uuid7(), task_id=operator.task_id, dag_id=operator.dag_id, run_id="run",
        try_number=try_number, map_index=-1, dag_version_id=uuid6.uuid7(), task=operator,
        _ti_context_from_server=context, max_tries=operator.retries, start_date=now,
        state="running", bundle_instance=types.SimpleNamespace(name="tests", version=None),
        is_mapped=False, rendered_map_index=None, hostname="host", context_carrier={},
        queue="default", priority_weight=1, pool_slots=1,
    )  # fmt: skip


@contextlib.contextmanager
def _logged() -> Iterator[io.StringIO]:
    import structlog

    text = io.StringIO()
    handler, root, before = logging.StreamHandler(text), logging.getLogger(), structlog.get_config()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(text),
        cache_logger_on_first_use=False,
    )
    try:
        yield text
    finally:
        structlog.configure(**before)
        root.setLevel(level)
        root.removeHandler(handler)


def _run(operator: Any, *, try_number: int = 1) -> TaskRun:
    import structlog
    from airflow.sdk import DAG
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.lineage import get_hook_lineage_collector

    if not operator.has_dag():
        DAG(dag_id=f"dag_{uuid.uuid4().hex[:8]}", schedule=None).add_task(operator)
    get_hook_lineage_collector.cache_clear()
    _EVENTS.unlink(missing_ok=True)
    supervisor = Supervisor()
    missing = object()
    before = getattr(task_runner, "SUPERVISOR_COMMS", missing)
    task_runner.SUPERVISOR_COMMS = supervisor
    try:
        with _logged() as text:
            instance = _runtime(operator, try_number)
            log = structlog.get_logger("task")
            context = instance.get_template_context()
            state, _, error = task_runner.run(instance, context, log)
            context["exception"] = error
            task_runner.finalize(instance, state, context, log, error)
    finally:
        del task_runner.SUPERVISOR_COMMS
        if before is not missing:
            task_runner.SUPERVISOR_COMMS = before
    lines = _EVENTS.read_text().splitlines() if _EVENTS.exists() else []
    return TaskRun(
        state=state.value,
        error=error,
        sent=supervisor.sent,
        log=text.getvalue(),
        events=[json.loads(line) for line in lines],
    )


@pytest.fixture(scope="session", autouse=True)
def airflow() -> Iterator[None]:
    """Import Airflow once, with the warnings that it gives about itself."""
    handlers = list(logging.getLogger().handlers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import airflow.providers.common.sql.operators.sql
        import airflow.providers.openlineage.extractors
        import airflow.sdk.execution_time.task_runner  # noqa: F401
    yield
    # Airflow's handler writes to a stream that pytest closes.
    logging.getLogger().handlers[:] = handlers


@pytest.fixture
def run_task() -> Iterator[Callable[..., TaskRun]]:
    """Run an operator in the real task runner."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield _run


@pytest.fixture(scope="session")
def canaries() -> tuple[str, ...]:
    """Values that no task may let out."""
    return CANARIES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop with canaries, a policy, keys, and connections to the shop and to an empty file."""
    email, ssn, name = CANARIES
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.executescript(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, ssn TEXT, name TEXT,"
            " tier TEXT, password_hash TEXT);"
            f"INSERT INTO customer VALUES (1, '{email}', '{ssn}', '{name}', 'gold', 'x1'),"
            " (2, 'b@x.org', '123-45-6789', 'Ada Lovelace', 'silver', NULL);"
        )
    Keyring.generate().save(tmp_path / "keyring.json")
    (tmp_path / "policy.yaml").write_text(
        "version: 1\n"
        "keys: {file: keyring.json}\n"
        "sources:\n  shop: {url: 'sqlite:///shop.db'}\n"
        "labels:\n  shop:\n    main.customer: {id: PUBLIC, email: EMAIL_ADDRESS, ssn: US_SSN,"
        " name: PERSON, tier: PUBLIC, password_hash: PASSWORD}\n"
        "audit: {path: audit}\n"
    )
    for conn_id, file in {"shop": "shop.db", "target": "target.db"}.items():
        _connect(monkeypatch, conn_id, conn_type="sqlite", host=str(tmp_path / file))
    _connect(
        monkeypatch, "masked", conn_type="maskline",
        extra={"source_conn_id": "shop", "policy": str(tmp_path / "policy.yaml")},
    )  # fmt: skip
    return tmp_path


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Define a connection of Airflow."""
    return lambda conn_id, **fields: _connect(monkeypatch, conn_id, **fields)


def _connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
