"""What a masked task read and wrote, as Airflow's OpenLineage listener wants it.

The listener sends the task's own events, so nothing is emitted here, but for `report`. This module
knows the records of core and the facets of the OpenLineage client, which it imports where it uses
them. It does no input and no output: the listener gives it seconds only. Facets are objects with
lists, for the listener redacts values under keys such as ``password_hash``, and columns may be
called so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from maskline.model import AccessEvent, ColumnRef, Flow, OutputColumn
    from maskline.streaming import MaskedStream

__all__ = ["Target", "of_answers", "of_transfer", "report"]

_OUTSIDE: Final = re.compile(r"[^a-zA-Z:;=/0-9_\-.@+]")
"""What Marquez takes in no namespace."""

Dataset = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where rows went, as OpenLineage names it.

    Attributes:
        types: The type of each column.
        rows: How many were written; None where that is not known.
    """

    namespace: str
    name: str
    types: Mapping[str, str]
    rows: int | None = None


def of_answers(events: Sequence["AccessEvent"], task_instance: Any) -> Any:  # noqa: ANN401
    """Return the lineage of answers that the task itself holds.

    Args:
        events: The last record of each statement.
        task_instance: Names the answer as a dataset, as ``inmemory://`` and the task.

    Returns:
        An `OperatorLineage`; None where the OpenLineage provider is not installed.
    """
    name = f"{task_instance.dag_id}.{task_instance.task_id}"
    targets = []
    for number, event in enumerate(events, start=1):
        names = _unique(event.outputs)
        types = dict(zip(names, [*event.output_types, *[""] * len(names)], strict=False))
        targets.append(
            Target(
                namespace="inmemory://",
                name=name if len(events) == 1 else f"{name}.{number}",
                types=types,
                rows=event.rows,
            )
        )
    return _lineage(list(zip(events, targets, strict=True)))


def of_transfer(event: "AccessEvent | None", target: Target | None) -> Any:  # noqa: ANN401
    """Return the lineage of one transfer, as far as it came."""
    return _lineage([(event, target)] if event else [])


def report(answer: "MaskedStream", *, namespace: str, name: str, rows: int | None = None) -> None:
    """Tell OpenLineage, from a ``@task`` function, where the rows of an answer were written.

    Nothing happens where the OpenLineage provider is not installed or turned off.

    Args:
        answer: What `maskline.Session.stream` gave, after its last row.
        namespace: Of the dataset that was written, such as ``postgres://db.example.com:5432``.
        name: Of that dataset, such as ``shop.public.customer``.
        rows: How many rows were written.
    """
    event = answer.event
    types = dict.fromkeys(_unique(event.outputs), "")
    target = Target(namespace=namespace, name=name, types=types, rows=rows)
    lineage = of_transfer(event, target)
    if lineage is None:
        return
    from airflow.providers.openlineage.api import emit_dataset_lineage

    emit_dataset_lineage(inputs=lineage.inputs, outputs=lineage.outputs)


def _lineage(pairs: Sequence[tuple["AccessEvent", Target | None]]) -> Any:  # noqa: ANN401
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
    except ImportError:
        return None
    if not pairs:
        return OperatorLineage()
    from openlineage.client.facet_v2 import sql_job

    fields: dict[Dataset, dict[str, str]] = {}
    for event, _ in pairs:
        for ref, type_ in _fields(event).items():
            fields.setdefault(_dataset(event, ref), {}).setdefault(ref.column, type_)
    statements = ";\n".join(event.sql for event, _ in pairs)
    return OperatorLineage(
        inputs=[_input(dataset, types) for dataset, types in fields.items()],
        outputs=[_output(event, target) for event, target in pairs if target],
        run_facets={"maskline_masking": _masking(pairs[-1][0], [event for event, _ in pairs])},
        job_facets={"sql": sql_job.SQLJobFacet(query=statements)},
    )


def _fields(event: "AccessEvent") -> dict["ColumnRef", str]:
    """Return the type of each field that is read: a link to one that no input has is dropped."""
    fields = {read.ref: read.type for read in event.reads}
    for sources in (*(output.sources for output in event.outputs), event.influences):
        for ref, _ in sources:
            fields.setdefault(ref, "")
    return fields


