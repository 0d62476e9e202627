"""``maskline evidence``: writes what an auditor asks for into a folder or a zip file.

This module knows options and files. It does not know what the evidence says.
"""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from maskline._cells import grouped
from maskline.cli._console import ExitCode, err, fail, say, warn
from maskline.cli._options import Policy, moment_of
from maskline.errors import UsageError

__all__ = ["evidence"]

_POLICY: Final = Path("policy.yaml")


def evidence(  # noqa: PLR0913 - the options of a command
    *,
    begin: Annotated[
        str,
        typer.Option("--from", metavar="DATE", help="The first day, or a time, or an age: 30d."),
    ],
    end: Annotated[
        str, typer.Option("--to", metavar="DATE", help="The last day, or a time. Default: now.")
    ] = "",
    path: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="A folder to make, or a zip file. Default: evidence-FROM-TO.",
        ),
    ] = None,
    redteam: Annotated[
        Path | None,
        typer.Option(
            "--redteam", metavar="FILE", help="What `maskline redteam --format json` printed."
        ),
    ] = None,
    detection: Annotated[
        Path | None,
        typer.Option(
            "--detection", metavar="FILE", help="What `maskline evaluate --format json` printed."
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="DIR",
            help="Where to keep what was read of the log. Default: in its folder.",
        ),
    ] = None,
    policy: Policy = _POLICY,
) -> int:
    """Write evidence for an auditor, from the audit log, the policy and the catalogues."""
    from maskline.audit import SigningKey
    from maskline.audit.questions import Span
    from maskline.evidence import gather, write_bundle
    from maskline.plugins import load_policy

    span = Span(moment_of(begin, "--from"), _until(end))
    if span.since and span.until and span.since >= span.until:
        msg = "--to is not after --from."
        raise UsageError(msg, hint="Give the first and the last day, such as 2026-01-01.")
    score = None if redteam is None else _read(redteam, "redteam")
    measured = None if detection is None else _read(detection, "evaluate")
    loaded, registry = load_policy(policy)
    signing = loaded.audit_signing
    key = None if signing is None else SigningKey.load(signing.key)
    out = path or Path(_name(span.since, span.until))
    with err().status("gathering …"):
        gathered = gather(
            loaded, registry, span=span, redteam=score, detection=measured, cache=cache
        )
        write_bundle(gathered, out, key=key)
    say(f"{out}: {'signed' if key else 'not signed'}, {_summary(gathered)}")
    for one in gathered["coverage"]:
        if not one["reached"]:
            warn(f"the columns of {one['source']} are missing: it could not be reached")
    if gathered["unreadable"]:
        warn(f"{grouped(gathered['unreadable'])} lines of the log are no record")
    if gathered["verification"]["ok"]:
        return ExitCode.DONE
    fail("audit-integrity", f"The audit log {loaded.audit_path} is not what was written.")
    return ExitCode.AUDIT


def _until(text: str) -> datetime | None:
    """Return the end of a stretch of time; a day is in it to its end."""
    moment = moment_of(text, "--to")
    try:
        date.fromisoformat(text)
    except ValueError:
        return moment
    return moment + timedelta(days=1) if moment else None


def _name(since: datetime | None, until: datetime | None) -> str:
    days = [since, until - timedelta(microseconds=1) if until else None]
    return "-".join(["evidence", *(f"{day:%Y%m%d}" for day in days if day)])


def _read(file: Path, command: str) -> dict[str, Any]:
    try:
        score = json.loads(file.read_bytes())
    except (OSError, ValueError) as exc:
        problem = type(exc).__name__
    else:
        if isinstance(score, dict):
            return score
        problem = "no object"
    msg = f"{file} holds no score: {problem}."
    raise UsageError(msg, hint=f"Give what `maskline {command} --format json` printed.")


def _summary(gathered: dict[str, Any]) -> str:
    return ", ".join(
        f"{grouped(len(gathered[part]))} {words}"
        for part, words in (
            ("accesses", "lines on accesses"),
            ("reveals", "on reveals"),
            ("refusals", "on refusals"),
        )
    )
