"""Pseudonyms made of names: of people, places, mail and web addresses.

This module knows lists of names, and domains that nobody can own (RFC 2606). It does not know keys
or labels. The lists are the data file ``pseudonyms.toml`` beside it.
"""

import tomllib
import unicodedata
from importlib.resources import files
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import Bytes, rows_of
from maskline.roles import Tokenizer

from ._pseudonym_text import (
    Flags,
    Form,
    Words,
    by_shape,
    matching,
    pick,
    rows_of_text,
    split,
)

__all__ = ["ADDRESS", "EMAIL", "PERSON", "PLACE", "URL"]

_USE: Final = "pseudonym"
_MORE: Final = "pseudonym, more"

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


def _lists() -> dict[str, pa.StringArray]:
    text = files("maskline._maskers").joinpath("pseudonyms.toml").read_text(encoding="utf-8")
    return {name: pa.array(names, pa.string()) for name, names in tomllib.loads(text).items()}


def _folded(names: pa.StringArray) -> pa.StringArray:
    """Return names in letters from a to z."""
    plain = (unicodedata.normalize("NFKD", name).lower() for name in names.to_pylist())
    letters = (
        "".join(filter(str.isalpha, name.encode("ascii", "ignore").decode())) for name in plain
    )
    return pa.array(list(letters), pa.string())


_LISTS: Final = _lists()
_GIVEN, _FAMILY = _LISTS["given"], _LISTS["family"]
_MAIL_GIVEN, _MAIL_FAMILY = _folded(_GIVEN), _folded(_FAMILY)


def _joined(separator: str, *parts: pa.StringArray | pa.StringScalar) -> pa.StringArray:
    return _compute.binary_join_element_wise(*parts, separator)


def _next(words: Words, names: pa.StringArray) -> Words:
    """Return what is left of words after a name was picked by them."""
    return words // np.uint64(len(names))


# ---- people --------------------------------------------------------------------------------------
#
# A name cannot be recognised as a pseudonym: to leave those of the lists would show real people.


def _person(values: pa.StringArray, tokenizer: Tokenizer) -> pa.StringArray:
    words = tokenizer.draw(values, use=_USE)
    names = _names(values, words)
    # Somebody may be called as the lists have it. The next given name is another one.
    return split(
        names,
        np.array(_compute.equal(names, values).to_numpy(zero_copy_only=False), np.bool_),
        lambda _, where: _names(values.take(pa.array(where)), words[where] + np.uint64(1)),
        lambda others, _: others,
    )


def _names(values: pa.StringArray, words: Words) -> pa.StringArray:
    """Return names in the order and case of those of a column."""

    def inverted(_: pa.StringArray, words: Words) -> pa.StringArray:
        return _joined(", ", pick(_FAMILY, _next(words, _GIVEN)), pick(_GIVEN, words))

    def full(_: pa.StringArray, words: Words) -> pa.StringArray:
        return _joined(" ", pick(_GIVEN, words), pick(_FAMILY, _next(words, _GIVEN)))

    def single(_: pa.StringArray, words: Words) -> pa.StringArray:
        return pick(_GIVEN, words)

    shapes = ((r"^[^,]+,[^,]+$", inverted), (r"[^\s]\s+[^\s]", full), ("", single))
    names = by_shape(values, words, shapes)
    has_lower, has_upper = matching(values, r"\p{Ll}"), matching(values, r"\p{Lu}")
    names = _compute.if_else(pa.array(has_upper & ~has_lower), _compute.utf8_upper(names), names)
    return _compute.if_else(pa.array(has_lower & ~has_upper), _compute.utf8_lower(names), names)


def _none(values: pa.StringArray) -> Flags:
    return np.zeros(len(values), np.bool_)


PERSON: Final = Form(make=_person, owns=_none)


# ---- e-mail addresses ----------------------------------------------------------------------------
#
# The local part ends in 80 bits in base32 (RFC 4648, section 6), of which the first 60 decide upon
# the names and the domain. An address whose names do not follow from its code is not one of ours.

_BASE32: Final = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
_WORD_CODE: Final = 12
_MORE_CODE: Final = 4
_CODE: Final = _WORD_CODE + _MORE_CODE
_DOMAINS: Final = pa.array(["example.com", "example.net", "example.org"])
_DOMAIN_TAIL: Final = len("@example.com")
_OWN_EMAIL: Final = f"^[a-z]+[.][a-z]+[.][a-z2-7]{{{_CODE}}}@example[.](?:com|net|org)$"


