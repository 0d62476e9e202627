"""Tests of maskline.policy: what a policy means, and every mistake one can make in it."""

import json
import sys
import timeit
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from maskline._maskers import BUILTIN as MASKERS
from maskline._maskers._json_paths import parse_path
from maskline.entities import builtin_entities
from maskline.errors import MaskingError, PolicyError
from maskline.hookspecs import hookimpl
from maskline.model import (
    FREE_TEXT,
    JSON,
    PUBLIC,
    UNKNOWN,
    ColumnRef,
    Decision,
    Label,
    Literals,
    Mask,
    Principal,
)
from maskline.plugins import load_policy, load_registry
from maskline.policy import LabelDiff, Policy, initial_policy, policy_schema, write_labels

CANARY = "hunter2-canary"
TODAY = date(2026, 6, 1)
ENTITIES = builtin_entities()
ANALYST = Principal(kind="human", id="ada", roles=("analyst",))
FRAUD = Principal(kind="human", id="grace", roles=("fraud", "staff"))
AGENT = Principal(kind="agent", id="bot")


class FakeSinkType:
    """Appends events to a file."""

    name = "jsonl"

    def check(self, options):
        return () if "path" in options else ("The option path is missing.",)

    def open(self, options, *, resolve):
        raise AssertionError


class FakeSourceType:
    schemes = ("duckdb", "sqlite", "postgresql")

    def open(self, url):
        raise AssertionError


class ClumsyMasker:
    """A masker whose check fails."""

    name = "clumsy"

    def check(self, options):
        raise ValueError(CANARY)

    def traits(self, options, kind):
        raise AssertionError

    def mask(self, column, *, options, context):
        raise AssertionError


class Builtin:
    @hookimpl
    def maskline_register_entities(self):
        return ENTITIES.values()

    @hookimpl
    def maskline_register_maskers(self):
        return (*MASKERS, ClumsyMasker())

    @hookimpl
    def maskline_register_sources(self):
        return [FakeSourceType()]

    @hookimpl
    def maskline_register_sinks(self):
        return [FakeSinkType()]


EXTRA = {"builtin": Builtin()}

FULL = """\
# The shop.
version: 1
plugins: []
keys: {file: keyring.json}
sources:
  shop: {url: "duckdb:///shop.duckdb"}
  books: {url: "postgresql://me:${BOOKS_PASSWORD}@host/books"}
labels:
  shop:
    main.customer: {email: EMAIL_ADDRESS, ssn: US_SSN, notes: FREE_TEXT, tier: PUBLIC}
    main.orders.payload: {$.buyer.phone: PHONE_NUMBER}
    visit:
      ip: IP_ADDRESS  # a bare table
      extra: {"$.a[*]['b c']": PERSON, $.ok: PUBLIC}
masks:
  EMAIL_ADDRESS: {token: {keep: domain}}
  CREDIT_CARD: {partial: {last: 4}}
  SECRET: redact
  UNKNOWN: null
rules:
  - {who: {role: fraud}, purpose: chargeback, what: CREDIT_CARD, do: reveal, until: 2027-01-31}
  - {who: {kind: agent}, purpose: required}
  - {who: {kind: agent}, what: [PHI, PCI], do: deny}
  - {who: {role: support}, what: EMAIL_ADDRESS, literals: lookup}
limits: {lookups_per_hour: 5}
audit: {path: audit, on_failure: refuse}
sinks:
  jsonl: {path: events.jsonl}
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a policy file."""

    def write(text: str) -> Path:
        path = tmp_path / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def read(write, tmp_path, monkeypatch):
    """Return a function that writes and reads a policy."""
    keyring = tmp_path / "keyring.json"
    keyring.write_text(CANARY)
    keyring.chmod(0o600)
    monkeypatch.setenv("BOOKS_PASSWORD", CANARY)

    def read(text: str, *, strict: bool = False) -> Policy:
        return load_policy(write(text), strict=strict, extra=EXTRA)[0]

    return read


@pytest.fixture
def problems(read):
    """Return a function that returns what is wrong with a policy."""

    def problems(text: str, *, strict: bool = False) -> list[str]:
        with pytest.raises(PolicyError) as caught:
            read(text, strict=strict)
        error = caught.value
        assert CANARY not in str(error)
        assert CANARY not in repr(error)
        assert error.__context__ is None
        assert error.__cause__ is None
        return [str(problem) for problem in error.problems]

    return problems


def rules(*lines: str) -> str:
    return "\n".join(["version: 1", "rules:", *(f"  - {line}" for line in lines)])


def decide(
    policy: Policy, entity: str, who: Principal = ANALYST, purpose: str = "", on: date = TODAY
) -> Decision:
    return policy.decide(
        Label(entity=entity), principal=who, purpose=purpose, on=on, entities=ENTITIES
    )


# ---- what a policy says --------------------------------------------------------------------------


def test_a_whole_policy_is_read(read, tmp_path):
    policy = read(FULL, strict=True)

    assert policy.path == tmp_path / "policy.yaml"
    assert policy.sources["shop"].url == f"duckdb:///{tmp_path}/shop.duckdb"
    assert policy.sources["books"].url == f"postgresql://me:{CANARY}@host/books"
    assert policy.keys.file == tmp_path / "keyring.json"
    assert policy.audit_path == tmp_path / "audit"
    assert policy.sinks == {"jsonl": {"path": "events.jsonl"}}
    assert policy.masks["CREDIT_CARD"] == Mask(name="partial", options=(("last", 4),))
    assert policy.masks["UNKNOWN"] == Mask(name="null")
    assert [rule.name for rule in policy.rules] == [f"rules[{n}]" for n in range(4)]
    assert policy.lookups_per_hour == 5
    assert policy.rules[0].until == date(2027, 1, 31)


def test_the_least_policy_is_a_version(read, tmp_path):
    policy = read("version: 1\nlabels:\nrules:\nplugins:\n")

    assert policy.keys is None
    assert policy.lookups_per_hour == 60
    assert policy.audit_path == tmp_path / "audit"
    assert decide(policy, "US_SSN") == Decision(
        mask=Mask(name=ENTITIES["US_SSN"].mask), rule="default"
    )


def test_no_password_is_in_a_repr(read):
    policy = read(FULL)

    assert CANARY not in repr(policy)
    assert CANARY not in repr(policy.sources)


def test_the_hash_is_of_what_the_file_says(read):
    first = read(FULL)
    second = read(
        FULL.replace("# The shop.\n", "").replace("{file: keyring.json}", "\n  file: keyring.json")
    )
    third = read(FULL.replace("last: 4", "last: 3"))

    assert len(first.hash) == 64
    assert first.version == first.hash[:7]
    assert first.hash == second.hash
    assert first.hash != third.hash


def test_the_hash_does_not_depend_on_passwords(read):
    text = "version: 1\nsources: {a: {url: 'postgresql://me:%s@host/a?password=%s'}}"

    assert read(text % ("x", "y")).hash == read(text % ("p", "q")).hash
    assert read(text % ("x", "y")).hash != read((text % ("x", "y")).replace("host", "h")).hash


