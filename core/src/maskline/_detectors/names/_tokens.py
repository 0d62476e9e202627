"""Cuts text into words and signs, and says of each what can be seen without a model.

A *word* is a run of letters and digits; every other character that is no space is a token of its
own, and so is a run of line ends. A word is known by a hash of its letters (FNV-1a, over code
points), without case and accents. This module knows Unicode and UTF-8. It knows no name and no
model; the compiled kernel does the same.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["HASHED", "I64", "LETTER_BITS", "U32", "Case", "Rest", "Tokens", "cut", "hash_of"]
__all__ += ["letters", "mix"]

U32: TypeAlias = npt.NDArray[np.uint32]
I64: TypeAlias = npt.NDArray[np.int64]

HASHED: Final = 24
"""How many characters of a word count."""
LETTER_BITS: Final = 24
"""An entry of the table of letters: the letter in so many bits, above them its `Case`."""

_BASIS: Final = 0x811C9DC5
_PRIME: Final = 0x01000193
# Scripts from here on write without spaces: each of their characters is a sign of its own.
_POINTS: Final = 0x2E80
_LINE_END: Final = ord("\n")
_LATIN: Final = dict(zip("æœøłđðþßıŋħ", "aoolddtsinh", strict=True))


class Case:
    """What a character is. The compiled kernel knows the numbers."""

    SPACE: Final = 0
    LINE: Final = 1
    SIGN: Final = 2
    DIGIT: Final = 3
    LOWER: Final = 4
    UPPER: Final = 5
    LETTER: Final = 6
    MARK: Final = 7


class Rest:
    """What follows the first character of a word, in bits."""

    LOWER: Final = 1
    UPPER: Final = 2
    DIGIT: Final = 4


@cache
def letters() -> U32:
    """Return for each code point below 0x2E80 its case, and its letter without accent."""
    table = np.array([_entry(chr(point)) for point in range(_POINTS)], np.uint32)
    table.flags.writeable = False
    return table


def _entry(character: str) -> int:
    kind = unicodedata.category(character)
    if character in "\n\r\v\f\x85\u2028\u2029":
        return Case.LINE << LETTER_BITS | _LINE_END
    if kind[0] in "ZC" or character.isspace():
        case = Case.SPACE
    elif kind[0] == "M":
        case = Case.MARK
    elif kind[0] == "N":
        case = Case.DIGIT
    elif kind[0] != "L":
        case = Case.SIGN
    else:
        case = {"Ll": Case.LOWER, "Lu": Case.UPPER, "Lt": Case.UPPER}.get(kind, Case.LETTER)
    return case << LETTER_BITS | _plain(character)


def _plain(character: str) -> int:
    """Return the code point of a letter without case and accent."""
    lower = character.lower()[0]
    return ord(_LATIN.get(lower) or unicodedata.normalize("NFKD", lower)[0])


def hash_of(word: str) -> int:
    """Return the hash of one token."""
    table, value = letters(), _BASIS
    plain = [int(table[ord(letter)]) if ord(letter) < _POINTS else ord(letter) for letter in word]
    plain = [entry for entry in plain if entry >> LETTER_BITS != Case.MARK]
    for entry in plain[:HASHED]:
        value = (value ^ (entry & ((1 << LETTER_BITS) - 1))) * _PRIME & 0xFFFFFFFF
    return value


def mix(left: U32, right: U32 | np.uint32) -> U32:
    """Hash two numbers into one; not the same if they change places."""
    mixed = (left * np.uint32(0x9E3779B1) ^ right) * np.uint32(0x85EBCA6B)
    return np.asarray(mixed ^ mixed >> np.uint32(15), np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The tokens of many rows, as parallel arrays of one length, in order.

    Attributes:
        rows: The row of each.
        starts: Where its bytes begin, counted through all rows.
        ends: Where they end.
        hashes: What it is known by; the same for a word in capitals or with accents.
        prefixes: A hash of its first three characters.
        suffixes: A hash of its last three.
        endings: A hash of its last two.
        cases: The `Case` of its first character.
        rests: What follows that: bits of `Rest`.
        sizes: How many characters it has.
        gaps: 0 if it follows the token before at once, 1 after a space, 2 if a sentence, a line or
            the row begins with it.
    """

    rows: I64
    starts: I64
    ends: I64
    hashes: U32
    prefixes: U32
    suffixes: U32
    endings: U32
    cases: U32
    rests: U32
    sizes: U32
    gaps: U32

    def __len__(self) -> int:
        """Return how many tokens there are."""
        return len(self.rows)


