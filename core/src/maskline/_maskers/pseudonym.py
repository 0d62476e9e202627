"""The mask that replaces values by others that look real and belong to nobody.

This module knows entities by name, and which Arrow types hold them. Keys are behind the mask
context; what pseudonyms look like is in the modules of its forms.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext, Tokenizer

from ._options import domain_problems, unknown_options
from ._pseudonym_names import ADDRESS, EMAIL, PERSON, PLACE, URL
from ._pseudonym_numbers import CARD, IP, MAC, PHONE, SSN
from ._pseudonym_text import Form, split
from ._typed_tokens import is_uuid, is_wide, typed_token
from .redact import redact

__all__ = ["PseudonymMasker"]

_FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "PERSON": PERSON,
        "EMAIL_ADDRESS": EMAIL,
        "PHONE_NUMBER": PHONE,
        "STREET_ADDRESS": ADDRESS,
        "LOCATION": PLACE,
        "CREDIT_CARD": CARD,
        "US_SSN": SSN,
        "IP_ADDRESS": IP,
        "MAC_ADDRESS": MAC,
        "URL": URL,
    }
)
_WHOLE_NUMBER: Final = "^[1-9][0-9]{0,17}$"

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


class PseudonymMasker:
    """Replaces values by others of the same shape, from ranges that are never issued.

    There are pseudonyms of people, e-mail addresses, telephone numbers, postal addresses, places,
    payment cards, social security numbers, IP, MAC and web addresses; text of any other entity is
    redacted. Whole numbers of 64 bits, and decimals as wide, hold pseudonyms of digits; a UUID
    becomes one of version 8; any other value becomes null. Of e-mail and web addresses, UUIDs and
    IP addresses of version 6 different values have different pseudonyms; others may share one.

    A pseudonym stays as it is, except for names of people, which cannot be told from real ones.
    Option *domain*: columns that shall have equal pseudonyms for equal values name the same one; by
    default it is the entity of the label.
    """

    name = "pseudonym"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept *domain*."""
        problems = unknown_options(self.name, options, known=("domain",))
        return [*problems, *domain_problems(self.name, options)]

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text. There are fewer names and telephone numbers than people."""
        return Traits(injective=False, keeps_nulls=kind is Kind.TEXT)

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Return a pseudonym for each value, null for null; where there is none, as *redact*."""
        entity = context.label.entity
        domain = str(options.get("domain", entity))
        kind = column.type
        if is_uuid(kind):
            return typed_token(column, context.tokenizer(domain))
        form = _FORMS.get(entity)
        if form and kind == pa.string():
            return _replaced(column, form, context.tokenizer(domain))
        if form and form.is_number and is_wide(kind):
            text = _replaced(column.cast(pa.string()), form, context.tokenizer(domain))
            return _numbers(text).cast(kind)
        return redact(column, entity)


def _replaced(column: pa.StringArray, form: Form, tokenizer: Tokenizer) -> pa.StringArray:
    values = _compute.fill_null(column, "")
    names = split(
        values,
        form.owns(values),
        lambda own, _: own,
        lambda others, _: form.make(others, tokenizer),
    )
    return _compute.if_else(column.is_valid(), names, pa.scalar(None, pa.string()))


def _numbers(text: pa.StringArray) -> pa.Int64Array:
    """Return text as numbers, null where it is none, or none that surely fits."""
    is_number = _compute.match_substring_regex(text, _WHOLE_NUMBER)
    return _compute.if_else(is_number, text, pa.scalar(None, pa.string())).cast(pa.int64())
