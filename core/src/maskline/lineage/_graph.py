"""Builds the graph of columns from access events, as the audit log has them.

Events are grouped: statements that differ only in their literals, and that were answered with the
same masks, are one answer. This module knows access events as plain JSON. It does not know files
or drawings, and an event holds no value, so neither does a graph.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from maskline._cells import method_of
from maskline.model import PUBLIC, ColumnRef, Flow, Label, Mask, OutputColumn

__all__ = ["Answer", "Graph", "Job", "Json", "Relation", "SourceColumn", "build_graph", "to_json"]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
_ENDED = frozenset({"answered", "failed", "cancelled"})


class Relation(NamedTuple):
    """A table or view of a source."""

    source: str
    schema: str
    name: str


class SourceColumn(NamedTuple):
    """A column of a table or view."""

    relation: Relation
    name: str


class Job(NamedTuple):
    """What asked, if it said so: a task, a model, a notebook."""

    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one statement, with one set of masks, was answered with.

    Attributes:
        source: The name of the source in the policy.
        sql: The statement without literals.
        fingerprint: A digest of *sql*.
        columns: Its columns, by position.
        influences: Columns that decide which rows there are, and how.
        runs: How often it was answered, at least in part.
        rows: Handed out, in all runs together.
        people: Who asked, and how often.
        purposes: Why, and how often.
        jobs: What it was part of, and how often.
        first: When it was first asked.
        last: When it was last asked.
    """

    source: str
    sql: str
    fingerprint: str
    columns: tuple[OutputColumn, ...]
    influences: tuple[tuple[ColumnRef, tuple[Flow, ...]], ...]
    runs: int
    rows: int
    people: Mapping[str, int]
    purposes: Mapping[str, int]
    jobs: Mapping[Job, int]
    first: str
    last: str

    def reads(self) -> set[SourceColumn]:
        """Return every column that reaches it or decides on its rows."""
        found = {ref for column in self.columns for ref, _ in column.sources}
        found |= {ref for ref, _ in self.influences}
        return {self.column(ref) for ref in found}

    def column(self, ref: ColumnRef) -> SourceColumn:
        """Return a column of its source."""
        return SourceColumn(Relation(self.source, ref.schema, ref.relation), ref.column)


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """Columns, and the answers that they reach.

    Attributes:
        answers: The one that was asked last comes first.
        omitted: How many answers there are beside them.
        queries: How many queries all of this tells of.
        first: The time of the first event; empty if there is none.
        last: The time of the last one.
    """

    answers: tuple[Answer, ...]
    omitted: int
    queries: int
    first: str
    last: str

    def relations(self) -> dict[Relation, list[str]]:
        """Return the tables and views with the columns that matter, in the order of their names."""
        found: dict[Relation, list[str]] = {}
        for column in sorted({column for answer in self.answers for column in answer.reads()}):
            found.setdefault(column.relation, []).append(column.name)
        return found

    def entities(self) -> dict[SourceColumn, str]:
        """Return what a column is, where an answer hands it through and says so."""
        return {
            answer.column(ref): column.label.entity
            for answer in self.answers
            for column in answer.columns
            for ref, flows in column.sources
            if column.label.entity != PUBLIC and Flow.IDENTITY in flows
        }


def build_graph(
    events: Iterable[Mapping[str, Any]], *, table: str = "", since: str = "", most: int = 40
) -> Graph:
    """Build the graph of columns.

    Args:
        events: Access events, as ``access_event.schema.json`` describes them, oldest first.
        table: Only answers that read this table or view, or this column of one. It may be written
            with what stands before it: ``customer``, ``main.customer``, ``shop.main.customer.ssn``.
        since: Only events from this time on, as RFC 3339 writes it, in UTC.
        most: At most so many answers: those that were asked last.
    """
    tallies: dict[tuple[str, ...], _Tally | None] = {}
    by_treatment: dict[tuple[Any, ...], _Tally] = {}
    queries = 0
    running: set[str] = set()
    first = last = ""
    for event in events:
        if not event.get("outputs") or event["outcome"] == "refused":
            continue  # There was no answer.
        # Times in UTC, with as many digits each, have the order of their texts.
        if str(event["time"]) < since:
            continue
        # Most events are like one before, which text tells faster than objects do.
        key = (event["source"], event["fingerprint"], json.dumps(event["outputs"]))
        if key not in tallies:
            tally = _Tally(event)
            wanted = not table or any(_is_named(column, table) for column in tally.answer.reads())
            tallies[key] = by_treatment.setdefault(tally.treatment, tally) if wanted else None
        if found := tallies[key]:
            found.add(event)
            query = str(event["query_id"])
            queries += query not in running
            (running.add if event["outcome"] == "started" else running.discard)(query)
            first, last = first or str(event["time"]), str(event["time"])
    answers = [tally.finished() for tally in by_treatment.values()]
    answers.sort(key=lambda answer: answer.last, reverse=True)
    return Graph(
        answers=tuple(answers[:most]),
        omitted=len(answers[most:]),
        queries=queries,
        first=first,
        last=last,
    )


