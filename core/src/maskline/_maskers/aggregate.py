"""The mask of measures, such as salaries: values are hidden, sums and averages of many are not.

This module says how many are enough. It sees no groups: whoever plans the query keeps to it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext

from ._options import unknown_options

__all__ = ["AggregateMasker"]

_LEAST: Final = 2
_DEFAULT: Final = 10


class AggregateMasker:
    """Replaces every value by null, but lets sums, averages and counts of many values be seen.

    Option *min*: over how many values at least, 10 unless it is given.
    """

    name = "aggregate"
    takes_nested: Final = True

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept *min*, from 2: the sum of one value is that value."""
        problems = unknown_options(self.name, options, known=("min",))
        least = options.get("min", _DEFAULT)
        if not isinstance(least, int) or isinstance(least, bool) or least < _LEAST:
            problems.append(
                f"The option min of the mask {self.name} must be a whole number from {_LEAST}."
            )
        return problems

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Promise nothing of values, and tell how many are enough."""
        least = int(options.get("min", _DEFAULT))
        return Traits(injective=False, keeps_nulls=False, minimum_group=least)

    def mask(
        self,
        column: pa.Array,
        *,
        options: Mapping[str, OptionValue],  # noqa: ARG002
        context: MaskContext,  # noqa: ARG002
    ) -> pa.Array:
        """Return nulls of the column's type."""
        return pa.nulls(len(column), column.type)
