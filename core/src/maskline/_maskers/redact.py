"""Masks that leave nothing of a value: a fixed text, or null.

This module knows labels and Arrow types. It looks at no value.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from maskline.model import PUBLIC, UNKNOWN, Kind, OptionValue, Traits
from maskline.roles import MaskContext

from ._options import unknown_options

__all__ = ["NullMasker", "RedactMasker", "or_redacted", "redact", "redaction"]

_WITHOUT_TEXT: Final = frozenset(
    {Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.TIMESTAMP}
)
_NAMELESS: Final = frozenset({PUBLIC, UNKNOWN})


def redaction(entity: str) -> str:
    """Return what stands in for a text: ``[US_SSN]``, or ``[REDACTED]`` where no entity is known.

    No detector finds anything in it, so that masking it again changes nothing.
    """
    return "[REDACTED]" if entity in _NAMELESS else f"[{entity}]"


def redact(column: pa.Array, entity: str) -> pa.Array:
    """Replace text by the name of its entity, and any other value by null.

    A fixed number or date could be mistaken for data; null cannot.

    Returns:
        The length and type of *column*. Text is null where *column* is null, and nowhere else.
    """
    if column.type != pa.string():
        return pa.nulls(len(column), column.type)
    return pc.if_else(column.is_valid(), redaction(entity), pa.scalar(None, pa.string()))


def or_redacted(masked: pa.Array, column: pa.Array, entity: str) -> pa.Array:
    """Redact the texts that a mask could not mask, and made null.

    Args:
        masked: The length and type of *column*.
        column: What was masked.
        entity: What *column* is.

    Returns:
        *masked*, but text is null where *column* is null, and nowhere else.
    """
    if column.type != pa.string() or masked.null_count == column.null_count:
        return masked
    return pc.coalesce(masked, redact(column, entity))


class RedactMasker:
    """Replaces text by the name of its entity, and any other value by null."""

    name = "redact"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept no options."""
        return unknown_options(self.name, options)

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text. JSON may arrive as a struct, which becomes null."""
        is_text = kind is Kind.TEXT
        return Traits(injective=False, keeps_nulls=is_text, fixed=is_text or kind in _WITHOUT_TEXT)

    def mask(
        self,
        column: pa.Array,
        *,
        options: Mapping[str, OptionValue],  # noqa: ARG002
        context: MaskContext,
    ) -> pa.Array:
        """Return ``[LABEL]`` for text, null for anything else."""
        return redact(column, context.label.entity)


class NullMasker:
    """Replaces every value by null."""

    name = "null"
    takes_nested: Final = True

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept no options."""
        return unknown_options(self.name, options)

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Promise one thing: values become null."""
        return Traits(injective=False, keeps_nulls=False, fixed=True)

    def mask(
        self,
        column: pa.Array,
        *,
        options: Mapping[str, OptionValue],  # noqa: ARG002
        context: MaskContext,  # noqa: ARG002
    ) -> pa.Array:
        """Return nulls of the column's type."""
        return pa.nulls(len(column), column.type)
