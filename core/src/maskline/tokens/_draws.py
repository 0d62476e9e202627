"""Keyed draws: pseudorandom words that depend on a value, and keys of a domain for other uses.

This module knows the key of a domain and HMAC. It does not know Arrow, what a word decides, or who
asks for it.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from maskline._kernels import Bytes, Offsets

from ._secret import Secret
from .prf import HmacPads, hmac_sha256_rows

__all__ = ["Words", "derived_key", "draw_rows"]

Words: TypeAlias = npt.NDArray[np.uint64]
"""Shape ``(rows,)``: one pseudorandom 64-bit word for each row."""

_WORD_BYTES: Final = 8
# No byte of UTF-8, so no value, which is hashed with the same key, gives a key away.
_MARK: Final = b"\xff"


def derived_key(pads: HmacPads, *, use: str) -> Secret:
    """Derive a key from the key of a domain: HMAC-SHA256 of the byte 0xff and the use.

    Args:
        pads: The key of the domain.
        use: What the new key is for. Keys for different uses tell nothing about each other.

    Returns:
        A key of 32 bytes.
    """
    label = _MARK + use.encode()
    digests = hmac_sha256_rows(
        pads, offsets=np.array([0, len(label)], np.int64), data=np.frombuffer(label, np.uint8)
    )
    return Secret(digests.tobytes())


def draw_rows(pads: HmacPads, *, use: str, offsets: Offsets, data: Bytes) -> Words:
    """Draw a word for each row: the first 8 bytes, big endian, of its HMAC-SHA256.

    Args:
        pads: The key of the domain.
        use: What the words decide. The words of different uses are independent.
        offsets: Row *i* is ``data[offsets[i]:offsets[i + 1]]``.
        data: The rows' bytes. Do not keep a reference to it.

    Returns:
        Shape ``(rows,)``. The array is fresh.
    """
    key = HmacPads.from_key(derived_key(pads, use=use))
    digests = hmac_sha256_rows(key, offsets=offsets, data=data)
    heads = np.ascontiguousarray(digests[:, :_WORD_BYTES])
    return heads.view(">u8").reshape(-1).astype(np.uint64)
