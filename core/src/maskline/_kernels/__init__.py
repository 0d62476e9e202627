"""Small pure functions on the buffers of Arrow text.

Each works on whole columns, checks its bounds, and gives back fresh buffers: no byte of its input
that is not part of the result can be reached through the result. This package knows numpy, pyarrow
and spans. It does not know labels, masks, policies, or what a value means.
"""

from ._buffers import Bytes, Offsets, gather, rows_of
from ._choice import ENVIRONMENT_VARIABLE, native, which
from ._ends import keep_ends
from ._hashes import Digests, hmac_sha256, sha256, tokens
from ._spans import extract, splice

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "Bytes",
    "Digests",
    "Offsets",
    "extract",
    "gather",
    "hmac_sha256",
    "keep_ends",
    "native",
    "rows_of",
    "sha256",
    "splice",
    "tokens",
    "which",
]
