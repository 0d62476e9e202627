"""A masked result as a piece of a page, for notebooks and reports.

What this writes stands in pages of others: everything that comes from data, queries or policies is
escaped, nothing is loaded from elsewhere, no script runs, and every style is scoped to one class.
The meaning survives without the styles and the drawing, which some hosts strip. Colours follow the
text colour around it, so that one piece of HTML serves light and dark pages. This module knows
results. It does not know sessions, hosts or files.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from maskline._cells import cell_text, grouped, is_numeric, method_of, type_name, visible
from maskline.model import PUBLIC, Flow, OutputColumn
from maskline.result import ColumnTreatment, MaskedResult

__all__ = [
    "HUES",
    "chip",
    "hue",
    "rest",
    "result_html",
    "shield",
    "size",
    "sources_html",
    "style",
    "sureness",
    "text",
]

HUES: Final = {
    "token": "#2f5bd7",
    "partial": "#b26a00",
    "removed": "#c92a2a",
    "scan": "#7b3fc4",
    "revealed": "#1f7a3d",
}
"""A hue means a method. No meaning hangs on it alone: the method is written beside it."""

_OTHER: Final = "token"
_SANS: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
_MONO: Final = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'

# Hosts such as JupyterLab style tables with two classes and some elements; `&` outweighs that.
_CSS: Final = """
& {font: 13px/1.45 SANS; color: inherit; text-align: left; margin: 2px 0 6px; max-width: 100%}
& * {box-sizing: border-box}
& .mk-head {display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: baseline;
  justify-content: space-between; margin: 0 0 7px}
& .mk-shield {width: 15px; height: 15px; vertical-align: -2.5px; margin-right: 5px}
& .mk-soft, & .mk-type {color: color-mix(in srgb, currentColor 72%, transparent);
  font-weight: 400}
& .mk-from {color: color-mix(in srgb, currentColor 72%, transparent); font-size: 12px}
& code {font: 12px/1.45 MONO; background: none; color: inherit; padding: 0; border: 0}
& .mk-note {margin: 0 0 7px; padding: 3px 9px; border-left: 3px solid AMBER;
  background: color-mix(in srgb, AMBER 10%, transparent)}
& .mk-scroll {overflow: auto; border: 1px solid color-mix(in srgb, currentColor 18%, transparent);
  border-radius: 6px; width: fit-content; max-width: 100%; max-height: 36em}
& table {border-collapse: separate; border-spacing: 0; margin: 0; border: 0; font-size: 12.5px;
  color: inherit; table-layout: auto; width: auto; background: none}
& tr, & tbody tr:nth-child(n), & tbody tr:nth-child(n):hover {background: none}
& th, & td {text-align: left; padding: 3px 12px; border: 0; vertical-align: baseline;
  background: none; color: inherit; white-space: nowrap; max-width: none}
& td {max-width: 46ch; overflow: hidden; text-overflow: ellipsis}
& thead th {vertical-align: top; padding-top: 6px; padding-bottom: 7px; position: sticky; top: 0;
  background: PAGE; border-top: 2px solid transparent;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent)}
& tbody tr + tr td {border-top: 1px solid color-mix(in srgb, currentColor 10%, transparent)}
& .mk-name {display: block; font-weight: 650}
& .mk-type {display: block; font-size: 11.5px}
& .mk-number {text-align: right; font-variant-numeric: tabular-nums}
& i {font-style: italic; color: color-mix(in srgb, currentColor 70%, transparent)}
& .mk-chip {display: inline-block; margin: 4px 0 1px; padding: 0 8px; border-radius: 9px;
  border: 1px solid; font: 500 11px/17px SANS; white-space: nowrap}
& .mk-unsure {border-style: dashed}
& td.mk-masked {font: 12px/1.55 MONO; max-width: 25ch}
& td.mk-scan {font-family: SANS; font-size: 12.5px; max-width: 60ch}
& .mk-foot {margin: 5px 1px 0; font-size: 12px}
& details {margin: 5px 1px 0}
& summary {cursor: pointer; font-size: 12px; width: fit-content;
  color: color-mix(in srgb, currentColor 75%, transparent)}
& details .mk-scroll {margin: 6px 0 2px}
& details td {white-space: normal; max-width: 44ch}
& .mk-list td {white-space: normal; max-width: 88ch; overflow-wrap: anywhere}
& .mk-drawing text {fill: currentColor}
& .mk-drawing .back {fill: none}
& .mk-drawing .box {fill: none; stroke: color-mix(in srgb, currentColor 28%, transparent)}
& .mk-drawing .rule {stroke: color-mix(in srgb, currentColor 14%, transparent)}
& .mk-drawing .edge {stroke: color-mix(in srgb, currentColor 40%, transparent)}
& .mk-drawing .soft {fill: color-mix(in srgb, currentColor 72%, transparent)}
& .mk-drawing svg {display: block; max-width: 100%; height: auto}
@media print {& .mk-scroll {overflow: visible; max-height: none}
  & td {white-space: normal; overflow-wrap: anywhere}}
