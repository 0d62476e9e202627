"""Writes masked rows as CSV, JSON, Arrow or Parquet, batch by batch.

A file is written beside its name, readable by its owner only, and takes the name when it is
whole; after a failure nothing is left. This module knows Arrow and files. It does not know where
rows come from.
"""

import base64
import codecs
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from maskline._cells import visible
from maskline.errors import UsageError

__all__ = ["Format", "RowWriter", "format_of", "open_output", "opened_writer", "unique"]

_QUOTE: Final = "'"
_FORMULA: Final = r"^[=+\-@\t\r]"
_SIGNED: Final = r"^[+-][\d\s().,*/-]*$"


class Format(StrEnum):
    """How rows are shown or stored."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


BINARY: Final = frozenset({Format.ARROW, Format.PARQUET})
_SUFFIXES: Final = {
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".csv": Format.CSV,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".parquet": Format.PARQUET,
}


def format_of(wanted: Format | None, path: Path | None, *, is_terminal: bool) -> Format:
    """Return how to write: what was asked for, else what the file's suffix or the terminal says.

    Raises:
        UsageError: The suffix says nothing, or the format does not fit the place.
    """
    if path is None:
        chosen = wanted or (Format.TABLE if is_terminal else Format.CSV)
        if chosen in BINARY and is_terminal:
            msg = f"{chosen} is not for terminals."
            raise UsageError(msg, hint="Write it to a file with --out, or into a pipe.")
        return chosen
    found = wanted or _SUFFIXES.get(path.suffix.lower())
    if found is None:
        msg = "The suffix of --out does not tell a format."
        raise UsageError(msg, hint=f"Use one of {', '.join(_SUFFIXES)}, or give --format.")
    if found is Format.TABLE:
        msg = "A table is for reading, not for files."
        raise UsageError(msg, hint="Choose another format.")
    return found


@contextmanager
def open_output(path: Path | None, stdout: BinaryIO, *, is_terminal: bool) -> Iterator[BinaryIO]:
    """Open where bytes go: a file that appears only when the block ends well, or the pipe.

    Raises:
        UsageError: The file cannot be made.
    """
    if path is None:
        yield cast("BinaryIO", _ForTerminal(stdout)) if is_terminal else stdout
        stdout.flush()
        return
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as exc:
        problem = type(exc).__name__
    else:
        with _replacing(number, Path(name), path) as file:
            yield file
        return
    msg = f"{path} cannot be written: {problem}."
    raise UsageError(msg, hint="Give --out a file in a folder that you may write to.")


@contextmanager
def _replacing(number: int, fresh: Path, path: Path) -> Iterator[BinaryIO]:
    try:
        with os.fdopen(number, "wb") as file:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise


class _ForTerminal:
    """Writes text to a terminal, and none of the characters that command one."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: bytes) -> int:
        lines = self._decoder.decode(bytes(data)).split("\n")
        self._file.write("\n".join(map(visible, lines)).encode())
        return len(data)

    def flush(self) -> None:
        self._file.flush()


