"""The detector of names in free text: of people, places, organisations and groups, and titles.

It works at one of two points. *Balanced* wants a word that speaks for what is found, and the model
to think it likely. *Recall* takes whatever may be a name. This module knows Arrow, the labels of
the model, and what maskline has masked already. It does not know policies.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._detectors.names._features import ODD, SIGNS, UNUSUAL
from maskline._detectors.names._finding import Found, find
from maskline._detectors.names._model import Model, load
from maskline._folding import fold
from maskline._kernels import rows_of
from maskline.model import Spans
from maskline.patterns import masked_stretches

__all__ = ["NamesDetector"]

# What is taken from the score of being no name, as a logarithm of odds.
_DOUBT_BALANCED: Final = 0.5
_DOUBT_RECALL: Final = 2.5
_LIKELY: Final = 0.5
# How likely a name has to be that does not begin with a capital or a digit, of ASCII, or for which
# nothing speaks but that its words are unusual, or listed.
_SURE: Final = 0.7
# A model is never as sure as a pattern that was checked: how often it was right on texts of others.
_MOST_BALANCED: Final = 0.85
_MOST_RECALL: Final = 0.5
# What a word may be without being listed: a person, a place or an organisation.
_OPEN: Final = 3
# Addresses, the last, are left to their own patterns, which know where one ends.
_TOLD: Final = SIGNS[:-1]
_WITHOUT_CODES: Final = [SIGNS.index(name) for name in ("PERSON", "LOCATION", "NRP", "TITLE")]


class NamesDetector:
    """Finds names by a model that was learnt.

    It skips what maskline has masked already, and sees through full-width letters and invisible
    characters. Scores are probabilities.
    """

    __slots__ = ("_is_balanced",)

    def __init__(self, *, is_balanced: bool = True) -> None:
        """Choose the point at which it works.

        Args:
            is_balanced: Whether a name needs something that speaks for it. If not, little is
                missed, and much is found that is no name.
        """
        self._is_balanced = is_balanced

    def __repr__(self) -> str:
        """Return the point only."""
        return f"NamesDetector(is_balanced={self._is_balanced})"

    @property
    def name(self) -> str:
        """A name that is unique among all detectors."""
        return "names"

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of the entities it can find."""
        return _TOLD

    def detect(self, column: pa.StringArray) -> Spans:
        """Find every stretch. None overlaps another."""
        model, folded = load(), fold(column)
        offsets, data = rows_of(pc.fill_null(folded.column, ""))
        doubt = _DOUBT_BALANCED if self._is_balanced else _DOUBT_RECALL
        found = find(
            offsets, data, model, doubt=round(doubt / model.unit), is_gated=self._is_balanced
        )
        most = _MOST_BALANCED if self._is_balanced else _MOST_RECALL
        scores = _scores(found, model)
        kept = found.labels < len(_TOLD)
        if self._is_balanced:
            kept &= _is_spoken_for(found, scores, data)
        starts, ends = found.starts[kept], found.ends[kept]
        rows = np.searchsorted(offsets, starts, side="right") - 1
        free = _are_free(folded.column, offsets, starts, ends)
        rows, starts, ends = rows[free], starts[free], ends[free]
        starts, ends = starts - offsets[rows], ends - offsets[rows]
        folded.restore(rows, starts, ends)
        return Spans(
            rows=rows,
            starts=starts,
            ends=ends,
            entities=found.labels[kept][free],
            scores=np.minimum(scores[kept][free], np.float32(most)),
            names=_TOLD,
        )


def _scores(found: Found, model: Model) -> npt.NDArray[np.float32]:
    """Return how likely each name is one."""
    odds = found.margins * model.unit * model.slopes[found.labels] + model.offsets[found.labels]
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def _is_spoken_for(
    found: Found, scores: npt.NDArray[np.float32], data: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Tell for which names there is evidence enough."""
    labels = found.labels.astype(np.uint8)
    speaks = found.signs >> labels & 1 == 1
    least = np.where(data[found.starts] <= ord("Z"), _LIKELY, _SURE)
    is_unusual = (found.signs >> UNUSUAL & 1 == 1) & (labels < _OPEN)
    is_unusual &= found.signs >> ODD & 1 == 0
    # People and places have no digits in their names, and no word of so many letters.
    speaks &= (found.signs >> ODD & 1 == 0) | ~np.isin(labels, _WITHOUT_CODES)
    return np.asarray(speaks & (scores >= least) | is_unusual & (scores >= _SURE), np.bool_)


def _are_free(
    column: pa.StringArray,
    offsets: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Tell which stretches, counted through all rows, touch nothing that is masked already."""
    if not len(starts):
        return np.ones(0, np.bool_)
    rows, begins, stops = masked_stretches(column)
    if not len(rows):
        return np.ones(len(starts), np.bool_)
    begins, stops = begins + offsets[rows], stops + offsets[rows]
    # The masked stretch that ends first behind the start of a name: does it begin before its end?
    near = np.searchsorted(stops, starts, side="right")
    begin = np.append(begins, np.iinfo(np.int64).max)[near]
    return np.asarray(begin >= ends, np.bool_)
