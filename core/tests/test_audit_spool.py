"""Where a policy allows it, events wait while the audit log cannot be written to."""

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import maskline
from maskline import audit
from maskline.audit import AuditLog, Spool, verify
from maskline.errors import AuditError, AuditIntegrityError
from maskline.model import AccessEvent, Outcome


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", most=3)


@pytest.fixture
def log(place: Path, spool: Spool) -> AuditLog:
    return AuditLog.open(place, spool=spool)


def lose(place: Path) -> None:
    """Put a file where the log was, so that nobody can write there."""
    place.rename(place.with_name("away"))
    place.touch()


def find_again(place: Path) -> None:
    place.unlink()
    place.with_name("away").rename(place)


def purposes(place: Path) -> list[str]:
    return [record["event"]["purpose"] for record in audit.read(place)]


def bodies(place: Path) -> list[dict[str, object]]:
    lines = (place / "audit-000001.jsonl").read_bytes().splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_events_wait_and_follow_in_order(
    log: AuditLog, place: Path, spool: Spool, event: AccessEvent
) -> None:
    assert log.append(replace(event, purpose="one")) == 1
    lose(place)
    assert log.append(replace(event, purpose="two")) == 0
    assert log.append(replace(event, purpose="three")) == 0
    assert not spool.is_empty
    find_again(place)

    assert log.append(replace(event, purpose="four")) == 5
    assert spool.is_empty
    assert purposes(place) == ["one", "two", "three", "four"]
    told = bodies(place)[1]["spooled"]
    assert (told["records"], told["since"]) == (2, event.time)
    assert verify(place).ok


def test_another_process_takes_over_what_waits(
    log: AuditLog, place: Path, spool: Spool, event: AccessEvent
) -> None:
    lose(place)
    log.append(event)
    find_again(place)

    assert AuditLog.open(place, spool=Spool(spool.path)).append(event) == 3


def test_only_so_many_events_may_wait(
    log: AuditLog, place: Path, spool: Spool, event: AccessEvent
) -> None:
    lose(place)
    for _ in range(3):
        log.append(event)

    with pytest.raises(AuditError, match="3 events wait there"):
        log.append(event)
    find_again(place)
    assert log.append(event) == 5


def test_a_log_that_somebody_changed_is_no_reason_to_spool(
    log: AuditLog, place: Path, spool: Spool, event: AccessEvent
) -> None:
    log.append(replace(event, purpose="mine"))
    segment = place / "audit-000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"mine", b"none"))

    with pytest.raises(AuditIntegrityError):
        log.append(event)
    with pytest.raises(AuditIntegrityError):
        AuditLog.open(place, spool=spool)
    assert spool.is_empty


def test_without_a_spool_nothing_waits(place: Path, event: AccessEvent) -> None:
    log = AuditLog.open(place)
    lose(place)

    with pytest.raises(AuditError, match="cannot be used"):
        log.append(event)
    with pytest.raises(AuditError, match="cannot be used"):
        AuditLog.open(place)


def test_a_log_that_is_not_there_yet_may_be_opened(
    place: Path, spool: Spool, event: AccessEvent
) -> None:
    place.touch()
    log = AuditLog.open(place, spool=spool)

    assert log.append(event) == 0
    place.unlink()
    place.mkdir()
    assert log.append(event) == 3


def test_what_a_crash_cut_short_was_never_acknowledged(
    log: AuditLog, place: Path, spool: Spool, event: AccessEvent
) -> None:
    lose(place)
    log.append(replace(event, purpose="whole"))
    with (spool.path / "spool.jsonl").open("ab") as file:
        file.write(b'{"purpose":"torn')
    log.append(replace(event, purpose="next"))
    find_again(place)
    log.append(replace(event, purpose="last"))

    assert purposes(place) == ["whole", "next", "last"]


def test_a_spool_that_cannot_be_written_refuses(
    log: AuditLog, place: Path, spool: Spool, event: AccessEvent
) -> None:
    lose(place)
    spool.path.touch()

    with pytest.raises(AuditError, match=errno.errorcode[errno.EEXIST]) as caught:
        log.append(event)
    assert "Mend the audit log" in caught.value.hint


def test_processes_share_a_spool(place: Path, tmp_path: Path, event: AccessEvent) -> None:
    program = f"""
import sys
from dataclasses import replace
from pathlib import Path
from maskline.audit import AuditLog, Spool
from maskline.model import *
from maskline.model import AccessEvent, Outcome, Principal

event = {event!r}
log = AuditLog.open({str(place)!r}, spool=Spool(Path({str(tmp_path / "spool")!r})))
for number in range(30):
    log.append(replace(event, purpose=sys.argv[1] + str(number)))
""".replace(repr(Outcome.ANSWERED), "Outcome.ANSWERED")
    place.touch()
    writers = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "abc"]

    assert [writer.wait() for writer in writers] == [0, 0, 0]
    place.unlink()
    log = AuditLog.open(place, spool=Spool(tmp_path / "spool"))
    log.append(event)
    written = purposes(place)
    assert len(written) == 91
    assert [name for name in written if name.startswith("b")] == [f"b{n}" for n in range(30)]
    assert verify(place).ok


def test_a_session_answers_while_the_log_is_away(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "db.duckdb")) as link:
        link.execute("CREATE TABLE t AS SELECT 1 AS id")
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nsources: {db: {url: 'duckdb:///db.duckdb'}}\n"
        "labels: {db: {main.t: {id: PUBLIC}}}\n"
        "audit: {path: audit, on_failure: spool, spool: spool}\n"
    )
    (tmp_path / "audit").touch()
    with maskline.connect(policy=policy) as session:
        assert len(session.query("SELECT id FROM t")) == 1
        (tmp_path / "audit").unlink()
        (tmp_path / "audit").mkdir()
        session.query("SELECT id FROM t")

    outcomes = [record["event"]["outcome"] for record in audit.read(tmp_path / "audit")]
    assert outcomes == ["started", "answered"] * 2


@pytest.mark.parametrize("audit_part", ["{on_failure: spool}", "{spool: here}"])
def test_a_spool_has_a_place_and_a_reason(tmp_path: Path, audit_part: str) -> None:
    from maskline.errors import PolicyError
    from maskline.plugins import load_policy

    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\naudit: {audit_part}\n")

    with pytest.raises(PolicyError, match="belong together"):
        load_policy(policy)
