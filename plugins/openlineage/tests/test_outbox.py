"""The files in which events wait: nothing that was taken is lost, and they do not grow for ever."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from maskline.errors import AuditError
from maskline_openlineage._outbox import Outbox, Position

APPENDS = """
import sys
from pathlib import Path
from maskline_openlineage._outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), most_bytes=10**9, segment_bytes=2_000, is_synced=False)
number = 0
while True:
    outbox.append(b'{"id": "%s-%d", "filler": "%s"}\\n' % (sys.argv[2].encode(), number, b"x" * 99),
                  events=1)
    print(number, flush=True)
    number += 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lineage" / "outbox.jsonl"


def small(path: Path, *, most_bytes: int = 10_000) -> Outbox:
    return Outbox(path, most_bytes=most_bytes, segment_bytes=100)


def lines(outbox: Outbox) -> list[bytes]:
    return [line for line, _ in outbox.unsent()]


def test_lines_come_out_in_their_order_over_all_segments(path: Path) -> None:
    outbox = small(path)
    written = [b"%030d\n" % number for number in range(20)]
    for line in written:
        assert outbox.append(line, events=1)

    assert len(list(path.parent.glob("outbox.jsonl.00*"))) == 6
    assert lines(outbox) == written


def test_a_synced_outbox_is_read_like_any_other(path: Path) -> None:
    outbox = Outbox(path, most_bytes=10_000, is_synced=True, segment_bytes=100)
    path.unlink()
    written = [b"%030d\n" % number for number in range(9)]
    for line in written:
        outbox.append(line, events=1)

    assert lines(outbox) == written


def test_a_line_longer_than_a_segment_gets_one_of_its_own(path: Path) -> None:
    outbox = small(path)
    written = [b"a\n", b"b" * 500 + b"\n", b"c\n"]
    for line in written:
        outbox.append(line, events=1)

    assert lines(outbox) == written


def test_what_was_acknowledged_does_not_come_out_again(path: Path) -> None:
    outbox = small(path)
    for number in range(20):
        outbox.append(b"%030d\n" % number, events=1)
    for line, position in outbox.unsent():
        if int(line) == 12:
            break
        outbox.acknowledge(position)

    again = small(path)
    assert [int(line) for line in lines(again)] == list(range(12, 20))


def test_segments_that_were_sent_are_deleted(path: Path) -> None:
    outbox = small(path)
    for number in range(20):
        outbox.append(b"%030d\n" % number, events=1)
    waiting = outbox.waiting()
    for _, position in outbox.unsent():
        outbox.acknowledge(position)

    assert waiting == 20 * 31
    assert outbox.waiting() == 0
    assert list(path.parent.glob("outbox.jsonl.00*")) == []
    outbox.append(b"more\n", events=1)
    outbox.append(b"x" * 100 + b"\n", events=1)
    assert path.with_name("outbox.jsonl.000007").exists()
    assert lines(outbox) == [b"more\n", b"x" * 100 + b"\n"]


def test_an_offset_of_another_file_is_not_believed(path: Path) -> None:
    outbox = small(path)
    outbox.append(b"first\n", events=1)
    for _, position in outbox.unsent():
        outbox.acknowledge(position)
    path.rename(path.with_name("taken-away"))
    outbox.append(b"other and longer\n", events=1)

    assert lines(outbox) == [b"other and longer\n"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"segment": 1}'])
def test_after_a_crash_of_the_machine_events_are_sent_again(path: Path, content: bytes) -> None:
    outbox = small(path)
    outbox.append(b"line\n", events=1)
    path.with_name("outbox.jsonl.sent").write_bytes(content)

    assert lines(outbox) == [b"line\n"]
    assert outbox.waiting() == 5


def test_a_full_outbox_takes_nothing_and_counts(path: Path) -> None:
    outbox = small(path, most_bytes=64)

    assert outbox.lost() == (0, "")
    assert outbox.append(b"%030d\n" % 1, events=1)
    assert outbox.append(b"%030d\n" % 2, events=1)
    assert not outbox.append(b"%030d\n" % 3, events=2)
    assert not outbox.append(b"%030d\n" % 4, events=1)
    number, since = outbox.lost()
    assert number == 3
    assert since.endswith("Z")
    assert [int(line) for line in lines(outbox)] == [1, 2]
    for _, position in outbox.unsent():
        outbox.acknowledge(position)
    assert outbox.append(b"%030d\n" % 5, events=1)
    assert outbox.lost() == (3, since)


