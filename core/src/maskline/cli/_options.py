"""Options that several commands share, and what they mean.

This module knows typer and principals. It does not know sessions.
"""

import getpass
import re
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from maskline.errors import UsageError
from maskline.model import Principal

__all__ = [
    "As",
    "File",
    "Limit",
    "Listing",
    "ListingFormat",
    "Policy",
    "Purpose",
    "Roles",
    "Source",
    "Sql",
    "Timeout",
    "is_terminal",
    "log_of",
    "moment_of",
    "principal_of",
    "sql_of",
]


class ListingFormat(StrEnum):
    """How a command shows what is not the rows of a query."""

    TABLE = "table"
    JSON = "json"


Policy: TypeAlias = Annotated[Path, typer.Option("--policy", "-p", help="The policy file.")]
Source: TypeAlias = Annotated[
    str,
    typer.Option(
        "--source", "-s", help="Its name in the policy. May be left out where there is just one."
    ),
]
As: TypeAlias = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="KIND:ID",
        help="Who asks: human, service or agent, and a name. Default: you, as a human.",
    ),
]
Roles: TypeAlias = Annotated[
    list[str] | None, typer.Option("--role", help="A group whose rules apply. May be repeated.")
]
Purpose: TypeAlias = Annotated[str, typer.Option("--purpose", help="Why you ask. It is recorded.")]
Sql: TypeAlias = Annotated[
    str, typer.Argument(metavar="[SQL]", help="One SELECT; - reads it from the standard input.")
]
File: TypeAlias = Annotated[
    Path | None, typer.Option("--file", "-f", help="Read the SELECT from a file.")
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option("--limit", "-n", min=0, help="At most so many rows.")
]
Timeout: TypeAlias = Annotated[
    float | None, typer.Option("--timeout", min=0.001, help="In seconds, for the whole query.")
]
Listing: TypeAlias = Annotated[ListingFormat, typer.Option("--format", help="How to show it.")]

_AGO: Final = re.compile(r"(\d{1,6})([mhdw])\Z")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_KINDS = ("human", "service", "agent")


def principal_of(who: str, roles: list[str] | None) -> Principal | None:
    """Return who asks; None for the user of the operating system, without roles.

    Raises:
        UsageError: *who* is not a kind and an id.
    """
    if not who and not roles:
        return None
    kind, _, name = who.partition(":") if who else ("human", ":", getpass.getuser())
    if kind not in _KINDS or not name.strip():
        msg = "--as is not a kind and an id."
        raise UsageError(msg, hint="Write --as human:ID, --as service:ID or --as agent:ID.")
    return Principal(kind=kind, id=name.strip(), roles=tuple(roles or ()))


def sql_of(sql: str, file: Path | None) -> str:
    """Return the statement, from wherever it was said to be.

    Raises:
        UsageError: It is in two places or in none, or the file cannot be read.
    """
    if bool(sql) == bool(file):
        msg = "The SQL stands in two places." if sql else "The SQL is missing."
        raise UsageError(msg, hint="Give SQL as one word in quotes, or - to read it, or --file.")
    try:
        if sql == "-":
            return sys.stdin.read()
        return file.read_text(encoding="utf-8-sig") if file else sql
    except (OSError, UnicodeDecodeError) as exc:
        problem = type(exc).__name__
    msg = f"The SQL cannot be read: {problem}."
    raise UsageError(msg, hint="It must be a text in UTF-8 that you may read.")


def is_terminal() -> bool:
    """Whether a person reads the standard output as it is written."""
    return sys.stdout.isatty()


def log_of(directory: Path | None, policy: Path) -> Path:
    """Return the audit log that somebody named, else that of a policy, else ``audit``."""
    if directory is not None:
        return directory
    if not policy.exists():
        return Path("audit")
    from maskline.plugins import load_policy

    return load_policy(policy)[0].audit_path


def moment_of(text: str, option: str) -> datetime | None:
    """Return a time that somebody gave as such or as an age; None if they gave nothing.

    Args:
        text: What they gave.
        option: What the command calls it.

    Returns:
        A time with its zone. One that was given without a zone is in UTC.

    Raises:
        UsageError: It is neither an age nor a time.
    """
    if not text:
        return None
    age = _AGO.match(text)
    try:
        if age:
            return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    msg = f"{option} is neither an age nor a time."
    raise UsageError(msg, hint="Write 30d, 12h, 2w, 2026-03-01 or 2026-03-01T08:00:00Z.")
