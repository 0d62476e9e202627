"""A query can be part of a run that somebody else has started."""

from pathlib import Path

import duckdb
import pytest

import maskline
from maskline import audit
from maskline.errors import UsageError

RUN = "0194c1f2-2f30-7c43-9c2a-5f1d3b1c9a10"


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPENLINEAGE_PARENT_ID", raising=False)
    with duckdb.connect(str(tmp_path / "db.duckdb")) as link:
        link.execute("CREATE TABLE t AS SELECT 1 AS id")
    path = tmp_path / "policy.yaml"
    path.write_text(
        "version: 1\nsources: {db: {url: 'duckdb:///db.duckdb'}}\n"
        "labels: {db: {main.t: {id: PUBLIC}}}\naudit: {path: audit}\n"
    )
    return path


def parents(policy: Path) -> list[object]:
    return [each["event"]["parent_run"] for each in audit.read(policy.parent / "audit")]


def test_every_record_names_the_run_that_a_session_is_part_of(policy: Path) -> None:
    with maskline.connect(policy=policy, parent_run=("airflow", "dag.task", RUN)) as session:
        session.query("SELECT id FROM t")

    told = {"namespace": "airflow", "job": "dag.task", "run": RUN}
    assert parents(policy) == [told, told]


def test_the_environment_names_it_where_nobody_else_does(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"dbt/models/orders/{RUN}")
    with maskline.connect(policy=policy) as session:
        session.query("SELECT id FROM t")
    with maskline.connect(policy=policy, parent_run=("airflow", "a", RUN)) as session:
        session.query("SELECT id FROM t")

    assert [each["namespace"] for each in parents(policy)] == ["dbt"] * 2 + ["airflow"] * 2
    assert parents(policy)[0]["job"] == "models/orders"


def test_without_one_there_is_none(policy: Path) -> None:
    with maskline.connect(policy=policy) as session:
        session.query("SELECT id FROM t")

    assert parents(policy) == [None, None]


@pytest.mark.parametrize(
    "parent", [("a", "b", "no uuid"), ("", "b", RUN), ("a", "", RUN)], ids=["run", "space", "job"]
)
def test_what_is_no_run_is_an_error(policy: Path, parent: tuple[str, str, str]) -> None:
    with pytest.raises(UsageError, match="parent_run"):
        maskline.connect(policy=policy, parent_run=parent)


@pytest.mark.parametrize("told", ["a/b", f"a/{RUN}", "secret-value"])
def test_a_variable_that_is_no_run_is_an_error_that_does_not_repeat_it(
    policy: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", told)

    with pytest.raises(UsageError, match="OPENLINEAGE_PARENT_ID") as caught:
        maskline.connect(policy=policy)
    assert told not in str(caught.value)
