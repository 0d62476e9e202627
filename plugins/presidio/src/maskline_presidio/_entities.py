"""What maskline calls the entities of Presidio. It knows names, and nothing of detection."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from maskline.entities import Category, Entity, builtin_entities
from maskline.errors import PluginContractError

__all__ = ["missing_entities", "names_of"]


def names_of(entities: Iterable[str]) -> Mapping[str, str]:
    """Return what maskline calls entities, one to one: their names in capitals.

    Args:
        entities: As Presidio calls them.

    Raises:
        PluginContractError: Two of them would have one name, or a name has no letter to begin with.
    """
    names: dict[str, str] = {}
    for entity in sorted(set(entities)):
        name = re.sub(r"[^A-Z0-9]+", "_", entity.upper()).strip("_")
        if not name[:1].isalpha() or name in names.values():
            msg = "An entity of Presidio has no name for maskline, or the name of another one."
            raise PluginContractError(msg, hint=f"Rename the entity {entity!r} in its recognizer.")
        names[entity] = name
    return names


def missing_entities(names: Iterable[str]) -> Sequence[Entity]:
    """Return an entity for each name that maskline does not know by itself."""
    unknown = sorted(set(names) - set(builtin_entities()))
    return tuple(
        Entity(
            name=name,
            title=name.replace("_", " ").lower(),
            slug=_slug(name),
            category=Category.PII,
            names=(name.replace("_", " ").lower(),),
        )
        for name in unknown
    )


def _slug(name: str) -> str:
    """Return the beginning of the tokens of an entity, which depends on its name alone."""
    letters = name.replace("_", "").lower()
    return letters[:11] + hashlib.sha256(name.encode()).hexdigest()[:4]
