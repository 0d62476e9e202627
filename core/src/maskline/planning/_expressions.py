"""Interprets expressions: what they may be a value of, and what they do with columns.

A use of a bare column is recorded, and proved harmless, or not, by `plan`. Whatever an expression
computes from values that are the same on a masked copy is itself the same there. This module
knows trees and scopes. It does not know labels or policies.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from maskline.model import ColumnRef, Flow
from maskline.planning import _forms, _nodes
from maskline.planning._trees import is_aggregate, may_fail, name_of, named, operands, unwrapped
from maskline.planning._values import (
    COMPARED,
    CONSTANT,
    MEASURED,
    NULL,
    PLAIN,
    Bare,
    Form,
    Refusal,
    Relation,
    Taint,
    TooLargeError,
    Use,
    UseKind,
    Value,
    aggregated,
    counted,
    indirect,
    merged,
    transformed,
)
from maskline.planning.bind import CatalogueIndex, Hit, Scope, quoted

__all__ = ["Expressions", "Pending", "itself"]

_MAX_SIZE: Final = 50_000
_TOKEN: Final = re.compile("[a-z0-9]+_[0-9a-f]{32}")
_QUERIES: Final = (exp.Select, exp.SetOperation, exp.Subquery)


@dataclass(slots=True)
class Pending:
    """A result that may depend on the order in which the engine happens to hold the rows.

    Attributes:
        what: How it is written.
        own: Columns that are equal among the rows that meet there, besides those of GROUP BY.
        is_window: Whether the rows meet in a window and not in a group.
    """

    what: str
    own: frozenset[ColumnRef] = frozenset()
    is_window: bool = False


class Expressions(ABC):
    """The part of the interpreter that evaluates expressions. `Queries` completes it."""

    def __init__(self, index: CatalogueIndex) -> None:
        self.index = index
        self.names = index.names
        self.uses: list[Use] = []
        self.refusals: dict[Refusal, None] = {}
        self.touched: set[ColumnRef] = set()
        self.active: set[ColumnRef] = set()
        self.pending: list[Pending] = []
        self.inner_order: set[ColumnRef] = set()
        self.home = ""
        self.is_view = False
        self.views: set[ColumnRef] = set()
        self.copies: set[ColumnRef] = set()
        self._size = 0

    @abstractmethod
    def query(self, node: exp.Expr, scope: Scope) -> Relation:
        """Interpret a query in a scope that it may refer to."""

    def subquery(self, node: exp.Expr, scope: Scope) -> Relation:
        """Interpret a query that stands in an expression."""
        relation = self.query(node, scope)
        self.inner_order |= relation.order
        return relation

    @abstractmethod
    def first_row(self, node: exp.Expr, relation: Relation) -> None:
        """Note that only one row of a subquery is looked at."""

    def refuse(self, reason: str, hint: str) -> None:
        """Note why the query cannot be answered; go on, to find more reasons."""
        self.refusals[Refusal(reason=reason, hint=hint)] = None

    def grow(self, *nodes: exp.Expr) -> None:
        """Count pieces of the tree; stop the analysis before there are too many to hold.

        Stars and aliases that are written out may double the tree at each step.
        """
        for node in nodes:
            for _ in node.walk():
                self._size += 1
                if self._size > _MAX_SIZE:
                    raise TooLargeError

    def use(self, kind: UseKind, parts: Sequence[Bare], what: str, *, literals: int = 0) -> None:
        """Note a use of columns, if there are any."""
        if any(parts):
            self.uses.append(Use(kind, tuple(parts), what, literals))

    def condition(self, node: exp.Expr, scope: Scope, flow: Flow, what: str) -> Taint:
        """Evaluate what decides whether something happens."""
        value = self.value(node, scope)
        self.use(UseKind.EXPRESSION, (value.bare,), what)
        return indirect(value.taint, flow)

    def value(self, node: exp.Expr, scope: Scope) -> Value:
        """Evaluate an expression."""
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            return handler(self, node, scope)
        if isinstance(node, _QUERIES):
            return self._scalar(node, scope)
        return self._computed(node, scope)

    def key(self, node: exp.Expr, scope: Scope) -> tuple[exp.Expr, Value]:
        """Evaluate an item of a list; return what stands there now, for names are replaced."""
        parent, name, index = node.parent, str(node.arg_key), node.index
        value = self.value(node, scope)
        place = None if parent is None else parent.args.get(name)
        if isinstance(place, list) and index is not None:
            return place[index], value
        return node if place is None else place, value

    # Names.

    def _column(self, node: exp.Expr, scope: Scope) -> Value:
        if isinstance(node.this, exp.Star):
            self.refuse("A whole row is used as a value.", "Name its columns one by one.")
            return CONSTANT
        if node.args.get("table"):
            hit = self._qualified(node, scope)
        else:
            found = self._unqualified(node, scope)
            if isinstance(found, Value):
                return found
            hit = found
        if hit is None:
            return CONSTANT
        node.set("this", quoted(hit.name))
        node.set("table", quoted(hit.source.alias))
        node.set("db", None)
        return self.read(hit)

    def read(self, hit: Hit) -> Value:
        """Note that a column is read, and return it."""
        value = hit.source.relation.values[hit.position]
        self.uses.extend(value.latent)
        for use in value.latent:
            self.active |= use.columns
        self.touched.update(value.taint)
        self.active.update(value.taint)
        if hit.source.view is not None:
            view = hit.source.view
            ref = ColumnRef(view.schema, view.name, view.columns[hit.position].name)
            self.touched.add(ref)
            self.active.add(ref)
        return Value(value.taint, value.bare, form=value.form)

    def _qualified(self, node: exp.Expr, scope: Scope) -> Hit | None:
        table = self.names.read(node.args["table"])
        source = scope.source(table)
        schema = node.args.get("db")
        if (
            source is None
            or node.args.get("catalog")
            or (
                schema is not None
                and self.names.key(self.names.read(schema))
                != self.names.key(source.relation.schema)
            )
        ):
            self.refuse(
                f"{named(node.args['table'], 'A name before a dot', 'The name')} "
                "is no table of this query.",
                "Give the table an alias, and write alias.column.",
            )
            return None
        places = source.places(self.names.read(node.this), self.names)
        hits = [Hit(source, position) for position in places]
        if len(hits) == 1:
            return hits[0]
        self._not_found(node, many=bool(hits), sources=[source.relation])
        return None

    def _unqualified(self, node: exp.Expr, scope: Scope) -> Hit | Value | None:
        name = self.names.read(node.this)
        key = self.names.key(name)
        for level in scope.levels():
            instead = level.merged.get(key)
            if instead is None and level is scope and not level.hits(name):
                instead = level.aliases.get(key)
            if instead is not None:
                self.grow(instead)
                copied = exp.paren(instead.copy(), copy=False)
                node.replace(copied)
                return self.value(copied, scope)
            hits = level.hits(name)
            if len(hits) == 1 and scope.source(hits[0].source.alias) is hits[0].source:
                return hits[0]
            if hits:
                self._not_found(node, many=True, sources=[])
                return None
        if scope.source(name) is not None:
            self.refuse("A whole row is used as a value.", "Name its columns one by one.")
            return None
        visible = [s.relation for level in scope.levels() for s in level.sources.values()]
        self._not_found(node, many=False, sources=visible)
        return None

    def _not_found(self, node: exp.Expr, *, many: bool, sources: list[Relation]) -> None:
        shown = named(node.this, "A name", "The name")
        if many:
            self.refuse(f"{shown} may stand for several columns.", "Write alias.column.")
            return
        known = [name for rel in sources for name in rel.names if name in self.index.column_names]
        hint = f"Known here: {', '.join(known[:40])}." if known else "Name a table in FROM."
        self.refuse(f"{shown} is no column that can be read here.", hint)

    # Values that pass through.

    def _ordered(self, node: exp.Expr, scope: Scope) -> Value:
        """Evaluate ``x ORDER BY y`` inside an aggregate."""
        value = self.value(node.this, scope) if node.this else CONSTANT
        taints = [value.taint]
        for key in node.expressions:
            sorted_by = self.value(key.this, scope)
            self.use(UseKind.SORT, (sorted_by.bare,), "ORDER BY")
            taints.append(indirect(sorted_by.taint, Flow.SORT))
        return Value(merged(taints), value.bare, form=value.form)

    def _scalar(self, node: exp.Expr, scope: Scope) -> Value:
        relation = self.subquery(node, scope)
        if len(relation.values) != 1:
            self.refuse(
                f"A subquery returns {len(relation.values)} columns where one is wanted.",
                "Select one column.",
            )
            return CONSTANT
        self.first_row(node, relation)
        value = relation.values[0]
        taint = merged([value.taint, indirect(relation.rows, Flow.FILTER)])
        return Value(taint, value.bare, form=value.form)

    def _cast(self, node: exp.Expr, scope: Scope) -> Value:
        value = self.value(node.this, scope)
        kind = node.args["to"]
        is_text = kind.this in exp.DataType.TEXT_TYPES and kind.this.name in {"TEXT", "VARCHAR"}
        if is_text and not kind.expressions and value.bare is not None:
            self.use(UseKind.TEXT_CAST, (value.bare,), "CAST")
            return replace(value, form=Form.PLAIN)
        self.use(UseKind.EXPRESSION, (value.bare,), "CAST")
        form = Form.PLAIN if is_text else _forms.cast(kind.this.name, self.names.dialect)
        return Value(transformed(value.taint), form=form)

    # Uses that may be harmless.

    def _equal(self, node: exp.Expr, scope: Scope) -> Value:
        what = f"the operator {_nodes.OPERATORS[type(node)]}"
        return Value(self.compare(node.this, [node.expression], scope, what), form=Form.PLAIN)

    def compare(self, left: exp.Expr, rights: Sequence[exp.Expr], scope: Scope, what: str) -> Taint:
        """Evaluate whether something equals any of several things."""
        sides = [self._sides(side, scope) for side in (left, *rights)]
        if len({len(side) for side in sides}) != 1:
            self.refuse("Rows of different widths are compared.", "Compare column by column.")
        for met in zip(*sides, strict=False):
            parts = [value.bare for value, _ in met]
            literals = [] if self.is_view else [node for _, node in met if _is_text(node)]
            columns = frozenset[ColumnRef]().union(*(part for part in parts if part))
            for literal in literals:
                literal.meta[COMPARED] = columns
            self.use(UseKind.EQUALITY, parts, what, literals=len(literals))
        return transformed(merged([value.taint for side in sides for value, _ in side] or [{}]))

    def _sides(self, node: exp.Expr, scope: Scope) -> list[tuple[Value, exp.Expr]]:
        """Return the values of one side of a comparison, of which a row has several.

        Beside each stands the piece of the query that it is, or that it comes from.
        """
        node = unwrapped(node)
        if isinstance(node, (exp.Any, exp.All)) and isinstance(node.this, _QUERIES):
            node = node.this
        if isinstance(node, exp.Tuple):
            return [(self.value(item, scope), unwrapped(item)) for item in node.expressions]
        if isinstance(node, _QUERIES):
            relation = self.subquery(node, scope)
            if isinstance(node.parent, (exp.In, exp.Any, exp.All)):
                self._stops(node, relation, "a comparison with a subquery")
            else:
                self.first_row(node, relation)
            rows = indirect(relation.rows, Flow.FILTER)
            return [(Value(merged([val.taint, rows]), val.bare), node) for val in relation.values]
        return [(self.value(node, scope), node)]

    def _in(self, node: exp.Expr, scope: Scope) -> Value:
        query = node.args.get("query")
        items = [query] if query is not None else node.expressions
        taint = self.compare(node.this, items, scope, "the operator IN")
        return Value(taint, form=Form.PLAIN)

    def _is(self, node: exp.Expr, scope: Scope) -> Value:
        value = self.value(node.this, scope)
        is_null = isinstance(node.expression, exp.Null)
        kind = UseKind.NULL_TEST if is_null else UseKind.EXPRESSION
        self.use(kind, (value.bare,), "IS NULL" if is_null else "the operator IS")
        other = {} if is_null else self.value(node.expression, scope).taint
        return Value(indirect(merged([value.taint, other]), Flow.CONDITIONAL), form=Form.PLAIN)

    def _exists(self, node: exp.Expr, scope: Scope) -> Value:
        inner = node.this
        if (
            isinstance(inner, exp.Select)
            and not inner.args.get("distinct")
            and [type(item) for item in inner.expressions] == [exp.Star]
        ):
            # Nobody looks at the columns, so none need be named.
            inner.set("expressions", [exp.Literal.number(1)])
        relation = self.subquery(node.this, scope)
        self._stops(node.this, relation, "EXISTS")
        return Value(indirect(relation.rows, Flow.FILTER), form=Form.PLAIN)

    def _stops(self, node: exp.Expr, relation: Relation, what: str) -> None:
        """Note that no more rows may be looked at than are needed, so others cannot fail."""
        # DuckDB looks at all of them.
        if relation.order and self.names.dialect != "duckdb" and may_fail(node):
            self.use(UseKind.ROW_ORDER, (relation.order,), f"{what}, over what may fail,")

    def mix(self, values: Sequence[Value], what: str) -> Value:
        """Return a value that is one of several."""
        parts = [value.bare for value in values]
        if len({part for part in parts if part != frozenset()}) > 1:
            self.use(UseKind.MIX, parts, what)
        known = [part for part in parts if part is not None]
        bare = frozenset[ColumnRef]().union(*known) if len(known) == len(parts) else None
        form = min((value.form for value in values), default=Form.LOOSE)
        return Value(merged([value.taint for value in values] or [{}]), bare, form=form)

    def _coalesce(self, node: exp.Expr, scope: Scope) -> Value:
        values = [self.value(item, scope) for item in (node.this, *node.expressions)]
        for value in values:
            self.use(UseKind.NULL_TEST, (value.bare,), "COALESCE")
        return self.mix(values, "COALESCE")

    def _nullif(self, node: exp.Expr, scope: Scope) -> Value:
        taint = self.compare(node.this, [node.expression], scope, "NULLIF")
        value = self.value(node.this, scope)
        reached = merged([value.taint, indirect(taint, Flow.CONDITIONAL)])
        return Value(reached, value.bare, form=value.form)

    def _if(self, node: exp.Expr, scope: Scope) -> Value:
        test = self.condition(node.this, scope, Flow.CONDITIONAL, "the condition of IF")
        mixed = self._branches([node.args["true"], node.args.get("false")], scope, "IF")
        return Value(merged([mixed.taint, test]), mixed.bare, form=mixed.form)

    def _case(self, node: exp.Expr, scope: Scope) -> Value:
        branches = node.args["ifs"]
        tests: list[Taint] = []
        if node.this is not None:
            compared = self.compare(node.this, [b.this for b in branches], scope, "CASE")
            tests.append(indirect(compared, Flow.CONDITIONAL))
        else:
            tests.extend(
                self.condition(b.this, scope, Flow.CONDITIONAL, "the condition of CASE")
                for b in branches
            )
        results = [branch.args["true"] for branch in branches]
        mixed = self._branches([*results, node.args.get("default")], scope, "CASE")
        return Value(merged([mixed.taint, *tests]), mixed.bare, form=mixed.form)

    def _branches(self, nodes: Sequence[exp.Expr | None], scope: Scope, what: str) -> Value:
        return self.mix([NULL if n is None else self.value(n, scope) for n in nodes], what)

    # Aggregates and windows.

    def _count(self, node: exp.Expr, scope: Scope) -> Value:
        if isinstance(node.this, exp.Star) or node.this is None:
            return PLAIN
        taints = []
        for item in self._counted(node):
            value = self.value(item, scope)
            is_distinct = isinstance(node.this, exp.Distinct)
            if is_distinct:
                self.use(UseKind.DISTINCT, (value.bare,), "COUNT(DISTINCT)")
            else:
                is_measured = self._measures(node, value, scope)
                self.use(UseKind.MEASURE if is_measured else UseKind.COUNT, (value.bare,), "COUNT")
            taints.append(value.taint)
        return Value(counted(merged(taints or [{}])), form=Form.PLAIN)

    @staticmethod
    def _measures(node: exp.Expr, value: Value, scope: Scope) -> bool:
        """Whether an aggregate is of a column of the only table of FROM, each row of which counts.

        A join may repeat the rows of one person until they seem to be many.
        """
        sources = list(scope.sources.values())
        column = unwrapped(node.this)
        outer = node.parent
        if isinstance(outer, exp.Filter):
            outer = outer.parent
        if (
            len(sources) != 1
            or not sources[0].is_table
            or not isinstance(column, exp.Column)
            or column.table != sources[0].alias
            or not value.bare
            or isinstance(outer, exp.Window)
        ):
            return False
        node.meta[MEASURED] = value.bare
        return True

    @staticmethod
    def _counted(node: exp.Expr) -> Iterator[exp.Expr]:
        given = [node.this, *node.expressions]
        items = (
            [e for item in given for e in (item.expressions or [item.this])]
            if isinstance(node.this, exp.Distinct)
            else given
        )
        for item in items:
            inside = unwrapped(item)
            yield from inside.expressions if isinstance(inside, exp.Tuple) else [inside]

    def _pick(self, node: exp.Expr, scope: Scope) -> Value:
        value = self.value(node.this, scope)
        default = node.args.get("default")
        for name in ("offset", "expression"):
            if isinstance(node.args.get(name), exp.Expr):
                self.condition(
                    node.args[name], scope, Flow.WINDOW, name_of(node, self.names.dialect)
                )
        if isinstance(node, (exp.AnyValue, exp.First, exp.Last)) or isinstance(
            node.parent, exp.IgnoreNulls
        ):
            self.use(UseKind.NULL_TEST, (value.bare,), name_of(node, self.names.dialect))
        self._order_bound(node)
        if default is not None:
            value = self.mix([value, self.value(default, scope)], name_of(node, self.names.dialect))
        return Value(aggregated(value.taint), value.bare, form=value.form)

    def _filter(self, node: exp.Expr, scope: Scope) -> Value:
        value = self.value(node.this, scope)
        test = self.condition(node.expression.this, scope, Flow.FILTER, "FILTER (WHERE)")
        return Value(merged([value.taint, test]), value.bare, form=value.form)

    def _within_group(self, node: exp.Expr, scope: Scope) -> Value:
        taints = [self.value(node.this, scope).taint]
        for key in node.expression.expressions:
            value = self.value(key.this, scope)
            self.use(UseKind.SORT, (value.bare,), "WITHIN GROUP (ORDER BY)")
            taints.append(value.taint)
        return Value(aggregated(merged(taints)))

    def _grouping(self, node: exp.Expr, scope: Scope) -> Value:
        taints = [self.value(item, scope).taint for item in operands(node)]
        return Value(indirect(merged(taints or [{}]), Flow.GROUP_BY))

    def _window(self, node: exp.Expr, scope: Scope) -> Value:
        before = len(self.pending)
        value = self.value(node.this, scope)
        decided, own = self.window_clauses(node, scope)
        for pending in self.pending[before:]:
            pending.own, pending.is_window = own, True
        spec = node.args.get("spec")
        if spec and str(spec.args.get("kind")).upper() == "ROWS":
            self.pending.append(Pending("a window of ROWS", own, is_window=True))
        reached = merged([value.taint, indirect(decided, Flow.WINDOW)])
        return Value(reached, value.bare, form=value.form)

    def window_clauses(self, node: exp.Expr, scope: Scope) -> tuple[Taint, frozenset[ColumnRef]]:
        """Evaluate PARTITION BY, ORDER BY and the frame of a window."""
        taints: list[Taint] = [{}]
        own: frozenset[ColumnRef] = frozenset()
        for item in list(node.args.get("partition_by") or []):
            key, value = self.key(item, scope)
            self.use(UseKind.PARTITION, (value.bare,), "PARTITION BY")
            own |= itself(key, value)
            taints.append(value.taint)
        if node.args.get("order"):
            taints.append(self._ordered(node.args["order"], scope).taint)
        frame = node.args["spec"].args.values() if node.args.get("spec") else ()
        taints.extend(
            self.condition(bound, scope, Flow.WINDOW, "the frame of a window")
            for bound in frame
            if isinstance(bound, exp.Expr)
        )
        return merged(taints), own

    def _order_bound(self, node: exp.Expr) -> None:
        first = node.this if isinstance(node.this, exp.Order) else None
        if first is not None and any(key.this == first.this for key in first.expressions):
            return  # Rows that tie have equal values, so their order cannot be seen.
        self.pending.append(Pending(name_of(node, self.names.dialect)))

    # Everything else.

    def _computed(self, node: exp.Expr, scope: Scope) -> Value:
        values = [self.value(item, scope) for item in operands(node)]
        is_measured = (
            isinstance(node, (exp.Sum, exp.Avg))
            and len(values) == 1
            and self._measures(node, values[0], scope)
        )
        self.use(
            UseKind.MEASURE if is_measured else UseKind.EXPRESSION,
            [value.bare for value in values],
            name_of(node, self.names.dialect),
        )
        form = _forms.computed(node, values, self.names.dialect)
        if _forms.follows_order(node, values):
            self._order_bound(node)
        taint = merged([value.taint for value in values] or [{}])
        return Value(aggregated(taint) if is_aggregate(node) else transformed(taint), form=form)

    def _connector(self, node: exp.Expr, scope: Scope) -> Value:
        # AND and OR come in chains too long to go down one by one.
        values = [self.value(item, scope) for item in list(node.flatten(unnest=False))]
        self.use(
            UseKind.EXPRESSION, [value.bare for value in values], name_of(node, self.names.dialect)
        )
        return Value(transformed(merged([value.taint for value in values])), form=Form.PLAIN)


def _is_text(node: exp.Expr) -> bool:
    """Whether a node is a text of the query's own: no number, and no token that it was given."""
    return isinstance(node, exp.Literal) and node.is_string and not _TOKEN.match(str(node.this))


