"""Counts the literals that somebody has looked up, so that nobody can try them all.

This module knows a clock and principals. The count is kept in this process only: it slows a
program down, and the audit log, which outlives the process, shows who looked up how many.
"""

import threading
import time
from collections import deque
from collections.abc import Hashable
from typing import Final

__all__ = ["spend"]

_HOUR: Final = 3600.0
_spent: Final[dict[Hashable, deque[tuple[float, int]]]] = {}
_lock: Final = threading.Lock()


def spend(who: Hashable, count: int, *, per_hour: int) -> bool:
    """Count some literals, unless they are too many for the hour that ends now.

    Args:
        who: Whoever has a budget of their own.
        count: How many literals a query looks up.
        per_hour: How many may be.

    Returns:
        Whether they may be looked up; if not, none was counted.
    """
    now = time.monotonic()
    with _lock:
        earlier = _spent.setdefault(who, deque())
        while earlier and earlier[0][0] <= now - _HOUR:
            earlier.popleft()
        if sum(number for _, number in earlier) + count > per_hour:
            return False
        earlier.append((now, count))
    return True
