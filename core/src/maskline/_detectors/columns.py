"""Says what a column is, by its name and a sample of its values.

For kinds of values that check themselves the values decide; for all others the name does, and the
values can veto it. Of two labels that are nearly as likely, the stricter is taken. A text column
that nothing speaks for is free text: it is scanned, and stays readable. This module knows names,
values and entities. It writes down words and percentages, and never a value.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import re2

from maskline._detectors.evidence import Evidence, Telling, gather, identities, tell
from maskline._detectors.naming import classify_name, vocabulary, words
from maskline._detectors.surroundings import Surroundings, survey
from maskline._detectors.weighing import (
    DATES_AND_KEYS,
    best,
    is_identifying,
    is_wordy,
    specify,
    weigh,
)
from maskline.entities import Entity
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Kind, Label
from maskline.roles import Detector

__all__ = ["UNREAD", "Sampled", "classify", "classify_name", "classify_table"]

_KEY_SHARE: Final = 0.05
_KEY: Final = re2.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_NAME_ALONE: Final = 0.5
_KEY_WORDS: Final = frozenset({"id", "ids", "key", "uuid", "guid", "pk", "fk", "oid", "rowid"})
_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.NUMBER})
_TIMES: Final = frozenset({Kind.DATE, Kind.TIMESTAMP})

# What a column of numbers, of dates or of truth values can hold.
_AS_NUMBERS: Final = vocabulary("""
    AGE BANK_ACCOUNT CARD_EXPIRY CREDIT_CARD CUSTOMER_REFERENCE CVV DATE_OF_BIRTH DEVICE_ID
    DRIVER_LICENSE FINANCIAL GENDER GEO HEALTH MARITAL_STATUS MEDICAL_RECORD NATIONAL_ID NRP
    PASSPORT PASSWORD PHONE_NUMBER TAX_ID US_SSN VEHICLE_ID ZIP_CODE
    """)
_AS_TIMES: Final = frozenset({"CARD_EXPIRY", "DATE_OF_BIRTH", "DATE_TIME"})
UNREAD: Final = _TIMES | {Kind.BOOLEAN, Kind.BINARY}
"""Kinds of columns whose values tell nothing that their names do not."""
_SOFT: Final = vocabulary("""
    AGE DATE_TIME DATE_OF_BIRTH LOCATION NRP ORGANIZATION PERSON STREET_ADDRESS TITLE UUID ZIP_CODE
    """)
_AS_BOOLEANS: Final = frozenset({"GENDER", "HEALTH", "MARITAL_STATUS", "NRP"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sampled:
    """A column of a table, for a look.

    Attributes:
        kind: What its values are.
        values: Some of them, as text, nulls allowed; None if they cannot be had. Do not sort
            them: repeats count as evidence.
    """

    name: str
    kind: Kind
    values: pa.StringArray | None


def classify(  # noqa: PLR0913 - what is known of a column, all of it by keyword
    name: str,
    *,
    kind: Kind,
    sample: pa.StringArray | None,
    detectors: Sequence[Detector],
    entities: Mapping[str, Entity],
    relation: str = "",
) -> Label:
    """Say what a column is of whose neighbours nothing is known. See `classify_table`."""
    columns = [Sampled(name=name, kind=kind, values=sample)]
    (label,) = classify_table(columns, detectors=detectors, entities=entities, relation=relation)
    return label


def classify_table(
    columns: Sequence[Sampled],
    *,
    detectors: Sequence[Detector],
    entities: Mapping[str, Entity],
    relation: str = "",
) -> list[Label]:
    """Say what the columns of a table are.

    Args:
        columns: All of them: each helps to tell the others. No reference to them is kept.
        detectors: What to look for in the values.
        entities: What to look for in the names, by name.
        relation: The name of the table: ``name`` is a person's in ``customer`` only.

    Returns:
        Of each column an entity, FREE_TEXT, JSON, PUBLIC or UNKNOWN, and why. The evidence holds
        no value.
    """
    around = survey(relation, [column.name for column in columns], entities)
    if not around.is_medical:
        # Elsewhere, that something happened on a day tells nothing of a person.
        entities = {name: one for name, one in entities.items() if name not in DATES_AND_KEYS}
    told = [tell(column.values) if column.kind not in UNREAD else None for column in columns]
    gathered = iter(gather([one for one in told if one is not None], detectors))
    table = _Table(around=around, detectors=detectors, entities=entities)
    return [
        table.unseen(column) if telling is None else table.seen(column, telling, next(gathered))
        for column, telling in zip(columns, told, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """What is known of a table when its columns are told."""

    around: Surroundings
    detectors: Sequence[Detector]
    entities: Mapping[str, Entity]

    def unseen(self, column: Sampled) -> Label:
        """Label a column without values to look at."""
        named = self.around.rank(column.name, self.entities)
        if column.kind is Kind.BOOLEAN:
            return _by_name(named, _AS_BOOLEANS, "truth values")
        if column.kind in _TIMES:
            return _by_name(named, _AS_TIMES, "dates")
        if named and named[0][1] >= _NAME_ALONE and column.kind is not Kind.BINARY:
            entity, score = named[0]
            if column.kind not in _NUMBERS or entity in _AS_NUMBERS:
                return Label(
                    entity=entity,
                    confidence=round(score * 0.8, 2),
                    evidence="the name says so; no values to look at",
                )
        if column.kind is Kind.INTEGER and _is_key(column.name):
            return Label(entity=PUBLIC, confidence=0.7, evidence="the name of a key; whole numbers")
        return Label(entity=UNKNOWN, confidence=0.0, evidence="no values to look at")

    def seen(self, column: Sampled, telling: Telling, seen: Evidence) -> Label:
        """Label a column by its name, by its neighbours, and by what its values look like."""
        if column.kind is Kind.JSON or seen.has("document", 0.8):
            return self._json(telling, seen)
        named = self.around.rank(column.name, self.entities)
        is_number = column.kind in _NUMBERS
        if is_number:
            named = [(entity, score) for entity, score in named if entity in _AS_NUMBERS]
        scores = weigh(named, seen, is_number=is_number)
        is_open = self.around.is_open(column.name)
        if is_open and not is_number:
            _add_open(scores, self.around, seen)
        if is_identifying(named, seen):
            hints = [entity for entity, score in named if score >= _NAME_ALONE]
            specify(scores, identities(telling, hints), self.entities)
        likeliest = best(scores, self.entities)
        if likeliest is None:
            return _no_entity(column, seen, is_thing=is_open and self.around.is_things)
        entity, score = likeliest
        return Label(
            entity=entity, confidence=round(score, 2), evidence=_because(entity, named, seen)
        )

    def _json(self, telling: Telling, seen: Evidence) -> Label:
        """Label the paths of documents: what stands under one key is like a table's columns."""
        leaves: dict[str, list[str]] = {}
        for value in telling.distinct.to_pylist():
            try:
                document = json.loads(value)
            except (ValueError, RecursionError):
                continue
            for path, leaf in _leaves("$", document):
                leaves.setdefault(path, []).append(leaf)
        tables: dict[str, list[str]] = {}
        for path, texts in leaves.items():
            # A key that few documents have is data, not a name: it may be a person's.
            if len(texts) >= _KEY_SHARE * len(telling.distinct):
                tables.setdefault(path.rpartition(".")[0], []).append(path)
        paths = []
        for above, below in tables.items():
            columns = [
                Sampled(
                    name=_key_of(path), kind=Kind.TEXT, values=pa.array(leaves[path], pa.string())
                )
                for path in below
            ]
            labels = classify_table(
                columns,
                detectors=self.detectors,
                entities=self.entities,
                relation=_key_of(above),
            )
            paths += [(path, label.entity) for path, label in zip(below, labels, strict=True)]
        return Label(
            entity=JSON,
            confidence=0.9,
            evidence=f"{seen.shapes['document']:.0%} of {seen.distinct} values are documents",
            paths=tuple(sorted(paths)),
        )


