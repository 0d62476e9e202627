"""What masking costs the 22 queries of TPC-H, with names, addresses and phone numbers masked.

``python benchmarks/tpch.py [--scale 0.1] [--runs 5]``

Raw and masked run one after the other, in turn, on two copies of one DuckDB file, and fetch every
row. Masked answers differ from raw ones, so a query may have more or less to do. Planning is timed
on its own, on a warm catalogue: of a text that was not seen before, and of one that was. The data
and the queries are those of ``tests/oracle/tpch.py``.
"""

import argparse
import contextlib
import runpy
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

import maskline
from maskline.tokens import Keyring

MODULE = Path(__file__).parents[1] / "tests" / "oracle" / "tpch.py"
BATCH_ROWS = 65_536
POLICY = """\
version: 1
keys: {file: keyring.json}
sources:
  shop: {url: "duckdb:///shop.duckdb"}
audit: {path: audit}
"""


def build(folder: Path, tpch: dict[str, Any], scale: float) -> None:
    """Make the database, its copy, the keys and the policy."""
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        for statement in tpch["definitions"]():
            connection.execute(statement)
        for name, table in tpch["tables"](scale).items():
            connection.register("new", table)
            connection.execute(f"INSERT INTO {name} FROM new")
    (folder / "raw.duckdb").write_bytes((folder / "shop.duckdb").read_bytes())
    Keyring.generate().save(folder / "keyring.json")
    (folder / "policy.yaml").write_text(POLICY + tpch["labels"]("main"), encoding="utf-8")


def milliseconds(action: Callable[[], object]) -> float:
    """Return how long something takes on the wall."""
    began = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - began)


def ask(session: maskline.Session, sql: str) -> None:
    """Fetch every row through a session."""
    with session.stream(sql) as stream:
        for _ in stream:
            pass


def ask_raw(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Fetch every row with nothing in between."""
    for _ in connection.sql(sql).to_arrow_reader(BATCH_ROWS):
        pass


def main() -> None:
    """Print a line for each query, then the totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    tpch = runpy.run_path(str(MODULE))
    queries = tpch["queries"]("duckdb")
    totals: dict[str, list[float]] = {"raw": [], "masked": [], "cold": [], "warm": []}
    print(
        f"{'':4} {'how':10} {'raw ms':>9} {'masked':>9} {'ratio':>7} {'plan cold':>10} {'warm':>6}"
    )
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder = Path(place)
        build(folder, tpch, options.scale)
        raw = stack.enter_context(duckdb.connect(str(folder / "raw.duckdb"), read_only=True))
        session = stack.enter_context(maskline.connect("shop", policy=folder / "policy.yaml"))
        session.explain(queries["q01"])  # Warms the catalogue.
        for name, sql in queries.items():
            found: dict[str, list[float]] = {key: [] for key in totals}
            for number in range(options.runs + 1):
                new = sql + " " * (number + 1)
                found["cold"].append(milliseconds(lambda new=new: session.explain(new)))
                found["warm"].append(milliseconds(lambda new=new: session.explain(new)))
                found["raw"].append(milliseconds(lambda sql=sql: ask_raw(raw, sql)))
                found["masked"].append(milliseconds(lambda sql=sql: ask(session, sql)))
            # The first round reads the file and finds out about the query.
            of = {key: statistics.median(each[1:]) for key, each in found.items()}
            for key, each in of.items():
                totals[key].append(each)
            how = session.explain(sql).strategy.value
            print(
                f"{name:4} {how:10} {of['raw']:9.1f} {of['masked']:9.1f} "
                f"{of['masked'] / of['raw']:6.2f}x {of['cold']:10.2f} {of['warm']:6.2f}",
                flush=True,
            )
    print(
        f"{'all':4} {'':10} {sum(totals['raw']):9.1f} {sum(totals['masked']):9.1f} "
        f"{sum(totals['masked']) / sum(totals['raw']):6.2f}x "
        f"{statistics.median(totals['cold']):10.2f} {statistics.median(totals['warm']):6.2f}"
        "  (planning: medians)"
    )


if __name__ == "__main__":
    main()
