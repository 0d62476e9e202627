"""Pseudonyms made of digits: telephone numbers, cards, social security numbers, network addresses.

This module knows which ranges are never issued, and how numbers are written. It does not know keys
or labels. Values keep their punctuation where they have a known number of digits.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from maskline._kernels import Bytes, rows_of
from maskline.roles import Tokenizer

from ._pseudonym_text import (
    Flags,
    Form,
    Words,
    by_shape,
    decimals,
    digit_places,
    fixed,
    matching,
    pick,
    replace_digits,
    rows_of_text,
)

__all__ = ["CARD", "IP", "MAC", "PHONE", "SSN"]

_USE: Final = "pseudonym"
_MORE: Final = "pseudonym, more"
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_UPPER_HEX: Final = np.frombuffer(b"0123456789ABCDEF", np.uint8)


def _drawn(
    shapes: tuple[tuple[str, Callable[[pa.StringArray, Words], pa.StringArray]], ...],
) -> Callable[[pa.StringArray, Tokenizer], pa.StringArray]:
    """Return a function that makes text of a draw, by shape."""
    return lambda values, tokenizer: by_shape(values, tokenizer.draw(values, use=_USE), shapes)


# ---- telephone numbers ---------------------------------------------------------------------------
#
# 555-0100 to 555-0199 are set aside for fiction in each area of North America (ATIS-0300115), and
# 07700 900000 to 900999 in the United Kingdom (Ofcom). No area code has two equal digits 1 at its
# end, or a 9 in its middle; those below have no 1 in the middle either.

_P: Final = "[ .()/-]*"
_AREAS: Final = rows_of_text(
    np.frombuffer(
        "".join(
            f"{a}{b}{c}" for a in "23456789" for b in "02345678" for c in "0123456789"
        ).encode(),
        np.uint8,
    ).reshape(-1, 3)
)


def _digits(*patterns: str) -> str:
    """Return a pattern of digits with any punctuation around them."""
    return f"^{_P}[+]?{_P}{_P.join(patterns)}{_P}$"


def _any_digits(start: str, count: int) -> str:
    return f"^{_P}{start}(?:{_P}[0-9]){{{count}}}{_P}$"


_AMERICAN: Final = ("[2-9]", "[0-9]", "[0-9]", *"55501", "[0-9]", "[0-9]")
_BRITISH: Final = (*"7700900", "[0-9]", "[0-9]", "[0-9]")
_OWN_PHONES: Final = "|".join(
    (
        _digits(*_AMERICAN),
        _digits("1", *_AMERICAN),
        _digits(*_AMERICAN[3:]),
        _digits("4", "4", *_BRITISH),
        _digits("0", *_BRITISH),
    )
)


def _american(words: Words) -> Bytes:
    """Return ten digits: an area code, 555, and a number from 0100 to 0199."""
    _, areas = rows_of(pick(_AREAS, words))
    lines = decimals(words // np.uint64(len(_AREAS)), 2)
    return np.hstack([areas.reshape(-1, 3), fixed("55501", len(words)), lines])


def _british(words: Words) -> Bytes:
    """Return the ten digits that follow 0 or +44."""
    return np.hstack([fixed("7700900", len(words)), decimals(words, 3)])


def _in_place(
    prefix: str, digits: Callable[[Words], Bytes]
) -> Callable[[pa.StringArray, Words], pa.StringArray]:
    """Return a function that puts a prefix and drawn digits in the places of a value's digits."""
    return lambda values, words: replace_digits(
        values, np.hstack([fixed(prefix, len(values)), digits(words)])
    )


def _international(values: pa.StringArray, words: Words) -> pa.StringArray:
    return rows_of_text(np.hstack([fixed("+1", len(values)), _american(words)]))


def _plain_american(_: pa.StringArray, words: Words) -> pa.StringArray:
    return rows_of_text(_american(words))


def _dashed_american(values: pa.StringArray, words: Words) -> pa.StringArray:
    digits, dash = _american(words), fixed("-", len(values))
    return rows_of_text(np.hstack([digits[:, :3], dash, digits[:, 3:6], dash, digits[:, 6:]]))


PHONE: Final = Form(
    make=_drawn(
        (
            (_any_digits("[+]?1", 10), _in_place("1", _american)),
            (_any_digits("", 10), _in_place("", _american)),
            (_any_digits("", 7), _in_place("", lambda words: _american(words)[:, 3:])),
            (_any_digits("[+]?44", 10), _in_place("44", _british)),
            (_any_digits("07", 9), _in_place("0", _british)),
            ("^[+][0-9]{6,15}$", _international),
            ("^[0-9]+$", _plain_american),
            ("", _dashed_american),
        )
    ),
    owns=lambda values: matching(values, _OWN_PHONES),
    is_number=True,
)


