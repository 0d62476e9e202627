"""The mask that encrypts numbers into numbers of the same form, for a permitted reader to decrypt.

This module knows domains by name, and which labels are about numbers. The cipher and its keys are
behind the mask context.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Kind, OptionValue, Traits
from maskline.roles import MaskContext

from ._options import domain_problems, unknown_options
from .redact import redact

__all__ = ["FpeMasker"]

_KNOWN: Final = ("domain", "luhn")
_NO_NUMBER: Final = frozenset({FREE_TEXT, JSON, PUBLIC, UNKNOWN})


class FpeMasker:
    """Encrypts the digits of text and of integers in place; FF1 of NIST SP 800-38G.

    Separators, letters and whatever else stands between the digits stay: it is a mask for numbers.
    Text with fewer than 6 or more than 36 digits is redacted, such an integer becomes null, and so
    does any other value. What is masked twice is encrypted twice.

    Option *domain*: columns whose numbers shall be comparable name the same one; by default it is
    the entity of the label. Option *luhn*, only ``keep``: the last digit is a check digit, as of a
    card, and stays right; what is not valid is redacted.
    """

    name = "fpe"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept *domain* and *luhn*."""
        problems = unknown_options(self.name, options, known=_KNOWN)
        if options.get("luhn", "keep") != "keep":
            problems.append("The option luhn of the mask fpe can only be keep.")
        return [*problems, *domain_problems(self.name, options)]

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text. Values that cannot be encrypted are redacted alike."""
        return Traits(injective=False, keeps_nulls=kind is Kind.TEXT)

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Return encrypted numbers, and what `redact` makes of what cannot be encrypted."""
        entity = context.label.entity
        if entity in _NO_NUMBER or not _holds_numbers(column.type):
            return redact(column, entity)
        tokenizer = context.tokenizer(str(options.get("domain", entity)))
        encrypted = tokenizer.encrypt(column, has_check="luhn" in options)
        if encrypted.null_count == column.null_count:
            return encrypted
        return pc.coalesce(encrypted, redact(column, entity))


def _holds_numbers(kind: pa.DataType) -> bool:
    is_integer = pa.types.is_integer(kind) and kind != pa.uint64()
    return bool(is_integer or kind == pa.string())