def test_keys_may_come_from_the_environment(read, monkeypatch):
    monkeypatch.setenv("KEYRING", CANARY)

    policy = read("version: 1\nkeys: {env: KEYRING}")

    assert policy.keys.env == "KEYRING"
    assert policy.keys.file is None
    assert CANARY not in repr(policy)


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("duckdb:///a.db", "duckdb:///{0}/a.db"),
        ("sqlite:///data/a.db", "sqlite:///{0}/data/a.db"),
        ("sqlite:////srv/a.db", "sqlite:////srv/a.db"),
        ("duckdb:///~/a.db", "duckdb:///{1}/a.db"),
        ("duckdb:///:memory:", "duckdb:///:memory:"),
        ("duckdb://", "duckdb://"),
        ("duckdb:///a%20b.db?x=1", "duckdb:///{0}/a%20b.db?x=1"),
        ("postgresql:///shop", "postgresql:///shop"),
    ],
)
def test_paths_in_urls_are_relative_to_the_policy(read, tmp_path, monkeypatch, url, opened):
    monkeypatch.setenv("HOME", "/home/ada")

    policy = read(f"version: 1\nsources: {{shop: {{url: '{url}'}}}}")

    assert policy.sources["shop"].url == opened.format(tmp_path, "/home/ada")


