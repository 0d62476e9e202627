"""Numbers that check themselves, or that a label gives away: cards, IBANs, US social security."""

from collections.abc import Iterator, Sequence
from typing import Final

from maskline._detectors.checks import (
    IBAN_LENGTHS,
    card_lengths,
    compiled,
    is_card_number,
    is_iban,
    is_ssn,
)
from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["card_detector", "iban_detector", "ssn_detector"]

_CARD_MAX: Final = 19
_PREFIX: Final = 4
_DOTTED_MAX: Final = 6
_DIGITS: Final = b"0123456789"


def card_detector() -> PatternDetector:
    """Return a detector of payment card numbers.

    Where a label says that it is a card, a number with a wrong check digit is one all the same:
    real tables hold such numbers, and hiding them costs nothing.
    """
    label = r"(?i:card|visa|mastercard|amex|maestro|\bpan\b|\bccn?\b|kreditkarte|tarjeta|carte)"
    rules = [
        PatternRule(
            entity="CREDIT_CARD",
            pattern=r"\d(?:[ .\-]{0,2}\d){11,}",
            score=0.97,
            trigger=r"\d[ .\-]{0,2}\d[ .\-]{0,2}\d[ .\-]{0,2}\d[ .\-]{0,2}\d[ .\-]{0,2}\d",
            cut=_cut_cards,
        ),
        PatternRule(
            entity="CREDIT_CARD",
            pattern=label
            + r"[^0-9\n\xff]{0,20}(\d{4}[ \-]?\d{4}[ \-]?\d{4}[ \-]?\d{4}"
            + r"|3\d{3}[ \-]?\d{6}[ \-]?\d{5})",
            score=0.95,
            trigger=label,
        ),
    ]
    return PatternDetector("card", rules)


def _cut_cards(value: bytes) -> Sequence[tuple[int, int]]:
    """Find card numbers among groups of digits: another number may stand right beside one."""
    groups = list(_groups(value))
    found: list[tuple[int, int]] = []
    free = 0
    for index, (start, _) in enumerate(groups):
        # A long group after a full stop is the fraction of a number.
        if start < free or value[start - 1 : start] == b".":
            continue
        digits = b""
        best = 0
        for low, high in groups[index : index + _CARD_MAX]:
            if value[low - 1 : low] == b"." and high - low > _DOTTED_MAX:
                break
            digits += value[low:high]
            if len(digits) > _CARD_MAX or not _may_be_card(digits):
                break
            if is_card_number(digits):
                best = high
        if best:
            found.append((start, best))
            free = best
    return found


def _may_be_card(digits: bytes) -> bool:
    return len(digits) < _PREFIX or bool(card_lengths(digits[:_PREFIX]))


def _groups(value: bytes) -> Iterator[tuple[int, int]]:
    for match in compiled(r"\d+").finditer(value):
        yield match.span()


def iban_detector() -> PatternDetector:
    """Return a detector of international bank account numbers."""
    countries = "|".join(sorted(country.decode() for country in IBAN_LENGTHS))
    label = r"(?i:\biban\b)"
    rules = [
        PatternRule(
            entity="IBAN_CODE",
            pattern=rf"(?i)\b(?:{countries})[ \-]?\d[ \-]?\d(?:[ \-]?[A-Z0-9]){{11,}}",
            score=0.98,
            trigger=r"(?i)[a-z]{2}[ \-]?\d[ \-]?\d[ \-]?[a-z0-9]",
            cut=_cut_ibans,
        ),
        PatternRule(
            entity="IBAN_CODE",
            pattern=(
                label + r"[^A-Za-z0-9\n\xff]{0,5}([A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]{3,4}){3,8}"
                r"(?:[ \-]?[A-Z0-9]?\d\b)?)"
            ),
            score=0.96,
            trigger=label,
        ),
    ]
    return PatternDetector("iban", rules)


def _cut_ibans(value: bytes) -> Sequence[tuple[int, int]]:
    """Find IBANs in a run of letters and digits: text may run on before and after one."""
    capitals = value.upper()
    found: list[tuple[int, int]] = []
    free = 0
    for match in compiled(r"(?i)[a-z]{2}[ \-]?\d[ \-]?\d").finditer(value):
        start = match.start()
        length = IBAN_LENGTHS.get(capitals[start : start + 2])
        is_inside = start > 0 and value[start - 1 : start].isalnum()
        if start < free or length is None or is_inside:
            continue
        end = start
        compact = b""
        while end < len(value) and len(compact) < length:
            if capitals[end : end + 1].isalnum():
                compact += capitals[end : end + 1]
            end += 1
        if is_iban(compact):
            found.append((start, end))
            free = end
    return found


def ssn_detector() -> PatternDetector:
    """Return a detector of US social security numbers. Nine plain digits need a label beside."""
    label = r"(?i:\bssn\b|\bss ?#|\bsocial[ _-]?security|\bsoc\.? ?sec)"
    rules = [
        PatternRule(
            entity="US_SSN",
            pattern=r"\d+(?:-\d+)+",
            score=0.92,
            trigger=r"\d{3}-\d\d-\d{4}",
            cut=whole(_is_separated_ssn),
        ),
        PatternRule(
            entity="US_SSN",
            pattern=r"\d+(?:\.\d+)+",
            score=0.6,
            trigger=r"\d{3}\.\d\d\.\d{4}",
            cut=whole(_is_separated_ssn),
        ),
        PatternRule(
            entity="US_SSN",
            pattern=r"\d+(?: \d+)+",
            score=0.6,
            trigger=r"\d{3} \d\d \d{4}",
            cut=_cut_spaced_ssns,
        ),
        PatternRule(
            entity="US_SSN",
            pattern=label + r"[^0-9\n\xff]{0,24}(\d{3}[ .\-]?\d{2}[ .\-]?\d{4})",
            score=0.95,
            trigger=label,
        ),
    ]
    return PatternDetector("ssn", rules)


def _is_separated_ssn(value: bytes) -> bool:
    # Taxpayer numbers share the shape and begin with 9; they are as sensitive.
    is_shaped = compiled(r"\d{3}[ .\-]\d\d[ .\-]\d{4}").fullmatch(value) is not None
    return is_shaped and is_ssn(bytes(byte for byte in value if byte in _DIGITS))


def _cut_spaced_ssns(value: bytes) -> Sequence[tuple[int, int]]:
    groups = list(_groups(value))
    return [
        (start, end)
        for (start, _), _, (_, end) in zip(groups, groups[1:], groups[2:], strict=False)
        if _is_separated_ssn(value[start:end])
    ]
