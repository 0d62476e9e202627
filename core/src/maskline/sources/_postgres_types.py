"""How PostgreSQL's values are fetched, by their types.

This module knows ADBC's description of a column. It does not know connections.
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

__all__ = ["target"]

_AS_IS: Final = frozenset(
    """bool int2 int4 int8 float4 float8 text varchar bpchar name bytea date time timestamp
    timestamptz""".split()  # noqa: SIM905 - words are easier to read
)
_DECIMAL_DIGITS: Final = 38
_LONG_DECIMAL_DIGITS: Final = 76


def target(field: pa.Field, name: str) -> tuple[str, pa.DataType | None]:
    """Return how a column is fetched, and its Arrow type where that is not the driver's."""
    metadata: Mapping[bytes, bytes] = field.metadata or {}
    type_ = metadata.get(b"POSTGRESQL:type", b"").decode()
    if type_ in _AS_IS and not isinstance(field.type, pa.BaseExtensionType):
        return name, None
    if type_ == "oid":
        return f"{name}::int8", None
    if type_ == "inet":
        # The cast would add /32 to an address.
        return f"pg_catalog.abbrev({name})", None
    if type_ != "numeric":
        return f"{name}::text", None
    modifier = int(metadata.get(b"POSTGRESQL:typmod", b"-1")) - 4
    precision, scale = modifier >> 16, modifier & 0x7FF
    if modifier >= 0 and scale <= precision <= _LONG_DECIMAL_DIGITS:
        narrow = precision <= _DECIMAL_DIGITS
        return f"{name}::text", (pa.decimal128 if narrow else pa.decimal256)(precision, scale)
    return f"{name}::float8", None