def test_paths_are_relative_to_the_policy(read, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")

    policy = read("version: 1")

    assert policy.resolve("x/y.jsonl") == tmp_path / "x/y.jsonl"
    assert policy.resolve("/x") == Path("/x")
    assert policy.resolve("~/x") == Path("/home/ada/x")


# ---- labels --------------------------------------------------------------------------------------


def test_a_declared_column_has_its_label(read):
    policy = read(FULL)

    label = policy.label("shop", ColumnRef("main", "customer", "email"), ignore_case=False)

    assert (label.entity, label.confidence) == ("EMAIL_ADDRESS", 1.0)


def test_a_column_that_nobody_declared_is_unknown(read):
    policy = read(FULL)

    for source, ref in [
        ("shop", ColumnRef("main", "customer", "shoe")),
        ("shop", ColumnRef("other", "customer", "email")),
        ("books", ColumnRef("main", "customer", "email")),
    ]:
        for ignore_case in (True, False):
            assert policy.label(source, ref, ignore_case=ignore_case).entity == UNKNOWN


def test_a_bare_table_is_meant_in_every_schema(read):
    policy = read(FULL)

    for schema in ("main", "other"):
        ref = ColumnRef(schema, "visit", "ip")
        assert policy.label("shop", ref, ignore_case=False).entity == "IP_ADDRESS"


def test_a_table_with_its_schema_goes_before_a_bare_one(read):
    policy = read(
        "version: 1\nsources: {s: {url: 'duckdb:///a'}}\n"
        "labels: {s: {t: {c: PUBLIC}, m.t: {c: US_SSN}}}"
    )

    assert policy.label("s", ColumnRef("m", "t", "c"), ignore_case=True).entity == "US_SSN"
    assert policy.label("s", ColumnRef("n", "t", "c"), ignore_case=True).entity == PUBLIC


def test_json_has_labels_for_its_paths(read):
    policy = read(FULL)

    payload = policy.label("shop", ColumnRef("main", "orders", "payload"), ignore_case=False)
    extra = policy.label("shop", ColumnRef("main", "visit", "extra"), ignore_case=False)

    assert payload.entity == extra.entity == JSON
    assert payload.paths == (("$.buyer.phone", "PHONE_NUMBER"),)
    assert extra.paths == (("$.a[*]['b c']", "PERSON"), ("$.ok", "PUBLIC"))


def test_case_is_ignored_where_the_database_does_so(read):
    policy = read(FULL)
    ref = ColumnRef("MAIN", "Customer", "Email")
    bare = ColumnRef("x", "VISIT", "IP")

    assert policy.label("shop", ref, ignore_case=True).entity == "EMAIL_ADDRESS"
    assert policy.label("shop", bare, ignore_case=True).entity == "IP_ADDRESS"
    assert policy.label("shop", ref, ignore_case=False).entity == UNKNOWN


def test_case_is_ignored_in_ascii_only(read):
    policy = read("version: 1\nsources: {s: {url: 'duckdb:///a'}}\nlabels: {s: {t: {Äb: PUBLIC}}}")

    assert policy.label("s", ColumnRef("m", "T", "ÄB"), ignore_case=True).entity == PUBLIC
    assert policy.label("s", ColumnRef("m", "t", "äb"), ignore_case=True).entity == UNKNOWN


def test_columns_that_differ_in_case_and_label_are_unknown_where_case_is_ignored(read):
    policy = read(
        "version: 1\nsources: {s: {url: 'duckdb:///a'}}\n"
        "labels: {s: {t: {A: PUBLIC, a: US_SSN, b: URL, B: URL}}}"
    )

    assert policy.label("s", ColumnRef("", "T", "A"), ignore_case=True).entity == UNKNOWN
    assert policy.label("s", ColumnRef("", "t", "A"), ignore_case=False).entity == PUBLIC
    assert policy.label("s", ColumnRef("", "T", "B"), ignore_case=True).entity == "URL"


def test_odd_names_are_written_in_quotes(read):
    text = """
version: 1
sources: {s: {url: 'duckdb:///a'}}
labels:
  s:
    'main."odd.table"': {on: AGE, 1: GENDER, "null": TITLE}
    '"a""b"': {c: URL}
    '"x.y".z.payload': {$: FREE_TEXT}
"""
    policy = read(text)

    refs = set(policy.labels["s"])
    assert refs == {
        ColumnRef("main", "odd.table", "on"),
        ColumnRef("main", "odd.table", "1"),
        ColumnRef("main", "odd.table", "null"),
        ColumnRef("", 'a"b', "c"),
        ColumnRef("x.y", "z", "payload"),
    }


@given(st.text(alphabet="$.[]*'\"\\a-1 ", max_size=12).map("$".__add__))
def test_a_path_is_accepted_exactly_where_the_masker_of_json_reads_it(path):
    from maskline.policy._labels import _PATH

    try:
        parse_path(path)
    except MaskingError:
        is_path = False
    else:
        is_path = True

    assert bool(_PATH.fullmatch(path)) == is_path


# ---- decisions -----------------------------------------------------------------------------------


def test_public_is_seen_by_everybody(read):
    policy = read(rules('{what: "*", do: deny}'))

    assert decide(policy, PUBLIC) == Decision(mask=None, rule="")


def test_the_first_matching_rule_decides(read):
    policy = read(
        rules(
            "{who: {role: fraud}, what: CREDIT_CARD, do: reveal}",
            "{who: {role: [fraud, staff]}, what: [CREDIT_CARD, US_SSN], do: {partial: {last: 4}}}",
            "{what: PCI, do: deny}",
        )
    )

    assert decide(policy, "CREDIT_CARD", FRAUD) == Decision(mask=None, rule="rules[0]")
    assert decide(policy, "US_SSN", FRAUD).mask == Mask(name="partial", options=(("last", 4),))
    assert decide(policy, "US_SSN", FRAUD).rule == "rules[1]"
    assert decide(policy, "CREDIT_CARD", ANALYST).is_denied
    assert decide(policy, "CREDIT_CARD", ANALYST).mask == Mask(name="redact")
    assert decide(policy, "US_SSN", ANALYST).rule == "default"


def test_without_a_rule_an_entity_goes_before_its_category(read):
    policy = read("version: 1\nmasks: {PII: redact, EMAIL_ADDRESS: token, FREE_TEXT: redact}")

    assert decide(policy, "EMAIL_ADDRESS") == Decision(
        mask=Mask(name="token"), rule="masks.EMAIL_ADDRESS"
    )
    assert decide(policy, "US_SSN") == Decision(mask=Mask(name="redact"), rule="masks.PII")
    assert decide(policy, FREE_TEXT) == Decision(mask=Mask(name="redact"), rule="masks.FREE_TEXT")


@pytest.mark.parametrize(
    ("entity", "mask"),
    [(FREE_TEXT, "scan"), (JSON, "scan"), (UNKNOWN, "redact"), ("NO_PLUGIN_KNOWS", "redact")],
)
def test_everything_else_has_a_default(read, entity, mask):
    assert decide(read("version: 1"), entity) == Decision(mask=Mask(name=mask), rule="default")


def test_what_no_plugin_knows_is_unknown(read):
    policy = read(rules("{what: UNKNOWN, do: deny}"))

    assert decide(policy, "NO_PLUGIN_KNOWS").is_denied


def test_masks_may_show_what_is_harmless_to_everybody(read):
    policy = read("version: 1\nmasks: {AGE: reveal, GENDER: {reveal: {}}}")

    assert decide(policy, "AGE") == Decision(mask=None, rule="masks.AGE")
    assert decide(policy, "GENDER").mask is None


def test_everything_does_not_reveal_what_only_a_name_may(read):
    policy = read(rules('{what: "*", do: reveal}'))

    assert decide(policy, "US_SSN").mask is None
    for name in (UNKNOWN, FREE_TEXT, JSON, "AWS_ACCESS_KEY"):
        assert decide(policy, name).mask is not None
        assert decide(policy, name).rule == "default"


@pytest.mark.parametrize(
    ("what", "entity"),
    [
        (UNKNOWN, UNKNOWN),
        (FREE_TEXT, FREE_TEXT),
        (JSON, JSON),
        ("SECRET", "AWS_ACCESS_KEY"),
        ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY"),
        ("PII", "US_SSN"),
    ],
)
def test_a_name_reveals_what_everything_does_not(read, what, entity):
    policy = read(rules(f'{{what: ["*", {what}], do: reveal}}'))

    assert decide(policy, entity) == Decision(mask=None, rule="rules[0]")


@pytest.mark.parametrize("name", [UNKNOWN, FREE_TEXT, JSON, "AWS_ACCESS_KEY", "US_SSN"])
def test_everything_is_denied_or_masked_by_a_star(read, name):
    denying = read(rules('{what: "*", do: deny}'))
    masking = read(rules('{what: "*", do: null}'))

    assert decide(denying, name).is_denied
    assert decide(masking, name) == Decision(mask=Mask(name="null"), rule="rules[0]")


@pytest.mark.parametrize(
    ("who", "matching"),
    [
        ("{}", [ANALYST, FRAUD, AGENT]),
        ("{kind: human}", [ANALYST, FRAUD]),
        ("{kind: [agent, service]}", [AGENT]),
        ("{id: ada}", [ANALYST]),
        ("{id: [ada, bot]}", [ANALYST, AGENT]),
        ("{role: staff}", [FRAUD]),
        ("{kind: human, id: grace, role: [fraud, analyst]}", [FRAUD]),
        ("{kind: agent, id: grace}", []),
    ],
)
def test_a_rule_is_about_those_it_names(read, who, matching):
    policy = read(rules(f"{{who: {who}, what: US_SSN, do: reveal}}"))

    assert [p for p in (ANALYST, FRAUD, AGENT) if not decide(policy, "US_SSN", p).mask] == matching


def test_a_rule_is_not_about_those_behind_the_principal(read):
    policy = read(rules("{who: {id: ada}, what: US_SSN, do: reveal}"))
    bot = Principal(kind="agent", id="bot", on_behalf_of=("ada",))

    assert decide(policy, "US_SSN", bot).mask


@pytest.mark.parametrize(
    ("purpose", "matching"),
    [
        ("Chargeback", ["chargeback", " CHARGEBACK "]),
        ("[chargeback, audit]", ["chargeback", " CHARGEBACK ", "audit"]),
        ("required", ["chargeback", " CHARGEBACK ", "audit", "charge"]),
    ],
)
def test_a_rule_wants_its_purpose(read, purpose, matching):
    policy = read(rules(f"{{purpose: {purpose}, what: US_SSN, do: reveal}}"))

    stated = ["", "  ", "chargeback", " CHARGEBACK ", "audit", "charge"]
    assert [p for p in stated if not decide(policy, "US_SSN", purpose=p).mask] == matching


def test_a_rule_holds_on_its_last_day(read):
    policy = read(rules('{what: US_SSN, do: reveal, until: "2026-06-01"}'))

    assert decide(policy, "US_SSN", on=date(2026, 6, 1)).mask is None
    assert decide(policy, "US_SSN", on=date(2026, 6, 2)).mask


def test_literals_stay_what_they_are_unless_a_rule_says_otherwise(read):
    policy = read(rules("{what: US_SSN, do: redact}"))

    assert decide(policy, "US_SSN").literals is Literals.MASKED
    assert decide(policy, "EMAIL_ADDRESS").literals is Literals.MASKED


def test_a_rule_may_settle_the_literals_and_leave_the_mask_to_others(read):
    text = rules(
        "{who: {role: fraud}, what: [PII, PCI], literals: lookup}",
        "{what: US_SSN, do: {partial: {last: 4}}}",
    )
    policy = read(f"{text}\nmasks: {{PCI: redact}}", strict=True)

    assert decide(policy, "US_SSN", FRAUD) == Decision(
        mask=Mask(name="partial", options=(("last", 4),)),
        rule="rules[1]",
        literals=Literals.LOOKUP,
    )
    assert decide(policy, "CREDIT_CARD", FRAUD) == Decision(
        mask=Mask(name="redact"), rule="masks.PCI", literals=Literals.LOOKUP
    )
    assert decide(policy, "EMAIL_ADDRESS", FRAUD) == Decision(
        mask=Mask(name="token"), rule="default", literals=Literals.LOOKUP
    )
    assert decide(policy, "US_SSN", ANALYST).literals is Literals.MASKED


def test_the_first_rule_that_speaks_of_literals_decides_about_them(read):
    policy = read(
        rules(
            "{what: US_SSN, do: redact}",
            "{who: {role: fraud}, what: US_SSN, literals: masked}",
            "{who: {role: [fraud, analyst]}, purpose: audit, what: US_SSN, literals: lookup}",
            "{what: US_SSN, literals: deny}",
        ),
        strict=True,
    )

    assert decide(policy, "US_SSN", FRAUD, "audit").literals is Literals.MASKED
    assert decide(policy, "US_SSN", ANALYST, "audit").literals is Literals.LOOKUP
    assert decide(policy, "US_SSN", ANALYST).literals is Literals.DENY
    assert decide(policy, "US_SSN", AGENT).literals is Literals.DENY
    assert decide(policy, "US_SSN", AGENT).rule == "rules[0]"


def test_a_rule_may_settle_mask_and_literals(read):
    policy = read(
        rules(
            "{who: {role: fraud}, what: US_SSN, literals: deny, until: 2026-06-01}",
            "{what: US_SSN, do: token, literals: lookup}",
        )
    )
    token = Decision(mask=Mask(name="token"), rule="rules[1]", literals=Literals.LOOKUP)

    assert decide(policy, "US_SSN") == token
    assert decide(policy, "US_SSN", FRAUD).literals is Literals.DENY
    assert decide(policy, "US_SSN", FRAUD, on=date(2026, 6, 2)) == token


def test_nothing_is_said_of_literals_where_all_is_seen_or_denied(read):
    policy = read(
        rules(
            '{what: "*", literals: deny}',
            "{what: US_SSN, do: reveal}",
            "{what: PERSON, do: deny}",
        )
    )

    assert decide(policy, PUBLIC) == Decision(mask=None, rule="")
    assert decide(policy, "US_SSN") == Decision(mask=None, rule="rules[1]")
    assert decide(policy, "PERSON").is_denied
    assert decide(policy, "PERSON").literals is Literals.MASKED


@pytest.mark.parametrize("name", [UNKNOWN, FREE_TEXT, JSON, "AWS_ACCESS_KEY"])
def test_a_star_looks_up_what_it_may_reveal_and_denies_everything(read, name):
    text = f'{{what: "*", do: token, literals: lookup}}\nmasks: {{{name}: token}}'
    looking = read(rules(text))
    naming = read(rules(text.replace('"*"', f'["*", {name}]')))
    denying = read(rules('{what: "*", literals: deny}'))

    assert decide(looking, "US_SSN").literals is Literals.LOOKUP
    assert decide(looking, name) == Decision(mask=Mask(name="token"), rule="rules[0]")
    assert decide(naming, name).literals is Literals.LOOKUP
    assert decide(denying, name).literals is Literals.DENY


def test_a_purpose_can_be_required(read):
    policy = read(rules("{who: {kind: agent}, purpose: required}", "{what: US_SSN, do: reveal}"))

    assert (
        policy.requirement(AGENT, " ")
        == "rules[0] of the policy wants a purpose, and none is stated."
    )
    assert policy.requirement(AGENT, "support") is None
    assert policy.requirement(ANALYST, "") is None
    assert decide(policy, "US_SSN", AGENT, "support").rule == "rules[1]"


def test_a_requirement_ends_with_its_last_day(read):
    policy = read(rules("{purpose: required, until: 2026-06-01}"))

    assert policy.requirement(ANALYST, "", on=date(2026, 6, 1))
    assert policy.requirement(ANALYST, "", on=date(2026, 6, 2)) is None


def test_labels_and_decisions_are_fast(read):
    lines = [f"  - {{who: {{role: r{n}}}, what: US_SSN, do: reveal}}" for n in range(20)]
    policy = read(FULL.replace("rules:\n", "\n".join(["rules:", *lines, ""])))
    ref = ColumnRef("Main", "Customer", "SSN")
    # A tracer, such as one that measures coverage, is no part of what is measured.
    limit = 20e-6 if sys.gettrace() is None else 1e-3

    def seconds(call) -> float:
        return min(timeit.repeat(call, number=100, repeat=20)) / 100

    assert seconds(lambda: policy.label("shop", ref, ignore_case=True)) < limit
    assert seconds(lambda: decide(policy, "US_SSN")) < limit


# ---- mistakes ------------------------------------------------------------------------------------

BROKEN = """\
version: 2
plugins: [nowhere]
keys: {file: missing.json, pasword: hunter2-canary}
sources:
  shop: {url: "postgresql://me:hunter2-canary@${NOT_SET_ANYWHERE}/shop", usr: hunter2-canary}
  shop: {url: "oracle://me:hunter2-canary@host/shop"}
  other: {url: "oracle://me:hunter2-canary@host/shop"}
labels:
  shp:
    main.customer: {email: EMAIL_ADRESS}
masks:
  CREDIT_CRD: redact
  US_SSN: {partal: {last: 4}}
  IBAN_CODE: {partial: {lst: 4}}
rules:
  - {who: {rol: fraud}, what: PUBLIC, do: revel}
  - {what: CREDIT_CARD, do: reveal, until: tomorrow}
  - {who: {kind: robot}}
  - {what: US_SSN}
audit: {on_failure: ignore}
sinks:
  jsnl: {}
  jsonl: {}
colour: blue
"""


REPORT = """\
1:10: version: There is no such version. Write `version: 1`.
2:11: plugins[0]: The plugin 'nowhere' is not installed. pip install maskline-nowhere
3:14: keys.file: There is no such file. `maskline keys create` writes one.
3:37: keys.(a key): There is no such key. Choose from: env, file.
5:15: sources.shop.url: The environment variable `NOT_SET_ANYWHERE` is not set. Set it, or name \
another.
5:79: sources.shop.(a key): There is no such key. Did you mean `url`? Choose from: url.
6:3: sources.shop: This key stands here twice. The first is on line 5.
7:16: sources.other.url: No plugin opens URLs of this scheme. Choose from: duckdb, postgresql, \
sqlite. Or it comes with the plugin `nowhere`.
9:3: labels.shp: There is no such source. Did you mean `shop`? Choose from: other, shop.
10:28: labels.shp.main.customer.email: There is no entity `EMAIL_ADRESS`. Did you mean \
`EMAIL_ADDRESS`?
12:3: masks.CREDIT_CRD: There is no entity or category `CREDIT_CRD`. Did you mean `CREDIT_CARD`?
13:12: masks.US_SSN.partal: There is no mask `partal`. Did you mean `partial`?
14:30: masks.IBAN_CODE.partial.lst: The mask partial has no option lst; it has first and last.
16:17: rules[0].who.rol: There is no such key. Did you mean `role`? Choose from: id, kind, role.
16:31: rules[0].what: What is PUBLIC is never masked. Take it away.
16:43: rules[0].do: There is no mask `revel`. Did you mean `reveal`?
17:44: rules[1].until: This must be a date, such as 2027-01-31.
18:18: rules[2].who.kind: This is not one of the choices. Write 'human', 'service' or 'agent'.
19:5: rules[3]: `do` is missing. Write `do: reveal`, `do: deny` or a mask.
20:21: audit.on_failure: This is not one of the choices. Write 'refuse' or 'spool'.
22:3: sinks.jsnl: There is no sink `jsnl`. Did you mean `jsonl`? Choose from: jsonl.
23:10: sinks.jsonl: The option path is missing.
24:1: colour: There is no such key.
"""


def test_every_mistake_is_reported_at_once_in_the_order_of_the_file(problems):
    assert problems(BROKEN) == REPORT.splitlines()


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("", "1:1: ", "begins with `version: 1`"),
        ("- version", "1:1: ", "begins with `version: 1`"),
        ("{}", "1:1: ", "`version` is missing"),
        ("version: true", "1:10: version: ", "no such version"),
        ("version: 1.0", "1:10: version: ", "no such version"),
        ('version: "1"', "1:10: version: ", "no such version"),
        ("version: 1\nversion: 1", "2:1: version: ", "twice"),
        ("version: 1\nx: &a 1", "2:1: x: ", "no such key"),
        (f"version: 1\nsources: {{a: 'x:{CANARY}", "2:", "not YAML"),
        (f"version: 1\nsources: {{a: {{url: *{CANARY}}}}}", "2:20: ", "not YAML"),
        (f"version: 1\n\tsources: {CANARY}", "2:", "not YAML"),
        (f"version: 1\nkeys: {CANARY}\x01", f"2:{7 + len(CANARY)}: ", "not YAML"),
        ("version: 1\n---\nversion: 1", "2:1: ", "not YAML"),
        ("version: 1\nplugins: &a [secrets]\nrules: *a", "3:1: rules: ", "no aliases"),
        ("version: 1\nrules: !python/object:os.system []", "2:8: rules: ", "no tags"),
        ("version: 1\nrules: !!timestamp x", "2:8: rules: ", "no such date"),
        ("version: 1\nrules: !!int x", "2:8: rules: ", "no such date"),
        ("[" * 3000, "1:1: ", "not YAML"),
        ("version: 1\nlabels: {[a]: b}", "2:10: labels: ", "key is a word"),
        ("version: 1\nplugins: secrets", "2:10: plugins: ", "must be a list"),
        ("version: 1\nplugins: [1]", "2:11: plugins[0]: ", "must be text"),
        ("version: 1\nplugins: [builtin, builtin]", "2:20: plugins[1]: ", "twice"),
        ("version: 1\nkeys: {}", "2:7: keys: ", "one place"),
        ("version: 1\nkeys:", "2:1: keys: ", "one place"),
        (f"version: 1\nkeys: {CANARY}", "2:7: keys: ", "must be a mapping"),
        (f"version: 1\nkeys: {{{CANARY}}}", "2:8: keys.(a key): ", "no such key"),
        ("version: 1\nkeys: {file: keyring.json, env: HOME}", "2:7: keys: ", "one place"),
        ("version: 1\nkeys: {file: ''}", "2:14: keys.file: ", "must not be empty"),
        ("version: 1\nkeys: {file: 7}", "2:14: keys.file: ", "must be text"),
        ("version: 1\nkeys: {file: none.json}", "2:14: keys.file: ", "maskline keys create"),
        ("version: 1\nkeys: {file: .}", "2:14: keys.file: ", "no such file"),
        (f"version: 1\nkeys: {{env: {CANARY}}}", "2:13: keys.env: ", "not set"),
        (f"version: 1\nsources: postgresql://me:{CANARY}@h/x", "2:10: sources: ", "a mapping"),
        (
            f"version: 1\nsources: {{a: {{postgresql://me:{CANARY}@h/x}}}}",
            "2:14: sources.a: ",
            "`url` is missing",
        ),
        (f"version: 1\npostgresql://me:{CANARY}@h/x: y", "2:1: (a URL): ", "no such key"),
        ("version: 1\nsources: {a: }", "2:11: sources.a: ", "`url` is missing"),
        (f"version: 1\nsources: {{a: {{url: {CANARY}}}}}", "2:20: sources.a.url: ", "a scheme"),
        ("version: 1\nsources: {a: {url: '${NOT_SET}'}}", "2:20: sources.a.url: ", "`NOT_SET`"),
        ("version: 1\nsources: {a: {url: 'duckdb:///${a b'}}", "2:20: sources.a.url: ", "${NAME}"),
        ("version: 1\nlabels: [a]", "2:9: labels: ", "a mapping"),
        ("version: 1\nlabels: {a: 1}", "2:10: labels.a: ", "no such source"),
        ("version: 1\nmasks: {AGE: reveal, US_SSN: [redact]}", "2:30: masks.US_SSN: ", "a mask"),
        ("version: 1\nmasks: {US_SSN: }", "2:9: masks.US_SSN: ", "a mask"),
        ("version: 1\nmasks: {US_SSN: 1}", "2:17: masks.US_SSN: ", "a mask"),
        ("version: 1\nmasks: {US_SSN: {a: 1, b: 2}}", "2:17: masks.US_SSN: ", "one name"),
        ("version: 1\nmasks: {US_SSN: {partial: 4}}", "2:27: masks.US_SSN.partial: ", "a mapping"),
        (
            "version: 1\nmasks: {US_SSN: {partial: {last: [4]}}}",
            "2:34: masks.US_SSN.partial.last: ",
            "An option is",
        ),
        ("version: 1\nmasks: {US_SSN: clumsy}", "2:17: masks.US_SSN: ", "ValueError"),
        ("version: 1\nmasks: {PUBLIC: redact}", "2:9: masks.PUBLIC: ", "never masked"),
        ("version: 1\nmasks: {UNKNOWN: reveal}", "2:18: masks.UNKNOWN: ", "not revealed"),
        ("version: 1\nmasks: {SECRET: reveal}", "2:17: masks.SECRET: ", "not revealed"),
        ("version: 1\nmasks: {API_KEY: reveal}", "2:18: masks.API_KEY: ", "not revealed"),
        ("version: 1\nmasks: {email: token}", "2:9: masks.email: ", "Did you mean `EMAIL_ADDRESS`"),
        ("version: 1\nmasks: {'*': token}", "2:9: masks.*: ", "no entity or category"),
        ("version: 1\nrules: {who: {}}", "2:8: rules: ", "a list"),
        ("version: 1\nlimits: [1]", "2:9: limits: ", "must be a mapping"),
        ("version: 1\nlimits: {lookups: 1}", "2:19: limits.lookups: ", "`lookups_per_hour`"),
        (
            "version: 1\nlimits: {lookups_per_hour: -1}",
            "2:28: limits.lookups_per_hour: ",
            "0 or more",
        ),
        (
            "version: 1\nlimits: {lookups_per_hour: 1.0}",
            "2:28: limits.lookups_per_hour: ",
            "a whole number",
        ),
        (
            "version: 1\nlimits: {lookups_per_hour: yes}",
            "2:28: limits.lookups_per_hour: ",
            "a whole number",
        ),
        (
            "version: 1\nlimits: {lookups_per_hour: }",
            "2:10: limits.lookups_per_hour: ",
            "a whole number",
        ),
        ("version: 1\naudit: {path: }", "2:9: audit.path: ", "must be text"),
        ("version: 1\nsinks: {jsonl: {path: {}}}", "2:23: sinks.jsonl.path: ", "An option is"),
    ],
)
def test_a_mistake_is_reported_where_it_stands(problems, text, start, words):
    found = problems(text)

    assert any(problem.startswith(start) and words in problem for problem in found), found


