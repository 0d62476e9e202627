"""Writes figures as one page that needs nothing else.

This module knows HTML and tables. It adds no figure of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from maskline._html import text
from maskline._page import TAIL, head
from maskline.evaluation._counting import Json
from maskline.evaluation._tables import Sheet, tabulate

__all__ = ["to_html"]

_TITLE: Final = "Detection, measured"
_CSS: Final = """
td, thead th + th {text-align: right; white-space: nowrap}
thead th + th {padding-left: 10px; white-space: normal; vertical-align: bottom}
tbody th {font-weight: 400; color: var(--ink)}
"""


def to_html(figures: Json) -> str:
    """Return figures as an HTML page.

    Args:
        figures: What `evaluate` returned.
    """
    return "\n".join(
        [
            head(title=_TITLE, heading=_TITLE, css=_CSS),
            f'<p class="lead">{text(_lead(figures))}</p>',
            *(line for sheet in tabulate(figures) for line in _section(sheet)),
            TAIL,
        ]
    )


def _lead(figures: Json) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    return (
        f"{figures['date']}, with {versions}. A finding is right if its entity fits and it shares "
        f"{figures['iou']:g} of what it and the label cover. Intervals are at 95 %: of shares "
        "after Wilson, of F2 by bootstrap over records."
    )


def _section(sheet: Sheet) -> Iterator[str]:
    yield f"<h2>{text(sheet.title)}</h2>"
    yield '<div class="scroll"><table>'
    yield f"<thead><tr>{_cells('th', sheet.head)}</tr></thead><tbody>"
    for name, *cells in sheet.rows:
        yield f'<tr><th scope="row">{text(name)}</th>{_cells("td", cells)}</tr>'
    yield "</tbody></table></div>"
    if sheet.note:
        yield f'<p class="soft">{text(sheet.note)}</p>'


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "".join(f"<{tag}>{text(cell)}</{tag}>" for cell in cells)
