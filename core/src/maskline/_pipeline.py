"""Applies a function to one batch after another, several at a time.

This module knows threads and Arrow. It does not know where batches come from, or what happens to
them.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import pyarrow as pa

__all__ = ["in_order"]

_T = TypeVar("_T")

_WORTHWHILE_SECONDS: Final = 0.002
"""To hand a batch to another thread costs a tenth of that."""
_MOST_WORKERS: Final = 4
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Batches that wait hold no more than that, unless a single one does."""


def in_order(
    batches: Iterable[pa.RecordBatch], action: Callable[[pa.RecordBatch], _T]
) -> Iterator[_T]:
    """Give what *action* returns for each batch, in their order.

    The first result comes before a second batch is asked for. If it took long, other threads work
    while the caller's fetches; if they fall behind, nothing more is fetched until they have caught
    up. Nothing is left of them when this generator ends or is closed.

    Args:
        batches: Asked for in the caller's thread, one at a time.
        action: May be called from any thread, for several batches at once. What it raises is
            raised in place of its result.
    """
    fetched = iter(batches)
    for batch in fetched:
        began = time.perf_counter()
        result = action(batch)
        # A traceback shows it, and it holds values.
        del batch
        is_long = time.perf_counter() - began > _WORTHWHILE_SECONDS
        yield result
        if is_long:
            yield from _side_by_side(fetched, action)


def _side_by_side(
    batches: Iterator[pa.RecordBatch], action: Callable[[pa.RecordBatch], _T]
) -> Iterator[_T]:
    workers = min(os.cpu_count() or 1, _MOST_WORKERS)
    waiting: deque[tuple[Future[_T], int]] = deque()
    size = 0
    pool = ThreadPoolExecutor(workers, thread_name_prefix="maskline-mask")
    try:
        for batch in batches:
            waiting.append((pool.submit(action, batch), batch.nbytes))
            size += batch.nbytes
            del batch
            while waiting and (
                waiting[0][0].done() or len(waiting) > 2 * workers or size > _MOST_BYTES
            ):
                future, done = waiting.popleft()
                size -= done
                yield future.result()
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(cancel_futures=True)
