"""Dates and times in text, as people and machines write them in the languages of Europe.

A date counts if the calendar has it: there is no 31 February, and no month 13. Two digits for the
year are enough between strokes, but not between full stops, where versions are written. This
module knows calendars and the names of months and weekdays; it does not know columns.
"""

from collections.abc import Sequence
from typing import Final

from maskline._detectors.checks import compiled
from maskline._detectors.wording import any_of, without_accents, words
from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["date_detector", "is_numeric_date"]

_MONTHS: Final = words("dates", "months")
_ABBREVIATED: Final = words("dates", "short_months")


_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY: Final = 2
_YEARS: Final = range(1000, 3000)
_DATE_PARTS: Final = 3
_YEAR_DIGITS: Final = 4
_SHORT_DIGITS: Final = 2
_LEAP_YEAR: Final = 2000
_DIGITS: Final = b"0123456789"

_NUMBERS: Final = {
    name: number
    for names in (_MONTHS, _ABBREVIATED)
    for number, spellings in enumerate(names, 1)
    for spelling in spellings
    for name in (spelling, without_accents(spelling))
}

_ZONE: Final = r"(?:[ ]?(?:z|utc|gmt|[+-]\d\d:?\d\d)\b)?"
_CLOCK: Final = (
    rf"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:[.,]\d{{1,9}})?)?(?:[ ]?[ap]\.?m\b)?{_ZONE}"
)
_AT: Final = (
    rf"(?:(?:t|,?[ ]|:|[ ]at[ ]|[ ]um[ ]|[ ]kl\.?[ ]|[ ]alle[ ]|[ ][\xc3\xa0a]{{1,2}}[ ]){_CLOCK})?"
)
_RUN: Final = r"\d{1,4}(?:[/.\-]\d{1,4}){2,}"
_DAY: Final = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th|er|\xc2[\xba\xaa]|\.)?"
_YEAR: Final = r"[12]\d{3}"
_FULL: Final = any_of(name for names in _MONTHS for name in names)
_ANY: Final = any_of(name for names in (*_MONTHS, *_ABBREVIATED) for name in names)
_WEEKDAY: Final = any_of(words("dates", "weekdays"), bound=r"\b")
_SHORT_WEEKDAY: Final = r"(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|mo|di|mi|do|fr|sa|so)"
# May and March are also other words, unless they have a capital.
_ENGLISH: Final = (
    r"(?:january|february|april|june|july|august|september|october|november|december"
    r"|(?-i:May|MAY|March|MARCH|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?))"
)
_WORDED: Final = (
    rf"(?:(?:{_WEEKDAY},?|{_SHORT_WEEKDAY}(?:\.,?|,))[ ](?:the[ ]|den[ ]|le[ ])?)?"
    r"(?:"
    rf"{_DAY}[ ]?(?:of[ ]|de[ ]|di[ ]|d')?(?:{_ANY}\.?,?[ ](?:de[ ]|del[ ])?{_YEAR}|{_FULL})"
    rf"|{_ANY}\.?,?[ ](?:de[ ]|del[ ])?{_YEAR}"
    rf"|{_ANY}\.?[ ]{_DAY},?[ ]{_YEAR}"
    rf"|{_ENGLISH}[ ]{_DAY}"
    rf"|{_DAY}[\-/]{_ANY}(?:[\-/](?:\d{{4}}|\d\d))?"
    rf"|{_ANY}-\d{{1,2}}(?:-\d{{2,4}})?"
    rf"){_AT}"
)
_CUES: Final = (
    r"(?:in|since|from|until|till|by|during|of|year|after|before|circa|around|founded|born|died"
    r"|established|im[ ]jahre?|jahr|seit|bis|en|depuis|avant|ann\xc3\xa9e|desde|hasta|a\xc3\xb1o"
    r"|nel|dal|anno|em|sinds|sedan|siden|vuonna|roku|od|w)"
)


