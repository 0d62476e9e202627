"""Rules: who sees what, and which rules can never match.

This module knows principals, labels and entities. It does not know YAML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from maskline.entities import Category, Entity
from maskline.model import FREE_TEXT, JSON, UNKNOWN, Decision, Principal

__all__ = ["EVERYTHING", "Effect", "Rule", "Who", "is_shadowed", "normal_purpose"]

EVERYTHING: Final = "*"

_KINDS: Final = frozenset({"human", "service", "agent"})
_SPECIAL: Final = frozenset({FREE_TEXT, JSON, UNKNOWN})


class Effect(StrEnum):
    """What a rule does."""

    REVEAL = "reveal"
    DENY = "deny"
    MASK = "mask"
    REQUIRE = "require"


def normal_purpose(purpose: str) -> str:
    """Return a purpose as rules compare it: upper and lower case are one."""
    return purpose.strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whom a rule is about. An empty set is no condition."""

    kinds: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    def matches(self, principal: Principal) -> bool:
        """Return whether the rule is about a principal. Those behind them do not count."""
        return (
            (not self.kinds or principal.kind in self.kinds)
            and (not self.ids or principal.id in self.ids)
            and (not self.roles or not self.roles.isdisjoint(principal.roles))
        )

    def includes(self, other: "Who") -> bool:
        """Return whether everybody whom the other is about is meant here, too."""
        return (
            (self.kinds >= _KINDS or _includes(self.kinds, other.kinds))
            and _includes(self.ids, other.ids)
            and _includes(self.roles, other.roles)
        )


def _includes(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    return not ours or (bool(theirs) and theirs <= ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a policy.

    Attributes:
        name: Its place in the policy, such as ``rules[0]``.
        purposes: Any of these, as `normal_purpose` writes them; empty for any or none.
        is_purpose_required: Whether some purpose must be stated.
        what: Entities, categories, FREE_TEXT, JSON, UNKNOWN or ``*``; empty for a requirement.
        until: The last day on which the rule holds.
        decision: What it decides; for a requirement, nothing.
    """

    name: str
    who: Who = field(default_factory=Who)
    purposes: frozenset[str] = frozenset()
    is_purpose_required: bool = False
    what: frozenset[str] = frozenset()
    effect: Effect
    until: date = date.max
    decision: Decision | None = None

    def covers(self, name: str, entity: Entity | None) -> bool:
        """Return whether the rule is about a label.

        Args:
            name: What the label says: an entity, FREE_TEXT, JSON or UNKNOWN.
            entity: The entity; None for the other three.
        """
        what = self.what
        if name in what or (entity is not None and entity.category in what):
            return True
        if EVERYTHING not in what:
            return False
        # What nobody has looked at and what opens doors is revealed by name, or not at all. Free
        # text and JSON may hold either, so they stay scanned, and what is found is asked about.
        return self.effect is not Effect.REVEAL or (
            entity is not None and entity.category is not Category.SECRET
        )

    def applies(self, principal: Principal, purpose: str, on: date) -> bool:
        """Return whether the rule holds for a principal and a normal purpose on a day."""
        return (
            (not self.purposes or purpose in self.purposes)
            and (not self.is_purpose_required or bool(purpose))
            and on <= self.until
            and self.who.matches(principal)
        )

    def includes(self, other: "Rule") -> bool:
        """Return whether this rule applies whenever the other one does."""
        if self.purposes:
            has_purpose = _includes(self.purposes, other.purposes)
        else:
            has_purpose = (
                not self.is_purpose_required or bool(other.purposes) or other.is_purpose_required
            )
        return has_purpose and self.until >= other.until and self.who.includes(other.who)


def is_shadowed(rule: Rule, earlier: Sequence[Rule], entities: Mapping[str, Entity]) -> str:
    """Return which earlier rules settle all that a rule is about; empty if none do.

    Args:
        rule: The rule in question.
        earlier: The rules that are asked before it.
        entities: Everything that ``*`` and categories may stand for.
    """
    if rule.effect is Effect.REQUIRE:
        same = (other for other in earlier if other.effect is Effect.REQUIRE)
        # Both ask for the same, so it is enough that the earlier one asks whoever this one asks.
        return next(
            (o.name for o in same if o.until >= rule.until and o.who.includes(rule.who)), ""
        )
    left = {name for name in (*entities, *_SPECIAL) if rule.covers(name, entities.get(name))}
    if not left:
        return ""
    names = []
    for other in earlier:
        if other.effect is Effect.REQUIRE or not other.includes(rule):
            continue
        settled = {name for name in left if other.covers(name, entities.get(name))}
        if settled:
            names.append(other.name)
            left -= settled
    return "" if left else " and ".join(names)
