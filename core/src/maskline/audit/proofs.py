"""Proves what an audit log holds, to somebody who has nothing but a checkpoint of it.

A proof is a file of lines. The first is a JSON object; the others are records, as the log has them.
Between the roots of the subtrees before them and those after them, they make the whole tree that
the checkpoint signed, so that none of them was changed, left out or added. With no records, it
proves that the log only grew. This module knows files of records and the tree. `verify` checks
what it writes.
"""

import base64
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from maskline.audit.checkpoints import lines_after, signed_in
from maskline.audit.log import read
from maskline.audit.signed import Tree, leaf, read_checkpoint
from maskline.audit.verify import CHECKPOINT, PRUNED
from maskline.errors import AuditError, AuditIntegrityError

__all__ = ["prove", "prove_growth", "span"]


def prove(path: str | Path, first: int, last: int) -> Iterator[bytes]:
    """Return records with the proof that the log holds them, and no other between them.

    Args:
        path: The directory of a log whose checkpoints are signed.
        first: The number of the first record.
        last: The number of the last. One less than *first* gives a proof without records.

    Returns:
        Lines, each with its end. All records are read once, and those of the proof a second time.

    Raises:
        AuditError: Records are not there, or not signed yet, or the directory cannot be read.
        AuditIntegrityError: The log is not what was signed.
    """
    directory = Path(path)
    try:
        pruned = signed_in(directory, PRUNED)
        note = (directory / CHECKPOINT).read_text("utf-8", "replace")
        signed = read_checkpoint(note)
        begin, size = pruned.size if pruned else 0, signed.size if signed else 0
        if signed is None or not begin < first <= last + 1 <= size + 1:
            msg = f"Records {first} to {last} cannot be proved; records {begin + 1} to {size} can."
            raise AuditError(msg, hint="`maskline audit sign` signs what was added since.")
        trees = pruned.tree() if pruned else Tree(), Tree(first - 1), Tree(last)
        for number, (_, _, line) in enumerate(lines_after(directory, pruned), start=begin + 1):
            if number > size:
                break
            trees[(number >= first) + (number > last)].add(leaf(line))
        whole = Tree()
        for tree in trees:
            whole.extend(tree.hashes, tree.end)
        if whole.root() != signed.root:
            msg = "The audit log is not what was signed."
            raise AuditIntegrityError(msg, hint="Run `maskline audit verify`.")
    except OSError as exc:
        problem = type(exc).__name__
    else:
        left, _, right = ([base64.b64encode(each).decode() for each in t.hashes] for t in trees)
        head = {"first": first, "left": left, "note": note, "right": right}
        records = islice(lines_after(directory, pruned), first - begin - 1, last - begin)
        return chain([json.dumps(head).encode() + b"\n"], (line for _, _, line in records))
    msg = f"The audit log {directory} has no checkpoint that can be read: {problem}."
    raise AuditError(msg, hint="Name the directory of a log whose checkpoints are signed.")


def prove_growth(path: str | Path, note: str) -> Iterator[bytes]:
    """Return the proof that a log still begins with what an older checkpoint is about.

    Args:
        path: The directory of a log whose checkpoints are signed.
        note: The older checkpoint. Its signature is not looked at.

    Raises:
        AuditError: The note is no checkpoint; or as for *prove*.
        AuditIntegrityError: The log is not what was signed.
    """
    if (older := read_checkpoint(note)) is None:
        msg = "That is not a checkpoint of an audit log."
        raise AuditError(msg, hint="Name a file that maskline wrote to an anchor.")
    return prove(path, older.size + 1, older.size)


def span(path: str | Path, since: str, until: str) -> tuple[int, int]:
    """Return the numbers of the first and the last event of a time.

    Args:
        path: The directory of a log.
        since: Events count from this time, spelt as in events.
        until: Events count up to this time, and not at it.

    Returns:
        The numbers. What stands between them belongs to the proof, whatever its time is. (1, 0)
        if there is no such event.

    Raises:
        AuditError: The directory cannot be read.
        AuditIntegrityError: A line is not a record.
    """
    first, last = 1, 0
    for record in read(path):
        if since <= str(record["event"].get("time", "")) < until:
            first = first if last else record["seq"]
            last = record["seq"]
    return first, last
