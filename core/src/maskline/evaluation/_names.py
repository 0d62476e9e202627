"""Which names of entities mean the same.

The table itself is the data file ``equivalents.toml`` beside this module, and the catalogue of
entities tells what is of one kind. This module knows names. It does not know records, spans or
detectors.
"""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from maskline.entities import Category, builtin_entities

__all__ = ["Names"]

_ENTITY: Final = re.compile(r"[A-Z][A-Z0-9_]*")


@cache
def _table() -> dict[str, Any]:
    text = files("maskline.evaluation").joinpath("equivalents.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _group(name: str) -> frozenset[str]:
    """Return the names that mean the same as *name*, itself among them."""
    groups = [group for group in _table()["same"].values() if name in group]
    return frozenset({name}.union(*groups))


@cache
def _relatives(name: str) -> frozenset[str]:
    """Return what means the same, and the kinds and the cases of that."""
    found = set(_group(name))
    for kind, case in _kinds():
        if kind in _group(name):
            found.add(case)
        if case in _group(name):
            found |= _group(kind)
    return frozenset(found)


@cache
def _kinds() -> frozenset[tuple[str, str]]:
    """Return pairs of a kind and a case of it."""
    known = {(one.generic, name) for name, one in builtin_entities().items() if one.generic}
    more = {(kind, case) for kind, cases in _table()["kinds"].items() for case in cases}
    return frozenset(known | more)


class Names:
    """Compares the names that a set uses with those that a detector gives.

    A label that is not spelt like an entity is the name of a rule of some scanner of secrets, such
    as ``github-pat``: any kind of secret matches it.
    """

    def __init__(self, secrets: Iterable[str], *, only: Iterable[str] = ()) -> None:
        """Remember which entities are secrets, and which are asked for.

        Args:
            secrets: Names of entities.
            only: Names of entities; all are asked for if there is none.
        """
        self._secrets = frozenset(secrets)
        self._only = frozenset(only)

    def is_wanted(self, label: str) -> bool:
        """Tell whether a label is to be found."""
        if label.endswith("?"):
            return False
        return not self._only or any(self.match(label, name) for name in self._only)

    def is_asked(self, found: str) -> bool:
        """Tell whether a finding counts."""
        return not self._only or self.covers(self._only, found)

    def is_rule(self, label: str) -> bool:
        """Tell whether a label is the name of a scanner's rule for secrets, or of all of them."""
        is_other = _ENTITY.fullmatch(label) is None and _group(label) == {label} and label != "*"
        return is_other or label == Category.SECRET

    def heading(self, label: str) -> str:
        """Return under which name a label is counted: all rules for secrets as one."""
        return Category.SECRET.value if self.is_rule(label) else label

    def match(self, label: str, found: str) -> bool:
        """Tell whether a finding within a text is what a label says."""
        if self.is_rule(label):
            return found in self._secrets
        return found in _relatives(label)

    def match_exactly(self, label: str, found: str) -> bool:
        """Tell whether a finding is what a label says, and no more general."""
        return found in self._secrets if self.is_rule(label) else found in _group(label)

    def covers(self, scope: Iterable[str], found: str) -> bool:
        """Tell whether labels are complete for what a finding is: if so, it may be wrong."""
        return any(label == "*" or self.match(label, found) for label in scope)

    def row(self, found: str, labels: Iterable[str]) -> str:
        """Return the label among *labels* under which a wrong finding counts; else its own name."""
        known = list(labels)
        if found in known:
            return found
        fitting = [label for label in known if self.match_exactly(label, found)]
        return min(fitting or (label for label in known if self.match(label, found)), default=found)

    @staticmethod
    def is_known(name: str) -> bool:
        """Tell whether a name means the same as an entity."""
        return _group(name) != {name}

    @staticmethod
    def is_readable(label: str) -> bool:
        """Tell whether a column with this label needs no mask."""
        return label in _table()["columns"]["readable"]

    @staticmethod
    def is_direct(label: str) -> bool:
        """Tell whether a column with this label points at one person or account."""
        return label in _table()["columns"]["direct"]
