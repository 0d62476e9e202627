"""Lets the database leave out columns whose mask does not depend on their values.

Where all that remains of a value is one text, or null, the values need not be read. This module
knows trees and verdicts. It does not know what that text is: the query holds a placeholder.
"""

import re
from collections.abc import Mapping
from typing import Final

from sqlglot import exp

from maskline.planning._proofs import Verdict

__all__ = ["MARK", "fix", "fixed_outputs"]

MARK: Final = "maskline_fixed_"
"""Begins the placeholders. A query that has it already is left as it is."""

# A result has the type of what is selected, so only types are filled in that a cast has, too.
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    "duckdb": re.compile("VARCHAR"),
    "postgres": re.compile(r"text|character varying(?:\(\d+\))?"),
}
_OTHERS: Final[Mapping[str, re.Pattern[str]]] = {
    "duckdb": re.compile("TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE|BOOLEAN|DATE|TIMESTAMP"),
    "postgres": re.compile("smallint|integer|bigint|real|double precision|boolean|date"),
}


def fixed_outputs(
    tree: exp.Expr, verdicts: Mapping[int, Verdict], dialect: str
) -> dict[int, Verdict]:
    """Return which columns of the answer the database can fill in, of those that are masked.

    Args:
        tree: The query.
        verdicts: By position, the column that an output holds as it is.
        dialect: The engine's.
    """
    is_plain = isinstance(tree, exp.Select) and not any(
        tree.args.get(clause) for clause in ("distinct", "group", "having", "qualify", "windows")
    )
    if not is_plain or len(tree.expressions) <= max(verdicts, default=-1):
        return {}
    return {
        position: verdict
        for position, verdict in verdicts.items()
        if _is_fixed(verdict, dialect)
        and isinstance(tree.expressions[position].unalias(), exp.Column)
    }


def _is_fixed(verdict: Verdict, dialect: str) -> bool:
    is_fixed = verdict.traits.fixed and not verdict.decision.is_denied
    return is_fixed and _type(verdict, dialect) is not None


def _type(verdict: Verdict, dialect: str) -> exp.DataType | None:
    """Return what to cast to; None for a type that must stay what it is."""
    if dialect in _TEXTS and _TEXTS[dialect].fullmatch(verdict.column.type):
        return exp.DataType.build("TEXT")
    is_null = not verdict.traits.keeps_nulls
    if is_null and dialect in _OTHERS and _OTHERS[dialect].fullmatch(verdict.column.type):
        return exp.DataType.build(verdict.column.type, dialect=dialect)
    return None


def fix(tree: exp.Query, fixed: Mapping[int, Verdict], dialect: str) -> None:
    """Replace columns of the answer by a placeholder, or by null.

    Args:
        tree: The query, which is changed.
        fixed: What *fixed_outputs* returned for it.
        dialect: The engine's.
    """
    source = tree.args.get("from_")
    # What is joined to others can be null though the column cannot.
    is_alone = not tree.args.get("joins") and source and isinstance(source.this, exp.Table)
    for position, verdict in fixed.items():
        node = tree.expressions[position].unalias()
        if not verdict.traits.keeps_nulls:
            node.replace(exp.Cast(this=exp.Null(), to=_type(verdict, dialect)))
            continue
        text = exp.Literal.string(f"{MARK}{position}")
        filled: exp.Expr = exp.Cast(this=text, to=_type(verdict, dialect))
        if verdict.column.nullable or not is_alone:
            is_null = exp.Is(this=node.copy(), expression=exp.Null())
            filled = exp.Case(ifs=[exp.If(this=is_null, true=exp.Null())], default=filled)
        node.replace(filled)
