"""Plans how one query is answered, for one principal: masked, or refused with reasons.

A plan is a pure function of the SQL, the catalogue, the labels and the policy's decisions. This
module does not know databases, values, keys or the clock.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from maskline.model import (
    PUBLIC,
    Catalogue,
    ColumnRef,
    Decision,
    Flow,
    Kind,
    Label,
    Mask,
    MaskedRead,
    OutputColumn,
    Strategy,
    Traits,
)
from maskline.planning import guard
from maskline.planning._fixed import MARK, fixed_outputs
from maskline.planning._masked import Lookup, Reader, Rewriter, UnmaskableError
from maskline.planning._proofs import Judge, Verdict
from maskline.planning._released import released
from maskline.planning._values import COMPARED, Refusal, Taint, UseKind, Value
from maskline.planning.analyze import Analysis, Output, analyze, columns_of

__all__ = ["Lookup", "Plan", "Refusal", "plan_query"]

_SHUFFLED: Final = (
    "Chance orders rows that the query does not order itself, because their order in the "
    "database may follow masked values."
)
_ON_MASKS: Final = (
    "Masked columns are computed with as they are shown: the query sorts, compares and transforms "
    "their masks, not the values behind them."
)
_EQUALS_NONE: Final = (
    "{ref} is compared with a literal, and what it holds is masked: a raw value equals none of it, "
    "a masked one does. A rule with `literals: lookup` would find the row of a raw one."
)
_NO_SUMS: Final = (
    "Sums and averages of {ref} are null here: they are made of its values only where all of the "
    "query can run on raw values."
)
_CARRIED: Final = frozenset({Flow.IDENTITY, Flow.TRANSFORMATION, Flow.AGGREGATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one query is answered. It holds no literal but in *sql*, *checked* and *lookups*.

    Attributes:
        strategy: How.
        sql: The only text that may be sent to the database; empty if the query is refused.
        checked: The same query on raw values: what it reads is asked of the database before.
        outputs: The columns of the answer, by position.
        reads: Every column that the query mentions, used or not; of views and what is behind them.
        influences: Columns that decide which rows there are, and how.
        refusals: Every reason why the query is refused; empty if it is not.
        reasons: Why it is not COMMUTING; empty if it is.
        masked_reads: What is read masked, where the strategy is AT_READ or LOCAL.
        lookups: Literals that have to be masked in *sql*, under the same strategies.
        looked_up: Columns in which literals of the query are looked up, and how many literals.
        notes: What a reader of the answer should know.
    """

    strategy: Strategy
    sql: str = ""
    checked: str = ""
    outputs: tuple[OutputColumn, ...] = ()
    reads: frozenset[ColumnRef] = frozenset()
    influences: tuple[tuple[ColumnRef, tuple[Flow, ...]], ...] = ()
    refusals: tuple[Refusal, ...] = ()
    reasons: tuple[str, ...] = ()
    masked_reads: tuple[MaskedRead, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    looked_up: tuple[tuple[ColumnRef, int], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is known of whoever asks, and of the database."""

    catalogue: Catalogue
    label_of: Callable[[ColumnRef], Label]
    decide: Callable[[Label], Decision]
    traits_of: Callable[[Mask, Label, Kind], Traits]
    masks_by: Strategy
    prefix: str
    may_fix: bool = True


def plan_query(  # noqa: PLR0913 - all that a plan is a function of
    sql: str,
    *,
    catalogue: Catalogue,
    label_of: Callable[[ColumnRef], Label],
    decide: Callable[[Label], Decision],
    traits_of: Callable[[Mask, Label, Kind], Traits],
    masks_by: Strategy = Strategy.REFUSED,
    prefix: str = "maskline",
) -> Plan:
    """Plan how a query is answered. No text makes this raise.

    Args:
        sql: Any text; one SELECT if it is to be answered.
        catalogue: What the database holds.
        label_of: What a column is; UNKNOWN where nobody said.
        decide: What the policy says about a label, for whoever asks.
        traits_of: What may be concluded from masked values of a kind.
        masks_by: How the source can run a query on masked values: AT_READ or LOCAL; REFUSED if it
            cannot.
        prefix: Begins the names of functions and tables that maskline makes for the query. Lower
            case letters, digits and underscores; nothing else in the database has such a name.

    Returns:
        A plan. It is COMMUTING only if running its SQL and masking its outputs is proved to give
        what the SQL gives on a masked copy of the database.
    """
    if catalogue.dialect not in guard.DIALECTS:
        reason = "Queries in this engine's dialect cannot be analysed."
        return Plan(strategy=Strategy.REFUSED, refusals=(Refusal(reason=reason),))
    request = _Request(
        catalogue=catalogue,
        label_of=label_of,
        decide=decide,
        traits_of=traits_of,
        masks_by=masks_by,
        prefix=prefix,
    )
    try:
        analysis = analyze(sql, catalogue)
        return _planned(analysis, request)
    except Exception:  # noqa: BLE001 - whatever the analysis stumbles over, it must not be run
        refusal = Refusal(reason="The query cannot be analysed.", hint="Write it more simply.")
        return Plan(strategy=Strategy.REFUSED, refusals=(refusal,))


def _judge(analysis: Analysis, request: _Request) -> Judge:
    return Judge(
        analysis,
        columns_of(request.catalogue),
        label_of=request.label_of,
        decide=request.decide,
        traits_of=request.traits_of,
    )


def _planned(analysis: Analysis, request: _Request) -> Plan:
    judge = _judge(analysis, request)
    never = dict.fromkeys((*analysis.refusals, *judge.denials(), *judge.denied_literals()))
    refusals = dict.fromkeys(
        refusal for use in analysis.uses if (refusal := judge.judge(use)) is not None
    )
    outputs = []
    for output in analysis.outputs:
        column, refusal = _output(output, judge)
        outputs.append(column)
        if refusal:
            refusals[refusal] = None
    plan = Plan(
        strategy=Strategy.COMMUTING,
        checked=analysis.sql,
        outputs=tuple(outputs),
        reads=analysis.reads,
        influences=_sorted(analysis.rows),
        looked_up=_looked_up(analysis, judge),
        notes=analysis.notes,
    )
    if never:
        return replace(
            plan, strategy=Strategy.REFUSED, checked="", refusals=(*never, *refusals), looked_up=()
        )
    if not refusals:
        hidden = frozenset(verdict.ref for verdict in judge.masked(analysis.chance))
        fixed = _fixed(analysis, judge, request.catalogue.dialect) if request.may_fix else {}
        return replace(
            plan,
            sql=released(
                analysis,
                request.catalogue,
                masked=hidden,
                minimums=_minimums(analysis, judge),
                fixed=fixed,
            ),
            outputs=tuple(
                replace(output, is_fixed=position in fixed)
                for position, output in enumerate(plan.outputs)
            ),
            lookups=tuple(
                Lookup(
                    placeholder=f"{MARK}{position}",
                    text=MARK,
                    label=plan.outputs[position].label,
                    mask=verdict.decision.mask,
                )
                for position, verdict in fixed.items()
                if verdict.decision.mask and verdict.traits.keeps_nulls
            ),
            notes=(*plan.notes, _SHUFFLED) if hidden and _is_told(analysis) else plan.notes,
        )
    return _on_masked_values(plan, analysis, judge, request, tuple(refusals))


def _fixed(analysis: Analysis, judge: Judge, dialect: str) -> dict[int, Verdict]:
    """Return which columns of the answer the database can fill in, and which column each is."""
    if analysis.tree is None or MARK in analysis.sql:
        return {}
    bare = {
        position: judge.verdict(next(iter(output.value.bare)))
        for position, output in enumerate(analysis.outputs)
        if output.value.bare and len(output.value.bare) == 1
    }
    masked = {position: verdict for position, verdict in bare.items() if verdict.is_masked}
    return fixed_outputs(analysis.tree, masked, dialect)


def _is_told(analysis: Analysis) -> bool:
    """Whether chance is worth a note: whoever orders all rows knows that some may tie."""
    clauses = analysis.tree.args if analysis.tree else {}
    return not clauses.get("order") or bool(clauses.get("limit") or clauses.get("offset"))


def _on_masked_values(
    plan: Plan,
    analysis: Analysis,
    judge: Judge,
    request: _Request,
    refusals: tuple[Refusal, ...],
) -> Plan:
    """Plan to run a query on masked values, because running it on raw ones is not the same."""

    def reader_of(sql: str) -> Reader | None:
        found = analyze(sql, request.catalogue)
        its_plan = _planned(found, replace(request, masks_by=Strategy.REFUSED, may_fix=False))
        if its_plan.strategy is not Strategy.COMMUTING:
            return None
        return Reader(
            sql=its_plan.sql,
            is_shuffled=its_plan.sql != found.sql,
            outputs=its_plan.outputs,
        )

    refused = replace(plan, strategy=Strategy.REFUSED, checked="", refusals=refusals, looked_up=())
    if request.masks_by is Strategy.REFUSED or request.prefix in analysis.sql:
        return refused
    rewriter = Rewriter(
        analysis,
        request.catalogue,
        judge,
        strategy=request.masks_by,
        prefix=request.prefix,
        reader_of=reader_of,
    )
    try:
        sql = rewriter.rewrite()
    except UnmaskableError:
        return refused
    compared = {
        verdict.ref: None
        for use in analysis.uses
        if use.literals and judge.looked_up(use.columns) is None
        for verdict in judge.masked(use.columns)
    }
    return replace(
        plan,
        strategy=request.masks_by,
        sql=sql,
        outputs=tuple(
            _derived(output, column, judge)
            for output, column in zip(analysis.outputs, plan.outputs, strict=True)
        ),
        reasons=tuple(refusal.reason for refusal in refusals),
        masked_reads=tuple(rewriter.reads),
        lookups=tuple(rewriter.lookups),
        notes=(
            *plan.notes,
            _ON_MASKS,
            *(_EQUALS_NONE.format(ref=ref) for ref in compared),
            *(_NO_SUMS.format(ref=ref) for ref in _minimums(analysis, judge)),
        ),
    )


def _looked_up(analysis: Analysis, judge: Judge) -> tuple[tuple[ColumnRef, int], ...]:
    """Count the literals that are looked up, by column."""
    if analysis.tree is None or not any(use.literals for use in analysis.uses):
        return ()
    counted: Counter[ColumnRef] = Counter()
    for node in analysis.tree.find_all(exp.Literal):
        verdict = judge.looked_up(node.meta.get(COMPARED))
        if verdict is not None:
            counted[verdict.ref] += 1
    return tuple(sorted(counted.items()))


def _minimums(analysis: Analysis, judge: Judge) -> dict[ColumnRef, int]:
    """Return how many values sums of masked columns need."""
    measured = {ref for use in analysis.uses if use.kind is UseKind.MEASURE for ref in use.columns}
    return {
        verdict.ref: verdict.minimum_group
        for verdict in judge.masked(frozenset(measured))
        if verdict.minimum_group
    }


def _sorted(taint: Taint) -> tuple[tuple[ColumnRef, tuple[Flow, ...]], ...]:
    return tuple((ref, tuple(sorted(flows))) for ref, flows in sorted(taint.items()))


def _output(output: Output, judge: Judge) -> tuple[OutputColumn, Refusal | None]:
    """Return a column of the answer, and why it cannot be masked if it cannot."""
    value = output.value
    sources = _sorted(value.taint)
    masked = judge.masked(value.bare)
    if not masked:
        label, rule = _revealed(value, judge)
        return OutputColumn(name=output.name, sources=sources, label=label, rule=rule), None
    common = judge.common(value.bare)
    first = common or masked[0]
    column = OutputColumn(
        name=output.name,
        sources=sources,
        label=first.label,
        mask=first.decision.mask,
        rule=first.decision.rule,
    )
    if common:
        return column, None
    return column, Refusal(
        reason=f"An output column holds values of {first}, and of columns masked otherwise.",
        hint="Select the columns one by one.",
    )


def _derived(output: Output, column: OutputColumn, judge: Judge) -> OutputColumn:
    """Return a column of an answer on masked values: it is masked as what it is made of."""
    masked = judge.masked(frozenset(_carried(output.value)))
    if not masked:
        return column
    first = masked[0]
    return replace(column, label=first.label, mask=first.decision.mask, rule=first.decision.rule)


def _carried(value: Value) -> Iterable[ColumnRef]:
    """Yield the columns whose values, or parts of them, reach a value."""
    for ref in sorted({*value.taint, *(value.bare or ())}):
        if value.taint.get(ref, frozenset({Flow.IDENTITY})) & _CARRIED:
            yield ref


def _revealed(value: Value, judge: Judge) -> tuple[Label, str]:
    """Return the label and rule of a sensitive column that whoever asks may see as it is."""
    for ref in _carried(value):
        verdict = judge.verdict(ref)
        if verdict.label.entity != PUBLIC and not verdict.is_masked:
            return verdict.label, verdict.decision.rule
    return Label(entity=PUBLIC), ""
