"""Runs the model over text: in C where it was built, else in numpy, with the same result.

This module knows rows of bytes and the model. It does not know Arrow, nor what is done with what
it finds.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from maskline._detectors.names._decode import decode, join, sequences
from maskline._detectors.names._features import ODD, atoms, buckets, look_up, signs_of
from maskline._detectors.names._model import Model
from maskline._detectors.names._tokens import I64, Case, cut, letters
from maskline._kernels import native

__all__ = ["Found", "find"]

_CHUNK_BYTES: Final = 1 << 18
_PIECE_BYTES: Final = 1 << 16
_CERTAIN: Final = 1 << 12
_KINDS: Final = (np.int64, np.int64, np.int32, np.int64, np.uint8)


class Found(NamedTuple):
    """Names, as parallel arrays, in the order of the text.

    Attributes:
        starts: The first byte, counted through all rows.
        ends: The byte after the last.
        labels: Which of the model's labels.
        margins: By how much it is likelier than anything else, in the model's units.
        signs: What its words speak for, as bits.
    """

    starts: I64
    ends: I64
    labels: npt.NDArray[np.int32]
    margins: I64
    signs: npt.NDArray[np.uint8]


def find(
    offsets: I64, data: npt.NDArray[np.uint8], model: Model, *, doubt: int, is_gated: bool
) -> Found:
    """Find names.

    Args:
        offsets: Shape ``(rows + 1,)``, rising from 0: where each row's bytes begin and end.
        data: The rows' bytes, in UTF-8.
        model: What was learnt.
        doubt: What is taken from the score of being no name, in the model's units.
        is_gated: Whether stretches of text in which no word speaks for anything are passed over.

    Returns:
        Names that lie in one row each.
    """
    edges = _pieces(offsets, data)
    numbers = edges // _CHUNK_BYTES
    cuts = np.unique(np.concatenate([[0], np.flatnonzero(np.diff(numbers)) + 1, [len(edges) - 1]]))
    parts = [_read((b"",) * len(_KINDS))]
    for low, high in pairwise(cuts.tolist()):
        origin = int(edges[low])
        chunk = edges[low : high + 1] - origin, data[origin : int(edges[high])]
        if native is None:
            found = _find(*chunk, model, doubt=doubt, is_gated=is_gated)
        else:
            lexicon = letters(), model.keys, model.flags
            weights = model.templates, model.weights, model.transitions
            found = _read(native.names(*chunk, *lexicon, *weights, doubt, is_gated))
        found.starts[:] += origin
        found.ends[:] += origin
        parts.append(found)
    return Found(*map(np.concatenate, zip(*parts, strict=True)))


def _pieces(offsets: I64, data: npt.NDArray[np.uint8]) -> I64:
    """Return where pieces begin and end: rows, and parts of those that are very long."""
    extra = []
    for row in np.flatnonzero(np.diff(offsets) > _PIECE_BYTES).tolist():
        at, end = int(offsets[row]), int(offsets[row + 1])
        while end - at > _PIECE_BYTES:
            at += _PIECE_BYTES // 2
            at += _last_break(data[at : at + _PIECE_BYTES // 2])
            extra.append(at)
    return np.unique(np.concatenate([offsets, np.array(extra, np.int64)]))


def _last_break(window: npt.NDArray[np.uint8]) -> int:
    """Return where a text is best cut: before a line end, else before a space or a character."""
    is_lead = window & 0xC0 != 0x80  # noqa: PLR2004 - RFC 3629, section 3
    for is_break in (window == ord("\n"), window == ord(" "), is_lead):
        if is_break.any():
            return int(np.flatnonzero(is_break)[-1])
    return 0


def _read(found: Sequence[bytes]) -> Found:
    """Read what the compiled kernel found."""
    parts = (np.frombuffer(part, kind).copy() for part, kind in zip(found, _KINDS, strict=True))
    return Found(*parts)


def _find(
    offsets: I64, data: npt.NDArray[np.uint8], model: Model, *, doubt: int, is_gated: bool
) -> Found:
    tokens = cut(offsets, data)
    flags = look_up(tokens, model.keys, model.flags)
    signs = signs_of(tokens, flags)
    is_line = tokens.cases == Case.LINE
    starts = sequences(tokens.rows, is_line)
    sizes = np.diff(starts, append=len(tokens))
    is_seen = np.ones(len(starts), np.bool_)
    if is_gated and len(starts):
        is_seen = np.bitwise_or.reduceat(signs, starts) & ~np.uint8(1 << ODD) != 0
    seen = np.flatnonzero(np.repeat(is_seen, sizes))
    features = buckets(model.templates, atoms(tokens, flags), tokens.rows)[:, seen]
    scores = np.zeros((len(seen), model.weights.shape[1]), np.int32)
    for row in features:
        scores += model.weights[row]
    # No name goes on in the next line.
    scores[:, 0] += np.where(is_line[seen], _CERTAIN, -doubt)
    sizes = sizes[is_seen]
    is_inner = np.diff(tokens.rows, prepend=-1)[starts[is_seen]] == 0
    lanes, margins = decode(scores, model.transitions, np.cumsum(sizes) - sizes, is_inner)
    # What was passed over parts what is before it from what is behind it.
    everything = np.zeros(len(tokens), np.int32)
    gaps = np.zeros(len(tokens), np.int32)
    everything[seen], gaps[seen] = lanes, margins
    names = join(tokens.rows, everything, gaps)
    pairs = np.stack([names.firsts, names.lasts + 1], axis=1).ravel()
    spoken = (
        np.bitwise_or.reduceat(np.append(signs, np.uint8(0)), pairs)[::2]
        if len(pairs)
        else signs[:0]
    )
    return Found(
        starts=tokens.starts[names.firsts],
        ends=tokens.ends[names.lasts],
        labels=names.labels,
        margins=names.margins,
        signs=spoken,
    )
