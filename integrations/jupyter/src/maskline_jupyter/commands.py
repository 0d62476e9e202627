"""The commands of ``%maskline``: each looks at what is open, or changes it, and says so.

This module knows sessions and the views of core. It does not know how SQL is asked.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from traitlets import TraitError

from maskline.errors import UsageError
from maskline_jupyter.grammar import PASSWORD, did_you_mean, parse_connect, whole
from maskline_jupyter.opened import Opened

if TYPE_CHECKING:
    from IPython.core.magic import Magics

    from maskline import MaskedResult
    from maskline.views import View
    from maskline_jupyter._engines import Session

__all__ = ["Commands"]

_AUDITED: Final = 10
_RAW: Final = ("sqlalchemy", "duckdb", "_duckdb", "sqlite3", "psycopg", "psycopg2", "sql")


class Commands:
    """What ``%maskline`` can do.

    Args:
        settings: The traits that ``config`` shows and sets.
        opened: The open sessions.
        variables: The notebook's.

    Attributes:
        last: The result of the last query; None before the first.
    """

    def __init__(self, settings: "Magics", opened: Opened, variables: Mapping[str, object]) -> None:
        self.last: MaskedResult | None = None
        self._settings: Any = settings
        self._opened = opened
        self._variables = variables
        self._all: dict[str, Callable[[str], View | None]] = {
            "status": self._status,
            "connect": self._connect,
            "close": self._close,
            "tables": self._tables,
            "columns": self._columns,
            "policy": self._policy,
            "explain": self._explain,
            "lineage": self._lineage,
            "audit": self._audit,
            "purpose": self._purpose,
            "doctor": self._doctor,
            "config": self._config,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The commands."""
        return tuple(self._all)

    def run(self, command: str, rest: str) -> "View | None":
        """Run a command; without one, tell the status.

        Raises:
            UsageError: There is no such command, or it cannot do what it is asked to.
            MasklineError: A session does not open, or cannot say.
        """
        found = self._all.get(command or "status")
        if found is None:
            msg = "%maskline has no such command."
            near = did_you_mean(command, self._all)
            every = f"It has: {', '.join(self._all)}."
            raise UsageError(msg, hint=f"{near} {every}" if near.startswith("Did") else every)
        return found(rest)

    def _status(self, _rest: str) -> "View":
        from maskline.views import listing

        rows = [
            (
                "→" if name == self._opened.current else "",
                f"@{name}",
                session.source_name,
                session.dialect,
                f"{session.principal.kind} {session.principal.id}",
                session.purpose or "none",
                _policy_of(session),
            )
            for name, session in self._opened
        ]
        heads = ("", "connection", "source", "engine", "as", "purpose", "policy")
        return listing(heads, rows, empty="No connection. Open one: %maskline connect SOURCE")

    def _connect(self, rest: str) -> "View":
        from maskline.views import statement

        name = self._opened.open(parse_connect(rest))
        session = self._opened.get(name)
        notes = list(session.warnings)
        if PASSWORD.search(rest):
            notes.append(
                "This cell holds a password, and so does the notebook's file. Keep it in the "
                "environment, and have the policy name the variable."
            )
        tables = {(ref.schema, ref.relation) for ref, *_ in session.columns()}
        count = f"{len(tables)} table{'' if len(tables) == 1 else 's'}"
        masked = f"everything it returns is masked by {_policy_of(session)}"
        return statement(f"@{name}", session.dialect, "read-only", count, masked, notes=notes)

    def _close(self, rest: str) -> "View":
        from maskline.views import statement

        return statement(f"@{self._opened.close(rest.removeprefix('@'))}", "closed")

    def _tables(self, rest: str) -> "View":
        from maskline.views import listing

        session, part = self._session(rest)
        columns, masked = Counter[str](), Counter[str]()
        for ref, _, _, decision in session.columns():
            table = f"{ref.schema}.{ref.relation}"
            columns[table] += 1
            masked[table] += decision.mask is not None
        rows = [
            (table, str(count), str(masked[table]))
            for table, count in columns.items()
            if part.lower() in table.lower()
        ]
        return listing(("table", "columns", "masked"), rows, empty="No such table.")

    def _columns(self, rest: str) -> "View":
        from maskline.views import listing

        session, part = self._session(rest)
        rows = [
            (str(ref), kind, label.entity, str(decision.mask or "as it is"), decision.rule)
            for ref, kind, label, decision in session.columns()
            if part.lower() in str(ref).lower()
        ]
        heads = ("column", "type", "what it is", "shown as", "decided by")
        return listing(heads, rows, empty="No such column.")

    def _policy(self, rest: str) -> "View":
        from maskline.views import listing

        session, _ = self._session(rest)
        counted = Counter(
            (label.entity, str(decision.mask or "as it is"), decision.rule)
            for _, _, label, decision in session.columns()
        )
        rows = [(*what, str(count)) for what, count in sorted(counted.items())]
        return listing(
            ("what a column is", "shown as", "decided by", "columns"),
            rows,
            title=f"{_policy_of(session)} for {session.principal.kind} {session.principal.id}",
        )

    def _explain(self, rest: str) -> "View":
        result, words = self._result(rest.split())
        return result.explain(words[0] if words else "")

    def _lineage(self, rest: str) -> "View":
        return self._result(rest.split())[0].lineage()

    def _audit(self, rest: str) -> "View":
        from maskline.audit.questions import Questions
        from maskline.views import listing

        session = self._opened.get("")
        most = whole("audit", rest) if rest else _AUDITED
        who = f"{session.principal.kind}:{session.principal.id}"
        with Questions.open(session.policy.audit_path) as questions:
            found = questions.what_did(who, most=most).to_pylist()
        heads = ("time", "outcome", "rows", "purpose", "source", "statement", "audit")
        rows = [
            (
                f"{row['time']:%Y-%m-%d %H:%M:%S}",
                *(str(row[name]) for name in heads[1:-1]),
                row["query_id"][:8],
            )
            for row in found
        ]
        return listing(heads, rows, title=f"last queries of {who}", empty="no query yet")

    def _purpose(self, rest: str) -> "View":
        from maskline.views import statement

        session = self._opened.get("")
        if rest:
            session.purpose = re.sub(r"""^(["'])(.*)\1$""", r"\2", rest)
        return statement(f"@{self._opened.current}", f"purpose: {session.purpose or 'none'}")

    def _doctor(self, _rest: str) -> "View":
        from maskline.views import listing

        rows = [*self._found(), *self._engine()]
        return listing(("", "found", "what it means"), rows)

    def _engine(self) -> Iterator[tuple[str, str, str]]:
        """Give what the current session's engine is, or what the next one's would be."""
        from maskline_jupyter._engines import report
        from maskline_jupyter.doctor import PROMISES

        session = dict(self._opened).get(self._opened.current)
        place = "in process" if getattr(self._settings, "in_process", False) else "sidecar"
        told = report(session) if session else {"engine": place}
        for name, what in told.items():
            is_engine = name == "engine"
            yield "promise" if is_engine else name, what, PROMISES[what] if is_engine else ""

    def _found(self) -> Iterator[tuple[str, str, str]]:
        """Give what may let raw values into this notebook."""
        shell = self._settings.shell
        for name, value in list(self._variables.items()):
            kind, module = type(value).__name__, type(value).__module__.partition(".")[0]
            if not name.startswith("_") and module in _RAW and re.search("Conn|Engine", kind):
                what = "What is read through it is neither masked nor recorded."
                yield "warning", f"the variable {name} is a {module} connection", what
        for number, cell in enumerate(self._variables.get("In") or ()):  # type: ignore[arg-type, var-annotated]
            if PASSWORD.search(cell):
                what = "It is in the notebook's file, too. Let the policy name a variable."
                yield "warning", f"cell {number} holds a password", what
        if "sql" in shell.magics_manager.magics["cell"] and "sql" not in self._settings.take_over:
            what = "Its results are not masked. `%maskline config take_over=sql` answers it here."
            yield "warning", "%%sql is loaded", what
        if self._settings.unsafe_history:
            what = "IPython's history keeps the literals of queries."
            yield "warning", "unsafe_history is on", what
        if getattr(shell.InteractiveTB, "mode", "") == "Verbose":
            what = "Errors of maskline hold no values; those of other code may print variables."
            yield "note", "%xmode is Verbose", what

    def _config(self, rest: str) -> "View":
        from maskline.views import listing

        name, equals, text = rest.partition("=")
        traits = self._settings.class_traits(config=True)
        name = name.strip()
        if rest and name not in traits:
            msg = "%maskline config has no such setting."
            raise UsageError(msg, hint=did_you_mean(name, traits))
        if equals:
            self._set(name, text.strip(), is_list=isinstance(getattr(self._settings, name), list))
        rows = [
            (each, _setting(getattr(self._settings, each)), str(trait.help))
            for each, trait in sorted(traits.items())
            if not rest or each == name
        ]
        return listing(("setting", "value", "what it does"), rows)

    def _set(self, name: str, text: str, *, is_list: bool) -> None:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if is_list and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        try:
            setattr(self._settings, name, value)
        except TraitError:
            fits = False
        else:
            fits = True
        if not fits:
            about = self._settings.class_traits()[name]
            msg = f"{name} cannot be that."
            raise UsageError(msg, hint=f"It is {about.info()}. {about.help}")

    def _session(self, rest: str) -> "tuple[Session, str]":
        """Return the session that is meant, and the rest of the words."""
        first, _, more = rest.partition(" ")
        if first.startswith("@"):
            return self._opened.get(first[1:]), more.strip()
        return self._opened.get(""), rest

    def _result(self, words: list[str]) -> "tuple[MaskedResult, list[str]]":
        """Return the result that is meant, and the rest of the words; the last one by default."""
        from maskline import MaskedResult

        named = self._variables.get(words[0]) if words else None
        if isinstance(named, MaskedResult):
            return named, words[1:]
        if self.last is None:
            msg = "There is no result yet."
            raise UsageError(msg, hint="Ask something: %%maskedsql")
        return self.last, words


def _policy_of(session: "Session") -> str:
    return f"{session.policy.path.name}@{session.policy.version}"


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
