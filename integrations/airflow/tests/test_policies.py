from typing import Any

import pytest

from maskline_airflow import policies


@pytest.fixture
def protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__MASKLINE__PROTECTED_CONN_IDS", "shop*, hr_raw")


def stock(**more: Any) -> Any:
    from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

    return SQLExecuteQueryOperator(**{"task_id": "ask", "sql": "SELECT 1", **more})


@pytest.mark.usefixtures("protected")
@pytest.mark.parametrize("conn_id", ["shop", "shop_raw", "hr_raw"])
def test_stock_operator_may_not_use_a_protected_connection(conn_id: str) -> None:
    from airflow.exceptions import AirflowClusterPolicyViolation

    with pytest.raises(AirflowClusterPolicyViolation, match=conn_id):
        policies.task_policy(stock(conn_id=conn_id))


@pytest.mark.usefixtures("protected")
def test_transfers_and_mapped_tasks_may_not_either() -> None:
    from airflow.exceptions import AirflowClusterPolicyViolation
    from airflow.providers.common.sql.operators.generic_transfer import GenericTransfer
    from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
    from airflow.sdk import DAG

    move = GenericTransfer(
        task_id="move", sql="SELECT 1", destination_table="t",
        source_conn_id="hr_raw", destination_conn_id="elsewhere",
    )  # fmt: skip
    with DAG(dag_id="mapped", schedule=None) as dag:
        SQLExecuteQueryOperator.partial(task_id="ask", conn_id="shop").expand(sql=["SELECT 1"])

    for task in (move, dag.get_task("ask")):
        with pytest.raises(AirflowClusterPolicyViolation, match="protected connection"):
            policies.task_policy(task)


@pytest.mark.usefixtures("protected")
def test_masking_operators_and_other_connections_pass() -> None:
    from maskline_airflow import MaskedSQLExecuteQueryOperator

    policies.task_policy(MaskedSQLExecuteQueryOperator(task_id="a", sql="x", conn_id="shop"))
    policies.task_policy(stock(conn_id="elsewhere"))


@pytest.mark.usefixtures("protected")
def test_what_inherits_from_a_masking_operator_does_not_pass() -> None:
    from airflow.exceptions import AirflowClusterPolicyViolation

    from maskline_airflow import MaskedSQLExecuteQueryOperator

    class Raw(MaskedSQLExecuteQueryOperator):
        pass

    with pytest.raises(AirflowClusterPolicyViolation):
        policies.task_policy(Raw(task_id="a", sql="x", conn_id="shop"))


def test_nothing_is_protected_by_default() -> None:
    policies.task_policy(stock(conn_id="shop"))
