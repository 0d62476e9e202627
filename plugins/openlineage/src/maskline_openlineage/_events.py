"""Turns an access event into an OpenLineage run event.

This module knows how datasets and jobs are named, and how large an event may be. It does not know
files or sinks.
"""

import json
import re
import uuid
from collections.abc import Sequence
from typing import Final

from maskline.errors import AuditError
from maskline.model import AccessEvent, ColumnRef, Outcome
from maskline_openlineage._facets import (
    OMISSIONS,
    PRODUCER,
    Json,
    column_lineage,
    facet,
    job_facets,
    run_facets,
    schema,
    tags,
)

__all__ = ["NAMESPACE", "encode", "run_event"]

NAMESPACE: Final = re.compile(r"[a-zA-Z:;=/0-9_\-.@+]{1,1024}\Z")
"""The namespaces that Marquez accepts."""

_LARGEST: Final = 290_000  # AWS DataZone takes 300,000 bytes.
_MOST_LINKS: Final = 3_000  # More cannot fit, so they are not even written out.
_SCHEMA_URL: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_RESULT_NAMESPACE: Final = "inmemory://"
_TYPES: Final = {
    Outcome.STARTED: "START",
    Outcome.ANSWERED: "COMPLETE",
    Outcome.REFUSED: "FAIL",
    Outcome.FAILED: "FAIL",
    Outcome.CANCELLED: "ABORT",
}


def encode(event: AccessEvent, *, namespace: str, job: str) -> bytes:
    """Return a run event as one line of JSON.

    An event that consumers would not take for its size is written again with less detail.

    Raises:
        AuditError: The query's id is not a UUID.
    """
    links = sum(len(output.sources) for output in event.outputs)
    line = b""
    for omitted in range(2 if links > _MOST_LINKS else 0, len(OMISSIONS) + 1):
        body = run_event(event, namespace=namespace, job=job, omitted=omitted)
        line = json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"
        if len(line) <= _LARGEST:
            break
    return line


def run_event(event: AccessEvent, *, namespace: str, job: str, omitted: int = 0) -> dict[str, Json]:
    """Return a run event.

    Args:
        event: One step of one read.
        namespace: The namespace of the job.
        job: What the names of jobs begin with.
        omitted: How many of `OMISSIONS` to leave out.

    Raises:
        AuditError: The query's id is not a UUID.
    """
    name = f"{job}.{_plain(event.source)}.{event.fingerprint[:12]}"
    datasets = _datasets(event)
    return {
        "eventType": _TYPES[event.outcome],
        "eventTime": event.time,
        "producer": PRODUCER,
        "schemaURL": _SCHEMA_URL,
        "run": {"runId": _run_id(event), "facets": run_facets(event, omitted=omitted)},
        "job": {"namespace": namespace, "name": name, "facets": job_facets(event)},
        "inputs": _inputs(event, datasets, omitted=omitted),
        "outputs": _outputs(event, f"{namespace}.{name}", datasets, omitted=omitted),
    }


def _run_id(event: AccessEvent) -> str:
    try:
        return str(uuid.UUID(event.query_id))
    except ValueError:
        pass
    msg = "An access event for OpenLineage needs a UUID as its query's id."
    raise AuditError(msg, hint="Make query ids with uuid.uuid4.")


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _datasets(event: AccessEvent) -> dict[tuple[str, str], tuple[str, str]]:
    """Return namespace and name of each relation, in the order in which they are mentioned."""
    # Marquez refuses an event for one space in a namespace, and parses `:memory:` as a port.
    namespace = event.namespace.replace(":memory:", "memory")
    namespace = re.sub(r"[^a-zA-Z:;=/0-9_\-.@+]", "_", namespace)[:1024] or "maskline"
    return {
        (ref.schema, ref.relation): (namespace, ".".join(filter(None, (event.database, *ref[:2]))))
        for ref in _fields(event)
    }


def _fields(event: AccessEvent) -> dict[ColumnRef, str]:
    """Return the type of each input field: a link to one that no input has is dropped."""
    fields = {read.ref: read.type for read in event.reads}
    for sources in (*(output.sources for output in event.outputs), event.influences):
        for ref, _ in sources:
            fields.setdefault(ref, "")
    return fields


def _inputs(
    event: AccessEvent, datasets: dict[tuple[str, str], tuple[str, str]], *, omitted: int
) -> list[Json]:
    fields: dict[tuple[str, str], list[tuple[str, str]]] = {key: [] for key in datasets}
    for ref, type_ in _fields(event).items():
        fields[ref.schema, ref.relation].append((ref.column, type_))
    return [
        {
            "namespace": namespace,
            "name": name,
            "facets": {"schema": schema(fields[key])} if omitted < len(OMISSIONS) else {},
        }
        for key, (namespace, name) in datasets.items()
    ]


def _outputs(
    event: AccessEvent,
    name: str,
    datasets: dict[tuple[str, str], tuple[str, str]],
    *,
    omitted: int,
) -> list[Json]:
    """Return the answer as a dataset; nothing where there was no answer."""
    if event.outcome is Outcome.REFUSED or not event.outputs:
        return []
    names = _unique([output.name for output in event.outputs])
    types = [*event.output_types, *[""] * len(names)]
    facets: dict[str, Json] = {}
    if omitted < 1:
        facets["tags"] = tags(event.outputs, names)
    if omitted < 4:  # noqa: PLR2004
        facets["columnLineage"] = column_lineage(event, names, datasets, omitted=omitted)
    if omitted < len(OMISSIONS):
        facets["schema"] = schema(zip(names, types, strict=False))
    statistics = facet(
        "OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=event.rows, size=event.bytes
    )
    return [
        {
            "namespace": _RESULT_NAMESPACE,
            "name": _plain(name),
            "facets": facets,
            "outputFacets": {"outputStatistics": statistics},
        }
    ]


def _unique(names: Sequence[str]) -> list[str]:
    """Return a name for each column, no two alike: ``id``, ``id_2``."""
    taken = set(names)
    seen: set[str] = set()
    unique = []
    for position, given in enumerate(names, start=1):
        name = base = given or f"column_{position}"
        number = 2
        while name in seen or (name != given and name in taken):
            name = f"{base}_{number}"
            number += 1
        seen.add(name)
        unique.append(name)
    return unique
