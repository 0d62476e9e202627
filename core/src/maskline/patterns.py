"""Detectors made of regular expressions, for maskline itself and for plugins.

Expressions are RE2's, so the time they take grows with the text and not with its content. They
run on UTF-8 bytes, over many rows at once. This module knows RE2, Arrow, and what a masked value
looks like. It does not know any entity.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from maskline._folding import fold
from maskline.model import Spans
from maskline.tokens import TOKEN_REGEX, is_token_text

__all__ = ["Cut", "PatternDetector", "PatternRule", "masked_stretches", "whole"]

Cut = Callable[[bytes], Sequence[tuple[int, int]]]
"""Looks at what an expression matched; returns the stretches of it that are sensitive, if any."""

# A byte that never occurs in UTF-8 stands between rows that are searched together.
_GLUE: Final = b"\xff"
_CHUNK_BYTES: Final = 1 << 18
_AUTOMATON_BYTES: Final = 1 << 26
_ASCII_END: Final = 0x80
# Scripts beyond this point write words without spaces, so a letter there is no part of a run.
_SPACED_SCRIPTS_END: Final = 0x2E80

_REDACTION: Final = r"\[[A-Z][A-Z0-9_]*\]"

_IS_ALNUM: Final = np.array([chr(byte).isalnum() and byte < _ASCII_END for byte in range(256)])


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRule:
    r"""One expression.

    Attributes:
        entity: What it finds.
        pattern: An expression for RE2, matched against UTF-8 bytes: ``[\x80-\xf4]`` is a part of
            a character beyond ASCII. What stands in its first group is the stretch; without a
            group, all of it. Do not use ``^`` and ``$``: rows are searched together.
        score: From 0.0 to 1.0.
        trigger: An expression, as cheap as can be, that matches wherever *pattern* does.
        cut: Checks what matched; without it, every match counts.
        is_bounded: Whether a letter or digit may not stand right before or after the stretch.
        not_after: Other ASCII characters that may not stand right before it.
    """

    entity: str
    pattern: str
    score: float
    trigger: str
    cut: Cut | None = None
    is_bounded: bool = True
    not_after: bytes = b""


def whole(check: Callable[[bytes], bool]) -> Cut:
    """Make a cut of a check: all of the match counts, or nothing."""

    def cut(value: bytes) -> Sequence[tuple[int, int]]:
        return ((0, len(value)),) if check(value) else ()

    return cut


@cache
def _compile(pattern: str) -> Any:  # noqa: ANN401 - RE2 has no types
    """Compile for bytes. Also a plain cache: google-re2 keeps a small one only."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    # Room for the automaton of an expression of thousands of words: without it, RE2 is slow.
    options.max_mem = _AUTOMATON_BYTES
    return re2.compile(pattern.encode("ascii"), options)


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Some rows, glued together."""

    text: bytes
    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Matches:
    """Stretches of a chunk, before they are told apart by row."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    def where(self, keep: npt.NDArray[np.bool_]) -> "_Matches":
        return _Matches(self.starts[keep], self.ends[keep])


