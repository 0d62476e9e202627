"""Plans how one query is answered, for one principal: masked, or refused with reasons.

A plan is a pure function of the SQL, the catalogue, the labels and the policy's decisions. This
module does not know databases, values, keys or the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass

from maskline.model import (
    PUBLIC,
    Catalogue,
    ColumnRef,
    Decision,
    Flow,
    Kind,
    Label,
    Mask,
    OutputColumn,
    Strategy,
    Traits,
)
from maskline.planning import guard
from maskline.planning._proofs import Judge
from maskline.planning._values import Refusal, Taint, Value
from maskline.planning.analyze import Analysis, Output, analyze, columns_of, shuffle

__all__ = ["Plan", "Refusal", "plan_query"]

_SHUFFLED = (
    "Chance orders rows that the query does not order itself, because their order in the "
    "database may follow masked values."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one query is answered. It holds no literal but in *sql*.

    Attributes:
        strategy: COMMUTING or REFUSED.
        sql: The only text that may be sent to the database; empty if the query is refused.
        outputs: The columns of the answer, by position.
        reads: Every column that the query mentions, used or not; of views and what is behind them.
        influences: Columns that decide which rows there are, and how.
        refusals: Every reason why the query is refused; empty if it is not.
        notes: What a reader of the answer should know.
    """

    strategy: Strategy
    sql: str = ""
    outputs: tuple[OutputColumn, ...] = ()
    reads: frozenset[ColumnRef] = frozenset()
    influences: tuple[tuple[ColumnRef, tuple[Flow, ...]], ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()


def plan_query(
    sql: str,
    *,
    catalogue: Catalogue,
    label_of: Callable[[ColumnRef], Label],
    decide: Callable[[Label], Decision],
    traits_of: Callable[[Mask, Label, Kind], Traits],
) -> Plan:
    """Plan how a query is answered. No text makes this raise.

    Args:
        sql: Any text; one SELECT if it is to be answered.
        catalogue: What the database holds.
        label_of: What a column is; UNKNOWN where nobody said.
        decide: What the policy says about a label, for whoever asks.
        traits_of: What may be concluded from masked values of a kind.

    Returns:
        A plan. It is COMMUTING only if running its SQL and masking its outputs is proved to give
        what the SQL gives on a masked copy of the database.
    """
    if catalogue.dialect not in guard.DIALECTS:
        reason = "Queries in this engine's dialect cannot be analysed."
        return Plan(strategy=Strategy.REFUSED, refusals=(Refusal(reason=reason),))
    try:
        analysis = analyze(sql, catalogue)
    except Exception:  # noqa: BLE001 - whatever the analysis stumbles over, it must not be run
        analysis = Analysis(
            refusals=(
                Refusal(reason="The query cannot be analysed.", hint="Write it more simply."),
            )
        )
    judge = Judge(
        analysis,
        columns_of(catalogue),
        label_of=label_of,
        decide=decide,
        traits_of=traits_of,
    )
    return _planned(analysis, catalogue, judge)


def _planned(analysis: Analysis, catalogue: Catalogue, judge: Judge) -> Plan:
    refusals = dict.fromkeys(analysis.refusals)
    refusals.update(dict.fromkeys(judge.denials()))
    refusals.update(
        dict.fromkeys(refusal for use in analysis.uses if (refusal := judge.judge(use)))
    )
    outputs = []
    for output in analysis.outputs:
        column, refusal = _output(output, judge)
        outputs.append(column)
        if refusal:
            refusals[refusal] = None
    hidden = frozenset(verdict.ref for verdict in judge.masked(analysis.chance))
    is_shuffled = bool(hidden) and not refusals
    return Plan(
        strategy=Strategy.REFUSED if refusals else Strategy.COMMUTING,
        sql="" if refusals else shuffle(analysis, catalogue, masked=hidden),
        outputs=tuple(outputs),
        reads=analysis.reads,
        influences=_sorted(analysis.rows),
        refusals=tuple(refusals),
        notes=(*analysis.notes, _SHUFFLED) if is_shuffled else analysis.notes,
    )


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


def _revealed(value: Value, judge: Judge) -> tuple[Label, str]:
    """Return the label and rule of a sensitive column that whoever asks may see as it is."""
    carried = {Flow.IDENTITY, Flow.TRANSFORMATION, Flow.AGGREGATION}
    for ref in sorted({*value.taint, *(value.bare or ())}):
        flows = value.taint.get(ref, frozenset({Flow.IDENTITY}))
        verdict = judge.verdict(ref)
        if flows & carried and verdict.label.entity != PUBLIC and not verdict.is_masked:
            return verdict.label, verdict.decision.rule
    return Label(entity=PUBLIC), ""
