"""What a query gives back: masked rows, and how each column was treated.

This module knows Arrow and the nouns. It does not know sessions, databases or plugins: nothing
here can reach a raw value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from maskline.model import OutputColumn, Strategy

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["ColumnTreatment", "MaskedResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTreatment:
    """How one column of a result was treated.

    Attributes:
        output: Where it comes from, what it is, and what was done to it.
        type: The name of its Arrow type.
        cells: How many of its cells are not what the database holds.
    """

    output: OutputColumn
    type: str
    cells: int

    @property
    def is_masked(self) -> bool:
        """Whether a mask was applied."""
        return self.output.mask is not None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MaskedResult:
    """The answer to one query, executed once. It holds masked values only and never changes.

    pandas, polars, DuckDB and pyarrow take it as it is, through the Arrow stream interface.

    Attributes:
        table: The rows.
        columns: How each column was treated, by position.
        query_id: Finds the query in the audit log and in the lineage.
        source: The name of the source in the policy.
        strategy: How the query was answered.
        policy_hash: The policy that decided.
        purpose: What the principal said it was for.
        is_truncated: Whether more rows exist than the row limit let through.
        duration_ms: From the query's arrival to its last row.
        notes: What the reader should know, such as a renamed column.
    """

    table: pa.Table
    columns: tuple[ColumnTreatment, ...]
    query_id: str
    source: str
    strategy: Strategy
    policy_hash: str
    purpose: str
    is_truncated: bool
    duration_ms: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give row after row. Where names repeat, the last column wins: use *table* then."""
        for batch in self.table.to_batches():
            yield from batch.to_pylist()

    def __repr__(self) -> str:
        """Say how much there is, never what."""
        masked = sum(column.is_masked for column in self.columns)
        return (
            f"<MaskedResult: {len(self)} rows x {len(self.columns)} columns, {masked} masked, "
            f"query {self.query_id}>"
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the rows to any library that speaks Arrow's C stream interface."""
        return self.table.__arrow_c_stream__(requested_schema)

    def arrow(self) -> pa.Table:
        """Return the rows as an Arrow table."""
        return self.table

    def pandas(self) -> "pd.DataFrame":
        """Return the rows as a pandas frame. Needs pandas."""
        return self.table.to_pandas()

    def polars(self) -> "pl.DataFrame":
        """Return the rows as a polars frame. Needs polars."""
        import polars  # noqa: ICN001 - the short name would shadow nothing and say less

        return polars.DataFrame(self.table)

    def _repr_html_(self) -> str:
        from maskline._html import result_html

        return result_html(self)
