"""``maskline audit``: verifies the audit log, and shows the end of it."""

import json
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from maskline._cells import grouped, visible
from maskline.cli._console import ExitCode, fail, out
from maskline.cli._options import Listing, ListingFormat, Policy
from maskline.errors import UsageError

if TYPE_CHECKING:
    from maskline.audit import Verification

__all__ = ["app", "tail", "verify"]

app: Final = typer.Typer(help="Verify and read the audit log.", no_args_is_help=True)
_Directory: TypeAlias = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="Default: the one that the policy names.")
]
_POLICY: Final = Path("policy.yaml")
_STYLES: Final = {"answered": "green", "refused": "yellow", "failed": "red", "cancelled": "red"}


@app.command()
def verify(
    directory: _Directory = None,
    *,
    expect: Annotated[
        str,
        typer.Option(
            metavar="SEQ:HASH", help="A head that an earlier verification gave; must be there."
        ),
    ] = "",
    policy: Policy = _POLICY,
    how: Listing = ListingFormat.TABLE,
) -> int:
    """Check every hash and every link of the log."""
    from maskline import audit

    place = _place(directory, policy)
    result = audit.verify(place, expect_head=_head(expect))
    if how is ListingFormat.JSON:
        print(json.dumps(asdict(result), indent=2))  # noqa: T201 - the answer of the command
    else:
        _show(result)
    if result.ok:
        return ExitCode.DONE
    fail("audit-integrity", f"The audit log {place} is not what was written.")
    return ExitCode.AUDIT


@app.command()
def tail(
    directory: _Directory = None,
    *,
    number: Annotated[int, typer.Option("-n", min=1, help="How many records.")] = 10,
    policy: Policy = _POLICY,
    how: Listing = ListingFormat.TABLE,
) -> None:
    """Show the last records. The chain is not checked."""
    from maskline import audit

    records = deque(audit.read(_place(directory, policy)), maxlen=number)
    if how is ListingFormat.JSON:
        for record in records:
            print(json.dumps(record))  # noqa: T201 - the answer of the command
        return
    table = Table(
        "seq", "time", "who", "outcome", "rows", "query", "purpose", "statement", box=None
    )
    table.columns[4].justify = "right"
    for column in table.columns[:6]:
        column.no_wrap = True
    table.pad_edge = False
    for record in records:
        table.add_row(*_row(record["seq"], record["event"]))
    out().print(table)


def _row(seq: int, event: dict[str, Any]) -> list[Text]:
    who = event["principal"]
    outcome = str(event["outcome"])
    return [
        Text(str(seq)),
        Text(str(event["time"])[:19].replace("T", " ")),
        Text(visible(f"{who['kind']}:{who['id']}")),
        Text(outcome, style=_STYLES.get(outcome, "")),
        Text(grouped(event["rows"])),
        Text(str(event["query_id"])[:8]),
        Text(visible(str(event["purpose"]))),
        Text(visible(" ".join(str(event["sql"]).split()))),
    ]


def _place(directory: Path | None, policy: Path) -> Path:
    if directory is not None:
        return directory
    if not policy.exists():
        return Path("audit")
    from maskline.plugins import load_policy

    return load_policy(policy)[0].audit_path


def _head(text: str) -> tuple[int, str] | None:
    if not text:
        return None
    seq, _, digest = text.partition(":")
    if not seq.isdecimal() or not digest:
        msg = "--expect is not a number and a hash."
        raise UsageError(msg, hint="Write --expect SEQ:HASH, as `maskline audit verify` shows it.")
    return int(seq), digest


def _show(result: "Verification") -> None:
    console = out()
    records = f"{grouped(result.records)} records in {result.segments} segments"
    span = f", from {result.first_time} to {result.last_time}" if result.first_time else ""
    console.print(Text(f"{records}{visible(span)}"), soft_wrap=True)
    if result.head_seq:
        console.print(Text(f"head {result.head_seq}:{visible(result.head_hash)}"), soft_wrap=True)
    for at in result.findings:
        place = f"{at.segment or 'log'}:{at.line}"
        line = Text.assemble(("FOUND ", "bold red"), f"{place}: {at.what}: {visible(at.detail)}")
        console.print(line, soft_wrap=True)
    for at in result.recoveries:
        console.print(Text(f"recovered {at.segment}:{at.line}: {at.detail}"), soft_wrap=True)
    for query in result.incomplete:
        line = Text.assemble(
            ("not completed ", "yellow"),
            visible(f"{query.query_id} by {query.principal}, began {query.time}"),
        )
        console.print(line, soft_wrap=True)
    ending = (
        ("The log is whole.", "green") if result.ok else ("The log is NOT what was written.", "red")
    )
    console.print(Text(*ending))
