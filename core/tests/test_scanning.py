"""Scans of whole databases: what is looked at, what is remembered, and what changed."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import duckdb
import pytest

from maskline.errors import PolicyError, SourceError
from maskline.model import PUBLIC, UNKNOWN, ColumnRef, Label
from maskline.patterns import PatternDetector, PatternRule
from maskline.plugins import load_registry, open_source
from maskline.policy import Drift, write_labels
from maskline.scanning import Drifts, Retyped, ScanMemory, Scope, drifts, scan
from maskline.scanning.page import to_html
from maskline.tokens import Keyring

CANARY = "canary7@secret.example"
REGISTRY = load_registry()


class Counting:
    """A detector that counts how often it is asked."""

    name = "counting"
    entities = ("EMAIL_ADDRESS",)

    def __init__(self):
        self.times = 0

    def detect(self, column):
        self.times += 1
        rule = PatternRule(entity="EMAIL_ADDRESS", pattern=r"canary7@\S+", score=0.9, trigger="@")
        return PatternDetector("canary", [rule]).detect(column)


def ref(relation, column):
    return ColumnRef("main", relation, column)


def url_of(path):
    return f"duckdb:///{path}"


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "d.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"""
            CREATE SCHEMA sales;
            CREATE TABLE people (id INTEGER, contact VARCHAR, word VARCHAR, born DATE);
            INSERT INTO people VALUES (1, '{CANARY}', 'new', NULL), (2, 'b@c.example', 'new', NULL);
            CREATE TABLE sales.orders (id INTEGER, total DOUBLE);
            CREATE TABLE sales.refunds (id INTEGER, nested STRUCT(a INTEGER)[]);
            INSERT INTO sales.refunds VALUES (1, [{{'a': 1}}])
            """
        )
    return path


@pytest.fixture
def change(database):
    def run(sql):
        with duckdb.connect(str(database)) as connection:
            connection.execute(sql)

    return run


@pytest.fixture
def look(database, tmp_path):
    """Scan, and remember it under a key, as the command line does."""
    pads = Keyring.generate().pads("scan")

    def run(*, registry=REGISTRY, pads=pads, scope=None):
        source = open_source(REGISTRY, url_of(database))
        memory = ScanMemory(tmp_path / "scan.json", "d", registry=registry, pads=pads)
        try:
            found = scan(source, registry, scope=scope, memory=memory)
            memory.save(source.catalogue())
        finally:
            source.close()
        return {column.ref: column for column in found}, memory

    return run


def test_every_column_is_told_and_progress_is_made(database):
    told = []
    source = open_source(REGISTRY, url_of(database))
    try:
        found = scan(source, REGISTRY, progress=lambda *step: told.append(step))
    finally:
        source.close()

    assert [str(column.ref) for column in found] == [
        "main.people.id",
        "main.people.contact",
        "main.people.word",
        "main.people.born",
        "sales.orders.id",
        "sales.orders.total",
        "sales.refunds.id",
        "sales.refunds.nested",
    ]
    assert found[1].label.entity == "EMAIL_ADDRESS"
    assert found[3].label.entity == "DATE_OF_BIRTH"
    assert told == [
        (0, 3, "main.people"),
        (1, 3, "sales.orders"),
        (2, 3, "sales.refunds"),
        (3, 3, ""),
    ]


def test_what_cannot_be_looked_at_is_unknown(look):
    found, _ = look()
    nested = found[ColumnRef("sales", "refunds", "nested")]

    assert nested.label.entity == UNKNOWN
    assert nested.label.evidence == "its values cannot be looked at"


def test_a_table_that_cannot_be_read_is_unknown_and_the_others_are_told(database):
    class Broken:
        def __init__(self, source):
            self.catalogue, self.close = source.catalogue, source.close
            self._sample = source.sample

        def sample(self, schema, relation, columns, **options):
            if relation == "people":
                message = "no"
                raise SourceError(message)
            return self._sample(schema, relation, columns, **options)

    source = Broken(open_source(REGISTRY, url_of(database)))
    try:
        found = {column.ref: column.label.entity for column in scan(source, REGISTRY)}
    finally:
        source.close()

    assert found[ref("people", "contact")] == UNKNOWN
    assert found[ref("people", "born")] == "DATE_OF_BIRTH"
    assert found[ColumnRef("sales", "refunds", "nested")] == UNKNOWN
    assert found[ColumnRef("sales", "refunds", "id")] == PUBLIC


@pytest.mark.parametrize(
    ("tables", "exclude", "names"),
    [
        ((), (), {"people", "orders", "refunds"}),
        (("sales.*",), (), {"orders", "refunds"}),
        (("PEOPLE",), (), {"people"}),
        (("*",), ("re*",), {"people", "orders"}),
        (("sales.*", "people"), ("sales.orders",), {"people", "refunds"}),
    ],
)
def test_patterns_choose_tables(look, tables, exclude, names):
    found, _ = look(scope=Scope(tables=tables, exclude=exclude))

    assert {one.relation for one in found} == names


def test_the_first_rows_or_rows_from_all_over(tmp_path):
    with duckdb.connect(str(tmp_path / "big.duckdb")) as connection:
        connection.execute("CREATE TABLE big AS SELECT i FROM range(100000) r(i)")
    source = open_source(REGISTRY, url_of(tmp_path / "big.duckdb"))
    try:
        first = source.sample("main", "big", ["i"], rows=50, is_spread=False).column(0).to_pylist()
        spread = source.sample("main", "big", ["i"], rows=50).column(0).to_pylist()
    finally:
        source.close()

    assert max(first) < 50
    assert max(spread) > 1_000


def test_a_table_that_is_as_it_was_is_not_looked_at_again(look, change):
    counting = Counting()
    registry = replace(REGISTRY, detectors=(*REGISTRY.detectors, counting))

    first, _ = look(registry=registry)
    times = counting.times
    again, _ = look(registry=registry)

    assert again == first
    assert counting.times == times

    change("UPDATE people SET word = 'newer' WHERE id = 1")
    look(registry=registry)

    assert counting.times > times


def test_other_rules_another_key_or_no_key_mean_another_look(look):
    counting = Counting()
    registry = replace(REGISTRY, detectors=(*REGISTRY.detectors, counting))
    look()
    look(registry=registry)
    rules = counting.times
    look(registry=registry, pads=Keyring.generate().pads("scan"))
    key = counting.times
    look(registry=registry, pads=None)
    none = counting.times
    look(registry=registry, pads=None)

    assert 0 < rules < key < none < counting.times


def test_the_memory_holds_no_value_and_no_hash_that_can_be_guessed(look, tmp_path):
    look()
    one = json.loads((tmp_path / "scan.json").read_text())
    look(pads=Keyring.generate().pads("scan"))
    other = json.loads((tmp_path / "scan.json").read_text())

    def prints(content):
        return {table["fingerprint"] for table in content["sources"]["d"].values()}

    assert CANARY not in json.dumps(one)
    assert not prints(one) & prints(other)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2, "sources": {}}', '{"version": 1}'])
def test_a_damaged_memory_is_none(look, tmp_path, text):
    (tmp_path / "scan.json").write_text(text)

    found, memory = look()

    assert len(found) == 8
    assert memory.columns() == {}


def test_a_memory_that_cannot_be_written_is_an_error(look, tmp_path):
    (tmp_path / "scan.json").mkdir()

    with pytest.raises(PolicyError, match=r"scan\.json cannot be written"):
        look()
    assert not list(tmp_path.glob(".scan.*"))


def test_what_was_not_looked_at_is_remembered_until_it_is_gone(look, change):
    look()
    look(scope=Scope(tables=("people",)))
    _, memory = look(scope=Scope(tables=("people",)))

    assert {one.relation for one in memory.columns()} == {"people", "orders", "refunds"}

    change("DROP TABLE sales.orders")
    look(scope=Scope(tables=("people",)))
    _, memory = look()

    assert {one.relation for one in memory.columns()} == {"people", "refunds"}


POLICY = 'version: 1\nsources: {d: {url: "duckdb:///d.duckdb"}}\nlabels:\n  d:\n'


@pytest.fixture
def changes(look, tmp_path):
    """Scan, compare with the policy, and say what changed, as the command line does."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)

    def run():
        found, memory = look()
        labels = {one: column.label for one, column in found.items()}
        diff = write_labels(policy, "d", labels, ignore_case=True)
        return drifts(list(found.values()), diff, memory)

    return run


