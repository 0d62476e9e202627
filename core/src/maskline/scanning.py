"""Looks at every column of a database and says what it is.

This module knows sources and the column classifier. It does not write policies: it says what was
found, and `maskline.policy` puts it beside what people have declared.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from maskline._detectors.columns import classify
from maskline.errors import MasklineError
from maskline.model import UNKNOWN, Catalogue, Column, ColumnRef, Kind, Label, Relation
from maskline.plugins import Registry
from maskline.roles import Source

__all__ = ["ScannedColumn", "classified", "scan"]

_SAMPLE_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedColumn:
    """What a scan says about one column. The values that it looked at are gone.

    Attributes:
        type: The engine's own name of the type.
    """

    ref: ColumnRef
    type: str
    label: Label


def scan(
    source: Source,
    registry: Registry,
    *,
    rows: int = _SAMPLE_ROWS,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _name: None,
) -> list[ScannedColumn]:
    """Classify every column of a database by its name and a sample of its values.

    Args:
        source: An open database.
        registry: The entities and detectors to look for.
        rows: How many rows of each table to look at.
        progress: Called before each table with how many are done, how many there are, and its name.

    Returns:
        One entry for each column, in the order of the catalogue. A column that cannot be looked at
        is UNKNOWN, which is masked.

    Raises:
        SourceError: The database cannot be described.
    """
    relations = source.catalogue().relations
    found: list[ScannedColumn] = []
    for done, relation in enumerate(relations):
        progress(done, len(relations), f"{relation.schema}.{relation.name}")
        found += _scan_relation(source, registry, relation, rows)
    progress(len(relations), len(relations), "")
    return found


def classified(
    source: Source, registry: Registry, catalogue: Catalogue, refs: Collection[ColumnRef]
) -> dict[ColumnRef, Label]:
    """Classify columns of text that nobody has labelled, before a query shows any of them.

    Args:
        source: An open database.
        registry: The entities and detectors to look for.
        catalogue: What the database holds.
        refs: Columns; those of views, and those that hold no text, stay UNKNOWN.

    Returns:
        What each of *refs* is: an entity, else UNKNOWN. That no sensitive value was seen in a
        sample is no reason to show the others, so nothing is ever found to be PUBLIC here.
    """
    found = dict.fromkeys(refs, Label(entity=UNKNOWN))
    for relation in catalogue.relations:
        columns = [
            column
            for column in relation.columns
            if column.kind is Kind.TEXT
            and ColumnRef(relation.schema, relation.name, column.name) in refs
        ]
        if relation.definition or not columns:
            continue
        wanted = replace(relation, columns=tuple(columns))
        for scanned in _scan_relation(source, registry, wanted, _SAMPLE_ROWS):
            if scanned.label.entity in registry.entities:
                found[scanned.ref] = scanned.label
    return found


def _scan_relation(
    source: Source, registry: Registry, relation: Relation, rows: int
) -> Iterator[ScannedColumn]:
    sample = _sample(source, relation, rows)
    for position, column in enumerate(relation.columns):
        values = None if sample is None else _as_text(sample.column(position))
        yield ScannedColumn(
            ref=ColumnRef(relation.schema, relation.name, column.name),
            type=column.type,
            label=_classify(registry, relation, column, values),
        )


def _sample(source: Source, relation: Relation, rows: int) -> pa.RecordBatch | None:
    names = [column.name for column in relation.columns]
    try:
        return source.sample(relation.schema, relation.name, names, rows=rows)
    except MasklineError:
        return None


def _as_text(values: pa.Array) -> pa.StringArray | None:
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _classify(
    registry: Registry, relation: Relation, column: Column, values: pa.StringArray | None
) -> Label:
    if values is None and column.kind not in {Kind.BOOLEAN, Kind.BINARY}:
        return Label(entity=UNKNOWN, confidence=0.0, evidence="its values cannot be looked at")
    return classify(
        column.name,
        kind=column.kind,
        sample=values,
        detectors=registry.detectors,
        entities=registry.entities,
        relation=relation.name,
    )
