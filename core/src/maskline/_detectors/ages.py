"""Ages of people in text.

A number is an age where the words around it say so; a span of time is none. The number alone is
the stretch: what stands around it says nothing about a person. This module knows such words in the
main languages of Europe. It does not know columns.
"""

from collections.abc import Sequence
from typing import Final

from maskline._detectors.wording import any_of, words
from maskline.patterns import PatternDetector, PatternRule

__all__ = ["age_detector"]

_OLDEST: Final = 125

_BEFORE: Final = any_of(words("ages", "before"), bound=r"\b")
_AFTER: Final = any_of(words("ages", "after"), gap="[ -]")
_HAVING: Final = any_of(words("ages", "having"), bound=r"\b")
_YEARS: Final = any_of(words("ages", "years"))
_BEING: Final = any_of(words("ages", "being"), bound=r"\b")
_FOLLOWING: Final = frozenset(words("ages", "following"))


def age_detector() -> PatternDetector:
    """Return a detector of ages: labelled, with a unit that says "old", or of somebody."""
    rules = [
        PatternRule(
            entity="AGE",
            pattern=rf"(?i){_BEFORE}['\"]?[ ]?[:=]?[ ]?['\"]?(\d{{1,3}}(?:[ ]?[%/:.,-]\d|[ ]?%)?)",
            score=0.9,
            trigger=r"\d",
            cut=_cut_age,
        ),
        PatternRule(
            entity="AGE",
            pattern=rf"(?i)(\d{{1,3}})[ \-]{{0,2}}{_AFTER}\b",
            score=0.93,
            trigger=r"\d",
            cut=_cut_age,
        ),
        PatternRule(
            entity="AGE",
            pattern=(
                rf"(?i){_BEING}[ ](?:only[ ]|about[ ]|now[ ]|almost[ ])?"
                r"(\d{1,3}(?:[^0-9\s\xff]?[ ]?[a-z0-9%$'\x80-\xf4]+)?)"
            ),
            score=0.8,
            trigger=r"\d",
            cut=_cut_plain_age,
        ),
        PatternRule(
            entity="AGE",
            pattern=rf"(?i){_HAVING}[ ](\d{{1,3}})[ ]{_YEARS}\b",
            score=0.7,
            trigger=r"\d",
            cut=_cut_age,
        ),
    ]
    return PatternDetector("age", rules)


def _cut_age(value: bytes) -> Sequence[tuple[int, int]]:
    return ((0, len(value)),) if value.isdigit() and 0 < int(value) <= _OLDEST else ()


def _cut_plain_age(value: bytes) -> Sequence[tuple[int, int]]:
    """Leave out what counts something else: miles, minutes, per cent."""
    number, _, rest = value.partition(b" ")
    digits = number.rstrip(b".,;!?")
    is_age = rest.decode("utf-8", "ignore").lower() in _FOLLOWING or not rest or number != digits
    return _cut_age(digits) if is_age else ()