def test_a_first_scan_finds_everything_new_and_a_second_nothing(changes):
    first, second = changes(), changes()

    assert ref("people", "contact") in first.new
    assert first
    assert not second


def test_columns_come_go_and_change(changes, change):
    changes()
    change("ALTER TABLE people ADD COLUMN phone VARCHAR")
    change("ALTER TABLE people DROP COLUMN born")
    change("ALTER TABLE people ALTER id TYPE BIGINT")
    seen = changes()

    assert seen.new == (ref("people", "phone"),)
    assert [one.column for one in seen.gone] == ["born"]
    assert [(one.ref.column, one.before, one.now) for one in seen.retyped] == [
        ("id", "INTEGER", "BIGINT")
    ]
    assert seen.words(ref("people", "phone")) == ["new"]
    assert seen.words(ref("people", "id")) == ["retyped"]


def test_a_harmless_column_that_fills_with_addresses_is_told_once(changes, change):
    change("INSERT INTO people SELECT i, 'x@y.example', 'old', NULL FROM range(3, 12) r(i)")
    changes()
    change("UPDATE people SET word = 'w' || id || '@c.example'")
    shifted, standing = changes(), changes()

    assert [(one.ref, one.declared.entity, one.found.entity) for one in shifted.shifted] == [
        (ref("people", "word"), PUBLIC, "EMAIL_ADDRESS")
    ]
    assert shifted.words(ref("people", "word")) == ["shifted"]
    assert not standing
    assert [one.ref for one in standing.standing] == [ref("people", "word")]


