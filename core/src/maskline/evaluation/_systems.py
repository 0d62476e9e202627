"""What can be measured: maskline with its plugins, and the detectors of a plugin alone.

This module knows detectors and the classifier of columns. It does not know labels or measures.
"""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points, version
from typing import Final

import numpy as np
import pyarrow as pa

from maskline._detectors.columns import Sampled, classify_table
from maskline._detectors.identifying import identify
from maskline._detectors.scanner import find
from maskline.evaluation._counting import Json
from maskline.evaluation._matching import Finding
from maskline.evaluation._records import LabelledColumn
from maskline.model import FREE_TEXT, PUBLIC, Kind, Spans
from maskline.plugins import GROUP, Registry, load_registry
from maskline.roles import Detector

__all__ = ["System", "alone", "ours", "versions"]

_TOP_BITS, _CONTINUES = 0xC0, 0x80
_WARM: Final = 20
_NAME: Final = re.compile(r"[A-Za-z0-9._-]*")


@dataclass(slots=True, kw_only=True)
class System:
    """Something that finds sensitive data, and how long it took so far.

    Attributes:
        name: For people to read.
        registry: Its entities and detectors.
        is_ours: Whether maskline says what values and columns are; otherwise, all that a detector
            finds in a value counts, and columns are what most of their values are.
        bytes: The UTF-8 of the texts in which it has looked.
        seconds: Of CPU time that this took, in all threads.
    """

    name: str
    registry: Registry
    detectors: tuple[Detector, ...]
    is_ours: bool
    bytes: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)

    def speed(self) -> Json:
        """Return how much it has read, and how long that took."""
        return {
            "bytes": self.bytes,
            "cpu_seconds": self.seconds,
            "megabytes_per_cpu_second": self.bytes / 1e6 / max(self.seconds, 1e-9),
        }

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Return what stands in each text; nothing overlaps."""
        if not texts:
            return []
        column = pa.array(texts, pa.string())
        if not self.bytes:
            # Rules are compiled and models are loaded at first use; that is no speed.
            find(column.slice(0, _WARM), self.detectors)
        began = time.process_time()
        spans = find(column, self.detectors)
        self.seconds += time.process_time() - began
        self.bytes += sum(len(text.encode()) for text in texts)
        return _findings(column, spans)

    def rank(self, values: Sequence[str]) -> list[dict[str, float]]:
        """Return what each whole value may be, with a score, without settling which."""
        if not values:
            return []
        column = pa.array(values, pa.string())
        ranks: list[dict[str, float]] = [{} for _ in values]
        if self.is_ours:
            found = [identify(column, detectors=self.detectors)]
        else:
            found = [detector.detect(column) for detector in self.detectors]
        for spans in found:
            for row, entity, score in zip(
                spans.rows.tolist(), spans.entities.tolist(), spans.scores.tolist(), strict=True
            ):
                name = spans.names[entity]
                ranks[row][name] = max(score, ranks[row].get(name, 0.0))
        return ranks

    def label(self, table: Sequence[LabelledColumn]) -> list[str]:
        """Return what the columns of one table are."""
        if not self.is_ours:
            return [self._elect(column) for column in table]
        labels = classify_table(
            [
                Sampled(name=one.name, kind=Kind.TEXT, values=pa.array(one.values, pa.string()))
                for one in table
            ],
            detectors=self.detectors,
            entities=self.registry.entities,
            relation=table[0].table,
        )
        return [label.entity for label in labels]

    def _elect(self, column: LabelledColumn) -> str:
        """Return what most of the values of a column are."""
        values = list(dict.fromkeys(column.values))
        votes = Counter(max(rank, key=rank.__getitem__) for rank in self.rank(values) if rank)
        entity, number = votes.most_common(1)[0] if votes else (PUBLIC, 0)
        return entity if 2 * number >= len(values) else FREE_TEXT if votes else PUBLIC


def ours(registry: Registry) -> System:
    """Return maskline with what a registry offers."""
    return System(name="maskline", registry=registry, detectors=registry.detectors, is_ours=True)


def alone(plugin: str) -> System:
    """Return the detectors of a plugin, without those of maskline.

    Raises:
        PluginError: The plugin cannot be used.
    """
    built_in = {detector.name for detector in load_registry().detectors}
    registry = load_registry([plugin])
    return System(
        name=plugin,
        registry=registry,
        detectors=tuple(one for one in registry.detectors if one.name not in built_in),
        is_ours=False,
    )


def versions(plugins: Sequence[str]) -> dict[str, str]:
    """Return the version of maskline, and of what each plugin is built on."""
    found = entry_points(group=GROUP)
    owners = [entry.dist for entry in found if entry.name in plugins and entry.dist]
    wanted = [need for owner in owners for need in owner.requires or ()]
    names = {_NAME.match(need)[0] for need in wanted}  # type: ignore[index]
    return {name: version(name) for name in ("maskline", *sorted(names - {"maskline"}))}


def _findings(column: pa.StringArray, spans: Spans) -> list[list[Finding]]:
    """Sort findings by row, and count characters where detectors count bytes."""
    _, offsets, data = column.buffers()
    origins = np.frombuffer(offsets, np.int32)[column.offset :][: len(column) + 1].astype(np.int64)
    text = np.frombuffer(data or b"", np.uint8)
    # How many characters begin before each byte: a byte of 10xxxxxx continues one.
    before = np.concatenate(([0], np.cumsum((text & _TOP_BITS) != _CONTINUES)))
    origin = origins[spans.rows]
    starts = before[origin + spans.starts] - before[origin]
    ends = before[origin + spans.ends] - before[origin]
    found: list[list[Finding]] = [[] for _ in range(len(column))]
    for row, start, end, entity, score in zip(
        *(part.tolist() for part in (spans.rows, starts, ends, spans.entities, spans.scores)),
        strict=True,
    ):
        found[row].append(Finding(start, end, spans.names[entity], score))
    return found
