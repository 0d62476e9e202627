"""What a label gives away: "passport number X", ``mrn=X``, ``"policyNumber": "X"``.

An identifier without a check digit looks like any other number; what it is called tells what it
is. The names are those of the catalogue of entities, so that a category of one's own is found in
text as soon as it has names. This module knows what follows a label. It knows no column.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from maskline._detectors.checks import compiled
from maskline._detectors.dates import is_numeric_date
from maskline._detectors.naming import vocabulary
from maskline._detectors.wording import any_of, without_accents, words
from maskline._folding import fold
from maskline._kernels import rows_of
from maskline.entities import Entity
from maskline.model import Spans
from maskline.patterns import PatternDetector, PatternRule
from maskline.roles import Detector

__all__ = ["labelled_detector"]

# Their values are words, or have a shape of their own, here or elsewhere.
_NO_IDENTIFIERS: Final = vocabulary("""
    AGE API_KEY AWS_ACCESS_KEY AWS_SECRET_KEY AZURE_KEY CARD_EXPIRY CVV DATE_OF_BIRTH DATE_TIME
    EMAIL_ADDRESS FINANCIAL GCP_API_KEY GENDER GEO HEALTH IBAN_CODE IP_ADDRESS JWT LOCATION
    MAC_ADDRESS MARITAL_STATUS NRP OCCUPATION ORGANIZATION PASSWORD PERSON PHONE_NUMBER PRIVATE_KEY
    STREET_ADDRESS TITLE URL USERNAME ZIP_CODE
    """)
# In text, what has a number is named; as the name of a column, this would say too little.
_BEARERS: Final = {
    "BANK_ACCOUNT": ("account", "acct", "a/c", "routing", "konto", "compte", "cuenta", "conto"),
    "CUSTOMER_REFERENCE": (
        "customer", "client", "member", "membership", "employee", "student", "subscriber", "badge",
        "policy", "customer id", "client id", "member id", "employee id", "student id", "staff id",
        "user id", "kunde", "mitglied", "socio", "abonné",
    ),
    "DRIVER_LICENSE": ("license", "licence"),
    "MEDICAL_RECORD": ("patient", "patient id", "insurance", "health insurance", "chart"),
    "TAX_ID": ("taxpayer",),
    "VEHICLE_ID": ("plate", "registration number", "vehicle"),
    "DEVICE_ID": ("serial", "device"),
    "NATIONAL_ID": ("identification number", "identity document"),
}  # fmt: skip
# Names so short are words of some language, too.
_SHORT: Final = 3
_STANDARDS: Final = frozenset((b"RFC", b"BIC"))
_CLEAR: Final = frozenset({"zip", "plz", "cvv", "cvc", "csc"})
_VALUE_MIN: Final = 5
_PASSWORD_MIN: Final = 4
# What is filled in later, refers to something, or is encrypted: `${NAME}`, `var.password`.
_FILLED_IN: Final = (
    r"\$.*|\{\{.*|<.*|%[({\w].*|\*+|x+|\.+|#\{.*|ENC[\[(].*"
    r"|[a-z_]+(?:\.[a-z_]+)+|[A-Za-z_.]+\(.*"
)
_DIGITS_MIN: Final = 2
_DIGITS: Final = b"0123456789"
# Surer than a shape, less sure than a check digit.
_SCORE: Final = 0.94
_WINDOW: Final = 160

_BOUND: Final = r"(?:\b|_)"
_GAP: Final = r"(?:(?:'|\xe2\x80\x99)s?)?[ _\-]?"
_NUMBER: Final = (
    r"(?:numbers?|num|no|nr|id|code|card|nummer|num[e\x80-\xf4]{1,2}ro|n\xc2[\xba\xb0])"
)
_SAYS: Final = (
    r"(?:is|was|ist|lautet|war|est|es|er)\b|\xc3\xa8|\xc3\xa9|\xc3\xa4r|=>|:=|:|=|#|\xe2\x84\x96"
)
_LINK: Final = (
    rf"['\"\]]{{0,2}}(?:[ _\-]?{_NUMBER}\b\.?['\"\]]{{0,2}})?(?:[ ]?(?:{_SAYS})){{0,2}}"
    r"(?:,|[ |\t(_]{0,2})['\"(\[#]{0,2}"
)
_PART: Final = r"(?:[a-z]{0,8}\d[a-z0-9]*|[a-z]{1,12}-[a-z0-9]*\d[a-z0-9]*)"
_VALUE: Final = (
    rf"(?:(?-i:[A-Z]{{1,5}})[ \-./])?{_PART}"
    r"(?:[\-/][a-z0-9]+|\.\d[a-z0-9]*|[ ]\d{2,}[a-z0-9]*|[ ](?-i:[A-Z]{1,3}\d[A-Z0-9]*)){0,9}"
    r"(?:[ ](?-i:[A-Z]{1,3})\b)?"
)
_POSTCODE: Final = (
    r"(?:[a-z]{1,2}\d[a-z\d]?[ ]?\d[a-z]{2}|[a-z]\d[a-z][ \-]?\d[a-z]\d|\d{4}[ ]?(?-i:[A-Z]{2})\b"
    r"|\d{5}-\d{3,4}|\d\d-\d{3}|\d{3}[ ]\d\d|\d{4,6})"
)
_ASSIGNED: Final = r"['\"\]]{0,2}[ ]?(?::=|=>|=|:)[ ]?"
_NO_PASSWORDS: Final = frozenset(word.encode() for word in words("labels", "no_passwords"))


def labelled_detector(entities: Mapping[str, Entity]) -> Detector:
    """Return a detector of values that stand behind what an entity is called.

    Args:
        entities: By name. All are identifiers, but those of the built-in ones that are not.

    Returns:
        The longest label names the value. A value has a digit, if it is no password.
    """
    return _LabelledDetector(entities)


class _LabelledDetector:
    """Finds values by one expression of all labels, and asks each for its label."""

    __slots__ = ("_entities", "_label", "_named", "_values")

    def __init__(self, entities: Mapping[str, Entity]) -> None:
        self._named = {
            spelling: entity
            for entity, label in _labels(entities)
            for spelling in (_squeezed(label), _squeezed(without_accents(label)))
        }
        labels = any_of((label for _, label in _labels(entities)), gap=_GAP, bound=_BOUND)
        rule = PatternRule(
            entity="",
            pattern=rf"(?i){labels}{_LINK}({_VALUE})",
            score=_SCORE,
            trigger=r"\d",
            cut=_cut_identifier,
        )
        self._values = PatternDetector(self.name, [rule, *_shaped(entities)])
        self._label = rf"(?i)({labels})({_LINK})$"
        self._entities = tuple(dict.fromkeys([*self._values.entities[1:], *self._named.values()]))

    @property
    def name(self) -> str:
        return "labelled"

    @property
    def entities(self) -> tuple[str, ...]:
        return self._entities

    def detect(self, column: pa.StringArray) -> Spans:
        """Find values, and name each by the label before it."""
        folded = fold(column)
        found = self._values.detect(folded.column)
        offsets, data = rows_of(pc.fill_null(folded.column, ""))
        index = {name: number for number, name in enumerate(self._entities)}
        numbers = np.array([index.get(name, -1) for name in found.names], np.int32)[found.entities]
        for unnamed in np.flatnonzero(numbers < 0):
            begin = offsets[found.rows[unnamed]]
            end = begin + found.starts[unnamed]
            before = data[max(begin, end - _WINDOW) : end].tobytes()
            numbers[unnamed] = index.get(self._told_by(before), -1)
        kept = np.flatnonzero(numbers >= 0)
        rows, starts, ends = found.rows[kept], found.starts[kept], found.ends[kept]
        folded.restore(rows, starts, ends)
        return Spans(
            rows=rows,
            starts=starts,
            ends=ends,
            entities=numbers[kept],
            scores=found.scores[kept],
            names=self._entities,
        )

    def _told_by(self, before: bytes) -> str:
        """Return the entity of the label at the end of a text; empty if it is none."""
        match = compiled(self._label).search(before)
        if match is None:
            return ""
        label, link = match.group(1).lstrip(b"_"), match.group(2)
        is_name = label.isupper() and label not in _STANDARDS
        is_word = len(label) <= _SHORT and not is_name and not link.strip(b" ")
        return "" if is_word else self._named.get(_squeezed(label.decode("utf-8", "ignore")), "")


def _labels(entities: Mapping[str, Entity]) -> Iterator[tuple[str, str]]:
    """Yield the identifiers among entities with their labels; of equal labels, the last counts."""
    for name, entity in entities.items():
        if name not in _NO_IDENTIFIERS:
            yield from ((name, label) for label in (*_BEARERS.get(name, ()), *entity.names))


def _squeezed(label: str) -> str:
    """Return the letters of a label: people write the rest as they like."""
    letters = label.lower().replace("'s", "").replace("\u2019s", "")
    return "".join(character for character in letters if character.isalnum())


def _cut_identifier(value: bytes) -> Sequence[tuple[int, int]]:
    digits = sum(byte in _DIGITS for byte in value)
    size = sum(chr(byte).isalnum() for byte in value)
    is_version = compiled(r"(?i)[a-z]+\d*-\d\.\d").fullmatch(value) is not None
    is_other = is_version or is_numeric_date(value)
    is_one = size >= _VALUE_MIN and digits >= _DIGITS_MIN and not is_other
    return ((0, len(value)),) if is_one else ()


def _is_clear(label: str) -> bool:
    return len(label) > _SHORT or label in _CLEAR


def _shaped(entities: Mapping[str, Entity]) -> Iterator[PatternRule]:
    """Yield the rules of labels whose values have a shape of their own."""
    shapes = {
        "ZIP_CODE": _POSTCODE,
        "CVV": r"\d{3,4}",
        "CARD_EXPIRY": r"(?:0?[1-9]|1[0-2])[ ]?[/\-][ ]?(?:20)?\d\d",
    }
    for name, value in shapes.items():
        if name in entities:
            label = any_of(filter(_is_clear, entities[name].names), gap=_GAP, bound=_BOUND)
            pattern = rf"(?i){label}{_LINK}({value})"
            yield PatternRule(entity=name, pattern=pattern, score=_SCORE, trigger=r"\d")
    if "PASSWORD" in entities:
        label = any_of(entities["PASSWORD"].names, gap=_GAP, bound=_BOUND)
        yield PatternRule(
            entity="PASSWORD",
            pattern=rf"(?i){label}(?:{_ASSIGNED}['\"]?([^\s'\"\xff]{{4,128}}))",
            score=0.9,
            trigger=r"[:=]",
            cut=_cut_password,
            is_bounded=False,
        )
        yield PatternRule(
            entity="PASSWORD",
            pattern=(
                rf"(?i){label}[ ](?:is|was|ist|est|es)[ ]['\"]?"
                r"([!-~]{0,40}[0-9][!-~]{0,40})"
            ),
            score=0.85,
            trigger=r"\d",
            cut=_cut_password,
            is_bounded=False,
        )
        yield PatternRule(
            entity="PASSWORD",
            pattern=rf"(?i){label}[ ](\d{{4,8}})",
            score=0.85,
            trigger=r"\d",
        )


def _cut_password(value: bytes) -> Sequence[tuple[int, int]]:
    word = value.rstrip(b".,;)'\"")
    is_none = word.lower() in _NO_PASSWORDS or compiled(_FILLED_IN).fullmatch(word) is not None
    return () if len(word) < _PASSWORD_MIN or is_none else ((0, len(word)),)
