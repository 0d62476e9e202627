"""Lines of the magics, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline import UsageError
from maskline_jupyter.grammar import Request, parse_connect, parse_query


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("SELECT 1", Request(sql="SELECT 1")),
        ("@dev SELECT 1", Request(sql="SELECT 1", connection="dev")),
        ("--limit 1_000 SELECT 1", Request(sql="SELECT 1", limit=1000)),
        ("--timeout=500ms SELECT 1", Request(sql="SELECT 1", timeout=0.5)),
        ("--timeout 2m SELECT 1", Request(sql="SELECT 1", timeout=120.0)),
        ("--purpose 'a b' SELECT 1", Request(sql="SELECT 1", purpose="a b")),
        ('--purpose "a b" SELECT 1', Request(sql="SELECT 1", purpose="a b")),
        ("x << SELECT 1", Request(sql="SELECT 1", into="x", shows=False)),
        ("x =<< SELECT 1 << 2", Request(sql="SELECT 1 << 2", into="x")),
        ("--into x --quiet SELECT 1", Request(sql="SELECT 1", into="x", shows=False)),
        ("--dry-run SELECT 1 -- why", Request(sql="SELECT 1 -- why", is_dry_run=True)),
        ("-- a comment", Request(sql="-- a comment")),
    ],
)  # fmt: skip
def test_line_is_taken_apart(line: str, request_: Request) -> None:
    assert parse_query(line, None) == request_


@given(st.text(min_size=1).filter(str.strip))
def test_sql_of_a_cell_is_never_changed(sql: str) -> None:
    assert parse_query("@dev --limit 5", sql).sql == sql


@pytest.mark.parametrize(
    ("line", "source", "name", "policy"),
    [
        ("shop", "shop", "", "policy.yaml"),
        ("@shop --as dev", "shop", "dev", "policy.yaml"),
        ("--policy 'my policy.yaml'", "", "", "my policy.yaml"),
    ],
)
def test_connection_is_taken_apart(line: str, source: str, name: str, policy: str) -> None:
    wanted = parse_connect(line)

    assert (wanted.source, wanted.name, wanted.policy) == (source, name, policy)


@pytest.mark.parametrize("line", ["shop --ass dev", "shop --as"])
def test_wrong_options_of_a_connection_are_refused(line: str) -> None:
    with pytest.raises(UsageError):
        parse_connect(line)
