"""Says which identifier a value is, and finds those that stand in text without a label.

A value of a column is compared with every form there is. In running text only those forms count
that nothing else looks like. This module knows forms, and Arrow. It does not know policies, and
what the name of a column says comes in as a hint.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from maskline._detectors.checks import compiled
from maskline._detectors.identifiers import Form, forms, likelihood
from maskline._detectors.resolution import concatenate
from maskline._detectors.runs import LONGEST, find_runs
from maskline._folding import fold
from maskline._kernels import Bytes, extract, rows_of
from maskline.entities import builtin_entities
from maskline.model import Spans
from maskline.roles import Detector

__all__ = ["IdentifierDetector", "identify", "match"]

_Places = npt.NDArray[np.int64]
_Found = tuple[Form, _Places, _Places, _Places]
"""A form, the rows in which it was found, and where it starts and ends there."""

_ASCII_END: Final = 0x80
_SPACED_SCRIPTS_END: Final = 0x2E80
_DIGITS: Final = np.isin(np.arange(256), list(b"0123456789"))
_CHAINS: Final = np.isin(np.arange(256), list(b".,-/:"))


class IdentifierDetector:
    """A detector of identifiers whose form nothing else has, so that they need no label."""

    @property
    def name(self) -> str:
        """A name that is unique among all detectors."""
        return "identifiers"

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of the entities it can find."""
        return _names(_text_forms())

    def detect(self, column: pa.StringArray) -> Spans:
        """Find every stretch. Stretches of different forms may overlap."""
        folded = fold(column)
        found = list(_search(folded.column, _text_forms()))
        scores = [form.text_score for form, *_ in found]
        spans = _spans(found, scores, self.entities)
        folded.restore(spans.rows, spans.starts, spans.ends)
        return spans


def identify(
    values: pa.StringArray,
    *,
    hints: Collection[str] = (),
    detectors: Sequence[Detector] = (),
) -> Spans:
    """Say what values may be, the likeliest first.

    Args:
        values: Distinct values, best; nulls and slices allowed.
        hints: Entities that the name of the column speaks for. A generic one, such as
            NATIONAL_ID, speaks for all that are of its kind.
        detectors: Others whose findings count, too.

    Returns:
        Candidates, sorted by row and then by falling score, an entity at most once in a row. The
        scores are likelihoods: see `identifiers.likelihood`. Where a value as a whole has the form
        of no identifier, those that stand in it count; a label beside one counts as a hint. They
        may overlap. Where the value has such a form, what a detector finds in a part of it does
        not count.
    """
    folded = fold(values)
    whole = list(match(folded.column, forms()))
    is_whole = np.zeros(len(values), np.bool_)
    for _, rows, _, _ in whole:
        is_whole[rows] = True
    rest = pc.if_else(pa.array(is_whole), None, folded.column)
    parts = _search(rest, forms())
    hinted = _hinted(hints)
    told = [
        *_told(folded.column, whole, hinted),
        # In a part of a value, digits that pass no check say nothing by themselves.
        *(one for one in _told(folded.column, parts, hinted) if one[1] or not _is_bare(one[0][0])),
    ]
    scores = [likelihood(form, is_labelled=is_labelled) for (form, *_), is_labelled in told]
    spans = _spans([one for one, _ in told], scores, _names(forms()))
    folded.restore(spans.rows, spans.starts, spans.ends)
    others = [one for one in detectors if not isinstance(one, IdentifierDetector)]
    candidates = concatenate([spans, *(one.detect(values) for one in others)])
    # What stands in a part of it tells little of a value that has a form as a whole.
    is_part = (
        candidates.ends - candidates.starts
        < _sizes(pc.utf8_trim_whitespace(values))[candidates.rows]
    )
    candidates = candidates.take(~(is_whole[candidates.rows] & is_part))
    return _ranked(_specific(_ranked(candidates)))


def _told(
    texts: pa.StringArray, found: Iterable[_Found], hinted: Collection[str]
) -> Iterator[tuple[_Found, bool]]:
    """Split what was found into what a label speaks for, and what none does."""
    for form, rows, starts, ends in found:
        labelled = _labelled(texts, form.entity, rows, hinted)
        for is_labelled, chosen in ((True, labelled), (False, ~labelled)):
            yield (form, rows[chosen], starts[chosen], ends[chosen]), is_labelled


def _is_bare(form: Form) -> bool:
    return form.check is None and form.example.isdigit()


@cache
def _text_forms() -> tuple[Form, ...]:
    return tuple(form for form in forms() if form.text_score)


def _names(wanted: Sequence[Form]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form.entity for form in wanted))


