"""What masking costs whole queries: through a session, over DuckDB alone, on the same file.

Every query fetches a stream of Arrow batches and drops them. This module knows policies, and how to
read clocks.
"""

import contextlib
import importlib
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb
import pyarrow as pa
from rounds import KERNELS, Measured, Process, cpu_seconds, in_turn, medians, ratio
from workload import STRINGS, database

__all__ = ["CASES", "measure", "measure_memory"]

_Batches: TypeAlias = AbstractContextManager[Iterable[pa.RecordBatch]]

_FILE: Final = "person.duckdb"
_BATCH_ROWS: Final = 65_536
_FEW_TIMES: Final = 5
_ALL: Final = "SELECT * FROM person"
_FEW: Final = "SELECT * FROM person WHERE id < 100"
_ENTITIES: Final = {
    "id": "PUBLIC", "full_name": "PERSON", "email": "EMAIL_ADDRESS", "phone": "PHONE_NUMBER",
    "ssn": "US_SSN", "credit_card": "CREDIT_CARD", "iban": "IBAN_CODE",
    "address": "STREET_ADDRESS", "ip": "IP_ADDRESS", "birth_date": "DATE_OF_BIRTH",
    "notes": "FREE_TEXT", "amount": "PUBLIC", "payload": "FREE_TEXT",
}  # fmt: skip
_TOKENS: Final = dict.fromkeys(("PERSON", "EMAIL_ADDRESS", "IP_ADDRESS"), "token")
_PARTIAL: Final = dict.fromkeys(
    ("PHONE_NUMBER", "US_SSN", "CREDIT_CARD", "IBAN_CODE"), "{partial: {last: 4}}"
)
_FF1: Final = dict.fromkeys(("US_SSN", "CREDIT_CARD"), "fpe")
_REDACTED: Final = {"PII": "redact", "PCI": "redact", "SECRET": "redact", "FREE_TEXT": "redact"}
_SCANNED: Final = {"FREE_TEXT": "scan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A policy for ``SELECT * FROM person``.

    Attributes:
        columns: The columns that are sensitive; all others are public.
        masks: What becomes of entities and categories.
        labels: Of columns, where they are others than usual.
        most: How many times as long as raw it may take; None where that is no goal.
    """

    columns: tuple[str, ...] = tuple(_ENTITIES)
    masks: Mapping[str, str]
    labels: dict[str, str] = field(default_factory=dict)
    most: float | None = None

    def policy(self) -> str:
        """Return the text of a policy file."""
        usual = {
            name: entity if name in self.columns else "PUBLIC" for name, entity in _ENTITIES.items()
        }
        return "\n".join(
            [
                "version: 1",
                "keys: {file: keyring.json}",
                f'sources: {{bench: {{url: "duckdb:///{_FILE}"}}}}',
                f"labels: {{bench: {{main.person: {_flow(usual | self.labels)}}}}}",
                f"masks: {_flow(self.masks)}",
                "audit: {path: audit}",
            ]
        )


def _flow(mapping: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in mapping.items()) + "}"


_USUAL: Final = "two text columns scanned"
CASES: Final[dict[str, Case]] = {
    "three columns redacted": Case(
        columns=("address", "notes", "payload"),
        masks={"PII": "redact", "FREE_TEXT": "redact"},
        most=1.1,
    ),
    "tokens for all others": Case(masks=_REDACTED | _TOKENS | _PARTIAL, most=1.3),
    "FF1 for two of them": Case(masks=_REDACTED | _TOKENS | _PARTIAL | _FF1, most=1.6),
    _USUAL: Case(masks=_REDACTED | _TOKENS | _PARTIAL | _FF1 | _SCANNED, most=2.5),
    "all ten text columns scanned": Case(
        columns=STRINGS,
        masks=_REDACTED | _SCANNED,
        labels=dict.fromkeys(STRINGS, "FREE_TEXT"),
        most=3.0,
    ),
    "nothing masked": Case(columns=(), masks={}),
    "three columns by tokens, the rest public": Case(
        columns=("full_name", "email", "ip"), masks=_TOKENS
    ),
    "two columns by FF1, the rest public": Case(columns=("ssn", "credit_card"), masks=_FF1),
    "JSON parsed, the rest public": Case(
        columns=("payload",), masks=_REDACTED, labels={"payload": "JSON"}
    ),
}
"""Policies, by what they do to the columns. The first four go on from one another."""


def measure(*, rows: int, runs: int) -> dict[str, Any]:
    """Return what masking costs the queries of a table.

    Args:
        rows: Of the table.
        runs: How often each query is sent.

    Returns:
        *cases*: for each of `CASES`, the CPU seconds of the query *raw*, and by kernels how many
        times as long it takes masked. *few rows* and *first batch*: milliseconds on the wall until
        a hundred rows, or the first batch of all rows, are there; raw, and masked by kernels.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_folder(rows))
        places = {"raw": stack.enter_context(Process())}
        for kernels in KERNELS:
            place = stack.enter_context(Process(kernels))
            if place.call(_is_there):
                places[kernels] = place

        def compare(figure: Callable[[Path, str], float], title: str) -> Measured:
            contenders = {
                name: partial(place.call, figure, folder, "" if name == "raw" else title)
                for name, place in places.items()
            }
            return in_turn(contenders, runs=runs)

        cases = {}
        for title in CASES:
            found = compare(_cpu_seconds, title)
            cases[title] = {name: ratio(found, name, "raw") for name in places}
            cases[title]["raw"] = medians(found)["raw"]
        return {
            "cases": cases,
            "few rows": medians(compare(_few_rows, _USUAL)),
            "first batch": medians(compare(_first_batch, _USUAL)),
        }


