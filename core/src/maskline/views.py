"""What results and lists look like to people: each view as text, and as a piece of HTML.

Integrations show these where a notebook, or a page of theirs, takes them. The rules of ``_html.py``
hold: everything is escaped, nothing is loaded, no script runs, and what matters is in words too.
This module knows results and lineage. It does not know sessions or hosts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from maskline._cells import cell_text, grouped, is_numeric, method_of, visible
from maskline._html import chip, hue, shield, sources_html, style, sureness, text
from maskline._plain import table_text
from maskline.errors import UsageError
from maskline.lineage import Answer, Graph, to_svg
from maskline.model import PUBLIC, Flow, OutputColumn
from maskline.result import ColumnTreatment, MaskedResult

__all__ = ["View", "bars", "explanation", "lineage", "listing", "statement"]

_WIDEST: Final = 240
_MOST_BARS: Final = 24
_BAR: Final = 22
_LABELS: Final = 190
_LONGEST: Final = 380
_NAME: Final = 24
"""Letters of the name of a bar."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class View:
    """Something to look at. Notebooks show *html*, everything else *text*.

    Attributes:
        text: Lines of plain text, without control characters.
        html: An element with its own styles.
    """

    text: str
    html: str

    def __repr__(self) -> str:
        """Return the text: this is what a terminal shows."""
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def statement(headline: str, *details: str, notes: Sequence[str] = ()) -> View:
    """Return a line that says what is the case.

    Args:
        headline: What matters most.
        details: More of it, in short phrases.
        notes: What the reader should mend, one sentence each.
    """
    lines = [" · ".join(map(visible, (headline, *details)))]
    soft = f' <span class="mk-soft">· {text(" · ".join(details))}</span>' if details else ""
    parts = [f'<div class="mk-head"><span>{shield()}<b>{text(headline)}</b>{soft}</span></div>']
    parts += [f'<div class="mk-note">note: {text(note)}</div>' for note in notes]
    return View(
        text="\n".join([*lines, *(f"note: {visible(note)}" for note in notes)]),
        html=_piece(*parts),
    )


def listing(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", empty: str = "none"
) -> View:
    """Return a table of texts.

    Args:
        heads: The names of its columns.
        rows: The cells of each row.
        title: What stands above it.
        empty: What is said if there is no row.
    """
    above = [visible(title)] if title else []
    shown = [[visible(cell) for cell in row] for row in rows]
    names = [[visible(head)] for head in heads]
    below = table_text(names, shown, widest=_WIDEST) if rows else [visible(empty)]
    head = f'<div class="mk-head"><span>{shield()}<b>{text(title)}</b></span></div>'
    body = _table([*map(text, heads)], [[text(cell) for cell in row] for row in rows])
    return View(
        text="\n".join([*above, *below]),
        html=_piece(
            head if title else "", body if rows else f'<div class="mk-soft">{text(empty)}</div>'
        ),
    )


def explanation(columns: Sequence[ColumnTreatment]) -> View:
    """Return why columns were treated as they were."""
    lines, parts = [], []
    for column in columns:
        facts = _facts(column)
        name = visible(column.output.name) or "(no name)"
        lines += [name, *(f"  {what:18}{visible(words)}" for what, words in facts)]
        rows = "".join(
            f'<tr><th scope="row">{what}</th><td>{text(words)}</td></tr>' for what, words in facts
        )
        parts.append(
            f"<div><b>{text(name)}</b> {chip(column.output)}</div>"
            f'<div class="mk-scroll"><table class="mk-list"><tbody>{rows}</tbody></table></div>'
        )
    return View(text="\n".join(lines), html=_piece(*parts))


def _facts(column: ColumnTreatment) -> list[tuple[str, str]]:
    output = column.output
    facts = [("comes from", "; ".join(_sources(output)) or "no column of the database")]
    if output.label.entity != PUBLIC:
        is_so = ", ".join(filter(None, (output.label.entity, sureness(output))))
        facts.append(("what it is", is_so))
    if output.label.evidence:
        facts.append(("why", output.label.evidence))
    facts.append(("what was done", str(output.mask) if output.mask else "nothing, it is as it is"))
    if output.rule:
        is_own = output.rule == "default"
        rule = "no rule; it is the entity's own mask" if is_own else f"{output.rule} of the policy"
        facts.append(("decided by", rule))
    if output.mask:
        facts.append(("cells masked", grouped(column.cells)))
    if method_of(output) == "token":
        facts.append(("joins", "equal values have equal tokens, in other tables and queries too"))
    return facts


