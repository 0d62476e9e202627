"""What the plugin offers, and what its detectors find."""

import json
import subprocess
import sys
import time
import tomllib
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest

import maskline_secrets
from maskline.entities import Category, builtin_entities
from maskline.roles import Detector
from maskline.testing import check_detector
from maskline_secrets._assignments import entropy

DETECTORS = maskline_secrets.maskline_register_detectors()
ENTITIES = maskline_secrets.maskline_register_entities()
DATA = Path(__file__).parents[4] / "shared" / "data" / "detection"

# Varied enough to pass for random; sliced to any length.
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0" * 8
MIX = "aB3dE5fG7hJ9kL2mN4pQ6rS8tU1vW0xY" * 16
BIG = MIX.upper()
LOW = MIX.lower()
WORD = "".join(character for character in MIX if character.isalpha()) * 4


def find(*texts):
    """Return (row, entity, the stretch itself) of everything that is found."""
    column = pa.array(texts, pa.string())
    found = []
    for detector in DETECTORS:
        spans = detector.detect(column)
        for row, start, end, entity in zip(
            spans.rows.tolist(),
            spans.starts.tolist(),
            spans.ends.tolist(),
            spans.entities.tolist(),
            strict=True,
        ):
            found.append((row, spans.names[entity], texts[row].encode()[start:end].decode()))
    return found


EXAMPLES = [
    ("AIRTABLE_TOKEN", f"pat{MIX[:14]}.{HEX[:64]}"),
    ("ANTHROPIC_KEY", f"sk-ant-api03-{MIX[:93]}AA"),
    ("ATLASSIAN_TOKEN", f"ATATT3{MIX[:186]}"),
    ("DATABRICKS_TOKEN", f"dapi{HEX[:32]}-2"),
    ("DIGITALOCEAN_TOKEN", f"dop_v1_{HEX[:64]}"),
    ("DISCORD_TOKEN", f"M{MIX[:23]}.{MIX[:6]}.{MIX[:27]}"),
    ("DISCORD_TOKEN", f"discord.com/api/webhooks/123456/{MIX[:68]}"),
    ("DOCKER_TOKEN", f"dckr_pat_{MIX[:27]}"),
    ("GITHUB_TOKEN", f"ghp_{MIX[:36]}"),
    ("GITHUB_TOKEN", f"github_pat_{MIX[:22]}_{MIX[:59]}"),
    ("GITLAB_TOKEN", f"glpat-{MIX[:20]}"),
    ("GITLAB_TOKEN", f"GR1348941{MIX[:20]}"),
    ("GRAFANA_TOKEN", f"glsa_{MIX[:32]}_{HEX[:8]}"),
    ("GRAFANA_TOKEN", f"eyJrIjoi{MIX[:72]}=="),
    ("HEROKU_KEY", f"HRKU-AA{MIX[:58]}"),
    ("HUGGINGFACE_TOKEN", f"hf_{WORD[:34]}"),
    ("LINEAR_KEY", f"lin_api_{MIX[:40]}"),
    ("MAILCHIMP_KEY", f"{HEX[:32]}-us12"),
    ("MAILGUN_KEY", f"key-{HEX[:32]}"),
    ("MAILGUN_KEY", f"{HEX[:32]}-{HEX[:8]}-{HEX[:8]}"),
    ("NEWRELIC_KEY", f"NRAK-{BIG[:27]}"),
    ("NOTION_TOKEN", f"ntn_{MIX[:46]}"),
    ("NPM_TOKEN", f"npm_{MIX[:36]}"),
    ("OPENAI_KEY", f"sk-{MIX[:20]}T3BlbkFJ{MIX[:20]}"),
    ("OPENAI_KEY", f"sk-proj-{MIX[:60]}"),
    ("PLANETSCALE_TOKEN", f"pscale_tkn_{MIX[:43]}"),
    ("POSTMAN_KEY", f"PMAK-{HEX[:24]}-{HEX[:34]}"),
    ("PYPI_TOKEN", f"pypi-AgEIcHlwaS5vcmc{MIX[:80]}"),
    ("SENDGRID_KEY", f"SG.{MIX[:22]}.{MIX[:43]}"),
    ("SENTRY_TOKEN", f"sntryu_{HEX[:64]}"),
    ("SHOPIFY_TOKEN", f"shpat_{HEX[:32]}"),
    ("SLACK_TOKEN", f"xoxb-1234567890-{MIX[:24]}"),
    ("SLACK_TOKEN", f"hooks.slack.com/services/T{BIG[:8]}/B{BIG[:8]}/{MIX[:24]}"),
    ("SQUARE_TOKEN", f"sq0atp-{MIX[:22]}"),
    ("STRIPE_KEY", f"sk_live_{MIX[:24]}"),
    ("STRIPE_KEY", f"whsec_{MIX[:32]}"),
    ("TELEGRAM_TOKEN", f"1234567890:A{MIX[:34]}"),
    ("TERRAFORM_TOKEN", f"{MIX[:14]}.atlasv1.{MIX[:67]}"),
    ("TWILIO_KEY", f"SK{HEX[:32]}"),
    ("VAULT_TOKEN", f"hvs.{MIX[:24]}"),
    ("API_KEY", f"AGE-SECRET-KEY-1{BIG[:58]}"),
    ("API_KEY", f"gsk_{MIX[:52]}"),
    ("API_KEY", f"rubygems_{HEX[:48]}"),
    ("API_KEY", f"tskey-auth-{MIX[:12]}-{MIX[:32]}"),
    ("API_KEY", f"figd_{MIX[:40]}"),
    ("API_KEY", f"sbp_{HEX[:40]}"),
]


