"""Transfers from a real PostgreSQL to another database of it."""

import concurrent.futures
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

TABLE = (
    "CREATE TABLE customer (id bigint PRIMARY KEY, email varchar(30), balance numeric(12,2),"
    " born date, seen timestamptz, made timestamp, score double precision, ok boolean,"
    " part smallint, raw bytea, tag uuid)"
)
LABELS = (
    "{id: PUBLIC, email: EMAIL_ADDRESS, balance: PUBLIC, born: PUBLIC, seen: PUBLIC, made: PUBLIC,"
    " score: PUBLIC, ok: PUBLIC, part: PUBLIC, raw: PUBLIC, tag: PUBLIC}"
)
PLAIN = "id, balance, born, seen, made, score, ok, part, raw, tag"


def fields(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    found = {"host": host, "login": parts.username, "password": parts.password or ""}
    return {
        "conn_type": "postgres", "schema": parts.path[1:], **found,
        **({"port": parts.port} if parts.port else {}),
    }  # fmt: skip


@pytest.fixture
def databases(
    folder: Path, connect: Callable[..., None], new_postgres_url: Callable[[], str], canaries: Any
) -> tuple[str, str]:
    """A source with canaries and awkward values, and an empty target."""
    source, target = new_postgres_url(), new_postgres_url()
    with psycopg.connect(source) as connection:
        connection.execute(TABLE)
        connection.execute(
            "INSERT INTO customer VALUES (1, %s, 12.50, '2000-02-29', '2026-01-01 10:00+02',"
            " '2026-01-01 10:00:00.123456', 0.1, true, 1, '\\x00ff0a22', gen_random_uuid()),"
            " (2, '', -1, NULL, NULL, NULL, 'NaN', false, 2, '', NULL),"
            " (3, NULL, NULL, '1969-12-31', NULL, NULL, NULL, NULL, 2, NULL, NULL)",
            (canaries[0],),
        )  # fmt: skip
    connect("pg", **fields(source))
    connect("pg_target", **fields(target))
    policy = folder / "policy.yaml"
    text = policy.read_text().replace(
        "main.customer: {id", "public.customer: " + LABELS + "\n    main.customer: {id"
    )
    policy.write_text(text.replace("sqlite:///shop.db", "postgresql://nowhere/none"))
    return source, target


def operator(folder: Path, **more: Any) -> Any:
    from maskline_airflow import MaskTransferOperator

    given = {
        "task_id": "move", "source_conn_id": "pg", "source_table": "customer",
        "target_conn_id": "pg_target", "target_table": "masked",
        "policy": str(folder / "policy.yaml"),
    }  # fmt: skip
    return MaskTransferOperator(**{**given, **more})


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchall()


TYPES = (
    "SELECT column_name, data_type, numeric_precision, numeric_scale FROM"
    " information_schema.columns WHERE table_name = '{}' AND column_name <> 'email' ORDER BY 1"
)


def test_types_and_plain_values_are_those_of_the_source(
    folder: Path, databases: tuple[str, str], run_task: Callable[..., Any], canaries: Any
) -> None:
    source, target = databases
    run = run_task(operator(folder))

    assert run.state == "success", run.error
    assert rows(target, TYPES.format("masked")) == rows(source, TYPES.format("customer"))
    plain = "SELECT {} FROM {} WHERE id {} 2 ORDER BY id"
    for sign in ("<>", "="):
        assert str(rows(target, plain.format(PLAIN, "masked", sign))) == str(
            rows(source, plain.format(PLAIN, "customer", sign))
        )
    [first, empty, missing] = rows(target, "SELECT email FROM masked ORDER BY id")
    assert first[0].startswith("email_")
    assert empty[0] is not None
    assert missing[0] is None
    assert run.leaks() == []
    [output] = run.events[-1]["outputs"]
    assert output["name"].endswith(".public.masked")
    assert output["namespace"].startswith("postgres://")


def test_errors_of_the_target_tell_where_and_not_what(
    folder: Path, databases: tuple[str, str], run_task: Callable[..., Any]
) -> None:
    _, target = databases
    with psycopg.connect(target) as connection:
        connection.execute(TABLE.replace("customer", "masked").replace("varchar(30)", "text"))
        connection.execute("ALTER TABLE masked ALTER born SET NOT NULL")
    run = run_task(operator(folder, retries=1))

    assert run.state == "up_for_retry"
    assert "SQLSTATE 23502" in str(run.error)
    assert "column born" in str(run.error)
    assert rows(target, "SELECT count(*) FROM masked") == [(0,)]
    assert run.leaks() == []


def _part(folder: str, part: int) -> dict[str, Any]:
    """Run in a process of its own, as a mapped task."""
    task = operator(
        Path(folder), source_table="", sql=f"SELECT * FROM customer WHERE part = {part}",
        mode="replace_partition", partition={"part": part},
    )  # fmt: skip
    task.render_template_fields({})
    told: dict[str, Any] = task.execute({})
    return told


def test_four_tasks_make_the_target_at_once(
    folder: Path, databases: tuple[str, str], run_task: Callable[..., Any]
) -> None:
    del run_task
    source, target = databases
    with psycopg.connect(source) as connection:
        connection.execute(
            "INSERT INTO customer (id, part) SELECT n, 3 + n % 2 FROM generate_series(4, 103) AS n"
        )
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(4, mp_context=context) as pool:
        for _ in range(2):
            told = list(pool.map(_part, [str(folder)] * 4, range(1, 5)))
            assert [part["rows"] for part in told] == [1, 2, 50, 50]
    counts = rows(target, "SELECT part, count(*) FROM masked GROUP BY 1 ORDER BY 1")

    assert counts == [(1, 1), (2, 2), (3, 50), (4, 50)]


def _die(folder: str) -> None:
    """Be killed after the first batch was written, with the old rows deleted."""
    from maskline_airflow import targets

    write = targets._PostgresTarget.write

    def write_and_die(self: Any, batch: Any) -> None:
        write(self, batch)
        os._exit(9)

    targets._PostgresTarget.write = write_and_die  # type: ignore[method-assign]
    task = operator(Path(folder))
    task.render_template_fields({})
    task.execute({})


def test_kill_in_the_middle_changes_nothing(
    folder: Path, databases: tuple[str, str], run_task: Callable[..., Any]
) -> None:
    _, target = databases
    assert run_task(operator(folder)).state == "success"
    before = rows(target, "SELECT * FROM masked ORDER BY id")
    process = multiprocessing.get_context("fork").Process(target=_die, args=(str(folder),))
    process.start()
    process.join(60)

    assert process.exitcode == 9
    assert str(rows(target, "SELECT * FROM masked ORDER BY id")) == str(before)
