"""Builds text for pseudonyms, a column at a time.

This module knows Arrow's text, patterns and numpy. It does not know keys, labels, or what any text
stands for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import Bytes, rows_of
from maskline.roles import Tokenizer

__all__ = [
    "Flags",
    "Form",
    "Words",
    "by_shape",
    "decimals",
    "digit_places",
    "fixed",
    "matching",
    "pick",
    "replace_digits",
    "rows_of_text",
    "split",
]

Flags: TypeAlias = npt.NDArray[np.bool_]
"""Shape ``(rows,)``: whether something holds of each value."""
Words: TypeAlias = npt.NDArray[np.uint64]
"""Shape ``(rows,)``: a pseudorandom word for each value."""

_Make: TypeAlias = Callable[[pa.StringArray, Words], pa.StringArray]

_ZERO: Final = ord("0")

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the pseudonyms of an entity are made.

    Attributes:
        make: Returns a pseudonym for each value of a column without nulls.
        owns: Tells which values of such a column are pseudonyms already; none if it cannot tell.
        is_number: Whether a pseudonym of digits alone consists of digits alone.
    """

    make: Callable[[pa.StringArray, Tokenizer], pa.StringArray]
    owns: Callable[[pa.StringArray], Flags]
    is_number: bool = False


def matching(values: pa.StringArray, pattern: str) -> Flags:
    """Tell which values hold what a pattern of RE2 describes."""
    matches = _compute.match_substring_regex(values, pattern)
    return np.array(matches.to_numpy(zero_copy_only=False), np.bool_)


def by_shape(
    values: pa.StringArray, words: Words, shapes: Sequence[tuple[str, _Make]]
) -> pa.StringArray:
    """Make text for each value by the first pattern that describes it.

    Args:
        values: Any length, without nulls.
        words: One for each value.
        shapes: Patterns, and what is made of the values they describe. The last one describes all.

    Returns:
        The same length.
    """
    pattern, make = shapes[0]
    if len(shapes) == 1:
        return make(values, words)
    return split(
        values,
        matching(values, pattern),
        lambda here, where: make(here, words[where]),
        lambda rest, where: by_shape(rest, words[where], shapes[1:]),
    )


def split(
    values: pa.StringArray,
    is_first: Flags,
    first: Callable[[pa.StringArray, npt.NDArray[np.int64]], pa.StringArray],
    second: Callable[[pa.StringArray, npt.NDArray[np.int64]], pa.StringArray],
) -> pa.StringArray:
    """Return what one function makes of some values, and what another one makes of the others.

    Each is given values with their places in the column. Neither is called without any.
    """
    parts, places = [], []
    for where, make in ((np.flatnonzero(is_first), first), (np.flatnonzero(~is_first), second)):
        if len(where):
            parts.append(make(values.take(pa.array(where)), where))
            places.append(where)
    if not parts:
        return values
    return pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(places))))


def pick(names: pa.StringArray, words: Words) -> pa.StringArray:
    """Return the name that each word stands for."""
    return names.take(pa.array((words % np.uint64(len(names))).astype(np.int64)))


def decimals(words: Words, count: int) -> Bytes:
    """Return the last *count* decimal digits of each word as ASCII; shape ``(rows, count)``."""
    powers = np.uint64(10) ** np.arange(count - 1, -1, -1, dtype=np.uint64)
    digits: Bytes = (words[:, None] // powers % np.uint64(10)).astype(np.uint8) + np.uint8(_ZERO)
    return digits


def fixed(text: str, rows: int) -> Bytes:
    """Return an ASCII text for each row; shape ``(rows, characters)``."""
    return np.tile(np.frombuffer(text.encode(), np.uint8), (rows, 1))


def rows_of_text(characters: Bytes) -> pa.StringArray:
    """Return ASCII text of shape ``(rows, characters)`` as an array."""
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(characters)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data))


def digit_places(values: pa.StringArray, *, is_hexadecimal: bool = False) -> tuple[Flags, Bytes]:
    """Return which bytes of a column are ASCII digits, and the bytes."""
    _, data = rows_of(values)
    is_digit = (data - np.uint8(_ZERO)) < 10  # noqa: PLR2004 - other bytes wrap around
    if is_hexadecimal:
        is_digit |= ((data | 0x20) - np.uint8(ord("a"))) < 6  # noqa: PLR2004 - a to f
    return is_digit, data


def replace_digits(
    values: pa.StringArray, digits: Bytes, *, is_hexadecimal: bool = False
) -> pa.StringArray:
    """Put other digits in the places of those of a column.

    Args:
        values: Any length, without nulls.
        digits: ASCII, as many as there are in all of *values*, in order.
        is_hexadecimal: Whether letters from a to f are digits.
    """
    is_digit, data = digit_places(values, is_hexadecimal=is_hexadecimal)
    offsets, _ = rows_of(values)
    replaced = data.copy()
    replaced[is_digit] = digits.reshape(-1)
    return pa.StringArray.from_buffers(
        len(values), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(replaced)
    )
