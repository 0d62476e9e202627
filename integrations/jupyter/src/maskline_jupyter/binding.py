"""Puts values of the notebook into SQL: ``:name`` as a literal, ``{{name}}`` as a quoted name.

All other characters of the statement stay as they are. The words of the statement are those that
the tokenizer of its dialect sees, the same that later decides what the query is: strings, comments
and quoted names hold no parameter. A literal is written from its value's type, so that nothing in
a value can become SQL; what is masked is decided afterwards, by the plan of the whole statement.
This module knows sqlglot. It does not know the notebook, sessions or policies.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Final
from uuid import UUID

import numpy as np
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from maskline.errors import UsageError
from maskline_jupyter.grammar import did_you_mean

__all__ = ["bind", "typed"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_OPENING: Final = {
    TokenType.L_PAREN: TokenType.R_PAREN,
    TokenType.L_BRACKET: TokenType.R_BRACKET,
    TokenType.L_BRACE: TokenType.R_BRACE,
}
_ENDS: Final = frozenset({
    TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.R_PAREN,
    TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.HEREDOC_STRING, TokenType.BYTE_STRING,
})  # fmt: skip
"""What ends an operand: a colon after one cuts a slice or a pair, and begins no parameter."""
_LARGEST: Final = 2**63
_HAS_NO_VALUE: Final = "Set it in a cell above, or write --param {}=VALUE."


@dataclass(slots=True)
class _Frame:
    """An open bracket: which one closes it, and what a colon directly inside of it means."""

    closing: TokenType
    is_subscript: bool = False
    has_key: bool = False


def bind(sql: str, values: Mapping[str, object], *, dialect: str) -> str:
    """Return a statement with values where it names them.

    Args:
        sql: The statement. ``:name`` takes a value; after IN, a list, with or without brackets.
            ``{{name}}`` takes the name of a table or a column, which is quoted.
        values: What the names stand for.
        dialect: The dialect's name, as sqlglot has it.

    Returns:
        The statement, to the letter where nothing is named. One that the tokenizer cannot read is
        returned as it is; nothing answers it.

    Raises:
        UsageError: A name has no value, or one that SQL cannot hold there.
    """
    try:
        tokens = list(Dialect.get_or_raise(dialect).tokenize(sql))
    except SqlglotError:
        return sql
    pieces, written = [], 0
    for start, end, text in _replacements(tokens, values, dialect):
        pieces += [sql[written:start], text]
        written = end
    return "".join([*pieces, sql[written:]])


def typed(text: str) -> object:
    """Return the value of a ``--param``: a number where it is written as one, else a text."""
    if not _NUMBER.fullmatch(text):
        return text
    return Decimal(text) if "." in text else int(text)


def _replacements(
    tokens: Sequence[Token], values: Mapping[str, object], dialect: str
) -> Iterable[tuple[int, int, str]]:
    """Give where text is replaced, and by what, in order."""
    frames: list[_Frame] = []
    skip = 0
    for place, token in enumerate(tokens):
        if place < skip:
            continue
        if name := _identifier(tokens, place):
            skip = place + 5
            end = tokens[skip - 1].end + 1
            yield token.start, end, _quoted(name, values)
            continue
        if token.token_type is TokenType.COLON and _is_parameter(tokens, place, frames):
            word = tokens[place + 1]
            skip = place + 2
            value = _lookup(word.text, values)
            yield token.start, word.end + 1, _written(tokens, place, value, dialect)
            continue
        _step(tokens, place, frames)


def _step(tokens: Sequence[Token], place: int, frames: list[_Frame]) -> None:
    """Keep count of what is open."""
    kind = tokens[place].token_type
    if kind in _OPENING:
        # After an operand, a square bracket asks for an element; else it begins a list.
        is_subscript = (
            kind is TokenType.L_BRACKET and place > 0 and tokens[place - 1].token_type in _ENDS
        )
        frames.append(_Frame(_OPENING[kind], is_subscript))
    elif frames and kind is frames[-1].closing:
        frames.pop()
    elif frames and kind is TokenType.COLON:
        frames[-1].has_key = True
    elif frames and kind is TokenType.COMMA:
        frames[-1].has_key = False


def _is_parameter(tokens: Sequence[Token], place: int, frames: Sequence[_Frame]) -> bool:
    """Whether the colon here begins the name of a value."""
    colon = tokens[place]
    word = tokens[place + 1] if place + 1 < len(tokens) else None
    if word is None or word.start != colon.end + 1 or not _is_name(word):
        return False
    before = tokens[place - 1].token_type if place else None
    frame = frames[-1] if frames else None
    if frame and frame.is_subscript:
        return False
    if frame and frame.closing is TokenType.R_BRACE and not frame.has_key:
        # The first colon in `{'a': 1}` follows a key, unless a key is still to come.
        return before in {TokenType.L_BRACE, TokenType.COMMA}
    return before not in _ENDS


def _identifier(tokens: Sequence[Token], place: int) -> str:
    """Return the name in ``{{name}}`` if it begins here; else nothing."""
    five = tokens[place : place + 5]
    kinds = [token.token_type for token in five]
    left, right = TokenType.L_BRACE, TokenType.R_BRACE
    if len(five) < 5 or kinds[:2] != [left, left] or kinds[3:] != [right, right]:  # noqa: PLR2004
        return ""
    is_tight = five[1].start == five[0].end + 1 and five[4].start == five[3].end + 1
    return five[2].text if is_tight and _is_name(five[2]) else ""


def _is_name(token: Token) -> bool:
    """Whether a token is a bare word; one in quotes is longer than its text."""
    is_bare = token.end - token.start + 1 == len(token.text)
    return is_bare and _NAME.fullmatch(token.text) is not None


def _quoted(name: str, values: Mapping[str, object]) -> str:
    """Return a name as SQL; all three engines double a quote inside of it."""
    value = _lookup(name, values)
    if isinstance(value, str) and value and value.isprintable():
        return '"' + value.replace('"', '""') + '"'
    msg = f"{{{{{name}}}}} stands for the name of a table or a column, and holds none."
    raise UsageError(msg, hint=f"Give {name} one name as a text, or write :{name} for a value.")


def _lookup(name: str, values: Mapping[str, object]) -> object:
    if name in values:
        return values[name]
    msg = f":{name} has no value: the notebook has no such variable."
    near = [known for known in values if not (known.startswith("_") or callable(values[known]))]
    hint = did_you_mean(name, near) if near else ""
    more = f"{hint} " if hint.startswith("Did") else ""
    raise UsageError(msg, hint=more + _HAS_NO_VALUE.format(name))


def _written(tokens: Sequence[Token], place: int, value: object, dialect: str) -> str:
    """Return what stands in place of ``:name``."""
    name = tokens[place + 1].text
    items = _items(value)
    if items is None:
        return _literal(name, value, dialect)
    kinds = [token.token_type for token in tokens[max(0, place - 2) : place]]
    is_open = kinds == [TokenType.IN, TokenType.L_PAREN]
    if not is_open and kinds[-1:] != [TokenType.IN]:
        msg = f":{name} is a list, and a list can only stand after IN."
        raise UsageError(msg, hint=f"Write IN :{name}, or name a single value.")
    if not items:
        msg = f":{name} is an empty list, and nothing is IN it."
        raise UsageError(msg, hint="Leave the condition out, or put something into the list.")
    listed = ", ".join(_literal(name, item, dialect) for item in items)
    return listed if is_open else f"({listed})"


def _items(value: object) -> list[object] | None:
    """Return the elements of a list, or of a column of numpy, pandas, polars or Arrow."""
    if isinstance(value, list | tuple | set | frozenset | range):
        return list(value)
    if isinstance(value, str | bytes) or getattr(value, "ndim", 1) == 0:
        return None
    for method in ("to_pylist", "tolist", "to_list"):
        listed: Callable[[], object] | None = getattr(value, method, None)
        if callable(listed) and isinstance(items := listed(), list):
            return items
    return None


def _literal(name: str, value: object, dialect: str) -> str:
    """Return a value as SQL."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]")  # Of a finer one, Python has a bare number.
    if isinstance(value, np.generic):
        value = value.item()
    written = _plain(value) or _dated(value, dialect) or _bytes(value, dialect)
    if written:
        return written
    msg = f":{name} holds a value of the type {type(value).__name__}, which SQL cannot hold."
    if isinstance(value, str):
        msg = f":{name} holds a text with a character that a database cannot hold."
    elif isinstance(value, int):
        msg = f":{name} holds a number that is larger than a database can hold."
    raise UsageError(msg, hint="Give it a text, a number, a date, bytes, None, or a list of them.")


