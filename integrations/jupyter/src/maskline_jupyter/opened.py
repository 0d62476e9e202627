"""The databases that a notebook has open, by the names it calls them.

This module knows sessions and named connections. It does not know IPython.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from maskline.errors import UsageError
from maskline_jupyter.connections import read_all
from maskline_jupyter.grammar import Connect, did_you_mean

if TYPE_CHECKING:
    from maskline_jupyter._engines import Session

__all__ = ["Opened", "Opener"]

Opener = Callable[[Connect, tuple[str, ...]], "Session"]
"""Opens a source under a policy, for whoever claims these roles."""


class Opened:
    """Any number of open sessions; the one that was opened last is the current one.

    Args:
        opener: Opens one.
        default_policy: Gives the policy file where none is named.
    """

    def __init__(self, opener: Opener, *, default_policy: Callable[[], str]) -> None:
        self._opener = opener
        self._default_policy = default_policy
        self._sessions: dict[str, Session] = {}

    def __iter__(self) -> Iterator[tuple[str, "Session"]]:
        return iter(list(self._sessions.items()))

    @property
    def current(self) -> str:
        """The name of the current session; empty if there is none."""
        return next(reversed(self._sessions), "")

    def open(self, wanted: Connect) -> str:
        """Open a session, in place of one of that name, and return its name.

        Raises:
            UsageError: No connection has the name.
            MasklineError: It cannot be opened; `maskline.connect` tells why.
        """
        roles: tuple[str, ...] = ()
        if wanted.source.startswith("@"):
            wanted, roles = self._named(wanted)
        elif not wanted.policy:
            wanted = replace(wanted, policy=self._default_policy())
        session = self._opener(wanted, roles)
        name = wanted.name or session.source_name
        if name in self._sessions:
            self._sessions.pop(name).close()
        self._sessions[name] = session
        return name

    def get(self, name: str) -> "Session":
        """Return the session of a name, or the current one; a named connection is opened.

        Raises:
            UsageError: There is none, and no connection of that name either.
        """
        if "://" in name:
            return self._sessions[self.open(Connect(source=name))]
        if not name and not self._sessions:
            msg = "There is no connection."
            raise UsageError(msg, hint="Open one: %maskline connect SOURCE --policy policy.yaml")
        if name and name not in self._sessions:
            return self._sessions[self.open(Connect(source=f"@{name}"))]
        return self._sessions[name or self.current]

    def close(self, name: str) -> str:
        """Close the session of a name, or the current one, and return its name.

        Raises:
            UsageError: There is none.
        """
        chosen = name or self.current
        if chosen not in self._sessions:
            msg = "There is no open connection of that name." if name else "There is no connection."
            raise UsageError(msg, hint=did_you_mean(name, self._sessions, shown="@{}"))
        self._sessions.pop(chosen).close()
        return chosen

    def close_all(self) -> None:
        """Close every session."""
        while self._sessions:
            self._sessions.popitem()[1].close()

    def _named(self, wanted: Connect) -> tuple[Connect, tuple[str, ...]]:
        known, name = read_all(Path.cwd()), wanted.source.removeprefix("@")
        if name not in known:
            msg = "There is no connection of that name."
            raise UsageError(msg, hint=did_you_mean(name, {*known, *self._sessions}, shown="@{}"))
        found = known[name]
        filled = replace(
            wanted,
            source=found.source,
            name=wanted.name or name,
            policy=wanted.policy or str(found.policy),
            purpose=wanted.purpose or found.purpose,
        )
        return filled, found.roles
