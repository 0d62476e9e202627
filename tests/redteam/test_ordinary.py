"""What happens to ordinary analytic queries, and that the documentation says so."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from maskline.redteam import Answer, ask_raw, fill

HERE = Path(__file__).parent
ENGINES = {"d": "duckdb", "s": "sqlite", "p": "postgres"}
QUERIES = tomllib.loads((HERE / "ordinary.toml").read_text(encoding="utf-8"))["queries"]
POLICY = """
masks: {EMAIL_ADDRESS: {token: {keep: domain}}}
rules: [{what: EMAIL_ADDRESS, literals: lookup}]
"""
TOKEN = re.compile("[a-z]+_[0-9a-f]{32}")
PAGE = HERE.parents[1] / "docs" / "explanation" / "red-team.md"
CASES = [
    pytest.param(query, ENGINES[letter], id=f"{query['name']}-{ENGINES[letter]}")
    for query in QUERIES
    for letter in query.get("on", "dsp")
]


def _plain(cell: object) -> object:
    # Drivers differ in how they hand out a decimal.
    try:
        return round(float(str(cell)), 6)
    except ValueError:
        return str(cell)


@pytest.fixture(scope="module")
def ordinary_world(
    new_redteam_world: Callable[..., Any], redteam_script: Callable[[str], list[str]]
) -> Iterator[Callable[[str], Any]]:
    """Hand out a database for ordinary work. It is made when first asked for."""
    made: dict[str, Any] = {}

    def world(engine: str) -> Any:
        if engine not in made:
            made[engine] = new_redteam_world(engine, redteam_script(engine), None, rest=POLICY)
        return made[engine]

    yield world
    for each in made.values():
        each.door.session.close()


def _literal(value: object) -> str:
    if value is None or isinstance(value, int | float):
        return "NULL" if value is None else str(value)
    return "'" + str(value).replace("'", "''") + "'"


@pytest.fixture(scope="module")
def ask_masked_copy(
    ordinary_world: Callable[[str], Any],
    redteam_script: Callable[[str], list[str]],
    new_postgres: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, str], Answer]:
    """Ask a copy, with a plain driver, that was filled with what maskline gives for all rows."""
    made: dict[str, str] = {}

    def ask(engine: str, sql: str) -> Answer:
        if engine not in made:
            script = redteam_script(engine)
            statements = []
            for name in ("customers", "orders"):
                rows = ordinary_world(engine).masked(f"SELECT * FROM {name}")
                # Of an array nothing is left, and PostgreSQL's comes as a text.
                kept = {place: each for place, each in enumerate(rows.names) if each != "tags"}
                lines = (f"({', '.join(_literal(row[i]) for i in kept)})" for row in rows.rows)
                statements += [each for each in script if each.startswith(f"CREATE TABLE {name} ")]
                statements += [
                    f"INSERT INTO {name} ({', '.join(kept.values())}) VALUES {', '.join(lines)}"
                ]
            folder = tmp_path_factory.mktemp(f"redteam_copy_{engine}")
            made[engine] = fill(engine, folder, statements, new_postgres)
        return ask_raw(engine, made[engine], sql)

    return ask


def _counted(answer: Answer) -> Counter[tuple[object, ...]]:
    return Counter(tuple(map(_plain, row)) for row in answer.rows)


@pytest.mark.parametrize(("query", "engine"), CASES)
def test_an_ordinary_query_is_answered_as_documented(
    query: dict[str, str],
    engine: str,
    ordinary_world: Callable[[str], Any],
    ask_masked_copy: Callable[[str, str], Answer],
) -> None:
    world = ordinary_world(engine)

    raw, masked = world.raw(query["sql"]), world.masked(query["sql"])

    assert raw.is_answered, raw.error
    assert masked.is_answered, masked.error
    if query.get("answer") == "masked":
        copied = ask_masked_copy(engine, query["sql"])
        assert copied.is_answered, copied.error
        assert _counted(copied) == _counted(masked)
        return
    is_raw = query.get("answer") == "raw"
    outputs = [] if is_raw else world.outputs(query["sql"])
    hidden = {i for i, output in enumerate(outputs) if output.mask}
    sides = [
        sorted(
            [tuple(_plain(c) for i, c in enumerate(row) if i not in hidden) for row in side.rows],
            key=repr,
        )
        for side in (raw, masked)
    ]
    assert sides[0] == sides[1]
    for position in sorted(hidden):
        raw_cells = [row[position] for row in raw.rows]
        told = [row[position] for row in masked.rows]
        if all(isinstance(cell, str) and TOKEN.match(cell) for cell in told):
            assert len(set(told)) == len(set(raw_cells))


def test_hardly_an_ordinary_query_is_of_little_use() -> None:
    useful = [query for query in QUERIES if query.get("answer") != "masked"]

    assert len(QUERIES) - len(useful) <= 2


def table() -> list[str]:
    """Return the lines of the table in the documentation."""
    words = {
        "same": "answered; all is exact but the tokens",
        "raw": "answered; all is exact",
        "masked": "answered with masks, which say little here",
    }
    rows = (f"| {q['name']} | {words[q.get('answer', 'same')]} |" for q in QUERIES)
    return ["| query | today |", "|---|---|", *rows]


def test_the_documentation_tells_what_happens_to_each_ordinary_query() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()

    assert len(QUERIES) >= 40
    assert [line for line in table() if line not in lines] == []


def test_the_documentation_tells_how_many_attacks_there_are(catalogue: list[Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    texts = len({attack.sql for attack in catalogue})

    assert f"{texts} statements, {len(catalogue)} attacks" in text
