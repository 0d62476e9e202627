"""An event of every kind of flow, and what the world holds an event against."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import referencing.jsonschema

import maskline_openlineage
from maskline.model import (
    AccessEvent,
    ColumnRef,
    Flow,
    Label,
    Mask,
    Outcome,
    OutputColumn,
    Principal,
    ReadColumn,
)
from maskline.roles import Sink

SPEC = Path(__file__).parent / "spec"
OWN_SCHEMA = "schemas/1-1-0/MasklineMaskingRunFacet.json"

[KIND] = maskline_openlineage.maskline_register_sinks()

EMAIL = ColumnRef("main", "customer", "email")
SSN = ColumnRef("main", "customer", "ssn")
ID = ColumnRef("main", "customer", "id")
AMOUNT = ColumnRef("main", "orders", "amount")


@pytest.fixture
def event() -> AccessEvent:
    """Every kind of flow, masked and not, in one query."""
    email = Label(entity="EMAIL_ADDRESS")
    token = Mask(name="token", options=(("keep", "domain"),))
    return AccessEvent(
        query_id="0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        time="2026-03-01T12:00:00.500000Z",
        outcome=Outcome.ANSWERED,
        principal=Principal(kind="agent", id="bot", roles=("support",), on_behalf_of=("ada",)),
        purpose="chargeback",
        source="shop",
        namespace="postgres://db.example.com:5432",
        database="shopdb",
        dialect="postgres",
        sql="SELECT email, COUNT(ssn) FROM main.customer WHERE id = ?",
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
        reads=(
            ReadColumn(ref=EMAIL, type="TEXT"),
            ReadColumn(ref=SSN, type="TEXT"),
            ReadColumn(ref=AMOUNT, type="NUMERIC(10, 2)"),
        ),
        outputs=(
            OutputColumn(
                name="email",
                sources=((EMAIL, (Flow.IDENTITY, Flow.GROUP_BY)), (ID, (Flow.CONDITIONAL,))),
                label=email,
                mask=token,
                rule="masks.EMAIL_ADDRESS",
            ),
            OutputColumn(name="email", sources=((EMAIL, (Flow.IDENTITY,)),), label=email),
            OutputColumn(name="", sources=((SSN, (Flow.COUNT, Flow.AGGREGATION)),)),
            OutputColumn(name="total", sources=((AMOUNT, (Flow.TRANSFORMATION, Flow.WINDOW)),)),
            OutputColumn(name="one"),
        ),
        output_types=("string", "string", "int64", "decimal128(10, 2)"),
        influences=((ID, (Flow.FILTER, Flow.JOIN)), (EMAIL, (Flow.SORT,))),
        lookups=((EMAIL, 2),),
        key_versions=(1,),
        rows=3,
        bytes=120,
        duration_ms=1_500,
        parent_run=("airflow", "dag.task", "5d0b7e0a-2a5e-4f0b-8a53-3f1f1e0f7a10"),
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "lineage" / "outbox.jsonl"


@pytest.fixture
def sink(outbox: Path) -> Iterator[Sink]:
    opened = KIND.open({"path": str(outbox)}, resolve=str)
    yield opened
    opened.close()


@pytest.fixture
def emitted(sink: Sink, outbox: Path) -> Callable[..., list[dict[str, Any]]]:
    def emit(*events: AccessEvent) -> list[dict[str, Any]]:
        for event in events:
            sink.emit(event)
        return [json.loads(line) for line in outbox.read_bytes().splitlines()]

    return emit


@pytest.fixture(scope="module")
def check() -> Callable[[dict[str, Any]], None]:
    """Hold an event against the specification, each facet against its own schema, and Marquez."""
    own = json.loads(files(maskline_openlineage).joinpath(OWN_SCHEMA).read_text("utf-8"))
    schemas = [json.loads(path.read_text("utf-8")) for path in SPEC.glob("*.json")]
    registry = referencing.Registry().with_resources(
        [
            (schema["$id"], referencing.jsonschema.DRAFT202012.create_resource(schema))
            for schema in [*schemas, own]
        ]
    )
    formats = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assert {"date-time", "uri", "uuid"} <= set(formats.checkers)

    def validate(instance: object, reference: str) -> None:
        jsonschema.Draft202012Validator(
            {"$ref": reference}, registry=registry, format_checker=formats
        ).validate(instance)

    identifiers = {schema["$id"] for schema in [*schemas, own]}

    def check(event: dict[str, Any]) -> None:
        validate(event, "https://openlineage.io/spec/2-0-2/OpenLineage.json")
        validate(event, event["schemaURL"])
        for owner in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
            for name, facet in {**owner["facets"], **owner.get("outputFacets", {})}.items():
                identifier = facet["_schemaURL"].partition("#")[0]
                assert identifier in identifiers
                validate({name: facet}, identifier)
                validate(facet, facet["_schemaURL"])
        _check_marquez(event)

    return check


@pytest.fixture(scope="session")
def check_marquez() -> Callable[[dict[str, Any]], None]:
    """Check what Marquez 0.51 wants beyond the specification."""
    return _check_marquez


def _check_marquez(event: dict[str, Any]) -> None:
    """Check what Marquez 0.51 wants beyond the specification, read in its source.

    What it refuses, what it takes and cannot show, and what it drops without a word.
    """
    assert re.search(r"T.*(Z|[+-]\d\d:\d\d)$", event["eventTime"])
    assert event["eventType"] in {"START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER"}
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    assert event["job"]["facets"]["jobType"]["jobType"]
    assert isinstance(event["inputs"], list)
    assert isinstance(event["outputs"], list)
    for named in (event["job"], *event["inputs"], *event["outputs"]):
        assert re.fullmatch(r"[a-zA-Z:;=/0-9_\-.@+]{1,1024}", named["namespace"])
        assert ":memory:" not in named["namespace"]
        assert 0 < len(named["name"]) <= 1024
    for owner in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for facet in {**owner["facets"], **owner.get("outputFacets", {})}.values():
            assert facet["_producer"]
            assert facet["_schemaURL"]
    if parent := event["run"]["facets"].get("parent"):
        uuid.UUID(parent["run"]["runId"])
        assert parent["job"]["namespace"]
        assert parent["job"]["name"]
    inputs: dict[tuple[str, str], set[str]] = {}
    for dataset in event["inputs"]:
        names = [field["name"] for field in _fields(dataset)]
        assert all(names)
        assert len(names) == len(set(names))
        inputs[dataset["namespace"], dataset["name"]] = set(names)
    assert len(inputs) == len(event["inputs"])
    for dataset in event["outputs"]:
        assert ":" not in dataset["name"]
        names = [field["name"] for field in _fields(dataset)]
        assert all(names)
        assert len(names) == len(set(names))
        lineage = dataset["facets"].get("columnLineage")
        if lineage is not None:
            # An edge is drawn only between fields that the schemas of the same run have.
            assert set(lineage["fields"]) == set(names)
            links = [link for field in lineage["fields"].values() for link in field["inputFields"]]
            for link in [*links, *lineage["dataset"]]:
                assert link["field"] in inputs[link["namespace"], link["name"]]


def _fields(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = dataset["facets"].get("schema", {"fields": []})["fields"]
    return listed
