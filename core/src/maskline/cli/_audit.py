"""``maskline audit``: verifies, shows, signs, proves and prunes the audit log."""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from maskline._cells import grouped, visible
from maskline.cli._console import ExitCode, fail, out, say
from maskline.cli._options import Listing, ListingFormat, Policy, log_of
from maskline.errors import UsageError

if TYPE_CHECKING:
    from maskline.audit import AuditLog, Verification

__all__ = [
    "app",
    "create_key",
    "export",
    "prove",
    "prune",
    "show",
    "sign",
    "tail",
    "verify",
]

app: Final = typer.Typer(help="Verify, read and sign the audit log.", no_args_is_help=True)
_T = TypeVar("_T")

_Directory: TypeAlias = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="Default: the one that the policy names.")
]
_Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--log", metavar="DIR", help="The audit log. Default: the one that the policy names."
    ),
]
_Date: TypeAlias = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC."),
]
_POLICY: Final = Path("policy.yaml")
_STYLES: Final = {"answered": "green", "refused": "yellow", "failed": "red", "cancelled": "red"}


@app.command()
def verify(  # noqa: PLR0913 - the options of the command
    directory: _Directory = None,
    *,
    expect: Annotated[
        str,
        typer.Option(
            metavar="SEQ:HASH", help="A head that an earlier verification gave; must be there."
        ),
    ] = "",
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="What was signed of the log, from wherever it was kept. May be repeated.",
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="To check signatures. Default: beside the key of the policy."
        ),
    ] = None,
    policy: Policy = _POLICY,
    how: Listing = ListingFormat.TABLE,
) -> int:
    """Check every hash, link and signature of a log, or of a file that `prove` made."""
    from maskline import audit

    place = log_of(directory, policy)
    notes = [note for file in checkpoint or () for note in _read(audit.notes_in, file)]
    keys = public_key or (_public_key(policy) if directory is None else None)
    result = audit.verify(
        place,
        expect_head=_head(expect),
        checkpoints=notes,
        public_keys=_read(lambda file: file.read_text("utf-8"), keys) if keys else "",
    )
    if how is ListingFormat.JSON:
        print(json.dumps(asdict(result), indent=2))  # noqa: T201 - the answer of the command
    else:
        _show(result)
    if result.ok:
        return ExitCode.DONE
    fail("audit-integrity", f"The audit log {place} is not what was written.")
    return ExitCode.AUDIT


@app.command()
def verify_evidence(
    path: Annotated[Path, typer.Argument(help="What `maskline evidence` wrote.")],
    *,
    public_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="To check its signature. Default: beside the key of the policy."
        ),
    ] = None,
    policy: Policy = _POLICY,
) -> int:
    """Compare evidence with its manifest and its signature."""
    from maskline.evidence import verify_bundle

    keys = public_key or _public_key(policy)
    text = _read(lambda file: file.read_text("utf-8"), keys) if keys else ""
    found = verify_bundle(path, public_keys=text)
    for problem in found:
        out().print(Text.assemble(("FOUND ", "bold red"), visible(problem)), soft_wrap=True)
    if found:
        fail("audit-integrity", f"{path} is not what was written.")
        return ExitCode.AUDIT
    signed = "and signed" if keys else "and no key was given to check a signature with"
    say(f"{path} is what was written, {signed}.")
    return ExitCode.DONE


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

    records = deque(audit.read(log_of(directory, policy)), maxlen=number)
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


@app.command()
def show(
    seq: Annotated[int, typer.Argument(min=1, help="The number of the record.")],
    log: _Folder = None,
    policy: Policy = _POLICY,
) -> int:
    """Show one record, whole. The chain is not checked."""
    from maskline import audit

    place = log_of(log, policy)
    for record in audit.read(place):
        if record["seq"] == seq:
            print(json.dumps(record, indent=2))  # noqa: T201 - the answer of the command
            return ExitCode.DONE
    fail("audit", f"The audit log {place} has no event with the number {seq}.")
    return ExitCode.AUDIT


