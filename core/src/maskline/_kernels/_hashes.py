"""Hashes rows of bytes: SHA-256 (FIPS 180-4), HMAC-SHA256 (FIPS 198-1), and tokens with a check.

This module knows bytes. It does not know who made a key, or what a token is for.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ._buffers import Bytes, Offsets
from ._choice import native

__all__ = ["Digests", "hmac_sha256", "sha256", "to_hex", "tokens"]

Digests: TypeAlias = npt.NDArray[np.uint8]
"""Shape ``(rows, 32)``: one digest for each row."""

_DIGEST: Final = 32
_STEM_BYTES: Final = 12
_CHECK_BYTES: Final = 4
_HEX: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint8).reshape(256, 2)


def sha256(offsets: Offsets, data: Bytes) -> Digests:
    """Return the SHA-256 of each row.

    Args:
        offsets: Row *i* is ``data[offsets[i]:offsets[i + 1]]``.
        data: The rows' bytes.

    Returns:
        Shape ``(rows, 32)``. The array is fresh.
    """
    if native is not None:
        out = np.empty((len(offsets) - 1, _DIGEST), np.uint8)
        native.sha256_rows(offsets, data, out)
        return out
    rows = bytes(data)
    return _stack([hashlib.sha256(rows[begin:end]).digest() for begin, end in _edges(offsets)])


def hmac_sha256(offsets: Offsets, data: Bytes, *, inner: bytes, outer: bytes) -> Digests:
    """Return the HMAC-SHA256 of each row.

    Args:
        offsets: Row *i* is ``data[offsets[i]:offsets[i + 1]]``.
        data: The rows' bytes.
        inner: The key, padded to 64 bytes, each of them XOR 0x36.
        outer: The key, padded to 64 bytes, each of them XOR 0x5c.

    Returns:
        Shape ``(rows, 32)``. The array is fresh.
    """
    if native is not None:
        out = np.empty((len(offsets) - 1, _DIGEST), np.uint8)
        native.hmac_sha256_rows(inner, outer, offsets, data, out)
        return out
    # A copy of a context that has read its pad saves two of the four blocks of a short message.
    # The originals are never updated, so that any number of threads may copy them.
    inner_copy, outer_copy = hashlib.sha256(inner).copy, hashlib.sha256(outer).copy
    rows = bytes(data)
    digests: list[bytes] = []
    add = digests.append
    for begin, end in _edges(offsets):
        first = inner_copy()
        first.update(rows[begin:end])
        second = outer_copy()
        second.update(first.digest())
        add(second.digest())
    return _stack(digests)


def tokens(
    offsets: Offsets, data: Bytes, *, inner: bytes, outer: bytes, head: bytes
) -> npt.NDArray[np.uint8]:
    """Return a text for each row: *head*, 24 hex digits of its HMAC, and 8 that check them.

    Args:
        offsets: Row *i* is ``data[offsets[i]:offsets[i + 1]]``.
        data: The rows' bytes.
        inner: The key, padded to 64 bytes, each of them XOR 0x36.
        outer: The key, padded to 64 bytes, each of them XOR 0x5c.
        head: Begins each text; at most 31 bytes.

    Returns:
        Shape ``(rows, len(head) + 32)``. The last 8 characters are the first of the SHA-256, in
        hex, of all before them. The array is fresh.
    """
    rows = len(offsets) - 1
    stem = len(head) + 2 * _STEM_BYTES
    out = np.empty((rows, stem + 2 * _CHECK_BYTES), np.uint8)
    if native is not None:
        native.token_rows(inner, outer, head, offsets, data, out)
        return out
    out[:, : len(head)] = np.frombuffer(head, np.uint8)
    digests = hmac_sha256(offsets, data, inner=inner, outer=outer)
    out[:, len(head) : stem] = to_hex(digests[:, :_STEM_BYTES])
    edges = np.arange(rows + 1, dtype=np.int64) * stem
    checks = sha256(edges, out[:, :stem].reshape(-1))
    out[:, stem:] = to_hex(checks[:, :_CHECK_BYTES])
    return out


def _edges(offsets: Offsets) -> Iterator[tuple[int, int]]:
    return pairwise(offsets.tolist())


def _stack(digests: list[bytes]) -> Digests:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), _DIGEST)


def to_hex(data: Bytes) -> Bytes:
    """Return two hex digits, in small letters, for each byte; the last axis is twice as long."""
    digits: Bytes = _HEX[data].reshape(*data.shape[:-1], 2 * data.shape[-1])
    return digits
