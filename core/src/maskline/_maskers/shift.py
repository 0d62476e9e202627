"""The mask that moves dates by a secret number of days, so that what lies between them stays.

All values of a domain are moved alike, for a masker sees one column and not whose row it is. So
intervals, orders and joins hold among all people, and who knows one true date knows every other.

This module knows which options make sense. How a day is changed is for the module beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext, Tokenizer

from ._days import change_days
from ._options import domain_problems, unknown_options, whole_number_problems
from .redact import or_redacted

__all__ = ["ShiftMasker"]

_KNOWN: Final = ("days", "domain")
_DEFAULT: Final = 180
_RANGE: Final = (7, 3650)


class ShiftMasker:
    """Moves dates and timestamps by a secret number of days, the same for all of a domain.

    Text that is a date as ISO 8601 writes it is moved too; other text is redacted, and any other
    value becomes null. What is masked twice is moved twice.

    Option *domain*: columns between whose dates the days shall stay name the same one, and the same
    *days*; by default it is the entity of the label. Option *days*: by how many days at most, 180
    unless it is given, and never by none.
    """

    name = "shift"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept *domain*, and *days* from 7 to 3650."""
        low, high = _RANGE
        return [
            *unknown_options(self.name, options, known=_KNOWN),
            *domain_problems(self.name, options),
            *whole_number_problems(self.name, options, "days", low=low, high=high),
        ]

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text. Dates that are moved out of the calendar all become null."""
        return Traits(injective=False, keeps_nulls=kind is Kind.TEXT)

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Return moved dates, and what redaction makes of anything else."""
        entity = context.label.entity
        tokenizer = context.tokenizer(str(options.get("domain", entity)))
        offset = _offset(tokenizer, int(options.get("days", _DEFAULT)))
        moved = change_days(column, lambda days: days + offset, keep_time=True)
        return or_redacted(moved, column, entity)


def _offset(tokenizer: Tokenizer, most: int) -> int:
    """Return a number of days from -*most* to *most*, but not 0."""
    # Domains are one thing, and what is drawn for 30 days says nothing of what is for 31.
    (word,) = tokenizer.draw(pa.array([f"{most} days"]), use="shift").tolist()
    offset = word % (2 * most) - most
    return int(offset if offset < 0 else offset + 1)
