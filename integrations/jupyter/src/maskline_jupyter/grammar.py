"""Takes the line of a magic apart. The SQL is never split, joined, templated or re-quoted.

This module knows text only: no notebook, no files, no database.
"""

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from maskline.errors import UsageError

__all__ = [
    "FORMS",
    "OPTIONS",
    "PASSWORD",
    "Connect",
    "Request",
    "did_you_mean",
    "parse_command",
    "parse_connect",
    "parse_query",
    "seconds",
    "sql_of",
    "whole",
]

FORMS: Final = ("arrow", "pandas", "polars", "result")
"""What a query can give back."""
PASSWORD: Final = re.compile(r"(?<=://)([^/@\s:'\"]+:)[^/@\s'\"]+(?=@)")
"""A user and a password in a URL; the first group is the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One query, as a magic's line and cell ask for it.

    Attributes:
        sql: The statement, to the letter; empty where *file* has it.
        file: The file with the statement; empty if *sql* is it.
        connection: The name after ``@``, or a URL; empty for the current connection.
        into: The variable that takes the result; empty for none.
        form: One of FORMS; empty for what is configured.
        save: The name under which `@results` finds the result; empty for none.
        shows: Whether the result is displayed as well.
        show: How many rows are displayed; None for what is configured.
        purpose: Why; None for the session's purpose.
        limit: At most so many rows; None for what is configured.
        timeout: In seconds; None for what is configured.
        parameters: Values for ``:name``, which come before variables of the notebook.
        is_dry_run: Whether to explain instead of run.
    """

    sql: str
    file: str = ""
    connection: str = ""
    into: str = ""
    form: str = ""
    save: str = ""
    shows: bool = True
    show: int | None = None
    purpose: str | None = None
    limit: int | None = None
    timeout: float | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """``%maskline connect``: which source, under which policy, as whom.

    Attributes:
        source: A source of the policy, its URL, or ``@`` and the name of a connection.
        name: What the notebook calls it; empty for the source's name.
        policy: The policy file; empty for what is configured.
        purpose: Why queries are asked, unless they say otherwise.
        is_in_process: Whether the engine runs in the notebook's own process.
    """

    source: str
    name: str = ""
    policy: str = ""
    purpose: str = ""
    is_in_process: bool = False


OPTIONS: Final[Mapping[str, bool]] = {
    "--as": True, "--dry-run": False, "--file": True, "--into": True, "--limit": True,
    "--param": True, "--purpose": True, "--quiet": False, "--save": True, "--show": True,
    "--timeout": True,
}  # fmt: skip
"""The options of a query, and whether each takes a value."""
_CONNECT_OPTIONS: Final = {
    "--as": True, "--in-process": False, "--policy": True, "--purpose": True,
}  # fmt: skip
_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
# In quotes as a whole, or with quotes around a part, as in `--param who='Jane Doe'`.
_WORD: Final = re.compile(
    r"""\s*(?:"([^"]*)"|'([^']*)'|((?:[^\s'"]|"[^"]*"|'[^']*')+(?=\s|\Z)|\S+))"""
)
_ASSIGN: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*(=?<<)(?:\s+|$)")
_PARAMETER: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)")


def parse_query(line: str, cell: str | None) -> Request:
    """Read the line of ``%%maskedsql``, or of ``%maskedsql`` where there is no cell.

    Options come first. The first thing that is no option begins the SQL, which is taken verbatim;
    ``name <<`` before it assigns without showing, ``name =<<`` assigns and shows.

    Raises:
        UsageError: An option is unknown, lacks its value or has a wrong one, or there is no SQL,
            or more than one place has it.
    """
    options, parameters, connection, rest = _take_options(line)
    into, shows = options.get("--into", ""), True
    if match := _ASSIGN.match(rest):
        into, shows, rest = match[1], match[2] == "=<<", rest[match.end() :]
    if cell is not None and rest.strip():
        msg = "The line of %%maskedsql holds options only; the SQL stands in the cell."
        raise UsageError(msg, hint="Move the SQL below, or write %maskedsql for one line.")
    sql, file = (rest if cell is None else cell), options.get("--file", "")
    if bool(sql.strip()) == bool(file):
        msg = "There is SQL beside that of --file." if file else "There is no SQL to run."
        raise UsageError(msg, hint="Write one SELECT, or name a file that holds one: --file q.sql")
    return Request(
        sql=sql if not file else "",
        file=file,
        connection=connection,
        into=_name(into, "--into"),
        form=_form(options.get("--as", "")),
        save=_name(options.get("--save", ""), "--save"),
        shows=shows and "--quiet" not in options,
        show=whole("--show", options["--show"]) if "--show" in options else None,
        purpose=options.get("--purpose"),
        limit=whole("--limit", options["--limit"]) if "--limit" in options else None,
        timeout=seconds("--timeout", options["--timeout"]) if "--timeout" in options else None,
        parameters=tuple(map(_parameter, parameters)),
        is_dry_run="--dry-run" in options,
    )


