"""Answers what an auditor asks of an audit log: who saw a column, what did somebody do.

The chain of hashes is not checked here; `verify` does that. This module knows DuckDB and what
``_compacted.py`` makes of a log. It does not know policies or databases, and the log holds no value
of the data, so no answer does.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import duckdb
import pyarrow as pa

from maskline.audit._compacted import load
from maskline.errors import AuditError
from maskline.model import Mask

__all__ = ["AS_IT_IS", "Questions", "Span"]

AS_IT_IS: Final = "as it is"
"""How a column was shown that has no mask."""

_T = TypeVar("_T")

_FOLDER: Final = "questions"
_CONFIG: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
_RAW: Final = ["raw", "revealed"]
_ANYHOW: Final = [*_RAW, "masked", "counted", "hidden"]
_TIMES: Final = frozenset({"time", "first", "last"})
_WHO: Final = (
    "who || CASE WHEN senders = [] THEN '' ELSE ' for ' || array_to_string(senders, ', ') END"
)
_OUTCOMES: Final = """
  count(*) FILTER (outcome = 'answered') AS answered,
  count(*) FILTER (outcome = 'refused') AS refused,
  count(*) FILTER (outcome = 'failed') AS failed,
  count(*) FILTER (outcome = 'cancelled') AS cancelled,
  count(*) FILTER (outcome = 'started') AS not_completed"""
_WHEN: Final = "min(moment) AS first, max(moment) AS last"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time to ask about; a time without a zone is in UTC.

    Attributes:
        since: From this time on; None for the beginning of the log.
        until: Before this time; None for its end.
    """

    since: datetime | None = None
    until: datetime | None = None


_EVER: Final = Span()


