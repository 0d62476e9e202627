"""Attacks two worlds, and says what came out.

This module knows attacks, worlds and the oracle. It does not know how a score is shown.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from maskline.model import OutputColumn, Principal
from maskline.redteam._asking import Answer, Door, ask_raw, open_door
from maskline.redteam._attacks import Attack
from maskline.redteam._oracle import Oracle
from maskline.redteam._people import Person, partners, people
from maskline.redteam._twins import as_twin_of
from maskline.redteam._worlds import LABELS, definitions, fill
from maskline.tokens import Keyring

__all__ = ["Outcome", "World", "Worlds"]

# A guess is compared with the person whose id is 4; wrong guesses belong to nobody.
_RIGHT: Final = 3
_WRONG: Final = {
    "ssn": "899-99-9998", "num": 899999998, "email": "nobody@canary.example",
    "name": "No Body", "born": "1899-01-02", "head": "899-9", "tail": "99998",
    "low": 899999990, "high": 899999999, "phone": "+1 202 555 9999",
}  # fmt: skip
_GUESSED: Final = "a right guess is answered otherwise than a wrong one"
_TOLD_APART: Final = "two databases that look the same when masked are answered differently"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an attack got through maskline.

    Attributes:
        sql: What was asked; of two guesses, the right one.
        is_answered: Whether there was an answer at all. What is refused says little of masks.
        came_out: The entities of the canaries that came out.
        difference: Which answers differ that must not; empty if none do.
    """

    sql: str
    is_answered: bool
    came_out: frozenset[str] = frozenset()
    difference: str = ""

    @property
    def how(self) -> str:
        """How the attack succeeded, without any value; empty if it did not."""
        if self.came_out:
            return f"a value came out: {', '.join(sorted(self.came_out))}"
        return self.difference


@dataclass
class World:
    """One database with its canaries, and both ways to ask it."""

    engine: str
    url: str
    door: Door
    oracle: Oracle

    def raw(self, sql: str) -> Answer:
        """Ask with a plain driver, on a copy."""
        return ask_raw(self.engine, self.url, sql)

    def masked(self, sql: str) -> Answer:
        """Ask through maskline."""
        return self.door.ask(sql)

    def outputs(self, sql: str) -> tuple[OutputColumn, ...]:
        """Return the columns of an answer, and how they are masked."""
        return self.door.session.explain(sql).outputs


class Worlds:
    """Two worlds of one engine, which look the same when masked.

    Args:
        engine: Which.
        folders: For world A, and for world B.
        rest: The policy, but for its labels and sources.
        new_postgres: Runs a script in a new database of PostgreSQL, and returns its URL.
        principal: Who attacks.
        purpose: Why they say that they ask.
    """

    def __init__(  # noqa: PLR0913 - all that two worlds are made of
        self,
        engine: str,
        folders: tuple[Path, Path],
        *,
        rest: str,
        new_postgres: Callable[[str], str] | None = None,
        principal: Principal | None = None,
        purpose: str = "",
    ) -> None:
        keyring = Keyring.generate()
        both = []
        for name, folder in zip("AB", folders, strict=True):
            everybody = people(name)
            url = fill(engine, folder, definitions(engine, everybody), new_postgres)
            door = open_door(
                engine, folder, url, LABELS, keyring,
                rest=rest, principal=principal, purpose=purpose,
            )  # fmt: skip
            as_twin_of(door.session, partners(everybody, people("A")))
            both.append(World(engine, url, door, Oracle(everybody)))
        self.ours, self.theirs = both

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close both sessions."""
        for world in (self.ours, self.theirs):
            with contextlib.suppress(Exception):
                world.door.session.close()

    def leaks_raw(self, attack: Attack) -> bool:
        """Whether an attack tells something with a plain driver."""
        if attack.kind == "guess":
            right, wrong = map(self.ours.raw, _guesses(attack, self.ours.oracle.everybody))
            return right.told != wrong.told
        ours = self.ours.raw(attack.sql)
        if attack.kind == "worlds":
            return ours.told != self.theirs.raw(attack.sql).told
        return bool(self.ours.oracle.found(ours.text))

    def attack(self, attack: Attack) -> Outcome:
        """Attack through maskline, and return what came of it."""
        if attack.kind == "guess":
            texts = _guesses(attack, self.ours.oracle.everybody)
            right, wrong = map(self.ours.masked, texts)
            return Outcome(
                sql=texts[0],
                is_answered=right.is_answered or wrong.is_answered,
                # A wrong guess is nobody's, so whatever comes out comes from the database.
                came_out=self.ours.oracle.found(right.text) | self.ours.oracle.found(wrong.text),
                difference=_GUESSED if right.told != wrong.told else "",
            )
        ours, theirs = self.ours.masked(attack.sql), self.theirs.masked(attack.sql)
        differ = not attack.by_chance and ours.told != theirs.told
        return Outcome(
            sql=attack.sql,
            is_answered=ours.is_answered or theirs.is_answered,
            came_out=self.ours.oracle.found(ours.text) | self.theirs.oracle.found(theirs.text),
            difference=_TOLD_APART if differ else "",
        )


def _guesses(attack: Attack, everybody: list[Person]) -> tuple[str, str]:
    """Return an attack with a right and with a wrong guess."""
    p = everybody[_RIGHT]
    right = {
        "ssn": p.ssn, "num": p.ssn_num, "email": p.email, "name": p.full_name, "born": p.born,
        "head": p.ssn[:5], "tail": p.ssn[-5:], "low": p.ssn_num - 1, "high": p.ssn_num + 1,
        "phone": p.phone,
    }  # fmt: skip
    return attack.sql.format(**right), attack.sql.format(**_WRONG)
