"""The guard lets pass one SELECT made of known pieces, and nothing else."""

import logging

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline.planning import guard

CANARY = "536-90-4399"

FINE = [
    ("duckdb", "SELECT 1"),
    ("duckdb", "(SELECT 1)"),
    ("duckdb", "SELECT 1;"),
    ("duckdb", "-- a comment\nSELECT /* another */ 1"),
    ("duckdb", "FROM t SELECT a"),
    ("duckdb", "SELECT * EXCLUDE (a) REPLACE (b AS c) FROM t"),
    ("duckdb", "SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1"),
    ("duckdb", "SELECT a ->> '$.x', list_sum([1, 2]), b[1] FROM t"),
    ("duckdb", "SELECT $$it$$ AS x"),
    ("postgres", "SELECT a::date, now() - interval '1 day', $$x$$ FROM t FETCH FIRST 3 ROWS ONLY"),
    ("postgres", "SELECT count(*) FILTER (WHERE a > 1) FROM t GROUP BY ROLLUP (b)"),
    ("postgres", "TABLE t"),
    ("sqlite", "SELECT strftime('%Y', a), iif(b, 1, 2), total(c) FROM t LIMIT 5, 10"),
    ("sqlite", "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT i FROM n"),
]

REFUSED = [
    ("duckdb", "", "0 statements"),
    ("duckdb", ";", "Only SELECT"),
    ("duckdb", "SELECT 1; SELECT 2", "2 statements"),
    ("duckdb", "VALUES (1)", "not VALUES"),
    ("duckdb", "(VALUES (1))", "VALUES, not a SELECT"),
    ("duckdb", "(SELECT 1) LIMIT 1", "in parentheses"),
    ("duckdb", "DELETE FROM t", "not DELETE"),
    ("duckdb", "hello", "not this statement"),
    ("duckdb", "SELECT FROM WHERE", "cannot be parsed"),
    ("duckdb", f"SELECT '{CANARY}", "split into words"),
    ("duckdb", "SELECT a\x00 FROM t", "control characters"),
    ("duckdb", "SELECT 1" + " " * 200_000, "too long"),
    ("duckdb", "SELECT " + "(" * 200 + "1" + ")" * 200, "too deeply"),
    ("duckdb", f"SELECT {'a' * 64} FROM t", "name is too long"),
    ("duckdb", "SELECT É.a, é.a FROM t É JOIN t é ON true", "beyond ASCII"),
    ("duckdb", "SELECT #1 FROM t", "by its position"),
    ("duckdb", "SELECT COLUMNS('a') FROM t", "COLUMNS"),
    ("duckdb", "SELECT a.upper() FROM t", "member of a value"),
    ("duckdb", "SELECT ? FROM t", "parameter"),
    ("duckdb", "SELECT random()", "function random"),
    ("duckdb", "SELECT list_transform(a, x -> x) FROM t", "lambda"),
    ("duckdb", "SELECT * FROM t TABLESAMPLE 10%", "TABLESAMPLE"),
    ("duckdb", "SELECT a FROM t UNION BY NAME SELECT b FROM t", "BY NAME"),
    ("duckdb", "SELECT CAST(a AS STRUCT(b INT)) FROM t", "type that is not understood"),
    ("duckdb", f'SELECT "{CANARY}"(a) FROM t', "A function is not on the list"),
    ("postgres", "SELECT a::regclass FROM t", "type that is not understood"),
    ("postgres", "SELECT a INTO b FROM t", "SELECT INTO"),
    ("postgres", "SELECT a FROM t FOR UPDATE", "locking clause"),
    ("postgres", "SELECT E'a' FROM t", "string with escapes"),
    ("postgres", "SELECT pg_sleep(1)", "function pg_sleep"),
    ("postgres", "SELECT extract(wombats FROM a) FROM t", "word of the query"),
    ("postgres", "SELECT * FROM ONLY t", "ONLY is not understood"),
    ("postgres", "SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES", "WITH TIES"),
    ("postgres", "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x", "INSERT"),
    ("sqlite", "SELECT a FROM t INDEXED BY i", "INDEXED"),
    ("sqlite", "PRAGMA database_list", "not PRAGMA"),
]


@pytest.mark.parametrize(("dialect", "sql"), FINE)
def test_an_ordinary_select_passes(dialect: str, sql: str) -> None:
    tree, refusals = guard.parse(sql, dialect)

    assert refusals == ()
    assert tree is not None


@pytest.mark.parametrize(("dialect", "sql", "reason"), REFUSED)
def test_anything_else_is_refused_with_its_name(dialect: str, sql: str, reason: str) -> None:
    _, refusals = guard.parse(sql, dialect)

    told = " ".join(refusal.reason for refusal in refusals)
    assert reason in told
    assert all(refusal.reason.endswith(".") for refusal in refusals)
    assert CANARY not in told


def test_every_reason_is_given_at_once() -> None:
    _, refusals = guard.parse("SELECT pg_sleep(1), nextval('s') FROM t FOR UPDATE", "postgres")

    assert len(refusals) == 3


def test_what_was_parsed_is_written_and_read_as_the_same_tree() -> None:
    for dialect, sql in FINE:
        tree, _ = guard.parse(sql, dialect)

        assert tree is not None
        assert sqlglot.parse_one(guard.generate(tree, dialect), dialect=dialect) == tree


def test_a_tree_that_never_settles_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_MAX_ROUNDS", 0)

    _, refusals = guard.parse("SELECT 1", "duckdb")

    assert "sure to mean the same" in refusals[0].reason


def test_sql_that_cannot_be_read_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    first = guard._statement("SELECT 1", "duckdb")
    answers = iter([first, (None, first[1])])
    monkeypatch.setattr(guard, "_statement", lambda *_: next(answers))

    _, refusals = guard.parse("SELECT 1", "duckdb")

    assert "sure to mean the same" in refusals[0].reason


def test_comments_are_dropped() -> None:
    tree, _ = guard.parse(f"SELECT 1 /* {CANARY} */ -- {CANARY}", "duckdb")

    assert tree is not None
    assert guard.generate(tree, "duckdb") == "SELECT 1"


def test_a_long_chain_of_conditions_is_not_deep() -> None:
    chain = " AND ".join(f"a <> {number}" for number in range(500))

    _, refusals = guard.parse(f"SELECT a FROM t WHERE {chain}", "duckdb")

    assert refusals == ()


def test_the_parser_says_nothing_of_the_query_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        guard.parse(f"SHOW '{CANARY}'", "postgres")
        guard.parse(f"SELECT CAST('{CANARY}' AS WOMBAT) /*+ {CANARY} */", "postgres")
        guard.parse(f"SELECT * FROM t ANALYZE '{CANARY}'", "sqlite")

    assert CANARY not in caplog.text


@settings(max_examples=150, deadline=None)
@given(st.text(), st.sampled_from(sorted(guard.DIALECTS)))
def test_no_text_makes_the_guard_raise(text: str, dialect: str) -> None:
    for sql in (text, f"SELECT {text}", f"SELECT * FROM t WHERE {text}"):
        tree, refusals = guard.parse(sql, dialect)

        assert refusals or tree is not None
