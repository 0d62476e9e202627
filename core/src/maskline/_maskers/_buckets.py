"""Replaces numbers by coarser ones: lower edges of buckets, points of a grid, a cap.

This module knows numbers. It does not know options or labels. Each function takes a column of any
type, of any length and with nulls, and returns the same length and type: null for null, for what is
no finite number, and for what the type cannot hold. To change what it has changed changes nothing.
"""

from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ._numbers import Exact, Floats, change_floats, exact

__all__ = ["cap", "floor_to_step", "round_to_places"]

# What counts more buckets than this is too far out for a double to tell one from the next.
_MOST_BUCKETS: Final = 2**50


def floor_to_step(column: pa.Array, step: Fraction) -> pa.Array:
    """Replace each number by the lower edge of its bucket.

    Args:
        column: Of integers and decimals, *step* must be several of the type's units, for else
            there would be nothing to take away: then all becomes null.
        step: The width of a bucket, above 0. One bucket begins at 0.
    """
    if pa.types.is_floating(column.type):
        return change_floats(column, lambda numbers, dtype: _float_edges(numbers, dtype, step))
    numbers = exact(column.type)
    if numbers is None:
        return pa.nulls(len(column), column.type)
    width = numbers.units(step)
    if width.denominator > 1 or not 1 < width <= numbers.high:
        return pa.nulls(len(column), column.type)
    lowest = -(-numbers.low // int(width)) * int(width)
    column = numbers.between(column, lowest, numbers.high)
    return pc.round_to_multiple(column, numbers.scalar(int(width)), round_mode="down")


def round_to_places(column: pa.Array, places: int) -> pa.Array:
    """Round each number, half to even.

    Args:
        column: Integers become null, for one may count millionths of a degree; and so do decimals
            that have no more places than stay.
        places: How many places behind the point stay.
    """
    if pa.types.is_floating(column.type):
        return change_floats(column, lambda numbers, dtype: _float_grid(numbers, dtype, places))
    numbers = exact(column.type)
    if numbers is None or not places < numbers.scale < places + numbers.digits:
        return pa.nulls(len(column), column.type)
    width = 10 ** (numbers.scale - places)
    most = numbers.high // width * width + width // 2 - 1
    column = numbers.between(column, -most, most)
    return pc.round(column, ndigits=places, round_mode="half_to_even")


def cap(column: pa.Array, most: int) -> pa.Array:
    """Replace each number above *most* by *most* + 1, and each below 0 by null."""
    if pa.types.is_floating(column.type):
        return change_floats(
            column,
            lambda numbers, _: np.where(
                numbers >= 0, np.where(numbers > most, most + 1, numbers), np.nan
            ),
        )
    numbers = exact(column.type)
    return pa.nulls(len(column), column.type) if numbers is None else _cap(column, numbers, most)


def _cap(column: pa.Array, numbers: Exact, most: int) -> pa.Array:
    column = numbers.between(column, 0, numbers.high)
    kept = numbers.between(column, 0, int(numbers.units(most)))
    is_over = pc.and_(column.is_valid(), kept.is_null())
    return pc.if_else(is_over, numbers.scalar(int(numbers.units(most + 1))), kept)


def _float_edges(numbers: Floats, dtype: "np.dtype[Any]", step: Fraction) -> Floats:
    """Return the greatest edges, rounded to the type, that are not above the numbers.

    An edge is the decimal number nearest to *step* times a whole number, so that 0.3 stays 0.3
    where the step is 0.1.
    """
    top, bottom = step.as_integer_ratio()

    def edges(counts: Floats) -> Floats:
        rounded: Floats = (counts * top / bottom).astype(dtype).astype(np.float64)
        return rounded

    counts = np.floor(numbers * bottom / top)
    counts -= edges(counts) > numbers
    counts += edges(counts + 1) <= numbers
    return _near(numbers * bottom, edges(counts))


def _float_grid(numbers: Floats, dtype: "np.dtype[Any]", places: int) -> Floats:
    scale = 10.0**places
    rounded: Floats = (np.rint(numbers * scale) / scale).astype(dtype).astype(np.float64)
    return _near(numbers * scale, rounded)


def _near(counts: Floats, numbers: Floats) -> Floats:
    """Return numbers, NaN where they count too many units for a double to be exact."""
    is_near: npt.NDArray[np.bool_] = np.abs(counts) < _MOST_BUCKETS
    return np.where(is_near, numbers, np.nan)
