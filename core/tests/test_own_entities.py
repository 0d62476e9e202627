"""Tests of the section ``entities`` of a policy: categories of one's own, in every stage."""

import duckdb
import pyarrow as pa
import pytest

import maskline
from maskline._detectors.columns import classify
from maskline._detectors.identifying import identify
from maskline._detectors.naming import classify_name
from maskline._detectors.resolution import resolve
from maskline._detectors.scanner import find
from maskline.entities import Category, Entity
from maskline.errors import PolicyError
from maskline.hookspecs import hookimpl
from maskline.model import Kind, Mask
from maskline.plugins import load_policy, load_registry

FIVE_LINES = r"""
version: 1
entities:
  LOYALTY_CARD:
    names: [loyalty card, kundenkarte]
    pattern: 'LC-\d{8}'
    mask: {partial: {last: 2}}
"""


@pytest.fixture
def load(tmp_path):
    def load(text, **options):
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        return load_policy(path, **options)

    return load


@pytest.fixture
def registry(load):
    return load(FIVE_LINES)[1]


def one(lines):
    """Return a policy with one entity."""
    return "version: 1\nentities:\n  LOYALTY_CARD:\n" + "".join(f"    {line}\n" for line in lines)


def found(registry, text):
    spans = find(pa.array([text]), registry.detectors)
    return [
        (spans.names[entity], text[start:end])
        for entity, start, end in zip(spans.entities, spans.starts, spans.ends, strict=True)
    ]


# ---- where it works ------------------------------------------------------------------------------


def test_five_lines_make_an_entity(load):
    policy, registry = load(FIVE_LINES)

    entity = registry.entities["LOYALTY_CARD"]
    assert (entity.title, entity.slug, entity.category) == ("loyalty card", "loyaltycard", "PII")
    assert policy.masks == {"LOYALTY_CARD": Mask(name="partial", options=(("last", 2),))}


@pytest.mark.parametrize("name", ["loyalty_card", "LoyaltyCard2", "kundenkarte", "KUNDENKARTE"])
def test_names_of_columns_and_keys_say_what_they_hold(registry, name):
    entity, score = classify_name(name, registry.entities)

    assert entity == "LOYALTY_CARD"
    assert score >= 0.5


def test_values_say_what_they_are(registry):
    spans = identify(pa.array(["LC-12345678"]), detectors=registry.detectors)

    assert spans.names[spans.entities[0]] == "LOYALTY_CARD"
    assert spans.scores[0] > 0.9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("She lost LC-12345678 today.", "LC-12345678"),
        ("loyalty card no. 4711-22", "4711-22"),
        ("Kundenkarte: A99X12", "A99X12"),
        ('{"loyaltyCard": "77-1234"}', "77-1234"),
    ],
)
def test_it_is_found_in_text_by_its_pattern_and_behind_its_label(registry, text, value):
    assert ("LOYALTY_CARD", value) in found(registry, text)


@pytest.mark.parametrize("text", ["XLC-12345678", "LC-123456789", "LC-1234567", "éLC-12345678"])
def test_a_part_of_a_longer_word_is_none(registry, text):
    assert "LOYALTY_CARD" not in {entity for entity, _ in found(registry, text)}


def test_searching_for_all_patterns_at_once_finds_what_each_finds(registry):
    texts = [
        "Lost LC-12345678 on 3 May 2024, aged 42; call 202-555-0147 or write to kim@example.org.",
        "10 Downing Street, London SW1A 2AA; 12345678Z; 52.520008, 13.404954",
        "nothing at all",
        None,
    ]
    column = pa.array(texts * 20)

    together = find(column, registry.detectors)
    apart = resolve([detector.detect(column) for detector in registry.detectors])

    for one, other in zip(
        (together.rows, together.starts, together.ends),
        (apart.rows, apart.starts, apart.ends),
        strict=True,
    ):
        assert one.tolist() == other.tolist()


def test_documents_are_labelled_by_their_keys(registry):
    label = classify(
        "extra",
        kind=Kind.JSON,
        sample=pa.array(['{"loyaltyCard": "77-1234"}'] * 5),
        entities=registry.entities,
        detectors=registry.detectors,
    )

    assert dict(label.paths)["$.loyaltyCard"] == "LOYALTY_CARD"


def test_a_query_shows_it_masked_wherever_it_stands(tmp_path):
    database = tmp_path / "shop.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE member (kundenkarte TEXT, notes TEXT)")
        connection.execute("INSERT INTO member VALUES ('LC-12345678', 'has LC-87654321')")
    policy = tmp_path / "policy.yaml"
    labels = "labels:\n  shop:\n    member: {kundenkarte: LOYALTY_CARD, notes: FREE_TEXT}\n"
    policy.write_text(f"{FIVE_LINES}sources: {{shop: {{url: 'duckdb:///{database}'}}}}\n{labels}")

    with maskline.connect("shop", policy=policy) as session:
        rows = session.query("SELECT kundenkarte, notes FROM member").table.to_pylist()

    assert rows == [{"kundenkarte": "**-******78", "notes": "has **-******21"}]


# ---- the options ---------------------------------------------------------------------------------


def test_a_name_belongs_to_it_alone(load):
    entities = load(FIVE_LINES)[1].entities

    assert "loyalty card" not in entities["CUSTOMER_REFERENCE"].names
    assert "loyalty card" in load_registry().entities["CUSTOMER_REFERENCE"].names


def test_a_name_alone_is_enough(load):
    _, registry = load(one(["names: Loyalty-Card_number"]))

    assert registry.entities["LOYALTY_CARD"].names == ("loyalty card number",)
    assert found(registry, "loyalty card number 4711-22") == [("LOYALTY_CARD", "4711-22")]