def test_a_column_that_cannot_be_told_is_new_once(changes, change):
    changes()
    change("ALTER TABLE people ADD COLUMN blob BLOB")
    first, second = changes(), changes()

    assert first.new == (ref("people", "blob"),)
    assert not second


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "style"}

    def handle_data(self, data):
        self.text += data


def test_a_page_needs_nothing_else_and_holds_no_value(look, change):
    change('ALTER TABLE people ADD COLUMN "<b>&" VARCHAR')
    change("ALTER TABLE people ADD COLUMN payload VARCHAR")
    change(f"""UPDATE people SET payload = '{{"mail": "{CANARY}"}}'""")
    found, _ = look()
    columns = list(found.values())
    seen = Drifts(new=(columns[0].ref,), gone=(), retyped=(), shifted=(), standing=())

    text = to_html(columns, source="d", entities=REGISTRY.entities, changes=seen, made="now")
    without = to_html(columns, source="d", entities=REGISTRY.entities, changes=None, made="now")
    page = Page()
    page.feed(text)

    assert page.tags.isdisjoint({"script", "img", "link", "b>&"})
    assert "default-src 'none'" in text
    assert CANARY not in text
    assert "<b>&" in page.text
    assert "$.mail" in page.text
    assert "had no label in the policy" in page.text
    assert "What changed" not in without


def test_a_page_tells_what_changed(look):
    found, _ = look()
    columns = list(found.values())
    drift = Drift(
        ref=ref("people", "word"),
        declared=Label(entity=PUBLIC),
        found=Label(entity="PERSON", evidence="why"),
    )
    one = Retyped(ref=ref("people", "id"), before="INTEGER", now="BIGINT")
    nothing = Drifts(new=(), gone=(), retyped=(), shifted=(), standing=())
    everything = Drifts(
        new=(),
        gone=(ref("people", "lost")._replace(schema=""),),
        retyped=(one,),
        shifted=(drift,),
        standing=(replace(drift, ref=ref("people", "known")),),
    )

    def read(changes):
        page = Page()
        page.feed(
            to_html(columns, source="d", entities=REGISTRY.entities, changes=changes, made="now")
        )
        return page.text

    assert "Nothing, since somebody looked." in read(nothing)
    for words in (
        "main.people.wordshiftedis declared PUBLIC and looks like PERSON: why",
        "main.people.idretypedwas INTEGER, is BIGINT",
        "people.lostgonehas a label, and is no longer there",
        "main.people.knownnoneis declared PUBLIC and looks like PERSON: why; as before",
        "3changes to look at",
    ):
        assert words in read(everything)
