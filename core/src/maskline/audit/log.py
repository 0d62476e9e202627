"""Appends events to the audit log, durably, and reads them back.

This module knows files and the chain of hashes. It does not know who writes events, or why, or what
is signed. What makes a record valid is stated once, in ``verify.py``, for whoever has only that.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from maskline.audit._appending import Stamp, append, stamp_of, sync_directory
from maskline.audit._lock import locked
from maskline.audit.checkpoints import Checkpoints
from maskline.audit.record import timestamp, to_json
from maskline.audit.signing import Notary
from maskline.audit.spool import Spool
from maskline.audit.verify import (
    GENESIS,
    VERSION,
    canonical,
    is_torn,
    is_whole,
    parse,
    segment_number,
    segments_of,
    verify,
)
from maskline.errors import AuditError, AuditIntegrityError
from maskline.model import AccessEvent

__all__ = ["AuditLog", "read"]

_T = TypeVar("_T")

_LOCK: Final = "audit.lock"
_SEGMENT_BYTES: Final = 64 * 1024 * 1024
_LOCK_TIMEOUT: Final = 10.0
_FIRST_LOOK: Final = 16 * 1024


class AuditLog:
    """An append-only log of access events, in a directory of its own.

    Any number of processes and threads of one machine may append to one log at once. `open` makes
    these. Close a log that has a notary, or use it in a ``with`` block: its end is signed then.

    Attributes:
        path: The directory.
    """

    def __init__(
        self,
        path: Path,
        *,
        notary: Notary | None,
        spool: Spool | None,
        segment_bytes: int,
        lock_timeout: float,
    ) -> None:
        self.path = path
        self._notary = notary
        self._spool = spool
        self._checkpoints = Checkpoints(path, notary) if notary else None
        self._segment_bytes = segment_bytes
        self._lock_timeout = lock_timeout
        self._last = _Last(line=b"", seq=0, hash="")
        self._end: tuple[_End, Stamp] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AuditLog: {self.path}>"

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        notary: Notary | None = None,
        spool: Spool | None = None,
        segment_bytes: int = _SEGMENT_BYTES,
        lock_timeout: float = _LOCK_TIMEOUT,
    ) -> Self:
        """Open a log, and make its directory if it is missing.

        Args:
            path: The directory.
            notary: Who signs checkpoints, if any are to be signed.
            spool: Where events wait while the log cannot be written to, if they may.
            segment_bytes: A file that would grow beyond this is followed by a new one.
            lock_timeout: How many seconds an append may wait for others.

        Raises:
            AuditError: The directory cannot be made, or cannot be written to, and there is no
                spool.
            AuditIntegrityError: The last record is not what was written, or there are fewer
                records than were signed.
        """
        log = cls(
            Path(path),
            notary=notary,
            spool=spool,
            segment_bytes=segment_bytes,
            lock_timeout=lock_timeout,
        )

        def prepare() -> None:
            log.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(log.path / _LOCK, timeout=lock_timeout):
                end = _find_end(log.path, log._last)
                if log._checkpoints:
                    log._checkpoints.check(end.seq)

        try:
            _guard(log.path, prepare)
        except AuditIntegrityError:
            raise
        except AuditError:
            if spool is None:
                raise
        return log

    def append(self, event: AccessEvent) -> int:
        """Append one event. When this returns, the record outlives a crash of the machine.

        Returns:
            The number of the record, counted from 1; 0 if it waits in the spool.

        Raises:
            AuditError: It could not be written: the disk is full, the directory is gone, or
                another process held the lock too long; and there is no spool, or the spool cannot
                take it. The log is as it was. Or a checkpoint was due and could not be kept: then
                the record is there, and the next append tries again.
            AuditIntegrityError: The last record is not what was written, or what was signed is not
                there. The spool is for neither.
        """
        body = to_json(event)
        written = 0

        def write() -> None:
            nonlocal written
            if self._spool and not self._spool.is_empty:
                self._take_over(self._spool)
            written = self._append(body)
            if self._checkpoints:
                self._checkpoints.sign_if_due(written)

        try:
            self._locked(write)
        except AuditIntegrityError:
            raise
        except AuditError:
            if self._spool is None or written:
                raise
        if not written and self._spool:
            self._spool.keep(body)
        return written

    def sign(self) -> None:
        """Sign the log up to its end now, unless it is signed up to there, or has no notary.

        Raises:
            AuditError: The checkpoint cannot be kept in the log or at an anchor.
            AuditIntegrityError: The log is not what was signed before.
        """

        def write() -> None:
            end = self._known_end() or _find_end(self.path, self._last)
            if self._checkpoints:
                self._checkpoints.check(end.seq)
                self._checkpoints.sign(end.seq)

        self._locked(write)

    def close(self) -> None:
        """Sign what this process has appended. May be called twice; errors are those of *sign*."""
        if self._checkpoints and self._end:
            self.sign()
            self._end = None

    def prune(self, before: datetime) -> int:
        """Remove the oldest segments, once the log is verified, and record that it was done.

        Only whole segments go, and never the last one. A signed checkpoint takes their place, so
        that the rest still verifies.

        Args:
            before: Segments go if every event in them is older.

        Returns:
            How many records are gone since the log began; 0 if nothing was removed.

        Raises:
            AuditError: The log has no notary, or a file cannot be written or removed.
            AuditIntegrityError: The log is not what was written or signed. Nothing was removed.
        """
        time = timestamp(before.astimezone(UTC))
        checkpoints, notary = self._checkpoints, self._notary
        if checkpoints is None or notary is None:
            msg = "Nobody can sign for what is to be removed from the audit log."
            raise AuditError(msg, hint="Name a key in `audit.key` of the policy.")

        # Others may append meanwhile: nobody changes the segments that may go.
        removal = _guard(self.path, lambda: checkpoints.removable(time))
        if removal is None:
            return 0
        if not verify(self.path, public_keys=notary.key.public).ok:
            msg = "The audit log is not what was written, so nothing is removed from it."
            raise AuditIntegrityError(msg, hint="Run `maskline audit verify`.")
        told = {"time": timestamp(datetime.now(UTC)), "before": time, "records": removal.size}

        def remove() -> int:
            if checkpoints.is_removed(removal):
                return 0
            seq = self._append({"pruned": told})
            checkpoints.sign_removal(removal)
            checkpoints.sign(seq)
            for segment in segments_of(self.path):
                if segment_number(segment.name) <= segment_number(removal.end[0]):
                    segment.unlink()
            sync_directory(self.path)
            return removal.size

        return self._locked(remove)

    def _locked(self, action: Callable[[], _T]) -> _T:
        def use() -> _T:
            with locked(self.path / _LOCK, timeout=self._lock_timeout):
                return action()

        return _guard(self.path, use)

    def _take_over(self, spool: Spool) -> None:
        """Append what waits in the spool, all at once, after a record that tells so."""
        with spool.emptied() as events:
            if events:
                now = timestamp(datetime.now(UTC))
                told = {"time": now, "since": events[0].get("time", ""), "records": len(events)}
                self._append({"spooled": told}, *events)

    def _append(self, *events: dict[str, Any]) -> int:
        end = self._known_end() or _find_end(self.path, self._last)
        seq, prev, lines = end.seq, end.hash, []
        for body in [_recovery(end.torn), *events] if end.torn else events:
            seq += 1
            line, prev = _record(seq, prev, body)
            lines.append(line)
        data = b"".join(lines)
        has_room = end.size == 0 or end.size + len(data) <= self._segment_bytes
        number = end.number if end.number and has_room and not end.torn else end.number + 1
        # A torn tail stays where it is, as evidence: the next segment tells of it.
        stamp = append(self.path, _segment(number), data)
        self._last = _Last(line=lines[-1], seq=seq, hash=prev)
        self._end = _End(number=number, size=stamp.size, seq=seq, hash=prev, torn=()), stamp
        return seq

    def _known_end(self) -> "_End | None":
        """Return where the log ends if nothing has happened to it since this process wrote last."""
        if self._end is None:
            return None
        end, stamp = self._end
        try:
            is_same = stamp_of((self.path / _segment(end.number)).stat()) == stamp
        except FileNotFoundError:
            return None
        is_last = not (self.path / _segment(end.number + 1)).exists()
        return end if is_same and is_last else None


def read(path: str | Path) -> Iterator[dict[str, Any]]:
    """Return the records of access events, oldest first. The chain is not checked.

    Records that tell of the log itself, such as of a recovery after a crash, are left out.

    Args:
        path: The directory of a log.

    Returns:
        Dictionaries with the keys ``v``, ``seq``, ``prev``, ``event`` and ``hash``.

    Raises:
        AuditError: The directory cannot be read.
        AuditIntegrityError: A line is not a record. Comes while records are fetched.
    """
    directory = Path(path)
    segments = _guard(directory, lambda: segments_of(directory))
    return _records(segments)


def _records(segments: list[Path]) -> Iterator[dict[str, Any]]:
    for segment in segments:
        with segment.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if is_torn(line):
                    continue
                record = parse(line)
                if record is None:
                    msg = f"Line {number} of {segment.name} is not a record."
                    raise AuditIntegrityError(msg, hint="Run `maskline audit verify`.")
                if "outcome" in record["event"]:
                    yield record


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """A record that is known to be right: the one that this process wrote last."""

    line: bytes
    seq: int
    hash: str


def _segment(number: int) -> str:
    return f"audit-{number:06d}.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """Where a log ends.

    Attributes:
        number: Of the last segment; 0 if there is none.
        size: Of the last segment, in bytes.
        seq: Of the last record; 0 if there is none.
        hash: Of the last record, or what stands for it.
        torn: What writes that a crash cut short have left after the last record.
    """

    number: int
    size: int
    seq: int
    hash: str
    torn: tuple[tuple[Path, bytes], ...]


def _find_end(directory: Path, last: _Last) -> _End:
    segments = segments_of(directory)
    number = int(segments[-1].stem.removeprefix("audit-")) if segments else 0
    size = segments[-1].stat().st_size if segments else 0
    seq, digest = 0, GENESIS
    torn: list[tuple[Path, bytes]] = []
    for segment in reversed(segments):
        line, rest = _last_record(segment)
        torn[:0] = [(segment, piece) for piece in rest]
        if line is not None:
            # Others may have written since; what they wrote is read with a stranger's eyes.
            found = last if line == last.line else _check(segment, line)
            seq, digest = found.seq, found.hash
            break
    return _End(number=number, size=size, seq=seq, hash=digest, torn=tuple(torn))


def _check(segment: Path, line: bytes) -> _Last:
    record = parse(line)
    if record is None or record["v"] != VERSION or not is_whole(record, line):
        msg = f"The last record of {segment.name} is not what was written."
        raise AuditIntegrityError(
            msg, hint="Run `maskline audit verify`, keep the directory, and start a new log."
        )
    return _Last(line=line, seq=record["seq"], hash=record["hash"])


def _last_record(segment: Path) -> tuple[bytes | None, list[bytes]]:
    """Return the last whole line of a segment, if it has one, and the torn lines after it."""
    look = _FIRST_LOOK
    with segment.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        while True:
            start = max(0, size - look)
            file.seek(start)
            *whole, rest = file.read(size - start).split(b"\n")
            lines = [line + b"\n" for line in whole] + [rest] * bool(rest)
            if start:
                del lines[0]  # It began before *start*.
            torn: list[bytes] = []
            while lines and is_torn(lines[-1]):
                torn.insert(0, lines.pop())
            if lines or not start:
                return (lines[-1] if lines else None), torn
            look *= 8


def _record(seq: int, prev: str, event: dict[str, Any]) -> tuple[bytes, str]:
    """Return the line of a record and its hash."""
    # The keys in their order, written out here so that a large event is spelt only once.
    head = b'{"event":' + canonical(event)
    tail = b',"prev":"%b","seq":%d,"v":%d}' % (prev.encode(), seq, VERSION)
    digest = hashlib.sha256(head + tail).hexdigest()
    return head + b',"hash":"%b"' % digest.encode() + tail + b"\n", digest


def _recovery(torn: tuple[tuple[Path, bytes], ...]) -> dict[str, Any]:
    return {
        "recovery": {
            "time": timestamp(datetime.now(UTC)),
            "torn": [
                {
                    "segment": segment.name,
                    "bytes": len(piece),
                    "sha256": hashlib.sha256(piece).hexdigest(),
                }
                for segment, piece in torn
            ],
        }
    }


def _guard(directory: Path, action: Callable[[], _T]) -> _T:
    """Run what touches files, and turn the errors of the operating system into ours."""
    try:
        return action()
    except OSError as exc:
        code = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
    except ValueError as exc:  # A number that JSON does not have.
        code = type(exc).__name__
    msg = f"The audit log {directory} cannot be used: {code}."
    raise AuditError(
        msg,
        hint="Give `audit.path` a directory that this user may write to, on a disk with room.",
    )
