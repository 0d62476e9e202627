"""Lines of the magics, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline import UsageError
from maskline_jupyter.grammar import Request, did_you_mean, parse_connect, parse_query


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
        ("duckdb:///x.duckdb SELECT 1", Request(sql="SELECT 1", connection="duckdb:///x.duckdb")),
        ("--as polars --show 50 SELECT 1", Request(sql="SELECT 1", form="polars", show=50)),
        ("--save recent SELECT 1", Request(sql="SELECT 1", save="recent")),
        ("--file q.sql", Request(sql="", file="q.sql")),
        ("--param a='it is' --purpose it's SELECT 1",
         Request(sql="SELECT 1", parameters=(("a", "it is"),), purpose="it's")),
        ("--param a=1 --param 'b=x y' SELECT 1",
         Request(sql="SELECT 1", parameters=(("a", "1"), ("b", "x y")))),
        ('--param="a=1" --purpose="x y" SELECT 1',
         Request(sql="SELECT 1", parameters=(("a", "1"),), purpose="x y")),
        ("--limit 5 @dev x << SELECT 1", Request(sql="SELECT 1", limit=5, connection="dev",
                                                  into="x", shows=False)),
    ],
)  # fmt: skip
def test_line_is_taken_apart(line: str, request_: Request) -> None:
    assert parse_query(line, None) == request_


@given(st.text(min_size=1).filter(str.strip))
def test_sql_of_a_cell_is_never_changed(sql: str) -> None:
    assert parse_query("@dev --limit 5", sql).sql == sql


@given(st.text(min_size=1).map(str.lstrip).filter(str.strip))
def test_sql_of_a_line_is_never_changed(sql: str) -> None:
    assert parse_query(f"@dev --limit 5 x << {sql}", None).sql == sql


@pytest.mark.parametrize(
    ("line", "source", "name", "policy"),
    [
        ("shop", "shop", "", ""),
        ("@shop --as=dev", "@shop", "dev", ""),
        ("--policy 'my policy.yaml'", "", "", "my policy.yaml"),
    ],
)
def test_connection_is_taken_apart(line: str, source: str, name: str, policy: str) -> None:
    wanted = parse_connect(line)

    assert (wanted.source, wanted.name, wanted.policy) == (source, name, policy)


@pytest.mark.parametrize("line", ["shop --ass dev", "shop --as", "shop --as 'dev"])
def test_wrong_options_of_a_connection_are_refused(line: str) -> None:
    with pytest.raises(UsageError):
        parse_connect(line)


@pytest.mark.parametrize(
    ("line", "cell", "words"),
    [
        ("--limit 1 --limit 2 SELECT 1", None, "given twice"),
        ("--into 1x SELECT 1", None, "a name that Python can use"),
        ("--as pandsa SELECT 1", None, "Did you mean pandas?"),
        ("--param floor SELECT 1", None, "--param floor=250"),
        ("--file q.sql", "SELECT 1", "SQL beside that of --file"),
        ("--show many SELECT 1", None, "--show needs a whole number"),
        ("--zzz SELECT 1", None, "There are: --as"),
        ("--purpose", "SELECT 1", "--purpose needs a value"),
    ],
)
def test_wrong_words_of_a_query_are_refused(line: str, cell: str | None, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_query(line, cell)

    assert words in str(caught.value)


def test_nothing_to_choose_from_is_said() -> None:
    assert did_you_mean("x", []) == "There are none."


def test_a_long_word_with_an_open_quote_is_read_at_once() -> None:
    assert parse_query("x" * 50_000 + "'", None).sql.endswith("x'")
