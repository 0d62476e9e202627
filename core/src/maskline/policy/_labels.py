"""The part of a policy that says what columns are.

This module knows how tables, columns and JSON paths are written. It does not know databases.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from maskline.entities import Category
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, ColumnRef, Label
from maskline.policy._problems import Place, Problems, choices
from maskline.policy._tree import Node

__all__ = ["Declared", "looks_like_path", "read_labels", "split_name"]

_PART: Final = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
# What the masker of JSON understands; a test holds the two together.
_PATH: Final = re.compile(
    r"""\$(?: \.[\w-]+
          | \[[0-9]{1,9}\]
          | \[\*\]
          | \["(?:\\.|[^"\\])*"\]
          | \['(?:\\.|[^'\\])*'\] )*""",
    re.VERBOSE | re.DOTALL,
)
_LOOKS_LIKE_PATH: Final = re.compile(r"\$(?:[.\[]|$)")
_SPECIAL: Final = (FREE_TEXT, JSON, PUBLIC, UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A label, where it stands, and for which column."""

    ref: ColumnRef
    label: Label
    place: Place


def looks_like_path(key: str) -> bool:
    """Return whether a key is meant as a path into JSON, and not as a column."""
    return _LOOKS_LIKE_PATH.match(key) is not None


def split_name(name: str) -> list[str]:
    """Split ``main."odd.name"`` at its dots; nothing if it is not such a name."""
    parts = []
    position = 0
    while found := _PART.match(name, position):
        quoted, bare = found.groups()
        parts.append(quoted.replace('""', '"') if quoted else bare)
        position = found.end()
        if position == len(name):
            return parts
        if name[position] != ".":
            return []
        position += 1
    return []


def read_labels(
    node: Node, entities: Collection[str] | None, problems: Problems, *, also: str = ""
) -> list[Declared]:
    """Read the labels of one source.

    Args:
        node: The mapping from tables to columns.
        entities: The entities that there are; None to take every name for one.
        problems: Receives every mistake.
        also: What else may be the matter with an entity that is not there.
    """
    return list(_Reader(entities, problems, also).source(node))


class _Reader:
    def __init__(self, entities: Collection[str] | None, problems: Problems, also: str) -> None:
        self._entities = entities
        self._problems = problems
        self._also = also

    def source(self, node: Node) -> Iterator[Declared]:
        if node.is_empty:
            return
        if node.entries is None:
            self._problems.add(node, "This must be a mapping from tables to their columns.")
            return
        for key, columns in node.entries.items():
            yield from self._table(node.at_key(key), split_name(key), columns)

    def _table(self, place: Place, name: list[str], node: Node) -> Iterator[Declared]:
        if node.is_empty:
            return
        if node.entries is None:
            self._problems.add(node, "This must be a mapping from columns to what they are.")
            return
        if any(map(looks_like_path, node.entries)):
            # The key names a column of JSON, with or without a schema.
            if len(name) not in {2, 3}:
                self._problems.add(
                    place, "JSON paths need a column.", "Write `schema.table.column`."
                )
                return
            schema, relation, column = name if len(name) == 3 else ("", *name)  # noqa: PLR2004 - schema, table, column
            yield from self._column(place, ColumnRef(schema, relation, column), node)
            return
        if len(name) not in {1, 2}:
            self._problems.add(
                place,
                "This is not the name of a table.",
                'Write `schema.table`, and put a part with a dot into quotes: `main."odd.name"`.',
            )
            return
        schema, relation = name if len(name) == 2 else ("", *name)  # noqa: PLR2004 - schema, table
        for column, value in node.entries.items():
            yield from self._column(node.at_key(column), ColumnRef(schema, relation, column), value)

    def _column(self, place: Place, ref: ColumnRef, node: Node) -> Iterator[Declared]:
        if node.entries is None:
            entity = self._entity(node)
            if entity:
                yield Declared(ref=ref, label=_label(entity), place=place)
            return
        paths = []
        for path, value in node.entries.items():
            if not _PATH.fullmatch(path):
                self._problems.add(
                    node.at_key(path),
                    "This is not a path into JSON.",
                    "Write `$.name`, `$.list[*].name`, `$.list[0]` or `$['any name']`.",
                )
            elif entity := self._entity(value):
                paths.append((path, entity))
        yield Declared(ref=ref, label=_label(JSON, tuple(paths)), place=place)

    def _entity(self, node: Node) -> str:
        if not isinstance(node.value, str):
            self._problems.add(node, "This must be the name of an entity, such as EMAIL_ADDRESS.")
            return ""
        name = node.value
        if self._entities is None or name in self._entities or name in _SPECIAL:
            return name
        if name in set(Category):
            message = f"`{name}` is a category, and a column holds an entity."
        else:
            message = f"There is no entity `{name}`."
        self._problems.add(
            node, message, choices(name, {*self._entities, *_SPECIAL}, also=self._also)
        )
        return ""


def _label(entity: str, paths: tuple[tuple[str, str], ...] = ()) -> Label:
    return Label(entity=entity, evidence="declared in the policy", paths=paths)
