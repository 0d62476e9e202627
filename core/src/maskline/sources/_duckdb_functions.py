"""Functions that mask columns inside DuckDB, for as long as one query runs.

This module knows DuckDB's Arrow functions. What a mask does, and its key, stay in a closure: the
SQL holds nothing but a name that nobody else can guess.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from maskline.errors import MasklineError
from maskline.model import MaskedRead, OutputColumn
from maskline.roles import MaskColumn

if TYPE_CHECKING:
    import duckdb

__all__ = ["MaskFunctions"]


class MaskFunctions:
    """The masks of one query.

    Args:
        reads: What the query reads masked.
        mask: Masks a column. DuckDB calls it from its own threads.

    Attributes:
        error: Why a mask failed. DuckDB passes on the text of an exception only.
    """

    def __init__(self, reads: Sequence[MaskedRead], mask: MaskColumn) -> None:
        self.error: MasklineError | None = None
        self._reads = reads
        self._mask = mask
        self._names: list[str] = []

    def add_to(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        """Make the functions known to the whole database."""
        import duckdb
        from duckdb.func import ARROW, SPECIAL

        for read in self._reads:
            for position, (column, type_) in enumerate(zip(read.columns, read.types, strict=True)):
                if column.mask is None:
                    continue
                kind = duckdb.type(type_)
                name = read.mask_name(position)
                cursor.create_function(
                    name,
                    self._function(column),
                    [kind],
                    kind,
                    type=ARROW,
                    null_handling=SPECIAL,
                )
                self._names.append(name)

    def remove_from(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        """Take the functions away."""
        while self._names:
            cursor.remove_function(self._names.pop())

    def _function(self, column: OutputColumn) -> Callable[[pa.Array], pa.Array]:
        def masked(values: pa.Array | pa.ChunkedArray) -> pa.Array:
            array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            try:
                return self._mask(column, array)
            except MasklineError as exc:
                self.error = exc
                raise

        return masked
