"""Takes columns of any Arrow type apart to their leaves, and puts what became of them together.

This module knows Arrow's types and how nested ones are laid out. It does not know masks, labels, or
what becomes of a leaf.

A leaf comes in one of few types: text as ``pa.string()``, bytes of any length as ``pa.binary()``,
and what is no text, bytes or nest as it is. Dictionaries, runs, views and large offsets are taken
away and put back, and so is ``arrow.uuid``. Of other extension types only those of text are looked
into: the bytes of another one may follow rules that nobody here knows.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ._buffers import Offsets, running_total

__all__ = ["Flags", "by_leaf", "edges", "is_nested", "nest", "same_cells", "unnest"]

Flags: TypeAlias = npt.NDArray[np.bool_]
"""Shape ``(rows,)``: whether something holds of each row."""

_Each: TypeAlias = Callable[[pa.Array], pa.Array]

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc
_types: Final[Any] = pa.types


def by_leaf(column: pa.Array, each: _Each, *, keep_nested: bool = False) -> pa.Array:
    """Apply a function to every leaf of a column.

    Args:
        column: Any length and type, nulls and slices allowed.
        each: Returns an array of the length and type of the one it is given. What it returns for a
            value may depend on that value only.
        keep_nested: Whether it is given lists, structs and maps as they are.

    Returns:
        The length and type of *column*. A list, struct or map is null where *column* is null,
        where a leaf that may not be null became null, and where keys of a map became equal;
        else it has the shape that it had.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if not (_is_text(kind.storage_type) or kind == pa.uuid()):
            return each(column)
        return pa.ExtensionArray.from_storage(kind, by_leaf(column.storage, each))
    if _types.is_dictionary(kind):
        return _by_dictionary(column, each)
    if _types.is_run_end_encoded(kind):
        return _by_run(column, each)
    if is_nested(kind) and not keep_nested:
        return nest(column, [by_leaf(part, each) for part in unnest(column)])
    leaf = _leaf_type(kind)
    return each(column) if leaf == kind else each(column.cast(leaf)).cast(kind)


def _by_dictionary(column: pa.DictionaryArray, each: _Each) -> pa.Array:
    kind = column.type
    values = column.dictionary
    masked = by_leaf(values.cast(_leaf_type(values.type)), each)
    try:
        # Encoded anew, for different values may have one mask and a dictionary has no repeats.
        encoded = masked.take(column.indices).dictionary_encode()
    except pa.ArrowNotImplementedError:
        return pa.nulls(len(column), kind)
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(kind.index_type),
        encoded.dictionary.cast(kind.value_type),
        ordered=kind.ordered,
    )


def _by_run(column: pa.RunEndEncodedArray, each: _Each) -> pa.Array:
    first, count = column.find_physical_offset(), column.find_physical_length()
    ends = column.run_ends.slice(first, count).to_numpy().astype(np.int64) - column.offset
    run_ends = pa.array(np.minimum(ends, len(column)), column.type.run_end_type)
    values = by_leaf(column.values.slice(first, count), each)
    return pa.RunEndEncodedArray.from_arrays(run_ends, values, type=column.type)


def _leaf_type(kind: pa.DataType) -> pa.DataType:
    if _is_text(kind):
        return pa.string()
    if _types.is_large_binary(kind) or _types.is_binary_view(kind):
        return pa.binary()
    return kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        _types.is_string(kind) or _types.is_large_string(kind) or _types.is_string_view(kind)
    )


def is_nested(kind: pa.DataType) -> bool:
    """Whether values of a type are lists, structs or maps. A union is a leaf."""
    return bool(
        _types.is_struct(kind)
        or _types.is_map(kind)
        or _types.is_list(kind)
        or _types.is_large_list(kind)
        or _types.is_fixed_size_list(kind)
        or _is_view(kind)
    )


def _is_view(kind: pa.DataType) -> bool:
    return bool(_types.is_list_view(kind) or _types.is_large_list_view(kind))


def unnest(column: pa.Array) -> list[pa.Array]:
    """Return what a nested column is made of.

    Args:
        column: Any length, nulls and slices allowed.

    Returns:
        Of structs an array for each field, of the length of *column*, null where *column* is. Of
        lists their elements, of maps their keys and their values, in the places that *edges* says.
    """
    kind = column.type
    if _types.is_struct(kind):
        return list(column.flatten())
    if _is_view(kind):
        return [column.flatten()]
    if _types.is_fixed_size_list(kind):
        first, count = column.offset * kind.list_size, len(column) * kind.list_size
    else:
        first, count = column.offsets[0].as_py(), column.offsets[-1].as_py()
        count -= first
    parts = [column.keys, column.items] if _types.is_map(kind) else [column.values]
    return [part.slice(first, count) for part in parts]


def edges(column: pa.Array) -> Offsets:
    """Return where the elements of each list or map begin and end among those of *unnest*."""
    kind = column.type
    if _types.is_fixed_size_list(kind):
        # Here null takes room, too.
        return running_total(np.full(len(column), kind.list_size))
    if _is_view(kind):
        sizes = _compute.fill_null(_compute.list_value_length(column), 0)
        return running_total(sizes.to_numpy().astype(np.int64))
    offsets = np.array(column.offsets, np.int64)
    offsets -= offsets[0]
    return offsets


