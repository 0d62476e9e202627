"""Draws a graph of columns as SVG, for light and dark pages.

The drawing loads nothing and runs no script. Whoever points at a column, or moves to it by
keyboard, sees its lines alone. Everything that comes from the audit log is escaped. This module
knows SVG. It does not know where events come from.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from maskline._cells import grouped, method_of, visible
from maskline._html import HUES, text
from maskline.lineage._graph import Answer, Graph, Job, Relation, SourceColumn
from maskline.lineage._layout import Box, Layout, lay_out
from maskline.model import PUBLIC, Flow, OutputColumn

__all__ = ["to_svg"]

_DARK: Final = {
    "token": "#8fabff",
    "partial": "#e3a44c",
    "removed": "#f4877e",
    "scan": "#c39bf2",
    "revealed": "#6fc98b",
}
_CSS: Final = """
.mk {font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif}
.mk .code {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace}
.mk .small {font-size: 11px} .mk .bold {font-weight: 650}
.mk text {fill: #1c1d1f} .mk .soft {fill: #63666b}
.mk .back {fill: #fbfbfa} .mk .box {fill: #fff; stroke: #d6d6d0} .mk .rule {stroke: #e6e6e1}
.mk .hit {fill: transparent} .mk .column:is(:hover, :focus) .hit {fill: #7f7f7f22}
.mk .column {cursor: default; outline: none}
.mk .edge {fill: none; stroke: #a9acb1; stroke-width: 1.3} .mk .thick {stroke-width: 1.9}
.mk .changed {stroke-dasharray: 7 3} .mk .decides {stroke-dasharray: 1.5 4; stroke-linecap: round}
.mk .edge {transition: opacity .12s}
"""
_CSS_DARK: Final = """
.mk text {fill: #e8e8e6} .mk .soft {fill: #a2a5aa}
.mk .back {fill: #121314} .mk .box {fill: #191a1c; stroke: #3a3c40} .mk .rule {stroke: #2b2d30}
.mk .edge {stroke: #6d7177}
"""
_MARGIN: Final = 15.0
_RADIUS: Final = 8
_PADDING: Final = 14.0
_CODE: Final = 7.25  # Widths of a letter, in pixels: nothing measures text here.
_SMALL_CODE: Final = 6.65
_SMALL: Final = 6.4


def to_svg(graph: Graph) -> str:
    """Return a graph as an SVG document."""
    layout = lay_out(graph)
    columns = [SourceColumn(box.of, name) for box in layout.relations for name in box.lines]
    numbers = {column: f"s{number}" for number, column in enumerate(columns)}
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    size = f'width="{width:g}" height="{height:g}"'
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" class="mk" {size} '
                f'viewBox="{-_MARGIN:g} {-_MARGIN:g} {width:g} {height:g}" role="group" '
                f'aria-label="{text(_words(graph))}">'
            ),
            f"<style>{_style(numbers.values(), layout)}</style>",
            f'<rect class="back" x="{-_MARGIN:g}" y="{-_MARGIN:g}" {size}/>',
            *_edges(layout, numbers),
            *(part for box in layout.relations for part in _relation(box, graph, numbers)),
            *(part for place, box in enumerate(layout.answers) for part in _answer(box, place)),
            *(part for box in layout.jobs for part in _job(box)),
            "</svg>",
            "",
        ]
    )


def _words(graph: Graph) -> str:
    columns = [column for answer in graph.answers for column in answer.columns]
    masked = sum(column.mask is not None for column in columns)
    return (
        f"Lineage: {len(graph.relations())} tables, {len(graph.answers)} answers with "
        f"{len(columns)} columns, {masked} of them masked."
    )


def _style(sources: Iterable[str], layout: Layout) -> str:
    """Return the styles; a column that is pointed at makes lines that are not its own pale."""
    targets = [
        _target(place, line)
        for place, box in enumerate(layout.answers)
        for line in range(len(box.lines))
    ]
    pale = "".join(
        f".mk:has(.{name}:is(:hover,:focus)) .edge:not(.{name}){{opacity:.07}}\n"
        for name in [*sources, *targets]
    )
    dark = f"@media (prefers-color-scheme: dark) {{{_CSS_DARK}{_hues(_DARK)}}}\n"
    return f"{_CSS}{_hues(HUES)}{dark}{pale}"


def _hues(hues: dict[str, str]) -> str:
    return "".join(
        f".mk .edge.{name} {{stroke: {hue}}} .mk .dot.{name}, .mk text.{name} {{fill: {hue}}}\n"
        for name, hue in hues.items()
    )


def _target(answer: int, line: int) -> str:
    return f"a{answer}-{line}"


def _edges(layout: Layout, numbers: dict[SourceColumn, str]) -> Iterator[str]:
    starts = {
        SourceColumn(box.of, name): (box.x + box.width, box.line(place))
        for box in layout.relations
        for place, name in enumerate(box.lines)
    }
    plain: list[str] = []
    coloured: list[str] = []  # Drawn last, so that they lie above the others.
    for number, box in enumerate(layout.answers):
        answer = box.of
        for place, output in enumerate(answer.columns):
            for ref, flows in output.sources:
                source = answer.column(ref)
                kind = f"{_kind(flows)} {_hue(output)}"
                names = f"edge {kind} {numbers[source]} {_target(number, place)}"
                line = _curve(starts[source], (box.x, box.line(place)), names)
                (coloured if _hue(output) else plain).append(line)
        place = len(answer.columns)
        for ref, _ in answer.influences:
            source = answer.column(ref)
            names = f"edge decides {numbers[source]} {_target(number, place)}"
            plain.append(_curve(starts[source], (box.x, box.line(place)), names))
    jobs = {box.of: box for box in layout.jobs}
    for box in layout.answers:
        for job in box.of.jobs:
            end = jobs[job]
            start = (box.x + box.width, box.middle)
            plain.append(_curve(start, (end.x, end.middle), "edge"))
    yield from plain
    yield from coloured


def _kind(flows: Iterable[Flow]) -> str:
    listed = list(flows)
    if Flow.IDENTITY in listed:
        return "thick"
    return "thick changed" if any(flow.is_direct for flow in listed) else "decides"


def _curve(start: tuple[float, float], end: tuple[float, float], names: str) -> str:
    middle = (start[0] + end[0]) / 2
    path = (
        f"M{start[0]:g} {start[1]:g}C{middle:g} {start[1]:g} {middle:g} {end[1]:g} "
        f"{end[0]:g} {end[1]:g}"
    )
    return f'<path class="{" ".join(names.split())}" d="{path}"/>'


def _relation(box: Box[Relation], graph: Graph, numbers: dict[SourceColumn, str]) -> Iterator[str]:
    entities = graph.entities()
    yield from _box(box)
    yield _text(box.x + _PADDING, box.y + 20, _cut(box.of.name, 36), "bold")
    above = ".".join(filter(None, box.of[:2]))
    yield _text(box.x + _PADDING, box.y + 36, _cut(above, 42), "small soft")
    for place, name in enumerate(box.lines):
        column = SourceColumn(box.of, name)
        entity = entities.get(column, "")
        told = f"{'.'.join(box.of)}.{name}"
        yield from _line(
            box,
            place,
            names=numbers[column],
            words=name,
            tag=entity,
            hue="soft",
            told=f"{told}: {entity}" if entity else told,
        )


def _answer(box: Box[Answer], number: int) -> Iterator[str]:
    answer = box.of
    yield from _box(box)
    room = int((box.width - 2 * _PADDING) / _SMALL_CODE)
    yield f"<g><title>{text(answer.sql)}</title>"
    yield _text(box.x + _PADDING, box.y + 21, _cut(answer.sql, room), "small code bold")
    yield "</g>"
    people = ", ".join(answer.people) or "nobody to the end"
    words = f"{_count(answer.runs, 'run')} · {_count(answer.rows, 'row')} · {people}"
    room = int((box.width - 2 * _PADDING) / _SMALL)
    yield f"<g><title>{text(words)}</title>"
    yield _text(box.x + _PADDING, box.y + 40, _cut(words, room), "small soft")
    yield "</g>"
    for place, output in enumerate(answer.columns):
        hue = _hue(output)
        yield from _line(
            box,
            place,
            names=_target(number, place),
            words=output.name or f"column {place + 1}",
            tag=_tag(output),
            hue=hue,
            told=_treatment(output),
        )
        if hue:
            yield (f'<circle class="dot {hue}" cx="{box.x:g}" cy="{box.line(place):g}" r="4.2"/>')
    if answer.influences:
        place = len(answer.columns)
        y = box.line(place)
        yield f'<g class="column {_target(number, place)}" tabindex="0">'
        yield _hit(box, place)
        yield _text(box.x + _PADDING, y + 4, box.lines[place], "soft")
        yield "</g>"


def _job(box: Box[Job]) -> Iterator[str]:
    room = int((box.width - 2 * _PADDING) / _CODE)
    yield from _box(box)
    yield f"<g><title>{text('.'.join(box.of))}</title>"
    yield _text(box.x + _PADDING, box.y + 20, _cut(box.of.name, room), "bold")
    yield _text(box.x + _PADDING, box.y + 36, _cut(box.of.namespace, room), "small soft")
    yield "</g>"


def _box(box: Box[Relation] | Box[Answer] | Box[Job]) -> Iterator[str]:
    place = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}"'
    yield f'<rect class="box" {place} height="{box.height:g}" rx="{_RADIUS}"/>'
    if box.lines:
        y = box.y + box.head - 4
        yield (
            f'<line class="rule" x1="{box.x + 1:g}" x2="{box.x + box.width - 1:g}" '
            f'y1="{y:g}" y2="{y:g}"/>'
        )


def _line(  # noqa: PLR0913 - what stands in a line
    box: Box[Relation] | Box[Answer],
    place: int,
    *,
    names: str,
    words: str,
    tag: str,
    hue: str,
    told: str,
) -> Iterator[str]:
    y = box.line(place)
    tag = _cut(tag, 32)
    room = int((box.width - 2.5 * _PADDING - len(tag) * _SMALL) / _CODE)
    yield f'<g class="column {names}" tabindex="0"><title>{text(told)}</title>'
    yield _hit(box, place)
    yield _text(box.x + _PADDING, y + 4, _cut(words, room), "code")
    if tag:
        end = box.x + box.width - _PADDING
        yield _text(end, y + 4, tag, f"small {hue}", anchor=' text-anchor="end"')
    yield "</g>"


def _hit(box: Box[Relation] | Box[Answer], place: int) -> str:
    return (
        f'<rect class="hit" x="{box.x + 5:g}" y="{box.line(place) - 10:g}" '
        f'width="{box.width - 10:g}" height="20" rx="4"/>'
    )


def _text(x: float, y: float, words: str, names: str, *, anchor: str = "") -> str:
    return f'<text class="{names}" x="{x:g}" y="{y:g}"{anchor}>{text(words)}</text>'


def _tag(output: OutputColumn) -> str:
    method = method_of(output)
    return f"{output.label.entity} · {method}" if method else ""


def _treatment(output: OutputColumn) -> str:
    """Return one sentence on what a column is and what was done to it."""
    if not method_of(output):
        return output.name
    done = "shown raw" if output.mask is None else f"masked by {output.mask}"
    entity = "" if output.label.entity == PUBLIC else f"{output.label.entity}, "
    return f"{output.name}: {entity}{done}, as {output.rule or 'default'} says"


def _hue(output: OutputColumn) -> str:
    method = method_of(output)
    return (method if method in HUES else "token") if method else ""


def _count(number: int, what: str) -> str:
    return f"{grouped(number)} {what}" + ("" if number == 1 else "s")


def _cut(words: str, longest: int) -> str:
    shown = visible(" ".join(words.split()))
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
