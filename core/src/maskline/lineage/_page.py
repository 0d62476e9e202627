"""Writes a graph of columns as one page that needs nothing else.

No script runs and nothing is loaded: the page forbids it to itself. Light or dark is as the reader
has it. This module knows HTML. It does not know where events come from.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from maskline._cells import grouped, method_of
from maskline._html import shield, text
from maskline.lineage._drawing import to_svg
from maskline.lineage._graph import Graph, SourceColumn
from maskline.model import PUBLIC

__all__ = ["to_html"]

_CSS: Final = """
:root {color-scheme: light dark; --back: #fbfbfa; --card: #fff; --ink: #1c1d1f; --soft: #5b5e63;
  --line: #e3e3df;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace}
@media (prefers-color-scheme: dark) {
  :root {--back: #121314; --card: #191a1c; --ink: #e8e8e6; --soft: #a2a5aa; --line: #2d2f32}
}
* {box-sizing: border-box}
body {margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif}
main {max-width: 1240px; margin: 0 auto; padding: 44px 28px 72px}
.brand {display: flex; align-items: center; gap: 9px; font-weight: 650; margin-bottom: 34px;
  color: var(--soft)}
.brand .mk-shield {width: 22px; height: 22px; color: var(--ink)}
h1 {font-size: 30px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 10px; font-weight: 680}
h2 {font-size: 20px; letter-spacing: -.01em; margin: 52px 0 10px; font-weight: 660}
p {margin: 0 0 12px; max-width: 74ch}
.lead {font-size: 18px; line-height: 1.5; color: var(--soft); max-width: 66ch; margin: 0 0 26px}
.key {display: flex; flex-wrap: wrap; gap: 4px 22px; list-style: none; padding: 0;
  margin: 0 0 22px; font-size: 13px; color: var(--soft)}
.key svg {vertical-align: -1px; margin-right: 7px}
.scroll {overflow-x: auto}
.scroll > svg {display: block; max-width: 100%; height: auto; min-width: 720px; margin: 0 auto}
table {border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums}
th {text-align: left; font-weight: 620; color: var(--soft)}
th, td {padding: 6px 22px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap;
  vertical-align: top}
td:last-child {white-space: normal}
th.n, td.n {text-align: right}
code {font: 12.5px/1.5 var(--mono)}
footer {margin-top: 56px; padding-top: 16px; border-top: 1px solid var(--line); font-size: 13px;
  color: var(--soft)}
@media (max-width: 720px) {main {padding: 28px 16px 48px}}
@media print {main {max-width: none; padding: 0} h2 {break-after: avoid}}
"""
# The last is what a browser is told to hold the page to.
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Lineage of masked answers</title>
<style>{css}</style></head>
<body><main>
<div class="brand">{shield}maskline</div>
<h1>Lineage</h1>
"""
_KEY: Final = (
    ("thick", "as it is"),
    ("thick changed", "changed on the way"),
    ("decides", "decides which rows, or which value"),
    ("thick token", "masked: token and others"),
    ("thick partial", "partial"),
    ("thick removed", "removed"),
    ("thick scan", "scan"),
    ("thick revealed", "sensitive, shown raw"),
)


def to_html(graph: Graph, *, about: str = "") -> str:
    """Return a graph as an HTML page.

    Args:
        graph: What to show.
        about: What the graph was limited to, in words; empty for nothing.
    """
    return "\n".join(
        [
            _HEAD.format(css=_CSS, shield=shield()),
            f'<p class="lead">{text(_lead(graph, about))}</p>',
            *(_drawing(graph) if graph.answers else ()),
            *_table(graph),
            f"<footer>{text(_foot(graph))}</footer>",
            "</main></body></html>",
            "",
        ]
    )


def _lead(graph: Graph, about: str) -> str:
    where = f" {about}" if about else ""
    if not graph.answers:
        return f"The audit log has no answer{where}."
    columns = [column for answer in graph.answers for column in answer.columns]
    masked = sum(column.mask is not None for column in columns)
    shown = sum(method_of(column) == "revealed" for column in columns)
    told = (
        f"{_count(graph.queries, 'query', 'queries')}{where} read "
        f"{_count(len(graph.relations()), 'table')} and gave "
        f"{_count(len(graph.answers) + graph.omitted, 'answer')}. "
    )
    if graph.omitted:
        told += f"The {grouped(len(graph.answers))} that were asked last are drawn. "
    told += f"Of {_count(len(columns), 'column')} {grouped(masked)} {_are(masked)} masked"
    if shown:
        told += f", and {_count(shown, 'sensitive one')} {_are(shown)} shown raw"
    return f"{told}."


def _drawing(graph: Graph) -> Iterator[str]:
    yield '<ul class="key">'
    for names, words in _KEY:
        yield (
            '<li><svg class="mk" width="34" height="10" aria-hidden="true">'
            f'<path class="edge {names}" d="M1 5H33"/></svg>{words}</li>'
        )
    yield "</ul>"
    yield f'<div class="scroll">\n{to_svg(graph)}</div>'


@dataclass(slots=True)
class _Use:
    """How often a sensitive column was handed out in one way, and to whom."""

    runs: int = 0
    people: Counter[str] = field(default_factory=Counter)


def _table(graph: Graph) -> Iterator[str]:
    """List what became of each sensitive column that reached an answer."""
    uses = _uses(graph)
    if not uses:
        return
    yield "<h2>Sensitive columns</h2>"
    yield '<div class="scroll"><table><thead><tr><th>column<th>is<th>was<th>decided by'
    yield '<th class="n">runs<th>seen by</tr></thead><tbody>'
    for (column, entity, done, rule), use in sorted(uses.items()):
        name = ".".join((*column.relation, column.name))
        people = ", ".join(person for person, _ in use.people.most_common())
        cells = (f"<code>{text(name)}</code>", text(entity), text(done), text(rule or "default"))
        yield (
            f'<tr><td>{"<td>".join(cells)}<td class="n">{grouped(use.runs)}<td>{text(people)}</tr>'
        )
    yield "</tbody></table></div>"


def _uses(graph: Graph) -> dict[tuple[SourceColumn, str, str, str], _Use]:
    uses: dict[tuple[SourceColumn, str, str, str], _Use] = {}
    for answer in graph.answers:
        seen = set()
        for output in answer.columns:
            if not method_of(output) or output.label.entity == PUBLIC:
                continue
            done = str(output.mask) if output.mask else "shown raw"
            for ref, flows in output.sources:
                if any(flow.is_direct for flow in flows):
                    seen.add((answer.column(ref), output.label.entity, done, output.rule))
        for key in seen:
            use = uses.setdefault(key, _Use())
            use.runs += answer.runs
            use.people.update(answer.people)
    return uses


def _foot(graph: Graph) -> str:
    span = f" from {graph.first} to {graph.last}" if graph.first else ""
    return (
        f"Drawn from the audit log alone{span}. Its statements have no literals, and no value of "
        "the data is in it, so none is here."
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{grouped(number)} {one if number == 1 else many or f'{one}s'}"
