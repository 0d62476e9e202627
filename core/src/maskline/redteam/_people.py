"""People who do not exist, in two worlds.

World B is world A with every sensitive value replaced, equal values by equal ones: another length,
another order, other letters. This module knows people, and no database.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Person", "partners", "people"]

_FIRST: Final = ("Zelda", "Quentin", "Ottoline", "Barnaby", "Xanthe", "Lysander")
_LAST: Final = ("Quarkington", "Featherstone", "Mugglethwaite", "Oblonsky", "Vandersnoot")


@dataclass(frozen=True)
class Person:
    """One customer."""

    id: int
    country: str
    tier: str
    full_name: str
    email: str
    ssn: str
    phone: str
    born: dt.date
    key: str

    @property
    def ssn_num(self) -> int:
        """The digits of the SSN."""
        return int(self.ssn.replace("-", ""))

    @property
    def notes(self) -> str:
        """Free text with secrets."""
        return f"SSN {self.ssn}, mail {self.email}, key {self.key}"

    @property
    def profile(self) -> str:
        """A JSON document with values, and with a value as a key."""
        return json.dumps(
            {"phone": self.phone, "ids": [{"ssn": self.ssn}], "by": {self.email: 1}, "lang": "en"}
        )


def person(number: int, world: str, count: int) -> Person:
    """Return a person; in world B, the same one with other values that sort the other way."""
    n = number if world == "A" else 7 * (count - number) + 3
    first, last = _FIRST[n % 6], _LAST[n % 5]
    mail = f"{first}{n:03}.{last}@canary.example" if world == "A" else f"{last}{n:04}@b.example"
    return Person(
        id=number,
        country=("US", "DE", "FR")[number % 3],
        tier=("gold", "silver")[number % 2],
        full_name=f"{first} {last} {chr(65 + n % 26)}{chr(97 + n // 26 % 26)}son",
        email=mail.lower(),
        ssn=f"{536 + (n * 37) % 300}-{10 + (n * 7) % 80}-{1399 + n * 3}",
        phone=f"+1 202 555 {1000 + (n * 13) % 8000}",
        born=dt.date(1950, 1, 1) + dt.timedelta(days=37 * n + 11),
        key=f"AKIA{hashlib.sha256(str(n).encode()).hexdigest().upper()[:16].translate(_BASE32)}",
    )


_BASE32: Final = str.maketrans("0189", "ZYXW")


def people(world: str, count: int = 12) -> list[Person]:
    """Return everybody; two of them share an SSN."""
    found = [person(number, world, count) for number in range(1, count + 1)]
    found[-1] = Person(**{**vars(found[-1]), "ssn": found[0].ssn})
    return found


def partners(ours: Sequence[Person], theirs: Sequence[Person]) -> dict[object, object]:
    """Return, for each sensitive value of one world, the one of the other."""
    fields = ("full_name", "email", "ssn", "phone", "ssn_num", "key")
    return {
        getattr(one, field): getattr(other, field)
        for one, other in zip(ours, theirs, strict=True)
        for field in fields
    }
