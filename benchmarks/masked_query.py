"""What masking costs: a masked query over the same query raw, in one run.

``python benchmarks/masked_query.py [--rows 1000000] [--runs 5]``

Each round runs the raw and the masked query one after the other, on the same DuckDB file, and
counts CPU seconds of the process. The median of the rounds' ratios is what holds on other
machines; the seconds are not.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb

import maskline
from maskline.tokens import Keyring

QUERIES = {
    "public columns only": "SELECT id, tier, total FROM customer",
    "aggregate of public columns": "SELECT tier, count(*), sum(total) FROM customer GROUP BY tier",
    "one redacted column": "SELECT id, ssn, tier FROM customer",
    "one tokenised column": "SELECT id, email, tier FROM customer",
    "one text column scanned": "SELECT id, note FROM customer",
    "100 rows, one token": "SELECT id, email FROM customer LIMIT 100",
}
POLICY = """\
version: 1
keys: {file: keyring.json}
sources:
  bench: {url: "duckdb:///bench.duckdb"}
labels:
  bench:
    main.customer:
      {id: PUBLIC, email: EMAIL_ADDRESS, ssn: US_SSN, tier: PUBLIC, total: PUBLIC, note: FREE_TEXT}
masks:
  US_SSN: redact
audit: {path: audit}
"""


def build(folder: Path, rows: int) -> None:
    """Make the database, the keys and the policy."""
    with duckdb.connect(str(folder / "bench.duckdb")) as connection:
        connection.execute(f"""
            CREATE TABLE customer AS SELECT
                i AS id,
                'user' || i || '@example.com' AS email,
                printf('%03d-%02d-%04d', 100 + i % 500, 10 + i % 80, 1000 + i % 9000) AS ssn,
                ['gold', 'silver', 'bronze'][1 + i % 3] AS tier,
                (i * 7919 % 100000) / 100.0 AS total,
                CASE WHEN i % 10 = 0
                    THEN 'asked us to write to user' || i || '@example.com before Monday'
                    ELSE 'the parcel came late and the box was open, please send another one'
                END AS note
            FROM range({rows}) AS t(i)
        """)  # noqa: S608 - a number
    Keyring.generate().save(folder / "keyring.json")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")


def raw_seconds(folder: Path, sql: str) -> float:
    """Fetch every row with nothing in between."""
    with duckdb.connect(str(folder / "bench.duckdb"), read_only=True) as connection:
        began = time.process_time()
        for _ in connection.sql(sql).to_arrow_reader(65_536):
            pass
        return time.process_time() - began


def masked_seconds(folder: Path, sql: str) -> float:
    """Fetch every row through a session."""
    with maskline.connect("bench", policy=folder / "policy.yaml") as session:
        session.query("SELECT count(*) FROM customer")  # Warms the catalogue, as a session would.
        began = time.process_time()
        with session.stream(sql) as stream:
            for _ in stream:
                pass
        return time.process_time() - began


def main() -> None:
    """Print a line for each query, then everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, options.rows)
        for title, sql in QUERIES.items():
            pairs = [
                (raw_seconds(folder, sql), masked_seconds(folder, sql)) for _ in range(options.runs)
            ]
            found[title] = {
                "raw_seconds": statistics.median(raw for raw, _ in pairs),
                "masked_seconds": statistics.median(masked for _, masked in pairs),
                "ratio": statistics.median(masked / raw for raw, masked in pairs),
            }
            print(f"{title:32} {found[title]['ratio']:6.2f}x", file=sys.stderr)
    print(json.dumps({"rows": options.rows, "runs": options.runs, "queries": found}, indent=2))


if __name__ == "__main__":
    main()