def _points(data: npt.NDArray[np.uint8]) -> tuple[U32, I64]:
    """Return the code points of UTF-8, and where each begins."""
    begins = np.flatnonzero((data & 0xC0) != 0x80)  # noqa: PLR2004 - RFC 3629, section 3
    points = data[begins].astype(np.uint32)
    for nth, least in enumerate((0xC0, 0xE0, 0xF0), start=1):
        longer = np.flatnonzero(data[begins] >= least)
        following = data[np.minimum(begins[longer] + nth, len(data) - 1)] & np.uint8(0x3F)
        mask = np.uint32((0x20 << 5 * nth - 5) - 1)
        points[longer] = (points[longer] & mask) << np.uint32(6) | following
    return points, begins.astype(np.int64)


def cut(offsets: I64, data: npt.NDArray[np.uint8]) -> Tokens:
    """Cut rows into tokens.

    Args:
        offsets: Shape ``(rows + 1,)``, rising from 0: where each row's bytes begin and end.
        data: The rows' bytes, in UTF-8.
    """
    points, begins = _points(data)
    entries = np.uint32(Case.SIGN << LETTER_BITS) | points
    near = points < _POINTS
    entries[near] = letters()[points[near]]
    # A mark goes with what it stands on, and changes nothing.
    kept = entries >> np.uint32(LETTER_BITS) != Case.MARK
    entries, begins = entries[kept], begins[kept]
    rows = np.searchsorted(offsets, begins, side="right") - 1
    cases = entries >> np.uint32(LETTER_BITS)
    run = np.minimum(cases, Case.DIGIT)
    is_fresh = np.ones(len(run), np.bool_)
    is_fresh[1:] = (run[1:] != run[:-1]) | (run[1:] == Case.SIGN) | (rows[1:] != rows[:-1])
    heads = np.flatnonzero(is_fresh)
    edges = np.append(begins, len(data))[np.append(heads, len(begins))][1:]
    is_token = cases[heads] != Case.SPACE
    return _describe(
        rows=rows[heads][is_token],
        starts=begins[heads][is_token],
        ends=np.minimum(edges, offsets[rows[heads] + 1])[is_token],
        entries=entries,
        heads=heads[is_token],
        tails=np.append(heads, len(begins))[1:][is_token],
    )


def _describe(  # noqa: PLR0913 - parallel arrays
    *, rows: I64, starts: I64, ends: I64, entries: U32, heads: I64, tails: I64
) -> Tokens:
    """Describe the tokens whose characters are those from *heads* to *tails*."""
    plain = entries & np.uint32((1 << LETTER_BITS) - 1)
    cases = entries >> np.uint32(LETTER_BITS)
    first = cases[heads]
    sizes = np.where(first == Case.LINE, 1, tails - heads)
    hashes = np.full(len(heads), _BASIS, np.uint32)
    prefixes = hashes
    for nth in range(min(HASHED, int(sizes.max(initial=0)))):
        more = np.flatnonzero(sizes > nth)
        hashes[more] = (hashes[more] ^ plain[heads[more] + nth]) * np.uint32(_PRIME)
        if nth <= 2:  # noqa: PLR2004 - three characters
            prefixes = hashes.copy()
    # The third last letter, where there are three, then the second last.
    back = [np.where(sizes >= nth, plain[np.maximum(tails - nth, 0)], 0) for nth in (1, 2, 3)]
    endings = mix(back[1].astype(np.uint32), back[0].astype(np.uint32))
    return Tokens(
        rows=rows,
        starts=starts,
        ends=ends,
        hashes=hashes,
        prefixes=prefixes,
        suffixes=mix(endings, back[2].astype(np.uint32)),
        endings=endings,
        cases=first,
        rests=_rests(cases, heads, tails),
        sizes=sizes.astype(np.uint32),
        gaps=_gaps(rows, starts, ends, first, hashes),
    )


def _rests(cases: U32, heads: I64, tails: I64) -> U32:
    """Return what is behind the first character of each token."""
    rests = np.zeros(len(heads), np.uint32)
    for case, bit in (
        (Case.LOWER, Rest.LOWER),
        (Case.UPPER, Rest.UPPER),
        (Case.DIGIT, Rest.DIGIT),
    ):
        count = np.concatenate([[0], np.cumsum(cases == case)])
        rests |= np.where(count[tails] > count[heads + 1], np.uint32(bit), np.uint32(0))
    return rests


def _gaps(rows: I64, starts: I64, ends: I64, cases: U32, hashes: U32) -> U32:
    """Return what lies between each token and the one before it."""
    gaps = np.full(len(rows), 2, np.uint32)
    is_spaced = starts[1:] > ends[:-1]
    stops = np.array([hash_of(sign) for sign in ".!?"], np.uint32)
    is_first = (rows[1:] != rows[:-1]) | (cases[:-1] == Case.LINE)
    is_first |= np.isin(hashes[:-1], stops) & is_spaced
    gaps[1:] = np.where(is_first, 2, is_spaced)
    return gaps
