"""Takes everything out of a statement that could be a value.

What is left may be logged, recorded and shown: keywords, punctuation, names of the catalogue, and
``?``. This module knows sqlglot. It does not know policies, principals or data, and it trusts
neither the parser nor the tokenizer: whatever they produce is read once more by a small lexer of
its own, and only words that are on a list pass.
"""

import hashlib
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from sqlglot import ErrorLevel, Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect

__all__ = ["UNPARSABLE", "Scrubbed", "quiet_sqlglot", "scrub"]

UNPARSABLE: Final = "<unparsable sql>"
"""Stands for a statement of which nothing could safely be kept."""

# A longer statement is not parsed, only cut into tokens: parsing is not linear everywhere.
_MAX_PARSED: Final = 20_000
# A still longer one is not kept at all.
_MAX_LENGTH: Final = 100_000
# sqlglot backtracks: `struct(struct(...` doubles the time at each level in some dialects, and the
# time for `a[1][1]...` grows with the cube of the brackets.
_MAX_DEPTH: Final = 10
_MAX_BRACKETS: Final = 200

_SIMPLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_WORD: Final = re.compile(r"[^\W\d]\w*")
_PUNCTUATION: Final = re.compile(r"[-+*/%=<>!|&^~#@:;,.()\[\]{}?]+\Z")
_LEXEME: Final = re.compile(
    r"(?P<space>[ \n]+)"
    r'|"(?P<quoted>[A-Za-z_][A-Za-z0-9_]*)"'
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>[-+*/%=<>!|&^~#@:;,.()\[\]{}?])"
)
_OPENING: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSING: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
# What begins a statement that the parser is asked to read. Of others it keeps the text as it is.
_QUERY_STARTS: Final = frozenset(
    {TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.VALUES, TokenType.L_PAREN}
)
_VALUES: Final = (
    exp.Literal,
    exp.RawString,
    exp.HexString,
    exp.BitString,
    exp.ByteString,
    exp.National,
    exp.UnicodeString,
    exp.Heredoc,
    exp.JSONPath,
    exp.Parameter,
    exp.SessionParameter,
    exp.Placeholder,
)
# Words that the generators write and that are neither keywords of the tokenizer nor functions.
_MORE_WORDS: Final = (
    "ABSENT AFTER AT BEFORE BERNOULLI BOTH BOUNDED BY CENTURY CURRENT CYCLE DAY DAYS DECADE DOW "
    "DOY EPOCH EXCLUDE EXTRACT FIRST FOLLOWING FROM GROUP GROUPS HOUR HOURS IF INCLUDE ISODOW "
    "ISOYEAR KEEP LAST LEADING MATERIALIZED MICROSECOND MICROSECONDS MILLENNIUM MILLISECOND "
    "MILLISECONDS MINUTE MINUTES MONTH MONTHS NAME NO NULLS OF ONLY ORDINALITY OTHERS PERCENT "
    "POSITION PRECEDING PRECISION QUARTER QUARTERS REPEATABLE RESPECT RESERVOIR ROW ROWS SECOND "
    "SECONDS SYSTEM TIES TIME TIMEZONE TO TRAILING UNBOUNDED VALUE VARYING WEEK WEEKS WITHIN "
    "WITHOUT YEAR YEARS ZONE"
)

_is_quiet: ContextVar[bool] = ContextVar("maskline_is_quiet", default=False)


class _Quiet(logging.Filter):
    """Drops records while the current thread reads a statement that may hold values."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: A003, RUF100 - logging's name
        del record
        return not _is_quiet.get()


# sqlglot logs the text of statements and paths that it does not understand.
logging.getLogger("sqlglot").addFilter(_Quiet())


@contextmanager
def quiet_sqlglot() -> Iterator[None]:
    """Keep sqlglot from logging, in this thread: its warnings quote the statement."""
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubbed:
    """A statement without values.

    Attributes:
        text: ASCII, one line.
        fingerprint: SHA-256 of *text*, as hex digits: equal for statements that differ only in
            their literals, comments and private names.
        names: What stands in *text* for each private name, which is in lower case.
    """

    text: str
    fingerprint: str
    names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def hide(self, text: str) -> str:
        """Return a text about the statement with its private names replaced, as they are in it."""
        return _WORD.sub(lambda word: self.names.get(word[0].lower(), word[0]), text)

    def name_of(self, name: str, position: int, *, known: Collection[str]) -> str:
        """Return what a column of the answer may be called in a record.

        Args:
            name: What the answer calls it.
            position: Of the column, from 0.
            known: The names of the catalogue, in lower case.

        Returns:
            The name, if the catalogue has it or a function gave it; else what stands for it in
            *text*; else its place.
        """
        if _SIMPLE.match(name) and (name.lower() in known or name.upper() in exp.FUNCTION_BY_NAME):
            return name
        return self.names.get(name.lower(), f"column_{position + 1}")


def scrub(sql: str, *, dialect: str, known: Collection[str]) -> Scrubbed:
    """Take every literal, comment, hint and private name out of a statement.

    A literal becomes ``?``; a name that the catalogue does not have, such as an alias, becomes
    ``id_1``, ``id_2`` and so on. Never raises, and takes time in proportion to the length.

    Args:
        sql: Any text at all, by whoever asks.
        dialect: A dialect of sqlglot.
        known: The names of the catalogue, in lower case. Other names do not appear in the result.

    Returns:
        The statement in one spelling, or what its tokens say, or `UNPARSABLE`.
    """
    text = UNPARSABLE
    names: Mapping[str, str] = {}
    if len(sql) <= _MAX_LENGTH:
        try:
            with quiet_sqlglot():
                scrubber = _Scrubber(dialect, known)
                text, names = scrubber.scrub(sql), scrubber.names
        except Exception:  # noqa: BLE001 - a parser may fail in any way; its message quotes the text
            text, names = UNPARSABLE, {}
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    return Scrubbed(text=text, fingerprint=digest, names=names)


@cache
def _vocabulary(dialect: str) -> frozenset[str]:
    """Return words that belong to the language, in upper case, and so tell nothing."""
    found = Dialect.get_or_raise(dialect)
    phrases = [
        *found.tokenizer_class.KEYWORDS,
        *found.parser_class.FUNCTIONS,
        *exp.FUNCTION_BY_NAME,
        *(kind.value for kind in exp.DataType.Type),
        *(str(name) for name in found.generator_class.TYPE_MAPPING.values()),
    ]
    words = {word.upper() for phrase in [*phrases, _MORE_WORDS] for word in phrase.split()}
    return frozenset(word for word in words if _SIMPLE.match(word))


class _Scrubber:
    """Scrubs one statement; private names keep their numbers throughout."""

    def __init__(self, dialect: str, known: Collection[str]) -> None:
        self._dialect = Dialect.get_or_raise(dialect)
        self._known = known
        self._vocabulary = _vocabulary(dialect)
        self.names: dict[str, str] = {}
        self._numbered: set[str] = set()

    def scrub(self, sql: str) -> str:
        tokens = self._dialect.tokenize(sql)
        text = self._by_tree(sql, tokens) if _is_parsable(sql, tokens) else ""
        if text and not self._is_clean(text):
            text = self._by_token(self._dialect.tokenize(text))
        if not text:
            text = self._by_token(tokens)
        return text if text and self._is_clean(text) else UNPARSABLE

    def _by_tree(self, sql: str, tokens: list[Token]) -> str:
        """Return the statement written anew from its tree, or nothing if it has none."""
        try:
            parser = self._dialect.parser(error_level=ErrorLevel.IMMEDIATE)
            [tree] = filter(None, parser.parse(tokens, sql))
        except Exception:  # noqa: BLE001 - among them RecursionError; the tokens are still there
            return ""
        for node in list(tree.walk()):
            node.comments = None
            unit = node.args.get("unit")
            if isinstance(node, _VALUES):
                node.replace(exp.Var(this="?"))
            elif isinstance(node, exp.Interval) and isinstance(unit, exp.Var):
                # Some generators put number and unit into one string, and strings are not clean.
                node.replace(exp.Var(this=f"INTERVAL ? {self._word(unit.name)}"))
            elif isinstance(node, exp.Hint):
                node.pop()
            elif isinstance(node, exp.Identifier) and not self._is_known(node.name):
                node.replace(exp.Identifier(this=self._number(node.name), quoted=False))
            elif isinstance(node, exp.Anonymous) and isinstance(node.this, str):
                node.set("this", self._word(node.this))
        try:
            return self._dialect.generate(
                tree,
                copy=False,
                comments=False,
                normalize_functions=False,
                unsupported_level=ErrorLevel.IGNORE,
            )
        except Exception:  # noqa: BLE001 - a placeholder may stand where the generator wants a text
            return ""

    def _by_token(self, tokens: Sequence[Token]) -> str:
        text = " ".join(filter(None, map(self._lexeme, tokens)))
        return re.sub(r" ?([.]) ?|([(\[]) | (?=[,)\]])", r"\1\2", text)

    def _lexeme(self, token: Token) -> str:
        kind, text = token.token_type, token.text
        if kind is TokenType.HINT:
            return ""
        if kind is TokenType.IDENTIFIER:
            return f'"{text}"' if self._is_known(text) else self._number(text)
        if kind is TokenType.VAR:
            return self._word(text)
        if _PUNCTUATION.match(text):
            return text
        if all(word.upper() in self._vocabulary for word in text.split()) and text.strip():
            return " ".join(text.upper().split())
        return "?"

    def _word(self, text: str) -> str:
        if self._is_known(text) or text in self._numbered:
            return text
        return text.upper() if text.upper() in self._vocabulary else self._number(text)

    def _is_known(self, name: str) -> bool:
        return bool(_SIMPLE.match(name)) and name.lower() in self._known

    def _number(self, name: str) -> str:
        number = self.names.setdefault(name.lower(), f"id_{len(self.names) + 1}")
        self._numbered.add(number)
        return number

    def _is_clean(self, text: str) -> bool:
        """Read a result with other eyes: every word must be on a list, and nothing be quoted."""
        position = 0
        while position < len(text):
            lexeme = _LEXEME.match(text, position)
            if lexeme is None:
                return False
            position = lexeme.end()
            name, word = lexeme["quoted"] or lexeme["word"], lexeme["word"]
            is_ours = word in self._numbered or str(word).upper() in self._vocabulary
            if name and not (self._is_known(name) or is_ours):
                return False
        return True


def _is_parsable(sql: str, tokens: Sequence[Token]) -> bool:
    """Whether the parser may be asked: a query of a size that it reads in a short time."""
    if not tokens or len(sql) > _MAX_PARSED or tokens[0].token_type not in _QUERY_STARTS:
        return False
    depth = brackets = 0
    for token in tokens:
        if token.token_type in _OPENING:
            depth += 1
            brackets += token.token_type is TokenType.L_BRACKET
        elif token.token_type in _CLOSING:
            depth -= 1
        if depth > _MAX_DEPTH or brackets > _MAX_BRACKETS:
            return False
    return True
