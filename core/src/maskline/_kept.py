"""Keeps the latest results of work that is worth not doing twice.

This module knows nothing but keys and values.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Kept"]

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Kept(Generic[_K, _V]):
    """The latest results, by key. Several threads may ask.

    Args:
        most: How many are kept; then the one that was not asked for the longest is dropped.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._lock = Lock()
        self._values: OrderedDict[_K, _V] = OrderedDict()

    def get(self, key: _K, make: Callable[[], _V]) -> _V:
        """Return what is kept for a key, else what *make* returns; its errors are not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
