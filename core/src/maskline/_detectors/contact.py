"""How to reach a person: e-mail addresses, telephone numbers, web addresses."""

from collections.abc import Sequence
from typing import Final

from maskline._detectors.checks import compiled
from maskline.patterns import PatternDetector, PatternRule

__all__ = ["email_detector", "phone_detector", "url_detector"]

_WORD: Final = r"A-Za-z0-9\x80-\xf4"
_ASCII_END: Final = 0x80
_ENDINGS: Final = b".,;:!?*"
_PHONE_DIGITS: Final = range(7, 16)


def email_detector() -> PatternDetector:
    """Return a detector of e-mail addresses, international ones among them."""
    local = rf"[{_WORD}_](?:[{_WORD}_.%+'!#$*^~{{}}|-]*[{_WORD}_+-])?"
    domain = rf"(?:[{_WORD}](?:[{_WORD}-]*[{_WORD}])?\.)+[A-Za-z\x80-\xf4][{_WORD}-]*[{_WORD}]"
    rule = PatternRule(
        entity="EMAIL_ADDRESS",
        pattern=f"{local}@{domain}",
        score=0.95,
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
    rules = [
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=(
                r"(?:\+|\b00)[1-9]\d{0,2}[ .\-/]{0,2}(?:\(\d{1,5}\)[ .\-/]{0,2})?"
                r"\d(?:[ .\-/]{0,2}\d|[ ]?\(\d{1,4}\)[ ]?\d){4,13}" + extension
            ),
            score=0.85,
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
            score=0.75,
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
            score=0.7,
            trigger=label,
            cut=_cut_phone,
        ),
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=r"\(\d{2,5}\)[ \-/.]{0,2}\d(?:[ \-/.]?\d){4,9}" + extension,
            score=0.6,
            trigger=r"\(\d{2,5}\)",
            cut=_cut_phone,
        ),
        PatternRule(
            entity="PHONE_NUMBER",
            pattern=(
                r"([+(]?\d(?:[ .\-/()]{0,2}\d){5,14})[ ,\-]{1,3}"
                r"(?i:office|mobile|cell|fax|home|work|phone|direct)\b"
            ),
            score=0.6,
            trigger=r"\d[ ,\-]{1,3}(?i:office|mobile|cell|fax|home|work|phone|direct)",
            cut=_cut_phone,
        ),
        PatternRule(
            # In most countries, a national number begins with a nought.
            entity="PHONE_NUMBER",
            pattern=r"\b0[1-9]\d{0,3}[ \-/](?:\d{5,9}|\d{2,4}(?:[ \-.]\d{2,4}){1,3})",
            score=0.5,
            trigger=r"0[1-9]\d{0,3}[ \-/]\d",
            cut=_cut_national_phone,
            not_after=b".-/",
        ),
    ]
    return PatternDetector("phone", rules)


def _cut_phone(value: bytes) -> Sequence[tuple[int, int]]:
    number = value.lower().partition(b"x")[0].partition(b"e")[0]
    digits = sum(byte in b"0123456789" for byte in number)
    return ((0, len(value)),) if digits in _PHONE_DIGITS else ()


def _cut_national_phone(value: bytes) -> Sequence[tuple[int, int]]:
    is_date = compiled(r"0?\d[ \-/.][0-3]?\d[ \-/.](?:19|20)?\d\d").fullmatch(value) is not None
    return () if is_date else _cut_phone(value)


def url_detector() -> PatternDetector:
    """Return a detector of web addresses: with a scheme, or beginning with ``www.``."""
    rule = PatternRule(
        entity="URL",
        pattern=(
            r"(?i)\b(?:(?:https?|ftps?)://[^\s<>\"'`\x00-\x20\xff]+"
            r"|www\d?\.[a-z0-9\x80-\xf4-]+\.[^\s<>\"'`\x00-\x20\xff]+)"
        ),
        score=0.8,
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
