"""Rewrites a query so that it reads masked columns: what a masked copy would give, without it.

A table that stays where it is has no masked column that the query reads, nor one whose order an
index could betray. In place of any other stands a subquery that masks (AT_READ), or a temporary
table that holds its masked rows (LOCAL); views are written out first. This module knows trees,
labels and decisions. It does not know values, keys or databases.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import sqlglot
from sqlglot import exp

from maskline import model
from maskline.model import (
    UNKNOWN,
    Catalogue,
    Column,
    ColumnRef,
    Kind,
    Label,
    Mask,
    MaskedRead,
    OutputColumn,
    Strategy,
)
from maskline.planning import guard
from maskline.planning._proofs import Judge
from maskline.planning._trees import unwrapped
from maskline.planning._values import COMPARED
from maskline.planning.analyze import Analysis, relation_of, view_of
from maskline.planning.bind import column_node, quoted

__all__ = ["Lookup", "Reader", "Rewriter", "UnmaskableError"]

_QUERIES: Final = (exp.Subquery, exp.Select, exp.SetOperation, exp.Exists)
_OUTER: Final = frozenset({"RIGHT", "FULL"})
_MARKER: Final = "maskline_row"
# What Arrow has no type for comes as text, here as in an answer.
_DUCKDB_NATIVE: Final = frozenset(
    {Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.TIMESTAMP, Kind.BINARY}
)


class UnmaskableError(Exception):
    """A table or view cannot be read masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A literal of the query that has to be masked before the query is sent.

    Attributes:
        placeholder: What stands for it in the SQL, as the text of a literal.
        text: The literal. Never show it.
        label: Of the column that it is compared with.
        mask: Of that column.
    """

    placeholder: str
    text: str
    label: Label
    mask: Mask

    def __repr__(self) -> str:
        """Leave the literal out."""
        return f"<Lookup of {self.label.entity}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How raw rows of a table are fetched: a plan of their own.

    Attributes:
        sql: Gives them, in an order that tells nothing.
        is_shuffled: Whether chance orders them.
        outputs: What is done to each column.
    """

    sql: str
    is_shuffled: bool
    outputs: tuple[OutputColumn, ...]


