"""``maskline init`` and ``maskline scan``: from a database to a policy.

This module knows the policy file and what a scan finds. What a person wrote is never changed.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from maskline._cells import visible
from maskline.cli._console import err, out, say, warn
from maskline.cli._options import Listing, ListingFormat, Policy
from maskline.entities import Category
from maskline.errors import PolicyError, UsageError
from maskline.model import UNKNOWN, Label

if TYPE_CHECKING:
    from maskline.plugins import Registry
    from maskline.policy import LabelDiff
    from maskline.roles import Source
    from maskline.scanning import ScannedColumn

__all__ = ["begin", "init", "label_text", "scan"]

_POLICY: Final = Path("policy.yaml")
_IGNORED: Final = ("keyring.json", "audit.key", "audit/")
_SAMPLE_NAME: Final = "shop"
# The plugins of this project; those of others are for a person to name.
_OWN_PLUGINS: Final = frozenset({"openlineage", "secrets"})
_SAMPLE_URL: Final = "duckdb:///shop.duckdb"
_FILE_SCHEMES: Final = ("duckdb", "sqlite")
_CATEGORY_STYLES: Final = {
    Category.PII: "blue",
    Category.PHI: "magenta",
    Category.PCI: "yellow",
    Category.SECRET: "red",
}
_OTHER_STYLES: Final = {"PUBLIC": "green", "UNKNOWN": "bold red"}


def init(
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="A database, such as duckdb:///shop.duckdb.")
    ] = "",
    *,
    policy: Policy = _POLICY,
    name: Annotated[str, typer.Option(help="What to call the database in the policy.")] = "",
) -> None:
    """Write a first policy and a keyring. Nothing that is there is overwritten."""
    if url and "://" not in url:
        _no_url()
    begin(policy, name=name, url=url)
    say(f"next: maskline scan {_name_of(url, name) if url else 'URL'}")


def begin(policy: Path, *, name: str, url: str) -> None:
    """Make what is missing of a policy, a keyring and a .gitignore, and tell what was made.

    Raises:
        PolicyError: A file cannot be written.
        KeyringError: The keyring cannot be written.
    """
    from maskline.policy import initial_policy
    from maskline.policy._sources import password_variable
    from maskline.tokens import Keyring

    plugins = {found.name for found in entry_points(group="maskline")} & _OWN_PLUGINS
    text = initial_policy(name or _SAMPLE_NAME, _SAMPLE_URL, plugins=plugins)
    if url:
        name = _name_of(url, name)
        text = initial_policy(name, _in_policy(url, policy), plugins=plugins)
    else:
        text = re.sub(r"(?m)^sources:\n  ", "sources:\n  # ", text)
    _write_new(policy, text)
    if url and f"${{{password_variable(name)}}}" in text:
        say(f"set {password_variable(name)} to the password of {name}: no password is in {policy}")
    keyring = policy.parent / "keyring.json"
    if keyring.exists():
        say(f"{keyring} is there already: left as it is")
    else:
        fresh = Keyring.generate()
        fresh.save(keyring)
        say(f"made {keyring}: key {fresh.fingerprints()[0].fingerprint}, for its owner only")
    _ignore(policy.parent / ".gitignore")


def scan(  # noqa: PLR0913 - the options of a command
    source: Annotated[str, typer.Argument(help="The name of a source in the policy, or a URL.")],
    *,
    policy: Policy = _POLICY,
    rows: Annotated[
        int, typer.Option(min=1, help="How many rows of each table to look at.")
    ] = 2_000,
    how: Listing = ListingFormat.TABLE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    name: Annotated[str, typer.Option(help="What to call a new source.")] = "",
) -> None:
    """Look at every column, say what it is, and propose labels in the policy."""
    from maskline.plugins import open_source
    from maskline.policy import write_labels

    registry, name, url = _find(source, policy, name=name, is_dry=dry_run)
    opened = open_source(registry, url)
    try:
        for warning in opened.warnings:
            warn(warning)
        found = _scan(opened, registry, rows)
        ignore_case = opened.dialect != "postgres"
    finally:
        opened.close()
    _show(found, registry, how)
    if not policy.exists():
        say(f"{len(found)} columns. Nothing was written.")
        return
    labels = {column.ref: column.label for column in found}
    diff = write_labels(policy, name, labels, ignore_case=ignore_case, dry_run=dry_run)
    _tell(diff, policy, is_dry=dry_run)
    if not dry_run:
        say(f'next: read {policy}, then ask: maskline query --source {name} "SELECT ..."')


def _no_url() -> None:
    msg = "That is not the URL of a database."
    raise UsageError(msg, hint="Such as duckdb:///shop.duckdb, sqlite:///shop.db or postgresql://…")


def _find(source: str, policy: Path, *, name: str, is_dry: bool) -> tuple["Registry", str, str]:
    """Return what to look with, and the name and URL of the source; make what is missing."""
    from maskline.plugins import load_policy, load_registry
    from maskline.policy._sources import write_source

    is_url = "://" in source
    if not policy.exists():
        if not is_url:
            msg = f"There is no policy {policy}, so no source has a name yet."
            raise UsageError(msg, hint="Give the URL of a database, such as duckdb:///shop.duckdb.")
        if not is_dry:
            begin(policy, name=name, url=source)
        return load_registry(), _name_of(source, name), source
    loaded, registry = load_policy(policy)
    for known, config in loaded.sources.items():
        if known == source or (is_url and _same(config.url, source)):
            return registry, known, config.url
    if not is_url:
        msg = f"{policy} has no such source."
        names = ", ".join(loaded.sources) or "none yet"
        raise UsageError(msg, hint=f"It has: {names}. A URL adds one.")
    name = _name_of(source, name)
    if name in loaded.sources:
        msg = f"{policy} has another source of that name."
        raise UsageError(msg, hint="Choose one with --name.")
    if not is_dry:
        variable = write_source(policy, name, _in_policy(source, policy))
        say(f"added the source {name} to {policy}")
        if variable:
            say(f"set {variable} to its password: no password is in {policy}")
    return registry, name, source


def _name_of(url: str, name: str) -> str:
    if name:
        return name
    path = url.partition("://")[2].partition("?")[0].rpartition("@")[2].rstrip("/")
    stem = Path(path).stem if "/" in path else ""
    return re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_") or "db"


def _same(known: str, given: str) -> bool:
    """Whether a URL of a policy, its path absolute, is one that was given on the command line."""
    scheme, _, path = given.partition("://")
    if scheme.lower() in _FILE_SCHEMES:
        return Path(known.partition("://")[2][1:]) == Path.cwd() / path[1:]
    return known == given


def _in_policy(url: str, policy: Path) -> str:
    """Return a URL whose relative path starts at the policy's folder, not at ours."""
    scheme, _, path = url.partition("://")
    here, there = Path.cwd(), policy.parent.absolute()
    is_relative = path.startswith("/") and not path.startswith("//")
    if scheme.lower() not in _FILE_SCHEMES or not is_relative or here == there:
        return url
    return f"{scheme}:///{Path(os.path.relpath(here / path[1:], there)).as_posix()}"


