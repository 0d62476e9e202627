"""Check digits of identifiers that belong to no country: of things, firms and wallets.

Each function takes a matrix of characters, one number a row, as `checksums` has it, and tells
which rows are valid. Wallets keep their small letters. The patterns have seen to lengths and kinds
of characters before. This module knows published rules. It does not know patterns or entities.
"""
# ruff: noqa: PLR2004 - the numbers are those of the specifications
# numpy does not say what comparing two arrays gives.
# mypy: disable-error-code="no-any-return"

import hashlib
from collections.abc import Callable

import numpy as np

from maskline._detectors.checksums import (
    Characters,
    Truths,
    are_luhn_valid,
    letters_of,
    remainders,
    values,
)

__all__ = ["base58", "bech32", "lei", "luhn", "vin"]

_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32M = 0x2BC830A3
_VERSION_AND_HASH = 21

# What letters count in a vehicle's number, A to Z; I, O and Q do not occur.
_VIN_LETTERS = np.array(
    [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 0, 7, 0, 9, 2, 3, 4, 5, 6, 7, 8, 9]
)
_VIN_WEIGHTS = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2])


def luhn(number: Characters) -> Truths:
    """Check by Luhn's rule: IMEI (3GPP TS 23.003, annex B), ICCID (ITU-T E.118), SIREN, SIRET."""
    return are_luhn_valid(number)


def lei(number: Characters) -> Truths:
    """Check a legal entity identifier (ISO 17442-1; ISO/IEC 7064, MOD 97-10)."""
    return remainders(number, 97) == 1


def vin(number: Characters) -> Truths:
    """Check a vehicle's number, its ninth character (49 CFR 565.15; ISO 3779)."""
    numbers = values(number)
    ranks = np.where(numbers >= 10, _VIN_LETTERS[np.maximum(numbers - 10, 0)], numbers)
    return number[:, 8] == letters_of("0123456789X", ranks @ _VIN_WEIGHTS % 11)


def base58(number: Characters) -> Truths:
    """Check a Bitcoin address of the old form (Bitcoin protocol, Base58Check)."""
    return _each(number, _is_base58)


def bech32(number: Characters) -> Truths:
    """Check a Bitcoin address of the new form (BIP 173, BIP 350)."""
    return _each(number, _is_bech32)


def _each(number: Characters, check: Callable[[bytes], bool]) -> Truths:
    return np.array([check(row.tobytes()) for row in number], np.bool_)


def _is_base58(text: bytes) -> bool:
    number = 0
    for byte in text:
        number = number * 58 + _BASE58.index(byte)
    # What decodes to more bytes is no address.
    if number >> 8 * (_VERSION_AND_HASH + 4):
        return False
    decoded = number.to_bytes(_VERSION_AND_HASH + 4, "big")
    payload, check = decoded[:_VERSION_AND_HASH], decoded[_VERSION_AND_HASH:]
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] == check


def _is_bech32(text: bytes) -> bool:
    prefix, _, data = text.lower().rpartition(b"1")
    spread = [byte >> 5 for byte in prefix] + [0] + [byte & 31 for byte in prefix]
    state = 1
    for value in [*spread, *(_BECH32.index(byte) for byte in data)]:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, constant in enumerate(_GENERATOR):
            state ^= constant if top >> bit & 1 else 0
    return state in {1, _BECH32M}
