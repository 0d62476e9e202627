"""Small pure functions on the buffers of Arrow columns.

Each works on whole columns, checks its bounds, and gives back fresh buffers: no byte of its input
that is not part of the result can be reached through the result. This package knows numpy, pyarrow
and spans. It does not know labels, masks, policies, or what a value means.
"""

from ._buffers import Bytes, Offsets, gather, rows_of
from ._choice import ENVIRONMENT_VARIABLE, native, units, which
from ._ends import keep_ends
from ._ff1 import ff1
from ._hashes import Digests, hmac_sha256, sha256, to_hex, tokens
from ._json import Documents, NodeKind, read_json, repeated_keys, write_json
from ._leaves import by_leaf, edges, is_nested, nest, same_cells, unnest
from ._spans import extract, splice

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "Bytes",
    "Digests",
    "Documents",
    "NodeKind",
    "Offsets",
    "by_leaf",
    "edges",
    "extract",
    "ff1",
    "gather",
    "hmac_sha256",
    "is_nested",
    "keep_ends",
    "native",
    "nest",
    "read_json",
    "repeated_keys",
    "rows_of",
    "same_cells",
    "sha256",
    "splice",
    "to_hex",
    "tokens",
    "units",
    "unnest",
    "which",
    "write_json",
]
