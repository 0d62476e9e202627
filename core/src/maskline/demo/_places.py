"""Makes the folder of a demonstration: a database or the way to one, a policy, and keys.

What is there from an earlier run is used again, so nothing is ever overwritten. This module knows
files. It does not know questions or answers.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote

from maskline.demo._shop import make_shop
from maskline.errors import SourceError
from maskline.plugins import GROUP
from maskline.sources import redacted
from maskline.tokens import Keyring

__all__ = ["Place", "prepared"]

_VARIABLE: Final = "MASKLINE_DEMO_URL"
_SQLITE: Final = b"SQLite format 3\0"
_DUCKDB: Final = b"DUCK"
_HEAD: Final = 16

_POLICY: Final = Template("""\
# The policy of a demonstration. `maskline policy check` reads it.
version: 1
plugins: [$plugins]
keys: {file: keyring.json}
sources:
  $name: {url: "$url"}

# Proposed by the scan. A person should read them, once.
labels: {}

$masks
# The first rule that matches decides. Without one, everything stays masked.
rules:
$rules
audit: {path: audit, on_failure: refuse}
$sinks""")
_SHOP_MASKS: Final = """\
# What becomes of an entity. The others have a mask of their own, mostly a token.
masks:
  PHONE_NUMBER: {partial: {last: 4}}
  CREDIT_CARD: {partial: {last: 4}}
  US_SSN: redact
  DATE_OF_BIRTH: "null"
"""
_SHOP_RULES: Final = """\
  - {who: {role: fraud}, purpose: chargeback, what: CREDIT_CARD, do: reveal, until: 2099-12-31}
  - {who: {kind: agent}, purpose: required}
  - {who: {kind: agent}, what: PERSON, do: redact}
"""
_OWN_MASKS: Final = """\
# What becomes of an entity unless it stands here is maskline's own choice, mostly a token.
masks: {}
"""
_OWN_RULES: Final = """\
  - {who: {kind: agent}, purpose: required}
  - {who: {kind: agent}, what: [PII, PHI, PCI], do: redact}
"""
_SINKS: Final = """\
sinks:
  openlineage: {path: lineage/outbox.jsonl}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a demonstration happens.

    Attributes:
        folder: For everything that is made.
        name: Of the source in the policy.
        shown: Its URL without credentials.
        is_shop: Whether the database is the one that we made up.
    """

    folder: Path
    name: str
    shown: str
    is_shop: bool

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.folder / "policy.yaml"

    @property
    def lineage(self) -> Path:
        """Where lineage events are, if the plugin for them is installed."""
        return self.folder / "lineage" / "outbox.jsonl"


@contextmanager
def prepared(folder: Path | None, database: str) -> Iterator[Place]:
    """Make what is missing of a demonstration. Inside the block, its policy can be read.

    Args:
        folder: For everything that is made; None for one beside, with a name that tells.
        database: A path or a URL; empty for the shop.

    Raises:
        SourceError: There is no such database, or the folder cannot be written.
        KeyringError: The keyring cannot be written.
    """
    url = _url(database) if database else "duckdb:///shop.duckdb"
    name = _name(url)
    place = Place(
        folder=folder or Path(f"maskline-demo-{name}" if database else "maskline-demo"),
        name=name,
        shown=redacted(url),
        is_shop=not database,
    )
    _make(place, url)
    # A URL that may hold a password is in no file. It is in the environment while we run.
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = url
    try:
        yield place
    finally:
        os.environ.pop(_VARIABLE, None)
        if before is not None:
            os.environ[_VARIABLE] = before


def _make(place: Place, url: str) -> None:
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        if not place.policy.exists():
            place.policy.write_text(_policy(place, url), encoding="utf-8")
        ignored = place.folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")
        if place.is_shop and not (place.folder / "shop.duckdb").exists():
            make_shop(place.folder / "shop.duckdb")
    except OSError as exc:
        problem = type(exc).__name__
    else:
        keyring = place.folder / "keyring.json"
        if not keyring.exists():
            Keyring.generate().save(keyring)
        return
    msg = f"The folder {place.folder} cannot be written: {problem}."
    raise SourceError(msg, hint="Choose another one with --out.")


def _policy(place: Place, url: str) -> str:
    installed = entry_points(group=GROUP).names
    plugins = [name for name in ("openlineage", "secrets") if name in installed]
    is_file = url.startswith(("duckdb:", "sqlite:"))
    return _POLICY.substitute(
        plugins=", ".join(plugins),
        name=place.name,
        url=url if is_file else f"${{{_VARIABLE}}}",
        masks=_SHOP_MASKS if place.is_shop else _OWN_MASKS,
        rules=_SHOP_RULES if place.is_shop else _OWN_RULES,
        sinks=_SINKS if "openlineage" in plugins else "",
    )


def _url(database: str) -> str:
    if "://" in database:
        scheme, _, path = database.partition("://")
        is_relative = path.startswith("/") and not path.startswith("//")
        if scheme.lower() in {"duckdb", "sqlite"} and is_relative:
            return f"{scheme}:///{quote(str(Path.cwd() / path[1:]))}"
        return database
    path_of = Path(database).absolute()
    try:
        with path_of.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as exc:
        problem = type(exc).__name__
    else:
        if head == _SQLITE:
            return f"sqlite:///{quote(str(path_of))}"
        if _DUCKDB in head:
            return f"duckdb:///{quote(str(path_of))}"
        problem = "it is neither a DuckDB nor an SQLite database"
    msg = f"The database cannot be read: {problem}."
    raise SourceError(msg, hint="Give the path of a file, or a URL such as postgresql://…")


def _name(url: str) -> str:
    path = redacted(url).partition("://")[2].rstrip("/")
    stem = Path(path).stem if "/" in path else ""
    name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")
    return name if name and name[0].isalpha() else "database"
