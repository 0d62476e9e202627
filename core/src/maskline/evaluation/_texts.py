"""Counts what a system finds in labelled texts.

This module knows labels, findings and counts. It does not know detectors, and keeps no text.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from maskline.evaluation._counting import Counts, Json, Resampling, measures, share
from maskline.evaluation._matching import Finding, Overlaps, overlaps, pair
from maskline.evaluation._misses import NOTHING, Miss, OnMiss
from maskline.evaluation._names import Names
from maskline.evaluation._records import LabelledSpan, LabelledText

__all__ = ["TextTally"]

_LOOSE: Final = 0.7
_BINS: Final = 10


class TextTally:
    """What a system comes to on texts.

    Attributes:
        entities: By label or, for what matches no label, by entity; all rules for secrets as one.
        anything: Any label against any finding, by intersection over union: over the texts whose
            labels are complete for every entity.
    """

    def __init__(self, names: Names, *, iou: float, on_miss: OnMiss) -> None:
        """Begin at nothing.

        Args:
            names: Compares entities.
            iou: The smallest intersection over union at which a finding is right.
            on_miss: Called with everything that is wrong.
        """
        self._names = names
        self._iou = iou
        self._on_miss = on_miss
        self._resampling = Resampling()
        self.entities: dict[str, Counts] = defaultdict(Counts)
        self.anything = {level: Counts() for level in sorted({iou, _LOOSE})}
        self._overlapped: Counter[str] = Counter()
        self._covered = [0, 0]
        self._confusion: Counter[tuple[str, str]] = Counter()
        self._with_labels = [0, 0]
        self._without_labels = [0, 0]
        self._bins = [[0, 0, 0.0] for _ in range(_BINS)]

    def add(self, record: LabelledText, findings: Sequence[Finding]) -> None:
        """Count what was found in a text; nothing of it may overlap."""
        labels = [span for span in record.spans if self._names.is_wanted(span.entity)]
        found = self._decided(record, labels, findings)
        shared = overlaps(labels, found)

        def fits(label: int, finding: int) -> bool:
            return self._names.match(labels[label].entity, found[finding].entity)

        pairs = pair(shared, fits, self._iou)
        self._count(record, labels, found, shared, pairs)
        self._cover(labels, found, shared)
        self._tell(record, labels, found, shared, pairs)
        total = self._with_labels if labels else self._without_labels
        is_met = any(fits(label, finding) for _, label, finding in shared)
        total[0] += is_met if labels else bool(found)
        total[1] += 1

    def _decided(
        self, record: LabelledText, labels: Sequence[LabelledSpan], findings: Sequence[Finding]
    ) -> list[Finding]:
        """Return the findings that are either right or wrong."""
        found = [
            one
            for one in findings
            if self._names.covers(record.scope, one.entity) and self._names.is_asked(one.entity)
        ]
        doubtful = [span for span in record.spans if span.is_doubtful]
        if not doubtful:
            return found
        spared = {
            place
            for _, label, place in overlaps(doubtful, found)
            if self._names.match(doubtful[label].entity[:-1], found[place].entity)
        } - {place for _, _, place in overlaps(labels, found)}
        return [one for place, one in enumerate(found) if place not in spared]

    def _count(
        self,
        record: LabelledText,
        labels: Sequence[LabelledSpan],
        found: Sequence[Finding],
        shared: Overlaps,
        pairs: Mapping[int, int],
    ) -> None:
        weights = self._resampling.draw()
        is_right = set(pairs.values())
        for place, label in enumerate(labels):
            counts = self.entities[self._names.heading(label.entity)]
            counts.add(weights, right=place in pairs, missed=place not in pairs)
        for place, finding in enumerate(found):
            if place not in is_right:
                row = self._names.row(finding.entity, record.scope - {"*"})
                self.entities[self._names.heading(row)].add(weights, wrong=1)
            bin_ = self._bins[min(int(finding.score * _BINS), _BINS - 1)]
            bin_[0] += place in is_right
            bin_[1] += 1
            bin_[2] += finding.score
        if "*" in record.scope:
            for level, counts in self.anything.items():
                hits = len(pair(shared, lambda _label, _finding: True, level))
                counts.add(weights, right=hits, wrong=len(found) - hits, missed=len(labels) - hits)

    def _cover(
        self, labels: Sequence[LabelledSpan], found: Sequence[Finding], shared: Overlaps
    ) -> None:
        for _, label, finding in shared:
            start = max(labels[label].start, found[finding].start)
            self._covered[0] += min(labels[label].end, found[finding].end) - start
        self._covered[1] += sum(span.end - span.start for span in labels)
        for label in {label for _, label, _ in shared}:
            self._overlapped[self._names.heading(labels[label].entity)] += 1

    def _tell(
        self,
        record: LabelledText,
        labels: Sequence[LabelledSpan],
        found: Sequence[Finding],
        shared: Overlaps,
        pairs: Mapping[int, int],
    ) -> None:
        """Note what was taken for what, and hand over what is wrong."""
        best = {label: finding for _, label, finding in reversed(shared)} | dict(pairs)
        for place, (start, end, entity) in enumerate(labels):
            taken = found[best[place]].entity if place in best else NOTHING
            self._confusion[self._names.heading(entity), taken] += 1
            if place not in pairs:
                self._miss(record, start, end, wanted=entity, taken=taken)
        told = set(best.values())
        for place, (start, end, entity, _) in enumerate(found):
            if place not in told:
                self._confusion[NOTHING, entity] += 1
                self._miss(record, start, end, wanted=NOTHING, taken=entity)

    def _miss(self, record: LabelledText, start: int, end: int, *, wanted: str, taken: str) -> None:
        miss = Miss(record=record.id, start=start, end=end, wanted=wanted, found=taken)
        self._on_miss(miss, record.text[start:end])

    def figures(self) -> Json:
        """Return what it comes to; nothing if there was no text."""
        if not self._with_labels[1] and not self._without_labels[1]:
            return {}
        return {
            "entities": {
                row: {
                    **asdict(measures(parts)),
                    "overlapped": asdict(
                        share(self._overlapped[row], sum(part.wanted for part in parts))
                    ),
                }
                for row, parts in sorted(self._rows().items())
            },
            "all": asdict(measures(self.entities.values())),
            "any": {
                f"{level:g}": asdict(measures([counts]))
                for level, counts in self.anything.items()
                if counts.sums.any()
            },
            "overlapped": asdict(
                share(self._overlapped.total(), sum(one.wanted for one in self.entities.values()))
            ),
            "characters": asdict(share(*self._covered)),
            "found_texts": asdict(share(*self._with_labels)),
            "flagged_texts": asdict(share(*self._without_labels)),
            "confusion": [
                {
                    "wanted": wanted,
                    "found": taken,
                    "number": number,
                    "is_same": wanted != NOTHING and self._names.match(wanted, taken),
                }
                for (wanted, taken), number in self._confusion.most_common()
            ],
            "calibration": self._calibration(),
        }

    def _rows(self) -> dict[str, list[Counts]]:
        """Count wrong findings under the label that they would have had, if the set has one."""
        labels = [name for name, counts in self.entities.items() if counts.wanted]
        rows: dict[str, list[Counts]] = defaultdict(list)
        for name, counts in self.entities.items():
            rows[self._names.row(name, labels)].append(counts)
        return rows

    def _calibration(self) -> Json:
        """Return how often findings of each score are right, and how far the scores are off.

        The expected calibration error is the mean distance of score and share, weighted by the
        number of findings (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities
        using Bayesian binning", 2015).
        """
        total = sum(number for _, number, _ in self._bins)
        error = sum(abs(right - scores) for right, _, scores in self._bins)
        return {
            "expected_error": error / total if total else 0.0,
            "bins": [
                {"score": scores / number, "right": right / number, "number": number}
                for right, number, scores in self._bins
                if number
            ],
        }
