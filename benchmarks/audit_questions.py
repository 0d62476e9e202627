"""How fast an audit log of millions of events is asked, as a table.

Run it by itself: ``python benchmarks/audit_questions.py [--events 10_000_000] [--folder DIR]``. It
writes a log of made-up events, two for each query, in segments of the usual size; 10 million take
about 16 GB. Reading the segments for the first time is reported apart: it happens once for each.
"""

import argparse
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from maskline.audit.questions import Questions, Span

_EVENTS: Final = 10_000_000
_SEGMENT: Final = 64 * 1024 * 1024
_PEOPLE: Final = 500
_PURPOSES: Final = (b"churn review", b"chargeback", b"support case", b"monthly report", b"")
_TABLES: Final = ("customer", "lead", "supplier", "employee", "patient", "visitor", "partner")
_COLUMNS: Final = ("id", "email", "ssn", "city", "created_at")
_ENTITIES: Final = {"email": "EMAIL_ADDRESS", "ssn": "US_SSN"}
_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_RUNS: Final = 3


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=_EVENTS)
    parser.add_argument("--folder", help="where to put the log; by default a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        log = Path(folder)
        size = _generate(log, given.events)
        print(f"{given.events:,} events in {size / 1e9:.1f} GB")
        first = _seconds(lambda: Questions.open(log).close())
        kept = sum(file.stat().st_size for file in (log / "questions").glob("*"))
        print(f"reading it for the first time  {first:8.1f} s, kept in {kept / 1e6:,.0f} MB\n")
        for title, ask in _questions().items():
            taken = sorted(_seconds(lambda ask=ask: _asked(log, ask)) for _ in range(_RUNS))
            print(f"{title:<30}{taken[len(taken) // 2]:8.2f} s")


def _questions() -> dict[str, Callable[[Questions], object]]:
    month = Span(since=_BEGAN + timedelta(days=335))
    return {
        "opening it": lambda _: None,
        "who-saw, 30 days": lambda log: log.who_saw("crm.customer.ssn", span=month),
        "who-saw": lambda log: log.who_saw("crm.customer.ssn"),
        "who-saw --raw": lambda log: log.who_saw("crm.customer.ssn", raw=True),
        "what-did, the last 50": lambda log: log.what_did("human:person7", most=50),
        "reveals": lambda log: log.reveals(),
        "refusals": lambda log: log.refusals(),
        "exports": lambda log: log.exports(),
    }


def _asked(log: Path, ask: Callable[[Questions], object]) -> None:
    with Questions.open(log) as questions:
        ask(questions)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _generate(folder: Path, events: int) -> int:
    """Write a log, and return its size in bytes. The chain of hashes is left out: nobody asks."""
    number, size, lines = 0, 0, []
    pending = 0
    for line in _lines(events):
        lines.append(line)
        pending += len(line)
        if pending >= _SEGMENT:
            number, size, pending = number + 1, size + pending, 0
            (folder / f"audit-{number:06d}.jsonl").write_bytes(b"".join(lines))
            lines = []
    if lines:
        (folder / f"audit-{number + 1:06d}.jsonl").write_bytes(b"".join(lines))
    return size + pending


def _lines(events: int) -> Iterator[bytes]:
    """Make records, two for each query: all of it happens within a year."""
    random = np.random.default_rng(7)
    templates = [
        (_template(table, "started"), _template(table, end))
        for table in _TABLES
        for end in ["answered"] * 38 + ["failed", "refused"]
    ]
    step = timedelta(days=365) / events
    queries = (events + 1) // 2
    chosen = random.integers(0, len(templates), queries).tolist()
    people = (random.zipf(1.3, queries) % _PEOPLE).tolist()
    purposes = random.integers(0, len(_PURPOSES), queries).tolist()
    rows = (random.pareto(1.1, queries) * 10).astype(np.int64).clip(max=10**9).tolist()
    for query in range(queries):
        name = str(uuid.UUID(int=query)).encode()
        for half, template in enumerate(templates[chosen[query]]):
            at = _BEGAN + step * (2 * query + half)
            yield template % (
                people[query],
                _PURPOSES[purposes[query]],
                name,
                rows[query] * half,
                at.isoformat(timespec="microseconds").replace("+00:00", "Z").encode(),
                2 * query + half + 1,
            )


def _template(table: str, outcome: str) -> bytes:
    """Return a record of the usual size, with places for what differs."""
    refs: list[dict[str, Any]] = [
        {"schema": "main", "relation": table, "column": column} for column in _COLUMNS
    ]
    outputs = [
        {
            "name": column,
            "type": "string",
            "label": {
                "entity": _ENTITIES.get(column, "PUBLIC"),
                "confidence": 1.0,
                "evidence": "declared in the policy",
                "paths": [],
            },
            "mask": {"name": "token", "options": {}} if column in _ENTITIES else None,
            "rule": "default" if column in _ENTITIES else "",
            "sources": [{**ref, "flows": ["IDENTITY"]}],
        }
        for column, ref in zip(_COLUMNS, refs, strict=True)
        if column in {"id", "email", "ssn"}
    ]
    event = {
        "bytes": 0,
        "database": "crm",
        "decision": "commuting",
        "dialect": "duckdb",
        "duration_ms": 12,
        "fingerprint": "27bf2b12896df33c6f26b50e824146b3850c545948ae8473f6e22b58f68f4549",
        "influences": [],
        "key_versions": [1],
        "lookups": [],
        "namespace": "duckdb:///data/crm.duckdb",
        "outcome": outcome,
        "outputs": [] if outcome == "refused" else outputs,
        "parent_run": None,
        "policy_hash": "a75910532d3a2450bbcbeaf2579b16315ad51a1a87585cee8f7285dac167e49a",
        "principal": {"id": "person%d", "kind": "human", "on_behalf_of": [], "roles": ["analyst"]},
        "purpose": "%b",
        "query_id": "%b",
        "reads": [{**ref, "type": "VARCHAR"} for ref in refs],
        "reason": "",
        "rows": "%d",
        "source": "crm",
        "sql": f"SELECT id, email, ssn FROM {table} WHERE city = ? AND created_at > ?",  # noqa: S608
        "time": "%b",
    }
    text = json.dumps({"event": event, "hash": "0" * 64, "prev": "0" * 64, "seq": "%d", "v": 1})
    return text.replace('"%d"', "%d").encode() + b"\n"


if __name__ == "__main__":
    main()
