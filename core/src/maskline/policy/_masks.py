"""The parts of a policy that name entities and masks.

This module knows what the loaded plugins offer, as `Offers`. It does not know the plugins.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from maskline.entities import Category, Entity
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Mask, OptionValue
from maskline.policy._problems import Place, Problems, choices
from maskline.policy._tree import Node
from maskline.roles import AnchorType, Masker, SinkType, SourceType

__all__ = ["Checks", "Offers"]

_SPECIAL: Final = (FREE_TEXT, JSON, UNKNOWN)
_NEVER_SHOWN_TO_ALL: Final = frozenset({*_SPECIAL, Category.SECRET})


class Offers(Protocol):
    """What the plugins of a policy offer, by name."""

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The kinds of sensitive data."""
        ...

    @property
    def maskers(self) -> Mapping[str, Masker]:
        """The maskers."""
        ...

    @property
    def sinks(self) -> Mapping[str, SinkType]:
        """The kinds of sink."""
        ...

    @property
    def anchors(self) -> Mapping[str, AnchorType]:
        """The kinds of anchor."""
        ...

    @property
    def sources(self) -> Mapping[str, SourceType]:
        """The kinds of source, by scheme."""
        ...


class _HasOptions(Protocol):
    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Checks names against what there is.

    Attributes:
        also: What else may be the matter with a name that is not there.
    """

    offers: Offers
    problems: Problems
    also: str = ""

    def mentioned(self, node: Place, name: str, *, wildcard: bool = False) -> bool:
        """Check a name of an entity, a category, FREE_TEXT, JSON or UNKNOWN."""
        valid = {*self.offers.entities, *Category, *_SPECIAL}
        if name in valid or (wildcard and name == "*"):
            return True
        if name == PUBLIC:
            self.problems.add(node, "What is PUBLIC is never masked.", "Take it away.")
            return False
        if name.lower() in {"all", "any", "everything"} and wildcard:
            hint = 'Write `"*"` for everything.'
        else:
            hint = choices(name, valid, also=self.also)
        self.problems.add(node, f"There is no entity or category `{name}`.", hint)
        return False

    def may_be_revealed_to_all(self, node: Node, name: str) -> None:
        """Check that ``masks`` may reveal a name: what may open doors wants a rule."""
        entity = self.offers.entities.get(name)
        if name in _NEVER_SHOWN_TO_ALL or (entity and entity.category is Category.SECRET):
            self.problems.add(
                node,
                f"{name} is not revealed to everybody.",
                "Write a rule that names it, or label single columns PUBLIC.",
            )

    def mask(self, node: Node, *, also_valid: tuple[str, ...] = ()) -> Mask | None:
        """Check and return a mask: ``redact``, or ``{partial: {last: 4}}``."""
        options: Node | None = None
        place: Place = node
        if node.entries is not None:
            if len(node.entries) != 1:
                self.problems.add(node, "A mask is one name with its options.", _EXAMPLE)
                return None
            ((name, options),) = node.entries.items()
            place = node.at_key(name)
        elif node.items is None and (isinstance(node.value, str) or node.text == "null"):
            # YAML takes `null` for nothing, and it is the name of a mask.
            name = node.text
        else:
            self.problems.add(node, "This must be a mask.", _EXAMPLE)
            return None
        masker = self.offers.maskers.get(name)
        if masker is None:
            hint = choices(name, {*self.offers.maskers, *also_valid}, also=self.also)
            self.problems.add(place, f"There is no mask `{name}`.", hint)
            return None
        found = self.options(masker, options or node, is_given=options is not None)
        if found is None:
            return None
        return Mask(name=name, options=tuple(sorted(found.items())))

    def options(
        self, owner: _HasOptions, node: Node, *, is_given: bool = True
    ) -> dict[str, OptionValue] | None:
        """Check and return options, by the one who takes them; None if they are wrong."""
        before = len(self.problems)
        options: dict[str, OptionValue] = {}
        if is_given and not node.is_empty:
            if node.entries is None:
                self.problems.add(node, "Options are a mapping, such as `{last: 4}`.")
                return None
            for name, value in node.entries.items():
                if isinstance(value.value, str | int | float):
                    options[name] = value.value
                else:
                    self.problems.add(value, "An option is a text, a number, or true or false.")
        if len(self.problems) == before:
            for sentence in _ask(owner, options):
                named = (name for name in options if re.search(rf"\b{re.escape(name)}\b", sentence))
                place = node.get(next(named, "")) or node
                self.problems.add(place, sentence)
        return options if len(self.problems) == before else None


_EXAMPLE: Final = "Write `redact` or `{partial: {last: 4}}`."


def _ask(owner: _HasOptions, options: Mapping[str, OptionValue]) -> Sequence[str]:
    try:
        return owner.check(options)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        return [f"The plugin could not check these options: {type(error).__name__}."]
