"""The keyed function behind every token: HMAC-SHA256, under a key derived by HKDF-SHA256.

This module knows bytes and FIPS 198-1, RFC 2104 and RFC 5869. It does not know what a token looks
like, what a domain is, or where keys are kept.

The loops over values are the kernels'.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from maskline._kernels import Bytes, Digests, Offsets, hmac_sha256

from ._secret import KeyHolder, Secret

__all__ = [
    "HmacPads",
    "hkdf_sha256",
    "hmac_sha256_rows",
]

_BLOCK: Final = 64
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


def hmac_sha256_rows(pads: HmacPads, *, offsets: Offsets, data: Bytes) -> Digests:
    """Return the HMAC-SHA256 of each row.

    Args:
        pads: The key.
        offsets: Row *i* is ``data[offsets[i]:offsets[i + 1]]``.
        data: The rows' bytes. Do not keep a reference to it.

    Returns:
        Shape ``(rows, 32)``. The array is fresh.
    """
    return hmac_sha256(offsets, data, inner=pads.inner.reveal(), outer=pads.outer.reveal())
