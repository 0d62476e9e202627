"""Look-alike characters in text, and the way back to the bytes they came from.

People write addresses and numbers with full-width digits, with no-break spaces, with invisible
characters between the letters. A detector looks at the folded text; what it finds has to be cut
out of the text as it was. This module knows Unicode and Arrow. It knows no detector.
"""

import sys
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Folded", "fold"]

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
        odd: Rows that differ from the original; sorted.
        origins: The original text of those rows, as UTF-8.
    """

    column: pa.StringArray
    odd: npt.NDArray[np.int64]
    origins: tuple[str, ...]

    def restore(
        self,
        rows: npt.NDArray[np.int64],
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
    ) -> None:
        """Turn offsets in the folded text into offsets in the original, in place."""
        if not len(self.odd):
            return
        for index in np.flatnonzero(np.isin(rows, self.odd)):
            origin = self.origins[int(np.searchsorted(self.odd, rows[index]))]
            first, last = _map(origin)
            starts[index] = first[starts[index]]
            ends[index] = last[ends[index] - 1]


@cache
def _nothing() -> npt.NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


def fold(column: pa.StringArray) -> Folded:
    """Replace look-alikes of ASCII characters, and drop invisible characters."""
    if pc.all(pc.string_is_ascii(column)).as_py() is not False:
        return Folded(column, _nothing(), ())
    is_odd = pc.fill_null(pc.match_substring_regex(column, pattern=_pattern()), False)
    odd = np.flatnonzero(is_odd.to_numpy(zero_copy_only=False)).astype(np.int64)
    if not len(odd):
        return Folded(column, odd, ())
    origins = tuple(column.take(pa.array(odd)).to_pylist())
    table = _table()
    clean = pa.array([origin.translate(table) for origin in origins], pa.string())
    return Folded(pc.replace_with_mask(column, is_odd, clean), odd, origins)


def _map(origin: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where, in *origin*, each folded byte's character starts and ends."""
    table = _table()
    first: list[int] = []
    last: list[int] = []
    position = 0
    for character in origin:
        size = len(character.encode())
        width = len(table.get(ord(character), character).encode())
        first += [position] * width
        last += [position + size] * width
        position += size
    return np.array(first, dtype=np.int64), np.array(last, dtype=np.int64)