def date_detector() -> PatternDetector:
    """Return a detector of dates, times of day, years with a word before them, and weekdays."""
    birth = any_of(words("dates", "birth"), gap="[ _-]", bound=r"(?:\b|_)")
    rules = [
        PatternRule(
            entity="DATE_OF_BIRTH",
            pattern=rf"(?i){birth}\b[^0-9\n\xff]{{0,20}}?((?:{_RUN}|{_WORDED}))",
            score=0.95,
            trigger=r"\d",
            cut=_cut_date,
        ),
        PatternRule(
            entity="DATE_TIME",
            pattern=rf"(?i)(?:{_RUN}){_AT}",
            score=0.9,
            trigger=r"\d[/.\-]\d{1,4}[/.\-]\d",
            cut=_cut_date,
            not_after=b"./-",
        ),
        PatternRule(
            entity="DATE_TIME",
            pattern=rf"(?i)\b(?:{_WORDED})",
            score=0.9,
            trigger=r"\d",
            cut=_cut_date,
        ),
        PatternRule(
            entity="DATE_TIME",
            pattern=rf"(?i){_WEEKDAY}",
            score=0.85,
            trigger=rf"(?i){_WEEKDAY}",
        ),
        PatternRule(
            entity="DATE_TIME",
            pattern=(
                rf"(?i)\b{_CUES}:?[ ]"
                r"((?:18|19|20)\d\d(?:[ ]?(?:-|to|until|bis)[ ]?(?:19|20)?\d\d)?)"
            ),
            score=0.65,
            trigger=r"[ ](?:18|19|20)\d\d",
        ),
        PatternRule(
            entity="DATE_TIME",
            pattern=rf"(?i)\d+(?::\d+)*[ ]?[ap]\.?m\b|\d+(?::\d+)+{_ZONE}",
            score=0.8,
            trigger=r"(?i)\d:\d\d|\d[ ]?[ap]\.?m",
            cut=whole(_is_clock),
            not_after=b":-.+/",
        ),
    ]
    return PatternDetector("date", rules)


def _cut_date(value: bytes) -> Sequence[tuple[int, int]]:
    """Keep what the calendar has."""
    run = compiled(_RUN).match(value)
    is_date = is_numeric_date(run.group()) if run else _is_worded(value)
    return ((0, len(value)),) if is_date else ()


def is_numeric_date(run: bytes) -> bool:
    """Tell whether three numbers with one sign between them are a date, or six of them two."""
    parts = run.replace(b"/", b"-").replace(b".", b"-").split(b"-")
    signs = run.translate(None, _DIGITS)
    if len(parts) == 2 * _DATE_PARTS and signs[2:3] == b"-":
        return _are_date(parts[:3], signs[:2]) and _are_date(parts[3:], signs[3:])
    return len(parts) == _DATE_PARTS and _are_date(parts, signs)


def _are_date(parts: Sequence[bytes], signs: bytes) -> bool:
    sizes = [*map(len, parts)]
    if signs[:1] != signs[1:] or not all(part.isdigit() for part in parts):
        return False
    first, second, third = map(int, parts)
    if sizes[0] == _YEAR_DIGITS:
        return max(sizes[1:]) < _DATE_PARTS and _is_day(third, second, first)
    # With full stops and two digits, a version looks like a date.
    is_short = sizes[2] == _SHORT_DIGITS and (sizes == [2, 2, 2] or signs != b"..")
    year = third if sizes[2] == _YEAR_DIGITS else _LEAP_YEAR
    return (
        max(sizes[:2]) < _DATE_PARTS
        and (is_short or sizes[2] == _YEAR_DIGITS)
        and (_is_day(first, second, year) or _is_day(second, first, year))
    )


def _is_worded(value: bytes) -> bool:
    """Tell whether the day is one of the month. A time of day may follow."""
    date = value.partition(b":")[0].decode("utf-8", "ignore").lower()
    names = compiled(r"[^0-9 .,'/-]+").findall(date.encode())
    months = [_NUMBERS[name] for word in names if (name := word.decode()) in _NUMBERS]
    numbers = [*map(int, compiled(r"\d+").findall(date.encode()))]
    years = [number for number in numbers if number >= _YEARS.start]
    day = numbers[0] if numbers[0] < _YEARS.start else 1
    return bool(months) and _is_day(day, months[0], years[0] if years else _LEAP_YEAR)


def _is_clock(value: bytes) -> bool:
    hours = r"(?:[01]\d|2[0-4]):[0-5]\d(?::[0-5]\d)?"
    half_days = r"(?:0?\d|1[0-2])(?::[0-5]\d)?[ ]?[ap]\.?m"
    return compiled(rf"(?i)(?:{hours}{_ZONE}|{half_days})").fullmatch(value) is not None


def _is_day(day: int, month: int, year: int) -> bool:
    if not 1 <= month <= len(_LENGTHS) or year not in _YEARS:
        return False
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _LENGTHS[month - 1] - (month == _FEBRUARY and not is_leap)
