import hashlib
import json
import resource
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maskline_openlineage
from maskline.errors import AuditError
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
from maskline.roles import Sink, SinkType
from maskline.testing import check_sink

[KIND] = maskline_openlineage.maskline_register_sinks()

EMAIL = ColumnRef("main", "customer", "email")
ID = ColumnRef("main", "customer", "id")


# The shape of an event.


@pytest.mark.parametrize(
    ("outcome", "type_"),
    [
        (Outcome.STARTED, "START"),
        (Outcome.ANSWERED, "COMPLETE"),
        (Outcome.REFUSED, "FAIL"),
        (Outcome.FAILED, "FAIL"),
        (Outcome.CANCELLED, "ABORT"),
    ],
)
def test_every_outcome_becomes_a_valid_event(
    event: AccessEvent,
    outcome: Outcome,
    type_: str,
    emitted: Callable[..., list[dict[str, Any]]],
    check: Callable[[dict[str, Any]], None],
) -> None:
    events = emitted(replace(event, outcome=outcome))

    assert [body["eventType"] for body in events] == ["START", type_][-len(events) :]
    assert {body["run"]["runId"] for body in events} == {event.query_id}
    for body in events:
        check(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": (), "output_types": (), "reads": (), "influences": ()},
        {"reads": ()},
        {"namespace": ""},
        {"namespace": "duckdb:///my data/é.duckdb?x=[1]"},
        {"namespace": "duckdb://:memory:"},
        {"namespace": "file:///" + "x" * 2_000},
        {"database": "", "source": "my shop: é", "sql": "<unparsable sql>"},
        {"parent_run": None},
        {"parent_run": ("airflow", "dag.task", "manual__2026")},
        {"parent_run": ("", "dag.task", "5d0b7e0a-2a5e-4f0b-8a53-3f1f1e0f7a10")},
        {"principal": Principal(kind="human", id="Zoë \ud800"), "purpose": ""},
        {"query_id": "0B2F1A4E6C1D4F7E9A513D2B7F0C9E11"},
        {"sql": "x" * 30_000},
    ],
)
def test_unusual_events_are_valid(
    event: AccessEvent,
    changes: dict[str, Any],
    emitted: Callable[..., list[dict[str, Any]]],
    check: Callable[[dict[str, Any]], None],
) -> None:
    for body in emitted(replace(event, **changes)):
        check(body)


