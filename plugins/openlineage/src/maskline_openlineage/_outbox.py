"""The outbox: files of events, from which a forwarder takes them and to which sinks append.

Beside the outbox ``outbox.jsonl`` stand files whose names begin with it:

* ``outbox.jsonl.000001`` and so on: full segments, which are older
* ``outbox.jsonl.lock``: whoever appends holds an advisory lock on it
* ``outbox.jsonl.forwarding``: whoever forwards holds an advisory lock on it
* ``outbox.jsonl.sent``: how far the events have been sent
* ``outbox.jsonl.lost``: how many events found the outbox full
* ``outbox.jsonl.rejected``: events that the lineage server will never take

A segment is deleted when all of its events have been sent. This module knows files. It does not
know what an event says, or how one is sent.
"""

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from maskline.errors import AuditError

__all__ = ["Outbox", "Position"]

_T = TypeVar("_T")

_SEGMENT_BYTES: Final = 8 * 1024 * 1024
_LOCK_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place between two lines of an outbox.

    Attributes:
        segment: The number of a segment, from 1.
        offset: In bytes.
        file: The inode of the segment: an offset means nothing in another file.
    """

    segment: int
    offset: int
    file: int


class Outbox:
    """Lines on their way out. Any number of processes and threads of one machine may append.

    Args:
        path: The newest segment, made for its owner only if it is missing.
        most_bytes: How much may wait to be sent.
        is_synced: Whether each append is on the disk when it returns, so that it outlives a crash
            of the machine; it outlives the end of the process in any case.
        segment_bytes: A segment that would grow beyond this is followed by a new one.

    Raises:
        AuditError: The outbox cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        most_bytes: int,
        is_synced: bool = False,
        segment_bytes: int = _SEGMENT_BYTES,
    ) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._is_synced = is_synced
        self._segment_bytes = segment_bytes

        def prepare() -> None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._lock():
                os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))

        self._guard(prepare)

    def append(self, lines: bytes, *, events: int) -> bool:
        """Append one or more whole lines, each with its line end.

        Args:
            lines: The lines.
            events: How many they are, to be counted if there is no room for them.

        Returns:
            Whether there was room.

        Raises:
            AuditError: They could not be written. The outbox is as it was.
        """

        def write() -> bool:
            with self._lock():
                size = self._size_of(self.path)
                if self._waiting() + len(lines) > self._most_bytes:
                    self._count(events)
                    return False
                if size and size + len(lines) > self._segment_bytes:
                    self.path.rename(self._beside(f"{self._newest():06d}"))
                    self._sync_directory()
                self._write(lines)
                return True

        return self._guard(write)

    def waiting(self) -> int:
        """Return how many bytes have not been sent."""

        def look() -> int:
            with self._lock():
                return self._waiting()

        return self._guard(look)

    def lost(self) -> tuple[int, str]:
        """Return how many events found the outbox full, and when the first of them did."""
        try:
            counted = json.loads(self._beside("lost").read_bytes())
            return int(counted["events"]), str(counted["first"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, ""

    @contextmanager
    def forwarding(self) -> Iterator[bool]:
        """Be the one who forwards, if nobody else is: two would send every event twice.

        Yields:
            Whether nobody else forwards.
        """
        file = self._guard(
            lambda: os.open(self._beside("forwarding"), os.O_RDWR | os.O_CREAT, 0o600)
        )
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_alone = True
            except BlockingIOError:
                is_alone = False
            yield is_alone
        finally:
            os.close(file)

    def unsent(self) -> Iterator[tuple[bytes, Position]]:
        """Read what has not been sent, oldest first, up to what is there now.

        Only who forwards may call it. Segments are deleted once they have been read to their end
        and everything in them has been acknowledged.

        Yields:
            A line, and where it ends: `acknowledge` that when the line has arrived.

        Raises:
            AuditError: A file cannot be read.
        """
        while True:
            number, file, is_newest = self._guard(self._open_oldest)
            with os.fdopen(file, "rb") as segment:
                inode = os.fstat(file).st_ino
                segment.seek(self._offset_in(number, file))
                # A line without its end is being written, or a crash has cut it short.
                while (line := segment.readline()).endswith(b"\n"):
                    yield line, Position(segment=number, offset=segment.tell(), file=inode)
            if is_newest:
                return
            self.acknowledge(Position(segment=number + 1, offset=0, file=0))
            self._guard(self._beside(f"{number:06d}").unlink)

    def acknowledge(self, position: Position) -> None:
        """Remember that everything before a position has arrived.

        It is not synced to the disk: after a crash of the machine some events are sent again.
        """
        self._guard(lambda: self._replace("sent", asdict(position)))

    def reject(self, line: bytes) -> None:
        """Keep an event that will never be taken, for a person to look at."""

        def write() -> None:
            with self._lock():
                _append(self._beside("rejected"), line, is_synced=True)

        self._guard(write)

    def _open_oldest(self) -> tuple[int, int, bool]:
        """Open the oldest segment with its number, and say whether it is the newest, too."""
        with self._lock():  # Nobody must give the newest segment its number in between.
            sealed = self._sealed()
            number = min(sealed, default=self._newest())
            path = sealed.get(number, self.path)
            return number, os.open(path, os.O_RDONLY | os.O_CREAT, 0o600), not sealed

    def _waiting(self) -> int:
        sealed = self._sealed()
        sent = self._sent()
        number = min(sealed, default=self._newest())
        sizes = sum(self._size_of(path) for path in (*sealed.values(), self.path))
        return sizes - (sent.offset if sent and sent.segment == number else 0)

    def _sealed(self) -> dict[int, Path]:
        prefix = f"{self.path.name}."
        endings = {
            entry.name.removeprefix(prefix): Path(entry.path)
            for entry in os.scandir(self.path.parent)
            if entry.name.startswith(prefix)
        }
        return {int(ending): path for ending, path in endings.items() if ending.isdecimal()}

    def _newest(self) -> int:
        """Return the number that the newest segment will have when it is full."""
        sealed = self._sealed()
        if sealed:
            return max(sealed) + 1
        sent = self._sent()
        return sent.segment if sent else 1

    def _sent(self) -> Position | None:
        try:
            return Position(**json.loads(self._beside("sent").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None  # Nothing is known, so everything is sent again.

    def _offset_in(self, number: int, file: int) -> int:
        sent = self._sent()
        status = os.fstat(file)
        is_same = sent and sent.segment == number and sent.file == status.st_ino
        return sent.offset if sent and is_same and sent.offset <= status.st_size else 0

    def _write(self, lines: bytes) -> None:
        is_new = not self.path.exists()
        _append(self.path, lines, is_synced=self._is_synced)
        if is_new and self._is_synced:
            self._sync_directory()

    def _count(self, events: int) -> None:
        number, first = self.lost()
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._replace("lost", {"events": number + events, "first": first or now, "last": now})

    def _replace(self, ending: str, body: dict[str, Any]) -> None:
        """Write a small file whole, or leave the old one as it is."""
        new = self._beside(f"{ending}.new")
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(file, json.dumps(body).encode("ascii") + b"\n")
        finally:
            os.close(file)
        new.replace(self._beside(ending))

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{ending}")

    def _size_of(self, path: Path) -> int:
        with suppress(FileNotFoundError):
            return path.stat().st_size
        return 0

    def _sync_directory(self) -> None:
        file = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        # Opened anew each time: a lock belongs to an open file, so threads exclude each other, and
        # a forked child does not inherit it.
        file = os.open(self._beside("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + _LOCK_TIMEOUT
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise
                time.sleep(0.0005)
            yield
        finally:
            os.close(file)

    def _guard(self, action: Callable[[], _T]) -> _T:
        """Run what touches files, and turn the errors of the operating system into ours."""
        try:
            return action()
        except OSError as exc:
            code = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
        msg = f"The outbox {self.path} cannot be used: {code}."
        hint = "Give the sink a path that this user may write to, on a disk with room."
        raise AuditError(msg, hint=hint)


def _append(path: Path, lines: bytes, *, is_synced: bool) -> None:
    """Write all of *lines* to the end of a file, or leave it as it was."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            lines = b"\n" + lines  # A write was cut short: its line is not ours to extend.
        is_written = False
        try:
            is_written = os.write(file, lines) == len(lines)
            if is_written and is_synced:
                os.fsync(file)
        except OSError:
            os.ftruncate(file, size)
            raise
        if not is_written:
            # The disk is full, or the process may not write more. What was written is no event.
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)
