"""Runs a demonstration from the first look at a database to the report.

This module puts the steps in order. What they show is elsewhere.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from rich.console import Console

from maskline import audit
from maskline.audit import Finding
from maskline.demo._attacks import attempts
from maskline.demo._generated import own_attacks, own_questions
from maskline.demo._hunt import hunt, overlaps, raw_values
from maskline.demo._places import Place, prepared
from maskline.demo._questions import ANALYST, JOIN_OUTSIDE, shop_attacks, shop_questions
from maskline.demo._report import report_html
from maskline.demo._shop import PLANTED
from maskline.demo._story import Answer, Column, Joined, NoAnswer, Question, Story, ask
from maskline.demo._tell import Teller
from maskline.errors import SourceError
from maskline.plugins import Registry, load_policy, open_source
from maskline.policy import write_labels
from maskline.roles import Source
from maskline.scanning import scan
from maskline.session import connect

__all__ = ["run_demo"]

_T = TypeVar("_T")


def run_demo(folder: Path | None = None, *, database: str = "", console: Console) -> int:
    """Show everything at once, and write a report of it.

    Args:
        folder: For everything that is made. What is there from an earlier run is used again.
        database: A path or a URL of a database to show it on, which is only read; empty for a
            small shop that is made up.
        console: Where to tell what happens.

    Returns:
        0; 1 if a raw value stands where none may be, an attack got anything, a join differs, or
        the audit log is damaged.

    Raises:
        SourceError: The database cannot be opened, or the folder cannot be written.
        PolicyError: The folder holds a policy that cannot be used.
        AuditError: The audit log cannot be written.
    """
    with prepared(folder, database) as place:
        teller = Teller(console)
        teller.begin(place)
        columns = _look(place)
        teller.found(columns)
        values = _with_source(
            place,
            lambda source: raw_values(source, columns, planted=PLANTED if place.is_shop else ""),
        )
        story = _ask(place, columns, values, teller)
        page = report_html(story, None)
        searched = hunt(
            values, story.answers, report=page, paths=_written(place), root=place.folder
        )
        report = _save(place, report_html(story, searched))
        teller.end(story, searched, report)
    is_joined = story.joined is None or all(same for _, same in story.joined.ways)
    is_closed = all(attack.got_nothing for attack in story.attacks)
    is_whole = is_joined and is_closed and story.verification.ok
    return 0 if is_whole and not searched.found else 1


def _look(place: Place) -> tuple[Column, ...]:
    """Scan the database, put labels into the policy, and read what it then says."""
    policy, registry = load_policy(place.policy)
    with_labels = scan(source := open_source(registry, policy.sources[place.name].url), registry)
    ignore_case = source.dialect != "postgres"
    source.close()
    found = {column.ref: column.label for column in with_labels}
    write_labels(place.policy, place.name, found, ignore_case=ignore_case)
    with connect(place.name, policy=place.policy, principal=ANALYST) as session:
        return tuple(
            Column(
                ref=ref,
                type=kind,
                # The policy has the label, and the scan knows why.
                label=replace(label, evidence=found[ref].evidence) if ref in found else label,
                category=_category(registry, label.entity),
                decision=decision,
            )
            for ref, kind, label, decision in session.columns()
        )


def _category(registry: Registry, entity: str) -> str:
    known = registry.entities.get(entity)
    return known.category.value if known else ""


def _ask(place: Place, columns: tuple[Column, ...], values: set[str], teller: Teller) -> Story:
    def explains(question: Question) -> bool:
        with connect(
            place.name, policy=place.policy, principal=question.who, purpose=question.purpose
        ) as session:
            return not session.explain(question.sql).refusals

    questions = shop_questions()
    if not place.is_shop:
        shares = _with_source(place, partial(overlaps, columns=columns))
        questions = tuple(own_questions(columns, explains=explains, shares=shares))
    told = []
    for question in questions:
        told.append(ask(place.policy, place.name, question))
        teller.answered(told[-1])
    answers = tuple(each for each in told if isinstance(each, Answer))
    joined = _join(place, answers)
    teller.joined(joined)
    tried = []
    attacks = shop_attacks() if place.is_shop else own_attacks(columns)
    for attack in attempts(place, attacks, columns, values=values):
        tried.append(attack)
        teller.attacked(attack)
    records = tuple(audit.read(_audit(place)))
    policy_hash, _ = load_policy(place.policy)
    return Story(
        name=place.name,
        shown=place.shown,
        is_shop=place.is_shop,
        policy_hash=policy_hash.hash,
        columns=columns,
        answers=answers,
        failures=tuple(each for each in told if isinstance(each, NoAnswer)),
        attacks=tuple(tried),
        joined=joined,
        records=records,
        verification=audit.verify(_audit(place)),
        tampered=_tamper(_audit(place)),
        lineage_events=_lineage_events(place),
    )


def _join(place: Place, answers: Iterable[Answer]) -> Joined | None:
    """Hold the join on tokens against the same join on raw values."""
    for answer in answers:
        if " JOIN " not in " ".join(answer.question.sql.split()):
            continue
        names = tuple(column.output.name for column in answer.result.columns)
        if any(column.is_masked for column in answer.result.columns):
            continue
        inside = answer.rows
        ways = [("on tokens, by maskline", True)]
        if place.is_shop:
            ways.append(("on tokens, by somebody else", _join_outside(place) == inside))
        raw = _with_source(place, partial(_raw, sql=answer.question.sql))
        ways.append(("on the raw values", raw == inside))
        return Joined(names=names, rows=inside, ways=tuple(ways))
    return None


def _join_outside(place: Place) -> tuple[tuple[object, ...], ...]:
    """Join two masked answers in a database of our own, which knows neither keys nor values."""
    import duckdb

    one, two, join = JOIN_OUTSIDE
    with (
        connect(place.name, policy=place.policy, principal=ANALYST, purpose="join") as session,
        duckdb.connect() as elsewhere,
    ):
        elsewhere.register("one", session.query(one).table)
        elsewhere.register("two", session.query(two).table)
        return tuple(elsewhere.execute(join).fetchall())


def _raw(source: Source, sql: str) -> tuple[tuple[object, ...], ...]:
    stream = source.query(sql)
    return _rows(pa.Table.from_batches(list(stream), schema=stream.schema))


def _rows(table: pa.Table) -> tuple[tuple[object, ...], ...]:
    return tuple(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _with_source(place: Place, use: Callable[[Source], _T]) -> _T:
    policy, registry = load_policy(place.policy)
    source = open_source(registry, policy.sources[place.name].url)
    try:
        return use(source)
    finally:
        source.close()


def _audit(place: Place) -> Path:
    return load_policy(place.policy)[0].audit_path


def _tamper(log: Path) -> Finding | None:
    """Change one digit in a copy of the audit log, and see whether it is found."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "audit"
        shutil.copytree(log, copy)
        segment = min(copy.glob("audit-*.jsonl"), default=None)
        if segment is None:
            return None
        text = segment.read_text(encoding="ascii")
        segment.write_text(text.replace('"rows":0', '"rows":1', 1), encoding="ascii")
        findings = audit.verify(copy).findings
    return findings[0] if findings else None


def _lineage_events(place: Place) -> int | None:
    if not place.lineage.is_file():
        return None
    with place.lineage.open(encoding="utf-8") as file:
        return sum(bool(json.loads(line)) for line in file)


def _written(place: Place) -> list[Path]:
    return [
        place.policy,
        place.folder / ".gitignore",
        place.lineage,
        *sorted(_audit(place).glob("*.jsonl")),
    ]


def _save(place: Place, page: str) -> Path:
    path = place.folder / "report.html"
    fresh = path.with_name(".report.html.new")
    try:
        fresh.write_text(page, encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(path)
    except OSError as exc:
        problem = type(exc).__name__
    else:
        return path
    msg = f"The report {path} cannot be written: {problem}."
    raise SourceError(msg, hint="Choose another folder with --out.")
