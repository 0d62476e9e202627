"""What changed in a database since somebody looked: columns, their types, and what they hold.

This module knows labels, and what the last scan saw. It does not know files or databases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from maskline.model import ColumnRef, Label
from maskline.policy import Drift, LabelDiff
from maskline.scanning._looking import ScannedColumn
from maskline.scanning._memory import ScanMemory

__all__ = ["Drifts", "Retyped", "drifts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retyped:
    """A column whose type is another than at the last scan."""

    ref: ColumnRef
    before: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifts:
    """What nobody has looked at since it changed.

    Attributes:
        new: Columns that have no label in the policy, and were not there at the last scan.
        gone: Columns that have a label, and are no longer there.
        retyped: Columns whose type is another than at the last scan.
        shifted: Columns that are labelled otherwise than they look, and did not look so at the
            last scan.
        standing: Those that looked so then, too: that scan told it, and somebody left the label as
            it is. They are no change.
    """

    new: tuple[ColumnRef, ...]
    gone: tuple[ColumnRef, ...]
    retyped: tuple[Retyped, ...]
    shifted: tuple[Drift, ...]
    standing: tuple[Drift, ...]

    def __bool__(self) -> bool:
        """Tell whether anything changed."""
        return bool(self.new or self.gone or self.retyped or self.shifted)

    def words(self, ref: ColumnRef) -> list[str]:
        """Return what changed of a column: ``new``, ``retyped``, ``shifted``."""
        groups = {
            "new": self.new,
            "retyped": [one.ref for one in self.retyped],
            "shifted": [one.ref for one in self.shifted],
        }
        return [word for word, refs in groups.items() if ref in refs]


def drifts(found: Sequence[ScannedColumn], diff: LabelDiff, memory: ScanMemory) -> Drifts:
    """Say what changed.

    Args:
        found: What a scan sees now.
        diff: How that differs from the labels in the policy.
        memory: What the last scan saw. Without one, all that differs from the policy counts.
    """
    before = memory.columns()
    unseen = [ref for ref in diff.unknown if before and ref not in before]
    standing = tuple(one for one in diff.drifted if _looked_so(one, before.get(one.ref)))
    return Drifts(
        new=(*(ref for ref, _ in diff.added), *unseen),
        gone=diff.gone,
        retyped=tuple(
            Retyped(ref=column.ref, before=before[column.ref][0], now=column.type)
            for column in found
            if column.ref in before and before[column.ref][0] != column.type
        ),
        shifted=tuple(one for one in diff.drifted if one not in standing),
        standing=standing,
    )


def _looked_so(drift: Drift, before: tuple[str, Label] | None) -> bool:
    if before is None:
        return False
    _, label = before
    return (label.entity, label.paths) == (drift.found.entity, drift.found.paths)
