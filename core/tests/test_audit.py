import fcntl
import hashlib
import inspect
import json
import os
import resource
import runpy
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from maskline.audit import AuditLog, read, to_json, verify
from maskline.audit.verify import GENESIS, canonical, main, record_hash
from maskline.errors import AuditError, AuditIntegrityError
from maskline.model import (
    AccessEvent,
    ColumnRef,
    Flow,
    Label,
    Mask,
    Outcome,
    OutputColumn,
    Principal,
    ReadColumn,
)

VERIFIER = Path(inspect.getfile(verify))
EMAIL = ColumnRef("main", "customer", "email")
AMOUNT = ColumnRef("main", "orders", "amount")


@pytest.fixture
def event() -> AccessEvent:
    return AccessEvent(
        query_id="0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        time="2026-03-01T12:00:00.000001Z",
        outcome=Outcome.STARTED,
        principal=Principal(kind="agent", id="bot", roles=("support",), on_behalf_of=("ada",)),
        purpose="chargeback",
        source="shop",
        namespace="postgres://db:5432",
        database="shop",
        dialect="postgres",
        sql="SELECT email, SUM(amount) FROM customer",
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
        reads=(
            ReadColumn(
                ref=EMAIL,
                type="TEXT",
                entity="EMAIL_ADDRESS",
                mask=Mask(name="token", options=(("keep", "domain"),)),
                rule="masks.EMAIL_ADDRESS",
            ),
            ReadColumn(ref=AMOUNT, type="NUMERIC(10, 2)"),
        ),
        outputs=(
            OutputColumn(
                name="email",
                sources=((EMAIL, (Flow.IDENTITY, Flow.GROUP_BY)),),
                label=Label(
                    entity="EMAIL_ADDRESS",
                    confidence=0.9,
                    evidence="name",
                    paths=(("$.a", "US_SSN"),),
                ),
                mask=Mask(name="token", options=(("keep", "domain"), ("last", 4), ("on", True))),
                rule="masks.EMAIL_ADDRESS",
            ),
            OutputColumn(name="sum", sources=((AMOUNT, (Flow.AGGREGATION,)),)),
        ),
        output_types=("string",),
        influences=((EMAIL, (Flow.GROUP_BY,)),),
        lookups=((EMAIL, 2),),
        key_versions=(1,),
        parent_run=("airflow", "dag.task", "5d0b7e0a-2a5e-4f0b-8a53-3f1f1e0f7a10"),
    )


@pytest.fixture
def log(tmp_path: Path, event: AccessEvent) -> AuditLog:
    """A log of five records: two whole queries, and one that only started."""
    log = AuditLog.open(tmp_path / "audit")
    for number in range(2):
        for outcome in (Outcome.STARTED, Outcome.ANSWERED):
            log.append(replace(event, query_id=f"q{number}", outcome=outcome, rows=number))
    log.append(replace(event, query_id="q2", time="2026-03-01T13:00:00Z"))
    return log


def segment(log: AuditLog, number: int = 1) -> Path:
    return log.path / f"audit-{number:06d}.jsonl"


def change(log: AuditLog, edit: Callable[[list[bytes]], None]) -> None:
    lines = segment(log).read_bytes().splitlines(keepends=True)
    edit(lines)
    segment(log).write_bytes(b"".join(lines))


def found(log: AuditLog) -> list[tuple[int, str]]:
    return [(finding.line, finding.what) for finding in verify(log.path).findings]


# What is written.


def test_an_event_matches_the_published_schema(event: AccessEvent) -> None:
    text = (VERIFIER.parent / "access_event.schema.json").read_text("utf-8")
    schema = json.loads(text)
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )

    validator.check_schema(schema)
    for written in (event, replace(event, outputs=(), parent_run=None, outcome=Outcome.REFUSED)):
        validator.validate(json.loads(json.dumps(to_json(written))))
    assert set(schema["properties"]) == set(schema["required"]) == set(to_json(event))
    assert schema["properties"]["outcome"]["enum"] == [outcome.value for outcome in Outcome]
    flows = schema["$defs"]["flows"]["items"]["properties"]["flows"]
    assert flows["items"]["enum"] == [flow.value for flow in Flow]


