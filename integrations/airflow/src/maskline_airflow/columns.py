"""The columns of a target: the types of the source, where the target can have them.

This module knows Arrow and the SQL types of PostgreSQL and SQLite. It does not know databases.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from maskline_airflow.errors import MaskedTaskRefusedError

if TYPE_CHECKING:
    import pyarrow as pa

    from maskline.model import AccessEvent, ColumnRef, OutputColumn

__all__ = ["column_types"]

# Types that need nothing which only the source's database has, such as an enumeration.
_PORTABLE: Final = re.compile(
    r"(smallint|integer|bigint|real|double precision|boolean|date|text|uuid|bytea|jsonb?"
    r"|numeric(\(\d+(, ?\d+)?\))?|character varying(\(\d+\))?|character\(\d+\)"
    r"|(timestamp|time)(\(\d\))? (with|without) time zone|timestamptz|timestamp|time)\Z",
    re.IGNORECASE,
)
_SIZED: Final = re.compile(r"char", re.IGNORECASE)


def column_types(event: "AccessEvent", schema: "pa.Schema", *, conn_type: str) -> dict[str, str]:
    """Return the SQL type of each column of an answer, in the target's dialect.

    A column of the source that arrives as it is keeps its type. A masked text loses its length, for
    a mask may be longer than the value.

    Args:
        event: The record of the query.
        schema: The Arrow types of its answer.
        conn_type: ``postgres``, ``sqlite``, or anything else, whose types are not used.

    Raises:
        MaskedTaskRefusedError: Two columns have one name, one has none, or one is of a type that
            cannot be written.
    """
    names = schema.names
    if len(set(names)) < len(names) or not all(names):
        msg = "The columns of a transfer need names, no two alike. Name them with AS."
        raise MaskedTaskRefusedError(msg)
    types = {read.ref: read.type for read in event.reads}
    is_same = conn_type == "postgres" == event.dialect
    found = {}
    for output, field in zip(event.outputs, schema, strict=True):
        kept = _own_type(output, types) if is_same else ""
        made = kept or _made_type(field.type, conn_type)
        if not made:
            msg = f"The column {field.name} of the type {field.type} cannot be written. Cast it."
            raise MaskedTaskRefusedError(msg)
        found[field.name] = made
    return found


def _own_type(output: "OutputColumn", types: "dict[ColumnRef, str]") -> str:
    """Return the type that a column has at its source, or nothing if it cannot be kept."""
    from maskline.model import Flow

    direct = [ref for ref, flows in output.sources if any(flow.is_direct for flow in flows)]
    flows: Sequence[object] = [flow for _, flows in output.sources for flow in flows]
    if len(direct) != 1 or Flow.IDENTITY not in flows or len(set(flows)) != 1:
        return ""
    own = types.get(direct[0], "")
    if not _PORTABLE.match(own) or (output.mask and _SIZED.search(own)):
        return ""
    return own


def _made_type(arrow: "pa.DataType", conn_type: str) -> str:  # noqa: PLR0911 - one for each kind
    import pyarrow as pa

    kinds = pa.types
    is_sqlite = conn_type == "sqlite"
    if kinds.is_string(arrow) or kinds.is_large_string(arrow) or kinds.is_null(arrow):
        return "text"
    if kinds.is_boolean(arrow):
        return "boolean"
    if kinds.is_integer(arrow):
        return "numeric(20)" if kinds.is_uint64(arrow) else "bigint"
    if kinds.is_floating(arrow):
        return "real" if is_sqlite else "double precision"
    if kinds.is_decimal(arrow):
        return f"numeric({arrow.precision}, {arrow.scale})"
    if kinds.is_date(arrow):
        return "date"
    if kinds.is_timestamp(arrow):
        return "timestamp" if is_sqlite or not arrow.tz else "timestamp with time zone"
    if kinds.is_time(arrow):
        return "time"
    if kinds.is_binary(arrow) or kinds.is_large_binary(arrow):
        return "blob" if is_sqlite else "bytea"
    return ""
