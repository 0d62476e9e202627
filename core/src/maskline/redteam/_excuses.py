"""Says which rule of a policy shows what an attack got; what no rule shows is a leak.

This module knows decisions, and what stands in which column of the suite. It does not know what
was answered.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Final

from maskline.entities import builtin_entities
from maskline.model import (
    FREE_TEXT,
    JSON,
    PUBLIC,
    UNKNOWN,
    ColumnRef,
    Decision,
    Label,
    Literals,
    Mask,
)
from maskline.policy import normal_purpose
from maskline.redteam._suite import Outcome
from maskline.redteam._worlds import HELD
from maskline.session import Session

__all__ = ["Excuses"]

_HIDING: Final = frozenset({"token", "redact", "null", "aggregate"})
# By maskline's own masks, an attack that succeeds is a defect, and no choice of the policy.
_OURS: Final = "default"
_SCAN: Final = Mask(name="scan")
_MIXED: Final = frozenset({FREE_TEXT, JSON, UNKNOWN})
_NOTHING: Final = (Label(entity=PUBLIC), Decision(mask=Mask(name="redact"), rule=_OURS))


class Excuses:
    """What a session's policy shows of the suite's databases, to its principal."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._columns = {
            ref: (label, decision)
            for ref, _, label, decision in session.columns()
            if label.entity != PUBLIC
        }

    def rule_for(self, outcome: Outcome, *, is_guess: bool) -> str:
        """Return the rules that show all that an attack got; empty if something is a leak.

        Args:
            outcome: What it got.
            is_guess: Whether it asked for a literal.
        """
        reads = self._session.explain(outcome.sql).reads
        rules = [self._rule_that_reveals(entity, reads) for entity in sorted(outcome.came_out)]
        if outcome.difference:
            rules.append(next(self._rules_that_show(reads, is_guess=is_guess), ""))
        return ", ".join(dict.fromkeys(rules)) if all(rules) else ""

    def _rule_that_reveals(self, entity: str, reads: Iterable[ColumnRef]) -> str:
        """Return the rule by which an entity is seen as it is, or a column that holds it."""
        decisions = [self._decide(entity)]
        for ref in sorted(reads):
            label, decision = self._columns.get(ref, _NOTHING)
            if label.entity in _MIXED and entity in HELD.get(ref.column, (entity,)):
                decisions.append(decision)
        return next((each.rule for each in decisions if each.mask is None), "")

    def _rules_that_show(self, reads: Iterable[ColumnRef], *, is_guess: bool) -> Iterator[str]:
        """Yield the rules that show something of the columns that a query reads."""
        for ref in sorted(reads):
            label, decision = self._columns.get(ref, _NOTHING)
            if is_guess and decision.literals is Literals.LOOKUP:
                yield self._rule_that_looks_up(label)
            if decision.mask == _SCAN and label.entity in {FREE_TEXT, JSON}:
                # What is found there is masked as its entity; the rest is the same in both worlds.
                shown = [self._decide(entity) for entity in HELD.get(ref.column, ())]
            else:
                shown = [decision]
            yield from (each.rule for each in shown if _shows(each))

    def _rule_that_looks_up(self, label: Label) -> str:
        """Return the rule by which literals are looked up; a decision names that of its mask."""
        entity = builtin_entities().get(label.entity)
        purpose = normal_purpose(self._session.purpose)
        return next(
            rule.name
            for rule in self._session.policy.rules
            if rule.covers_literals(label.entity, entity)
            and rule.applies(self._session.principal, purpose, _today())
        )

    def _decide(self, entity: str) -> Decision:
        return self._session.policy.decide(
            Label(entity=entity),
            principal=self._session.principal,
            purpose=self._session.purpose,
            on=_today(),
            entities=builtin_entities(),
        )


def _shows(decision: Decision) -> bool:
    """Whether values are seen as they are, or parts of them, because the policy says so."""
    mask = decision.mask
    if mask is None:
        return True
    return decision.rule != _OURS and (mask.name not in _HIDING or "keep" in dict(mask.options))


def _today() -> date:
    return datetime.now(UTC).date()
