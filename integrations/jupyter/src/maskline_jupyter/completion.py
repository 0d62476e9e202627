"""Completes what stands in a masked query: connections, options, tables, columns, words of SQL.

This module knows IPython's completer and what a session lists. It does not run queries.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from maskline.errors import MasklineError, UsageError
from maskline_jupyter.grammar import FORMS, OPTIONS
from maskline_jupyter.opened import Opened

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from maskline_jupyter._engines import Session

__all__ = ["Completion"]

_WORDS: Final = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN", "ON",
    "USING", "AS", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS NULL", "IS NOT NULL",
    "DISTINCT", "WITH", "UNION ALL", "CASE", "WHEN", "THEN", "ELSE", "END", "OVER", "PARTITION BY",
    "count", "sum", "avg", "min", "max", "coalesce",
)  # fmt: skip
_FRAGMENT: Final = re.compile(r"[\w.@-]*\Z")
_TABLES: Final = re.compile(
    r"(?i)\b(?:from|join)\s+([\w.]+)(?:\s+(?:as\s+)?"
    r"(?!(?:on|where|join|group|order|left|right|inner|full|cross|limit|using|union|having)\b)(\w+))?"
)
_AFTER_FROM: Final = re.compile(r"(?i)\b(?:from|join)\s+[\w.]*\Z")
_COMMAND: Final = re.compile(r"\s*%maskline\s+(\w*)\Z")
_OPTION: Final = re.compile(r"(?:@\w*|--[\w-]*|--as\s+\w*)\Z")
_LONGEST: Final = 10
"""The letters that JupyterLab has room for beside a completion."""


class Completion:
    """One shell's completer of masked queries, until it is removed.

    Args:
        shell: Whose completer it joins.
        opened: The open sessions.
        names: Gives the magics that take SQL.
        commands: What ``%maskline`` can do.
    """

    def __init__(
        self,
        shell: "InteractiveShell",
        opened: Opened,
        *,
        names: Callable[[], frozenset[str]],
        commands: Iterable[str],
    ) -> None:
        self._opened = opened
        self._names = names
        self._commands = tuple(commands)
        self._listed: tuple[Session, dict[str, list[tuple[str, str]]]] | None = None
        self._matchers: list[Any] = shell.Completer.custom_matchers

        # Higher than all of IPython's own; without completions of ours, they do not run either.
        @context_matcher(identifier="maskline", priority=200)  # type: ignore[untyped-decorator]
        def match(context: CompletionContext) -> dict[str, Any]:
            return self._match(context)

        self._matcher = match
        self._matchers.insert(0, self._matcher)

    def remove(self) -> None:
        """Leave the completer as it was."""
        if self._matcher in self._matchers:
            self._matchers.remove(self._matcher)

    def _match(self, context: CompletionContext) -> dict[str, Any]:
        lines = context.full_text.split("\n")[: context.cursor_line + 1]
        lines[-1] = lines[-1][: context.cursor_position]
        if command := _COMMAND.match(lines[-1]):
            offered = [SimpleCompletion(text=name, type="command") for name in self._commands]
            return _answer(offered, command[1])
        head = self._head(context.full_text, lines[-1])
        if head is None:
            return {"completions": []}
        before = "\n".join(lines)
        found = _FRAGMENT.search(before)
        fragment = found[0] if found else ""
        is_option = _OPTION.search(before) is not None
        if context.full_text.lstrip().startswith("%%"):
            is_option = len(lines) == 1
        if is_option:
            return _answer(self._options(before, fragment), fragment)
        return _answer(self._sql(head, context.full_text, before, fragment), fragment)

    def _head(self, text: str, line: str) -> str | None:
        """Return the line with the magic that the cursor is in; None if it is in none."""
        magic = "|".join(map(re.escape, self._names()))
        if re.match(rf"\s*%%(?:{magic})\b", text):
            return text.lstrip().partition("\n")[0]
        return line if re.match(rf"\s*(?:\w+\s*=\s*)?%(?:{magic})\s", line) else None

    def _options(self, before: str, fragment: str) -> list[SimpleCompletion]:
        if re.search(r"--as\s+\w*\Z", before):
            return [SimpleCompletion(text=form, type="form") for form in FORMS]
        if fragment.startswith("@"):
            names = {name: session.dialect for name, session in self._opened} | _named()
            names["results"] = "results"
            return [SimpleCompletion(text=f"@{name}", type=kind) for name, kind in names.items()]
        return [SimpleCompletion(text=option, type="option") for option in OPTIONS]

    def _sql(self, head: str, text: str, before: str, fragment: str) -> list[SimpleCompletion]:
        named = re.search(r"@(\w+)", head)
        session = dict(self._opened).get(named[1] if named else self._opened.current)
        tables = self._known(session) if session else {}
        used = {alias or table: table for table, alias in _TABLES.findall(text)}
        if _AFTER_FROM.search(before):
            return [*_tables(tables)]
        if "." in fragment:
            prefix = fragment.rpartition(".")[0]
            # Before FROM is typed, every column is a candidate.
            mine = tables.get(used.get(prefix, prefix)) or _all(tables)
            return [SimpleCompletion(text=f"{prefix}.{name}", type=kind) for name, kind in mine]
        columns = _all({table: tables[table] for table in used.values() if table in tables})
        listed = [SimpleCompletion(text=name, type=kind) for name, kind in columns or _all(tables)]
        words = [SimpleCompletion(text=word, type="keyword") for word in _WORDS]
        return [*listed, *_tables(tables), *words]

    def _known(self, session: "Session") -> dict[str, list[tuple[str, str]]]:
        """Return the tables of a session, with and without a schema, and what their columns are."""
        if self._listed and self._listed[0] is session:
            return self._listed[1]
        found: dict[str, list[tuple[str, str]]] = {}
        try:
            for ref, kind, label, decision in session.columns():
                what = label.entity if decision.mask or decision.rule else kind
                short = what.lower().replace("_", "")[:_LONGEST]
                for table in (ref.relation, f"{ref.schema}.{ref.relation}"):
                    found.setdefault(table, []).append((ref.column, short))
        except MasklineError:
            return {}  # A completion is no place for an error.
        self._listed = (session, found)
        return found


def _named() -> dict[str, str]:
    from pathlib import Path

    from maskline_jupyter.connections import read_all

    try:
        return dict.fromkeys(read_all(Path.cwd()), "named")
    except UsageError:
        return {}


def _answer(offered: Iterable[SimpleCompletion], fragment: str) -> dict[str, Any]:
    """Return what begins with a fragment, once each; nothing else is asked then."""
    seen = {each.text: each for each in offered if _begins(each.text, fragment)}
    return {
        "completions": list(seen.values()),
        "suppress": True,
        "matched_fragment": fragment,
        "ordered": True,
    }


def _begins(word: str, fragment: str) -> bool:
    return word.lower().startswith(fragment.lower())


def _tables(tables: Iterable[str]) -> Iterator[SimpleCompletion]:
    return (SimpleCompletion(text=table, type="table") for table in tables)


def _all(tables: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str]]:
    return [column for columns in tables.values() for column in columns]