@pytest.mark.parametrize(
    ("tables", "start", "words"),
    [
        ("[a]", "4:6: labels.s: ", "a mapping from tables"),
        ("{t: US_SSN}", "4:10: labels.s.t: ", "a mapping from columns"),
        ("{t: {c: }}", "4:11: labels.s.t.c: ", "must be the name of an entity"),
        ("{t: {c: PII}}", "4:14: labels.s.t.c: ", "is a category"),
        ("{t: {c: {$.a: SHOE}}}", "4:20: labels.s.t.c.$.a: ", "no entity `SHOE`"),
        ("{t: {c: {a: US_SSN}}}", "4:15: labels.s.t.c.a: ", "not a path"),
        ("{t: {$.a: US_SSN}}", "4:7: labels.s.t: ", "JSON paths need a column"),
        ("{a.b.c: {d: US_SSN}}", "4:7: labels.s.a.b.c: ", "not the name of a table"),
        ("{a..b: {d: US_SSN}}", "4:7: labels.s.a..b: ", "not the name of a table"),
        ("{'\"a\"b': {d: US_SSN}}", "4:7: ", "not the name of a table"),
        ("{m.t: {c: JSON}, m.t.c: {$.a: US_SSN}}", "4:23: labels.s.m.t.c: ", "a label already"),
    ],
)
def test_a_mistake_in_labels_is_reported_where_it_stands(problems, tables, start, words):
    (found,) = problems(
        f"version: 1\nsources: {{s: {{url: 'duckdb:///a'}}}}\nlabels:\n  s: {tables}"
    )

    assert found.startswith(start)
    assert words in found


