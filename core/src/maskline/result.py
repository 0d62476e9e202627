"""What a query gives back: masked rows, and how each column was treated.

This module knows Arrow and the nouns. It does not know sessions, databases or plugins: nothing
here can reach a raw value.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pyarrow as pa

from maskline._cells import method_of, visible
from maskline.errors import UsageError
from maskline.model import PUBLIC, ColumnRef, Flow, OutputColumn, Strategy

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from maskline.views import View

__all__ = ["ColumnTreatment", "MaskedResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTreatment:
    """How one column of a result was treated.

    Attributes:
        output: Where it comes from, what it is, and what was done to it.
        type: The name of its Arrow type.
        cells: How many cells of the query's answer are not what the database holds.
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
        influences: Columns that decide which rows there are, and how.
        shown_rows: How many rows a notebook or a terminal shows of it.
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
    influences: tuple[tuple[ColumnRef, tuple[Flow, ...]], ...] = ()
    shown_rows: int = 10

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give row after row. Where names repeat, the last column wins: use *table* then."""
        for batch in self.table.to_batches():
            yield from batch.to_pylist()

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: str) -> pa.ChunkedArray: ...
    @overload
    def __getitem__(self, key: slice) -> "MaskedResult": ...
    def __getitem__(self, key: int | str | slice) -> Any:
        """Return a row by its number, a column by its name, or some of the rows as a result.

        Raises:
            IndexError: There are fewer rows.
            UsageError: No column has that name, or several have.
        """
        if isinstance(key, str):
            return self.table.column(self._place(key))
        if isinstance(key, slice):
            chosen = range(len(self))[key]
            rows = np.arange(chosen.start, chosen.stop, chosen.step)
            return replace(self, table=self.table.take(pa.array(rows)))
        place = range(len(self))[key]
        [row] = self.table.slice(place, 1).to_pylist()
        return row

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

    def dicts(self) -> list[dict[str, Any]]:
        """Return all rows. Where names repeat, the last column wins: use *table* then."""
        return list(self)

    def pandas(self) -> "pd.DataFrame":
        """Return the rows as a pandas frame, with *meta* in its ``attrs``. Needs pandas."""
        frame = self.table.to_pandas()
        frame.attrs["maskline"] = self.meta
        return frame

    def polars(self) -> "pl.DataFrame":
        """Return the rows as a polars frame. Needs polars."""
        import polars  # noqa: ICN001 - the short name would shadow nothing and say less

        return polars.DataFrame(self.table)

    # What other tools call it.
    DataFrame = df = pandas
    PolarsDataFrame = pl = polars

    @property
    def meta(self) -> dict[str, Any]:
        """Where it comes from and how it was treated, as JSON knows it. No value is in it."""
        return {
            "version": 1,
            "query_id": self.query_id,
            "source": self.source,
            "policy": self.policy_hash,
            "strategy": self.strategy.value,
            "purpose": self.purpose,
            "rows": len(self),
            "is_truncated": self.is_truncated,
            "columns": [_treatment(column) for column in self.columns],
        }

    def explain(self, column: str = "") -> "View":
        """Show why a column, or each of them, was treated as it was.

        Raises:
            UsageError: No column has that name, or several have.
        """
        from maskline.views import explanation

        chosen = (self.columns[self._place(column)],) if column else self.columns
        return explanation(chosen)

    def lineage(self) -> "View":
        """Draw where each column comes from, and through which mask."""
        from maskline.views import lineage

        return lineage(self)

    def plot(self, x: str = "", y: str = "") -> "View":
        """Draw a number for each of the first rows as bars.

        Args:
            x: The column that names the bars; by default the first.
            y: A column of numbers; by default the last.

        Raises:
            UsageError: There is no such column, or *y* has no numbers.
        """
        from maskline.views import bars

        first, last = (self._place(x) if x else 0), (self._place(y) if y else -1)
        return bars(self, names=first, numbers=last)

    def _repr_html_(self) -> str:
        from maskline._html import result_html

        return result_html(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Show it in a notebook or a terminal: as HTML, as text, and what it is as data."""
        from maskline._plain import result_text

        del include, exclude
        return {
            "text/plain": result_text(self),
            "text/html": self._repr_html_(),
            "application/vnd.maskline.result+json": self.meta,
        }

    def _place(self, name: str) -> int:
        names = [column.output.name for column in self.columns]
        if names.count(name) == 1:
            return names.index(name)
        msg = f"{'No column has' if name not in names else 'Several columns have'} that name."
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"It has: {', '.join(map(visible, names))}."
        raise UsageError(msg, hint=f"Did you mean {visible(close[0])}? {hint}" if close else hint)


def _treatment(column: ColumnTreatment) -> dict[str, Any]:
    output = column.output
    return {
        "name": output.name,
        "type": column.type,
        "entity": None if output.label.entity == PUBLIC else output.label.entity,
        "confidence": output.label.confidence,
        "method": method_of(output),
        "mask": str(output.mask) if output.mask else None,
        "rule": output.rule,
        "sources": [str(ref) for ref, _ in output.sources],
        "cells": column.cells,
    }
