"""Events reach a lineage server at least once, whatever dies, and no query waits for it."""

import contextlib
import json
import logging
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

import maskline
import maskline_openlineage
from maskline.cli import main
from maskline.errors import UsageError
from maskline.lineage import Delivery, Forwarder
from maskline.model import AccessEvent, Outcome
from maskline.tokens import Keyring
from maskline_openlineage._forwarding import Background, forward
from maskline_openlineage._outbox import Outbox
from maskline_openlineage._sending import (
    RejectedError,
    Sender,
    UnsentError,
    synchronous,
    to_event,
)

[KIND] = maskline_openlineage.maskline_register_sinks()

EMITS = """
import sys, uuid
from dataclasses import replace
import maskline_openlineage
from maskline.model import AccessEvent, Outcome, Principal
[kind] = maskline_openlineage.maskline_register_sinks()
sink = kind.open({"path": sys.argv[1], "forward": True}, resolve=str)
for number in range(int(sys.argv[2])):
    event = AccessEvent(
        query_id=str(uuid.uuid4()), time="2026-03-01T12:00:00.%06dZ" % number,
        outcome=Outcome.STARTED, principal=Principal(kind="human", id="ada"), purpose="",
        source="shop", namespace="duckdb:///shop", dialect="duckdb", sql="SELECT ?",
        fingerprint="ab" * 32, decision="commuting", policy_hash="")
    sink.emit(event)
    print(event.query_id, "START", flush=True)
    sink.emit(replace(event, outcome=Outcome.ANSWERED))
    print(event.query_id, "COMPLETE", flush=True)
"""
POLICY = """\
version: 1
plugins: [openlineage]
keys: {file: keyring.json}
sources: {shop: {url: "duckdb:///shop.duckdb"}}
labels: {shop: {main.people: {id: PUBLIC, email: EMAIL_ADDRESS}}}
"""
SINK = "sinks: {openlineage: {path: lineage/outbox.jsonl, forward: true}}\n"


@dataclass
class Server:
    """A lineage server that can be down, and answer what it is told to."""

    port: int
    statuses: list[int] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.statuses.pop(0) if outer.statuses else 201
                if status == 201:
                    outer.received.append(json.loads(body))
                    outer.headers.append(dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def identities(self) -> list[tuple[str, str]]:
        return [(body["run"]["runId"], body["eventType"]) for body in self.received]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 0}')
    found = Server(port)
    yield found
    found.stop()


