"""Runs contenders in turn, each in a process of its own, and counts what they take.

Ratios hold on other machines; seconds do not. This module does not know what is measured.
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, ParamSpec, Self, TypeAlias, TypeVar

__all__ = ["KERNELS", "Measured", "Process", "cpu_seconds", "in_turn", "medians", "ratio"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

KERNELS: Final = ("native", "numpy")
"""The compiled kernels of maskline, and their twin that needs no compiler."""
Measured: TypeAlias = dict[str, list[float]]
"""What each contender measured, one figure for each round."""


class Process:
    """A fresh Python process in which functions run, one after the other.

    Args:
        kernels: Which of `KERNELS` maskline uses there.
    """

    def __init__(self, kernels: str = "native") -> None:
        self._pool = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_choose, initargs=(kernels,)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return what a function of some module returns there, or raise what it raises."""
        return self._pool.submit(function, *args, **kwargs).result()


def _choose(kernels: str) -> None:
    # It is read when maskline is imported, so no module may import maskline before it is used.
    os.environ["MASKLINE_KERNELS"] = kernels


def cpu_seconds(action: Callable[[], object]) -> float:
    """Return the CPU time, in seconds, that all threads of this process take for an action."""
    began = time.process_time()
    action()
    return time.process_time() - began


def in_turn(contenders: Mapping[str, Callable[[], float]], *, runs: int) -> Measured:
    """Let every contender measure something once in each round.

    Args:
        contenders: By name.
        runs: How many rounds. One more, the first, warms everything up and does not count.
    """
    found: Measured = {name: [] for name in contenders}
    for number in range(runs + 1):
        for name, measure in contenders.items():
            figure = measure()
            if number:
                found[name].append(figure)
    return found


def medians(found: Measured) -> dict[str, float]:
    """Return the median of each contender."""
    return {name: statistics.median(figures) for name, figures in found.items()}


def ratio(found: Measured, name: str, other: str) -> float:
    """Return the median, over the rounds, of one contender's figure divided by another's."""
    return statistics.median(
        mine / theirs for mine, theirs in zip(found[name], found[other], strict=True)
    )
