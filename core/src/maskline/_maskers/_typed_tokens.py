"""Makes tokens of values that are no text: of whole numbers, UUIDs and bytes.

This module knows Arrow's layout and what a tokenizer offers. It does not know labels or keys.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import rows_of, to_hex
from maskline.roles import Tokenizer

__all__ = ["holds_token", "is_uuid", "is_wide", "typed_token"]

_LEAST_BYTES: Final = 12
_TOKEN_BYTES: Final = 16
_WORD_BYTES: Final = 8
_LEAST_DIGITS: Final = 19
"""The digits of the largest 64-bit integer: a narrower decimal does not hold a 60-bit token."""
# 60 of 64 bits, as in the tokens of 64-bit integers.
_SHIFT: Final = np.uint64(4)

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


def holds_token(kind: pa.DataType) -> bool:
    """Whether a token fits into values of a type that is not text."""
    if pa.types.is_fixed_size_binary(kind):
        return bool(kind.byte_width >= _LEAST_BYTES)
    return is_wide(kind) or kind == pa.binary()


def typed_token(column: pa.Array, tokenizer: Tokenizer) -> pa.Array:
    """Return a token for each value.

    Args:
        column: Any length, nulls and slices allowed; of a type that *holds_token*.
        tokenizer: Of the domain.

    Returns:
        The length and type of *column*, null where it is null: 60 bits for whole numbers, equal
        for equal numbers of different types; a UUID of version 8 for 16 bytes (RFC 9562, section
        5.8); as many bytes as there are for bytes of another fixed size; 16 for bytes of any size.
    """
    if column.type == pa.int64():
        return tokenizer.integer(column)
    if is_wide(column.type):
        return _integers(column, tokenizer)
    return _bytes(_hex(column), tokenizer, column.type)


def is_wide(kind: pa.DataType) -> bool:
    """Whether values of a type are whole numbers of 64 bits, or decimals as wide."""
    if pa.types.is_decimal(kind):
        return bool(kind.scale == 0 and kind.precision >= _LEAST_DIGITS)
    return kind in {pa.int64(), pa.uint64()}


def is_uuid(kind: pa.DataType) -> bool:
    """Whether values of a type have 16 bytes, as a UUID is stored."""
    return bool(pa.types.is_fixed_size_binary(kind) and kind.byte_width == _TOKEN_BYTES)


def _integers(column: pa.Array, tokenizer: Tokenizer) -> pa.Array:
    wide = column.cast(pa.decimal256(76, 0))
    is_small = _compute.and_(
        _compute.less_equal(wide, pa.scalar(2**63 - 1, pa.int64()).cast(wide.type)),
        _compute.greater_equal(wide, pa.scalar(-(2**63), pa.int64()).cast(wide.type)),
    )
    small = _compute.if_else(is_small, wide, pa.scalar(None, wide.type)).cast(pa.int64())
    tokens = tokenizer.integer(small)
    if tokens.null_count > column.null_count:
        words = tokenizer.draw(column.cast(pa.string()), use="integer") >> _SHIFT
        large = pa.array(words.astype(np.int64))
        tokens = _compute.if_else(is_small, tokens, large)
    return tokens.cast(column.type)


def _bytes(values: pa.StringArray, tokenizer: Tokenizer, kind: pa.DataType) -> pa.Array:
    """Return bytes of the type *kind* for each value, null for null."""
    is_fixed = pa.types.is_fixed_size_binary(kind)
    width = kind.byte_width if is_fixed else _TOKEN_BYTES
    rows = len(values)
    words = [
        tokenizer.draw(values, use=f"bytes {first}").astype(">u8")
        for first in range(0, width, _WORD_BYTES)
    ]
    data = np.stack(words, axis=1).view(np.uint8)[:, :width]
    if is_uuid(kind):
        data[:, 6] = data[:, 6] & 0x0F | 0x80
        data[:, 8] = data[:, 8] & 0x3F | 0x80
    fixed = pa.Array.from_buffers(
        pa.binary(width), rows, [None, pa.py_buffer(np.ascontiguousarray(data))]
    )
    tokens = fixed if is_fixed else fixed.cast(kind)
    return _compute.if_else(values.is_valid(), tokens, pa.scalar(None, kind))


def _hex(column: pa.Array) -> pa.StringArray:
    """Return bytes as hexadecimal text: tokens are made of text."""
    offsets, data = rows_of(_compute.fill_null(column.cast(pa.binary()), b""))
    text = pa.StringArray.from_buffers(
        len(column),
        pa.py_buffer((2 * offsets).astype(np.int32)),
        pa.py_buffer(to_hex(data)),
    )
    return _compute.if_else(column.is_valid(), text, pa.scalar(None, pa.string()))
