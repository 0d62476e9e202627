"""The two-world oracle, end to end: no generated query tells twin worlds apart.

World 1 is world 0 with every sensitive value replaced, equal values by equal ones; keys are the
same. Tokens differ between the worlds, so what is computed from tokens differs by right: their
order, their parts, what LIKE finds in them. Answers are therefore compared in two ways, both exact:

- Where a query commutes, its masked cells are whole masks, and so the answers must be equal after
  each mask of world 0 is exchanged for its partner in world 1. Partners are read off the two
  masked copies, cell by cell.
- Every other answer must be the one of its own world's masked copy. The copies are all that the
  worlds may differ in, and they hold no raw value.

Plans, refusals and notes depend on no value, so they must be equal to the letter. So must errors,
where both worlds fail; that just one does is right only if its copy alone does.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import maskline

FIRST, QUERIES = 1_000_000, 25
ROUNDS = int(os.environ.get("MASKLINE_ORACLE_ROUNDS", "1"))
TESTS = [
    (engine, part) for engine in ("duckdb", "sqlite", "postgres") for part in range(4 * ROUNDS)
]


def partners(ours: Mapping[str, list], theirs: Mapping[str, list]) -> dict[str, str]:
    """Return, for each masked text or number of world 0, the one of world 1 in the same cell."""
    found: dict[Any, Any] = {}
    for table, rows in ours.items():
        for left, right in zip(rows, theirs[table], strict=True):
            for mine, other in zip(left, right, strict=True):
                if mine != other:
                    assert found.setdefault(mine, other) == other
    return found


def told(session: maskline.Session, sql: str) -> tuple[object, ...]:
    """Return all that a plan tells; the names that maskline makes are new each time."""
    plan = session.explain(sql)
    return (
        plan.strategy,
        plan.outputs,
        plan.reads,
        plan.influences,
        plan.refusals,
        plan.notes,
        plan.sql if plan.strategy is maskline.model.Strategy.COMMUTING else "",
    )


def ask(ask_one: Callable[[str], Counter], sql: str, errors: type[Exception]) -> Counter | str:
    try:
        return ask_one(sql)
    except errors as error:
        return str(error) if isinstance(error, maskline.MasklineError) else ""


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "part"), TESTS)
def test_no_query_tells_the_worlds_apart(
    engine: str,
    part: int,
    shop_pairs: Callable[[str], Any],
    write_query: Callable[[str, int], str],
    first_seed: int,
) -> None:
    both, wrong = shop_pairs(engine), []
    swap = partners(both[0].masked, both[1].masked)
    for seed in range(QUERIES):
        sql = write_query(engine, first_seed + FIRST + part * QUERIES + seed)
        problem = compare(both, sql, swap)
        if problem:
            wrong.append(f"seed {seed} of part {part}, {engine}: {problem}\n{sql}")

    assert not wrong, "\n\n".join([f"{len(wrong)} differ", *wrong])


def compare(both: tuple[Any, Any], sql: str, swap: Mapping[Any, Any]) -> str:
    """Return what tells the worlds apart, if anything."""
    plans = [told(pair.session, sql) for pair in both]
    if plans[0] != plans[1]:
        return "the plans differ"
    answers = [ask(pair.answer, sql, maskline.MasklineError) for pair in both]
    if all(isinstance(answer, str) for answer in answers):
        return "" if answers[0] == answers[1] else f"the errors differ: {answers}"
    if plans[0][0] is maskline.model.Strategy.COMMUTING:
        if isinstance(answers[0], str) or isinstance(answers[1], str):
            return f"only one world answers: {answers}"
        moved = Counter(
            tuple(swap.get(cell, cell) for cell in row) for row in answers[0].elements()
        )
        return "" if moved == answers[1] else f"answers differ: {moved - answers[1]}"
    copies = [ask(pair.copy.ask, sql, pair.copy.errors) for pair in both]
    for world, (answer, copy) in enumerate(zip(answers, copies, strict=True)):
        if answer != copy and not (isinstance(answer, str) and copy == ""):
            return f"world {world} is not its copy"
    return ""


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgres"])
def test_the_worlds_differ_in_sensitive_values_only(
    engine: str, shop_pairs: Callable[[str], Any], oracle_shop: Any
) -> None:
    ours, theirs = (pair.masked for pair in shop_pairs(engine))

    assert partners(ours, theirs)
    for table, columns in oracle_shop.TABLES.items():
        for place, column in enumerate(columns):
            if not column.entity:
                assert [row[place] for row in ours[table]] == [row[place] for row in theirs[table]]
