import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def operator(folder: Path, **more: Any) -> Any:
    from maskline_airflow import MaskTransferOperator

    given = {
        "task_id": "move", "source_conn_id": "shop", "source_table": "customer",
        "target_conn_id": "target", "target_table": "masked",
        "policy": str(folder / "policy.yaml"),
    }  # fmt: skip
    return MaskTransferOperator(**{**given, **more})


def rows(folder: Path, sql: str = "SELECT * FROM masked ORDER BY id") -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "target.db")) as connection:
        return connection.execute(sql).fetchall()


def execute(folder: Path, file: str, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / file)) as connection, connection:
        connection.executescript(sql)


def test_target_gets_masked_rows_and_xcom_only_counts(
    folder: Path, run_task: Callable[..., Any], canaries: Any
) -> None:
    run = run_task(operator(folder))

    assert run.state == "success", run.error
    [first, second] = rows(folder)
    assert (first[0], first[4], second[0], second[4]) == (1, "gold", 2, "silver")
    assert second[5] is None
    assert not any(word in str(rows(folder)) for word in canaries)
    told = run.xcom()
    assert told.keys() == {"rows", "masked", "policy_hash"}
    assert told["rows"] == 2
    assert set(told["masked"]) == {"email", "ssn", "name", "password_hash"}
    assert run.leaks() == []


def test_overwrite_repeated_leaves_the_same(folder: Path, run_task: Callable[..., Any]) -> None:
    run_task(operator(folder))
    before = rows(folder)
    run_task(operator(folder))

    assert rows(folder) == before


def test_append_adds(folder: Path, run_task: Callable[..., Any]) -> None:
    run_task(operator(folder, mode="append"))
    run_task(operator(folder, mode="append"))

    assert [row[0] for row in rows(folder)] == [1, 1, 2, 2]


def test_only_one_partition_is_replaced(folder: Path, run_task: Callable[..., Any]) -> None:
    run_task(operator(folder))
    execute(folder, "shop.db", "UPDATE customer SET id = id + 10")
    sql = "SELECT * FROM customer WHERE tier = 'gold'"
    one = {
        "source_table": "",
        "sql": sql,
        "mode": "replace_partition",
        "partition": {"tier": "gold"},
    }
    first = run_task(operator(folder, **one))
    second = run_task(operator(folder, **one))

    assert (first.state, second.state) == ("success", "success"), first.error
    assert [(row[0], row[4]) for row in rows(folder)] == [(2, "silver"), (11, "gold")]


@pytest.mark.parametrize("column", ["tier", "email", "nothing"])
def test_rows_of_other_partitions_and_masked_partitions_are_refused(
    folder: Path, run_task: Callable[..., Any], canaries: Any, column: str
) -> None:
    run_task(operator(folder))
    before = rows(folder)
    value = "gold" if column == "tier" else canaries[0]
    run = run_task(operator(folder, mode="replace_partition", partition={column: value}, retries=2))

    assert run.state == "failed"
    assert "partition" in str(run.error)
    assert rows(folder) == before
    assert run.leaks() == []


def test_unclassified_column_fails_before_the_target_is_touched(
    folder: Path, run_task: Callable[..., Any]
) -> None:
    execute(folder, "shop.db", "ALTER TABLE customer ADD COLUMN mystery TEXT")
    run = run_task(operator(folder, retries=3))

    assert run.state == "failed"
    assert "mystery" in str(run.error)
    assert not (folder / "target.db").exists() or not rows(folder, "SELECT * FROM sqlite_master")


def test_failed_write_changes_nothing_and_shows_nothing(
    folder: Path, run_task: Callable[..., Any]
) -> None:
    execute(
        folder, "target.db",
        "CREATE TABLE masked (id INTEGER, email TEXT, ssn TEXT, name TEXT, tier TEXT"
        " CHECK (tier <> 'silver'), password_hash TEXT);"
        "INSERT INTO masked (id) VALUES (7)",
    )  # fmt: skip
    run = run_task(operator(folder, retries=1))

    assert run.state == "up_for_retry"
    assert "IntegrityError" in str(run.error)
    assert [row[0] for row in rows(folder)] == [7]
    assert run.leaks() == []
    assert run.events[-1]["eventType"] == "FAIL"


def test_parquet_file_takes_its_place_at_once(
    folder: Path, run_task: Callable[..., Any], canaries: Any
) -> None:
    import pyarrow.parquet

    path = folder / "out" / "customer.parquet"
    file = {"target_conn_id": "", "target_table": "", "target_path": str(path)}
    run = run_task(operator(folder, **file))
    again = run_task(operator(folder, **file))

    assert (run.state, again.state) == ("success", "success"), run.error
    table = pyarrow.parquet.read_table(path)
    assert table.column("tier").to_pylist() == ["gold", "silver"]
    assert not any(word in str(table.to_pylist()) for word in canaries)
    assert [item.name for item in path.parent.iterdir()] == ["customer.parquet"]
    refused = run_task(operator(folder, mode="append", **file))
    assert refused.state == "failed"


def test_parquet_partition_has_a_folder(folder: Path, run_task: Callable[..., Any]) -> None:
    run = run_task(
        operator(
            folder, target_conn_id="", target_table="", target_path=str(folder / "lake"),
            source_table="", sql="SELECT * FROM customer WHERE tier = 'gold'",
            mode="replace_partition", partition={"tier": "gold"},
        )
    )  # fmt: skip

    assert run.state == "success", run.error
    assert [str(path.relative_to(folder)) for path in folder.glob("lake/*/*")] == [
        "lake/tier=gold/data.parquet"
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sql": "SELECT 1"},
        {"source_table": ""},
        {"target_path": "x.parquet"},
        {"mode": "merge"},
        {"mode": "replace_partition"},
        {"partition": {"tier": "gold"}},
    ],
)
def test_contradicting_arguments_are_refused(
    folder: Path, run_task: Callable[..., Any], wrong: dict[str, Any]
) -> None:
    run = run_task(operator(folder, **wrong))

    assert run.state == "failed"
    assert type(run.error).__name__ == "MaskedTaskRefusedError"


def test_lineage_names_source_and_target(folder: Path, run_task: Callable[..., Any]) -> None:
    run = run_task(operator(folder))

    assert [event["eventType"] for event in run.events] == ["START", "COMPLETE"]
    [source], [target] = run.events[-1]["inputs"], run.events[-1]["outputs"]
    assert source["name"] == "main.customer"
    assert (target["namespace"], target["name"]) == (f"sqlite://{folder}/target.db", "main.masked")
    lineage = target["facets"]["columnLineage"]["fields"]
    masked = {
        name: all(
            step["masking"] for link in field["inputFields"] for step in link["transformations"]
        )
        for name, field in lineage.items()
    }
    assert masked == {
        "id": False, "tier": False, "email": True, "ssn": True, "name": True, "password_hash": True,
    }  # fmt: skip
    assert target["outputFacets"]["outputStatistics"]["rowCount"] == 2
