"""What questions need of an audit log, as two tables: the queries, and the columns they read.

A segment that is full never changes, so it is read once, and what is needed of it is kept in
Parquet. The last segment is read as it is. A file is named after the segments in it, with a digest
of their names, sizes and times, so that a segment that was touched is read anew.

This module knows the format of access events, files, and DuckDB. It does not know the questions.
"""

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import duckdb

from maskline.audit.verify import segments_of

__all__ = ["load"]

_FORMAT: Final = 2
"""Of the Parquet files; those of another format are made anew."""
_TOGETHER: Final = 8
"""How many segments go into one file at most, if they are there at once."""
_NAME: Final = re.compile(r"(([0-9]+)-([0-9]+)\.[0-9a-f]{32})\.(?:queries|reads)\.parquet\Z")

# The questions need these keys of a record; DuckDB skips the others.
_EVENT: Final = """STRUCT(
  query_id VARCHAR, "time" VARCHAR, outcome VARCHAR, purpose VARCHAR, source VARCHAR,
  decision VARCHAR, reason VARCHAR, policy_hash VARCHAR, sql VARCHAR, rows BIGINT, bytes BIGINT,
  recovery VARCHAR, pruned VARCHAR, spooled VARCHAR,
  principal STRUCT(kind VARCHAR, id VARCHAR, on_behalf_of VARCHAR[]),
  reads STRUCT("schema" VARCHAR, relation VARCHAR, "column" VARCHAR, entity VARCHAR,
    mask STRUCT(name VARCHAR, options VARCHAR), rule VARCHAR)[],
  lookups STRUCT("schema" VARCHAR, relation VARCHAR, "column" VARCHAR, literals BIGINT)[],
  outputs STRUCT(
    label STRUCT(entity VARCHAR), rule VARCHAR,
    sources STRUCT("schema" VARCHAR, relation VARCHAR, "column" VARCHAR, flows VARCHAR[])[])[])"""

_LINES: Final = f"""
CREATE OR REPLACE TEMP TABLE lines AS SELECT seq, event
FROM read_json($files, format = 'newline_delimited', ignore_errors = true,
  columns = {{seq: 'BIGINT', event: '{_EVENT}'}})"""  # noqa: S608 - of constants
_NO_LINES: Final = f"""
CREATE OR REPLACE TEMP TABLE lines AS
SELECT NULL::BIGINT AS seq, NULL::{_EVENT} AS event WHERE false"""

# Of a record that is none of these, DuckDB makes one in which everything is NULL.
_IS_EVENT: Final = """seq IS NOT NULL AND TRY_CAST(event.query_id AS UUID) IS NOT NULL
  AND TRY_CAST(event.time AS TIMESTAMP) IS NOT NULL AND event.outcome IS NOT NULL
  AND event.principal.kind IS NOT NULL AND event.principal.id IS NOT NULL"""
_UNREADABLE: Final = f"""
SELECT count(*) FROM lines WHERE NOT ({_IS_EVENT})
  AND event.recovery IS NULL AND event.pruned IS NULL AND event.spooled IS NULL"""  # noqa: S608 - of constants

_EVENTS: Final = f"""
CREATE OR REPLACE TEMP TABLE events AS
WITH found AS (
  SELECT seq, event, TRY_CAST(event.query_id AS UUID) AS query_id,
    TRY_CAST(event.time AS TIMESTAMP) AS moment
  FROM lines WHERE {_IS_EVENT}),
ended AS (SELECT query_id FROM found WHERE event.outcome <> 'started')
SELECT seq, query_id, moment, event.outcome, event.principal.id,
  event.principal.kind || ':' || event.principal.id AS who,
  coalesce(event.principal.on_behalf_of, []) AS senders, event.purpose, event.source,
  event.decision, event.reason, event.policy_hash, event.sql, event.rows, event.bytes,
  event.reads, event.lookups, event.outputs
FROM found
WHERE NOT (event.outcome = 'started' AND query_id IN (SELECT query_id FROM ended))"""  # noqa: S608 - of constants

_QUERIES: Final = """
SELECT query_id, moment, outcome, who, id, senders, purpose, source, reason, policy_hash, sql, rows,
  bytes,
  list_transform(reads, lambda r: concat_ws('.', source, r.schema, r.relation, r.column)) AS columns
FROM events"""

