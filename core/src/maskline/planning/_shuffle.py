"""Lets chance decide what a query leaves to the engine.

An engine that groups, joins or sorts by raw values hands out rows in an order that follows them,
and a LIMIT then keeps the first. A masked copy would show another order, so the raw one must not
be seen. This module knows sqlglot's trees only.
"""

from sqlglot import exp

from maskline.model import ColumnRef
from maskline.planning._queries import CHANCE
from maskline.planning.bind import quoted

__all__ = ["shuffled"]


def shuffled(tree: exp.Query, dialect: str, *, masked: frozenset[ColumnRef]) -> exp.Query:
    """Return a copy in which chance orders what the engine may have ordered along columns.

    Args:
        tree: An analysed query.
        dialect: The engine's.
        masked: The columns whose order must not be seen.
    """
    root: exp.Query = tree.copy()
    marked = [node for node in root.walk() if masked & node.meta.get(CHANCE, frozenset())]
    # Inside out, for a query that is wrapped takes what is inside along.
    for node in reversed(marked):
        if _may_order(node):
            _add_chance(node, dialect)
        else:
            outer = _wrapped(node)
            if node is root:
                root = outer
            _add_chance(outer, dialect)
    return root


def _may_order(node: exp.Expr) -> bool:
    """Whether ORDER BY may name something that is not selected."""
    if not isinstance(node, exp.Select):
        return False
    distinct = node.args.get("distinct")
    return distinct is None or bool(distinct.args.get("on"))


def _add_chance(node: exp.Expr, dialect: str) -> None:
    key = exp.Ordered(
        this=exp.Anonymous(this="RANDOM"), desc=False, nulls_first=dialect == "sqlite"
    )
    order = node.args.get("order")
    if order is None:
        node.set("order", exp.Order(expressions=[key]))
    else:
        order.append("expressions", key)


def _wrapped(node: exp.Expr) -> exp.Query:
    outer = exp.Select(expressions=[exp.Star()])
    if node.parent is not None:
        node.replace(outer)
    for clause in ("order", "limit", "offset"):
        outer.set(clause, node.args.get(clause))
        node.set(clause, None)
    inner = exp.Subquery(this=node, alias=exp.TableAlias(this=quoted("maskline_rows")))
    outer.set("from_", exp.From(this=inner))
    return outer
