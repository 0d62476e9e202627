"""Rules: who sees what, and which rules can never match.

This module knows principals, labels and entities. It does not know YAML.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

from maskline.entities import Category, Entity
from maskline.model import FREE_TEXT, JSON, UNKNOWN, Decision, Literals, Principal

__all__ = ["EVERYTHING", "Effect", "Rule", "Who", "find_shadows", "normal_purpose"]

EVERYTHING: Final = "*"

_KINDS: Final = frozenset({"human", "service", "agent"})
_SPECIAL: Final = frozenset({FREE_TEXT, JSON, UNKNOWN})


class Effect(StrEnum):
    """What a rule does: to values, or, where it says nothing of them, to something else."""

    REVEAL = "reveal"
    DENY = "deny"
    MASK = "mask"
    LITERALS = "literals"
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

    A rule answers up to two questions, and each is asked on its own: what becomes of values, and
    what becomes of literals that are compared with masked values.

    Attributes:
        name: Its place in the policy, such as ``rules[0]``.
        purposes: Any of these, as `normal_purpose` writes them; empty for any or none.
        is_purpose_required: Whether some purpose must be stated.
        what: Entities, categories, FREE_TEXT, JSON, UNKNOWN or ``*``; empty for a requirement.
        until: The last day on which the rule holds.
        decision: What it decides of values; None if it says nothing of them.
        literals: What it decides of literals; None if it says nothing of them.
    """

    name: str
    who: Who = field(default_factory=Who)
    purposes: frozenset[str] = frozenset()
    is_purpose_required: bool = False
    what: frozenset[str] = frozenset()
    effect: Effect
    until: date = date.max
    decision: Decision | None = None
    literals: Literals | None = None

    def covers(self, name: str, entity: Entity | None) -> bool:
        """Return whether the rule decides what becomes of the values of a label.

        Args:
            name: What the label says: an entity, FREE_TEXT, JSON or UNKNOWN.
            entity: The entity; None for the other three.
        """
        return self.decision is not None and self._is_about(
            name, entity, is_opening=self.effect is Effect.REVEAL
        )

    def covers_literals(self, name: str, entity: Entity | None) -> bool:
        """Return whether the rule decides what becomes of literals compared with a label's values.

        Args:
            name: What the label says: an entity, FREE_TEXT, JSON or UNKNOWN.
            entity: The entity; None for the other three.
        """
        return self.literals is not None and self._is_about(
            name, entity, is_opening=self.literals is Literals.LOOKUP
        )

    def _is_about(self, name: str, entity: Entity | None, *, is_opening: bool) -> bool:
        what = self.what
        if name in what or (entity is not None and entity.category in what):
            return True
        if EVERYTHING not in what:
            return False
        # What nobody has looked at and what opens doors is opened by name, or not at all. Free
        # text and JSON may hold either, so they stay scanned, and what is found is asked about.
        return not is_opening or (entity is not None and entity.category is not Category.SECRET)

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


def find_shadows(
    rule: Rule, earlier: Sequence[Rule], entities: Mapping[str, Entity]
) -> Mapping[str, str]:
    """Return which earlier rules settle all that a rule is about.

    Args:
        rule: The rule in question.
        earlier: The rules that are asked before it.
        entities: Everything that ``*`` and categories may stand for.

    Returns:
        For each key by which the rule decides something, ``purpose`` or ``do`` and ``literals``,
        the names of those rules; empty if something is left to decide.
    """
    if rule.effect is Effect.REQUIRE:
        same = (other for other in earlier if other.effect is Effect.REQUIRE)
        # Both ask for the same, so it is enough that the earlier one asks whoever this one asks.
        found = next(
            (o.name for o in same if o.until >= rule.until and o.who.includes(rule.who)), ""
        )
        return {"purpose": found}
    before = [other for other in earlier if other.includes(rule)]
    shadows = {}
    if rule.decision is not None:
        shadows["do"] = _settled(rule, before, entities, Rule.covers)
    if rule.literals is not None:
        shadows["literals"] = _settled(rule, before, entities, Rule.covers_literals)
    return shadows


_Covers: TypeAlias = Callable[[Rule, str, Entity | None], bool]


def _settled(
    rule: Rule, before: Sequence[Rule], entities: Mapping[str, Entity], covers: _Covers
) -> str:
    left = {name for name in (*entities, *_SPECIAL) if covers(rule, name, entities.get(name))}
    if not left:
        return ""
    names = []
    for other in before:
        settled = {name for name in left if covers(other, name, entities.get(name))}
        if settled:
            names.append(other.name)
            left -= settled
    return "" if left else " and ".join(names)
