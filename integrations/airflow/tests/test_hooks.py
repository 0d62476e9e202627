from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maskline_airflow import MaskedTaskRefusedError

# Of a hook's public names, these read nothing that is not masked. Whatever a later release of
# common-sql adds must be put here or be refused.
HARMLESS = {
    "conn_name_attr", "default_conn_name", "conn_type", "hook_name", "supports_autocommit",
    "supports_executemany", "connector", "strip_semicolon", "log", "logger", "retry_limit",
    "strip_sql_string", "split_sql_string", "last_description", "get_conn_id", "placeholder",
    "insert_statement_format", "replace_statement_format", "escape_word_format",
    "escape_column_names", "set_autocommit", "get_autocommit", "get_db_log_messages",
    "get_openlineage_authority_part", "get_openlineage_database_dialect",
    "get_openlineage_default_schema", "get_connection_form_widgets", "get_ui_field_behaviour",
    "get_hook", "set_context",
    # Airflow's own access to connections, which every task has.
    "connection", "connection_extra", "connection_extra_lower", "get_connection",
    "get_connections", "aget_connection", "aget_hook", "conn_id", "resolve_connection",
}  # fmt: skip
MASKED = {
    "get_conn", "get_cursor", "run", "get_records", "get_first", "get_df", "get_pandas_df",
    "test_connection", "get_openlineage_database_info",
    "get_openlineage_database_specific_lineage",
}  # fmt: skip
REFUSED = {
    "get_uri": (), "get_sqlalchemy_engine": (), "get_table_schema": ("customer",),
    "get_reserved_words": ("postgresql",), "insert_rows": ("customer", [(1,)]),
    "bulk_dump": ("customer", "/tmp/x"), "bulk_load": ("customer", "/tmp/x"),  # noqa: S108
    "sqlalchemy_url": None, "inspector": None, "dialect": None, "dialect_name": None,
    "reserved_words": None,
    "get_df_by_chunks": ("SELECT 1",), "get_pandas_df_by_chunks": ("SELECT 1",),
}  # fmt: skip


@pytest.fixture
def hook(folder: Path) -> Any:
    from airflow.providers.common.compat.sdk import BaseHook

    del folder
    return BaseHook.get_connection("masked").get_hook()


@pytest.fixture
def quiet(run_task: Any) -> None:
    """Airflow warns of its own names."""


def test_every_public_name_of_a_hook_is_accounted_for(hook: Any) -> None:
    public = {name for name in dir(type(hook)) if not name.startswith("_")}
    own = {"around", "asking", "events", "session", "source_conn_id"}

    assert public - own - HARMLESS - MASKED - REFUSED.keys() == set()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", REFUSED)
def test_every_bypass_raises(hook: Any, name: str) -> None:
    arguments = REFUSED[name]

    with pytest.raises(MaskedTaskRefusedError, match="read-only"):  # noqa: PT012
        found = getattr(hook, name)
        list(found(*arguments, **({"chunksize": 1} if name.endswith("chunks") else {})))


@pytest.mark.parametrize("name", ["copy", "copy_expert", "executemany", "connection", "_cursor"])
def test_cursors_and_connections_pass_nothing_on(hook: Any, name: str) -> None:
    with hook.get_conn() as connection, connection.cursor() as cursor:
        assert not hasattr(connection, name)
        assert not hasattr(cursor, name)


def test_cursor_reads_masked_rows_in_every_way(hook: Any, canaries: Any) -> None:
    sql = "SELECT id, email FROM customer ORDER BY id"
    with hook.get_conn() as connection, connection.cursor() as cursor:
        everything = cursor.execute(sql).fetchall()
        one, rest, none = cursor.execute(sql).fetchone(), cursor.fetchmany(5), cursor.fetchone()
        iterated = list(cursor.execute(sql))
        names = [column[0] for column in cursor.description]

    assert [one, *rest] == iterated == everything
    assert none is None
    assert names == ["id", "email"]
    assert [row[0] for row in everything] == [1, 2]
    assert canaries[0] not in str(everything)
    assert [event.outcome for event in hook.events] == ["answered"] * 3


