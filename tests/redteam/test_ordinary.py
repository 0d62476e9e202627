"""What happens to ordinary analytic queries, and that the documentation says so."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ENGINES = {"d": "duckdb", "s": "sqlite", "p": "postgres"}
QUERIES = tomllib.loads((HERE / "ordinary.toml").read_text(encoding="utf-8"))["queries"]
TITLES = {"duckdb": "DuckDB", "sqlite": "SQLite", "postgres": "PostgreSQL"}
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


@pytest.mark.parametrize(("query", "engine"), CASES)
def test_an_ordinary_query_is_answered_or_refused_as_documented(
    query: dict[str, str], engine: str, redteam_worlds: Callable[[str], tuple[Any, Any]]
) -> None:
    world, _ = redteam_worlds(engine)

    raw, masked = world.raw(query["sql"]), world.masked(query["sql"])

    assert raw.is_answered, raw.error
    letter = {name: letter for letter, name in ENGINES.items()}[engine]
    if query.get("answer") == "refused" or letter in query.get("refused_on", ""):
        assert "[query-refused]" in masked.error
        return
    assert masked.is_answered, masked.error
    hidden = {i for i, output in enumerate(world.outputs(query["sql"])) if output.mask}
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
        if all(isinstance(cell, str) and TOKEN.fullmatch(cell) for cell in told):
            assert len(set(told)) == len(set(raw_cells))


def table() -> list[str]:
    """Return the lines of the table in the documentation."""
    lines = ["| query | today |", "|---|---|"]
    words = {"same": "answered, as a masked copy would", "refused": "refused"}
    for query in QUERIES:
        answer = words[query.get("answer", "same")]
        for letter in query.get("refused_on", ""):
            answer += f"; {TITLES[ENGINES[letter]]}: refused"
        lines.append(f"| {query['name']} | {answer} |")
    return lines


def test_the_documentation_tells_what_happens_to_each_ordinary_query() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()

    assert len(QUERIES) >= 40
    assert [line for line in table() if line not in lines] == []


def test_the_documentation_tells_how_many_attacks_there_are(catalogue: list[Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    texts = len({attack.sql for attack in catalogue})

    assert f"{texts} statements, {len(catalogue)} attacks" in text
