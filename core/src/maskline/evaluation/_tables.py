"""Lays figures out in tables, for a terminal, a page or the documentation.

This module knows the figures that `evaluate` returns. It adds none of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maskline.evaluation._counting import Json

__all__ = ["Sheet", "tabulate"]

_LISTED: Final = 12
_SHARES: Final = (
    ("labels that some finding overlaps", ("overlapped",)),
    ("labelled characters that are covered", ("characters",)),
    ("texts with labels: one is found", ("found_texts",)),
    ("texts without labels: flagged", ("flagged_texts",)),
    ("values: the right entity alone on top", ("values", "on_top")),
    ("values that are nothing: flagged", ("values", "flagged")),
    ("columns: the right label", ("columns", "top_1")),
    ("columns that are masked: sensitive", ("columns", "sensitive_precision")),
    ("sensitive columns: masked", ("columns", "sensitive_recall")),
    ("columns of direct identifiers: masked", ("columns", "direct_recall")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table: its title, what stands over its columns, and its rows: a name, then figures.

    Attributes:
        note: What to say below it; may be empty.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tabulate(figures: Json) -> list[Sheet]:
    """Return figures as tables, two for each set of texts and one for each other set.

    Args:
        figures: What `evaluate` returned.
    """
    sheets = []
    for dataset in dict.fromkeys(result["dataset"] for result in figures["results"]):
        results = [result for result in figures["results"] if result["dataset"] == dataset]
        title = f"{dataset}: {results[0]['records']} records"
        if "entities" in results[0]:
            sheets.append(_entities(title, results))
        sheets.append(_shares(title, results))
    return sheets


def _entities(title: str, results: Sequence[Json]) -> Sheet:
    """Return precision, recall and F2 of each entity, systems side by side."""
    heads = [f"{it['system']} {measure}" for it in results for measure in ("P", "R", "F2", "95 %")]
    rows = []
    for name in sorted({name for result in results for name in result["entities"]}):
        found = [result["entities"].get(name) for result in results]
        labels = max(it["recall"]["total"] for it in found if it)
        rows.append((name, str(labels), *(cell for it in found for cell in _cells(it))))
    rows.append(("all", "", *(cell for it in results for cell in _cells(it["all"]))))
    for level in results[0]["any"]:
        cells = [cell for it in results for cell in _cells(it["any"].get(level))]
        rows.append((f"anything, at {level}", "", *cells))
    return Sheet(title=title, head=("entity", "labels", *heads), rows=tuple(rows))


def _cells(found: Json | None) -> tuple[str, str, str, str]:
    """Return precision, recall, F2 and its interval; nothing where nothing was to be measured."""
    if found is None:
        return "", "", "", ""
    precision, recall = found["precision"], found["recall"]
    return (
        f"{precision['value']:.3f}" if precision["total"] else "",
        f"{recall['value']:.3f}" if recall["total"] else "",
        f"{found['f2']:.3f}" if recall["total"] else "",
        f"{found['f2_low']:.2f}-{found['f2_high']:.2f}" if recall["total"] else "",
    )


def _shares(title: str, results: Sequence[Json]) -> Sheet:
    """Return shares with their intervals, calibration and speed, systems side by side."""
    wrong = ", ".join(_confusion(results[0]))
    return Sheet(
        title=title,
        head=("share (95 % interval)", *(result["system"] for result in results)),
        rows=tuple(_share_rows(results)),
        note=f"Most often wrong: {wrong}." if wrong else "",
    )


def _share_rows(results: Sequence[Json]) -> Iterator[tuple[str, ...]]:
    for title, path in _SHARES:
        found = [_at(result, path) for result in results]
        if any(it["total"] for it in found):
            yield title, *map(_share, found)
    if "speed" in results[0]:
        errors = (it["calibration"]["expected_error"] for it in results)
        speeds = (it["speed"]["megabytes_per_cpu_second"] for it in results)
        yield (
            "scores: expected calibration error",
            *(
                f"{error:.3f}" if it["calibration"]["bins"] else ""
                for it, error in zip(results, errors, strict=True)
            ),
        )
        yield "MB per CPU second", *(f"{speed:.3g}" for speed in speeds)


def _at(result: Json, path: Sequence[str]) -> Json:
    found: Any = result
    for key in path:
        found = found.get(key, {})
    return found or {"total": 0}


def _share(found: Json) -> str:
    if not found["total"]:
        return ""
    count = f"{found['hits']} of {found['total']}"
    return f"{count}: {found['value']:.3f} ({found['low']:.3f}-{found['high']:.3f})"


def _confusion(result: Json) -> list[str]:
    """Return what was most often taken for what."""
    pairs = [
        *(it for it in result.get("confusion", ()) if not it["is_same"]),
        *result.get("columns", {}).get("confusion", ()),
    ]
    return [f"{it['wanted']} as {it['found']} ({it['number']})" for it in pairs[:_LISTED]]
