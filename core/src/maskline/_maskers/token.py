"""The mask that gives equal values equal tokens, so that they still join and group.

This module knows domains by name. Keys, and how a token is made, are behind the mask context.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext

from ._options import domain_problems, unknown_options
from ._typed_tokens import holds_token, typed_token
from .redact import redact

__all__ = ["TokenMasker"]

_KNOWN: Final = ("domain", "keep")


class TokenMasker:
    """Replaces text, whole numbers, UUIDs and bytes by tokens, and any other value by null.

    Whole numbers are those of 64 bits, and decimals of 19 digits or more and none behind the point.

    Option *domain*: columns whose tokens shall be comparable name the same one; by default it is
    the entity of the label. Option *keep*, only ``domain``: an e-mail address keeps what follows
    the ``@``.
    """

    name = "token"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept *keep* and *domain*."""
        problems = unknown_options(self.name, options, known=_KNOWN)
        if options.get("keep", "domain") != "domain":
            problems.append("The option keep of the mask token can only be domain.")
        return [*problems, *domain_problems(self.name, options)]

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Promise everything for text, nothing for the rest.

        A token of an integer needs 64 bits and one of bytes 12 bytes, and what is narrower becomes
        null. The kind does not tell how wide a column is, so nothing is promised for either.
        """
        is_text = kind is Kind.TEXT
        return Traits(injective=is_text, keeps_nulls=is_text)

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Return a token for each value, null for null and for what cannot hold a token."""
        is_text = column.type == pa.string()
        if not is_text and not holds_token(column.type):
            return redact(column, context.label.entity)
        tokenizer = context.tokenizer(str(options.get("domain", context.label.entity)))
        if not is_text:
            return typed_token(column, tokenizer)
        return tokenizer.email(column) if "keep" in options else tokenizer.text(column)
