"""The roles that plugins play.

A role is a protocol: any object of the right shape plays it. This module knows the nouns and
pyarrow's names. It does not know pluggy, policies, keys, or any plugin.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from maskline.model import (
    AccessEvent,
    Catalogue,
    ColumnRef,
    Kind,
    Label,
    MaskedRead,
    OptionValue,
    OutputColumn,
    Spans,
    Strategy,
    Traits,
)

__all__ = [
    "Anchor",
    "AnchorType",
    "Detector",
    "MaskColumn",
    "MaskContext",
    "Masker",
    "RowStream",
    "Sink",
    "SinkType",
    "Source",
    "SourceType",
    "Tokenizer",
]


MaskColumn: TypeAlias = Callable[[OutputColumn, pa.Array], pa.Array]
"""Masks raw values as a column's label and mask say; the same length, and the same type."""


@runtime_checkable
class Detector(Protocol):
    """Finds one or more kinds of sensitive data inside text."""

    @property
    def name(self) -> str:
        """A name that is unique among all detectors."""
        ...

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of the entities it can find."""
        ...

    def detect(self, column: pa.StringArray) -> Spans:
        """Find every stretch.

        Args:
            column: Any length, nulls allowed. Do not keep a reference to it.

        Returns:
            Stretches in any order. They may overlap: the caller resolves that, by score.
        """
        ...


class Tokenizer(Protocol):
    """Makes the tokens of one domain. It holds the key, so that maskers need not."""

    def text(self, column: pa.StringArray) -> pa.StringArray:
        """Return a token for each value; null for null. A value that is a token stays as it is."""
        ...

    def email(self, column: pa.StringArray) -> pa.StringArray:
        """Return ``token@domain`` for each address, its domain kept, else what *text* returns."""
        ...

    def integer(self, column: pa.Int64Array) -> pa.Int64Array:
        """Return a 60-bit token for each value; null for null."""
        ...

    def encrypt(self, column: pa.Array, *, has_check: bool = False) -> pa.Array:
        """Encrypt the digits of each value, and leave everything else of it where it is.

        There is no way back from here: who may decrypt is for a policy to say.

        Args:
            column: Text, or integers of at most 64 bits with a sign, or 32 without.
            has_check: Whether the last digit is a check digit after Luhn, which is made anew.

        Returns:
            The same length and type. Null where *column* is null, where a value has fewer than 6
            or more than 36 digits to encrypt, and where its check does not hold.
        """
        ...

    def draw(self, column: pa.StringArray, *, use: str) -> npt.NDArray[np.uint64]:
        """Return a pseudorandom 64-bit word for each value, to decide by what becomes of it.

        Args:
            column: Any length, nulls allowed. Do not keep a reference to it.
            use: What the words decide, such as ``shift``. Uses are independent of each other.

        Returns:
            Shape ``(rows,)``: equal words for equal values of the domain. The word of a null is 0,
            and means nothing.
        """
        ...


class MaskContext(Protocol):
    """What a masker may ask for while it masks a column."""

    @property
    def label(self) -> Label:
        """What the column is."""
        ...

    def tokenizer(self, domain: str) -> Tokenizer:
        """Return the tokens of a domain. By convention, an entity's own domain has its name."""
        ...

    def find(self, column: pa.StringArray) -> Spans:
        """Run every detector. The result is sorted by row and start, and nothing overlaps."""
        ...

    def mask_as(self, entity: str, column: pa.Array) -> pa.Array:
        """Mask values, of any type, as the policy wants *entity* masked for whoever asks."""
        ...


@runtime_checkable
class Masker(Protocol):
    """Replaces the values of a column."""

    @property
    def name(self) -> str:
        """A name that is unique among all maskers. Policies use it."""
        ...

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong with a policy's options, a sentence each; nothing if all is well."""
        ...

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:
        """Return what the planner may rely on for values of a kind."""
        ...

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Mask a column.

        Args:
            column: Any length, nulls allowed: text always as ``pa.string()``, bytes of any size as
                ``pa.binary()``, UUIDs as 16 bytes, other types as the database gives them. Of
                lists, structs and maps come the leaves, unless the masker has an attribute
                *takes_nested* that is true. Do not keep a reference to it.
            options: Options that *check* found right.
            context: Detectors, and tokens. A masker never sees a key.

        Returns:
            The same length and exactly the same type.
        """
        ...


@runtime_checkable
class Sink(Protocol):
    """Receives access events, one at a time, in order."""

    def emit(self, event: AccessEvent) -> None:
        """Store the event. Raise on failure: what is not recorded is not released."""
        ...

    def close(self) -> None:
        """Release what the sink holds. Called once."""
        ...


@runtime_checkable
class SinkType(Protocol):
    """Opens sinks of one kind, by the options of a policy."""

    @property
    def name(self) -> str:
        """A name that is unique among all kinds of sink. Policies use it."""
        ...

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong with a policy's options, a sentence each; nothing if all is well."""
        ...

    def open(self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]) -> Sink:
        """Open a sink.

        Args:
            options: Options that *check* found right.
            resolve: Makes a path of the policy absolute; paths are relative to the policy's folder.
        """
        ...