def itself(node: exp.Expr, value: Value) -> frozenset[ColumnRef]:
    """Return the column that a key is; nothing if it is made from columns in any way."""
    is_column = isinstance(unwrapped(node), exp.Column) and len(value.bare or ()) == 1
    return value.bare or frozenset() if is_column else frozenset()


def _star(self: Expressions, _: exp.Expr, __: Scope) -> Value:
    self.refuse("A star stands inside an expression.", "Name the columns one by one.")
    return CONSTANT


def _unnest(self: Expressions, _: exp.Expr, __: Scope) -> Value:
    # In a select list DuckDB makes several columns of one, and others move to the right.
    self.refuse("unnest() stands in an expression.", "Put it into FROM.")
    return CONSTANT


def _null(_: Expressions, __: exp.Expr, ___: Scope) -> Value:
    return NULL


def _alias(self: Expressions, node: exp.Expr, scope: Scope) -> Value:
    return self.value(node.this, scope)


# The class's own private methods, by the node that they interpret.
# ruff: noqa: SLF001
_HANDLERS: Final[dict[type[exp.Expr], Callable[[Expressions, exp.Expr, Scope], Value]]] = {
    **dict.fromkeys(_forms.PICKS, Expressions._pick),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ), Expressions._equal),
    **dict.fromkeys((exp.And, exp.Or), Expressions._connector),
    **dict.fromkeys((exp.Cast, exp.TryCast), Expressions._cast),
    exp.Boolean: lambda *_: PLAIN,
    exp.Literal: lambda run, node, _: _forms.literal(node, run.names.dialect),
    **dict.fromkeys((exp.Alias, exp.IgnoreNulls, exp.Paren, exp.RespectNulls), _alias),
    **dict.fromkeys((exp.Grouping, exp.GroupingId), Expressions._grouping),
    exp.Case: Expressions._case,
    exp.Coalesce: Expressions._coalesce,
    exp.Column: Expressions._column,
    exp.Count: Expressions._count,
    exp.Exists: Expressions._exists,
    exp.Filter: Expressions._filter,
    exp.If: Expressions._if,
    exp.In: Expressions._in,
    exp.Is: Expressions._is,
    exp.Null: _null,
    exp.Nullif: Expressions._nullif,
    exp.Order: Expressions._ordered,
    exp.Star: _star,
    exp.Unnest: _unnest,
    exp.Window: Expressions._window,
    exp.WithinGroup: Expressions._within_group,
}
