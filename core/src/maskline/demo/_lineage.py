"""Draws how columns of tables become columns of an answer.

The drawing is SVG inside of the page: nothing is loaded, and it takes the page's colours. This
module knows plans. It does not know pages.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from maskline._cells import method_of, visible
from maskline._html import HUES, text
from maskline.demo._story import Answer
from maskline.model import ColumnRef, Flow, OutputColumn

__all__ = ["lineage_svg"]

_LINE: Final = 22
_HEAD: Final = 26
_GAP: Final = 16
_LEFT: Final = 232
_RIGHT: Final = 330
_WIDTH: Final = 976
_LONGEST: Final = 34
_SOFT: Final = "color-mix(in srgb, currentColor 70%, transparent)"
_EDGE: Final = "color-mix(in srgb, currentColor 22%, transparent)"
_PLAIN: Final = "color-mix(in srgb, currentColor 45%, transparent)"


@dataclass(frozen=True, slots=True)
class _Left:
    """Where the columns of tables stand."""

    places: dict[ColumnRef, float]
    parts: list[str]
    height: float


def lineage_svg(answer: Answer) -> str:
    """Return a drawing: tables to the left, the answer to the right, and lines between."""
    outputs = answer.plan.outputs
    decides = answer.plan.influences
    left = _tables(_refs(outputs, decides))
    height = max(left.height, _HEAD + _LINE * (len(outputs) + bool(decides)) + 12) + 2
    top = (height - _HEAD - _LINE * (len(outputs) + bool(decides)) - 12) / 2
    right = {place: top + _HEAD + _LINE * (place + 0.5) for place in range(len(outputs) + 1)}
    lines = [
        _curve(left.places[ref], right[place], output, flows)
        for place, output in enumerate(outputs)
        for ref, flows in output.sources
    ]
    lines += [_dotted(left.places[ref], right[len(outputs)]) for ref, _ in decides]
    words = (
        f"Lineage of the answer: {len(outputs)} columns from "
        f"{len({ref[:2] for ref in left.places})} tables, "
        f"{sum(output.mask is not None for output in outputs)} masked."
    )
    return "\n".join(
        [
            (
                f'<svg class="lineage" viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" '
                f'height="{height:g}" role="img" aria-label="{text(words)}">'
            ),
            *lines,
            *left.parts,
            *_answer(outputs, right, top, has_rows=bool(decides)),
            "</svg>",
        ]
    )


def _refs(
    outputs: Iterable[OutputColumn], decides: Iterable[tuple[ColumnRef, object]]
) -> list[ColumnRef]:
    refs = {ref for output in outputs for ref, _ in output.sources} | {ref for ref, _ in decides}
    return sorted(refs)


def _tables(refs: list[ColumnRef]) -> _Left:
    places: dict[ColumnRef, float] = {}
    parts: list[str] = []
    y = 1.0
    for table in dict.fromkeys(ref[:2] for ref in refs):
        columns = [ref for ref in refs if ref[:2] == table]
        height = _HEAD + _LINE * len(columns) + 6
        parts.append(_box(1, y, _LEFT, height))
        parts.append(_text(14, y + 17, _cut(table[1]), weight=650))
        for number, ref in enumerate(columns):
            places[ref] = y + _HEAD + _LINE * (number + 0.5)
            parts.append(_text(14, places[ref] + 4, _cut(ref.column), is_code=True))
        y += height + _GAP
    return _Left(places, parts, y - _GAP)


def _answer(
    outputs: tuple[OutputColumn, ...], right: dict[int, float], top: float, *, has_rows: bool
) -> Iterator[str]:
    x = _WIDTH - _RIGHT
    height = _HEAD + _LINE * (len(outputs) + has_rows) + 8
    yield _box(x, top, _RIGHT - 1, height)
    yield _text(x + 14, top + 17, "answer", weight=650)
    for place, output in enumerate(outputs):
        y = right[place] + 4
        yield _text(x + 14, y, _cut(output.name, 20), is_code=True)
        if method := method_of(output):
            hue = _hue(output)
            words = f"{output.label.entity} · {method}"
            yield (
                f'<circle cx="{x}" cy="{right[place]:g}" r="4" fill="{hue}"/>'
                f'<text x="{_WIDTH - 14}" y="{y:g}" font-size="11" text-anchor="end" '
                f'fill="color-mix(in srgb, {hue} 56%, currentColor)">{text(words)}</text>'
            )
    if has_rows:
        yield _text(x + 14, right[len(outputs)] + 4, "which rows there are", soft=True)


def _curve(start: float, end: float, output: OutputColumn, flows: tuple[Flow, ...]) -> str:
    masked = bool(method_of(output))
    stroke = _hue(output) if masked else _PLAIN
    dash = "" if Flow.IDENTITY in flows else ' stroke-dasharray="6 3"'
    return (
        f'<path d="{_path(start, end)}" fill="none" stroke="{stroke}" '
        f'stroke-width="{2 if masked else 1.2}"{dash}/>'
    )


def _dotted(start: float, end: float) -> str:
    return (
        f'<path d="{_path(start, end)}" fill="none" stroke="{_PLAIN}" stroke-width="1.2" '
        'stroke-dasharray="1.5 4" stroke-linecap="round"/>'
    )


def _path(start: float, end: float) -> str:
    left, right = _LEFT + 1, _WIDTH - _RIGHT
    middle = (left + right) / 2
    return f"M{left} {start:g}C{middle:g} {start:g} {middle:g} {end:g} {right} {end:g}"


def _hue(output: OutputColumn) -> str:
    return HUES.get(method_of(output), HUES["token"])


def _box(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" '
        f'fill="var(--card)" stroke="{_EDGE}"/>'
    )


def _text(  # noqa: PLR0913 - the ways a text may look
    x: float,
    y: float,
    words: str,
    *,
    weight: int = 400,
    is_code: bool = False,
    soft: bool = False,
) -> str:
    family = ' font-family="var(--mono)"' if is_code else ""
    fill = _SOFT if soft else "currentColor"
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="12" font-weight="{weight}" fill="{fill}"{family}>'
        f"{text(words)}</text>"
    )


def _cut(name: str, longest: int = _LONGEST) -> str:
    shown = visible(name)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
