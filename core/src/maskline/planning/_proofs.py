"""Proves, use by use, that masking the answer is the same as asking a masked copy.

The argument: a mask is a function of the value, and null for null. Where it is injective on the
values that meet, two of them are equal exactly if their masks are, so comparing, grouping and
counting them gives the same on both sides. An expression made of nothing but such results is the
same on both sides too. What is not covered by this is refused. This module knows labels and
decisions as functions. It does not know SQL.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from maskline.model import (
    PUBLIC,
    UNKNOWN,
    Column,
    ColumnRef,
    Decision,
    Kind,
    Label,
    Literals,
    Mask,
    OptionValue,
    Traits,
)
from maskline.planning._values import Bare, Refusal, Use, UseKind
from maskline.planning.analyze import Analysis

__all__ = ["Judge", "Verdict"]

_SELECT_BARE: Final = "Select the column bare; a token can be joined, grouped and counted."


@dataclass(frozen=True, slots=True)
class _Class:
    """What columns must share for their masked values to be comparable."""

    mask: Mask
    domain: OptionValue
    paths: tuple[tuple[str, str], ...]
    type: str


@dataclass(frozen=True)
class Verdict:
    """What the policy makes of one column, for whoever asks."""

    ref: ColumnRef
    column: Column
    label: Label
    decision: Decision
    traits_of: Callable[[Mask, Label, Kind], Traits]

    @property
    def is_masked(self) -> bool:
        """Whether the column's values must not be seen as they are."""
        return self.decision.mask is not None or self.decision.is_denied

    @cached_property
    def traits(self) -> Traits:
        """What may be concluded from the column's masked values."""
        if self.decision.mask is None:
            return Traits(injective=False, keeps_nulls=False)
        return self.traits_of(self.decision.mask, self.label, self.column.kind)

    @property
    def minimum_group(self) -> int:
        """How many of the column's values a sum of them has to be made of; 0 if none may be seen.

        Where a query is denied altogether, no sum may be seen, either.
        """
        return 0 if self.decision.is_denied else self.traits.minimum_group

    @cached_property
    def family(self) -> _Class | None:
        """The class of the column; None if it has no mask."""
        mask = self.decision.mask
        if mask is None:
            return None
        column = self.column
        is_text = column.kind is Kind.TEXT and column.exact_equality
        return _Class(
            mask,
            dict(mask.options).get("domain", self.label.entity),
            self.label.paths,
            Kind.TEXT.value if is_text else f"{column.kind.value} {column.type.upper()}",
        )

    def __str__(self) -> str:
        """Return the column and why it is masked, for a reason."""
        return f"{self.ref} ({self.label.entity}), which is masked for you by {self.decision.rule}"


