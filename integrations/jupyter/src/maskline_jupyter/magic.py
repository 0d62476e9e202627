"""The magics. This module knows IPython, and of maskline only the public interface."""

import copy
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)
from traitlets import Bool, Enum, Float, Int, List, Unicode, observe

from maskline.errors import MasklineError, UsageError
from maskline_jupyter._engines import Engines, Session, ask
from maskline_jupyter.commands import Commands
from maskline_jupyter.completion import Completion
from maskline_jupyter.grammar import FORMS, Connect, Request, parse_command, parse_query
from maskline_jupyter.history import History
from maskline_jupyter.opened import Opened

if TYPE_CHECKING:
    from maskline import MaskedResult

__all__ = ["Maskline"]

_LOG: Final = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_RESULTS: Final = "results"
"""The connection that earlier results are asked through."""


@magics_class
class Maskline(Magics):
    """``%maskline`` opens databases; ``%%maskedsql`` asks them.

    What stands below can be set by ``%maskline config``, by ``%config Maskline.show = 20``, or in
    IPython's configuration.
    """

    show = Int(10, min=0, help="How many rows of a result are shown.").tag(config=True)
    limit = Int(0, min=0, help="At most so many rows are read; 0 for all.").tag(config=True)
    timeout = Float(0.0, min=0.0, help="Seconds for a query; 0 for no limit.").tag(config=True)
    form = Enum(FORMS, "result", help="What a query gives back.").tag(config=True)
    policy = Unicode("policy.yaml", help="The policy where none is named.").tag(config=True)
    take_over = List(Unicode(), help="Magics of others that are answered masked, such as sql.").tag(
        config=True
    )
    in_process = Bool(
        default_value=False, help="Whether the engine, and raw rows, are in the notebook's process."
    ).tag(config=True)
    unsafe_history = Bool(
        default_value=False, help="Whether IPython's history keeps the literals of queries."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell
        self._replaced: dict[str, dict[str, Any]] = {}
        self._kept_out: set[str] = set()
        self._opened = Opened(self._open, default_policy=lambda: self.policy)
        self._saved: dict[str, MaskedResult] = {}
        super().__init__(shell)
        self._engines = Engines(in_process=self.in_process)
        self._variables: dict[str, object] = shell.user_ns
        self._commands = Commands(self, self._opened, self._variables)
        self._completion = Completion(
            shell, self._opened, names=self._names, commands=self._commands.names
        )
        self._history = shell.history_manager and History(
            shell.history_manager,
            shell.transform_cell,
            names=self._names,
            is_kept=lambda: self.unsafe_history,
        )

    @no_var_expand
    @line_magic
    def maskline(self, line: str) -> object:
        """Open, list and explain: ``%maskline COMMAND ...``; without a command, tell the status."""
        return _calmly(lambda: self._commands.run(*parse_command(line)))

    # IPython would put values of variables into the SQL, where braces or dollars stand.
    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def maskedsql(
        self, line: str, cell: str | None = None, local_ns: Mapping[str, object] | None = None
    ) -> object:
        """Answer one SELECT, masked.

        Args:
            line: ``[@connection] [--purpose TEXT] [--limit N] [--timeout 30s] [--into NAME]
                [--as FORM] [--show N] [--save NAME] [--file FILE] [--param NAME=VALUE]
                [--dry-run] [--quiet] [name <<]``, then the SQL where there is no cell.
            cell: One SELECT in the database's dialect. ``:name`` takes the value of a variable,
                ``{{name}}`` the name of a table or column that a variable holds.
            local_ns: Variables of the function that calls the magic.

        Returns:
            The masked result, for IPython to display.
        """
        is_alone = cell is not None
        return _calmly(
            lambda: self._answer(parse_query(line, cell), local_ns or {}, is_alone=is_alone)
        )

    def close(self) -> None:
        """Close every connection, and leave the shell as it was."""
        self._opened.close_all()
        self._engines.close()
        self._completion.remove()
        if self._history:
            self._history.restore()
        self.take_over = []
        self._shell.configurables.remove(self)

    def results(self) -> dict[str, "MaskedResult"]:
        """Return what ``@results`` can ask: what was saved, and variables that hold a result."""
        from maskline import MaskedResult

        held = {
            name: value
            for name, value in self._variables.items()
            if isinstance(value, MaskedResult) and not name.startswith("_")
        }
        return {**held, **self._saved}

    def _names(self) -> frozenset[str]:
        return frozenset({"maskedsql", *self.take_over})

    def _open(self, wanted: Connect, roles: tuple[str, ...]) -> Session:
        in_process = self.in_process or wanted.is_in_process
        return self._engines.open(wanted, roles, in_process=in_process)

    def _answer(self, request: Request, local: Mapping[str, object], *, is_alone: bool) -> object:
        if request.connection == _RESULTS:
            return self._given(self._ask_results(self._bound(request, local, "duckdb")), request)
        session = self._opened.get(request.connection)
        asked = self._bound(request, local, session.dialect)
        if request.is_dry_run:
            from maskline_jupyter.views import planned

            return planned(session.explain(asked.sql, purpose=asked.purpose))
        return self._given(ask(session, asked, is_alone=is_alone), request)

    def _bound(self, request: Request, local: Mapping[str, object], dialect: str) -> Request:
        """Return a request with the SQL to run, and with what is configured where it says none."""
        sql = _read(request.file) if request.file else request.sql
        if ":" in sql or "{{" in sql:
            from maskline_jupyter.binding import bind, typed

            given = {name: typed(text) for name, text in request.parameters}
            sql = bind(sql, {**self._variables, **local, **given}, dialect=dialect)
        return replace(
            request,
            sql=sql,
            limit=(self.limit or None) if request.limit is None else request.limit,
            timeout=(self.timeout or None) if request.timeout is None else request.timeout,
        )

    def _ask_results(self, request: Request) -> "MaskedResult":
        from maskline_jupyter.results import ask

        if request.is_dry_run:
            msg = "Earlier results can be asked, and not planned."
            raise UsageError(msg, hint="Leave --dry-run out: no database is read.")
        return ask(request.sql, self.results(), limit=request.limit)

    def _given(self, result: "MaskedResult", request: Request) -> object:
        """Put a result where the request wants it, and return it if it is to be shown."""
        shown = self.show if request.show is None else request.show
        result = replace(result, shown_rows=shown)
        self._commands.last = result
        if request.save:
            self._saved[request.save] = result
        form = request.form or self.form
        given: object = result if form == "result" else getattr(result, form)()
        if request.into:
            self._variables[request.into] = given
        return given if request.shows else None

    @observe("unsafe_history")
    def _warn(self, _change: object) -> None:
        if self.unsafe_history:
            _LOG.warning("IPython's history keeps the literals of masked queries.")

    @observe("take_over")
    def _take_over(self, _change: object = None) -> None:
        """Answer the magics of others, and give back those that are not wanted any more."""
        magics, loaded = self._shell.magics_manager.magics, self._shell.extension_manager.loaded
        for name in set(self._replaced) - set(self.take_over):
            for kind, before in self._replaced.pop(name).items():
                magics[kind].pop(name, None)
                magics[kind].update({name: before} if before else {})
            loaded.difference_update(self._kept_out & {name})
        for name in set(self.take_over) - set(self._replaced):
            self._replaced[name] = {kind: magics[kind].get(name) for kind in ("line", "cell")}
            for kind in ("line", "cell"):
                magics[kind][name] = getattr(self, "maskedsql")  # noqa: B009 - typed as unbound
            # Else `%load_ext sql` in the notebook would put the other magic back.
            if name not in loaded:
                self._kept_out.add(name)
                loaded.add(name)


def _read(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        msg = f"The file {file} cannot be read."
    raise UsageError(msg, hint="--file names a text file with one SELECT.")


def _calmly(work: Callable[[], _Result]) -> _Result:
    """Show an error as a message, without the frames whose variables a traceback shows."""
    try:
        return work()
    except MasklineError as exc:
        # The one that was caught drags along the frames that raised it, and what they hold.
        shown = copy.copy(exc)
    except KeyboardInterrupt:
        shown = None
    except ModuleNotFoundError as exc:
        shown = UsageError(f"{exc.name} is not installed.", hint=f"pip install {exc.name}")
    except Exception as exc:  # noqa: BLE001 - any library's message may quote values
        shown = MasklineError(
            f"The magic failed: {type(exc).__name__}. Its message is withheld, because it may "
            "quote values.",
            hint="Please report this as a defect, with what you did.",
        )
    if shown is None:
        raise KeyboardInterrupt
    shown._render_traceback_ = lambda: str(shown).splitlines()  # type: ignore[attr-defined]
    raise shown