def sql_of(line: str) -> str:
    """Return what follows the options of a line.

    Raises:
        UsageError: An option is unknown or lacks its value.
    """
    return _take_options(line)[3]


def parse_command(line: str) -> tuple[str, str]:
    """Split ``%maskline`` into its command and the rest of the line."""
    command, _, rest = line.strip().partition(" ")
    return command, rest.strip()


def parse_connect(line: str) -> Connect:
    """Read what follows ``%maskline connect``.

    Raises:
        UsageError: An option is unknown or lacks its value, or a quote is not closed.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    if not words and line.strip():
        msg = "A quote is opened and not closed."
        raise UsageError(msg, hint="Write it twice: --purpose 'churn review'.")
    source = "" if not words or words[0].startswith("--") else words.pop(0)
    options: dict[str, str] = {}
    while words:
        option, equals, value = words.pop(0).partition("=")
        _known(option, _CONNECT_OPTIONS)
        if _CONNECT_OPTIONS[option] and not equals:
            if not words:
                raise _lacks_value(option)
            value = words.pop(0)
        options[option] = value
    return Connect(
        source=source,
        name=options.get("--as", "").removeprefix("@"),
        policy=options.get("--policy", ""),
        purpose=options.get("--purpose", ""),
        is_in_process="--in-process" in options,
    )


def did_you_mean(word: str, known: Iterable[str], *, shown: str = "{}") -> str:
    """Return a hint: the word that was probably meant, or else all that there are."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"Did you mean {shown.format(close[0])}?"
    return f"There are: {', '.join(map(shown.format, names))}." if names else "There are none."


def whole(option: str, text: str) -> int:
    """Return a number of rows, such as ``1_000``.

    Raises:
        UsageError: It is none.
    """
    digits = text.replace("_", "").replace(",", "")
    if digits.isascii() and digits.isdigit():
        return int(digits)
    msg = f"{option} needs a whole number of rows."
    raise UsageError(msg, hint=f"Write {option} 1_000.")


def seconds(option: str, text: str) -> float:
    """Return a duration, such as ``500ms`` or ``2m``, in seconds.

    Raises:
        UsageError: It is none.
    """
    match = _DURATION.fullmatch(text)
    if match:
        return float(match[1]) * _UNITS[match[2]]
    msg = f"{option} needs a duration."
    raise UsageError(msg, hint=f"Write {option} 30s, 500ms, 2m or 1h.")


def _take_options(line: str) -> tuple[dict[str, str], list[str], str, str]:
    """Return options, ``--param`` values, the connection, and all that follows them."""
    options: dict[str, str] = {}
    parameters: list[str] = []
    connection, rest = "", line
    while match := _WORD.match(rest):
        word = match[3] or ""
        if not connection and _is_connection(word):
            connection = word.removeprefix("@")
        elif word.startswith("--") and len(word) > 2:  # noqa: PLR2004 - "--" alone opens a comment
            option, equals, value = word.partition("=")
            _known(option, OPTIONS)
            if OPTIONS[option] and not equals:
                rest = rest[match.end() :]
                match = _WORD.match(rest)
                if match is None:
                    raise _lacks_value(option)
                value = next(group for group in match.groups() if group is not None)
            value = _unquoted(value)
            if option == "--param":
                parameters.append(value)
            elif option in options:
                msg = f"{option} is given twice."
                raise UsageError(msg, hint="Leave one of the two out.")
            options[option] = value
        else:
            break
        rest = rest[match.end() :]
    return options, parameters, connection, rest.lstrip()


def _is_connection(word: str) -> bool:
    return (word.startswith("@") and len(word) > 1) or "://" in word.partition("'")[0]


def _unquoted(text: str) -> str:
    """Return a text without the quotes around it."""
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text


def _known(option: str, known: Mapping[str, bool]) -> None:
    if option not in known:
        msg = "The magic has no such option."
        raise UsageError(msg, hint=did_you_mean(option, known))


def _lacks_value(option: str) -> UsageError:
    return UsageError(f"{option} needs a value.", hint=f"Write {option} VALUE.")


def _name(text: str, option: str) -> str:
    if not text or text.isidentifier():
        return text
    msg = f"{option} needs a name that Python can use."
    raise UsageError(msg, hint=f"Write {option} top, in letters, digits and underscores.")


def _form(text: str) -> str:
    if not text or text in FORMS:
        return text
    msg = "--as has no such form."
    raise UsageError(msg, hint=did_you_mean(text, FORMS))


def _parameter(text: str) -> tuple[str, str]:
    match = _PARAMETER.fullmatch(text)
    if match:
        return match[1], _unquoted(match[2])
    msg = "--param needs a name and a value."
    raise UsageError(msg, hint="Write --param floor=250.")
