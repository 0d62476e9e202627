"""Functions that mask columns inside SQLite, for as long as one query runs.

SQLite calls a function value by value, and a mask works on columns. So the different values of a
column are masked before the query runs, and the function looks them up. This module knows Python
values and Arrow. It does not know connections.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import pyarrow as pa

from maskline.errors import MasklineError, QueryFailedError
from maskline.model import MaskedRead, OutputColumn
from maskline.roles import MaskColumn

__all__ = ["MaskFunctions"]

Cell: TypeAlias = int | float | str | bytes | None

_MAX_VALUES: Final = 5_000_000
_TYPES: Final[dict[type, pa.DataType]] = {
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
    type(None): pa.string(),
}


class MaskFunctions:
    """The masks of one query.

    Args:
        reads: What the query reads masked.
        mask: Masks a column.

    Attributes:
        error: Why a mask failed. SQLite does not pass on the text of an exception.
    """

    def __init__(self, reads: Sequence[MaskedRead], mask: MaskColumn) -> None:
        self.error: MasklineError | None = None
        self._mask = mask
        self._reads = reads
        self._count = 0
        self._masks: dict[str, dict[tuple[type, Cell], Cell]] = {}

    @property
    def reads(self) -> Sequence[MaskedRead]:
        """What the query reads masked."""
        return self._reads

    def functions(self) -> dict[str, Callable[[Cell], Cell]]:
        """Return every function, by its name."""
        return {
            read.mask_name(position): self._function(read, position, column)
            for read in self._reads
            for position, column in enumerate(read.columns)
            if column.mask is not None
        }

    def learn(self, read: MaskedRead, batches: Iterable[Sequence[Sequence[Cell]]]) -> None:
        """Mask the values of a table before the query asks for them.

        Args:
            read: The table.
            batches: Lists of its rows, each with the columns of *read*.

        Raises:
            QueryFailedError: There are too many values to keep.
            MaskingError: A value could not be masked.
        """
        masked = [place for place, column in enumerate(read.columns) if column.mask is not None]
        found: dict[int, set[tuple[type, Cell]]] = {place: set() for place in masked}
        for rows in batches:
            for place in masked:
                seen = found[place]
                before = len(seen)
                seen.update((type(row[place]), row[place]) for row in rows)
                self._count += len(seen) - before
            if self._count > _MAX_VALUES:
                msg = (
                    f"The query needs masks of more than {_MAX_VALUES} different values of "
                    f"{read.schema}.{read.relation}."
                )
                raise QueryFailedError(
                    msg, hint="Filter by columns that are not masked, or read fewer masked ones."
                )
        for place in masked:
            known = self._masks.setdefault(read.mask_name(place), {})
            self._learn(read.columns[place], found[place], known)

    def _learn(
        self,
        column: OutputColumn,
        values: Iterable[tuple[type, Cell]],
        known: dict[tuple[type, Cell], Cell],
    ) -> None:
        by_type: dict[type, list[Cell]] = {}
        for kind, value in values:
            by_type.setdefault(kind, []).append(value)
        for kind, cells in by_type.items():
            masked = self._mask(column, pa.array(cells, _TYPES[kind])).to_pylist()
            known.update(zip(((kind, cell) for cell in cells), masked, strict=True))

    def _function(
        self, read: MaskedRead, position: int, column: OutputColumn
    ) -> Callable[[Cell], Cell]:
        known = self._masks.setdefault(read.mask_name(position), {})

        def masked(value: Cell) -> Cell:
            key = (type(value), value)
            try:
                return known[key]
            except KeyError:
                pass
            try:
                self._learn(column, [key], known)
            except MasklineError as exc:
                self.error = exc
                raise
            return known[key]

        return masked
