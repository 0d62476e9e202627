"""Columns of SQLite's values as Arrow arrays.

This module knows Python values and Arrow. It does not know SQL or connections.

SQLite keeps a type with each value, and a column's declaration is only a wish. So the type of an
Arrow column is settled by the first rows. A value of a later row that does not fit stops the
query: it is never dropped, rounded or turned into null.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from maskline.errors import QueryFailedError

__all__ = ["arrow_array", "arrow_type", "is_numeric"]

_EXACT_IN_DOUBLE: Final = 2**53
_NAMES: Final = {int: "an integer", float: "a real number", str: "text", bytes: "a blob"}


def is_numeric(declared: str) -> bool:
    """Tell whether a declared type asks for numbers of either kind, such as ``DECIMAL(10, 2)``."""
    return declared.upper().startswith(("DEC", "NUMERIC", "NUMBER"))


def arrow_type(values: Sequence[object], declared: str) -> pa.DataType:
    """Settle the type of a column by its first rows, or where all are null, by its declaration.

    Integers and reals side by side become reals if no digit is lost. Any other mixture is text.
    """
    kinds = _kinds(values)
    if not kinds:
        return _declared_type(declared.upper())
    if kinds <= {int, float} and (float in kinds or is_numeric(declared)):
        return pa.float64() if _fit_double(values) else pa.string()
    if kinds == {int}:
        return pa.int64()
    return pa.binary() if kinds == {bytes} else pa.string()


def arrow_array(values: Sequence[object], kind: pa.DataType, position: int) -> pa.Array:
    """Convert a column of some rows.

    Args:
        values: None, integers, reals, text and blobs, as sqlite3 gives them.
        kind: What *arrow_type* said.
        position: Of the column in the answer, counted from 1, for the error.

    Raises:
        QueryFailedError: A value does not fit. The error names no value.
    """
    kinds = _kinds(values)
    if kind == pa.string():
        return pa.array(values if kinds <= {str} else list(map(_text, values)), type=kind)
    if kind == pa.float64():
        strange = kinds - {int, float}
        if not strange and int in kinds and not _fit_double(values):
            strange = {int}
    else:
        strange = kinds - ({int} if kind == pa.int64() else {bytes})
    if strange:
        found = " and ".join(sorted(_NAMES[each] for each in strange))
        msg = f"Output column {position} holds {found} in a later row, after rows of type {kind}."
        raise QueryFailedError(
            msg, hint="SQLite lets a column mix types: CAST it to TEXT in the query."
        )
    return pa.array(values, type=kind)


def _kinds(values: Sequence[object]) -> set[type]:
    return set(map(type, values)) - {type(None)}


def _fit_double(values: Sequence[object]) -> bool:
    return all(abs(value) <= _EXACT_IN_DOUBLE for value in values if isinstance(value, int))


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return repr(value)


def _declared_type(declared: str) -> pa.DataType:
    if "INT" in declared:
        return pa.int64()
    if any(word in declared for word in ("REAL", "FLOA", "DOUB")) or is_numeric(declared):
        return pa.float64()
    return pa.binary() if "BLOB" in declared else pa.string()