class PatternDetector:
    """A detector made of rules.

    It skips what maskline has masked already, sees through full-width digits and invisible
    characters, and never lets a stretch run from one row into the next.
    """

    __slots__ = ("_gate", "_name", "_rules")

    def __init__(self, name: str, rules: Sequence[PatternRule]) -> None:
        """Compile the rules.

        Args:
            name: Unique among all detectors.
            rules: At least one.

        Raises:
            ValueError: An expression is not one of RE2's, or is anchored to a row's ends.
        """
        self._name = name
        self._rules = tuple(rules)
        self._gate = "|".join(sorted({f"(?:{rule.trigger})" for rule in self._rules}))
        broken = [rule for rule in self._rules if not _is_usable(rule)]
        if broken or not self._rules:
            message = f"The detector {json.dumps(name)} has no rules, or rules RE2 cannot run here."
            raise ValueError(message)

    def __repr__(self) -> str:
        """Return the name only: rules are long."""
        return f"PatternDetector({self._name!r})"

    @property
    def name(self) -> str:
        """A name that is unique among all detectors."""
        return self._name

    @property
    def rules(self) -> tuple[PatternRule, ...]:
        """The rules it is made of."""
        return self._rules

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of the entities it can find."""
        return tuple(dict.fromkeys(rule.entity for rule in self._rules))

    def detect(self, column: pa.StringArray) -> Spans:
        """Find every stretch. Stretches of different rules may overlap."""
        folded = fold(column)
        names = self.entities
        parts: list[tuple[npt.NDArray[np.int64], _Matches, int, float]] = []
        for chunk in _chunks(folded.column, self._gate):
            masked = _apply(chunk, _masked())
            for rule in self._rules:
                found = _outside(_apply(chunk, rule), masked)
                row = np.searchsorted(chunk.starts, found.starts, side="right") - 1
                origin = chunk.starts[row]
                local = _Matches(found.starts - origin, found.ends - origin)
                parts.append((chunk.rows[row], local, names.index(rule.entity), rule.score))
        rows = _joined([rows for rows, _, _, _ in parts])
        starts = _joined([local.starts for _, local, _, _ in parts])
        ends = _joined([local.ends for _, local, _, _ in parts])
        folded.restore(rows, starts, ends)
        sizes = [len(rows) for rows, _, _, _ in parts]
        return Spans(
            rows=rows,
            starts=starts,
            ends=ends,
            entities=np.repeat(np.array([part[2] for part in parts], dtype=np.int32), sizes),
            scores=np.repeat(np.array([part[3] for part in parts], dtype=np.float32), sizes),
            names=names,
        )


def masked_stretches(
    column: pa.StringArray,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find what maskline wrote itself: tokens and redactions.

    Args:
        column: Folded, as detectors look at it. Nulls are allowed.

    Returns:
        Rows, first bytes, and the bytes after the last; sorted.
    """
    rows, starts, ends = [], [], []
    for chunk in _chunks(column, _masked().trigger):
        found = _apply(chunk, _masked())
        row = np.searchsorted(chunk.starts, found.starts, side="right") - 1
        rows.append(chunk.rows[row])
        starts.append(found.starts - chunk.starts[row])
        ends.append(found.ends - chunk.starts[row])
    return _joined(rows), _joined(starts), _joined(ends)


@cache
def _masked() -> PatternRule:
    """Return the rule for what maskline wrote itself: a token, or a redaction."""
    return PatternRule(
        entity="",
        pattern=f"{TOKEN_REGEX}|{_REDACTION}",
        score=1.0,
        trigger=r"_[0-9a-f]{24}|\[[A-Z]",
        cut=whole(lambda value: value[:1] == b"[" or is_token_text(value.decode("ascii"))),
    )


def _is_usable(rule: PatternRule) -> bool:
    try:
        _compile(rule.trigger)
        return _compile(rule.pattern).groups in {0, 1}
    except (re2.error, UnicodeEncodeError):
        return False


def _joined(arrays: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)


def _chunks(column: pa.StringArray, gate: str) -> Iterator[_Chunk]:
    """Yield the rows that *gate* matches, glued together in chunks of bounded size."""
    binary = column.cast(pa.binary())
    is_hit = pc.fill_null(pc.match_substring_regex(binary, pattern=gate), False)
    rows = np.flatnonzero(is_hit.to_numpy(zero_copy_only=False)).astype(np.int64)
    if not len(rows):
        return
    hits = binary.take(pa.array(rows))
    sizes = pc.binary_length(hits).to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = (np.cumsum(sizes) - sizes) // _CHUNK_BYTES
    cuts = np.flatnonzero(np.diff(numbers)) + 1
    for low, high in zip([0, *cuts.tolist()], [*cuts.tolist(), len(rows)], strict=True):
        part = sizes[low:high]
        starts = np.cumsum(part + 1) - part - 1
        text = _GLUE.join(hits.slice(low, high - low).to_pylist())
        yield _Chunk(text, rows[low:high], starts, starts + part)


