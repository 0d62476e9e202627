"""What the model sees of each token: a few small numbers, and hashes of some of them together.

Which of them are taken together is told by the model's *templates*. This module knows tokens, and
what the lexicon may say of a word. It knows no word itself; the compiled kernel does the same.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from maskline._detectors.names._tokens import I64, U32, Case, Rest, Tokens, mix

__all__ = [
    "ATOMS",
    "BUCKETS",
    "ODD",
    "SIGNS",
    "U16",
    "UNUSUAL",
    "Flag",
    "atoms",
    "buckets",
    "look_up",
]
__all__ += ["signs_of"]

U16 = npt.NDArray[np.uint16]

BUCKETS: Final = 1 << 16
"""How many different features there are: what hashes to one number is one feature."""
ATOMS: Final = 11
"""How many numbers say what a token is."""

_EDGE: Final = 1
_RARE: Final = 2
_NUMBER: Final = 3
_LONGEST: Final = 8
_WORD_SIZES: Final = 5
_SHORT: Final = 2
_LONG: Final = 20


class Flag:
    """What the lexicon says of a word, in bits. The compiled kernel knows the numbers.

    The two bits above `COMMON_SHIFT` tell how common the word is, uncapitalised, in running
    text: 0 it is not, 1 it is mostly capitalised, 2 mostly not, 3 hardly ever.
    """

    GIVEN: Final = 1 << 0
    FAMILY: Final = 1 << 1
    PLACE: Final = 1 << 2
    COUNTRY: Final = 1 << 3
    PLACE_PAIR: Final = 1 << 4
    STREET: Final = 1 << 5
    COMPANY: Final = 1 << 6
    JOB: Final = 1 << 7
    GROUP: Final = 1 << 8
    HONORIFIC: Final = 1 << 9
    PERSON_CUE: Final = 1 << 10
    PLACE_CUE: Final = 1 << 11
    COMPANY_CUE: Final = 1 << 12
    COMMON_SHIFT: Final = 13
    KNOWN: Final = 1 << 15


_PEOPLE: Final = Flag.GIVEN | Flag.FAMILY | Flag.HONORIFIC
_PLACES: Final = Flag.PLACE | Flag.COUNTRY | Flag.PLACE_PAIR
_THINGS: Final = Flag.STREET | Flag.COMPANY | Flag.JOB | Flag.GROUP
_ALL: Final = _PEOPLE | _PLACES | _THINGS
_COMMON: Final = 3 << Flag.COMMON_SHIFT


def look_up(tokens: Tokens, keys: U32, flags: U16) -> U16:
    """Return what a lexicon says of each token.

    Args:
        tokens: Words and signs.
        keys: Shape ``(words,)``, rising: hashes of words, and `mix` of the hashes of two words that
            follow each other.
        flags: Shape ``(words,)``: bits of `Flag`.
    """
    found = _search(tokens.hashes, keys, flags)
    pairs = _search(mix(tokens.hashes[:-1], tokens.hashes[1:]), keys, flags)
    is_pair = (pairs & Flag.PLACE_PAIR != 0) & (tokens.rows[1:] == tokens.rows[:-1])
    found[:-1][is_pair] |= Flag.PLACE_PAIR
    found[1:][is_pair] |= Flag.PLACE_PAIR
    return found


def _search(hashes: U32, keys: U32, flags: U16) -> U16:
    where = np.minimum(np.searchsorted(keys, hashes), len(keys) - 1)
    return np.where(keys[where] == hashes, flags[where], 0).astype(np.uint16)


def atoms(tokens: Tokens, flags: U16) -> U32:
    """Return shape ``(ATOMS, tokens)``: what each token is, in numbers.

    They are: the word itself, where it is known; its shape; its prefix, suffix and ending; the
    lists it stands in: all of them, those of people, of places, of other things; how common it is;
    what is before it; and its shape together with its lists.
    """
    is_number = tokens.cases == Case.DIGIT
    is_word = tokens.cases > Case.DIGIT
    is_known = (flags & Flag.KNOWN != 0) | (tokens.cases < Case.DIGIT)
    word = np.where(is_known, tokens.hashes, _RARE)
    word[is_number] = _NUMBER + np.minimum(tokens.sizes[is_number], _LONGEST)
    shape = tokens.cases << 6 | tokens.rests << 3 | np.minimum(tokens.sizes, _WORD_SIZES)
    wide = flags.astype(np.uint32)
    common = wide & _COMMON
    return np.stack(
        [
            word,
            shape,
            np.where(is_word, tokens.prefixes, 0),
            np.where(is_word, tokens.suffixes, 0),
            np.where(is_word, tokens.endings, 0),
            wide & _ALL,
            wide & _PEOPLE | common,
            wide & _PLACES | common,
            wide & _THINGS,
            common | tokens.cases,
            tokens.gaps,
        ]
    ).astype(np.uint32)


def buckets(templates: npt.NDArray[np.int8], table: U32, rows: I64) -> npt.NDArray[np.uint16]:
    """Return shape ``(templates, tokens)``: the features of each token.

    Args:
        templates: Shape ``(templates, parts, 2)``: an atom and how many tokens ahead it stands,
            for each part; a negative atom is no part.
        table: What `atoms` returns.
        rows: Shape ``(tokens,)``: beyond the row, there is nothing to be seen.
    """
    count = table.shape[1]
    shifted = {}
    for atom, offset in {(int(a), int(d)) for a, d in templates.reshape(-1, 2) if a >= 0}:
        where = np.clip(np.arange(count) + offset, 0, max(count - 1, 0))
        is_near = (rows[where] == rows) & (where == np.arange(count) + offset)
        shifted[atom, offset] = np.where(is_near, table[atom][where], np.uint32(_EDGE))
    out = np.empty((len(templates), count), np.uint16)
    for number, parts in enumerate(templates):
        value = np.full(count, number, np.uint32)
        for atom, offset in parts:
            if atom >= 0:
                value = mix(value, shifted[int(atom), int(offset)])
        out[number] = value
    return out


SIGNS: Final = ("PERSON", "LOCATION", "ORGANIZATION", "NRP", "TITLE", "STREET_ADDRESS")
"""What a word may speak for: bit *n* of its signs is for the entity at *n*."""
UNUSUAL: Final = 6
"""The bit for words that speak for no more than that they are some name."""
ODD: Final = 7
"""The bit for very long words and words with digits in them, such as identifiers."""


def signs_of(tokens: Tokens, flags: U16) -> npt.NDArray[np.uint8]:
    """Return what each token speaks for, as bits in the order of `SIGNS`.

    A word speaks for a name if it is listed and not common in running text, or if it is uncommon
    and follows a cue such as *Dear* or *from*. Where a row is one word, nothing is known about it,
    and it speaks for nothing: a lone word is for the label of its column to explain.
    """
    common = flags >> Flag.COMMON_SHIFT & 3
    is_capital = tokens.cases == Case.UPPER
    is_rare = common <= 1
    is_name = is_capital & is_rare
    is_bare = (tokens.cases == Case.LOWER) & is_rare
    is_numbered = _beside_number(tokens)
    cued = _cued(tokens, flags)

    def has(bits: int) -> npt.NDArray[np.bool_]:
        return np.asarray(flags & bits != 0, np.bool_)

    def after(bits: int) -> npt.NDArray[np.bool_]:
        return np.asarray(cued & bits != 0, np.bool_)

    signs = (
        has(Flag.GIVEN | Flag.FAMILY) & is_name
        | has(Flag.GIVEN) & is_bare
        | after(Flag.PERSON_CUE | Flag.HONORIFIC) & is_name,
        has(_PLACES) & is_name
        | has(Flag.COUNTRY | Flag.PLACE_PAIR) & is_bare
        | after(Flag.PLACE_CUE) & is_name,
        has(Flag.COMPANY) & (is_name | is_capital & (tokens.gaps == 1))
        | after(Flag.COMPANY_CUE) & is_name,
        has(Flag.GROUP),
        has(Flag.JOB),
        has(Flag.STREET) & (is_capital | is_numbered)
        | is_name & is_numbered
        | after(_PLACES | Flag.STREET) & (tokens.cases == Case.DIGIT),
        is_capital
        & (tokens.rests & Rest.DIGIT == 0)
        & (tokens.sizes > _SHORT)
        & ((common == 0) | has(Flag.GIVEN | Flag.FAMILY | _PLACES) & (tokens.gaps == 1)),
    )
    is_odd = (tokens.rests & Rest.DIGIT != 0) | (tokens.sizes > _LONG)
    is_odd &= tokens.cases > Case.DIGIT
    bits: npt.NDArray[np.uint8] = is_odd.astype(np.uint8) << np.uint8(ODD)
    for number, sign in enumerate(signs):
        bits |= sign.astype(np.uint8) << np.uint8(number)
    is_head = np.diff(tokens.rows, prepend=-1) != 0
    bits[is_head & np.append(is_head[1:], True)] = 0
    return bits


def _cued(tokens: Tokens, flags: U16) -> U16:
    """Return the flags of the two tokens before each."""
    before = np.zeros(len(tokens), np.uint16)
    is_same = tokens.rows[1:] == tokens.rows[:-1]
    before[1:] = np.where(is_same, flags[:-1], 0)
    before[2:] |= np.where(tokens.rows[2:] == tokens.rows[:-2], flags[:-2], 0)
    return before


def _beside_number(tokens: Tokens) -> npt.NDArray[np.bool_]:
    is_number = tokens.cases == Case.DIGIT
    is_same = tokens.rows[1:] == tokens.rows[:-1]
    is_beside = np.zeros(len(tokens), np.bool_)
    is_beside[1:] |= is_number[:-1] & is_same
    is_beside[:-1] |= is_number[1:] & is_same
    return is_beside
