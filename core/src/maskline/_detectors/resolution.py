"""Many detectors' findings, made into one answer in which nothing overlaps.

Where findings overlap, the surest names the stretch, and the stretch covers all of them: what any
detector found is never left in the open.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from maskline.model import Spans

__all__ = ["concatenate", "resolve"]


def resolve(spans: Sequence[Spans]) -> Spans:
    """Merge findings.

    Args:
        spans: What each detector found, in any order.

    Returns:
        Sorted by row and start; nothing overlaps. Every byte that was found is covered, and
        nothing else. Each stretch has the entity and the score of the finding with the highest
        score in it; of equal ones the longer; of those the earlier.
    """
    together = concatenate(spans)
    rows, starts, ends = together.rows, together.starts, together.ends
    scores, entities = together.scores, together.entities
    order = np.lexsort((-ends, starts, rows))
    rows, starts, ends = rows[order], starts[order], ends[order]
    scores, entities = scores[order], entities[order]
    first = _first_of_groups(rows, starts, ends)
    group = np.cumsum(first) - 1
    heads = np.flatnonzero(first)
    # Sorted by start already, and lexsort is stable: the earliest of equals comes first.
    ranked = np.lexsort((starts - ends, -scores, group))
    winners = ranked[heads]
    return Spans(
        rows=rows[heads],
        starts=starts[heads],
        ends=np.maximum.reduceat(ends, heads) if len(heads) else ends,
        entities=entities[winners],
        scores=scores[winners],
        names=together.names,
    )


def concatenate(spans: Sequence[Spans]) -> Spans:
    """Put findings one after the other."""
    names = tuple(dict.fromkeys(name for one in spans for name in one.names))
    index = {name: position for position, name in enumerate(names)}
    entity_maps = [np.array([index[name] for name in one.names], dtype=np.int32) for one in spans]
    entities = [numbers[one.entities] for numbers, one in zip(entity_maps, spans, strict=True)]
    return Spans(
        rows=np.concatenate([np.empty(0, np.int64), *(one.rows for one in spans)]),
        starts=np.concatenate([np.empty(0, np.int64), *(one.starts for one in spans)]),
        ends=np.concatenate([np.empty(0, np.int64), *(one.ends for one in spans)]),
        entities=np.concatenate([np.empty(0, np.int32), *entities]),
        scores=np.concatenate([np.empty(0, np.float32), *(one.scores for one in spans)]),
        names=names,
    )


def _first_of_groups(
    rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Tell which stretches, sorted, overlap none before them."""
    # Laid end to end, the rows make one line, on which nothing reaches into the next row.
    number = np.cumsum(np.diff(rows, prepend=rows[:1]) != 0)
    begin = number * (int(ends.max(initial=0)) + 1)
    reach = np.maximum.accumulate(begin + ends)
    first = np.ones(len(rows), np.bool_)
    first[1:] = (begin + starts)[1:] >= reach[:-1]
    return first