@pytest.mark.parametrize(
    ("rule", "start", "words"),
    [
        ("reveal", "3:5: rules[0]: ", "must be a mapping"),
        ("{do: reveal}", "3:5: rules[0]: ", "`what` is missing"),
        ("{what: US_SSN, do: }", "3:20: rules[0].do: ", "must be a mask"),
        ("{what: [], do: redact}", "3:12: rules[0].what: ", "must not be empty"),
        ("{what: [1], do: redact}", "3:13: rules[0].what[0]: ", "must be text"),
        ("{what: all, do: redact}", "3:12: rules[0].what: ", 'Write `"*"`'),
        ("{what: US_SSN, purpose: required}", "3:12: rules[0].what: ", "not of a part"),
        ("{what: US_SSN, purpose: audit}", "3:5: rules[0]: ", "`do` is missing"),
        ("{what: US_SSN, do: redact, purpose: }", "3:32: rules[0].purpose: ", "must be text"),
        ("{what: US_SSN, do: redact, who: }", "3:32: rules[0].who: ", "a mapping"),
        ("{what: US_SSN, do: redact, until: }", "3:32: rules[0].until: ", "a date"),
        ("{what: US_SSN, do: redact, until: 2027-13-01}", "3:39: rules[0].until: ", "no such date"),
        ("{what: US_SSN, do: redact, who: {id: []}}", "3:42: rules[0].who.id: ", "not be empty"),
        ("{what: US_SSN, do: redact, who: {id: [7]}}", "3:43: rules[0].who.id[0]: ", "be text"),
        ("{what: US_SSN, do: redact, literals: look}", "3:42: rules[0].literals: ", "or 'deny'"),
        ("{what: US_SSN, literals: }", "3:20: rules[0].literals: ", "'lookup'"),
        ("{literals: lookup}", "3:5: rules[0]: ", "`what` is missing"),
        ("{purpose: required, literals: lookup}", "3:5: rules[0]: ", "`what` is missing"),
        (
            "{what: US_SSN, do: deny, literals: lookup}",
            "3:40: rules[0].literals: ",
            "Take `literals` away",
        ),
        (
            "{what: US_SSN, do: {reveal: {}}, literals: masked}",
            "3:48: rules[0].literals: ",
            "no masked values to compare",
        ),
        (
            "{what: US_SSN, do: redact, purpose: [required, audit]}",
            "3:41: rules[0].purpose: ",
            "stands alone",
        ),
    ],
)
def test_a_mistake_in_a_rule_is_reported_where_it_stands(problems, rule, start, words):
    found = problems(rules(rule))

    assert any(problem.startswith(start) and words in problem for problem in found), found


