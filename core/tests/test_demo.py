"""The demonstration: it works on its own shop and on any database, and leaks nothing."""

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from maskline import audit
from maskline.cli import main
from maskline.demo._attacks import attempts
from maskline.demo._generated import own_attacks, own_questions
from maskline.demo._hunt import hunt
from maskline.demo._lineage import lineage_svg
from maskline.demo._places import prepared
from maskline.demo._report import report_html
from maskline.demo._run import _ask, _look, _tamper
from maskline.demo._story import Answer, Attack, Column, Hunt, NoAnswer, Question, ask
from maskline.demo._tell import Teller
from maskline.model import ColumnRef, Decision, Label, Mask, Principal
from maskline.plugins import load_policy

PLANTED = re.compile(r"400000\d{10}|AKIA[A-Z2-7]{16}|9\d\d-\d\d-\d{4}|\+1-\d{3}-555-\d{4}")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the demonstration as a person would; return its folder and what was told."""
    folder = tmp_path_factory.mktemp("demo")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from maskline.cli import main; sys.exit(main())",
            "demo",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    return folder / "maskline-demo", run.stdout


def raw_values(folder: Path) -> set[str]:
    with duckdb.connect(str(folder / "shop.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT full_name, email, phone, ssn, CAST(date_of_birth AS VARCHAR) FROM customers"
        ).fetchall()
        texts = connection.execute(
            "SELECT card_number || ' ' || payload FROM orders UNION ALL SELECT body FROM "
            "support_tickets UNION ALL SELECT notes FROM customers WHERE notes IS NOT NULL"
        ).fetchall()
    found = {value for row in rows for value in row}
    return found | {value for (text,) in texts for value in PLANTED.findall(text)}


def test_it_tells_each_step_and_ends_with_the_report(demo: tuple[Path, str]) -> None:
    _, told = demo

    assert "11 of 24 columns in 4 tables hold something to protect" in told
    assert told.count(" Ask ") == 5
    assert told.count("✓ masks only") == 5
    assert told.count("✓ refused") == 3
    assert "LEAKED" not in told
    assert "equal in every number" in told
    assert "in a chain of hashes, whole" in told
    assert "one digit changed in a copy: found, edited" in told
    assert "none found" in told
    assert told.splitlines()[-1] == "report: maskline-demo/report.html"


def test_no_raw_value_is_in_anything_written_but_what_a_rule_revealed(
    demo: tuple[Path, str],
) -> None:
    folder, told = demo
    values = raw_values(folder)
    report = (folder / "report.html").read_text()
    others = "".join(
        path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {"shop.duckdb", "report.html"}
    )

    revealed = {value for value in values if value in report}

    assert len(values) > 4000
    assert [value for value in values if value in others] == []
    assert 0 < len(revealed) <= 8
    assert all(value.startswith("400000") for value in revealed)
    assert {value for value in values if value in told} <= revealed


def test_the_record_verifies_and_names_three_principals(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    records = list(audit.read(folder / "audit"))

    assert audit.verify(folder / "audit").ok
    assert {record["event"]["principal"]["id"] for record in records} == {
        "analyst",
        "investigator",
        "support-bot",
    }
    assert sum(record["event"]["outcome"] == "refused" for record in records) == 3
    on_masks = [record for record in records if record["event"]["decision"] == "at_read"]
    assert sum(record["event"]["outcome"] == "answered" for record in on_masks) == 5


def test_lineage_events_are_counted(demo: tuple[Path, str]) -> None:
    folder, told = demo
    outbox = folder / "lineage" / "outbox.jsonl"
    if not outbox.exists():
        pytest.skip("the openlineage plugin is not installed")

    events = [json.loads(line) for line in outbox.read_text().splitlines()]

    assert f"{len(events)} OpenLineage events" in told


def test_the_report_loads_nothing_runs_nothing_and_says_what_it_must(
    demo: tuple[Path, str],
) -> None:
    folder, _ = demo
    path = folder / "report.html"
    page = path.read_text()

    assert path.stat().st_mode & 0o777 == 0o600
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|javascript:", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert page.count('<pre class="sql">') == 13
    assert "<b>8 of 8</b><span>attacks got nothing: 5 answered on masks, 3 refused</span>" in page
    assert page.count("Answered on masks.") == page.count("as this SQL gives on a masked copy") == 5
    assert page.count("<b>Refused.</b>") == 3
    assert re.search(r"<td>\[US_SSN\]</td><td>email_[0-9a-f]{3}</td>", page)
    assert '<svg class="lineage"' in page
    assert "What this does not protect against" in page
    for words in (
        "CREDIT_CARD · revealed",
        "US_SSN · removed",
        "FREE_TEXT · scan",
        "PERSON · token",
    ):
        assert words in page


def test_the_policy_of_the_demonstration_has_no_mistake(demo: tuple[Path, str]) -> None:
    folder, _ = demo

    assert main(["policy", "check", str(folder / "policy.yaml")]) == 0


def test_it_can_be_run_again_and_goes_on_with_its_log(
    demo: tuple[Path, str], capfd: pytest.CaptureFixture[str]
) -> None:
    folder, _ = demo
    before = audit.verify(folder / "audit").records

    assert main(["demo", "--out", str(folder)]) == 0

    assert audit.verify(folder / "audit").records == 2 * before
    assert "the last 24 of" in (folder / "report.html").read_text()


def test_the_shop_is_the_same_each_time(demo: tuple[Path, str], tmp_path: Path) -> None:
    from maskline.demo._shop import make_shop

    make_shop(tmp_path / "shop.duckdb")

    query = "SELECT md5(string_agg(t::VARCHAR, '' ORDER BY t.id)) FROM {} AS t"
    with (
        duckdb.connect(str(tmp_path / "shop.duckdb"), read_only=True) as one,
        duckdb.connect(str(demo[0] / "shop.duckdb"), read_only=True) as two,
    ):
        for table in ("customers", "orders", "support_tickets"):
            sql = query.format(table)
            assert one.execute(sql).fetchall() == two.execute(sql).fetchall()


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_database_of_yours_is_read_and_never_changed(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"my crm.{engine}"
    script = [
        'CREATE TABLE "Odd ""Table" (id INTEGER, "e mail" VARCHAR, Note VARCHAR, n INTEGER)',
        "CREATE TABLE visitor (visitor_id INTEGER, email VARCHAR, ssn VARCHAR)",
    ]
    script += [
        f"""INSERT INTO "Odd ""Table" VALUES
            ({i}, 'someone.{i}@example.com', 'Mail to other.{i}@example.com', {i % 3})"""
        for i in range(40)
    ]
    script += [
        f"INSERT INTO visitor VALUES ({i}, 'someone.{2 * i}@example.com', '912-34-{1000 + i}')"
        for i in range(40)
    ]
    connection = sqlite3.connect(path) if engine == "sqlite" else duckdb.connect(str(path))
    for statement in script:
        connection.execute(statement)
    if engine == "sqlite":
        connection.commit()
    connection.close()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    beside = sorted(each.name for each in tmp_path.iterdir())

    assert main(["demo", "--database", path.name]) == 0

    told = capfd.readouterr().out
    folder = tmp_path / "maskline-demo-my_20crm"
    if not folder.exists():
        folder = tmp_path / "maskline-demo-my_crm"
    written = told + "".join(each.read_text() for each in folder.rglob("*") if each.is_file())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*beside, folder.name])
    assert "20" in re.search(r"pairs (\d+)", told)[0]
    assert told.count("✓ masks only") == 3
    assert told.count("✓ refused") == 1
    assert len(re.findall(r"Cut off a piece: piece \w+_", told)) == 1
    assert "Walk along the alphabet: hits 0 " in told
    assert "4 of 4</b><span>attacks got nothing" in written
    assert not re.search(r"(someone|other)\.\d+@|912-34-\d{4}", written)


def test_a_url_is_not_written_down(
    new_postgres_url: Callable[[], str],
    postgres_run: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKLINE_DEMO_URL", "kept")
    url = new_postgres_url()
    postgres_run(
        url,
        "CREATE TABLE people (id INT, email TEXT); INSERT INTO people "
        "SELECT i, 'someone.' || i || '@example.com' FROM generate_series(1, 50) AS i",
    )

    assert main(["demo", "--database", url, "--out", "out"]) == 0

    assert 'url: "${MASKLINE_DEMO_URL}"' in (tmp_path / "out" / "policy.yaml").read_text()
    told = capfd.readouterr().out
    assert told.count("✓ masks only") == 3
    assert "Walk along the alphabet: hits 0 " in told
    assert "someone." not in told
    assert os.environ["MASKLINE_DEMO_URL"] == "kept"


def test_a_database_without_anything_to_protect_has_a_report_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("dull.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS n FROM range(10)")

    assert main(["demo", "--database", "duckdb:///dull.duckdb"]) == 0

    told = capfd.readouterr().out
    assert "0 of 1 columns in 1 tables" in told
    assert (tmp_path / "maskline-demo-dull" / "report.html").exists()


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("missing.db", "FileNotFoundError"),
        ("text.txt", "it is neither a DuckDB nor an SQLite database"),
        ("nothing://here", "No plugin opens"),
    ],
)
def test_what_is_no_database_is_said_to_be_none(
    database: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("words")

    assert main(["demo", "--database", database]) in {1, 2}
    assert words in capfd.readouterr().err


def test_a_folder_that_cannot_be_made_is_a_failed_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()

    assert main(["demo", "--out", "file/demo"]) == 1
    assert "Choose another one with --out." in capfd.readouterr().err


def test_a_report_that_cannot_be_written_is_a_failed_source(
    demo: tuple[Path, str], capfd: pytest.CaptureFixture[str]
) -> None:
    folder, _ = demo
    (folder / ".report.html.new").mkdir()

    assert main(["demo", "--out", str(folder)]) == 1
    assert "report.html cannot be written: IsADirectoryError." in capfd.readouterr().err
    (folder / ".report.html.new").rmdir()


def test_a_raw_value_in_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x " + json.dumps("Zoë O'Brien & sons") + " 12345")
    values = {"Zoë O'Brien & sons", "Zoë nowhere", "1234567"}

    found = hunt(
        values,
        [],
        report="<b>Zoë O&#x27;Brien &amp; sons</b>",
        paths=[tmp_path / "a.txt"],
        root=tmp_path,
    )

    assert [(name, count) for name, _, count in found.places] == [("report.html", 1), ("a.txt", 1)]
    assert found.found == 2


def test_a_failure_that_is_no_refusal_is_told(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    question = Question(
        title="Fail",
        why="It does.",
        who=Principal(kind="human", id="x"),
        purpose="p",
        sql="SELECT CAST(status AS INTEGER) AS n FROM orders",
    )

    happened = ask(folder / "policy.yaml", "shop", question)

    assert isinstance(happened, NoAnswer)
    assert not happened.is_refused


def generic(relation: str, name: str, entity: str = "PUBLIC", kind: str = "INTEGER") -> Column:
    is_public = entity == "PUBLIC"
    return Column(
        ref=ColumnRef("main", relation, name),
        type=kind,
        label=Label(entity=entity),
        category="",
        decision=Decision(mask=None if is_public else Mask(name="token"), rule="default"),
    )


def test_without_shared_values_tables_are_joined_by_a_key() -> None:
    columns = [
        generic("customers", "id"),
        generic("customers", "email", "EMAIL_ADDRESS", "VARCHAR"),
        generic("orders", "customer_id"),
    ]

    questions = own_questions(columns, explains=lambda _: True, shares=lambda _a, _b: 0)

    assert any('ON a."id" = b."customer_id"' in question.sql for question in questions)
    assert own_attacks(columns[:1]) == []


def test_questions_that_would_be_refused_are_left_out() -> None:
    columns = [generic("a", "email", "EMAIL_ADDRESS", "VARCHAR"), generic("b", "a_id")]

    assert own_questions(columns, explains=lambda _: False, shares=lambda _a, _b: 0) == []


def _without_rows(answer: Answer) -> Answer:
    result = replace(answer.result, table=answer.result.table.slice(0, 0))
    return replace(answer, result=result)


def test_an_attack_that_gets_a_raw_value_or_more_than_a_copy_is_noticed(tmp_path: Path) -> None:
    ask_for = partial(Question, title="Ask", why="Why.", purpose="chargeback")
    fraud = Principal(kind="human", id="x", roles=("fraud",))
    analyst = Principal(kind="human", id="y")
    with prepared(tmp_path / "demo", "") as place:
        columns = _look(place)
        masked = "SELECT card_number FROM orders WHERE id = 1183"
        in_order = "SELECT substr(email, 1, 9) AS e FROM customers ORDER BY e"
        with duckdb.connect(str(place.folder / "shop.duckdb"), read_only=True) as connection:
            ((card,),) = connection.execute(masked).fetchall()

        tried = list(
            attempts(
                place,
                [
                    ask_for(who=fraud, sql=masked),
                    ask_for(who=analyst, sql=masked),
                    ask_for(who=analyst, sql=in_order),
                    ask_for(who=analyst, sql="SELECT c FROM customers AS c"),
                ],
                columns,
                values={card},
            )
        )

    assert [(attack.found, attack.is_copy) for attack in tried] == [
        (1, False),
        (0, True),
        (0, True),
        (0, None),
    ]
    assert [attack.got_nothing for attack in tried] == [False, True, True, True]


def test_what_goes_wrong_is_told_and_reported(tmp_path: Path) -> None:
    with prepared(tmp_path / "demo", "") as place:
        columns = _look(place)
        shown = io.StringIO()
        teller = Teller(Console(file=shown, width=200))
        story = _ask(place, columns, {"nothing of it"}, teller)
        question = Question(
            title="Fail <b>",
            why="It does.",
            who=Principal(kind="human", id="x"),
            purpose="p",
            sql="SELECT CAST(status AS INTEGER) AS n FROM orders",
        )
        failure = ask(place.policy, "shop", question)
    assert isinstance(failure, NoAnswer)
    # As if cards were found that the rule for frauds reveals, or a masked copy had others.
    found_raw = Attack(happened=story.answers[2], found=40, is_copy=True)
    differs_from_copy = Attack(happened=story.answers[2], is_copy=False)
    empty = Attack(happened=_without_rows(story.answers[0]))
    assert story.joined is not None
    differs = replace(
        story.joined, rows=((None, 1, "x", 2.5),), ways=(("on tokens", True), ("raw", False))
    )
    damaged = replace(story.verification, ok=False)
    bad = replace(
        story,
        is_shop=False,
        failures=(failure,),
        attacks=(found_raw, differs_from_copy, empty, Attack(happened=failure)),
        joined=differs,
        verification=damaged,
        tampered=None,
        lineage_events=None,
    )
    found = Hunt(values=9, revealed=0, places=(("report.html", 10, 2),))

    teller.answered(failure)
    teller.answered(empty.happened)
    for attack in bad.attacks:
        teller.attacked(attack)
    teller.joined(differs)
    teller.joined(None)
    teller.end(bad, found, tmp_path / "report.html")
    page = report_html(bad, found)
    nothing = report_html(replace(bad, answers=(), attacks=(), joined=None), None)

    told = shown.getvalue()
    for words in ("DuckDB refused the statement", "the answers differ", "DAMAGED"):
        assert words in told
    assert told.count("✗ LEAKED     Which cards were charged back?") == 2
    assert "✓ masks only Who are our customers?: no row" in told
    assert "✓ failed     Fail <b>: " in told
    assert "2 found" in told
    assert "Not answered." in page
    assert "Fail &lt;b&gt;" in page
    assert "The answers differ." in page
    assert "The log is not what was written." in page
    assert "Words that also stand in texts" in page
    attacks = page[page.index("Trying to break in") : page.index("The record")]
    assert attacks.count(">Leaked.</b> 40 rows.") == 2
    assert "40 raw values" in attacks
    assert "Not the same as this SQL gives on a masked copy" in attacks
    # What leaked is not shown once more.
    assert "4000" not in attacks
    assert "Answered on masks.</b> 0 rows." in attacks
    assert "2 of 4</b><span>attacks got nothing: 2 leaked, 1 answered on masks, 1 failed" in page
    assert "break in" not in nothing
    assert "attacks got nothing" not in nothing
    assert "<svg class=" not in nothing.replace('<svg class="mk-shield"', "")


def test_a_log_without_records_cannot_be_tampered_with(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()

    assert _tamper(tmp_path / "audit") is None


def test_a_drawing_takes_any_name(demo: tuple[Path, str]) -> None:
    question = Question(
        title="Names",
        why="Odd.",
        who=Principal(kind="human", id="x"),
        purpose="p",
        sql="SELECT email AS a_very_long_name_of_a_column, 1 AS one FROM customers",
    )

    answer = ask(demo[0] / "policy.yaml", "shop", question)

    assert isinstance(answer, Answer)
    odd = replace(answer.plan.outputs[1], name="<b>")
    plan = replace(answer.plan, outputs=(answer.plan.outputs[0], odd))
    drawing = lineage_svg(replace(answer, plan=plan))
    assert "<b>" not in drawing
    assert "…" in drawing


def test_the_example_is_the_policy_that_the_scan_proposes(
    demo: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = demo
    example = tmp_path / "policy.yaml"
    example.write_bytes((Path(__file__).parents[2] / "examples/shop.policy.yaml").read_bytes())
    (tmp_path / "keyring.json").write_bytes((folder / "keyring.json").read_bytes())
    (tmp_path / "keyring.json").chmod(0o600)

    mine, _ = load_policy(example, strict=True)
    theirs, _ = load_policy(folder / "policy.yaml")

    assert mine.labels == theirs.labels
    assert mine.masks == theirs.masks
    assert len(mine.rules) == len(theirs.rules)


def test_a_damaged_log_is_told(
    demo: tuple[Path, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(demo[0], folder)
    segment = max((folder / "audit").glob("audit-*.jsonl"))
    segment.write_text(segment.read_text().replace('"rows":0', '"rows":1'))

    assert main(["demo", "--out", str(folder)]) == 1
    assert "records in a chain of hashes, DAMAGED" in capfd.readouterr().out
