"""What the name of a column or a JSON key says about its values.

This module knows entities and words. It never sees a value.
"""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import re2

from maskline.entities import Category, Entity

__all__ = [
    "DENY_WORDS",
    "classify_name",
    "is_stricter",
    "singular",
    "vocabulary",
    "words",
]


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of a text, for lists of words that are read more easily as one."""
    return frozenset(text.split())


DENY_WORDS: Final = vocabulary("""
    amount attempts avg average brand capita changed class color colour count counter cnt delay
    enabled error expired flag format frequency has hash index is issued kind last length len level
    max mean median min mode num opt order pct per percent percentage preference processing rank
    ratio required revoked score sent size source status suffix sum total type updated valid
    validated verified version anzahl cantidad quantity utilization history id ids key uuid guid
    pk fk
    """)
"""Words that say that a column is *about* a thing, and does not hold it: ``email_verified``."""
_OF_MONEY: Final = frozenset({"amount", "amt", "sum", "total"})

_SMALL_WORDS: Final = vocabulary("a and da de del der des di do du la le l of s the und y")
_CAPITALS_THEN_WORD: Final = re2.compile(r"([A-Z]+)([A-Z][a-z])")
_LOWER_THEN_CAPITAL: Final = re2.compile(r"([a-z0-9])([A-Z])")
_RUN: Final = re2.compile(r"[a-z]+")
_FOLDED: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "đ": "d"}
)

_BEST: Final = 0.9
_SHORTEST_COMPOUND: Final = 5
_CATEGORY_RANK: Final = {Category.PII: 0, Category.PHI: 1, Category.PCI: 2, Category.SECRET: 3}


def words(name: str) -> tuple[str, ...]:
    """Split a name into lower-case ASCII words. Digits and small words are dropped.

    ``billingAddress2``, ``BILLING_ADDRESS`` and ``billing address`` are all
    ``("billing", "address")``.
    """
    plain = unicodedata.normalize("NFKD", name.translate(_FOLDED))
    plain = plain.encode("ascii", "ignore").decode("ascii").replace("'", "")
    spaced = _CAPITALS_THEN_WORD.sub(r"\1 \2", _LOWER_THEN_CAPITAL.sub(r"\1 \2", plain))
    found = _RUN.findall(spaced.lower())
    return tuple(word for word in found if word not in _SMALL_WORDS) or tuple(found)


def singular(word: str) -> str:
    """Return an English noun without the ending of its plural."""
    if word in {"people", "children"}:
        return {"people": "person", "children": "child"}[word]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def is_stricter(one: Entity, other: Entity) -> bool:
    """Tell whether *one* is protected more than *other*."""
    return _strictness(one) > _strictness(other)


def _strictness(entity: Entity) -> tuple[int, bool, int]:
    return (_CATEGORY_RANK[entity.category], entity.mask == "redact", len(entity.regulations))


_Phrases = dict[tuple[str, ...], tuple[str, ...]]


@lru_cache(maxsize=16)
def _phrases(entries: tuple[tuple[str, tuple[str, ...]], ...]) -> _Phrases:
    """Return the entities that each phrase stands for. Compounds may be written as one word."""
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for entity, names in entries:
        for name in names:
            phrase = words(name)
            found.setdefault(phrase, {})[entity] = None
            compound = "".join(phrase)
            if len(phrase) > 1 and len(compound) >= _SHORTEST_COMPOUND:
                found.setdefault((compound,), {})[entity] = None
    return {phrase: tuple(entities) for phrase, entities in found.items()}


def classify_name(name: str, entities: Mapping[str, Entity]) -> tuple[str, float] | None:
    """Say what a column or a JSON key holds, by its name alone.

    Args:
        name: As the database or the document spells it.
        entities: What to look for, by name.

    Returns:
        An entity and how sure the name makes us, from 0.0 to 1.0; None if it says nothing. From
        0.5 on, the name alone is reason enough.
    """
    found = rank_name(words(name), entities)
    return found[0] if found else None


def rank_name(parts: tuple[str, ...], entities: Mapping[str, Entity]) -> list[tuple[str, float]]:
    """Return all entities that a name may stand for, the likeliest first."""
    phrases = _phrases(tuple((name, entity.names) for name, entity in entities.items()))
    scores: dict[str, float] = {}
    for start in range(len(parts)):
        for end in range(start + 1, len(parts) + 1):
            phrase = parts[start:end]
            # Tables call one e-mail address "emails" when several fit in.
            known = phrases.get(phrase) or phrases.get((*phrase[:-1], singular(phrase[-1])), ())
            for entity in known:
                # An amount of income is income; an amount of phones is no phone.
                denied = DENY_WORDS - _OF_MONEY if entity == "FINANCIAL" else DENY_WORDS
                score = _score(parts, start, end, denied)
                scores[entity] = max(score, scores.get(entity, 0.0))
    return sorted(
        scores.items(),
        key=lambda item: (item[1], _strictness(entities[item[0]]), item[0]),
        reverse=True,
    )


def _score(parts: tuple[str, ...], start: int, end: int, denied: frozenset[str]) -> float:
    """Weigh a phrase: how much of the name it is, and whether the name ends with it."""
    rest = (*parts[:start], *parts[end:])
    coverage = sum(map(len, parts[start:end])) / sum(map(len, parts))
    score = _BEST * (0.7 + 0.3 * coverage)
    if end < len(parts):
        score *= 0.8
    return score * 0.5 if denied.intersection(rest) else score
