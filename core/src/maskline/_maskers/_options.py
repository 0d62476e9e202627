"""Says what is wrong with the options of a mask.

This module knows names of options. It never repeats what an option was set to.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from maskline.model import OptionValue

__all__ = ["amount_problems", "domain_problems", "unknown_options", "whole_number_problems"]

_DOMAIN: Final = re.compile("[A-Za-z][A-Za-z0-9_]*")
_MOST: Final = 10**12
_PARTS: Final = 10**6


def amount_problems(masker: str, options: Mapping[str, OptionValue], name: str) -> list[str]:
    """Return what is wrong with an option that is an amount: a sentence, or nothing."""
    value = options.get(name, 1)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _MOST:
        parts = Fraction(str(value)) * _PARTS
        if parts.denominator == 1:
            return []
    problem = (
        f"The option {name} of the mask {masker} must be a number above 0 and up to {_MOST}, with "
        "at most 6 decimals."
    )
    return [problem]


def domain_problems(masker: str, options: Mapping[str, OptionValue]) -> list[str]:
    """Return what is wrong with the option *domain*: a sentence, or nothing."""
    domain = options.get("domain", "DEFAULT")
    if isinstance(domain, str) and _DOMAIN.fullmatch(domain):
        return []
    problem = (
        f"The option domain of the mask {masker} must be a name: a letter of A to Z, then "
        "letters, digits and underscores."
    )
    return [problem]


def unknown_options(
    masker: str, options: Mapping[str, OptionValue], *, known: tuple[str, ...] = ()
) -> list[str]:
    """Return a sentence for each option that a masker does not have."""
    choice = f"it has {' and '.join(known)}" if known else "it has none"
    return [
        f"The mask {masker} has no option {name}; {choice}."
        for name in sorted(options)
        if name not in known
    ]


def whole_number_problems(
    masker: str, options: Mapping[str, OptionValue], name: str, *, low: int, high: int
) -> list[str]:
    """Return what is wrong with an option that is a whole number: a sentence, or nothing."""
    value = options.get(name, low)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return []
    return [f"The option {name} of the mask {masker} must be a whole number from {low} to {high}."]