def _write_new(path: Path, text: str) -> None:
    if path.exists():
        say(f"{path} is there already: left as it is")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        problem = type(exc).__name__
    else:
        say(f"made {path}")
        return
    msg = f"{path} cannot be written: {problem}."
    raise PolicyError(msg)


def _ignore(path: Path) -> None:
    """Keep keys and records out of version control."""
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        missing = [line for line in _IGNORED if line not in old.splitlines()]
        if missing:
            gap = "" if not old or old.endswith("\n") else "\n"
            with path.open("a", encoding="utf-8") as file:
                file.write(gap + "".join(f"{line}\n" for line in missing))
            say(f"added {' and '.join(missing)} to {path}")
    except (OSError, UnicodeDecodeError) as exc:
        problem = type(exc).__name__
    else:
        return
    warn(f"{path} cannot be written: {problem}. Keep {' and '.join(_IGNORED)} unpublished.")


def _scan(source: "Source", registry: "Registry", rows: int) -> list["ScannedColumn"]:
    from maskline import scanning

    with _progress() as advance:
        return scanning.scan(source, registry, rows=rows, progress=advance)


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


def label_text(label: Label, registry: "Registry") -> tuple[Text, Text]:
    """Return a label and its category, in the category's colour."""
    entity = registry.entities.get(label.entity)
    style = _OTHER_STYLES.get(label.entity, "cyan")
    if entity is not None:
        style = _CATEGORY_STYLES[entity.category]
    return Text(label.entity, style=style), Text(entity.category if entity else "", style=style)


def _show(found: Sequence["ScannedColumn"], registry: "Registry", how: ListingFormat) -> None:
    if how is ListingFormat.JSON:
        print(json.dumps([_json(column) for column in found], indent=2))  # noqa: T201 - data
        return
    table = Table("table", "column", "type", "label", "category", "sure", "evidence", box=None)
    table.pad_edge = False
    table.columns[5].justify = "right"
    for narrow in table.columns[:6]:
        narrow.no_wrap = True
    before = ("", "")
    for column in found:
        place = column.ref[:2]
        label, category = label_text(column.label, registry)
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
            label, category = label_text(Label(entity=entity), registry)
            table.add_row("", Text(f"  {visible(path)}", style="dim"), "", label, category, "", "")
        before = place
    out().print(table)


def _json(column: "ScannedColumn") -> dict[str, object]:
    return {
        **column.ref._asdict(),
        "type": column.type,
        "label": column.label.entity,
        "confidence": column.label.confidence,
        "evidence": column.label.evidence,
        "paths": dict(column.label.paths),
    }


def _tell(diff: "LabelDiff", policy: Path, *, is_dry: bool) -> None:
    verb = "would be added" if is_dry else "added"
    counts = Counter(label.entity for _, label in diff.added)
    sensitive = sum(number for entity, number in counts.items() if entity != "PUBLIC")
    say(
        f"{policy}: {len(diff.added)} labels {verb} ({sensitive} of them not PUBLIC), "
        f"{len(diff.unchanged)} unchanged, {len(diff.drifted)} drifted, {len(diff.gone)} gone"
    )
    for drift in diff.drifted:
        say(
            f"  drifted: {drift.ref} is declared {drift.declared.entity} and looks like "
            f"{drift.found.entity} ({drift.found.evidence}); the policy was left as it is"
        )
    for ref in diff.gone:
        say(f"  gone: {str(ref).removeprefix('.')} has a label and is no longer there")
    for ref in diff.unknown:
        say(f"  unknown: {ref} cannot be told, and stays masked")
