"""The two streams of a command, and how its errors are told.

This module knows rich and our errors. It does not know commands.
"""

import os
import sys
import traceback
from enum import IntEnum
from typing import Final

from rich.console import Console
from rich.text import Text

from maskline._cells import visible
from maskline.errors import (
    AuditError,
    KeyringError,
    MasklineError,
    PluginError,
    PolicyError,
    QueryRefusedError,
    UsageError,
)

__all__ = ["ExitCode", "err", "fail", "out", "report", "say", "warn"]

_UNSAFE: Final = "MASKLINE_UNSAFE_TRACEBACK"
_WIDE: Final = 10_000


class ExitCode(IntEnum):
    """How a command ended. The numbers never change."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    AUDIT = 3
    REFUSED = 4
    INTERRUPTED = 130


def out() -> Console:
    """Return the console for data. What is no terminal gets lines of any width."""
    is_terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        width=None if is_terminal else _WIDE,
        highlight=False,
        emoji=False,
        markup=False,
    )


def err() -> Console:
    """Return the console for everything but data."""
    return Console(
        file=sys.stderr,
        width=None if sys.stderr.isatty() else _WIDE,
        highlight=False,
        emoji=False,
        markup=False,
    )


def say(message: str, *, style: str = "") -> None:
    """Tell something that is no data."""
    err().print(Text(_plain(message), style=style), soft_wrap=True)


def warn(message: str) -> None:
    """Tell something that somebody should mend."""
    err().print(Text.assemble(("warning", "yellow"), f": {_plain(message)}"), soft_wrap=True)


def fail(code: str, message: str, *, hint: str = "") -> None:
    """Tell why the command did not do what it was asked."""
    console = err()
    line = Text.assemble((f"error[{code}]", "bold red"), f": {_plain(message)}")
    console.print(line, soft_wrap=True)
    if hint:
        console.print(Text.assemble(("hint", "cyan"), f": {_plain(hint)}"), soft_wrap=True)


def report(error: BaseException) -> ExitCode:
    """Tell what went wrong, and return how the command ends.

    Nothing is known of the text of an error that is not ours, so its type is all that is shown.
    """
    if isinstance(error, KeyboardInterrupt):
        fail("interrupted", "Stopped before its end.")
        return ExitCode.INTERRUPTED
    if isinstance(error, MasklineError):
        if isinstance(error, PolicyError):
            for problem in error.problems:
                say(f"  {problem}")
        fail(error.code, error.message, hint=error.hint)
        return _ending(error)
    if os.environ.get(_UNSAFE) == "1":
        warn(f"{_UNSAFE} is set: what follows may hold values of your data. Do not pass it on.")
        traceback.print_exception(error)
    fail(
        "unexpected",
        f"{type(error).__name__} where none was expected.",
        hint="Please report this as a defect, with the command but without its data. "
        f"{_UNSAFE}=1 shows where it happened, and may show values.",
    )
    return ExitCode.FAILED


def _ending(error: MasklineError) -> ExitCode:
    if isinstance(error, QueryRefusedError):
        return ExitCode.REFUSED
    if isinstance(error, AuditError):
        return ExitCode.AUDIT
    if isinstance(error, PolicyError | KeyringError | PluginError | UsageError):
        return ExitCode.USAGE
    return ExitCode.FAILED


def _plain(message: str) -> str:
    return "\n".join(map(visible, message.split("\n")))