class Rewriter:
    """Rewrites one query.

    Args:
        analysis: The query.
        catalogue: That it was analysed by.
        judge: Knows which columns are masked, and how.
        strategy: AT_READ or LOCAL.
        prefix: Begins the name of everything that is new in the SQL; the query must not hold it.
        reader_of: Plans a SELECT of bare columns; None if it cannot be answered by masking its
            output.

    Attributes:
        reads: What is read masked.
        lookups: Literals that must be masked, too.
    """

    def __init__(  # noqa: PLR0913 - all that a rewriting is a function of
        self,
        analysis: Analysis,
        catalogue: Catalogue,
        judge: Judge,
        *,
        strategy: Strategy,
        prefix: str,
        reader_of: Callable[[str], Reader | None],
    ) -> None:
        self.reads: list[MaskedRead] = []
        self.lookups: list[Lookup] = []
        self._analysis = analysis
        self._catalogue = catalogue
        self._judge = judge
        self._strategy = strategy
        self._prefix = prefix
        self._reader_of = reader_of
        self._known: dict[tuple[str, str], tuple[MaskedRead, Reader]] = {}
        self._times: Counter[tuple[str, str]] = Counter()

    def rewrite(self) -> str:
        """Return the SQL that reads masked columns.

        Raises:
            UnmaskableError: A table or view cannot be read that way.
        """
        assert self._analysis.tree is not None  # noqa: S101 - what has no tree is refused before
        root: exp.Query = self._analysis.tree.copy()
        self._look_up(root)
        # Views first: what they read may be pushed down only if nothing else reads it.
        self._write_views_out(root)
        tables = [node for node in root.find_all(exp.Table) if _is_stored(node)]
        self._times.update(_key(node) for node in tables)
        for node in tables:
            self._replace(node)
        return guard.generate(root, self._catalogue.dialect)

    # Literals.

    def _look_up(self, root: exp.Query) -> None:
        for node in list(root.find_all(exp.Literal)):
            verdict = self._judge.looked_up(node.meta.get(COMPARED))
            if verdict is None or verdict.decision.mask is None:
                continue
            lookup = Lookup(
                placeholder=f"{self._prefix}_literal_{len(self.lookups)}",
                text=str(node.this),
                label=verdict.label,
                mask=verdict.decision.mask,
            )
            self.lookups.append(lookup)
            node.replace(exp.Literal.string(lookup.placeholder))

    # Views.

    def _write_views_out(self, root: exp.Expr) -> None:
        for node in [table for table in root.find_all(exp.Table) if _is_stored(table)]:
            relation = self._relation(node)
            if not relation.definition or self._has_labels(relation):
                continue
            tree = view_of(self._catalogue, relation.schema, relation.name)
            if tree is None:
                raise UnmaskableError
            inner = tree.copy()
            self._write_views_out(inner)
            _put(node, exp.Subquery(this=inner))

    def _has_labels(self, view: model.Relation) -> bool:
        """Whether somebody labelled columns of the view itself, so that it is masked as a whole."""
        verdicts = [self._judge.verdict(ref) for ref in self._mentioned(view)]
        return any(v.is_masked and v.label.entity != UNKNOWN for v in verdicts)

    # Tables.

    def _relation(self, node: exp.Table) -> model.Relation:
        return relation_of(self._catalogue, *_key(node))

    def _mentioned(self, relation: model.Relation) -> list[ColumnRef]:
        refs = (ColumnRef(relation.schema, relation.name, col.name) for col in relation.columns)
        return [ref for ref in refs if ref in self._analysis.reads]

    def _replace(self, node: exp.Table) -> None:
        relation = self._relation(node)
        columns = {column.name: column for column in relation.columns}
        mentioned = self._mentioned(relation)
        betrayed = [
            ref
            for ref in (ColumnRef(relation.schema, relation.name, name) for name in columns)
            if columns[ref.column].is_ordered or ref in mentioned
        ]
        if not any(self._judge.verdict(ref).is_masked for ref in betrayed):
            return
        known = self._known.get(_key(node))
        if known is None:
            known = self._known[_key(node)] = self._read(
                node, relation, [columns[ref.column] for ref in mentioned]
            )
            self.reads.append(known[0])
        read, reader = known
        if self._strategy is Strategy.LOCAL:
            _put(node, exp.Table(this=quoted(read.name)))
        else:
            _put(node, exp.Subquery(this=self._masking(read, reader)))

    def _read(
        self, node: exp.Table, relation: model.Relation, columns: list[Column]
    ) -> tuple[MaskedRead, Reader]:
        """Return how a table is read masked, and how all of its raw rows are fetched."""
        names = [column.name for column in columns]
        base = _selection(relation, names)
        reader = self._reader_of(guard.generate(base, self._catalogue.dialect))
        if reader is None:
            raise UnmaskableError
        filtered = self._filtered(base, node)
        read = MaskedRead(
            name=f"{self._prefix}_{len(self.reads) + 1}",
            schema=relation.schema,
            relation=relation.name,
            sql=(filtered or reader).sql,
            columns=tuple(
                replace(output, name=name)
                for output, name in zip(reader.outputs, names or [_MARKER], strict=True)
            ),
            types=tuple(map(self._type, columns)) or ("INTEGER",),
            kinds=tuple(column.kind for column in columns) or (Kind.INTEGER,),
            pushed=filtered is not None,
        )
        return read, reader

    def _filtered(self, base: exp.Select, node: exp.Table) -> Reader | None:
        """Return how only the rows are fetched that a query wants; None if that is not known.

        Some of its conditions may not commute, and only all of them are tried.
        """
        pushed = list(self._pushed(node))
        if not pushed:
            return None
        filtered = base.copy()
        filtered.args["from_"].this.set("alias", node.args["alias"].copy())
        filtered.set("where", exp.Where(this=exp.and_(*pushed, copy=True)))
        return self._reader_of(guard.generate(filtered, self._catalogue.dialect))

    def _type(self, column: Column) -> str:
        """Return the type in which a column is masked."""
        if self._catalogue.dialect != "duckdb" or column.kind in _DUCKDB_NATIVE - {Kind.NUMBER}:
            return column.type
        is_number = column.kind is Kind.NUMBER and column.type != "BIGNUM"
        is_nested = column.kind is Kind.OTHER and column.type.endswith(("]", ")"))
        return column.type if is_number or is_nested else "VARCHAR"

    def _masking(self, read: MaskedRead, reader: Reader) -> exp.Select:
        """Return a SELECT that gives a table's columns, the masked ones through their function."""
        dialect = self._catalogue.dialect
        source: exp.Expr = exp.Table(
            this=quoted(read.relation),
            db=quoted(read.schema),
            alias=exp.TableAlias(this=quoted(read.name)),
        )
        if reader.is_shuffled:
            rows = sqlglot.parse_one(reader.sql, read=dialect)
            if dialect == "sqlite":
                # Without a LIMIT, SQLite may take ORDER BY out of a subquery.
                rows.set("limit", exp.Limit(expression=exp.Neg(this=exp.Literal.number(1))))
            source = exp.Subquery(this=rows, alias=exp.TableAlias(this=quoted(read.name)))
        items = []
        for position, column in enumerate(read.columns):
            value: exp.Expr = column_node(read.name, column.name)
            if column.name == _MARKER:
                value = exp.Literal.number(1)
            elif column.mask is not None:
                value = _call(read, position, value, dialect)
            items.append(exp.Alias(this=value, alias=quoted(column.name)))
        return exp.Select(expressions=items, from_=exp.From(this=source))

    # Filters.

    def _pushed(self, node: exp.Table) -> Iterator[exp.Expr]:
        """Return the conditions of WHERE that are about one table and its visible columns only."""
        parent = node.parent
        select = parent.parent if isinstance(parent, (exp.From, exp.Join)) else None
        if (
            self._times[_key(node)] > 1
            or not isinstance(select, exp.Select)
            or select.args.get("where") is None
            or node.args.get("joins")
            or (isinstance(parent, exp.Join) and parent.args.get("side"))
        ):
            return
        joins = select.args.get("joins") or []
        if any(str(join.args.get("side") or "").upper() in _OUTER for join in joins):
            return
        alias = node.args["alias"].this.name
        relation = self._relation(node)
        hidden = {
            ref.column for ref in self._mentioned(relation) if self._judge.verdict(ref).is_masked
        }
        parts = [unwrapped(select.args["where"].this)]
        while parts:
            part = parts.pop()
            if isinstance(part, exp.And):
                parts += [unwrapped(part.left), unwrapped(part.right)]
                continue
            columns = list(part.find_all(exp.Column))
            if (
                columns
                and not any(part.find_all(*_QUERIES))
                and all(col.table == alias and col.name not in hidden for col in columns)
            ):
                yield part.copy()