def test_a_job_has_one_name_for_one_statement(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    other = replace(event, query_id=str(uuid.uuid4()), source="my shop")
    bodies = emitted(event, other)

    assert bodies[1]["job"]["namespace"] == "maskline"
    assert bodies[1]["job"]["name"] == "query.shop.abababababab"
    assert bodies[3]["job"]["name"] == "query.my_shop.abababababab"


def test_the_answer_is_a_dataset_with_the_name_of_its_job(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    [output] = emitted(event)[-1]["outputs"]

    assert output["namespace"] == "inmemory://"
    assert output["name"] == "maskline.query.shop.abababababab"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert output["outputFacets"]["outputStatistics"]["size"] == 120


def test_repeated_and_empty_names_become_different_fields(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    names = ("id", "id", "id_2", "", "column_4", "id", "id_2", "")
    outputs = tuple(OutputColumn(name=name) for name in names)
    [output] = emitted(replace(event, outputs=outputs, output_types=()))[-1]["outputs"]
    fields = [field["name"] for field in output["facets"]["schema"]["fields"]]

    assert fields == [
        "id", "id_3", "id_2", "column_4_2", "column_4", "id_4", "id_2_2", "column_8",
    ]  # fmt: skip
    assert list(output["facets"]["columnLineage"]["fields"]) == fields


def test_inputs_have_every_field_that_is_mentioned(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    customer, orders = emitted(event)[-1]["inputs"]

    assert customer["namespace"] == orders["namespace"] == "postgres://db.example.com:5432"
    assert (customer["name"], orders["name"]) == ("shopdb.main.customer", "shopdb.main.orders")
    assert customer["facets"]["schema"]["fields"] == [
        {"name": "email", "type": "TEXT"},
        {"name": "ssn", "type": "TEXT"},
        {"name": "id"},
    ]
    assert orders["facets"]["schema"]["fields"] == [{"name": "amount", "type": "NUMERIC(10, 2)"}]


def test_column_lineage_tells_how_and_through_which_mask(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    facet = emitted(event)[-1]["outputs"][0]["facets"]["columnLineage"]
    masked, plain, count, total, one = facet["fields"].values()
    description = "token(keep=domain) of EMAIL_ADDRESS"
    customer = {"namespace": "postgres://db.example.com:5432", "name": "shopdb.main.customer"}

    assert masked["transformationType"] == "MASKED"
    assert masked["transformationDescription"] == description
    assert masked["inputFields"][0] == {
        **customer,
        "field": "email",
        "transformations": [
            {
                "type": "DIRECT",
                "subtype": "IDENTITY",
                "masking": True,
                "description": description,
            },
            {
                "type": "INDIRECT",
                "subtype": "GROUP_BY",
                "masking": True,
                "description": description,
            },
        ],
    }
    assert masked["inputFields"][1]["transformations"][0]["subtype"] == "CONDITIONAL"
    assert plain["transformationType"] == "IDENTITY"
    assert plain["inputFields"][0]["transformations"] == [
        {"type": "DIRECT", "subtype": "IDENTITY", "masking": False}
    ]
    assert count == {
        "inputFields": [
            {
                **customer,
                "field": "ssn",
                "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": False}],
            }
        ]
    }
    assert [kind["subtype"] for kind in total["inputFields"][0]["transformations"]] == [
        "TRANSFORMATION",
        "WINDOW",
    ]
    assert one == {"inputFields": []}
    assert [(link["field"], link["transformations"]) for link in facet["dataset"]] == [
        (
            "id",
            [
                {"type": "INDIRECT", "subtype": "FILTER", "masking": False},
                {"type": "INDIRECT", "subtype": "JOIN", "masking": False},
            ],
        ),
        ("email", [{"type": "INDIRECT", "subtype": "SORT", "masking": False}]),
    ]


def test_fields_are_tagged_with_their_entities(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    facet = emitted(event)[-1]["outputs"][0]["facets"]["tags"]

    assert [(tag["field"], tag["key"], tag["value"]) for tag in facet["tags"]] == [
        ("email", "entity", "EMAIL_ADDRESS"),
        ("email_2", "entity", "EMAIL_ADDRESS"),
    ]


def test_the_run_tells_who_asked_and_what_was_decided(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    run = emitted(event)[-1]["run"]["facets"]
    own = {key: value for key, value in run["maskline_masking"].items() if key[0] != "_"}

    assert own == {
        "principal": {"kind": "agent", "id": "bot"},
        "purpose": "chargeback",
        "policyHash": "cd" * 32,
        "decision": "commuting",
        "outcome": "answered",
        "rows": 3,
        "lookups": [{"column": "main.customer.email", "literals": 2}],
        "omitted": [],
    }
    assert run["processing_engine"]["name"] == "maskline"
    assert run["parent"]["run"] == {"runId": "5d0b7e0a-2a5e-4f0b-8a53-3f1f1e0f7a10"}
    assert run["parent"]["job"] == {"namespace": "airflow", "name": "dag.task"}


def test_a_parent_that_is_no_uuid_is_left_out(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    body = emitted(replace(event, parent_run=("airflow", "dag.task", "manual__2026")))[-1]

    assert "parent" not in body["run"]["facets"]


def test_the_statement_is_told_in_its_scrubbed_form(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    bodies = emitted(event, replace(event, sql="x" * 20_001))

    assert bodies[1]["job"]["facets"]["sql"]["query"] == event.sql
    assert bodies[1]["job"]["facets"]["sql"]["dialect"] == "postgres"
    assert "sql" not in bodies[-1]["job"]["facets"]


def test_the_reason_of_a_failure_is_not_told(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    failed = replace(event, outcome=Outcome.FAILED, reason="canary")

    assert "canary" not in json.dumps(emitted(failed))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.update(eventTime="2026-03-01T12:00:00"),
        lambda body: body["run"].update(runId="7"),
        lambda body: body["job"].update(name=""),
        lambda body: body["job"]["facets"]["jobType"].update(jobType=""),
        lambda body: body["inputs"][0].update(namespace="duckdb:///my shop"),
        lambda body: body["inputs"][0].update(namespace="duckdb://:memory:"),
        lambda body: body["inputs"].append(body["inputs"][0]),
        lambda body: body["inputs"][0]["facets"]["schema"]["fields"].pop(0),
        lambda body: body["outputs"][0]["facets"]["schema"]["fields"].pop(0),
        lambda body: body["outputs"][0]["facets"]["columnLineage"].pop("_producer"),
        lambda body: body["run"]["facets"]["parent"]["job"].update(namespace=""),
        lambda body: body.update(outputs=None),
    ],
)
def test_the_model_of_marquez_finds_what_marquez_would(
    event: AccessEvent,
    spoil: Callable[[dict[str, Any]], None],
    emitted: Callable[..., list[dict[str, Any]]],
    check_marquez: Callable[[dict[str, Any]], None],
) -> None:
    body = emitted(event)[-1]
    check_marquez(body)
    spoil(body)

    with pytest.raises((AssertionError, KeyError, ValueError)):
        check_marquez(body)


# Runs.


def test_a_run_has_one_start_and_one_end(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    started = replace(event, outcome=Outcome.STARTED, rows=0)
    bodies = emitted(started, event)

    assert [body["eventType"] for body in bodies] == ["START", "COMPLETE"]
    assert bodies[0]["inputs"] == bodies[1]["inputs"]
    assert bodies[0]["job"] == bodies[1]["job"]


def test_a_refused_query_gets_a_start_and_no_output(
    event: AccessEvent, emitted: Callable[..., list[dict[str, Any]]]
) -> None:
    start, end = emitted(replace(event, outcome=Outcome.REFUSED))

    assert (start["eventType"], end["eventType"]) == ("START", "FAIL")
    assert start["eventTime"] == "2026-03-01T11:59:59.000000Z"
    assert start["run"]["facets"]["maskline_masking"]["outcome"] == "started"
    assert start["outputs"] == end["outputs"] == []
    assert start["inputs"] == end["inputs"] != []


def test_a_query_id_that_is_no_uuid_is_refused(event: AccessEvent, sink: Sink) -> None:
    with pytest.raises(AuditError, match="UUID") as caught:
        sink.emit(replace(event, query_id="canary"))

    assert caught.value.hint
    assert caught.value.__context__ is None
    assert "canary" not in str(caught.value)


# Size.


@pytest.mark.parametrize("columns", [10, 300, 600, 1_000, 3_000])
def test_wide_answers_stay_below_what_consumers_accept(
    event: AccessEvent,
    columns: int,
    emitted: Callable[..., list[dict[str, Any]]],
    check: Callable[[dict[str, Any]], None],
) -> None:
    refs = [ColumnRef("main", "customer", f"column_{number:04}") for number in range(columns)]
    outputs = tuple(
        OutputColumn(
            name=ref.column,
            sources=((ref, (Flow.IDENTITY,)),),
            label=Label(entity="EMAIL_ADDRESS"),
            mask=Mask(name="token", options=(("keep", "domain"),)),
        )
        for ref in refs
    )
    wide = replace(
        event,
        reads=tuple(ReadColumn(ref=ref, type="VARCHAR") for ref in refs),
        outputs=outputs,
        output_types=("string",) * columns,
        influences=(),
    )
    body = emitted(wide)[-1]

    check(body)
    assert len(json.dumps(body, separators=(",", ":"))) < 300_000
    omitted = body["run"]["facets"]["maskline_masking"]["omitted"]
    assert bool(omitted) == (columns > 300)
    if columns <= 1_000:
        fields = body["outputs"][0]["facets"]["columnLineage"]["fields"]
        assert all(field["transformationType"] == "MASKED" for field in fields.values())


def test_very_many_links_are_not_written_out_first(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    check: Callable[[dict[str, Any]], None],
) -> None:
    indirect = ((ID, (Flow.FILTER,)),) * 40
    outputs = tuple(
        OutputColumn(name=f"c{number}", sources=((EMAIL, (Flow.IDENTITY,)), *indirect))
        for number in range(100)
    )
    body = emitted(replace(event, outputs=outputs))[-1]

    check(body)
    assert body["run"]["facets"]["maskline_masking"]["omitted"] == [
        "tags and descriptions",
        "indirect inputs of fields",
    ]
    fields = body["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert all(len(field["inputFields"]) == 1 for field in fields.values())


def test_an_event_that_is_always_too_large_keeps_its_datasets(
    event: AccessEvent,
    emitted: Callable[..., list[dict[str, Any]]],
    check: Callable[[dict[str, Any]], None],
) -> None:
    reads = tuple(
        ReadColumn(ref=ColumnRef("main", f"table_{n}", "c" * 30), type="TEXT") for n in range(4_000)
    )
    body = emitted(replace(event, reads=reads, outputs=event.outputs[-1:], influences=()))[-1]

    check(body)
    assert len(body["inputs"]) == 4_000
    assert body["run"]["facets"]["maskline_masking"]["omitted"][-1] == "schema"


@settings(max_examples=100, deadline=None)
@given(names=st.lists(st.sampled_from(["a", "a_2", "a_2_2", "", "column_1", "b"]), max_size=12))
def test_field_names_never_repeat(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    event = AccessEvent(
        query_id=str(uuid.uuid4()),
        time="2026-03-01T12:00:00Z",
        outcome=Outcome.STARTED,
        principal=Principal(kind="human", id="ada"),
        purpose="",
        source="s",
        namespace="n",
        dialect="duckdb",
        sql="",
        fingerprint="0" * 64,
        decision="commuting",
        policy_hash="",
        outputs=tuple(OutputColumn(name=name) for name in (*names, "z")),
    )
    path = tmp_path_factory.mktemp("outbox") / "x"
    sink = KIND.open({"path": str(path)}, resolve=str)
    sink.emit(event)
    sink.close()
    facets = json.loads(path.read_bytes())["outputs"][0]["facets"]
    fields = [field["name"] for field in facets["schema"]["fields"]]

    assert len(set(fields)) == len(fields) == len(names) + 1
    assert all(fields)


# The file.


def test_the_outbox_is_for_its_owner_and_grows_by_lines(
    event: AccessEvent, sink: Sink, outbox: Path
) -> None:
    sink.emit(event)
    other = KIND.open({"path": "outbox.jsonl", "job": "j"}, resolve=lambda _: str(outbox))
    other.emit(replace(event, outcome=Outcome.STARTED))
    other.close()

    assert outbox.stat().st_mode & 0o777 == 0o600
    assert outbox.read_bytes().count(b"\n") == 3
    assert str(outbox) in repr(sink)


def test_a_line_that_was_cut_short_is_not_extended(
    event: AccessEvent, sink: Sink, outbox: Path
) -> None:
    outbox.write_bytes(b'{"eventType":"STA')
    sink.emit(event)

    assert [line[:13] for line in outbox.read_bytes().splitlines()] == [b'{"eventType":'] * 3
    assert json.loads(outbox.read_bytes().splitlines()[2])["eventType"] == "COMPLETE"


def test_an_outbox_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for path in (tmp_path, tmp_path / "file" / "outbox"):
        with pytest.raises(AuditError, match=r"EISDIR|ENOTDIR|EEXIST") as caught:
            KIND.open({"path": str(path)}, resolve=str)
        assert caught.value.hint
        assert caught.value.__context__ is None


def test_an_event_that_is_not_written_whole_is_an_error(
    event: AccessEvent, sink: Sink, outbox: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(AuditError, match="ENOSPC") as caught:
            sink.emit(event)
        assert caught.value.__context__ is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    sink.emit(event)

    assert [json.loads(line)["eventType"] for line in outbox.read_bytes().splitlines()] == [
        "START",
        "COMPLETE",
    ]


# The plugin.


def test_the_sink_plays_its_role(sink: Sink) -> None:
    assert isinstance(KIND, SinkType)
    assert isinstance(sink, Sink)
    assert KIND.name == "openlineage"


def test_the_sink_keeps_the_rules_for_plugins() -> None:
    check_sink(KIND, options={"path": "deeper/outbox.jsonl"})


def test_the_entry_point_leads_to_the_hook() -> None:
    [found] = [entry for entry in entry_points(group="maskline") if entry.name == "openlineage"]

    assert found.load() is maskline_openlineage
    assert maskline_openlineage.maskline_register_sinks.maskline_impl


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"path": "x"}, []),
        ({"path": "x", "namespace": "team-a:b", "job": "notebook"}, []),
        ({}, ["path"]),
        ({"path": ""}, ["path"]),
        ({"path": 3}, ["path"]),
        ({"path": "x", "url": "y"}, ["no option url"]),
        ({"path": "x", "forward": True, "sync": False, "megabytes": 1, "when_full": "refuse"}, []),
        ({"path": "x", "forward": "yes", "sync": 1}, ["forward", "sync"]),
        ({"path": "x", "megabytes": 0}, ["megabytes"]),
        ({"path": "x", "megabytes": True}, ["megabytes"]),
        ({"path": "x", "megabytes": 1.5}, ["megabytes"]),
        ({"path": "x", "when_full": "drop"}, ["when_full"]),
        ({"path": "x", "namespace": "a b"}, ["namespace"]),
        ({"path": "x", "namespace": 3}, ["namespace"]),
        ({"path": "x", "job": "a:b"}, ["job"]),
        ({"path": "x", "job": True}, ["job"]),
        ({"namespace": "", "job": ""}, ["path", "namespace", "job"]),
    ],
)
def test_wrong_options_are_told_one_by_one(options: dict[str, Any], wrong: list[str]) -> None:
    told = KIND.check(options)

    assert len(told) == len(wrong)
    assert all(word in sentence for word, sentence in zip(wrong, told, strict=True))


@pytest.mark.parametrize(
    ("version", "digest"),
    [
        ("1-0-0", "c5a2d1be750293bccbf864b80330fcb455f27c7f1bda2daf911035504b18b0fc"),
        ("1-1-0", "ec3d0363772c981484dffd32cd23db9f3a57a336fa3172e07a345f8023d60461"),
    ],
)
def test_a_published_schema_never_changes(version: str, digest: str) -> None:
    path = f"schemas/{version}/MasklineMaskingRunFacet.json"
    data = files(maskline_openlineage).joinpath(path).read_bytes()

    assert json.loads(data)["$id"].endswith(path)
    assert hashlib.sha256(data).hexdigest() == digest


def test_the_library_of_openlineage_is_not_needed() -> None:
    program = "import sys, maskline_openlineage; print(sorted(sys.modules))"
    command = [sys.executable, "-c", program]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "'maskline_openlineage'" in modules
    assert "'openlineage" not in modules
