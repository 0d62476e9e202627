"""Analyses a query without regard to labels: what it reads, and what it does with it.

The result depends on the catalogue and the text only, so it is kept for the next time. It holds
the SQL to send, written from the tree that was analysed. This module does not know labels or
policies.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from sqlglot import exp

from maskline import model
from maskline._kept import Kept
from maskline.model import Catalogue, ColumnRef
from maskline.planning import guard
from maskline.planning._expressions import Expressions
from maskline.planning._queries import Queries
from maskline.planning._values import Refusal, Relation, Taint, TooLargeError, Use, Value
from maskline.planning.bind import CatalogueIndex, Scope, quoted

__all__ = ["Analysis", "Output", "analyze", "columns_of", "relation_of", "view_of"]

_OPERATORS: Final = (exp.Binary, exp.Unary, exp.Between, exp.In, exp.AtTimeZone)
_LOOSE: Final = (exp.Paren, exp.Escape, exp.PropertyEQ)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]{0,62}")
_KEPT_ANALYSES: Final = 256
_KEPT_CATALOGUES: Final = 8


@dataclass(frozen=True, slots=True)
class Output:
    """One column of an answer."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What a query reads and does, whatever the labels are.

    Attributes:
        sql: The query, written from the tree that was analysed.
        tree: The same. Do not change it.
        chance: Columns that the engine's own choice of rows, or their order, may betray. If one of
            them is masked, what `shuffled` returns must be sent.
        reads: Every column that is mentioned, in views too.
        active: The columns that this query uses, or a view uses for it.
        views: Columns of views.
        copies: Those of them that hold columns of tables, unchanged.
    """

    sql: str = ""
    tree: exp.Query | None = field(default=None, compare=False, repr=False)
    chance: frozenset[ColumnRef] = frozenset()
    outputs: tuple[Output, ...] = ()
    reads: frozenset[ColumnRef] = frozenset()
    active: frozenset[ColumnRef] = frozenset()
    rows: Taint = field(default_factory=dict)
    uses: tuple[Use, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    views: frozenset[ColumnRef] = frozenset()
    copies: frozenset[ColumnRef] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What is known of a view, apart from the query that reads it."""

    relation: Relation
    uses: tuple[Use, ...] = ()
    touched: frozenset[ColumnRef] = frozenset()
    copies: frozenset[ColumnRef] = frozenset()
    refusals: tuple[Refusal, ...] = ()
    tree: exp.Query | None = None


class _ViewQueries(Queries):
    """Interprets the definition of a view: its columns count only where somebody reads them."""

    def __init__(self, store: "_Store", root: exp.Query, schema: str) -> None:
        super().__init__(store.index, store.view, is_view=True)
        self.home = schema
        self._root = root

    def projection(self, item: exp.Expr, scope: Scope, node: exp.Select) -> Value:
        start = len(self.uses)
        value = super().projection(item, scope, node)
        if node is self._root and not node.args.get("distinct"):
            value = replace(value, latent=tuple(self.uses[start:]))
            del self.uses[start:]
        return value


