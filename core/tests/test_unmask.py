"""``maskline unmask`` and `maskline.unmask`: who may, what is recorded, and what comes back."""

import io
import json
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import maskline
from maskline import audit
from maskline.cli import main
from maskline.errors import (
    AuditError,
    KeyringError,
    MaskingError,
    MasklineError,
    PolicyError,
    QueryRefusedError,
)
from maskline.model import Principal
from maskline.tokens import Keyring, NumberCipher

CARD = "4111 1111 1111 1111"
POLICY = """\
version: 1
keys: {file: keyring.json}
masks:
  CREDIT_CARD: {fpe: {luhn: keep}}
  PHONE_NUMBER: {fpe: {domain: numbers}}
  US_SSN: {fpe: {domain: numbers}}
  MEDICAL_RECORD: fpe
  EMAIL_ADDRESS: token
rules:
  - {who: {role: fraud}, purpose: chargeback, what: CREDIT_CARD, do: reveal}
  - {who: {role: support}, what: PHONE_NUMBER, do: reveal}
  - {who: {role: chief}, what: [PHONE_NUMBER, US_SSN], do: reveal}
  - {who: {role: locked}, what: MEDICAL_RECORD, do: deny}
  - {who: {kind: service}, what: MEDICAL_RECORD, do: {fpe: {domain: exports}}}
  - {who: {role: doctor}, what: MEDICAL_RECORD, do: reveal}
  - {who: {kind: agent}, purpose: required}
"""
FRAUD = {
    "principal": Principal(kind="human", id="kim", roles=("fraud",)),
    "purpose": "Chargeback",
}
AS_FRAUD = ["--as", "human:kim", "--role", "fraud", "--purpose", "chargeback"]


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """Return the keys of a folder with a policy, which is where we are."""
    keyring = Keyring.generate()
    keyring.save(tmp_path / "keyring.json")
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return keyring


def cipher(keyring, domain, version=None):
    return NumberCipher.of_domain(domain, keyring.pads(domain, version=version))


def masked_card(keyring, card=CARD):
    return cipher(keyring, "CREDIT_CARD").encrypt(pa.array([card]), has_check=True)[0].as_py()


def somebody(*roles, kind="human"):
    return Principal(kind=kind, id="kim", roles=roles)


def events():
    return [record["event"] for record in audit.read("audit")]


def edit(old, new):
    text = Path("policy.yaml").read_text()
    assert old in text
    Path("policy.yaml").write_text(text.replace(old, new))


def everything_written():
    return b"".join(path.read_bytes() for path in Path("audit").iterdir())


def test_who_may_see_a_value_gets_it_back(keyring):
    values = pa.array([masked_card(keyring), None, "[CREDIT_CARD]"])

    raw = maskline.unmask(values, entity="CREDIT_CARD", **FRAUD)

    assert raw.type == pa.string()
    assert raw.to_pylist() == [CARD, None, None]


def test_the_answer_of_a_query_is_unmasked(keyring):
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute(f"CREATE TABLE payment AS SELECT '{CARD}' AS card, 1 AS amount")
    edit(
        "masks:\n",
        'sources: {shop: {url: "duckdb:///shop.duckdb"}}\n'
        "labels: {shop: {payment: {card: CREDIT_CARD, amount: PUBLIC}}}\nmasks:\n",
    )
    with maskline.connect() as session:
        masked = session.query("SELECT card FROM payment ORDER BY card").table["card"]

    assert masked.to_pylist() == [masked_card(keyring)] != [CARD]
    raw = maskline.unmask(masked.combine_chunks(), entity="CREDIT_CARD", **FRAUD)
    assert raw.to_pylist() == [CARD]


def test_a_read_is_recorded_with_counts_and_without_values(keyring):
    masked = masked_card(keyring)

    maskline.unmask(pa.array([masked, "no card", masked]), entity="CREDIT_CARD", **FRAUD)

    (event,) = events()
    assert event["outcome"] == "answered"
    assert event["decision"] == "unmasked"
    assert event["sql"] == "<unmask CREDIT_CARD in CREDIT_CARD>"
    assert event["purpose"] == "Chargeback"
    assert event["principal"]["id"] == "kim"
    assert event["rows"] == 2
    assert event["key_versions"] == [1]
    (output,) = event["outputs"]
    assert (output["name"], output["type"], output["mask"]) == ("value", "string", None)
    assert output["label"]["entity"] == "CREDIT_CARD"
    assert audit.verify("audit").ok
    for text in (CARD, masked, "no card"):
        assert text.encode() not in everything_written()


def test_events_are_those_that_the_schema_describes(keyring):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(Path(audit.__file__).with_name("access_event.schema.json").read_text())
    maskline.unmask(pa.array([masked_card(keyring)]), entity="CREDIT_CARD", **FRAUD)
    with pytest.raises(QueryRefusedError):
        maskline.unmask(pa.array(["1234567"]), entity="CREDIT_CARD")

    for event in events():
        jsonschema.Draft202012Validator(schema).validate(event)


