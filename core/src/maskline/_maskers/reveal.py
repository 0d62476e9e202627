"""The mask of those who may see a value as it is.

This module knows nothing of the value, nor of who sees it: the policy decided that.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext

from ._options import unknown_options

__all__ = ["RevealMasker"]


class RevealMasker:
    """Leaves every value as it is."""

    name = "reveal"
    takes_nested: Final = True

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept no options."""
        return unknown_options(self.name, options)

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Promise everything: nothing changes."""
        return Traits(injective=True, keeps_nulls=True)

    def mask(
        self,
        column: pa.Array,
        *,
        options: Mapping[str, OptionValue],  # noqa: ARG002
        context: MaskContext,  # noqa: ARG002
    ) -> pa.Array:
        """Return the column itself."""
        return column
