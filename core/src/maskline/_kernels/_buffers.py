"""Reads and writes the buffers of a text column.

This module knows the layout of Arrow's variable-length arrays, and nothing else.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ._choice import native

__all__ = [
    "Bytes",
    "Offsets",
    "check_size",
    "continues",
    "gather",
    "read",
    "rows_of",
    "running_total",
    "write",
]

Offsets: TypeAlias = npt.NDArray[np.int64]
"""Shape ``(rows + 1,)``, rising from 0: where each row's bytes begin and end."""
Bytes: TypeAlias = npt.NDArray[np.uint8]
"""The rows' bytes, one after the other."""

_MOST_BYTES: Final = 2**31 - 1


def read(column: pa.StringArray) -> tuple[Offsets, Bytes]:
    """Return the offsets and bytes of a column, as if it were not a slice and null were empty.

    Raises:
        ValueError: It is not a sound array of UTF-8 text.
    """
    if column.type != pa.string() or not _is_sound(column):
        msg = "The column is not a sound array of UTF-8 text."
        raise ValueError(msg)
    if column.null_count:
        # A null may hide bytes of its own. They are not part of the column's text.
        column = pc.fill_null(column, "")
    return rows_of(column)


def _is_sound(column: pa.StringArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def rows_of(column: pa.Array) -> tuple[Offsets, Bytes]:
    """Return the offsets and bytes of a sound array of text without nulls."""
    if not len(column):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, edges, data = column.buffers()
    offsets = np.frombuffer(edges, np.int32, len(column) + 1, offset=4 * column.offset)
    begin, end = int(offsets[0]), int(offsets[-1])
    if begin == end:
        return np.zeros(len(column) + 1, np.int64), np.zeros(0, np.uint8)
    return offsets.astype(np.int64) - begin, np.frombuffer(data, np.uint8, end)[begin:]


def write(offsets: Offsets, data: Bytes, *, like: pa.StringArray) -> pa.StringArray:
    """Return an array of text that is null where *like* is.

    Raises:
        ValueError: It would hold 2 GiB or more.
    """
    check_size(int(offsets[-1]))
    bitmap = None
    if like.null_count:
        valid = like.is_valid().to_numpy(zero_copy_only=False)
        bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.StringArray.from_buffers(
        len(like),
        pa.py_buffer(offsets.astype(np.int32)),
        pa.py_buffer(data),
        bitmap,
        like.null_count,
    )


def check_size(size: int) -> None:
    """Raise ValueError if so many bytes do not fit one array of text."""
    if size > _MOST_BYTES:
        msg = "The result would hold 2 GiB or more; use smaller batches."
        raise ValueError(msg)


def running_total(counts: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Offsets:
    """Return 0, then the sum of the first one, two, three and so on."""
    total = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=total[1:])
    return total


def continues(data: Bytes) -> npt.NDArray[np.bool_]:
    """Return whether each byte of UTF-8 continues a character instead of beginning one."""
    is_continuation: npt.NDArray[np.bool_] = (data & 0xC0) == 0x80  # noqa: PLR2004 - 10xxxxxx
    return is_continuation


def gather(data: Bytes, begins: Offsets, ends: Offsets) -> Bytes:
    """Return stretches of *data*, one after the other.

    Args:
        data: Any bytes.
        begins: Where each stretch begins; shape ``(stretches,)``.
        ends: Where it ends; not before it begins.
    """
    lengths = ends - begins
    if native is not None:
        out = np.empty(int(lengths.sum()), np.uint8)
        native.gather(data, np.ascontiguousarray(begins), np.ascontiguousarray(ends), out)
        return out
    edges = running_total(lengths)
    taken: Bytes = data[np.arange(edges[-1]) + np.repeat(begins - edges[:-1], lengths)]
    return taken
