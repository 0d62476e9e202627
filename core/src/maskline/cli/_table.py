"""Rows and plans as tables on a terminal.

Whatever comes from data, queries or policies is shown, never obeyed: control characters are
written out. Colour only repeats what words say. This module knows rich and results.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa
from rich import box
from rich.table import Table
from rich.text import Text

from maskline._cells import cell_text, is_numeric, method_of, visible
from maskline.model import PUBLIC, Flow, MaskedRead, OutputColumn, Strategy
from maskline.planning import Plan

__all__ = ["STYLES", "plan_lines", "rows_table"]

STYLES: Final = {
    "token": "blue",
    "partial": "yellow",
    "removed": "red",
    "scan": "magenta",
    "revealed": "green",
}
_HOW: Final = {
    Strategy.COMMUTING: (
        "the database runs the query once, and the columns of the answer are masked as they "
        "leave.\nEvery use of a masked column was proved to give what a masked copy would give."
    ),
    Strategy.AT_READ: (
        "the database runs the query once, and masks columns as it reads them.\n"
        "So the query computes with masks, as it would on a masked copy. On raw values it would "
        "not be the same:"
    ),
    Strategy.LOCAL: (
        "the database runs the query once, on temporary tables that hold masked rows only.\n"
        "So the query computes with masks, as it would on a masked copy. On raw values it would "
        "not be the same:"
    ),
}


def rows_table(outputs: Sequence[OutputColumn], table: pa.Table) -> Table:
    """Return rows with a header that tells how each column was treated.

    Args:
        outputs: The columns, by position.
        table: The rows to show, all of them.
    """
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="")
    for output, field in zip(outputs, table.schema, strict=True):
        method = method_of(output)
        style = STYLES.get(method, "blue" if method else "")
        title = Text(visible(output.name) or "(no name)", style="bold")
        if method:
            title.append(f"\n{visible(output.label.entity)}\n{method}", style=f"not bold {style}")
        shown.add_column(
            title,
            justify="right" if is_numeric(str(field.type)) else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    columns = [map(_cell, table.column(place)) for place in range(table.num_columns)]
    for row in zip(*columns, strict=True):
        shown.add_row(*row)
    return shown


def _cell(scalar: pa.Scalar) -> Text:
    if not scalar.is_valid:
        return Text("NULL", style="dim italic")
    value = scalar.as_py()
    if value in ("", b""):
        return Text("(empty)", style="dim italic")
    return Text(cell_text(value))


def plan_lines(plan: Plan, refusals: Iterable[tuple[str, str]]) -> list[Text | Table]:
    """Return what a plan says, for a console to print.

    Args:
        plan: What was planned.
        refusals: Every reason for a refusal and its mend; none if the query would be answered.
    """
    refused = list(refusals)
    lines: list[Text | Table] = []
    if refused:
        lines.append(Text.assemble(("refused", "bold yellow"), ": nothing would be read."))
        for reason, hint in refused:
            lines.append(Text.assemble("  - ", visible(reason)))
            if hint:
                lines.append(Text.assemble("    ", ("hint", "cyan"), f": {visible(hint)}"))
    else:
        how = _HOW[plan.strategy]
        lines.append(Text.assemble((plan.strategy.value, "bold green"), ": ", how))
        lines += [Text(f"  - {visible(reason)}") for reason in plan.reasons]
    # Of a query that is refused, nothing is decided about the columns.
    if plan.outputs and not refused:
        lines += [Text(""), _outputs(plan.outputs)]
    if plan.influences:
        ways = "; ".join(f"{ref} ({_ways(flows)})" for ref, flows in plan.influences)
        lines += [Text(""), Text(f"which rows there are depends on: {visible(ways)}")]
    if plan.reads:
        lines.append(Text(f"reads: {visible(', '.join(map(str, sorted(plan.reads))))}"))
    if not refused:
        lines += [Text(f"reads masked: {visible(_read(read))}") for read in plan.masked_reads]
        lines += [
            Text(f"looks up: {count} literal{'' if count == 1 else 's'} in {visible(str(ref))}")
            for ref, count in plan.looked_up
        ]
    lines += [Text(f"note: {visible(note)}") for note in plan.notes]
    return lines


def _read(read: MaskedRead) -> str:
    """Return what of a table is read masked. Where that is no column, an index could betray it."""
    masked = ", ".join(column.name for column in read.columns if column.mask is not None)
    filtered = "; a filter on columns without a mask comes first" if read.pushed else ""
    return f"{read.schema}.{read.relation} ({masked or 'the order of its rows'}{filtered})"


def _how(output: OutputColumn) -> str:
    """Return what becomes of a column, and where if its values are not even fetched."""
    by_database = ", by the database" * output.is_fixed
    return f"{output.mask or method_of(output) or 'as it is'}{by_database}"


def _outputs(outputs: Sequence[OutputColumn]) -> Table:
    table = Table("column", "comes from", "what it is", "mask", "decided by", box=None)
    table.pad_edge = False
    for output in outputs:
        style = STYLES.get(method_of(output), "blue" if output.mask else "")
        sources = (
            f"{ref} ({_ways(flows)})" if flows != (Flow.IDENTITY,) else str(ref)
            for ref, flows in output.sources
        )
        what = "" if output.label.entity == PUBLIC and not output.mask else output.label.entity
        table.add_row(
            Text(visible(output.name), style="bold"),
            Text("\n".join(map(visible, sources))),
            Text(visible(what), style=style),
            Text(_how(output), style=style),
            Text(visible(output.rule)),
        )
    return table


def _ways(flows: Iterable[Flow]) -> str:
    return ", ".join(flow.value.lower().replace("_", " ") for flow in flows)
