"""Reads labelled sets, one record after the other, so that a set may be larger than memory.

Two kinds of file: ``.jsonl``, a JSON object in each line, and ``.txt``, texts with their labels
written inside, for people to read and review. This module knows files. It does not know detectors.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from maskline.errors import UsageError

__all__ = ["LabelledColumn", "LabelledSpan", "LabelledText", "read_dataset"]

EVERYTHING: Final = frozenset({"*"})
_LABEL: Final = re.compile(r"\[\[([A-Z][A-Z0-9_]*\??):(.*?)\]\]", re.DOTALL)
_HEAD: Final = re.compile(r"== (\S+) ([a-z]{2})(?: scope=(\S+))?")


class LabelledSpan(NamedTuple):
    """A stretch of a text and what it is; *start* and *end* count characters.

    An *entity* with a question mark, as in ``DATE_TIME?``, is where people may differ.
    """

    start: int
    end: int
    entity: str

    @property
    def is_doubtful(self) -> bool:
        """Whether people may differ about it."""
        return self.entity.endswith("?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    """A text, or a whole value, and what stands in it.

    Attributes:
        spans: In any order. None for a text in which nothing of its scope stands.
        scope: The entities for which the labels are complete; ``*`` for all.
        is_value: Whether it is the whole value of a cell, and not a text.
        language: Two letters, or empty.
    """

    id: str
    text: str = field(repr=False)
    spans: tuple[LabelledSpan, ...]
    scope: frozenset[str] = EVERYTHING
    is_value: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledColumn:
    """A column of a table, some of its values, and what it is."""

    id: str
    table: str
    name: str
    values: tuple[str, ...] = field(repr=False)
    label: str


def read_dataset(path: Path) -> Iterator[LabelledText | LabelledColumn]:
    """Read a labelled set.

    Args:
        path: A ``.jsonl`` or a ``.txt``.

    Yields:
        Its records, in order.

    Raises:
        UsageError: The file cannot be read, or a record is none. The error names the line and
            never shows it.
    """
    read = {".jsonl": _read_lines, ".txt": _read_prose}.get(path.suffix)
    if read is None:
        msg = f"{path.name} is no labelled set."
        raise UsageError(msg, hint="A set is a file of JSON lines, .jsonl, or of prose, .txt.")
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            yield from read(path, file)
    except (OSError, UnicodeDecodeError) as exc:
        problem = type(exc).__name__
    else:
        return
    msg = f"{path.name} cannot be read: {problem}."
    raise UsageError(msg, hint="It must be a text in UTF-8 that you may read.")


def _read_lines(path: Path, lines: Iterable[str]) -> Iterator[LabelledText | LabelledColumn]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            fields = json.loads(line)
            record = _record(fields, f"{path.stem}-{number}")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            record = None
        if record is None or not _is_sound(record):
            _refuse(place, "a text with spans, or a column with values and a label, is wanted")
        yield record


def _record(fields: Mapping[str, Any], default: str) -> LabelledText | LabelledColumn:
    name = str(fields.get("id", default))
    if "label" in fields:
        return LabelledColumn(
            id=name,
            table=str(fields["table"]),
            name=str(fields["name"]),
            values=tuple(map(str, fields["values"])),
            label=str(fields["label"]),
        )
    return LabelledText(
        id=name,
        text=fields["text"],
        spans=tuple(LabelledSpan(int(a), int(b), str(entity)) for a, b, entity in fields["spans"]),
        scope=frozenset(map(str, fields.get("scope", EVERYTHING))),
        is_value=fields.get("kind") == "value",
        language=str(fields.get("lang", "")),
    )


def _is_sound(record: LabelledText | LabelledColumn) -> bool:
    if isinstance(record, LabelledColumn):
        return True
    text: object = record.text
    if not isinstance(text, str):
        return False
    size = len(text)
    return all(0 <= start < end <= size for start, end, _ in record.spans)


def _read_prose(path: Path, lines: Iterable[str]) -> Iterator[LabelledText]:
    head: re.Match[str] | None = None
    first = 0
    body: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("== "):
            if head is not None:
                yield _prose(path, first, head, "".join(body))
            head, first, body = _HEAD.fullmatch(line.rstrip()), number, []
            if head is None:
                _refuse(f"{path.name}:{number}", "`== ID LANGUAGE` is wanted")
        elif head is not None:
            body.append(line)
        elif line.strip() and not line.startswith("#"):
            _refuse(f"{path.name}:{number}", "text stands before the first `== ID LANGUAGE`")
    if head is not None:
        yield _prose(path, first, head, "".join(body))


def _prose(path: Path, line: int, head: re.Match[str], body: str) -> LabelledText:
    """Take the labels out of a text. ``[[PERSON:Ada Quill]]`` is a label."""
    body = body.strip("\n")
    text, spans, end = "", [], 0
    for found in _LABEL.finditer(body):
        text += body[end : found.start()]
        spans.append(LabelledSpan(len(text), len(text) + len(found[2]), found[1]))
        text += found[2]
        end = found.end()
    text += body[end:]
    if "[[" in text or "]]" in text or not all(start < stop for start, stop, _ in spans):
        _refuse(f"{path.name}:{line}", "a label is not closed, is empty, or stands within another")
    scope = frozenset(head[3].split(",")) if head[3] else EVERYTHING
    return LabelledText(id=head[1], text=text, spans=tuple(spans), scope=scope, language=head[2])


def _refuse(place: str, wanted: str) -> NoReturn:
    msg = f"{place}: {wanted}."
    raise UsageError(msg, hint="docs/how-to/evaluate-detection.md has the format.")