def nest(column: pa.Array, parts: Sequence[pa.Array]) -> pa.Array:
    """Return a column of the type and shape of another one, made of other parts.

    Args:
        column: What *unnest* took apart.
        parts: As many as *unnest* returned, of the same lengths and types.

    Returns:
        Null where *column* is, where a part is null that may not be null, and where the keys of a
        map are equal.
    """
    kind = column.type
    is_gone = _nulls(column)
    if _types.is_struct(kind):
        for field, part in zip(kind, parts, strict=True):
            is_gone |= _broken(field, part)
        if not parts:
            return column
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=pa.array(is_gone))
    offsets = edges(column)
    if _types.is_map(kind):
        keys, items = parts
        is_bad = _nulls(keys) | _repeats(keys, offsets) | _broken(kind.item_field, items)
        return _maps(kind, offsets, keys, items, is_gone | _any(is_bad, offsets))
    (values,) = parts
    return _lists(kind, offsets, values, is_gone | _any(_broken(kind.value_field, values), offsets))


def _lists(kind: pa.DataType, offsets: Offsets, values: pa.Array, is_gone: Flags) -> pa.Array:
    mask = pa.array(is_gone)
    if _types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(values, type=kind, mask=mask)
    is_large = _types.is_large_list(kind) or _types.is_large_list_view(kind)
    places = pa.array(offsets, pa.int64() if is_large else pa.int32())
    if _is_view(kind):
        view = pa.LargeListViewArray if is_large else pa.ListViewArray
        sizes = pa.array(np.diff(offsets), places.type)
        return view.from_arrays(places[:-1], sizes, values, type=kind, mask=mask)
    plain = pa.LargeListArray if is_large else pa.ListArray
    return plain.from_arrays(places, values, type=kind, mask=mask)


def _maps(
    kind: pa.DataType, offsets: Offsets, keys: pa.Array, items: pa.Array, is_gone: Flags
) -> pa.Array:
    if is_gone.any():
        lengths = np.diff(offsets)
        is_kept = np.repeat(~is_gone, lengths)
        try:
            # Not even a map that is null may hold a key that is null.
            keys, items = _filtered(keys, is_kept), _filtered(items, is_kept)
        except pa.ArrowNotImplementedError:
            return pa.nulls(len(is_gone), kind)
        offsets = running_total(np.where(is_gone, 0, lengths))
    places = pa.array(offsets, pa.int32())
    return pa.MapArray.from_arrays(places, keys, items, type=kind, mask=pa.array(is_gone))


def _filtered(column: pa.Array, is_kept: Flags) -> pa.Array:
    leaf = _leaf_type(column.type)
    return column.cast(leaf).filter(pa.array(is_kept)).cast(column.type)


def _repeats(keys: pa.Array, offsets: Offsets) -> Flags:
    """Return for each key but the first of its kind whether its map holds it again."""
    try:
        codes = _compute.fill_null(keys.dictionary_encode().indices, -1).to_numpy()
    except pa.ArrowNotImplementedError:
        return np.ones(len(keys), np.bool_)
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((codes, rows))
    repeats = np.zeros(len(keys), np.bool_)
    repeats[order[1:]] = (np.diff(codes[order]) == 0) & (np.diff(rows[order]) == 0)
    return repeats


def _broken(field: pa.Field, part: pa.Array) -> Flags:
    """Return where a value is null that may not be null."""
    return np.zeros(len(part), np.bool_) if field.nullable else _nulls(part)


def _any(flags: Flags, offsets: Offsets) -> Flags:
    """Return for each row whether one of its elements has a flag."""
    has_any: Flags = np.diff(running_total(flags)[offsets]) > 0
    return has_any


def _nulls(column: pa.Array) -> Flags:
    return np.array(column.is_null().to_numpy(zero_copy_only=False), np.bool_)


def same_cells(before: pa.Array, after: pa.Array) -> Flags:
    """Tell for each cell whether two columns hold the same.

    Args:
        before: Any type and length, nulls and slices allowed.
        after: Of the same type and length.

    Returns:
        Shape ``(rows,)``. Null is the same as null. Values of a type that cannot be compared, and
        what is not a number, count as different from all others.
    """
    kind = before.type
    if isinstance(kind, pa.BaseExtensionType):
        return same_cells(before.storage, after.storage)
    if _types.is_dictionary(kind):
        return same_cells(before.dictionary_decode(), after.dictionary_decode())
    if _types.is_run_end_encoded(kind):
        return same_cells(_compute.run_end_decode(before), _compute.run_end_decode(after))
    if _types.is_float16(kind):
        return same_cells(before.cast(pa.float32()), after.cast(pa.float32()))
    was_null, is_null = _nulls(before), _nulls(after)
    same: Flags = was_null & is_null
    try:
        if is_nested(kind):
            same |= _same_nests(before, after, ~(was_null | is_null))
        else:
            same |= _equal(before, after)
    except pa.ArrowNotImplementedError:
        return same
    return same


def _equal(before: pa.Array, after: pa.Array) -> Flags:
    equal = _compute.fill_null(_compute.equal(before, after), False)
    return np.array(equal.to_numpy(zero_copy_only=False), np.bool_)


def _same_nests(before: pa.Array, after: pa.Array, are_there: Flags) -> Flags:
    """Compare nested cells where both columns hold one; no others are the same."""
    parts = list(zip(unnest(before), unnest(after), strict=True))
    if _types.is_struct(before.type):
        for old, new in parts:
            are_there &= same_cells(old, new)
        return are_there
    lengths, new_lengths = np.diff(edges(before)), np.diff(edges(after))
    is_alike: Flags = are_there & (lengths == new_lengths)
    offsets = running_total(lengths[is_alike])
    same = is_alike.copy()
    for old, new in parts:
        inside = same_cells(_of_rows(old, is_alike, lengths), _of_rows(new, is_alike, new_lengths))
        same[is_alike] &= ~_any(~inside, offsets)
    return same


def _of_rows(part: pa.Array, is_row: Flags, lengths: Offsets) -> pa.Array:
    """Return the elements of some rows."""
    return part if is_row.all() else _filtered(part, np.repeat(is_row, lengths))
