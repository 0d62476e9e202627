"""Interprets queries: SELECT, set operations, WITH, and the clauses around them.

This module knows trees, scopes and the catalogue. It does not know labels or policies.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from sqlglot import exp

from maskline.model import ColumnRef, Flow
from maskline.planning._expressions import Pending, itself
from maskline.planning._sources import Sources
from maskline.planning._trees import is_aggregate, unwrapped
from maskline.planning._values import (
    INTERPRETED,
    Relation,
    Taint,
    Use,
    UseKind,
    Value,
    indirect,
    merged,
)
from maskline.planning.bind import Scope, quoted
from maskline.planning.guard import function_name

__all__ = ["CHANCE", "Queries"]

CHANCE: Final = "maskline_chance"
"""Marks, in a node's meta, a query whose rows the engine may choose or order along some columns."""

_ALIKE: Final = "values that may be equal and look different"
_MAX_ROUNDS: Final = 20
_AROUND: Final = (
    exp.Cast,
    exp.Filter,
    exp.IgnoreNulls,
    exp.RespectNulls,
    exp.Window,
    exp.WithinGroup,
)
_SORTING: Final = {UseKind.EQUALITY, UseKind.GROUP, UseKind.DISTINCT, UseKind.PARTITION}


class Queries(Sources):
    """The whole interpreter, for one statement.

    Attributes:
        chance: Columns along which the engine may have ordered rows where that can be seen.
    """

    def __init__(self, *args: object, is_view: bool = False, **rest: object) -> None:
        super().__init__(*args, **rest)  # type: ignore[arg-type]
        self.chance: frozenset[ColumnRef] = frozenset()
        # The text of a view's definition cannot be changed.
        self.is_view = is_view

    def query(self, node: exp.Expr, scope: Scope) -> Relation:
        """Interpret a query in a scope that it may refer to."""
        if isinstance(node, exp.Subquery):
            if node.args.get("joins"):
                self.refuse("A join in parentheses has a name.", "Write SELECT * FROM it.")
            return self.query(node.this, self.with_(node, scope))
        if isinstance(node, exp.Select):
            node.meta[INTERPRETED] = True
            return self._select(node, scope)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Values):
            return self.values(node, scope)
        self.refuse("A table stands where a query is wanted.", "Write SELECT ... FROM it.")
        return Relation(names=(), values=())

    def missed(self, tree: exp.Expr) -> None:
        """Refuse a tree in which some piece that reads was not interpreted."""
        for node in tree.find_all(exp.Select, exp.Join, exp.Table):
            is_named = not isinstance(node, exp.Table) or isinstance(node.this, exp.Identifier)
            if is_named and INTERPRETED not in node.meta:
                self.refuse("A part of the query is not understood.", "Write it more simply.")
                return

    # WITH.

    def with_(self, node: exp.Expr, scope: Scope) -> Scope:
        """Return a scope that sees the relations of a query's WITH."""
        clause = node.args.get("with_")
        if clause is None:
            return scope
        inner = Scope(self.names, parent=scope.parent, ctes=dict(scope.ctes))
        inner.sources, inner.merged = scope.sources, scope.merged
        for cte in clause.expressions:
            name = self.names.read(cte.args["alias"].this)
            cte.args["alias"].set("this", quoted(name))
            key = self.names.key(name)
            if clause.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
                relation = self._recursive(cte, key, inner)
            else:
                relation = self.renamed(self.query(cte.this, inner), cte.args["alias"])
            inner.ctes[key] = relation
        return inner

    def _recursive(self, cte: exp.Expr, key: str, scope: Scope) -> Relation:
        """Interpret a query that may read its own rows, until nothing more reaches them."""
        state = (len(self.uses), len(self.pending))
        alias = cte.args["alias"]
        relation = self.renamed(self.query(cte.this.left, scope), alias)
        for _ in range(_MAX_ROUNDS):
            del self.uses[state[0] :]
            del self.pending[state[1] :]
            scope.ctes[key] = relation
            again = self.renamed(self.query(cte.this, scope), alias)
            if again == relation:
                return relation
            relation = again
        self.refuse("A recursive query is too entangled.", "Write it without WITH RECURSIVE.")
        return relation

    # Set operations.

    def _set_operation(self, node: exp.SetOperation, outer: Scope) -> Relation:
        start = len(self.uses)
        scope = self.with_(node, outer)
        left, right = self.query(node.left, scope), self.query(node.right, scope)
        what = type(node).__name__.upper()
        if len(left.values) != len(right.values):
            self.refuse(f"The sides of {what} have different widths.", "Select as many columns.")
        values = [
            self._combined(node, pair, what)
            for pair in zip(left.values, right.values, strict=False)
        ]
        if node.args.get("distinct"):
            for value in values:
                self.use(UseKind.DISTINCT, (value.bare,), what)
            if not all(value.is_plain for value in values):
                self.use(UseKind.ROW_ORDER, (left.order | right.order,), f"{what} of {_ALIKE}")
        rows = [left.rows, right.rows]
        if not isinstance(node, exp.Union):
            rows += [indirect(value.taint, Flow.FILTER) for value in (*left.values, *right.values)]
        elif node.args.get("distinct"):
            rows += [indirect(value.taint, Flow.GROUP_BY) for value in values]
        for key in self._keys(node):
            position = self._position(key.this, [self.names.key(name) for name in left.names])
            if position is None or position >= len(values):
                self.refuse(f"{what} is ordered by an expression.", "Order by an output column.")
                continue
            key.set("this", exp.Literal.number(position + 1))
            self.use(UseKind.SORT, (values[position].bare,), "ORDER BY")
            rows.append(indirect(values[position].taint, Flow.SORT))
        relation = Relation(
            names=left.names,
            values=tuple(values),
            rows=merged(rows),
            order=left.order | right.order | self._used_since(start),
        )
        if self._limit(node):
            self._by_chance(node, relation.order)
        return relation

    def _combined(self, node: exp.Expr, pair: tuple[Value, Value], what: str) -> Value:
        if isinstance(node, exp.Union):
            return self.mix(pair, what)
        left, right = pair
        self.use(UseKind.EQUALITY, (left.bare, right.bare), what)
        return left if isinstance(node, exp.Except) else self.mix(pair, what)

    # SELECT.

    def _select(self, node: exp.Select, outer: Scope) -> Relation:
        start, first = len(self.uses), len(self.pending)
        outer_order, self.inner_order = self.inner_order, set()
        around = self.with_(node, outer)
        scope = Scope(self.names, parent=around, ctes=around.ctes)
        rows = self.from_(node, scope)
        for window in node.args.get("windows") or []:
            self._named_window(window, scope, rows)
        self.stars(node, scope)
        names, values = self._projections(node, scope)
        for clause, flow in (
            ("where", Flow.FILTER),
            ("having", Flow.FILTER),
            ("qualify", Flow.FILTER),
        ):
            if node.args.get(clause):
                test = node.args[clause].this
                rows.append(self.condition(test, scope, flow, clause.upper()))
        own = self._group(node, scope, values, rows)
        self._distinct(node, scope, values, rows)
        keys_are_outputs = self._order(node, scope, values, rows)
        given = self.inner_order.union(*(s.relation.order for s in scope.sources.values()))
        order = self._used_since(start) | given
        # An index orders the rows of a table by what they hold themselves.
        inherited = self.inner_order.union(
            *(s.relation.order for s in scope.sources.values() if not s.is_table)
        )
        once = self._once(scope, inherited)
        self._settle(node, scope, first, order=order, own=own, once=once)
        self.inner_order = outer_order
        if self._limit(node):
            if node.args.get("distinct") and not keys_are_outputs:
                self.use(UseKind.ROW_ORDER, (order,), "LIMIT after SELECT DISTINCT")
            self._by_chance(node, order)
        return Relation(
            names=tuple(names), values=tuple(values), rows=merged(rows or [{}]), order=order
        )

    def _projections(self, node: exp.Select, scope: Scope) -> tuple[list[str], list[Value]]:
        names: list[str] = []
        values: list[Value] = []
        items: list[exp.Expr] = []
        may_name = self.names.dialect != "postgres"
        for position, item in enumerate(list(node.expressions)):
            called = item.this if isinstance(item, exp.Column) else None
            value = self.projection(item, scope, node)
            done = node.expressions[position]
            if called is not None and not isinstance(done, exp.Column):
                name = self.names.read(called)
            else:
                name = self._output_name(done, position)
            expression = done.this if isinstance(done, exp.Alias) else done
            items.append(exp.Alias(this=expression, alias=quoted(name)))
            names.append(name)
            values.append(value)
            if may_name:
                scope.aliases.setdefault(self.names.key(name), expression)
        node.set("expressions", items)
        return names, values

    def projection(self, item: exp.Expr, scope: Scope, node: exp.Select) -> Value:
        """Evaluate one item of a select list."""
        del node
        return self.value(item, scope)

    def _output_name(self, item: exp.Expr, position: int) -> str:
        if isinstance(item, exp.Alias):
            return self.names.read(item.args["alias"])
        inside = unwrapped(item)
        while isinstance(inside, _AROUND):
            inside = unwrapped(inside.this)
        if isinstance(inside, exp.Column):
            return str(inside.name)
        if isinstance(inside, exp.Func) and not isinstance(inside, (exp.Case, exp.Connector)):
            return function_name(inside, self.names.dialect)
        return f"column_{position + 1}"

    def _named_window(self, node: exp.Expr, scope: Scope, rows: list[Taint]) -> None:
        decided, _ = self.window_clauses(node, scope)
        rows.append(indirect(decided, Flow.WINDOW))

    def _group(
        self, node: exp.Select, scope: Scope, values: list[Value], rows: list[Taint]
    ) -> frozenset[ColumnRef]:
        """Interpret GROUP BY; return the columns that are equal within each group."""
        group = node.args.get("group")
        if group is None:
            return frozenset()
        if group.args.get("all"):
            group.set("all", None)
            group.set("expressions", self._all_keys(node))
            if not group.expressions:
                node.set("group", None)
        own: frozenset[ColumnRef] = frozenset()
        for key in self._group_keys(group):
            is_plain = key.parent is group
            output, value = self._key(key, node, scope, values, prefer_column=True)
            self.use(UseKind.GROUP, (value.bare,), "GROUP BY")
            if not value.is_plain:
                self.pending.append(Pending(f"GROUP BY of {_ALIKE}"))
            rows.append(indirect(value.taint, Flow.GROUP_BY))
            if is_plain:
                own |= itself(output, value)
        return own

    @staticmethod
    def _all_keys(node: exp.Select) -> list[exp.Expr]:
        return [
            exp.Literal.number(position + 1)
            for position, item in enumerate(node.expressions)
            if not any(is_aggregate(part) for part in item.walk())
        ]

    def _group_keys(self, group: exp.Expr) -> list[exp.Expr]:
        keys: list[exp.Expr] = []
        for item in list(group.expressions):
            inside = unwrapped(item)
            if isinstance(inside, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)):
                keys.extend(self._group_keys(inside))
            else:
                keys.append(item)
        return keys

    def _key(
        self,
        key: exp.Expr,
        node: exp.Select,
        scope: Scope,
        values: list[Value],
        *,
        prefer_column: bool,
    ) -> tuple[exp.Expr, Value]:
        """Evaluate a key of GROUP BY or ORDER BY, which may be the number or name of an output.

        Returns:
            The expression that the key stands for, and its value.
        """
        inside = unwrapped(key)
        keys = [self.names.key(item.alias) for item in node.expressions]
        position = self._position(inside, keys)
        if (
            prefer_column
            and isinstance(inside, exp.Column)
            and scope.hits(self.names.read(inside.this))
        ):
            position = None
        if position is not None and position >= len(values):
            self.refuse("A key is the number of no output column.", "Name the column.")
            return key, Value()
        if position is None:
            return self.key(key, scope)
        key.replace(exp.Literal.number(position + 1))
        return node.expressions[position].this, values[position]

    def _position(self, node: exp.Expr, keys: list[str]) -> int | None:
        """Return which output a key stands for by its number or its name."""
        node = unwrapped(node)
        if isinstance(node, exp.Literal) and node.is_int:
            return int(node.this) - 1 if int(node.this) > 0 else len(keys)
        if (
            isinstance(node, exp.Column)
            and not node.args.get("table")
            and not isinstance(node.this, exp.Star)
        ):
            key = self.names.key(self.names.read(node.this))
            if key in keys:
                return keys.index(key)
        return None

    def _distinct(
        self, node: exp.Select, scope: Scope, values: list[Value], rows: list[Taint]
    ) -> None:
        clause = node.args.get("distinct")
        if clause is None:
            return
        chosen = clause.args.get("on")
        if chosen is None:
            keys = values
        else:
            items = chosen.expressions if isinstance(chosen, exp.Tuple) else [chosen]
            pairs = [self._distinct_key(item, node, scope) for item in list(items)]
            keys = [value for _, value in pairs]
            own = frozenset[ColumnRef]().union(*(itself(*pair) for pair in pairs))
            self.pending.append(Pending("DISTINCT ON", own))
        for key in keys:
            self.use(UseKind.DISTINCT, (key.bare,), "DISTINCT")
            if not key.is_plain:
                self.pending.append(Pending(f"DISTINCT of {_ALIKE}"))
            rows.append(indirect(key.taint, Flow.GROUP_BY))

    def _distinct_key(
        self, item: exp.Expr, node: exp.Select, scope: Scope
    ) -> tuple[exp.Expr, Value]:
        keys = [self.names.key(output.alias) for output in node.expressions]
        position = self._position(item, keys)
        if position is not None and position < len(node.expressions):
            self.grow(node.expressions[position].this)
            instead = exp.paren(node.expressions[position].this.copy(), copy=False)
            item.replace(instead)
            item = instead
        return self.key(item, scope)

    def _order(
        self,
        node: exp.Select,
        scope: Scope,
        values: list[Value],
        rows: list[Taint],
    ) -> bool:
        """Interpret ORDER BY; return whether every key is the number of an output column."""
        outputs = [item.this for item in node.expressions]
        is_output = True
        for key in self._keys(node):
            _, value = self._key(key.this, node, scope, values, prefer_column=False)
            if node.args.get("distinct") and key.this in outputs:
                key.set("this", exp.Literal.number(outputs.index(key.this) + 1))
            is_output &= isinstance(key.this, exp.Literal)
            self.use(UseKind.SORT, (value.bare,), "ORDER BY")
            rows.append(indirect(value.taint, Flow.SORT))
        return is_output

    def _keys(self, node: exp.Expr) -> list[exp.Expr]:
        order = node.args.get("order")
        keys = list(order.expressions) if order else []
        if any(isinstance(key.this, exp.Var) for key in keys):
            self.refuse("ORDER BY ALL is not understood.", "Name the columns to order by.")
            return []
        return keys

    # Rows that the engine picks or orders as it likes.

    def _limit(self, node: exp.Expr) -> bool:
        """Return whether some rows are left out by their place."""
        limit, offset = node.args.get("limit"), node.args.get("offset")
        if isinstance(limit, exp.Limit) and isinstance(unwrapped(limit.expression), exp.Var):
            node.set("limit", None)
            limit = None
        for clause in (limit, offset):
            count = None if clause is None else clause.args.get("count") or clause.expression
            if clause is not None and not (isinstance(count, exp.Literal) and count.is_int):
                self.refuse("LIMIT or OFFSET is not a plain number.", "Write a whole number.")
        return limit is not None or offset is not None

    def _by_chance(self, node: exp.Expr, order: frozenset[ColumnRef]) -> None:
        if not order:
            return
        if self.is_view:
            self.use(UseKind.ROW_ORDER, (order,), "LIMIT in a view")
        else:
            node.meta[CHANCE] = order
            self.chance |= order

    def first_row(self, node: exp.Expr, relation: Relation) -> None:
        """Note that only one row of a subquery is looked at: SQLite takes the first it finds."""
        if self.names.dialect == "sqlite" and relation.order:
            inside = node
            while isinstance(inside, exp.Subquery):
                inside = inside.this
            if not _is_single(inside):
                self._by_chance(inside, relation.order)

    def root(self, node: exp.Expr, relation: Relation) -> None:
        """Note that a query's rows leave in whatever order they come."""
        if not _is_single(node):
            self._by_chance(node, relation.order)

    def _used_since(self, start: int) -> frozenset[ColumnRef]:
        """Return the columns along which the engine may have sorted, hashed or walked an index."""
        return self.ordering(self.uses[start:])

    def ordering(self, uses: Iterable[Use]) -> frozenset[ColumnRef]:
        """Return the columns of those uses that may decide the order of rows."""
        # DuckDB finds nulls by looking at every row; the others may walk an index to them.
        kinds = _SORTING if self.names.dialect == "duckdb" else {*_SORTING, UseKind.NULL_TEST}
        return frozenset[ColumnRef]().union(*(use.columns for use in uses if use.kind in kinds))

    @staticmethod
    def _once(scope: Scope, given: Iterable[ColumnRef]) -> frozenset[ColumnRef]:
        """Return the columns that come from one place, in an order that is the table's own.

        Where such a column is equal among rows, it says nothing about their order.
        """
        seen = Counter(
            ref
            for source in scope.sources.values()
            for value in source.relation.values
            for ref in value.taint
        )
        return frozenset(ref for ref, count in seen.items() if count == 1) - frozenset(given)

    def _settle(  # noqa: PLR0913 - all that is known of a SELECT at its end
        self,
        node: exp.Select,
        scope: Scope,
        first: int,
        *,
        order: frozenset[ColumnRef],
        own: frozenset[ColumnRef],
        once: frozenset[ColumnRef],
    ) -> None:
        """Record what depends on the order of rows, now that this order is known."""
        pending, self.pending[first:] = self.pending[first:], []
        if self.names.dialect == "sqlite" and _has_loose(node):
            pending.append(Pending("a column outside of GROUP BY"))
        twins = list(_twins(node, scope)) if pending else []
        for item in pending:
            equal = (item.own if item.is_window else item.own | own) & once
            for pair in twins * len(twins):
                equal |= pair & once if pair & equal else frozenset()
            if left := order - equal:
                self.use(UseKind.ROW_ORDER, (left,), item.what)


