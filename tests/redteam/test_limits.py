"""What is long, deep or strange is planned or refused soon, and in little memory."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from maskline.redteam import Worlds

# Without limits these take minutes or for ever; a machine may be busy with something else.
SECONDS = 15.0
BUSY_SECONDS = 2.5
GROWTH_KIB = 600_000

DEEP = {
    "parentheses": "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    "subqueries": "SELECT * FROM " + "(SELECT * FROM " * 400 + "customers" + ")" * 400,
    "named-subqueries": "SELECT * FROM "
    + "(SELECT * FROM " * 100
    + "customers"
    + "".join(f") AS t{i}" for i in range(100)),
    "scalars": "SELECT " + "(SELECT " * 500 + "1" + ")" * 500,
    "not": "SELECT id FROM customers WHERE " + "NOT " * 5000 + "true",
    "minus": "SELECT " + "- " * 5000 + "1",
    "case": "SELECT " + "CASE WHEN true THEN " * 400 + "1" + " END" * 400,
    "functions": "SELECT " + "abs(" * 2000 + "1" + ")" * 2000,
    "casts": "SELECT " + "CAST(" * 800 + "1" + " AS TEXT)" * 800,
    "double-colons": "SELECT 1" + "::TEXT" * 5000,
    "arrays": "SELECT " + "[" * 2000 + "1" + "]" * 2000,
    "dots": "SELECT " + "a." * 3000 + "a FROM customers",
    "arrows": "SELECT profile" + " -> 'a'" * 3000 + " FROM customers",
    "and": "SELECT id FROM customers WHERE " + " AND ".join(["id > 0"] * 8000),
    "or-ssn": "SELECT id FROM customers WHERE " + " OR ".join(["ssn = 'x'"] * 5000),
    "plus": "SELECT " + "+".join(["1"] * 8000),
    "concat": "SELECT " + "||".join(["ssn"] * 5000) + " FROM customers",
    "unions": " UNION ALL ".join(["SELECT ssn FROM customers"] * 3000),
    "stars": "SELECT " + ", ".join(["*"] * 3000) + " FROM customers",
    "columns": "SELECT " + ", ".join(["ssn"] * 8000) + " FROM customers",
    "in-list": "SELECT id FROM customers WHERE id IN (" + ",".join(["1"] * 20000) + ")",
    "values": "SELECT * FROM (VALUES " + ",".join(["(1)"] * 20000) + ") AS t",
    "long-literal": "SELECT '" + "x" * 5_000_000 + "'",
    "long-name": 'SELECT "' + "x" * 100_000 + '" FROM customers',
    "comment": "SELECT ssn /*" + "*" * 150_000 + "*/ FROM customers",
    "open-comments": "SELECT ssn " + "/*" * 50_000 + " FROM customers",
    "open-quotes": "SELECT '" * 50_000,
    "semicolons": ";" * 100_000 + "SELECT 1",
    "nothing": "",
    "spaces": " " * 190_000,
    "null-byte": "SELECT ssn\0 FROM customers",
    "surrogate": "SELECT ssn AS \ud800 FROM customers",
    "right-to-left": "SELECT \u202essn FROM customers",
    "zero-width": "SELECT s\u200bsn FROM customers",
    "full-width": "SELECT \uff53\uff53\uff4e FROM customers",
    "kelvin": 'SELECT 1 AS "\u212a", 2 AS "k" FROM customers WHERE "K" = 1',
    "dotless-i": "SELECT \u0131d FROM customers",
}  # fmt: skip

# Each is planned in a process that can be ended.
ENDLESS = {
    "ctes": "WITH a0 AS (SELECT ssn AS x FROM customers)"
    + "".join(f", a{i} AS (SELECT x FROM a{i - 1} UNION ALL SELECT x FROM a{i - 1})"
              for i in range(1, 60))
    + " SELECT x FROM a59 WHERE x LIKE '5%'",
    "structs": "SELECT " + "struct(" * 200 + "1" + ")" * 200,
    "cte-stars": "WITH a0 AS (SELECT * FROM customers)"
    + "".join(f", a{i} AS (SELECT p.*, q.* FROM a{i - 1} p, a{i - 1} q)" for i in range(1, 16))
    + " SELECT * FROM a15",
    "aliases": "SELECT 1 AS a0"
    + "".join(f", a{i - 1} + a{i - 1} AS a{i}" for i in range(1, 25))
    + " FROM customers",
    "brackets": "SELECT a" + "[1]" * 3000 + " FROM customers",
}  # fmt: skip
PLANNER = """
import resource, sys
from maskline.model import *
from maskline.planning import plan_query
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
columns = tuple(Column(name=name, type="TEXT", kind=Kind.TEXT) for name in ("id", "ssn", "a"))
plan = plan_query(
    sys.stdin.read(),
    catalogue=Catalogue(dialect=sys.argv[1], default_schema="main", version="1",
        relations=(Relation(schema="main", name="customers", columns=columns),)),
    label_of=lambda ref: Label(entity=PUBLIC),
    decide=lambda label: Decision(mask=None, rule=""),
    traits_of=lambda mask, label, kind: Traits(injective=True, keeps_nulls=True),
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgres"])
@pytest.mark.parametrize("name", ENDLESS)
def test_what_grows_without_bound_is_planned_soon(engine: str, name: str) -> None:
    subprocess.run(
        [sys.executable, "-c", PLANNER, engine],
        input=ENDLESS[name],
        text=True,
        check=True,
        timeout=SECONDS + 1,
    )


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgres"])
@pytest.mark.parametrize("name", DEEP)
def test_what_is_long_deep_or_strange_costs_little_and_shows_nothing(
    engine: str, name: str, redteam_worlds: Callable[[str], Worlds]
) -> None:
    world = redteam_worlds(engine).ours
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()

    # Some of these are sound, and may keep the database busy.
    answer = world.door.ask(DEEP[name], timeout=BUSY_SECONDS)

    took = time.monotonic() - began
    assert took < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB
    assert not world.oracle.found(answer.error + str(answer.rows[:50]))


def test_a_token_finds_its_own_row_and_one_that_is_made_up_finds_none(
    redteam_worlds: Callable[[str], Worlds],
) -> None:
    for engine in ("duckdb", "sqlite", "postgres"):
        world = redteam_worlds(engine).ours
        token = world.masked("SELECT ssn FROM customers WHERE id = 4").rows[0][0]

        answers = [
            world.masked(f"SELECT id FROM customers WHERE ssn = '{token}'"),
            world.masked(f"SELECT id FROM customers WHERE ssn = 'ssn_{'0' * 32}'"),
            world.masked(
                f"SELECT id FROM customers JOIN (SELECT '{token}' AS ssn) AS t USING (ssn)"
            ),
        ]

        assert [answer.rows for answer in answers[::2]] == [[(4,)], [(4,)]]
        assert answers[1].rows == []
