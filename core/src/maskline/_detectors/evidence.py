"""What the values of a column look like, in fractions. It keeps no value.

This module knows shapes, and what detectors say. It does not know names of columns.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import re2

from maskline._detectors.given_names import GIVEN_NAMES
from maskline._detectors.naming import vocabulary, words
from maskline.model import Spans
from maskline.roles import Detector

__all__ = ["Evidence", "gather"]

_DISTINCT: Final = 300
_SHAPED: Final = 500
_NOTHING: Final = frozenset({"", "nan", "none", "null", "-", "n/a", "na", "_", "nil", "unknown"})
_BOOLEANS: Final = vocabulary("0 1 y n t f yes no true false on off ja nein oui non si")
_GENDERS: Final = vocabulary("""
    m f d x w h male female man woman men women other nonbinary non-binary agender bigender
    genderfluid genderqueer polygender mannlich weiblich divers homme femme hombre mujer uomo donna
    """)
_HONORIFICS: Final = vocabulary("""
    mr mrs ms miss mx dr prof rev sir madam honorable hon herr frau m mme mlle sr sra srta sig
    dott dhr mevr fru
    """)
_JOBS: Final = vocabulary("""
    accountant administrator advisor agent analyst architect assistant associate attendant ceo cfo
    chef chief clerk coach consultant controller coordinator counsel cto designer developer director
    doctor driver editor engineer executive farmer head intern journalist lawyer lead lecturer
    librarian manager mechanic nurse officer operator partner president producer professor
    programmer recruiter representative researcher sales scientist secretary specialist staff
    strategist supervisor teacher technician therapist trainee vp worker writer
    """)
_PERSON_WORDS: Final = range(1, 5)
_WHOLE: Final = 0.9
_AGE_MAX: Final = 120

_NAME_PART: Final = r"(?:\p{Lu}[\p{L}'\x{2019}.-]*|de|da|van|von|der|den|di|la|le|du|dos|bin|al)"
_SHAPES: Final[Mapping[str, str]] = {
    "numeric": r"[-+$€£]?\s?[\d,.' ]*\d%?(?:[eE][-+]?\d+)?",
    "integer": r"[-+]?\d+(?:\.0+)?",
    "decimal": r"-?\d{1,3}\.\d+|\(?-?\d{1,3}(?:\.\d+)?°?[NS]?, ?-?\d{1,3}(?:\.\d+)?°?[EW]?\)?",
    "date": (
        r"(?i)\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2}(?:[T ].*)?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?: .*)?"
        r"|\d{1,2}[-/.]\d{4}|(?:\d{1,2}[. ]{1,2})?[a-z]{3,9}\.?,? (?:\d{1,2},? )?\d{4}(?: .*)?"
        r"|[a-z]{3,9}, .*\d{4}.*|\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?: ?[ap]m)?"
    ),
    "expiry": (
        r"(?i)(?:0?[1-9]|1[0-2])[/-](?:\d{2}|\d{4})|\d{4}-\d{2}(?:-\d{2})?"
        r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[- /]\d{2,4}"
        r"|\d{2}[/-]\d{2}[/-]\d{2,4}|\d{1,2}|20\d{2}|\d{4}"
    ),
    "postal": (
        r"(?i)\d{3,6}(?:\.0)?(?:[- ]\d{2,4})?|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}"
        r"|[a-z]\d[a-z][ -]?\d[a-z]\d|\d{4} ?[a-z]{2}|[a-z]{1,3}-?\d{3,5}|[a-z]\d{2} ?[a-z\d]{4}"
        r"|\d{3} ?\d{2}|[a-z]\d[a-z]"
    ),
    "phone": r"[+(]?[\d(][\d\s().\-/]{5,20}(?:\s?(?:x|ext\.?)\s?\d{1,6})?",
    "card": r"(?:\d[ .-]?){12,19}",
    "iban": r"(?i)[a-z]{2}\d{2}[a-z0-9 -]{10,34}",
    "nine_digits": r"\s*\d{3}[ .-]?\d{2}[ .-]?\d{3,4}|\d{7,9}(?:\.0)?|\d\.\d+[eE]\+\d+|.*\d{4}",
    "three_digits": r"\d{3,4}(?:\.0)?",
    "id": r"(?i)(?:[a-z]{0,4}[-_ ]?)?[a-z0-9*][a-z0-9*._/ -]{2,30}",
    "uuid": r"(?i)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "code": r"[A-Za-z0-9._:/#+-]{1,40}",
    "vin": r"[A-HJ-NPR-Z0-9]{17}",
    "swift": r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?",
    "web": r"(?i)(?:[a-z]+://\S+|(?:[a-z0-9_-]+\.)+[a-z]{2,}(?::\d+)?(?:[/?]\S*)?)",
    "age_range": (
        r"(?i)\d{1,3}\s?(?:-|to|\+)\s?(?:\d{1,3})?|(?:under|over|[<>]=?) ?\d{1,3}"
        r"|\d{1,3} and .*|\d{1,3} ?y.*"
    ),
    "money": r"[$€£]\s?[\d,.]+|[\d,.]+\s?[$€£]|[\d,.]+ ?(?:USD|EUR|GBP|k|K)",
    "name_like": rf"{_NAME_PART}(?: {_NAME_PART}){{0,4}}",
    "street": (
        r"(?i).*\b(?:street|st|avenue|ave|av|road|rd|lane|ln|drive|dr|blvd|boulevard|way|court|ct"
        r"|place|square|terrace|parkway|highway|suite|apt|rue|via|calle|avenida|rua|weg|platz|allee"
        r"|strasse)\b.*\d.*|(?i).*\d.*\b(?:street|st|avenue|ave|av|road|rd|lane|ln|drive|dr|blvd"
        r"|boulevard|way|court|ct|place|square|terrace|parkway|highway|suite|apt|rue|crossing|alley"
        r"|circle|trail|point|plaza|parkway|hill|junction|park|center)\b.*"
        r"|(?i)[^\d]*(?:stra(?:ss|ß)e|gatan|vägen|veien|vej|katu|straat|utca|gade|weg|platz)\b.*\d.*"
    ),
}
_COMPILED: Final = {name: re2.compile(pattern) for name, pattern in _SHAPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Fractions of the distinct values of a column.

    Attributes:
        total: Values that say something, repeats counted.
        distinct: Different values that were looked at; 300 at most.
        shapes: By shape, from 0.0 to 1.0.
        whole: By entity: values that are one as a whole.
        part: By entity: values that hold one.
        words: Words in a value, on average.
        longest: Characters of the longest value.
    """

    total: int
    distinct: int
    shapes: Mapping[str, float]
    whole: Mapping[str, float]
    part: Mapping[str, float]
    words: float
    longest: int

    def has(self, shape: str, least: float = 0.5) -> bool:
        """Tell whether at least that fraction of the values has a shape."""
        return self.shapes[shape] >= least

    def is_one(self, entity: str, least: float) -> bool:
        """Tell whether at least that fraction of the values is an entity, as a whole."""
        return self.whole.get(entity, 0.0) >= least

    def holds(self, entity: str, least: float) -> bool:
        """Tell whether at least that fraction of the values holds an entity."""
        return self.part.get(entity, 0.0) >= least

    def reads_within(self, words: float) -> bool:
        """Tell whether a value has at most so many words, on average."""
        return self.words <= words

    def fits_within(self, characters: int, distinct: int = 300) -> bool:
        """Tell whether there are no longer values than that, and not more different ones."""
        return self.longest <= characters and self.distinct <= distinct

    def repeats(self, times: int) -> bool:
        """Tell whether every value occurs that often, on average."""
        return self.total >= times * self.distinct


