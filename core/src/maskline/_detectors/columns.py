"""Says what a column is, by its name and a sample of its values.

For kinds of values that check themselves the values decide; for all others the name does, and the
values can veto it. Of two labels that are nearly as likely, the stricter is taken. A text column
that nothing speaks for is free text: it is scanned, and stays readable. This module knows names,
values and entities. It writes down words and percentages, and never a value.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import re2

from maskline._detectors.evidence import Evidence, gather
from maskline._detectors.naming import (
    THING_WORDS,
    classify_name,
    rank_name,
    singular,
    vocabulary,
    words,
)
from maskline._detectors.weighing import best, is_wordy, weigh
from maskline.entities import Entity
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Kind, Label
from maskline.roles import Detector

__all__ = ["classify", "classify_name"]

_KEY_SHARE: Final = 0.05
_KEY: Final = re2.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_NAME_ALONE: Final = 0.5
_KEY_WORDS: Final = frozenset({"id", "ids", "key", "uuid", "guid", "pk", "fk", "oid", "rowid"})
_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.NUMBER})
_TIMES: Final = frozenset({Kind.DATE, Kind.TIMESTAMP})

# A name that says nothing unless one knows what the rows are.
_OPEN_NAMES: Final = vocabulary(
    "name names title number no nr code nom nome nombre naam navn label"
)
_OTHER_NAMES: Final = frozenset({"names", "nom", "nome", "nombre", "naam", "navn"})
_PEOPLE_WORDS: Final = vocabulary("""
    account applicant author buyer candidate client contact customer driver employee guest lead
    member patient people person player recipient representative seller staff student subscriber
    teacher tenant user worker kunde mitarbeiter employe cliente empleado dipendente klant
    """)

# What a column of numbers, of dates or of truth values can hold.
_AS_NUMBERS: Final = vocabulary("""
    AGE BANK_ACCOUNT CARD_EXPIRY CREDIT_CARD CUSTOMER_REFERENCE CVV DATE_OF_BIRTH DEVICE_ID
    DRIVER_LICENSE FINANCIAL GENDER GEO HEALTH MARITAL_STATUS MEDICAL_RECORD NATIONAL_ID NRP
    PASSPORT PASSWORD PHONE_NUMBER TAX_ID US_SSN VEHICLE_ID ZIP_CODE
    """)
_AS_TIMES: Final = frozenset({"CARD_EXPIRY", "DATE_OF_BIRTH"})
_AS_BOOLEANS: Final = frozenset({"GENDER", "HEALTH", "MARITAL_STATUS", "NRP"})


def classify(  # noqa: PLR0913 - what is known of a column, all of it by keyword
    name: str,
    *,
    kind: Kind,
    sample: pa.StringArray | None,
    detectors: Sequence[Detector],
    entities: Mapping[str, Entity],
    relation: str = "",
) -> Label:
    """Say what a column is.

    Args:
        name: The column's name.
        kind: What its values are.
        sample: Some of its values, as text, nulls allowed; None if they cannot be had. Do not
            sort them: repeats count as evidence. No reference to it is kept.
        detectors: What to look for in the values.
        entities: What to look for in the name, by name.
        relation: The name of the table: ``name`` is a person's in ``customer`` only.

    Returns:
        An entity, FREE_TEXT, JSON, PUBLIC or UNKNOWN, and why. The evidence holds no value.
    """
    named = _names(name, relation, entities)
    is_open, rows = _open(name, relation)
    if kind == Kind.BOOLEAN:
        return _by_name(named, _AS_BOOLEANS, "truth values")
    if kind in _TIMES:
        return _by_name(named, _AS_TIMES, "dates")
    found = None if kind == Kind.BINARY else gather(sample, detectors)
    if found is None:
        return _unseen(name, kind, named)
    seen, values = found
    if kind == Kind.JSON or seen.has("document", 0.8):
        return _json(values, seen, detectors=detectors, entities=entities)
    is_number = kind in _NUMBERS
    if is_number:
        named = [(entity, score) for entity, score in named if entity in _AS_NUMBERS]
    scores = weigh(named, seen, is_number=is_number)
    if is_open and not is_number:
        _add_open(scores, rows, seen)
    likeliest = best(scores, entities)
    if likeliest is None:
        return _no_entity(name, seen, is_number=is_number, is_thing=is_open and rows in THING_WORDS)
    entity, score = likeliest
    return Label(entity=entity, confidence=round(score, 2), evidence=_because(entity, named, seen))


def _open(name: str, relation: str) -> tuple[bool, str]:
    """Tell whether a name says nothing without its relation, and what the relation's rows are."""
    parts, rows = words(name), words(relation)
    return len(parts) == 1 and parts[0] in _OPEN_NAMES, singular(rows[-1]) if rows else ""


def _names(name: str, relation: str, entities: Mapping[str, Entity]) -> list[tuple[str, float]]:
    """Rank what the name may stand for, helped by the relation's name where it is too open."""
    parts = words(name)
    is_open, rows = _open(name, relation)
    if is_open and rows and rows not in THING_WORDS and parts[0] != "title":
        parts = (rows, "name" if parts[0] in _OTHER_NAMES else parts[0])
    return rank_name(parts, entities)


