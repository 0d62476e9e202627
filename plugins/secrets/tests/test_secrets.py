"""What the plugin offers, and what its detectors have in common."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

import maskline_secrets
from maskline.entities import Category, builtin_entities
from maskline.model import Label
from maskline.roles import Detector
from maskline.testing import MemoryContext, check_detector
from maskline_secrets._checks import entropy

DETECTORS = maskline_secrets.maskline_register_detectors()
ENTITIES = maskline_secrets.maskline_register_entities()
DATA = Path(__file__).parents[4] / "shared" / "data" / "detection"

# Varied enough to pass for random; sliced to any length.
MIX = "aB3dE5fG7hJ9kL2mN4pQ6rS8tU1vW0xY" * 16
BODY = "\n".join([MIX[:64]] * 4)


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


@pytest.mark.parametrize(
    "kind",
    [
        *("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"),
        *("ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
    ],
)
def test_a_private_key_is_found_from_its_first_line_to_its_last(kind):
    key = f"-----BEGIN {kind}-----\nDEK-Info: AES-128-CBC,0A\n\n{BODY}\n-----END {kind}-----"

    assert find(f"here: {key} bye") == [(0, "PRIVATE_KEY", key)]
    assert find(f"---- BEGIN SSH2 {kind} ----\n{BODY}\n---- END SSH2 {kind} ----")


def test_a_private_key_on_one_line_of_json_is_found_whole():
    key = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n".replace("\n", "\\n")

    assert (0, "PRIVATE_KEY", key.removesuffix("\\n")) in find(f'{{"private_key": "{key}"}}')


def test_a_private_key_that_was_cut_off_is_found():
    key = f"-----BEGIN PRIVATE KEY-----\n{BODY}"

    assert find(f"{key}.") == [(0, "PRIVATE_KEY", key)]
    assert find(f"{key}-----BEGIN PRIVATE KEY-----") == [
        (0, "PRIVATE_KEY", key),
        (0, "PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----"),
    ]


def test_a_private_key_without_its_frame_is_found():
    bare = f"MIIEpAIBAAKCAQEA{MIX[:64]}"
    framed_twice = f"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tL{MIX[:64]}"

    assert find(f"k {bare}") == [(0, "PRIVATE_KEY", bare)]
    assert find(f"k {framed_twice}") == [(0, "PRIVATE_KEY", framed_twice)]


def test_a_putty_key_is_found():
    text = f"Private-Lines: 2\n{MIX[:64]}\n{MIX[:64]}\nPrivate-MAC: 0"

    assert [entity for _, entity, _ in find(text)] == ["PRIVATE_KEY"]


@pytest.mark.parametrize(
    "text",
    [
        f"-----BEGIN PUBLIC KEY-----\n{BODY}\n-----END PUBLIC KEY-----",
        f"-----BEGIN CERTIFICATE-----\n{BODY}\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\nanything\n-----END PRIVATE KEY-----",
    ],
)
def test_a_block_that_is_no_private_key_is_left_alone(text):
    assert find(text) == []


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
    ("before", "after"),
    [("metadata:\n  name: app\n", ""), ("metadata: {name: app}\n", "---\nkind: ConfigMap\n")],
)
def test_the_data_of_a_kubernetes_secret_is_found(before, after):
    secret = "aHVudGVy" + "MjI="
    manifest = (
        f"apiVersion: v1\nkind: Secret\n{before}type: Opaque\ndata:\n  word: {secret}\n{after}"
    )

    assert [stretch for _, _, stretch in find(manifest)] == [secret]
    assert find(manifest.replace("kind: Secret", "kind: ConfigMap")) == []
    assert find(manifest.replace("\ndata:", "\nspec:")) == []


def test_what_is_masked_already_is_not_found_again():
    tokenizer = MemoryContext(Label(entity="PASSWORD")).tokenizer("PASSWORD")
    token = tokenizer.text(pa.array(["x"], pa.string()))[0].as_py()

    for masked in ("[PASSWORD]", "[API_KEY]", "[GITHUB_TOKEN]", token):
        assert (
            find(
                f"password = {masked}",
                f'"token": "{masked}"',
                f"postgres://app:{masked}@db/x",
                f"IDENTIFIED BY '{masked}'",
                f"my password is {masked}",
                f"curl -u ada:{masked} x",
                masked,
            )
            == []
        )


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
    [
        *("-----BEGIN PRIVATE KEY-----\n", "password=", "token ", "x://a:b", "sk-", "key ", "A3-"),
        *(".", 'password="', "pwd='a\"", "'a' == ", "sk-ant-api03-", "kind: Secret\n", "token=a-"),
        *(
            "a1B2",
            "xoxb-",
            ":5432:",
            "password is ",
            "-p",
            "mysql ",
            "(",
            "token=))",
            "secret=[}]",
            "A.b_c",
            '{"key":"a1",',
        ),
    ],
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
@pytest.mark.parametrize(
    ("name", "recall", "flagged"),
    [("gitleaks_rules", 0.98, 0.12), ("detect_secrets_tests", 0.85, 0.23)],
)
def test_the_cases_of_other_scanners_are_told_apart(name, recall, flagged):
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    hits = {row for row, _, _ in find(*(record["text"] for record in records))}
    found = [row in hits for row, record in enumerate(records) if record["spans"]]
    wrong = [row in hits for row, record in enumerate(records) if not record["spans"]]

    assert sum(found) >= recall * len(found)
    assert sum(wrong) <= flagged * len(wrong)
