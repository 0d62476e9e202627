"""Watches access events for what somebody should look at, and writes a line for each finding.

Five things are watched: mass export, repeated refusals, looking up one literal after another, the
first reveal to a principal, and reads of columns that nobody has a reason to read. Counts are kept
by the minute in a small SQLite file, which several processes share, so that a restart forgets
nothing. This module knows events and files. No alert holds a value, a literal or a purpose, for an
event holds no value, and of an event only names and numbers are taken.
"""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from maskline.appending import LineFile
from maskline.errors import AuditError
from maskline.model import AccessEvent, OptionValue, Outcome

__all__ = ["AlertSink", "AlertSinkType"]

_Json: TypeAlias = "str | int | list[str]"
_Alert: TypeAlias = dict[str, _Json]
_T = TypeVar("_T")

_DEFAULTS: Final[Mapping[str, int]] = {
    "rows_per_hour": 1_000_000,
    "refusals": 10,
    "refusal_minutes": 10,
    "lookups_per_hour": 30,
}
_TEXTS: Final = ("path", "state", "honey")
_SWITCHES: Final = ("first_reveal",)
_HOUR: Final = 60
_MOST_REMEMBERED: Final = 100_000
"""So many principals are remembered as having seen something as it is; the last ones."""
_BUSY_SECONDS: Final = 1.0
_ENDED: Final = frozenset({Outcome.ANSWERED, Outcome.FAILED, Outcome.CANCELLED})
_ASKED: Final = frozenset({Outcome.STARTED, Outcome.REFUSED})
_SHOWN: Final = frozenset({Outcome.STARTED, Outcome.ANSWERED})
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS counted (
  what TEXT, who TEXT, minute INTEGER, amount INTEGER, PRIMARY KEY (what, who, minute)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revealed (who TEXT PRIMARY KEY, minute INTEGER) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """From when on there is an alert.

    Attributes:
        honey: Patterns of column names, in lower case.
    """

    rows_per_hour: int
    refusals: int
    refusal_minutes: int
    lookups_per_hour: int
    first_reveal: bool
    honey: tuple[str, ...]


class AlertSink:
    """A sink that writes a line of JSON for each alert.

    Args:
        limits: From when on there is an alert.
        path: The file to append to, made for its owner only; None for the standard error.
        state: The file of counts, made for its owner only; None for counts that end with the
            process.

    Raises:
        AuditError: A file cannot be opened.
    """

    def __init__(self, limits: _Limits, *, path: Path | None, state: Path | None) -> None:
        self._limits = limits
        self._file = None if path is None else LineFile(path, what="file of alerts")
        self._state = state
        self._database = self._guarded(lambda: _opened(state))

    def __repr__(self) -> str:
        place = "standard error" if self._file is None else self._file.path
        return f"<AlertSink: {place}>"

    def emit(self, event: AccessEvent) -> None:
        """Count the event, and write what it gives reason for.

        Raises:
            AuditError: It could not be counted, or an alert not be written.
        """
        self._guarded(lambda: self._look(event))

    def close(self) -> None:
        """Close the files."""
        self._database.close()
        if self._file is not None:
            self._file.close()

    def _look(self, event: AccessEvent) -> None:
        # What is not written is not counted either: the alert comes with the next event.
        with self._database:
            if alerts := list(self._alerts(event)):
                self._write(event, alerts)

    def _alerts(self, event: AccessEvent) -> Iterator[_Alert]:
        limits = self._limits
        if event.outcome in _ENDED and event.rows:
            yield from self._count(
                "mass_export", event, event.rows, most=limits.rows_per_hour, minutes=_HOUR
            )
        if event.outcome is Outcome.REFUSED:
            yield from self._count(
                "repeated_refusals", event, 1,
                most=limits.refusals - 1, minutes=limits.refusal_minutes,
            )  # fmt: skip
        if event.outcome in _ASKED:
            if literals := sum(count for _, count in event.lookups):
                columns = [str(ref) for ref, _ in event.lookups]
                for alert in self._count(
                    "lookup_walking", event, literals, most=limits.lookups_per_hour, minutes=_HOUR
                ):
                    yield {**alert, "columns": columns}
            if honey := [name for name in _read_by(event) if self._is_honey(event.source, name)]:
                yield {"alert": "honeytoken", "columns": honey}
        if limits.first_reveal and event.outcome in _SHOWN:
            seen = _revealed_by(event)
            if seen and self._is_first(event):
                yield {"alert": "first_reveal", "columns": seen}

    def _count(
        self, what: str, event: AccessEvent, amount: int, *, most: int, minutes: int
    ) -> Iterator[_Alert]:
        """Add to what a principal did, and give an alert where the sum comes to exceed a limit."""
        minute, who = _minute(event), _who(event)
        execute = self._database.execute
        execute("DELETE FROM counted WHERE what = ? AND minute <= ?", (what, minute - minutes))
        [(before,)] = execute(
            "SELECT coalesce(sum(amount), 0) FROM counted WHERE what = ? AND who = ?", (what, who)
        )
        execute(
            "INSERT INTO counted VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            (what, who, minute, amount),
        )
        if before <= most < before + amount:
            yield {"alert": what, "counted": before + amount, "limit": most, "minutes": minutes}

    def _is_first(self, event: AccessEvent) -> bool:
        """Remember that somebody saw something as it is, and say whether that is new."""
        execute = self._database.execute
        added = execute(
            "INSERT INTO revealed VALUES (?, ?) ON CONFLICT DO NOTHING",
            (_who(event), _minute(event)),
        )
        is_new = added.rowcount > 0
        if is_new:
            execute(
                "DELETE FROM revealed WHERE who IN "
                "(SELECT who FROM revealed ORDER BY minute DESC, who LIMIT -1 OFFSET ?)",
                (_MOST_REMEMBERED,),
            )
        return is_new

    def _is_honey(self, source: str, name: str) -> bool:
        full = f"{source}.{name}".casefold()
        return any(
            fnmatchcase(full, pattern) or fnmatchcase(full, f"*.{pattern}")
            for pattern in self._limits.honey
        )

    def _write(self, event: AccessEvent, alerts: Sequence[_Alert]) -> None:
        about = {
            "v": 1,
            "time": event.time,
            "principal": _who(event),
            "on_behalf_of": list(event.principal.on_behalf_of),
            "source": event.source,
            "query_id": event.query_id,
        }
        lines = "".join(f"{json.dumps({**about, **alert})}\n" for alert in alerts)
        if self._file is not None:
            self._file.append(lines.encode("ascii"))
            return
        sys.stderr.write(lines)
        sys.stderr.flush()

    def _guarded(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except (OSError, sqlite3.Error) as exc:
            problem = type(exc).__name__
        msg = f"The counts behind alerts, in {self._state or 'memory'}, cannot be kept: {problem}."
        raise AuditError(
            msg,
            hint="Give `state` of the sink a file that this user may write to; one that is broken "
            "may be removed.",
        )


class AlertSinkType:
    """The sink ``alerts``. Every option has a default."""

    name = "alerts"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong: an unknown option, or a value that it cannot have."""
        wrong = []
        for name, value in options.items():
            if name in _DEFAULTS:
                if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                    wrong.append(f"The option {name} of the sink alerts is no number from 1 on.")
            elif name in _TEXTS:
                if not isinstance(value, str) or not value.strip():
                    wrong.append(f"The option {name} of the sink alerts is no text.")
            elif name not in _SWITCHES:
                wrong.append(f"The sink alerts has no option {name}.")
            elif not isinstance(value, bool):
                wrong.append(f"The option {name} of the sink alerts is neither true nor false.")
        return wrong

    def open(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]
    ) -> AlertSink:
        """Open the files.

        Raises:
            AuditError: One cannot be opened.
        """
        path = Path(resolve(str(options["path"]))) if "path" in options else None
        state = path.with_name(f"{path.name}.state") if path else None
        if "state" in options:
            state = Path(resolve(str(options["state"])))
        numbers = {name: int(options.get(name, number)) for name, number in _DEFAULTS.items()}
        honey = str(options.get("honey", "")).casefold().split(",")
        limits = _Limits(
            **numbers,
            first_reveal=bool(options.get("first_reveal", True)),
            honey=tuple(filter(None, map(str.strip, honey))),
        )
        return AlertSink(limits, path=path, state=state)


def _opened(state: Path | None) -> sqlite3.Connection:
    if state is not None:
        state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(state, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    database = sqlite3.connect(state or ":memory:", timeout=_BUSY_SECONDS, check_same_thread=False)
    # SQLite waits for a lock, but not for the one that it takes to begin a journal.
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
    # A power cut may cost a minute's counts. The audit log, which is synced, has the events.
    database.executescript(f"PRAGMA synchronous = OFF; {_SCHEMA}")
    return database


def _who(event: AccessEvent) -> str:
    return f"{event.principal.kind}:{event.principal.id}"


def _minute(event: AccessEvent) -> int:
    return int(datetime.fromisoformat(event.time).timestamp()) // 60


def _read_by(event: AccessEvent) -> list[str]:
    return [str(read.ref) for read in event.reads]


def _revealed_by(event: AccessEvent) -> list[str]:
    """Return the columns that are shown as they are, though they are sensitive."""
    if event.decision == "unmasked":
        return [event.sql]
    return sorted(
        {
            str(ref)
            for output in event.outputs
            if output.mask is None and output.rule
            for ref, flows in output.sources
            if any(flow.is_direct for flow in flows)
        }
    )
