"""Puts parameters into a statement, for core takes statements without any.

A parameter becomes a literal, which core scrubs from whatever it records, as any other. Core reads
the statement afterwards and runs exactly one SELECT, so that a parameter cannot widen what is seen.
This module knows the placeholders of psycopg, sqlite3 and DuckDB. It does not know Airflow.
"""

import datetime as dt
import decimal
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn

from maskline.errors import UsageError

__all__ = ["bind"]

# What is no place for a parameter comes first.
_QUOTED: Final = (
    r"'(?:[^']|'')*'"
    r'|"(?:[^"]|"")*"'
    r"|(?P<tag>\$[A-Za-z_]*\$).*?(?P=tag)"
    r"|--[^\n]*"
    r"|/\*.*?\*/"
)
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_PLACES: Final = {
    "postgres": re.compile(
        rf"{_QUOTED}|(?P<percent>%%)|%\((?P<name>{_NAME})\)s|(?P<next>%s)", re.DOTALL
    ),
    "sqlite": re.compile(rf"{_QUOTED}|(?<![:\w])[:@$](?P<name>{_NAME})|(?P<next>\?)", re.DOTALL),
    "duckdb": re.compile(rf"{_QUOTED}|(?<![\w$])\$(?P<name>{_NAME})|(?P<next>\?)", re.DOTALL),
}


def bind(
    sql: str, parameters: Sequence[object] | Mapping[str, object] | None, *, dialect: str
) -> str:
    """Return a statement with a literal in every place that waits for a parameter.

    Args:
        sql: With the placeholders of the database's usual driver: ``%s`` and ``%(name)s`` for
            PostgreSQL, ``?`` and ``:name`` for SQLite, ``?`` and ``$name`` for DuckDB.
        parameters: Texts, numbers, dates, times, booleans and None. Without any, the statement
            stays as it is.
        dialect: ``postgres``, ``sqlite`` or ``duckdb``.

    Raises:
        UsageError: Places and parameters do not match, or a parameter is of another type.
    """
    if not parameters:
        return sql
    named = parameters if isinstance(parameters, Mapping) else {}
    listed = iter(() if named else parameters)
    bound = _PLACES[dialect].sub(lambda found: _filled(found, named, listed), sql)
    if next(listed, listed) is not listed:
        _fail("The statement has fewer places than there are parameters.")
    return bound


def _filled(found: re.Match[str], named: Mapping[str, object], listed: Iterator[object]) -> str:
    groups = found.groupdict()
    if groups.get("percent"):
        return "%"
    if groups["name"]:
        if groups["name"] not in named:
            _fail(f"The statement names a parameter that is not given: {groups['name']}.")
        return _literal(named[groups["name"]])
    if groups["next"]:
        value = next(listed, listed)
        if value is listed:
            _fail("The statement has more places than there are parameters.")
        return _literal(value)
    # psycopg makes one percent sign of two wherever they stand.
    return found[0].replace("%%", "%") if "percent" in groups else found[0]


def _literal(value: object) -> str:  # noqa: PLR0911 - one for each type
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float) and math.isfinite(value):
        return repr(float(value))
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return f"'{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date | dt.time):
        return f"'{value.isoformat()}'"
    if isinstance(value, str) and "\0" not in value:
        return "'" + value.replace("'", "''") + "'"
    return _fail(f"A parameter is of a type that cannot be bound: {type(value).__name__}.")


def _fail(message: str) -> NoReturn:
    raise UsageError(message, hint="Give texts, numbers, dates, times, booleans or None.")
