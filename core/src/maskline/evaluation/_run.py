"""Measures systems on labelled sets.

This module knows how records reach systems, some at a time. It does not count.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from maskline.entities import Category
from maskline.errors import UsageError
from maskline.evaluation._columns import ColumnTally
from maskline.evaluation._counting import Json
from maskline.evaluation._misses import Miss, OnMiss
from maskline.evaluation._names import Names
from maskline.evaluation._records import LabelledColumn, LabelledText, read_dataset
from maskline.evaluation._systems import System, alone, ours, versions
from maskline.evaluation._texts import TextTally
from maskline.evaluation._values import ValueTally
from maskline.plugins import Registry

__all__ = ["evaluate"]

_BATCH: Final = 1_000
_BATCH_CHARACTERS: Final = 1_000_000


def evaluate(  # noqa: PLR0913 - what can be chosen, all of it by keyword
    datasets: Sequence[Path],
    registry: Registry,
    *,
    against: Sequence[str] = (),
    entities: Sequence[str] = (),
    iou: float = 0.9,
    on_miss: Callable[[str, Miss, str], None] = lambda _dataset, _miss, _text: None,
) -> Json:
    """Measure what maskline finds in labelled sets, and what plugins alone find.

    Args:
        datasets: Files of records; see `read_dataset`. Each is read once for each system, and a
            few records at a time.
        registry: What maskline finds things with.
        against: Plugins whose detectors are measured without those of maskline.
        entities: Only these; all if empty.
        iou: From which intersection over union on a finding is right.
        on_miss: Called with the set's name, everything that maskline gets wrong, and the text that
            is meant, which is somebody's data. Not called for *against*.

    Returns:
        Figures only: ``date``, ``versions``, ``iou``, and ``results`` with one entry for each set
        and system. A share has ``hits``, ``total``, ``value`` and the interval ``low`` to ``high``.

    Raises:
        UsageError: A set cannot be read, or there is no such entity.
        PluginError: A plugin cannot be used.
    """
    systems = [ours(registry), *map(alone, against)]
    known = {name for system in systems for name in system.registry.entities}
    if unknown := [name for name in entities if name not in known and not Names.is_known(name)]:
        msg = f"There is no entity {', '.join(unknown)}."
        raise UsageError(msg, hint="docs/reference/entities.md lists them.")
    results = [
        {
            "dataset": path.name,
            **_measure(
                path,
                replace(system),
                Names(_secrets(system.registry), only=entities),
                iou=iou,
                on_miss=partial(on_miss, path.name) if system.is_ours else _ignore,
            ),
        }
        for path in datasets
        for system in systems
    ]
    today = datetime.now(UTC).date().isoformat()
    return {"date": today, "versions": versions(against), "iou": iou, "results": results}


def _secrets(registry: Registry) -> list[str]:
    found = registry.entities.values()
    return [entity.name for entity in found if entity.category is Category.SECRET]


def _ignore(_miss: Miss, _text: str) -> None:
    """Do nothing."""


def _measure(path: Path, system: System, names: Names, *, iou: float, on_miss: OnMiss) -> Json:
    tallies = _Tallies(
        texts=TextTally(names, iou=iou, on_miss=on_miss),
        values=ValueTally(names, on_miss=on_miss),
        columns=ColumnTally(names, on_miss=on_miss),
    )
    records = 0
    for batch in _batches(read_dataset(path)):
        records += len(batch)
        tallies.add(system, batch)
    told = {
        "system": system.name,
        "records": records,
        **tallies.texts.figures(),
        **tallies.values.figures(),
        **tallies.columns.figures(),
    }
    return told | ({"speed": system.speed()} if system.bytes else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tallies:
    """One for each kind of record."""

    texts: TextTally
    values: ValueTally
    columns: ColumnTally

    def add(self, system: System, batch: Sequence[LabelledText | LabelledColumn]) -> None:
        """Let a system look at some records, and count what it finds."""
        texts = [it for it in batch if isinstance(it, LabelledText) and not it.is_value]
        for text, findings in zip(texts, system.find([it.text for it in texts]), strict=True):
            self.texts.add(text, findings)
        values = [it for it in batch if isinstance(it, LabelledText) and it.is_value]
        for value, scores in zip(values, system.rank([it.text for it in values]), strict=True):
            self.values.add(value, scores)
        columns = [it for it in batch if isinstance(it, LabelledColumn)]
        for _, table in groupby(columns, _table):
            together = list(table)
            for column, label in zip(together, system.label(together), strict=True):
                self.columns.add(column, label)


def _table(record: LabelledText | LabelledColumn) -> str:
    return record.table if isinstance(record, LabelledColumn) else ""


def _batches(
    records: Iterable[LabelledText | LabelledColumn],
) -> Iterator[list[LabelledText | LabelledColumn]]:
    """Yield some records at a time, and never one table in two parts."""
    batch: list[LabelledText | LabelledColumn] = []
    size = 0
    for record in records:
        is_full = len(batch) >= _BATCH or size >= _BATCH_CHARACTERS
        if is_full and not (_table(record) and _table(record) == _table(batch[-1])):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.text) if isinstance(record, LabelledText) else 0
    if batch:
        yield batch