def test_a_line_that_was_cut_short_ends_where_the_next_begins(path: Path) -> None:
    outbox = small(path)
    path.write_bytes(b'{"cut')

    assert lines(outbox) == []
    outbox.append(b"whole\n", events=1)
    assert lines(outbox) == [b'{"cut\n', b"whole\n"]


def test_only_one_forwards_at_a_time(path: Path) -> None:
    outbox, other = small(path), small(path)

    with outbox.forwarding() as first, other.forwarding() as second:
        assert (first, second) == (True, False)
    with other.forwarding() as third:
        assert third


def test_what_is_rejected_is_kept_aside(path: Path) -> None:
    outbox = small(path)
    outbox.reject(b"bad\n")
    outbox.reject(b"worse\n")

    assert path.with_name("outbox.jsonl.rejected").read_bytes() == b"bad\nworse\n"
    assert outbox.waiting() == 0


def test_every_file_is_for_its_owner_only(path: Path) -> None:
    outbox = small(path, most_bytes=200)
    for _ in range(9):
        outbox.append(b"x" * 60 + b"\n", events=1)
    with outbox.forwarding():
        for line, position in outbox.unsent():
            outbox.reject(line)
            outbox.acknowledge(position)
    found = {entry.name: entry.stat().st_mode & 0o777 for entry in path.parent.iterdir()}

    assert set(found.values()) == {0o600}
    assert {name.removeprefix("outbox.jsonl") for name in found} == {
        "", ".lock", ".forwarding", ".sent", ".lost", ".rejected",
    }  # fmt: skip


def test_an_outbox_whose_folder_is_gone_says_so(path: Path) -> None:
    outbox = small(path)
    for entry in path.parent.iterdir():
        entry.unlink()
    path.parent.rmdir()

    for action in (
        lambda: outbox.append(b"x\n", events=1),
        outbox.waiting,
        lambda: list(outbox.unsent()),
        lambda: outbox.acknowledge(Position(segment=1, offset=0, file=0)),
        lambda: outbox.reject(b"x\n"),
    ):
        with pytest.raises(AuditError, match="ENOENT") as caught:
            action()
        assert caught.value.__context__ is None
    assert outbox.lost() == (0, "")


def test_a_disk_that_is_full_leaves_the_outbox_as_it_was(path: Path) -> None:
    outbox = small(path)
    outbox.append(b"x" * 50 + b"\n", events=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit, code in ((60, "ENOSPC"), (51, "EFBIG")):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(AuditError, match=code):
                outbox.append(b"y" * 40 + b"\n", events=1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == b"x" * 50 + b"\n"


def test_a_lock_that_is_never_given_back_is_not_waited_for_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = small(path)
    monkeypatch.setattr("maskline_openlineage._outbox._LOCK_TIMEOUT", 0.02)
    with path.with_name("outbox.jsonl.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AuditError, match="EAGAIN"):
            outbox.append(b"x\n", events=1)
    assert outbox.append(b"x\n", events=1)


def test_threads_append_whole_lines(path: Path) -> None:
    outbox = small(path)

    def work(who: int) -> None:
        for number in range(25):
            outbox.append(b"%d-%d\n" % (who, number), events=1)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(lines(outbox)) == sorted(
        b"%d-%d\n" % (who, number) for who in range(4) for number in range(25)
    )


@pytest.mark.slow
def test_processes_that_are_killed_lose_nothing_that_was_taken(path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDS, str(path), str(who)], stdout=subprocess.PIPE
        )
        for who in range(4)
    ]
    taken = set()
    for who, process in enumerate(started):
        assert process.stdout is not None
        while int(process.stdout.readline()) < 40 + 13 * who:
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        taken |= {f"{who}-{number}" for number in range(41 + 13 * who)}
        process.stdout.close()
    found = []
    for line in lines(Outbox(path, most_bytes=10**9)):
        try:
            found.append(json.loads(line)["id"])
        except ValueError:
            continue  # It was being written when its process was killed.

    assert taken <= set(found)
    assert len(found) == len(set(found))