# ---- payment cards -------------------------------------------------------------------------------
#
# ISO/IEC 7812-1: numbers that begin with 9 are given out by the standards body of the country whose
# ISO 3166 code follows. 999 is no country and never will be, so nobody can issue 9999.

_CARD: Final = "^(?:[0-9][ -]?){11,18}[0-9]$"
_OWN_CARD: Final = "^9[ -]?9[ -]?9[ -]?9(?:[ -]?[0-9]){8,15}$"
_PREFIX: Final = "9999"
_MOST: Final = 19
_FREE: Final = _MOST - len(_PREFIX) - 1
_USUAL: Final = 16
_TEN: Final = 10
# A digit as it is, and the sum of the digits of its double.
_DOUBLED: Final = np.array([range(10), [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]], np.uint8)


def _card(values: pa.StringArray, words: Words) -> pa.StringArray:
    is_digit, _ = digit_places(values)
    return replace_digits(values, _card_digits(words, _counts(values, is_digit)))


def _new_card(_: pa.StringArray, words: Words) -> pa.StringArray:
    digits = _card_digits(words, np.full(len(words), _USUAL)).reshape(-1, 4, 4)
    spaces = np.full((len(words), 4, 1), ord(" "), np.uint8)
    groups = np.concatenate([digits, spaces], axis=2)
    return rows_of_text(groups.reshape(len(words), -1)[:, :-1])


def _card_digits(words: Words, counts: npt.NDArray[np.int64]) -> Bytes:
    """Return numbers of 12 to 19 digits, one after the other, the last digit their check."""
    rows = len(words)
    digits = np.hstack([fixed(_PREFIX, rows), decimals(words, _FREE), fixed("0", rows)])
    last = counts - 1
    digits[np.arange(rows), last] = ord("0")
    checks = -_luhn(digits, counts) % _TEN
    digits[np.arange(rows), last] = checks.astype(np.uint8) + np.uint8(ord("0"))
    taken: Bytes = digits[np.arange(_MOST) < counts[:, None]]
    return taken


