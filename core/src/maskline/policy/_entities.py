"""Reads the section ``entities``: categories of one's own.

This module knows what may stand there, and RE2. It does not know who finds what is described.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import re2

from maskline.entities import Category, Entity, OwnEntity
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Mask
from maskline.policy._file import EntityPart, check_part
from maskline.policy._masks import Checks
from maskline.policy._problems import Problems
from maskline.policy._tree import Node

__all__ = ["read_entities"]

_RESERVED: Final = frozenset({FREE_TEXT, JSON, PUBLIC, UNKNOWN, *Category})
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_LONGEST_SLUG: Final = 16
# What stands in a class or behind a backslash is no anchor.
_ANCHOR: Final = re.compile(
    r"(?:\\[^Az]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[^$])*(?:[\^$]|\\[Az])", re.DOTALL
)


def read_entities(
    node: Node | None, checks: Checks
) -> tuple[tuple[OwnEntity, ...], Mapping[str, Mask]]:
    """Read the section.

    Args:
        node: What the file says; None if it says nothing.
        checks: Knows the entities and masks there are, and receives every mistake.

    Returns:
        The entities, those with mistakes included, so that labels may name them; and their masks.
    """
    if node is None or node.is_empty:
        return (), {}
    if node.entries is None:
        checks.problems.add(node, "This must be a mapping from names to `{names: ..., mask: ...}`.")
        return (), {}
    slugs = {entity.slug: name for name, entity in checks.offers.entities.items()}
    own: list[OwnEntity] = []
    masks: dict[str, Mask] = {}
    for name, entry in node.entries.items():
        message, hint = _complaint(name, checks, slugs)
        if message:
            checks.problems.add(node.at_key(name), message, hint)
            continue
        slugs[_slug(name)] = name
        own.append(_read(name, entry, checks.problems))
        mask = _mask(entry.get("mask"), checks)
        if mask:
            masks[name] = mask
    return tuple(own), masks


def _complaint(name: str, checks: Checks, slugs: Mapping[str, str]) -> tuple[str, str]:
    """Return what is wrong with a name, and the mend; nothing if it may be used."""
    if not _NAME.fullmatch(name) or name in _RESERVED:
        hint = "Write capitals, digits and underscores, such as `LOYALTY_CARD`."
        return "An entity cannot have this name.", hint
    if name in checks.offers.entities:
        return f"There is an entity {name} already.", "What becomes of it stands under `masks`."
    if owner := slugs.get(_slug(name)):
        return f"Tokens of this entity would look like those of {owner}.", "Take another name."
    return "", ""


def _slug(name: str) -> str:
    return name.replace("_", "").lower()[:_LONGEST_SLUG]


def _read(name: str, node: Node, problems: Problems) -> OwnEntity:
    part = check_part(EntityPart, node, problems) or EntityPart()
    if not (node.get("names") or node.get("pattern")):
        hint = "Write `names`, `pattern` or both."
        problems.add(node, "Nothing says how this entity is found.", hint)
    return OwnEntity(
        entity=Entity(
            name=name,
            title=part.title or name.replace("_", " ").lower(),
            slug=_slug(name),
            category=Category(part.category),
            mask="redact" if part.category == Category.SECRET else "token",
            names=tuple(_called(node.get("names"), problems)),
        ),
        patterns=tuple(_patterns(node.get("pattern"), problems)),
        has_check_digit=part.check == "luhn",
    )


def _mask(node: Node | None, checks: Checks) -> Mask | None:
    if node is None:
        return None
    mask = checks.mask(node)
    if mask and mask.name == "reveal":
        hint = "Write a rule that reveals it to those who may see it."
        checks.problems.add(node, "An entity of one's own is not revealed to everybody.", hint)
    return mask


def _texts(node: Node | None) -> list[tuple[Node, str]]:
    """Return the texts of a list, or of the one that may stand for it."""
    nodes = node.each() if node else ()
    return [(one, one.value) for one in nodes if isinstance(one.value, str)]


def _called(node: Node | None, problems: Problems) -> list[str]:
    names = []
    for place, text in _texts(node):
        name = " ".join(text.lower().replace("_", " ").replace("-", " ").split())
        if any(character.isalpha() for character in name):
            names.append(name)
        else:
            problems.add(place, "A name has a letter at least.")
    return names


def _patterns(node: Node | None, problems: Problems) -> list[str]:
    patterns = []
    for place, pattern in _texts(node):
        message, hint = _fault(pattern)
        if message:
            problems.add(place, message, hint)
        else:
            patterns.append(pattern)
    return patterns


def _fault(pattern: str) -> tuple[str, str]:
    """Return what is wrong with an expression, and the mend; nothing if it may be used."""
    if not pattern.isascii():
        return "An expression is written in ASCII.", r"`[\\x80-\\xf4]+` matches other letters."
    options: Any = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    try:
        compiled = re2.compile(pattern.encode("ascii"), options)
    except re2.error:
        hint = "Looking ahead, looking behind and back-references are not among what RE2 knows."
        return "This is not an expression of RE2.", hint
    if _ANCHOR.match(pattern):
        hint = "Take it away: letters and digits may not stand right beside a value anyway."
        return "An expression is not anchored to the ends of a text.", hint
    if compiled.groups > 1:
        return "An expression has one group at most: the value.", "Write `(?:...)` for the others."
    if compiled.fullmatch(b"") is not None:
        return "This expression matches nothing at all.", "Let it ask for a character at least."
    return "", ""
