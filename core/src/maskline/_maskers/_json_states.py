"""Follows labelled paths through JSON documents, for all nodes of one depth at once.

This module knows paths and nodes. It does not know what becomes of a value.

Where a node stands in the trees of labelled paths is its *state*. There are few of them, however
many nodes there are, so that a table tells where each way leads from each state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import Documents, NodeKind
from maskline.model import FREE_TEXT, JSON, PUBLIC

from ._json_paths import Nodes, PathNode, Step, entity_at, follow, plant, with_steps

__all__ = ["Places", "follow_paths"]

_Numbers: TypeAlias = npt.NDArray[np.int64]
_Flags: TypeAlias = npt.NDArray[np.bool_]
_State: TypeAlias = tuple[Nodes, Nodes]

_GONE: Final = 0
"""The state of what nobody looks at any more, because something around it was replaced."""
_FIRST: Final = 1
"""The state of a whole document."""
_TO_VALUE: Final = 0
"""The way from a key to its value."""
_OTHER_KEY: Final = 1
"""The way to a key that no path names. The keys that a path names come next."""

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


@dataclass(frozen=True, slots=True)
class Places:
    """What labels say about the nodes of documents; all but *names* of the shape ``(nodes,)``.

    Attributes:
        names: Entities. The first is empty, and stands for no label.
        entities: Indexes into *names*. JSON is one of strings only; keys have none.
        is_public: Whether a label says that there is nothing to protect.
        is_gone: Whether a node lies inside a list or object that is sensitive as a whole, or in a
            document that cannot be read.
    """

    names: tuple[str, ...]
    entities: _Numbers
    is_public: _Flags
    is_gone: _Flags


def follow_paths(documents: Documents, paths: Sequence[tuple[str, str]]) -> Places:
    """Return what labelled paths say about nodes.

    Raises:
        MaskingError: One of *paths* is not a path.
    """
    table = _Table(paths)
    kinds, parents = documents.kinds, documents.parents
    ways = table.ways(documents)
    is_list, is_nest = kinds == NodeKind.LIST, kinds <= NodeKind.LIST
    states, inside, entities = (np.zeros(len(kinds), np.int64) for _ in range(3))
    order = np.argsort(documents.depths, kind="stable")
    edges = [0, *np.cumsum(np.bincount(documents.depths)).tolist()]
    for depth, (begin, end) in enumerate(pairwise(edges)):
        nodes = order[begin:end]
        if depth == 0:
            is_there = documents.is_read[np.diff(documents.edges) > 0]
            states[nodes] = np.where(is_there, _FIRST, _GONE)
        else:
            states[nodes] = table.next[inside[parents[nodes]], ways[nodes]]
        here = states[nodes]
        entities[nodes] = np.where(is_list[nodes], table.of_lists[here], table.of_others[here])
        is_replaced = is_nest[nodes] & (entities[nodes] > 0) & (entities[nodes] != table.json)
        inside[nodes] = np.where(is_replaced, _GONE, here)
    is_plain = (kinds != NodeKind.STRING) & (entities == table.json)
    entities[is_plain | (kinds == NodeKind.KEY)] = 0
    return Places(table.names, entities, table.is_public[states], states == _GONE)


class _Table:
    """The states that nodes can have, and the ways between them.

    Attributes:
        names: As in `Places`.
        json: The index of JSON among them.
        next: The state behind each way from each state; shape ``(states, ways)``.
        of_lists: The entity of a list in each state.
        of_others: That of anything else.
        is_public: Whether each state is public.
    """

    def __init__(self, paths: Sequence[tuple[str, str]]) -> None:
        sensitive = plant(pair for pair in paths if pair[1] not in {PUBLIC, FREE_TEXT})
        public = plant(pair for pair in paths if pair[1] == PUBLIC)
        self.names = tuple(dict.fromkeys(["", JSON, *(entity for _, entity in paths)]))
        self.json = self.names.index(JSON)
        steps = {step: None for root in (sensitive, public) for step in _steps(root)}
        self._keys = [step for step in steps if isinstance(step, str)]
        self._indexes = [step for step in steps if isinstance(step, int)]
        first: _State = ((sensitive,), (public,))
        numbers: dict[_State, int] = {first: _FIRST}
        found: list[_State] = [first]
        rows: list[list[int]] = []
        for state in found:  # It grows on the way.
            behind = self._behind(state)
            for new in behind:
                if new not in numbers:
                    numbers[new] = len(numbers) + _FIRST
                    found.append(new)
            rows.append([numbers[new] for new in behind])
        self.next = np.array([[_GONE] * len(rows[0]), *rows], np.int64)
        self.of_lists = self._entities([nodes for nodes, _ in found])
        self.of_others = self._entities([with_steps(nodes, None, 0) for nodes, _ in found])
        self.is_public = np.array([False, *(entity_at(nodes) != "" for _, nodes in found)])

    def _entities(self, states: Sequence[Nodes]) -> _Numbers:
        return np.array([0, *(self.names.index(entity_at(nodes)) for nodes in states)], np.int64)

    def _behind(self, state: _State) -> list[_State]:
        """Return the state behind each way."""
        sensitive, public = state
        # A sensitive path to the elements of a list also holds for a value in its place.
        bare = with_steps(sensitive, None, 0)
        keys = [_state(follow(bare, key), follow(public, key)) for key in self._keys]
        # A sensitive path to a value also holds for the elements of a list in its place.
        elements = [
            _state(with_steps(sensitive, None, *index), follow(public, None, *index))
            for index in [(), *((index,) for index in self._indexes)]
        ]
        return [state, ((), ()), *keys, *elements]

    def ways(self, documents: Documents) -> _Numbers:
        """Return the way that leads to each node from the one around it."""
        kinds, parents = documents.kinds, documents.parents
        ways = np.full(len(kinds), _TO_VALUE, np.int64)
        keys = np.flatnonzero(kinds == NodeKind.KEY)
        ways[keys] = _OTHER_KEY
        if self._keys:
            names = documents.texts.take(pa.array(keys))
            known = _compute.index_in(names, value_set=pa.array(self._keys, pa.string()))
            ways[keys] += 1 + _compute.fill_null(known, -1).to_numpy()
        elements = np.flatnonzero((parents >= 0) & (kinds[parents] == NodeKind.LIST))
        ways[elements] = _OTHER_KEY + 1 + len(self._keys)
        for number, index in enumerate(self._indexes):
            ways[elements[documents.places[elements] == index]] += 1 + number
        return ways


def _steps(node: PathNode) -> list[Step]:
    """Return every step in a tree."""
    return [step for name, child in node.children.items() for step in (name, *_steps(child))]


def _state(sensitive: Nodes, public: Nodes) -> _State:
    """Return a state in which no place stands twice, so that there are not more and more."""
    return tuple(dict.fromkeys(sensitive)), tuple(dict.fromkeys(public))
