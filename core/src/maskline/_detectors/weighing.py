"""Weighs what a column's name says against what its values look like.

This module knows entities, evidence and numbers. It never sees a value.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from maskline._detectors.evidence import Evidence
from maskline._detectors.naming import is_stricter, vocabulary
from maskline.entities import Entity

__all__ = ["DATES_AND_KEYS", "best", "is_identifying", "is_wordy", "specify", "weigh"]

_ENOUGH: Final = 0.42
_NEAR: Final = 0.04
_SOME: Final = 0.25
_MOST: Final = 0.6
_DOUBT: Final = 0.3
_CHOICES: Final = 8
_SEVERAL: Final = 8
_FULL_NAME: Final = 1.7
_NAMED: Final = 0.5
_LIKELY: Final = 0.55

DATES_AND_KEYS: Final = frozenset({"DATE_TIME", "UUID"})
"""What most tables hold much of. That values are such is no reason to label a column."""

# The values of these decide, whatever the column is called.
_VALUES_DECIDE: Final = vocabulary("""
    EMAIL_ADDRESS URL IP_ADDRESS MAC_ADDRESS IBAN_CODE CREDIT_CARD US_SSN JWT AWS_ACCESS_KEY
    AWS_SECRET_KEY GCP_API_KEY AZURE_KEY
    """)


def _is_a_choice(seen: Evidence) -> bool:
    """Tell whether the values are a few that a program chooses from, such as ``new``."""
    return seen.has("status", 0.3) or (seen.has("lower", 0.95) and seen.distinct <= _CHOICES)


# What a name may speak for of which there are many kinds.
_IDENTIFIERS: Final = vocabulary("""
    BANK_ACCOUNT CUSTOMER_REFERENCE DEVICE_ID DRIVER_LICENSE MEDICAL_RECORD NATIONAL_ID PASSPORT
    TAX_ID VEHICLE_ID
    """)


def _is_identifier(seen: Evidence) -> bool:
    return seen.has("digits", 0.3) and seen.reads_within(6) and not seen.has("boolean")


def is_wordy(seen: Evidence) -> bool:
    """Tell whether the values are a few words each, as names are."""
    is_other = seen.has("numeric") or seen.has("date") or seen.has("boolean")
    return seen.reads_within(8) and not is_other


# What the values have to look like for a name to be believed. Others are believed without.
_FITS: Final[Mapping[str, Callable[[Evidence], bool]]] = {
    "PERSON": lambda seen: (
        is_wordy(seen)
        and not seen.has("digits", 0.6)
        and not (_is_a_choice(seen) and seen.repeats(3))
    ),
    "LOCATION": lambda seen: is_wordy(seen) and not seen.has("status", 0.3),
    "ORGANIZATION": lambda seen: seen.reads_within(14) and not seen.has("numeric"),
    "OCCUPATION": is_wordy,
    "USERNAME": lambda seen: not (seen.has("integer", 0.9) or seen.has("boolean", 0.9)),
    "TITLE": lambda seen: seen.has("honorific", 0.3),
    "EMAIL_ADDRESS": lambda seen: not (seen.has("boolean") or seen.has("date")),
    "PHONE_NUMBER": lambda seen: seen.has("digits", 0.3) and not seen.has("date"),
    "URL": lambda seen: seen.has("web", 0.2),
    "IP_ADDRESS": lambda seen: seen.holds("IP_ADDRESS", 0.1),
    "MAC_ADDRESS": lambda seen: seen.holds("MAC_ADDRESS", 0.1),
    "CREDIT_CARD": lambda seen: seen.has("card", 0.3) or seen.has("decimal"),
    "CVV": lambda seen: seen.has("three_digits"),
    "CARD_EXPIRY": lambda seen: seen.has("expiry") or seen.has("date"),
    "IBAN_CODE": lambda seen: seen.has("iban", 0.3),
    "US_SSN": lambda seen: seen.has("nine_digits", 0.3),
    "SWIFT_CODE": lambda seen: seen.has("swift", 0.3),
    "DATE_OF_BIRTH": lambda seen: seen.has("date", 0.3) or seen.has("integer"),
    "AGE": lambda seen: seen.has("age", 0.6) or seen.has("age_range", 0.6),
    "GENDER": lambda seen: seen.fits_within(25, 100),
    "MARITAL_STATUS": lambda seen: seen.fits_within(40, 100),
    "NRP": lambda seen: seen.fits_within(80) and not seen.has("date"),
    "ZIP_CODE": lambda seen: seen.has("postal", 0.3),
    "GEO": lambda seen: seen.has("decimal", 0.3),
    "STREET_ADDRESS": lambda seen: (
        seen.reads_within(20) and not (seen.has("boolean") or seen.has("region_code", 0.9))
    ),
    "FINANCIAL": lambda seen: seen.has("numeric") or seen.has("money"),
    "VEHICLE_ID": _is_identifier,
    "DEVICE_ID": _is_identifier,
    "NATIONAL_ID": _is_identifier,
    "PASSPORT": _is_identifier,
    "DRIVER_LICENSE": _is_identifier,
    "TAX_ID": _is_identifier,
    "BANK_ACCOUNT": _is_identifier,
    "MEDICAL_RECORD": _is_identifier,
    "CUSTOMER_REFERENCE": _is_identifier,
}


def weigh(
    named: Sequence[tuple[str, float]], seen: Evidence, *, is_number: bool
) -> dict[str, float]:
    """Weigh name and values for every entity that either speaks for.

    Returns:
        Entities that are likely enough, with a score from 0.0 to 1.0.
    """
    prior = dict(named)
    scores: dict[str, float] = {}
    for entity, score in named:
        is_believed = entity not in _FITS or _FITS[entity](seen)
        scores[entity] = score if is_believed else score * _DOUBT
    for entity, share in seen.whole.items():
        if share < _SOME:
            continue
        if entity in _VALUES_DECIDE:
            name = prior.get(entity, 0.0)
            score = 0.95 * share if share >= _MOST else 0.75 * share + 0.35 * name
            # Numbers cannot be scanned as text is, so here a part of the values is enough.
            _raise(scores, entity, max(score, _ENOUGH) if is_number else score)
        elif entity not in _FITS and entity not in DATES_AND_KEYS:
            # A plugin's entity: we know its detector only.
            _raise(scores, entity, 0.8 * share)
    if not is_number:
        _add_shapes(scores, prior, seen)
    return {entity: min(score, 0.99) for entity, score in scores.items() if score >= _ENOUGH}


def _raise(scores: dict[str, float], entity: str, score: float) -> None:
    scores[entity] = max(score, scores.get(entity, 0.0))


def _add_shapes(scores: dict[str, float], prior: Mapping[str, float], seen: Evidence) -> None:
    """Add what the values' shapes say, for kinds that do not check themselves."""
    is_checked = any(seen.is_one(entity, 0.3) for entity in _VALUES_DECIDE)
    is_other = is_checked or seen.has("date", 0.3) or seen.has("decimal")
    phones = 0.6 * seen.whole.get("PHONE_NUMBER", 0.0) + 0.4 * prior.get("PHONE_NUMBER", 0.0)
    is_called = (
        prior.get("PERSON", 0.0) >= _NAMED and seen.has("phone", 0.6) and seen.has("digits", 0.6)
    )
    is_gender = seen.has("gender", 0.9) and not seen.has("boolean", 0.4)
    is_street = (
        (seen.has("street") or seen.holds("STREET_ADDRESS", 0.5))
        and seen.reads_within(15)
        and not seen.has("postal", 0.6)
        and (seen.distinct >= _SEVERAL or not seen.repeats(3))
    )
    streets = max(seen.shapes["street"], seen.part.get("STREET_ADDRESS", 0.0))
    is_region = "STREET_ADDRESS" in prior and seen.has("region_code", 0.9)
    for entity, is_so, score in (
        ("PHONE_NUMBER", seen.is_one("PHONE_NUMBER", 0.3) and not is_other, phones),
        ("PHONE_NUMBER", is_called and not is_other, 0.7),
        ("PASSWORD", seen.has("password_hash", 0.3), 0.95),
        ("TITLE", seen.has("honorific", 0.6), 0.9 * seen.shapes["honorific"]),
        ("GENDER", is_gender, 0.8),
        ("OCCUPATION", "TITLE" in prior and seen.has("job", 0.3), 0.8),
        ("STREET_ADDRESS", is_street, 0.5 + 0.4 * streets),
        ("LOCATION", is_region, 0.7),
        ("VEHICLE_ID", seen.has("vin", 0.8) and seen.has("digits", 0.8), 0.8),
        ("URL", "URL" in prior and seen.has("web"), 0.9),
        ("EMAIL_ADDRESS", "EMAIL_ADDRESS" in prior and seen.holds("EMAIL_ADDRESS", 0.2), 0.85),
    ):
        if is_so:
            _raise(scores, entity, score)
    if is_wordy(seen) and not is_other:
        _add_names(scores, seen)


