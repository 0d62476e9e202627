"""Numbers in columns: the exact ones of integer and decimal types, and floating-point ones.

This module knows what Arrow's types of numbers can hold. It does not know options, labels or masks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Exact", "Floats", "change_floats", "exact", "widened"]

Floats: TypeAlias = npt.NDArray[np.float64]
"""Shape ``(rows,)``."""

_DIGITS_OF_64_BITS: Final = 20
_MOST_DIGITS: Final = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """What a type of exact numbers can hold: the multiples of its unit from *low* to *high* units.

    Attributes:
        kind: An integer or decimal type.
        scale: The unit is one with so many places behind the point.
        digits: How many digits a number has at most, counted in units.
    """

    kind: pa.DataType
    scale: int
    digits: int
    low: int
    high: int

    def units(self, number: Fraction | int) -> Fraction:
        """Return how many units a number is."""
        return number * Fraction(10) ** self.scale

    def scalar(self, units: int) -> pa.Scalar:
        """Return so many units; null where the type cannot hold them."""
        if not self.low <= units <= self.high:
            return pa.scalar(None, self.kind)
        if pa.types.is_integer(self.kind):
            return pa.scalar(units, self.kind)
        # Other ways to make a decimal round to the precision of the thread's context.
        digits = tuple(map(int, str(abs(units))))
        return pa.scalar(Decimal((int(units < 0), digits, -self.scale)), self.kind)

    def between(self, column: pa.Array, low: int, high: int) -> pa.Array:
        """Return a column with null for each number below *low* or above *high* units.

        Args:
            column: Of type *kind*.
            low: Up to *high*; it may be less than the type can hold.
            high: It may be more than the type can hold.
        """
        is_kept = pc.and_(
            pc.greater_equal(column, self.scalar(max(low, self.low))),
            pc.less_equal(column, self.scalar(min(high, self.high))),
        )
        return pc.if_else(is_kept, column, pa.scalar(None, self.kind))


def exact(kind: pa.DataType) -> Exact | None:
    """Return what an integer or decimal type can hold; None for any other type.

    It is also None for decimals with fewer places than none, with which Arrow does not compute, and
    with more than 38 digits, of which it may return a neighbour when it divides.
    """
    if pa.types.is_decimal(kind) and kind.scale >= 0 and kind.precision <= _MOST_DIGITS:
        high = 10**kind.precision - 1
        return Exact(kind=kind, scale=kind.scale, digits=kind.precision, low=-high, high=high)
    if not pa.types.is_integer(kind):
        return None
    low, high = 0, 2**kind.bit_width - 1
    if pa.types.is_signed_integer(kind):
        low, high = -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1
    return Exact(kind=kind, scale=0, digits=_DIGITS_OF_64_BITS, low=low, high=high)


def widened(column: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Show a function short decimals, for which Arrow lacks arithmetic, as decimals of 128 bits."""
    kind = column.type
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        wide = column.cast(pa.decimal128(kind.precision, kind.scale))
        return change(wide).cast(kind)
    return change(column)


def change_floats(
    column: pa.Array, change: Callable[[Floats, "np.dtype[Any]"], Floats]
) -> pa.Array:
    """Change floating-point numbers.

    Args:
        column: Any length, nulls allowed, of a floating-point type.
        change: Takes numbers, NaN for null and infinity, and the type to which they must be
            rounded. Returns numbers that this type holds exactly; null stands where they are NaN
            or infinite.

    Returns:
        The same length and type.
    """
    dtype = np.dtype(column.type.to_pandas_dtype())
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        numbers = change(_finite(column), dtype)
        # Minus zero is equal to zero, so it must not be told from it.
        return pa.array(numbers.astype(dtype) + dtype.type(0), mask=~np.isfinite(numbers))


def _finite(column: pa.Array) -> Floats:
    """Return the numbers of a floating-point column, NaN for null and for infinities."""
    numbers: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)
    numbers[np.isinf(numbers)] = np.nan
    return numbers
