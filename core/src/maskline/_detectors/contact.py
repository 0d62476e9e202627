"""How to reach a person: e-mail addresses, telephone numbers, web addresses."""

from collections.abc import Sequence
from typing import Final

from maskline._detectors.checks import compiled
from maskline.patterns import PatternDetector, PatternRule

__all__ = [
    "domain_detector",
    "email_detector",
    "national_phone_detector",
    "phone_detector",
    "url_detector",
]

_WORD: Final = r"A-Za-z0-9\x80-\xf4"
_ASCII_END: Final = 0x80
_ENDINGS: Final = b".,;:!?*"
_PHONE_DIGITS: Final = range(7, 16)
# With 00 in place of a plus, and with the number of a country.
_FOREIGN_DIGITS: Final = range(10, 16)
_LABELLED_DIGITS: Final = range(6, 16)


def email_detector() -> PatternDetector:
    """Return a detector of e-mail addresses, international ones among them."""
    local = rf"[{_WORD}_](?:[{_WORD}_.%+'!#$*^~{{}}|-]*[{_WORD}_+-])?"
    domain = rf"(?:[{_WORD}](?:[{_WORD}-]*[{_WORD}])?\.)+[A-Za-z\x80-\xf4][{_WORD}-]*[{_WORD}]"
    rule = PatternRule(
        entity="EMAIL_ADDRESS",
        pattern=f"{local}@{domain}",
        score=0.97,
        trigger="@",
        cut=_cut_email,
        is_bounded=False,
    )
    return PatternDetector("email", [rule])


def _cut_email(value: bytes) -> Sequence[tuple[int, int]]:
    """Leave out punctuation of other scripts, which bytes alone do not tell from letters."""
    if value.isascii():
        return ((0, len(value)),)
    text = value.decode("utf-8", "ignore")
    middle = text.index("@")
    start = middle
    while start and _is_of_address(text[start - 1]):
        start -= 1
    end = middle + 1
    while end < len(text) and _is_of_address(text[end]):
        end += 1
    first, last = len(text[:start].encode()), len(text[:end].encode())
    return ((first, last),) if start < middle and "." in text[middle:end] else ()


def _is_of_address(character: str) -> bool:
    return ord(character) < _ASCII_END or character.isalnum()


def phone_detector() -> PatternDetector:
    """Return a detector of telephone numbers: international, North American, or labelled."""
    extension = r"(?:[ ,]{0,2}(?:x|ext\.?|extension)[ .:]?\d{1,6})?"
    label = (
        r"(?i:\b(?:phones?|telephone|tel|mobile|cell(?:phone)?|fax|call|contact|reach|dial|ring|answering"
        r"|hotline|landline|whatsapp|sms"
        r"|telefon|handy|mobil|t[e\x80-\xf4]{1,3}l[e\x80-\xf4]{1,3}phone|tel[e\x80-\xf4]{1,3}fono|telefoon))"
    )
    international = (
        r"[1-9]\d{0,2}[ .\-/]{0,2}(?:\(\d{1,5}\)[ .\-/]{0,2})?"
        r"\d(?:[ .\-/]{0,2}\d|[ ]?\(\d{1,4}\)[ ]?\d){4,13}" + extension
    )
    national = r"0[1-9]\d{0,3}[ \-/](?:\d{5,9}|\d{2,4}(?:[ \-.]\d{2,4}){1,3})"
    rules = [
        PatternRule(
            # Noughts right after a digit and a space are the middle of another number.
            entity="PHONE_NUMBER",
            pattern=rf"\d[ ]00{international}|((?:\+|\b00){international})",
            score=0.92,
            trigger=r"\+[1-9]|00[1-9]",
            cut=_cut_phone,
            not_after=b".",
        ),
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=(
                r"(?:\+?\b1[ .\-/]{0,2})?(?:\([2-9]\d\d\)[ .\-]{0,2}|\b[2-9]\d\d[ .\-/])"
                r"\d{3}[ .\-]\d{4}" + extension
            ),
            score=0.9,
            trigger=r"\d{3}[ .\-]\d{4}",
            cut=_cut_phone,
            not_after=b".",
        ),
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=label
            + r"(?:[ ]?(?:number|no|nr|num|me at|us at|me on|is|at|on|:|#|=|\.)){0,3}"
            + r"['\" ]{0,3}([+(]?\d(?:[ .\-/()]{0,2}\d){5,14}"
            + extension
            + ")",
            score=0.88,
            trigger=label,
            cut=_cut_labelled_phone,
        ),
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=r"\(\d{2,5}\)[ \-/.]{0,2}\d(?:[ \-/.]?\d){4,9}" + extension,
            score=0.85,
            trigger=r"\(\d{2,5}\)",
            cut=_cut_phone,
        ),
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=(
                r"([+(]?\d(?:[ .\-/()]{0,2}\d){5,14})[ ,\-]{1,3}"
                r"(?i:office|mobile|cell|fax|home|work|phone|direct)\b"
            ),
            score=0.9,
            trigger=r"\d[ ,\-]{1,3}(?i:office|mobile|cell|fax|home|work|phone|direct)",
            cut=_cut_labelled_phone,
        ),
        PatternRule(
            # In most countries, a national number begins with a nought.
            entity="PHONE_NUMBER",
            pattern=rf"\d[ ]{national}|\b({national})",
            score=0.75,
            trigger=r"0[1-9]\d{0,3}[ \-/]\d",
            cut=_cut_national_phone,
            not_after=b".-/",
        ),
    ]
    return PatternDetector("phone", rules)


