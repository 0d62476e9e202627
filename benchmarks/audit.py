"""What the audit log costs: appending an event, signed and not, and verifying.

``python benchmarks/audit.py [--events 2000] [--runs 5] [--folder DIR]``

Contenders take turns. Appending is time on the wall, most of it the disk's: "write and sync" writes
lines of the same size to one file and syncs each, which no durable log can do without. Verifying is
CPU time. Figures are medians of the rounds; give the folder a disk that is like the one of the log.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from rounds import cpu_seconds, in_turn, medians, ratio

from maskline.audit import AuditLog, Notary, SigningKey, prove, verify
from maskline.model import (
    AccessEvent,
    ColumnRef,
    Flow,
    Label,
    Mask,
    Outcome,
    OutputColumn,
    Principal,
    ReadColumn,
)

COLUMNS: Final = 8
EVERY: Final = {"signed every 100": 100, "signed every 1,000": 1_000}


def event() -> AccessEvent:
    """Return the record of a query over some columns, of about 3 kB."""
    refs = [ColumnRef("main", "customer", f"column_{number}") for number in range(COLUMNS)]
    return AccessEvent(
        query_id="0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        time="2026-03-01T12:00:00.000001Z",
        outcome=Outcome.ANSWERED,
        principal=Principal(kind="human", id="ada", roles=("support",)),
        purpose="chargeback",
        source="shop",
        namespace="duckdb:///shop.duckdb",
        dialect="duckdb",
        sql=f"SELECT {', '.join(ref.column for ref in refs)} FROM customer WHERE tier = ?",  # noqa: S608 - of constants
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
        reads=tuple(ReadColumn(ref=ref, type="VARCHAR") for ref in refs),
        outputs=tuple(
            OutputColumn(
                name=ref.column,
                sources=((ref, (Flow.IDENTITY,)),),
                label=Label(entity="EMAIL_ADDRESS", confidence=0.9, evidence="name"),
                mask=Mask(name="token"),
                rule="masks.EMAIL_ADDRESS",
            )
            for ref in refs
        ),
        output_types=("string",) * COLUMNS,
        key_versions=(1,),
    )


def wall_seconds(action: Callable[[], object]) -> float:
    """Return the time that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def append(folder: Path, numbers: "count[int]", key: SigningKey, every: int, events: int) -> float:
    """Return the seconds that appending events to a new log takes, its closing included."""
    place = folder / str(next(numbers))
    anchor = folder / "anchor"
    anchor.touch()
    notary = Notary(key=key, every=every, anchors=(anchor,)) if every else None
    written = event()

    def use() -> None:
        with AuditLog.open(place, notary=notary) as log:
            for _ in range(events):
                log.append(written)

    return wall_seconds(use)


def sync(folder: Path, numbers: "count[int]", size: int, events: int) -> float:
    """Return the seconds that writing as many lines takes, each of them synced."""
    line = b"x" * size

    def use() -> None:
        file = os.open(folder / str(next(numbers)), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for _ in range(events):
            os.write(file, line)
            os.fsync(file)
        os.close(file)

    return wall_seconds(use)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the logs are written")
    given = parser.parse_args()
    key, numbers = SigningKey.generate("benchmark"), count()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        with AuditLog.open(folder / "log", notary=Notary(key=key, every=10**9)) as log:
            for _ in range(given.events):
                log.append(event())
        size = sum(path.stat().st_size for path in log.path.glob("*.jsonl")) // given.events
        place = partial(append, folder, numbers, key)
        found = in_turn(
            {
                "write and sync": partial(sync, folder, numbers, size, given.events),
                "not signed": partial(place, 0, given.events),
                **{title: partial(place, every, given.events) for title, every in EVERY.items()},
            },
            runs=given.runs,
        )
        print(f"append, ms an event of {size:,} bytes")
        for title, seconds in medians(found).items():
            share = ratio(found, title, "write and sync")
            print(f"  {title:20} {1e3 * seconds / given.events:8.3f}  {share:5.2f}x")
        public = key.public
        checks: dict[str, Callable[[], object]] = {
            "verify": lambda: verify(log.path, public_keys=public),
            "prove one": lambda: list(prove(log.path, given.events // 2, given.events // 2)),
        }
        spent = medians(
            in_turn(
                {title: partial(cpu_seconds, check) for title, check in checks.items()},
                runs=given.runs,
            )
        )
    print("read, records per second of CPU time")
    for title, seconds in spent.items():
        print(f"  {title:20} {given.events / seconds:8,.0f}")


if __name__ == "__main__":
    main()
