"""The catalogue of attacks. Anybody may add one.

This module knows the files beside it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

__all__ = ["ENGINES", "Attack", "read_attacks"]

ENGINES: Final = ("duckdb", "sqlite", "postgres")
_FILES: Final = (
    "attacks_engines.toml", "attacks_guesses.toml", "attacks_names.toml", "attacks_values.toml",
)  # fmt: skip
_LETTERS: Final = {"d": "duckdb", "s": "sqlite", "p": "postgres"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack on one engine.

    Attributes:
        kind: ``value``: a canary must not come out; ``guess``: a right and a wrong guess must give
            the same answer; ``worlds``: the two worlds must.
        by_chance: Whether the two worlds may differ by chance.
    """

    id: str
    family: str
    engine: str
    kind: str
    sql: str
    by_chance: bool


def read_attacks() -> list[Attack]:
    """Read the catalogue."""
    found: list[Attack] = []
    for name in _FILES:
        text = (files("maskline.redteam") / name).read_text(encoding="utf-8")
        for family, section in tomllib.loads(text).items():
            for entry in section["attacks"]:
                found.extend(_attacks(family, section, entry))
    return found


def _attacks(family: str, section: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[Attack]:
    """Yield one attack for each engine that an entry names by its letter."""
    for letter in entry.get("on", section.get("on", "dsp")):
        engine = _LETTERS[letter]
        yield Attack(
            id=entry["id"],
            family=family,
            engine=engine,
            kind=entry.get("kind", section.get("kind", "value")),
            sql=entry.get(engine, entry.get("sql", "")),
            by_chance=entry.get("by_chance", False),
        )
