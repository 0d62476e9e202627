"""Finds a canary in a text, whatever was done to hide it.

This module knows people and encodings. It does not know databases.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from maskline.redteam._people import Person

__all__ = ["Oracle", "spread"]

_DIGITS_AS_LETTERS: Final = str.maketrans("0123456789", "abcdefghij")


def _squashed(text: str) -> str:
    """Return the letters and digits of a text, in one form and case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def _readings(text: str) -> Iterator[str]:
    """Give what a text may say to somebody who takes the trouble to decode it."""
    yield text
    yield text[::-1]
    yield unquote(text)
    for run in re.findall(r"(?:[0-9A-Fa-f]{2}){5,}", text.replace("\\x", "")):
        yield bytes.fromhex(run).decode("latin-1")
        yield bytes.fromhex(run).decode("utf-16-le", "replace")
    for run in re.findall(r"[A-Za-z0-9+/]{10,}={0,2}", text):
        try:
            yield base64.b64decode(run + "=" * (-len(run) % 4)).decode("latin-1")
        except binascii.Error:
            continue
    codes = [int(run) for run in re.findall(r"(?<!\d)\d{2,3}(?!\d)", text)]
    yield "".join(chr(code) for code in codes if chr(code).isascii() and chr(code).isprintable())


@dataclass
class Oracle:
    """Finds the canaries of a world, decoded in many ways.

    Attributes:
        needles: What is looked for, and the entity that it tells.
    """

    everybody: list[Person]
    needles: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for p in self.everybody:
            texts = {
                "PERSON": p.full_name,
                "EMAIL_ADDRESS": p.email,
                "US_SSN": p.ssn,
                "PHONE_NUMBER": p.phone,
                "DATE_OF_BIRTH": str(p.born),
                "AWS_ACCESS_KEY": p.key,
            }
            self.needles |= {_squashed(text): entity for entity, text in texts.items()}
            for needle in (
                p.ssn.translate(_DIGITS_AS_LETTERS).replace("-", ""),
                *(f"{p.ssn_num:{base}}" for base in "xbo"),
            ):
                self.needles[needle] = "US_SSN"
            for name in ("md5", "sha1", "sha224", "sha256", "sha512"):
                for entity in ("US_SSN", "EMAIL_ADDRESS"):
                    code = hashlib.new(name, texts[entity].encode(), usedforsecurity=False)
                    self.needles[code.hexdigest()] = entity

    def found(self, text: str) -> frozenset[str]:
        """Return the entities of the canaries that a text holds."""
        seen = {_squashed(reading) for reading in _readings(text)}
        return frozenset(
            entity
            for needle, entity in self.needles.items()
            if any(needle in each for each in seen)
        )


def _as_text(cell: object) -> str:
    """Return what a cell says."""
    if isinstance(cell, bytes):
        return f"{cell.decode('utf-8', 'replace')} {cell.hex()}"
    return str(cell)


def spread(names: list[str], rows: list[tuple[object, ...]]) -> str:
    """Return a table as text: cell by cell, row by row and column by column."""
    cells = [[_as_text(cell) for cell in row] for row in rows]
    lines = [" ".join(names)]
    lines += [" | ".join(row) for row in cells]
    lines += ["".join(row) for row in cells]
    lines += ["".join(column) for column in zip(*cells, strict=True)]
    lines += [" ".join(column) for column in zip(*cells, strict=True)]
    return "\n".join(lines)
