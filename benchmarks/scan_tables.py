"""How long `maskline scan` takes on a database of many tables, and how much memory.

    python benchmarks/scan_tables.py [--tables 1000] [--rows 2000] [--postgres URL]

It makes people up, fills a database of its own with them, and scans it in another process, twice:
the second time, nothing has changed. It prints seconds and the largest resident set.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

COLUMNS = {
    "id": "i",
    "customer_ref": "'C-' || (100000 + (i * 7919) % 899999)",
    "first_name": "list_extract(['Anna', 'Ben', 'Chloe', 'David', 'Emma', 'Felix'], 1 + i % 6)",
    "last_name": "list_extract(['Smith', 'Novak', 'Rossi', 'Silva', 'Weber'], 1 + i % 5)",
    "email": "'user' || i || '@example.com'",
    "phone": "'+1 212 555 ' || lpad((i % 10000)::VARCHAR, 4, '0')",
    "street": "(1 + i % 200) || ' Main Street'",
    "city": "list_extract(['Vienna', 'Paris', 'Boston', 'Lima'], 1 + i % 4)",
    "postcode": "lpad(((i * 31) % 99999)::VARCHAR, 5, '0')",
    "born": "DATE '1950-01-01' + (i % 20000)::INTEGER",
    "status": "list_extract(['new', 'open', 'done'], 1 + i % 3)",
    "amount": "round((i % 9973) / 7.0, 2)",
    "quantity": "i % 17",
    "is_active": "i % 3 = 0",
    "created_at": "TIMESTAMP '2024-01-01' + to_seconds(i)",
    "sku": "'SKU-' || (i % 500)",
    "note": "'called about order ' || i || ', wants it on 3 May ' || (2000 + i % 300)",
    "payload": "'{\"ip\": \"10.0.' || (i % 250) || '.7\", \"n\": ' || i || '}'",
    "website": "'https://shop' || (i % 90) || '.example/p/' || i",
    "score": "(i % 1000) / 1000.0",
}


def fill(database: duckdb.DuckDBPyConnection, schema: str, *, tables: int, rows: int) -> None:
    """Make tables of people who do not exist, other ones in each."""
    chosen = ", ".join(f'{what} AS "{name}"' for name, what in COLUMNS.items())
    for number in range(tables):
        source = f"range({number}, {number + rows}) AS r(i)"
        database.execute(
            f"CREATE TABLE {schema}.t{number:04} AS SELECT {chosen} FROM {source}"  # noqa: S608 - ours
        )


def fill_postgres(url: str, *, tables: int, rows: int) -> None:
    with duckdb.connect() as database:
        database.execute("INSTALL postgres; LOAD postgres")
        database.execute(f"ATTACH '{url}' AS there (TYPE postgres)")
        fill(database, "there.public", tables=tables, rows=rows)


def scanned(folder: Path, source: str) -> dict[str, float]:
    """Scan in another process, so that its memory is its own."""
    began = time.perf_counter()
    with (folder / "out.json").open("w") as out:
        subprocess.run(  # noqa: S603 - our own command
            [Path(sys.executable).with_name("maskline"), "scan", source, "--format", "json"],
            cwd=folder,
            stdout=out,
            check=True,
            stderr=subprocess.DEVNULL,
        )
    seconds = time.perf_counter() - began
    columns = json.loads((folder / "out.json").read_text())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"columns": len(columns), "seconds": round(seconds, 1), "peak_mb": round(peak / 1024)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--postgres", default="", help="An empty database to fill and to scan.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.postgres:
            source, again = options.postgres, "db"
            fill_postgres(source, tables=options.tables, rows=options.rows)
        else:
            source, again = "duckdb:///many.duckdb", "many"
            with duckdb.connect(str(folder / "many.duckdb")) as database:
                fill(database, "main", tables=options.tables, rows=options.rows)
        os.chdir(folder)
        print("first ", scanned(folder, source))
        print("again ", scanned(folder, source if options.postgres else again))


if __name__ == "__main__":
    main()
