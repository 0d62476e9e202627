"""What the last scan saw, so that the next one is quick and can tell what changed.

The file holds names, types, labels, and of each table a fingerprint of the sample that was looked
at. A plain hash would give few different values away to whoever can guess them, so a fingerprint
is an HMAC-SHA256 (FIPS 198-1) under a key of the policy's keyring; without a keyring there is none,
and every table is looked at. It covers the sample itself: something cheaper, such as the number of
rows, would miss that a column which was harmless now holds addresses. This module knows files,
keys and labels. It does not know sources or policies.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from maskline._detectors.columns import Sampled
from maskline.errors import PolicyError
from maskline.model import Catalogue, ColumnRef, Label, Relation
from maskline.patterns import PatternDetector
from maskline.plugins import GROUP, Registry
from maskline.tokens import HmacPads
from maskline.tokens.prf import hmac_sha256_rows

__all__ = ["ScanMemory"]

_VERSION: Final = 1
_OWN: Final = "own"
"""The detector of the rules that stand in a policy."""
_Table = dict[str, Any]


class ScanMemory:
    """What a scan saw of the columns of one source. Several threads may use it.

    Args:
        path: The file. One that is missing or cannot be read holds nothing.
        source: The name of the source in the policy.
        registry: What columns are looked at with. What changes with it is looked at anew.
        pads: The key of fingerprints; None for none, so that every table is looked at.
    """

    def __init__(
        self, path: Path, source: str, *, registry: Registry, pads: HmacPads | None
    ) -> None:
        self._path = path
        self._source = source
        self._pads = pads
        self._state = _state(registry)
        self._all = _read(path)
        self._before: Mapping[str, _Table] = self._all.get(source, {})
        self._now: dict[str, _Table] = {}

    def columns(self) -> dict[ColumnRef, tuple[str, Label]]:
        """Return the type and the label of every column, as the last scan saw them."""
        return {
            ColumnRef(table["schema"], table["name"], name): (column["type"], _label(column))
            for table in self._before.values()
            for name, column in table["columns"].items()
        }

    def fingerprint(self, relation: Relation, columns: Sequence[Sampled]) -> str:
        """Return what changes with a table's sample, and with how it is looked at.

        Empty without a key.
        """
        if self._pads is None:
            return ""
        digest = sha256(self._state)
        shape = [(one.name, one.type, one.kind.value) for one in relation.columns]
        digest.update(json.dumps([relation.schema, relation.name, shape]).encode())
        for column in columns:
            if column.values is None:
                digest.update(b"-")
            else:
                batch = pa.record_batch([column.values], names=["values"])
                digest.update(batch.serialize())
        data = np.frombuffer(digest.digest(), np.uint8)
        offsets = np.array([0, len(data)], np.int64)
        return hmac_sha256_rows(self._pads, offsets=offsets, data=data).tobytes().hex()

    def recall(self, relation: Relation, fingerprint: str) -> list[Label] | None:
        """Return the labels of a table that looks as it did; None if it does not."""
        table = self._before.get(_key(relation))
        if not fingerprint or table is None or table["fingerprint"] != fingerprint:
            return None
        return [_label(table["columns"][column.name]) for column in relation.columns]

    def keep(self, relation: Relation, fingerprint: str, labels: Sequence[Label]) -> None:
        """Remember a table, in the place of what was known of it."""
        self._now[_key(relation)] = {
            "schema": relation.schema,
            "name": relation.name,
            "fingerprint": fingerprint,
            "columns": {
                column.name: {
                    "type": column.type,
                    "label": label.entity,
                    "confidence": label.confidence,
                    "evidence": label.evidence,
                    "paths": dict(label.paths),
                }
                for column, label in zip(relation.columns, labels, strict=True)
            },
        }

    def save(self, catalogue: Catalogue) -> None:
        """Write the file, at once or not at all.

        Args:
            catalogue: What the database holds. What is known of tables that are still there, and
                were not looked at, is kept.

        Raises:
            PolicyError: It cannot be written.
        """
        there = {_key(relation) for relation in catalogue.relations}
        kept = {key: table for key, table in self._before.items() if key in there}
        sources = {**self._all, self._source: {**kept, **self._now}}
        text = json.dumps({"version": _VERSION, "sources": sources}, indent=1, sort_keys=True)
        draft = None
        try:
            descriptor, draft = tempfile.mkstemp(prefix=".scan.", dir=self._path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
            Path(draft).replace(self._path)
        except OSError as exc:
            problem = type(exc).__name__
        else:
            return
        if draft:
            with suppress(OSError):
                Path(draft).unlink()
        msg = f"{self._path} cannot be written: {problem}."
        raise PolicyError(msg)


def _key(relation: Relation) -> str:
    return json.dumps([relation.schema, relation.name])


def _label(column: Mapping[str, Any]) -> Label:
    return Label(
        entity=column["label"],
        confidence=column["confidence"],
        evidence=column["evidence"],
        paths=tuple(column["paths"].items()),
    )


def _read(path: Path) -> dict[str, dict[str, _Table]]:
    try:
        content = json.loads(path.read_bytes())
        return dict(content["sources"]) if content["version"] == _VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _state(registry: Registry) -> bytes:
    """Return what changes when columns may be told otherwise: rules, entities and versions."""
    plugins = {(one.dist.name, one.dist.version) for one in entry_points(group=GROUP) if one.dist}
    told = [
        version("maskline"),
        sorted(plugins),
        [(one.name, sorted(one.entities)) for one in registry.detectors],
        sorted((name, repr(entity)) for name, entity in registry.entities.items()),
        # All other rules change with a version.
        [
            (rule.entity, rule.pattern, rule.score)
            for detector in registry.detectors
            if isinstance(detector, PatternDetector) and detector.name == _OWN
            for rule in detector.rules
        ],
    ]
    return sha256(repr(told).encode()).digest()