def test_a_keyring_that_others_may_read_is_a_mistake(problems, tmp_path):
    (tmp_path / "open.json").touch(mode=0o644)

    (found,) = problems("version: 1\nkeys: {file: open.json}")

    assert "Others than you may read" in found
    assert "chmod 600" in found


def test_a_file_that_is_not_utf_8_is_a_mistake(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_bytes(CANARY.encode() + b"\xff")

    with pytest.raises(PolicyError, match="not UTF-8") as caught:
        load_policy(path, extra=EXTRA)

    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_folder_is_no_policy(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read: IsADirectoryError"):
        load_policy(tmp_path, extra=EXTRA)


def test_a_byte_order_mark_is_no_mistake(read):
    assert read("\ufeffversion: 1").hash == read("version: 1").hash


# ---- rules that never match ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (["{what: US_SSN, do: redact}"], "{what: US_SSN, do: reveal}"),
        (["{what: PII, do: redact}"], "{who: {role: x}, what: [US_SSN, PERSON], do: reveal}"),
        (['{what: "*", do: redact}'], '{what: ["*", UNKNOWN], do: reveal}'),
        (
            ["{what: US_SSN, do: redact}", "{what: PERSON, do: redact}"],
            "{what: [US_SSN, PERSON], do: reveal}",
        ),
        (
            ["{who: {kind: [human, service, agent]}, what: US_SSN, do: redact}"],
            "{who: {id: x}, what: US_SSN, do: reveal}",
        ),
        (
            ["{who: {role: [a, b]}, what: US_SSN, do: redact}"],
            "{who: {role: b, kind: human}, what: US_SSN, do: reveal}",
        ),
        (
            ["{purpose: [a, b], what: US_SSN, do: redact}"],
            "{purpose: B, what: US_SSN, do: reveal}",
        ),
        (
            ["{purpose: required, what: US_SSN, do: redact}"],
            "{purpose: a, what: US_SSN, do: reveal}",
        ),
        (
            ["{what: US_SSN, do: redact, until: 2099-02-01}"],
            "{what: US_SSN, do: reveal, until: 2099-01-01}",
        ),
        (['{what: "*", do: reveal}'], "{what: PHI, do: deny}"),
        (["{purpose: required}"], "{who: {kind: agent}, purpose: required}"),
        (["{what: PII, literals: masked}"], "{who: {id: x}, what: US_SSN, literals: lookup}"),
        (["{what: US_SSN, do: token, literals: deny}"], "{what: US_SSN, literals: lookup}"),
        (["{what: US_SSN, do: token, literals: deny}"], "{what: US_SSN, do: redact}"),
        (['{what: "*", literals: deny}'], "{what: [UNKNOWN, US_SSN], literals: lookup}"),
        (
            ["{what: US_SSN, do: redact}", "{what: US_SSN, literals: deny}"],
            "{what: US_SSN, do: token, literals: lookup}",
        ),
    ],
)
def test_a_rule_that_never_matches_is_a_mistake(problems, earlier, later):
    (found,) = problems(rules(*earlier, later))

    assert found.startswith(f"{3 + len(earlier)}:5: rules[{len(earlier)}]: This rule never matches")
    assert "rules[0]" in found


@pytest.mark.parametrize(
    ("earlier", "key", "column"),
    [("{what: US_SSN, do: redact}", "do", 20), ("{what: PII, literals: deny}", "literals", 31)],
)
def test_a_part_of_a_rule_that_never_counts_is_a_mistake(problems, earlier, key, column):
    (found,) = problems(rules(earlier, "{what: US_SSN, do: token, literals: lookup}"))

    assert found == (
        f"4:{column}: rules[1].{key}: `{key}` never counts here: rules[0] settles all of it. "
        "Move it up, or take it away."
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("{what: US_SSN, do: redact}", "{what: US_SSN, literals: lookup}"),
        ("{what: US_SSN, literals: lookup}", "{what: US_SSN, do: redact}"),
        ("{who: {id: a}, what: US_SSN, literals: deny}", "{what: US_SSN, literals: lookup}"),
        ('{what: "*", literals: lookup}', "{what: UNKNOWN, literals: deny}"),
        ("{what: US_SSN, do: redact}", "{what: PII, do: reveal}"),
        ("{who: {role: a}, what: US_SSN, do: redact}", "{what: US_SSN, do: reveal}"),
        ("{who: {id: a}, what: US_SSN, do: redact}", "{who: {id: [a, b]}, what: US_SSN, do: null}"),
        ("{purpose: a, what: US_SSN, do: redact}", "{what: US_SSN, do: reveal}"),
        ("{purpose: a, what: US_SSN, do: redact}", "{purpose: required, what: US_SSN, do: null}"),
        ("{purpose: required, what: US_SSN, do: redact}", "{what: US_SSN, do: reveal}"),
        ("{what: US_SSN, do: redact, until: 2099-01-01}", "{what: US_SSN, do: reveal}"),
        ('{what: "*", do: reveal}', "{what: UNKNOWN, do: deny}"),
        ('{what: "*", do: reveal}', "{what: SECRET, do: deny}"),
        ('{what: "*", do: reveal}', "{what: FREE_TEXT, do: redact}"),
        ("{purpose: required}", "{what: US_SSN, do: reveal}"),
        ("{who: {kind: agent}, purpose: required}", "{purpose: required}"),
        ("{purpose: required, until: 2099-01-01}", "{purpose: required}"),
    ],
)
def test_a_rule_that_may_match_is_none(read, earlier, later):
    assert len(read(rules(earlier, later), strict=True).rules) == 2


def test_an_expired_rule_is_a_mistake_only_to_those_who_check(read, problems):
    text = rules("{what: US_SSN, do: reveal, until: 2020-01-31}", "{what: US_SSN, do: redact}")

    (found,) = problems(text, strict=True)
    policy = read(text)

    assert found == ("3:39: rules[0].until: This day is over. Take the rule away, or renew it.")
    assert decide(policy, "US_SSN", on=datetime.now(UTC).date()).rule == "rules[1]"


