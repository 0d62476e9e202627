"""Street addresses in text: streets with numbers, flats, post boxes, and all of them in a sentence.

A street is known by the word that says street, before, after or inside of its name, together with
a number; or by the flat that follows it. In a sentence that speaks of an address, one stretch
goes on to the postcode; in a block of lines, each part is a stretch of its own, so that the lines
stay. Names of towns and countries are places, not addresses. This module knows such words in the
main languages of Europe. It does not know columns.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from maskline._detectors.checks import compiled
from maskline._detectors.wording import any_of, words
from maskline.patterns import PatternDetector, PatternRule

__all__ = ["address_detector"]

_FIRST: Final = any_of(words("addresses", "first"))
_LAST: Final = any_of(words("addresses", "last"))
_INSIDE: Final = any_of(words("addresses", "inside"))
_PARTICLES: Final = frozenset(word.encode() for word in words("addresses", "particles"))
_NO_NAMES: Final = frozenset(word.encode() for word in words("addresses", "no_names"))
_CUE: Final = any_of(words("addresses", "cues"))
# Words of an address that have no capital.
_STREETS: Final = _PARTICLES | frozenset(
    b"rue avenue via calle rua street road lane utca u ulica ul st nan po box".split()
)
_FLATS: Final = frozenset(b"apartment apt suite ste flat appartement appt lgh whg".split())
_ORDINALS: Final = frozenset((b"st", b"nd", b"rd", b"th"))
_SPACED: Final = bytes.maketrans(b",\n>?*|", b"      ")
_NAME_WORDS: Final = 2
_JOINING: Final = frozenset((b"and", b"of", b"the"))
_CODE: Final = 5
_AREA: Final = 3
_ABBREVIATED: Final = 4

_NUMBER: Final = r"\d{1,5}(?:[a-z]|[/\-]\d{1,4}[a-z]?)?\b"
_WORD: Final = r"[a-z\x80-\xf4][a-z\x80-\xf4.'/\-]*"
_UNIT: Final = (
    r"(?:apartment|apt|suite|ste|flat|appartement|appt|lgh|whg)\b\.?[ ]?#?\d{1,5}[a-z]?\b"
)
_BREAK: Final = r"[ ,]{0,3}[\n ][ >?*|]{0,6}"
_STREET: Final = (
    rf"(?:\b{_NUMBER},?[ ]){{0,2}}\b(?:"
    rf"{_FIRST}[ ](?:{_WORD}[ ]){{0,5}}{_WORD}(?:,?[ ]{_NUMBER})?"
    rf"|(?:{_WORD}[ ]){{0,3}}{_WORD}[ ]?{_INSIDE}[ ]{_NUMBER}"
    rf"|(?:(?:{_WORD}|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}{_LAST}\b(?:[ ]\d{{1,4}}\b\.?)?)"
)
_MILITARY: Final = (
    r"(?:(?:psc|unit|cmr)[ ]\d{1,5},?[ ]box[ ]\d{1,5}|us(?:s|ns|cgc|nv)[ ][^\n0-9\xff]{2,30})"
    r"[ ,]?[\n ][ >?]{0,6}[afd]po,?[ ]a[aep],?[ ]\d{5}(?:-\d{4})?"
)
_BOX: Final = (
    r"p\.?[ ]?o\.?[ ]?box[ ]#?\d{1,6}|(?:postfach|postboks|postbus|bo\xc3\xaete[ ]postale"
    r"|casella[ ]postale|apartado(?:[ ]de[ ]correos)?|caixa[ ]postal|b\.?p\.)[ ]\d[\d ]{0,6}\d"
)


def address_detector() -> PatternDetector:
    """Return a detector of street addresses."""
    tokens = r"(?:[ ,\n][ ,\n>?]*[^ ,\n?!\xff]+)"
    near = rf":?(?:[ ,]{{1,2}}{_WORD}){{0,6}}[:,]?[ \n]+"
    rules = [
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=(
                rf"(?i)\b(?:{_CUE}{near}|{_UNIT}[ ])"
                rf"((?:{_NUMBER}[ ]){{1,2}}(?:{_WORD}[ ]){{1,5}}{_NUMBER})"
            ),
            score=0.85,
            trigger=r"\d",
            cut=_cut_street,
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=rf"(?i)\b{_CUE}{near}(\d{{1,5}}[a-z]?{tokens}{{2,16}})",
            score=0.9,
            trigger=r"\d",
            cut=_cut_whole,
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=(
                rf"(?i)\b(?:in|at|to|is|are|and|with)[: ]{{1,2}}((?:{_NUMBER}[ ]){{1,2}}"
                rf"(?:{_WORD}[ ]){{0,5}}(?:{_NUMBER}|{_WORD}){_BREAK}{_UNIT}{tokens}{{0,10}})"
            ),
            score=0.9,
            trigger=r"\d",
            cut=_cut_whole,
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=(
                rf"(?i)(?:(?:{_NUMBER}[ ]){{1,2}}(?:{_WORD}[ ]){{1,5}}(?:{_NUMBER}\.?,?[ ])?"
                rf"|\b(?:{_WORD}[ ]){{1,5}}{_NUMBER}\.?,?[ ]){_UNIT}{tokens}{{0,10}}"
            ),
            score=0.9,
            trigger=r"\d",
            cut=_cut_whole,
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=(
                r"(?i)\bthe[ ]corner[ ]of(?:[ ][^ \n\xff]+){1,6}[ ]and"
                rf"[ ](?:{_WORD}[ ]){{1,4}}{_LAST}\b"
            ),
            score=0.9,
            trigger=r"(?i)corner of",
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=rf"(?i)(?:{_STREET})",
            score=0.85,
            trigger=rf"(?i)[ ]{_LAST}\b|\d",
            cut=_cut_named_street,
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=rf"(?i)((?:{_NUMBER}[ ]){{0,2}}(?:{_WORD}[ ]){{1,6}}{_NUMBER}){_BREAK}{_UNIT}",
            score=0.85,
            trigger=r"\d",
            cut=_cut_street,
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=rf"(?i){_UNIT}",
            score=0.88,
            trigger=r"\d",
        ),
        PatternRule(
            entity="STREET_ADDRESS",
            pattern=rf"(?i)\b(?:{_MILITARY}|{_BOX})",
            score=0.93,
            trigger=r"\d",
        ),
    ]
    return PatternDetector("address", rules)


def _cut_named_street(value: bytes) -> Sequence[tuple[int, int]]:
    """Keep a street only if the word that says street is among what is left of it."""
    found = _cut_street(value)
    name = value[found[-1][0] : found[-1][1]] if found else b""
    word = rf"(?i)\b{_FIRST}[ ]|\b{_LAST}\b|{_INSIDE}[ ]"
    return found if compiled(word).search(name) else ()


def _cut_street(value: bytes) -> Sequence[tuple[int, int]]:
    """Leave out words of the sentence; tell the number of a building from that of the street."""
    parts = list(_parts(value))
    heads = parts[: next((nth for nth, part in enumerate(parts) if not _is_number(value, part)), 0)]
    names = parts[len(heads) :]
    tail = names.pop() if len(names) > 1 and _is_number(value, names[-1]) else None
    texts = [value[start:end] for start, end in names]
    if not heads:
        first = _names_begin(texts)
        is_bare = first == len(texts) - 1 and _is_only_street(texts[-1])
        if is_bare or (
            tail is None and not (all(map(_is_name, texts[first:])) and _says_street(texts[-1]))
        ):
            return ()
        names, texts = names[first:], texts[first:]
    if not names or (not heads and tail is None and len(names) < _NAME_WORDS):
        return ()
    if any(text.lower() in _NO_NAMES for text in texts):
        return ()
    if tail:
        return (*heads, (names[0][0], tail[1]))
    last = names[_names_end(texts)][1]
    return (*heads[:-1], (heads[-1][0] if heads else names[0][0], last))


def _parts(value: bytes) -> Iterator[tuple[int, int]]:
    """Yield where words begin and end; a comma, and a full stop after a number, are none of it."""
    end = -1
    for word in value.translate(_SPACED).split(b" "):
        start, end = end + 1, end + 1 + len(word)
        if word:
            yield start, end - (word[:1].isdigit() and word.endswith(b"."))


def _is_number(value: bytes, word: tuple[int, int]) -> bool:
    """Tell a number from a name, and from an ordinal such as 40th."""
    start, end = word
    return value[start : start + 1].isdigit() and value[end - 2 : end].lower() not in _ORDINALS


def _is_name(word: bytes) -> bool:
    return not word[:1].islower()


def _is_only_street(word: bytes) -> bool:
    """Tell whether a word says street as the end of a longer one would, and no more."""
    return compiled(rf"(?i){_INSIDE}").fullmatch(word) is not None


def _says_street(word: bytes) -> bool:
    """Tell whether a word says street behind a name."""
    return compiled(rf"(?i){_LAST}\.?").fullmatch(word) is not None


def _names_begin(texts: Sequence[bytes]) -> int:
    """Return where, before the end, a run of names begins."""
    first = len(texts) - 1
    while first > 0 and (_is_name(texts[first - 1]) or texts[first - 1].rstrip(b".") in _STREETS):
        first -= 1
    while first < len(texts) - 1 and texts[first] in _PARTICLES:
        first += 1
    return first


def _names_end(texts: Sequence[bytes]) -> int:
    """Return the last of the names that begin with the first, or the word that says street."""
    has_name = False
    for nth, word in enumerate(texts):
        is_particle = word in _PARTICLES
        if has_name and not is_particle and not _is_name(word):
            return nth if _says_street(word) else nth - 1
        has_name = has_name or (nth > 0 and not is_particle)
    return len(texts) - 1


def _cut_whole(value: bytes) -> Sequence[tuple[int, int]]:
    """Keep an address of several parts in one: up to its postcode, or to the last of its names."""
    has_capitals = not value.islower()
    # After "and", "of" and the number of an area, a name has to follow.
    last = numbers = after_flat = 0
    has_flat = has_code = is_open = False
    for start, end in _parts(value):
        text = value[start:end]
        word = text.rstrip(b".;:").lower()
        is_number = word[:1].isdigit()
        if len(word) == _CODE and word.isdigit() and last:
            last, has_code = start + len(word), True
            break
        is_area = is_number and after_flat > 0 and len(word) < _AREA
        if word in _JOINING or (is_area and not is_open):
            is_open = True
            continue
        is_flat = word in _FLATS
        is_part = is_number or is_flat or _is_name(text) or word in _STREETS or not has_capitals
        is_other = is_number and (is_open or after_flat > 0)
        if is_other or not is_part or word in _NO_NAMES:
            break
        numbers += is_number
        after_flat += is_number and has_flat
        has_flat |= is_flat
        is_open = False
        last = start + len(word)
        if text[-1:] in b";:" or (text[-1:] == b"." and len(word) > _ABBREVIATED and not is_flat):
            break
    whole = value[:last]
    is_long = has_flat or has_code or b"\n" in whole or whole.count(b",") > 1
    return ((0, last),) if is_long and numbers > 1 else ()
