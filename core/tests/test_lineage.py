"""Lineage drawn from the audit log: right, readable, self-contained, and without any value."""

import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

import maskline
from maskline.audit import AuditLog, to_json
from maskline.cli import main
from maskline.lineage import (
    Graph,
    Job,
    Relation,
    SourceColumn,
    build_graph,
    to_html,
    to_svg,
)
from maskline.lineage import to_json as graph_json
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
from maskline.tokens import Keyring

EMAIL = ColumnRef("main", "customer", "email")
SSN = ColumnRef("main", "customer", "ssn")
ID = ColumnRef("main", "customer", "id")
AMOUNT = ColumnRef("main", "orders", "amount")
SVG = "{http://www.w3.org/2000/svg}"
CUSTOMER = Relation("shop", "main", "customer")
ORDERS = Relation("shop", "main", "orders")


def answered(**changes: Any) -> AccessEvent:
    made = AccessEvent(
        query_id="0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        time="2026-03-01T12:00:00.500000Z",
        outcome=Outcome.ANSWERED,
        principal=Principal(kind="agent", id="bot"),
        purpose="chargeback",
        source="shop",
        namespace="duckdb:///shop.duckdb",
        dialect="duckdb",
        sql="SELECT email, COUNT(ssn) FROM main.customer WHERE id = ?",
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
        outputs=(
            OutputColumn(
                name="email",
                sources=((EMAIL, (Flow.IDENTITY,)), (ID, (Flow.CONDITIONAL,))),
                label=Label(entity="EMAIL_ADDRESS"),
                mask=Mask(name="token", options=(("keep", "domain"),)),
                rule="masks.EMAIL_ADDRESS",
            ),
            OutputColumn(name="", sources=((SSN, (Flow.COUNT,)),)),
        ),
        influences=((ID, (Flow.FILTER,)),),
        rows=3,
    )
    return replace(made, **changes)


def other(number: int, **changes: Any) -> AccessEvent:
    """An answer to another statement."""
    given = {"sql": f"SELECT amount FROM orders_{number}", "fingerprint": f"{number:064x}"}
    outputs = (OutputColumn(name="amount", sources=((AMOUNT, (Flow.IDENTITY,)),)),)
    return answered(**given, **{"outputs": outputs, "influences": (), **changes})


def graph_of(*events: AccessEvent, **options: Any) -> Graph:
    # What stands in the log is what json reads.
    return build_graph(json.loads(json.dumps([to_json(event) for event in events])), **options)


# The graph.


def test_the_graph_has_tables_columns_and_answers() -> None:
    graph = graph_of(answered())
    [answer] = graph.answers

    assert graph.relations() == {CUSTOMER: ["email", "id", "ssn"]}
    assert graph.entities() == {SourceColumn(CUSTOMER, "email"): "EMAIL_ADDRESS"}
    assert answer.columns == answered().outputs
    assert answer.influences == answered().influences
    assert (graph.queries, graph.omitted) == (1, 0)


def test_runs_of_one_statement_with_the_same_masks_are_one_answer() -> None:
    again = answered(
        query_id="other", principal=Principal(kind="human", id="kim"), time="2026-03-02T00:00:00Z"
    )
    more = replace(again, query_id="third")
    graph = graph_of(answered(outcome=Outcome.STARTED, rows=0), answered(), again, more)
    [answer] = graph.answers

    assert (answer.runs, answer.rows) == (3, 9)
    assert answer.people == {"agent:bot": 1, "human:kim": 2}
    assert answer.purposes == {"chargeback": 3}
    assert (answer.first, answer.last) == (answered().time, again.time)
    assert (graph.first, graph.last, graph.queries) == (answered().time, again.time, 3)


def test_who_sees_it_raw_gets_an_answer_of_their_own() -> None:
    email, count = answered().outputs
    raw = answered(outputs=(replace(email, mask=None, rule="rules[0]"), count))
    graph = graph_of(answered(), raw)

    assert [answer.runs for answer in graph.answers] == [1, 1]
    assert [
        [c["method"] for c in answer["columns"]] for answer in graph_json(graph)["answers"]
    ] == [  # type: ignore[union-attr, index, call-overload]
        ["token", ""],
        ["revealed", ""],
    ]


