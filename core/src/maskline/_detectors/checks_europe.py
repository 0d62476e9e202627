"""Check digits of Europe's identifiers.

Each function takes a matrix of characters, one number a row, as `checksums` has it, and tells
which rows are valid. The patterns have seen to lengths and kinds of characters before. This module
knows the rules that states publish. It does not know patterns, Arrow or entities.
"""
# ruff: noqa: PLR2004 - the numbers are those of the specifications
# numpy does not say what comparing two arrays gives.
# mypy: disable-error-code="no-any-return"

from collections.abc import Sequence

import numpy as np

from maskline._detectors.checksums import (
    Characters,
    Integers,
    Truths,
    are_dates,
    are_luhn_valid,
    integers,
    letters_of,
    running_products,
    values,
    weighted,
)

__all__ = [
    "at_svnr",
    "be_nn",
    "bg_egn",
    "ch_ahv",
    "cz_rc",
    "de_icao",
    "de_kvnr",
    "de_lanr",
    "de_rvnr",
    "de_tax_id",
    "de_vat",
    "dk_cpr",
    "ee_ik",
    "es_cif",
    "es_nie",
    "es_nif",
    "fi_hetu",
    "fr_nir",
    "fr_siret",
    "fr_vat",
    "gb_nhs",
    "gb_utr",
    "gr_amka",
    "hr_oib",
    "ie_pps",
    "it_fiscal_code",
    "it_vat",
    "nl_bsn",
    "no_fnr",
    "pl_nip",
    "pl_pesel",
    "pl_regon",
    "pt_nif",
    "ro_cnp",
    "se_orgnr",
    "se_personnummer",
]

_ICAO = (7, 3, 1)


