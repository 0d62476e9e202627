"""Counts, and the measures and intervals that follow from them.

Shares have Wilson's interval, which holds where few or all of them are hits. F2 has none in closed
form: its interval comes from a bootstrap that draws for every record how often it would be in a
resample, from a Poisson distribution of mean 1 (Hanley and MacGibbon, "Creating non-parametric
bootstrap samples using Poisson frequencies", 2006), so that no record need be kept. This module
knows numpy. It does not know what is counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "Json", "Measures", "Resampling", "Share", "Weights", "measures", "share"]

Json: TypeAlias = dict[str, Any]
"""Figures, as JSON can hold them."""

Weights: TypeAlias = npt.NDArray[np.float64]
"""How often a record is in the set itself, which is once, and in each resample."""

_RESAMPLES: Final = 400
_BOUNDS: Final = (2.5, 97.5)
_Z: Final = 1.959964  # the 97.5 % point of the normal distribution
_BETA2: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share and its 95 % interval after Wilson; all 0 of nothing.

    Attributes:
        hits: How many there are.
        total: Of how many.
    """

    hits: int
    total: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What detection comes to.

    Attributes:
        f2: The harmonic mean of the two, in which recall counts four times as much.
        f2_low: The lower end of its 95 % interval, by bootstrap.
        f2_high: The upper end.
    """

    precision: Share
    recall: Share
    f2: float
    f2_low: float
    f2_high: float


class Resampling:
    """Draws the weights of one record after the other; always the same ones."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def draw(self) -> Weights:
        """Return the weights of the next record."""
        return np.concatenate(([1.0], self._random.poisson(1.0, _RESAMPLES)))


class Counts:
    """How many findings were right, were wrong, and were wanting, here and in each resample."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums = np.zeros((3, _RESAMPLES + 1))

    def add(self, weights: Weights, *, right: int = 0, wrong: int = 0, missed: int = 0) -> None:
        """Count what a record comes to."""
        for place, number in enumerate((right, wrong, missed)):
            if number:
                self._sums[place] += number * weights

    @property
    def wanted(self) -> int:
        """How many were to be found."""
        return int(self._sums[0, 0] + self._sums[2, 0])

    @property
    def sums(self) -> npt.NDArray[np.float64]:
        """Shape ``(3, resamples + 1)``: right, wrong, missed; the set itself comes first."""
        return self._sums


def measures(counts: Iterable[Counts]) -> Measures:
    """Return what counts come to, taken together."""
    sums = sum((one.sums for one in counts), np.zeros((3, _RESAMPLES + 1)))
    right, wrong, missed = sums
    # With P = right / (right + wrong) and R alike, F becomes this, which knows no 0 / 0 between.
    whole = (1 + _BETA2) * right + wrong + _BETA2 * missed
    f2 = np.divide((1 + _BETA2) * right, whole, out=np.zeros_like(whole), where=whole > 0)
    low, high = np.percentile(f2[1:], _BOUNDS)
    return Measures(
        precision=share(int(right[0]), int(right[0] + wrong[0])),
        recall=share(int(right[0]), int(right[0] + missed[0])),
        f2=float(f2[0]),
        f2_low=float(low),
        f2_high=float(high),
    )


def share(hits: int, total: int) -> Share:
    """Return a share with its interval (Wilson, "Probable inference", 1927)."""
    if not total:
        return Share(hits=0, total=0, value=0.0, low=0.0, high=0.0)
    p = hits / total
    spread = _Z * sqrt(p * (1 - p) / total + _Z**2 / (4 * total**2))
    middle, scale = p + _Z**2 / (2 * total), 1 + _Z**2 / total
    return Share(
        hits=hits,
        total=total,
        value=p,
        low=max(0.0, (middle - spread) / scale),
        high=min(1.0, (middle + spread) / scale),
    )