def test_an_event_becomes_plain_json(event: AccessEvent) -> None:
    body = to_json(event)

    assert json.loads(json.dumps(body)) == body
    assert body["reads"][1] == {
        "schema": "main",
        "relation": "orders",
        "column": "amount",
        "type": "NUMERIC(10, 2)",
        "entity": "PUBLIC",
        "mask": None,
        "rule": "",
    }
    assert body["reads"][0]["entity"] == "EMAIL_ADDRESS"
    assert body["reads"][0]["mask"] == {"name": "token", "options": {"keep": "domain"}}
    assert body["reads"][0]["rule"] == "masks.EMAIL_ADDRESS"
    assert body["outputs"][0]["mask"] == {
        "name": "token",
        "options": {"keep": "domain", "last": 4, "on": True},
    }
    assert [output["type"] for output in body["outputs"]] == ["string", ""]
    assert body["outputs"][1]["mask"] is None
    assert body["lookups"] == [
        {"schema": "main", "relation": "customer", "column": "email", "literals": 2}
    ]
    assert body["parent_run"]["job"] == "dag.task"


def test_a_record_is_one_line_of_canonical_json(log: AuditLog) -> None:
    lines = segment(log).read_bytes().splitlines()
    prev = hashlib.sha256(b"maskline audit log, version 1").hexdigest()

    assert prev == GENESIS
    for seq, line in enumerate(lines, start=1):
        record = json.loads(line)
        digest = record.pop("hash")
        assert line == json.dumps(
            {**record, "hash": digest}, sort_keys=True, separators=(",", ":")
        ).encode("ascii")
        assert digest == hashlib.sha256(canonical(record)).hexdigest()
        assert (record["v"], record["seq"], record["prev"]) == (1, seq, prev)
        prev = digest


def test_append_returns_the_number_of_the_record(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path / "a" / "b")

    assert [log.append(event) for _ in range(3)] == [1, 2, 3]
    assert AuditLog.open(str(log.path)).append(event) == 4


def test_the_log_is_for_its_owner_only(log: AuditLog) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in log.path.iterdir()}

    assert stat.S_IMODE(log.path.stat().st_mode) == 0o700
    assert modes == {"audit.lock": 0o600, "audit-000001.jsonl": 0o600}


def test_names_beyond_ascii_and_lone_surrogates_are_written(
    tmp_path: Path, event: AccessEvent
) -> None:
    log = AuditLog.open(tmp_path)
    log.append(replace(event, purpose="Zoë \ud800 \n\x00 \u2028"))

    assert verify(tmp_path).ok
    assert next(read(tmp_path))["event"]["purpose"] == "Zoë \ud800 \n\x00 \u2028"
    assert segment(log).read_bytes().isascii()


def test_a_full_segment_is_followed_by_another(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path, segment_bytes=6_000)
    for _ in range(12):
        log.append(event)
    result = verify(tmp_path)

    assert result.ok
    assert result.records == 12
    assert result.segments > 2
    assert all(path.stat().st_size <= 6_000 for path in tmp_path.glob("*.jsonl"))
    assert [record["seq"] for record in read(tmp_path)] == list(range(1, 13))


def test_an_event_larger_than_a_segment_is_written(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path, segment_bytes=10)
    large = replace(event, reads=event.reads * 2_000)

    assert [log.append(large), log.append(event), log.append(large)] == [1, 2, 3]
    assert (verify(tmp_path).ok, verify(tmp_path).segments) == (True, 3)


def test_reading_gives_events_oldest_first(log: AuditLog) -> None:
    records = list(read(log.path))

    assert [record["event"]["query_id"] for record in records] == ["q0", "q0", "q1", "q1", "q2"]
    assert set(records[0]) == {"v", "seq", "prev", "event", "hash"}


def test_reading_stops_at_a_line_that_is_not_a_record(log: AuditLog) -> None:
    change(log, lambda lines: lines.insert(2, b"hello\n"))
    records = read(log.path)

    assert [next(records)["seq"], next(records)["seq"]] == [1, 2]
    with pytest.raises(AuditIntegrityError, match=r"Line 3 of audit-000001\.jsonl"):
        next(records)