def _email(values: pa.StringArray, tokenizer: Tokenizer) -> pa.StringArray:
    words, more = (tokenizer.draw(values, use=use) for use in (_USE, _MORE))
    return _address_of(np.hstack([_fives(words, _WORD_CODE), _fives(more, _MORE_CODE)]))


def _fives(words: Words, count: int) -> Bytes:
    """Return numbers of five bits each, the lowest first; shape ``(rows, count)``."""
    shifts = np.uint64(5) * np.arange(count, dtype=np.uint64)
    fives: Bytes = (words[:, None] >> shifts & np.uint64(31)).astype(np.uint8)
    return fives


def _address_of(code: Bytes) -> pa.StringArray:
    """Return the addresses that follow from codes, shape ``(rows, 16)``, of five bits each."""
    shifts = np.uint64(5) * np.arange(_WORD_CODE, dtype=np.uint64)
    words = (code[:, :_WORD_CODE].astype(np.uint64) << shifts).sum(axis=1, dtype=np.uint64)
    given = pick(_MAIL_GIVEN, words)
    words = _next(words, _MAIL_GIVEN)
    family = pick(_MAIL_FAMILY, words)
    domain = pick(_DOMAINS, _next(words, _MAIL_FAMILY))
    return _joined("@", _joined(".", given, family, rows_of_text(_BASE32[code])), domain)


def _owns_email(values: pa.StringArray) -> Flags:
    owns = matching(values, _OWN_EMAIL)
    candidates = values.filter(pa.array(owns))
    offsets, data = rows_of(candidates)
    first = offsets[1:] - _DOMAIN_TAIL - _CODE
    letters = data[first[:, None] + np.arange(_CODE)]
    code = np.where(letters >= ord("a"), letters - ord("a"), letters - ord("2") + 26)
    same = _compute.equal(_address_of(code.astype(np.uint8)), candidates)
    owns[owns] = same.to_numpy(zero_copy_only=False)
    return owns


EMAIL: Final = Form(make=_email, owns=_owns_email)


# ---- places --------------------------------------------------------------------------------------
#
# The towns are on no map, so that what lies in one is no place where anybody lives.


def _pairs(first: str, second: str, separator: str) -> tuple[pa.StringArray, str]:
    """Return every pair of names of two lists, and a pattern of them."""
    heads, tails = _LISTS[first].to_pylist(), _LISTS[second].to_pylist()
    names = pa.array([f"{head}{separator}{tail}" for head in heads for tail in tails])
    return names, f"(?:{'|'.join(heads)}){separator}(?:{'|'.join(tails)})"


_TOWNS, _OWN_TOWN = _pairs("towns", "endings", "")
_STREETS, _OWN_STREET = _pairs("streets", "ways", " ")
_NUMBERS: Final = pa.array([str(number) for number in range(1, 1000)])


def _place(values: pa.StringArray, tokenizer: Tokenizer) -> pa.StringArray:
    return pick(_TOWNS, tokenizer.draw(values, use=_USE))


def _address(values: pa.StringArray, tokenizer: Tokenizer) -> pa.StringArray:
    words = tokenizer.draw(values, use=_USE)
    town = pick(_TOWNS, words)
    words = _next(words, _TOWNS)
    line = _joined(" ", pick(_NUMBERS, _next(words, _STREETS)), pick(_STREETS, words))
    return _joined(", ", line, town)


PLACE: Final = Form(make=_place, owns=lambda values: matching(values, f"^{_OWN_TOWN}$"))
ADDRESS: Final = Form(
    make=_address,
    owns=lambda values: matching(values, f"^[1-9][0-9]{{0,2}} {_OWN_STREET}, {_OWN_TOWN}$"),
)


# ---- web addresses -------------------------------------------------------------------------------

_SITE: Final = "https://example.com/"
_OWN_URL: Final = f"^{_SITE}[a-z0-9]+_[0-9a-f]{{32}}$"


def _url(values: pa.StringArray, tokenizer: Tokenizer) -> pa.StringArray:
    def new(others: pa.StringArray) -> pa.StringArray:
        return _joined("", pa.scalar(_SITE), tokenizer.text(others))

    def again(alike: pa.StringArray) -> pa.StringArray:
        tails = _compute.utf8_slice_codeunits(alike, len(_SITE))
        # What is a token already stays as it is.
        is_own = _compute.equal(tokenizer.text(tails), tails)
        return _compute.if_else(is_own, alike, new(alike))

    is_alike = matching(values, _OWN_URL)
    return split(values, is_alike, lambda here, _: again(here), lambda rest, _: new(rest))


URL: Final = Form(make=_url, owns=_none)
