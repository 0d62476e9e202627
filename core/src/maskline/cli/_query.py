"""``maskline query`` and ``maskline explain``.

This module knows sessions, and where rows go. It never holds a raw value.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, cast

import typer
from rich.text import Text

from maskline._cells import grouped
from maskline.cli._console import ExitCode, err, out, say, warn
from maskline.cli._options import (
    As,
    File,
    Limit,
    Listing,
    ListingFormat,
    Policy,
    Purpose,
    Roles,
    Source,
    Sql,
    Timeout,
    is_terminal,
    principal_of,
    sql_of,
)
from maskline.cli._output import Format, format_of, open_output, opened_writer
from maskline.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.status import Status

    from maskline.planning import Plan
    from maskline.session import Session
    from maskline.streaming import MaskedStream

__all__ = ["explain", "query"]

_POLICY: Final = Path("policy.yaml")
_SHOWN: Final = 50


def query(  # noqa: PLR0913 - the options of a command
    sql: Sql = "",
    *,
    file: File = None,
    source: Source = "",
    policy: Policy = _POLICY,
    who: As = "",
    role: Roles = None,
    purpose: Purpose = "",
    limit: Limit = None,
    timeout: Timeout = None,
    how: Annotated[
        Format | None,
        typer.Option("--format", help="Default: table on a terminal, csv elsewhere."),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A file; its suffix tells the format. It is replaced."),
    ] = None,
    spreadsheet: Annotated[
        bool,
        typer.Option("--spreadsheet", help="In CSV, put ' before what begins like a formula."),
    ] = False,
) -> None:
    """Answer one SELECT as a masked copy of the database would."""
    statement = sql_of(sql, file)
    form = format_of(how, path, is_terminal=is_terminal())
    if spreadsheet and form is not Format.CSV:
        msg = "--spreadsheet is about CSV only."
        raise UsageError(msg)
    with _session(source, policy, who=who, roles=role, purpose=purpose) as session:
        stream = session.stream(statement, limit=limit, timeout=timeout)
        if form is Format.TABLE:
            _show(stream)
        else:
            _write(stream, form, path, quotes=spreadsheet)
        _footer(stream, session, path)


def explain(  # noqa: PLR0913 - the options of a command
    sql: Sql = "",
    *,
    file: File = None,
    source: Source = "",
    policy: Policy = _POLICY,
    who: As = "",
    role: Roles = None,
    purpose: Purpose = "",
    how: Listing = ListingFormat.TABLE,
) -> int:
    """Tell how a query would be answered, or why it would be refused. No row is read."""
    statement = sql_of(sql, file)
    with _session(source, policy, who=who, roles=role, purpose=purpose) as session:
        plan = session.explain(statement)
        refusals = [(refusal.reason, refusal.hint) for refusal in plan.refusals]
        if missing := session.policy.requirement(session.principal, purpose):
            refusals.insert(0, (missing, "Say why you ask: state a purpose."))
    if how is ListingFormat.JSON:
        print(json.dumps(_plan_json(plan, refusals), indent=2))  # noqa: T201 - data
    else:
        from maskline.cli._table import plan_lines

        console = out()
        for line in plan_lines(plan, refusals):
            console.print(line, soft_wrap=isinstance(line, Text))
    return ExitCode.REFUSED if refusals else ExitCode.DONE


@contextmanager
def _session(
    source: str, policy: Path, *, who: str, roles: list[str] | None, purpose: str
) -> Iterator["Session"]:
    from maskline.session import connect

    principal = principal_of(who, roles)
    with connect(source, policy=policy, principal=principal, purpose=purpose) as session:
        for warning in session.warnings:
            warn(warning)
        yield session


def _show(stream: "MaskedStream") -> None:
    """Print the first rows, and count the others."""
    import pyarrow as pa

    from maskline.cli._table import rows_table

    kept: list[pa.RecordBatch] = []
    with stream, _status(is_shown=True) as status:
        for batch in _watched(stream, status):
            if missing := _SHOWN - sum(each.num_rows for each in kept):
                kept.append(batch.slice(0, missing))
    table = pa.Table.from_batches(kept, schema=stream.schema)
    out().print(rows_table([column.output for column in stream.columns], table))
    if stream.rows > _SHOWN:
        more = grouped(stream.rows - _SHOWN)
        say(f"… and {more} more rows. --out FILE or --format csv gives all of them.")


def _write(stream: "MaskedStream", form: Format, path: Path | None, *, quotes: bool) -> None:
    stdout = cast("BinaryIO", sys.stdout.buffer)
    with (
        stream,
        _status(is_shown=path is not None or not is_terminal()) as status,
        open_output(path, stdout, is_terminal=is_terminal()) as file,
        opened_writer(
            form, file, stream.schema, is_path=path is not None, quote_formulas=quotes
        ) as writer,
    ):
        for batch in _watched(stream, status):
            writer.write(batch)
    if writer.formulas and not quotes:
        warn(
            f"{grouped(writer.formulas)} cells begin like a formula, and a spreadsheet would run "
            "them. --spreadsheet puts ' before them."
        )


@contextmanager
def _status(*, is_shown: bool) -> Iterator["Status | None"]:
    """Show, on a terminal, that work goes on; not where rows would be written across it."""
    console = err()
    if not (is_shown and console.is_terminal):
        yield None
        return
    with console.status("asking …") as status:
        yield status


def _watched(stream: "MaskedStream", status: "Status | None") -> Iterator["pa.RecordBatch"]:
    for batch in stream:
        if status is not None:
            status.update(f"{grouped(stream.rows)} rows …")
        yield batch


def _footer(stream: "MaskedStream", session: "Session", path: Path | None) -> None:
    masked = sum(column.is_masked for column in stream.columns)
    size = f"{_count(stream.rows, 'row')} x {_count(len(stream.columns), 'column')}"
    for note in stream.plan.notes:
        say(f"note: {note}")
    if stream.is_truncated:
        say("stopped at the row limit, more rows exist")
    if path is not None:
        say(f"wrote {path}")
    say(
        f"{size}, {masked} masked, policy {session.policy.version}, audit {stream.query_id}, "
        f"{grouped(stream.duration_ms)} ms",
        style="dim",
    )


def _count(number: int, noun: str) -> str:
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"


def _plan_json(plan: "Plan", refusals: list[tuple[str, str]]) -> dict[str, object]:
    return {
        "decision": "refused" if refusals else plan.strategy.value,
        "reasons": [] if refusals else list(plan.reasons),
        "refusals": [{"reason": reason, "hint": hint} for reason, hint in refusals],
        "outputs": [
            {
                "name": output.name,
                "sources": [
                    {"column": str(ref), "flows": [flow.value for flow in flows]}
                    for ref, flows in output.sources
                ],
                "label": output.label.entity,
                "mask": str(output.mask) if output.mask else None,
                "rule": output.rule,
                "by_database": output.is_fixed,
            }
            for output in plan.outputs
        ],
        "influences": [
            {"column": str(ref), "flows": [flow.value for flow in flows]}
            for ref, flows in plan.influences
        ],
        "reads": [str(ref) for ref in sorted(plan.reads)],
        "masked_reads": [
            {
                "table": f"{read.schema}.{read.relation}",
                "columns": [column.name for column in read.columns if column.mask is not None],
                "pushed": read.pushed,
            }
            for read in (() if refusals else plan.masked_reads)
        ],
        "looked_up": [
            {"column": str(ref), "literals": count}
            for ref, count in (() if refusals else plan.looked_up)
        ],
        "notes": list(plan.notes),
    }
