"""The forms that identifiers have: what the data file ``identifiers.toml`` says of each entity.

This module knows that file and the functions it names. It does not know text, columns or policies.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from maskline._detectors import checks_americas, checks_asia, checks_europe, checks_things
from maskline._detectors.checksums import Characters, Truths

__all__ = ["Check", "Form", "forms", "likelihood"]

Check = Callable[[Characters], Truths]
"""Tells which numbers are valid; `checksums` says what it is given."""

_MODULES: Final = (checks_americas, checks_asia, checks_europe, checks_things)

# The odds that a value of the right shape is such a number, before it has passed the check: if
# nothing else speaks for it; if it stands in groups as only few numbers do; under its label.
_PLAIN: Final = 0.05
_GROUPED: Final = 0.9
_LABELLED: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    r"""One way in which an identifier is written.

    Attributes:
        entity: What it is.
        pattern: An expression for RE2 that matches the whole of it, separators included. Letters
            match in both cases, unless *is_exact*.
        check: Checks the characters without separators; None if the pattern says it all.
        chance: The share of strings of the same shape, digits for digits and letters for letters,
            that pass pattern and check.
        text_score: How sure it is in running text without a label; 0.0 if it needs one.
        is_exact: Whether capitals and small letters differ.
        example: An invented one.
    """

    entity: str
    pattern: str
    check: Check | None
    chance: float
    text_score: float
    is_exact: bool
    example: str


@cache
def forms() -> tuple[Form, ...]:
    """Return all forms, in the order of the file."""
    text = files("maskline").joinpath("identifiers.toml").read_text(encoding="utf-8")
    checks = _checks()
    return tuple(
        Form(
            entity=entity,
            pattern=entry["pattern"],
            check=checks[entry["check"]] if "check" in entry else None,
            chance=entry["chance"],
            text_score=entry.get("text", 0.0),
            is_exact=entry.get("exact", False),
            example=entry["example"],
        )
        for entity, entries in tomllib.loads(text).items()
        for entry in entries["forms"]
    )


def likelihood(form: Form, *, is_labelled: bool) -> float:
    """Return how likely a string that passes is what it looks like, by Bayes' rule.

    Args:
        form: What it passed.
        is_labelled: Whether the name of a column, or a word beside it, says what it is.
    """
    is_grouped = form.check is not None and not form.example.isalnum()
    odds = _LABELLED if is_labelled else _GROUPED if is_grouped else _PLAIN
    return odds / (odds + form.chance)


def _checks() -> Mapping[str, Check]:
    return {name: getattr(module, name) for module in _MODULES for name in module.__all__}
