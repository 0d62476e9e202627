"""Puts findings beside labels.

This module knows stretches of text and names. It does not count.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from maskline.evaluation._records import LabelledSpan

__all__ = ["Finding", "Overlaps", "overlaps", "pair"]

Overlaps: TypeAlias = Sequence[tuple[float, int, int]]
"""What a label and a finding share of what either covers, and the places of the two."""


class Finding(NamedTuple):
    """A stretch that a detector found; *start* and *end* count characters."""

    start: int
    end: int
    entity: str
    score: float


def overlaps(labels: Sequence[LabelledSpan], findings: Sequence[Finding]) -> Overlaps:
    """Return which labels and findings overlap.

    Returns:
        The share that both have of what either has (intersection over union), and the places of
        the label and of the finding; the best first.
    """
    return sorted(_overlaps(labels, findings), key=lambda found: (-found[0], *found[1:]))


def _overlaps(
    labels: Sequence[LabelledSpan], findings: Sequence[Finding]
) -> Iterator[tuple[float, int, int]]:
    order = sorted(range(len(findings)), key=lambda place: findings[place].start)
    longest = max((one.end - one.start for one in findings), default=0)
    first = 0
    for place in sorted(range(len(labels)), key=lambda place: labels[place].start):
        start, end, _ = labels[place]
        # What begins that far before a label ends before it, and before all that follow.
        while first < len(order) and findings[order[first]].start + longest <= start:
            first += 1
        for rank in range(first, len(order)):
            other = order[rank]
            finding = findings[other]
            if finding.start >= end:
                break
            shared = min(end, finding.end) - max(start, finding.start)
            if shared > 0:
                yield shared / (max(end, finding.end) - min(start, finding.start)), place, other


def pair(shared: Overlaps, fits: Callable[[int, int], bool], least: float) -> dict[int, int]:
    """Give each label at most one finding, and each finding at most one label.

    Args:
        shared: What *overlaps* returned.
        fits: Tells of the places of a label and a finding whether their entities match.
        least: The smallest intersection over union that counts.

    Returns:
        The place of a finding by the place of its label.
    """
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for ratio, label, finding in shared:
        if ratio < least:
            break
        if label not in pairs and finding not in taken and fits(label, finding):
            pairs[label] = finding
            taken.add(finding)
    return pairs