def test_records_and_frames_are_masked(hook: Any, canaries: Any) -> None:
    sql = "SELECT id, email FROM customer ORDER BY id"
    records = hook.get_records(sql)

    assert hook.get_first(sql) == records[0]
    assert list(map(tuple, hook.get_df(sql).to_numpy())) == records
    assert hook.get_df(sql, df_type="polars").rows() == records
    assert canaries[0] not in str(records)


def test_writing_is_refused(hook: Any) -> None:
    with pytest.raises(MaskedTaskRefusedError):
        hook.run("DELETE FROM customer")

    assert hook.get_first("SELECT count(*) FROM customer") == (2,)


def test_stock_operators_and_checks_are_masked_by_the_connection(
    folder: Path, run_task: Callable[..., Any]
) -> None:
    from airflow.providers.common.sql.operators import sql

    ask = sql.SQLExecuteQueryOperator(
        task_id="ask", conn_id="masked", sql="SELECT id, email, ssn, name FROM customer"
    )
    check = sql.SQLCheckOperator(
        task_id="check", conn_id="masked", sql="SELECT count(*) FROM customer"
    )
    value = sql.SQLValueCheckOperator(
        task_id="value", conn_id="masked", sql="SELECT max(id) FROM customer", pass_value=2
    )
    columns = sql.SQLColumnCheckOperator(
        task_id="columns", conn_id="masked", table="customer",
        column_mapping={"id": {"null_check": {"equal_to": 0}}},
    )  # fmt: skip
    runs = [run_task(task) for task in (ask, check, value, columns)]

    assert [run.state for run in runs] == ["success"] * 4, [run.error for run in runs]
    assert [run.leaks() for run in runs] == [[]] * 4
    assert len(runs[0].xcom()) == 2
    [output] = runs[0].events[-1]["outputs"]
    [link] = output["facets"]["columnLineage"]["fields"]["email"]["inputFields"]
    assert link["transformations"][0]["masking"] is True


def test_connections_of_other_kinds_are_refused(folder: Path, connect: Callable[..., None]) -> None:
    from maskline_airflow import MaskedSqlHook

    connect("mysql", conn_type="mysql", host="db")
    connect("iam", conn_type="postgres", host="db", extra={"iam": True})
    connect("empty", conn_type="maskline")
    policy = str(folder / "policy.yaml")

    for conn_id in ("mysql", "iam"):
        with pytest.raises(MaskedTaskRefusedError, match=conn_id):
            MaskedSqlHook(source_conn_id=conn_id, policy=policy).get_conn()
    with pytest.raises(MaskedTaskRefusedError, match="which connection"):
        MaskedSqlHook("empty").get_conn()
    with pytest.raises(MaskedTaskRefusedError, match="No policy"):
        MaskedSqlHook(source_conn_id="shop").get_conn()


def test_policy_of_the_configuration_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskline_airflow import MaskedSqlHook

    monkeypatch.setenv("AIRFLOW__MASKLINE__POLICY", str(folder / "policy.yaml"))

    assert MaskedSqlHook(source_conn_id="shop").get_first("SELECT 1") == (1,)


def test_passwords_and_hosts_are_escaped(connect: Callable[..., None]) -> None:
    from airflow.providers.common.compat.sdk import BaseHook

    from maskline_airflow.asking import connection_url

    connect("a", conn_type="postgres", host="db", port=1, login="u@x", password="p/@:",
            schema="d", extra={"sslmode": "require", "cursor": "dictcursor"})  # fmt: skip
    connect("b", conn_type="postgres", host="/run/pg", port=2, schema="d")
    connect("c", conn_type="duckdb", host="/data/my shop.duckdb")

    assert [connection_url(BaseHook.get_connection(name)) for name in "abc"] == [
        "postgresql://u%40x:p%2F%40%3A@db:1/d?sslmode=require",
        "postgresql:///d?host=%2Frun%2Fpg&port=2",
        "duckdb:////data/my%20shop.duckdb",
    ]