def test_the_plugin_offers_detectors_and_entities_that_fit_together():
    offered = {entity.name for entity in ENTITIES} | builtin_entities().keys()

    assert all(isinstance(detector, Detector) for detector in DETECTORS)
    assert {name for detector in DETECTORS for name in detector.entities} <= offered


def test_entities_are_secrets_and_redacted_and_collide_with_none_of_core():
    slugs = [entity.slug for entity in (*ENTITIES, *builtin_entities().values())]

    assert len(set(slugs)) == len(slugs)
    assert not {entity.name for entity in ENTITIES} & builtin_entities().keys()
    assert {(entity.category, entity.mask) for entity in ENTITIES} == {(Category.SECRET, "redact")}
    assert len(ENTITIES) >= 25


def test_importing_the_plugin_compiles_no_pattern():
    code = "import maskline_secrets, sys; print('maskline_secrets._formats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_every_detector_keeps_the_contract(detector):
    check_detector(detector)


def test_every_entity_of_a_vendor_has_an_example():
    text = files("maskline_secrets").joinpath("formats.toml").read_text(encoding="utf-8")
    formats = {entry["entity"] for entry in tomllib.loads(text)["formats"]}

    assert formats == {entity for entity, _ in EXAMPLES}


@pytest.mark.parametrize(("entity", "secret"), EXAMPLES)
def test_a_vendors_format_is_found_as_a_whole(entity, secret):
    found = find(f"é set {secret}, please")

    assert (0, entity, secret) in found


@pytest.mark.parametrize(
    "secret", [secret for entity, secret in EXAMPLES if entity in {"NPM_TOKEN", "TWILIO_KEY"}]
)
def test_a_format_inside_of_a_longer_word_is_left_alone(secret):
    assert find(f"x{secret}", f"{secret}x") == []


BODY = "\n".join([MIX[:64]] * 4)


@pytest.mark.parametrize(
    "kind", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
)
def test_a_private_key_is_found_from_its_first_line_to_its_last(kind):
    key = f"-----BEGIN {kind}-----\nDEK-Info: AES-128-CBC,0A\n\n{BODY}\n-----END {kind}-----"

    assert find(f"here: {key} bye") == [(0, "PRIVATE_KEY", key)]


def test_a_private_key_that_was_cut_off_is_found():
    key = f"-----BEGIN PRIVATE KEY-----\n{BODY}"

    assert find(f"{key}.") == [(0, "PRIVATE_KEY", key)]
    assert find(f"{key}-----BEGIN PRIVATE KEY-----") == [
        (0, "PRIVATE_KEY", key),
        (0, "PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----"),
    ]


def test_a_putty_key_is_found_and_a_public_key_is_not():
    text = f"Private-Lines: 2\n{MIX[:64]}\n{MIX[:64]}\nPrivate-MAC: 0"

    assert [entity for _, entity, _ in find(text)] == ["PRIVATE_KEY"]
    assert find(f"-----BEGIN PUBLIC KEY-----\n{BODY}\n-----END PUBLIC KEY-----") == []


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgres://app:hunter2@db.internal:5432/x", "hunter2"),
        ("amqp://:s3cr3t@mq", "s3cr3t"),
        ("go to https://me:p@ss:w0rd@host.example/a now", "p@ss:w0rd"),
    ],
)
def test_the_password_in_a_url_is_found(text, secret):
    assert find(text) == [(0, "URL_CREDENTIALS", secret)]


