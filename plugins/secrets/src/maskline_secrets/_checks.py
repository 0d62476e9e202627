"""What tells a secret from what stands where a secret will be, and from what only looks like one.

It knows bytes. It does not know vendors, nor where in a text the bytes were found.
"""

import base64
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["CHECKS", "entropy", "is_dummy", "is_mixed", "is_random", "is_uuid", "variety"]

_BASE62: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_CHARACTERS: Final = 6
_MACAROON_VERSION: Final = 2

_DUMMY_TAIL: Final = 16
_DUMMY_DISTINCT: Final = 4
_DUMMY: Final = re.compile(
    rb"(?i)example|placeholder|redacted|your[_-]|_here|tokenhere|insert[_-]"
    rb"|abcdefghijkl|dummy|sample|\.{3}|#{4}|\*{3}"
)
_UUID: Final = re.compile(rb"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORD: Final = re.compile(rb"[A-Za-z0-9]+")
_TURN: Final = re.compile(
    rb"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[A-Z][A-Z])(?=[a-z])|(?<=[0-9])(?=[A-Za-z])"
)
_MIN_RANDOM: Final = 10
_MIN_TURNS: Final = 3
_MIN_ENTROPY: Final = 2.9


def entropy(value: bytes) -> float:
    """Return Shannon's entropy of a value, in bits for each byte."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0


def variety(value: bytes) -> int:
    """Count the kinds of characters in a value: small, capital, digit, other."""
    text = value.decode("latin-1")
    return (
        any(character.islower() for character in text)
        + any(character.isupper() for character in text)
        + any(character.isdigit() for character in text)
        + any(not character.isalnum() and character not in "_.-" for character in text)
    )


def is_dummy(value: bytes) -> bool:
    """Tell whether a value only marks the place of a secret: ``xxxx``, ``your-key-here``."""
    tail = value[-_DUMMY_TAIL:].lower()
    is_dull = len(tail) >= _DUMMY_TAIL and len(set(tail)) <= _DUMMY_DISTINCT
    return is_dull or not tail.strip(b"x*.-_#?") or _DUMMY.search(value) is not None


def is_uuid(value: bytes) -> bool:
    """Tell whether a value is a UUID (RFC 9562)."""
    return _UUID.fullmatch(value) is not None


def is_mixed(value: bytes) -> bool:
    """Tell whether a value holds letters and digits."""
    return any(byte in b"0123456789" for byte in value) and any(
        byte in _BASE62[10:] for byte in value
    )


def is_random(value: bytes) -> bool:
    """Tell whether a value cannot be words, not even words with a number behind them.

    Letters and digits take turns in it, inside of a word and not between words.
    """
    if len(value) < _MIN_RANDOM or entropy(value) < _MIN_ENTROPY:
        return False
    turns = max(len(_TURN.findall(word)) for word in _WORD.findall(value) or [b""])
    return is_mixed(value) and turns >= _MIN_TURNS


def _ends_in_crc32(value: bytes) -> bool:
    """Tell whether the last six characters are the CRC-32 of those before them, in base 62.

    That is how GitHub, and npm after it, end their tokens; the checksum is that of the characters
    behind the prefix.
    """
    body = value.partition(b"_")[2]
    number = zlib.crc32(body[:-_CHECKSUM_CHARACTERS])
    digits = []
    for _ in range(_CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return bytes(reversed(digits)) == body[-_CHECKSUM_CHARACTERS:]


def _is_macaroon(value: bytes) -> bool:
    """Tell whether what follows ``pypi-`` begins as a macaroon of version 2 does."""
    body = value.partition(b"-")[2]
    return base64.urlsafe_b64decode(body[:4])[:1] == bytes([_MACAROON_VERSION])


CHECKS: Final[Mapping[str, Callable[[bytes], bool]]] = MappingProxyType(
    {"crc32": _ends_in_crc32, "macaroon": _is_macaroon}
)
"""Checks that make a secret sure. One that fails is found all the same, with a lower score."""
