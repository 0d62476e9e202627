"""The facets of OpenLineage that tell of a masked read, as plain dictionaries.

This module knows the shape and the version of each facet, and what Marquez wants beyond the
specification. It does not know files or sinks. No facet holds a value, a literal or the text of
an error.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Final, TypeAlias

from maskline.model import PUBLIC, AccessEvent, ColumnRef, Flow, OutputColumn

__all__ = [
    "OMISSIONS",
    "PRODUCER",
    "PROJECT_URL",
    "Json",
    "column_lineage",
    "facet",
    "job_facets",
    "run_facets",
    "schema",
    "tags",
]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

PROJECT_URL: Final = "https://github.com/maskline/maskline"
_VERSION: Final = version("maskline-openlineage")
_CORE_VERSION: Final = version("maskline")
PRODUCER: Final = f"{PROJECT_URL}/tree/v{_VERSION}/plugins/openlineage"
# The version is in the path and the file never changes, so the address may stand on a branch.
_OWN_FACETS: Final = (
    f"{PROJECT_URL}/raw/main/plugins/openlineage/src/maskline_openlineage/schemas/1-1-0"
)
_SPEC: Final = "https://openlineage.io/spec/facets"

OMISSIONS: Final = (
    "tags and descriptions",
    "indirect inputs of fields",
    "transformations",
    "columnLineage",
    "schema",
)
"""What is left out of an event that is too large, in this order."""

_LONGEST_SQL: Final = 20_000
_SUBTYPES: Final = {Flow.COUNT: Flow.AGGREGATION}


def facet(name: str, edition: str, /, **body: Json) -> dict[str, Json]:
    """Return a facet of the specification: its class, the edition of its schema, its fields."""
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{_SPEC}/{edition}/{name}.json#/$defs/{name}",
        **body,
    }


def job_facets(event: AccessEvent) -> dict[str, Json]:
    """Describe the statement, which has no literals, and the kind of job."""
    facets: dict[str, Json] = {
        "jobType": facet(
            "JobTypeJobFacet",
            "2-0-4",
            processingType="BATCH",
            integration="MASKLINE",
            jobType="QUERY",
        )
    }
    if len(event.sql) <= _LONGEST_SQL:
        facets["sql"] = facet("SQLJobFacet", "1-1-0", query=event.sql, dialect=event.dialect)
    return facets


def run_facets(event: AccessEvent, *, omitted: int) -> dict[str, Json]:
    """Describe who asked, why, what was decided, and the run that this one is part of."""
    name = "MasklineMaskingRunFacet"
    facets: dict[str, Json] = {
        "processing_engine": facet(
            "ProcessingEngineRunFacet",
            "1-1-1",
            version=_CORE_VERSION,
            name="maskline",
            openlineageAdapterVersion=_VERSION,
        ),
        "maskline_masking": {
            "_producer": PRODUCER,
            "_schemaURL": f"{_OWN_FACETS}/{name}.json#/$defs/{name}",
            "principal": {"kind": event.principal.kind, "id": event.principal.id},
            "purpose": event.purpose,
            "policyHash": event.policy_hash,
            "decision": event.decision,
            "outcome": event.outcome.value,
            "rows": event.rows,
            "lookups": [{"column": str(ref), "literals": count} for ref, count in event.lookups],
            "omitted": list(OMISSIONS[:omitted]),
        },
    }
    if event.parent_run is not None:
        namespace, job, run = event.parent_run
        try:
            run = str(uuid.UUID(run))
        except ValueError:
            return facets  # Consumers refuse an event whose parent is no UUID.
        if not namespace or not job:
            return facets  # And one whose parent has no name.
        facets["parent"] = facet(
            "ParentRunFacet",
            "1-2-0",
            run={"runId": run},
            job={"namespace": namespace, "name": job},
        )
    return facets


def schema(fields: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """Name the fields of a dataset, with their types where they are known."""
    listed: list[Json] = [
        {"name": name, "type": type_} if type_ else {"name": name} for name, type_ in fields
    ]
    return facet("SchemaDatasetFacet", "1-2-0", fields=listed)


def tags(outputs: Sequence[OutputColumn], names: Sequence[str]) -> dict[str, Json]:
    """Tag each field that holds, or masks, sensitive data with its entity."""
    listed: list[Json] = [
        {"key": "entity", "value": output.label.entity, "source": "MASKLINE", "field": name}
        for output, name in zip(outputs, names, strict=True)
        if output.label.entity != PUBLIC
    ]
    return facet("TagsDatasetFacet", "1-0-0", tags=listed)


def column_lineage(
    event: AccessEvent,
    names: Sequence[str],
    datasets: Mapping[tuple[str, str], tuple[str, str]],
    *,
    omitted: int,
) -> dict[str, Json]:
    """Tell which input fields reach which output field, how, and through which mask.

    Args:
        event: What was read.
        names: A name for each output, no two alike.
        datasets: Namespace and name of the dataset, by schema and relation.
        omitted: How many of `OMISSIONS` to leave out.
    """
    fields: dict[str, Json] = {}
    for output, name in zip(event.outputs, names, strict=True):
        links = [
            _input_field(ref, flows, datasets=datasets, output=output, omitted=omitted)
            for ref, flows in output.sources
            if omitted < 2 or any(flow.is_direct for flow in flows)  # noqa: PLR2004
        ]
        fields[name] = {"inputFields": list(links), **_deprecated(output, omitted=omitted)}
    influences: list[Json] = [
        _input_field(ref, flows, datasets=datasets, output=None, omitted=omitted)
        for ref, flows in event.influences
    ]
    return facet("ColumnLineageDatasetFacet", "1-2-0", fields=fields, dataset=influences)


def _input_field(
    ref: ColumnRef,
    flows: Sequence[Flow],
    *,
    datasets: Mapping[tuple[str, str], tuple[str, str]],
    output: OutputColumn | None,
    omitted: int,
) -> dict[str, Json]:
    namespace, name = datasets[ref.schema, ref.relation]
    link: dict[str, Json] = {"namespace": namespace, "name": name, "field": ref.column}
    if omitted < 3:  # noqa: PLR2004
        # COUNT and AGGREGATION are one subtype here.
        kinds = dict.fromkeys((flow.is_direct, _SUBTYPES.get(flow, flow)) for flow in flows)
        link["transformations"] = [
            _transformation(subtype, is_direct=is_direct, output=output, omitted=omitted)
            for is_direct, subtype in kinds
        ]
    return link


def _transformation(
    subtype: Flow, *, is_direct: bool, output: OutputColumn | None, omitted: int
) -> dict[str, Json]:
    mask = output.mask if output else None
    described: dict[str, Json] = {
        "type": "DIRECT" if is_direct else "INDIRECT",
        "subtype": subtype.value,
        "masking": mask is not None,
    }
    if output and mask and not omitted:
        described["description"] = _description(output)
    return described


def _deprecated(output: OutputColumn, *, omitted: int) -> dict[str, Json]:
    """Say it again as older consumers, and the API of Marquez, want it."""
    if output.mask is None:
        flows = {flow for _, flows in output.sources for flow in flows}
        return {"transformationType": "IDENTITY"} if flows == {Flow.IDENTITY} else {}
    if omitted:
        return {"transformationType": "MASKED"}
    return {"transformationType": "MASKED", "transformationDescription": _description(output)}


def _description(output: OutputColumn) -> str:
    return f"{output.mask} of {output.label.entity}"