def _dataset(event: "AccessEvent", ref: "ColumnRef") -> Dataset:
    namespace = _OUTSIDE.sub("_", event.namespace.replace(":memory:", "memory"))
    return namespace or "maskline", ".".join(filter(None, (event.database, *ref[:2])))


def _input(dataset: Dataset, types: Mapping[str, str]) -> Any:  # noqa: ANN401 - of the client
    from openlineage.client.event_v2 import InputDataset

    return InputDataset(*dataset, facets={"schema": _schema(types)})


def _output(event: "AccessEvent", target: Target) -> Any:  # noqa: ANN401 - of the client
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import column_lineage_dataset, tags_dataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    from maskline.model import PUBLIC

    names = _unique(event.outputs)
    tags = [
        tags_dataset.TagsDatasetFacetFields(
            key="entity", value=output.label.entity, source="MASKLINE", field=name
        )
        for name, output in zip(names, event.outputs, strict=True)
        if output.label.entity != PUBLIC
    ]
    lineage = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            name: column_lineage_dataset.Fields(
                inputFields=[_link(event, *source, output=output) for source in output.sources]
            )
            for name, output in zip(names, event.outputs, strict=True)
        },
        dataset=[_link(event, *source, output=None) for source in event.influences],
    )
    written: dict[str, Any] = {}
    if target.rows is not None:
        written["outputStatistics"] = statistics.OutputStatisticsOutputDatasetFacet(
            rowCount=target.rows
        )
    return OutputDataset(
        namespace=_OUTSIDE.sub("_", target.namespace),
        name=target.name,
        facets={
            "schema": _schema(target.types),
            "tags": tags_dataset.TagsDatasetFacet(tags=tags),
            "columnLineage": lineage,
        },
        outputFacets=written,
    )


def _link(
    event: "AccessEvent",
    ref: "ColumnRef",
    flows: Iterable["Flow"],
    *,
    output: "OutputColumn | None",
) -> Any:  # noqa: ANN401 - of the client
    from openlineage.client.facet_v2 import column_lineage_dataset

    from maskline.model import Flow

    namespace, name = _dataset(event, ref)
    mask = output.mask if output else None
    # COUNT and AGGREGATION are one subtype there.
    kinds = dict.fromkeys(
        (flow.is_direct, Flow.AGGREGATION if flow is Flow.COUNT else flow) for flow in flows
    )
    return column_lineage_dataset.InputField(
        namespace=namespace,
        name=name,
        field=ref.column,
        transformations=[
            column_lineage_dataset.Transformation(
                type="DIRECT" if is_direct else "INDIRECT",
                subtype=subtype.value,
                description=f"{mask} of {output.label.entity}" if output and mask else "",
                masking=mask is not None,
            )
            for is_direct, subtype in kinds
        ],
    )


def _schema(types: Mapping[str, str]) -> Any:  # noqa: ANN401 - of the client
    from openlineage.client.facet_v2 import schema_dataset

    return schema_dataset.SchemaDatasetFacet(
        fields=[
            schema_dataset.SchemaDatasetFacetFields(name=name, type=type_ or None)
            for name, type_ in types.items()
        ]
    )


def _masking(last: "AccessEvent", events: Sequence["AccessEvent"]) -> Any:  # noqa: ANN401
    from maskline_airflow.facets import Lookup, MasklineMaskingRunFacet, Principal

    return MasklineMaskingRunFacet(
        principal=Principal(kind=last.principal.kind, id=last.principal.id),
        purpose=last.purpose,
        policyHash=last.policy_hash,
        decision=last.decision,
        outcome=last.outcome.value,
        rows=sum(event.rows for event in events),
        lookups=[
            Lookup(column=str(ref), literals=count)
            for event in events
            for ref, count in event.lookups
        ],
        omitted=[],
    )


def _unique(outputs: Sequence["OutputColumn"]) -> list[str]:
    """Return a name for each column, no two alike: the fields of a dataset may not share one."""
    names: list[str] = []
    for position, output in enumerate(outputs, start=1):
        name = output.name or f"column_{position}"
        names.append(f"{name}_{position}" if name in names else name)
    return names
