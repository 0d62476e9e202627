"""Events of other producers lose every value on their way out."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient, event_v2
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    datasource_dataset,
    environment_variables_run,
    error_message_run,
    extraction_error_run,
    job_type_job,
    parent_run,
    schema_dataset,
    source_code_job,
    source_code_location_job,
    sql_job,
)
from openlineage.client.serde import Serde

from maskline_openlineage.transforming import MASKED, ScrubbingTransformer

RUN = "5d0b7e0a-2a5e-4f0b-8a53-3f1f1e0f7a10"
CANARY = "ann.canary@example.com"
PYTHON_TRACE = f"""Traceback (most recent call last):
  File "/home/ann.canary/dags/load.py", line 12, in run
    raise ValueError("{CANARY}")
ValueError: {CANARY} is
not canary
During handling of the above exception, another exception occurred: canary
psycopg.errors.InvalidTextRepresentation: invalid input: "{CANARY}"
sqlalchemy.exc.DataError: ('{CANARY}',)
"""
JAVA_TRACE = f"""java.lang.IllegalStateException: {CANARY}
\tat com.acme.Load$Inner.run(Load.java:12)
\tat java.base/java.lang.Thread.run(Unknown Source)
\tat canary {CANARY}
Caused by: java.sql.SQLException: {CANARY}
\t... 3 more
"""


def event(**facets: Any) -> event_v2.RunEvent:
    return event_v2.RunEvent(
        eventTime="2026-03-01T12:00:00Z",
        eventType=event_v2.RunState.FAIL,
        producer="https://example.com/producer",
        run=event_v2.Run(runId=RUN, facets=facets.get("run", {})),
        job=event_v2.Job(
            namespace="airflow",
            name="dag.task",
            facets={
                "jobType": job_type_job.JobTypeJobFacet(
                    processingType="BATCH", integration="AIRFLOW", jobType="TASK"
                )
            }
            | facets.get("job", {}),
        ),
        inputs=[
            event_v2.InputDataset(
                namespace="postgres://ann.canary:canary@db.example.com:5432",
                name="shop.main.customer",
                facets=facets.get("dataset", {}),
                inputFacets=facets.get("input", {}),
            )
        ],
        outputs=[],
    )


@pytest.fixture
def scrubbed(
    check: Callable[[dict[str, Any]], None],
) -> Callable[..., dict[str, Any]]:
    """Transform an event, and hold it against the specification."""

    def scrub(given: Any, **properties: Any) -> dict[str, Any]:
        before = Serde.to_json(given)
        found = ScrubbingTransformer(properties).transform(given)
        assert found is not None
        assert Serde.to_json(given) == before
        body = Serde.to_dict(found)
        if not properties:
            assert "canary" not in json.dumps(body)
            check(body)
        return body

    return scrub


def test_a_statement_loses_its_literals_and_keeps_known_names(
    scrubbed: Callable[..., dict[str, Any]],
) -> None:
    statement = (
        f"SELECT email, x AS canary FROM shop.main.customer WHERE email = '{CANARY}' -- canary"
    )
    fields = [schema_dataset.SchemaDatasetFacetFields(name="email", description=CANARY)]
    found = scrubbed(
        event(
            job={"sql": sql_job.SQLJobFacet(query=statement)},
            dataset={"schema": schema_dataset.SchemaDatasetFacet(fields=fields)},
        )
    )

    assert found["job"]["facets"]["sql"]["query"] == (
        "SELECT email, id_2 AS id_1 FROM shop.main.customer WHERE email = ?"
    )
    assert found["inputs"][0]["facets"]["schema"]["fields"] == [{"name": "email", "fields": []}]


@pytest.mark.parametrize(
    ("dialect", "query", "expected"),
    [
        ("snowflake", "SELECT $1:a FROM customer", "?"),
        ("no such", "SELECT 'canary'", "SELECT ?"),
        ("canary", "SELECT canary canary canary ' \" `", "<unparsable sql>"),
    ],
)
def test_whatever_the_dialect_no_literal_is_left(
    scrubbed: Callable[..., dict[str, Any]], dialect: str, query: str, expected: str
) -> None:
    facet = sql_job.SQLJobFacet(query=query, dialect=dialect)
    found = scrubbed(event(job={"sql": facet}))["job"]["facets"]["sql"]

    assert expected in found["query"]
    assert found.get("dialect") == (dialect if dialect == "snowflake" else None)


def test_an_error_keeps_its_class_and_its_frames(
    scrubbed: Callable[..., dict[str, Any]],
) -> None:
    facet = error_message_run.ErrorMessageRunFacet(
        message=f"ValueError: {CANARY}", programmingLanguage="PYTHON", stackTrace=PYTHON_TRACE
    )
    found = scrubbed(event(run={"errorMessage": facet}))["run"]["facets"]["errorMessage"]

    assert found["message"] == f"ValueError: {MASKED}"
    assert found["stackTrace"].splitlines() == [
        '  File "load.py", line 12, in run',
        f"ValueError: {MASKED}",
        f"sqlalchemy.exc.DataError: {MASKED}",
    ]


def test_a_java_error_does_too(scrubbed: Callable[..., dict[str, Any]]) -> None:
    facet = error_message_run.ErrorMessageRunFacet(
        message=f"job failed for {CANARY}", programmingLanguage="JAVA", stackTrace=JAVA_TRACE
    )
    found = scrubbed(event(run={"errorMessage": facet}))["run"]["facets"]["errorMessage"]

    assert found["message"] == MASKED
    assert found["stackTrace"].splitlines() == [
        f"java.lang.IllegalStateException: {MASKED}",
        "\tat com.acme.Load$Inner.run(Load.java:12)",
        "\tat java.base/java.lang.Thread.run(Unknown Source)",
        f"Caused by: java.sql.SQLException: {MASKED}",
    ]


def test_errors_of_extraction_are_counted_and_not_quoted(
    scrubbed: Callable[..., dict[str, Any]],
) -> None:
    error = extraction_error_run.Error(
        errorMessage=f"ParserError: {CANARY}", stackTrace=PYTHON_TRACE, task=CANARY, taskNumber=2
    )
    facet = extraction_error_run.ExtractionErrorRunFacet(
        totalTasks=3, failedTasks=1, errors=[error]
    )
    found = scrubbed(event(run={"extractionError": facet}))["run"]["facets"]["extractionError"]

    assert (found["totalTasks"], found["failedTasks"]) == (3, 1)
    assert found["errors"][0]["errorMessage"] == f"ParserError: {MASKED}"
    assert found["errors"][0]["taskNumber"] == 2
    assert set(found["errors"][0]) == {"errorMessage", "stackTrace", "taskNumber"}


def test_metrics_are_counts_and_no_extremes(scrubbed: Callable[..., dict[str, Any]]) -> None:
    metrics = data_quality_metrics_input_dataset.ColumnMetrics(
        nullCount=1, distinctCount=2, count=3, sum=4.5, min=6.5, max=7.5, quantiles={"0.5": 8.5}
    )
    facet = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
        rowCount=9, columnMetrics={"salary": metrics}
    )
    found = scrubbed(event(input={"dataQualityMetrics": facet}))["inputs"][0]["inputFacets"]

    assert found["dataQualityMetrics"]["rowCount"] == 9
    assert found["dataQualityMetrics"]["columnMetrics"] == {
        "salary": {"nullCount": 1, "distinctCount": 2, "count": 3}
    }


def test_assertions_lose_what_was_expected_and_what_was_found(
    scrubbed: Callable[..., dict[str, Any]],
) -> None:
    assertion = data_quality_assertions_dataset.Assertion(
        assertion="accepted_values", success=False, column="email", expected=CANARY, actual=CANARY
    )
    facet = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
        assertions=[assertion]
    )
    found = scrubbed(event(input={"dataQualityAssertions": facet}))["inputs"][0]["inputFacets"]

    assert found["dataQualityAssertions"]["assertions"] == [
        {"assertion": "accepted_values", "success": False, "column": "email"}
    ]


def test_facets_that_are_not_on_the_list_are_dropped(
    scrubbed: Callable[..., dict[str, Any]],
) -> None:
    variable = environment_variables_run.EnvironmentVariable(name="canary", value="canary")
    given = event(
        run={
            "environmentVariables": environment_variables_run.EnvironmentVariablesRunFacet(
                environmentVariables=[variable]
            ),
            "airflow": {"_producer": "x", "_schemaURL": "y", "task": {"op_kwargs": CANARY}},
            "spark.logicalPlan": {"_producer": "x", "_schemaURL": "y", "plan": CANARY},
        },
        job={
            "sourceCode": source_code_job.SourceCodeJobFacet(
                language="python", sourceCode=f"x = {CANARY!r}"
            )
        },
    )
    found = scrubbed(given)

    assert found["run"]["facets"] == {}
    assert set(found["job"]["facets"]) == {"jobType"}


def test_addresses_lose_credentials_and_queries(scrubbed: Callable[..., dict[str, Any]]) -> None:
    location = source_code_location_job.SourceCodeLocationJobFacet(
        type="git",
        url="https://canary:canary@example.com/a/b",
        repoUrl="https://canary@example.com",
    )
    source = datasource_dataset.DatasourceDatasetFacet(
        name="db", uri="postgres://canary@db:5432/shop?password=canary#canary"
    )
    found = scrubbed(event(job={"sourceCodeLocation": location}, dataset={"dataSource": source}))

    assert found["inputs"][0]["namespace"] == "postgres://db.example.com:5432"
    assert found["inputs"][0]["facets"]["dataSource"]["uri"] == "postgres://db:5432/shop"
    assert found["job"]["facets"]["sourceCodeLocation"]["url"] == "https://example.com/a/b"


def test_column_lineage_and_parents_survive(scrubbed: Callable[..., dict[str, Any]]) -> None:
    link = column_lineage_dataset.InputField(
        namespace="postgres://db.example.com:5432",
        name="shop.main.customer",
        field="email",
        transformations=[
            column_lineage_dataset.Transformation(
                type="DIRECT", subtype="TRANSFORMATION", description=CANARY, masking=True
            )
        ],
    )
    lineage = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            "email": column_lineage_dataset.Fields(
                inputFields=[link], transformationDescription=CANARY, transformationType="MASKED"
            )
        }
    )
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(RUN),
        job=parent_run.Job("airflow", "dag"),
        root=parent_run.Root(parent_run.RootRun(RUN), parent_run.RootJob("airflow", "root")),
    )
    fields = [schema_dataset.SchemaDatasetFacetFields(name="email", type="TEXT")]
    given = event(
        run={"parent": parent},
        dataset={"schema": schema_dataset.SchemaDatasetFacet(fields=fields)},
    )
    given.outputs = [
        event_v2.OutputDataset(
            namespace="postgres://db.example.com:5432",
            name="shop.main.mart",
            facets={
                "columnLineage": lineage,
                "schema": schema_dataset.SchemaDatasetFacet(fields=fields),
            },
        )
    ]
    given.inputs[0].namespace = "postgres://db.example.com:5432"
    found = scrubbed(given)

    parent_found = found["run"]["facets"]["parent"]
    assert parent_found["root"] == {
        "run": {"runId": RUN},
        "job": {"namespace": "airflow", "name": "root"},
    }
    [field] = found["outputs"][0]["facets"]["columnLineage"]["fields"].values()
    assert field["transformationType"] == "MASKED"
    assert field["inputFields"][0]["transformations"] == [
        {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
    ]


def test_other_kinds_of_events_are_scrubbed_too() -> None:
    sql = sql_job.SQLJobFacet(query=f"SELECT '{CANARY}'")
    job = event_v2.JobEvent(
        eventTime="2026-03-01T12:00:00Z",
        producer="https://example.com",
        job=event_v2.Job(namespace="n", name="j", facets={"sql": sql}),
        inputs=[event_v2.InputDataset(namespace="n", name="d")],
    )
    dataset = event_v2.DatasetEvent(
        eventTime="2026-03-01T12:00:00Z",
        producer="https://example.com",
        dataset=event_v2.StaticDataset(
            namespace="n", name="d", facets={"documentation": {"description": CANARY}}
        ),
    )
    transformer = ScrubbingTransformer({})
    found = [Serde.to_dict(transformer.transform(given)) for given in (job, dataset)]

    assert "canary" not in json.dumps(found)
    assert found[0]["job"]["facets"]["sql"]["query"] == "SELECT ?"
    assert found[0]["inputs"][0]["name"] == found[1]["dataset"]["name"] == "d"


def test_what_cannot_be_scrubbed_is_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    broken = event(dataset={"schema": {"fields": [CANARY]}})

    assert ScrubbingTransformer({}).transform(broken) is None
    assert "AttributeError" in caplog.text
    assert "canary" not in caplog.text


def test_a_facet_may_be_kept_at_ones_own_risk(
    scrubbed: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    facet = {"_producer": "x", "_schemaURL": "y", "task": "a"}
    found = scrubbed(event(run={"airflow": facet}), unsafe_keep=["airflow"])

    assert found["run"]["facets"]["airflow"] == facet
    assert "unsafe_keep" in caplog.text


def test_the_client_runs_it_by_its_name_and_logs_no_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    client = OpenLineageClient(
        config={
            "transport": {
                "type": "transform",
                "transformer_class": "maskline_openlineage.transforming.ScrubbingTransformer",
                "transport": {
                    "type": "file",
                    "log_file_path": str(tmp_path / "out.json"),
                    "append": True,
                },
            },
            "facets": {"source_code_location": {"disabled": True}},
        }
    )
    given = event(job={"sql": sql_job.SQLJobFacet(query=f"SELECT '{CANARY}'")})
    client.emit(given)
    [line] = (tmp_path / "out.json").read_text().splitlines()

    assert json.loads(line)["job"]["facets"]["sql"]["query"] == "SELECT ?"
    assert "canary" not in line
    assert "canary" not in caplog.text
