"""The keyed function behind every token: HMAC-SHA256, under a key derived by HKDF-SHA256.

This module knows bytes and FIPS 198-1, RFC 2104 and RFC 5869. It does not know what a token looks
like, what a domain is, or where keys are kept.

*hmac_sha256_rows* and *sha256_rows* are pure functions from rows of bytes to digests, and the only
loops over values. Faster ones may take their place if they give the same digests.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ._secret import KeyHolder, Secret

__all__ = [
    "Digests",
    "HmacPads",
    "Offsets",
    "hkdf_sha256",
    "hmac_sha256_rows",
    "sha256_rows",
]

Offsets: TypeAlias = npt.NDArray[np.int64]
"""Shape ``(rows + 1,)``, rising: where each row's bytes begin and end."""
Digests: TypeAlias = npt.NDArray[np.uint8]
"""Shape ``(rows, 32)``: one SHA-256 or HMAC-SHA256 digest for each row."""

_BLOCK: Final = 64
_DIGEST: Final = 32
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacPads(KeyHolder):
    """A key as HMAC uses it: two blocks of 64 bytes.

    Who has the pads of a domain can make and test its tokens, and learns nothing about the master
    key or any other domain.

    Attributes:
        inner: The padded key, each byte XOR 0x36.
        outer: The padded key, each byte XOR 0x5c.
    """

    inner: Secret
    outer: Secret

    @classmethod
    def from_key(cls, key: Secret) -> "HmacPads":
        """Return the pads of a key of any length."""
        block = Secret(_padded(key))
        return cls(
            inner=Secret(block.reveal().translate(_INNER)),
            outer=Secret(block.reveal().translate(_OUTER)),
        )


def _padded(key: Secret) -> bytes:
    short = hashlib.sha256(key.reveal()).digest() if len(key) > _BLOCK else key.reveal()
    return short.ljust(_BLOCK, b"\0")


def hkdf_sha256(key: Secret, *, info: bytes, salt: bytes = b"", length: int = 32) -> Secret:
    """Derive a key from another one, as RFC 5869 says.

    Args:
        key: The input keying material.
        info: What the new key is for. Keys for different *info* tell nothing about each other.
        salt: By default empty, which RFC 5869 defines as 32 zero bytes.
        length: Bytes of the new key, at most 8160.

    Returns:
        A key of *length* bytes.
    """
    # OpenSSL's bindings are slow to import, and a policy without tokens never needs them.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    function = HKDF(algorithm=SHA256(), length=length, salt=salt, info=info)
    return Secret(function.derive(key.reveal()))


def hmac_sha256_rows(pads: HmacPads, *, offsets: Offsets, data: bytes) -> Digests:
    """Return the HMAC-SHA256 of each row.

    Args:
        pads: The key.
        offsets: Row *i* is ``data[offsets[i]:offsets[i + 1]]``.
        data: The rows' bytes. Do not keep a reference to it.

    Returns:
        Shape ``(rows, 32)``. The array is fresh.
    """
    # A copy of a context that has read its pad saves two of the four blocks of a short message.
    # The originals are never updated, so that any number of threads may copy them.
    inner_copy = hashlib.sha256(pads.inner.reveal()).copy
    outer_copy = hashlib.sha256(pads.outer.reveal()).copy
    digests: list[bytes] = []
    add = digests.append
    for begin, end in pairwise(offsets.tolist()):
        inner = inner_copy()
        inner.update(data[begin:end])
        outer = outer_copy()
        outer.update(inner.digest())
        add(outer.digest())
    return _stack(digests)


def sha256_rows(*, offsets: Offsets, data: bytes) -> Digests:
    """Return the SHA-256, without a key, of each row.

    Args:
        offsets: Row *i* is ``data[offsets[i]:offsets[i + 1]]``.
        data: The rows' bytes. Do not keep a reference to it.

    Returns:
        Shape ``(rows, 32)``. The array is fresh.
    """
    sha256 = hashlib.sha256
    return _stack([sha256(data[begin:end]).digest() for begin, end in pairwise(offsets.tolist())])


def _stack(digests: list[bytes]) -> Digests:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), _DIGEST)