@pytest.mark.parametrize(
    "changes", [{"outcome": Outcome.REFUSED}, {"outputs": (), "reads": (ReadColumn(ref=ID),)}]
)
def test_what_was_not_answered_is_not_drawn(changes: dict[str, Any]) -> None:
    assert graph_of(answered(**changes)).answers == ()


def test_a_query_that_never_ended_is_drawn_and_has_no_run() -> None:
    [answer] = graph_of(answered(outcome=Outcome.STARTED)).answers

    assert answer.runs == 0
    assert "nobody to the end" in to_svg(graph_of(answered(outcome=Outcome.STARTED)))


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("customer", {CUSTOMER}),
        ("CUSTOMER", {CUSTOMER}),
        ("main.customer", {CUSTOMER}),
        ("shop.main.customer", {CUSTOMER}),
        ("customer.email", {CUSTOMER}),
        ("shop.main.customer.email", {CUSTOMER}),
        ("main", set()),
        ("email", {CUSTOMER}),
        ("other.customer", set()),
        ("orders", {ORDERS}),
        ("", {CUSTOMER, ORDERS}),
    ],
)
def test_a_table_or_column_picks_what_reads_it(table: str, found: set[Relation]) -> None:
    assert set(graph_of(answered(), other(1), table=table).relations()) == found


def test_only_what_is_recent_enough_counts() -> None:
    late = other(1, time="2026-03-05T00:00:00.000000Z")

    assert len(graph_of(answered(), late).answers) == 2
    assert len(graph_of(answered(), late, since="2026-03-02T00:00:00.000000Z").answers) == 1
    assert graph_of(answered(), since="2027").answers == ()


def test_at_most_so_many_answers_are_drawn_and_the_rest_is_counted() -> None:
    events = [other(n, time=f"2026-03-01T12:00:{n:02}.000000Z") for n in range(9)]
    graph = graph_of(*events, most=4)

    assert [answer.sql[-1] for answer in graph.answers] == ["8", "7", "6", "5"]
    assert graph.omitted == 5
    assert "The 4 that were asked last are drawn." in to_html(graph)


def test_a_purpose_that_nobody_stated_is_none() -> None:
    assert graph_of(answered(purpose="")).answers[0].purposes == {}


def test_jobs_are_what_queries_were_part_of() -> None:
    parent = ("airflow", "dag.task", "5d0b7e0a-2a5e-4f0b-8a53-3f1f1e0f7a10")
    graph = graph_of(answered(parent_run=parent), answered(parent_run=parent), other(1))

    assert graph.answers[0].jobs == {Job("airflow", "dag.task"): 2}
    assert "dag.task" in to_svg(graph)


# The drawing.


