"""What the order of rows may change about the results of operators, functions and aggregates.

This module knows trees, and the forms of the values that meet in them. It does not know columns.
"""

# ruff: noqa: SIM905 - long lists of words read best as text

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from maskline.planning._trees import is_aggregate
from maskline.planning._values import CONSTANT, PLAIN, Form, Value

__all__ = ["PICKS", "cast", "computed", "follows_order", "literal"]

# These return one of the values they are given, unchanged.
PICKS: Final = (
    exp.AnyValue,
    exp.First,
    exp.FirstValue,
    exp.Lag,
    exp.Last,
    exp.LastValue,
    exp.Lead,
    exp.NthValue,
)
_ORDER_BOUND: Final = (
    *PICKS,
    exp.ArgMax,
    exp.ArgMin,
    exp.ArrayAgg,
    exp.GroupConcat,
    exp.JSONArrayAgg,
    exp.JSONBObjectAgg,
    exp.JSONObjectAgg,
    exp.List,
    exp.Mode,
    exp.Ntile,
    exp.RowNumber,
)
_ORDER_BOUND_NAMES: Final = frozenset(
    """
    favg fsum histogram json_agg json_group_array json_group_object json_object_agg jsonb_agg
    jsonb_object_agg kahan_sum product sumkahan
    """.split()
)


_YES_OR_NO: Final = (
    exp.Between, exp.Glob, exp.GT, exp.GTE, exp.ILike, exp.LT, exp.LTE, exp.Like, exp.LogicalAnd,
    exp.LogicalOr, exp.Not, exp.RegexpILike, exp.RegexpLike, exp.SimilarTo, exp.StartsWith,
)  # fmt: skip
_NUMBERS: Final = (exp.DenseRank, exp.Length, exp.Ntile, exp.Rank, exp.RowNumber, exp.StrPosition)
# Of text, or of dates.
_TEXTS: Final = (
    exp.Concat, exp.DPipe, exp.DateTrunc, exp.Left, exp.Lower, exp.Replace, exp.Reverse, exp.Right,
    exp.SplitPart, exp.Substring, exp.TimestampTrunc, exp.Trim, exp.Upper,
)  # fmt: skip
_EXACT: Final = (exp.Add, exp.Mul, exp.Neg, exp.Sub)
# Rows in any order give these the same result; of a percentile, WITHIN GROUP tells the order.
_EITHER: Final = (
    exp.ApproxDistinct, exp.Count, exp.CountIf, exp.CumeDist, exp.DenseRank, exp.LogicalAnd,
    exp.LogicalOr, exp.PercentRank, exp.PercentileDisc, exp.Rank,
)  # fmt: skip
_EITHER_NAMES: Final = frozenset({"bool_and", "bool_or", "every"})
_PLAIN_TYPES: Final = frozenset({"BIGINT", "BOOLEAN", "DATE", "INT", "SMALLINT", "TINYINT"})
_MAX_DIGITS: Final = 6
_MAX_FACTORS: Final = 4


def literal(node: exp.Expr, dialect: str) -> Value:
    """Return the value of a literal: short numbers cannot make a sum grow too large."""
    text = str(node.this)
    if node.is_string or (text.isdigit() and len(text) <= _MAX_DIGITS):
        return PLAIN
    is_decimal = text.replace(".", "", 1).isdigit() and len(text) <= _MAX_DIGITS + 1
    return Value(form=Form.EXACT) if is_decimal and dialect != "sqlite" else CONSTANT


def cast(type_: str, dialect: str) -> Form:
    """Return the form of values that were cast to a type."""
    return Form.PLAIN if type_ in _PLAIN_TYPES and dialect != "sqlite" else Form.LOOSE


def computed(node: exp.Expr, values: Sequence[Value], dialect: str) -> Form:
    """Return the form of the results of an operator or a function of some values."""
    least = min((value.form for value in values), default=Form.LOOSE)
    if isinstance(node, (*_YES_OR_NO, *_NUMBERS)):
        return Form.PLAIN
    if isinstance(node, (exp.Sum, exp.Min, exp.Max)):
        return least
    if isinstance(node, _TEXTS) and least is Form.PLAIN:
        return least if node.find(exp.Collate) is None else Form.LOOSE
    # SQLite's integers turn into floating-point numbers where they grow too large.
    if not isinstance(node, _EXACT) or dialect == "sqlite":
        return Form.LOOSE
    is_small = sum(1 for _ in node.find_all(exp.Mul)) <= _MAX_FACTORS
    return least if is_small else Form.LOOSE


def follows_order(node: exp.Expr, values: Sequence[Value]) -> bool:
    """Whether the order of rows may change the result of an aggregate or a window function."""
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        return name in _ORDER_BOUND_NAMES or (is_aggregate(node) and name not in _EITHER_NAMES)
    if isinstance(node, _ORDER_BOUND):
        return True
    if not is_aggregate(node) or isinstance(node, _EITHER):
        return False
    if isinstance(node, (exp.Min, exp.Max)):
        return not all(value.is_plain for value in values)
    is_summed = isinstance(node, (exp.Sum, exp.Avg, exp.Median))
    return not is_summed or any(value.form < Form.EXACT for value in values)
