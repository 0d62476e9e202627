"""Small questions about sqlglot's trees.

This module knows trees and the lists of pieces. It does not know scopes, values or labels.
"""

from collections.abc import Iterator
from typing import Final

from sqlglot import exp

from maskline.planning import _functions, _nodes
from maskline.planning.guard import function_name, is_plain

__all__ = ["is_aggregate", "may_fail", "name_of", "named", "operands", "unwrapped"]

# Parts of a tree that hold no values.
_INERT: Final = (
    exp.DataType,
    exp.DataTypeParam,
    exp.Identifier,
    exp.IntervalSpan,
    exp.JSONPath,
    exp.JSONPathPart,
    exp.TableAlias,
    exp.Var,
)


# What cannot fail while it runs, once an engine has accepted it.
_SAFE: Final = (
    *_INERT,
    exp.Alias, exp.And, exp.Between, exp.Boolean, exp.Case, exp.Coalesce, exp.Column, exp.Count,
    exp.CTE, exp.Distinct, exp.EQ, exp.Exists, exp.From, exp.Group, exp.GT, exp.GTE, exp.Having,
    exp.If, exp.In, exp.Is, exp.Join, exp.Literal, exp.LT, exp.LTE, exp.Max, exp.Min, exp.NEQ,
    exp.Not, exp.Null, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Nullif, exp.Or, exp.Order, exp.Ordered,
    exp.Paren, exp.Select, exp.SetOperation, exp.Star, exp.Subquery, exp.Table, exp.Tuple,
    exp.Where, exp.With,
)  # fmt: skip


def may_fail(node: exp.Expr) -> bool:
    """Whether running a query may raise an error that depends on its rows."""
    return not all(isinstance(part, _SAFE) for part in node.walk())


def unwrapped(node: exp.Expr) -> exp.Expr:
    """Return what stands inside parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node is a call of an aggregate."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _functions.ANONYMOUS_AGGREGATES
    return isinstance(node, exp.AggFunc)


def operands(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the parts of a node that may hold values."""
    for value in list(node.args.values()):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, exp.Expr) and not isinstance(item, _INERT):
                yield item


def name_of(node: exp.Expr, dialect: str) -> str:
    """Return what people call an operator, a function or a clause."""
    if type(node) in _nodes.OPERATORS:
        return f"the operator {_nodes.OPERATORS[type(node)]}"
    if isinstance(node, exp.Func):
        return f"{function_name(node, dialect)}()"
    return _nodes.words(type(node))


def named(identifier: exp.Expr, hidden: str, before: str) -> str:
    """Return a name for a message, unless it may be a value in disguise."""
    if identifier.args.get("quoted") or not is_plain(identifier.name):
        return hidden
    return f"{before} {identifier.name}"
