"""Check digits of the identifiers of Asia, Africa and Oceania.

Each function takes a matrix of characters, one number a row, as `checksums` has it, and tells
which rows are valid. The patterns have seen to lengths and kinds of characters before. This module
knows the rules that states publish. It does not know patterns, Arrow or entities.
"""
# ruff: noqa: PLR2004 - the numbers are those of the specifications
# numpy does not say what comparing two arrays gives.
# mypy: disable-error-code="no-any-return"

from string import ascii_uppercase

import numpy as np

from maskline._detectors.checksums import (
    Characters,
    Integers,
    Truths,
    are_dates,
    are_luhn_valid,
    are_verhoeff_valid,
    integers,
    letters_of,
    values,
    weighted,
)

__all__ = [
    "au_abn",
    "au_acn",
    "au_medicare",
    "au_tfn",
    "cn_ric",
    "hk_id",
    "id_nik",
    "il_id",
    "in_aadhaar",
    "in_gstin",
    "jp_my_number",
    "kr_brn",
    "kr_frn",
    "kr_rrn",
    "kr_rrn_recent",
    "my_nric",
    "ng_nin",
    "sg_nric",
    "sg_uen",
    "th_pin",
    "tr_id",
    "tw_id",
    "za_id",
]

_LATEST_BIRTH = 40


def au_abn(number: Characters) -> Truths:
    """Check Australia's business number: 89 divides it, 1 taken from the first digit (ABR)."""
    total = weighted(number, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) - 10
    return (total % 89 == 0) & (number[:, 0] != ord("0"))


def au_acn(number: Characters) -> Truths:
    """Check Australia's company number (ASIC, Australian Company Number Digit Check)."""
    return -weighted(number, range(8, 0, -1)) % 10 == values(number)[:, 8]