@runtime_checkable
class Anchor(Protocol):
    """Keeps signed checkpoints of the audit log where those who may write to the log may not."""

    def put(self, note: str, *, size: int) -> None:
        """Keep a checkpoint. It may be there already, after another anchor failed.

        Args:
            note: The signed note, which holds no secret.
            size: How many records it is about.

        Raises:
            Exception: It was not kept. Then it counts nowhere, and is made again later.
        """
        ...


@runtime_checkable
class AnchorType(Protocol):
    """Opens anchors of one kind, by the options of a policy."""

    @property
    def name(self) -> str:
        """A name that is unique among all kinds of anchor. Policies use it."""
        ...

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong with a policy's options, a sentence each; nothing if all is well."""
        ...

    def open(self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]) -> Anchor:
        """Open an anchor.

        Args:
            options: Options that *check* found right.
            resolve: Makes a path of the policy absolute; paths are relative to the policy's folder.
        """
        ...


class RowStream(Protocol):
    """The raw rows of one running query. Never hand one to a user."""

    @property
    def schema(self) -> pa.Schema:
        """The columns, by position. Names may repeat."""
        ...

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Fetch batch after batch.

        Raises:
            QueryFailedError: The database gave up. The error holds its class and SQLSTATE only.
            QueryCancelledError: Somebody called the source's *cancel*.
        """
        ...

    def close(self) -> None:
        """Stop the query if it still runs, and free what it holds. May be called twice."""
        ...


class Source(Protocol):
    """One open, locked-down, read-only connection to a database.

    One thread at a time uses it, but for *cancel*.
    """

    @property
    def dialect(self) -> str:
        """The name sqlglot gives to the engine's SQL."""
        ...

    @property
    def namespace(self) -> str:
        """The database as OpenLineage names it; no credentials, host and path only."""
        ...

    @property
    def database(self) -> str:
        """What OpenLineage puts before ``schema.table``; empty where it puts nothing."""
        ...

    @property
    def masks_by(self) -> Strategy:
        """How *query_masked* works: AT_READ or LOCAL; REFUSED if there is no such thing here."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an administrator should mend, such as a superuser role."""
        ...

    def catalogue(self) -> Catalogue:
        """Describe every table and view that the connection may read; cached until it changes."""
        ...

    def read_set(self, sql: str) -> frozenset[ColumnRef] | None:
        """Ask the database's own binder which columns a statement reads. Nothing is executed.

        Returns:
            Columns of tables and views, spelt as in the catalogue; None if the engine cannot tell.

        Raises:
            QueryFailedError: The database does not accept the statement as exactly one SELECT.
        """
        ...

    def query(self, sql: str, *, batch_rows: int = 65_536) -> RowStream:
        """Run exactly one SELECT, read-only.

        Raises:
            QueryFailedError: The database does not accept the statement.
        """
        ...

    def query_masked(
        self,
        sql: str,
        *,
        reads: Sequence[MaskedRead],
        mask: MaskColumn,
        batch_rows: int = 65_536,
    ) -> RowStream:
        """Run exactly one SELECT, read-only, which reads masked columns of tables.

        Args:
            sql: What the planner made of a query for *masks_by*.
            reads: What it reads masked. Each raw SELECT in there was read by the guard, too.
            mask: Masks a column; it may be called from any thread.
            batch_rows: At most so many rows come in one batch.

        Raises:
            QueryFailedError: The database does not accept the statement, or masked rows take more
                room than they may.
            MaskingError: A column could not be masked.
        """
        ...

    def sample(
        self,
        schema: str,
        relation: str,
        columns: Sequence[str],
        *,
        rows: int,
        is_spread: bool = True,
    ) -> pa.RecordBatch:
        """Fetch some rows of a table, for a classifier to look at. Never release them.

        Args:
            schema: Of the table.
            relation: A table or view of the catalogue.
            columns: Names of its columns.
            rows: At most so many.
            is_spread: Whether they come from all over the table, where that can be done, the same
                ones each time; else they are the first ones.
        """
        ...

    def cancel(self) -> None:
        """Stop the running query, from any thread. Does nothing if none runs."""
        ...

    def close(self) -> None:
        """Close the connection. May be called twice."""
        ...


@runtime_checkable
class SourceType(Protocol):
    """Opens databases of one kind, by URL."""

    @property
    def schemes(self) -> tuple[str, ...]:
        """What stands before ``://``. No other kind of source uses it."""
        ...

    def open(self, url: str) -> Source:
        """Open a database and lock it down.

        Raises:
            SourceError: It is not there, or does not let us in. The error holds no credentials.
        """
        ...