def test_reading_a_missing_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="ENOENT") as caught:
        read(tmp_path / "nowhere")

    assert caught.value.__context__ is None


# What verification finds.


def test_a_log_that_nobody_touched_is_whole(log: AuditLog) -> None:
    result = verify(log.path)

    assert result.ok
    assert result.findings == result.recoveries == ()
    assert (result.records, result.segments, result.head_seq) == (5, 1, 5)
    assert result.first_time == "2026-03-01T12:00:00.000001Z"
    assert result.last_time == "2026-03-01T13:00:00Z"
    assert result.head_hash == json.loads(segment(log).read_bytes().splitlines()[-1])["hash"]


def test_queries_without_an_end_are_listed(log: AuditLog) -> None:
    [query] = verify(log.path).incomplete

    assert (query.query_id, query.principal) == ("q2", "agent bot")
    assert query.time == "2026-03-01T13:00:00Z"


def test_an_empty_log_is_whole_and_says_that_it_is_empty(tmp_path: Path) -> None:
    result = verify(AuditLog.open(tmp_path).path)

    assert result.ok
    assert (result.records, result.head_seq, result.head_hash) == (0, 0, "")


def test_an_edited_record_is_found(log: AuditLog) -> None:
    def edit(lines: list[bytes]) -> None:
        lines[1] = lines[1].replace(b'"chargeback"', b'"research"')

    change(log, edit)

    assert found(log) == [(2, "edited")]


def test_a_record_edited_together_with_its_hash_is_found(log: AuditLog) -> None:
    def edit(lines: list[bytes]) -> None:
        record = json.loads(lines[1])
        record["event"]["purpose"] = "research"
        record["hash"] = record_hash(record)
        lines[1] = canonical(record) + b"\n"

    change(log, edit)

    assert found(log) == [(3, "missing or reordered")]


@pytest.mark.parametrize(
    "edit",
    [
        lambda line: line.replace(b'"v":1', b'"v": 1'),
        lambda line: line.replace(b'{"event":', b'{"x":1,"event":', 1),
        lambda line: line.replace(b'"rows":0', b'"rows":NaN'),
        lambda line: line.replace(b'"rows":0', b'"rows":1e999'),
        lambda line: line.replace(b'"seq":2', b'"seq":"2"'),
        lambda line: line.replace(b'"seq":2', b'"seq":2,"seq":2'),
        lambda line: line[:-20] + b"\n",
        lambda line: b"[" * 100_000 + b"\n",
        lambda line: b"[1]\n",
        lambda line: b"\n",
        lambda line: b"\xff\xfe\n",
    ],
)
def test_a_line_in_any_other_spelling_is_found(
    log: AuditLog, edit: Callable[[bytes], bytes]
) -> None:
    def apply(lines: list[bytes]) -> None:
        before, lines[1] = lines[1], edit(lines[1])
        assert lines[1] != before

    change(log, apply)

    assert found(log) == [(2, "edited")]


def test_a_deleted_record_is_found(log: AuditLog) -> None:
    change(log, lambda lines: lines.pop(1))

    assert found(log) == [(2, "missing or reordered")]


def test_a_deleted_first_record_is_found(log: AuditLog) -> None:
    change(log, lambda lines: lines.pop(0))

    assert found(log) == [(1, "missing or reordered")]


def test_swapped_records_are_found(log: AuditLog) -> None:
    def edit(lines: list[bytes]) -> None:
        lines[1], lines[2] = lines[2], lines[1]

    change(log, edit)

    assert found(log) == [(line, "missing or reordered") for line in (2, 3, 4)]


def test_a_duplicated_record_is_found(log: AuditLog) -> None:
    change(log, lambda lines: lines.insert(2, lines[1]))

    assert found(log)[0] == (3, "missing or reordered")


def test_an_inserted_record_is_found(log: AuditLog) -> None:
    def edit(lines: list[bytes]) -> None:
        record = json.loads(lines[1])
        del record["hash"]
        record |= {"seq": 3, "prev": json.loads(lines[1])["hash"]}
        lines.insert(2, canonical({**record, "hash": record_hash(record)}) + b"\n")

    change(log, edit)

    assert found(log) == [(4, "missing or reordered")]