def at_svnr(number: Characters) -> Truths:
    """Check Austria's social insurance number (ASVG section 31; Dachverband der SV)."""
    digits = values(number)
    check = weighted(number, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    # Months 13 to 15 stand for birthdays that have run out of numbers.
    month = np.minimum(integers(number[:, 6:8]), 12)
    dates = are_dates(integers(number[:, 8:10]), month, integers(number[:, 4:6]))
    return (check == digits[:, 3]) & dates & (digits[:, 0] > 0)


def be_nn(number: Characters) -> Truths:
    """Check Belgium's national number (royal decree of 3 April 1984, article 1)."""
    first, check = integers(number[:, :9]), integers(number[:, 9:])
    matches = (check == 97 - first % 97) | (check == 97 - (2_000_000_000 + first) % 97)
    # What is not known of a birthday is zero; foreigners have 20 or 40 months more.
    return matches & (integers(number[:, 2:4]) % 20 <= 12) & (integers(number[:, 4:6]) <= 31)


def bg_egn(number: Characters) -> Truths:
    """Check Bulgaria's uniform civil number (GRAO, ordinance RD-02-20-9 of 2012)."""
    check = weighted(number, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    month = integers(number[:, 2:4]) % 20
    dates = are_dates(integers(number[:, :2]), month, integers(number[:, 4:6]))
    return (check == values(number)[:, 9]) & dates & (integers(number[:, 2:4]) <= 52)


def ch_ahv(number: Characters) -> Truths:
    """Check Switzerland's AHV number, an EAN-13 (AHVV article 133; GS1 General Specifications)."""
    return weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def cz_rc(number: Characters) -> Truths:
    """Check the Czech and Slovak birth number of ten digits (act 133/2000, section 13)."""
    head, check = integers(number[:, :9]), values(number)[:, 9]
    month = integers(number[:, 2:4])
    month = month - np.where(month > 50, 50, 0)
    month = month - np.where(month > 20, 20, 0)
    dates = are_dates(integers(number[:, :2]), month, integers(number[:, 4:6]))
    return (head % 11 % 10 == check) & dates


def de_icao(number: Characters) -> Truths:
    """Check a German serial number, its last digit by weights 7, 3, 1 (ICAO Doc 9303-3, 4.9)."""
    length = number.shape[1] - 1
    weights = (_ICAO * length)[:length]
    return weighted(number, weights) % 10 == values(number)[:, -1]


def de_kvnr(number: Characters) -> Truths:
    """Check Germany's health insurance number (SGB V section 290; GKV-Spitzenverband)."""
    letter = values(number[:, :1]) - 9
    digits = np.hstack([letter // 10, letter % 10, values(number[:, 1:9])])
    return _digit_sums(digits, (1, 2) * 5) % 10 == values(number)[:, 9]


def de_lanr(number: Characters) -> Truths:
    """Check a German physician's number (KBV, guideline to SGB V section 75 (7))."""
    return -weighted(number, (4, 9, 4, 9, 4, 9)) % 10 == values(number)[:, 6]


def de_rvnr(number: Characters) -> Truths:
    """Check Germany's pension insurance number (VKVV section 4)."""
    letter = values(number[:, 8:9]) - 9
    digits = np.hstack([values(number[:, :8]), letter // 10, letter % 10, values(number[:, 9:11])])
    check = _digit_sums(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)) % 10
    day = integers(number[:, 2:4])
    day = day - np.where(day > 50, 50, 0)
    dates = are_dates(integers(number[:, 6:8]), integers(number[:, 4:6]), day)
    return (check == values(number)[:, 11]) & dates


def de_tax_id(number: Characters) -> Truths:
    """Check Germany's tax identifier (AO section 139b; BZSt, ISO/IEC 7064 MOD 11,10).

    The rule that one digit of ten stands twice or thrice is not asked for: test numbers break it.
    """
    return running_products(number)


def de_vat(number: Characters) -> Truths:
    """Check Germany's VAT number (UStG section 27a; ISO/IEC 7064 MOD 11,10)."""
    return running_products(number[:, -9:]) & (number[:, -9] != ord("0"))


def dk_cpr(number: Characters) -> Truths:
    """Check the birthday in Denmark's person number: since 2007 it has no check digit (CPR)."""
    return are_dates(integers(number[:, 4:6]), integers(number[:, 2:4]), integers(number[:, :2]))


def ee_ik(number: Characters) -> Truths:
    """Check Estonia's and Lithuania's personal code (EVS 585:2007; law I-1524)."""
    first = weighted(number, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    second = weighted(number, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    dates = are_dates(integers(number[:, 1:3]), integers(number[:, 3:5]), integers(number[:, 5:7]))
    return (np.where(first < 10, first, second) == values(number)[:, 10]) & dates


def es_cif(number: Characters) -> Truths:
    """Check Spain's tax code of companies (royal decree 1065/2007; order EHA/451/2008)."""
    total = (-_digit_sums(values(number[:, 1:8]), (2, 1, 2, 1, 2, 1, 2))) % 10
    is_letter = number[:, 8] == letters_of("JABCDEFGHI", total)
    is_digit = number[:, 8].astype(np.int64) - ord("0") == total
    needs_letter = np.isin(number[:, 0], np.frombuffer(b"PQS", np.uint8))
    return is_letter | (is_digit & ~needs_letter)


def es_nie(number: Characters) -> Truths:
    """Check Spain's number of foreigners: X, Y, Z count as 0, 1, 2 (royal decree 557/2011)."""
    digits = np.hstack([number[:, :1] - np.uint8(ord("X") - ord("0")), number[:, 1:]])
    return es_nif(digits)


def es_nif(number: Characters) -> Truths:
    """Check Spain's tax code of persons (royal decree 1065/2007, article 19)."""
    numeric = np.where(number[:, :8] >= ord("A"), np.uint8(ord("0")), number[:, :8])
    return number[:, 8] == letters_of("TRWAGMYFPDXBNJZSQVHLCKE", integers(numeric) % 23)


def fi_hetu(number: Characters) -> Truths:
    """Check Finland's personal identity code (decree 690/2022; Digital and Population Agency)."""
    numeric = np.hstack([number[:, :6], number[:, -4:-1]])
    check = letters_of("0123456789ABCDEFHJKLMNPRSTUVWXY", integers(numeric) % 31)
    dates = are_dates(integers(number[:, 4:6]), integers(number[:, 2:4]), integers(number[:, :2]))
    return (number[:, -1] == check) & dates & (integers(number[:, -4:-1]) >= 2)


def fr_nir(number: Characters) -> Truths:
    """Check France's social security number (decree 91-1404; INSEE). Corsica is 2A or 2B."""
    department = number[:, 6]
    numeric = number[:, :13].copy()
    is_letter = department >= ord("A")
    numeric[is_letter, 6] = ord("0")
    corsica = np.select([department == ord("A"), department == ord("B")], [1_000_000, 2_000_000], 0)
    key = 97 - (integers(numeric) - corsica) % 97
    return key == integers(number[:, 13:15])


def fr_siret(number: Characters) -> Truths:
    """Check France's establishment number: it and the SIREN in it by Luhn's rule (INSEE).

    The post office, whose establishments break the rule, is let go.
    """
    return are_luhn_valid(number) & are_luhn_valid(number[:, :9])


def fr_vat(number: Characters) -> Truths:
    """Check France's VAT number: a key and a SIREN (CGI annex II, article 215)."""
    siren = number[:, 4:]
    key = (12 + 3 * (integers(siren) % 97)) % 97
    return (key == integers(number[:, 2:4])) & are_luhn_valid(siren)


def gb_nhs(number: Characters) -> Truths:
    """Check the NHS number (NHS Data Dictionary, attribute NHS NUMBER)."""
    check = 11 - weighted(number, range(10, 1, -1)) % 11
    return np.where(check == 11, 0, check) == values(number)[:, 9]


def gb_utr(number: Characters) -> Truths:
    """Check the UK's unique taxpayer reference, whose first digit checks the rest (HMRC)."""
    rest = weighted(number[:, 1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11
    return number[:, 0] == letters_of("21987654321", rest)


def gr_amka(number: Characters) -> Truths:
    """Check Greece's social security number: a birthday, and Luhn's rule (law 3655/2008)."""
    dates = are_dates(integers(number[:, 4:6]), integers(number[:, 2:4]), integers(number[:, :2]))
    return dates & are_luhn_valid(number)


def hr_oib(number: Characters) -> Truths:
    """Check Croatia's personal number (OIB act; ISO/IEC 7064 MOD 11,10)."""
    return running_products(number)


def ie_pps(number: Characters) -> Truths:
    """Check Ireland's personal public service number (Revenue; Department of Social Protection)."""
    total = weighted(number, (8, 7, 6, 5, 4, 3, 2))
    if number.shape[1] > 8:
        second = values(number)[:, 8] - 9
        total = total + 9 * np.where(number[:, 8] == ord("W"), 0, second)
    return number[:, 7] == letters_of("WABCDEFGHIJKLMNOPQRSTUV", total % 23)


# What characters at odd places count; those at even places count themselves.
_FISCAL_ODD = np.array(
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
)


def it_fiscal_code(number: Characters) -> Truths:
    """Check Italy's fiscal code (ministerial decree of 23 December 1976)."""
    numbers = values(number)
    ranks = np.where(numbers >= 10, numbers - 10, numbers)
    total = _FISCAL_ODD[ranks[:, 0:15:2]].sum(axis=1) + ranks[:, 1:15:2].sum(axis=1)
    return ranks[:, 15] == total % 26


def it_vat(number: Characters) -> Truths:
    """Check Italy's VAT number: Luhn's rule and a province (DPR 633/1972, article 35)."""
    number = number[:, -11:]
    office = integers(number[:, 7:10])
    is_office = ((office >= 1) & (office <= 100)) | np.isin(office, (120, 121, 888, 999))
    return are_luhn_valid(number) & is_office & (integers(number[:, :7]) > 0)


def nl_bsn(number: Characters) -> Truths:
    """Check the Dutch citizen service number by the eleven test (Besluit BSN; RvIG)."""
    return (weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0) & (integers(number) > 0)


def no_fnr(number: Characters) -> Truths:
    """Check Norway's birth and D numbers: two check digits (Skatteetaten, population registry)."""
    first = weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    second = weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11
    day, month = integers(number[:, :2]), integers(number[:, 2:4])
    day = day - np.where(day > 40, 40, 0)
    # Numbers of those who are only registered by the health service add 40 to the month.
    month = month - np.where(month > 40, 40, 0)
    dates = are_dates(integers(number[:, 4:6]), month, day)
    return (first == 0) & (second == 0) & dates


def pl_nip(number: Characters) -> Truths:
    """Check Poland's tax number (act of 13 October 1995; decree of the finance minister)."""
    return weighted(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == values(number)[:, 9]


def pl_pesel(number: Characters) -> Truths:
    """Check Poland's PESEL: a birthday whose month tells the century (act of 24 September 2010)."""
    check = -weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    month = integers(number[:, 2:4]) % 20
    dates = are_dates(integers(number[:, :2]), month, integers(number[:, 4:6]))
    return (check == values(number)[:, 10]) & dates


def pl_regon(number: Characters) -> Truths:
    """Check Poland's business number of nine digits (decree on the REGON register of 2015)."""
    return weighted(number, (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10 == values(number)[:, 8]


def pt_nif(number: Characters) -> Truths:
    """Check Portugal's tax number (decree-law 14/2013)."""
    rest = weighted(number, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return np.where(rest < 2, 0, 11 - rest) == values(number)[:, 8]


def ro_cnp(number: Characters) -> Truths:
    """Check Romania's personal code (law 105/1996; methodology of the population registry)."""
    rest = weighted(number, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    dates = are_dates(integers(number[:, 1:3]), integers(number[:, 3:5]), integers(number[:, 5:7]))
    county = integers(number[:, 7:9])
    is_county = ((county >= 1) & (county <= 52)) | (county == 70) | (county >= 80)
    return (np.where(rest == 10, 1, rest) == values(number)[:, 12]) & dates & is_county


def se_orgnr(number: Characters) -> Truths:
    """Check Sweden's number of organisations: Luhn's rule (act 1974:174; Skatteverket)."""
    return are_luhn_valid(number[:, -10:])


def se_personnummer(number: Characters) -> Truths:
    """Check Sweden's personal and coordination numbers (act 1991:481, section 18; Skatteverket)."""
    short = number[:, -10:]
    day = integers(short[:, 4:6])
    day = day - np.where(day > 60, 60, 0)
    return are_luhn_valid(short) & are_dates(integers(short[:, :2]), integers(short[:, 2:4]), day)


def _digit_sums(digits: Integers, weights: Sequence[int]) -> Integers:
    """Multiply digits by weights and add up the digits of the products."""
    products = digits * np.array(weights)
    return np.asarray((products // 10 + products % 10).sum(axis=1))
