"""URLs of databases, and small pieces of SQL.

This module knows strings, paths and sqlglot's tokens. It does not know any engine.
"""

# ruff: noqa: S608 - names are quoted, and statements of others pass a guard first

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from maskline.errors import SourceError
from maskline.model import Catalogue

__all__ = ["check_names", "file_of", "quoted", "redacted", "view_body"]

_HIDDEN: Final = "..."


def redacted(url: str) -> str:
    """Return a URL without user, password and options, fit for messages and logs.

    Where a URL is ambiguous, because a user name, a password or an option holds an unescaped
    ``@``, ``?`` or ``/``, more is left out rather than less.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme.replace("+", "").replace("-", "").isalnum():
        return _HIDDEN
    head, _, options = rest.partition("?")
    if head.startswith("/"):
        return f"{scheme}://{head}"
    if "@" in head:
        return f"{scheme}://{head.rpartition('@')[2]}"
    if "@" in options:
        return f"{scheme}://{_HIDDEN}"
    return f"{scheme}://{head}"


def file_of(url: str) -> Path:
    """Return the file that a URL such as ``sqlite:///shop.db`` means.

    Three slashes and a path are relative to the working directory, four are absolute.

    Raises:
        SourceError: The URL names no file, or there is no such file.
    """
    scheme, _, rest = url.partition("://")
    hint = f"Write {scheme}:///relative/path, or {scheme}:////absolute/path with four slashes."
    if not rest.startswith("/") or not rest.strip("/") or "?" in rest or "\0" in rest:
        msg = f"A {scheme} URL holds the path of a file and nothing else."
        raise SourceError(msg, hint=hint)
    path = Path(unquote(rest[1:]))
    if not path.is_file():
        msg = f"There is no file {path}."
        raise SourceError(msg, hint=hint)
    return path.resolve()


def quoted(*names: str) -> str:
    """Return a dotted name for SQL, each part between double quotes."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def check_names(catalogue: Catalogue, schema: str, relation: str, columns: Sequence[str]) -> None:
    """Make sure that columns exist: an unknown name in SQL may mean something else.

    Raises:
        SourceError: There is no such relation or column, or no column is named.
    """
    for each in catalogue.relations:
        if (each.schema, each.name) == (schema, relation):
            known = {column.name for column in each.columns}
            if columns and known.issuperset(columns):
                return
    msg = f"The database has no such columns in {schema}.{relation}."
    raise SourceError(msg, hint="Spell schema, relation and columns as the catalogue does.")


def view_body(create: str, dialect: str, *, name: str, columns: Sequence[str]) -> str:
    """Return the SELECT of a ``CREATE VIEW`` statement, with the view's own column names.

    Args:
        create: The statement as the database keeps it.
        dialect: The name sqlglot gives to its SQL.
        name: The view's name, without its schema.
        columns: The view's columns.

    Returns:
        One SELECT; empty where the statement cannot be understood. Such a view counts as a table,
        and as the database still reports what it reads, queries of it are refused.
    """
    from sqlglot import TokenType, tokenize
    from sqlglot.errors import SqlglotError

    depth = 0
    has_names = False
    try:
        tokens = tokenize(create, read=dialect)
    except SqlglotError:
        return ""
    for token in tokens:
        if token.token_type == TokenType.L_PAREN:
            depth += 1
            has_names = True
        elif token.token_type == TokenType.R_PAREN:
            depth -= 1
        elif token.token_type == TokenType.ALIAS and depth == 0:
            body = create[token.end + 1 :].strip().removesuffix(";").strip()
            if not has_names:
                return body
            names = ", ".join(quoted(column) for column in columns)
            if dialect == "sqlite":
                return f"WITH {quoted(name)}({names}) AS ({body}) SELECT * FROM {quoted(name)}"
            return f"SELECT * FROM ({body}) AS {quoted(name)}({names})"
    return ""
