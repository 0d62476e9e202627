"""The kinds of sensitive data that maskline knows by name.

The catalogue itself is the data file ``entities.toml`` beside this module: an entity, what people
call columns that hold it, and what becomes of it unless a policy says otherwise. This module knows
the standard library only.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

__all__ = ["Category", "Entity", "OwnEntity", "builtin_entities"]


class Category(StrEnum):
    """Why an entity is sensitive. A policy may use a category wherever it may name an entity."""

    PII = "PII"
    PHI = "PHI"
    PCI = "PCI"
    SECRET = "SECRET"  # noqa: S105 - the name of a category


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A kind of sensitive data.

    Attributes:
        name: In capitals; as Presidio calls it, where it has it.
        title: For people to read, such as ``e-mail address``.
        slug: Begins the tokens of its domain, such as ``email``; matches ``[a-z][a-z0-9]{0,15}``.
        category: Why it is sensitive.
        mask: The masker that is used unless the policy names another.
        names: What columns and JSON keys that hold it are called, in lower-case words, such as
            ``e mail`` and ``mail address``.
        regulations: Tags such as ``HIPAA``, ``GDPR-9``, ``PCI``.
        country: Whose it is, in two letters (ISO 3166-1); empty if it is no country's.
        generic: The wider entity that it is one of, such as ``PASSPORT``; empty if there is none.
            What a column is called often says no more than that.
    """

    name: str
    title: str
    slug: str
    category: Category
    mask: str = "token"
    names: tuple[str, ...] = ()
    regulations: tuple[str, ...] = ()
    country: str = ""
    generic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEntity:
    """A kind of sensitive data that a policy describes, and no plugin knows.

    Attributes:
        patterns: Expressions for RE2 that match it.
        has_check_digit: Whether the last digit of what matches checks the others, by Luhn's rule.
    """

    entity: Entity
    patterns: tuple[str, ...] = ()
    has_check_digit: bool = False


@cache
def builtin_entities() -> Mapping[str, Entity]:
    """Return the entities that come with maskline, by name."""
    text = files("maskline").joinpath("entities.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            name: Entity(
                name=name,
                title=entry["title"],
                slug=entry["slug"],
                category=Category(entry["category"]),
                mask=entry.get("mask", "token"),
                names=tuple(entry.get("names", ())),
                regulations=tuple(entry.get("regulations", ())),
                country=entry.get("country", ""),
                generic=entry.get("generic", ""),
            )
            for name, entry in tomllib.loads(text).items()
        }
    )