def _cut_phone(value: bytes) -> Sequence[tuple[int, int]]:
    digits = _FOREIGN_DIGITS if value.startswith(b"00") else _PHONE_DIGITS
    return ((0, len(value)),) if _count_digits(value) in digits else ()


def _cut_labelled_phone(value: bytes) -> Sequence[tuple[int, int]]:
    return ((0, len(value)),) if _count_digits(value) in _LABELLED_DIGITS else ()


def _cut_national_phone(value: bytes) -> Sequence[tuple[int, int]]:
    """Leave out dates, and what is written as a US social security number is."""
    other = r"0?\d[ \-/.][0-3]?\d[ \-/.](?:19|20)?\d\d|\d{3}[ \-/]\d\d[ \-.]\d{4}"
    return () if compiled(other).fullmatch(value) else _cut_phone(value)


def _count_digits(value: bytes) -> int:
    """Count the digits of a telephone number without its extension."""
    number = value.lower().partition(b"x")[0].partition(b"e")[0]
    return sum(byte in b"0123456789" for byte in number)


def national_phone_detector() -> PatternDetector:
    """Return a detector of telephone numbers by how countries group them, without a label."""
    grouped = (
        r"\d{3}[.\-]\d{3}[.\-]\d{4}[ ]?x\d{1,6}"  # North America, an area it has not
        r"|[1-9]\d{0,2}[ \-][2-9]\d\d[ .\-]\d{3}[ .\-]\d{4}"  # with a country's number before
        r"|(?:[08][ \-]?)?\(?[2-9]\d\d\)?[ .\-]\d{3}[ .\-]\d\d[ .\-]\d\d"  # Turkey, Russia
        r"|0[ ]?\(\d{2,4}\)[ ]?\d{3}[ ]?\d{4}"  # Turkey, the Philippines
        r"|0[1-9](?:\.\d\d){4}"  # France
    )
    mobile = (
        r"09\d{9}|05\d{9}|07[1-9]\d{8}"  # The Philippines, Turkey, Britain
        r"|1[3-9]\d{9}"  # China
        r"|0[467]\d{8}"  # Australia, France
    )
    rules = [
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=rf"\b(?:{grouped})",
            score=0.75,
            trigger=r"\d[ .\-)x]{1,2}\d",
            not_after=b".-/+",
        ),
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=rf"\b(?:{mobile})",
            score=0.6,
            trigger=r"[01]\d{9}",
            not_after=b".-/+=",
        ),
    ]
    return PatternDetector("national_phone", rules)


def url_detector() -> PatternDetector:
    """Return a detector of web addresses: with a scheme, or beginning with ``www.``."""
    rule = PatternRule(
        entity="URL",
        pattern=(
            r"(?i)\b(?:(?:https?|ftps?)://[^\s<>\"'`\x00-\x20\xff]+"
            r"|www\d?\.[a-z0-9\x80-\xf4-]+\.[^\s<>\"'`\x00-\x20\xff]+)"
        ),
        score=0.9,
        trigger=r"(?i)://|www\d?\.",
        cut=_cut_url,
        is_bounded=False,
    )
    return PatternDetector("url", [rule])


def _cut_url(value: bytes) -> Sequence[tuple[int, int]]:
    """Leave out what ends the sentence rather than the address."""
    surplus = {
        closing: value.count(closing) - value.count(opening)
        for opening, closing in ((b"(", b")"), (b"[", b"]"), (b"{", b"}"))
    }
    end = len(value)
    # Letters of the scheme come first, so this stops.
    while surplus.get(last := value[end - 1 : end], 0) > 0 or last in _ENDINGS:
        surplus[last] = surplus.get(last, 0) - 1
        end -= 1
    return ((0, end),) if compiled(r"(?i)(?:[a-z]+://|www\d?\.)[^/]").match(value[:end]) else ()


def domain_detector() -> PatternDetector:
    """Return a detector of web addresses without a scheme, in domains that no file is named for."""
    top = (
        r"(?:com|org|net|edu|gov|mil|info|biz|eu|(?:co|com|org|ac|gov|net)\.[a-z]{2}|de|fr|es|nl|uk|ch"
        r"|pl|cz|se|dk|fi|br|ru|jp|cn|au|nz|ca)"
    )
    rule = PatternRule(
        entity="URL",
        pattern=(
            rf"(?i)\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+{top}\b"
            r"(?::\d{2,5}\b)?(?:/[^\s<>\"'`\x00-\x20\xff]*)?"
        ),
        score=0.75,
        trigger=rf"(?i)\.{top}\b",
        cut=lambda value: ((0, len(value.rstrip(_ENDINGS + b")"))),),
        not_after=b"@.-_",
    )
    return PatternDetector("domain", [rule])
