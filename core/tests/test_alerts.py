import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maskline._sinks.alerts import AlertSink, AlertSinkType
from maskline.errors import AuditError
from maskline.model import (
    AccessEvent,
    ColumnRef,
    Flow,
    Label,
    Mask,
    OptionValue,
    Outcome,
    OutputColumn,
    Principal,
    ReadColumn,
)

KIND = AlertSinkType()
SSN, PIN = ColumnRef("main", "customer", "ssn"), ColumnRef("main", "vip", "pin")
BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIMITS: dict[str, OptionValue] = {
    "path": "alerts.jsonl", "rows_per_hour": 100, "refusals": 3, "refusal_minutes": 10,
    "lookups_per_hour": 5, "honey": "vip.*, crm.main.trap.id",
}  # fmt: skip
Emit = Callable[..., list[dict[str, Any]]]


def event(minute: float = 0, **more: Any) -> AccessEvent:
    at = BEGAN + timedelta(minutes=minute)
    given = {
        "query_id": "0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        "time": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "outcome": Outcome.ANSWERED,
        "principal": Principal(kind="human", id="ada"),
        "purpose": "because of 078-05-1120",
        "source": "crm",
        "namespace": "duckdb:///crm",
        "dialect": "duckdb",
        "sql": "SELECT ?",
        "fingerprint": "ab" * 32,
        "decision": "commuting",
        "policy_hash": "cd" * 32,
    }
    return AccessEvent(**{**given, **more})


def open_sink(folder: Path, **options: OptionValue) -> AlertSink:
    return KIND.open({**LIMITS, **options}, resolve=lambda path: str(folder / path))


def alerts_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "alerts.jsonl").read_bytes().splitlines()]


@pytest.fixture
def emit(tmp_path: Path) -> Iterator[Emit]:
    """Emit an event, and return the alerts that came of it."""
    sink = open_sink(tmp_path)

    def send(minute: float = 0, **more: Any) -> list[dict[str, Any]]:
        before = len(alerts_in(tmp_path))
        sink.emit(event(minute, **more))
        return alerts_in(tmp_path)[before:]

    yield send
    sink.close()


def kinds(alerts: list[dict[str, Any]]) -> list[str]:
    return [alert["alert"] for alert in alerts]


def test_mass_export_counts_the_rows_of_an_hour(emit: Emit) -> None:
    assert emit(0, rows=60) == []
    assert emit(5, rows=40) == []
    assert emit(5, rows=1000, principal=Principal(kind="agent", id="ada"))
    [alert] = emit(59, rows=1, outcome=Outcome.CANCELLED)
    assert emit(59, rows=500) == []  # It has been told.
    assert emit(130, rows=100) == []
    assert kinds(emit(131, rows=1, outcome=Outcome.FAILED)) == ["mass_export"]

    assert alert == {
        "v": 1,
        "time": "2026-03-01T12:59:00.000000Z",
        "principal": "human:ada",
        "on_behalf_of": [],
        "source": "crm",
        "query_id": "0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        "alert": "mass_export",
        "counted": 101,
        "limit": 100,
        "minutes": 60,
    }


def test_repeated_refusals_are_told_once(emit: Emit) -> None:
    refused = {"outcome": Outcome.REFUSED}

    assert emit(0, **refused) == emit(1, **refused) == []
    assert kinds(emit(9, **refused)) == ["repeated_refusals"]
    assert emit(9, **refused) == []
    assert emit(30, **refused) == emit(39, **refused) == emit(41, **refused) == []


def test_looking_up_one_literal_after_another_is_told(emit: Emit) -> None:
    looked_up = {"lookups": ((SSN, 2),), "outcome": Outcome.STARTED}

    assert emit(0, **looked_up) == emit(1, **looked_up) == []
    assert emit(1, lookups=((SSN, 2),), outcome=Outcome.ANSWERED) == []  # It was counted before.
    [alert] = emit(2, **{**looked_up, "outcome": Outcome.REFUSED})

    assert (alert["alert"], alert["counted"]) == ("lookup_walking", 6)
    assert alert["columns"] == ["main.customer.ssn"]


def test_the_first_reveal_is_told(emit: Emit) -> None:
    label = Label(entity="US_SSN")
    sources = ((SSN, (Flow.IDENTITY,)), (PIN, (Flow.FILTER,)))
    shown = OutputColumn(name="ssn", label=label, sources=sources, rule="rules[0]")
    masked = replace(shown, mask=Mask(name="redact"))
    plain = replace(shown, rule="")
    started = {"outcome": Outcome.STARTED}

    assert emit(outputs=(masked, plain), **started) == []
    assert emit(outputs=(shown,), outcome=Outcome.REFUSED) == []
    [alert] = emit(outputs=(masked, shown), **started)
    assert emit(outputs=(shown,)) == []
    other = Principal(kind="agent", id="bot", on_behalf_of=("ada",))
    [unmasked] = emit(decision="unmasked", sql="<unmask US_SSN in US_SSN>", principal=other)

    assert (alert["alert"], alert["columns"]) == ("first_reveal", ["main.customer.ssn"])
    assert unmasked["columns"] == ["<unmask US_SSN in US_SSN>"]
    assert (unmasked["principal"], unmasked["on_behalf_of"]) == ("agent:bot", ["ada"])