class Judge:
    """Decides whether the uses of columns in one query are harmless.

    Args:
        analysis: The query.
        columns: The catalogue.
        label_of: What a column is.
        decide: What the policy says about a label.
        traits_of: What may be concluded from masked values.
    """

    def __init__(
        self,
        analysis: Analysis,
        columns: Mapping[ColumnRef, Column],
        *,
        label_of: Callable[[ColumnRef], Label],
        decide: Callable[[Label], Decision],
        traits_of: Callable[[Mask, Label, Kind], Traits],
    ) -> None:
        self._analysis = analysis
        self._columns = columns
        self._label_of = label_of
        self._decide = decide
        self._traits_of = traits_of
        self._verdicts: dict[ColumnRef, Verdict] = {}

    def verdict(self, ref: ColumnRef) -> Verdict:
        """Return what the policy makes of a column."""
        known = self._verdicts.get(ref)
        if known is None:
            label = self._label_of(ref)
            if ref in self._analysis.views and label.entity == UNKNOWN:
                # What a view computes is judged by the columns that it computes it from.
                label = Label(entity=PUBLIC)
                decision = Decision(mask=None, rule="")
            else:
                decision = self._decide(label)
            known = self._verdicts[ref] = Verdict(
                ref, self._columns[ref], label, decision, self._traits_of
            )
        return known

    def masked(self, part: Bare) -> list[Verdict]:
        """Return the masked columns among those of a bare value, in order."""
        verdicts = (self.verdict(ref) for ref in sorted(part or ()))
        return [verdict for verdict in verdicts if verdict.is_masked]

    def denials(self) -> Iterable[Refusal]:
        """Return a reason for every column that nobody may touch."""
        for ref in sorted(self._analysis.active):
            verdict = self.verdict(ref)
            if verdict.decision.is_denied:
                yield Refusal(
                    reason=f"{verdict.ref} ({verdict.label.entity}) is denied to you by "
                    f"{verdict.decision.rule}.",
                    hint="Name the columns you need, without this one.",
                )

    def denied_literals(self) -> Iterable[Refusal]:
        """Return a reason for every column that may not be compared with a text of the query."""
        for use in self._analysis.uses:
            for verdict in self.masked(use.columns) if use.literals else ():
                if verdict.decision.literals is Literals.DENY:
                    yield Refusal(
                        reason=f"{verdict}, is compared with a literal ({use.what}), which the "
                        "policy denies to you.",
                        hint="Leave the comparison out, or ask for `literals: lookup`.",
                    )

    def looked_up(self, columns: frozenset[ColumnRef] | None) -> Verdict | None:
        """Return how a literal that is compared with some columns is masked to look it up.

        None where the policy does not let it be looked up, or where it cannot be.
        """
        verdict = self.common(columns)
        if verdict is None or not self._injective(verdict):
            return None
        return verdict if verdict.decision.literals is Literals.LOOKUP else None

    def judge(self, use: Use) -> Refusal | None:  # noqa: PLR0911 - one for each kind of use
        """Return why a use gives something away; None if it is proved that it does not."""
        masked = [verdict for part in use.parts for verdict in self.masked(part)]
        if not masked:
            return None
        match use.kind:
            case UseKind.EQUALITY | UseKind.MIX:
                return self._together(use, masked)
            case UseKind.GROUP | UseKind.DISTINCT | UseKind.PARTITION:
                return self._together(use, masked) or self._tells_apart(use, masked)
            case UseKind.MEASURE if all(verdict.minimum_group for verdict in masked):
                return None
            case UseKind.MEASURE if use.what == "COUNT":
                return self._keeps_nulls(use, masked)
            case UseKind.COUNT | UseKind.NULL_TEST:
                return self._keeps_nulls(use, masked)
            case UseKind.TEXT_CAST if self._are_text(masked):
                return self._together(use, masked)
            case UseKind.SORT:
                reason = f"Rows are sorted by {masked[0]}."
                return Refusal(reason=reason, hint="Sort by a column that is not masked.")
            case UseKind.ROW_ORDER:
                return Refusal(
                    reason=f"{_begun(use.what)} depends on the order of rows, "
                    f"which the engine may take from {masked[0]}.",
                    hint="Use rank(), or compute it before joining or grouping by that column.",
                )
            case _:
                verb = "is made of" if use.what.startswith("a ") else "is applied to"
                return Refusal(
                    reason=f"{_begun(use.what)} {verb} {masked[0]}.",
                    hint=_SELECT_BARE,
                )

    def common(self, part: Bare) -> Verdict | None:
        """Return one of the masked columns of a bare value if all its columns are of its class."""
        masked = self.masked(part)
        if not masked or self._free(part):
            return None
        return masked[0] if len({verdict.family for verdict in masked}) == 1 else None

    def _free(self, part: Bare) -> list[Verdict]:
        """Return the columns of a bare value that may be seen, but for those of views.

        A column of a view that only hands on a table's column is judged by the latter.
        """
        verdicts = (
            self.verdict(ref) for ref in sorted(part or ()) if ref not in self._analysis.copies
        )
        return [verdict for verdict in verdicts if not verdict.is_masked]

    def _together(self, use: Use, masked: list[Verdict]) -> Refusal | None:
        """Return why values that meet in one place may not."""
        verb = "compared with" if use.kind is UseKind.EQUALITY else "mixed with"
        free = [verdict for part in use.parts for verdict in self._free(part)]
        other = next((v for v in masked if v.family != masked[0].family), None)
        is_looked_up = use.literals > 0 and self.looked_up(use.columns) is not None
        if sum(part is None for part in use.parts) > (use.literals if is_looked_up else 0):
            return Refusal(
                reason=f"{masked[0]}, is {verb} a literal or a computed value ({use.what}).",
                hint="Compare and mix masked columns only with columns masked the same way; a rule "
                "with `literals: lookup` lets a literal be compared."
                if use.literals
                else "Compare and mix masked columns only with columns masked the same way.",
            )
        if free:
            return Refusal(
                reason=f"{masked[0]}, is {verb} {free[0].ref}, which is not masked ({use.what}).",
                hint="Compare and mix masked columns only with columns masked the same way.",
            )
        if other:
            return Refusal(
                reason=f"{masked[0]}, is {verb} {other.ref} ({other.label.entity}), whose mask, "
                f"domain or type differs ({use.what}).",
                hint="Give both columns one label, or their masks one `domain`, and one type.",
            )
        return self._tells_apart(use, masked) if use.kind is UseKind.EQUALITY else None

    @staticmethod
    def _injective(verdict: Verdict) -> bool:
        traits = verdict.traits
        return traits.injective and traits.keeps_nulls and verdict.column.exact_equality

    def _tells_apart(self, use: Use, masked: list[Verdict]) -> Refusal | None:
        for verdict in masked:
            if self._injective(verdict):
                continue
            why = (
                f"its mask, {verdict.decision.mask}, does not keep different values apart"
                if verdict.column.exact_equality
                else "its type or collation takes different values for equal"
            )
            return Refusal(
                reason=f"{_begun(use.what)} needs to tell values apart of {verdict}, but {why}.",
                hint="Ask for a token in the policy, or leave the column out of this clause.",
            )
        return None

    def _keeps_nulls(self, use: Use, masked: list[Verdict]) -> Refusal | None:
        for verdict in masked:
            if not verdict.traits.keeps_nulls:
                return Refusal(
                    reason=f"{_begun(use.what)} tells where {verdict}, is null, "
                    f"and its mask, {verdict.decision.mask}, hides that.",
                    hint="Use COUNT(*), or leave the column out.",
                )
        return None

    @staticmethod
    def _are_text(masked: list[Verdict]) -> bool:
        return all(
            verdict.column.kind is Kind.TEXT and verdict.column.exact_equality for verdict in masked
        )


def _begun(what: str) -> str:
    """Return the beginning of a sentence; names of functions stay as they are."""
    return what if "()" in what else f"{what[0].upper()}{what[1:]}"