def _apply(chunk: _Chunk, rule: PatternRule) -> _Matches:
    """Find what a rule finds in a chunk."""
    if _compile(rule.trigger).search(chunk.text) is None:
        return _Matches(_joined([]), _joined([]))
    pairs = _search(chunk, _compile(rule.pattern))
    if rule.cut is not None:
        text, cut = chunk.text, rule.cut
        pairs = [
            (start + low, start + high)
            for start, end in pairs
            for low, high in cut(text[start:end])
        ]
    array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    found = _Matches(array[:, 0], array[:, 1]).where(array[:, 1] > array[:, 0])
    return found.where(_are_free(chunk.text, found, rule.not_after)) if rule.is_bounded else found


def _search(chunk: _Chunk, expression: Any) -> list[tuple[int, int]]:  # noqa: ANN401 - no types
    """Match an expression against every row of a chunk."""
    group = expression.groups
    spans = [(*match.span(), *match.span(group)) for match in expression.finditer(chunk.text)]
    pairs = [span[2:] for span in spans]
    if len(chunk.rows) == 1 or not spans:
        return pairs
    array = np.array(spans, dtype=np.int64)
    first = np.searchsorted(chunk.starts, array[:, 0], side="right") - 1
    last = np.searchsorted(chunk.starts, array[:, 1], side="right") - 1
    is_across = array[:, 1] > chunk.ends[first]
    if not is_across.any():
        return pairs
    # Rows that a match ran across are searched once more, each on its own.
    again = np.zeros(len(chunk.rows), dtype=np.bool_)
    for low, high in zip(first[is_across], last[is_across], strict=True):
        again[low : high + 1] = True
    kept = [pair for pair, row in zip(pairs, first, strict=True) if not again[row]]
    for row in np.flatnonzero(again):
        start, end = int(chunk.starts[row]), int(chunk.ends[row])
        for match in expression.finditer(chunk.text[start:end]):
            low, high = match.span(group)
            kept.append((start + low, start + high))
    return kept


def _are_free(text: bytes, found: _Matches, not_after: bytes) -> npt.NDArray[np.bool_]:
    """Tell which stretches have no letter or digit right before or after them."""
    padded = np.frombuffer(_GLUE + text + _GLUE, dtype=np.uint8)
    before = padded[found.starts]
    after = padded[found.ends + 1]
    is_free = ~(_IS_ALNUM[before] | _IS_ALNUM[after])
    is_free &= ~np.isin(before, np.frombuffer(not_after, dtype=np.uint8))
    is_beyond = (before >= _ASCII_END) | (after >= _ASCII_END)
    for index in np.flatnonzero(is_free & is_beyond):
        start, end = int(found.starts[index]), int(found.ends[index])
        left = text[max(0, start - 4) : start].rpartition(_GLUE)[2].decode("utf-8", "ignore")
        right = text[end : end + 4].partition(_GLUE)[0].decode("utf-8", "ignore")
        is_free[index] = not any(
            _ASCII_END <= ord(character) < _SPACED_SCRIPTS_END and character.isalnum()
            for character in left[-1:] + right[:1]
        )
    return np.asarray(is_free, dtype=np.bool_)


def _outside(found: _Matches, masked: _Matches) -> _Matches:
    """Drop what lies inside something that is masked already."""
    if not len(masked.starts) or not len(found.starts):
        return found
    order = np.argsort(masked.starts)
    near = np.searchsorted(masked.starts[order], found.starts, side="right") - 1
    is_inside = (near >= 0) & (found.ends <= masked.ends[order][np.maximum(near, 0)])
    return found.where(~is_inside)