def _expression(form: Form) -> str:
    return f"(?:{form.pattern})" if form.is_exact else f"(?i:{form.pattern})"


@cache
def _gate(wanted: tuple[Form, ...]) -> str:
    return rf"\b(?:{'|'.join(_expression(form) for form in wanted)})\b"


def _where(texts: pa.StringArray, pattern: str) -> _Places:
    """Return the rows that an expression matches."""
    is_hit = pc.fill_null(pc.match_substring_regex(texts, pattern=pattern), False)
    return np.flatnonzero(is_hit.to_numpy(zero_copy_only=False)).astype(np.int64)


def _sizes(texts: pa.StringArray) -> _Places:
    """Return the bytes in each row; none in a null."""
    sizes = pc.fill_null(pc.binary_length(texts), 0)
    return np.asarray(sizes.to_numpy(zero_copy_only=False), np.int64)


def match(texts: pa.StringArray, wanted: Sequence[Form]) -> Iterator[_Found]:
    """Find the values that are identifiers as a whole, spaces around them aside.

    Args:
        texts: Any length, nulls and slices allowed.
        wanted: The forms to look for.

    Yields:
        A form, the rows that have it, and where it starts and ends there: all of the value.
    """
    filled = pc.fill_null(texts, "")
    plain = pc.ascii_trim_whitespace(filled)
    likely = _where(plain, rf"^[0-9A-Za-z][0-9A-Za-z ./:+(&-]{{1,{LONGEST}}}$")
    plain = plain.take(likely)
    sizes = _sizes(filled)
    for form in wanted:
        matched = _where(plain, f"^{_expression(form)}$")
        rows = likely[matched[_passing(form, plain.take(matched))]]
        if len(rows):
            yield form, rows, np.zeros(len(rows), np.int64), sizes[rows]


def _search(texts: pa.StringArray, wanted: tuple[Form, ...]) -> Iterator[_Found]:
    """Find identifiers in running text."""
    offsets, data = rows_of(pc.fill_null(texts, ""))
    rows, starts, ends = find_runs(offsets, data)
    if not len(rows):
        return
    runs = _cut(texts, rows, starts - offsets[rows], ends - offsets[rows])
    likely = _where(runs, _gate(wanted))
    runs, rows, starts = runs.take(likely), rows[likely], starts[likely]
    for form in wanted:
        expression = rf"\b{_expression(form)}\b"
        within = [
            (index, *hit.span())
            for index in _where(runs, expression).tolist()
            for hit in compiled(expression).finditer(runs[index].as_buffer())
        ]
        if within:
            index, low, high = np.array(within, np.int64).T
            begins, ends, row = starts[index] + low, starts[index] + high, rows[index]
            keep = _are_free(data, begins, ends, offsets[row], offsets[row + 1])
            row, low, high = row[keep], (begins - offsets[row])[keep], (ends - offsets[row])[keep]
            keep = _passing(form, _cut(texts, row, low, high))
            yield form, row[keep], low[keep], high[keep]


def _cut(texts: pa.StringArray, rows: _Places, starts: _Places, ends: _Places) -> pa.StringArray:
    nothing = np.zeros(len(rows))
    spans = Spans(
        rows=rows,
        starts=starts,
        ends=ends,
        entities=nothing.astype(np.int32),
        scores=nothing.astype(np.float32),
        names=("",),
    )
    return extract(texts, spans)


