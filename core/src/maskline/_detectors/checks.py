"""Check digits, lengths and ranges of identifiers. Bytes in, truth out; no pattern, no Arrow."""

import base64
import socket
from functools import cache
from typing import Any, Final

import re2

__all__ = [
    "IBAN_LENGTHS",
    "card_lengths",
    "compiled",
    "is_card_number",
    "is_iban",
    "is_ipv4",
    "is_ipv6",
    "is_jwt",
    "is_luhn_valid",
    "is_ssn",
]

_CARD_MIN: Final = 12
_OCTET_MAX: Final = 255
_OCTETS: Final = 4
_IPV6_COLONS: Final = 3
_SSN_DIGITS: Final = 9
_JSON_SPACES: Final = b" \t\n\r"

# Twice a digit, its digits added.
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# First digits that card issuers use, and the lengths of their numbers.
_ISSUERS: Final = (
    (4, 4, {13, 16, 19}),  # Visa
    (51, 55, {16}),  # Mastercard
    (2221, 2720, {16}),
    (34, 34, {15}),  # American Express
    (37, 37, {15}),
    (300, 305, {14, 15, 16, 17, 18, 19}),  # Diners Club
    (309, 309, {14, 15, 16, 17, 18, 19}),
    (36, 36, {14, 15, 16, 17, 18, 19}),
    (38, 39, {14, 15, 16, 17, 18, 19}),
    (6011, 6011, {16, 17, 18, 19}),  # Discover
    (644, 649, {16, 17, 18, 19}),
    (65, 65, {16, 17, 18, 19}),
    (3528, 3589, {16, 17, 18, 19}),  # JCB
    (1800, 1800, {15}),
    (2131, 2131, {15}),
    (62, 62, {16, 17, 18, 19}),  # UnionPay
    (81, 81, {16, 17, 18, 19}),
    (2200, 2204, {16, 17, 18, 19}),  # Mir
    (50, 50, {12, 13, 14, 15, 16, 17, 18, 19}),  # Maestro and others
    (56, 69, {12, 13, 14, 15, 16, 17, 18, 19}),
)

# Characters of an IBAN by country, as the SWIFT registry has them.
IBAN_LENGTHS: Final = {
    b"AD": 24, b"AE": 23, b"AL": 28, b"AT": 20, b"AZ": 28, b"BA": 20, b"BE": 16, b"BG": 22,
    b"BH": 22, b"BI": 27, b"BR": 29, b"BY": 28, b"CH": 21, b"CR": 22, b"CY": 28, b"CZ": 24,
    b"DE": 22, b"DJ": 27, b"DK": 18, b"DO": 28, b"EE": 20, b"EG": 29, b"ES": 24, b"FI": 18,
    b"FK": 18, b"FO": 18, b"FR": 27, b"GB": 22, b"GE": 22, b"GI": 23, b"GL": 18, b"GR": 27,
    b"GT": 28, b"HN": 28, b"HR": 21, b"HU": 28, b"IE": 22, b"IL": 23, b"IQ": 23, b"IS": 26,
    b"IT": 27, b"JO": 30, b"KW": 30, b"KZ": 20, b"LB": 28, b"LC": 32, b"LI": 21, b"LT": 20,
    b"LU": 20, b"LV": 21, b"LY": 25, b"MC": 27, b"MD": 24, b"ME": 22, b"MK": 19, b"MN": 20,
    b"MR": 27, b"MT": 31, b"MU": 30, b"NI": 28, b"NL": 18, b"NO": 15, b"OM": 23, b"PK": 24,
    b"PL": 28, b"PS": 29, b"PT": 25, b"QA": 29, b"RO": 24, b"RS": 22, b"RU": 33, b"SA": 24,
    b"SC": 31, b"SD": 18, b"SE": 24, b"SI": 19, b"SK": 24, b"SM": 27, b"SO": 23, b"ST": 25,
    b"SV": 28, b"TL": 23, b"TN": 24, b"TR": 26, b"UA": 29, b"VA": 22, b"VG": 24, b"XK": 20,
    b"YE": 30,
}  # fmt: skip


def is_luhn_valid(digits: bytes) -> bool:
    """Tell whether the last digit checks the others, by Luhn's rule."""
    odd = sum(digits[-1::-2]) - 48 * len(digits[-1::-2])
    return (odd + sum(_DOUBLED[digit - 48] for digit in digits[-2::-2])) % 10 == 0


@cache
def card_lengths(prefix: bytes) -> frozenset[int]:
    """Return how long numbers of payment cards are that begin with four digits."""
    return frozenset().union(
        *(lengths for low, high, lengths in _ISSUERS if low <= int(prefix[: len(str(low))]) <= high)
    )


def is_card_number(digits: bytes) -> bool:
    """Tell whether digits are those of a payment card: length, issuer and check digit."""
    is_long = len(digits) >= _CARD_MIN and len(digits) in card_lengths(digits[:4])
    return is_long and len(set(digits)) > 1 and is_luhn_valid(digits)


def is_iban(value: bytes) -> bool:
    """Tell whether capitals and digits, without spaces, are an IBAN of a known country."""
    if IBAN_LENGTHS.get(value[:2]) != len(value):
        return False
    # Letters count from 10 for A; the number leaves 1 when divided by 97.
    digits = "".join(str(int(chr(byte), 36)) for byte in value[4:] + value[:4])
    return int(digits) % 97 == 1


def is_ssn(digits: bytes) -> bool:
    """Tell whether nine digits may be a US social security or taxpayer number."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        len(digits) == _SSN_DIGITS
        and area not in {b"000", b"666"}
        and group != b"00"
        and serial != b"0000"
    )


def is_ipv4(value: bytes) -> bool:
    """Tell whether a value is four numbers up to 255."""
    parts = value.split(b".")
    return len(parts) == _OCTETS and all(
        1 <= len(part) <= len("255") and int(part) <= _OCTET_MAX for part in parts
    )


def is_ipv6(value: bytes) -> bool:
    """Tell whether a value is an IPv6 address, and not merely a word with ``::`` in it."""
    address = value.partition(b"%")[0]
    has_digit = any(byte in b"0123456789" for byte in address)
    if not has_digit and address.count(b":") < _IPV6_COLONS:
        return False
    try:
        socket.inet_pton(socket.AF_INET6, address.decode("ascii"))
    except (OSError, UnicodeDecodeError):
        return False
    return True


def is_jwt(value: bytes) -> bool:
    """Tell whether what stands before the first full stop is the header of a JSON web token.

    It decodes to an object that names an algorithm (RFC 7515, section 4.1.1; RFC 7516, section
    4.1.2). It is not parsed: that takes a stack as deep as the text likes.
    """
    header = value.partition(b".")[0]
    try:
        decoded = base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4))
    except ValueError:
        return False
    compact = decoded.translate(None, _JSON_SPACES)
    is_object = decoded.startswith(b"{") and compact.endswith(b"}")
    return is_object and (b'"alg":' in compact or b'"enc":' in compact)


@cache
def compiled(pattern: str) -> Any:  # noqa: ANN401 - RE2 has no types
    """Compile an expression for bytes, to be used in a cut."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern.encode("ascii"), options)
