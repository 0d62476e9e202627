"""The databases that maskline can ask: a URL in, raw Arrow batches out.

One module per engine, each with a read-only connection that the engine itself enforces. What is
here knows databases. It does not know policies, labels, masks, keys, or who asks.
"""

from typing import Final

from maskline.roles import SourceType
from maskline.sources._text import redacted
from maskline.sources.duckdb import DuckDBType
from maskline.sources.postgres import PostgresType
from maskline.sources.sqlite import SQLiteType

__all__ = ["BUILTIN", "redacted"]

BUILTIN: Final[tuple[SourceType, ...]] = (DuckDBType(), SQLiteType(), PostgresType())
"""The kinds of database that need no plugin."""
