"""``maskline lineage``: draws how columns reach answers, and forwards lineage events.

This module knows graphs and files. It does not know any lineage server.
"""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from maskline._cells import grouped
from maskline.cli._console import ExitCode, say, warn
from maskline.cli._options import Policy, is_terminal, log_of, moment_of
from maskline.errors import UsageError

if TYPE_CHECKING:
    from maskline.lineage import Delivery, Graph

__all__ = ["app", "flush", "show"]

app: Final = typer.Typer(help="Draw how columns reach answers, and forward lineage events.")
_POLICY: Final = Path("policy.yaml")


class Drawing(StrEnum):
    """How lineage is shown."""

    HTML = "html"
    SVG = "svg"
    JSON = "json"


@app.callback(invoke_without_command=True)
def show(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    *,
    directory: Annotated[
        Path | None,
        typer.Option("--audit", metavar="DIR", help="Default: the log that the policy names."),
    ] = None,
    table: Annotated[
        str,
        typer.Option("--table", help="Only answers that read this table, or this column of one."),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="AGE|TIME", help="30d, 12h, 2w, 2026-03-01, or a time in UTC."
        ),
    ] = "",
    most: Annotated[
        int, typer.Option("--last", "-n", min=1, help="At most so many answers, the last ones.")
    ] = 40,
    policy: Policy = _POLICY,
    how: Annotated[
        Drawing | None,
        typer.Option("--format", help="Default: what the suffix of --out says, or html."),
    ] = None,
    path: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it to this file.")
    ] = None,
) -> None:
    """Draw how columns reach answers, from the audit log alone. No value is in it."""
    if context.invoked_subcommand is not None:
        return
    from maskline.cli._output import open_output
    from maskline.lineage import build_graph

    form = how or _form_of(path)
    if path is None and is_terminal() and form is not Drawing.JSON:
        msg = f"A terminal does not show {form.upper()}."
        raise UsageError(msg, hint=f"Write it to a file: --out lineage.{form}")
    began = _began(since)
    graph = build_graph(_events(directory, policy), table=table, since=began, most=most)
    about = _about(table, began)
    with open_output(path, sys.stdout.buffer, is_terminal=path is None and is_terminal()) as file:
        file.write(_drawn(graph, form, about).encode())
    if not graph.answers:
        warn(f"the audit log has no answer {about}".rstrip())
    if path is not None:
        say(f"{path}: {grouped(len(graph.answers))} answers, {grouped(graph.queries)} queries")


@app.command()
def flush(
    *,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Try so many seconds for each outbox.")
    ] = 60.0,
    policy: Policy = _POLICY,
) -> int:
    """Send the lineage events that wait in outboxes. Made to be run every minute, or so."""
    from maskline.lineage import Forwarder
    from maskline.plugins import load_policy

    loaded, registry = load_policy(policy)
    forwarders = {
        kind: sink
        for kind, sink in registry.sinks.items()
        if kind in loaded.sinks and isinstance(sink, Forwarder)
    }
    if not forwarders:
        msg = f"{policy.name} has no sink with an outbox."
        raise UsageError(msg, hint="Add `openlineage` to `plugins:` and to `sinks:`.")
    code = ExitCode.DONE
    for kind, sink in forwarders.items():
        done = sink.forward(
            loaded.sinks[kind],
            resolve=lambda place: str(loaded.resolve(place)),
            timeout=timeout,
        )
        if not _told(kind, done):
            code = ExitCode.FAILED
    return code


def _told(kind: str, done: "Delivery") -> bool:
    """Say what became of the events, and return whether all is well."""
    say(f"{kind}: {grouped(done.waiting)} bytes wait, events sent: {grouped(done.sent)}")
    if done.rejected:
        warn(f"{kind}: events rejected, and kept aside: {grouped(done.rejected)}")
    if done.lost:
        warn(
            f"{kind}: events that found the outbox full, since {done.lost_since}: "
            f"{grouped(done.lost)}; the audit log has the reads"
        )
    return not (done.waiting or done.rejected or done.lost)


def _events(directory: Path | None, policy: Path) -> Iterator[dict[str, Any]]:
    from maskline import audit

    for record in audit.read(log_of(directory, policy)):
        yield record["event"]


def _form_of(path: Path | None) -> Drawing:
    suffix = path.suffix.removeprefix(".").lower() if path else ""
    return Drawing(suffix) if suffix in set(Drawing) else Drawing.HTML


def _began(since: str) -> str:
    """Return a time as events have it; empty for any time."""
    from maskline.audit import timestamp

    moment = moment_of(since, "--since")
    return timestamp(moment) if moment else ""


def _about(table: str, began: str) -> str:
    parts = [f"on {table}" if table else "", f"since {began[:16]}Z" if began else ""]
    return " ".join(filter(None, parts))


def _drawn(graph: "Graph", form: Drawing, about: str) -> str:
    from maskline import lineage

    if form is Drawing.HTML:
        return lineage.to_html(graph, about=about)
    if form is Drawing.SVG:
        return lineage.to_svg(graph)
    return json.dumps(lineage.to_json(graph), indent=2) + "\n"
