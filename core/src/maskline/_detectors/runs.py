"""Finds the stretches of text in which an identifier may stand: runs of digits and what joins them.

Almost no text is part of a run, so that all that is dear is spared most of it. This module knows
bytes. It does not know any identifier.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from maskline._kernels import Bytes, Offsets

__all__ = ["LONGEST", "find_runs"]

LONGEST: Final = 96
"""Longer words are no identifiers."""

_ZERO: Final = ord("0")
_DIGITS: Final = 10
_IS_WORD: Final = np.array([bytes([byte]).isalnum() for byte in range(256)])
_IS_LETTER: Final = np.array([bytes([byte]).isalpha() for byte in range(256)])
_JOINS: Final = np.isin(np.arange(256), list(b" -./:("))
_BETWEEN: Final = 3
"""So many letters may stand between two words with digits, as in ``34 ABC 123``."""
_BEFORE: Final = 5
_AFTER: Final = 3

_Places = npt.NDArray[np.int64]


def find_runs(offsets: Offsets, data: Bytes) -> tuple[_Places, _Places, _Places]:
    """Find runs: words with a digit, joined by single separators, and short words at the ends.

    Args:
        offsets: Where each row begins and ends.
        data: The rows' bytes.

    Returns:
        The row of each run, and its first and its last byte but one, counted in *data*. Sorted;
        they do not overlap, but for short words between two runs, which may belong to both.
    """
    rows, starts, ends = _words(offsets, data)
    if not len(rows):
        return rows, starts, ends
    is_joined = _are_joined(data, ends[:-1], starts[1:]) & (rows[1:] == rows[:-1])
    first = np.concatenate([[True], ~is_joined])
    last = np.concatenate([~is_joined, [True]])
    rows, starts, ends = rows[first], starts[first], ends[last]
    _lengthen(offsets, data, rows, starts, ends)
    return rows, starts, ends


def _words(offsets: Offsets, data: Bytes) -> tuple[_Places, _Places, _Places]:
    """Find the words that hold a digit."""
    digits = np.flatnonzero((data - np.uint8(_ZERO)) < _DIGITS)
    if not len(digits):
        return digits, digits, digits
    rows = np.searchsorted(offsets, digits, side="right") - 1
    is_first = np.ones(len(digits), np.bool_)
    is_first[1:] = (np.diff(digits) > 1) | (np.diff(rows) > 0)
    is_last = np.append(is_first[1:], np.True_)
    rows, starts, ends = rows[is_first], digits[is_first], digits[is_last] + 1
    starts = _reached(data, _IS_WORD, starts, offsets[rows], limit=LONGEST, step=-1)
    ends = _reached(data, _IS_WORD, ends, offsets[rows + 1], limit=LONGEST, step=1)
    # Several groups of digits may stand in one word.
    keep = np.append(np.True_, starts[1:] >= ends[:-1]) & (ends - starts <= LONGEST)
    return rows[keep], starts[keep], ends[keep]


def _reached(  # noqa: PLR0913 - a loop has as many
    data: Bytes,
    table: npt.NDArray[np.bool_],
    places: _Places,
    stops: _Places,
    *,
    limit: int,
    step: int,
) -> _Places:
    """Move each place while the next byte is one of *table*, *limit* times and no farther."""
    places = places.copy()
    moving = np.arange(len(places))
    for _ in range(limit):
        moving = moving[places[moving] != stops[moving]]
        at = places[moving] - (step < 0)
        moving = moving[table[data[at]]]
        if not len(moving):
            break
        places[moving] += step
    return places


def _are_joined(data: Bytes, ends: _Places, starts: _Places) -> npt.NDArray[np.bool_]:
    """Tell which words a separator joins to the next one, or a few letters between two."""
    gaps = starts - ends
    is_joined = _JOINS[data[ends]] & _JOINS[data[starts - 1]]
    is_joined &= (gaps == 1) | ((gaps > len("--")) & (gaps <= _BETWEEN + len("--")))
    for letter in range(1, _BETWEEN + 1):
        inside = np.flatnonzero(is_joined & (gaps >= letter + len("--")))
        is_joined[inside] = _IS_LETTER[data[ends[inside] + letter]]
    return np.asarray(is_joined)


def _lengthen(offsets: Offsets, data: Bytes, rows: _Places, starts: _Places, ends: _Places) -> None:
    """Take in two short words of letters before each run, and two after it, in place."""
    before = (starts, offsets[rows], _BEFORE, -1)
    after = (ends, offsets[rows + 1], _AFTER, 1)
    for places, stops, limit, step in (before, before, after, after):
        far = np.flatnonzero(places != stops)
        far = far[_JOINS[data[places[far] - (step < 0)]]]
        begun = places[far] + step
        reached = _reached(data, _IS_LETTER, begun, stops[far], limit=limit, step=step)
        at = np.where(reached == stops[far], -1, reached - (step < 0))
        is_whole = (at < 0) | ~_IS_WORD[data[at]]
        taken = is_whole & (reached != begun)
        places[far[taken]] = reached[taken]