def _passing(form: Form, stretches: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Apply a form's check, to all stretches of one length at once."""
    if form.check is None or not len(stretches):
        return np.ones(len(stretches), np.bool_)
    compact = pc.replace_substring_regex(stretches, pattern="[^0-9A-Za-z]", replacement="")
    offsets, data = rows_of(compact if form.is_exact else pc.ascii_upper(compact))
    sizes = np.diff(offsets)
    passing = np.zeros(len(stretches), np.bool_)
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        numbers = data[offsets[rows][:, None] + np.arange(size)]
        # One digit over and over passes almost any check, and is no one's number.
        is_varied = (numbers != numbers[:, :1]).any(axis=1)
        passing[rows] = is_varied & form.check(numbers)
    return passing


def _are_free(
    data: Bytes, begins: _Places, ends: _Places, lows: _Places, highs: _Places
) -> npt.NDArray[np.bool_]:
    """Tell which stretches are no part of a longer number, and of no word beyond ASCII."""
    # Two bytes before and two after each stretch; what is another row's is blank.
    near = {
        shift: np.where((at >= lows) & (at < highs), data[np.clip(at, lows, highs - 1)], ord(" "))
        for shift, at in ((-2, begins - 2), (-1, begins - 1), (0, ends), (1, ends + 1))
    }
    is_chained = _CHAINS[near[-1]] & _DIGITS[near[-2]] & _DIGITS[data[begins]]
    is_chained |= _CHAINS[near[0]] & _DIGITS[near[1]] & _DIGITS[data[ends - 1]]
    is_free = ~is_chained
    is_beyond = (near[-1] >= _ASCII_END) | (near[0] >= _ASCII_END)
    for index in np.flatnonzero(is_free & is_beyond).tolist():
        low, begin, end, high = lows[index], begins[index], ends[index], highs[index]
        left = data[max(low, begin - 4) : begin].tobytes().decode("utf-8", "ignore")
        right = data[end : min(high, end + 4)].tobytes().decode("utf-8", "ignore")
        is_free[index] = not any(
            _ASCII_END <= ord(character) < _SPACED_SCRIPTS_END and character.isalnum()
            for character in left[-1:] + right[:1]
        )
    return np.asarray(is_free, np.bool_)


def _hinted(hints: Collection[str]) -> frozenset[str]:
    """Return the hinted entities, and those of their kinds."""
    kinds = {name for name, entity in builtin_entities().items() if entity.generic in hints}
    return frozenset({*hints, *kinds})


@cache
def _label(name: str) -> str:
    """Return an expression for the words that say that something is an entity."""
    entities = builtin_entities()
    entity = entities[name]
    generic = entities.get(entity.generic)
    names = sorted({*entity.names, *(generic.names if generic else ())})
    words = "|".join(re2.escape(one).replace(r"\ ", "[ _.-]{1,2}") for one in names)
    return rf"(?i)(?:^|[^0-9A-Za-z])(?:{words})(?:$|[^A-Za-z])"


def _labelled(
    texts: pa.StringArray, entity: str, rows: _Places, hinted: Collection[str]
) -> npt.NDArray[np.bool_]:
    """Tell where the column's name or a word in the value speaks for an entity."""
    if entity in hinted:
        return np.ones(len(rows), np.bool_)
    labelled = np.zeros(len(rows), np.bool_)
    labelled[_where(texts.take(pa.array(rows)), _label(entity))] = True
    return labelled


def _spans(found: Sequence[_Found], scores: Sequence[float], names: tuple[str, ...]) -> Spans:
    sizes = [len(rows) for _, rows, _, _ in found]
    entities = np.array([names.index(form.entity) for form, *_ in found], np.int32)
    nothing = [np.empty(0, np.int64)]
    return Spans(
        rows=np.concatenate([*nothing, *(rows for _, rows, _, _ in found)]),
        starts=np.concatenate([*nothing, *(starts for _, _, starts, _ in found)]),
        ends=np.concatenate([*nothing, *(ends for _, _, _, ends in found)]),
        entities=np.repeat(entities, sizes),
        scores=np.repeat(np.array(scores, np.float32), sizes),
        names=names,
    )


def _ranked(found: Spans) -> Spans:
    """Keep the surest finding of each entity in a row, and put the surest entity first."""
    order = np.lexsort((-found.scores, found.entities, found.rows))
    rows, entities = found.rows[order], found.entities[order]
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = (np.diff(rows) > 0) | (np.diff(entities) > 0)
    best = order[is_new]
    return found.take(best[np.lexsort((-found.scores[best], found.rows[best]))])


def _specific(found: Spans) -> Spans:
    """Let a finding take the place of the generic one that it overlaps, and be the surer for it."""
    width = len(found.names)
    keys = found.rows * width + found.entities
    order = np.argsort(keys)
    generic = _generics(found.names)[found.entities]
    kinds = np.flatnonzero(generic >= 0)
    wanted = found.rows[kinds] * width + generic[kinds]
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    other = order[at]
    overlaps = found.starts[kinds] < found.ends[other]
    overlaps &= found.starts[other] < found.ends[kinds]
    overlaps &= keys[other] == wanted
    kinds, other = kinds[overlaps], other[overlaps]
    scores = found.scores.copy()
    scores[kinds] = 1 - (1 - scores[kinds]) * (1 - scores[other])
    keep = np.ones(len(found), np.bool_)
    keep[other] = False
    return replace(found, scores=scores).take(keep)


def _generics(names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return the index of each name's generic entity; -1 where there is none."""
    entities = builtin_entities()
    index = {name: at for at, name in enumerate(names)}
    generic = [entities[name].generic if name in entities else "" for name in names]
    return np.array([index.get(name, -1) for name in generic], np.int64)
