from collections.abc import Callable
from pathlib import Path
from typing import Any


def operator(**more: Any) -> Any:
    from maskline_airflow import PIICheckOperator

    return PIICheckOperator(**{"task_id": "check", "conn_id": "shop", "table": "customer", **more})


def test_unmasked_personal_data_fails_without_retry(
    folder: Path, run_task: Callable[..., Any]
) -> None:
    run = run_task(operator(retries=2))

    assert run.state == "failed"
    assert "EMAIL_ADDRESS" in str(run.error)
    assert run.leaks() == []
    [dataset] = run.events[-1]["inputs"]
    assertions = dataset["facets"]["dataQualityAssertions"]["assertions"]
    failed = {item["column"] for item in assertions if not item["success"]}
    assert {"email", "ssn"} <= failed
    assert "tier" not in failed


def test_masked_copy_passes(folder: Path, run_task: Callable[..., Any]) -> None:
    from maskline_airflow import MaskTransferOperator

    copy = MaskTransferOperator(
        task_id="move", source_conn_id="shop", source_table="customer",
        target_conn_id="target", target_table="masked", policy=str(folder / "policy.yaml"),
    )  # fmt: skip
    assert run_task(copy).state == "success"
    run = run_task(operator(conn_id="target", table="masked"))

    assert run.state == "success", run.error
    assert run.xcom() == {}


def test_allowed_columns_and_shares_pass(folder: Path, run_task: Callable[..., Any]) -> None:
    columns = ["email", "ssn", "name", "password_hash"]
    allowed = run_task(operator(allow=columns))
    most = run_task(operator(share=1.0))

    assert (allowed.state, most.state) == ("success", "success"), allowed.error
    assert allowed.xcom()["email"] == {"EMAIL_ADDRESS": 2}


def test_missing_table_is_named(folder: Path, run_task: Callable[..., Any]) -> None:
    run = run_task(operator(table="nothing"))

    assert run.state == "failed"
    assert "main.nothing" in str(run.error)