def test_a_category_that_has_no_entity_yet_is_no_mistake(write):
    class Small(Builtin):
        @hookimpl
        def maskline_register_entities(self):
            return [ENTITIES["PERSON"]]

    policy, _ = load_policy(
        write(rules("{what: PHI, do: deny}", "{what: PHI, do: redact}")), extra={"builtin": Small()}
    )

    assert len(policy.rules) == 2


# ---- writing labels ------------------------------------------------------------------------------

NOTE = "  # 0.97 name and values\n"
HEAD = 'version: 1\nsources:\n  s: {url: "duckdb:///a"}  # the shop\n'


def found(**columns: str) -> dict[ColumnRef, Label]:
    return {
        ColumnRef("main", "t", name): Label(
            entity=entity, confidence=0.97, evidence="name\nand values"
        )
        for name, entity in columns.items()
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            HEAD + "\nrules: []  # none\n",
            HEAD + "\nlabels:\n  s:\n    main.t:\n      c: US_SSN" + NOTE + "\nrules: []  # none\n",
        ),
        (
            "version: 1\n",
            "version: 1\n\nlabels:\n  s:\n    main.t:\n      c: US_SSN" + NOTE,
        ),
        (
            HEAD + "labels:\n# masks\nmasks: {}",
            HEAD + "labels:\n  s:\n    main.t:\n      c: US_SSN" + NOTE + "# masks\nmasks: {}\n",
        ),
        (
            HEAD + "labels: {}  # later\nmasks: {}\n",
            HEAD + "labels:  # later\n  s:\n    main.t:\n      c: US_SSN" + NOTE + "masks: {}\n",
        ),
        (
            HEAD + "labels:\n    s:\n\nmasks: {}\n",
            HEAD + "labels:\n    s:\n      main.t:\n        c: US_SSN" + NOTE + "\nmasks: {}\n",
        ),
        (
            HEAD + "labels:\n  x: {t: {c: URL}}\n\n  # mine\nmasks: {}\n",
            HEAD
            + "labels:\n  x: {t: {c: URL}}\n  s:\n    main.t:\n      c: US_SSN"
            + NOTE
            + "\n  # mine\nmasks: {}\n",
        ),
        (
            HEAD
            + "labels:\n  s:\n    main.t:\n      b: URL  # mine\n      # also mine\n\nmasks: {}\n",
            HEAD
            + "labels:\n  s:\n    main.t:\n      b: URL  # mine\n      c: US_SSN"
            + NOTE
            + "      # also mine\n\nmasks: {}\n",
        ),
        (
            HEAD + 'labels:\n  s:\n    t: {b: "URL", j: {$.a: AGE}}   # mine\n',
            HEAD
            + 'labels:\n  s:\n    t:   # mine\n      b: "URL"\n      j: {$.a: AGE}\n      c: US_SSN'
            + NOTE,
        ),
        (
            HEAD + "labels:\n  s:\n    t: {b: URL, # mine\n        }\n",
            HEAD + "labels:\n  s:\n    t: {b: URL, # mine\n        c: US_SSN}\n",
        ),
        (
            HEAD + "labels:\n  s:\n    a: {b: URL}\n    u:  # later\n\nmasks: {}\n",
            HEAD
            + "labels:\n  s:\n    a: {b: URL}\n    u:  # later\n"
            + "    main.t:\n      c: US_SSN"
            + NOTE
            + "\nmasks: {}\n",
        ),
        (HEAD + "labels: {s: {}}\n", HEAD + "labels: {s: {main.t: {c: US_SSN}}}\n"),
        (
            HEAD + "labels: {s: {t: {b: URL}}}\n",
            HEAD + "labels: {s: {t: {b: URL, c: US_SSN}}}\n",
        ),
        (
            HEAD + "labels: {s: {t.j: {$.a: URL}}}\n",
            HEAD + "labels: {s: {t.j: {$.a: URL}, main.t: {c: US_SSN}}}\n",
        ),
        (
            HEAD + "labels:\n  s: {x: {b: URL}}\n",
            HEAD + "labels:\n  s:\n    x: {b: URL}\n    main.t:\n      c: US_SSN" + NOTE,
        ),
    ],
)
def test_labels_are_added_and_nothing_else_changes(write, before, after):
    path = write(before)

    diff = write_labels(path, "s", found(c="US_SSN"))

    assert path.read_text() == after
    assert [ref.column for ref, _ in diff.added] == ["c"]
    assert write_labels(path, "s", found(c="US_SSN")).unchanged == (ColumnRef("main", "t", "c"),)


def test_many_tables_are_added_at_once(write):
    path = write(HEAD + "labels:\n  s:\n    a: {x: URL}\n    main.b:\n      x: URL\n")
    label = Label(entity="AGE", confidence=0.5)
    refs = [ColumnRef("main", table, column) for table in "abc" for column in "vw"]

    write_labels(path, "s", dict.fromkeys(refs, label))

    labels = YAML(typ="safe").load(path)["labels"]["s"]
    assert labels == {
        "a": {"x": "URL", "v": "AGE", "w": "AGE"},
        "main.b": {"x": "URL", "v": "AGE", "w": "AGE"},
        "main.c": {"v": "AGE", "w": "AGE"},
    }
    assert "v: AGE  # 0.50\n" in path.read_text()


def test_a_label_of_a_person_is_never_overridden(write):
    text = (
        HEAD + "labels:\n  s:\n    t: {a: PUBLIC, b: URL, c: AGE, gone: AGE}\n    old.u: {x: AGE}\n"
    )
    path = write(text)

    diff = write_labels(path, "s", found(a="EMAIL_ADDRESS", b="URL", c=UNKNOWN, d=UNKNOWN))

    assert path.read_text() == text
    assert diff.added == ()
    assert diff.unchanged == (ColumnRef("main", "t", "b"), ColumnRef("main", "t", "c"))
    assert [(d.ref.column, d.declared.entity, d.found.entity) for d in diff.drifted] == [
        ("a", "PUBLIC", "EMAIL_ADDRESS")
    ]
    assert diff.gone == (ColumnRef("", "t", "gone"), ColumnRef("old", "u", "x"))
    assert diff.unknown == (ColumnRef("main", "t", "d"),)


def test_case_is_ignored_if_the_database_does_so(write):
    path = write(HEAD + "labels:\n  s:\n    T: {A: URL}\n")

    diff = write_labels(path, "s", found(a="URL", b="AGE"), ignore_case=True)

    assert diff.unchanged == (ColumnRef("main", "t", "a"),)
    assert diff.gone == ()
    assert path.read_text().endswith("    T:\n      A: URL\n      b: AGE  # 0.97 name and values\n")