@pytest.fixture
def unconfigured(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE people AS SELECT 1 AS id, 'ann.canary@example.com' email")
    Keyring.generate().save(tmp_path / "keyring.json")
    (tmp_path / "policy.yaml").write_text(POLICY + SINK)
    return tmp_path


@pytest.fixture
def flush(outbox: Path) -> Callable[..., Delivery]:
    def flush(timeout: float = 0) -> Delivery:
        found: Delivery = KIND.forward({"path": str(outbox)}, resolve=str, timeout=timeout)
        return found

    return flush


# One by one, with what sends made up.


@pytest.fixture
def full(outbox: Path) -> Outbox:
    made = Outbox(outbox, most_bytes=10_000, segment_bytes=20)
    for number in range(9):
        made.append(b'{"number": %d}\n' % number, events=1)
    return made


def test_what_was_sent_is_not_sent_again(full: Outbox) -> None:
    sent: list[bytes] = []
    first = forward(full, sent.append, timeout=0)
    second = forward(full, sent.append, timeout=0)

    assert first == Delivery(sent=9, rejected=0, waiting=0, lost=0, lost_since="")
    assert second.sent == 0
    assert [json.loads(line)["number"] for line in sent] == list(range(9))


def test_an_event_that_does_not_arrive_is_tried_again_and_none_overtakes_it(
    full: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskline_openlineage._forwarding._FIRST_PAUSE", 0.001)
    tried: list[int] = []

    def send(line: bytes) -> None:
        tried.append(json.loads(line)["number"])
        if tried.count(4) < 4 and tried[-1] == 4:
            raise UnsentError

    assert forward(full, send, timeout=5).sent == 9
    assert tried == [0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 8]


def test_pauses_grow_and_the_time_is_kept(full: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []
    problem = ["ConnectionError"]

    class Clock(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0)
            return len(pauses) == 9

    def send(line: bytes) -> None:
        raise UnsentError(*problem)

    done = forward(full, send, timeout=1_000_000, stop=Clock())

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert done.sent == 0
    assert done.waiting == 9 * 14
    assert [record.getMessage() for record in caplog.records] == [
        "Lineage events cannot be sent, and wait in the outbox: ConnectionError."
    ]


def test_an_event_that_is_rejected_holds_up_no_other(full: Outbox, outbox: Path) -> None:
    def send(line: bytes) -> None:
        if json.loads(line)["number"] == 3:
            raise RejectedError

    done = forward(full, send, timeout=0)

    assert (done.sent, done.rejected, done.waiting) == (8, 1, 0)
    assert outbox.with_name("outbox.jsonl.rejected").read_bytes() == b'{"number": 3}\n'


def test_who_is_asked_to_stop_sends_no_more(full: Outbox) -> None:
    stop = threading.Event()
    sent: list[bytes] = []

    def send(line: bytes) -> None:
        sent.append(line)
        if len(sent) == 3:
            stop.set()

    assert forward(full, send, timeout=9, stop=stop).sent == 3
    assert forward(full, send, timeout=9).sent == 6


def test_a_thread_that_cannot_read_the_outbox_says_so_and_tries_again(
    full: Outbox, outbox: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskline_openlineage._forwarding._LONGEST_PAUSE", 0.05)
    away = outbox.parent.with_name("away")
    outbox.parent.rename(away)
    sent: list[bytes] = []
    background = Background(full, sent.append)
    deadline = time.monotonic() + 10
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)
    away.rename(outbox.parent)
    while len(sent) < 9 and time.monotonic() < deadline:
        background.wake()
        time.sleep(0.01)
    background.close()

    assert "ENOENT" in caplog.text
    assert len(sent) == 9


def test_who_forwards_second_waits_for_a_turn(full: Outbox, outbox: Path) -> None:
    sent: list[bytes] = []
    with Outbox(outbox, most_bytes=1).forwarding():
        done = forward(full, sent.append, timeout=0.5)
        assert (done.sent, done.waiting, sent) == (0, 9 * 14, [])
        thread = threading.Thread(target=forward, args=(full, sent.append), kwargs={"timeout": 9})
        thread.start()
        time.sleep(0.3)
        assert sent == []
    thread.join()

    assert len(sent) == 9


# The real client, and a real server.


def test_events_arrive_as_they_were_written(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    check: Callable[[dict[str, Any]], None],
    server: Server,
    flush: Callable[..., Delivery],
) -> None:
    written = emitted(event)
    server.start()
    done = flush()

    assert (done.sent, done.waiting) == (2, 0)
    for body, arrived in zip(written, server.received, strict=True):
        check(arrived)
        tags = arrived["run"]["facets"].pop("tags")
        assert [tag["key"] for tag in tags["tags"]] == ["openlineage_client_version"]
        assert arrived == body


def test_nothing_of_the_surroundings_is_added(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    server: Server,
    flush: Callable[..., Delivery],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANARY_VARIABLE", "canary-value")
    monkeypatch.setenv("OPENLINEAGE__FACETS__ENVIRONMENT_VARIABLES", '["CANARY_VARIABLE"]')
    monkeypatch.setenv("OPENLINEAGE__FACETS__SOURCE_CODE_LOCATION__REPO_URL", "https://canary-url")
    emitted(event)
    server.start()
    flush()

    assert "canary" not in json.dumps(server.received)


def test_filters_and_tags_of_the_configuration_hold(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    server: Server,
    flush: Callable[..., Delivery],
    tmp_path: Path,
) -> None:
    (tmp_path / "openlineage.yml").write_text(
        "filters: [{type: regex, regex: 'query.private.*'}]\ntags: {job: {team: data}}\n"
    )
    emitted(event, replace(event, query_id=str(uuid.uuid4()), source="private"))
    server.start()
    done = flush()

    assert (done.sent, done.waiting) == (4, 0)
    assert server.identities() == [(event.query_id, "START"), (event.query_id, "COMPLETE")]
    [tag] = server.received[0]["job"]["facets"]["tags"]["tags"]
    assert (tag["key"], tag["value"], tag["source"]) == ("team", "data", "USER")


@pytest.mark.parametrize("status", [500, 503, 401, 404, 429, 400, 413, 422])
def test_only_what_is_the_events_own_fault_is_given_up(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    server: Server,
    flush: Callable[..., Delivery],
    status: int,
) -> None:
    rejected = int(status in {400, 413, 422})
    emitted(event)
    server.statuses = [status]
    server.start()
    done = flush()

    assert (done.sent, done.rejected) == (rejected, rejected)
    assert bool(done.waiting) == (not rejected)
    flush()
    assert len(server.received) == 2 - rejected


def test_what_is_no_event_is_kept_aside(
    server: Server, outbox: Path, flush: Callable[..., Delivery]
) -> None:
    outbox.parent.mkdir()
    outbox.write_bytes(b'{"eventType":"STA\n[]\n{}\n')
    server.start()
    done = flush()

    assert (done.sent, done.rejected, done.waiting) == (0, 3, 0)


def test_a_file_transport_gets_every_event(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    unconfigured: None,
    flush: Callable[..., Delivery],
    tmp_path: Path,
) -> None:
    (tmp_path / "openlineage.yml").write_text(
        "transport: {type: composite, transports: ["
        f"{{type: file, log_file_path: '{tmp_path}/a.json', append: true}}, {{type: console}}]}}"
    )
    written = emitted(event)
    done = flush()
    arrived = [json.loads(line) for line in (tmp_path / "a.json").read_text().splitlines()]

    assert done.sent == 2
    assert [body["run"]["runId"] for body in arrived] == [body["run"]["runId"] for body in written]


@pytest.mark.usefixtures("unconfigured")
def test_the_variables_of_the_client_suffice(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    server: Server,
    flush: Callable[..., Delivery],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emitted(event)
    server.start()
    with monkeypatch.context() as patched:
        patched.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.port}")
        patched.setenv("OPENLINEAGE_API_KEY", "key-canary")
        done = flush()
        # The client sets variables of its own.
        for name in [name for name in os.environ if name.startswith("OPENLINEAGE__")]:
            patched.delenv(name)

    assert done.sent == 2
    assert server.headers[0]["Authorization"] == "Bearer key-canary"


@pytest.mark.usefixtures("unconfigured")
def test_without_a_configuration_nothing_is_taken_out(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    flush: Callable[..., Delivery],
    outbox: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emitted(event)
    before = outbox.read_bytes()

    with pytest.raises(UsageError, match="not configured"):
        flush()
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    with pytest.raises(UsageError, match="turned off"):
        flush()
    monkeypatch.delenv("OPENLINEAGE_DISABLED")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", '{"type": "http", "key": "canary"}')
    with pytest.raises(UsageError, match="cannot be used: RuntimeError") as caught:
        flush()
    assert "canary" not in repr(caught.value)
    assert caught.value.__context__ is None
    assert outbox.read_bytes() == before


def test_a_mistake_in_the_configuration_is_told_when_the_sink_opens(
    unconfigured: None, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"path": str(outbox), "forward": True}
    with pytest.raises(UsageError, match="not configured"):
        KIND.open(options, resolve=str)
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    KIND.open(options, resolve=str).close()


def test_where_the_client_is_missing_the_install_is_named(
    server: Server, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    monkeypatch.setattr("maskline_openlineage._sink.find_spec", lambda _: None)
    [wrong] = KIND.check({"path": str(outbox), "forward": True})
    assert "maskline-openlineage[client]" in wrong
    with pytest.raises(UsageError, match="is not installed") as caught:
        Sender()

    assert "maskline-openlineage[client]" in caught.value.hint


def test_transports_are_made_to_wait_for_what_they_send() -> None:
    config = {
        "type": "composite",
        "transports": {
            "a": {"type": "async_http", "url": "http://x", "max_queue_size": 5},
            "b": {"type": "transform", "transport": {"type": "async_http", "url": "http://y"}},
            "c": {"type": "kafka", "flush": False, "config": {"bootstrap.servers": "z"}},
            "d": {"type": "kafka", "config": {"message.timeout.ms": 9}},
        },
    }
    found = synchronous(config)["transports"]

    assert found["a"] == {"type": "http", "url": "http://x", "max_queue_size": 5}
    assert found["b"]["transport"]["type"] == "http"
    assert found["c"]["flush"] is True
    assert found["c"]["config"] == {"message.timeout.ms": 0, "bootstrap.servers": "z"}
    assert found["d"]["config"] == {"message.timeout.ms": 9}


def test_kafka_finds_the_key_of_an_event(event: AccessEvent, emitted: Callable[..., Any]) -> None:
    from openlineage.client.transport.kafka import KafkaTransport

    transport = KafkaTransport.__new__(KafkaTransport)
    body = emitted(event)[-1]

    assert transport._get_message_key(to_event(body)) == "run:airflow/dag.task"


# Deaths.


def test_nothing_is_lost_when_the_process_is_killed(
    outbox: Path, server: Server, flush: Callable[..., Delivery]
) -> None:
    acknowledged: set[tuple[str, str]] = set()
    for lifetime in (3, 40, 17):  # The server is down all the while.
        process = subprocess.Popen(
            [sys.executable, "-c", EMITS, str(outbox), "100000"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(lifetime):
            run, type_ = process.stdout.readline().split()
            acknowledged.add((run, type_))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    server.statuses = [201] * 20 + [503]
    server.start()
    stopped = flush()
    done = flush(timeout=10)

    assert stopped.sent == 20
    assert stopped.waiting > 0
    assert done.waiting == 0
    assert acknowledged <= set(server.identities())
    assert len(server.received) == len(set(server.identities()))


def test_a_forwarder_that_is_killed_sends_everything_at_least_once(
    outbox: Path, server: Server, flush: Callable[..., Delivery]
) -> None:
    server.start()
    process = subprocess.Popen(
        [sys.executable, "-c", EMITS, str(outbox), "100000"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    acknowledged = set()
    while len(server.received) < 30:
        run, type_ = process.stdout.readline().split()
        acknowledged.add((run, type_))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    before = len(server.received)
    done = flush(timeout=30)

    assert done.waiting == 0
    assert done.sent > 0
    assert acknowledged <= set(server.identities())
    # The one that was under way may have come twice.
    assert len(server.received) - len(set(server.identities())) <= 1
    assert before < len(server.received)


def test_the_thread_sends_as_soon_as_the_server_is_back(
    event: AccessEvent, outbox: Path, server: Server
) -> None:
    sink = KIND.open({"path": str(outbox), "forward": True}, resolve=str)
    sink.emit(replace(event, outcome=Outcome.STARTED))
    sink.emit(event)
    server.start()
    deadline = time.monotonic() + 20
    while len(server.received) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    sink.close()

    assert server.identities() == [(event.query_id, "START"), (event.query_id, "COMPLETE")]


def test_a_full_outbox_counts_or_refuses(
    event: AccessEvent, outbox: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.parent.mkdir()
    outbox.write_bytes(b"x" * 1_000_000 + b"\n")
    counting = KIND.open({"path": str(outbox), "megabytes": 1}, resolve=str)
    counting.emit(event)
    counting.emit(replace(event, outcome=Outcome.STARTED))
    counting.emit(event)  # Its START was not kept, so it needs one.
    refusing = KIND.open({"path": str(outbox), "megabytes": 1, "when_full": "refuse"}, resolve=str)
    with pytest.raises(maskline.AuditError, match="is full") as caught:
        refusing.emit(event)

    assert caught.value.hint
    assert Outbox(outbox, most_bytes=1).lost()[0] == 2 + 1 + 1 + 2
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1


# A policy, a session and the command.


@pytest.mark.slow
def test_a_dead_server_adds_less_than_5_ms_to_a_query(shop: Path, server: Server) -> None:
    (shop / "plain.yaml").write_text(POLICY)
    times: dict[str, list[float]] = {"plain.yaml": [], "policy.yaml": []}
    sessions = {name: maskline.connect(policy=shop / name) for name in times}
    for _ in range(60):
        for name, session in sessions.items():
            began = time.perf_counter()
            session.query("SELECT id, email FROM people")
            times[name].append(time.perf_counter() - began)
    for session in sessions.values():
        session.close()
    plain, sunk = (statistics.median(listed[5:]) for listed in times.values())

    assert sunk - plain < 0.005
    assert (shop / "lineage" / "outbox.jsonl").read_bytes().count(b"\n") == 120


def test_the_command_forwards_what_waits(
    shop: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "policy.yaml").write_text(POLICY + SINK.replace(", forward: true", ""))
    with maskline.connect(policy=shop / "policy.yaml") as session:
        session.query("SELECT email FROM people")

    assert main(["lineage", "flush", "--timeout", "0"]) == 1
    assert "events sent: 0" in capsys.readouterr().err
    server.start()
    assert main(["lineage", "flush"]) == 0
    told = capsys.readouterr().err
    assert "openlineage: 0 bytes wait, events sent: 2" in told
    assert [type_ for _, type_ in server.identities()] == ["START", "COMPLETE"]
    assert "canary" not in json.dumps(server.received)


def test_the_command_tells_of_what_was_lost_and_rejected(
    shop: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "policy.yaml").write_text(POLICY + SINK.replace("forward: true", "megabytes: 1"))
    (shop / "lineage").mkdir()
    (shop / "lineage" / "outbox.jsonl").write_bytes(b"x" * 1_000_000 + b"\n")
    with maskline.connect(policy=shop / "policy.yaml") as session:
        session.query("SELECT email FROM people")
    server.start()

    assert main(["lineage", "flush"]) == 1
    told = capsys.readouterr().err
    assert "kept aside: 1" in told
    assert re.search(r"outbox full, since [-0-9T:]+Z: 2;", told)


def test_no_value_and_no_literal_is_in_any_byte_of_it(
    shop: Path, server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server.start()
    with maskline.connect(policy=shop / "policy.yaml", purpose="support") as session:
        for statement in (
            "SELECT email FROM people WHERE email = 'bob.canary@example.com' -- canary@a.com",
            'SELECT email AS "ann.canary@example.com" FROM people /* +1-415-555-0101 */',
            "SELECT email FROM people WHERE email LIKE 'ann.canary%' OR id = 91234100",
            "SELECT CAST(email AS INTEGER) FROM people",
            "SELECT canary_column FROM canary_table",
            "SELECT 'ann.canary@example.com' canary canary '",
        ):
            with contextlib.suppress(maskline.MasklineError):
                session.query(statement)
    assert main(["lineage", "flush", "--timeout", "10"]) == 0
    files = [path.read_bytes() for path in (shop / "lineage").iterdir()]
    places = [*files, json.dumps(server.received).encode(), caplog.text.encode()]
    places += [text.encode() for text in capfd.readouterr()]

    assert len(server.received) == 12
    for canary in (b"canary", b"555-0101", b"91234100"):
        assert [place for place in places if canary in place] == []


def test_the_kind_of_sink_is_a_forwarder() -> None:
    assert isinstance(KIND, Forwarder)