def parse(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - our own drawing


def boxes(root: ET.Element) -> list[tuple[float, float, float, float]]:
    return [
        (
            float(rect.get("x", 0)),
            float(rect.get("y", 0)),
            float(rect.get("width", 0)),
            float(rect.get("height", 0)),
        )
        for rect in root.iter(f"{SVG}rect")
        if rect.get("class") == "box"
    ]


def many(statements: int, columns: int) -> Graph:
    """Tables that are joined across, read by many statements."""

    def event(number: int) -> AccessEvent:
        refs = [
            ColumnRef("main", f"table_{(number * 7 + place) % 9}", f"column_{place}")
            for place in range(columns)
        ]
        outputs = tuple(
            OutputColumn(
                name=ref.column,
                sources=((ref, (Flow.IDENTITY,)),),
                label=Label(entity="US_SSN"),
                mask=Mask(name=("token", "redact", "partial", "scan", "fpe")[place % 5]),
            )
            for place, ref in enumerate(refs)
        )
        parent = ("airflow", f"dag.task_{number % 4}", "run") if number % 3 else None
        return other(number, outputs=outputs, influences=((refs[0], (Flow.JOIN,)),),
                     parent_run=parent)  # fmt: skip

    return graph_of(*(event(number) for number in range(statements)), most=statements)


@pytest.mark.parametrize("graph", [graph_of(answered()), many(1, 1), many(20, 5), many(3, 30)])
def test_boxes_are_apart_and_inside(graph: Graph) -> None:
    root = parse(to_svg(graph))
    found = boxes(root)
    jobs = {job for answer in graph.answers for job in answer.jobs}

    assert len(found) == len(graph.relations()) + len(graph.answers) + len(jobs)
    for at, (x, y, width, height) in enumerate(found):
        assert x >= 0
        assert y >= 0
        assert x + width <= float(root.get("width", 0))
        assert y + height <= float(root.get("height", 0))
        for left, top, wide, high in found[at + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y


def test_every_flow_is_a_line_from_its_column_to_its_column() -> None:
    root = parse(to_svg(graph_of(answered())))
    edges = [path.get("class", "").split() for path in root.iter(f"{SVG}path")]
    lines = {group.get("class", "").split()[1] for group in root.iter(f"{SVG}g")
             if "column" in group.get("class", "")}  # fmt: skip

    assert sorted(edges) == [
        ["edge", "decides", "s1", "a0-2"],
        ["edge", "decides", "token", "s1", "a0-0"],
        ["edge", "thick", "changed", "s2", "a0-1"],
        ["edge", "thick", "token", "s0", "a0-0"],
    ]
    assert {name for edge in edges for name in edge[-2:]} <= lines


def test_a_masked_column_is_marked_in_words_too() -> None:
    email, count = answered().outputs
    raw = answered(outputs=(replace(email, mask=None, rule="rules[0]"), count))
    drawing = to_svg(graph_of(answered(), raw))

    assert "EMAIL_ADDRESS · token" in drawing
    assert "EMAIL_ADDRESS · revealed" in drawing
    assert "masked by token(keep=domain), as masks.EMAIL_ADDRESS says" in drawing
    assert "shown raw, as rules[0] says" in drawing


def test_nothing_is_loaded_and_nothing_runs() -> None:
    page = to_html(many(5, 5))
    without = page.replace("http://www.w3.org/2000/svg", "")

    assert "default-src 'none'" in page
    assert not re.search(
        r"https?:|//|url\(|@import|<script|<link|<img|href=|src=|\son\w+=", without
    )
    assert page.count("prefers-color-scheme: dark") == 2


def test_names_from_the_log_are_escaped() -> None:
    evil = '<script>alert("1")</script>&\u202e\x1b'
    ref = ColumnRef(evil, evil, evil)
    email = replace(answered().outputs[0], name=evil, sources=((ref, (Flow.IDENTITY,)),), rule=evil)
    event = answered(outputs=(email,), influences=(), sql=evil, source=evil, purpose=evil,
                     principal=Principal(kind="human", id=evil),
                     parent_run=(evil, evil, "x"))  # fmt: skip
    graph = graph_of(event)
    page = to_html(graph, about=evil)

    parse(to_svg(graph))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_an_empty_graph_is_a_page_that_says_so() -> None:
    page = to_html(graph_of(), about="on customer")

    assert "The audit log has no answer on customer." in page
    assert "<svg xmlns" not in page
    assert parse(to_svg(graph_of())).get("viewBox")


def test_the_table_sums_up_what_became_of_each_sensitive_column() -> None:
    email, count = answered().outputs
    kim = Principal(kind="human", id="kim")
    raw = answered(outputs=(replace(email, mask=None, rule="rules[0]"), count), principal=kim)
    page = to_html(graph_of(answered(), answered(), raw))
    rows = [re.findall(r">([^<]+)", row)[1:] for row in re.findall(r"<tr><td><code>.*?</tr>", page)]

    assert rows == [
        ["EMAIL_ADDRESS", "shown raw", "rules[0]", "1", "human:kim"],
        ["EMAIL_ADDRESS", "token(keep=domain)", "masks.EMAIL_ADDRESS", "2", "agent:bot"],
    ]
    assert page.count("<code>shop.main.customer.email</code>") == 2
    assert "1 is masked, and 1 sensitive one is shown raw." in page


def test_a_large_graph_is_drawn_in_seconds() -> None:
    graph = many(200, 30)
    began = time.perf_counter()
    drawing = to_svg(graph)

    assert time.perf_counter() - began < 10
    assert drawing.count('class="edge') >= 200 * 30
    parse(to_svg(many(1, 1_000)))


# The command.


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute(
            "CREATE TABLE people AS SELECT 1 AS id, 'ann.canary@example.com' AS email, "
            "'912-34-1001' AS ssn"
        )
    Keyring.generate().save("keyring.json")
    Path("policy.yaml").write_text(
        "version: 1\nkeys: {file: keyring.json}\nsources: {shop: {url: 'duckdb:///shop.duckdb'}}\n"
        "labels: {shop: {main.people: {id: PUBLIC, email: EMAIL_ADDRESS, ssn: US_SSN}}}\n"
        "rules: [{who: {role: fraud}, what: US_SSN, do: reveal}]\n"
    )
    fraud = Principal(kind="human", id="kim", roles=("fraud",))
    with maskline.connect(principal=fraud, purpose="chargeback") as session:
        session.query("SELECT email, ssn FROM people WHERE id = 1")
        session.query("SELECT email AS \"ann.canary\" FROM people WHERE ssn = '912-34-1001'")
        with pytest.raises(maskline.MasklineError):
            session.query("SELECT '912-34-1001' FROM nothing")
    return tmp_path


def test_the_command_draws_what_was_asked(
    shop: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    shown = {}
    for form in ("html", "svg", "json"):
        assert main(["lineage", "--format", form]) == 0
        shown[form] = capfdbinary.readouterr().out.decode()

    assert shown["html"].startswith("<!doctype html>")
    assert "US_SSN · revealed" in shown["html"]
    assert parse(shown["svg"]).tag == f"{SVG}svg"
    found = json.loads(shown["json"])
    assert [relation["name"] for relation in found["relations"]] == ["people"]
    assert len(found["answers"]) == found["queries"] == 2
    for text in shown.values():
        assert "912-34" not in text
        assert "@example" not in text


def test_the_command_writes_a_file_as_its_suffix_says(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lineage", "--out", "a.svg", "--audit", "audit"]) == 0
    assert main(["lineage", "-o", "a.txt", "--format", "json", "--last", "1"]) == 0

    parse(Path("a.svg").read_text())
    assert json.loads(Path("a.txt").read_text())["omitted"] == 1
    assert Path("a.svg").stat().st_mode & 0o777 == 0o600
    assert "a.svg: 2 answers, 2 queries" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("since", "answers"),
    [("1m", 2), ("2h", 2), ("30d", 2), ("4w", 2), ("2020-01-01", 2), ("2020-01-01T01:00+02:00", 2),
     ("2099-01-01", 0)],
)  # fmt: skip
def test_an_age_or_a_time_limits_what_is_drawn(
    shop: Path, capfdbinary: pytest.CaptureFixture[bytes], since: str, answers: int
) -> None:
    assert main(["lineage", "--format", "json", "--since", since]) == 0
    shown = capfdbinary.readouterr()

    assert len(json.loads(shown.out)["answers"]) == answers
    assert (b"has no answer since 2099-01-01T00:00Z" in shown.err) == (not answers)


@pytest.mark.parametrize(
    "since", ["soon", "30", "5y", "999999w", "2026-13-01", "0001-01-01T00:00+14:00"]
)
def test_what_is_neither_an_age_nor_a_time_is_refused(
    shop: Path, capsys: pytest.CaptureFixture[str], since: str
) -> None:
    assert main(["lineage", "--format", "json", "--since", since]) == 2
    assert "--since is neither an age nor a time." in capsys.readouterr().err


def test_a_terminal_gets_no_page(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskline.cli._lineage.is_terminal", lambda: True)

    assert main(["lineage"]) == 2
    assert "--out lineage.html" in capsys.readouterr().err


def test_a_log_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["lineage", "--format", "json"]) == 3


def test_a_policy_without_an_outbox_has_nothing_to_forward(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lineage", "flush"]) == 2
    assert "has no sink with an outbox" in capsys.readouterr().err


def test_records_of_other_events_do_not_matter(
    tmp_path: Path, sparse: Callable[[], AccessEvent]
) -> None:
    log = AuditLog.open(tmp_path / "log")
    log.append(sparse())
    log.append(answered())

    from maskline import audit

    graph = build_graph(record["event"] for record in audit.read(tmp_path / "log"))
    assert len(graph.answers) == 1


@pytest.fixture
def sparse() -> Callable[[], AccessEvent]:
    return lambda: answered(outputs=(), influences=(), sql="", fingerprint="", decision="unmask")
