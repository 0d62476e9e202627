"""Says what is wrong with the options of a mask.

This module knows names of options. It never repeats what an option was set to.
"""

from collections.abc import Mapping

from maskline.model import OptionValue

__all__ = ["unknown_options"]


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
