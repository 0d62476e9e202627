"""Tells whether an audit log is what was written.

This module imports the standard library only, so that an auditor can copy this one file, read it
to its end, and run it with ``python verify.py DIRECTORY`` where maskline is not installed. It
opens files for reading, and nothing else.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

__all__ = [
    "GENESIS",
    "Finding",
    "Incomplete",
    "Verification",
    "canonical",
    "is_torn",
    "is_whole",
    "main",
    "parse",
    "record_hash",
    "segments_of",
    "verify",
]

VERSION: Final = 1
"""The version of the format that this module writes and understands."""
GENESIS: Final = hashlib.sha256(b"maskline audit log, version 1").hexdigest()
"""What the first record of a log gives as the hash of the record before it."""

EDITED: Final = "edited"
MISSING: Final = "missing or reordered"
TORN: Final = "torn tail"
UNKNOWN_VERSION: Final = "unknown version"
UNREADABLE: Final = "unreadable"
HEAD: Final = "expected head not found"

_SEGMENT: Final = re.compile(r"audit-([0-9]{6,})\.jsonl\Z")
_KEYS: Final = {"event", "hash", "prev", "seq", "v"}

_Json: TypeAlias = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where the log is not what was written, or where it was mended.

    Attributes:
        segment: The name of the file; empty where it is the log as a whole.
        line: Counted from 1; 0 where it is the file as a whole.
        what: ``edited``, ``missing or reordered``, ``torn tail``, ``unknown version``,
            ``unreadable`` or ``expected head not found``.
        detail: In words, without the contents of the record.
    """

    segment: str
    line: int
    what: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A query that began and of whose end nothing is recorded.

    Attributes:
        query_id: Finds it in the log.
        principal: Kind and id of whoever asked.
        time: When it began.
    """

    query_id: str
    principal: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `verify` found.

    Attributes:
        ok: Whether nothing was found. A recovery after a crash does not count.
        records: How many records were read, recoveries among them.
        segments: How many files.
        first_time: Of the first event; empty if there is none.
        last_time: Of the last event; empty if there is none.
        head_seq: The number of the last record; 0 if there is none.
        head_hash: Its hash. Note both elsewhere, for *expect_head* later.
        findings: What is wrong, in the order of the log.
        recoveries: Where a write was cut short by a crash and recorded as such by the next.
        incomplete: Queries whose last recorded outcome is ``started``.
    """

    ok: bool
    records: int
    segments: int
    first_time: str
    last_time: str
    head_seq: int
    head_hash: str
    findings: tuple[Finding, ...]
    recoveries: tuple[Finding, ...]
    incomplete: tuple[Incomplete, ...]


def canonical(value: _Json) -> bytes:
    """Return the one spelling of a JSON value that is hashed: sorted keys, no spaces, ASCII."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def record_hash(record: dict[str, _Json]) -> str:
    """Return the SHA-256 of a record without its own hash, in hex."""
    return hashlib.sha256(
        canonical({key: value for key, value in record.items() if key != "hash"})
    ).hexdigest()


def is_torn(line: bytes) -> bool:
    """Whether a line, its end included, is what a crash leaves of a write.

    A file that grew before its blocks were written holds zeros, which no record does.
    """
    return not line.endswith(b"\n") or b"\0" in line


def parse(line: bytes) -> dict[str, _Json] | None:
    """Return a record with the right keys and kinds of values, or None."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or set(record) != _KEYS:
        return None
    kinds = {"event": dict, "hash": str, "prev": str, "seq": int, "v": int}
    return record if all(isinstance(record[key], kind) for key, kind in kinds.items()) else None


def is_whole(record: dict[str, _Json], line: bytes) -> bool:
    """Whether a line is the one spelling of its record, and has the hash it states."""
    try:
        return canonical(record) + b"\n" == line and record_hash(record) == record["hash"]
    except ValueError:  # NaN and the infinities, which Python reads and we do not write.
        return False


def segments_of(directory: Path) -> list[Path]:
    """Return the files of a log in order. Other files are not part of it.

    Raises:
        OSError: The directory is not there or cannot be read.
    """
    found = ((_SEGMENT.match(path.name), path) for path in directory.iterdir())
    return [path for _, path in sorted((int(m[1]), path) for m, path in found if m)]


def verify(path: str | Path, *, expect_head: tuple[int, str] | None = None) -> Verification:
    """Read a whole log and check every hash and every link.

    Args:
        path: The directory of the log. Nothing in it is changed.
        expect_head: Number and hash of a record that was once the last one, as an earlier
            verification gave them. A log that was cut or written anew does not have it.

    Returns:
        What was found. A log that cannot be read is a finding too; nothing is raised.
    """
    reader = _Reader(expect_head)
    try:
        segments = segments_of(Path(path))
    except OSError as exc:
        reader.add("", 0, UNREADABLE, f"The directory cannot be read: {type(exc).__name__}.")
        segments = []
    for segment in segments:
        reader.read_segment(segment)
    return reader.finish(len(segments))


