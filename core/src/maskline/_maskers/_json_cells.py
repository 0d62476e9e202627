"""Masks JSON documents in text, leaf by leaf, all documents of a column at once.

This module knows documents as nodes. Values and free text are masked by the functions it is handed;
what stands where, labelled paths tell.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import (
    Documents,
    NodeKind,
    read_json,
    repeated_keys,
    same_cells,
    write_json,
)
from maskline.model import JSON

from ._json_states import Places, follow_paths
from .redact import redaction

__all__ = ["mask_cells"]

_SHORT_EXPONENT: Final = "[eE][+-]?0*[0-9]{1,2}$"

_Numbers: TypeAlias = npt.NDArray[np.int64]
_Flags: TypeAlias = npt.NDArray[np.bool_]
_MaskAs: TypeAlias = Callable[[str, pa.StringArray], pa.StringArray]
_Scan: TypeAlias = Callable[[pa.StringArray], pa.StringArray]

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


def mask_cells(
    column: pa.StringArray,
    *,
    paths: Sequence[tuple[str, str]],
    mask_as: _MaskAs,
    scan: _Scan,
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
    texts = encoded.dictionary
    documents = read_json(texts)
    masked = _Masked(documents)
    masked.mask(follow_paths(documents, paths), mask_as, scan)
    rows, written = masked.written()
    count = len(texts)
    choice = np.arange(count)
    choice[rows] = count + np.arange(len(rows))
    choice[~documents.is_read] = count + len(rows)
    choices = pa.concat_arrays([texts, written, pa.array([redaction(JSON)])])
    return choices.take(pa.array(choice).take(encoded.indices))


class _Masked:
    """The nodes of documents, of which more and more are masked."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._kinds = documents.kinds.copy()
        # The text of each node stands at its place in all the texts there are, one after another.
        self._texts = [documents.texts]
        self._places = np.arange(len(documents.kinds))
        self._is_changed = np.zeros(len(documents.kinds), np.bool_)

    def mask(self, places: Places, mask_as: _MaskAs, scan: _Scan) -> None:
        """Mask every value that is sensitive as a whole, and then what is free text."""
        kinds, texts = self._documents.kinds, self._documents.texts
        is_nest, is_key = kinds <= NodeKind.LIST, kinds == NodeKind.KEY
        is_sensitive = ~places.is_gone & (places.entities > 0)
        for number in np.unique(places.entities[is_sensitive]):
            entity = places.names[number]
            is_here = is_sensitive & (places.entities == number)
            nests = np.flatnonzero(is_here & is_nest)
            self._put(nests, pa.repeat(redaction(entity), len(nests)))
            leaves = np.flatnonzero(is_here & ~is_nest & (kinds != NodeKind.NULL))
            values = texts.take(pa.array(leaves))
            # What an object was replaced by stays as it is when it is masked again.
            is_open = _flags(_compute.not_equal(values, redaction(entity)))
            if is_open.any():
                values = values.filter(pa.array(is_open))
                self._put_changed(leaves[is_open], values, mask_as(entity, values))
        is_text = (kinds == NodeKind.STRING) | (kinds == NodeKind.NUMBER)
        is_free = is_key | (is_text & (places.entities == 0) & ~places.is_public)
        free = np.flatnonzero(is_free & ~places.is_gone)
        if len(free):
            values = _spelt_out(texts.take(pa.array(free)), kinds[free] == NodeKind.NUMBER)
            self._put_changed(free, values, scan(values))

    def _put_changed(self, nodes: _Numbers, before: pa.StringArray, after: pa.StringArray) -> None:
        is_changed = ~same_cells(before, after)
        self._put(nodes[is_changed], after.filter(pa.array(is_changed)))

    def _put(self, nodes: _Numbers, texts: pa.StringArray) -> None:
        """Replace nodes by texts; a null becomes the null of JSON, but not if it is a key."""
        self._places[nodes] = sum(map(len, self._texts)) + np.arange(len(nodes))
        self._texts.append(_compute.fill_null(texts, "null"))
        values = np.where(_flags(texts.is_null()), NodeKind.NULL, NodeKind.STRING)
        is_key = self._kinds[nodes] == NodeKind.KEY
        self._kinds[nodes] = np.where(is_key, NodeKind.KEY, values)
        self._is_changed[nodes] = True

    def written(self) -> tuple[_Numbers, pa.StringArray]:
        """Return which documents have changed, and their new text."""
        self._tell_keys_apart()
        edges = self._documents.edges
        rows = np.unique(np.searchsorted(edges, np.flatnonzero(self._is_changed), side="right") - 1)
        is_row = np.zeros(len(edges) - 1, np.bool_)
        is_row[rows] = True
        is_kept = np.repeat(is_row, np.diff(edges))
        index = np.concatenate([[0], np.cumsum(is_kept)])
        written = write_json(
            kinds=self._kinds[is_kept],
            ends=index[self._documents.ends[is_kept]].astype(np.int32),
            texts=pa.concat_arrays(self._texts).take(pa.array(self._places[is_kept])),
            edges=index[np.concatenate([edges[:-1][is_row], edges[-1:]])],
        )
        return rows, written

    def _tell_keys_apart(self) -> None:
        """Number the keys of an object that have become equal, so that no reader drops values."""
        is_key = self._kinds == NodeKind.KEY
        parents = self._documents.parents
        is_touched = np.zeros(len(parents), np.bool_)
        is_touched[parents[self._is_changed & is_key]] = True
        keys = np.flatnonzero(is_key & is_touched[parents])
        names = pa.concat_arrays(self._texts).take(pa.array(self._places[keys]))
        objects = parents[keys]
        is_repeated = np.isin(objects, objects[repeated_keys(objects, names)])
        names = names.filter(pa.array(is_repeated)).to_pylist()
        taken: set[tuple[int, str]] = set()
        numbers: dict[tuple[int, str], int] = {}
        distinct = []
        for parent, name in zip(objects[is_repeated].tolist(), names, strict=True):
            # All numbers before the last one of a name are taken.
            new, number = name, numbers.get((parent, name), 1)
            while (parent, new) in taken:
                number += 1
                new = f"{name} {number}"
            numbers[parent, name] = number
            taken.add((parent, new))
            distinct.append(new)
        self._put(keys[is_repeated], pa.array(distinct, pa.string()))


def _spelt_out(values: pa.StringArray, is_number: _Flags) -> pa.StringArray:
    """Write out the exponents of numbers, behind which digits could hide from a detector."""
    numbers = np.flatnonzero(is_number)
    spelt = values.take(pa.array(numbers))
    where = numbers[_flags(_compute.match_substring_regex(spelt, _SHORT_EXPONENT))]
    if not len(where):
        return values
    long = [format(Decimal(text), "f") for text in values.take(pa.array(where)).to_pylist()]
    is_long = np.zeros(len(values), np.bool_)
    is_long[where] = True
    return _compute.replace_with_mask(values, pa.array(is_long), pa.array(long, pa.string()))


def _flags(column: pa.BooleanArray) -> _Flags:
    return np.array(column.to_numpy(zero_copy_only=False), np.bool_)
