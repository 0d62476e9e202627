import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from maskline._sinks import BUILTIN, MemorySink
from maskline.audit import to_json
from maskline.errors import AuditError
from maskline.model import AccessEvent, Outcome, Principal
from maskline.roles import Sink, SinkType
from maskline.testing import check_sink

ALERTS, JSONL, MEMORY = BUILTIN


@pytest.fixture
def event() -> AccessEvent:
    return AccessEvent(
        query_id="0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        time="2026-03-01T12:00:00Z",
        outcome=Outcome.STARTED,
        principal=Principal(kind="human", id="ada"),
        purpose="",
        source="shop",
        namespace="duckdb:///shop",
        dialect="duckdb",
        sql="SELECT ?",
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
    )


@pytest.fixture
def open_jsonl(tmp_path: Path) -> Callable[[str], Sink]:
    return lambda name: JSONL.open({"path": name}, resolve=lambda path: str(tmp_path / path))


def test_the_built_in_sinks_play_their_roles(open_jsonl: Callable[[str], Sink]) -> None:
    assert [kind.name for kind in BUILTIN] == ["alerts", "jsonl", "memory"]
    assert all(isinstance(kind, SinkType) for kind in BUILTIN)
    for sink in (open_jsonl("events.jsonl"), MEMORY.open({}, resolve=str)):
        assert isinstance(sink, Sink)
        sink.close()


def test_the_built_in_sinks_keep_the_rules_for_plugins() -> None:
    check_sink(JSONL, options={"path": "deeper/events.jsonl"})
    check_sink(MEMORY)
    check_sink(ALERTS, options={"path": "deeper/alerts.jsonl"})
    check_sink(ALERTS)


def test_memory_keeps_events_in_order(event: AccessEvent) -> None:
    sink = MEMORY.open({}, resolve=str)
    answered = replace(event, outcome=Outcome.ANSWERED)
    sink.emit(event)
    sink.emit(answered)
    sink.close()

    assert isinstance(sink, MemorySink)
    assert sink.events == [event, answered]
    assert repr(sink) == "<MemorySink: 2 events>"


def test_each_memory_sink_has_a_list_of_its_own() -> None:
    assert MemorySink().events is not MemorySink().events


def test_memory_has_no_options() -> None:
    assert MEMORY.check({}) == []
    assert MEMORY.check({"path": "x"}) == ["The sink memory has no option path."]


def test_jsonl_appends_a_line_for_each_event(
    tmp_path: Path, event: AccessEvent, open_jsonl: Callable[[str], Sink]
) -> None:
    for outcome in (Outcome.STARTED, Outcome.ANSWERED):
        sink = open_jsonl("deeper/events.jsonl")
        sink.emit(replace(event, outcome=outcome, purpose="Zoë"))
        sink.close()
    file = tmp_path / "deeper" / "events.jsonl"
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]

    assert lines == [
        to_json(replace(event, outcome=outcome, purpose="Zoë"))
        for outcome in (Outcome.STARTED, Outcome.ANSWERED)
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in repr(sink)


def test_jsonl_does_not_extend_a_line_that_was_cut_short(
    tmp_path: Path, event: AccessEvent, open_jsonl: Callable[[str], Sink]
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"query_id":"0')
    sink = open_jsonl("events.jsonl")
    sink.emit(event)
    sink.close()

    assert json.loads(file.read_bytes().splitlines()[1]) == to_json(event)


def test_jsonl_needs_a_path_and_nothing_else() -> None:
    needs = "The sink jsonl needs a path: the file to append to."

    assert JSONL.check({"path": "events.jsonl"}) == []
    assert JSONL.check({}) == JSONL.check({"path": ""}) == JSONL.check({"path": 3}) == [needs]
    assert JSONL.check({"path": "x", "mode": "w"}) == ["The sink jsonl has no option mode."]


def test_jsonl_refuses_a_path_that_cannot_be_opened(
    tmp_path: Path, open_jsonl: Callable[[str], Sink]
) -> None:
    (tmp_path / "file").write_text("")

    for name, code in (("file/events.jsonl", "EEXIST|ENOTDIR"), (".", "EISDIR")):
        with pytest.raises(AuditError, match=code) as caught:
            open_jsonl(name)
        assert caught.value.hint
        assert caught.value.__context__ is None


def test_jsonl_raises_if_an_event_is_not_written_whole(
    tmp_path: Path, event: AccessEvent, open_jsonl: Callable[[str], Sink]
) -> None:
    sink = open_jsonl("events.jsonl")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for room, code in ((10, "ENOSPC"), (10, "EFBIG")):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            with pytest.raises(AuditError, match=code) as caught:
                sink.emit(event)
            assert caught.value.__context__ is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sink.close()


def test_jsonl_raises_once_it_is_closed(
    event: AccessEvent, open_jsonl: Callable[[str], Sink]
) -> None:
    sink = open_jsonl("events.jsonl")
    sink.close()

    with pytest.raises(AuditError, match="EBADF"):
        sink.emit(event)


def test_jsonl_keeps_a_file_open_and_not_a_name(
    tmp_path: Path, event: AccessEvent, open_jsonl: Callable[[str], Sink]
) -> None:
    sink = open_jsonl("events.jsonl")
    (tmp_path / "events.jsonl").rename(tmp_path / "moved.jsonl")
    sink.emit(event)
    sink.close()

    assert (tmp_path / "moved.jsonl").read_bytes().count(b"\n") == 1