@dataclass(slots=True)
class _Reader:
    """Walks along the chain."""

    expect_head: tuple[int, str] | None
    seq: int = 0
    prev: str | None = GENESIS  # None after a line of which not even the hash can be read.
    records: int = 0
    first_time: str = ""
    last_time: str = ""
    has_head: bool = False
    findings: list[Finding] = field(default_factory=list)
    recoveries: list[Finding] = field(default_factory=list)
    # Torn tails that no record explains yet: place in the log, length, hash.
    torn: list[tuple[str, int, int, str]] = field(default_factory=list)
    open: dict[str, Incomplete] = field(default_factory=dict)

    def add(self, segment: str, line: int, what: str, detail: str) -> None:
        self.findings.append(Finding(segment=segment, line=line, what=what, detail=detail))

    def read_segment(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if is_torn(line):
                        digest = hashlib.sha256(line).hexdigest()
                        self.torn.append((path.name, number, len(line), digest))
                    else:
                        self._read_line(path.name, number, line)
        except OSError as exc:
            self.add(path.name, 0, UNREADABLE, f"The file cannot be read: {type(exc).__name__}.")
            self.prev = None

    def _read_line(self, segment: str, number: int, line: bytes) -> None:
        self.records += 1
        record = parse(line)
        if record is None:
            self.add(segment, number, EDITED, "The line is not a record.")
            self.seq, self.prev = self.seq + 1, None
            return
        if record["v"] != VERSION:
            self.add(segment, number, UNKNOWN_VERSION, "A newer maskline wrote this record.")
        elif not is_whole(record, line):
            self.add(segment, number, EDITED, "The record does not have the hash it states.")
        elif self.prev is not None and (record["prev"], record["seq"]) != (self.prev, self.seq + 1):
            self.add(
                segment,
                number,
                MISSING,
                f"Record {self.seq + 1} was expected and record {record['seq']} found, or it does "
                "not follow the one before it.",
            )
        self.seq, self.prev = record["seq"], record["hash"]
        if self.expect_head == (self.seq, self.prev):
            self.has_head = True
        self._read_event(segment, number, record["event"])

    def _read_event(self, segment: str, number: int, event: dict[str, _Json]) -> None:
        self._settle_torn(segment, number, event.get("recovery"))
        if "recovery" in event:
            return
        time, query_id = str(event.get("time", "")), str(event.get("query_id", ""))
        self.first_time = self.first_time or time
        self.last_time = time
        if event.get("outcome") == "started":
            who = event.get("principal")
            who = who if isinstance(who, dict) else {}
            principal = f"{who.get('kind', '')} {who.get('id', '')}".strip()
            self.open[query_id] = Incomplete(query_id=query_id, principal=principal, time=time)
        else:
            self.open.pop(query_id, None)

    def _settle_torn(self, segment: str, number: int, recovery: _Json) -> None:
        """Strike off the torn tails that the record after them explains; the rest is wrong."""
        stated = recovery.get("torn") if isinstance(recovery, dict) else None
        stated = stated if isinstance(stated, list) else []
        for name, line, length, digest in self.torn:
            if {"segment": name, "bytes": length, "sha256": digest} in stated:
                detail = (
                    f"A crash cut a write short; {segment}:{number} tells of its {length} bytes."
                )
                self.recoveries.append(Finding(segment=name, line=line, what=TORN, detail=detail))
            else:
                self._add_torn(name, line, length)
        self.torn.clear()

    def _add_torn(self, segment: str, line: int, length: int) -> None:
        self.add(
            segment,
            line,
            TORN,
            f"The last {length} bytes are not a whole record: a write was cut short, or is under "
            "way, or the file was cut.",
        )

    def finish(self, segments: int) -> Verification:
        self._settle_torn("", 0, None)
        if self.expect_head and not self.has_head:
            detail = f"No record {self.expect_head[0]} has the hash that was noted earlier."
            self.add("", 0, HEAD, detail)
        return Verification(
            ok=not self.findings,
            records=self.records,
            segments=segments,
            first_time=self.first_time,
            last_time=self.last_time,
            head_seq=self.seq,
            head_hash=(self.prev or "") if self.seq else "",
            findings=tuple(self.findings),
            recoveries=tuple(self.recoveries),
            incomplete=tuple(self.open.values()),
        )


def _lines(result: Verification) -> Iterator[str]:
    yield f"{result.records} records in {result.segments} segments"
    if result.first_time:
        yield f"from {result.first_time} to {result.last_time}"
    if result.head_seq:
        yield f"head {result.head_seq}:{result.head_hash}"
    for kind, places in (("FOUND", result.findings), ("recovered", result.recoveries)):
        for at in places:
            yield f"{kind} {at.segment or 'log'}:{at.line}: {at.what}: {at.detail}"
    for query in result.incomplete:
        yield f"incomplete {query.query_id} by {query.principal} at {query.time}"
    yield "The log is whole." if result.ok else "The log is NOT what was written."


def _head(text: str) -> tuple[int, str]:
    seq, _, digest = text.partition(":")
    return int(seq), digest


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a log from the command line.

    Returns:
        0 if the log is whole, 1 if it is not.
    """
    parser = argparse.ArgumentParser(description="Verify an audit log of maskline.")
    parser.add_argument("directory")
    parser.add_argument("--expect-head", type=_head, metavar="SEQ:HASH")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    given = parser.parse_args(arguments)
    result = verify(given.directory, expect_head=given.expect_head)
    lines = [json.dumps(asdict(result), indent=2)] if given.json else _lines(result)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
