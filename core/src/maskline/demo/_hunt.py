"""Looks for raw values in everything that a demonstration has written.

This module reads raw values, as an auditor would, and gives away numbers only.
"""

import html
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from maskline.demo._story import Answer, Column, Hunt
from maskline.model import FREE_TEXT, JSON, PUBLIC
from maskline.roles import Source

__all__ = ["hunt", "occurrences", "overlaps", "raw_values"]

_SHORTEST: Final = 6
"""Shorter texts are everywhere, by chance."""
_ROWS: Final = 2_000
_MIXED: Final = frozenset({FREE_TEXT, JSON})


def raw_values(source: Source, columns: Sequence[Column], *, planted: str = "") -> set[str]:
    """Return values of masked columns that are long enough to be told from other text.

    Args:
        source: An open database.
        columns: All of its columns.
        planted: A pattern of what is known to stand inside of texts. Without one, words that stand
            in texts too are left out: there, they are not what the column holds.
    """
    secret: set[str] = set()
    seen: set[str] = {part for column in columns for part in column.ref}
    for column, values in _samples(source, columns):
        if column.label.entity in _MIXED:
            text = "\n".join(values)
            secret.update(re.findall(planted, text) if planted else ())
            seen.update(() if planted else [text])
        else:
            (seen if column.label.entity == PUBLIC else secret).update(values)
    secret = {value for value in secret - seen if len(value) >= _SHORTEST}
    words = set() if planted else {value for value in secret if _is_words(value)}
    return secret - _occurring(words, "\n".join(seen).encode())


def overlaps(source: Source, columns: Sequence[Column]) -> Callable[[Column, Column], int]:
    """Return what counts the values that two columns share, in samples of both."""
    chosen = [
        column for column in columns if column.is_masked and column.label.entity not in _MIXED
    ]
    values = {column.ref: texts for column, texts in _samples(source, chosen)}
    return lambda one, two: len(values.get(one.ref, set()) & values.get(two.ref, set()))


def _samples(source: Source, columns: Sequence[Column]) -> Iterator[tuple[Column, set[str]]]:
    for schema, relation in dict.fromkeys(column.ref[:2] for column in columns):
        chosen = [c for c in columns if c.ref[:2] == (schema, relation)]
        batch = source.sample(schema, relation, [c.ref.column for c in chosen], rows=_ROWS)
        yield from zip(chosen, map(_texts, batch.columns), strict=True)


def _is_words(value: str) -> bool:
    return not any(character.isdigit() or character == "@" for character in value)


def _texts(values: pa.Array) -> set[str]:
    return {str(value) for value in values.to_pylist() if value is not None}


def hunt(
    values: set[str], answers: Iterable[Answer], *, report: str, paths: Iterable[Path], root: Path
) -> Hunt:
    """Look for values in a report and in files.

    Args:
        values: What to look for.
        answers: What the report shows, for the values that a rule has revealed in them.
        report: The page, which is not yet a file.
        paths: The files; they may be missing.
        root: The folder of the files, which their names leave out.
    """
    revealed = {
        value
        for answer in answers
        for place, column in enumerate(answer.result.columns)
        if not column.is_masked
        for value in _texts(answer.result.table.column(place))
    } & values
    searched = [("report.html", report.encode(), values - revealed)]
    searched += [
        (os.path.relpath(path, root), path.read_bytes(), values) for path in paths if path.is_file()
    ]
    return Hunt(
        values=len(values),
        revealed=len(revealed),
        places=tuple(
            (name, len(data), len(_occurring(wanted, data))) for name, data, wanted in searched
        ),
    )


def occurrences(values: set[str], texts: Iterable[str]) -> int:
    """Return how many values stand in texts."""
    return len(_occurring(values, "\n".join(texts).encode()))


def _occurring(values: set[str], data: bytes) -> set[str]:
    # One look at each beginning is much cheaper than a search of the text for each value.
    beginnings = {data[place : place + _SHORTEST] for place in range(len(data))}
    return {
        value
        for value in values
        if any(form[:_SHORTEST] in beginnings and form in data for form in _forms(value))
    }


def _forms(value: str) -> set[bytes]:
    return {
        value.encode(),
        html.escape(value).encode(),
        json.dumps(value)[1:-1].encode(),
    }