def to_json(graph: Graph) -> dict[str, Json]:
    """Return a graph as strings, numbers, lists and dictionaries, for other programs."""
    entities = graph.entities()
    return {
        "version": 1,
        "first": graph.first,
        "last": graph.last,
        "queries": graph.queries,
        "omitted": graph.omitted,
        "relations": [
            {
                **relation._asdict(),
                "columns": [
                    {"name": name, "entity": entities.get(SourceColumn(relation, name))}
                    for name in names
                ],
            }
            for relation, names in graph.relations().items()
        ],
        "answers": [_answer_json(answer) for answer in graph.answers],
    }


def _answer_json(answer: Answer) -> dict[str, Json]:
    return {
        "source": answer.source,
        "fingerprint": answer.fingerprint,
        "sql": answer.sql,
        "runs": answer.runs,
        "rows": answer.rows,
        "first": answer.first,
        "last": answer.last,
        "principals": dict(answer.people),
        "purposes": dict(answer.purposes),
        "jobs": [{**job._asdict(), "runs": runs} for job, runs in answer.jobs.items()],
        "columns": [
            {
                "name": column.name,
                "entity": None if column.label.entity == PUBLIC else column.label.entity,
                "mask": None if column.mask is None else str(column.mask),
                "method": method_of(column),
                "rule": column.rule,
                "sources": [_flow_json(ref, flows) for ref, flows in column.sources],
            }
            for column in answer.columns
        ],
        "influences": [_flow_json(ref, flows) for ref, flows in answer.influences],
    }


def _flow_json(ref: ColumnRef, flows: Iterable[Flow]) -> dict[str, Json]:
    return {**ref._asdict(), "flows": [flow.value for flow in flows]}


class _Tally:
    """An answer under way: what it is, and how often and by whom it was asked for so far."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.people: Counter[str] = Counter()
        self.purposes: Counter[str] = Counter()
        self.jobs: Counter[Job] = Counter()
        self.runs = self.rows = 0
        self.last = str(event["time"])
        self.answer = Answer(
            source=event["source"],
            sql=event["sql"],
            fingerprint=event["fingerprint"],
            columns=tuple(map(_output, event["outputs"])),
            influences=_flows(event["influences"]),
            runs=0,
            rows=0,
            people={},
            purposes={},
            jobs={},
            first=self.last,
            last=self.last,
        )

    @property
    def treatment(self) -> tuple[Any, ...]:
        """What makes it an answer of its own: the statement, and what was done to each column."""
        done = ((c.name, c.label.entity, str(c.mask), c.rule) for c in self.answer.columns)
        return self.answer.source, self.answer.fingerprint, *done

    def add(self, event: Mapping[str, Any]) -> None:
        """Count an event."""
        self.last = str(event["time"])
        if event["outcome"] not in _ENDED:
            return
        self.runs += 1
        self.rows += int(event["rows"])
        self.people[f"{event['principal']['kind']}:{event['principal']['id']}"] += 1
        if event["purpose"]:
            self.purposes[str(event["purpose"])] += 1
        if parent := event["parent_run"]:
            self.jobs[Job(parent["namespace"], parent["job"])] += 1

    def finished(self) -> Answer:
        """Return the answer with its counts."""
        return replace(
            self.answer,
            runs=self.runs,
            rows=self.rows,
            people=self.people,
            purposes=self.purposes,
            jobs=self.jobs,
            last=self.last,
        )


def _output(body: Mapping[str, Any]) -> OutputColumn:
    mask = body["mask"]
    return OutputColumn(
        name=body["name"],
        sources=_flows(body["sources"]),
        label=Label(entity=body["label"]["entity"]),
        mask=mask and Mask(name=mask["name"], options=tuple(sorted(mask["options"].items()))),
        rule=body["rule"],
    )


def _flows(sources: Iterable[Mapping[str, Any]]) -> tuple[tuple[ColumnRef, tuple[Flow, ...]], ...]:
    return tuple(
        (
            ColumnRef(source["schema"], source["relation"], source["column"]),
            tuple(map(Flow, source["flows"])),
        )
        for source in sources
    )


def _is_named(column: SourceColumn, wanted: str) -> bool:
    """Whether a path ends a column's, or its table's, as people write them."""
    path = [*column.relation, column.name]
    parts = wanted.lower().split(".")
    return any(
        [part.lower() for part in path[:end]][-len(parts) :] == parts for end in (3, len(path))
    )