@pytest.mark.parametrize(
    ("entity", "roles", "purpose", "words"),
    [
        ("CREDIT_CARD", (), "chargeback", "CREDIT_CARD is masked for you"),
        ("CREDIT_CARD", ("fraud",), "", "CREDIT_CARD is masked for you"),
        ("CREDIT_CARD", ("fraud",), "curiosity", "CREDIT_CARD is masked for you"),
        ("PHONE_NUMBER", (), "", "PHONE_NUMBER and US_SSN is masked"),
        ("PHONE_NUMBER", ("support",), "", "US_SSN is masked for you. The domain numbers"),
        ("MEDICAL_RECORD", ("locked", "doctor"), "", "MEDICAL_RECORD is masked"),
    ],
)
def test_who_may_not_see_a_value_is_refused_and_that_is_recorded(
    keyring, entity, roles, purpose, words
):
    column = pa.array(["4929 0000 1234 5678"])

    with pytest.raises(QueryRefusedError, match=words) as refused:
        maskline.unmask(
            column, entity=entity, domain="MEDICAL_RECORD" * (entity[0] == "M"),
            principal=somebody(*roles), purpose=purpose,
        )  # fmt: skip

    (event,) = events()
    assert (event["outcome"], event["decision"], event["rows"]) == ("refused", "refused", 0)
    assert event["reason"] == refused.value.message
    assert b"4929" not in everything_written()
    assert "4929" not in str(refused.value)


def test_a_shared_domain_is_unmasked_for_those_who_may_see_all_of_it(keyring):
    masked = cipher(keyring, "numbers").encrypt(pa.array(["078-05-1120"]))

    raw = maskline.unmask(masked, entity="US_SSN", principal=somebody("chief"))

    assert raw.to_pylist() == ["078-05-1120"]


def test_the_domain_of_another_entity_is_not_unmasked(keyring):
    # The domain of one entity's mask may be named as another entity.
    edit("PHONE_NUMBER: {fpe: {domain: numbers}}", "PHONE_NUMBER: {fpe: {domain: CREDIT_CARD}}")

    with pytest.raises(QueryRefusedError, match="CREDIT_CARD is masked for you"):
        maskline.unmask(pa.array(["1234567"]), entity="PHONE_NUMBER", principal=somebody("support"))
    with pytest.raises(PolicyError, match="in that domain"):
        maskline.unmask(pa.array(["1234567"]), entity="CREDIT_CARD", domain="numbers", **FRAUD)


def test_a_purpose_that_the_policy_wants_is_wanted(keyring):
    with pytest.raises(QueryRefusedError, match="wants a purpose"):
        maskline.unmask(
            pa.array(["1234567"]), entity="US_SSN", principal=somebody("chief", kind="agent")
        )

    assert events()[0]["outcome"] == "refused"


def test_the_domain_is_named_where_there_are_several(keyring):
    masked = cipher(keyring, "exports").encrypt(pa.array(["MRN-1234567"]))
    arguments = {"entity": "MEDICAL_RECORD", "principal": somebody("doctor")}

    with pytest.raises(PolicyError, match="several ways") as several:
        maskline.unmask(masked, **arguments)

    assert several.value.hint == "Name one of the domains: MEDICAL_RECORD, exports."
    assert maskline.unmask(masked, domain="exports", **arguments).to_pylist() == ["MRN-1234567"]


def test_one_domain_with_and_without_check_digits_is_refused(keyring):
    edit("do: {fpe: {domain: exports}}", "do: {fpe: {luhn: keep}}")

    with pytest.raises(PolicyError, match="several ways") as several:
        maskline.unmask(
            pa.array(["1234567"]), entity="MEDICAL_RECORD", principal=somebody("doctor")
        )

    assert "domains of their own" in several.value.hint


def test_integers_come_back_as_integers_of_their_type(keyring):
    numbers = pa.array([4111111, 2147483647, None], pa.int32())
    masked = cipher(keyring, "numbers").encrypt(numbers)

    raw = maskline.unmask(masked, entity="US_SSN", principal=somebody("chief"))

    assert raw.equals(numbers)


def test_an_older_key_is_used_where_it_is_named(keyring):
    masked = pa.array([masked_card(keyring)])
    keyring.rotate().save("keyring.json", overwrite=True)

    old = maskline.unmask(masked, entity="CREDIT_CARD", key_version=1, **FRAUD)
    new = maskline.unmask(masked, entity="CREDIT_CARD", **FRAUD)

    assert old.to_pylist() == [CARD] != new.to_pylist()
    assert [event["key_versions"] for event in events()] == [[1], [2]]
    with pytest.raises(KeyringError, match="version 3"):
        maskline.unmask(masked, entity="CREDIT_CARD", key_version=3, **FRAUD)