def test_honey_is_told_whenever_it_is_touched(emit: Emit) -> None:
    reads = (ReadColumn(ref=PIN), ReadColumn(ref=SSN))

    assert kinds(emit(reads=reads, outcome=Outcome.STARTED)) == ["honeytoken"]
    [again] = emit(reads=reads, outcome=Outcome.REFUSED)
    assert emit(reads=reads) == []
    assert emit(reads=(ReadColumn(ref=SSN),), outcome=Outcome.STARTED) == []
    trap = ColumnRef("main", "Trap", "ID")
    assert kinds(emit(reads=(ReadColumn(ref=trap),), outcome=Outcome.STARTED)) == ["honeytoken"]
    assert emit(reads=(ReadColumn(ref=trap),), outcome=Outcome.STARTED, source="other") == []

    assert again["columns"] == ["main.vip.pin"]


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    for minute in range(3):
        sink = open_sink(tmp_path)
        sink.emit(event(minute, outcome=Outcome.REFUSED))
        sink.close()

    assert kinds(alerts_in(tmp_path)) == ["repeated_refusals"]
    for name in ("alerts.jsonl", "alerts.jsonl.state"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_sinks_that_share_a_file_count_together(tmp_path: Path) -> None:
    def count_rows(_: int) -> None:
        sink = open_sink(tmp_path, rows_per_hour=1_000)
        for _ in range(100):
            sink.emit(event(rows=10))
        sink.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count_rows, range(3)))

    [alert] = alerts_in(tmp_path)
    assert alert["counted"] == 1_010


def test_counts_are_bounded(tmp_path: Path) -> None:
    sink = open_sink(tmp_path)
    for minute in range(0, 600, 5):
        sink.emit(event(minute, rows=1, principal=Principal(kind="human", id=str(minute))))
    sink.close()

    with sqlite3.connect(tmp_path / "alerts.jsonl.state") as database:
        [(kept,)] = database.execute("SELECT count(*) FROM counted").fetchall()
    database.close()
    assert kept == 12


def test_the_earliest_reveals_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskline._sinks.alerts._MOST_REMEMBERED", 2)
    sink = open_sink(tmp_path)
    for minute, name in enumerate(["a", "b", "c", "c", "a"]):
        who = Principal(kind="human", id=name)
        sink.emit(event(minute, decision="unmasked", sql="<unmask>", principal=who))
    sink.close()

    told = [alert["principal"] for alert in alerts_in(tmp_path)]
    assert told == ["human:a", "human:b", "human:c", "human:a"]


def test_without_a_path_alerts_go_to_the_standard_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sink = KIND.open({"refusals": 1}, resolve=str)
    sink.emit(event(outcome=Outcome.REFUSED))
    sink.close()

    assert json.loads(capsys.readouterr().err)["alert"] == "repeated_refusals"
    assert repr(sink) == "<AlertSink: standard error>"
    assert "alerts.jsonl" in repr(open_sink(tmp_path))


def test_no_alert_holds_the_purpose(tmp_path: Path) -> None:
    sink = open_sink(tmp_path, refusals=1)
    sink.emit(event(outcome=Outcome.REFUSED, reason="078-05-1120"))
    sink.close()

    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"repeated_refusals" in written
    assert b"078-05-1120" not in written


class Full:
    """A stream on a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(28, text)


def test_an_alert_that_cannot_be_written_comes_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = KIND.open({"refusals": 1}, resolve=str)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", Full())
        with pytest.raises(AuditError, match="OSError"):
            sink.emit(event(outcome=Outcome.REFUSED))
    sink.emit(event(outcome=Outcome.REFUSED))
    sink.close()

    assert json.loads(capsys.readouterr().err)["counted"] == 1


def test_a_state_that_is_no_state_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"garbage " * 1000)
    (tmp_path / "folder").mkdir()

    with pytest.raises(AuditError, match="DatabaseError"):
        open_sink(tmp_path, state="state")
    with pytest.raises(AuditError, match="IsADirectoryError"):
        open_sink(tmp_path, state="folder")


def test_options_are_checked() -> None:
    assert KIND.check(LIMITS) == []
    assert KIND.check({"first_reveal": False, "state": "x"}) == []
    assert KIND.check({"rows_per_hour": 0, "refusals": True, "lookups_per_hour": "x"}) == [
        "The option rows_per_hour of the sink alerts is no number from 1 on.",
        "The option refusals of the sink alerts is no number from 1 on.",
        "The option lookups_per_hour of the sink alerts is no number from 1 on.",
    ]
    assert KIND.check({"path": "", "honey": 3, "first_reveal": 1, "webhook": "x"}) == [
        "The option path of the sink alerts is no text.",
        "The option honey of the sink alerts is no text.",
        "The option first_reveal of the sink alerts is neither true nor false.",
        "The sink alerts has no option webhook.",
    ]