class Questions:
    """One audit log, ready to be asked. Use it in a ``with`` block; `open` makes these.

    Every answer is an Arrow table, and its times are in UTC. *who* is a kind and an id, such as
    ``human:kim``, then ``for`` and whoever sent them, if anybody did. The time of a query is that
    of its last record.

    Attributes:
        path: The directory of the log.
        unreadable: How many lines are no record. A write that is under way is one of them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unreadable = 0
        self._database = duckdb.connect(config=dict(_CONFIG))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Questions: {self.path}>"

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        cache: str | Path | None = None,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Self:
        """Open a log, and read what nobody has asked about yet.

        Args:
            path: The directory of the log.
            cache: Where to keep what was read; by default ``questions`` in that directory. It tells
                what the log tells, so only its owner may read it. Removing it loses nothing.
            progress: Called with how many of the full segments are read, and how many there are.

        Raises:
            AuditError: The directory cannot be read, or *cache* not be written to.
        """
        asked = cls(Path(path))
        kept = asked.path / _FOLDER if cache is None else Path(cache)
        try:
            asked.unreadable = _guarded(
                asked.path, lambda: load(asked._database, asked.path, kept, progress=progress)
            )
        except BaseException:
            asked.close()
            raise
        return asked

    def close(self) -> None:
        """Let go of the memory. May be called twice."""
        self._database.close()

    def who_saw(self, column: str, *, span: Span = _EVER, raw: bool = False) -> pa.Table:
        """Return who read a column, and how it was shown to them; the latest first.

        Args:
            column: Its name, with as much before it as is needed: ``ssn``, ``customer.ssn``,
                ``main.customer.ssn``, ``crm.customer.ssn``, ``crm.main.customer.ssn``.
            span: When.
            raw: Only those to whom it was shown as it is.

        Returns:
            One row for each *column*, *entity*, *who*, *purpose*, *shown* and *rule*, with how many
            *queries* and *rows*, how many literals were *looked_up* in it, and the *first* and
            *last* time. *shown* is ``as it is``, a mask, ``counted``, or
            ``not shown`` where the column did no more than decide which rows there are.
        """
        known = self._ask("FROM names", {}).column("name").to_pylist()
        names = [name for name in known if _is_meant(column, name)]
        kinds = _RAW if raw else _ANYHOW
        where = "name IN (SELECT unnest($names::VARCHAR[])) AND list_contains($kinds, shown)"
        return self._seen(where, {"names": names, "kinds": kinds}, span)

    def reveals(self, *, span: Span = _EVER) -> pa.Table:
        """Return who saw sensitive values as they are, why, and by which rule; the latest first.

        Returns:
            The columns of *who_saw*. What was decrypted by ``unmask`` comes from no column.
        """
        return self._seen("shown = 'revealed'", {}, span)

    def _seen(self, where: str, parameters: Mapping[str, object], span: Span) -> pa.Table:
        when, times = _during(span)
        found = self._ask(
            f"""
            SELECT name AS "column", entity, {_WHO} AS who, purpose, shown, mask, options, rule,
              count(*) AS queries, sum(rows)::BIGINT AS rows,
              sum(literals)::BIGINT AS looked_up, {_WHEN}
            FROM reads WHERE {where} AND {when}
            GROUP BY ALL ORDER BY last DESC, name, who, purpose, shown, mask, options, rule
            """,  # noqa: S608 - of constants
            {**parameters, **times},
        )
        parts = (found.column(name).to_pylist() for name in ("shown", "mask", "options"))
        shown = pa.array([_shown(*row) for row in zip(*parts, strict=True)], pa.string())
        found = found.set_column(found.schema.get_field_index("shown"), "shown", shown)
        return found.drop_columns(["mask", "options"])

    def what_did(self, who: str, *, span: Span = _EVER, most: int | None = None) -> pa.Table:
        """Return the queries of a principal, and those asked on their behalf; the latest first.

        Args:
            who: An id, or a kind and an id.
            span: When.
            most: At most so many; None for all.

        Returns:
            One row for each query: *time*, *who*, *outcome*, *rows*, *purpose*, *source*, the
            scrubbed *statement*, the *columns* that it read, the *reason* and the *query_id*.
        """
        when, times = _during(span)
        return self._ask(
            f"""
            SELECT moment AS time, {_WHO} AS who, outcome, rows, purpose, source,
              sql AS statement, columns, reason, query_id::VARCHAR AS query_id
            FROM queries
            WHERE (who = $who OR id = $who OR list_contains(senders, $who)) AND {when}
            ORDER BY moment DESC, query_id LIMIT $most
            """,  # noqa: S608 - of constants
            {"who": who, "most": most, **times},
        )

    def refusals(self, *, span: Span = _EVER) -> pa.Table:
        """Return what was refused to whom, and why; what was refused most often first.

        Returns:
            One row for each *who*, *purpose*, *source* and *reason*, with how many *queries*, and
            the *first* and *last* time.
        """
        when, times = _during(span)
        return self._ask(
            f"""
            SELECT {_WHO} AS who, purpose, source, reason, count(*) AS queries, {_WHEN}
            FROM queries WHERE outcome = 'refused' AND {when}
            GROUP BY ALL ORDER BY queries DESC, last DESC, who, reason, purpose, source
            """,  # noqa: S608 - of constants
            times,
        )

    def exports(self, *, span: Span = _EVER, most: int = 20) -> pa.Table:
        """Return the queries that handed out the most rows; the largest first.

        Returns:
            At most *most* rows: *rows*, *bytes*, *time*, *who*, *purpose*, *source*, the scrubbed
            *statement*, the *columns* that it read, and the *query_id*.
        """
        when, times = _during(span)
        return self._ask(
            f"""
            SELECT rows, bytes, moment AS time, {_WHO} AS who, purpose, source,
              sql AS statement, columns, query_id::VARCHAR AS query_id
            FROM queries WHERE rows > 0 AND {when}
            ORDER BY rows DESC, bytes DESC, moment DESC, query_id LIMIT $most
            """,  # noqa: S608 - of constants
            {"most": most, **times},
        )

    def accesses(self, *, span: Span = _EVER) -> pa.Table:
        """Return how often each principal asked for each purpose, and how it ended.

        Returns:
            One row for each *who*, *purpose* and *source*: how many queries were *answered*,
            *refused*, *failed*, *cancelled* and *not_completed*, how many *rows* were handed out,
            and the *first* and *last* time.
        """
        when, times = _during(span)
        return self._ask(
            f"""
            SELECT {_WHO} AS who, purpose, source, {_OUTCOMES}, sum(rows)::BIGINT AS rows, {_WHEN}
            FROM queries WHERE {when} GROUP BY ALL ORDER BY ALL
            """,  # noqa: S608 - of constants
            times,
        )

    def policies(self, *, span: Span = _EVER) -> pa.Table:
        """Return the versions of the policy under which queries were asked; the earliest first.

        Returns:
            One row for each *policy_hash*, with how many *queries*, and the *first* and *last*
            time.
        """
        when, times = _during(span)
        return self._ask(
            f"""
            SELECT policy_hash, count(*) AS queries, {_WHEN}
            FROM queries WHERE {when} GROUP BY ALL ORDER BY first, policy_hash
            """,  # noqa: S608 - of constants
            times,
        )

    def _ask(self, sql: str, parameters: Mapping[str, object]) -> pa.Table:
        found = _guarded(
            self.path, lambda: self._database.sql(sql, params=dict(parameters)).to_arrow_table()
        )
        utc = pa.timestamp("us", tz="UTC")
        return found.cast(
            pa.schema(
                [field.with_type(utc) if field.name in _TIMES else field for field in found.schema]
            )
        )


def _during(span: Span) -> tuple[str, dict[str, datetime]]:
    """Return a condition in SQL, and its parameters."""
    bounds = {"since": (">=", span.since), "until": ("<", span.until)}
    times = {name: _plain(time) for name, (_, time) in bounds.items() if time is not None}
    return " AND ".join(["true", *(f"moment {bounds[name][0]} ${name}" for name in times)]), times


def _plain(time: datetime) -> datetime:
    """Return a time in UTC without saying so, as DuckDB has them here."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def _is_meant(asked: str, name: str) -> bool:
    """Whether a column is meant by its name, with as much before it as somebody wrote."""
    wanted, full = asked.casefold(), name.casefold()
    source, _, rest = full.partition(".")
    return f".{full}".endswith(f".{wanted}") or wanted == f"{source}.{rest.partition('.')[2]}"


def _shown(kind: str, mask: str, options: str) -> str:
    """Say in words how a column was shown."""
    if kind in {"raw", "revealed"}:
        return AS_IT_IS
    if kind == "masked":
        return str(Mask(name=mask, options=tuple(sorted(json.loads(options or "{}").items()))))
    return "counted" if kind == "counted" else "not shown"


def _guarded(path: Path, action: Callable[[], _T]) -> _T:
    """Run what touches files, and turn errors, which may quote a record, into ours."""
    try:
        return action()
    except (OSError, duckdb.Error) as exc:
        problem = type(exc).__name__
    msg = f"The audit log {path} cannot be asked: {problem}."
    raise AuditError(
        msg,
        hint="Give a log that you may read, and a folder to keep what is read that you may "
        "write to. `maskline audit verify` looks at the log itself.",
    )