def measure_memory(*, rows: int) -> dict[str, float]:
    """Return the peak memory, in megabytes, of a fresh process that streams the whole table.

    Args:
        rows: Of the table.

    Returns:
        Raw, and by kernels with two text columns scanned.
    """
    found = {}
    with _folder(rows) as folder:
        for name in ("raw", *KERNELS):
            with Process("numpy" if name == "raw" else name) as place:
                if name == "raw" or place.call(_is_there):
                    title = "" if name == "raw" else _USUAL
                    found[name] = place.call(_peak_megabytes, folder, title)
    return found


@contextlib.contextmanager
def _folder(rows: int) -> Iterator[Path]:
    """Make a folder with the database, keys, and a policy for each case."""
    # In a process of its own, so that those that measure never held the rows.
    with tempfile.TemporaryDirectory() as name, Process() as place:
        folder = Path(name)
        place.call(database, folder / _FILE, rows)
        place.call(_write_keys, folder)
        for title, case in CASES.items():
            (folder / f"{title}.yaml").write_text(case.policy(), encoding="utf-8")
        yield folder


def _write_keys(folder: Path) -> None:
    from maskline.tokens import Keyring

    Keyring.generate().save(folder / "keyring.json")


def _is_there() -> bool:
    try:
        importlib.import_module("maskline._kernels")
    except ImportError:
        return False
    return True


@cache
def _opened(folder: Path, title: str) -> Callable[[str], _Batches]:
    """Return what sends a query: to a session under the policy of a case, or else to DuckDB.

    It stays open until the process ends, as that of a user who asks again and again.
    """
    if title:
        import maskline

        return maskline.connect(policy=folder / f"{title}.yaml").stream
    connection = duckdb.connect(str(folder / _FILE), read_only=True)
    return lambda sql: contextlib.nullcontext(connection.sql(sql).to_arrow_reader(_BATCH_ROWS))


def _fetch(folder: Path, title: str, sql: str, *, most: int | None = None) -> None:
    with _opened(folder, title)(sql) as batches:
        for _ in islice(batches, most):
            pass


def _cpu_seconds(folder: Path, title: str) -> float:
    return cpu_seconds(lambda: _fetch(folder, title, _ALL))


def _few_rows(folder: Path, title: str) -> float:
    return statistics.median(
        _milliseconds(lambda: _fetch(folder, title, _FEW)) for _ in range(_FEW_TIMES)
    )


def _first_batch(folder: Path, title: str) -> float:
    return _milliseconds(lambda: _fetch(folder, title, _ALL, most=1))


def _milliseconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - began)


def _peak_megabytes(folder: Path, title: str) -> float:
    _fetch(folder, title, _ALL)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