class RowWriter(Protocol):
    """Writes batches to an open file."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""
        ...

    @property
    def formulas(self) -> int:
        """How many cells so far a spreadsheet would take for a formula."""
        ...


def opened_writer(
    form: Format, file: BinaryIO, schema: pa.Schema, *, is_path: bool, quote_formulas: bool
) -> AbstractContextManager[RowWriter]:
    """Open a writer of one format. Leaving its block well completes the file.

    Args:
        form: Any but TABLE.
        file: Where to; a pipe will do.
        schema: The columns of every batch.
        is_path: Whether it is a file that others open by its name, and not a pipe.
        quote_formulas: Whether CSV cells that begin like a formula get a ``'`` before them.
    """
    if form is Format.CSV:
        return _csv(file, schema, quote_formulas=quote_formulas)
    if form is Format.PARQUET:
        return _parquet(file, schema)
    if form is Format.ARROW:
        return _arrow(file, schema, is_path=is_path)
    return nullcontext(_Json(file, schema)) if form is Format.JSONL else _json(file, schema)


def unique(names: Sequence[str]) -> list[str]:
    """Return names without repeats: the second ``id`` becomes ``id_2``."""
    taken: set[str] = set()
    chosen = []
    for name in names:
        fresh, number = name, 1
        while fresh in taken or (number > 1 and fresh in names):
            number += 1
            fresh = f"{name}_{number}"
        taken.add(fresh)
        chosen.append(fresh)
    return chosen


class _Csv:
    def __init__(self, writer: Any, schema: pa.Schema, *, quotes: bool) -> None:  # noqa: ANN401
        self.formulas = 0
        self._writer = writer
        self._schema = schema
        self._quotes = quotes

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [
            self._column(batch.column(place), field.type)
            for place, field in enumerate(self._schema)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def _column(self, column: pa.Array, kind: pa.DataType) -> pa.Array:
        if not _is_csv(column.type):
            texts = [None if v is None else _json_text(v) for v in column.to_pylist()]
            column = pa.array(texts, pa.string())
        if kind != pa.string():
            return column
        column = column.cast(pa.string())
        signed = pc.match_substring_regex(column, _SIGNED)
        risky = pc.and_not(pc.match_substring_regex(column, _FORMULA), signed)
        self.formulas += pc.sum(risky).as_py() or 0
        if not self._quotes:
            return column
        return pc.if_else(risky, pc.binary_join_element_wise(_QUOTE, column, ""), column)


def _is_csv(kind: pa.DataType) -> bool:
    return not (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or isinstance(kind, pa.BaseExtensionType)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_dictionary(kind)
        or not _is_csv(kind)
    )


@contextmanager
def _csv(file: BinaryIO, schema: pa.Schema, *, quote_formulas: bool) -> Iterator[RowWriter]:
    shown = pa.schema([f.with_type(pa.string()) if _is_text(f.type) else f for f in schema])
    # NULL is nothing at all, and an empty text is a pair of quotes.
    with pyarrow.csv.CSVWriter(file, shown) as writer:
        yield _Csv(writer, shown, quotes=quote_formulas)


class _Binary:
    formulas = 0

    def __init__(self, write: Callable[[pa.RecordBatch], object], schema: pa.Schema) -> None:
        self._write = write
        self._schema = schema

    def write(self, batch: pa.RecordBatch) -> None:
        self._write(pa.RecordBatch.from_arrays(batch.columns, schema=self._schema))


@contextmanager
def _arrow(file: BinaryIO, schema: pa.Schema, *, is_path: bool) -> Iterator[RowWriter]:
    # A file can be read from any place, and a stream while it is written.
    kind = pa.ipc.new_file if is_path else pa.ipc.new_stream
    with kind(file, schema) as writer:
        yield _Binary(writer.write_batch, schema)


@contextmanager
def _parquet(file: BinaryIO, schema: pa.Schema) -> Iterator[RowWriter]:
    names = unique(schema.names)
    renamed = pa.schema([f.with_name(name) for f, name in zip(schema, names, strict=True)])
    with pq.ParquetWriter(_Counting(file), renamed) as writer:
        yield _Binary(writer.write_batch, renamed)


class _Counting:
    """A file that knows where it is, even if it is a pipe."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._place = 0

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place


class _Json:
    formulas = 0

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, *, first: str = "", between: str = ""
    ) -> None:
        self._file = file
        self._names = unique(schema.names)
        self._before = first
        self._between = between

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [batch.column(place).to_pylist() for place in range(batch.num_columns)]
        lines = []
        for row in zip(*columns, strict=True):
            shown = dict(zip(self._names, map(_json_value, row), strict=True))
            lines.append(f"{self._before}{json.dumps(shown, ensure_ascii=False)}")
            self._before = self._between
        end = "" if self._between else "\n"
        self._file.write("".join(f"{line}{end}" for line in lines).encode())


@contextmanager
def _json(file: BinaryIO, schema: pa.Schema) -> Iterator[RowWriter]:
    # Without its last bracket the text is no JSON, so nobody takes half an answer for a whole one.
    file.write(b"[")
    writer = _Json(file, schema, first="\n", between=",\n")
    yield writer
    file.write(b"\n]\n")


def _json_text(value: object) -> str:
    shown = _json_value(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def _json_value(value: object) -> object:  # noqa: PLR0911 - one for each kind of value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return _json_number(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat else str(value)


def _json_number(value: Decimal) -> object:
    """Return a number if it loses nothing as one, else its text."""
    if value == value.to_integral_value():
        return int(value)
    as_float = float(value)
    return as_float if Decimal(repr(as_float)) == value else str(value)
