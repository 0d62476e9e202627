"""Write figures into the page of detection: ``python tools/make_detection_page.py [FIGURES]``.

FIGURES is what ``make -s evaluate DATA=... ARGS="--format json"`` printed. What the page shows of
it is kept in docs/explanation/detection.json; without FIGURES, the page is written from there.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from maskline.evaluation import Sheet, tabulate

ROOT: Final = Path(__file__).parents[1]
FIGURES: Final = ROOT / "docs/explanation/detection.json"
PAGE: Final = ROOT / "docs/explanation/detection.md"
BEGIN: Final = "<!-- figures: tools/make_detection_page.py writes them -->\n"
END: Final = "<!-- end of figures -->\n"
# Of fewer labels a figure says too little; they count in the totals.
LEAST: Final = 5


def page(text: str, figures: dict[str, Any]) -> str:
    """Return a page with the figures in place of those that it has."""
    head, _, rest = text.partition(BEGIN)
    _, _, foot = rest.partition(END)
    body = "\n".join(_figures(figures))
    return f"{head}{BEGIN}\n{body}\n\n{END}{foot}"


def _figures(figures: dict[str, Any]) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    yield f"Measured on {figures['date']} with {versions}."
    title = ""
    for sheet in tabulate(figures):
        if sheet.title != title:
            yield f"\n### {sheet.title}"
        title = sheet.title
        yield from _table(sheet)


def _table(sheet: Sheet) -> Iterator[str]:
    is_by_entity = sheet.head[0] == "entity"
    yield f"\n| {' | '.join(sheet.head)} |"
    yield f"|---|{'--:|' * (len(sheet.head) - 1)}"
    for row in sheet.rows:
        if not is_by_entity or not row[1] or int(row[1]) >= LEAST:
            yield f"| {' | '.join(row)} |"


def kept(figures: dict[str, Any]) -> dict[str, Any]:
    """Return figures without the longest lists, which the page does not show."""
    results = [
        {key: value for key, value in result.items() if key != "confusion"}
        for result in figures["results"]
    ]
    return figures | {"results": results}


def _rounded(told: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(told, dict):
        return {key: _rounded(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_rounded(value) for value in told]
    return round(told, 4) if isinstance(told, float) else told


def main() -> None:
    """Keep the figures, if there are new ones, and write the page."""
    if len(sys.argv) > 1:
        figures = kept(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
        FIGURES.write_text(json.dumps(_rounded(figures)) + "\n", encoding="utf-8")
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
