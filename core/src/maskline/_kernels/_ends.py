"""Hides the middle of text.

This module knows Unicode's categories and buffers. It does not know what the text is.
"""

import sys
import unicodedata
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ._buffers import Bytes, continues, read, running_total, write
from ._choice import native

__all__ = ["keep_ends"]

_SHOWN: Final = ("P", "S", "Z", "Cc", "Cf")
"""Categories of what may stay. Marks are parts of letters; unassigned code points may be some."""
_ASCII: Final = 128


def keep_ends(
    column: pa.StringArray, *, first: int = 0, last: int = 0, fill: bytes = b"*"
) -> pa.StringArray:
    """Replace letters and digits, except for some at the ends of each value.

    One *fill* takes the place of each code point. Spaces, punctuation and symbols stay, except in
    a value of nothing else, which is replaced throughout. A *fill* that is already there counts
    as a letter, so that a second pass changes nothing.

    Args:
        column: Any length, nulls and slices allowed.
        first: How many letters and digits stay at the start.
        last: How many stay at the end.
        fill: One ASCII character that is neither a letter nor a digit.

    Returns:
        The length of *column*. Null where *column* is null, and nowhere else. Where *first* and
        *last* are more than half of a value's letters and digits, all of them are replaced.

    Raises:
        ValueError: An argument is not as described.
    """
    if min(first, last) < 0 or len(fill) != 1 or not fill.isascii() or fill.isalnum():
        msg = "Nothing negative can be kept, and the fill is one ASCII character, no letter."
        raise ValueError(msg)
    offsets, data = read(column)
    if native is not None:
        edges, out = np.empty_like(offsets), np.empty_like(data)
        letters = _ASCII_LETTERS.copy()
        letters[fill[0]] = True
        native.keep_ends(offsets, data, letters, _shown(data), first, last, fill[0], edges, out)
        return write(edges, out[: edges[-1]], like=column)
    is_head = ~continues(data)
    heads = np.flatnonzero(is_head)
    counts = _is_letter(data, heads) | (data[heads] == fill[0])
    edges = running_total(is_head)[offsets]
    is_hidden = _hide(counts, edges, first=first, last=last)
    # Of a hidden character the first byte is replaced, and the others are dropped.
    is_hidden_byte = is_hidden[np.cumsum(is_head) - 1]
    masked = np.where(is_hidden_byte, np.uint8(fill[0]), data)
    is_kept = is_head | ~is_hidden_byte
    return write(running_total(is_kept)[offsets], masked[is_kept], like=column)


def _hide(
    counts: npt.NDArray[np.bool_], edges: npt.NDArray[np.int64], *, first: int, last: int
) -> npt.NDArray[np.bool_]:
    """Return which code points to hide.

    Args:
        counts: For each code point, whether it counts as a letter or digit.
        edges: Where the code points of each row begin and end.
        first: How many letters and digits stay at the start of a row.
        last: How many stay at the end.
    """
    total = running_total(counts)
    before = total[edges]
    letters = np.diff(before)
    row = np.repeat(np.arange(len(letters)), np.diff(edges))
    rank = total[:-1] - before[row]
    is_end = (rank < first) | (rank >= letters[row] - last)
    may_show = (letters >= 2 * (first + last))[row]
    is_hidden: npt.NDArray[np.bool_] = (counts & ~(is_end & may_show)) | (letters == 0)[row]
    return is_hidden


def _is_letter(data: Bytes, heads: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return for each code point whether it has to be hidden. *data* is valid UTF-8."""
    if len(heads) == len(data):
        return _ASCII_LETTERS[data]
    points = data[heads].astype(np.uint32)
    size = 1 + (points >= 0xC0).astype(np.int8) + (points >= 0xE0) + (points >= 0xF0)  # noqa: PLR2004
    points &= np.array([0, 0x7F, 0x1F, 0x0F, 0x07], np.uint32)[size]
    for nth in (1, 2, 3):
        goes_on = size > nth
        points[goes_on] = (points[goes_on] << 6) | (data[heads[goes_on] + nth] & 0x3F)
    verdict = np.zeros(len(points), np.bool_)
    is_ascii = points < _ASCII
    verdict[is_ascii] = _ASCII_LETTERS[points[is_ascii]]
    distinct, which = np.unique(points[~is_ascii], return_inverse=True)
    verdict[~is_ascii] = _letters(distinct)[which]
    return verdict


def _letters(points: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    categories = (unicodedata.category(chr(point)) for point in points)
    return np.fromiter((not category.startswith(_SHOWN) for category in categories), np.bool_)


_ASCII_LETTERS: Final = np.append(_letters(np.arange(_ASCII, dtype=np.uint32)), [False] * _ASCII)


def _shown(data: Bytes) -> npt.NDArray[np.uint32]:
    """Return the ranges of code points beyond ASCII that may stay, if *data* has any beyond it."""
    has_others = len(data) and data.max() >= _ASCII
    return _shown_ranges() if has_others else np.empty((0, 2), np.uint32)


@cache
def _shown_ranges() -> npt.NDArray[np.uint32]:
    is_shown = ~_letters(np.arange(_ASCII, sys.maxunicode + 1, dtype=np.uint32))
    edges = np.flatnonzero(np.diff(is_shown, prepend=False, append=False)) + _ASCII
    return np.stack([edges[::2], edges[1::2] - 1], axis=1).astype(np.uint32)
