"""What is wrong: somewhere something else was to be found than was.

This module knows nothing but that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["NOTHING", "Miss", "OnMiss"]

NOTHING: Final = "nothing"
"""Stands for an entity where nothing was found, and where nothing was to be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """Something that a system got wrong.

    Attributes:
        record: The id of the record.
        start: Counts characters; 0 for a column.
        end: The character after the last; 0 for a column.
        wanted: An entity, or ``nothing``.
        found: An entity, or ``nothing``.
    """

    record: str
    start: int
    end: int
    wanted: str
    found: str


OnMiss: TypeAlias = Callable[[Miss, str], None]
"""Takes a miss and the text that is meant, which is somebody's data and is kept nowhere."""
