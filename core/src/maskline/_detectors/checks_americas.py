"""Check digits of the Americas' identifiers.

Each function takes a matrix of characters, one number a row, as `checksums` has it, and tells
which rows are valid. The patterns have seen to lengths and kinds of characters before. This module
knows the rules that states publish. It does not know patterns, Arrow or entities.
"""
# ruff: noqa: PLR2004 - the numbers are those of the specifications
# numpy does not say what comparing two arrays gives.
# mypy: disable-error-code="no-any-return"

import numpy as np

from maskline._detectors.checksums import (
    Characters,
    Integers,
    Truths,
    are_dates,
    are_luhn_valid,
    integers,
    values,
    weighted,
)

__all__ = [
    "ar_cuit",
    "br_cnh",
    "br_cnpj",
    "br_cns",
    "br_cpf",
    "br_pis",
    "ca_sin",
    "cl_rut",
    "mx_curp",
    "mx_rfc",
    "us_aba",
    "us_dea",
    "us_npi",
    "us_ssn",
]


def ar_cuit(number: Characters) -> Truths:
    """Check Argentina's tax number (AFIP, RG 10/1997)."""
    check = 11 - weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return np.where(check == 11, 0, np.where(check == 10, 9, check)) == values(number)[:, 10]


def br_cnh(number: Characters) -> Truths:
    """Check Brazil's driving licence, the first check digit moves the second (DENATRAN)."""
    first = weighted(number, range(9, 0, -1)) % 11
    second = weighted(number, range(1, 10)) % 11
    shift = np.where(first == 10, 2, 0)
    first, second = first % 10, np.where(second == 10, 0, second - shift)
    return (first == values(number)[:, 9]) & (second == values(number)[:, 10])


def br_cnpj(number: Characters) -> Truths:
    """Check Brazil's company number, letters included (Receita Federal, IN RFB 2229/2024)."""
    codes = number.astype(np.int64) - ord("0")
    weights = np.array((6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))
    first = _complement(codes[:, :12] @ weights[1:])
    second = _complement(codes[:, :13] @ weights)
    return (first == codes[:, 12]) & (second == codes[:, 13])


def br_cns(number: Characters) -> Truths:
    """Check Brazil's health card: a weighted sum that 11 divides (DATASUS)."""
    return weighted(number, range(15, 0, -1)) % 11 == 0


def br_cpf(number: Characters) -> Truths:
    """Check Brazil's taxpayer number of persons (Receita Federal, IN RFB 1548/2015)."""
    digits = values(number)
    first = _complement(weighted(number, range(10, 1, -1)))
    second = _complement(weighted(number, range(11, 1, -1)))
    return (first == digits[:, 9]) & (second == digits[:, 10])


def br_pis(number: Characters) -> Truths:
    """Check Brazil's PIS/PASEP number; RENAVAM's rule is the same (Caixa; DENATRAN)."""
    check = _complement(weighted(number, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)))
    return check == values(number)[:, 10]


def ca_sin(number: Characters) -> Truths:
    """Check Canada's social insurance number by Luhn's rule (Service Canada)."""
    return are_luhn_valid(number)


def cl_rut(number: Characters) -> Truths:
    """Check Chile's RUN and RUT: weights 2 to 7 from the right (Registro Civil; SII)."""
    length = number.shape[1] - 1
    weights = [2 + place % 6 for place in range(length)][::-1]
    check = -weighted(number, weights) % 11
    given = np.where(number[:, -1] == ord("K"), 10, values(number)[:, -1])
    return check == given


def mx_curp(number: Characters) -> Truths:
    """Check Mexico's population code (RENAPO, instructivo normativo): an alphabet with N tilde."""
    ranks = values(number)
    ranks = ranks + (number > ord("N"))
    check = -(ranks[:, :17] @ np.arange(18, 1, -1)) % 10
    return (check == ranks[:, 17]) & are_dates(
        integers(number[:, 4:6]), integers(number[:, 6:8]), integers(number[:, 8:10])
    )


def mx_rfc(number: Characters) -> Truths:
    """Check the date in Mexico's tax number; older ones have no check digit (SAT, anexo 1-A)."""
    start = number.shape[1] - 9
    year, month, day = (integers(number[:, start + at : start + at + 2]) for at in (0, 2, 4))
    return are_dates(year, month, day)


def us_aba(number: Characters) -> Truths:
    """Check a US bank's routing number: weights 3, 7, 1 (ABA, Key to Routing Numbers)."""
    district = integers(number[:, :2])
    is_known = (district <= 12) | ((district >= 21) & (district <= 32))
    is_known |= ((district >= 61) & (district <= 72)) | (district == 80)
    total = weighted(number, (3, 7, 1, 3, 7, 1, 3, 7, 1))
    return (total % 10 == 0) & is_known & (integers(number) > 0)


def us_dea(number: Characters) -> Truths:
    """Check a US prescriber's number (DEA Diversion Control Division)."""
    return weighted(number[:, 2:], (1, 2, 1, 2, 1, 2)) % 10 == values(number)[:, 8]


def us_npi(number: Characters) -> Truths:
    """Check a US health provider's number: Luhn's rule after 80840 (45 CFR 162.406; CMS)."""
    prefix = np.broadcast_to(np.frombuffer(b"80840", np.uint8), (len(number), 5))
    return are_luhn_valid(np.hstack([prefix, number]))


def us_ssn(number: Characters) -> Truths:
    """Check that a US social security number was issued, and is none printed in leaflets (SSA)."""
    area, group, serial = (integers(number[:, low:high]) for low, high in ((0, 3), (3, 5), (5, 9)))
    is_issued = (area > 0) & (area != 666) & (area < 900) & (group > 0) & (serial > 0)
    return is_issued & ~np.isin(integers(number), (78051120, 219099999, 457555462, 123456789))


def _complement(total: Integers) -> Integers:
    """Turn a weighted sum into a check digit: 11 less the remainder, 0 for more than 9."""
    check = -total % 11
    return np.where(check == 10, 0, check)
