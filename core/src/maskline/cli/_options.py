"""Options that several commands share, and what they mean.

This module knows typer and principals. It does not know sessions.
"""

import getpass
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

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
