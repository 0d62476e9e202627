"""What a token looks like, and how to tell one from other text.

This module knows version 1 of the token formats, as ``docs/reference/tokens.md`` states them. It
knows no key: the check of a token can be tested by anybody, and proves nothing about its maker.
"""

import hashlib
import re
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import native, rows_of

__all__ = ["SLUG_REGEX", "TOKEN_REGEX", "Shape", "is_slug", "is_token_text", "shapes"]


class Shape(IntEnum):
    """What a text is, as a whole. The compiled kernel counts in the same way."""

    OTHER = 0
    TOKEN = 1
    ADDRESS = 2


SLUG_REGEX: Final = "[a-z][a-z0-9]{0,15}"
"""What begins a token, in the syntax that RE2, Python and PostgreSQL share."""

_TOKEN: Final = SLUG_REGEX + "_[0-9a-f]{32}"
# ASCII only: engines disagree about letters beyond it. The last label is a word, so that no number
# is taken for a domain and shown. ``xn--`` comes first, or a search would stop after its ``xn``.
_DOMAIN: Final = (
    "(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?[.])+"
    "(?:[Xx][Nn]--(?:[A-Za-z0-9-]*[A-Za-z0-9])|[A-Za-z]{2,63})"
)

TOKEN_REGEX: Final[str] = rf"\b{_TOKEN}(?:@{_DOMAIN})?\b"
"""Finds tokens inside text, with the domain of an e-mail token: RE2 syntax, not anchored.

Verify each match with *is_token_text*. In Python's ``re``, compile it with ``re.ASCII``.
"""

_WHOLE_TOKEN: Final = f"^{_TOKEN}(?:@{_DOMAIN})?$"
_WHOLE_EMAIL: Final = f"^[^@]+@{_DOMAIN}$"
_SLUG: Final = re.compile(SLUG_REGEX)
_CHECKED: Final = re.compile(f"({SLUG_REGEX}_[0-9a-f]{{24}})([0-9a-f]{{8}})(?:@{_DOMAIN})?")

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


def is_slug(text: str) -> bool:
    """Whether *text* may begin the tokens of a domain."""
    return _SLUG.fullmatch(text) is not None


def is_token_text(text: str) -> bool:
    """Whether *text* is, as a whole, a text token or an e-mail token with the right check.

    The check holds by chance for one in 2^32 texts of this shape. It is not authentication.
    """
    match = _CHECKED.fullmatch(text)
    if match is None:
        return False
    return hashlib.sha256(match[1].encode()).hexdigest()[:8] == match[2]


def shapes(values: pa.StringArray) -> npt.NDArray[np.uint8]:
    """Tell for each value whether it is a token, or an address whose domain may be kept.

    Args:
        values: Any length, without nulls.

    Returns:
        Shape ``(rows,)``, of `Shape`. The array is fresh.
    """
    found = np.zeros(len(values), np.uint8)
    if native is not None:
        native.shapes(*rows_of(values), found)
        return found
    found[_matches(values, _WHOLE_EMAIL)] = Shape.ADDRESS
    is_token = _matches(values, _WHOLE_TOKEN)
    if is_token.any():
        hits = values.take(pa.array(np.flatnonzero(is_token))).to_pylist()
        is_token[is_token] = [is_token_text(hit) for hit in hits]
        found[is_token] = Shape.TOKEN
    return found


def _matches(values: pa.StringArray, pattern: str) -> npt.NDArray[np.bool_]:
    matches = _compute.match_substring_regex(values, pattern)
    return np.array(matches.to_numpy(zero_copy_only=False), dtype=np.bool_)
