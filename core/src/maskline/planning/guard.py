"""Reads SQL, and lets pass nothing but one SELECT made of pieces that we understand.

Both lists, of pieces and of functions, are positive: what is not on them is refused. This module
knows sqlglot and a dialect's name. It does not know catalogues, labels or policies.
"""

# ruff: noqa: SIM905 - long lists of words read best as text

import logging
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import TokenType

from maskline.planning import _functions, _nodes
from maskline.planning._values import Refusal

__all__ = ["DIALECTS", "function_name", "generate", "is_plain", "parse"]

DIALECTS: Final = frozenset({"duckdb", "postgres", "sqlite"})

_MAX_LENGTH: Final = 200_000
_MAX_DEPTH: Final = 120
# sqlglot tries what follows the name of a type as a type first, which doubles its time at each
# level, and its time for `a[1][1]...` grows with the cube of their number. So this is looked at
# before anything is parsed.
_MAX_NESTED: Final = 60
_MAX_TRIED: Final = 10
_MAX_BRACKETS: Final = 200
_MAX_NAME: Final = 63
_MAX_ROUNDS: Final = 4
_STARTS: Final = frozenset(
    {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.FROM, TokenType.TABLE}
)
_OPENING: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSING: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
_STATEMENTS: Final = frozenset(
    """
    ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT CLOSE COMMIT COPY CREATE DEALLOCATE DECLARE DELETE
    DESCRIBE DETACH DO DROP EXECUTE EXPLAIN EXPORT FETCH GRANT IMPORT INSERT INSTALL KILL LISTEN
    LOAD LOCK MERGE NOTIFY PIVOT PRAGMA PREPARE REFRESH REINDEX RELEASE REPLACE RESET REVOKE
    ROLLBACK SAVEPOINT SET SHOW SUMMARIZE TRUNCATE UNPIVOT UPDATE USE VACUUM VALUES
    """.split()
)
_ONLY_SELECT: Final = "Write a single SELECT."
_TOO_DEEP: Final = Refusal(
    reason="The query is nested too deeply.", hint="Take it apart, or use WITH."
)

# sqlglot quotes the SQL in warnings; while we work, nobody may hear them.
_is_quiet: ContextVar[bool] = ContextVar("_is_quiet", default=False)
logging.getLogger("sqlglot").addFilter(lambda _: not _is_quiet.get())


@contextmanager
def _quiet() -> Iterator[None]:
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def is_plain(name: str) -> bool:
    """Whether a name is a plain identifier, fit for a message."""
    return name.isascii() and name.isidentifier() and len(name) <= _MAX_NAME


def generate(tree: exp.Expr, dialect: str) -> str:
    """Write a tree as SQL, without comments."""
    with _quiet():
        return tree.sql(dialect=dialect, comments=False, unsupported_level=ErrorLevel.IGNORE)


_names: Final[dict[tuple[type[exp.Expr], str], str]] = {}


def function_name(node: exp.Func, dialect: str) -> str:
    """Return what a dialect calls a function."""
    if isinstance(node, exp.Anonymous):
        return (
            node.this.lower() if isinstance(node.this, str) and is_plain(node.this) else "function"
        )
    key = (type(node), dialect)
    if key not in _names:
        found = re.match(r"[A-Z_0-9]+(?=\()", generate(node, dialect))
        _names[key] = (found.group() if found else node.sql_name()).lower()
    return _names[key]


def parse(sql: str, dialect: str) -> tuple[exp.Query | None, tuple[Refusal, ...]]:
    """Read one SELECT.

    Args:
        sql: Any text.
        dialect: One of DIALECTS.

    Returns:
        The tree, in a form that survives being written and read again, and every reason not to
        answer it. No tree if the text is no query at all.
    """
    with _quiet():
        tree, refusal = _statement(sql, dialect)
        if tree is None:
            return None, (refusal,) if refusal else ()
        refusals = _check(tree, dialect)
        if not refusals:
            tree, refusals = _normal(tree, dialect)
    return tree, refusals


