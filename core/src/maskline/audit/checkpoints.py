"""Extends the tree over an audit log, and has it signed.

What was signed last holds the tree as it was then, so no more than the records since then are read
again. This module knows files of records and signed checkpoints. It does not know events, and how a
record is written.
"""

import base64
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from maskline.audit.signed import Checkpoint, Tree, leaf, read_checkpoint
from maskline.audit.signing import Notary, SigningKey
from maskline.audit.verify import (
    CHECKPOINT,
    PRUNED,
    is_torn,
    parse,
    segment_number,
    segments_of,
)
from maskline.errors import AuditError, AuditIntegrityError
from maskline.tokens._files import write_private
from maskline.tokens._secret import Secret

__all__ = ["Checkpoints", "Removal", "lines_after", "signed_in"]

End: TypeAlias = tuple[str, int, str]
"""Where records end: the segment, how far into it, in bytes, and the hash of the last of them."""

_SECONDS: Final = 60.0
_VERIFY: Final = "Run `maskline audit verify`, keep the directory, and start a new log."


class Removal(NamedTuple):
    """What stands for the oldest records of a log once they are gone.

    Attributes:
        size: How many records.
        hashes: Their compact range.
        end: Where they end.
    """

    size: int
    hashes: Sequence[bytes]
    end: End


class Checkpoints:
    """The signed checkpoints of one log. Whoever calls holds the lock of the log.

    Args:
        directory: Of the log.
        notary: Who signs.
    """

    def __init__(self, directory: Path, notary: Notary) -> None:
        self._directory = directory
        self._notary = notary
        self._size = 0
        self._time = time.monotonic()

    def check(self, seq: int) -> None:
        """Check that a log is no shorter than it was when it was signed last.

        Args:
            seq: The number of its last record.

        Raises:
            AuditIntegrityError: It is, or the checkpoint is not by our key.
            OSError: The checkpoint cannot be read.
        """
        base = self._base()
        size = base.size if base else 0
        if size > seq:
            msg = f"The log ends with record {seq}, and {size} records were signed."
            raise AuditIntegrityError(msg, hint=_VERIFY)
        if size > self._size:
            self._size, self._time = size, time.monotonic()

    def is_due(self, seq: int) -> bool:
        """Whether too many records, or records for too long, are not covered."""
        unsigned = seq - self._size
        is_late = unsigned > 0 and time.monotonic() - self._time >= _SECONDS
        return unsigned >= self._notary.every or is_late

    def sign_if_due(self, seq: int) -> None:
        """Sign a log if that is due, and no other process has done it meanwhile.

        Raises:
            AuditIntegrityError: The log is not what was signed before.
            OSError: The checkpoint cannot be written, here or to an anchor. The next call tries
                again.
        """
        if self.is_due(seq):
            self.check(seq)
            if self.is_due(seq):
                self.sign(seq)

    def sign(self, seq: int) -> None:
        """Sign a log up to its last record, unless it is signed up to there.

        Raises:
            AuditIntegrityError: The log is not what was signed before.
            OSError: The checkpoint cannot be written, here or to an anchor.
        """
        base = self._base()
        if seq == (base.size if base else 0):
            return
        tree = base.tree() if base else Tree()
        segment, offset, line = "", 0, b""
        for segment, offset, line in lines_after(self._directory, base):  # noqa: B007
            tree.add(leaf(line))
        record = parse(line)
        if record is None or not tree.end == record["seq"] == seq:
            msg = "The records since the last checkpoint are not all there."
            raise AuditIntegrityError(msg, hint=_VERIFY)
        self._keep(CHECKPOINT, tree, (segment, offset, record["hash"]))
        self._size, self._time = seq, time.monotonic()

    def removable(self, before: str) -> Removal | None:
        """Return what the oldest segments can be replaced by; None if none may go.

        Args:
            before: They may go if every event in them is older: a time as events spell it.

        Raises:
            AuditIntegrityError: A line is not a record.
            OSError: A segment cannot be read.
        """
        base = signed_in(self._directory, PRUNED, self._notary.key)
        tree = base.tree() if base else Tree()
        last = segments_of(self._directory)[-1:]
        found, newest = None, ""
        for segment, lines in groupby(lines_after(self._directory, base), key=itemgetter(0)):
            if segment == last[0].name:
                break
            end: End = (segment, 0, "")
            for _, offset, line in lines:
                if (record := parse(line)) is None:
                    msg = f"{segment} holds a line that is not a record."
                    raise AuditIntegrityError(msg, hint=_VERIFY)
                newest = max(newest, str(record["event"].get("time", "")))
                tree.add(leaf(line))
                end = segment, offset, record["hash"]
            if newest >= before:
                break
            found = Removal(tree.end, tree.hashes, end)
        return found

    def is_removed(self, removal: Removal) -> bool:
        """Whether another process has removed as much meanwhile.

        Raises:
            AuditIntegrityError: What stands for removed records is not by our key.
            OSError: It cannot be read.
        """
        base = signed_in(self._directory, PRUNED, self._notary.key)
        return base is not None and base.size >= removal.size

    def sign_removal(self, removal: Removal) -> None:
        """Sign what stands for segments from now on, before they go.

        Raises:
            AuditError: It cannot be written.
            OSError: It cannot be written to an anchor.
        """
        tree = Tree()
        tree.extend(removal.hashes, removal.size)
        self._keep(PRUNED, tree, removal.end)

    def _base(self) -> Checkpoint | None:
        """Return what was signed last."""
        key = self._notary.key
        newest = signed_in(self._directory, CHECKPOINT, key)
        return newest or signed_in(self._directory, PRUNED, key)

    def _keep(self, name: str, tree: Tree, end: End) -> None:
        """Sign a tree. Only what all anchors have is kept, so that a failure is tried again."""
        key = self._notary.key
        ending = "pruned\n" if name == PRUNED else ""
        note = key.sign(_text(key.name, tree, end) + ending)
        self._notary.copy(note, size=tree.end)
        place = self._directory / name
        if failure := write_private(place, Secret(note.encode()), overwrite=True):
            msg = f"The checkpoint {place} {failure[0]}."
            raise AuditError(msg, hint=failure[1])
        place.chmod(0o644)  # It holds no secret, and another user may have signed.