"""
_CSS_HUE: Final = """
& th.mk-masked.mk-NAME {border-top-color: HUE}
& td.mk-NAME {background: TINT}
& th.mk-NAME {background: linear-gradient(TINT, TINT) PAGE}
& .mk-drawing .edge.NAME {stroke: STRONG}
& .mk-drawing .dot.NAME, & .mk-drawing text.NAME, & .mk-drawing rect.NAME {fill: STRONG}
& .mk-chip.mk-NAME {color: STRONG;
  border-color: color-mix(in srgb, HUE 45%, transparent);
  background: color-mix(in srgb, HUE 11%, transparent)}
"""
_TINT: Final = "color-mix(in srgb, HUE 7%, transparent)"
_STRONG: Final = "color-mix(in srgb, HUE 56%, currentColor)"
# A header that stays while rows pass below it needs the colour of the page: of JupyterLab and what
# it exports, of VS Code, of our own pages, or else the browser's.
_PAGE: Final = "var(--jp-layout-color0, var(--vscode-editor-background, var(--card, Canvas)))"
_UNSURE: Final = 0.8
"""Of a column whose label is less sure than that, the reader is told so."""
_SHIELD: Final = (
    '<svg class="mk-shield" viewBox="0 0 16 16" width="15" height="15" aria-hidden="true" '
    'fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round" '
    'stroke-linecap="round"><path d="M8 1.2 2.4 3.2v4.3c0 3.4 2.3 5.9 5.6 7.3 3.3-1.4 5.6-3.9 '
    '5.6-7.3V3.2Z"/><path stroke="{hue}" stroke-width="1.7" d="m5.4 7.9 1.9 1.9 3.4-3.8"/></svg>'
)


def result_html(result: MaskedResult, *, rows: int | None = None, with_style: bool = True) -> str:
    """Return a masked result as HTML.

    Args:
        result: What to show.
        rows: How many rows at most; by default as many as the result says.
        with_style: Whether to bring the styles along; a page with several results needs them once.
    """
    most = result.shown_rows if rows is None else rows
    parts = [
        '<div class="maskline">',
        style() if with_style else "",
        _head(result),
        *(f'<div class="mk-note">note: {text(note)}</div>' for note in result.notes),
        _rows(result, most),
        _foot(result, most),
        _treatments(result),
        "</div>",
    ]
    return "\n".join(part for part in parts if part)


def style() -> str:
    """Return the element that styles everything with the class ``maskline``."""
    by_hue = _CSS_HUE.replace("TINT", _TINT).replace("STRONG", _STRONG)
    hues = "".join(by_hue.replace("NAME", name).replace("HUE", hue) for name, hue in HUES.items())
    css = (_CSS + hues).replace("AMBER", HUES["partial"]).replace("PAGE", _PAGE)
    css = css.replace("SANS", _SANS).replace("MONO", _MONO)
    return f"<style>{css.replace('&', '.maskline.maskline.maskline')}</style>"


def shield() -> str:
    """Return the drawing that stands before results. It says nothing that words do not."""
    return _SHIELD.format(hue=HUES["token"])


def text(value: str) -> str:
    """Return text that may stand between tags and in quoted attributes, all of it to be seen."""
    return escape(visible(value), quote=True)


def chip(output: OutputColumn) -> str:
    """Return what a column is and what was done to it; nothing where there was nothing to do."""
    method = method_of(output)
    if not method:
        return ""
    classes, words = f"mk-chip mk-{hue(method)}", f"{output.label.entity} · {method}"
    if output.label.confidence < _UNSURE:
        classes, words = f"{classes} mk-unsure", f"{words} · {output.label.confidence:.0%}?"
    return f'<span class="{classes}">{text(words)}</span>'


def sureness(output: OutputColumn) -> str:
    """Return how sure it is what a column is, such as ``71% sure``; empty if a person said so."""
    confidence = output.label.confidence
    return "" if confidence == 1 else f"{confidence:.0%} sure"


def hue(method: str) -> str:
    """Return the name of the hue of a method."""
    return method if method in HUES else _OTHER


def _head(result: MaskedResult) -> str:
    masked = sum(column.is_masked for column in result.columns)
    return (
        f'<div class="mk-head"><span>{shield()}<b>{size(result)}</b> '
        f'<span class="mk-soft">· {masked} masked</span></span> '
        f'<span class="mk-from">· {text(result.source)} · policy '
        f"<code>{text(result.policy_hash[:7])}</code> · audit "
        f"<code>{text(result.query_id[:8])}</code> · {grouped(result.duration_ms)} ms</span></div>"
    )


def size(result: MaskedResult) -> str:
    """Return how much a result holds, such as ``25 000 rows × 10 columns``."""  # noqa: RUF002 - it means "times"
    return f"{_count(len(result), 'row')} × {_count(len(result.columns), 'column')}"  # noqa: RUF001


def _count(number: int, noun: str) -> str:
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"


def _rows(result: MaskedResult, rows: int) -> str:
    if not result.columns:
        return ""
    shown = result.table.slice(0, rows)
    cells = [
        [_cell(value.as_py(), kind) for value in shown.column(place)]
        for place, kind in enumerate(map(_classes, result.columns))
    ]
    head = "".join(map(_header, result.columns))
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in zip(*cells, strict=True))
    return (
        f'<div class="mk-scroll"><table class="mk-table"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _classes(column: ColumnTreatment) -> str:
    """Return the attribute that tells how a column looks."""
    method = method_of(column.output)
    names = ["mk-masked", f"mk-{hue(method)}"] if method else []
    if is_numeric(column.type):
        names.append("mk-number")
    return f' class="{" ".join(names)}"' if names else ""


def _header(column: ColumnTreatment) -> str:
    name = text(column.output.name) or "<i>no name</i>"
    return (
        f'<th scope="col"{_classes(column)}><span class="mk-name">{name}</span> '
        f'<span class="mk-type">{text(type_name(column.type))}</span> {chip(column.output)}</th>'
    )


def _cell(value: object, classes: str) -> str:
    if value is None:
        return f"<td{classes}><i>NULL</i></td>"
    if value in ("", b""):
        return f"<td{classes}><i>empty</i></td>"
    shown = escape(cell_text(value), quote=True)
    return f"<td{classes}>{shown}</td>"


def rest(result: MaskedResult, rows: int) -> str:
    """Return what is not shown of a result of which so many rows are; empty if all is."""
    sentences = []
    if len(result) > rows:
        sentences.append(f"first {grouped(rows)} of {grouped(len(result))} rows shown")
    if result.is_truncated:
        sentences.append("stopped at the row limit, more rows exist")
    return " · ".join(sentences)


def _foot(result: MaskedResult, rows: int) -> str:
    words = rest(result, rows)
    return f'<div class="mk-foot mk-soft">{words}</div>' if words else ""


def _treatments(result: MaskedResult) -> str:
    if not result.columns:
        return ""
    heads = ("column", "comes from", "what it is", "mask", "decided by", "cells masked")
    head = "".join(f'<th scope="col"><span class="mk-name">{name}</span></th>' for name in heads)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in _treatment(column))}</tr>"
        for column in result.columns
    )
    purpose = f" · asked for: {text(result.purpose)}" if result.purpose else ""
    return (
        "<details><summary>How each column was treated</summary>"
        f'<div class="mk-scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
        f'<div class="mk-foot mk-soft">answered as <b>{text(result.strategy)}</b>{purpose} · '
        f"query <code>{text(result.query_id)}</code></div></details>"
    )


def _treatment(column: ColumnTreatment) -> Iterator[str]:
    output = column.output
    yield f"<b>{text(output.name)}</b>" if output.name else "<i>no name</i>"
    yield "<br>".join(sources_html(output)) or "<i>no column</i>"
    why = ", ".join(filter(None, (output.label.evidence, sureness(output))))
    evidence = f' <span class="mk-soft">({text(why)})</span>'
    is_named = output.label.entity != PUBLIC or output.mask is not None
    yield (text(output.label.entity) + (evidence if why else "")) * is_named
    revealed = "revealed" if method_of(output) else "as it is"
    yield f"<code>{text(str(output.mask))}</code>" if output.mask else revealed
    yield f"<code>{text(output.rule)}</code>" if output.rule else ""
    yield grouped(column.cells) if output.mask else ""


def sources_html(output: OutputColumn) -> Iterable[str]:
    """Give each database column that reaches an output, and how unless it is as it is."""
    for ref, flows in output.sources:
        ways = ", ".join(flow.value.lower() for flow in flows if flow is not Flow.IDENTITY)
        how = f' <span class="mk-soft">({text(ways)})</span>' if ways else ""
        yield f"<code>{text(str(ref))}</code>{how}"