def au_medicare(number: Characters) -> Truths:
    """Check Australia's Medicare card: the ninth digit checks eight (METeOR 270101)."""
    return weighted(number, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == values(number)[:, 8]


def au_tfn(number: Characters) -> Truths:
    """Check Australia's tax file number: 11 divides the weighted sum (ATO)."""
    return (weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0) & (integers(number) > 0)


def cn_ric(number: Characters) -> Truths:
    """Check China's citizen number (GB 11643-1999; ISO/IEC 7064, MOD 11-2)."""
    weights = [pow(2, 17 - place, 11) for place in range(17)]
    check = letters_of("10X98765432", weighted(number, weights) % 11)
    year, month, day = (integers(number[:, a:b]) for a, b in ((6, 10), (10, 12), (12, 14)))
    return (number[:, 17] == check) & are_dates(year, month, day) & (year >= 1870) & (year < 2100)


def hk_id(number: Characters) -> Truths:
    """Check Hong Kong's identity card; a missing first letter counts 36 (Immigration Dept.)."""
    ranks = values(number)
    if number.shape[1] == 8:
        ranks = np.hstack([np.full((len(ranks), 1), 36), ranks])
    return ranks @ np.arange(9, 0, -1) % 11 == 0


def id_nik(number: Characters) -> Truths:
    """Check province and birthday in Indonesia's NIK; women add 40 to the day (law 24/2013)."""
    province, day = integers(number[:, :2]), integers(number[:, 6:8])
    day = day - np.where(day > 40, 40, 0)
    dates = are_dates(integers(number[:, 10:12]), integers(number[:, 8:10]), day)
    return dates & (province >= 11) & (province <= 96) & (integers(number[:, 12:]) > 0)


def il_id(number: Characters) -> Truths:
    """Check Israel's identity number by Luhn's rule (Population and Immigration Authority)."""
    return are_luhn_valid(number) & (integers(number) > 0)


def in_aadhaar(number: Characters) -> Truths:
    """Check India's Aadhaar: Verhoeff's rule, and no palindrome (UIDAI)."""
    is_palindrome = (number == number[:, ::-1]).all(axis=1)
    return are_verhoeff_valid(number) & ~is_palindrome


def in_gstin(number: Characters) -> Truths:
    """Check India's goods and services tax number: Luhn's rule in base 36 (GSTN; CBIC)."""
    products = values(number[:, :14]) * np.array((1, 2) * 7)
    total = (products // 36 + products % 36).sum(axis=1)
    return values(number)[:, 14] == -total % 36


def jp_my_number(number: Characters) -> Truths:
    """Check Japan's individual number (ministerial ordinance 85 of 2014, article 5)."""
    rest = weighted(number, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return np.where(rest <= 1, 0, 11 - rest) == values(number)[:, 11]


def kr_brn(number: Characters) -> Truths:
    """Check Korea's business registration number (National Tax Service)."""
    total = weighted(number, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + values(number)[:, 8] * 5 // 10
    return -total % 10 == values(number)[:, 9]


def kr_frn(number: Characters) -> Truths:
    """Check Korea's foreigner registration number (Immigration Act, enforcement rules)."""
    check = (13 - _korean_sum(number)) % 10
    return (check == values(number)[:, 12]) & _korean_dates(number)


def kr_rrn(number: Characters) -> Truths:
    """Check Korea's resident registration number as issued until October 2020 (MOIS)."""
    check = (11 - _korean_sum(number)) % 10
    return (check == values(number)[:, 12]) & _korean_dates(number)


def kr_rrn_recent(number: Characters) -> Truths:
    """Check the birthday in Korea's number: since October 2020 the rest is random (MOIS)."""
    return _korean_dates(number)


def _korean_sum(number: Characters) -> Integers:
    return np.asarray(weighted(number, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11)


def _korean_dates(number: Characters) -> Truths:
    # From the seventh digit's 3 and 7 on, people were born in this century.
    year = integers(number[:, :2])
    is_born = ~np.isin(number[:, 6], list(b"3478")) | (year <= _LATEST_BIRTH)
    return is_born & are_dates(year, integers(number[:, 2:4]), integers(number[:, 4:6]))


def my_nric(number: Characters) -> Truths:
    """Check birthday and place of birth in Malaysia's identity card number (JPN)."""
    place = integers(number[:, 6:8])
    is_place = (place > 0) & ~np.isin(place, (17, 18, 19, 20, 69, 70, 73, 80, 81, 94, 95, 96, 97))
    return is_place & are_dates(
        integers(number[:, :2]), integers(number[:, 2:4]), integers(number[:, 4:6])
    )


def ng_nin(number: Characters) -> Truths:
    """Check Nigeria's national identity number by Verhoeff's rule (NIMC)."""
    return are_verhoeff_valid(number)


def sg_nric(number: Characters) -> Truths:
    """Check Singapore's NRIC and FIN: the alphabet and a shift depend on the series (ICA)."""
    series = number[:, 0]
    shift = np.select([np.isin(series, (ord("T"), ord("G"))), series == ord("M")], [4, 3], 0)
    rest = (weighted(number[:, 1:], (2, 7, 6, 5, 4, 3, 2)) + shift) % 11
    residents = letters_of("JZIHGFEDCBA", rest)
    foreigners = letters_of("XWUTRQPNMLK", rest)
    recent = letters_of("XWUTRQPNJLK", rest)
    is_resident = np.isin(series, (ord("S"), ord("T")))
    expected = np.where(is_resident, residents, foreigners)
    return number[:, 8] == np.where(series == ord("M"), recent, expected)


def sg_uen(number: Characters) -> Truths:
    """Check Singapore's entity number: one rule for each of three forms (ACRA, uen.gov.sg)."""
    if number.shape[1] == 9:
        rest = weighted(number, (10, 4, 9, 3, 8, 2, 7, 1)) % 11
        return number[:, 8] == letters_of("XMKECAWLJDB", rest)
    rest = weighted(number, (10, 8, 6, 4, 9, 7, 5, 3, 1)) % 11
    local = number[:, 9] == letters_of("ZKCMDNERGWH", rest)
    alphabet = np.frombuffer(b"ABCDEFGHJKLMNPQRSTUVWX0123456789", np.uint8)
    ranks = (number[:, :9, None] == alphabet).argmax(axis=2)
    rest = (ranks @ np.array((4, 3, 5, 3, 10, 2, 2, 5, 7)) - 5) % 11
    other = number[:, 9] == alphabet[rest]
    return np.where(number[:, 0] >= ord("A"), other, local)


def th_pin(number: Characters) -> Truths:
    """Check Thailand's identity number: a check digit and a province (civil registration act)."""
    check = (11 - weighted(number, range(13, 1, -1)) % 11) % 10
    province = integers(number[:, 1:3])
    is_province = ~np.isin(province, (28, 29, 59, 68, 69, 78, 79, 87, 88, 89, 97, 98, 99))
    return (check == values(number)[:, 12]) & is_province & (province >= 10)


def tr_id(number: Characters) -> Truths:
    """Check Turkey's identity number: two check digits (law 5490; NVI)."""
    digits = values(number)
    odd, even = digits[:, 0:9:2].sum(axis=1), digits[:, 1:8:2].sum(axis=1)
    first = (odd * 7 - even) % 10
    return (first == digits[:, 9]) & (digits[:, :10].sum(axis=1) % 10 == digits[:, 10])


# What the first letter counts, by the county that issued the number.
_COUNTIES = np.array([10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(one) for one in ascii_uppercase])


def tw_id(number: Characters) -> Truths:
    """Check Taiwan's identity number (household registration act; Ministry of the Interior)."""
    county = _COUNTIES[values(number)[:, 0] - 10]
    total = county // 10 + county % 10 * 9 + weighted(number[:, 1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))
    return np.asarray(total % 10 == 0)


def za_id(number: Characters) -> Truths:
    """Check South Africa's identity number: a birthday and Luhn's rule (act 68 of 1997)."""
    dates = are_dates(integers(number[:, :2]), integers(number[:, 2:4]), integers(number[:, 4:6]))
    return dates & are_luhn_valid(number)
