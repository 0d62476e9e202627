"""The vendors whose secrets have a shape of their own. The shapes are in ``formats.toml``.

Shapes with a prefix of their own are searched for at once, as one expression; whose a secret is, is
told afterwards from the secret itself. Whether a secret still works is not this module's business,
nor is what stands around it.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from maskline.entities import Category, Entity
from maskline.model import Spans
from maskline.patterns import PatternDetector, PatternRule, whole
from maskline_secrets._checks import CHECKS, is_dummy, is_mixed

__all__ = ["API_KEY", "Kind", "VendorDetector", "entities", "kinds"]

API_KEY: Final = "API_KEY"

_CHECKED: Final = 0.99
_SHAPED: Final = 0.95
_FAILED: Final = 0.8

_LITERAL: Final = re.compile(r"(?:[A-Za-z0-9_~/-]|\\[.$])+")
_KEY_BYTES: Final = 2


class Kind(NamedTuple):
    """One shape of secret.

    Attributes:
        vendor: Whose it is.
        name: What the vendor calls it.
        entity: What is found.
        shape: An expression for RE2 that matches all of it.
        holds: An expression that matches a part of each one; empty if *near* is not.
        near: Words, one of which is in the name that it is assigned to; empty if the shape is
            enough.
        check: How it is checked; may be empty. See ``formats.toml``.
    """

    vendor: str
    name: str
    entity: str
    shape: str
    holds: str
    near: tuple[str, ...]
    check: str


@cache
def _data() -> dict[str, Any]:
    text = files("maskline_secrets").joinpath("formats.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def kinds() -> tuple[Kind, ...]:
    """Return every kind of ``formats.toml``, in its order."""
    return tuple(
        Kind(
            vendor=vendor["vendor"],
            name=kind["name"],
            entity=vendor.get("entity", API_KEY),
            shape=kind["shape"],
            holds="" if "near" in kind else kind.get("holds", _literal(kind["shape"])),
            near=tuple(kind.get("near", ())),
            check=kind.get("check", ""),
        )
        for vendor in _data()["vendors"]
        for kind in vendor["kinds"]
    )


def _literal(shape: str) -> str:
    """Return what a shape begins with, up to where it leaves a choice."""
    found = _LITERAL.match(shape)
    text = found.group() if found else ""
    return text[:-1] if shape[len(text) : len(text) + 1] in {"?", "*", "{"} else text


def entities() -> Sequence[Entity]:
    """Return the entities of this plugin: secrets, all of them, and redacted."""
    vendors = [vendor for vendor in _data()["vendors"] if "slug" in vendor]
    titles = {vendor["entity"]: f"{vendor['vendor']} secret" for vendor in vendors}
    slugs = {vendor["entity"]: vendor["slug"] for vendor in vendors}
    titles["URL_CREDENTIALS"], slugs["URL_CREDENTIALS"] = "password in a URL", "urlpassword"
    return tuple(
        Entity(
            name=name,
            title=titles[name],
            slug=slug,
            category=Category.SECRET,
            mask="redact",
            names=(name.replace("_", " ").lower(),),
        )
        for name, slug in sorted(slugs.items())
    )


def _key(kind: Kind) -> bytes:
    """Return the first bytes of every secret of a kind; nothing if they are not always the same."""
    key = _literal(kind.shape).replace("\\", "").encode()[:_KEY_BYTES]
    return key if len(key) == _KEY_BYTES else b""


class VendorDetector:
    """A detector of all shapes that need no name beside them."""

    __slots__ = ("_inner", "_shapes")

    name = "secrets_vendors"

    def __init__(self) -> None:
        """Compile the shapes."""
        # By the first bytes, so that a finding is held against a few shapes and not all of them.
        self._shapes: dict[bytes, list[tuple[re.Pattern[bytes], Kind]]] = {}
        for kind in kinds():
            if not kind.near:
                shape = re.compile(kind.shape.encode())
                self._shapes.setdefault(_key(kind), []).append((shape, kind))
        headed = [kind for key, own in self._shapes.items() if key for _, kind in own]
        # Shapes that begin alike anywhere are fast one by one, and make a large automaton together.
        rules = [self._rule(headed), *(self._rule([kind]) for _, kind in self._shapes[b""])]
        self._inner = PatternDetector(self.name, rules)

    def __repr__(self) -> str:
        """Return the name only."""
        return f"VendorDetector({self.name!r})"

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of the entities it can find."""
        return tuple(dict.fromkeys([API_KEY, *(kind.entity for kind in kinds() if not kind.near)]))

    def detect(self, column: pa.StringArray) -> Spans:
        """Find every secret, and name its vendor's entity."""
        spans = self._inner.detect(column)
        names = self.entities
        found = [self._name(value) for value in _stretches(column, spans)]
        return Spans(
            rows=spans.rows,
            starts=spans.starts,
            ends=spans.ends,
            entities=np.array([names.index(entity) for entity, _ in found], np.int32),
            scores=np.array([score for _, score in found], np.float32),
            names=names,
        )

    def _rule(self, own: Sequence[Kind]) -> PatternRule:
        return PatternRule(
            entity=API_KEY,
            pattern="|".join(kind.shape for kind in own),
            score=_SHAPED,
            trigger="|".join(dict.fromkeys(kind.holds for kind in own)),
            cut=whole(self._is_secret),
            not_after=b".",
        )

    def _kind(self, value: bytes) -> Kind | None:
        for key in (value[:_KEY_BYTES], b""):
            for shape, kind in self._shapes.get(key, ()):
                if shape.fullmatch(value):
                    return kind
        return None

    def _is_secret(self, value: bytes) -> bool:
        kind = self._kind(value)
        check = kind.check if kind else ""
        return check == "any" or not (is_dummy(value) or (check == "mixed" and not is_mixed(value)))

    def _name(self, value: bytes) -> tuple[str, float]:
        """Return the entity and the score. What was written in odd characters has no kind."""
        kind = self._kind(value)
        if kind is None:
            return API_KEY, _SHAPED
        if kind.check not in CHECKS:
            return kind.entity, _SHAPED
        return kind.entity, _CHECKED if CHECKS[kind.check](value) else _FAILED


def _stretches(column: pa.StringArray, spans: Spans) -> Sequence[bytes]:
    values = column.take(pa.array(spans.rows)).cast(pa.binary()).to_pylist()
    return [
        value[start:end]
        for value, start, end in zip(
            values, spans.starts.tolist(), spans.ends.tolist(), strict=True
        )
    ]
