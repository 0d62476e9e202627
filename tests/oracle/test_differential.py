"""The differential oracle, end to end: a query on the database equals it on the masked copy.

Every query goes through the one door, with a real policy and keyring, and to the plain driver of
the masked copy. Each gives the same rows, in any order, or is refused. Where the copy raises an
error, maskline fails or refuses. `make fuzz` asks more, with seeds that the clock begins.
"""

import dataclasses
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import maskline

# Of each engine: tests, and the share of queries that must be answered. Raise it, never lower it.
TESTS = {"duckdb": 10, "sqlite": 33, "postgres": 7}
ANSWERED = {"duckdb": 0.95, "sqlite": 0.95, "postgres": 0.95}
QUERIES = 100
ROUNDS = int(os.environ.get("MASKLINE_ORACLE_ROUNDS", "1"))

CASES = [(engine, part) for engine, count in TESTS.items() for part in range(count * ROUNDS)]


def difference(ours: Counter, theirs: Counter) -> str:
    """Return the first rows that only one side has."""
    mine = [repr(row) for row in (ours - theirs)][:3]
    copy = [repr(row) for row in (theirs - ours)][:3]
    return f"only maskline: {mine}\nonly the copy: {copy}"


@pytest.fixture(scope="module")
def tally() -> dict[str, Counter[str]]:
    return {engine: Counter() for engine in TESTS}


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "part"), CASES)
def test_a_query_gives_what_it_gives_on_the_masked_copy(  # noqa: PLR0917 - pytest names them
    engine: str,
    part: int,
    shop_pairs: Callable[[str], Any],
    write_query: Callable[[str, int], str],
    first_seed: int,
    tally: dict[str, Counter[str]],
) -> None:
    pair, wrong = shop_pairs(engine)[0], []
    for seed in range(first_seed + part * QUERIES, first_seed + (part + 1) * QUERIES):
        sql = write_query(engine, seed)
        outcome, problem = compare(pair, sql)
        tally[engine][outcome] += 1
        if problem:
            wrong.append(f"seed {seed}, {engine}: {problem}\n{sql}")

    assert not wrong, "\n\n".join([f"{len(wrong)} differ", *wrong])


def compare(pair: Any, sql: str) -> tuple[str, str]:
    """Ask both; return what became of the query, and what is wrong, if anything."""
    theirs: Counter | str
    try:
        theirs = pair.copy.ask(sql)
    except pair.copy.errors as error:
        theirs = type(error).__name__
    try:
        ours = pair.answer(sql)
    except maskline.QueryRefusedError as error:
        is_unseen = "the analysis did not see" in str(error)
        reason = error.message.partition(". ")[0]
        # What the engine does not take is no refusal of ours, if it takes the query itself.
        is_mangled = "refused the statement" in reason and not isinstance(theirs, str)
        return f"refused: {reason}", f"{error}" if is_unseen or is_mangled else ""
    except maskline.MasklineError as error:
        is_right = isinstance(theirs, str)
        return "failed", "" if is_right else f"only maskline fails: {type(error).__name__} {error}"
    if isinstance(theirs, str):
        return "answered", f"only the copy fails: {theirs}"
    return "answered", "" if ours == theirs else difference(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("engine", TESTS)
def test_enough_queries_are_answered(
    engine: str,
    tally: dict[str, Counter[str]],
) -> None:
    if not tally[engine]:
        pytest.skip("the queries of this engine were not asked in this run")

    total = sum(tally[engine].values())
    assert tally[engine]["answered"] >= ANSWERED[engine] * total, tally[engine].most_common(9)


@pytest.mark.parametrize("engine", TESTS)
def test_the_oracle_notices_another_masked_copy(
    engine: str, shop_pairs: Callable[[str], Any], write_query: Callable[[str, int], str]
) -> None:
    first, second = shop_pairs(engine)
    stranger = dataclasses.replace(first, copy=second.copy)

    problems = [compare(stranger, write_query(engine, seed))[1] for seed in range(60)]

    assert sum(map(bool, problems)) >= 10


@pytest.mark.parametrize("kind", ["DATE", "DECIMAL(9, 2)", "TIMESTAMP", "BOOLEAN"])
@pytest.mark.parametrize("column", ["id", "email", "born"])
def test_a_cast_in_sqlite_means_what_sqlite_means(
    column: str, kind: str, shop_pairs: Callable[[str], Any]
) -> None:
    sql = f"SELECT typeof(CAST({column} AS {kind})), CAST({column} AS {kind}) FROM people"

    _, problem = compare(shop_pairs("sqlite")[0], sql)

    assert not problem


@pytest.mark.parametrize("engine", TESTS)
@pytest.mark.parametrize("world", [0, 1])
def test_the_masked_copy_holds_no_raw_value(
    engine: str, world: int, shop_pairs: Callable[[str], Any], oracle_shop: Any
) -> None:
    masked = shop_pairs(engine)[world].masked
    written = "\n".join(str(cell) for rows in masked.values() for row in rows for cell in row)

    raw = [value for values in oracle_shop.raw_values(world).values() for value in values]
    assert [value for value in raw if value in written] == []
    assert all(len(rows) >= 10 for rows in masked.values())
    assert "email_" in written