def test_several_patterns_and_a_group(load):
    _, registry = load(one([r"pattern: ['LC-\d{8}', 'member (M\d{5})']"]))

    assert found(registry, "LC-12345678") == [("LOYALTY_CARD", "LC-12345678")]
    assert found(registry, "member M12345") == [("LOYALTY_CARD", "M12345")]


def test_a_check_digit_drops_what_merely_looks_like_it(load):
    _, registry = load(one([r"pattern: 'LC-\d{8}'", "check: luhn"]))

    assert found(registry, "LC-18234561") == []
    assert found(registry, "LC-18234567") == [("LOYALTY_CARD", "LC-18234567")]


def test_a_secret_is_redacted_unless_said_otherwise(load):
    policy, registry = load(one([r"pattern: 'LC-\d{8}'", "category: SECRET", "title: a card"]))

    entity = registry.entities["LOYALTY_CARD"]
    assert (entity.category, entity.mask, entity.title) == (Category.SECRET, "redact", "a card")
    assert policy.masks == {}


def test_labels_masks_and_rules_may_name_it(load):
    text = one(["names: loyalty card"]) + (
        "sources: {shop: {url: 'duckdb:///a'}}\n"
        "labels: {shop: {member: {card: LOYALTY_CARD}}}\n"
        "masks: {LOYALTY_CARD: redact}\n"
        "rules:\n  - {who: {role: desk}, what: LOYALTY_CARD, do: reveal}\n"
    )

    policy, _ = load(text)

    assert policy.masks["LOYALTY_CARD"].name == "redact"


def test_an_entity_changes_the_hash(load):
    before = load(FIVE_LINES)[0].hash

    assert load(FIVE_LINES.replace("8}", "9}"))[0].hash != before


class Plugin:
    @hookimpl
    def maskline_register_entities(self):
        names = ("badge of honour",)
        return [
            Entity(name="BADGE", title="badge", slug="badge", category=Category.PII, names=names)
        ]


def test_entities_of_plugins_are_found_behind_their_labels_too():
    registry = load_registry(extra={"badges": Plugin()})

    assert found(registry, "badge of honour: 4711-22") == [("BADGE", "4711-22")]


# ---- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("version: 1\nentities: [a]", 2, 11, "This must be a mapping"),
        ("version: 1\nentities:\n  card: {names: card}", 3, 3, "cannot have this name"),
        ("version: 1\nentities:\n  PII: {names: card}", 3, 3, "cannot have this name"),
        ("version: 1\nentities:\n  PUBLIC: {names: card}", 3, 3, "cannot have this name"),
        ("version: 1\nentities:\n  PERSON: {names: card}", 3, 3, "PERSON already"),
        ("version: 1\nentities:\n  S_SN: {names: card}", 3, 3, "those of US_SSN"),
        (
            "version: 1\nentities:\n  A_B: {names: card}\n  AB: {names: cord}",
            4,
            3,
            "those of A_B",
        ),
        (one(["title: card"]), 4, 5, "how this entity is found"),
        (one(["names: card", "colour: red"]), 5, 13, "no such key"),
        (one(["names: [card, '12']"]), 4, 19, "a letter at least"),
        (one(["names: []"]), 4, 12, "must not be empty"),
        (one(["names: 7"]), 4, 12, "must be text"),
        (one(["pattern: '('"]), 4, 14, "not an expression of RE2"),
        (one(["pattern: 'a(?=b)'"]), 4, 14, "not an expression of RE2"),
        (one(["pattern: '^LC'"]), 4, 14, "not anchored"),
        (one([r"pattern: ['[$^]', 'L\$', 'LC$']"]), 4, 30, "not anchored"),
        (one([r"pattern: 'LC\z'"]), 4, 14, "not anchored"),
        (one(["pattern: '(a)(b)'"]), 4, 14, "one group at most"),
        (one(["pattern: 'a*'"]), 4, 14, "matches nothing at all"),
        (one(["pattern: 'ü'"]), 4, 14, "written in ASCII"),
        (one(["names: card", "check: mod97"]), 5, 12, "not one of the choices"),
        (one(["names: card", "category: SPI"]), 5, 15, "not one of the choices"),
        (one(["names: card", "mask: polish"]), 5, 11, "no mask `polish`"),
        (one(["names: card", "mask: {partial: {last: x}}"]), 5, 28, "last"),
        (one(["names: card", "mask: reveal"]), 5, 11, "not revealed to everybody"),
        (
            one(["names: card", "mask: redact"]) + "masks: {LOYALTY_CARD: token}",
            6,
            9,
            "stands under `entities`, too",
        ),
    ],
)
def test_every_mistake_has_its_place(load, text, line, column, message):
    with pytest.raises(PolicyError) as caught:
        load(text)

    (problem,) = caught.value.problems
    assert message in problem.message
    assert (problem.line, problem.column) == (line, column)


def test_all_mistakes_are_reported_and_labels_may_name_what_is_wrong(load):
    text = one(["pattern: '^a'", "mask: polish"]) + (
        "sources: {shop: {url: 'duckdb:///a'}}\nlabels: {shop: {t: {c: LOYALTY_CARD, d: SHOE}}}\n"
    )

    with pytest.raises(PolicyError) as caught:
        load(text)

    assert [problem.line for problem in caught.value.problems] == [4, 5, 7]


def test_an_empty_section_says_nothing(load):
    policy, registry = load("version: 1\nentities:\n")

    assert policy.masks == {}
    assert registry.entities.keys() == load_registry().entities.keys()