# No rule decides about a column that is not sensitive.
_READS: Final = """
WITH seen AS (
  SELECT seq, outputs, reads FROM events
  WHERE outcome <> 'refused' AND (outcome IN ('started', 'answered') OR rows > 0)),
decided AS (
  SELECT seq, r.schema, r.relation, r.column, r.mask.name AS mask, r.mask.options AS options,
    r.rule AS rule, r.entity AS entity
  FROM (SELECT seq, unnest(reads) AS r FROM seen)),
sources AS (
  SELECT seq, s.schema, s.relation, s.column,
    bool_or(list_has_any(s.flows, ['IDENTITY', 'TRANSFORMATION', 'AGGREGATION'])) AS is_carried,
    bool_or(list_contains(s.flows, 'COUNT')) AS is_counted
  FROM (
    SELECT seq, unnest(o.sources) AS s FROM (SELECT seq, unnest(outputs) AS o FROM seen))
  GROUP BY ALL),
shown AS (
  SELECT seq, schema, relation, "column",
    CASE WHEN NOT is_carried THEN 'counted'
      WHEN coalesce(mask, 'reveal') <> 'reveal' THEN 'masked'
      ELSE if(coalesce(rule, '') = '', 'raw', 'revealed') END AS shown,
    if(is_carried, coalesce(mask, ''), '') AS mask,
    if(is_carried, coalesce(options, ''), '') AS options,
    if(is_carried, coalesce(rule, ''), '') AS rule,
    if(is_carried, coalesce(entity, ''), '') AS entity
  FROM sources LEFT JOIN decided USING (seq, schema, relation, "column")
  WHERE is_carried OR is_counted),
hidden AS (
  SELECT DISTINCT seq, schema, relation, "column" FROM (
    SELECT seq, schema, relation, "column" FROM decided
    UNION ALL
    SELECT seq, schema, relation, "column" FROM sources WHERE NOT (is_carried OR is_counted))
  ANTI JOIN shown USING (seq, schema, relation, "column")),
looked_up AS (
  SELECT seq, l.schema, l.relation, l.column, sum(l.literals) AS literals
  FROM (SELECT seq, unnest(lookups) AS l FROM events WHERE outcome <> 'refused') GROUP BY ALL),
told AS (
  FROM shown UNION ALL SELECT *, 'hidden', '', '', '', '' FROM hidden)
SELECT concat_ws('.', source, schema, relation, "column") AS name,
  shown, mask, options, rule, entity, coalesce(literals, 0) AS literals,
  query_id, moment, outcome, who, senders, purpose, rows
FROM told JOIN events USING (seq)
LEFT JOIN looked_up USING (seq, schema, relation, "column")
UNION ALL
-- What `unmask` decrypts comes from no column.
SELECT sql, 'revealed', '', '', coalesce(outputs[1].rule, ''), outputs[1].label.entity, 0,
  query_id, moment, outcome, who, senders, purpose, rows
FROM events WHERE decision = 'unmasked'"""


def load(
    database: duckdb.DuckDBPyConnection,
    path: Path,
    cache: Path,
    *,
    progress: Callable[[int, int], None],
) -> int:
    """Make the views ``queries``, ``reads`` and ``names`` in a database.

    ``queries`` has a row for each query: its last record. ``reads`` has one for each query, column
    and way in which the column was shown; *shown* is ``raw``, ``revealed`` where it is raw and
    sensitive, ``masked``, ``counted`` or ``hidden``.

    Args:
        database: In memory, and of nobody else's.
        path: The directory of the log.
        cache: A folder for what was read of full segments. It is made if it is needed.
        progress: Called with how many of the full segments are read, and how many there are.

    Returns:
        How many lines are no record.

    Raises:
        OSError: The directory cannot be read, or *cache* not be written to.
        duckdb.Error: As OSError.
    """
    segments = segments_of(path)
    pieces, rest = _sorted_out(cache, segments[:-1])
    done = len(segments[:-1]) - sum(map(len, rest))
    for together in rest:
        progress(done, len(segments) - 1)
        piece = _Piece.of(cache, together)
        _compact(database, piece, together)
        pieces.append(piece)
        done += len(together)
    if segments:
        _remove_others(cache, pieces, int(_number(segments[-1])))
    _read(database, segments[-1:])
    unreadable = _unreadable(database) + _unreadable_of(database, pieces)
    for kind, sql in (("queries", _QUERIES), ("reads", _READS)):
        files = ", ".join(_quoted(piece.file(kind)) for piece in pieces)
        kept = f" UNION ALL FROM read_parquet([{files}])" if files else ""
        database.execute(f"CREATE TEMP TABLE last_{kind} AS {sql}")
        database.execute(f"CREATE TEMP VIEW all_{kind} AS FROM last_{kind}{kept}")
    # A query that began in one file and ended in another one has a row in both.
    database.execute(
        """
        CREATE TEMP TABLE ended AS SELECT query_id FROM all_queries WHERE outcome <> 'started'
        AND query_id IN (SELECT query_id FROM all_queries WHERE outcome = 'started')
        """
    )
    for kind in ("queries", "reads"):
        database.execute(
            f"CREATE TEMP VIEW {kind} AS FROM all_{kind} "
            "WHERE outcome <> 'started' OR query_id NOT IN (FROM ended)"
        )
    database.execute("CREATE TEMP VIEW names AS SELECT DISTINCT name FROM all_reads")
    return unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """The files that stand for some segments in a row."""

    folder: Path
    name: str

    @classmethod
    def of(cls, folder: Path, segments: Sequence[Path]) -> Self:
        """Return the files for segments as they are now."""
        state = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in segments]
        digest = hashlib.sha256(repr((_FORMAT, state)).encode()).hexdigest()[:32]
        name = f"{_number(segments[0])}-{_number(segments[-1])}.{digest}"
        return cls(folder=folder, name=name)

    def file(self, kind: str) -> Path:
        """Return the file of ``queries`` or ``reads``."""
        return self.folder / f"{self.name}.{kind}.parquet"

    def is_whole(self) -> bool:
        """Whether all of it is there."""
        return all(self.file(kind).exists() for kind in ("queries", "reads"))


