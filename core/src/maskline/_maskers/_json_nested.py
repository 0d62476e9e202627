"""Masks lists, structs and maps that stand for JSON documents, by path.

This module knows Arrow's nested types, and which of their paths a label names. Values and free text
are masked by the functions it is handed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import by_leaf, edges, is_nested, nest, same_cells, unnest
from maskline.model import FREE_TEXT, JSON, PUBLIC

from ._json_paths import Nodes, Step, entity_at, follow, plant, with_steps

__all__ = ["mask_nested"]

_EXPONENT: Final = 1e15
"""From here on, floating-point numbers are spelt with an exponent, behind which digits hide."""

_Flags: TypeAlias = npt.NDArray[np.bool_]

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc
_types: Final[Any] = pa.types


def mask_nested(
    column: pa.Array,
    *,
    paths: Sequence[tuple[str, str]],
    mask_as: Callable[[str, pa.Array], pa.Array],
    scan: Callable[[pa.StringArray], pa.StringArray],
) -> pa.Array:
    """Mask a column of lists, structs or maps as `mask_cells` masks documents.

    Args:
        column: Any length, nulls and slices allowed.
        paths: What stands at which path. The fields of a struct are keys, those of a map, too.
        mask_as: Masks the values of an entity, of any type.
        scan: Masks free text: every text and every key of a map without a label.

    Returns:
        The same length and type. Numbers and dates without a label become null where something is
        found in their text; bytes without a label, and what else has no text, become null.

    Raises:
        MaskingError: One of *paths* is not a path.
    """
    sensitive = plant(pair for pair in paths if pair[1] not in {PUBLIC, FREE_TEXT})
    public = plant(pair for pair in paths if pair[1] == PUBLIC)
    try:
        return _Walk(mask_as, scan).mask(column, (sensitive,), (public,))
    except pa.ArrowNotImplementedError:
        # Some elements of some types cannot be picked out.
        return pa.nulls(len(column), column.type)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A way through a nested column, from the outside to its leaves."""

    mask_as: Callable[[str, pa.Array], pa.Array]
    scan: Callable[[pa.StringArray], pa.StringArray]

    def mask(self, column: pa.Array, sensitive: Nodes, public: Nodes) -> pa.Array:
        """Mask a part of the column, to which or through which labelled paths lead."""
        kind = column.type
        is_list = is_nested(kind) and not (_types.is_struct(kind) or _types.is_map(kind))
        if not is_list:
            # A sensitive path to the elements of a list also holds for a value in its place.
            sensitive = with_steps(sensitive, None, 0)
        entity = entity_at(sensitive)
        if entity not in {"", JSON}:
            return self.mask_as(entity, column)
        if not is_nested(kind):
            if _hides_nest(kind):
                return pa.nulls(len(column), kind)
            if entity_at(public):
                return column
            return by_leaf(column, self._json if entity else self._scan)
        if _types.is_struct(kind):
            parts = [
                self.mask(part, follow(sensitive, field.name), follow(public, field.name))
                for field, part in zip(kind, unnest(column), strict=True)
            ]
        elif is_list:
            parts = [self._elements(column, sensitive, public)]
        else:
            parts = self._entries(column, sensitive, public)
        return nest(column, parts)

    def _elements(self, column: pa.Array, sensitive: Nodes, public: Nodes) -> pa.Array:
        (values,) = unnest(column)
        offsets = edges(column)
        places = np.arange(len(values)) - np.repeat(offsets[:-1], np.diff(offsets))
        groups = [
            # A sensitive path to a value also holds for the elements of a list in its place.
            (flags, with_steps(sensitive, None, *steps), follow(public, None, *steps))
            for flags, *steps in _groups(places, _steps((*sensitive, *public), int))
        ]
        return self._by_group(values, groups)

    def _entries(self, column: pa.MapArray, sensitive: Nodes, public: Nodes) -> list[pa.Array]:
        keys, items = unnest(column)
        names = _text(keys)
        if names is None:
            return [pa.nulls(len(keys), keys.type), pa.nulls(len(items), items.type)]
        groups = [
            (flags, follow(sensitive, *steps), follow(public, *steps))
            for flags, *steps in _groups(
                names.to_numpy(zero_copy_only=False), _steps((*sensitive, *public), str)
            )
        ]
        return [by_leaf(keys, self._scan), self._by_group(items, groups)]

    def _by_group(
        self, values: pa.Array, groups: Sequence[tuple[_Flags, Nodes, Nodes]]
    ) -> pa.Array:
        if len(groups) == 1:
            return self.mask(values, *groups[0][1:])
        masked = [self.mask(values.filter(pa.array(flags)), *nodes) for flags, *nodes in groups]
        places = np.concatenate([np.flatnonzero(flags) for flags, *_ in groups])
        return pa.concat_arrays(masked).take(pa.array(np.argsort(places)))

    def _json(self, leaf: pa.Array) -> pa.Array:
        return self.mask_as(JSON, leaf) if leaf.type == pa.string() else self._scan(leaf)

    def _scan(self, leaf: pa.Array) -> pa.Array:
        kind = leaf.type
        if kind == pa.string():
            return self.scan(leaf)
        if _types.is_boolean(kind):
            return leaf
        text = _text(leaf)
        if text is None:
            return pa.nulls(len(leaf), kind)
        is_plain = _compute.and_(text.is_valid(), pa.array(same_cells(text, self.scan(text))))
        return _compute.if_else(is_plain, leaf, pa.scalar(None, kind)).cast(kind)


def _hides_nest(kind: pa.DataType) -> bool:
    """Whether no path can be followed, for values are encoded that hold others."""
    is_encoded = _types.is_dictionary(kind) or _types.is_run_end_encoded(kind)
    return bool(is_encoded and is_nested(kind.value_type))


def _text(leaf: pa.Array) -> pa.StringArray | None:
    """Return numbers and dates as text, None for what has none.

    Numbers whose text would hide digits are null.
    """
    kind = leaf.type
    if kind == pa.string():
        return leaf
    if _types.is_floating(kind):
        wide = leaf.cast(pa.float64())
        is_short = _compute.less(_compute.abs(wide), _EXPONENT)
        return _compute.if_else(is_short, wide, pa.scalar(None, pa.float64())).cast(pa.string())
    if not (_types.is_integer(kind) or _types.is_decimal(kind) or _types.is_temporal(kind)):
        return None
    try:
        return leaf.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None


def _steps(nodes: Nodes, kind: type) -> list[Step]:
    """Return the steps of a kind that lead on, each once, in the order of the paths."""
    steps = (step for node in nodes for step in node.children if isinstance(step, kind))
    return list(dict.fromkeys(steps))


def _groups(names: npt.NDArray[Any], steps: Sequence[Step]) -> Iterator[tuple[Any, ...]]:
    """Return which elements each step leads to, with the step; then those that none leads to."""
    rest = np.ones(len(names), np.bool_)
    for step in steps:
        is_here = names == step
        rest &= ~is_here
        yield is_here, step
    yield (rest,)
