"""An access event as plain JSON.

This module knows the nouns. It does not know files, chains or sinks. What it makes is described
for other programs in ``access_event.schema.json`` beside it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from maskline.model import AccessEvent, ColumnRef, Flow, Mask, OutputColumn, ReadColumn

__all__ = ["Json", "timestamp", "to_json"]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
"""What the json module writes and reads."""


def to_json(event: AccessEvent) -> dict[str, Json]:
    """Return an event as strings, numbers, lists and dictionaries.

    Returns:
        A new dictionary with the same keys for every event. It holds what the event holds: no
        value, no literal and no key.
    """
    return {
        "query_id": event.query_id,
        "time": event.time,
        "outcome": event.outcome.value,
        "principal": {
            "kind": event.principal.kind,
            "id": event.principal.id,
            "roles": list(event.principal.roles),
            "on_behalf_of": list(event.principal.on_behalf_of),
        },
        "purpose": event.purpose,
        "source": event.source,
        "namespace": event.namespace,
        "database": event.database,
        "dialect": event.dialect,
        "sql": event.sql,
        "fingerprint": event.fingerprint,
        "decision": event.decision,
        "reason": event.reason,
        "policy_hash": event.policy_hash,
        "reads": [_read(read) for read in event.reads],
        "outputs": [
            _output(output, event.output_types[position : position + 1])
            for position, output in enumerate(event.outputs)
        ],
        "influences": _flows(event.influences),
        "lookups": [{**_column(ref), "literals": count} for ref, count in event.lookups],
        "key_versions": list(event.key_versions),
        "rows": event.rows,
        "bytes": event.bytes,
        "duration_ms": event.duration_ms,
        "parent_run": _parent(event.parent_run),
    }


def _column(ref: ColumnRef) -> dict[str, Json]:
    return {"schema": ref.schema, "relation": ref.relation, "column": ref.column}


def _flows(sources: Sequence[tuple[ColumnRef, Sequence[Flow]]]) -> list[Json]:
    return [{**_column(ref), "flows": [flow.value for flow in flows]} for ref, flows in sources]


def _read(read: ReadColumn) -> dict[str, Json]:
    return {
        **_column(read.ref),
        "type": read.type,
        "entity": read.entity,
        "mask": _mask(read.mask),
        "rule": read.rule,
    }


def _mask(mask: Mask | None) -> Json:
    return None if mask is None else {"name": mask.name, "options": dict(mask.options)}


def _output(output: OutputColumn, types: Sequence[str]) -> dict[str, Json]:
    """Describe one column of an answer; its type is empty as long as nobody knows it."""
    return {
        "name": output.name,
        "type": types[0] if types else "",
        "label": {
            "entity": output.label.entity,
            "confidence": output.label.confidence,
            "evidence": output.label.evidence,
            "paths": [{"path": path, "entity": entity} for path, entity in output.label.paths],
        },
        "mask": _mask(output.mask),
        "rule": output.rule,
        "sources": _flows(output.sources),
    }


def _parent(parent: tuple[str, str, str] | None) -> Json:
    return None if parent is None else dict(zip(("namespace", "job", "run"), parent, strict=True))


def timestamp(time: datetime) -> str:
    """Return a time in UTC as events have it: to the microsecond, and with a Z."""
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
