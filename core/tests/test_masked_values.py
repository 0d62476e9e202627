"""What is computed with masked columns is computed with their masks, by the engine itself."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import maskline
from maskline import _lookups
from maskline.errors import MaskingError, QueryFailedError, QueryRefusedError
from maskline.model import Strategy
from maskline.sources import _postgres_local, _sqlite_functions
from maskline.tokens import Keyring

ENGINES = ("duckdb", "sqlite", "postgres")
SCRIPT = """
CREATE TABLE people (id INTEGER, name VARCHAR(9), email VARCHAR(20), plan VARCHAR(9), born DATE,
  pay INTEGER, fresh VARCHAR(40));
INSERT INTO people VALUES
  (1, 'Ann', 'ann@x.org', 'gold', '1990-01-02', 10, 'one@mail.example'),
  (2, 'Bob', 'bob@y.org', 'basic', '1991-01-02', 20, 'two@mail.example'),
  (3, 'Cy', NULL, 'gold', NULL, 30, 'three@mail.example'),
  (4, 'Di', 'ann@x.org', 'basic', '1993-01-02', NULL, 'four@mail.example');
CREATE TABLE orders (oid INTEGER, email VARCHAR(20), total INTEGER);
INSERT INTO orders VALUES (1, 'ann@x.org', 5), (2, 'bob@y.org', 7), (3, 'zed@z.org', 9);
CREATE VIEW heads AS SELECT id, substr(email, 1, 6) AS head FROM people;
CREATE VIEW both_views AS SELECT h.id, h.head, o.total FROM heads AS h LEFT JOIN orders AS o
  ON o.oid = h.id;
