"""Detection is measured right, on sets small enough to count by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskline.cli import main
from maskline.entities import Category, Entity
from maskline.errors import UsageError
from maskline.evaluation import LabelledColumn, LabelledText, Miss, evaluate, read_dataset, tabulate
from maskline.evaluation._columns import ColumnTally
from maskline.evaluation._counting import Counts, Resampling, measures, share
from maskline.evaluation._matching import Finding, overlaps, pair
from maskline.evaluation._names import Names
from maskline.evaluation._records import LabelledSpan
from maskline.evaluation._systems import System, alone, ours
from maskline.evaluation._texts import TextTally
from maskline.evaluation._values import ValueTally
from maskline.hookspecs import hookimpl
from maskline.model import Spans
from maskline.plugins import load_registry

PROSE = Path(__file__).parent / "data/prose.txt"


def text(body, *spans, scope="*", **more):
    record = {"id": "r", "text": body, "spans": spans, "scope": [scope], "kind": "text"}
    return json.dumps(record | more)


def saved(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def ignore(_miss, _text):
    pass


def tally(*records, only=(), on_miss=ignore):
    """Count pairs of labels and findings, in texts of some scope."""
    made = TextTally(Names(["API_KEY"], only=only), iou=0.9, on_miss=on_miss)
    for labels, found, scope in records:
        record = LabelledText(
            id="r",
            text="x" * 100,
            spans=tuple(LabelledSpan(*label) for label in labels),
            scope=frozenset(scope),
        )
        made.add(record, [Finding(*one) for one in found])
    return made


def counted(counts):
    return tuple(counts.sums[:, 0].astype(int).tolist())


def test_json_lines_are_read(tmp_path):
    path = saved(
        tmp_path / "set.jsonl",
        text("Zoë in Ulm", [0, 3, "PERSON"], id="a", lang="de"),
        "",
        text("x", kind="value", scope="IP_ADDRESS"),
        json.dumps({"table": "t", "name": "n", "values": ["1", "2"], "label": "AGE"}),
    )

    first, second, third = read_dataset(path)

    assert first.spans == ((0, 3, "PERSON"),)
    assert (first.id, first.language, first.is_value) == ("a", "de", False)
    assert (second.is_value, second.scope) == (True, {"IP_ADDRESS"})
    assert third == LabelledColumn(id="set-4", table="t", name="n", values=("1", "2"), label="AGE")


def test_prose_is_read_without_its_labels(tmp_path):
    path = saved(
        tmp_path / "set.txt",
        "# A comment.",
        "== one en",
        "Hi [[PERSON:Ada",
        "Quill]], [[DATE_TIME?:noon]]?",
        "",
        "== two de scope=AGE,US_SSN",
        "[[AGE:7]]",
    )

    first, second = read_dataset(path)

    assert first.text == "Hi Ada\nQuill, noon?"
    assert first.spans == ((3, 12, "PERSON"), (14, 18, "DATE_TIME?"))
    assert (second.id, second.text, second.language) == ("two", "7", "de")
    assert second.scope == {"AGE", "US_SSN"}


@pytest.mark.parametrize(
    ("name", "line", "place"),
    [
        ("set.csv", "canary", "set.csv"),
        ("set.jsonl", '{"text": "canary"}', "set.jsonl:1"),
        ("set.jsonl", "canary", "set.jsonl:1"),
        ("set.jsonl", text("canary", [0, 7, "PERSON"]), "set.jsonl:1"),
        ("set.jsonl", text("canary", [3, 3, "PERSON"]), "set.jsonl:1"),
        ("set.jsonl", text(7), "set.jsonl:1"),
        ("set.txt", "canary", "set.txt:1"),
        ("set.txt", "== canary", "set.txt:1"),
        ("set.txt", "== a en\n[[PERSON:canary", "set.txt:1"),
        ("set.txt", "== a en\n[[PERSON:]] canary", "set.txt:1"),
    ],
)
def test_what_is_no_set_is_refused_without_showing_it(tmp_path, name, line, place):
    path = saved(tmp_path / name, line)

    with pytest.raises(UsageError, match=place) as caught:
        list(read_dataset(path))

    assert "canary" not in str(caught.value)


def test_a_set_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="FileNotFoundError"):
        list(read_dataset(tmp_path / "set.jsonl"))


def test_overlaps_are_the_same_as_those_of_a_plain_loop():
    random = np.random.default_rng(7)
    for _ in range(50):
        marks = random.integers(0, 60, (2, 12, 2))
        labels, found = ([(int(min(a, b)), int(max(a, b)) + 1) for a, b in part] for part in marks)
        expected = {
            (i, j)
            for i, (a, b) in enumerate(labels)
            for j, (c, d) in enumerate(found)
            if min(b, d) > max(a, c)
        }

        shared = overlaps(
            [LabelledSpan(a, b, "X") for a, b in labels], [Finding(c, d, "X", 1) for c, d in found]
        )

        assert {(label, finding) for _, label, finding in shared} == expected
        assert [ratio for ratio, *_ in shared] == sorted((it[0] for it in shared), reverse=True)


def test_a_finding_is_given_to_one_label_only():
    labels = [LabelledSpan(0, 10, "A"), LabelledSpan(10, 20, "A")]
    shared = overlaps(labels, [Finding(0, 20, "A", 1.0)])

    assert pair(shared, lambda _label, _finding: True, 0.5) == {0: 0}
    assert pair(shared, lambda _label, _finding: True, 0.6) == {}
    assert pair(shared, lambda _label, _finding: False, 0.5) == {}


def test_entities_are_counted_as_right_wrong_and_missed():
    made = tally(
        (
            [(0, 10, "PERSON"), (20, 30, "PERSON"), (40, 50, "AGE")],
            [(0, 10, "PERSON", 1), (20, 28, "PERSON", 1), (60, 70, "URL", 1)],
            "*",
        )
    )

    assert counted(made.entities["PERSON"]) == (1, 1, 1)
    assert counted(made.entities["AGE"]) == (0, 0, 1)
    assert counted(made.entities["URL"]) == (0, 1, 0)
    assert counted(made.anything[0.9]) == (1, 2, 2)
    assert counted(made.anything[0.7]) == (2, 1, 1)
    figures = made.figures()
    assert figures["overlapped"]["hits"] == figures["entities"]["PERSON"]["overlapped"]["hits"] == 2
    assert (figures["characters"]["hits"], figures["characters"]["total"]) == (18, 30)
    confusion = {(it["wanted"], it["found"]): it["number"] for it in figures["confusion"]}
    assert confusion == {
        ("PERSON", "PERSON"): 2, ("AGE", "nothing"): 1, ("nothing", "URL"): 1,
    }  # fmt: skip


def test_everything_that_is_wrong_is_told_once():
    misses = []
    tally(
        (
            [(0, 10, "PERSON"), (20, 30, "PERSON"), (40, 50, "AGE")],
            [(0, 10, "PERSON", 1), (20, 25, "URL", 1), (26, 30, "URL", 1), (60, 70, "URL", 1)],
            "*",
        ),
        on_miss=lambda miss, text: misses.append((miss.start, miss.wanted, miss.found, len(text))),
    )

    assert misses == [
        (20, "PERSON", "URL", 10),
        (40, "AGE", "nothing", 10),
        (26, "nothing", "URL", 4),
        (60, "nothing", "URL", 10),
    ]


def test_what_is_out_of_scope_counts_for_nothing():
    made = tally(([], [(0, 5, "PERSON", 1), (6, 9, "IP_ADDRESS", 1)], ["IP_ADDRESS"]))

    assert list(made.entities) == ["IP_ADDRESS"]
    assert counted(made.anything[0.9]) == (0, 0, 0)
    assert made.figures()["flagged_texts"]["hits"] == 1


def test_where_people_may_differ_a_finding_counts_for_nothing():
    labels = [(0, 6, "DATE_TIME?"), (10, 20, "PERSON")]

    found = tally((labels, [(0, 4, "DATE_TIME", 1), (10, 20, "PERSON", 1)], "*"))
    missed = tally((labels, [(10, 20, "PERSON", 1)], "*"))
    other = tally((labels, [(0, 6, "PHONE_NUMBER", 1)], "*"))

    assert found.entities.keys() == missed.entities.keys() == {"PERSON"}
    assert counted(other.entities["PHONE_NUMBER"]) == (0, 1, 0)


def test_only_the_entities_that_are_asked_for_are_counted():
    labels = [(0, 6, "PERSON"), (10, 20, "AGE")]

    made = tally((labels, [(0, 6, "PERSON", 1), (30, 40, "URL", 1)], "*"), only=["PERSON"])

    assert made.entities.keys() == {"PERSON"}
    assert counted(made.anything[0.9]) == (1, 0, 0)


def test_other_names_of_an_entity_match():
    names = Names(["API_KEY", "GITHUB_TOKEN"])

    assert names.match("ORG", "ORGANIZATION")
    assert names.match("GPE", "STREET_ADDRESS")
    assert names.match("US_PASSPORT", "PASSPORT")
    assert names.match("PASSPORT", "US_PASSPORT")
    assert names.match("github-pat", "GITHUB_TOKEN")
    assert not names.match("github-pat", "URL")
    assert not names.match("UK_PASSPORT", "US_PASSPORT")
    assert not names.match_exactly("US_PASSPORT", "PASSPORT")
    assert names.covers(["*"], "ANYTHING")
    assert not names.covers(["AGE"], "PERSON")


def test_a_wrong_finding_counts_under_the_label_of_its_set():
    made = tally(
        ([(0, 10, "ADDRESS")], [(0, 10, "STREET_ADDRESS", 1), (20, 30, "ZIP_CODE", 1)], "*")
    )
    figures = made.figures()

    assert list(figures["entities"]) == ["ADDRESS"]
    assert figures["entities"]["ADDRESS"]["precision"]["value"] == 0.5
    assert figures["entities"]["ADDRESS"]["recall"]["value"] == 1.0


def test_rules_for_secrets_count_as_one():
    made = tally(
        ([(0, 10, "github-pat")], [(0, 10, "API_KEY", 1)], ["github-pat"]),
        ([(0, 10, "KeywordDetector")], [(20, 30, "API_KEY", 1)], ["KeywordDetector"]),
    )
    same = {(it["wanted"], it["found"]): it["is_same"] for it in made.figures()["confusion"]}

    assert same == {
        ("SECRET", "API_KEY"): True,
        ("SECRET", "nothing"): False,
        ("nothing", "API_KEY"): False,
    }
    assert {name: counted(counts) for name, counts in made.entities.items()} == {
        "SECRET": (1, 1, 1)
    }


def test_f2_weighs_recall_and_has_an_interval():
    counts, resampling = Counts(), Resampling()
    for _ in range(50):
        counts.add(resampling.draw(), right=1, missed=1)
    for _ in range(25):
        counts.add(resampling.draw(), wrong=1)

    told = measures([counts])
    precision, recall = 50 / 75, 0.5

    assert (told.precision.value, told.recall.value) == (precision, recall)
    assert told.f2 == pytest.approx(5 * precision * recall / (4 * precision + recall))
    assert told.f2_low < told.f2 < told.f2_high
    assert told.f2_high - told.f2_low < 0.3


def test_shares_have_the_interval_of_wilson():
    told = share(8, 10)

    # From Wilson's formula, by hand.
    assert (round(told.low, 4), round(told.high, 4)) == (0.4902, 0.9433)
    assert share(0, 0).value == 0
    assert share(10, 10).high == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rank", "is_right"),
    [
        ({"IBAN_CODE": 0.9, "URL": 0.3}, True),
        ({"IBAN_CODE": 0.9, "URL": 0.9}, False),
        ({"URL": 0.9}, False),
        ({}, False),
    ],
)
def test_a_value_is_right_if_its_entity_is_alone_on_top(rank, is_right):
    misses = []
    made = ValueTally(Names([]), on_miss=lambda miss, _text: misses.append(miss))
    record = LabelledText(
        id="v", text="123", spans=(LabelledSpan(0, 3, "IBAN_CODE"),), is_value=True
    )

    made.add(record, rank)

    assert made.figures()["values"]["entities"] == {"IBAN_CODE": {"on_top": is_right, "total": 1}}
    assert len(misses) == (not is_right)


def test_a_value_that_is_nothing_is_flagged_by_any_finding():
    made = ValueTally(Names([], only=["URL"]), on_miss=ignore)
    nothing = LabelledText(id="v", text="123", spans=(), is_value=True)

    for scores in ({"URL": 0.1}, {}, {"AGE": 0.9}):
        made.add(nothing, scores)
    made.add(replace(nothing, spans=(LabelledSpan(0, 3, "AGE"),)), {})

    flagged = made.figures()["values"]["flagged"]
    assert (flagged["hits"], flagged["total"]) == (1, 3)


def test_columns_are_right_or_masked_or_missed():
    made = ColumnTally(Names([]), on_miss=ignore)
    for label, found in (
        ("NONE", "PUBLIC"),
        ("NONE", "PERSON"),
        ("PERSON", "PERSON"),
        ("PERSON", "FREE_TEXT"),
        ("AGE", "UNKNOWN"),
        ("DATE_TIME", "PUBLIC"),
    ):
        made.add(LabelledColumn(id="c", table="t", name="n", values=(), label=label), found)
    figures = made.figures()["columns"]

    assert figures["top_1"]["hits"] == 3
    assert (figures["sensitive_recall"]["hits"], figures["sensitive_recall"]["total"]) == (2, 3)
    assert figures["sensitive_precision"]["total"] == 3
    assert (figures["direct_recall"]["hits"], figures["direct_recall"]["total"]) == (1, 2)


def test_what_is_built_in_is_measured_on_a_file(tmp_path):
    misses = []
    path = saved(
        tmp_path / "set.jsonl",
        text("Zoë: zoe@example.org", [5, 20, "EMAIL_ADDRESS"], id="a"),
        text("nothing to see", scope="EMAIL_ADDRESS", id="b"),
        text("reach me at ada@", [12, 16, "EMAIL_ADDRESS"], scope="EMAIL_ADDRESS", id="c"),
        text("DE89370400440532013000", [0, 22, "IBAN_CODE"], kind="value", id="d"),
    )

    figures = evaluate(
        [path], load_registry(), entities=["EMAIL_ADDRESS", "IBAN_CODE"],
        on_miss=lambda dataset, miss, body: misses.append((dataset, miss, body)),
    )  # fmt: skip

    [told] = figures["results"]
    assert told["entities"]["EMAIL_ADDRESS"]["recall"]["hits"] == 1
    assert told["found_texts"]["hits"] == 1
    assert told["flagged_texts"]["hits"] == 0
    assert told["values"]["on_top"]["hits"] == 1
    assert told["speed"]["bytes"] == len("Zoë: zoe@example.orgnothing to seereach me at ada@") + 1
    assert misses == [
        (
            "set.jsonl",
            Miss(record="c", start=12, end=16, wanted="EMAIL_ADDRESS", found="nothing"),
            "ada@",
        )
    ]


class Words:
    """Finds every text as a whole."""

    name = "words"
    entities = ("WORD",)

    def detect(self, column):
        size = np.array([len(value.encode()) for value in column.to_pylist()], np.int64)
        rows = np.flatnonzero(size)
        return Spans(
            rows=rows.astype(np.int64),
            starts=np.zeros(len(rows), np.int64),
            ends=size[rows],
            entities=np.zeros(len(rows), np.int32),
            scores=np.full(len(rows), 0.5, np.float32),
            names=self.entities,
        )


class WordsPlugin:
    @hookimpl
    def maskline_register_entities(self):
        return [Entity(name="WORD", title="word", slug="word", category=Category.PII)]

    @hookimpl
    def maskline_register_detectors(self):
        return [Words()]


def test_a_system_counts_characters_where_detectors_count_bytes():
    registry = load_registry(extra={"words": WordsPlugin()})
    system = ours(registry)

    found = system.find(["é😀x", "", "Wörter"])

    assert [(one.start, one.end, one.entity) for row in found for one in row] == [
        (0, 3, "WORD"),
        (0, 6, "WORD"),
    ]


def test_a_plugin_is_measured_without_what_is_built_in(tmp_path):
    path = saved(tmp_path / "set.jsonl", text("ada@example.org", [0, 15, "EMAIL_ADDRESS"]))
    column = LabelledColumn(id="c", table="t", name="n", values=("a", "a"), label="PERSON")

    figures = evaluate([path], load_registry(), against=["secrets"])
    secrets = alone("secrets")

    both = {told["system"]: told["all"]["recall"]["value"] for told in figures["results"]}
    assert both == {"maskline": 1.0, "secrets": 0.0}
    assert secrets.label([column]) == ["PUBLIC"]


def test_a_column_is_what_most_of_its_values_are_to_a_plugin_alone():
    registry = load_registry(extra={"words": WordsPlugin()})
    system = System(name="words", registry=registry, detectors=(Words(),), is_ours=False)
    column = LabelledColumn(id="c", table="t", name="n", values=("a", "b"), label="PERSON")

    assert system.label([column]) == ["WORD"]
    assert system.rank(["a", "b"]) == [{"WORD": 0.5}, {"WORD": 0.5}]


def test_an_entity_that_is_not_there_cannot_be_asked_for(tmp_path):
    path = saved(tmp_path / "set.jsonl", text("x"))

    with pytest.raises(UsageError, match="no entity PERSN"):
        evaluate([path], load_registry(), entities=["PERSN", "ORG", "AGE"])


@pytest.mark.parametrize("name", ["set.jsonl", "set.txt"])
def test_a_set_of_nothing_comes_to_nothing(tmp_path, name):
    path = saved(tmp_path / name)

    [told] = evaluate([path], load_registry())["results"]

    assert list(told) == ["dataset", "system", "records"]
    assert told["records"] == 0


def test_a_table_leaves_empty_what_a_system_has_no_figure_for(tmp_path):
    path = saved(tmp_path / "set.jsonl", text("ada@example.org", scope="EMAIL_ADDRESS"))
    figures = evaluate([path], load_registry(), against=["secrets"])
    # As if the other system had been given no text without labels.
    figures["results"][1]["flagged_texts"]["total"] = 0

    entities, shares = tabulate(figures)

    assert entities.rows[0][:3] == ("EMAIL_ADDRESS", "0", "0.000")
    assert set(entities.rows[0][3:]) == {""}
    assert ("texts without labels: flagged", "1 of 1: 1.000 (0.207-1.000)", "") in shares.rows


def test_columns_of_one_table_help_each_other(tmp_path):
    columns = {
        "name": ["Quill", "Marlow", "Achterberg"],
        "email": ["a@example.org", "b@example.org", "c@example.org"],
    }
    path = saved(
        tmp_path / "set.jsonl",
        *(
            json.dumps({"table": "customer", "name": name, "values": values, "label": "NONE"})
            for name, values in columns.items()
        ),
    )

    [told] = evaluate([path], load_registry())["results"]

    found = {it["found"] for it in told["columns"]["confusion"]}
    assert found == {"PERSON", "EMAIL_ADDRESS"}


def test_a_set_of_more_than_one_batch_is_read_to_its_end(tmp_path):
    path = saved(
        tmp_path / "set.jsonl", *(text("7", scope="AGE", id=str(number)) for number in range(2_100))
    )

    [told] = evaluate([path], load_registry())["results"]

    assert told["records"] == told["flagged_texts"]["total"] == 2_100


def test_scores_are_held_against_what_is_right():
    records = [
        ([(0, 5, "AGE")], [(0, 5, "AGE", 0.85)], "*"),
        ([], [(0, 5, "AGE", 0.85)], "*"),
        ([(0, 5, "AGE")], [(0, 5, "AGE", 1.0)], "*"),
    ]

    calibration = tally(*records).figures()["calibration"]

    assert calibration["bins"] == [
        {"score": 0.85, "right": 0.5, "number": 2},
        {"score": 1.0, "right": 1.0, "number": 1},
    ]
    assert calibration["expected_error"] == pytest.approx(0.7 / 3, abs=1e-4)


def test_the_prose_of_the_repository_is_labelled_with_entities_that_exist():
    records = list(read_dataset(PROSE))
    names = {span.entity.removesuffix("?") for record in records for span in record.spans}
    known = {*load_registry().entities}

    assert len(records) >= 200
    assert len({record.id for record in records}) == len(records)
    assert sum(not record.spans for record in records) >= 30
    assert names <= known
    for record in records:
        for start, end, _ in record.spans:
            assert record.text[start:end] == record.text[start:end].strip(), record.id


def run(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments)])
    output = capsys.readouterr()
    return code, output.out, output.err


@pytest.fixture
def dataset(tmp_path):
    return saved(
        tmp_path / "set.jsonl",
        text("mail kestrel@example.org", [5, 24, "EMAIL_ADDRESS"], id="a"),
        text("kestrel at work", [0, 7, "PERSON"], scope="PERSON", id="b"),
        json.dumps({"table": "t", "name": "email", "values": ["a@example.org"], "label": "NONE"}),
    )


def test_the_command_shows_figures_and_no_text(capsys, dataset):
    code, output, errors = run(capsys, dataset)

    assert code == 0
    assert "set.jsonl: 3 records" in output
    assert "EMAIL_ADDRESS" in output
    assert "kestrel" not in output + errors


def test_the_command_tells_what_is_wrong_by_place(capsys, dataset):
    code, _, errors = run(capsys, dataset, "--show-misses", "--entities", "PERSON")

    assert code == 0
    assert errors == "set.jsonl: b: 0-7: PERSON, found nothing\n"


def test_the_command_shows_text_where_it_is_told_so_and_warns(capsys, dataset):
    _, _, errors = run(capsys, dataset, "--unsafe-show-text", "--entities", "PERSON")

    assert "warning" in errors
    assert "PERSON, found nothing: kestrel" in errors


def test_the_command_gives_json_and_html(capsys, dataset):
    _, output, _ = run(capsys, dataset, "--format", "json")
    _, page, _ = run(capsys, dataset, "--format", "html")

    assert json.loads(output)["iou"] == 0.9
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "kestrel" not in output + page


def test_the_command_takes_a_policy_or_plugins(capsys, dataset, tmp_path):
    policy = saved(tmp_path / "policy.yaml", "version: 1", "plugins: [secrets]")

    assert run(capsys, dataset, "--policy", policy)[0] == 0
    assert run(capsys, dataset, "--plugins", "secrets")[0] == 0
    code, _, errors = run(capsys, dataset, "--policy", policy, "--plugins", "secrets")
    assert code == 2
    assert "both given" in errors
