"""``maskline unmask``: gives back what the mask ``fpe`` encrypted.

This module knows lines of text. It never repeats one but as the answer.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from maskline._cells import grouped, visible
from maskline.cli._console import say, warn
from maskline.cli._options import As, Policy, Purpose, Roles, is_terminal, principal_of
from maskline.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["unmask"]

_POLICY: Final = Path("policy.yaml")


class Type(StrEnum):
    """What the values were in the database. Integers stay within their type."""

    TEXT = "text"
    INT32 = "int32"
    INT64 = "int64"
    UINT32 = "uint32"


def unmask(  # noqa: PLR0913 - the options of a command
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VALUE]...", help="- reads them from the standard input, one on each line."
        ),
    ] = None,
    *,
    entity: Annotated[
        str, typer.Option("--entity", "-e", help="What the values are, such as CREDIT_CARD.")
    ],
    domain: Annotated[
        str, typer.Option("--domain", help="That of the mask, where the policy has several.")
    ] = "",
    kind: Annotated[
        Type, typer.Option("--type", help="What the values were in the database.")
    ] = Type.TEXT,
    key_version: Annotated[
        int | None, typer.Option("--key-version", min=1, help="Default: the active one.")
    ] = None,
    policy: Policy = _POLICY,
    who: As = "",
    role: Roles = None,
    purpose: Purpose = "",
) -> None:
    """Decrypt values that the mask fpe encrypted, for those who may see them. It is recorded."""
    from maskline.unmasking import unmask as decrypt

    lines = _lines(values or [])
    raw = decrypt(
        _column(lines, kind),
        entity=entity,
        domain=domain,
        key_version=key_version,
        policy=policy,
        principal=principal_of(who, role),
        purpose=purpose,
    )
    show = visible if is_terminal() else str
    for value in raw.to_pylist():
        print("" if value is None else show(str(value)))  # noqa: T201 - the answer of the command
    if raw.null_count:
        warn(
            f"{grouped(raw.null_count)} values are not what the mask leaves; their lines are empty."
        )
    say(f"{grouped(len(raw) - raw.null_count)} values unmasked, and this is recorded", style="dim")


def _lines(values: list[str]) -> list[str]:
    if not values:
        msg = "The values are missing."
        raise UsageError(msg, hint="Give them as words, or - to read one from each line.")
    if values != ["-"]:
        return values
    try:
        text = sys.stdin.read()
    except (OSError, UnicodeDecodeError) as exc:
        problem = type(exc).__name__
    else:
        # Not splitlines, which would also end lines at characters that may be part of a value.
        return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    msg = f"The values cannot be read: {problem}."
    raise UsageError(msg, hint="They must be text in UTF-8.")


def _column(lines: list[str], kind: Type) -> "pa.Array":
    import pyarrow as pa

    try:
        column = pa.array(lines, pa.string())
        return column if kind is Type.TEXT else column.cast(kind.value)
    except (ValueError, OverflowError) as exc:
        problem = type(exc).__name__
    msg = f"The values are not of the type {kind.value}: {problem}."
    raise UsageError(msg, hint="Write whole numbers, or leave --type away.")
