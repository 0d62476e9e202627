"""The magics. This module knows IPython, and of maskline only the public interface."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)

import maskline
from maskline import MaskedResult, MasklineError, Session, UsageError
from maskline_jupyter.grammar import (
    Request,
    parse_command,
    parse_connect,
    parse_query,
)

__all__ = ["MaskedSqlMagics"]

_Result = TypeVar("_Result")


@magics_class
class MaskedSqlMagics(Magics):
    """``%maskline`` opens databases; ``%%maskedsql`` asks them.

    A notebook has any number of connections; the one opened last is the current one.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._variables: dict[str, object] = shell.user_ns
        self._sessions: dict[str, Session] = {}

    @no_var_expand
    @line_magic
    def maskline(self, line: str) -> object:
        """``%maskline connect SOURCE``, ``purpose TEXT``, ``columns``, ``status``, ``close``."""
        command, rest = parse_command(line)
        commands: dict[str, Callable[[str], object]] = {
            "connect": self._connect,
            "purpose": self._purpose,
            "columns": self._columns,
            "status": self._status,
            "close": self._close,
        }
        if command in commands:
            return _calmly(lambda: commands[command](rest))
        return _calmly(lambda: _unknown(commands))

    # IPython would put values of variables into the SQL, where braces or dollars stand.
    @no_var_expand
    @line_cell_magic
    def maskedsql(self, line: str, cell: str | None = None) -> object:
        """Answer one SELECT, masked.

        Args:
            line: ``[@connection] [--purpose TEXT] [--limit N] [--timeout 30s] [--into NAME]
                [--dry-run] [--quiet] [name <<]``, then the SQL where there is no cell.
            cell: One SELECT in the database's dialect.

        Returns:
            The masked result, for IPython to display.
        """
        return _calmly(lambda: self._ask(parse_query(line, cell)))

    def close(self) -> None:
        """Close every connection."""
        while self._sessions:
            self._sessions.popitem()[1].close()

    def _ask(self, request: Request) -> object:
        session = self._session(request.connection)
        if request.is_dry_run:
            plan = session.explain(request.sql, purpose=request.purpose)
            for refusal in plan.refusals:
                print(f"refused: {refusal.reason}\n  hint: {refusal.hint}")  # noqa: T201
            if not plan.refusals:
                print(f"{plan.strategy.value}: " + "; ".join(  # noqa: T201
                    f"{out.name} {out.mask or 'as it is'}" for out in plan.outputs
                ))  # fmt: skip
            return None
        result: MaskedResult = session.query(
            request.sql, purpose=request.purpose, limit=request.limit, timeout=request.timeout
        )
        if request.into:
            self._variables[request.into] = result
        return result if request.shows else None

    def _connect(self, rest: str) -> None:
        wanted = parse_connect(rest)
        session = maskline.connect(
            wanted.source, policy=Path(wanted.policy), purpose=wanted.purpose
        )
        name = wanted.name or session.source_name
        if name in self._sessions:
            self._sessions.pop(name).close()
        self._sessions[name] = session
        for warning in session.warnings:
            print(f"warning: {warning}")  # noqa: T201
        print(  # noqa: T201
            f"@{name}: {session.dialect}, read-only. "
            f"Everything it returns is masked by {session.policy.path.name}"
            f"@{session.policy.hash[:7]}."
        )

    def _purpose(self, rest: str) -> None:
        session = self._session("")
        session.purpose = re.sub(r"""^(["'])(.*)\1$""", r"\2", rest)
        print(f"Purpose of @{self._current()}: {session.purpose or 'none'}")  # noqa: T201

    def _columns(self, rest: str) -> None:
        wanted = rest.lower()
        for ref, kind, label, decision in self._session("").columns():
            if wanted in str(ref).lower():
                print(f"{ref}  {kind}  {label.entity}  {decision.mask or 'as it is'}")  # noqa: T201

    def _status(self, _rest: str) -> None:
        if not self._sessions:
            print("No connection. Open one: %maskline connect SOURCE")  # noqa: T201
        for name, session in self._sessions.items():
            who = session.principal
            print(  # noqa: T201
                f"{'*' if name == self._current() else ' '} @{name}: {session.dialect}, as "
                f"{who.kind} {who.id}, purpose {session.purpose or 'none'}, "
                f"policy {session.policy.path.name}@{session.policy.hash[:7]}"
            )

    def _close(self, rest: str) -> None:
        self._session(rest.removeprefix("@"))
        self._sessions.pop(rest.removeprefix("@") or self._current()).close()

    def _current(self) -> str:
        return next(reversed(self._sessions), "")

    def _session(self, name: str) -> Session:
        if not self._sessions:
            msg = "There is no connection."
            raise UsageError(msg, hint="Open one: %maskline connect SOURCE --policy policy.yaml")
        if (name or self._current()) not in self._sessions:
            msg = "There is no connection of that name."
            raise UsageError(msg, hint=f"Open are: {', '.join(map('@{}'.format, self._sessions))}.")
        return self._sessions[name or self._current()]


def _unknown(commands: dict[str, Any]) -> None:
    msg = "%maskline has no such command."
    raise UsageError(msg, hint=f"It has: {', '.join(commands)}.")


def _calmly(work: Callable[[], _Result]) -> _Result | None:
    """Show an error of ours as a message, without the frames whose variables a traceback shows."""
    try:
        return work()
    except MasklineError as exc:
        shown = exc
    # Raised anew, for the error that was caught drags the frames that raised it along.
    shown.with_traceback(None)
    shown._render_traceback_ = lambda: str(shown).splitlines()  # type: ignore[attr-defined]
    raise shown
