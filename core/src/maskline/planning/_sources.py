"""Interprets FROM: tables, views, subqueries, functions, joins, and the stars over them.

This module knows trees, scopes and the catalogue. It does not know labels or policies.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sqlglot import exp

from maskline import model
from maskline.model import Flow
from maskline.planning._expressions import Expressions
from maskline.planning._values import (
    INTERPRETED,
    Relation,
    Taint,
    TooLargeError,
    UseKind,
    Value,
    indirect,
    merged,
)
from maskline.planning.bind import CatalogueIndex, Hit, Scope, Source, quoted
from maskline.planning.guard import function_name

__all__ = ["Sources"]

_SIDES: Final = frozenset({"", "LEFT", "RIGHT", "FULL"})
_KINDS: Final = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})
_MAX_COLUMNS: Final = 5_000
_METHODS: Final = frozenset({"", "NATURAL"})


class Sources(Expressions):
    """The part of the interpreter that reads FROM.

    Args:
        index: The catalogue.
        view: Returns what is known of a view, and records what it reads.
    """

    def __init__(
        self, index: CatalogueIndex, view: Callable[[Expressions, model.Relation], Relation]
    ) -> None:
        super().__init__(index)
        self._view = view

    def from_(self, node: exp.Select, scope: Scope) -> list[Taint]:
        """Fill a scope with what is in FROM; return what decides its rows."""
        rows: list[Taint] = []
        clause = node.args.get("from_")
        if clause is not None:
            self._item(clause.this, scope, rows)
        for join in node.args.get("joins") or []:
            self._join(join, scope, rows)
        return rows

    def _item(self, node: exp.Expr, scope: Scope, rows: list[Taint]) -> None:
        inner = node
        while isinstance(inner, exp.Subquery) and not inner.args.get("alias"):
            inner = inner.this
        if isinstance(inner, (exp.Table, exp.Subquery)) and inner is not node:
            self._joined(node, scope, rows)
            return
        source = self._source(node, scope)
        key = self.names.key(source.alias)
        if key in scope.sources:
            self.refuse("Two tables of one FROM have the same name.", "Give each an alias.")
        scope.sources[key] = source
        rows.append(source.relation.rows)
        for join in node.args.get("joins") or []:
            self._join(join, scope, rows)

    def _joined(self, node: exp.Expr, scope: Scope, rows: list[Taint]) -> None:
        """Interpret a join that stands in parentheses."""
        if isinstance(node, exp.Subquery) and not node.args.get("alias"):
            self._joined(node.this, scope, rows)
            for join in node.args.get("joins") or []:
                self._join(join, scope, rows)
        else:
            self._item(node, scope, rows)

    # One thing in FROM.

    def _source(self, node: exp.Expr, scope: Scope) -> Source:
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return self._table(node, scope)
        alias = self._alias(node, scope)
        if isinstance(node, exp.Subquery):
            relation = self._derived(node.this, scope, is_lateral=False)
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            relation = self._derived(node.this, scope, is_lateral=True)
        elif isinstance(node, exp.Values):
            relation = self.values(node, scope)
        else:
            relation = self._function(node, scope, alias)
        return Source(alias, self.renamed(relation, node.args["alias"]))

    def _alias(self, node: exp.Expr, scope: Scope) -> str:
        given = node.args.get("alias")
        if not isinstance(given, exp.TableAlias):
            given = exp.TableAlias()
            node.set("alias", given)
        if given.this is None:
            given.set("this", quoted(f"_from_{len(scope.sources) + 1}"))
        name = self.names.read(given.this)
        given.set("this", quoted(name))
        return name

    def _table(self, node: exp.Table, scope: Scope) -> Source:
        node.meta[INTERPRETED] = True
        name = self.names.read(node.this)
        schema = self.names.read(node.args["db"]) if node.args.get("db") else ""
        if not node.args.get("alias"):
            node.set("alias", exp.TableAlias(this=quoted(name)))
        alias = self._alias(node, scope)
        cte = None if schema else scope.ctes.get(self.names.key(name))
        if cte is not None and not node.args.get("catalog"):
            node.set("this", quoted(name))
            return Source(alias, self.renamed(cte, node.args["alias"]))
        found = None if node.args.get("catalog") else self._found(name, schema)
        if found is None:
            self._unknown_table()
            return Source(alias, Relation(names=(), values=()))
        node.set("this", quoted(found.name))
        node.set("db", quoted(found.schema))
        relation = self._view(self, found) if found.definition else self.index.table(found)
        return Source(
            alias,
            self.renamed(relation, node.args["alias"]),
            view=found if found.definition else None,
        )

    def _found(self, name: str, schema: str) -> model.Relation | None:
        """Look a table up; in the definition of a view, in the view's own schema as well."""
        found = self.index.find(name, schema)
        at_home = None if schema or not self.home else self.index.find(name, self.home)
        if found and at_home and found is not at_home:
            self.refuse("A table may be one of two schemas.", "Write schema.table.")
        return found or at_home

    def _unknown_table(self) -> None:
        known = sorted(
            f"{relation.schema}.{relation.name}" for relation in self.index.catalogue.relations
        )
        self.refuse(
            "A table of the query is not in the catalogue of this source.",
            f"There are: {', '.join(known[:40])}." if known else "The source has no tables.",
        )

    def _derived(self, node: exp.Expr, scope: Scope, *, is_lateral: bool) -> Relation:
        # DuckDB lets any subquery in FROM see what stands to its left; others want LATERAL.
        sees = is_lateral or self.names.dialect == "duckdb"
        return self.query(
            node, scope if sees else Scope(self.names, parent=scope.parent, ctes=scope.ctes)
        )

    def values(self, node: exp.Values, scope: Scope) -> Relation:
        """Interpret VALUES, column by column."""
        table = [
            item.expressions if isinstance(item, exp.Tuple) else [item] for item in node.expressions
        ]
        if len({len(row) for row in table}) != 1:
            self.refuse("The rows of VALUES have different widths.", "Give all as many values.")
        columns = [
            self.mix([self.value(cell, scope) for cell in cells], "VALUES")
            for cells in zip(*table, strict=False)
        ]
        first = 0 if self.names.dialect == "duckdb" else 1
        prefix = "col" if self.names.dialect == "duckdb" else "column"
        names = tuple(f"{prefix}{first + position}" for position in range(len(columns)))
        return Relation(names=names, values=tuple(columns))

    def _function(self, node: exp.Expr, scope: Scope, alias: str) -> Relation:
        """Interpret a series of numbers or dates, or the elements of an array."""
        call = node.this if isinstance(node, (exp.Table, exp.Lateral)) else node
        if not isinstance(call, (exp.GenerateSeries, exp.Unnest)):
            self.refuse("A function stands in FROM.", "Only generate_series, range and unnest may.")
            return Relation(names=(), values=())
        given = node.args["alias"]
        if not given.args.get("columns"):
            given.set("columns", [quoted(self._function_column(call, alias))])
        taints = []
        arguments = [call.args.get(name) for name in ("start", "end", "step")]
        for item in (*arguments, *call.expressions):
            if isinstance(item, exp.Expr):
                value = self.value(item, scope)
                self.use(
                    UseKind.EXPRESSION,
                    (value.bare,),
                    f"{function_name(call, self.names.dialect)}()",
                )
                taints.append(value.taint)
        taint = merged(taints or [{}])
        return Relation(names=("value",), values=(Value(taint),), rows=indirect(taint, Flow.FILTER))

    def _function_column(self, call: exp.Expr, alias: str) -> str:
        if self.names.dialect == "postgres":
            return alias
        if isinstance(call, exp.Unnest):
            return "unnest"
        return "range" if call.args.get("is_end_exclusive") else "generate_series"

    def renamed(self, relation: Relation, alias: exp.Expr) -> Relation:
        """Return a relation under the column names that an alias gives."""
        given = [self.names.read(column) for column in alias.args.get("columns") or []]
        if not given:
            return relation
        alias.set("columns", [quoted(name) for name in given])
        if len(given) > len(relation.names):
            self.refuse("An alias names more columns than there are.", "Name fewer.")
        names = (*given, *relation.names[len(given) :])[: len(relation.names)]
        return replace(relation, names=names)

    # Joins.

    def _join(self, node: exp.Join, scope: Scope, rows: list[Taint]) -> None:
        node.meta[INTERPRETED] = True
        side = str(node.args.get("side") or "").upper()
        kind = str(node.args.get("kind") or "").upper()
        method = str(node.args.get("method") or "").upper()
        if side not in _SIDES or kind not in _KINDS or method not in _METHODS:
            self.refuse("This kind of join is not understood.", "Use INNER, LEFT, RIGHT or FULL.")
        before = list(scope.sources)
        self._item(node.this, scope, rows)
        new = [source for key, source in scope.sources.items() if key not in before]
        if method == "NATURAL":
            self._natural(node, before, new, scope)
        for column in list(node.args.get("using") or []):
            name = self.names.read(column)
            rows.append(self._merge(name, side, before, new, scope))
            column.replace(quoted(name))
        if node.args.get("on"):
            rows.append(self.condition(node.args["on"], scope, Flow.JOIN, "ON"))
        if kind in {"SEMI", "ANTI"}:
            for source in new:
                del scope.sources[self.names.key(source.alias)]

    def _natural(self, node: exp.Join, before: list[str], new: list[Source], scope: Scope) -> None:
        """Write the columns of a natural join out, so that the engine cannot join by others."""
        left = {
            self.names.key(name) for key in before for name in scope.sources[key].relation.names
        }
        shared = [
            name for source in new for name in source.relation.names if self.names.key(name) in left
        ]
        if not shared:
            self.refuse("NATURAL JOIN finds no column that both sides have.", "Use JOIN ... ON.")
        node.set("method", None)
        node.set("using", [quoted(name) for name in dict.fromkeys(shared)])

    def _merge(
        self, name: str, side: str, before: list[str], new: list[Source], scope: Scope
    ) -> Taint:
        """Interpret one column of USING."""
        key = self.names.key(name)
        left_hits = scope.hits(name, [scope.sources[alias] for alias in before])
        right_hits = scope.hits(name, new)
        merged_before = scope.merged.get(key)
        if len(right_hits) != 1 or (merged_before is None and len(left_hits) != 1):
            self.refuse(
                "A column of USING is not in exactly one table on each side.",
                "Use JOIN ... ON with alias.column.",
            )
            return {}
        left: exp.Expr = left_hits[0].node if merged_before is None else merged_before.copy()
        self.grow(left)
        right = right_hits[0]
        left_value = self.value(exp.paren(left.copy(), copy=False), scope)
        right_value = self.read(right)
        self.use(UseKind.EQUALITY, (left_value.bare, right_value.bare), "JOIN USING")
        if side == "FULL":
            scope.merged[key] = exp.Coalesce(this=left, expressions=[right.node])
        else:
            scope.merged[key] = right.node if side == "RIGHT" else left
        pair = (left_value.bare or frozenset(), right_value.bare or frozenset())
        if not side and [len(part) for part in pair] == [1, 1]:
            scope.twins.append(pair[0] | pair[1])
        right.source.hidden.add(key)
        return indirect(merged([left_value.taint, right_value.taint]), Flow.JOIN)

    # Stars.

    def stars(self, node: exp.Select, scope: Scope) -> None:
        """Write out every star of a select list, by the catalogue."""
        expanded: list[exp.Expr] = []
        for item in node.expressions:
            inner = item.this if isinstance(item, exp.Column) else item
            if not isinstance(inner, exp.Star):
                expanded.append(item)
                continue
            sources = list(scope.sources.values())
            is_all = not isinstance(item, exp.Column)
            if not is_all:
                found = scope.sources.get(self.names.key(self.names.read(item.args["table"])))
                sources = [] if found is None or item.args.get("db") else [found]
            if not sources:
                self.refuse("A star stands for no table of this FROM.", "Name the columns.")
            expanded.extend(self._star(inner, sources, scope, is_all=is_all))
            if len(expanded) > _MAX_COLUMNS:
                raise TooLargeError
        node.set("expressions", expanded)

    def _star(
        self, star: exp.Star, sources: list[Source], scope: Scope, *, is_all: bool
    ) -> list[exp.Expr]:
        left_out = {self.names.key(item.name) for item in star.args.get("except_") or []}
        instead = {self.names.key(item.alias): item for item in star.args.get("replace") or []}
        columns: list[exp.Expr] = []
        for source in sources:
            keys = [self.names.key(name) for name in source.relation.names]
            if len(set(keys)) != len(keys):
                self.refuse("Two columns under a star have the same name.", "Give them aliases.")
            for position, key in enumerate(keys):
                if key in left_out or (is_all and key in source.hidden):
                    continue
                column = self._starred(Hit(source, position), key, instead, scope, is_all=is_all)
                self.grow(column)
                columns.append(column)
        if is_all and self.names.dialect == "postgres" and scope.merged:
            # PostgreSQL puts the columns that USING merged before all others.
            columns.sort(key=lambda item: self.names.key(item.alias_or_name) not in scope.merged)
        return columns

    def _starred(
        self,
        hit: Hit,
        key: str,
        instead: dict[str, exp.Expr],
        scope: Scope,
        *,
        is_all: bool,
    ) -> exp.Expr:
        if key in instead:
            given = instead[key].copy()
            given.set("alias", quoted(hit.name))
            return given
        node: exp.Expr = hit.node
        if is_all and key in scope.merged:
            node = scope.merged[key].copy()
        return exp.Alias(this=node, alias=quoted(hit.name))
