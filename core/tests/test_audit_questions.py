import itertools
import json
import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maskline.audit import AuditLog
from maskline.audit.questions import Questions, Span
from maskline.cli import main
from maskline.cli._options import moment_of
from maskline.errors import AuditError, UsageError
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

ID, SSN, EMAIL = (ColumnRef("main", "customer", name) for name in ("id", "ssn", "email"))
IDENTITY, TRANSFORMATION = (Flow.IDENTITY,), (Flow.TRANSFORMATION,)
TOKEN = Mask(name="token", options=(("keep", "domain"),))
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES = itertools.count()


def shown(*refs: ColumnRef, mask: Mask | None, rule: str = "default", **more: Any) -> OutputColumn:
    flows = more.get("flows", IDENTITY)
    return OutputColumn(
        name=refs[0].column,
        sources=tuple((ref, flows) for ref in refs),
        label=Label(entity=more.get("entity", "US_SSN")),
        mask=mask,
        rule=rule,
    )


PLAIN = shown(ID, mask=None, rule="", entity="PUBLIC")
MASKED = shown(SSN, mask=Mask(name="redact"))
REVEALED = shown(SSN, mask=None, rule="rules[0]")


@pytest.fixture
def event() -> AccessEvent:
    return AccessEvent(
        query_id="",
        time="",
        outcome=Outcome.STARTED,
        principal=Principal(kind="human", id="ada"),
        purpose="churn",
        source="crm",
        namespace="duckdb:///crm",
        dialect="duckdb",
        sql="SELECT ?",
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
        reads=(
            ReadColumn(ref=ID),
            ReadColumn(ref=SSN, entity="US_SSN", mask=Mask(name="redact"), rule="masks.US_SSN"),
        ),
    )


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    # A segment has room for a few events.
    return AuditLog.open(tmp_path / "audit", segment_bytes=5_000)


@pytest.fixture
def ask(log: AuditLog, event: AccessEvent) -> Callable[..., str]:
    """Record a query from its beginning to its end; it takes a minute of 2026-03-01."""

    def record(*outputs: OutputColumn, end: Outcome | None = Outcome.ANSWERED, **more: Any) -> str:
        decided = {
            ref: ReadColumn(ref=ref, entity=output.label.entity, mask=output.mask, rule=output.rule)
            for output in outputs
            for ref, _ in output.sources
        }
        reads = {read.ref: read for read in event.reads} | decided
        more = {"reads": tuple(reads.values())} | more
        fresh = replace(event, query_id=str(uuid.uuid4()), outputs=outputs, **more)
        for outcome in (Outcome.STARTED, end):
            if outcome is not None and not (outcome is Outcome.STARTED and end is Outcome.REFUSED):
                at = BEGAN + timedelta(minutes=next(MINUTES))
                rows = more.get("rows", 3) if outcome is Outcome.ANSWERED else more.get("rows", 0)
                log.append(
                    replace(
                        fresh,
                        outcome=outcome,
                        time=at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                        rows=0 if outcome is Outcome.STARTED else rows,
                    )
                )
        return fresh.query_id

    return record


def who_saw(log: AuditLog, column: str, **options: Any) -> list[tuple[Any, ...]]:
    with Questions.open(log.path) as asked:
        rows = asked.who_saw(column, **options).to_pylist()
    return sorted((row["who"], row["shown"], row["rule"], row["queries"], row["rows"])
                  for row in rows)  # fmt: skip


def test_who_saw_tells_how_a_column_was_shown(log: AuditLog, ask: Callable[..., str]) -> None:
    kim = Principal(kind="agent", id="bot", on_behalf_of=("kim",))
    ask(PLAIN, MASKED)
    ask(PLAIN, MASKED, rows=4)
    ask(REVEALED, principal=kim)
    ask(shown(SSN, mask=TOKEN, rule="masks.US_SSN"))
    ask(shown(SSN, mask=None, rule="", flows=(Flow.COUNT,)))
    ask(shown(ID, mask=None, rule="", entity="PUBLIC"))
    ask(shown(SSN, EMAIL, mask=TOKEN))

    assert who_saw(log, "ssn") == [
        ("agent:bot for kim", "as it is", "rules[0]", 1, 3),
        ("human:ada", "counted", "", 1, 3),
        ("human:ada", "not shown", "", 1, 3),
        ("human:ada", "redact", "default", 2, 7),
        ("human:ada", "token(keep=domain)", "default", 1, 3),
        ("human:ada", "token(keep=domain)", "masks.US_SSN", 1, 3),
    ]
    assert [row[:2] for row in who_saw(log, "ssn", raw=True)] == [
        ("agent:bot for kim", "as it is"),
    ]


