"""The part of a policy that says who sees what.

This module knows how rules are written and which of them contradict the others. What a rule means
is for `maskline.policy._rules` to know.
"""

from collections.abc import Mapping
from datetime import date

from maskline.model import Decision, Literals, Mask
from maskline.policy._file import RulePart, check_part
from maskline.policy._masks import Checks
from maskline.policy._rules import Effect, Rule, Who, find_shadows, normal_purpose
from maskline.policy._tree import Node

__all__ = ["read_rules"]

_REQUIRED = "required"


def read_rules(node: Node | None, checks: Checks, *, expired_before: date) -> tuple[Rule, ...]:
    """Read the section ``rules``.

    Args:
        node: The section; None if it is not there.
        checks: Knows names, and receives every mistake.
        expired_before: A rule whose last day is earlier is a mistake.
    """
    if node is None or node.is_empty:
        return ()
    if node.items is None:
        checks.problems.add(node, "This must be a list of rules.", "Begin each with a dash.")
        return ()
    rules: list[Rule] = []
    for position, item in enumerate(node.items):
        rule = _Reader(item, checks).read(f"rules[{position}]")
        if rule is None:
            continue
        if rule.until < expired_before:
            checks.problems.add(
                item.get("until") or item, "This day is over.", "Take the rule away, or renew it."
            )
        else:
            _report(item, find_shadows(rule, rules, checks.offers.entities), checks)
        rules.append(rule)
    return tuple(rules)


def _report(item: Node, shadows: Mapping[str, str], checks: Checks) -> None:
    """Report a rule, or that key of it, which earlier rules leave nothing to decide."""
    hint = "Move it up, or take it away."
    if all(shadows.values()):
        names = " and ".join(dict.fromkeys(shadows.values()))
        checks.problems.add(item, f"This rule never matches: {names} settles all of it.", hint)
        return
    for key, names in shadows.items():
        if names:
            checks.problems.add(
                item.at_key(key), f"`{key}` never counts here: {names} settles all of it.", hint
            )


class _Reader:
    """Reads one rule."""

    def __init__(self, node: Node, checks: Checks) -> None:
        self._node = node
        self._checks = checks
        self._problems = checks.problems

    def read(self, name: str) -> Rule | None:
        before = len(self._problems)
        part = check_part(RulePart, self._node, self._problems)
        # The names are looked at even if the shape is wrong somewhere else.
        what = self._what()
        effect, mask = self._do()
        if effect is None and part is not None:
            effect = self._without_do(part)
        if effect not in {None, Effect.REQUIRE} and self._node.get("what") is None:
            self._problems.add(
                self._node, "`what` is missing.", 'Write `what: "*"` for everything.'
            )
        literals = self._literals(part, effect)
        if part is None or effect is None or len(self._problems) > before:
            return None
        purposes = frozenset(map(normal_purpose, part.purpose))
        is_required = _REQUIRED in purposes
        if is_required and len(purposes) > 1:
            self._problems.add(
                self._node.get("purpose") or self._node,
                "`required` stands alone: it takes any purpose.",
                "Write `purpose: required`, or a list of purposes.",
            )
            return None
        return Rule(
            name=name,
            who=Who(
                kinds=frozenset(part.who.kind),
                ids=frozenset(part.who.id),
                roles=frozenset(part.who.role),
            ),
            purposes=frozenset() if is_required else purposes,
            is_purpose_required=is_required,
            what=what,
            effect=effect,
            until=part.until,
            decision=_decision(name, effect, mask),
            literals=literals,
        )

    def _what(self) -> frozenset[str]:
        node = self._node.get("what")
        if node is None:
            return frozenset()
        # Whatever is not text has been reported with the shape of the rule.
        return frozenset(
            item.value
            for item in node.each()
            if isinstance(item.value, str)
            and item.value.strip()
            and self._checks.mentioned(item, item.value, wildcard=True)
        )

    def _do(self) -> tuple[Effect | None, Mask | None]:
        node = self._node.get("do")
        if node is None:
            return None, None
        if node.value == Effect.DENY:
            return Effect.DENY, None
        mask = self._checks.mask(node, also_valid=(Effect.DENY,))
        if mask is None:
            return None, None
        return (Effect.REVEAL, None) if mask.name == Effect.REVEAL else (Effect.MASK, mask)

    def _literals(self, part: RulePart | None, effect: Effect | None) -> Literals | None:
        node = self._node.get("literals")
        if node is None:
            return None
        if effect in {Effect.DENY, Effect.REVEAL}:
            self._problems.add(
                node,
                "What is revealed or denied has no masked values to compare literals with.",
                "Take `literals` away, or let `do` be a mask.",
            )
        return Literals(part.literals) if part else None

    def _without_do(self, part: RulePart) -> Effect | None:
        """Tell a requirement from a rule that somebody forgot to finish."""
        if self._node.get("do") is not None:
            return None
        if self._node.get("literals") is not None:
            return Effect.LITERALS
        if [normal_purpose(purpose) for purpose in part.purpose] != [_REQUIRED]:
            self._problems.add(
                self._node, "`do` is missing.", "Write `do: reveal`, `do: deny` or a mask."
            )
            return None
        if (what := self._node.get("what")) is not None:
            self._problems.add(
                what,
                "A purpose is required of a query, and not of a part of it.",
                "Take `what` away, or say what to `do`.",
            )
            return None
        return Effect.REQUIRE


def _decision(name: str, effect: Effect, mask: Mask | None) -> Decision | None:
    if effect in {Effect.LITERALS, Effect.REQUIRE}:
        return None
    if effect is Effect.DENY:
        # Whoever forgets to look at is_denied releases nothing, either.
        return Decision(mask=Mask(name="redact"), rule=name, is_denied=True)
    return Decision(mask=mask, rule=name)
