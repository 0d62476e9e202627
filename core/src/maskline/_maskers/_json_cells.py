"""Masks JSON documents in text, leaf by leaf.

This module knows documents, and which of their paths a label names. Values and free text are masked
by the functions it is handed.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

import pyarrow as pa

from maskline.model import FREE_TEXT, JSON, PUBLIC

from ._json_documents import Node, Number, Object, read, write
from ._json_paths import PathNode, Step, plant
from .redact import redaction

__all__ = ["mask_cells"]

_DEEPEST: Final = 100
_SHORT_EXPONENT: Final = re.compile(r"[eE][+-]?0*[0-9]{1,2}$")

_Nodes: TypeAlias = tuple[PathNode, ...]


class _Place(NamedTuple):
    """A text to be masked: *holder[position]*, in one of the documents."""

    document: int
    holder: list[Any]
    position: int
    text: str


class _Visit(NamedTuple):
    """A node to look at, how deep it lies, and which labelled paths lead to it or through it."""

    holder: list[Any]
    position: int
    depth: int
    sensitive: _Nodes
    public: _Nodes


def mask_cells(
    column: pa.StringArray,
    *,
    paths: Sequence[tuple[str, str]],
    mask_as: Callable[[str, pa.StringArray], pa.StringArray],
    scan: Callable[[pa.StringArray], pa.StringArray],
) -> pa.StringArray:
    """Mask a column of JSON documents.

    Args:
        column: Any length, nulls allowed.
        paths: What stands at which path.
        mask_as: Masks the values of an entity, once for the column.
        scan: Masks free text: every key, and every leaf without a label, once for the column.

    Returns:
        The same length; null where *column* is null, and nowhere else. A document in which
        nothing had to be masked is as it was; another is valid JSON with the same order of keys.
        One that cannot be read in only one way, or is nested too deep, is redacted whole.

    Raises:
        MaskingError: One of *paths* is not a path.
    """
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    harvest = _Harvest(paths)
    documents = [
        document if document and harvest.collect(number, document) else None
        for number, document in enumerate(map(read, texts))
    ]
    harvest.mask(mask_as, scan)
    for number, document in enumerate(documents):
        if document is None:
            texts[number] = redaction(JSON)
        elif number in harvest.changed:
            texts[number] = write(document[0])
    return pa.array(texts, pa.string()).take(encoded.indices)


@dataclass(slots=True)
class _Harvest:
    """The texts of many documents that are to be masked, by entity; FREE_TEXT is scanned.

    Attributes:
        changed: The numbers of the documents that are no longer what they were.
    """

    paths: Sequence[tuple[str, str]]
    changed: set[int] = field(default_factory=set)
    _places: dict[str, list[_Place]] = field(default_factory=dict)
    _sensitive: PathNode = field(init=False)
    _public: PathNode = field(init=False)

    def __post_init__(self) -> None:
        self._public = plant(pair for pair in self.paths if pair[1] == PUBLIC)
        self._sensitive = plant(pair for pair in self.paths if pair[1] not in {PUBLIC, FREE_TEXT})

    def collect(self, document: int, box: list[Node]) -> bool:
        """Note what is to be masked in a document. Return false if it is nested too deep."""
        visits = [_Visit(box, 0, 0, (self._sensitive,), (self._public,))]
        while visits:
            visit = visits.pop()
            if visit.depth > _DEEPEST:
                return False
            node = visit.holder[visit.position]
            if not isinstance(node, list):
                # A sensitive path to the elements of a list also holds for a value in its place.
                visit = visit._replace(sensitive=_with(visit.sensitive, None, 0))
            entity = _entity(visit.sensitive)
            if not isinstance(node, Object | list):
                self._collect_leaf(document, visit, entity)
            elif entity in {"", JSON}:
                visits.extend(_children(visit, node))
                if isinstance(node, Object):
                    for index, key in enumerate(node.keys):
                        self._add(FREE_TEXT, _Place(document, node.keys, index, key))
            else:
                visit.holder[visit.position] = redaction(entity)
                self.changed.add(document)
        return True

    def _collect_leaf(self, document: int, visit: _Visit, entity: str) -> None:
        leaf = visit.holder[visit.position]
        if entity == JSON and (isinstance(leaf, Number) or not isinstance(leaf, str)):
            entity = ""
        if leaf is None or (not entity and (isinstance(leaf, bool) or _entity(visit.public))):
            return
        text = leaf if isinstance(leaf, str) else write(leaf)
        if not entity:
            self._add(FREE_TEXT, _Place(document, visit.holder, visit.position, _decimal(text)))
        elif text != redaction(entity):
            # What an object was replaced by stays as it is when it is masked again.
            self._add(entity, _Place(document, visit.holder, visit.position, text))

    def _add(self, entity: str, place: _Place) -> None:
        self._places.setdefault(entity, []).append(place)

    def mask(
        self,
        mask_as: Callable[[str, pa.StringArray], pa.StringArray],
        scan: Callable[[pa.StringArray], pa.StringArray],
    ) -> None:
        """Mask what was collected, in place."""
        for entity, places in self._places.items():
            column = pa.array([place.text for place in places], pa.string())
            masked = scan(column) if entity == FREE_TEXT else mask_as(entity, column)
            for place, text in zip(places, masked.to_pylist(), strict=True):
                if text != place.text:
                    place.holder[place.position] = text
                    self.changed.add(place.document)


def _entity(nodes: _Nodes) -> str:
    return next((node.entity for node in nodes if node.entity), "")


def _children(visit: _Visit, node: Object | list[Node]) -> Iterator[_Visit]:
    depth = visit.depth + 1
    if isinstance(node, Object):
        for index, key in enumerate(node.keys):
            sensitive, public = _follow(visit.sensitive, key), _follow(visit.public, key)
            yield _Visit(node.values, index, depth, sensitive, public)
        return
    for index in range(len(node)):
        # A sensitive path to a value also holds for the elements of a list in its place.
        sensitive = _with(visit.sensitive, None, index)
        yield _Visit(node, index, depth, sensitive, _follow(visit.public, None, index))


def _follow(nodes: _Nodes, *steps: Step) -> _Nodes:
    return tuple(node.children[step] for node in nodes for step in steps if step in node.children)


def _with(nodes: _Nodes, *steps: Step) -> _Nodes:
    return nodes + _follow(nodes, *steps)


def _decimal(text: str) -> str:
    """Write out the exponent of a number, behind which digits could hide from a detector."""
    if isinstance(text, Number) and _SHORT_EXPONENT.search(text):
        return format(Decimal(text), "f")
    return str(text)
