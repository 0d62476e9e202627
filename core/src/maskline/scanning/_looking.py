"""Looks at every column of a database and says what it is.

Tables are fetched one after another, and looked at while the next is fetched; of each, only a
sample is held, and only for so long. This module knows sources and the column classifier. It does
not write policies: it says what was found, and `maskline.policy` puts it beside what people have
declared.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

import pyarrow as pa

from maskline._detectors.columns import UNREAD, Sampled, classify_table
from maskline.errors import MasklineError
from maskline.model import UNKNOWN, Catalogue, ColumnRef, Kind, Label, Relation
from maskline.plugins import Registry
from maskline.roles import Source
from maskline.scanning._memory import ScanMemory

__all__ = ["ScannedColumn", "Scope", "classified", "scan"]

_SAMPLE_ROWS: Final = 2_000
_WORKERS: Final = 2
"""Arrow and the compiled kernels work without the interpreter's lock; the rest does not."""

_HIDDEN: Final = Label(entity=UNKNOWN, confidence=0.0, evidence="its values cannot be looked at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedColumn:
    """What a scan says about one column. The values that it looked at are gone.

    Attributes:
        type: The engine's own name of the type.
    """

    ref: ColumnRef
    type: str
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is looked at.

    Attributes:
        rows: Of each table, at most.
        is_spread: Whether they come from all over a table, where the engine can do so; else they
            are the first ones, which is quicker.
        tables: Patterns of names, such as ``sales.*`` or ``customer?``; none means all. They are
            held against ``schema.table`` and against ``table``, whatever the case.
        exclude: Patterns of names that are left out.
    """

    rows: int = _SAMPLE_ROWS
    is_spread: bool = True
    tables: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def holds(self, relation: Relation) -> bool:
        """Tell whether a table or view is looked at."""
        names = (f"{relation.schema}.{relation.name}".lower(), relation.name.lower())
        return (not self.tables or _fits(names, self.tables)) and not _fits(names, self.exclude)


def _fits(names: Collection[str], patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern.lower()) for name in names for pattern in patterns)


def scan(
    source: Source,
    registry: Registry,
    *,
    scope: Scope | None = None,
    memory: ScanMemory | None = None,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _name: None,
) -> list[ScannedColumn]:
    """Classify every column of a database by its name and a sample of its values.

    Args:
        source: An open database.
        registry: The entities and detectors to look for.
        scope: What to look at; by default all tables.
        memory: What the last scan saw. A table that looks as it did then is not looked at again.
        progress: Called before each table with how many are done, how many there are, and its name.

    Returns:
        One entry for each column, in the order of the catalogue. A column that cannot be looked at
        is UNKNOWN, which is masked.

    Raises:
        SourceError: The database cannot be described.
    """
    scope = scope or Scope()
    relations = [one for one in source.catalogue().relations if scope.holds(one)]
    found: list[ScannedColumn] = []
    pending: deque[Future[list[ScannedColumn]]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for done, relation in enumerate(relations):
            progress(done, len(relations), f"{relation.schema}.{relation.name}")
            columns = _sampled(source, relation, scope)
            pending.append(pool.submit(_look, registry, relation, columns, memory))
            if len(pending) > _WORKERS:
                found += pending.popleft().result()
        for future in pending:
            found += future.result()
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
        for scanned in _look(registry, wanted, _sampled(source, wanted, Scope()), None):
            if scanned.label.entity in registry.entities:
                found[scanned.ref] = scanned.label
    return found


def _look(
    registry: Registry,
    relation: Relation,
    columns: Sequence[Sampled],
    memory: ScanMemory | None,
) -> list[ScannedColumn]:
    """Say what the columns of a table are, from memory if they look as they did."""
    fingerprint = "" if memory is None else memory.fingerprint(relation, columns)
    labels = None if memory is None else memory.recall(relation, fingerprint)
    if labels is None:
        labels = classify_table(
            columns,
            detectors=registry.detectors,
            entities=registry.entities,
            relation=relation.name,
        )
        labels = [
            _HIDDEN if column.values is None and column.kind not in UNREAD else label
            for column, label in zip(columns, labels, strict=True)
        ]
    if memory is not None:
        memory.keep(relation, fingerprint, labels)
    return [
        ScannedColumn(
            ref=ColumnRef(relation.schema, relation.name, column.name),
            type=column.type,
            label=label,
        )
        for column, label in zip(relation.columns, labels, strict=True)
    ]


def _sampled(source: Source, relation: Relation, scope: Scope) -> list[Sampled]:
    """Fetch a sample of the columns whose values are of use."""
    wanted = [column.name for column in relation.columns if column.kind not in UNREAD]
    values: dict[str, pa.StringArray | None] = {}
    if wanted:
        try:
            sample = source.sample(
                relation.schema,
                relation.name,
                wanted,
                rows=scope.rows,
                is_spread=scope.is_spread,
            )
            values = dict(zip(wanted, map(_as_text, sample.columns), strict=True))
        except MasklineError:
            values = {}
    return [
        Sampled(name=column.name, kind=column.kind, values=values.get(column.name))
        for column in relation.columns
    ]


def _as_text(values: pa.Array) -> pa.StringArray | None:
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
