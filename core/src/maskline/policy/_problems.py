"""Collects the mistakes of a policy file, and words their mends.

This module knows `Problem` and difflib. It does not know what may stand where in a policy.
"""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final, Protocol

from maskline.errors import Problem

__all__ = ["Place", "Problems", "choices", "shown"]

_SHORT: Final = 8
"""How many choices a person still likes to read in one line."""

_PLAIN_KEYS: Final = frozenset({"env", "file", "url"})
"""The only keys that may be shown where a slip of the pen may turn a secret into a key."""


class Place(Protocol):
    """Where something stands in the file."""

    @property
    def line(self) -> int:
        """Counted from 1."""
        ...

    @property
    def column(self) -> int:
        """Counted from 1."""
        ...

    @property
    def where(self) -> str:
        """The path of keys that leads to it."""
        ...


class Problems:
    """Every mistake found so far."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note a mistake at a place of the file."""
        self._found.append(
            Problem(
                line=place.line,
                column=place.column,
                where=place.where,
                message=message,
                hint=hint,
            )
        )

    def sorted(self) -> tuple[Problem, ...]:
        """Return all of them in the order of the file."""
        return tuple(sorted(self._found, key=lambda problem: (problem.line, problem.column)))


def choices(word: str, valid: Collection[str], *, also: str = "") -> str:
    """Word the mend for a name that is not among the valid ones.

    Args:
        word: What was written. It is compared, never shown.
        valid: What may be written.
        also: Another sentence, for a name that is like none of them.
    """
    sentences = []
    by_lower = {name.lower(): name for name in valid}
    wanted = word.lower()
    close = get_close_matches(wanted, by_lower, n=1) or [
        name
        for name in sorted(by_lower, key=len)
        if len(wanted) > 2 and wanted in name  # noqa: PLR2004 - two letters are in nearly every name
    ]
    if close:
        sentences.append(f"Did you mean `{by_lower[close[0]]}`?")
    if valid and len(valid) <= _SHORT:
        sentences.append(f"Choose from: {', '.join(sorted(valid))}.")
    if also and not close:
        sentences.append(also)
    return " ".join(sentences)


def shown(key: str, *, within: str) -> str:
    """Return a key as a message may show it, which stands under the keys *within*.

    In a flow mapping, ``{postgresql://me:secret@host}`` is a key without a value.
    """
    if "://" in key or "@" in key:
        return "(a URL)"
    if within == "keys" or within.startswith("sources."):
        return key if key in _PLAIN_KEYS else "(a key)"
    return key