def test_a_value_of_several_columns_shows_each_as_it_was_read(
    log: AuditLog, ask: Callable[..., str]
) -> None:
    reads = (
        ReadColumn(ref=SSN, entity="US_SSN", mask=Mask(name="redact"), rule="masks.US_SSN"),
        ReadColumn(ref=EMAIL, entity="EMAIL_ADDRESS", rule="rules[2]"),
    )
    together = shown(SSN, EMAIL, mask=TOKEN, flows=TRANSFORMATION)
    ask(together, decision="at_read", reads=reads)

    assert who_saw(log, "ssn") == [("human:ada", "redact", "masks.US_SSN", 1, 3)]
    assert who_saw(log, "email", raw=True) == [("human:ada", "as it is", "rules[2]", 1, 3)]


def test_who_saw_counts_what_may_have_been_seen(log: AuditLog, ask: Callable[..., str]) -> None:
    ask(MASKED, end=Outcome.REFUSED)
    ask(MASKED, end=Outcome.FAILED)
    ask(MASKED, end=Outcome.CANCELLED, rows=2)
    ask(MASKED, end=None)

    # A refused query read nothing; one that failed before its first row showed nothing; of one
    # without an end nobody knows.
    assert who_saw(log, "ssn") == [("human:ada", "redact", "default", 2, 2)]


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ("ssn", True),
        ("SSN", True),
        ("customer.ssn", True),
        ("main.customer.ssn", True),
        ("crm.customer.ssn", True),
        ("crm.main.customer.ssn", True),
        ("sn", False),
        ("omer.ssn", False),
        ("crm.ssn", False),
        ("other.main.customer.ssn", False),
        ("%", False),
        ("'", False),
    ],
)
def test_a_column_is_named_with_as_much_as_is_needed(
    log: AuditLog, ask: Callable[..., str], asked: str, is_found: bool
) -> None:
    ask(MASKED)

    assert bool(who_saw(log, asked)) is is_found


def test_literals_that_were_looked_up_are_counted(log: AuditLog, ask: Callable[..., str]) -> None:
    ask(MASKED, lookups=((SSN, 4),))
    ask(PLAIN, lookups=((SSN, 1),))

    with Questions.open(log.path) as asked:
        rows = asked.who_saw("ssn").to_pylist()

    assert {row["shown"]: row["looked_up"] for row in rows} == {"redact": 4, "not shown": 1}


def test_questions_may_be_about_a_stretch_of_time(log: AuditLog, ask: Callable[..., str]) -> None:
    ask(MASKED)
    with Questions.open(log.path) as asked:
        [row] = asked.who_saw("ssn").to_pylist()
        last = row["last"]
        second = timedelta(seconds=1)

        assert row["first"] == last
        assert asked.who_saw("ssn", span=Span(since=last)).num_rows == 1
        assert asked.who_saw("ssn", span=Span(since=last + second)).num_rows == 0
        assert asked.who_saw("ssn", span=Span(until=last)).num_rows == 0
        assert asked.who_saw("ssn", span=Span(last - second, last + second)).num_rows == 1
        assert asked.what_did("ada", span=Span(until=last.replace(tzinfo=None))).num_rows == 0


def test_the_other_questions(log: AuditLog, ask: Callable[..., str]) -> None:
    bot = Principal(kind="agent", id="bot", on_behalf_of=("kim",))
    small = ask(PLAIN, MASKED)
    large = ask(REVEALED, rows=900, principal=bot)
    refused = ask(end=Outcome.REFUSED, reason="It is not allowed.", reads=())
    ask(end=Outcome.REFUSED, reason="It is not allowed.", reads=())
    unmasked = ask(
        OutputColumn(name="value", label=Label(entity="CREDIT_CARD")),
        decision="unmasked", sql="<unmask CREDIT_CARD in CREDIT_CARD>", source="", reads=(),
    )  # fmt: skip

    with Questions.open(log.path) as asked:
        reveals = asked.reveals().to_pylist()
        refusals = asked.refusals().to_pylist()
        exports = asked.exports(most=2).to_pylist()
        ada = asked.what_did("human:ada").to_pylist()
        kim = asked.what_did("kim").to_pylist()
        latest = asked.what_did("ada", most=1).to_pylist()
        accesses = asked.accesses().to_pylist()
        policies = asked.policies().to_pylist()
        nobody = asked.what_did("agent:ada").num_rows

    assert [(row["column"], row["entity"], row["who"]) for row in reveals] == [
        ("<unmask CREDIT_CARD in CREDIT_CARD>", "CREDIT_CARD", "human:ada"),
        ("crm.main.customer.ssn", "US_SSN", "agent:bot for kim"),
    ]
    assert [(row["reason"], row["queries"]) for row in refusals] == [("It is not allowed.", 2)]
    assert [(row["query_id"], row["rows"]) for row in exports] == [(large, 900), (unmasked, 3)]
    assert [row["query_id"] for row in ada][2:] == [refused, small]
    assert ada[-1]["columns"] == ["crm.main.customer.id", "crm.main.customer.ssn"]
    assert [row["query_id"] for row in kim] == [large]
    assert [row["query_id"] for row in latest] == [unmasked]
    assert sum(row["answered"] for row in accesses) == 3
    assert sum(row["refused"] for row in accesses) == 2
    assert [(row["policy_hash"], row["queries"]) for row in policies] == [("cd" * 32, 5)]
    assert nobody == 0