def _add_open(scores: dict[str, float], rows: str, seen: Evidence) -> None:
    """Decide whether an open name is a person's: by the relation, else by the values."""
    if rows in THING_WORDS:
        scores.pop("PERSON", None)
    elif is_wordy(seen) and (
        rows in _PEOPLE_WORDS or (seen.has("name_like", 0.7) and seen.has("person", 0.12))
    ):
        # People have names and job titles; of the two, the shape of the values tells.
        if "TITLE" in scores or seen.has("job", 0.3):
            scores.setdefault("OCCUPATION", 0.8)
        else:
            scores["PERSON"] = max(0.8, scores.get("PERSON", 0.0))


def _by_name(named: list[tuple[str, float]], possible: frozenset[str], values: str) -> Label:
    """Label a column whose values are of no help."""
    for entity, score in named:
        if entity in possible and score >= _NAME_ALONE:
            return Label(
                entity=entity, confidence=round(score, 2), evidence=f"the name says so; {values}"
            )
    return Label(entity=PUBLIC, confidence=0.9, evidence=f"{values}; the name says nothing")


def _unseen(name: str, kind: Kind, named: list[tuple[str, float]]) -> Label:
    """Label a column without values to look at."""
    if named and named[0][1] >= _NAME_ALONE and kind != Kind.BINARY:
        entity, score = named[0]
        if kind not in _NUMBERS or entity in _AS_NUMBERS:
            return Label(
                entity=entity,
                confidence=round(score * 0.8, 2),
                evidence="the name says so; no values to look at",
            )
    if kind == Kind.INTEGER and _is_key(name):
        return Label(entity=PUBLIC, confidence=0.7, evidence="the name of a key; whole numbers")
    return Label(entity=UNKNOWN, confidence=0.0, evidence="no values to look at")


def _is_key(name: str) -> bool:
    parts = words(name)
    return bool(parts) and parts[-1] in _KEY_WORDS


def _because(entity: str, named: list[tuple[str, float]], seen: Evidence) -> str:
    reasons = []
    if entity in dict(named):
        reasons.append("the name says so")
    share = seen.whole.get(entity, 0.0)
    if share:
        reasons.append(f"{share:.0%} of {seen.distinct} distinct values are one")
    elif not reasons:
        reasons.append(f"the shape of {seen.distinct} distinct values")
    return "; ".join(reasons)


def _no_entity(name: str, seen: Evidence, *, is_number: bool, is_thing: bool) -> Label:
    """Label a column that is no entity as a whole."""
    if is_number:
        return Label(entity=PUBLIC, confidence=0.8, evidence="numbers; the name says nothing")
    holding = {entity: share for entity, share in seen.part.items() if share > 0}
    if holding:
        listed = ", ".join(f"{entity} in {share:.0%}" for entity, share in sorted(holding.items()))
        return Label(
            entity=FREE_TEXT, confidence=0.8, evidence=f"{listed} of {seen.distinct} values"
        )
    reason = _harmless(name, seen)
    if not reason and is_thing and seen.reads_within(12):
        reason = "what a thing is called"
    if reason:
        return Label(entity=PUBLIC, confidence=0.8, evidence=f"{reason}; nothing was found in it")
    return Label(
        entity=FREE_TEXT,
        confidence=0.6,
        evidence=f"varied text of {seen.words:.0f} words; nothing was found in it",
    )


def _harmless(name: str, seen: Evidence) -> str:
    """Return a reason to think that a text column is harmless; empty if there is none."""
    for shape, reason in (
        ("boolean", "truth values"),
        ("numeric", "numbers"),
        ("date", "dates"),
        ("uuid", "random identifiers"),
    ):
        if seen.has(shape, 0.95):
            return reason
    if _is_key(name) and seen.has("code", 0.95):
        return "the name of a key, and codes"
    if seen.repeats(3) and seen.fits_within(60, 60) and seen.reads_within(6):
        return f"{seen.distinct} short values, repeated"
    return ""


def _json(
    values: Sequence[str],
    seen: Evidence,
    *,
    detectors: Sequence[Detector],
    entities: Mapping[str, Entity],
) -> Label:
    """Label the paths of JSON documents, each as if it were a column."""
    leaves: dict[str, list[str]] = {}
    for value in values:
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            continue
        for path, leaf in _leaves("$", document):
            leaves.setdefault(path, []).append(leaf)
    paths = []
    for path, texts in sorted(leaves.items()):
        # A key that few documents have is data, not a name: it may be a person's.
        if len(texts) < _KEY_SHARE * len(values):
            continue
        keys = [key for key in path.replace("[*]", "").split(".") if key != "$"]
        key = keys[-1] if keys else ""
        parent = keys[-2] if len(keys) > 1 else ""
        label = classify(
            key,
            kind=Kind.TEXT,
            sample=pa.array(texts, pa.string()),
            detectors=detectors,
            entities=entities,
            relation=parent,
        )
        paths.append((path, label.entity))
    return Label(
        entity=JSON,
        confidence=0.9,
        evidence=f"{seen.shapes['document']:.0%} of {seen.distinct} values are documents",
        paths=tuple(paths),
    )


def _leaves(path: str, node: object) -> Iterator[tuple[str, str]]:
    """Yield every value in a document that is no container, with its path."""
    if isinstance(node, dict):
        for key, value in node.items():
            # What stands under other keys has no label, and is scanned.
            if _KEY.fullmatch(key):
                yield from _leaves(f"{path}.{key}", value)
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(f"{path}[*]", value)
    elif node is not None:
        yield path, node if isinstance(node, str) else json.dumps(node)
