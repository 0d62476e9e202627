"""Hides sums over too few values.

This module knows sqlglot's trees only.
"""

from collections.abc import Mapping

from sqlglot import exp

from maskline.model import ColumnRef
from maskline.planning._values import MEASURED

__all__ = ["hide_small_groups"]


def hide_small_groups(root: exp.Query, minimums: Mapping[ColumnRef, int]) -> None:
    """Make every aggregate of some columns null where it is made of too few values.

    Args:
        root: An analysed query; it is changed.
        minimums: How many values an aggregate of a column needs.
    """
    for node in list(root.find_all(exp.Sum, exp.Avg, exp.Count)):
        minimum = max(
            (minimums.get(ref, 0) for ref in node.meta.get(MEASURED, frozenset())), default=0
        )
        if not minimum:
            continue
        shown: exp.Expr = node.parent if isinstance(node.parent, exp.Filter) else node
        counted = shown.copy()
        count = exp.Count(this=node.this.copy(), big_int=True)
        if isinstance(counted, exp.Filter):
            counted.set("this", count)
        else:
            counted = count
        case = exp.Case()
        shown.replace(case)
        enough = exp.GTE(this=counted, expression=exp.Literal.number(minimum))
        case.set("ifs", [exp.If(this=enough, true=shown)])
