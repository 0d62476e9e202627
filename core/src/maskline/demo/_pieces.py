"""Pieces of the report that several of its sections are made of.

Whatever comes from data, queries or policies is escaped. This module knows HTML and the nouns of
the story.
"""

import re
from collections.abc import Iterable
from html import escape
from typing import Final

from maskline._cells import cell_text, grouped, visible
from maskline._html import text
from maskline.demo._story import NoAnswer, Question

__all__ = ["cell", "mark", "numbers", "question", "sql", "verdict", "who"]

_WORDS: Final = re.compile(
    r"('(?:[^']|'')*')|\b(SELECT|FROM|JOIN|ON|WHERE|AND|OR|GROUP BY|ORDER BY|LIMIT|AS|DESC|OVER"
    r"|DISTINCT|LIKE|DATE)\b"
)
_NUMBER: Final = re.compile("[0-9\u202f]+")


def question(asked: Question) -> str:
    """Return what somebody asked, and why."""
    return (
        f"<h3>{text(asked.title)}</h3>{who(asked)}"
        f'<p>{text(asked.why)}</p><pre class="sql">{sql(asked.sql)}</pre>'
    )


def who(asked: Question) -> str:
    """Return who asks, and what for."""
    principal = asked.who
    roles = f" · role {text(', '.join(principal.roles))}" if principal.roles else ""
    behalf = (
        f" · on behalf of {text(', '.join(principal.on_behalf_of))}"
        if principal.on_behalf_of
        else ""
    )
    purpose = f"for “{text(asked.purpose)}”" if asked.purpose else "no purpose stated"
    return (
        f'<p class="who">{text(principal.kind)} <b>{text(principal.id)}</b>{roles}{behalf} · '
        f"{purpose}</p>"
    )


def sql(statement: str) -> str:
    """Return SQL with its words and texts marked."""
    pieces = []
    place = 0
    shown = "\n".join(map(visible, statement.split("\n")))
    for found in _WORDS.finditer(shown):
        tag = "i" if found[1] else "b"
        pieces += [escape(shown[place : found.start()]), f"<{tag}>{escape(found[0])}</{tag}>"]
        place = found.end()
    return "".join(pieces) + escape(shown[place:])


def cell(value: object) -> str:
    """Return a value of an answer."""
    if value is None:
        return "<i>NULL</i>"
    return grouped(value) if isinstance(value, int) else escape(cell_text(value))


def numbers(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a small table. Cells are HTML; those that are numbers stand to the right."""
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_data, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _data(cell: str) -> str:
    return f'<td class="n">{cell}</td>' if _NUMBER.fullmatch(cell) else f"<td>{cell}</td>"


def mark(is_good: bool) -> str:  # noqa: FBT001 - the only thing it is told
    """Return whether something is as it has to be."""
    return '<span class="good">✓</span>' if is_good else '<span class="bad">✗</span>'


def verdict(attempt: NoAnswer) -> str:
    """Return why there is no answer."""
    error = attempt.error
    hint = f'<p class="hint">{text(error.hint)}</p>' if error.hint else ""
    word = "Refused." if attempt.is_refused else "Not answered."
    return f'<p class="verdict"><b>{word}</b> {text(error.message)}</p>{hint}'