def _sources(output: OutputColumn) -> list[str]:
    found = []
    for ref, flows in output.sources:
        ways = ", ".join(flow.value.lower() for flow in flows if flow is not Flow.IDENTITY)
        found.append(f"{ref} ({ways})" if ways else str(ref))
    return found


def lineage(result: MaskedResult) -> View:
    """Return where the columns of a result come from: a drawing, and the same in words."""
    answer = Answer(
        source=result.source,
        sql=f"answer of {result.source}",
        fingerprint="",
        columns=tuple(column.output for column in result.columns),
        influences=result.influences,
        runs=1,
        rows=len(result),
        people={f"audit {result.query_id[:8]}": 1},
        purposes={},
        jobs={},
        first="",
        last="",
    )
    drawing = to_svg(Graph(answers=(answer,), omitted=0, queries=1, first="", last=""))
    heads = ("column", "is", "comes from")
    rows = [
        [
            f"<b>{text(column.output.name)}</b>",
            chip(column.output) or "as it is",
            "<br>".join(sources_html(column.output)) or "<i>no column</i>",
        ]
        for column in result.columns
    ]
    return View(
        text="\n".join(_arrow(column.output) for column in result.columns),
        html=_piece(
            f'<div class="mk-drawing">{drawing}</div>',
            f"<details><summary>The same in words</summary>{_table(heads, rows)}</details>",
        ),
    )


def _arrow(output: OutputColumn) -> str:
    method = method_of(output)
    done = f"  ({output.label.entity} · {method})" if method else ""
    return visible(f"{'; '.join(_sources(output)) or 'no column'}  →  {output.name}{done}")


def bars(result: MaskedResult, *, names: int, numbers: int) -> View:
    """Return a bar for each of the first rows of a result, drawn without a script.

    Args:
        result: What to draw.
        names: The place of the column that names the bars.
        numbers: The place of the column that says how long they are.

    Raises:
        UsageError: There is no column, or that one has no numbers.
    """
    if not result.columns or not is_numeric(result.columns[numbers].type):
        msg = "Bars need a column of numbers."
        raise UsageError(msg, hint="Name one: result.plot(x='tier', y='revenue').")
    shown = result.table.slice(0, _MOST_BARS)
    labels = ["NULL" if value.as_py() is None else cell_text(value.as_py())
              for value in shown.column(names)]  # fmt: skip
    values = [value.as_py() for value in shown.column(numbers)]
    x, y = result.columns[names].output, result.columns[numbers].output
    title = f"{y.name} by {x.name}"
    listed = [[label, _number(value)] for label, value in zip(labels, values, strict=True)]
    seen = "" if len(result) <= _MOST_BARS else f"first {_MOST_BARS} of {grouped(len(result))} rows"
    head = f"<div><b>{text(title)}</b> {chip(x)} {chip(y)}</div>"
    words = _table((text(x.name), text(y.name)), [[*map(text, row)] for row in listed])
    return View(
        text="\n".join(
            [visible(title), *table_text([[visible(x.name)], [visible(y.name)]], listed)]
        ),
        html=_piece(
            head,
            f'<div class="mk-drawing">{_bars(labels, values, title, hue(method_of(x)))}</div>',
            f'<div class="mk-foot mk-soft">{seen}</div>' if seen else "",
            f"<details><summary>The same in numbers</summary>{words}</details>",
        ),
    )


def _number(value: object) -> str:
    return "NULL" if value is None else cell_text(value)


def _bars(labels: Sequence[str], values: Sequence[object], title: str, name: str) -> str:
    lengths = [max(0.0, float(str(value))) if value is not None else 0.0 for value in values]
    scale = _LONGEST / (max(lengths, default=0.0) or 1.0)
    width, height = _LABELS + _LONGEST + 110, _BAR * len(labels) + 4
    drawn = []
    for place, (label, value, length) in enumerate(zip(labels, values, lengths, strict=True)):
        y, long = _BAR * place, length * scale
        cut = label if len(label) <= _NAME else f"{label[: _NAME - 1]}…"
        drawn.append(
            f'<text x="{_LABELS - 8}" y="{y + 15}" text-anchor="end">{text(cut)}</text>'
            f'<rect class="{name}" x="{_LABELS}" y="{y + 3}" width="{long:.1f}" height="16" '
            f'rx="2"/><text class="soft" x="{_LABELS + long + 6:.1f}" y="{y + 15}">'
            f"{text(_number(value))}</text>"
        )
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'font-size="12" aria-label="{text(title)}">{"".join(drawn)}</svg>'
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f'<th scope="col"><span class="mk-name">{name}</span></th>' for name in heads)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="mk-scroll"><table class="mk-list"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _piece(*parts: str) -> str:
    return "\n".join(['<div class="maskline">', style(), *filter(None, parts), "</div>"])