def _statement(sql: str, dialect: str) -> tuple[exp.Query | None, Refusal | None]:
    problem = _unreadable(sql)
    trees: list[exp.Expr | None] = []
    try:
        if problem is None:
            tokens = Dialect.get_or_raise(dialect).tokenize(sql)
            problem = _start(tokens) or _entangled(tokens)
        if problem is None:
            trees = list(sqlglot.parse(sql, read=dialect, error_level=ErrorLevel.IMMEDIATE))
    except ParseError as exc:
        where = exc.errors[0] if exc.errors else {}
        place = f" at {where.get('line')}:{where.get('col')}" if where.get("line") else ""
        problem = Refusal(
            reason=f"The query cannot be parsed{place}.", hint="Check the syntax there."
        )
    except SqlglotError:
        problem = Refusal(
            reason="The query cannot be split into words.", hint="Check quotes and comments."
        )
    if problem:
        return None, problem
    found = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if len(found) != 1:
        return None, Refusal(
            reason=f"The text holds {len(found)} statements, not one.", hint=_ONLY_SELECT
        )
    return _root(found[0], dialect)


def _root(root: exp.Expr, dialect: str) -> tuple[exp.Query | None, Refusal | None]:
    while isinstance(root, exp.Subquery) and not any(
        value for name, value in root.args.items() if name != "this"
    ):
        root = root.this
    if not isinstance(root, (exp.Select, exp.SetOperation)):
        return None, Refusal(
            reason=f"The query is {_nodes.words(type(root))}, not a SELECT.", hint=_ONLY_SELECT
        )
    root.pop()
    if _depth(root) > _MAX_DEPTH:
        return None, _TOO_DEEP
    if dialect == "sqlite":
        _name_affinities(root)
    return root, None


def _name_affinities(root: exp.Expr) -> None:
    """Cast to what SQLite takes a type for; sqlglot would write a function or another type."""
    for node in list(root.find_all(exp.Cast)):
        kind = node.args["to"]
        if isinstance(kind.this, exp.DataType.Type) and kind.this.name in _nodes.NUMERIC_IN_SQLITE:
            kind.replace(exp.DataType(this=exp.DataType.Type.USERDEFINED, kind="NUMERIC"))


def _unreadable(sql: str) -> Refusal | None:
    if len(sql) > _MAX_LENGTH:
        return Refusal(reason="The query is too long.", hint="Shorten it.")
    if not _is_text(sql):
        return Refusal(
            reason="The query holds control characters.", hint="Remove what is not text."
        )
    return None


def _is_text(sql: str) -> bool:
    return sql.isprintable() or all(letter.isprintable() or letter.isspace() for letter in sql)


def _start(tokens: list[sqlglot.Token]) -> Refusal | None:
    if not tokens:
        return Refusal(reason="The text holds 0 statements, not one.", hint=_ONLY_SELECT)
    if tokens[0].token_type in _STARTS:
        return None
    word = tokens[0].text.upper()
    name = word if word in _STATEMENTS else "this statement"
    return Refusal(reason=f"Only SELECT is answered, not {name}.", hint=_ONLY_SELECT)


def _entangled(tokens: list[sqlglot.Token]) -> Refusal | None:
    """Refuse what would take the parser very long."""
    open_: list[bool] = []
    tried = brackets = 0
    before: TokenType | None = None
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            is_tried = kind is not TokenType.L_PAREN or before in Parser.TYPE_TOKENS
            open_.append(is_tried)
            tried += is_tried
            brackets += kind is TokenType.L_BRACKET
        elif kind in _CLOSING and open_:
            tried -= open_.pop()
        if len(open_) > _MAX_NESTED or tried > _MAX_TRIED:
            return _TOO_DEEP
        before = kind
    if brackets > _MAX_BRACKETS:
        return Refusal(
            reason="The query holds too many brackets.", hint=f"Use at most {_MAX_BRACKETS}."
        )
    return None


def _depth(root: exp.Expr) -> int:
    deepest = 0
    level: list[exp.Expr] = [root]
    while level:
        deepest += 1
        # A chain of one operator is long, not deep: sqlglot and we walk along it in a loop.
        level = [child for node in level for child in _below(node)]
    return deepest


def _below(node: exp.Expr) -> Iterator[exp.Expr]:
    for child in node.iter_expressions():
        following = child
        while type(following) is type(node) and isinstance(following, (exp.Connector, exp.Union)):
            yield from (
                other for other in following.iter_expressions() if other is not following.this
            )
            following = following.this
        yield following


