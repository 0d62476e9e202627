"""Families of check digits, over many numbers at once.

Every function takes a matrix of characters, one number a row: ASCII digits and capitals, without
separators. It knows arithmetic. It does not know any country or identifier.
"""
# ruff: noqa: PLR2004 - the numbers are those of the specifications

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Characters",
    "Integers",
    "Truths",
    "are_dates",
    "are_luhn_valid",
    "are_verhoeff_valid",
    "integers",
    "letters_of",
    "remainders",
    "running_products",
    "values",
    "weighted",
]

Characters: TypeAlias = npt.NDArray[np.uint8]
"""Shape ``(n, length)``: ASCII digits and capitals."""
Truths: TypeAlias = npt.NDArray[np.bool_]
"""Shape ``(n,)``."""
Integers: TypeAlias = npt.NDArray[np.int64]
"""Numbers, in the shape that is said."""

_ZERO: Final = ord("0")
_DAYS: Final = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FEBRUARY: Final = 2
_TEN: Final = 10

# Twice a digit, its digits added.
_DOUBLED: Final = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])

# The dihedral group of order 10, and the powers of the permutation that Verhoeff chose.
_GROUP: Final = np.array(
    [
        [(a + b) % 5 if b < 5 else 5 + (a + b) % 5 for b in range(10)]
        if a < 5
        else [5 + (a - b) % 5 if b < 5 else (a - b) % 5 for b in range(10)]
        for a in range(10)
    ]
)
_PERMUTATION: Final = np.array([1, 5, 7, 6, 2, 8, 3, 0, 9, 4])


def values(characters: Characters) -> Integers:
    """Return what characters count: digits themselves, letters from 10 for A. Shape is kept."""
    numbers = characters.astype(np.int64) - _ZERO
    return np.asarray(np.where(numbers >= _TEN, numbers - (ord("A") - _ZERO - _TEN), numbers))


def integers(characters: Characters) -> Integers:
    """Read each row, of at most 18 digits, as one decimal number."""
    powers = 10 ** np.arange(characters.shape[1] - 1, -1, -1, dtype=np.int64)
    return np.asarray((characters.astype(np.int64) - _ZERO) @ powers)


def weighted(characters: Characters, weights: Sequence[int]) -> Integers:
    """Add up the values of the first characters, each times its weight."""
    return np.asarray(values(characters[:, : len(weights)]) @ np.array(weights, np.int64))


def letters_of(alphabet: str, indexes: Integers) -> Characters:
    """Return the letter of *alphabet* at each index. Shape is kept."""
    return np.frombuffer(alphabet.encode("ascii"), np.uint8)[indexes]


def are_luhn_valid(characters: Characters) -> Truths:
    """Tell where the last digit checks the others by Luhn's rule (ISO/IEC 7812-1, annex B)."""
    numbers = values(characters)
    total = numbers[:, ::-2].sum(axis=1) + _DOUBLED[numbers[:, -2::-2]].sum(axis=1)
    return np.asarray(total % 10 == 0)


def are_verhoeff_valid(characters: Characters) -> Truths:
    """Tell where the last digit checks the others by Verhoeff's rule.

    The source is J. Verhoeff, *Error Detecting Decimal Codes*, Mathematical Centre Tract 29, 1969.
    """
    numbers = values(characters)[:, ::-1]
    state = np.zeros(len(numbers), np.int64)
    permutation = np.arange(10)
    for position in range(numbers.shape[1]):
        state = _GROUP[state, permutation[numbers[:, position]]]
        permutation = _PERMUTATION[permutation]
    return np.asarray(state == 0)


def remainders(characters: Characters, modulus: int) -> Integers:
    """Divide numbers of any length; a letter stands for two digits (ISO/IEC 7064, MOD 97-10)."""
    numbers = values(characters)
    state = np.zeros(len(numbers), np.int64)
    for position in range(numbers.shape[1]):
        digit = numbers[:, position]
        state = (state * np.where(digit < _TEN, 10, 100) + digit) % modulus
    return state


def running_products(characters: Characters) -> Truths:
    """Tell where the last digit checks the others by ISO/IEC 7064, MOD 11,10."""
    numbers = values(characters)
    state = np.full(len(numbers), 10, np.int64)
    for position in range(numbers.shape[1] - 1):
        total = (state + numbers[:, position]) % 10
        state = np.where(total == 0, 10, total) * 2 % 11
    return np.asarray((state + numbers[:, -1]) % 10 == 1)


def are_dates(year: Integers, month: Integers, day: Integers) -> Truths:
    """Tell which dates there are. A year of two digits may be of any century."""
    is_month = (month >= 1) & (month <= len(_DAYS) - 1)
    last = _DAYS[np.where(is_month, month, 0)]
    last = last - ((month == _FEBRUARY) & (year % 4 != 0))
    return np.asarray(is_month & (day >= 1) & (day <= last))
