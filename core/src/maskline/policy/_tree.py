"""Reads YAML into a tree that knows where everything stands.

This module knows ruamel.yaml. It does not know what may stand in a policy, and no message of it
quotes the text of the file, for URLs may hold passwords.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.reader import ReaderError

from maskline.policy._problems import Problems, shown

__all__ = ["Node", "Spot", "compose", "parse"]

_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place in the file: lines and columns are counted from 1."""

    line: int
    column: int
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value of the file: a scalar, a mapping or a list.

    Attributes:
        where: The path of keys that leads to it.
        value: What a scalar stands for in Python; None for null, mappings and lists.
        text: How a scalar is spelt; empty for mappings and lists.
        entries: The values of a mapping, by key; None for anything else.
        keys: Where the keys of a mapping stand.
        items: The values of a list; None for anything else.
    """

    line: int
    column: int
    where: str
    value: object = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    entries: Mapping[str, "Node"] | None = field(default=None, repr=False)
    keys: Mapping[str, Spot] = field(default_factory=dict, repr=False)
    items: tuple["Node", ...] | None = field(default=None, repr=False)

    def plain(self) -> object:
        """Return it as plain Python: dicts, lists and scalars."""
        if self.entries is not None:
            return {key: node.plain() for key, node in self.entries.items()}
        if self.items is not None:
            return [node.plain() for node in self.items]
        return self.value

    def get(self, key: str) -> "Node | None":
        """Return the value of a key; None if it is not there or this is no mapping."""
        return None if self.entries is None else self.entries.get(key)

    def at_key(self, key: str) -> "Spot | Node":
        """Return where a key stands; this node's own place if it does not."""
        return self.keys.get(key, self)

    def each(self) -> tuple["Node", ...]:
        """Return the values of a list, or the one value that may stand for a list of one."""
        return (self,) if self.items is None else self.items

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written: ``key:`` and no more."""
        return self.entries is None and self.items is None and self.value is None and not self.text


def compose(text: str, problems: Problems) -> YamlNode | None:
    """Return ruamel's own tree; None if the text is not YAML, or holds nothing."""
    try:
        tree: YamlNode | None = YAML(typ="rt", pure=True).compose(text)
    except ReaderError as error:
        before = text[: int(error.position)]
        line = before.count("\n") + 1
        spot = Spot(line=line, column=len(before) - before.rfind("\n"), where="")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = Spot(
            line=mark.line + 1 if mark else 0, column=mark.column + 1 if mark else 0, where=""
        )
    except Exception:  # noqa: BLE001 - such as RecursionError, where brackets go too deep
        spot = Spot(line=1, column=1, where="")
    else:
        return tree
    problems.add(
        spot,
        "This is not YAML.",
        "Look at the indentation, and put text that holds `{`, `[`, `#` or `: ` into quotes.",
    )
    return None


def parse(text: str, problems: Problems) -> Node | None:
    """Read a file.

    Returns:
        The mapping at its root; None if there is none. Of a key that stands there twice, the first
        counts, and the second is a problem.
    """
    before = len(problems)
    tree = compose(text, problems)
    if isinstance(tree, MappingNode):
        return _Builder(problems).build(tree, Spot(line=1, column=1, where=""))
    if len(problems) == before:
        problems.add(
            Spot(line=1, column=1, where=""),
            "A policy is a mapping that begins with `version: 1`.",
            "`maskline init` writes one.",
        )
    return None


class _Builder:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._seen: set[int] = set()

    def build(self, tree: YamlNode, key: Spot) -> Node:
        """Build a node. *key* is where its key stands, which is all there is of an empty value."""
        mark = tree.start_mark
        is_empty = isinstance(tree, ScalarNode) and mark.index == tree.end_mark.index
        spot = (
            key if is_empty else Spot(line=mark.line + 1, column=mark.column + 1, where=key.where)
        )
        if id(tree) in self._seen:
            self._problems.add(key, "A policy has no aliases.", "Write the value out.")
            return Node(line=key.line, column=key.column, where=key.where, text="*")
        self._seen.add(id(tree))
        if str(tree.tag) not in _TAGS:
            self._problems.add(spot, "A policy has no tags.", "Take the `!...` away.")
            return Node(line=spot.line, column=spot.column, where=spot.where, text="!")
        if isinstance(tree, MappingNode):
            return self._mapping(tree, spot)
        if isinstance(tree, SequenceNode):
            items = tuple(self._items(tree, spot))
            return Node(line=spot.line, column=spot.column, where=spot.where, items=items)
        return self._scalar(tree, spot)

    def _mapping(self, tree: MappingNode, spot: Spot) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Spot] = {}
        for key, value in tree.value:
            mark = key.start_mark
            if not isinstance(key, ScalarNode):
                here = Spot(line=mark.line + 1, column=mark.column + 1, where=spot.where)
                self._problems.add(here, "A key is a word.", "Put text that holds `{` into quotes.")
                continue
            where = ".".join(filter(None, (spot.where, shown(key.value, within=spot.where))))
            here = Spot(line=mark.line + 1, column=mark.column + 1, where=where)
            if key.value in entries:
                self._problems.add(
                    here,
                    "This key stands here twice.",
                    f"The first is on line {keys[key.value].line}.",
                )
                continue
            keys[key.value] = here
            entries[key.value] = self.build(value, here)
        return Node(
            line=spot.line,
            column=spot.column,
            where=spot.where,
            entries=MappingProxyType(entries),
            keys=MappingProxyType(keys),
        )

    def _items(self, tree: SequenceNode, spot: Spot) -> Iterator[Node]:
        for position, item in enumerate(tree.value):
            where = f"{spot.where}[{position}]"
            yield self.build(item, Spot(line=spot.line, column=spot.column, where=where))

    def _scalar(self, tree: YamlNode, spot: Spot) -> Node:
        try:
            value = YAML(typ="safe", pure=True).constructor.construct_object(tree)
        except Exception:  # noqa: BLE001 - ruamel lets through what int() and re raise
            value = None
            has_failed = True
        else:
            has_failed = False
        if has_failed:
            # Such as 2027-13-31, which looks like a date and is none.
            self._problems.add(spot, "There is no such date or number.", "Text goes into quotes.")
        # The text of null tells `null`, the name of a mask, from nothing at all.
        return Node(
            line=spot.line, column=spot.column, where=spot.where, value=value, text=tree.value
        )
