"""The mask that leaves the ends of a value, such as the last four digits of a card.

This module knows which options make sense. The kernel knows how text is hidden.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from maskline._kernels import keep_ends
from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext

from ._options import unknown_options
from .redact import redact

__all__ = ["PartialMasker"]

_ENDS: Final = ("first", "last")
_MOST: Final = 8
_DEFAULT_LAST: Final = 4


class PartialMasker:
    """Replaces the letters and digits of text by ``*``, except for some at its ends.

    Options are *first* and *last*: how many stay at either end, 4 at the last unless one is given.
    Never more than half of a value stays. Any other value than text becomes null.
    """

    name = "partial"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept *first* and *last*, from 0 to 8, not both 0."""
        problems = unknown_options(self.name, options, known=_ENDS)
        wrong = [name for name in _ENDS if name in options and not _is_count(options[name])]
        problems += [
            f"The option {name} of the mask {self.name} must be a whole number from 0 to {_MOST}."
            for name in wrong
        ]
        if not wrong and not any(_ends(options)):
            problems.append(
                f"The mask {self.name} would leave nothing; give first or last a number from 1 "
                f"to {_MOST}, or use the mask redact."
            )
        return problems

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text; many values have the same ends."""
        return Traits(injective=False, keeps_nulls=kind is Kind.TEXT)

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Return text with its middle hidden, null for anything else."""
        if column.type != pa.string():
            return redact(column, context.label.entity)
        first, last = _ends(options)
        return keep_ends(column, first=first, last=last)


def _is_count(value: OptionValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST


def _ends(options: Mapping[str, OptionValue]) -> tuple[int, int]:
    default = 0 if "first" in options else _DEFAULT_LAST
    return int(options.get("first", 0)), int(options.get("last", default))