def _normal(tree: exp.Query, dialect: str) -> tuple[exp.Query, tuple[Refusal, ...]]:
    """Write and read a tree until it stays the same."""
    for raw in list(tree.find_all(exp.RawString)):
        raw.replace(exp.Literal.string(raw.this))
    for _ in range(_MAX_ROUNDS):
        text = tree.sql(dialect=dialect, comments=False, unsupported_level=ErrorLevel.IGNORE)
        again, refusal = _statement(text, dialect)
        if again is None or refusal:
            break
        refusals = _check(again, dialect)
        if again == tree or refusals:
            return again, refusals
        tree = again
    unstable = Refusal(
        reason="The query cannot be written down in a form that is sure to mean the same.",
        hint="Write it more simply.",
    )
    return tree, (unstable,)


def _check(tree: exp.Query, dialect: str) -> tuple[Refusal, ...]:
    """Return every reason why a tree holds more than we understand."""
    found: dict[Refusal, None] = dict.fromkeys(_confusable(tree))
    for node in tree.walk():
        problem = _function(node, dialect) if isinstance(node, exp.Func) else _piece(node, dialect)
        problem = problem or _arguments(node)
        if problem:
            found[problem] = None
    return tuple(found)


def _confusable(tree: exp.Query) -> Iterator[Refusal]:
    """Find names that one engine may take for the same and another not."""
    seen: dict[str, str] = {}
    for node in tree.find_all(exp.Identifier):
        name = str(node.name)
        if not name.isascii():
            key = unicodedata.normalize("NFKC", name).casefold()
            if seen.setdefault(key, name) != name:
                yield Refusal(
                    reason="Two names differ only in the case or form of letters beyond ASCII.",
                    hint="Spell them the same, or use other aliases.",
                )


def _function(node: exp.Func, dialect: str) -> Refusal | None:
    if isinstance(node, exp.Anonymous):
        name = node.this if isinstance(node.this, str) else ""
        if name.lower() in _functions.ANONYMOUS[dialect]:
            return None
        named = f"The function {name.lower()}" if is_plain(name) else "A function"
    elif type(node).__name__ in _functions.TYPED:
        return None
    elif type(node) is exp.Columns:
        return _not_understood(exp.Columns)
    else:
        named = f"The function {function_name(node, dialect)}"
    return Refusal(
        reason=f"{named} is not on the list of pure functions.",
        hint="Leave it out: functions that read, write, wait or vary are not run.",
    )


def _piece(node: exp.Expr, dialect: str) -> Refusal | None:
    kind = type(node)
    if isinstance(node, exp.Identifier) and len(node.name.encode()) > _MAX_NAME:
        # PostgreSQL cuts longer names, so that two of them may become one.
        return Refusal(reason="A name is too long.", hint=f"Use at most {_MAX_NAME} bytes.")
    if isinstance(node, exp.Var) and node.name.lower() not in _nodes.VARIABLES:
        return Refusal(
            reason="A word of the query is not understood.", hint="Write it more simply."
        )
    if (
        isinstance(node, exp.DataType)
        and not _is_affinity(node, dialect)
        and (not isinstance(node.this, exp.DataType.Type) or node.this.name not in _nodes.TYPES)
    ):
        return Refusal(
            reason="The query uses a type that is not understood.",
            hint="Cast to a standard type, such as TEXT, INTEGER or DATE.",
        )
    if kind in _nodes.NODES or kind is exp.RawString:
        return None
    return _not_understood(kind)


def _is_affinity(node: exp.DataType, dialect: str) -> bool:
    return dialect == "sqlite" and node.args.get("kind") == "NUMERIC"


def _arguments(node: exp.Expr) -> Refusal | None:
    allowed = _nodes.ARGUMENTS.get(type(node))
    if allowed is None:
        return None
    for name, value in node.args.items():
        if value and name not in allowed:
            part = value[0] if isinstance(value, list) else value
            if isinstance(part, exp.Expr) and type(part) not in _nodes.NODES:
                return _not_understood(type(part))
            what = name.strip("_").replace("_", " ").upper()
            return Refusal(
                reason=f"{what} is not understood here ({type(node).__name__.upper()}).",
                hint="Leave it out.",
            )
    return None


def _not_understood(kind: type[exp.Expr]) -> Refusal:
    what = _nodes.words(kind)
    return Refusal(
        reason=f"{what[0].upper()}{what[1:]} is not understood.", hint="Write it another way."
    )
