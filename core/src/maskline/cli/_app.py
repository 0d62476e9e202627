"""Puts the commands together, runs one, and ends with its exit code.

This module knows typer. It does not know what the commands do.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from types import FrameType
from typing import Annotated, Any, Final

import typer

from maskline.cli import (
    _audit,
    _audit_questions,
    _demo,
    _doctor,
    _evaluate,
    _evidence,
    _keys,
    _lineage,
    _policy,
    _query,
    _redteam,
    _scan,
    _start,
    _unmask,
)
from maskline.cli._console import ExitCode, report
from maskline.errors import UsageError

__all__ = ["main"]

# BadParameter is public and the class of all mistakes on the command line, its parent, is not.
_TyperUsageError: Final[type[Exception]] = typer.BadParameter.__mro__[1]

_app: Final = typer.Typer(
    name="maskline",
    help="Ask production data by SQL and get masked answers, with audit and lineage.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad usage, policy or keys, 3 audit log, 4 refused, "
    "130 interrupted.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        print(f"maskline {version('maskline')}")  # noqa: T201 - data, on the standard output
        raise typer.Exit


@_app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Ask production data by SQL and get masked answers, with audit and lineage."""


_app.command("init")(_start.init)
_app.command("scan")(_scan.scan)
_app.command("query")(_query.query)
_app.command("explain")(_query.explain)
_app.command("unmask")(_unmask.unmask)
_app.add_typer(_policy.app, name="policy")
_app.add_typer(_keys.app, name="keys")
_audit_questions.add_to(_audit.app)
_app.add_typer(_audit.app, name="audit")
_app.add_typer(_lineage.app, name="lineage")
_app.command("evidence")(_evidence.evidence)
_app.command("doctor")(_doctor.doctor)
_app.command("evaluate")(_evaluate.evaluate)
_app.command("redteam")(_redteam.redteam)
_app.command("demo")(_demo.demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows the name of the command; by default what the process was given.

    Returns:
        The exit code. Nothing is raised.
    """
    streams = sys.stdout, sys.stderr
    try:
        with _stoppable():
            code = _run(arguments)
    finally:
        # typer puts wrappers there if nobody reads, and leaves them.
        sys.stdout, sys.stderr = streams
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return ExitCode.FAILED
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        ending: Any = _app(
            args=None if arguments is None else list(arguments),
            prog_name="maskline",
            standalone_mode=False,
        )
    except _TyperUsageError as mistake:
        error: BaseException = _worded(mistake)
    except typer.Abort:
        error = KeyboardInterrupt()
    except BaseException as exc:  # noqa: BLE001 - told without its text
        error = exc
    else:
        # typer takes an interrupt for an exit of its own, without a word.
        if ending != ExitCode.INTERRUPTED:
            return int(ending or ExitCode.DONE)
        error = KeyboardInterrupt()
    if isinstance(error, SystemExit):
        return int(error.code or 0) if isinstance(error.code, int | None) else ExitCode.FAILED
    return report(error)


def _worded(mistake: Any) -> UsageError:  # noqa: ANN401 - a class of typer's that is not public
    """Say what is wrong with the command line without repeating it: it may hold a literal."""
    context = getattr(mistake, "ctx", None)
    command = context.command_path if context else "maskline"
    hint = f"`{command} --help` lists what it takes."
    kind = type(mistake).__name__
    parameter = getattr(mistake, "param", None)
    if kind == "NoArgsIsHelpError":
        return UsageError("A command is missing.", hint=hint)
    if parameter is not None:
        name = parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name.upper()
        verb = "is missing" if kind == "MissingParameter" else "cannot be what was given"
        return UsageError(f"{name} {verb}.", hint=hint)
    if close := getattr(mistake, "possibilities", None):
        hint = f"Did you mean {' or '.join(sorted(close))}? {hint}"
    if kind == "NoSuchOption":
        return UsageError("There is no such option.", hint=hint)
    if kind == "BadOptionUsage":
        name = getattr(mistake, "option_name", "An option")
        return UsageError(f"{name} lacks its value, or has one too many.", hint=hint)
    if str(getattr(mistake, "message", "")).startswith("No such command"):
        return UsageError("There is no such command.", hint=hint)
    msg = "There are words that belong to nothing. SQL goes in quotes, as one word."
    return UsageError(msg, hint=hint)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a request to end the process end the query first, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _forget_stdout() -> None:
    """Keep the interpreter from complaining, at its end, that nobody reads what is left."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
