"""``maskline scan``: from a database to labels in a policy, and what changed since.

This module knows the policy file and what a scan finds. What a person wrote is never changed.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from maskline._cells import visible
from maskline.cli._console import ExitCode, err, out, say, warn
from maskline.cli._options import Policy
from maskline.cli._start import FILE_SCHEMES, begin, name_of, path_in_policy
from maskline.entities import Category, Entity
from maskline.errors import UsageError
from maskline.model import UNKNOWN, ColumnRef

if TYPE_CHECKING:
    from maskline.model import Catalogue
    from maskline.plugins import Registry
    from maskline.policy import LabelDiff
    from maskline.scanning import Drifts, ScanMemory, ScannedColumn, Scope
    from maskline.tokens import Keyring

__all__ = ["scan"]

_POLICY: Final = Path("policy.yaml")
_MEMORY: Final = "scan.json"
_DOMAIN: Final = "scan"
"""The key space of fingerprints. No entity's name is in lower case."""
_CATEGORY_STYLES: Final = {
    Category.PII: "blue",
    Category.PHI: "magenta",
    Category.PCI: "yellow",
    Category.SECRET: "red",
}
_OTHER_STYLES: Final = {"PUBLIC": "green", "UNKNOWN": "bold red"}


class ReportFormat(StrEnum):
    """How a scan shows what it found."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


class Sampling(StrEnum):
    """Which rows of a table are looked at."""

    RANDOM = "random"
    FIRST = "first"


def scan(  # noqa: PLR0913 - the options of a command
    source: Annotated[str, typer.Argument(help="The name of a source in the policy, or a URL.")],
    *,
    policy: Policy = _POLICY,
    rows: Annotated[
        int, typer.Option(min=1, help="How many rows of each table to look at.")
    ] = 2_000,
    sample: Annotated[
        Sampling, typer.Option(help="Rows from all over a table, or its first ones: quicker.")
    ] = Sampling.RANDOM,
    tables: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Only tables such as 'sales.*' or 'cust*'. May be repeated."
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Leave such tables out. May be repeated."),
    ] = None,
    how: Annotated[ReportFormat, typer.Option("--format", help="How to show it.")] = (
        ReportFormat.TABLE
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, and fail if anything changed.")
    ] = False,
    name: Annotated[str, typer.Option(help="What to call a new source.")] = "",
) -> int:
    """Look at every column, say what it is, and propose labels in the policy."""
    from maskline.scanning import Scope, drifts

    is_dry = dry_run or check
    if check and not policy.exists():
        msg = f"There is no policy {policy} to check."
        raise UsageError(msg, hint="Scan once without --check.")
    registry, name, url, keyring = _find(source, policy, name=name, is_dry=is_dry)
    scope = Scope(
        rows=rows,
        is_spread=sample is Sampling.RANDOM,
        tables=tuple(tables or ()),
        exclude=tuple(exclude or ()),
    )
    memory = _memory(policy, name, registry, keyring)
    catalogue, found = _look(registry, url, scope, memory)
    if not policy.exists():
        _show(found, registry, how, source=name)
        say(f"{len(found)} columns. Nothing was written.")
        return ExitCode.DONE
    diff = _write(policy, name, catalogue, found, is_dry=is_dry)
    changes = drifts(found, diff, memory)
    _show(found, registry, how, source=name, changes=changes)
    _tell(diff, changes, policy, is_dry=is_dry)
    if check:
        return ExitCode.FAILED if changes else ExitCode.DONE
    if not dry_run:
        memory.save(catalogue)
        say(f'next: read {policy}, then ask: maskline query --source {name} "SELECT ..."')
    return ExitCode.DONE


_Target: TypeAlias = tuple["Registry", str, str, "Keyring | None"]
"""What to look with, the name and URL of the source, and the keys."""


def _find(source: str, policy: Path, *, name: str, is_dry: bool) -> _Target:
    """Return what a scan needs to know; make what is missing."""
    from maskline.plugins import load_policy, load_registry
    from maskline.policy._sources import write_source
    from maskline.tokens import Keyring

    is_url = "://" in source
    if not policy.exists():
        if not is_url:
            msg = f"There is no policy {policy}, so no source has a name yet."
            raise UsageError(msg, hint="Give the URL of a database, such as duckdb:///shop.duckdb.")
        keyring = None if is_dry else Keyring.load(begin(policy, name=name, url=source))
        return load_registry(), name_of(source, name), source, keyring
    loaded, registry = load_policy(policy)
    keyring = Keyring.open(loaded.keys) if loaded.keys else None
    for known, config in loaded.sources.items():
        if known == source or (is_url and _same(config.url, source)):
            return registry, known, config.url, keyring
    if not is_url:
        msg = f"{policy} has no such source."
        names = ", ".join(loaded.sources) or "none yet"
        raise UsageError(msg, hint=f"It has: {names}. A URL adds one.")
    name = name_of(source, name)
    if name in loaded.sources:
        msg = f"{policy} has another source of that name."
        raise UsageError(msg, hint="Choose one with --name.")
    if not is_dry:
        variable = write_source(policy, name, path_in_policy(source, policy))
        say(f"added the source {name} to {policy}")
        if variable:
            say(f"set {variable} to its password: no password is in {policy}")
    return registry, name, source, keyring


def _same(known: str, given: str) -> bool:
    """Whether a URL of a policy, its path absolute, is one that was given on the command line."""
    scheme, _, path = given.partition("://")
    if scheme.lower() in FILE_SCHEMES:
        return Path(known.partition("://")[2][1:]) == Path.cwd() / path[1:]
    return known == given


def _memory(
    policy: Path, name: str, registry: "Registry", keyring: "Keyring | None"
) -> "ScanMemory":
    """Return what the last scan saw; it needs a key to tell whether a table is as it was."""
    from maskline.scanning import ScanMemory

    pads = keyring.pads(_DOMAIN) if keyring else None
    return ScanMemory(policy.parent / _MEMORY, name, registry=registry, pads=pads)


def _look(
    registry: "Registry", url: str, scope: "Scope", memory: "ScanMemory"
) -> tuple["Catalogue", list["ScannedColumn"]]:
    from maskline import scanning
    from maskline.plugins import open_source

    opened = open_source(registry, url)
    try:
        for warning in opened.warnings:
            warn(warning)
        with _progress() as advance:
            found = scanning.scan(opened, registry, scope=scope, memory=memory, progress=advance)
        return opened.catalogue(), found
    finally:
        opened.close()


def _write(
    policy: Path,
    name: str,
    catalogue: "Catalogue",
    found: Sequence["ScannedColumn"],
    *,
    is_dry: bool,
) -> "LabelDiff":
    from maskline.policy import write_labels

    labels = {column.ref: column.label for column in found}
    there = {
        ColumnRef(relation.schema, relation.name, column.name)
        for relation in catalogue.relations
        for column in relation.columns
    }
    return write_labels(
        policy,
        name,
        labels,
        unscanned=there - labels.keys(),
        ignore_case=catalogue.dialect != "postgres",
        dry_run=is_dry,
    )


@contextmanager
def _progress() -> Iterator["_Advance"]:
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield _Advance(bar)


class _Advance:
    """Moves the bar. The scan calls it before each table."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("scan", total=None)

    def __call__(self, done: int, total: int, name: str) -> None:
        text = f"scan {visible(name)}".replace("[", r"\[")
        self._bar.update(self._task, completed=done, total=total, description=text, refresh=True)


