"""Counts what a system takes columns for.

This module knows labels. It does not know detectors, and keeps no value.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from maskline.evaluation._counting import Json, Share, share
from maskline.evaluation._misses import Miss, OnMiss
from maskline.evaluation._names import Names
from maskline.evaluation._records import LabelledColumn
from maskline.model import FREE_TEXT, PUBLIC

__all__ = ["ColumnTally"]

_READABLE: Final = frozenset({PUBLIC, FREE_TEXT})


class ColumnTally:
    """What a system comes to on columns: one is masked unless it is found to be readable."""

    def __init__(self, names: Names, *, on_miss: OnMiss) -> None:
        """Begin at nothing.

        Args:
            names: Compares entities.
            on_miss: Called with everything that is wrong.
        """
        self._names = names
        self._on_miss = on_miss
        self._pairs: Counter[tuple[str, str]] = Counter()

    def add(self, column: LabelledColumn, found: str) -> None:
        """Count what a column was found to be."""
        if not self._names.is_wanted(column.label):
            return
        self._pairs[column.label, found] += 1
        if not self._is_right(column.label, found):
            miss = Miss(record=column.id, start=0, end=0, wanted=column.label, found=found)
            self._on_miss(miss, "")

    def _is_right(self, label: str, found: str) -> bool:
        is_left = self._names.is_readable(label) and found in _READABLE
        return is_left or self._names.match(label, found)

    def _is_sensitive(self, label: str, _found: str) -> bool:
        return not self._names.is_readable(label)

    def _is_direct(self, label: str, _found: str) -> bool:
        return self._names.is_direct(label)

    def figures(self) -> Json:
        """Return what it comes to; nothing if there was no column."""
        if not self._pairs:
            return {}
        wrong = [pair for pair in self._pairs.most_common() if not self._is_right(*pair[0])]
        return {
            "columns": {
                "top_1": asdict(self._share(self._is_right, lambda _label, _found: True)),
                "sensitive_precision": asdict(self._share(self._is_sensitive, _is_masked)),
                "sensitive_recall": asdict(self._share(_is_masked, self._is_sensitive)),
                "direct_recall": asdict(self._share(_is_masked, self._is_direct)),
                "confusion": [
                    {"wanted": label, "found": found, "number": number}
                    for (label, found), number in wrong
                ],
            }
        }

    def _share(self, hits: Callable[[str, str], bool], among: Callable[[str, str], bool]) -> Share:
        """Return the share of hits among some of the columns."""
        some = {pair: number for pair, number in self._pairs.items() if among(*pair)}
        return share(sum(n for pair, n in some.items() if hits(*pair)), sum(some.values()))


def _is_masked(_label: str, found: str) -> bool:
    return found not in _READABLE
