"""Makes the tokens of one domain, a column at a time.

This module knows version 1 of the token formats, as ``docs/reference/tokens.md`` states them, and
Arrow's buffers. It does not know keyrings, policies or maskers, and it never looks at a value
except to hash it or to see that it is a token already.

Each distinct value is hashed once where values repeat. Results are built from fresh buffers, so
that no raw byte can be reached through them.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline.errors import MaskingError

from ._secret import KeyHolder
from ._shapes import email_mask, token_mask
from .prf import Digests, HmacPads, Offsets, hmac_sha256_rows, sha256_rows

__all__ = ["DomainTokenizer"]

_TEXT_BYTES: Final = 12
_CHECK_BYTES: Final = 4
_INTEGER_BYTES: Final = 8
# 15 of the 16 hex digits of 8 bytes: the last one is shifted away.
_INTEGER_SHIFT: Final = np.uint64(4)
_MOST_BYTES: Final = 2**31 - 1
_SAMPLE: Final = 2048
# To find equal values costs a third of hashing all of them.
_WORTHWHILE: Final = 0.65
_HEX: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint8).reshape(256, 2)

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainTokenizer(KeyHolder):
    """Makes the tokens of one domain, under one version of its key.

    It plays the role `maskline.roles.Tokenizer`. Any number of threads may share it.

    Attributes:
        domain: The key space. Equal values of one domain have equal tokens.
        slug: Begins each text token.
        version: Of the master key.
        pads: The key of the domain.
    """

    domain: str
    slug: str
    version: int
    pads: HmacPads = field(repr=False)

    def text(self, column: pa.StringArray) -> pa.StringArray:
        """Return a token for each value. A value that is a token stays as it is.

        Args:
            column: Any length, nulls and slices allowed; ``pa.string()``.

        Returns:
            The same length and type. Null where *column* is null, and nowhere else.

        Raises:
            MaskingError: The column is of another type, or too long for one array.
        """
        _require(column, pa.StringArray)
        values, places = _distinct(column)
        return _spread(self._tokens(values, token_mask(values)), places)

    def email(self, column: pa.StringArray) -> pa.StringArray:
        """Return ``token@domain`` for each address, its domain kept, else what *text* returns.

        Args:
            column: Any length, nulls and slices allowed; ``pa.string()``.

        Returns:
            The same length and type. Null where *column* is null, and nowhere else.

        Raises:
            MaskingError: The column is of another type, or too long for one array.
        """
        _require(column, pa.StringArray)
        values, places = _distinct(column)
        is_token = token_mask(values)
        tokens = self._tokens(values, is_token)
        has_domain = email_mask(values) & ~is_token
        if has_domain.any():
            is_address = _booleans(has_domain)
            halves = _compute.split_pattern(values.filter(is_address), "@")
            addresses = _compute.binary_join_element_wise(
                tokens.filter(is_address), _compute.list_element(halves, 1), "@"
            )
            tokens = _merge(has_domain, addresses, tokens.filter(_booleans(~has_domain)))
        return _spread(tokens, places)

    def integer(self, column: pa.Int64Array) -> pa.Int64Array:
        """Return a 60-bit token, never negative, for each value.

        Args:
            column: Any length, nulls and slices allowed; ``pa.int64()``.

        Returns:
            The same length and type. Null where *column* is null, and nowhere else.

        Raises:
            MaskingError: The column is of another type.
        """
        _require(column, pa.Int64Array)
        values, places = _distinct(column)
        digests = self._digests(values.cast(pa.string()))
        words = np.ascontiguousarray(digests[:, :_INTEGER_BYTES]).view(">u8").reshape(-1)
        tokens = _integers((words.astype(np.uint64) >> _INTEGER_SHIFT).astype(np.int64))
        return tokens if places is None else tokens.take(places)

    def _tokens(self, values: pa.StringArray, is_token: npt.NDArray[np.bool_]) -> pa.StringArray:
        if not is_token.any():
            return self._new_tokens(values)
        is_new = ~is_token
        new = self._new_tokens(values.filter(_booleans(is_new)))
        return _merge(is_new, new, values.filter(_booleans(is_token)))

    def _new_tokens(self, values: pa.StringArray) -> pa.StringArray:
        rows = len(values)
        head = np.frombuffer(f"{self.slug}_".encode(), np.uint8)
        stems = np.empty((rows, len(head) + 2 * _TEXT_BYTES), np.uint8)
        stems[:, : len(head)] = head
        stems[:, len(head) :] = _hex(self._digests(values)[:, :_TEXT_BYTES])
        edges = np.arange(rows + 1, dtype=np.int64) * stems.shape[1]
        checks = sha256_rows(offsets=edges, data=stems.tobytes())[:, :_CHECK_BYTES]
        whole = np.hstack([stems, _hex(checks)])
        if whole.size > _MOST_BYTES:
            raise _too_long()
        ends = np.arange(rows + 1, dtype=np.int32) * np.int32(whole.shape[1])
        return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(whole))

    def _digests(self, values: pa.StringArray) -> Digests:
        offsets, data = _rows(values)
        return hmac_sha256_rows(self.pads, offsets=offsets, data=data)


def _require(column: object, kind: type) -> None:
    if not isinstance(column, kind):
        is_array = isinstance(column, (pa.Array, pa.ChunkedArray))
        what = str(column.type) if is_array else type(column).__name__  # type: ignore[attr-defined]
        msg = f"Tokens are made of a {kind.__name__}, and the column is {what}."
        raise MaskingError(msg, hint="Cast the column, chunk by chunk, before it is masked.")


def _too_long() -> MaskingError:
    msg = "The tokens of so many rows do not fit into one array."
    return MaskingError(msg, hint="Mask the column in smaller batches.")


def _distinct(column: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Return values without nulls, and for each row the place of its value among them.

    The places are null where the column is. They are None if the values are the rows.
    """
    if _has_repeats(column):
        encoded = column.dictionary_encode()
        return encoded.dictionary, encoded.indices
    if not column.null_count:
        return column, None
    values = column.drop_null()
    is_null = column.is_null()
    ranks = np.cumsum(~is_null.to_numpy(zero_copy_only=False)) - 1
    none = pa.nulls(1, pa.int64())[0]
    return values, _compute.if_else(is_null, none, _integers(ranks.astype(np.int64)))


