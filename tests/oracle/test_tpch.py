"""The differential oracle over the 22 queries of TPC-H, on about 12,000 lines of orders.

Names, addresses and phone numbers of customers and suppliers are masked. Doubles are compared to
ten digits, for engines that add doubles may add them in another order.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

SCALE = 0.002
NAMES = [f"q{number:02}" for number in range(1, 23)]
# On the masked copy, no phone number begins with a country's code.
EMPTY = {"q22"}


@pytest.fixture(scope="module")
def tpch_pairs(oracle_makers: Any, oracle_shop: Any, oracle_tpch: Any) -> Iterator[Callable]:
    """Hand out the database of an engine and its masked copy."""
    made: dict[str, Any] = {}

    def pair(engine: str) -> Any:
        if engine not in made:
            data = oracle_tpch.tables(SCALE)
            rows = {
                name: list(zip(*(c.to_pylist() for c in table.columns), strict=True))
                for name, table in data.items()
            }
            empty = oracle_tpch.definitions()
            fill = [each for name in rows for each in oracle_shop.inserted(name, rows[name])]
            made[engine] = oracle_makers.pair(
                engine,
                filled=[*empty, *fill],
                empty=empty,
                tables=list(rows),
                labels=oracle_tpch.labels("public" if engine == "postgres" else "main"),
            )
        return made[engine]

    yield pair
    for each in made.values():
        each.close()


def rounded(rows: Counter) -> Counter:
    found: Counter = Counter()
    for row, count in rows.items():
        cells = (float(f"{cell:.9e}") if isinstance(cell, float) else cell for cell in row)
        found[tuple(cells)] += count
    return found


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["duckdb", "postgres", "sqlite"])
@pytest.mark.parametrize("name", NAMES)
def test_a_query_of_tpch_gives_what_it_gives_on_the_masked_copy(
    engine: str, name: str, tpch_pairs: Callable, oracle_tpch: Any
) -> None:
    pair, sql = tpch_pairs(engine), oracle_tpch.queries(engine)[name]

    ours, theirs = rounded(pair.answer(sql)), rounded(pair.copy.ask(sql))

    assert ours == theirs
    has_rows = any(any(cell is not None for cell in row) for row in theirs)
    assert has_rows is (name not in EMPTY)


def test_tables_of_tpch_have_keys_that_fit(oracle_tpch: Any) -> None:
    tables = oracle_tpch.tables(SCALE)

    def pairs(table: str, *columns: str) -> set:
        return set(zip(*(tables[table][column].to_pylist() for column in columns), strict=True))

    assert tables["lineitem"].num_rows >= 10_000
    assert len(pairs("partsupp", "ps_partkey", "ps_suppkey")) == tables["partsupp"].num_rows
    assert len(pairs("lineitem", "l_orderkey", "l_linenumber")) == tables["lineitem"].num_rows
    for table, columns, parent, keys in (
        ("lineitem", ("l_partkey", "l_suppkey"), "partsupp", ("ps_partkey", "ps_suppkey")),
        ("lineitem", ("l_orderkey",), "orders", ("o_orderkey",)),
        ("orders", ("o_custkey",), "customer", ("c_custkey",)),
        ("partsupp", ("ps_suppkey",), "supplier", ("s_suppkey",)),
        ("customer", ("c_nationkey",), "nation", ("n_nationkey",)),
    ):
        assert pairs(table, *columns) <= pairs(parent, *keys)
