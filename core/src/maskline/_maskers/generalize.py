"""The mask that makes values coarser: buckets of numbers, months of dates, areas of post codes.

This module knows which options make sense, and post codes of the United States. Days, numbers and
network addresses are made coarser by the modules beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from maskline.model import Kind, OptionValue, Traits
from maskline.roles import MaskContext

from ._buckets import cap, floor_to_step, round_to_places
from ._days import change_days, month_starts
from ._networks import to_networks
from ._numbers import widened
from ._options import amount_problems, unknown_options, whole_number_problems
from .redact import or_redacted

__all__ = ["GeneralizeMasker"]

_WAYS: Final = ("step", "to", "zip", "age", "ip", "decimals")
_KNOWN: Final = (*_WAYS, "ip6")
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12, "decade": 120}
_ZIP_DIGITS: Final = 3
_IPV6_BITS: Final = 48
_RANGES: Final = {"age": (1, 120), "ip": (1, 31), "ip6": (1, 64), "decimals": (0, 6)}
_ZIP: Final = "^ *(?P<area>[0-9]{3})[0-9]{2}(?:[- ]?[0-9]{4})? *$"
# Areas of at most 20,000 people, which 45 CFR 164.514(b)(2)(i)(B) wants to be 000: by the census of
# 2000, as the Department of Health and Human Services lists them, or by that of 2010.
_FEW_PEOPLE: Final = (
    *("036", "059", "063", "102", "203", "205", "369", "556", "692", "753", "772", "790", "821"),
    *("823", "830", "831", "878", "879", "884", "890", "893"),
)


class GeneralizeMasker:
    """Replaces values by coarser ones: a bucket, a month, an area, a network, a point of a grid.

    Exactly one option says how. *step*: a number becomes the lower edge of its bucket of that
    width. *to*: a date or timestamp becomes the first moment of its ``month``, ``quarter``,
    ``year`` or ``decade``. *zip*, only 3: a post code of the United States becomes that of its
    area, as HIPAA's Safe Harbor wants it. *age*: a number above it becomes the next whole one.
    *ip*: an address of IPv4 keeps so many bits, and one of IPv6 as many as *ip6* says, 48 unless it
    is given. *decimals*: a number is rounded to so many. Text that is not of the form is redacted,
    and any other value becomes null. What is generalised already stays as it is.
    """

    name = "generalize"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept one of the ways, and *ip6* beside *ip*."""
        problems = unknown_options(self.name, options, known=_KNOWN)
        given = [way for way in _WAYS if way in options]
        if len(given) != 1:
            problems.append(
                f"The mask {self.name} takes exactly one of {', '.join(_WAYS)}; here "
                f"{'are ' + ' and '.join(given) if given else 'is none'}."
            )
        if "ip6" in options and "ip" not in options:
            problems.append(f"The option ip6 of the mask {self.name} needs the option ip.")
        problems += amount_problems(self.name, options, "step")
        if options.get("to", "year") not in _MONTHS:
            problems.append(
                f"The option to of the mask {self.name} must be one of {', '.join(_MONTHS)}."
            )
        if "zip" in options and whole_number_problems(self.name, options, "zip", low=3, high=3):
            problems.append(f"The option zip of the mask {self.name} can only be 3.")
        for name, (low, high) in _RANGES.items():
            problems += whole_number_problems(self.name, options, name, low=low, high=high)
        return problems

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text: many values share a bucket, and an edge may not fit its type."""
        return Traits(injective=False, keeps_nulls=kind is Kind.TEXT)

    def mask(
        self, column: pa.Array, *, options: Mapping[str, OptionValue], context: MaskContext
    ) -> pa.Array:
        """Return coarser values, and what redaction makes of what does not fit the option."""
        generalize = next(_MASKS[way] for way in _WAYS if way in options)
        return or_redacted(generalize(column, options), column, context.label.entity)


def _to_areas(column: pa.Array) -> pa.Array:
    if column.type != pa.string():
        return pa.nulls(len(column), column.type)
    areas = pc.struct_field(pc.extract_regex(column, _ZIP), "area")
    areas = pc.if_else(pc.is_in(areas, pa.array(_FEW_PEOPLE)), "000", areas)
    return pc.binary_join_element_wise(areas, "00", "")


def _to_networks(column: pa.Array, options: Mapping[str, OptionValue]) -> pa.Array:
    if column.type != pa.string():
        return pa.nulls(len(column), column.type)
    ipv6_bits = int(options.get("ip6", _IPV6_BITS))
    return to_networks(column, bits=int(options["ip"]), ipv6_bits=ipv6_bits)


def _to_periods(column: pa.Array, options: Mapping[str, OptionValue]) -> pa.Array:
    span = _MONTHS[str(options["to"])]
    return change_days(column, lambda days: month_starts(days, span))


_MASKS: Final[Mapping[str, Callable[[pa.Array, Mapping[str, OptionValue]], pa.Array]]] = {
    "step": lambda column, options: widened(
        column, lambda wide: floor_to_step(wide, Fraction(str(options["step"])))
    ),
    "to": _to_periods,
    "zip": lambda column, _: _to_areas(column),
    "age": lambda column, options: widened(column, lambda wide: cap(wide, int(options["age"]))),
    "ip": _to_networks,
    "decimals": lambda column, options: widened(
        column, lambda wide: round_to_places(wide, int(options["decimals"]))
    ),
}
