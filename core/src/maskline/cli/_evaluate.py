"""``maskline evaluate``: measures detection on labelled texts, values and columns.

This module knows how figures are shown. It does not know how they come about.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from maskline.cli._console import out, say, warn
from maskline.errors import UsageError

if TYPE_CHECKING:
    from maskline.evaluation import Json, Miss
    from maskline.plugins import Registry

__all__ = ["evaluate"]


class Showing(StrEnum):
    """How figures are shown."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


def evaluate(  # noqa: PLR0913 - the options of a command
    datasets: Annotated[
        list[Path], typer.Argument(metavar="DATASET...", help="Files .jsonl or .txt with labels.")
    ],
    *,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", "-p", help="Detect as it says. Default: what is built in."),
    ] = None,
    plugins: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="Plugins to detect with, without a policy.")
    ] = "",
    against: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME", help="Plugins to measure beside it, such as presidio: each alone."
        ),
    ] = "",
    entities: Annotated[str, typer.Option(metavar="NAME,NAME", help="Look at these only.")] = "",
    iou: Annotated[
        float,
        typer.Option(
            "--iou",
            min=0.01,
            max=1,
            help="What a finding and a label must share of what either covers.",
        ),
    ] = 0.9,
    how: Annotated[Showing, typer.Option("--format", help="How to show it.")] = Showing.TABLE,
    show_misses: Annotated[
        bool,
        typer.Option("--show-misses", help="Tell what is wrong: ids, entities and offsets."),
    ] = False,
    unsafe_show_text: Annotated[
        bool,
        typer.Option("--unsafe-show-text", help="Tell the text of what is wrong, too."),
    ] = False,
) -> None:
    """Measure what is found in labelled texts, values and columns. No text of them is shown."""
    from maskline import evaluation

    if unsafe_show_text:
        warn(
            "--unsafe-show-text is given: what follows holds texts of the sets. Do not pass it on."
        )

    def tell(dataset: str, miss: "Miss", text: str) -> None:
        if show_misses or unsafe_show_text:
            place = f"{dataset}: {miss.record}: {miss.start}-{miss.end}"
            shown = f": {text}" if unsafe_show_text else ""
            say(f"{place}: {miss.wanted}, found {miss.found}{shown}")

    figures = evaluation.evaluate(
        datasets,
        _registry(policy, plugins),
        against=_names(against),
        entities=_names(entities),
        iou=iou,
        on_miss=tell,
    )
    if how is Showing.JSON:
        print(json.dumps(figures, indent=2))  # noqa: T201 - data
    elif how is Showing.HTML:
        print(evaluation.to_html(figures), end="")  # noqa: T201 - data
    else:
        _show(figures)


def _registry(policy: Path | None, plugins: str) -> "Registry":
    from maskline.plugins import load_policy, load_registry

    if policy is None:
        return load_registry(_names(plugins))
    if plugins:
        msg = "--plugins and --policy are both given."
        raise UsageError(msg, hint="A policy names its plugins itself.")
    return load_policy(policy)[1]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _show(figures: "Json") -> None:
    from maskline.evaluation import tabulate

    title = ""
    for sheet in tabulate(figures):
        if sheet.title != title:
            out().print(sheet.title, style="bold")
        title = sheet.title
        table = Table(*sheet.head, box=None)
        table.pad_edge = False
        for column in table.columns[1:]:
            column.justify = "right"
        for row in sheet.rows:
            table.add_row(*row)
        out().print(table)
        if sheet.note:
            out().print(sheet.note)
        out().print()