def signed_in(directory: Path, name: str, key: SigningKey | None = None) -> Checkpoint | None:
    """Return a checkpoint that a log keeps of itself; None if it keeps none of that name.

    Args:
        directory: Of the log.
        name: Of the file.
        key: Who must have signed it. Without one, the signature is not looked at.

    Raises:
        AuditIntegrityError: It is no checkpoint, or not signed by the key.
        OSError: It cannot be read.
    """
    try:
        note = (directory / name).read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    checkpoint = read_checkpoint(note)
    is_signed = key is None or key.has_signed(note)
    if checkpoint is None or not is_signed or checkpoint.is_removal != (name == PRUNED):
        msg = f"The file {name} of the audit log is not a checkpoint that its key has signed."
        hint = "Run `maskline audit verify`. A log has one key: for another key, start a new log."
        raise AuditIntegrityError(msg, hint=hint)
    return checkpoint


def lines_after(directory: Path, base: Checkpoint | None) -> Iterator[tuple[str, int, bytes]]:
    """Return the records that follow a checkpoint, or all of them, oldest first, unchecked.

    Returns:
        The name of the segment, where the line ends in it, in bytes, and the line.

    Raises:
        OSError: A file cannot be read. Comes while lines are fetched.
    """
    first = segment_number(base.segment) if base else 0
    for segment in segments_of(directory):
        number = segment_number(segment.name)
        if number < first:
            continue
        with segment.open("rb") as file:
            at = file.seek(base.offset if base and number == first else 0)
            for line in file:
                at += len(line)
                if not is_torn(line):
                    yield segment.name, at, line


def _text(origin: str, tree: Tree, end: End) -> str:
    """Return the text of a checkpoint: C2SP tlog-checkpoint, with lines of our own."""
    segment, offset, head = end
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    hashes = " ".join(base64.b64encode(digest).decode() for digest in tree.hashes)
    root = base64.b64encode(tree.root()).decode()
    return (
        f"{origin}\n{tree.end}\n{root}\n"
        f"time {now}\nhead {head}\nend {segment} {offset}\nrange {hashes}\n"
    )