def _is_stored(node: exp.Table) -> bool:
    """Whether a table is one of the catalogue: what WITH defines has no schema."""
    return isinstance(node.this, exp.Identifier) and node.args.get("db") is not None


def _key(node: exp.Table) -> tuple[str, str]:
    return str(node.args["db"].name), str(node.this.name)


def _put(node: exp.Table, instead: exp.Expr) -> None:
    """Put something in the place of a table, under its alias and with what is joined to it."""
    for name in ("alias", "joins"):
        instead.set(name, node.args.get(name))
    node.replace(instead)


def _selection(relation: model.Relation, names: list[str]) -> exp.Select:
    items: list[exp.Expr] = [exp.Column(this=quoted(name)) for name in names]
    if not items:
        items = [exp.Alias(this=exp.Literal.number(1), alias=quoted(_MARKER))]
    table = exp.Table(this=quoted(relation.name), db=quoted(relation.schema))
    return exp.Select(expressions=items, from_=exp.From(this=table))


def _call(read: MaskedRead, position: int, value: exp.Expr, dialect: str) -> exp.Expr:
    """Return the call of the function that masks a column, of a type that the engine keeps."""
    kind = read.kinds[position]
    if dialect == "duckdb" and read.types[position] == "VARCHAR":
        value = exp.cast(value, "VARCHAR", dialect=dialect)
    called: exp.Expr = exp.Anonymous(this=read.mask_name(position), expressions=[value])
    if dialect == "duckdb" and kind is Kind.JSON:
        return exp.cast(called, "JSON", dialect=dialect)
    if dialect == "sqlite" and kind is Kind.TEXT:
        # The cast gives the value the affinity that the column has.
        return exp.cast(called, "TEXT", dialect=dialect)
    return called
