"""Takes stretches out of text, and puts others in their place.

This module knows spans and buffers. It does not know who found the spans, or what replaces them.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from maskline.model import Spans

from ._buffers import Bytes, Offsets, check_size, continues, gather, read, running_total, write
from ._choice import native

__all__ = ["extract", "splice"]


_Action: TypeAlias = Callable[[pa.StringArray], pa.StringArray]


def extract(column: pa.StringArray, spans: Spans) -> pa.StringArray:
    """Return the text of each span.

    Args:
        column: Any length, nulls and slices allowed.
        spans: In any order; they may overlap.

    Returns:
        As many values as there are spans, in their order, none of them null.

    Raises:
        ValueError: A span is empty, leaves its row, or cuts a character in two.
    """
    offsets, data = read(column)
    return _cut(data, *_locate(spans, offsets, data))


def splice(column: pa.StringArray, spans: Spans, action: _Action) -> pa.StringArray:
    """Replace the text of each span.

    Args:
        column: Any length, nulls and slices allowed.
        spans: Sorted by row and start; they do not overlap.
        action: Is given the text of all spans, and returns what takes their places: as many
            values, none of them null.

    Returns:
        The length of *column*. Null where *column* is null, and nowhere else.

    Raises:
        ValueError: A span is empty, leaves its row, cuts a character in two, is out of order or
            overlaps another; or the replacements do not fit the spans.
    """
    offsets, data = read(column)
    begins, ends = _locate(spans, offsets, data)
    if (begins[1:] < ends[:-1]).any():
        msg = "The spans overlap, or are not sorted by row and start."
        raise ValueError(msg)
    replacements = action(_cut(data, begins, ends))
    if len(replacements) != len(spans) or replacements.null_count:
        msg = "There must be exactly one replacement for each span, and none may be null."
        raise ValueError(msg)
    pieces, text = read(replacements)
    growth = running_total(np.diff(pieces) - (ends - begins))
    edges = offsets + growth[np.searchsorted(spans.rows, np.arange(len(offsets)))]
    check_size(int(edges[-1]))
    return write(edges, _weave(data, begins, ends, pieces, text), like=column)


def _cut(data: Bytes, begins: Offsets, ends: Offsets) -> pa.StringArray:
    edges = running_total(ends - begins)
    check_size(int(edges[-1]))
    return write(edges, gather(data, begins, ends), like=pa.repeat("", len(begins)))


def _weave(data: Bytes, begins: Offsets, ends: Offsets, pieces: Offsets, text: Bytes) -> Bytes:
    """Return *data*, in which pieces of *text* stand in place of stretches."""
    if native is not None:
        size = len(data) - int((ends - begins).sum()) + int(pieces[-1])
        out = np.empty(size, np.uint8)
        native.weave(data, begins, ends, pieces, text, out)
        return out
    # What is kept and what takes the place of a stretch take turns.
    starts, stops = np.empty(2 * len(begins) + 1, np.int64), np.empty(2 * len(begins) + 1, np.int64)
    starts[0], starts[2::2], starts[1::2] = 0, ends, len(data) + pieces[:-1]
    stops[-1], stops[:-1:2], stops[1::2] = len(data), begins, len(data) + pieces[1:]
    return gather(np.concatenate([data, text]), starts, stops)


def _locate(spans: Spans, offsets: Offsets, data: Bytes) -> tuple[Offsets, Offsets]:
    """Return where the spans begin and end in *data*, having checked that they may."""
    rows, starts, ends = (
        np.asarray(part, np.int64) for part in (spans.rows, spans.starts, spans.ends)
    )
    if not rows.shape == starts.shape == ends.shape == (len(spans),):
        msg = "The arrays of the spans differ in length."
        raise ValueError(msg)
    if ((rows < 0) | (rows >= len(offsets) - 1)).any():
        msg = "A span names a row that is not there."
        raise ValueError(msg)
    begin, length = offsets[rows], np.diff(offsets)[rows]
    if ((starts < 0) | (starts >= ends) | (ends > length)).any():
        msg = "A span is empty, or leaves its row."
        raise ValueError(msg)
    begins, ends = begin + starts, begin + ends
    # A continuation byte can neither begin a span nor follow it. A row's end always ends one.
    after = ends[ends < len(data)]
    if continues(data[begins]).any() or continues(data[after]).any():
        msg = "A span cuts a character in two."
        raise ValueError(msg)
    return begins, ends
