"""Takes JSON documents apart to nodes, all documents of a column at once, and writes them again.

This module knows JSON (RFC 8259). It does not know labels, paths or masks.

A node is a value or a key. The nodes of a document stand in the order of its text: an object is
followed by its keys, each of them by its value; a list by its elements.
"""

import json
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ._buffers import Bytes, Offsets, check_size, read
from ._choice import native

__all__ = ["Documents", "NodeKind", "read_json", "repeated_keys", "write_json"]


class NodeKind(IntEnum):
    """What a node is. An object and a list come first."""

    OBJECT = 0
    LIST = 1
    STRING = 2
    NUMBER = 3
    TRUE = 4
    FALSE = 5
    NULL = 6
    KEY = 7


_DEEPEST: Final = 100
"""How many lists and objects may lie around a value."""

_Numbers: TypeAlias = npt.NDArray[np.int32]

# What every node but the first of a document has before it.
_BEFORE_NODES: Final = np.isin(np.arange(256), np.frombuffer(b",:[{", np.uint8))
_HALF_CHARACTER: Final = "\\ud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The nodes of many documents. All but *edges* and *is_read* have the shape ``(nodes,)``.

    Attributes:
        kinds: Numbers of `NodeKind`.
        depths: How many nodes lie around each.
        parents: The node around each: of an element its list, of a key its object, of a value its
            key; -1 for a whole document.
        places: Of elements and keys, how many there are before; else 0.
        ends: The node after the last one inside.
        texts: What a key or string says, and how a number, true, false or null is spelt; of others
            empty.
        edges: Where the nodes of each document begin and end; shape ``(documents + 1,)``.
        is_read: Whether each document can be read in only one way: whether it is JSON, repeats no
            key in an object, holds no half of a character and is not too deep.
    """

    kinds: Bytes
    depths: Bytes
    parents: _Numbers
    places: _Numbers
    ends: _Numbers
    texts: pa.StringArray
    edges: Offsets
    is_read: npt.NDArray[np.bool_]


def read_json(column: pa.StringArray) -> Documents:
    """Take documents apart.

    Args:
        column: Any length, slices allowed; null is no document.

    Raises:
        ValueError: There are 2 GiB of them or more.
    """
    offsets, data = read(column)
    if native is None:
        return _without_repeats(_read(column))
    capacity = len(offsets) - 1 + int(np.count_nonzero(_BEFORE_NODES[data]))
    kinds, depths = np.empty((2, capacity), np.uint8)
    parents, places, ends = np.empty((3, capacity), np.int32)
    text_offsets, text = np.empty(capacity + 1, np.int32), np.empty(len(data), np.uint8)
    edges = np.empty(len(offsets), np.int64)
    count, size = native.json_read(
        offsets, data, kinds, depths, parents, places, ends, text_offsets, text, edges
    )
    documents = Documents(
        kinds=kinds[:count],
        depths=depths[:count],
        parents=parents[:count],
        places=places[:count],
        ends=ends[:count],
        texts=pa.StringArray.from_buffers(
            count, pa.py_buffer(text_offsets[: count + 1]), pa.py_buffer(text[:size])
        ),
        edges=edges,
        is_read=np.diff(edges) > 0,
    )
    return _without_repeats(documents)


class _Number(str):
    """A number as the document spells it: to read it as a float could change it."""

    __slots__ = ()


@dataclass(slots=True)
class _Object:
    """An object, in the order of the document."""

    pairs: list[tuple[str, "_Value"]]


_Value: TypeAlias = _Object | list["_Value"] | str | bool | None


@dataclass(slots=True)
class _Nodes:
    """The nodes of documents as lists, one attribute each."""

    kinds: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, kind: int, text: str, *, parent: int, place: int) -> int:
        """Add a node and return it. Its end is set when what lies inside was added."""
        self.kinds.append(kind)
        self.depths.append(self.depths[parent] + 1 if parent >= 0 else 0)
        self.parents.append(parent)
        self.places.append(place)
        self.ends.append(len(self.kinds))
        self.texts.append(text)
        return len(self.kinds) - 1

    def add_value(
        self, value: "_Value", *, parent: int = -1, place: int = 0, around: int = 0
    ) -> None:
        """Add a value and what lies inside, with the lists and objects *around* it."""
        if around > _DEEPEST:
            msg = "The document is nested too deep."
            raise ValueError(msg)
        node = self.add(*_spelt(value), parent=parent, place=place)
        if isinstance(value, list):
            for index, inner in enumerate(value):
                self.add_value(inner, parent=node, place=index, around=around + 1)
        elif isinstance(value, _Object):
            for index, (key, inner) in enumerate(value.pairs):
                at = self.add(NodeKind.KEY, key, parent=node, place=index)
                self.add_value(inner, parent=at, around=around + 1)
                self.ends[at] = len(self.kinds)
        self.ends[node] = len(self.kinds)

    def drop_from(self, first: int) -> None:
        """Drop a node and all after it."""
        for nodes in (self.kinds, self.depths, self.parents, self.places, self.ends, self.texts):
            del nodes[first:]


def _read(column: pa.StringArray) -> Documents:
    nodes = _Nodes()
    edges = [0]
    for text in column.to_pylist():
        try:
            nodes.add_value(_load(text or ""))
        except (ValueError, RecursionError):
            nodes.drop_from(edges[-1])
        edges.append(len(nodes.kinds))
    return Documents(
        kinds=np.array(nodes.kinds, np.uint8),
        depths=np.array(nodes.depths, np.uint8),
        parents=np.array(nodes.parents, np.int32),
        places=np.array(nodes.places, np.int32),
        ends=np.array(nodes.ends, np.int32),
        texts=pa.array(nodes.texts, pa.string()),
        edges=np.array(edges, np.int64),
        is_read=np.diff(edges) > 0,
    )


def _spelt(value: "_Value") -> tuple[int, str]:
    """Return the kind of a value, and its text."""
    if isinstance(value, _Object):
        return NodeKind.OBJECT, ""
    if isinstance(value, list):
        return NodeKind.LIST, ""
    if isinstance(value, str):
        return (NodeKind.NUMBER if isinstance(value, _Number) else NodeKind.STRING), value
    if value is None:
        return NodeKind.NULL, "null"
    return (NodeKind.TRUE, "true") if value else (NodeKind.FALSE, "false")


def _load(text: str) -> "_Value":
    value: _Value = json.loads(
        text,
        object_pairs_hook=_Object,
        parse_int=_Number,
        parse_float=_Number,
        parse_constant=_refuse,
    )
    if _HALF_CHARACTER in text.lower():
        _check_characters(value)
    return value


def _refuse(_name: str) -> None:
    msg = "JSON has no infinity, nor what is not a number."
    raise ValueError(msg)


def _check_characters(value: "_Value") -> None:
    """Raise UnicodeEncodeError, which is a ValueError, for half a character."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, _Object):
        for key, inner in value.pairs:
            key.encode()
            _check_characters(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_characters(inner)


def _without_repeats(documents: Documents) -> Documents:
    """Mark the documents in which an object repeats a key as not read."""
    keys = np.flatnonzero(documents.kinds == NodeKind.KEY)
    nodes = keys[repeated_keys(documents.parents[keys], documents.texts.take(pa.array(keys)))]
    documents.is_read[np.searchsorted(documents.edges, nodes, side="right") - 1] = False
    return documents


def repeated_keys(parents: _Numbers, keys: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Tell for each key whether it stands in its object again.

    Args:
        parents: The object of each key.
        keys: What it says.
    """
    codes = keys.dictionary_encode().indices.to_numpy().astype(np.int64)
    pairs = parents.astype(np.int64) * (len(keys) + 1) + codes
    ordered = np.sort(pairs)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(pairs, twice) if len(twice) else np.zeros(len(keys), np.bool_)


def write_json(
    *, kinds: Bytes, ends: _Numbers, texts: pa.StringArray, edges: Offsets
) -> pa.StringArray:
    """Write documents, without spaces between their parts.

    Args:
        kinds: Of the nodes. Where a list or object became something else, what lay inside is
            left out.
        ends: The node after the last one inside.
        texts: As in `Documents`.
        edges: Where the nodes of each document begin and end; shape ``(documents + 1,)``.

    Returns:
        One text for each document.

    Raises:
        ValueError: They would hold 2 GiB or more.
    """
    if native is None:
        pairs = pairwise(edges.tolist())
        nodes = (kinds.tolist(), ends.tolist(), texts.to_pylist())
        return pa.array([_written(nodes, first, last) for first, last in pairs], pa.string())
    text_offsets, text = read(texts)
    offsets = np.empty(len(edges), np.int64)
    arguments = (kinds, ends, text_offsets, text, edges, offsets)
    size = native.json_write(*arguments, np.empty(0, np.uint8))
    check_size(size)
    data = np.empty(size, np.uint8)
    native.json_write(*arguments, data)
    return pa.StringArray.from_buffers(
        len(edges) - 1, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)
    )


def _written(nodes: tuple[list[int], list[int], list[str]], first: int, last: int) -> str:
    kinds, ends, texts = nodes
    parts: list[str] = []
    open_: list[int] = []
    has_more: list[bool] = []
    node, is_value = first, True
    while node < last or open_:
        if open_ and (node >= last or ends[open_[-1]] <= node):
            has_more.pop()
            parts.append("}" if kinds[open_.pop()] == NodeKind.OBJECT else "]")
            continue
        kind, text = kinds[node], texts[node]
        if not is_value and open_:
            parts.append("," if has_more[-1] else "")
            has_more[-1] = True
        is_value = kind == NodeKind.KEY
        if kind in {NodeKind.OBJECT, NodeKind.LIST}:
            parts.append("{" if kind == NodeKind.OBJECT else "[")
            open_.append(node)
            has_more.append(False)
            node += 1
            continue
        parts.append(
            json.dumps(text, ensure_ascii=False)
            if kind in {NodeKind.KEY, NodeKind.STRING}
            else text
        )
        parts.append(":" if kind == NodeKind.KEY else "")
        node = node + 1 if kind == NodeKind.KEY else ends[node]
    return "".join(parts)
