"""Tells a demonstration on a terminal, a line or two for each step.

This module knows rich and the story. Everything it shows is masked, or a number.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from maskline._cells import cell_text, grouped, method_of, visible
from maskline.demo._places import Place
from maskline.demo._story import Answer, Attack, Column, Hunt, Joined, NoAnswer, Story
from maskline.result import MaskedResult

__all__ = ["Teller"]

_CELL: Final = 26
_CELLS: Final = 4
_STYLES: Final = {
    "PII": "blue",
    "PHI": "magenta",
    "PCI": "yellow",
    "SECRET": "red",
}
_METHODS: Final = {
    "token": "blue",
    "partial": "yellow",
    "removed": "red",
    "scan": "magenta",
    "revealed": "green",
}


class Teller:
    """Tells step after step.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = 0
        self._is_attacking = False

    def begin(self, place: Place) -> None:
        """Say what it is about."""
        what = "a shop that is made up" if place.is_shop else "opened read-only"
        self._print(
            Text.assemble(
                ("maskline demo", "bold"), f"  {visible(place.shown)}, ", (what, "dim"), "\n"
            )
        )

    def found(self, columns: Sequence[Column]) -> None:
        """Say what the columns are."""
        masked = [column for column in columns if column.is_masked]
        tables = len({column.ref[:2] for column in columns})
        self._head(
            "Scan",
            f"{len(masked)} of {len(columns)} columns in {tables} tables hold something to protect",
        )
        grid = Table.grid(padding=(0, 2))
        for place in dict.fromkeys(column.ref[:2] for column in columns):
            labels = Text()
            for column in masked:
                if column.ref[:2] == place:
                    labels.append("  " if labels else "")
                    labels.append(visible(column.ref.column))
                    style = _STYLES.get(column.category, "cyan")
                    labels.append(f" {column.label.entity}", style=style)
            name = Text(f"    {visible(place[1])}", style="dim")
            grid.add_row(name, labels or Text("nothing", style="dim"))
        self._console.print(grid)

    def answered(self, happened: Answer | NoAnswer) -> None:
        """Tell of a question, and show a row of the answer."""
        question = happened.question
        self._head("Ask", question.title)
        who = f"    {question.who.kind} {question.who.id}, for {question.purpose}"
        if isinstance(happened, NoAnswer):
            self._print(Text.assemble((visible(who), "dim"), ": ", (_reason(happened), "red")))
            return
        result = happened.result
        masked = sum(column.is_masked for column in result.columns)
        self._print(
            Text.assemble(
                (visible(who), "dim"),
                f": {grouped(len(result))} rows, {masked} of {len(result.columns)} columns masked, "
                f"{result.duration_ms} ms",
            )
        )
        if row := _sample(result):
            self._print(Text.assemble("    ", row))

    def joined(self, joined: Joined | None) -> None:
        """Say whether a join on tokens gives what a join on raw values gives."""
        if joined is None:
            return
        self._head("Compare", "the same join, " + ", ".join(way for way, _ in joined.ways))
        if all(same for _, same in joined.ways):
            self._good(f"{grouped(len(joined.rows))} rows, equal in every number")
        else:
            self._bad("the answers differ")

    def attacked(self, attack: Attack) -> None:
        """Tell of an attack: no answer, or one that is made of masks."""
        if not self._is_attacking:
            self._is_attacking = True
            self._head("Attack", "with questions that would give away what is masked")
        happened = attack.happened
        if isinstance(happened, NoAnswer):
            word = "refused" if happened.is_refused else "failed"
            rest = Text(_reason(happened), style="dim")
        else:
            word = "masks only"
            rest = _sample(happened.result) or Text("no row", style="dim")
        title = visible(happened.question.title)
        if attack.got_nothing:
            self._print(Text.assemble((f"    ✓ {word:<10} ", "green"), f"{title}: ", rest))
        else:
            # What it got is not shown again.
            self._bad(f"LEAKED     {title}")

    def end(self, story: Story, searched: Hunt, report: Path) -> None:
        """Tell of the records and of the search for raw values, and where the report is."""
        log = story.verification
        self._head("Record", "who read what, and why")
        (self._good if log.ok else self._bad)(
            f"{grouped(log.records)} records in a chain of hashes, "
            f"{'whole' if log.ok else 'DAMAGED'}"
        )
        if story.tampered:
            self._good(f"one digit changed in a copy: found, {story.tampered.what}")
        if story.lineage_events is not None:
            self._good(f"{grouped(story.lineage_events)} OpenLineage events, with column lineage")
        self._head("Search", "for raw values in everything that was written")
        size = sum(size for _, size, _ in searched.places)
        text = (
            f"{grouped(searched.values)} raw values looked for in {grouped(size)} bytes of "
            f"{len(searched.places)} files: {grouped(searched.found) if searched.found else 'none'}"
            " found"
        )
        (self._bad if searched.found else self._good)(text)
        self._print(Text.assemble("\nreport: ", (str(report), "bold")))

    def _head(self, verb: str, rest: str) -> None:
        self._step += 1
        self._print(
            Text.assemble((f"{self._step:>2} ", "dim"), (f"{verb} ", "bold"), visible(rest))
        )

    def _good(self, text: str) -> None:
        self._print(Text.assemble(("    ✓ ", "green"), text))

    def _bad(self, text: str) -> None:
        self._print(Text.assemble(("    ✗ ", "bold red"), (text, "bold red")))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def _reason(happened: NoAnswer) -> str:
    return visible(happened.error.message)


def _sample(result: MaskedResult) -> Text | None:
    """Return the first cells of the first row, masked ones before others."""
    if not len(result):
        return None
    places = sorted(
        range(len(result.columns)), key=lambda place: not method_of(result.columns[place].output)
    )[:_CELLS]
    line = Text()
    for place in sorted(places):
        output = result.columns[place].output
        value = result.table.column(place)[0].as_py()
        text = "NULL" if value is None else cell_text(value)
        text = text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"
        line.append(f"{visible(output.name)} ", style="dim")
        line.append(f"{text}  ", style=_METHODS.get(method_of(output), ""))
    return line
