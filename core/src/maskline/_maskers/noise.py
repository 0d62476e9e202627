"""The mask that adds bounded noise to numbers, equal noise to equal values.

The noise of a value never changes, so that to ask again reveals nothing more, and groups and joins
hold. It is not differential privacy: it promises nothing against who sees or guesses many values.

This module knows which options make sense, and how noise is added to numbers of each type. What it
is drawn from, and the key, are behind the mask context.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext, Tokenizer

from ._numbers import Exact, Floats, change_floats, exact
from ._options import amount_problems, domain_problems, unknown_options, whole_number_problems
from .redact import redact

__all__ = ["NoiseMasker"]

_Words: TypeAlias = npt.NDArray[np.uint64]

_KNOWN: Final = ("percent", "most", "domain")
_DEFAULT: Final = 10
_RANGE: Final = (1, 50)
_HUNDRED: Final = 100
_PERCENT: Final = pa.decimal256(3, 2)
_AMOUNT: Final = pa.decimal256(19, 6)
_SHARES: Final = np.uint64(10**15)
_SHARE: Final = pa.decimal256(19, 15)
_WIDEST: Final = 60
_ONE: Final = np.uint64(1)
# A double holds what is left of a word without its last 11 bits.
_DOUBLE_SHIFT: Final = np.uint64(11)
_DOUBLE_SHARES: Final = 2.0**53


class NoiseMasker:
    """Adds bounded noise to numbers: equal noise to equal values of a domain, never none.

    Options *percent*, of the value, 10 unless one of them is given, or *most*: how far a value goes
    at most, up or down. Option *domain*: columns in which equal values shall stay equal name the
    same one; by default it is the entity of the label. Whole numbers stay whole, and decimals keep
    their places: where no other number is within reach, and where a number would not fit its type,
    there is null. Text is redacted, and any other value becomes null. What is masked twice has
    noise twice.
    """

    name = "noise"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept *domain*, and *percent* from 1 to 50 or *most* above 0."""
        low, high = _RANGE
        problems = unknown_options(self.name, options, known=_KNOWN)
        if "percent" in options and "most" in options:
            problems.append(f"The mask {self.name} takes percent or most, and not both.")
        return [
            *problems,
            *whole_number_problems(self.name, options, "percent", low=low, high=high),
            *amount_problems(self.name, options, "most"),
            *domain_problems(self.name, options),
        ]

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text. Two numbers may meet, and one without room becomes null."""
        return Traits(injective=False, keeps_nulls=kind is Kind.TEXT)

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Return numbers with noise, and what redaction makes of anything else."""
        entity = context.label.entity
        tokenizer = context.tokenizer(str(options.get("domain", entity)))
        reach = _Reach.of(options)
        if pa.types.is_floating(column.type):
            return change_floats(
                column, lambda numbers, dtype: _noisy_floats(numbers, dtype, tokenizer, reach)
            )
        if pa.types.is_integer(column.type):
            return _noisy_integers(column, tokenizer, reach)
        numbers = exact(column.type)
        if numbers is None:
            return redact(column, entity)
        return _noisy_decimals(column, numbers, tokenizer, reach)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far noise may take a value from itself: an amount, or an amount times the value."""

    amount: Decimal
    is_relative: bool

    @classmethod
    def of(cls, options: Mapping[str, OptionValue]) -> "_Reach":
        if "most" in options:
            return cls(amount=Decimal(str(options["most"])), is_relative=False)
        return cls(amount=Decimal(options.get("percent", _DEFAULT)) / _HUNDRED, is_relative=True)

    def of_floats(self, numbers: Floats) -> Floats:
        return (np.abs(numbers) if self.is_relative else np.ones_like(numbers)) * float(self.amount)

    def of_integers(self, sizes: _Words) -> _Words:
        """Return the reach of numbers of such sizes, without what is behind the point."""
        if not self.is_relative:
            return np.full_like(sizes, int(self.amount))
        percent, hundred = np.uint64(self.amount * _HUNDRED), np.uint64(_HUNDRED)
        # The size times the percentage might not fit 64 bits.
        return sizes // hundred * percent + sizes % hundred * percent // hundred

    def of_decimals(self, numbers: pa.Array) -> pa.Array:
        if self.is_relative:
            return pc.multiply(pc.abs(numbers), pa.scalar(self.amount, _PERCENT))
        return pa.repeat(pa.scalar(self.amount, _AMOUNT), len(numbers))

    def draw(self, numbers: pa.Array, tokenizer: Tokenizer) -> _Words:
        """Draw a word for each number, by its text.

        What is drawn for one reach tells nothing of what is for another, or two readers who may go
        different ways could take the noise off together.
        """
        use = f"noise/{'times' if self.is_relative else 'plus'}/{self.amount.normalize()}"
        return tokenizer.draw(numbers.cast(pa.string()), use=use)


def _noisy_floats(
    numbers: Floats, dtype: "np.dtype[Any]", tokenizer: Tokenizer, reach: _Reach
) -> Floats:
    values = pa.array(numbers.astype(dtype) + dtype.type(0), mask=np.isnan(numbers))
    words = reach.draw(values, tokenizer)
    signs = np.where(_are_up(words), 1.0, -1.0)
    shares = ((words >> _DOUBLE_SHIFT) + _ONE) / _DOUBLE_SHARES
    limits = reach.of_floats(numbers)

    def rounded(noisy: Floats) -> Floats:
        held: Floats = noisy.astype(dtype).astype(np.float64)
        return held

    def toward(noisy: Floats, goal: Floats) -> Floats:
        return rounded(np.nextafter(noisy.astype(dtype), goal.astype(dtype)))

    noisy = rounded(numbers + signs * shares * limits)
    is_there = np.isfinite(noisy)
    # Rounded to the type, noise may have vanished, or gone too far by one step of the type.
    noisy = np.where(noisy == numbers, toward(noisy, signs * np.inf), noisy)
    noisy = np.where(np.abs(noisy - numbers) > limits, toward(noisy, numbers), noisy)
    return np.where(is_there & (noisy != numbers), noisy, np.nan)


def _noisy_integers(column: pa.Array, tokenizer: Tokenizer, reach: _Reach) -> pa.Array:
    is_signed = pa.types.is_signed_integer(column.type)
    values = pc.fill_null(column, 0).to_numpy().astype(np.int64 if is_signed else np.uint64)
    words = reach.draw(column, tokenizer)
    are_up = _are_up(words)
    limits = reach.of_integers(np.abs(values).view(np.uint64))
    sizes = ((words >> _ONE) % np.maximum(limits, _ONE) + _ONE).astype(values.dtype)
    noisy = np.where(are_up, values + sizes, values - sizes)
    # What leaves 64 bits comes back at their other end.
    is_held = (limits > 0) & ((noisy > values) == are_up)
    dtype = np.iinfo(column.type.to_pandas_dtype())
    is_held &= (noisy >= dtype.min) & (noisy <= dtype.max)
    is_held &= column.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(noisy.astype(dtype.dtype), mask=~is_held)


def _noisy_decimals(
    column: pa.Array, numbers: Exact, tokenizer: Tokenizer, reach: _Reach
) -> pa.Array:
    wide = column.cast(pa.decimal256(numbers.digits, numbers.scale))
    words = reach.draw(column, tokenizer)
    limits = reach.of_decimals(wide)
    # At least one unit of the type, and no more of them than lie within the limit.
    sizes = pc.min_element_wise(
        _whole(pc.multiply(limits, _shares(words)), numbers.scale, "up"),
        _whole(limits, numbers.scale, "down"),
    )
    noisy = pc.if_else(pa.array(_are_up(words)), pc.add(wide, sizes), pc.subtract(wide, sizes))
    has_room = pc.not_equal(noisy, wide)
    noisy = pc.if_else(has_room, noisy, pa.scalar(None, noisy.type))
    held = replace(numbers, kind=noisy.type)
    return held.between(noisy, numbers.low, numbers.high).cast(column.type)


def _are_up(words: _Words) -> npt.NDArray[np.bool_]:
    """Return the last bit of each word, which nothing else is made of."""
    are_up: npt.NDArray[np.bool_] = (words & _ONE) == _ONE
    return are_up


def _shares(words: _Words) -> pa.Array:
    """Return decimals above 0, up to 1."""
    counts = pa.array(((words >> _ONE) % _SHARES + _ONE).astype(np.int64))
    return counts.cast(pa.decimal256(_SHARE.precision, 0)).view(_SHARE)


def _whole(numbers: pa.Array, scale: int, mode: str) -> pa.Array:
    """Round away from a unit, ``up`` or ``down``, to *scale* places."""
    return pc.round(numbers, scale, round_mode=mode).cast(pa.decimal256(_WIDEST, scale))