def _plain(value: object) -> str:
    """Return values that all dialects write alike; nothing for others."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, UUID) or (isinstance(value, str) and _is_text(value)):
        return "'" + str(value).replace("'", "''") + "'"
    return ""


def _number(value: float | Decimal) -> str:
    if not isfinite(value) or (isinstance(value, int) and abs(value) >= _LARGEST):
        return ""
    digits = f"{value:f}" if isinstance(value, Decimal) else repr(value)
    # In brackets, for two signs in a row begin a comment.
    return f"({digits})" if digits.startswith("-") else digits


def _is_text(value: str) -> bool:
    """Whether databases can hold a text: no zero and no half of a character is in it."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _dated(value: object, dialect: str) -> str:
    """Return a date or a time as SQL; SQLite has texts for them."""
    for kind, name in ((datetime, "TIMESTAMP"), (date, "DATE"), (time, "TIME")):
        if isinstance(value, kind) and value == value:  # noqa: PLR0124 - NaT of pandas is not
            has_zone = getattr(value, "tzinfo", None) is not None
            text = value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
            if dialect == "sqlite":
                return f"'{text}'"
            return f"CAST('{text}' AS {name}{' WITH TIME ZONE' * has_zone})"
    return ""


def _bytes(value: object, dialect: str) -> str:
    if not isinstance(value, bytes):
        return ""
    digits = value.hex()
    if dialect == "sqlite":
        return f"X'{digits}'"
    if dialect == "duckdb":
        return f"unhex('{digits}')"
    return f"decode('{digits}', 'hex')"