def test_a_missing_segment_is_found(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path, segment_bytes=10)
    for _ in range(3):
        log.append(event)
    segment(log, 2).unlink()
    [finding] = verify(tmp_path).findings

    assert (finding.segment, finding.what) == ("audit-000003.jsonl", "missing or reordered")


def test_a_segment_that_cannot_be_read_is_found(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path, segment_bytes=10)
    for _ in range(3):
        log.append(event)
    segment(log, 2).unlink()
    segment(log, 2).mkdir()

    assert [at.what for at in verify(tmp_path).findings] == ["unreadable"]


def test_a_record_of_a_newer_version_is_found(log: AuditLog) -> None:
    def edit(lines: list[bytes]) -> None:
        lines[1] = lines[1].replace(b'"v":1', b'"v":2')

    change(log, edit)

    assert found(log) == [(2, "unknown version")]


def test_a_directory_that_cannot_be_read_is_not_whole(tmp_path: Path) -> None:
    result = verify(tmp_path / "nowhere")

    assert not result.ok
    assert result.findings[0].what == "unreadable"


def test_a_cut_tail_is_found_with_an_expected_head_only(log: AuditLog) -> None:
    head = verify(log.path)
    noted = (head.head_seq, head.head_hash)
    change(log, lambda lines: lines.pop())

    assert verify(log.path).ok
    assert [at.what for at in verify(log.path, expect_head=noted).findings] == [
        "expected head not found"
    ]


def test_a_log_written_anew_does_not_have_the_expected_head(
    log: AuditLog, event: AccessEvent
) -> None:
    head = verify(log.path)
    segment(log).unlink()
    for _ in range(5):
        log.append(event)

    assert verify(log.path).ok
    assert not verify(log.path, expect_head=(head.head_seq, head.head_hash)).ok


def test_an_expected_head_may_be_followed_by_more(log: AuditLog, event: AccessEvent) -> None:
    head = verify(log.path)
    log.append(event)

    assert verify(log.path, expect_head=(head.head_seq, head.head_hash)).ok


def test_events_of_strange_shape_do_not_stop_verification(log: AuditLog) -> None:
    def edit(lines: list[bytes]) -> None:
        record = json.loads(lines[4])
        record["event"] = {"outcome": "started", "principal": "ada", "query_id": ["x"]}
        lines[4] = canonical(record) + b"\n"
        for recovery in ("x", {"torn": 3}, {}):
            record["event"] = {"recovery": recovery}
            lines.append(canonical(record) + b"\n")

    change(log, edit)

    assert [what for _, what in found(log)] == ["edited"] * 4


# Crashes.


def tear(log: AuditLog, number: int = 1, data: bytes = b'{"event":{"time":"20') -> None:
    with segment(log, number).open("ab") as file:
        file.write(data)


def test_a_torn_tail_is_reported_until_it_is_recovered(log: AuditLog, event: AccessEvent) -> None:
    tear(log)
    before = verify(log.path)
    seq = log.append(event)
    after = verify(log.path)

    assert [(at.line, at.what) for at in before.findings] == [(6, "torn tail")]
    assert after.ok
    assert [(at.segment, at.line) for at in after.recoveries] == [("audit-000001.jsonl", 6)]
    assert (seq, after.records, after.segments) == (7, 7, 2)
    assert [record["seq"] for record in read(log.path)] == [1, 2, 3, 4, 5, 7]


def test_a_log_of_nothing_but_a_torn_record_is_recovered(
    tmp_path: Path, event: AccessEvent
) -> None:
    log = AuditLog.open(tmp_path)
    tear(log)

    assert log.append(event) == 2
    assert verify(tmp_path).ok


def test_a_recovery_that_was_cut_short_itself_is_recovered(
    log: AuditLog, event: AccessEvent
) -> None:
    tear(log)
    tear(log, 2)
    log.append(event)
    result = verify(log.path)

    assert result.ok
    assert [at.segment for at in result.recoveries] == ["audit-000001.jsonl", "audit-000002.jsonl"]


def test_blocks_of_zeros_are_a_torn_tail(log: AuditLog, event: AccessEvent) -> None:
    tear(log, data=b"\0" * 40_000 + b'\r"v":1}\n' + b"\0" * 200_000)
    log.append(event)
    result = verify(log.path)

    assert result.ok
    assert len(result.recoveries) == 2


