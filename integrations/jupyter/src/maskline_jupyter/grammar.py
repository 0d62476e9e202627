"""Takes the line of a magic apart. The SQL is never split, joined, templated or re-quoted.

This module knows text only: no notebook, no database.
"""

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from maskline.errors import UsageError

__all__ = ["Connect", "Request", "parse_command", "parse_connect", "parse_query"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One query, as a magic's line and cell ask for it.

    Attributes:
        sql: The statement, to the letter.
        connection: The name after ``@``; empty for the current connection.
        into: The variable that takes the result; empty for none.
        shows: Whether the result is displayed as well.
        purpose: Why; None for the session's purpose.
        limit: At most so many rows; None for all.
        timeout: In seconds; None for no limit.
        is_dry_run: Whether to explain instead of run.
    """

    sql: str
    connection: str = ""
    into: str = ""
    shows: bool = True
    purpose: str | None = None
    limit: int | None = None
    timeout: float | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """``%maskline connect``: which source, under which policy, as whom."""

    source: str
    name: str
    policy: str
    purpose: str


_OPTIONS: Final = {"--purpose": True, "--limit": True, "--timeout": True, "--into": True,
                   "--dry-run": False, "--quiet": False}  # fmt: skip
_CONNECT_OPTIONS: Final = {"--as": True, "--policy": True, "--purpose": True}
_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WORD: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(\S+))""")
_ASSIGN: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*(=?<<)(?:\s+|$)")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)")


def parse_query(line: str, cell: str | None) -> Request:
    """Read the line of ``%%maskedsql``, or of ``%maskedsql`` where there is no cell.

    Options come first. The first thing that is no option begins the SQL, which is taken verbatim;
    ``name <<`` before it assigns without showing, ``name =<<`` assigns and shows.

    Raises:
        UsageError: An option is unknown or lacks its value, or there is no SQL.
    """
    options, connection, rest = _take_options(line, _OPTIONS)
    into, shows = options.get("--into", ""), True
    if match := _ASSIGN.match(rest):
        into, shows, rest = match[1], match[2] == "=<<", rest[match.end() :]
    if cell is not None and rest.strip():
        msg = "The line of %%maskedsql holds options only; the SQL stands in the cell."
        raise UsageError(msg, hint="Move the SQL below, or write %maskedsql for one line.")
    sql = rest if cell is None else cell
    if not sql.strip():
        msg = "There is no SQL to run."
        raise UsageError(msg, hint="Write one SELECT.")
    return Request(
        sql=sql,
        connection=connection,
        into=into,
        shows=shows and "--quiet" not in options,
        purpose=options.get("--purpose"),
        limit=_count(options["--limit"]) if "--limit" in options else None,
        timeout=_seconds(options["--timeout"]) if "--timeout" in options else None,
        is_dry_run="--dry-run" in options,
    )


def parse_command(line: str) -> tuple[str, str]:
    """Split ``%maskline`` into its command and the rest of the line."""
    command, _, rest = line.strip().partition(" ")
    return command, rest.strip()


def parse_connect(line: str) -> Connect:
    """Read what follows ``%maskline connect``.

    Raises:
        UsageError: An option is unknown or lacks its value.
    """
    words = shlex.split(line)
    source = "" if not words or words[0].startswith("--") else words.pop(0)
    options: dict[str, str] = {}
    while words:
        option = words.pop(0)
        _known(option, _CONNECT_OPTIONS)
        if not words:
            raise _lacks_value(option)
        options[option] = words.pop(0)
    return Connect(
        source=source.removeprefix("@"),
        name=options.get("--as", ""),
        policy=options.get("--policy", "policy.yaml"),
        purpose=options.get("--purpose", ""),
    )


def _take_options(line: str, known: Mapping[str, bool]) -> tuple[dict[str, str], str, str]:
    options: dict[str, str] = {}
    connection, rest = "", line
    while match := _WORD.match(rest):
        word = match[3] or ""
        if word.startswith("@") and len(word) > 1 and not connection:
            connection = word[1:]
        elif word.startswith("--") and len(word) > 2:  # noqa: PLR2004 - "--" alone opens a comment
            option, equals, value = word.partition("=")
            _known(option, known)
            if known[option] and not equals:
                rest = rest[match.end() :]
                match = _WORD.match(rest)
                if match is None:
                    raise _lacks_value(option)
                value = next(group for group in match.groups() if group is not None)
            options[option] = value
        else:
            break
        rest = rest[match.end() :]
    return options, connection, rest.lstrip()


def _known(option: str, known: Mapping[str, bool]) -> None:
    if option in known:
        return
    close = difflib.get_close_matches(option, known, n=1)
    msg = "The magic has no such option."
    hint = f"Did you mean {close[0]}?" if close else f"It has: {', '.join(sorted(known))}."
    raise UsageError(msg, hint=hint)


def _lacks_value(option: str) -> UsageError:
    return UsageError(f"{option} needs a value.", hint=f"Write {option} VALUE.")


def _count(text: str) -> int:
    digits = text.replace("_", "").replace(",", "")
    if digits.isascii() and digits.isdigit():
        return int(digits)
    msg = "--limit needs a whole number of rows."
    raise UsageError(msg, hint="Write --limit 1_000.")


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match:
        return float(match[1]) * _UNITS[match[2]]
    msg = "--timeout needs a duration."
    raise UsageError(msg, hint="Write --timeout 30s, 500ms, 2m or 1h.")
