"""Every record of a read tells what the policy says of each column that the query looks at."""

import re
from pathlib import Path

import duckdb
import pytest

import maskline
from maskline import audit
from maskline.errors import QueryRefusedError


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "db.duckdb")) as link:
        link.execute("CREATE TABLE t AS SELECT 1 AS id, 'ann@example.org' AS email, '1' AS ssn")
    path = tmp_path / "policy.yaml"
    path.write_text(
        "version: 1\nsources: {db: {url: 'duckdb:///db.duckdb'}}\n"
        "labels: {db: {main.t: {id: PUBLIC, email: EMAIL_ADDRESS, ssn: US_SSN}}}\n"
        "masks: {US_SSN: {partial: {last: 4}}}\n"
        "rules: [{who: {kind: human}, what: EMAIL_ADDRESS, do: reveal}]\n"
        "audit: {path: audit}\n"
    )
    return path


def reads(policy: Path) -> list[list[dict[str, object]]]:
    return [each["event"]["reads"] for each in audit.read(policy.parent / "audit")]


def test_a_value_of_two_columns_has_the_mask_of_each(policy: Path) -> None:
    with maskline.connect(policy=policy) as session:
        session.query("SELECT email || ssn AS both FROM t WHERE id = 1")

    started, answered = reads(policy)
    assert started == answered
    assert [(read["column"], read["entity"], read["rule"]) for read in answered] == [
        ("email", "EMAIL_ADDRESS", "rules[0]"),
        ("id", "PUBLIC", ""),
        ("ssn", "US_SSN", "masks.US_SSN"),
    ]
    masks = [read["mask"] for read in answered]
    assert masks == [None, None, {"name": "partial", "options": {"last": 4}}]


def test_a_refused_query_tells_them_too(policy: Path) -> None:
    denied = "rules: [{who: {kind: human}, what: US_SSN, do: deny}]"
    policy.write_text(re.sub("(?m)^rules: .*", denied, policy.read_text()))
    with maskline.connect(policy=policy) as session, pytest.raises(QueryRefusedError):
        session.query("SELECT ssn FROM t")

    [[read]] = reads(policy)
    assert (read["column"], read["rule"]) == ("ssn", "rules[0]")