def _add_names(scores: dict[str, float], seen: Evidence) -> None:
    """Add what the values name, where there are enough of them to tell."""
    people = max(seen.shapes["person"], seen.whole.get("PERSON", 0.0))
    is_full = seen.words >= _FULL_NAME
    for entity, share, least in (
        ("PERSON", people, 0.3 if seen.has("name_like", 0.6) else 0.8),
        ("LOCATION", seen.whole.get("LOCATION", 0.0), 0.6),
        ("ORGANIZATION", seen.whole.get("ORGANIZATION", 0.0), 0.3 if is_full else 0.6),
        ("NRP", seen.whole.get("NRP", 0.0), 0.8),
    ):
        is_enough = seen.distinct >= _SEVERAL or (entity == "PERSON" and is_full)
        if share >= least and is_enough:
            _raise(scores, entity, 0.45 + 0.4 * share)


def is_identifying(named: Sequence[tuple[str, float]], seen: Evidence) -> bool:
    """Tell whether it is worth asking which identifier the values are."""
    is_named = any(entity in _IDENTIFIERS for entity, _ in named)
    is_known = any(seen.is_one(entity, _MOST) for entity in _VALUES_DECIDE)
    is_other = is_known or seen.has("date", 0.3) or seen.has("decimal") or seen.has("uuid", 0.3)
    is_coded = seen.has("digits", 0.8) and seen.reads_within(3) and not is_other
    return is_coded and (is_named or not seen.has("numeric"))


def specify(
    scores: dict[str, float], identified: Mapping[str, float], entities: Mapping[str, Entity]
) -> None:
    """Add the identifiers that values are; one of a kind takes the place of the kind."""
    for entity, likely in identified.items():
        # One table's postcodes are of many countries, and are to join with another's.
        if entity not in entities or likely < _LIKELY or entities[entity].generic == "ZIP_CODE":
            continue
        # Names mix the kinds: what one country calls a tax number is another's identity card.
        kinds = max(scores.pop(kind, 0.0) for kind in _IDENTIFIERS | {entities[entity].generic})
        _raise(scores, entity, max(kinds, 0.5 + 0.45 * likely))


def best(scores: Mapping[str, float], entities: Mapping[str, Entity]) -> tuple[str, float] | None:
    """Return the likeliest; of those nearly as likely, the strictest."""
    known = {entity: score for entity, score in scores.items() if entity in entities}
    if not known:
        return None
    top = max(known.values())
    chosen = ""
    for entity, score in sorted(known.items(), key=lambda item: (-item[1], item[0])):
        if score >= top - _NEAR and (not chosen or is_stricter(entities[entity], entities[chosen])):
            chosen = entity
    return chosen, known[chosen]
