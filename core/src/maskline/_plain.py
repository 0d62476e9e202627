"""Tables of plain text, for terminals and for notebooks that show nothing else.

Nothing in them commands a terminal: control characters are written out. This module knows results.
It does not know colours, hosts or HTML.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

from maskline._cells import cell_text, grouped, is_numeric, method_of, type_name, visible
from maskline._html import rest, size
from maskline.result import ColumnTreatment, MaskedResult

__all__ = ["result_text", "table_text"]

_WIDEST: Final = 40


def result_text(result: MaskedResult) -> str:
    """Return a masked result as text."""
    masked = sum(column.is_masked for column in result.columns)
    lines = [
        (
            f"{size(result)} · {masked} masked · {visible(result.source)} · policy "
            f"{result.policy_hash[:7]} · audit {result.query_id[:8]} · "
            f"{grouped(result.duration_ms)} ms"
        ),
        *(f"note: {visible(note)}" for note in result.notes),
    ]
    if result.columns:
        shown = result.table.slice(0, result.shown_rows)
        cells = [[_cell(value.as_py()) for value in column] for column in shown.columns]
        lines += table_text(
            [_head(column) for column in result.columns],
            list(zip(*cells, strict=True)),
            to_right=[is_numeric(column.type) for column in result.columns],
        )
    lines += filter(None, [rest(result, result.shown_rows)])
    return "\n".join(lines)


def table_text(
    heads: Sequence[Sequence[str]],
    rows: Sequence[Sequence[str]],
    *,
    to_right: Sequence[bool] | None = None,
    widest: int = _WIDEST,
) -> list[str]:
    """Return the lines of a table.

    Args:
        heads: For each column, the lines of its head, all of one number.
        rows: The cells of each row.
        to_right: Which columns stand to the right; by default none.
        widest: A longer cell is cut.
    """
    sides = to_right or [False] * len(heads)
    head = list(zip(*heads, strict=True))
    widths = [min(widest, max(map(cell_len, column))) for column in zip(*head, *rows, strict=True)]
    rule = "  ".join("─" * width for width in widths)
    return [
        *(_line(cells, widths, sides) for cells in head),
        rule,
        *(_line(cells, widths, sides) for cells in rows),
    ]


def _line(cells: Iterable[str], widths: Iterable[int], sides: Iterable[bool]) -> str:
    parts = [
        _fitted(cell, width, is_right=is_right)
        for cell, width, is_right in zip(cells, widths, sides, strict=True)
    ]
    return "  ".join(parts).rstrip()


def _fitted(cell: str, width: int, *, is_right: bool) -> str:
    """Return a cell of exactly so many columns of a terminal, which some letters take two of."""
    taken = cell_len(cell)
    if taken > width:
        return f"{set_cell_size(cell, width - 1)}…"
    return " " * (width - taken) + cell if is_right else cell + " " * (width - taken)


def _head(column: ColumnTreatment) -> tuple[str, str, str]:
    method = method_of(column.output)
    what = f"{column.output.label.entity} · {method}" if method else ""
    name = visible(column.output.name) or "(no name)"
    return name, type_name(column.type), visible(what)


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    return "(empty)" if value in ("", b"") else cell_text(value)