class _Store:
    """All that is kept for one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.index = CatalogueIndex(catalogue)
        self.analyses: Kept[str, Analysis] = Kept(_KEPT_ANALYSES)
        self._views: dict[ColumnRef, _View] = {}
        self._open: set[ColumnRef] = set()

    def view(self, run: Expressions, relation: model.Relation) -> Relation:
        """Return what is known of a view, and record what it reads."""
        key = ColumnRef(relation.schema, relation.name, "")
        known = self._views.get(key)
        if known is None:
            known = self._views[key] = self._expanded(key, relation)
        run.uses.extend(known.uses)
        run.touched |= known.touched
        run.active |= known.relation.rows.keys()
        for use in known.uses:
            run.active |= use.columns
        run.copies |= known.copies
        run.views.update(ColumnRef(*key[:2], column.name) for column in relation.columns)
        run.refusals.update(dict.fromkeys(known.refusals))
        return known.relation

    def view_tree(self, key: ColumnRef) -> exp.Query | None:
        """Return the definition of a view that was analysed before."""
        known = self._views.get(key)
        return None if known is None else known.tree

    def _expanded(self, key: ColumnRef, relation: model.Relation) -> _View:
        refs = [ColumnRef(*key[:2], column.name) for column in relation.columns]
        names = tuple(ref.column for ref in refs)
        empty = Relation(names=names, values=tuple(Value() for _ in names), schema=key.schema)
        if key in self._open:
            return _View(relation=empty, refusals=(_in_view(key, "It refers to itself."),))
        self._open.add(key)
        try:
            tree, refusals = guard.parse(relation.definition, self.index.catalogue.dialect)
            if tree is None:
                return _View(
                    relation=empty, refusals=tuple(_in_view(key, r.reason) for r in refusals)
                )
            run = _ViewQueries(self, tree, key.schema)
            found = run.query(tree, Scope(self.index.names, ctes={}))
            run.missed(tree)
        finally:
            self._open.discard(key)
        reasons = [refusal.reason for refusal in (*refusals, *run.refusals)]
        run_names = found.names
        if len(found.values) != len(refs):
            reasons.append("Its columns are not those of the catalogue.")
            found = empty
        values = tuple(
            replace(value, bare=(value.bare or frozenset()) | {ref})
            for value, ref in zip(found.values, refs, strict=True)
        )
        latent = [use for value in values for use in value.latent]
        return _View(
            relation=replace(
                found,
                names=names,
                values=values,
                order=found.order | run.ordering(latent),
                schema=key.schema,
            ),
            uses=tuple(run.uses),
            touched=frozenset(run.touched),
            copies=frozenset(run.copies)
            | {ref for value, ref in zip(found.values, refs, strict=True) if value.bare},
            refusals=tuple(_in_view(key, reason) for reason in reasons),
            tree=None if reasons or run_names != names else self._written(tree),
        )

    def _written(self, tree: exp.Query) -> exp.Query | None:
        """Return the definition of a view if it can be written into a query; None if it cannot."""
        dialect = self.index.catalogue.dialect
        _parenthesize(tree)
        again, refusals = guard.parse(guard.generate(tree, dialect), dialect)
        return again if again == tree and not refusals else None


def _in_view(key: ColumnRef, reason: str) -> Refusal:
    return Refusal(
        reason=f"The view {key.schema}.{key.relation} cannot be answered from. {reason}",
        hint="Query the tables behind it.",
    )


_stores: Final[Kept[int, tuple[Catalogue, _Store]]] = Kept(_KEPT_CATALOGUES)
_lock: Final = Lock()


def analyze(sql: str, catalogue: Catalogue) -> Analysis:
    """Analyse a query.

    Args:
        sql: Any text.
        catalogue: In a dialect that the guard knows.

    Returns:
        What it reads and does. It is complete as far as it goes even where it has refusals.
    """
    with _lock:
        store = _store(catalogue)
        return store.analyses.get(sql, lambda: _limited(sql, store))


def columns_of(catalogue: Catalogue) -> Mapping[ColumnRef, model.Column]:
    """Return every column of a catalogue."""
    with _lock:
        return _store(catalogue).index.columns


def relation_of(catalogue: Catalogue, schema: str, name: str) -> model.Relation:
    """Return a table or view that a query was found to read, by its own names."""
    with _lock:
        found = _store(catalogue).index.find(name, schema)
    assert found is not None  # noqa: S101 - the analysis found it before
    return found


def view_of(catalogue: Catalogue, schema: str, name: str) -> exp.Query | None:
    """Return what a view that was analysed means, every name spelt in full; None if it is unsure.

    Do not change the tree.
    """
    with _lock:
        return _store(catalogue).view_tree(ColumnRef(schema, name, ""))


def _store(catalogue: Catalogue) -> _Store:
    # The catalogue is kept too, so that no other object can get its identity.
    return _stores.get(id(catalogue), lambda: (catalogue, _Store(catalogue)))[1]


def _limited(sql: str, store: _Store) -> Analysis:
    try:
        return _analyzed(sql, store)
    except TooLargeError:
        return Analysis(
            refusals=(
                Refusal(
                    reason="The query is too large to analyse.",
                    hint="Name fewer columns, and repeat less.",
                ),
            )
        )


def _analyzed(sql: str, store: _Store) -> Analysis:
    dialect = store.index.catalogue.dialect
    tree, refusals = guard.parse(sql, dialect)
    if tree is None:
        return Analysis(refusals=refusals)
    if refusals:
        return _doubtful(tree, store, refusals)
    first = _interpreted(tree, store)
    if first.refusals:
        return replace(first, sql="")
    # What is sent is read once more, as the database will read it, and must mean the same.
    again, refusals = guard.parse(first.sql, dialect)
    second = None if again is None or refusals else _interpreted(again, store)
    if second is None or not _agree(first, second):
        unstable = Refusal(
            reason="The query cannot be written down in a form that is sure to mean the same.",
            hint="Write it more simply, and give every table an alias of its own.",
        )
        return replace(first, sql="", refusals=(unstable,))
    return first


def _doubtful(tree: exp.Query, store: _Store, refusals: tuple[Refusal, ...]) -> Analysis:
    """Return what can be told of a query that holds more than we understand."""
    try:
        found = _interpreted(tree, store)
    except Exception:  # noqa: BLE001 - nobody promised that such a tree can be interpreted
        return Analysis(refusals=refusals)
    return replace(found, sql="", refusals=tuple(dict.fromkeys((*refusals, *found.refusals))))


def _agree(first: Analysis, second: Analysis) -> bool:
    return (
        not second.refusals
        and first.sql == second.sql
        and first.chance == second.chance
        and first.outputs == second.outputs
        and first.reads == second.reads
        and set(first.uses) == set(second.uses)
    )


def _interpreted(tree: exp.Query, store: _Store) -> Analysis:
    run = Queries(store.index, store.view)
    run.grow(tree)
    relation = run.query(tree, Scope(store.index.names, ctes={}))
    run.root(tree, relation)
    run.missed(tree)
    names, notes = _named(tree, relation, store.index)
    _parenthesize(tree)
    dialect = store.index.catalogue.dialect
    return Analysis(
        sql=guard.generate(tree, dialect),
        tree=tree,
        chance=run.chance,
        outputs=tuple(map(Output, names, relation.values)),
        reads=frozenset(run.touched),
        active=frozenset(run.active),
        rows=relation.rows,
        uses=tuple(dict.fromkeys(run.uses)),
        refusals=tuple(run.refusals),
        notes=notes,
        views=frozenset(run.views),
        copies=frozenset(run.copies),
    )


def _named(
    tree: exp.Query, relation: Relation, index: CatalogueIndex
) -> tuple[list[str], tuple[str, ...]]:
    """Replace output names that may be values in disguise."""
    inner: exp.Expr = tree
    while not isinstance(inner, exp.Select):
        inner = inner.this
    names: list[str] = []
    notes: list[str] = []
    for position, name in enumerate(relation.names, start=1):
        if _NAME.fullmatch(name) or name in index.column_names:
            names.append(name)
            continue
        names.append(f"column_{position}")
        notes.append(f"Output column {position} was renamed: its name is no plain identifier.")
    for item, name in zip(inner.expressions, names, strict=False):
        item.set("alias", quoted(name))
    return names, tuple(notes)


def _parenthesize(tree: exp.Query) -> None:
    """Put operators inside operators in parentheses: engines differ in what binds tighter."""
    for node in list(tree.walk()):
        parent = node.parent
        if (
            not isinstance(node, _OPERATORS)
            or not isinstance(parent, _OPERATORS)
            or isinstance(node, _LOOSE)
            or isinstance(parent, _LOOSE)
            or (isinstance(node, exp.Connector) and type(node) is type(parent))
        ):
            continue
        around = exp.Paren()
        node.replace(around)
        around.set("this", node)
