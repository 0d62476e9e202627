from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUERY = "SELECT id, email, ssn, tier FROM customer ORDER BY id"


def operator(folder: Path, sql: Any = QUERY, **more: Any) -> Any:
    from maskline_airflow import MaskedSQLExecuteQueryOperator

    given = {"task_id": "ask", "conn_id": "shop", "policy": str(folder / "policy.yaml")}
    return MaskedSQLExecuteQueryOperator(sql=sql, **{**given, **more})


def test_xcom_gets_masked_rows(folder: Path, run_task: Callable[..., Any]) -> None:
    run = run_task(operator(folder))

    assert run.state == "success"
    [first, second] = run.xcom()
    assert (first[0], first[3], second[0], second[3]) == (1, "gold", 2, "silver")
    assert first[1].startswith("email_")
    assert run.leaks() == []


def test_stock_operator_leaks(folder: Path, run_task: Callable[..., Any], canaries: Any) -> None:
    from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

    sql = f"SELECT * FROM customer WHERE email = '{canaries[0]}'"
    run = run_task(SQLExecuteQueryOperator(task_id="ask", conn_id="shop", sql=sql))

    assert run.state == "success"
    assert {"message SetXCom", "message SetRenderedFields", "log"} <= set(run.leaks())


def test_literals_and_parameters_stay_inside(
    folder: Path, run_task: Callable[..., Any], canaries: Any
) -> None:
    sql = f"SELECT id FROM customer WHERE email = '{canaries[0]}' OR ssn = :ssn OR id = :id"
    run = run_task(operator(folder, sql, parameters={"ssn": canaries[1], "id": 2}))

    assert run.state == "success"
    assert run.xcom() == [(2,)]
    assert run.leaks() == []
    before, after = run.rendered()
    assert before["sql"] == "<sealed>"
    assert before["parameters"] == "<sealed>"
    assert "WHERE email = ?" in str(after["sql"])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM customer WHERE email = '{0}'",
        "DELETE FROM customer WHERE email = '{0}'",
        "SELECT 1; SELECT '{0}'",
        "SELEC '{0}'",
    ],
)
def test_refused_statements_fail_without_retry(
    folder: Path, run_task: Callable[..., Any], canaries: Any, sql: str
) -> None:
    run = run_task(operator(folder, sql.format(canaries[0]), retries=3))

    assert run.state == "failed"
    assert run.error.__context__ is None
    assert run.error.__cause__ is None
    assert run.leaks() == []


def test_other_failures_are_tried_again(
    folder: Path, run_task: Callable[..., Any], canaries: Any
) -> None:
    def handler(cursor: Any) -> None:
        raise ValueError(canaries[0])

    run = run_task(operator(folder, handler=handler, retries=1))

    assert run.state == "up_for_retry"
    assert "ValueError" in str(run.error)
    assert run.leaks() == []


def test_several_statements_are_split_as_by_the_stock_operator(
    folder: Path, run_task: Callable[..., Any]
) -> None:
    sql = "SELECT id FROM customer ORDER BY id; SELECT count(*) AS n FROM customer"
    both = run_task(operator(folder, sql, split_statements=True, return_last=False))
    last = run_task(operator(folder, sql, split_statements=True))

    assert both.xcom() == [[(1,), (2,)], [(2,)]]
    assert last.xcom() == [(2,)]


def test_lineage_tells_of_masks(folder: Path, run_task: Callable[..., Any]) -> None:
    run = run_task(operator(folder, "SELECT id, password_hash FROM customer", purpose="report"))

    assert [event["eventType"] for event in run.events] == ["START", "COMPLETE"]
    end = run.events[-1]
    [output] = end["outputs"]
    lineage = output["facets"]["columnLineage"]["fields"]
    [link] = lineage["password_hash"]["inputFields"]
    assert link["field"] == "password_hash"
    assert [step["masking"] for step in link["transformations"]] == [True]
    assert lineage["id"]["inputFields"][0]["transformations"][0]["masking"] is False
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2
    facet = end["run"]["facets"]["maskline_masking"]
    assert facet["purpose"] == "report"
    assert facet["principal"]["kind"] == "service"
    assert facet["principal"]["id"].endswith(".ask")


def test_read_is_recorded_as_part_of_the_task(folder: Path, run_task: Callable[..., Any]) -> None:
    run = run_task(operator(folder))

    text = "".join(path.read_text() for path in (folder / "audit").iterdir() if path.is_file())
    assert run.events[0]["run"]["runId"] in text


def test_decorated_function_is_asked(
    folder: Path, run_task: Callable[..., Any], canaries: Any
) -> None:
    from airflow.sdk import DAG

    from maskline_airflow.decorators import masked_sql_task

    with DAG(dag_id="decorated", schedule=None) as dag:

        @masked_sql_task(conn_id="shop", policy=str(folder / "policy.yaml"))
        def ask(email: str) -> str:
            return f"SELECT id, email FROM customer WHERE email = '{email}' OR id = 2"

        ask(canaries[0])
    run = run_task(dag.get_task("ask"))

    assert run.state == "success"
    assert [row[0] for row in run.xcom()] == [2]
    assert run.leaks() == []


def test_mapped_tasks_are_sealed_as_they_are_rendered(folder: Path, canaries: Any) -> None:
    task = operator(folder, f"SELECT '{canaries[0]}'")
    # This is what a mapped operator calls for each of its tasks.
    task._do_render_template_fields(task, task.template_fields, {}, task.get_template_env(), set())

    assert task.sql == "<sealed>"