def test_a_torn_tail_that_changed_after_its_recovery_is_found(
    log: AuditLog, event: AccessEvent
) -> None:
    tear(log)
    log.append(event)
    tear(log, data=b"more")

    assert [(at.line, at.what) for at in verify(log.path).findings] == [(6, "torn tail")]


def test_a_torn_line_in_the_middle_is_found(log: AuditLog) -> None:
    def edit(lines: list[bytes]) -> None:
        lines[1] = b"\0" * 10 + b"\n"

    change(log, edit)

    assert found(log) == [(3, "missing or reordered"), (2, "torn tail")]


def test_an_edited_last_record_stops_the_log(log: AuditLog, event: AccessEvent) -> None:
    def edit(lines: list[bytes]) -> None:
        lines[-1] = lines[-1].replace(b"chargeback", b"canary-in-log")

    change(log, edit)

    for use in (lambda: log.append(event), lambda: AuditLog.open(log.path)):
        with pytest.raises(AuditIntegrityError, match="not what was written") as caught:
            use()
        assert "canary" not in str(caught.value)
        assert "verify" in caught.value.hint


def test_a_killed_writer_loses_nothing_that_was_acknowledged(
    tmp_path: Path, event: AccessEvent
) -> None:
    program = f"""
import sys
from dataclasses import replace
from maskline.audit import AuditLog
from maskline.model import *
from maskline.model import AccessEvent, ColumnRef, Flow, Label, Mask, Outcome, OutputColumn
from maskline.model import Principal, ReadColumn

event = {event!r}
log = AuditLog.open(sys.argv[1], segment_bytes=200_000)
for number in range(int(sys.argv[3])):
    query = sys.argv[2] + "-" + str(number)
    seq = log.append(replace(event, query_id=query))
    print(seq, query, flush=True)
"""
    # repr of an enum is not an expression.
    for kind in (Outcome, Flow):
        for member in kind:
            program = program.replace(repr(member), f"{kind.__name__}.{member.name}")

    def start(name: str, count: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, str(tmp_path), name, str(count)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    victim = start("victim", 100_000)
    others = [start(f"writer{number}", 40) for number in range(3)]
    seen = [victim.stdout.readline() for _ in range(15)]
    victim.send_signal(signal.SIGKILL)
    outputs = [victim.communicate()[0], *(process.communicate()[0] for process in others)]
    acknowledged = {}
    for line in ("".join(seen) + "".join(outputs)).splitlines():
        seq, _, query = line.partition(" ")
        acknowledged[int(seq)] = query
    AuditLog.open(tmp_path).append(event)
    result = verify(tmp_path)
    written = {record["seq"]: record["event"]["query_id"] for record in read(tmp_path)}

    assert [process.returncode for process in others] == [0, 0, 0]
    assert len(acknowledged) >= 3 * 40 + 15
    assert result.ok
    assert result.segments > 1
    assert acknowledged.items() <= written.items()


def test_threads_append_at_once(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path)
    numbers: list[int] = []
    threads = [
        threading.Thread(target=lambda: numbers.extend(log.append(event) for _ in range(10)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(numbers) == list(range(1, 61))
    assert verify(tmp_path).ok


# What prevents writing.


def assert_refused(use: Callable[[], object], code: str) -> None:
    with pytest.raises(AuditError, match=code) as caught:
        use()
    assert caught.value.hint
    assert caught.value.__context__ is None


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("")

    assert_refused(lambda: AuditLog.open(tmp_path / "audit"), "EEXIST")
    assert_refused(lambda: AuditLog.open(tmp_path / "audit" / "deeper"), "ENOTDIR")


def test_a_directory_in_place_of_a_file_is_refused(log: AuditLog, event: AccessEvent) -> None:
    segment(log, 2).mkdir()

    assert_refused(lambda: log.append(event), "EISDIR")


def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path / "audit")
    segment(log).symlink_to(tmp_path / "elsewhere")

    assert_refused(lambda: log.append(event), "ENOENT|ELOOP")
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_vanished_is_refused(log: AuditLog, event: AccessEvent) -> None:
    log.path.rename(log.path.with_name("moved"))

    assert_refused(lambda: log.append(event), "ENOENT")


def test_a_read_only_place_is_refused() -> None:
    assert_refused(lambda: AuditLog.open("/proc/maskline-audit"), "ENOENT|EACCES|EROFS|EPERM")


@contextmanager
def room(size: int) -> Iterator[None]:
    """Let this process write files of so many bytes at most, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_refused_and_leaves_the_log_as_it_was(
    log: AuditLog, event: AccessEvent
) -> None:
    before = segment(log).read_bytes()
    with room(len(before)):
        assert_refused(lambda: log.append(event), "EFBIG")
    with room(len(before) + 100):
        assert_refused(lambda: log.append(event), "ENOSPC")

    assert segment(log).read_bytes() == before
    assert log.append(event) == 6
    assert verify(log.path).ok


def test_a_lock_held_by_another_is_waited_for_and_then_refused(
    tmp_path: Path, event: AccessEvent
) -> None:
    log = AuditLog.open(tmp_path, lock_timeout=0.1)
    held = os.open(tmp_path / "audit.lock", os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert_refused(lambda: log.append(event), "lock")
    finally:
        os.close(held)

    assert log.append(event) == 1


def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path, event: AccessEvent) -> None:
    log = AuditLog.open(tmp_path)
    label = Label(entity="US_SSN", confidence=float("nan"))

    assert_refused(
        lambda: log.append(replace(event, outputs=(OutputColumn(name="x", label=label),))),
        "ValueError",
    )
    assert verify(tmp_path).records == 0


def test_a_log_shows_where_it_is_and_nothing_else(log: AuditLog) -> None:
    assert repr(log) == f"<AuditLog: {log.path}>"


# The auditor's program.


def test_the_verifier_runs_alone(log: AuditLog, tmp_path: Path) -> None:
    for name in ("verify.py", "signed.py"):
        (tmp_path / name).write_bytes((VERIFIER.parent / name).read_bytes())
    command = [sys.executable, "-E", "-s", "-S", str(tmp_path / "verify.py"), str(log.path)]
    whole = subprocess.run(command, capture_output=True, text=True, check=False)
    change(log, lambda lines: lines.pop(1))
    cut = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (whole.returncode, cut.returncode) == (0, 1)
    assert whole.stdout.startswith("5 records in 1 segments\nfrom 2026-03-01T12:00:00.000001Z to")
    assert "incomplete q2 by agent bot" in whole.stdout
    assert whole.stdout.endswith("The log is whole.\n")
    assert "FOUND audit-000001.jsonl:2: missing or reordered" in cut.stdout
    assert cut.stdout.endswith("The log is NOT what was written.\n")


def test_the_verifier_is_a_program(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["verify.py", str(log.path)])
    monkeypatch.syspath_prepend(VERIFIER.parent)
    monkeypatch.delitem(sys.modules, "signed", raising=False)

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(VERIFIER), run_name="__main__")
    assert ended.value.code == 0


def test_the_verifier_imports_the_standard_library_only() -> None:
    for path in (VERIFIER, VERIFIER.with_name("signed.py")):
        lines = path.read_text("utf-8").splitlines()
        words = [line.split() for line in lines if line.lstrip().startswith(("import ", "from "))]
        modules = {word[1] for word in words} - {"signed", "maskline.audit.signed"}

        assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names


def test_the_command_checks_a_head_and_prints_json(
    log: AuditLog, event: AccessEvent, capsys: pytest.CaptureFixture[str]
) -> None:
    tear(log)
    log.append(event)
    result = verify(log.path)
    head = f"{result.head_seq}:{result.head_hash}"
    codes = [
        main([str(log.path), "--expect-head", head, "--json"]),
        main([str(log.path), "--expect-head", "3:00"]),
        main([str(log.path / "empty")]),
    ]
    printed = capsys.readouterr().out

    assert codes == [0, 1, 1]
    assert json.JSONDecoder().raw_decode(printed)[0]["head_hash"] == result.head_hash
    assert "recovered audit-000001.jsonl:6: torn tail" in printed
    assert "FOUND log:0: expected head not found" in printed