def _sorted_out(cache: Path, segments: Sequence[Path]) -> tuple[list[_Piece], list[list[Path]]]:
    """Return the files that are still right, and rows of segments for which there are none."""
    named = filter(None, map(_NAME.match, _names_in(cache)))
    made = {match[2]: (match[1], match[3]) for match in named}
    places = {_number(path): place for place, path in enumerate(segments)}
    pieces: list[_Piece] = []
    rest: list[list[Path]] = [[]]
    place = 0
    while place < len(segments):
        name, last = made.get(_number(segments[place]), ("", ""))
        after = places.get(last, -1) + 1
        piece = _Piece.of(cache, segments[place:after]) if after > place else None
        if piece is not None and piece.name == name and piece.is_whole():
            pieces.append(piece)
            rest.append([])
            place = after
            continue
        if len(rest[-1]) == _TOGETHER:
            rest.append([])
        rest[-1].append(segments[place])
        place += 1
    return pieces, [row for row in rest if row]


def _names_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.is_dir() else []


def _number(segment: Path) -> str:
    return segment.stem.removeprefix("audit-")


def _remove_others(cache: Path, pieces: Sequence[_Piece], last: int) -> None:
    """Remove the files of segments that are gone, or were touched.

    Args:
        cache: The folder.
        pieces: What to keep.
        last: The number of the last segment; somebody may know of more, and have read them.
    """
    kept = {piece.name for piece in pieces}
    for match in filter(None, map(_NAME.match, _names_in(cache))):
        if match[1] not in kept and int(match[2]) <= last:
            with suppress(OSError):
                (cache / match[0]).unlink()


def _compact(database: duckdb.DuckDBPyConnection, piece: _Piece, segments: Sequence[Path]) -> None:
    piece.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _read(database, segments)
    unreadable = _unreadable(database)
    for kind, sql, order in (("reads", _READS, "name"), ("queries", _QUERIES, "moment")):
        fresh = piece.file(kind).with_suffix(f".{os.getpid()}")
        try:
            fresh.touch(mode=0o600)
            database.execute(
                f"COPY ({sql} ORDER BY {order}) TO {_quoted(fresh)} (FORMAT parquet, "
                f"USE_TMP_FILE false, COMPRESSION zstd, KV_METADATA {{unreadable: '{unreadable}'}})"
            )
            fresh.replace(piece.file(kind))
        finally:
            fresh.unlink(missing_ok=True)


def _read(database: duckdb.DuckDBPyConnection, segments: Sequence[Path]) -> None:
    """Put the last record of each query in some segments into the table ``events``."""
    # DuckDB takes an empty file for no file at all.
    files = [str(segment) for segment in segments if segment.stat().st_size]
    if files:
        database.execute(_LINES, {"files": files})
    else:
        database.execute(_NO_LINES)
    database.execute(_EVENTS)


def _unreadable(database: duckdb.DuckDBPyConnection) -> int:
    [(count,)] = database.execute(_UNREADABLE).fetchall()
    return int(count)


def _unreadable_of(database: duckdb.DuckDBPyConnection, pieces: Sequence[_Piece]) -> int:
    """Return what was counted when some files were made."""
    if not pieces:
        return 0
    [(count,)] = database.execute(
        "SELECT coalesce(sum(decode(value)::BIGINT), 0) FROM parquet_kv_metadata($files) "
        "WHERE decode(key) = 'unreadable'",
        {"files": [str(piece.file("queries")) for piece in pieces]},
    ).fetchall()
    return int(count)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
