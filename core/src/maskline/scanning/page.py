"""Writes what a scan found as one page that needs nothing else.

This module knows HTML, labels, and what changed. It has no value of the data to show.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from maskline._cells import grouped
from maskline._html import text
from maskline._page import TAIL, head
from maskline.entities import Category, Entity
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN
from maskline.policy import Drift
from maskline.scanning._drift import Drifts
from maskline.scanning._looking import ScannedColumn

__all__ = ["to_html"]

_CSS: Final = """
h3 {font: 600 14px/1.5 var(--mono); margin: 30px 0 2px}
.label {font: 600 12px/1.5 var(--mono); white-space: nowrap}
.label::before {content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 2px;
  margin-right: 7px; background: var(--hue, var(--soft))}
.pii {--hue: #3b6fd4} .phi {--hue: #a64fb8} .pci {--hue: #b26a00} .secret {--hue: #c92a2a}
.public {--hue: #1f7a3d} .unknown {--hue: #c92a2a}
.columns td:nth-child(1) {width: 24%} .columns td:nth-child(2) {width: 16%}
.columns td:nth-child(3) {width: 20%} .columns td:nth-child(4) {width: 6%}
.path td:first-child {padding-left: 18px}
"""
_LEAD: Final = (
    "What each column looks like, by its name, its neighbours and a sample of its values. It is a "
    "proposal: the labels in the policy are what counts."
)
_FOOT: Final = "Names are those of the catalogue; no value of the data is in this page."


def to_html(
    found: Sequence[ScannedColumn],
    *,
    source: str,
    entities: Mapping[str, Entity],
    changes: Drifts | None,
    made: str,
) -> str:
    """Return what a scan found as an HTML page.

    Args:
        found: The columns, those of a table together.
        source: What the database is called.
        entities: What the labels are, by name.
        changes: What changed since the last scan; None where there is no policy to compare with.
        made: When the scan was, for people to read.
    """
    return "\n".join(
        [
            head(title=f"Scan of {source}", heading=f"Scan of {source}", css=_CSS),
            f'<p class="lead">{_LEAD}</p>',
            *_cards(found, entities, changes),
            *([] if changes is None else _changes(changes)),
            *_labels(found, entities),
            "<h2>Columns</h2>",
            *_tables(found, entities),
            f"<footer>Made at {text(made)}. {_FOOT}</footer>",
            TAIL,
        ]
    )


def _cards(
    found: Sequence[ScannedColumn], entities: Mapping[str, Entity], changes: Drifts | None
) -> Iterator[str]:
    labels = [column.label.entity for column in found]
    unknown = labels.count(UNKNOWN)
    cards = [
        (len({column.ref[:2] for column in found}), "tables and views", ""),
        (len(found), "columns", ""),
        (sum(label in entities for label in labels), "hold something sensitive", ""),
        (sum(label in {FREE_TEXT, JSON} for label in labels), "are searched, cell by cell", ""),
        (labels.count(PUBLIC), "look harmless", ""),
        (unknown, "cannot be told, and stay masked", "care" if unknown else ""),
    ]
    if changes is not None:
        count = sum(map(len, (changes.new, changes.gone, changes.retyped, changes.shifted)))
        cards.append((count, "changes to look at", "care" if count else "good"))
    yield '<ul class="cards">'
    for figure, words, state in cards:
        yield f'<li class="{state}"><b>{grouped(figure)}</b>{text(words)}</li>'
    yield "</ul>"


def _changes(changes: Drifts) -> Iterator[str]:
    yield "<h2>What changed</h2>"
    rows = [
        *((drift.ref, "shifted", _shift(drift)) for drift in changes.shifted),
        *((one.ref, "retyped", f"was {one.before}, is {one.now}") for one in changes.retyped),
        *((ref, "new", "had no label in the policy") for ref in changes.new),
        *((ref, "gone", "has a label, and is no longer there") for ref in changes.gone),
        *((drift.ref, "none", f"{_shift(drift)}; as before") for drift in changes.standing),
    ]
    if not rows:
        yield '<p class="soft">Nothing, since somebody looked.</p>'
        return
    yield '<div class="scroll"><table><thead><tr><th>column<th>change<th>what</tr></thead><tbody>'
    for ref, change, what in rows:
        name = str(ref).removeprefix(".")
        yield f"<tr><td><code>{text(name)}</code><td>{change}<td>{text(what)}</tr>"
    yield "</tbody></table></div>"


def _shift(drift: Drift) -> str:
    looks, why = drift.found.entity, drift.found.evidence
    return f"is declared {drift.declared.entity} and looks like {looks}: {why}"


def _labels(found: Sequence[ScannedColumn], entities: Mapping[str, Entity]) -> Iterator[str]:
    counts = Counter(column.label.entity for column in found)
    yield "<h2>Labels</h2>"
    yield '<div class="scroll"><table><thead><tr><th>label<th>what it is<th>regulations'
    yield '<th class="n">columns</tr></thead><tbody>'
    for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        entity = entities.get(label)
        title = entity.title if entity else _OTHERS.get(label, "")
        tags = ", ".join(entity.regulations) if entity else ""
        yield (
            f'<tr><td class="t">{_chip(label, entities)}<td>{text(title)}<td>{text(tags)}'
            f'<td class="n">{grouped(count)}</tr>'
        )
    yield "</tbody></table></div>"


_OTHERS: Final = {
    FREE_TEXT: "text in which something sensitive may stand",
    JSON: "documents, labelled path by path",
    PUBLIC: "nothing to protect",
    UNKNOWN: "cannot be told, and stays masked",
}


def _tables(found: Sequence[ScannedColumn], entities: Mapping[str, Entity]) -> Iterator[str]:
    tables: dict[tuple[str, str], list[ScannedColumn]] = {}
    for column in found:
        tables.setdefault(column.ref[:2], []).append(column)
    for name, columns in tables.items():
        yield f'<h3>{text(".".join(name))}</h3><div class="scroll"><table class="columns"><thead>'
        yield "<tr><th>column<th>type<th>label<th class=n>sure<th>evidence</tr></thead><tbody>"
        for column in columns:
            label = column.label
            sure = f"{label.confidence:.0%}" if label.entity != UNKNOWN else ""
            yield (
                f"<tr><td><code>{text(column.ref.column)}</code>"
                f'<td class="soft">{text(column.type.lower())}<td>{_chip(label.entity, entities)}'
                f'<td class="n">{sure}<td class="soft">{text(label.evidence)}</tr>'
            )
            for path, entity in label.paths:
                yield (
                    f'<tr class="path"><td><code>{text(path)}</code><td>'
                    f"<td>{_chip(entity, entities)}<td><td></tr>"
                )
        yield "</tbody></table></div>"


def _chip(label: str, entities: Mapping[str, Entity]) -> str:
    entity = entities.get(label)
    hue = _HUES[entity.category] if entity else label.lower() if label in {PUBLIC, UNKNOWN} else ""
    return f'<span class="label {hue}">{text(label)}</span>'


_HUES: Final = {category: category.value.lower() for category in Category}