"""

Connect = Callable[..., maskline.Session]


@pytest.fixture(scope="module", params=ENGINES)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """Make a database; return the engine and its URL."""
    folder = tmp_path_factory.mktemp("people")
    match request.param:
        case "postgres":
            url = request.getfixturevalue("new_postgres_url")()
            request.getfixturevalue("postgres_run")(url, SCRIPT)
        case "duckdb":
            with duckdb.connect(str(folder / "people.duckdb")) as link:
                link.execute(SCRIPT)
            url = f"duckdb:///{folder}/people.duckdb"
        case _:
            link = sqlite3.connect(folder / "people.db")
            link.executescript(SCRIPT)
            link.close()
            url = f"sqlite:///{folder}/people.db"
    return request.param, url


@pytest.fixture
def connect(database: tuple[str, str], tmp_path: Path) -> Iterator[Connect]:
    engine, url = database
    schema = "public" if engine == "postgres" else "main"
    opened = []

    def open_(rules: str = "", masks: str = "", labels: str = "") -> maskline.Session:
        Keyring.generate().save(tmp_path / "keyring.json")
        (tmp_path / "policy.yaml").write_text(
            f"version: 1\nkeys: {{file: keyring.json}}\nsources: {{db: {{url: '{url}'}}}}\n"
            "labels:\n  db:\n"
            f"    {schema}.people: {{id: PUBLIC, name: PERSON, email: EMAIL_ADDRESS, plan: PUBLIC,"
            " born: DATE_OF_BIRTH, pay: PUBLIC}\n"
            f"    {schema}.orders: {{oid: PUBLIC, email: EMAIL_ADDRESS, total: PUBLIC}}\n"
            f"{labels.format(schema=schema)}{masks}{rules}"
        )
        _lookups._spent.clear()
        opened.append(maskline.connect(policy=tmp_path / "policy.yaml"))
        return opened[-1]

    yield open_
    for session in opened:
        session.close()


def rows(session: maskline.Session, sql: str) -> list[tuple[Any, ...]]:
    table = session.query(sql).table
    return sorted(zip(*(c.to_pylist() for c in table.columns), strict=True), key=repr)


def tokens(session: maskline.Session) -> dict[int, str | None]:
    return dict(rows(session, "SELECT id, email FROM people"))


def test_a_query_that_computes_with_masks_sees_tokens(connect: Connect) -> None:
    session = connect()
    email = tokens(session)

    result = session.query("SELECT id, upper(email) AS u, length(email) AS n FROM people")

    expected = Strategy.LOCAL if session.dialect == "postgres" else Strategy.AT_READ
    assert result.strategy is expected
    assert {row["id"]: row["u"] for row in result} == {
        i: token and token.upper() for i, token in email.items()
    }
    assert {row["n"] for row in result} == {None, len(str(email[1]))}
    assert [column.is_masked for column in result.columns] == [False, True, True]


def test_rows_are_sorted_by_their_tokens(connect: Connect) -> None:
    session = connect()
    email = tokens(session)

    found = list(session.query("SELECT id FROM people WHERE email IS NOT NULL ORDER BY email, id"))

    assert [row["id"] for row in found] == sorted(
        (i for i, token in email.items() if token), key=lambda i: (email[i], i)
    )


def test_a_raw_literal_finds_nothing_and_a_token_finds_its_row(connect: Connect) -> None:
    session = connect()
    token = tokens(session)[2]

    raw = session.query("SELECT id FROM people WHERE email = 'bob@y.org'")

    assert len(raw) == 0
    assert any("literals: lookup" in note for note in raw.notes)
    assert rows(session, f"SELECT id FROM people WHERE email = '{token}'") == [(2,)]


def test_a_rule_lets_a_literal_be_looked_up_and_the_record_says_so(
    connect: Connect, tmp_path: Path
) -> None:
    session = connect("rules: [{what: EMAIL_ADDRESS, literals: lookup}]\n")

    result = session.query("SELECT id FROM people WHERE email IN ('bob@y.org', 'nobody@y.org')")

    assert [row["id"] for row in result] == [2]
    assert result.strategy is Strategy.COMMUTING
    (log,) = (tmp_path / "audit").glob("*.jsonl")
    assert '"lookups":[' in log.read_text().splitlines()[-1].replace(": ", ":")
    assert "bob@y.org" not in log.read_text()


def test_a_looked_up_literal_is_masked_where_the_column_is(connect: Connect) -> None:
    session = connect("rules: [{what: EMAIL_ADDRESS, literals: lookup}]\n")
    token = str(tokens(session)[2])

    sql = "SELECT id, substr(email, 1, 9) AS s FROM people WHERE email = 'bob@y.org'"

    assert rows(session, sql) == [(2, token[:9])]
    assert rows(session, f"SELECT id FROM people WHERE email = '{token}'") == [(2,)]


def test_no_more_literals_are_looked_up_than_the_policy_allows(connect: Connect) -> None:
    session = connect(
        "rules: [{what: EMAIL_ADDRESS, literals: lookup}]\nlimits: {lookups_per_hour: 3}\n"
    )
    session.query("SELECT id FROM people WHERE email IN ('a@b.org', 'c@d.org')")

    with pytest.raises(QueryRefusedError, match=r"people\.email.*limits\.lookups_per_hour.*3"):
        session.query("SELECT id FROM people WHERE email IN ('e@f.org', 'g@h.org')")
    assert rows(session, "SELECT id FROM people WHERE email = 'bob@y.org'") == [(2,)]


def test_a_rule_denies_literals(connect: Connect) -> None:
    session = connect("rules: [{what: EMAIL_ADDRESS, literals: deny}]\n")

    with pytest.raises(QueryRefusedError, match=r"people\.email.*literal"):
        session.query("SELECT id FROM people WHERE email = 'bob@y.org'")


def test_views_are_computed_with_masks_too(connect: Connect) -> None:
    session = connect()
    email = tokens(session)

    assert rows(session, "SELECT id, head FROM heads") == [
        (i, token and token[:6]) for i, token in email.items()
    ]
    assert rows(session, "SELECT total, head FROM both_views WHERE total IS NOT NULL") == [
        (5, "email_"),
        (7, "email_"),
        (9, None),
    ]


def test_a_view_that_has_labels_of_its_own_is_masked_as_a_whole(connect: Connect) -> None:
    labels = "    {schema}.plans: {{id: PUBLIC, plan: PERSON}}\n"
    session = connect(labels=labels.replace("plans", "heads").replace("plan:", "head:"))

    with pytest.raises(QueryRefusedError, match="substr"):
        session.query("SELECT upper(head) AS h FROM heads")


def test_subqueries_ctes_and_set_operations_see_masks(connect: Connect) -> None:
    session = connect()

    sql = (
        "WITH people AS (SELECT email AS e, 1 AS n FROM orders) SELECT lower(e) AS e, "
        "(SELECT count(*) FROM orders AS o WHERE o.email LIKE people.e) AS n FROM people "
        "UNION ALL SELECT 'none', 0 ORDER BY 1"
    )

    found = rows(session, sql)

    assert [n for _, n in found] == [1, 1, 1, 0]
    assert all(str(e).startswith("email_") for e, _ in found[:3])


def test_outer_joins_keep_their_rows_when_a_filter_is_pushed_down(connect: Connect) -> None:
    session = connect()

    sql = (
        "SELECT o.oid, p.id FROM orders AS o LEFT JOIN people AS p ON upper(p.email) = "
        "upper(o.email) WHERE o.oid > 1 AND (p.plan = 'basic' OR p.plan IS NULL)"
    )

    assert rows(session, sql) == [(2, 2), (3, None)]


def test_a_filter_on_visible_columns_is_pushed_down(connect: Connect) -> None:
    session = connect()

    plan = session.explain("SELECT upper(email) AS u FROM people WHERE plan = 'gold' AND id < 9")

    (read,) = plan.masked_reads
    assert read.pushed
    assert "gold" in read.sql
    assert "upper" not in read.sql.lower()
    twice = session.explain(
        "SELECT upper(p.email) AS u FROM people AS p, people AS q WHERE p.plan = 'gold'"
    )
    assert [read.pushed for read in twice.masked_reads] == [False]


def test_a_mask_that_hides_nulls_hides_them_in_conditions(connect: Connect) -> None:
    session = connect(masks="masks: {EMAIL_ADDRESS: 'null'}\n")

    assert rows(session, "SELECT id FROM people WHERE email IS NOT NULL") == []


def test_sums_of_measures_need_enough_values(connect: Connect) -> None:
    session = connect(
        masks="masks: {PERSON: {aggregate: {min: 2}}}\n",
        labels="",
    )
    session.close()
    path = session.policy.path
    path.write_text(path.read_text().replace("pay: PUBLIC", "pay: PERSON"))
    with maskline.connect(policy=path) as session:
        totals = "SELECT plan, sum(pay) AS s, count(pay) AS n FROM people GROUP BY plan"
        assert rows(session, totals) == [("basic", None, None), ("gold", 40, 2)]
        assert rows(session, "SELECT sum(pay) AS s FROM people WHERE id = 2") == [(None,)]
        assert rows(session, "SELECT max(pay) AS m FROM people") == [(None,)]
        mixed = session.query("SELECT sum(pay) AS s, max(email) AS m FROM people")
        assert next(iter(mixed))["s"] is None
        assert any("people.pay are null here" in note for note in mixed.notes)
        # Each row of a person would count several times.
        joined = "SELECT sum(p.pay) AS s FROM people AS p, orders AS o WHERE p.id = 2"
        assert rows(session, joined) == [(None,)]
        assert rows(session, "SELECT sum(pay) OVER (ORDER BY id) AS s FROM people") == [(None,)] * 4


def test_a_new_column_of_text_is_classified_before_it_is_shown(connect: Connect) -> None:
    session = connect()
    before = session.explain("SELECT fresh FROM people").outputs[0].label.entity

    result = session.query("SELECT fresh FROM people")

    assert before == "UNKNOWN"
    assert result.columns[0].output.label.entity == "EMAIL_ADDRESS"
    assert all(str(row["fresh"]).startswith("email_") for row in result)


def test_a_new_column_is_not_revealed_for_what_was_found_in_it(connect: Connect) -> None:
    session = connect("rules: [{what: EMAIL_ADDRESS, do: reveal, until: 2099-01-31}]\n")

    result = session.query("SELECT fresh, email FROM people WHERE id = 1")

    assert list(result) == [{"fresh": "[REDACTED]", "email": "ann@x.org"}]


def test_nothing_is_left_behind(connect: Connect) -> None:
    session = connect()
    source = session._access.source

    for _ in range(3):
        rows(session, "SELECT upper(name) AS n FROM people")

    if session.dialect == "duckdb":
        left = source._connection.execute(
            "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE 'maskline%'"
        ).fetchall()
        assert left == [(0,)]
    if session.dialect == "postgres":
        left = source._pool.within(
            lambda link: link.rows("SELECT 1 AS n FROM pg_class WHERE relname LIKE 'maskline%'")
        )
        assert left == []


def test_an_error_of_a_mask_is_told_as_such(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = connect()
    masker = session._access.registry.maskers["token"]

    def fail(column: pa.Array, **_: object) -> pa.Array:
        raise ValueError(column.to_pylist())

    monkeypatch.setattr(type(masker), "mask", lambda _, column, **rest: fail(column, **rest))

    with pytest.raises(MaskingError) as caught:
        session.query("SELECT upper(name) AS n FROM people")
    assert "Ann" not in repr(caught.value) + str(caught.value.__context__)


def test_too_many_masked_rows_are_an_error_that_names_the_table(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_postgres_local, "_MAX_ROWS", 3)
    monkeypatch.setattr(_sqlite_functions, "_MAX_VALUES", 3)
    session = connect()
    sql = "SELECT upper(name) AS n FROM people"
    if session.dialect == "duckdb":
        assert len(session.query(sql)) == 4
        return

    with pytest.raises(QueryFailedError, match=r"more than 3 .*\.people"):
        session.query(sql)


def test_a_time_limit_holds_while_masked_rows_are_read(connect: Connect) -> None:
    session = connect()
    sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) "
        "SELECT count(*) AS c FROM n, people AS p WHERE upper(p.name) <> 'x' AND n.i > 0"
    )

    with pytest.raises(maskline.MasklineError, match=r"stopped"):
        session.query(sql, timeout=0.3)
