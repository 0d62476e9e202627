"""What JupySQL 0.11 does wrong with SQL, results and errors, done right here."""

import sqlite3
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

SECRET = "alice.secret@example.com"


@pytest.fixture
def connected(shell: InteractiveShell) -> InteractiveShell:
    shell.run_line_magic("maskline", "config take_over=sql")
    shell.run_line_magic("maskline", "connect shop")
    return shell


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT 'a  b' AS v", "a  b"),
        ("SELECT '{# kept #}' AS v", "{# kept #}"),
        ("SELECT '{% kept %}' AS v", "{% kept %}"),
        ("SELECT '{\"a\":1}' AS v", '{"a":1}'),
        ("SELECT '{{name}}' AS v", "{{name}}"),
        ("SELECT ':name $name {name}' AS v", ":name $name {name}"),
        ("SELECT 1 << 2 AS v", 4),
        ("SELECT 1 -- a comment\n AS v", 1),
        ("SELECT 'x;y' AS v;", "x;y"),
    ],
)
def test_sql_arrives_to_the_letter(connected: InteractiveShell, sql: str, value: object) -> None:
    connected.user_ns["name"] = "' || (SELECT email FROM customer) || '"

    assert connected.run_cell_magic("sql", "", sql).dicts() == [{"v": value}]


def test_a_line_keeps_its_spaces_and_its_shift(connected: InteractiveShell) -> None:
    result = connected.run_line_magic("sql", "x =<< SELECT 1 << 2 AS n,  'a  b' AS t")

    assert result.dicts() == [{"n": 4, "t": "a  b"}]


def test_a_frame_of_a_result_runs_nothing_again(connected: InteractiveShell, folder: Path) -> None:
    result = connected.run_cell_magic("sql", "", "SELECT id FROM customer ORDER BY id")
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute("DELETE FROM customer")
    database.close()

    assert list(result.DataFrame()["id"]) == [1, 2]
    log = b"".join(path.read_bytes() for path in folder.glob("audit/*.jsonl"))
    assert log.count(b'"started"') == 1


def test_a_cast_that_fails_quotes_no_value(connected: InteractiveShell, folder: Path) -> None:
    import duckdb

    with duckdb.connect(str(folder / "duck.db")) as duck:
        duck.execute("CREATE TABLE customer AS SELECT 1 AS id, ? AS email", [SECRET])
    policy = (folder / "policy.yaml").read_text().replace("sqlite:///shop.db", "duckdb:///duck.db")
    (folder / "duck.yaml").write_text(policy)
    connected.run_line_magic("maskline", "connect shop --policy duck.yaml --as duck")

    with pytest.raises(Exception, match=r"^\[query") as caught:
        connected.run_cell_magic("sql", "", "SELECT email::int FROM customer")

    assert SECRET not in str(caught.value)


def test_values_are_no_markup(connected: InteractiveShell) -> None:
    html = connected.run_line_magic("sql", "SELECT '<script>alert(1)</script>' AS v")._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