@pytest.mark.parametrize("entity", ["EMAIL_ADDRESS", "PERSON", "PUBLIC", "UNKNOWN", "4111111"])
def test_what_the_policy_does_not_encrypt_is_not_unmasked(keyring, entity):
    with pytest.raises(PolicyError) as refused:
        maskline.unmask(pa.array(["1234567"]), entity=entity, **FRAUD)

    assert "4111111" not in str(refused.value)


def test_nothing_is_unmasked_without_keys(keyring):
    edit("keys: {file: keyring.json}\n", "")

    with pytest.raises(KeyringError, match="names no keys"):
        maskline.unmask(pa.array(["1234567"]), entity="CREDIT_CARD", **FRAUD)


def test_what_cannot_be_recorded_is_not_returned(keyring, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    masked = pa.array([masked_card(keyring)])
    maskline.unmask(masked, entity="CREDIT_CARD", **FRAUD)
    monkeypatch.setattr("maskline.audit.log.os.write", full)

    with pytest.raises(AuditError) as failed:
        maskline.unmask(masked, entity="CREDIT_CARD", **FRAUD)

    assert "4111" not in str(failed.value)


def test_sinks_are_told_and_closed(keyring):
    Path("policy.yaml").write_text(f"{POLICY}sinks: {{jsonl: {{path: events.jsonl}}}}\n")

    maskline.unmask(pa.array([masked_card(keyring)]), entity="CREDIT_CARD", **FRAUD)

    (line,) = Path("events.jsonl").read_text().splitlines()
    assert json.loads(line)["decision"] == "unmasked"


def test_values_of_other_types_are_refused(keyring):
    with pytest.raises(MaskingError, match="double"):
        maskline.unmask(pa.array([4111111.0]), entity="CREDIT_CARD", **FRAUD)


# The command


def test_the_command_decrypts_its_arguments(keyring, capfd):
    masked = masked_card(keyring)

    code = main(["unmask", masked, masked, "--entity", "CREDIT_CARD", *AS_FRAUD])

    shown = capfd.readouterr()
    assert (code, shown.out) == (0, f"{CARD}\n{CARD}\n")
    assert "2 values unmasked" in shown.err


def test_the_command_reads_lines_and_leaves_those_empty_that_are_not_of_the_mask(
    keyring, capfd, monkeypatch
):
    lines = f"{masked_card(keyring)}\r\nhunter2\n\n{masked_card(keyring)}\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))

    code = main(["unmask", "-", "--entity", "CREDIT_CARD", *AS_FRAUD])

    shown = capfd.readouterr()
    assert (code, shown.out) == (0, f"{CARD}\n\n\n{CARD}\n")
    assert "2 values are not what the mask leaves" in shown.err
    assert "hunter2" not in shown.err
    assert events()[0]["rows"] == 2


def test_the_command_decrypts_integers(keyring, capfd):
    (masked,) = cipher(keyring, "numbers").encrypt(pa.array([2012345678], pa.int32())).to_pylist()

    words = ["-e", "US_SSN", "--domain", "numbers", "--type", "int32", "--key-version", "1"]
    code = main(["unmask", str(masked), *words, "--as", "human:kim", "--role", "chief"])

    assert (code, capfd.readouterr().out) == (0, "2012345678\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["4929001", "--entity", "CREDIT_CARD"], 4, "CREDIT_CARD is masked for you"),
        (["4929001", "--entity", "4929001"], 2, "no such entity"),
        (["4929001"], 2, "--entity is missing"),
        (["--entity", "CREDIT_CARD"], 2, "The values are missing"),
        (["4929001x", "-e", "CREDIT_CARD", "--type", "int64"], 2, "not of the type int64"),
        (["4929001929", "-e", "CREDIT_CARD", "--type", "int32"], 2, "not of the type int32"),
        (["4929001", "-e", "CREDIT_CARD", "--as", "4929001"], 2, "--as is not a kind"),
        (["4929001", "-e", "CREDIT_CARD", "--type", "4929001"], 2, "--type cannot be"),
    ],
)
def test_the_command_ends_with_the_right_code_and_repeats_nothing(
    keyring, capfd, arguments, code, words
):
    assert main(["unmask", *arguments]) == code

    shown = capfd.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert "4929001" not in shown.err


def test_input_that_is_not_text_is_refused(keyring, capfd, monkeypatch):
    raw = io.TextIOWrapper(io.BytesIO(b"4929001\xff\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", raw)

    assert main(["unmask", "-", "--entity", "CREDIT_CARD", *AS_FRAUD]) == 2
    assert "4929001" not in capfd.readouterr().err


def test_every_error_of_unmask_is_one_of_ours(keyring):
    Path("policy.yaml").unlink()

    with pytest.raises(MasklineError):
        maskline.unmask(pa.array(["1234567"]), entity="CREDIT_CARD")
