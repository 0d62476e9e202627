"""Keeps access events in a list, for tests and experiments.

This module knows the nouns only.
"""

from collections.abc import Callable, Mapping, Sequence

from maskline.model import AccessEvent, OptionValue

__all__ = ["MemorySink", "MemorySinkType"]


class MemorySink:
    """A sink that forgets everything when the process ends.

    Attributes:
        events: What it received, oldest first. Closing it keeps them.
    """

    def __init__(self) -> None:
        self.events: list[AccessEvent] = []

    def __repr__(self) -> str:
        return f"<MemorySink: {len(self.events)} events>"

    def emit(self, event: AccessEvent) -> None:
        """Keep the event."""
        self.events.append(event)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class MemorySinkType:
    """The sink ``memory``. It has no options."""

    name = "memory"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return a sentence for each option, as there are none."""
        return [f"The sink memory has no option {name}." for name in options]

    def open(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]
    ) -> MemorySink:
        """Return an empty sink."""
        del options, resolve
        return MemorySink()
