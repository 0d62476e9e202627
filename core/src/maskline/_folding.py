"""Look-alike characters in text, and the way back to the bytes they came from.

People write addresses and numbers with full-width digits, with no-break spaces, with invisible
characters between the letters. A detector looks at the folded text; what it finds has to be cut
out of the text as it was. This module knows Unicode and Arrow. It knows no detector.
"""

import sys
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import native, rows_of

__all__ = ["Folded", "characters", "fold"]

# What becomes of a character, beside turning into an ASCII one; the compiled kernels know these.
_IS_ALNUM: Final = 1
_IS_INVISIBLE: Final = 2

_INVISIBLE = (
    *(0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    *range(0x2066, 0x206A),
)
_SPACES = (0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_DASHES = (*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63)
_LAST_DIGIT = 0x1FBFA


@cache
def _table() -> dict[int, str]:
    """Return what each odd character stands for; nothing for an invisible one."""
    table = {
        point: digit
        for point in range(0x80, min(_LAST_DIGIT, sys.maxunicode + 1))
        if (digit := _digit(chr(point)))
    }
    # The full-width forms are ASCII, moved.
    table |= {point: chr(point - 0xFEE0) for point in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys(_INVISIBLE, "")
    table |= dict.fromkeys(_SPACES, " ")
    table |= dict.fromkeys(_DASHES, "-")
    table |= {0xFE52: ".", 0xFE6B: "@"}
    return table


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return "" if value is None else str(value)


@cache
def characters() -> npt.NDArray[np.uint8]:
    """Return what each code point is: an odd one's ASCII, 2 if invisible; 1 a letter or digit."""
    points = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    fates = np.strings.isalnum(points.view("U1")).astype(np.uint8) * np.uint8(_IS_ALNUM)
    table = _table()
    fates[list(table)] = [ord(ascii_) if ascii_ else _IS_INVISIBLE for ascii_ in table.values()]
    fates.flags.writeable = False
    return fates


@cache
def _pattern() -> str:
    """Return an RE2 class of all odd characters."""
    points = sorted(_table())
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "[" + "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in ranges) + "]"


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """A column without odd characters.

    Attributes:
        column: As long as the original.
        original: The column as it was.
        odd: Shape ``(rows,)``: whether a row differs from the original; empty if none does.
    """

    column: pa.StringArray
    original: pa.StringArray
    odd: npt.NDArray[np.bool_]

    def restore(
        self,
        rows: npt.NDArray[np.int64],
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
    ) -> None:
        """Turn offsets in the folded text into offsets in the original, in place."""
        if not len(self.odd):
            return
        moved = np.flatnonzero(self.odd[rows])
        moved = moved[np.argsort(rows[moved], kind="stable")]
        begin, end = starts[moved], ends[moved]
        _unfold(self.original, rows[moved], begin, end)
        starts[moved], ends[moved] = begin, end


def fold(column: pa.StringArray) -> Folded:
    """Replace look-alikes of ASCII characters, and drop invisible characters."""
    filled = pc.fill_null(column, "")
    if native is None:
        odd = _find_odd(filled)
        if not odd.any():
            return Folded(column, column, odd[:0])
        table = _table()
        texts = filled.filter(pa.array(odd)).to_pylist()
        clean = pa.array([text.translate(table) for text in texts], pa.string())
        return Folded(pc.replace_with_mask(column, pa.array(odd), clean), column, odd)
    offsets, data = rows_of(filled)
    odd = np.empty(len(column), np.bool_)
    edges, folded = np.empty(len(column) + 1, np.int64), np.empty(len(data), np.uint8)
    if not native.fold(offsets, data, characters(), odd, edges, folded):
        return Folded(column, column, odd[:0])
    buffers = [None, pa.py_buffer(edges.astype(np.int32)), pa.py_buffer(folded[: edges[-1]])]
    clean = pa.Array.from_buffers(pa.string(), len(column), buffers)
    if column.null_count:
        clean = pc.if_else(column.is_valid(), clean, None)
    return Folded(clean, column, odd)


def _find_odd(column: pa.StringArray) -> npt.NDArray[np.bool_]:
    if pc.all(pc.string_is_ascii(column)).as_py() is not False:
        return np.zeros(len(column), np.bool_)
    is_odd = pc.match_substring_regex(column, pattern=_pattern())
    return np.asarray(is_odd.to_numpy(zero_copy_only=False), np.bool_)


def _unfold(
    column: pa.StringArray,
    rows: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> None:
    """Turn offsets in folded rows, sorted by row, into offsets in *column*, in place."""
    if native is not None:
        native.unfold(*rows_of(pc.fill_null(column, "")), characters(), rows, starts, ends)
        return
    for row in np.unique(rows).tolist():
        low, high = np.searchsorted(rows, [row, row + 1])
        first, last = _map(column[row].as_py())
        starts[low:high], ends[low:high] = first[starts[low:high]], last[ends[low:high] - 1]


def _map(origin: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where, in *origin*, each folded byte's character starts and ends."""
    points = np.frombuffer(origin.encode("utf-32-le"), np.uint32)
    sizes = 1 + sum((points >= least).astype(np.int64) for least in (0x80, 0x800, 0x10000))
    fates = characters()[points]
    widths = np.where(fates > _IS_INVISIBLE, 1, np.where(fates == _IS_INVISIBLE, 0, sizes))
    ends = np.cumsum(sizes)
    return np.repeat(ends - sizes, widths), np.repeat(ends, widths)
