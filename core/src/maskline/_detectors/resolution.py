"""Many detectors' findings, made into one answer in which nothing overlaps.

Where findings overlap, the surest names the stretch, and the stretch covers all of them: what any
detector found is never left in the open.
"""

from collections.abc import Sequence

import numpy as np

from maskline.model import Spans

__all__ = ["resolve"]


def resolve(spans: Sequence[Spans]) -> Spans:
    """Merge findings.

    Args:
        spans: What each detector found, in any order.

    Returns:
        Sorted by row and start; nothing overlaps. Every byte that was found is covered, and
        nothing else. Each stretch has the entity and the score of the finding with the highest
        score in it; of equal ones the longer; of those the earlier.
    """
    names = tuple(dict.fromkeys(name for one in spans for name in one.names))
    index = {name: position for position, name in enumerate(names)}
    entity_maps = [np.array([index[name] for name in one.names], dtype=np.int32) for one in spans]
    rows = np.concatenate([np.empty(0, np.int64), *(one.rows for one in spans)])
    starts = np.concatenate([np.empty(0, np.int64), *(one.starts for one in spans)])
    ends = np.concatenate([np.empty(0, np.int64), *(one.ends for one in spans)])
    scores = np.concatenate([np.empty(0, np.float32), *(one.scores for one in spans)])
    entities = np.concatenate(
        [
            np.empty(0, np.int32),
            *(numbers[one.entities] for numbers, one in zip(entity_maps, spans, strict=True)),
        ]
    )
    order = np.lexsort((-ends, starts, rows))
    rows, starts, ends = rows[order], starts[order], ends[order]
    scores, entities = scores[order], entities[order]
    first = _first_of_groups(rows.tolist(), starts.tolist(), ends.tolist())
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
        names=names,
    )


def _first_of_groups(
    rows: Sequence[int], starts: Sequence[int], ends: Sequence[int]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell which stretches, sorted, overlap none before them."""
    first = np.zeros(len(rows), dtype=np.bool_)
    row = reach = -1
    for position, (this, start, end) in enumerate(zip(rows, starts, ends, strict=True)):
        if this != row or start >= reach:
            first[position] = True
            row, reach = this, end
        else:
            reach = max(reach, end)
    return first
