"""Counts what a system takes whole values for.

This module knows labels and scores. It does not know detectors, and keeps no value.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict

from maskline.evaluation._counting import Json, share
from maskline.evaluation._misses import NOTHING, Miss, OnMiss
from maskline.evaluation._names import Names
from maskline.evaluation._records import LabelledText

__all__ = ["ValueTally"]


class ValueTally:
    """What a system comes to on values: one is right if its entity alone has the top score."""

    def __init__(self, names: Names, *, on_miss: OnMiss) -> None:
        """Begin at nothing.

        Args:
            names: Compares entities.
            on_miss: Called with everything that is wrong.
        """
        self._names = names
        self._on_miss = on_miss
        self._on_top: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._flagged = [0, 0]

    def add(self, record: LabelledText, scores: Mapping[str, float]) -> None:
        """Count what a value may be, by entity, with a score for each."""
        labels = sorted({span.entity for span in record.spans})
        if labels and not any(map(self._names.is_wanted, labels)):
            return
        asked = {name: score for name, score in scores.items() if self._names.is_asked(name)}
        best = max(asked.values(), default=0.0)
        top = sorted(name for name, score in asked.items() if score >= best)
        if labels:
            is_right = bool(top) and all(self._is_one(name, labels) for name in top)
            total = self._on_top[labels[0]]
            total[0] += is_right
        else:
            is_right = not top
            total = self._flagged
            total[0] += not is_right
        total[1] += 1
        if not is_right:
            miss = Miss(
                record=record.id,
                start=0,
                end=len(record.text),
                wanted=" or ".join(labels) or NOTHING,
                found=" and ".join(top) or NOTHING,
            )
            self._on_miss(miss, record.text)

    def _is_one(self, found: str, labels: list[str]) -> bool:
        return any(self._names.match_exactly(label, found) for label in labels)

    def figures(self) -> Json:
        """Return what it comes to; nothing if there was no value."""
        if not self._on_top and not self._flagged[1]:
            return {}
        hits, totals = (sum(part) for part in zip([0, 0], *self._on_top.values(), strict=True))
        return {
            "values": {
                "on_top": asdict(share(hits, totals)),
                "flagged": asdict(share(*self._flagged)),
                "entities": {
                    name: {"on_top": right, "total": total}
                    for name, (right, total) in sorted(self._on_top.items())
                },
            }
        }