def _show(
    found: Sequence["ScannedColumn"],
    registry: "Registry",
    how: ReportFormat,
    *,
    source: str,
    changes: "Drifts | None" = None,
) -> None:
    if how is ReportFormat.JSON:
        print(json.dumps([_json(column, changes) for column in found], indent=2))  # noqa: T201 - data
    elif how is ReportFormat.HTML:
        from maskline.scanning.page import to_html

        made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        entities = registry.entities
        page = to_html(found, source=source, entities=entities, changes=changes, made=made)
        print(page, end="")  # noqa: T201 - data
    else:
        out().print(_table(found, registry.entities))


def _table(found: Sequence["ScannedColumn"], entities: Mapping[str, Entity]) -> Table:
    table = Table("table", "column", "type", "label", "category", "sure", "evidence", box=None)
    table.pad_edge = False
    table.columns[5].justify = "right"
    for narrow in table.columns[:6]:
        narrow.no_wrap = True
    before = ("", "")
    for column in found:
        place = column.ref[:2]
        label, category = _label_text(column.label.entity, entities)
        table.add_row(
            Text(visible(".".join(place)) if place != before else "", style="bold"),
            Text(visible(column.ref.column)),
            Text(visible(column.type.lower()), style="dim"),
            label,
            category,
            f"{column.label.confidence:.0%}" if column.label.entity != UNKNOWN else "",
            Text(visible(column.label.evidence), style="dim"),
        )
        for path, entity in column.label.paths:
            label, category = _label_text(entity, entities)
            table.add_row("", Text(f"  {visible(path)}", style="dim"), "", label, category, "", "")
        before = place
    return table


def _label_text(label: str, entities: Mapping[str, Entity]) -> tuple[Text, Text]:
    """Return a label and its category, in the category's colour."""
    entity = entities.get(label)
    style = _CATEGORY_STYLES[entity.category] if entity else _OTHER_STYLES.get(label, "cyan")
    return Text(label, style=style), Text(entity.category if entity else "", style=style)


def _json(column: "ScannedColumn", changes: "Drifts | None") -> dict[str, object]:
    return {
        **column.ref._asdict(),
        "type": column.type,
        "label": column.label.entity,
        "confidence": column.label.confidence,
        "evidence": column.label.evidence,
        "paths": dict(column.label.paths),
        "changes": changes.words(column.ref) if changes else [],
    }


def _tell(diff: "LabelDiff", changes: "Drifts", policy: Path, *, is_dry: bool) -> None:
    verb = "would be added" if is_dry else "added"
    counts = Counter(label.entity for _, label in diff.added)
    sensitive = sum(number for entity, number in counts.items() if entity != "PUBLIC")
    say(
        f"{policy}: {len(diff.added)} labels {verb} ({sensitive} of them not PUBLIC), "
        f"{len(diff.unchanged)} unchanged, {len(diff.drifted)} drifted, "
        f"{len(changes.retyped)} retyped, {len(diff.gone)} gone"
    )
    for drift in diff.drifted:
        since = ", as at the last scan" if drift in changes.standing else ""
        say(
            f"  drifted: {drift.ref} is declared {drift.declared.entity} and looks like "
            f"{drift.found.entity}{since} ({drift.found.evidence}); the policy was left as it is"
        )
    for one in changes.retyped:
        say(f"  retyped: {one.ref} was {one.before} and is {one.now}")
    for ref in diff.gone:
        say(f"  gone: {str(ref).removeprefix('.')} has a label and is no longer there")
    for ref in diff.unknown:
        say(f"  unknown: {ref} cannot be told, and stays masked")