def _luhn(digits: Bytes, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sum of ISO/IEC 7812-1, annex B, over the first *counts* digits of each row."""
    places = np.arange(1, _MOST + 1, dtype=np.int8)
    from_last: npt.NDArray[np.int8] = counts.astype(np.int8)[:, None] - places
    numbers = np.where(from_last >= 0, digits - np.uint8(ord("0")), 0)
    sums: npt.NDArray[np.int64] = _DOUBLED[from_last & 1, numbers].sum(axis=1, dtype=np.int64)
    return sums


def _owns_card(values: pa.StringArray) -> Flags:
    owns = matching(values, _OWN_CARD)
    candidates = values.filter(pa.array(owns))
    is_digit, data = digit_places(candidates)
    counts = _counts(candidates, is_digit)
    digits = np.full((len(candidates), _MOST), ord("0"), np.uint8)
    digits[np.arange(_MOST) < counts[:, None]] = data[is_digit]
    owns[owns] = _luhn(digits, counts) % _TEN == 0
    return owns


def _counts(values: pa.StringArray, is_digit: Flags) -> npt.NDArray[np.int64]:
    """Return how many digits each value has."""
    offsets, _ = rows_of(values)
    total = np.concatenate([[0], np.cumsum(is_digit)])
    return np.diff(total[offsets])


CARD: Final = Form(make=_drawn(((_CARD, _card), ("", _new_card))), owns=_owns_card, is_number=True)


# ---- social security numbers ---------------------------------------------------------------------
#
# No social security number begins with 9 (SSA, POMS RM 10201.035). Taxpayer numbers that do have 50
# or more in the middle (IRS, Publication 4757), so 00 to 49 are left.


def _ssn(words: Words) -> Bytes:
    areas = decimals(words, 2)
    groups = decimals(words // np.uint64(100) % np.uint64(50), 2)
    return np.hstack([fixed("9", len(words)), areas, groups, decimals(words // np.uint64(5000), 4)])


def _new_ssn(values: pa.StringArray, words: Words) -> pa.StringArray:
    digits, dash = _ssn(words), fixed("-", len(values))
    return rows_of_text(np.hstack([digits[:, :3], dash, digits[:, 3:5], dash, digits[:, 5:]]))


SSN: Final = Form(
    make=_drawn((("^[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}$", _in_place("", _ssn)), ("", _new_ssn))),
    owns=lambda values: matching(values, "^9[0-9]{2}[ -]?[0-4][0-9][ -]?[0-9]{4}$"),
    is_number=True,
)


# ---- network addresses ---------------------------------------------------------------------------
#
# RFC 5737 and RFC 3849 set addresses aside for documentation. In version 6 no group begins with 0,
# so that every way to write an address is the same.

_NETWORKS: Final = ("192.0.2", "198.51.100", "203.0.113")
_HOSTS: Final = pa.array([f"{net}.{host}" for net in _NETWORKS for host in range(1, 255)])
_OWN_IP: Final = (
    "^(?:192[.]0[.]2|198[.]51[.]100|203[.]0[.]113)[.]"
    "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$"
    "|^2001:db8(?::[1-9a-f][0-9a-f]{3}){6}$"
)


def _ip(values: pa.StringArray, tokenizer: Tokenizer) -> pa.StringArray:
    words, more = (tokenizer.draw(values, use=use) for use in (_USE, _MORE))
    wide = np.stack([words, more], axis=1).astype("<u8").view("<u2")[:, :6].astype(np.uint32)
    return by_shape(
        values,
        np.arange(len(values), dtype=np.uint64),
        (
            (":", lambda _, rows: _version_6(wide[rows.astype(np.int64)])),
            ("", lambda _, rows: pick(_HOSTS, words[rows.astype(np.int64)])),
        ),
    )


def _version_6(groups: npt.NDArray[np.uint32]) -> pa.StringArray:
    """Return addresses of six groups of 16 bits, shape ``(rows, 6)``, below 2001:db8."""
    rows = len(groups)
    numbers = 0x1000 + groups % 0xF000
    digits = _HEX[numbers[:, :, None] >> np.array([12, 8, 4, 0], np.uint32) & 15]
    colons = np.full((rows, 6, 1), ord(":"), np.uint8)
    tail = np.concatenate([colons, digits], axis=2).reshape(rows, -1)
    return rows_of_text(np.hstack([fixed("2001:db8", rows), tail]))


IP: Final = Form(make=_ip, owns=lambda values: matching(values, _OWN_IP))


# ---- hardware addresses --------------------------------------------------------------------------
#
# A first byte 06 says that an address is administered locally, in the part that IEEE 802c sets
# aside for later. Devices that draw their address may draw one there, so the last byte is a check.

_MAC: Final = "^(?:[0-9A-Fa-f][:.-]?){11}[0-9A-Fa-f]$"
_FIRST: Final = 6
_FACTORS: Final = np.array([7, 11, 13, 17], np.uint32)


def _mac(words: Words) -> npt.NDArray[np.uint8]:
    """Return addresses as bytes; shape ``(rows, 6)``."""
    middle = words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :4]
    first = np.full((len(words), 1), _FIRST, np.uint8)
    return np.hstack([first, middle, _mac_check(middle)[:, None]])


def _mac_check(middle: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    check: npt.NDArray[np.uint8] = (middle @ _FACTORS + _FIRST).astype(np.uint8)
    return check


def _hex_digits(data: npt.NDArray[np.uint8], alphabet: Bytes) -> Bytes:
    digits: Bytes = alphabet[data[:, :, None] >> np.array([4, 0], np.uint8) & 15]
    return digits.reshape(len(data), -1)


def _new_mac(values: pa.StringArray, words: Words) -> pa.StringArray:
    digits = _hex_digits(_mac(words), _HEX).reshape(-1, 6, 2)
    colons = np.full((len(values), 6, 1), ord(":"), np.uint8)
    pairs = np.concatenate([digits, colons], axis=2)
    return rows_of_text(pairs.reshape(len(values), -1)[:, :-1])


def _mac_in_place(alphabet: Bytes) -> Callable[[pa.StringArray, Words], pa.StringArray]:
    return lambda values, words: replace_digits(
        values, _hex_digits(_mac(words), alphabet), is_hexadecimal=True
    )


def _owns_mac(values: pa.StringArray) -> Flags:
    owns = matching(values, _MAC)
    is_digit, data = digit_places(values.filter(pa.array(owns)), is_hexadecimal=True)
    letters = data[is_digit]
    numbers = np.where(letters > ord("9"), (letters & 0x0F) + 9, letters & 0x0F).reshape(-1, 6, 2)
    found = (numbers[:, :, 0] << 4 | numbers[:, :, 1]).astype(np.uint8)
    owns[owns] = (found[:, 0] == _FIRST) & (found[:, 5] == _mac_check(found[:, 1:5]))
    return owns


MAC: Final = Form(
    make=_drawn(
        (
            (_MAC.replace("A-F", ""), _mac_in_place(_HEX)),
            (_MAC, _mac_in_place(_UPPER_HEX)),
            ("", _new_mac),
        )
    ),
    owns=_owns_mac,
)
