"""Asks earlier results by SQL. They are masked already, and so is every answer made of them.

An embedded database of its own, without files or network, holds the masked rows only. What a column
of an earlier result is travels along with it into the answer, through expressions too. This module
knows results, DuckDB and the planner. It does not know sessions, sources or policies.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import pyarrow as pa

from maskline.errors import QueryFailedError, QueryRefusedError
from maskline.model import (
    PUBLIC,
    Catalogue,
    Column,
    ColumnRef,
    Decision,
    Flow,
    Kind,
    Label,
    OutputColumn,
    Relation,
    Strategy,
    Traits,
)
from maskline.planning import Plan, plan_query
from maskline.result import ColumnTreatment, MaskedResult

__all__ = ["DIALECT", "SOURCE", "ask"]

SOURCE: Final = "results"
"""What such a connection is called."""
DIALECT: Final = "duckdb"
_SCHEMA: Final = "main"
_CONFIG: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}
_SEEN: Final = Decision(mask=None, rule="")


@dataclass(frozen=True, slots=True)
class _Answered:
    """What is known of a column of an earlier result, when a new one is made of it."""

    result: MaskedResult
    output: OutputColumn


def ask(sql: str, results: Mapping[str, MaskedResult], *, limit: int | None) -> MaskedResult:
    """Answer one SELECT on earlier results.

    Args:
        sql: In DuckDB's dialect. The tables are *results*, by their names.
        results: Whatever may be asked; what the query does not name is not touched.
        limit: At most so many rows.

    Returns:
        The answer. Its columns carry the labels and masks of what they are made of.

    Raises:
        QueryRefusedError: It is no single SELECT on those tables.
        QueryFailedError: The embedded database could not run it.
    """
    began = time.monotonic()
    named = {name: each for name, each in results.items() if re.search(rf"(?i)\b{name}\b", sql)}
    columns = _columns(named)
    plan = _planned(sql, named)
    table = _run(plan.sql, named, limit)
    is_cut = limit is not None and table.num_rows > limit
    table = table.slice(0, limit) if limit is not None else table
    outputs = [_carried(output, columns) for output in plan.outputs]
    used = {columns[ref].result.query_id: columns[ref].result for ref in plan.reads}
    read = list(used.values())
    return MaskedResult(
        table=table,
        columns=tuple(
            ColumnTreatment(
                output=output,
                type=str(field.type),
                cells=table.num_rows - table.column(place).null_count if output.mask else 0,
            )
            for place, (output, field) in enumerate(zip(outputs, table.schema, strict=True))
        ),
        query_id=", ".join(used),
        source=", ".join(dict.fromkeys(each.source for each in read)) or SOURCE,
        strategy=Strategy.LOCAL,
        policy_hash=read[0].policy_hash if read else "",
        purpose=", ".join(dict.fromkeys(each.purpose for each in read if each.purpose)),
        is_truncated=is_cut or any(each.is_truncated for each in read),
        duration_ms=round((time.monotonic() - began) * 1000),
        notes=("Made of earlier results, which are masked; no database was asked.",),
    )


def _columns(results: Mapping[str, MaskedResult]) -> dict[ColumnRef, _Answered]:
    return {
        ColumnRef(_SCHEMA, name, column.output.name): _Answered(result, column.output)
        for name, result in results.items()
        for column in result.columns
    }


def _planned(sql: str, results: Mapping[str, MaskedResult]) -> Plan:
    """Have the planner see that it is one harmless SELECT, and where its columns come from."""
    relations = tuple(
        Relation(
            schema=_SCHEMA,
            name=name,
            columns=tuple(
                Column(name=each.output.name, type=each.type, kind=Kind.OTHER)
                for each in result.columns
            ),
        )
        for name, result in results.items()
    )
    plan = plan_query(
        sql,
        catalogue=Catalogue(
            dialect=DIALECT, default_schema=_SCHEMA, relations=relations, version=""
        ),
        label_of=lambda _: Label(entity=PUBLIC),
        decide=lambda _: _SEEN,
        traits_of=lambda _mask, _label, _kind: Traits(injective=False, keeps_nulls=False),
    )
    if plan.refusals:
        reason = " ".join(refusal.reason for refusal in plan.refusals)
        raise QueryRefusedError(
            reason,
            hint=" ".join(dict.fromkeys(refusal.hint for refusal in plan.refusals if refusal.hint)),
        )
    return plan


def _run(sql: str, results: Mapping[str, MaskedResult], limit: int | None) -> pa.Table:
    kind = ""
    with duckdb.connect(config=dict(_CONFIG)) as connection:
        try:
            for name, result in results.items():
                connection.register(name, result.table)
            relation = connection.sql(sql)
            # One row more tells whether there are more.
            return (relation if limit is None else relation.limit(limit + 1)).to_arrow_table()
        except duckdb.Error as exc:
            kind = type(exc).__name__
    msg = f"The embedded database could not answer it: {kind}."
    raise QueryFailedError(msg, hint="Its message is withheld, because it may quote values.")


def _carried(output: OutputColumn, columns: Mapping[ColumnRef, _Answered]) -> OutputColumn:
    """Return an output with the label and mask of what it is made of, and where that came from."""
    direct = [
        columns[ref].output
        for ref, flows in output.sources
        if any(flow.is_direct and flow is not Flow.COUNT for flow in flows)
    ]
    marked = next((each for each in direct if each.mask or each.rule), None)
    sources = tuple(_origins(output, columns))
    if marked is None:
        return replace(output, sources=sources)
    return replace(output, sources=sources, label=marked.label, mask=marked.mask, rule=marked.rule)


def _origins(
    output: OutputColumn, columns: Mapping[ColumnRef, _Answered]
) -> Iterator[tuple[ColumnRef, tuple[Flow, ...]]]:
    """Give the columns of databases behind an output; what was changed on the way says so."""
    found: dict[ColumnRef, set[Flow]] = {}
    for ref, flows in output.sources:
        for origin, earlier in columns[ref].output.sources:
            ways = {*flows, *earlier}
            if len(ways) > 1:
                ways.discard(Flow.IDENTITY)
            found.setdefault(origin, set()).update(ways)
    for origin, ways in found.items():
        yield origin, tuple(sorted(ways))
