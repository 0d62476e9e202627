"""Runs many detectors over a column, those with a compiled twin all at once.

The compiled twin finds what their rules find, each rule and its cut; the
expressions are the specification. Without it, they are still searched for together. This module
knows the order in which the compiled scanner counts the rules. It does not know policies.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from maskline._detectors import COMPILED
from maskline._detectors.resolution import resolve
from maskline._folding import characters, fold
from maskline._kernels import native, rows_of
from maskline.model import Spans
from maskline.patterns import PatternDetector
from maskline.roles import Detector

__all__ = ["find", "scan"]


def find(column: pa.StringArray, detectors: Sequence[Detector]) -> Spans:
    """Run detectors over a column and settle where their findings overlap.

    Args:
        column: Any length, nulls and slices allowed.
        detectors: In the order that settles what nothing else does; the compiled ones count as
            the first, if all of them are there.

    Returns:
        What *resolve* makes of all findings.
    """
    compiled = frozenset(COMPILED)
    others = [detector for detector in detectors if detector not in compiled]
    twin = native if len(detectors) - len(others) == len(compiled) else None
    searched = others if twin else detectors
    patterns = tuple(detector for detector in searched if type(detector) is PatternDetector)
    rest = [detector for detector in searched if type(detector) is not PatternDetector]
    merged = [_merged(patterns)] if patterns else []
    found = [detector.detect(column) for detector in (*merged, *rest)]
    if twin is None:
        return resolve(found)
    if not found:
        return scan(column, native=twin, is_merged=True)
    return resolve([scan(column, native=twin, is_merged=False), *found])


def scan(column: pa.StringArray, *, native: ModuleType, is_merged: bool) -> Spans:
    """Find what the detectors with a compiled twin find.

    Args:
        column: Any length, nulls and slices allowed.
        native: The compiled kernels.
        is_merged: Whether to merge what overlaps, as *resolve* does.

    Returns:
        Sorted by row and start.
    """
    together = _together()
    rules, names = together.rules, together.entities
    scores = np.array([rule.score for rule in rules], np.float32)
    entities = np.array([names.index(rule.entity) for rule in rules], np.int32)
    folded = fold(column)
    offsets, data = rows_of(pc.fill_null(folded.column, ""))
    found = native.scan(offsets, data, characters(), scores, is_merged)
    rows, starts, ends = (np.frombuffer(part, np.int64) for part in found[:3])
    which = np.frombuffer(found[3], np.int32)
    folded.restore(rows, starts, ends)
    return Spans(
        rows=rows,
        starts=starts,
        ends=ends,
        entities=entities[which],
        scores=scores[which],
        names=names,
    )


@lru_cache(maxsize=16)
def _merged(detectors: tuple[PatternDetector, ...]) -> PatternDetector:
    """Return all rules as one detector, so that a row in which there is nothing is read once."""
    return PatternDetector("patterns", [rule for one in detectors for rule in one.rules])


@cache
def _together() -> PatternDetector:
    """Return the rules that have a compiled twin, in the order of `enum rule` in ``scan.h``."""
    detectors = sorted(COMPILED, key=lambda detector: detector.name)
    return PatternDetector("built-in", [rule for detector in detectors for rule in detector.rules])
