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

from maskline._kernels import Bytes, Digests, Offsets, gather, rows_of, tokens
from maskline.errors import MaskingError

from ._draws import Words, draw_rows
from ._secret import KeyHolder
from ._shapes import Shape, shapes
from .ff1 import NumberCipher
from .prf import HmacPads, hmac_sha256_rows

__all__ = ["DomainTokenizer"]

_INTEGER_BYTES: Final = 8
# 15 of the 16 hex digits of 8 bytes: the last one is shifted away.
_INTEGER_SHIFT: Final = np.uint64(4)
_MOST_BYTES: Final = 2**31 - 1
_SAMPLE: Final = 512
# To find equal values costs a third or more of hashing all of them.
_WORTHWHILE: Final = 0.6

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
        return _spread(self._tokens(values), places)

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
        return _spread(self._tokens(values, keeps_domain=True), places)

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

    def encrypt(self, column: pa.Array, *, has_check: bool = False) -> pa.Array:
        """Encrypt the digits of each value, and leave everything else of it where it is.

        Args:
            column: Any length, nulls and slices allowed: ``pa.string()``, or integers of at most
                64 bits with a sign, or 32 without.
            has_check: Whether the last digit is a check digit after Luhn, which is made anew.

        Returns:
            The same length and type. Null where *column* is null, where a value has fewer than 6
            or more than 36 digits to encrypt, and where its check does not hold.

        Raises:
            MaskingError: The column is of another type.
        """
        cipher = NumberCipher.of_domain(self.domain, self.pads)
        return cipher.encrypt(column, has_check=has_check)

    def draw(self, column: pa.StringArray, *, use: str) -> Words:
        """Return a pseudorandom word for each value, to decide by what becomes of it.

        Args:
            column: Any length, nulls and slices allowed; ``pa.string()``.
            use: What the words decide, such as ``shift``. Uses are independent of each other.

        Returns:
            Shape ``(rows,)``: equal words for equal values, and 0, which means nothing, for null.

        Raises:
            MaskingError: The column is of another type.
        """
        _require(column, pa.StringArray)
        values, places = _distinct(column)
        offsets, data = rows_of(values)
        words = draw_rows(self.pads, use=use, offsets=offsets, data=data)
        if places is None:
            return words
        spread = np.zeros(len(places), np.uint64)
        is_there = places.is_valid().to_numpy(zero_copy_only=False)
        spread[is_there] = words[places.drop_null().to_numpy()]
        return spread

    def _tokens(self, values: pa.StringArray, *, keeps_domain: bool = False) -> pa.StringArray:
        offsets, data = rows_of(values)
        made = tokens(
            offsets,
            data,
            inner=self.pads.inner.reveal(),
            outer=self.pads.outer.reveal(),
            head=f"{self.slug}_".encode(),
        )
        # Of a value that is a token, all stays; of an address, what begins with its sign.
        shape = shapes(values)
        is_token = shape == Shape.TOKEN
        tails = np.where(is_token, offsets[:-1], offsets[1:])
        if keeps_domain and (is_address := shape == Shape.ADDRESS).any():
            signs = _compute.find_substring(values, "@").to_numpy()
            tails = np.where(is_address, offsets[:-1] + signs, tails)
        return _with_tails(made, ~is_token, offsets, data, tails)

    def _digests(self, values: pa.StringArray) -> Digests:
        offsets, data = rows_of(values)
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
    if rows <= _SAMPLE:
        return False
    sample = column.take(_integers(np.arange(0, rows, -(-rows // _SAMPLE), dtype=np.int64)))
    size = len(sample)
    pairs = size - len(sample.unique())
    # Where each value stands in r rows, a sample of s of n rows holds (r - 1) * s * s / 2n pairs.
    repeats = 1 + 2 * pairs * rows / size**2
    return repeats * _WORTHWHILE > 1


def _with_tails(
    made: npt.NDArray[np.uint8],
    is_made: npt.NDArray[np.bool_],
    offsets: Offsets,
    data: Bytes,
    tails: npt.NDArray[np.int64],
) -> pa.StringArray:
    """Return each row of *made* that counts, followed by its row of *data* from *tails* on."""
    rows, width = made.shape
    sizes = width * is_made + offsets[1:] - tails
    edges = np.zeros(rows + 1, np.int64)
    np.cumsum(sizes, out=edges[1:])
    if edges[-1] > _MOST_BYTES:
        raise _too_long()
    whole = made.reshape(-1)
    if edges[-1] != whole.size or not is_made.all():
        begins, ends = np.empty(2 * rows, np.int64), np.empty(2 * rows, np.int64)
        begins[::2] = np.arange(rows) * width
        ends[::2] = begins[::2] + width * is_made
        begins[1::2], ends[1::2] = tails + whole.size, offsets[1:] + whole.size
        whole = gather(np.concatenate([whole, data]), begins, ends)
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(edges.astype(np.int32)), pa.py_buffer(whole)
    )


def _spread(tokens: pa.StringArray, places: pa.Array | None) -> pa.StringArray:
    """Return the token at each place; null for a null place."""
    if places is None:
        return tokens
    if len(tokens):
        widest = _compute.max(_compute.binary_length(tokens)).as_py()
        if widest * len(places) > _MOST_BYTES:
            raise _too_long()
    return tokens.take(places)


def _integers(numbers: npt.NDArray[np.int64]) -> pa.Int64Array:
    return pa.Int64Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
