"""Keeps literals of masked queries out of IPython's history, which outlives the notebook.

IPython writes every cell into a database in the user's home. What is asked stays there; whom it was
asked about does not. This module knows IPython's history. It does not know SQL's meaning, sessions
or results.
"""

import re
from collections.abc import Callable
from typing import Final

from IPython.core.history import HistoryManager

from maskline.errors import UsageError
from maskline_jupyter.grammar import PASSWORD, sql_of

__all__ = ["History", "without_literals"]

_HIDDEN: Final = "?"
_WITHHELD: Final = "-- withheld"
# A quote that is not closed hides the rest. In double quotes, some databases have texts, too.
_LITERALS: Final = re.compile(
    r"""(?P<kept>[A-Za-z_][A-Za-z0-9_$]*)|"[^"]*(?:"|\Z)"""
    r"""|'(?:[^']|'')*(?:'|\Z)|\$(\w*)\$.*?(?:\$\2\$|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)|\d[\w.]*""",
    re.DOTALL,
)
_PARAMETERS: Final = re.compile(r"""(--param[\s=]+)(?:[^\s'"]|"[^"]*"|'[^']*'|['"])+""")


def without_literals(source: str, names: frozenset[str]) -> str:
    """Return a cell's text without the literals of masked queries, and without their passwords.

    Args:
        source: The cell, as it was typed.
        names: The magics that take SQL.
    """
    magic = "|".join(map(re.escape, sorted(names)))
    if re.search(rf"%(?:maskline|{magic})\b", source):
        source = PASSWORD.sub(rf"\1{_HIDDEN}", source)
    # It may stand below another magic, such as %%time.
    cell = re.search(rf"(?m)^[ \t]*%%(?:{magic})\b[^\n]*", source)
    if cell:
        end = cell.end()
        return source[: cell.start()] + _options(cell[0]) + _hidden(source[end:])
    # A line that ends in a backslash goes on in the next one.
    line = re.compile(rf"(?m)^([^\n]*?%(?:{magic})\b)((?:[^\n]*\\\n)*[^\n]*)$")
    return line.sub(lambda match: match[1] + _line(match[2]), source)


def _options(line: str) -> str:
    return _PARAMETERS.sub(rf"\1{_HIDDEN}", line)


def _line(text: str) -> str:
    """Return the options and the SQL of a magic of one line, its options as they are."""
    try:
        sql = sql_of(text)
    except UsageError:
        sql = text.lstrip()
    return _options(text[: len(text) - len(sql)]) + _hidden(sql)


def _hidden(sql: str) -> str:
    # A backslash may or may not end a text: it depends on the database.
    if "\\" in sql:
        return f"{sql[: len(sql) - len(sql.lstrip())]}{_WITHHELD}"
    return _LITERALS.sub(lambda match: match["kept"] or _HIDDEN, sql)


class History:
    """Stands before one shell's history, until it is restored.

    Args:
        manager: The shell's history; what it stores from now on is changed.
        transform: Makes Python of a cell, as the shell does.
        names: Gives the magics that take SQL.
        is_kept: Says whether history is left as it is.
    """

    def __init__(
        self,
        manager: HistoryManager,
        transform: Callable[[str], str],
        *,
        names: Callable[[], frozenset[str]],
        is_kept: Callable[[], bool],
    ) -> None:
        self._manager = manager
        store = manager.store_inputs

        def store_inputs(line_num: int, source: str, source_raw: str | None = None) -> None:
            typed = source if source_raw is None else source_raw
            shown = typed if is_kept() else without_literals(typed, names())
            if shown == typed:
                store(line_num, source, source_raw)
            else:
                store(line_num, transform(shown), shown)

        # Not later: what is stored goes to another thread at once.
        manager.store_inputs = store_inputs  # type: ignore[method-assign]

    def restore(self) -> None:
        """Let history store cells as they are again."""
        vars(self._manager).pop("store_inputs", None)