def _is_single(node: exp.Expr) -> bool:
    """Whether a query returns one row, whatever the tables hold."""
    return (
        isinstance(node, exp.Select)
        and not node.args.get("group")
        and any(
            is_aggregate(part)
            and not isinstance(part.parent, (exp.Window, exp.Filter, exp.IgnoreNulls))
            for item in node.expressions
            for part in item.walk(prune=lambda inner: isinstance(inner, exp.Subquery))
        )
    )


def _has_loose(node: exp.Select) -> bool:
    """Whether a grouped query returns a column that may differ within its groups."""
    group = node.args.get("group")
    parts = [
        (item.this, any(is_aggregate(part) and not _is_windowed(part) for part in item.walk()))
        for item in node.expressions
    ]
    if group is None and not any(aggregates for _, aggregates in parts):
        return False
    keys = group.expressions if group else []
    numbers = {int(key.this) for key in keys if isinstance(key, exp.Literal) and key.is_int}
    return any(
        not aggregates and position not in numbers and part not in keys and part.find(exp.Column)
        for position, (part, aggregates) in enumerate(parts, start=1)
    )


def _is_windowed(node: exp.Expr) -> bool:
    parent = node.parent
    while isinstance(parent, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        parent = parent.parent
    return isinstance(parent, exp.Window)


def _twins(node: exp.Select, scope: Scope) -> Iterator[frozenset[ColumnRef]]:
    """Return pairs of columns that are equal in every row of a FROM."""
    yield from scope.twins
    # A join with a side leaves many values of one column beside the nulls of the other.
    joins = [join for join in node.args.get("joins") or [] if not join.args.get("side")]
    tests = [join.args.get("on") for join in joins]
    tests += [node.args["where"].this] if node.args.get("where") else []
    for test in tests:
        parts = [] if test is None else [unwrapped(test)]
        while parts:
            part = parts.pop()
            if isinstance(part, exp.And):
                parts += [unwrapped(part.left), unwrapped(part.right)]
            elif isinstance(part, exp.EQ):
                sides = [_only(unwrapped(side), scope) for side in (part.left, part.right)]
                yield frozenset().union(*sides)


def _only(node: exp.Expr, scope: Scope) -> frozenset[ColumnRef]:
    """Return the one column that a name stands for, as far as it is of this scope and bare."""
    if isinstance(node, exp.Column) and (source := scope.sources.get(scope.names.key(node.table))):
        for name, value in zip(source.relation.names, source.relation.values, strict=True):
            if name == node.name and value.bare is not None and len(value.bare) == 1:
                return value.bare
    return frozenset()