def test_segments_are_read_once_and_tell_the_same(log: AuditLog, ask: Callable[..., str]) -> None:
    ids = [ask(PLAIN, MASKED, rows=number) for number in range(30)]
    segments = sorted(log.path.glob("audit-*.jsonl"))
    steps: list[tuple[int, int]] = []

    with Questions.open(log.path, progress=lambda *step: steps.append(step)) as asked:
        first = asked.what_did("ada")
        seen = asked.who_saw("ssn")
    with Questions.open(log.path, progress=lambda *step: steps.append((-1, -1))) as asked:
        again = asked.what_did("ada")

    assert len(segments) > 12
    assert steps[0] == (0, len(segments) - 1)
    assert (-1, -1) not in steps
    assert first == again
    assert [row["query_id"] for row in first.to_pylist()] == ids[::-1]
    assert seen.column("queries").to_pylist() == [30]
    assert seen.column("rows").to_pylist() == [sum(range(30))]
    kept = list((log.path / "questions").iterdir())
    assert kept
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in kept)
    assert (log.path / "questions").stat().st_mode & 0o777 == 0o700


def test_new_segments_are_read_and_touched_ones_read_anew(
    log: AuditLog, ask: Callable[..., str]
) -> None:
    for _ in range(10):
        ask(PLAIN, MASKED)
    Questions.open(log.path).close()
    before = set((log.path / "questions").iterdir())
    for _ in range(10):
        ask(PLAIN, MASKED)
    with Questions.open(log.path) as asked:
        assert asked.who_saw("ssn").column("queries").to_pylist() == [20]
    after = set((log.path / "questions").iterdir())
    assert before < after

    segment = min(log.path.glob("audit-*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b'"rows":3', b'"rows":5'))
    status = segment.stat()
    os.utime(segment, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    with Questions.open(log.path) as asked:
        assert asked.who_saw("ssn").column("rows").to_pylist() > [60]
    assert not before & set((log.path / "questions").iterdir())


def test_a_log_whose_first_segments_are_gone_is_asked_for_the_rest(
    log: AuditLog, ask: Callable[..., str]
) -> None:
    for _ in range(20):
        ask(PLAIN, MASKED)
    Questions.open(log.path).close()
    for segment in sorted(log.path.glob("audit-*.jsonl"))[:3]:
        segment.unlink()

    with Questions.open(log.path) as asked:
        [queries] = asked.who_saw("ssn").column("queries").to_pylist()

    assert 0 < queries < 20


def test_a_query_that_ends_in_another_segment_counts_once(
    log: AuditLog, ask: Callable[..., str]
) -> None:
    for _ in range(9):
        ask(PLAIN, MASKED)
    lines = [
        json.loads(line)["event"]["outcome"]
        for segment in sorted(log.path.glob("audit-*.jsonl"))
        for line in [segment.read_bytes().splitlines()[-1]]
    ]
    ask(PLAIN, MASKED, end=None)

    with Questions.open(log.path) as asked:
        [row] = asked.accesses().to_pylist()

    assert "started" in lines  # So that there is such a query at all.
    assert (row["answered"], row["not_completed"]) == (9, 1)


def test_lines_that_are_no_record_are_counted(log: AuditLog, ask: Callable[..., str]) -> None:
    for _ in range(6):
        ask(PLAIN, MASKED)
    segments = sorted(log.path.glob("audit-*.jsonl"))
    whole = json.loads(segments[0].read_bytes().splitlines()[0])
    broken = [
        b"garbage", b"[1]", b"12", b'{"seq":"x"}', b'{"seq":1,"event":"x"}',
        json.dumps({**whole, "event": {**whole["event"], "query_id": "x"}}).encode(),
        json.dumps({**whole, "event": {**whole["event"], "time": "x"}}).encode(),
        json.dumps({**whole, "event": {**whole["event"], "principal": "x"}}).encode(),
    ]  # fmt: skip
    others = [b'{"seq":1,"event":{"recovery":{"torn":[]}}}']
    for segment in (segments[0], segments[-1]):
        with segment.open("ab") as file:
            file.write(b"\n".join([*broken, *others, b'{"event":{"query']))

    with Questions.open(log.path) as asked:
        assert asked.unreadable == 2 * (len(broken) + 1)
        assert asked.who_saw("ssn").column("queries").to_pylist() == [6]
    with Questions.open(log.path) as asked:
        assert asked.unreadable == 2 * (len(broken) + 1)


@pytest.mark.parametrize("segments", [0, 1])
def test_an_empty_log_has_no_answers(tmp_path: Path, segments: int) -> None:
    AuditLog.open(tmp_path)
    for number in range(segments):
        (tmp_path / f"audit-{number + 1:06d}.jsonl").touch()

    with Questions.open(tmp_path) as asked:
        assert asked.unreadable == 0
        assert asked.who_saw("ssn").num_rows == asked.reveals().num_rows == 0
        assert str(tmp_path) in repr(asked)
    assert not (tmp_path / "questions").exists()


def test_what_cannot_be_read_or_kept_is_an_error(
    tmp_path: Path, log: AuditLog, ask: Callable[..., str]
) -> None:
    for _ in range(6):
        ask(PLAIN, MASKED)
    (tmp_path / "file").touch()

    with pytest.raises(AuditError, match="FileExistsError"):
        Questions.open(log.path, cache=tmp_path / "file")
    with pytest.raises(AuditError, match="FileNotFoundError"):
        Questions.open(tmp_path / "nothing")
    with Questions.open(log.path, cache=tmp_path / "deeper" / "cache") as asked:
        assert asked.who_saw("ssn").num_rows == 1


def test_ages_and_times_are_understood() -> None:
    now = datetime.now(UTC)

    assert moment_of("", "--since") is None
    assert moment_of("2026-03-01", "--since") == BEGAN
    assert moment_of("2026-03-01T01:00:00+01:00", "--since") == BEGAN
    for text, age in (("90m", 1.5), ("2h", 2), ("1d", 24), ("2w", 336)):
        found = moment_of(text, "--since")
        assert found is not None
        assert abs((now - found).total_seconds() / 3600 - age) < 0.01
    for text in ("x", "3y", "30", "999999w", "2026-13-01"):
        with pytest.raises(UsageError, match="--until is neither"):
            moment_of(text, "--until")


def test_the_commands_show_answers_in_three_forms(
    log: AuditLog, ask: Callable[..., str], capfd: pytest.CaptureFixture[str]
) -> None:
    ask(REVEALED, PLAIN, purpose="=cmd()\x1b[31m", rows=1234)
    ask(end=Outcome.REFUSED, reason="It is not allowed.", reads=())
    place = ["--log", str(log.path)]

    assert main(["audit", "who-saw", "customer.ssn", "--raw", "--since", "2026-01-01", *place]) == 0
    table = capfd.readouterr().out
    assert main(["audit", "reveals", "--format", "csv", *place]) == 0
    csv = capfd.readouterr().out
    assert main(["audit", "what-did", "ada", "-n", "2", "--format", "json", *place]) == 0
    rows = json.loads(capfd.readouterr().out)
    assert main(["audit", "exports", *place]) == 0
    exports = capfd.readouterr().out
    assert main(["audit", "refusals", *place]) == 0
    refusals = capfd.readouterr().out
    assert main(["audit", "who-saw", "nothing", *place]) == 0
    nothing = capfd.readouterr().err
    assert main(["audit", "reveals", "--log", str(log.path / "none")]) == 3

    assert "as it is" in table
    assert "\x1b" not in table
    assert "\\x1b[31m" in table
    assert "\"'=cmd()" in csv
    assert [row["outcome"] for row in rows] == ["refused", "answered"]
    assert "1\u202f234" in exports
    assert "crm.main.customer.id, crm.main.customer.ssn" in exports
    assert "It is not allowed." in refusals
    assert "nothing of that" in nothing


def test_the_commands_say_what_they_left_out(
    log: AuditLog, ask: Callable[..., str], capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(101):
        ask(end=Outcome.REFUSED, reads=())
    with max(log.path.glob("audit-*.jsonl")).open("ab") as file:
        file.write(b"garbage\n")

    assert main(["audit", "what-did", "ada", "--log", str(log.path)]) == 0

    shown = capfd.readouterr()
    assert len(shown.out.splitlines()) == 101
    assert "1 rows more" in shown.err
    assert "1 lines of the log are no record" in shown.err
