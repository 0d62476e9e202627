"""Tells whether an audit log, or a piece of one with its proof, is what was written and signed.

This module imports the standard library and ``signed.py`` only, so that an auditor can copy the two
files, read them to their ends, and run ``python verify.py DIRECTORY`` where maskline is not
installed. It opens files for reading, and nothing else.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

if __package__:
    from maskline.audit.signed import (
        Checkpoint,
        Tree,
        decoded,
        leaf,
        read_checkpoint,
        split_notes,
    )
else:  # An auditor's copy of the two files.
    from signed import (  # type: ignore[import-not-found,no-redef]
        Checkpoint,
        Tree,
        decoded,
        leaf,
        read_checkpoint,
        split_notes,
    )

__all__ = [
    "CHECKPOINT",
    "GENESIS",
    "PRUNED",
    "Finding",
    "Incomplete",
    "Verification",
    "canonical",
    "is_torn",
    "is_whole",
    "main",
    "notes_in",
    "parse",
    "record_hash",
    "segment_number",
    "segments_of",
    "verify",
]

VERSION: Final = 1
"""The version of the format that this module writes and understands."""
GENESIS: Final = hashlib.sha256(b"maskline audit log, version 1").hexdigest()
"""What the first record of a log gives as the hash of the record before it."""
CHECKPOINT: Final = "checkpoint"
"""The file of a log that holds its newest checkpoint."""
PRUNED: Final = "pruned"
"""The file of a log that holds the checkpoint of all that was removed by retention."""

EDITED: Final = "edited"
MISSING: Final = "missing or reordered"
TORN: Final = "torn tail"
UNKNOWN_VERSION: Final = "unknown version"
UNREADABLE: Final = "unreadable"
HEAD: Final = "expected head not found"
BAD_CHECKPOINT: Final = "bad checkpoint"
NOT_SIGNED: Final = "not what was signed"

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
            ``unreadable``, ``expected head not found``, ``bad checkpoint`` or ``not what was
            signed``.
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
        pruned: How many records retention removed from the beginning.
        signed: How many records, from the first, a checkpoint covers whose signature was checked.
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
    pruned: int
    signed: int
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
        spelt = canonical(record)
    except ValueError:  # NaN and the infinities, which Python reads and we do not write.
        return False
    # As in `record_hash`, without spelling it twice. What follows its own hash in a record holds
    # no quotes of JSON that could be taken for it.
    head, _, tail = spelt.rpartition(b',"hash":"%b"' % record["hash"].encode("ascii", "replace"))
    is_stated = hashlib.sha256(head + tail).hexdigest() == record["hash"]
    return is_stated and spelt + b"\n" == line


def segments_of(directory: Path) -> list[Path]:
    """Return the files of a log in order. Other files are not part of it.

    Raises:
        OSError: The directory is not there or cannot be read.
    """
    found = ((segment_number(path.name), path) for path in directory.iterdir())
    return [path for _, path in sorted((number, path) for number, path in found if number)]


def segment_number(name: str) -> int:
    """Return the number in the name of a segment; 0 if it is no segment."""
    match = _SEGMENT.match(name)
    return int(match[1]) if match else 0


def verify(
    path: str | Path,
    *,
    expect_head: tuple[int, str] | None = None,
    checkpoints: Iterable[str] = (),
    public_keys: str = "",
) -> Verification:
    """Read a whole log, or a proof, and check every hash, every link and every signature.

    Args:
        path: The directory of a log, or a file that `maskline.audit.prove` wrote. Nothing is
            changed.
        expect_head: Number and hash of a record that was once the last one, as an earlier
            verification gave them. A log that was cut or written anew does not have it.
        checkpoints: Signed notes from wherever they were kept. The log must begin with the records
            that each of them is about.
        public_keys: Verifier keys as C2SP spells them, one a line. Without any, no signature is
            checked; what stands on nothing else is then a finding.

    Returns:
        What was found. A log that cannot be read is a finding too; nothing is raised.
    """
    reader = _Reader(expect_head, public_keys)
    for note in checkpoints:
        reader.expect("", note)
    if Path(path).is_file():
        reader.read_proof(Path(path))
        return reader.finish(0)
    try:
        reader.begin(Path(path))
        segments = [at for at in segments_of(Path(path)) if segment_number(at.name) > reader.gone]
    except (OSError, ValueError) as exc:
        reader.add("", 0, UNREADABLE, f"The directory cannot be read: {type(exc).__name__}.")
        segments = []
    for segment in segments:
        reader.read_segment(segment)
    return reader.finish(len(segments))


@dataclass(slots=True)
class _Reader:
    """Walks along the chain."""

    expect_head: tuple[int, str] | None
    public_keys: str
    gone: int = 0  # The last segment that retention removed.
    pruned: int = 0
    signed: int = 0
    tree: Tree = field(default_factory=Tree)
    checkpoints: dict[int, list[tuple[str, Checkpoint]]] = field(default_factory=dict)
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

    def expect(self, place: str, note: str) -> Checkpoint | None:
        """Note what a signer has said, for when as many records have been read."""
        checkpoint = read_checkpoint(note, self.public_keys)
        if checkpoint is None:
            detail = "It is none of this log, or is not signed by a key that was given."
            self.add(place, 0, BAD_CHECKPOINT, detail)
        else:
            self.checkpoints.setdefault(checkpoint.size, []).append((place, checkpoint))
        return checkpoint

    def begin(self, directory: Path) -> None:
        """Read what the log itself says about its beginning and its end, before its records."""
        if (directory / PRUNED).exists():
            note = (directory / PRUNED).read_text("utf-8")
            checkpoint = self.expect(PRUNED, note)
            if checkpoint and not checkpoint.is_removal:
                self.add(PRUNED, 0, BAD_CHECKPOINT, "It does not say that records were removed.")
            elif checkpoint:
                self._trust(PRUNED)
                self.gone, self.pruned = segment_number(checkpoint.segment), checkpoint.size
                self.seq, self.prev = checkpoint.size, checkpoint.head
                self.tree = checkpoint.tree()
                self._meet()
        if (directory / CHECKPOINT).exists():
            self.expect(CHECKPOINT, (directory / CHECKPOINT).read_text("utf-8"))

    def _trust(self, place: str) -> None:
        if not self.public_keys.strip():
            detail = "It stands on a signature, and no public key was given to check it."
            self.add(place, 0, BAD_CHECKPOINT, detail)

    def read_proof(self, path: Path) -> None:
        """Read records that stand between the hashes of those before and those after them."""
        try:
            with path.open("rb") as file:
                head = json.loads(file.readline())
                first, left, right, note = (head[key] for key in ("first", "left", "right", "note"))
                checkpoint = self.expect(path.name, str(note))
                hashes = [decoded(each) for each in left]
                if not isinstance(first, int) or not self.tree.extend(hashes, first - 1):
                    raise ValueError  # noqa: TRY301 - one ending for all that is malformed
                self._trust(path.name)
                self.seq, self.prev = self.tree.end, None
                self._meet()
                for number, line in enumerate(file, start=2):
                    self._read_line(path.name, number, line)
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as exc:
            self.add(path.name, 0, UNREADABLE, f"It is not a proof: {type(exc).__name__}.")
            return
        if checkpoint and self.tree.extend([decoded(each) for each in right], checkpoint.size):
            self._meet()

    def _meet(self) -> None:
        """Compare what was read so far with what was signed of it."""
        for place, checkpoint in self.checkpoints.pop(self.tree.end, ()):
            if checkpoint.root != self.tree.root():
                detail = f"The first {checkpoint.size} records are not those that were signed."
                self.add(place, 0, NOT_SIGNED, detail)
            elif self.public_keys.strip():
                self.signed = checkpoint.size

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
        self.tree.add(leaf(line))
        if self.tree.end in self.checkpoints:
            self._meet()
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
        if "outcome" not in event:  # It tells of the log itself.
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
        for place, checkpoint in (each for size in self.checkpoints.values() for each in size):
            if checkpoint.size > self.pruned:
                detail = (
                    f"{checkpoint.size} records were signed, and the last of them is not there."
                )
                self.add(place, 0, NOT_SIGNED, detail)
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
            pruned=self.pruned,
            signed=self.signed,
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
    if result.pruned:
        yield f"pruned: records 1 to {result.pruned}"
    yield f"signed: {result.signed} records" if result.signed else "signed: none that was checked"
    for kind, places in (("FOUND", result.findings), ("recovered", result.recoveries)):
        for at in places:
            yield f"{kind} {at.segment or 'log'}:{at.line}: {at.what}: {at.detail}"
    for query in result.incomplete:
        yield f"incomplete {query.query_id} by {query.principal} at {query.time}"
    yield "The log is whole." if result.ok else "The log is NOT what was written."


def notes_in(path: str | Path) -> list[str]:
    """Return the signed notes in a file, or in the files ``*.checkpoint`` of a folder.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not text in UTF-8, or there is none: nothing would be checked.
    """
    place = Path(path)
    files = sorted(place.glob("*.checkpoint")) if place.is_dir() else [place]
    notes = [note for file in files for note in split_notes(file.read_text("utf-8"))]
    if not notes:
        msg = "There is no signed note."
        raise ValueError(msg)
    return notes


def _head(text: str) -> tuple[int, str]:
    seq, _, digest = text.partition(":")
    return int(seq), digest


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a log from the command line.

    Returns:
        0 if the log is whole, 1 if it is not.
    """
    parser = argparse.ArgumentParser(description="Verify an audit log of maskline, or a proof.")
    parser.add_argument("path", help="the directory of a log, or the file of a proof")
    parser.add_argument("--expect-head", type=_head, metavar="SEQ:HASH")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE")
    parser.add_argument("--public-key", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    given = parser.parse_args(arguments)
    try:
        notes = [note for place in given.checkpoint for note in notes_in(place)]
        keys = Path(given.public_key).read_text("utf-8") if given.public_key else ""
    except (OSError, ValueError) as exc:
        parser.error(f"a checkpoint or a public key cannot be read: {type(exc).__name__}")
    result = verify(given.path, expect_head=given.expect_head, checkpoints=notes, public_keys=keys)
    lines = [json.dumps(asdict(result), indent=2)] if given.json else _lines(result)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
