"""Where a mask does not depend on the value, the database fills it in and sends no value."""

import sqlite3
from collections.abc import Iterator

import duckdb
import pytest

import maskline
from maskline.model import Strategy
from maskline.tokens import Keyring

SCRIPT = """
CREATE TABLE person (id INTEGER NOT NULL, ssn {text}, name {text} NOT NULL, born DATE, pay BIGINT,
  rate DECIMAL(9, 2));
INSERT INTO person VALUES
  (1, '123-45-6789', 'Ann', '1990-01-02', 10, 1.5),
  (2, NULL, 'Bob', NULL, NULL, NULL),
  (3, '987-65-4321', 'Cy', '1991-03-04', 30, 2.25);
CREATE TABLE visit (id INTEGER, person INTEGER);
INSERT INTO visit VALUES (1, 1), (2, 2), (3, 9);
CREATE VIEW seen AS SELECT v.id, p.name, p.ssn FROM visit AS v
  LEFT JOIN person AS p ON p.id = v.person;
"""
POLICY = """\
version: 1
keys: {{file: keyring.json}}
sources: {{db: {{url: '{url}'}}}}
labels:
  db:
    {schema}.person: {{id: PUBLIC, ssn: US_SSN, name: PERSON, born: DATE_OF_BIRTH, pay: FINANCIAL,
      rate: AGE}}
    {schema}.visit: {{id: PUBLIC, person: PUBLIC}}
masks: {{US_SSN: redact, PERSON: redact, DATE_OF_BIRTH: 'null', FINANCIAL: redact, AGE: redact}}
audit: {{path: audit}}
"""
SSN, NAME = "[US_SSN]", "[PERSON]"


@pytest.fixture(scope="module", params=["duckdb", "postgres", "sqlite", "postgres varchar"])
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[maskline.Session]:
    folder = tmp_path_factory.mktemp("fixed")
    engine, _, type_ = request.param.partition(" ")
    script = SCRIPT.format(text=f"{type_}(12)" if type_ else "TEXT")
    if engine == "postgres":
        url = request.getfixturevalue("new_postgres_url")()
        request.getfixturevalue("postgres_run")(url, script)
    elif engine == "duckdb":
        with duckdb.connect(str(folder / "db.duckdb")) as link:
            link.execute(script)
        url = f"duckdb:///{folder}/db.duckdb"
    else:
        link = sqlite3.connect(folder / "db.sqlite")
        link.executescript(script)
        link.close()
        url = f"sqlite:///{folder}/db.sqlite"
    Keyring.generate().save(folder / "keyring.json")
    schema = "public" if engine == "postgres" else "main"
    (folder / "policy.yaml").write_text(POLICY.format(url=url, schema=schema))
    with maskline.connect(policy=folder / "policy.yaml") as opened:
        yield opened


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT ssn, name FROM person ORDER BY id", [(SSN, NAME), (None, NAME), (SSN, NAME)]),
        (
            "SELECT v.id, name, ssn FROM visit v LEFT JOIN person p ON p.id = v.person ORDER BY 1",
            [(1, NAME, SSN), (2, NAME, None), (3, None, None)],
        ),
        ("SELECT * FROM seen ORDER BY id", [(1, NAME, SSN), (2, NAME, None), (3, None, None)]),
        (
            "WITH t AS (SELECT name, id FROM person) SELECT name AS n FROM t WHERE id = 2",
            [(NAME,)],
        ),
        ("SELECT born, pay, id FROM person ORDER BY id", [(None, None, n) for n in (1, 2, 3)]),
        ("SELECT name, name FROM person WHERE id = 1", [(NAME, NAME)]),
        ("SELECT name FROM person LIMIT 2", [(NAME,), (NAME,)]),
        ("SELECT (SELECT p.name FROM person p WHERE p.id = 9) AS n, id FROM visit LIMIT 1", None),
        ("SELECT name FROM person WHERE id = 1 UNION ALL SELECT 'x'", None),
        ("SELECT DISTINCT ssn FROM person", [(SSN,), (None,)]),
        ("SELECT name, count(*) FROM person GROUP BY name", [(NAME, 3)]),
        (
            "SELECT 'maskline_fixed_1' AS a, name FROM person WHERE id = 1",
            [("maskline_fixed_1", NAME)],
        ),
    ],
)
def test_the_answer_is_that_of_a_masked_copy(session, sql, expected) -> None:
    if session.explain(sql).strategy is Strategy.REFUSED:
        assert expected is None
        return

    table = session.query(sql).table

    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    if expected is not None:
        assert sorted(rows, key=repr) == sorted(expected, key=repr)
    assert not {"Ann", "123-45-6789"} & {cell for row in rows for cell in row}


def test_types_are_those_of_the_values(session) -> None:
    columns = "ssn, name, born, pay, rate"
    fixed = session.query(f"SELECT {columns} FROM person").table.schema
    read = session.query(f"SELECT DISTINCT {columns} FROM person").table.schema

    if session.dialect == "sqlite":  # It has no types but those of values.
        assert fixed.names == read.names
    else:
        assert fixed.types == read.types


def test_the_database_is_not_asked_for_the_values(session) -> None:
    plan = session.explain("SELECT id, ssn, name, born, pay FROM person")

    is_filled_in = session.dialect != "sqlite"
    assert [output.is_fixed for output in plan.outputs] == [False, *[is_filled_in] * 4]
    for column in ("name", "born", "pay"):
        assert (f'"person"."{column}"' in plan.sql) is not is_filled_in


def test_cells_are_counted_all_the_same(session) -> None:
    result = session.query("SELECT id, ssn, name, born FROM person")

    born = 2 if session.dialect == "sqlite" else 3  # Whether it was null before, nobody looked.
    assert [column.cells for column in result.columns] == [0, 2, 3, born]