def _key_of(path: str) -> str:
    """Return the last key of a path; empty for a document as a whole."""
    return path.rpartition(".")[2].replace("[*]", "").removeprefix("$")


def _add_open(scores: dict[str, float], around: Surroundings, seen: Evidence) -> None:
    """Decide whether an open name is a person's: by what the rows are, else by the values."""
    if around.is_things:
        scores.pop("PERSON", None)
    elif is_wordy(seen) and (
        around.is_people or (seen.has("name_like", 0.7) and seen.has("person", 0.12))
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


def _no_entity(column: Sampled, seen: Evidence, *, is_thing: bool) -> Label:
    """Label a column that is no entity as a whole."""
    name = column.name
    if column.kind in _NUMBERS:
        return Label(entity=PUBLIC, confidence=0.8, evidence="numbers; the name says nothing")
    if seen.has("long_number", 0.8) and not (is_thing or _is_key(name) or seen.repeats(2)):
        return Label(entity=UNKNOWN, confidence=0.0, evidence="long numbers, which may identify")
    reason = _harmless(name, seen)
    if not reason and is_thing and seen.reads_within(12):
        reason = "what a thing is called"
    # A few words that recur are not the place for what only looks like a name.
    soft = _SOFT if reason else frozenset()
    holding = {entity: share for entity, share in seen.part.items() if share and entity not in soft}
    if holding:
        listed = ", ".join(f"{entity} in {share:.0%}" for entity, share in sorted(holding.items()))
        return Label(
            entity=FREE_TEXT, confidence=0.8, evidence=f"{listed} of {seen.distinct} values"
        )
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