@app.command()
def prove(
    seq: Annotated[int | None, typer.Argument(min=1, help="The number of a record.")] = None,
    *,
    since: Annotated[
        Path | None,
        typer.Option("--from", metavar="CHECKPOINT", help="Prove that the log only grew since."),
    ] = None,
    log: _Folder = None,
    policy: Policy = _POLICY,
) -> None:
    """Print the proof that the log holds a record, or that it still begins as it once was."""
    from maskline import audit

    if (seq is None) == (since is None):
        msg = "What is to be proved is missing, or there are two things."
        raise UsageError(msg, hint="Name the number of a record, or --from CHECKPOINT.")
    place = log_of(log, policy)
    if seq is not None:
        return _print(audit.prove(place, seq, seq))
    notes = _read(audit.notes_in, since) if since else []
    return _print(audit.prove_growth(place, notes[-1] if notes else ""))


@app.command()
def export(
    since: _Date = None,
    until: _Date = None,
    log: _Folder = None,
    policy: Policy = _POLICY,
) -> None:
    """Print the records of a time as JSON lines, with the proof that they are all of them."""
    from maskline import audit

    place = log_of(log, policy)
    begin, end = (each.isoformat() if each else "" for each in (since, until))
    first, last = audit.span(place, begin, end or "9")
    if not last:
        say("There is no event of that time.")
        return
    _print(audit.prove(place, first, last))


@app.command()
def sign(log: _Folder = None, policy: Policy = _POLICY) -> None:
    """Sign the log up to its end, with the key that the policy names."""
    with _signed(log, policy) as opened:
        opened.sign()


@app.command()
def prune(
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Events of that day and later stay. In UTC. By default, as `audit.keep` says.",
        ),
    ] = None,
    log: _Folder = None,
    policy: Policy = _POLICY,
) -> None:
    """Remove the oldest files of the log, and sign what stands for them."""
    moment = before.replace(tzinfo=UTC) if before else _kept_since(policy)
    with _signed(log, policy) as opened:
        count = opened.prune(moment)
    if count:
        say(f"Records 1 to {grouped(count)} are gone, and the log tells of it.")
    else:
        say("Nothing was removed: no file of the log holds older events only.")


@app.command()
def create_key(
    file: Annotated[Path, typer.Argument(help="The key's file.")] = Path("audit.key"),
    *,
    name: Annotated[
        str, typer.Option(help="Of the log, such as example.com/shop/audit. It is signed too.")
    ] = "maskline/audit",
) -> None:
    """Make a key that signs checkpoints. A file that is there stays."""
    from maskline.audit import SigningKey, public_path

    key = SigningKey.generate(name)
    key.save(file)
    say(f"made {file}, for its owner only, and {public_path(file)}, for everybody")
    say(f"Write `audit: {{key: {file}}}` in the policy. Keep the key out of version control.")


def _signed(log: Path | None, policy: Path) -> "AuditLog":
    from maskline.access import notary_of
    from maskline.audit import AuditLog
    from maskline.plugins import load_policy

    loaded, registry = load_policy(policy)
    if (notary := notary_of(loaded, registry)) is None:
        msg = f"{policy.name} names no key that signs the audit log."
        hint = "`maskline audit create-key` makes one; name it in `audit.key`."
        raise UsageError(msg, hint=hint)
    return AuditLog.open(log or loaded.audit_path, notary=notary)


def _kept_since(policy: Path) -> datetime:
    from maskline.plugins import load_policy

    days = load_policy(policy)[0].audit_keep
    if days is None:
        msg = "Nothing says how long records are kept."
        raise UsageError(msg, hint="Give --before, or write `audit: {keep: DAYS}` in the policy.")
    return datetime.now(UTC) - timedelta(days=days)


def _print(lines: Iterable[bytes]) -> None:
    for line in lines:
        sys.stdout.write(line.decode())


def _read(how: Callable[[Path], _T], file: Path) -> _T:
    try:
        return how(file)
    except (OSError, ValueError) as exc:
        problem = type(exc).__name__
    msg = f"{file} cannot be read: {problem}."
    raise UsageError(msg, hint="Name a file, or a folder of checkpoints, that you may read.")


def _public_key(policy: Path) -> Path | None:
    """Return the public key beside the one that the policy names, if both are there."""
    from maskline.audit import public_path
    from maskline.plugins import load_policy

    signing = load_policy(policy)[0].audit_signing if policy.exists() else None
    place = public_path(signing.key) if signing else None
    return place if place and place.exists() else None


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
    if result.pruned:
        console.print(Text(f"pruned: records 1 to {grouped(result.pruned)}"))
    signed = f"{grouped(result.signed)} records" if result.signed else "none that was checked"
    console.print(Text(f"signed: {signed}"))
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