def gather(
    sample: pa.StringArray | None, detectors: Sequence[Detector]
) -> tuple[Evidence, list[str]] | None:
    """Look at values.

    Returns:
        What they look like, and the distinct values themselves, for a look inside of JSON
        documents: do not keep them. None if there is no value that says something.
    """
    if sample is None:
        return None
    told = [value for value in sample.to_pylist() if _says_something(value)]
    values = list(dict.fromkeys(value.strip() for value in told))[:_DISTINCT]
    if not values:
        return None
    count = len(values)
    whole, part = _findings(values, detectors)
    # Nothing that is longer has a shape, and looking would take long.
    shaped = [value for value in values if len(value) <= _SHAPED]
    shapes = {
        name: sum(pattern.fullmatch(value) is not None for value in shaped) / count
        for name, pattern in _COMPILED.items()
    }
    shapes |= {name: sum(map(check, shaped)) / count for name, check in _CHECKS.items()}
    shapes["document"] = sum(map(_is_document, values)) / count
    return (
        Evidence(
            total=len(told),
            distinct=count,
            shapes=shapes,
            whole=whole,
            part=part,
            words=sum(len(value.split()) for value in values) / count,
            longest=max(map(len, values)),
        ),
        values,
    )


def _says_something(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in _NOTHING


def _findings(
    values: Sequence[str], detectors: Sequence[Detector]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return which fraction of the values is, and which holds, each entity."""
    column = pa.array(values, pa.string())
    sizes = np.array([len(value.encode()) for value in values], dtype=np.int64)
    whole: dict[str, float] = {}
    part: dict[str, float] = {}
    for detector in detectors:
        spans: Spans = detector.detect(column)
        is_whole = spans.ends - spans.starts >= _WHOLE * sizes[spans.rows]
        for index, name in enumerate(spans.names):
            of_entity = spans.entities == index
            hits = len(np.unique(spans.rows[of_entity])) / len(values)
            part[name] = max(hits, part.get(name, 0.0))
            hits = len(np.unique(spans.rows[of_entity & is_whole])) / len(values)
            whole[name] = max(hits, whole.get(name, 0.0))
    return whole, part


def _is_boolean(value: str) -> bool:
    return value.lower() in _BOOLEANS


def _is_gender(value: str) -> bool:
    return value.lower() in _GENDERS


def _is_honorific(value: str) -> bool:
    return value.lower().rstrip(".") in _HONORIFICS


def _is_job(value: str) -> bool:
    return bool(_JOBS.intersection(words(value)))


def _is_person(value: str) -> bool:
    parts = value.replace(",", " ").split()
    if len(parts) not in _PERSON_WORDS or not _COMPILED["name_like"].fullmatch(" ".join(parts)):
        return False
    return any(word in GIVEN_NAMES for part in parts for word in words(part)[:1])


def _is_age(value: str) -> bool:
    number = value.partition(".")[0]
    return number.isdecimal() and len(number) <= len("120") and int(number) <= _AGE_MAX


def _has_digits(value: str) -> bool:
    return sum(character.isdigit() for character in value) >= len("123")


def _is_document(value: str) -> bool:
    if value[:1] not in {"{", "["}:
        return False
    try:
        return isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        return False


_CHECKS: Final = {
    "boolean": _is_boolean,
    "gender": _is_gender,
    "honorific": _is_honorific,
    "job": _is_job,
    "person": _is_person,
    "age": _is_age,
    "digits": _has_digits,
}
