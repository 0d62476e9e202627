"""Finds the most likely labels of tokens, and by how much they are likelier than any others.

The algorithm is Viterbi's, run in both directions: the best path through each label of each token
is known, so its distance from the best one is, too. All numbers are whole, so the compiled kernel
finds the same. This module knows scores. It does not know what they are scores of.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from maskline._detectors.names._tokens import I64

__all__ = ["I32", "LONGEST", "Stretches", "decode", "join", "sequences"]

I32 = npt.NDArray[np.int32]

LONGEST: Final = 128
"""How many tokens are labelled together at most; a longer line is cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Tokens that are one name each, as parallel arrays.

    Attributes:
        firsts: The first token.
        lasts: The last token.
        labels: Which label they have.
        margins: The mean of their margins, rounded down.
    """

    firsts: I64
    lasts: I64
    labels: I32
    margins: I64


def sequences(rows: I64, is_line: npt.NDArray[np.bool_]) -> I64:
    """Return where sequences of tokens begin: with each row and line, and after each `LONGEST`.

    Args:
        rows: Shape ``(tokens,)``, rising.
        is_line: Shape ``(tokens,)``: whether a token is the end of a line. No name goes across it.
    """
    is_head = np.diff(rows, prepend=-1) != 0
    is_head[1:] |= is_line[:-1]
    heads = np.flatnonzero(is_head)
    place = np.arange(len(rows)) - np.repeat(heads, np.diff(heads, append=len(rows)))
    return np.flatnonzero(place % LONGEST == 0)


def decode(
    scores: I32, transitions: I32, starts: I64, is_inner: npt.NDArray[np.bool_]
) -> tuple[I32, I32]:
    """Label tokens.

    Args:
        scores: Shape ``(tokens, lanes)``: what the features say.
        transitions: Shape ``(lanes, lanes)``.
        starts: Where sequences begin.
        is_inner: Whether something stands before a sequence, in its row. It is no name.

    Returns:
        The lane of each token, and its margin: how much worse the best path is that goes through
        no lane of the same label.
    """
    sizes = np.diff(starts, append=len(scores))
    order = np.argsort(-sizes, kind="stable")
    begins, sizes = starts[order], sizes[order]
    # Through each lane of a token: the best path up to it, and the best one from it on.
    before, behind = scores.copy(), np.zeros_like(scores)
    before[starts[is_inner]] += transitions[0]
    for step in range(1, int(sizes.max(initial=0))):
        active = int(np.searchsorted(-sizes, -step))
        here = begins[:active] + step
        before[here] += (before[here - 1][:, :, None] + transitions).max(axis=1)
        here = begins[:active] + sizes[:active] - 1 - step
        ahead = behind[here + 1] + scores[here + 1]
        behind[here] = (transitions + ahead[:, None, :]).max(axis=2)
    through = before + behind
    lanes = np.argmax(through, axis=1).astype(np.int32)
    labels = (np.arange(scores.shape[1]) + 1) // 2
    best = through[np.arange(len(lanes)), lanes] if len(lanes) else np.empty(0, np.int32)
    is_other = labels[None, :] != labels[lanes][:, None]
    rest = np.where(is_other, through, np.iinfo(np.int32).min // 2).max(axis=1)
    return lanes, (best - rest).astype(np.int32)


def join(rows: I64, lanes: I32, margins: I32) -> Stretches:
    """Join tokens to names: a name begins with its first lane, or where another one was before."""
    labels = (lanes + 1) // 2 - 1
    is_begin = (labels >= 0) & (lanes % 2 == 1)
    is_begin[:1] |= labels[:1] >= 0
    is_begin[1:] |= (labels[1:] >= 0) & ((labels[1:] != labels[:-1]) | (rows[1:] != rows[:-1]))
    firsts = np.flatnonzero(is_begin)
    edges = is_begin | (labels < 0)
    stops = np.append(np.flatnonzero(edges), len(edges))
    ends = stops[np.searchsorted(stops, firsts, side="right")]
    total = np.concatenate([[0], np.cumsum(margins, dtype=np.int64)])
    return Stretches(
        firsts=firsts,
        lasts=ends - 1,
        labels=labels[firsts].astype(np.int32),
        margins=(total[ends] - total[firsts]) // np.maximum(ends - firsts, 1),
    )
