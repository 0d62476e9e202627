"""What happens in a demonstration, for the terminal and the report to tell.

This module knows sessions. It does not know how a story is told.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskline.audit import Finding, Verification
from maskline.errors import MasklineError, QueryRefusedError
from maskline.model import ColumnRef, Decision, Label, Principal
from maskline.planning import Plan
from maskline.result import MaskedResult
from maskline.session import connect

__all__ = [
    "Answer",
    "Attack",
    "Column",
    "Hunt",
    "Joined",
    "NoAnswer",
    "Question",
    "Story",
    "ask",
]

_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody asks.

    Attributes:
        title: In a few words.
        why: What it shows, in a sentence.
    """

    title: str
    why: str
    who: Principal
    purpose: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A question, and its masked answer."""

    question: Question
    result: MaskedResult
    plan: Plan

    @property
    def rows(self) -> tuple[tuple[object, ...], ...]:
        """The rows of the answer."""
        return tuple(zip(*(c.to_pylist() for c in self.result.table.columns), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """A question without an answer: refused, or failed."""

    question: Question
    error: MasklineError

    @property
    def is_refused(self) -> bool:
        """Whether maskline did not run it."""
        return isinstance(self.error, QueryRefusedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A question that should give nothing away, and what it got.

    Attributes:
        found: How many raw values stand in the answer.
        is_copy: Whether a masked copy of the database gives the same answer; None if there is no
            copy, or no answer.
    """

    happened: Answer | NoAnswer
    found: int = 0
    is_copy: bool | None = None

    @property
    def got_nothing(self) -> bool:
        """Whether it got masks at most."""
        return not self.found and self.is_copy is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the database, what it is, and what an ordinary person sees of it."""

    ref: ColumnRef
    type: str
    label: Label
    category: str
    decision: Decision

    @property
    def is_masked(self) -> bool:
        """Whether an ordinary person sees something else than what is there."""
        return self.decision.mask is not None or self.decision.is_denied


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One join three times: on tokens inside, on tokens outside, and on the raw values.

    Attributes:
        names: Of the columns.
        rows: What all that were tried have given, if they agree.
        ways: How it was done, and whether it gave the same.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    ways: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """The search for raw values in everything that was written.

    Attributes:
        values: How many different values were looked for.
        revealed: How many of these a rule has revealed, so that the report may show them.
        places: What was searched, and how many raw values stand there.
    """

    values: int
    revealed: int
    places: tuple[tuple[str, int, int], ...]

    @property
    def found(self) -> int:
        """How many raw values stand where none may be."""
        return sum(found for _, _, found in self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All of it."""

    name: str
    shown: str
    is_shop: bool
    policy_hash: str
    columns: tuple[Column, ...]
    answers: tuple[Answer, ...]
    failures: tuple[NoAnswer, ...]
    attacks: tuple[Attack, ...]
    joined: Joined | None
    records: tuple[dict[str, Any], ...]
    verification: Verification
    tampered: Finding | None
    lineage_events: int | None


def ask(policy: Path, source: str, question: Question) -> Answer | NoAnswer:
    """Ask a question.

    Raises:
        PolicyError: The policy cannot be read.
        SourceError: The database cannot be opened.
        AuditError: The question cannot be recorded.
    """
    with connect(
        source, policy=policy, principal=question.who, purpose=question.purpose
    ) as session:
        plan = session.explain(question.sql)
        try:
            result = session.query(question.sql, timeout=_SECONDS)
        except QueryRefusedError as exc:
            error: MasklineError = exc
        except MasklineError as exc:
            if exc.code.startswith("audit"):
                raise
            error = exc
        else:
            return Answer(question=question, result=result, plan=plan)
    return NoAnswer(question=question, error=error)
