"""Finds what the names in a query stand for: relations of the catalogue, and columns in scope.

Every name that is found is spelt in full and in quotes in the tree, so that the database cannot
find something else. This module knows catalogues and sqlglot's trees. It does not know labels.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from maskline import model
from maskline.model import Catalogue, ColumnRef, Flow, Kind
from maskline.planning._values import Form, Relation, Value

__all__ = ["CatalogueIndex", "Hit", "Names", "Scope", "Source", "column_node", "quoted"]

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def quoted(name: str) -> exp.Identifier:
    """Return a name that no dialect folds."""
    return exp.Identifier(this=name, quoted=True)


def column_node(alias: str, name: str) -> exp.Column:
    """Return a column of a table alias, spelt in full."""
    return exp.Column(this=quoted(name), table=quoted(alias))


@dataclass(frozen=True, slots=True)
class Names:
    """How a dialect folds and compares names."""

    dialect: str

    def read(self, identifier: exp.Expr) -> str:
        """Return the name that an identifier of a query stands for."""
        name = str(identifier.name)
        if self.dialect == "postgres" and not identifier.args.get("quoted"):
            return name.translate(_LOWER)
        return name

    def key(self, name: str) -> str:
        """Return what two names have in common if the engine takes them for the same."""
        # Engines fold ASCII only; str.lower would take more names for the same than they do.
        return name if self.dialect == "postgres" else name.translate(_LOWER)


class CatalogueIndex:
    """A catalogue, ready to look up names in.

    Attributes:
        names: How the dialect treats names.
        columns: Every column of every relation.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.names = Names(catalogue.dialect)
        self.columns: dict[ColumnRef, model.Column] = {}
        self._relations: dict[tuple[str, str], model.Relation] = {}
        for relation in catalogue.relations:
            key = (self.names.key(relation.schema), self.names.key(relation.name))
            self._relations[key] = relation
            for column in relation.columns:
                self.columns[ColumnRef(relation.schema, relation.name, column.name)] = column
        self.column_names = frozenset(ref.column for ref in self.columns)

    def find(self, name: str, schema: str) -> model.Relation | None:
        """Return a table or view; an empty schema means the default one."""
        schema = schema or self.catalogue.default_schema
        return self._relations.get((self.names.key(schema), self.names.key(name)))

    @staticmethod
    def table(relation: model.Relation) -> Relation:
        """Return what is known of a table: each column is itself."""
        refs = [ColumnRef(relation.schema, relation.name, col.name) for col in relation.columns]
        return Relation(
            names=tuple(ref.column for ref in refs),
            values=tuple(
                Value({ref: frozenset({Flow.IDENTITY})}, frozenset({ref}), form=_form(col))
                for ref, col in zip(refs, relation.columns, strict=True)
            ),
            order=frozenset(
                ref for ref, col in zip(refs, relation.columns, strict=True) if col.is_ordered
            ),
            schema=relation.schema,
        )


def _form(column: model.Column) -> Form:
    if not column.exact_equality:
        return Form.LOOSE
    if column.kind is Kind.NUMBER:
        return Form.EXACT
    return Form.LOOSE if column.kind in {Kind.JSON, Kind.OTHER} else Form.PLAIN


@dataclass(slots=True)
class Source:
    """Something in FROM, under its alias.

    Attributes:
        hidden: Keys of columns that a star leaves out, because USING merged them with others.
    """

    alias: str
    relation: Relation
    view: model.Relation | None = None
    hidden: set[str] = field(default_factory=set)
    _places: dict[str, list[int]] = field(default_factory=dict)

    @property
    def is_table(self) -> bool:
        """Whether it is a table of the catalogue: no view, and no query."""
        return bool(self.relation.schema) and self.view is None

    def places(self, name: str, names: Names) -> list[int]:
        """Return where the relation has columns of a name."""
        if not self._places:
            for position, column in enumerate(self.relation.names):
                self._places.setdefault(names.key(column), []).append(position)
        return self._places.get(names.key(name), [])


@dataclass(frozen=True, slots=True)
class Hit:
    """A column that a name was found to stand for."""

    source: Source
    position: int

    @property
    def name(self) -> str:
        """The column's name."""
        return self.source.relation.names[self.position]

    @property
    def node(self) -> exp.Column:
        """The column, spelt in full."""
        return column_node(self.source.alias, self.name)


class Scope:
    """What names may stand for at one place of a query.

    Attributes:
        parent: The scope around it, for correlated subqueries.
        ctes: Relations of WITH, by key.
        sources: What is in FROM so far, by key of the alias.
        merged: What a name merged by USING stands for, by key.
        twins: Columns that USING made equal in every row.
        aliases: Expressions of the select list that other clauses may use by name, by key.
    """

    def __init__(
        self, names: Names, *, parent: "Scope | None" = None, ctes: dict[str, Relation]
    ) -> None:
        self.names = names
        self.parent = parent
        self.ctes = ctes
        self.sources: dict[str, Source] = {}
        self.merged: dict[str, exp.Expr] = {}
        self.twins: list[frozenset[ColumnRef]] = []
        self.aliases: dict[str, exp.Expr] = {}

    def levels(self) -> Iterator["Scope"]:
        """Return this scope and those around it, inside out."""
        level: Scope | None = self
        while level is not None:
            yield level
            level = level.parent

    def source(self, alias: str) -> Source | None:
        """Return the nearest thing in FROM that has an alias."""
        key = self.names.key(alias)
        for level in self.levels():
            if key in level.sources:
                return level.sources[key]
        return None

    def hits(self, name: str, among: list[Source] | None = None) -> list[Hit]:
        """Return the columns of one level that have a name, and are not merged away."""
        key = self.names.key(name)
        return [
            Hit(source, position)
            for source in (self.sources.values() if among is None else among)
            if key not in source.hidden
            for position in source.places(name, self.names)
        ]