def test_json_is_written_with_its_paths(write, read):
    path = write(HEAD)
    paths = (("$.a", "AGE"), ("$.b[*]['c d']", "PERSON"))
    found = {
        ColumnRef("main", "t", "j"): Label(entity=JSON, paths=paths, evidence="values"),
        ColumnRef("main", "t", "k"): Label(entity=JSON),
    }

    write_labels(path, "s", found)
    policy = read(path.read_text())

    assert "      j:  # 1.00 values\n        $.a: AGE\n" in path.read_text()
    assert policy.label("s", ColumnRef("main", "t", "j"), ignore_case=False).paths == paths
    assert write_labels(path, "s", found).drifted == ()
    more = Label(entity=JSON, paths=(*paths, ("$.z", "AGE")))
    assert write_labels(path, "s", {ColumnRef("main", "t", "j"): more}).drifted


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
        lambda name: not name.startswith(("$.", "$[")) and name != "$"
    ),
    flow=st.booleans(),
)
def test_any_name_can_be_written(tmp_path_factory, name, flow):
    path = tmp_path_factory.mktemp("any") / "policy.yaml"
    path.write_text(HEAD + ("labels: {s: {a-long-name: {x: AGE}}}\n" if flow else "labels:\n"))
    ref = ColumnRef(name, name, name)

    write_labels(path, "s", {ref: Label(entity="AGE")})
    policy, _ = load_policy(path, extra=EXTRA)

    assert set(policy.labels["s"]) - {ColumnRef("", "a-long-name", "x")} == {ref}


def test_a_dry_run_writes_nothing(write):
    path = write(HEAD)

    diff = write_labels(path, "s", found(c="URL"), dry_run=True)

    assert diff.added
    assert path.read_text() == HEAD


def test_a_file_keeps_its_mode_its_line_breaks_and_its_byte_order_mark(tmp_path):
    real = tmp_path / "real.yaml"
    real.write_bytes(("\ufeff" + HEAD).replace("\n", "\r\n").encode())
    real.chmod(0o640)
    link = tmp_path / "policy.yaml"
    link.symlink_to(real)

    write_labels(link, "s", found(c="URL"))

    written = real.read_bytes()
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert written.startswith(b"\xef\xbb\xbfversion")
    assert written.count(b"\n") == written.count(b"\r\n") == 8
    assert sorted(file.name for file in tmp_path.iterdir()) == ["policy.yaml", "real.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "labels: {s}\n",
        HEAD + "labels: {s: }\n",
        "{version: 1}\n",
        HEAD + "labels:\n  s: {t: {b: URL}\n     }\n...\n" + "x",
    ],
)
def test_what_cannot_be_written_is_left_to_a_person(write, text):
    path = write(text)

    with pytest.raises(PolicyError) as caught:
        write_labels(path, "s", found(c="URL"))

    assert caught.value.__context__ is None
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text", ["", "- 1", "labels: [a]", "labels: {s: [a]}", "labels: {s: {t: {c: }}}"]
)
def test_labels_are_not_added_to_broken_labels(write, text):
    path = write(text)

    with pytest.raises(PolicyError, match="mistake"):
        write_labels(path, "s", found(c="URL"))

    assert path.read_text() == text


def test_a_file_that_cannot_be_replaced_is_as_it_was(write, monkeypatch):
    path = write(HEAD)

    def fail(self, target):
        raise PermissionError(CANARY)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PolicyError, match="cannot be written: PermissionError") as caught:
        write_labels(path, "s", found(c="URL"))

    assert CANARY not in repr(caught.value)
    assert [file.name for file in path.parent.iterdir()] == ["policy.yaml"]
    assert path.read_text() == HEAD


def test_a_diff_is_empty_by_default():
    assert LabelDiff().added == LabelDiff().gone == ()


# ---- a first policy ------------------------------------------------------------------------------


def test_a_first_policy_is_right_and_takes_labels(read, tmp_path):
    text = initial_policy("shop", "duckdb:///shop.duckdb")

    policy = read(text, strict=True)
    write_labels(policy.path, "shop", found(c="URL"))

    assert list(policy.sources) == ["shop"]
    assert policy.requirement(AGENT, "")
    assert "labels:\n  shop:\n    main.t:\n      c: URL  # 0.97" in policy.path.read_text()


@pytest.mark.parametrize(
    ("url", "written"),
    [
        (f"postgresql://me:{CANARY}@h/x", "postgresql://me:${MY_SHOP_PASSWORD}@h/x"),
        (f"postgresql://me:a@{CANARY}/b?c@h/x", "postgresql://me:${MY_SHOP_PASSWORD}@h/x"),
        (
            f"postgresql://h/x?a=b&password={CANARY}",
            "postgresql://h/x?a=b&password=${MY_SHOP_PASSWORD}",
        ),
        ("postgresql://me@h/x", "postgresql://me@h/x"),
        ("postgresql://me:${PW}@h/x", "postgresql://me:${PW}@h/x"),
        ('duckdb:///a"b.duckdb', 'duckdb:///a"b.duckdb'),
    ],
)
def test_a_first_policy_holds_no_password(url, written):
    text = initial_policy("my-shop", url)

    assert CANARY not in text
    assert YAML(typ="safe").load(text)["sources"] == {"my-shop": {"url": written}}


def test_a_variable_does_not_begin_with_a_digit():
    assert "${_1A_PASSWORD}" in initial_policy("1a", "postgresql://me:x@h/x")


# ---- the schema ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator():
    schema = policy_schema(load_registry(extra=EXTRA))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def plain(text: str) -> object:
    yaml = YAML(typ="safe", pure=True)
    return json.loads(json.dumps(yaml.load(text), default=str))


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        initial_policy("shop", "duckdb:///a"),
        rules('{what: ["*"], do: {"null": }}'),
        rules("{what: AGE, do: token, literals: deny}", "{what: AGE, do: {token: }}"),
        "version: 1\nentities: {SHOE: {names: shoe, check: luhn}}\nmasks: {AGE: redact}",
    ],
)
def test_the_schema_accepts_what_is_right(validator, text):
    validator.validate(plain(text))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "version: 2",
        "version: 1\ncolour: blue",
        "version: 1\nkeys: {file: a, env: b}",
        "version: 1\nsources: {a: {}}",
        "version: 1\nlabels: {a: {b: {c: shoe}}}",
        "version: 1\nmasks: {shoe: redact}",
        "version: 1\nentities: {SHOE: {mask: redact}}",
        "version: 1\nentities: {shoe: {names: shoe}}",
        "version: 1\nmasks: {AGE: polish}",
        "version: 1\nsinks: {nowhere: {}}",
        "version: 1\naudit: {on_failure: ignore}",
        rules("{what: AGE}"),
        rules("{what: PUBLIC, do: redact}"),
        rules("{who: {kind: robot}, what: AGE, do: deny}"),
        rules("{what: AGE, do: deny, literals: lookup}"),
        rules("{what: AGE, do: token, literals: look}"),
        rules("{purpose: required, literals: lookup}"),
        "version: 1\nlimits: {lookups_per_hour: -1}",
    ],
)
def test_the_schema_refuses_what_is_wrong(validator, text):
    assert not validator.is_valid(plain(text))


def test_the_schema_describes_its_choices(validator):
    label, _ = validator.schema["$defs"]["label"]["anyOf"]

    described = dict(zip(label["enum"], label["enumDescriptions"], strict=True))
    assert described["US_SSN"].endswith("(PII)")
    assert all(described.values())


def test_the_committed_schema_is_current():
    committed = json.loads(files("maskline").joinpath("policy.schema.json").read_text())

    assert committed == policy_schema(load_registry()), (
        "Run `maskline policy schema > core/src/maskline/policy.schema.json`."
    )


# ---- the documentation ---------------------------------------------------------------------------

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "policy.md"


def test_the_example_of_the_reference_is_right(read):
    example = REFERENCE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]

    policy = read(example, strict=True)

    assert len(policy.rules) == 3


def test_the_reference_describes_every_key(validator):
    text = REFERENCE.read_text(encoding="utf-8")

    properties = validator.schema["properties"]
    assert all(f"\n## {section}\n" in text for section in properties)
    for keys in (properties["rules"]["items"], properties["limits"], properties["audit"]):
        assert all(f"`{key}`" in text for key in keys["properties"])