def _has_repeats(column: pa.Array) -> bool:
    """Guess from a sample whether values repeat so often that it pays to find the equal ones."""
    rows = len(column)
    step = -(-rows // _SAMPLE) or 1
    sample = column.take(_integers(np.arange(0, rows, step, dtype=np.int64)))
    size = len(sample)
    pairs = size - len(sample.unique())
    if step == 1:
        return size - pairs < _WORTHWHILE * rows
    # Where each value stands in r rows, a sample of s of n rows holds (r - 1) * s * s / 2n pairs.
    repeats = 1 + 2 * pairs * rows / size**2
    return repeats * _WORTHWHILE > 1


def _rows(values: pa.StringArray) -> tuple[Offsets, bytes]:
    """Return the offsets and the bytes of an array without nulls."""
    if not len(values):
        return np.zeros(1, np.int64), b""
    _, edges, data = values.buffers()
    offsets = np.frombuffer(edges, np.int32, len(values) + 1, offset=4 * values.offset)
    begin, end = int(offsets[0]), int(offsets[-1])
    # An array of nothing but empty strings may come without a buffer of bytes.
    taken = data.slice(begin, end - begin).to_pybytes() if end > begin else b""
    return offsets.astype(np.int64) - begin, taken


def _spread(tokens: pa.StringArray, places: pa.Array | None) -> pa.StringArray:
    """Return the token at each place; null for a null place."""
    if places is None:
        return tokens
    if len(tokens):
        widest = _compute.max(_compute.binary_length(tokens)).as_py()
        if widest * len(places) > _MOST_BYTES:
            raise _too_long()
    return tokens.take(places)


def _merge(
    is_first: npt.NDArray[np.bool_], first: pa.StringArray, second: pa.StringArray
) -> pa.StringArray:
    """Return the next of *first* where *is_first* holds, else the next of *second*."""
    order = np.empty(len(is_first), np.int64)
    order[is_first] = np.arange(len(first))
    order[~is_first] = np.arange(len(first), len(is_first))
    # Unlike an array that was filtered, one that was taken never shares its bytes with another.
    return pa.concat_arrays([first, second]).take(_integers(order))


def _hex(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    rows, width = digests.shape
    return _HEX[digests].reshape(rows, 2 * width)


def _integers(numbers: npt.NDArray[np.int64]) -> pa.Int64Array:
    return pa.Int64Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def _booleans(mask: npt.NDArray[np.bool_]) -> pa.BooleanArray:
    bits = np.packbits(mask, bitorder="little")
    return pa.BooleanArray.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(bits)])