@pytest.mark.parametrize(
    "text",
    [
        "postgres://app:$PASSWORD@db/x",
        "postgres://app:{password}@db/x",
        "postgres://user:password@db/x",
        "postgres://user:****@db/x",
        "https://example.com:8080/a@b",
        "see https://example.com: me@example.com",
    ],
)
def test_what_only_stands_for_a_password_in_a_url_is_left_alone(text):
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "entity", "secret"),
    [
        ("password = 'hunter22'", "PASSWORD", "hunter22"),
        ('"dbPassword": "Tr0ub4dor&3"', "PASSWORD", "Tr0ub4dor&3"),
        ("PGPASSWORD=Tr0ub4dor3 psql", "PASSWORD", "Tr0ub4dor3"),
        ('pwd="correct horse battery"', "PASSWORD", "correct horse battery"),
        ("CREATE USER u IDENTIFIED BY 'x'", "PASSWORD", "x"),
        ("identified with sha256 by 'tiger'", "PASSWORD", "tiger"),
        ("ALTER ROLE u PASSWORD 'tiger'", "PASSWORD", "tiger"),
        ("my password is hunter2.", "PASSWORD", "hunter2."),
        ("curl -u jane:Tr0ub4dor3 https://a.example", "PASSWORD", "Tr0ub4dor3"),
        (f"api_key: {LOW[:32]}", "API_KEY", LOW[:32]),
        (f"<clientSecret>\n  {HEX[:32]}\n</clientSecret>", "API_KEY", HEX[:32]),
        (f"Authorization: Bearer {MIX[:40]}", "API_KEY", MIX[:40]),
        (f"--api-key {HEX[:40]}", "API_KEY", HEX[:40]),
        (f'<add key="Token" value="{HEX[:32]}"/>', "API_KEY", HEX[:32]),
    ],
)
def test_a_word_before_it_gives_a_secret_away(text, entity, secret):
    assert (0, entity, secret) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "password = os.environ['PASSWORD']",
        "password = getpass()",
        "password: required",
        "password = 'changeme123'",
        "password = $DB_PASSWORD",
        "password = xxxxxxxx1",
        "password = a.b.c.d.e",
        "pass: 12",
        "the password is wrong.",
        "the password is ok",
        "token = get_token()",
        "token: customer_identifier",
        "api_key = your_api_key_0001",
        "secret = aaaaaaaaaaaaaaa1",
        "secret = 1111111111112222",
        "token = $TOKEN_1234567890",
        "Basic understanding of authorization",
        "the key is under the mat",
        "compass: northwest1",
        "",
    ][:-2],
)
def test_a_word_alone_is_no_secret(text):
    assert find(text) == []


def test_what_is_masked_already_is_not_found_again():
    assert find("password = [PASSWORD]", "postgres://app:[URL_CREDENTIALS]@db/x") == []


def test_rows_never_run_into_each_other():
    assert find("password =", "hunter2222", "-----BEGIN PRIVATE KEY-----", BODY) == [
        (2, "PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----")
    ]


def test_entropy_counts_bits():
    assert entropy(b"") == 0
    assert entropy(b"aaaa") == 0
    assert entropy(b"abcd") == pytest.approx(2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    ["-----BEGIN PRIVATE KEY-----\n", "password=", "token ", "x://a:b", "sk-", "key ", "A3-", "."],
)
def test_the_time_grows_with_the_text_and_not_with_its_content(unit):
    def seconds(size):
        column = pa.array([unit * (size // len(unit))], pa.string())
        best = 1e9
        for _ in range(2):
            start = time.process_time()
            for detector in DETECTORS:
                detector.detect(column)
            best = min(best, time.process_time() - start)
        return best

    small, large = seconds(20_000), seconds(200_000)

    # Ten times the text; a quadratic search would take a hundred times as long.
    assert large < 30 * small + 0.2


@pytest.mark.skipif(not DATA.exists(), reason="the labelled data is not here")
def test_recall_on_the_cases_of_other_scanners_does_not_fall():
    lines = (DATA / "gitleaks_rules.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["spans"]]
    rows = {row for row, _, _ in find(*(record["text"] for record in records))}

    assert len(rows) / len(records) >= 0.95
