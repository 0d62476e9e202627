import hashlib
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

import maskline
from maskline.audit import SigningKey
from maskline.audit.questions import Span
from maskline.cli import main
from maskline.evidence import gather, to_html, verify_bundle, write_bundle
from maskline.plugins import load_policy
from maskline.tokens import Keyring

POLICY = """\
version: 1
keys: {file: keyring.json}
sources:
  gone: {url: "duckdb:///gone.duckdb"}
  shop: {url: "duckdb:///shop.duckdb"}
labels:
  shop:
    main.people: {id: PUBLIC, email: EMAIL_ADDRESS, ssn: US_SSN}
rules:
  - {who: {role: fraud}, purpose: chargeback, what: US_SSN, do: reveal}
"""
SCORE = {
    "views": {
        "attacks": 12, "dead": 1, "refused": 4, "answered": 7, "shown": {"v1": "rules[0]"},
        "leaks": {"v2": "<b>the answer</b>"},
    }
}  # fmt: skip


FOUND = {
    "results": [
        {
            "dataset": "<set>",
            "system": "maskline",
            "entities": {
                "US_SSN": {
                    "precision": {"value": 1.0, "total": 36},
                    "recall": {"value": 0.9, "total": 40},
                    "f2": 0.92, "f2_low": 0.8, "f2_high": 0.99,
                }
            },
        }
    ]
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which queries were asked, which is where we are."""
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute(
            "CREATE TABLE people AS SELECT 1 AS id, 'ann@example.org' AS email, "
            "'536-90-4399' AS ssn, 'x' AS word"
        )
    Path("policy.yaml").write_text(POLICY)
    Keyring.generate().save(Path("keyring.json"))
    kim = maskline.Principal(kind="human", id="kim<script>", roles=("fraud",))
    with maskline.connect("shop", principal=kim, purpose="chargeback") as session:
        session.query("SELECT id, email, ssn FROM people")
        with pytest.raises(maskline.QueryRefusedError):
            session.query("UPDATE people SET id = 2", purpose="=cmd()")
    return tmp_path


def gathered(**more: Any) -> dict[str, Any]:
    policy, registry = load_policy("policy.yaml")
    return gather(policy, registry, span=Span(), **more)


class _Page(HTMLParser):
    """Collects the links, the ids and whatever is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {str(value) for name, value in attrs if name in {"href", "src"}}
        self.ids |= {str(value) for name, value in attrs if name == "id"}


def test_the_evidence_tells_what_happened(folder: Path) -> None:
    evidence = gathered(redteam=SCORE)

    assert evidence["verification"]["ok"]
    assert evidence["unreadable"] == 0
    [policy] = evidence["policies"]
    assert policy["policy_hash"] == evidence["policy"]
    assert [(row["who"], row["purpose"], row["answered"]) for row in evidence["accesses"]] == [
        ("human:kim<script>", "=cmd()", 0),
        ("human:kim<script>", "chargeback", 1),
    ]
    [reveal] = evidence["reveals"]
    assert (reveal["column"], reveal["purpose"], reveal["rule"]) == (
        "shop.main.people.ssn", "chargeback", "rules[0]",
    )  # fmt: skip
    assert [row["queries"] for row in evidence["refusals"]] == [1]
    assert [row["rows"] for row in evidence["exports"]] == [1]
    assert evidence["coverage"] == [
        {"source": "gone", "reached": False, "why": "source"},
        {
            "source": "shop", "reached": True, "columns": 4, "labelled": 3,
            "labels": {"EMAIL_ADDRESS": 1, "PUBLIC": 1, "UNKNOWN": 1, "US_SSN": 1},
            "unknown": ["main.people.word"],
        },
    ]  # fmt: skip
    assert evidence["redteam"] == [
        {"family": "views", "attacks": 12, "dead": 1, "refused": 4, "answered": 7, "shown": 1,
         "leaks": ["v2"]},
    ]  # fmt: skip


def test_every_control_is_tied_to_parts_that_are_there(folder: Path) -> None:
    evidence = gathered()

    named = {(one["framework"], one["id"]) for one in evidence["controls"]}
    assert named >= {
        ("SOC 2", "CC6.1"), ("SOC 2", "CC6.7"), ("SOC 2", "CC7.2"),
        ("HIPAA", "164.312(a)(1)"), ("HIPAA", "164.312(b)"), ("HIPAA", "164.312(c)(1)"),
        ("HIPAA", "164.514"),
        ("GDPR", "Art. 5(1)(f)"), ("GDPR", "Art. 25"), ("GDPR", "Art. 30"), ("GDPR", "Art. 32"),
    }  # fmt: skip
    assert {part for one in evidence["controls"] for part in one["parts"]} <= evidence.keys()


def test_the_page_loads_nothing_and_escapes_everything(folder: Path) -> None:
    page = _Page()
    html = to_html(gathered(redteam=SCORE))
    page.feed(html)

    assert "script" not in page.tags
    assert "kim&lt;script&gt;" in html
    assert {link.removeprefix("#") for link in page.links} <= page.ids
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html
    assert "complian" not in html.casefold()
    assert "This is evidence" in html
    assert "could not be reached" in html
    assert "main.people.word" in html


def test_the_page_says_when_the_log_was_changed(folder: Path) -> None:
    [segment] = Path("audit").glob("audit-*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"rows":1', b'"rows":0') + b"garbage\n")

    evidence = gathered()
    html = to_html(evidence)

    assert not evidence["verification"]["ok"]
    assert "is NOT what was written" in html
    assert "edited" in html
    assert evidence["unreadable"] == 1
    assert "1 lines are no record" in html


def test_signed_checkpoints_count_where_they_can_be_checked(folder: Path) -> None:
    SigningKey.generate("example.com/audit").save(Path("audit.key"))
    signed = "audit: {path: signed, key: audit.key, every: 1}\n"
    Path("policy.yaml").write_text(POLICY + signed)
    with maskline.connect("shop") as session:
        session.query("SELECT id FROM people")

    checked = gathered()
    Path("audit.key.pub").unlink()
    unchecked = gathered()

    assert checked["verification"]["signed"] == checked["verification"]["records"] == 2
    assert "Signed checkpoints cover the first 2 records." in to_html(checked)
    assert unchecked["verification"]["signed"] == 0
    assert "No signature was checked." in to_html(unchecked)


def test_the_page_of_nothing_says_nothing(folder: Path) -> None:
    for segment in Path("audit").glob("audit-*.jsonl"):
        segment.unlink()

    assert to_html(gathered()).count(">Nothing.<") == 5


def test_long_tables_are_cut_on_the_page_only(folder: Path) -> None:
    evidence = gathered()
    evidence["refusals"] = evidence["refusals"] * 150

    html = to_html(evidence)

    assert "50 more are in evidence.json" in html
    assert html.count("not UPDATE") == 100


def test_the_manifest_has_the_digest_of_every_file(folder: Path) -> None:
    write_bundle(gathered(), Path("bundle"))

    files = {file.name: file.read_bytes() for file in Path("bundle").iterdir()}
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest["files"] == {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
    }
    assert manifest["public_key"] is None
    assert files.keys() == {"evidence.html", "evidence.json"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in Path("bundle").iterdir())
    assert Path("bundle").stat().st_mode & 0o777 == 0o700


def test_a_key_signs_the_manifest(folder: Path) -> None:
    import base64

    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = SigningKey.generate("example.com/audit")
    write_bundle(gathered(), Path("bundle.zip"), key=key)

    with zipfile.ZipFile("bundle.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    text, _, signature = files["manifest.note"].decode().partition("\n\u2014 ")
    name, spelt = signature.split()
    public = base64.b64decode(key.public.split("+", 2)[2])[1:]
    raw = base64.b64decode(spelt)[4:]
    verifier = Ed25519PublicKey.from_public_bytes(public)
    verifier.verify(raw, text.encode())
    with pytest.raises(InvalidSignature):
        verifier.verify(raw, text.replace("manifest", "another").encode())
    digest = hashlib.sha256(files["manifest.json"]).hexdigest()
    assert text == f"maskline evidence, version 1\nmanifest.json\n{digest}\n"
    assert name == "example.com/audit"
    assert json.loads(files["manifest.json"])["public_key"] == key.public
    assert Path("bundle.zip").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_evidence_is_compared_with_its_manifest_and_its_signature(folder: Path, name: str) -> None:
    key, other = SigningKey.generate("example.com/audit"), SigningKey.generate("example.com/audit")
    write_bundle(gathered(), Path(name), key=key)

    assert verify_bundle(Path(name)) == []
    assert verify_bundle(Path(name), public_keys=f"{other.public}\n{key.public}") == []
    assert verify_bundle(Path(name), public_keys=other.public) == [
        "manifest.note is not signed by the key."
    ]


def test_evidence_that_was_changed_is_found(folder: Path) -> None:
    key = SigningKey.generate("example.com/audit")
    write_bundle(gathered(), Path("bundle"), key=key)
    page, manifest = Path("bundle/evidence.html"), Path("bundle/manifest.json")
    written = page.read_bytes(), manifest.read_bytes()

    def found() -> list[str]:
        return verify_bundle(Path("bundle"), public_keys=key.public)

    page.write_bytes(written[0] + b" ")
    assert found() == ["evidence.html is not what was written."]
    # Whoever mends the manifest cannot sign it.
    digests = [
        hashlib.sha256(data).hexdigest().encode() for data in (written[0], page.read_bytes())
    ]
    manifest.write_bytes(written[1].replace(*digests))
    assert found() == ["manifest.json is not what was signed."]
    manifest.write_bytes(written[1])
    page.rename("bundle/other.html")
    assert found() == ["evidence.html is missing.", "other.html is not in the manifest."]
    Path("bundle/other.html").rename(page)
    page.write_bytes(written[0])
    Path("bundle/manifest.note").unlink()
    assert found() == ["It is not signed."]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', '{"files": {"a": 1}}'])
def test_what_is_no_evidence_is_told(folder: Path, text: str) -> None:
    Path("none").mkdir()
    Path("none/manifest.json").write_text(text)
    Path("none.zip").write_text(text)

    for path in (Path("none"), Path("none.zip"), Path("nowhere")):
        with pytest.raises(maskline.UsageError, match="no evidence that can be read"):
            verify_bundle(path)


def test_what_is_there_is_not_overwritten(folder: Path) -> None:
    evidence = gathered()
    Path("taken").mkdir()

    for path in (Path("taken"), Path("nowhere/at/all")):
        with pytest.raises(maskline.UsageError, match="cannot be written"):
            write_bundle(evidence, path)
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


def test_what_detection_finds_is_told(folder: Path) -> None:
    evidence = gathered(detection=FOUND)
    html = to_html(evidence)

    assert evidence["detection"] == [
        {
            "dataset": "<set>", "system": "maskline", "entity": "US_SSN", "labels": 40,
            "precision": 1.0, "recall": 0.9, "f2": 0.92, "f2_low": 0.8, "f2_high": 0.99,
        }
    ]  # fmt: skip
    assert "&lt;set&gt;" in html
    assert "0.920 (0.80 to 0.99)" in html
    assert "No score was given. <code>maskline evaluate" in to_html(gathered())


@pytest.mark.parametrize("found", [{}, {"results": 1}, {"results": [{"entities": {"A": {}}}]}])
def test_what_no_evaluation_printed_is_refused(folder: Path, found: dict[str, Any]) -> None:
    with pytest.raises(maskline.UsageError, match="not what `maskline evaluate"):
        gathered(detection=found)


@pytest.mark.parametrize("score", [{"a": 1}, {"a": {"leaks": {}}}, {"a": {"leaks": [], **SCORE}}])
def test_what_is_no_score_is_refused(folder: Path, score: dict[str, Any]) -> None:
    with pytest.raises(maskline.UsageError, match="not what `maskline redteam"):
        gathered(redteam=score)


def test_the_command_writes_a_signed_bundle(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "--from", "2026-01-01", "--to", "2100-12-31"]) == 0
    first = capfd.readouterr().err
    SigningKey.generate("example.com/audit").save(Path("audit.key"))
    Path("policy.yaml").write_text(POLICY + "audit: {path: audit, key: audit.key}\n")
    Path("score.json").write_text(json.dumps(SCORE))
    Path("found.json").write_text(json.dumps(FOUND))
    scores = ["--redteam", "score.json", "--detection", "found.json"]
    assert main(["evidence", "--from", "30d", "--out", "x.zip", *scores]) == 0
    second = capfd.readouterr().err

    assert "not signed" in first
    assert "the columns of gone are missing" in first
    assert Path("evidence-20260101-21001231/evidence.html").is_file()
    evidence = json.loads(Path("evidence-20260101-21001231/evidence.json").read_text())
    assert (evidence["from"], evidence["to"]) == ("2026-01-01T00:00:00Z", "2101-01-01T00:00:00Z")
    assert re.search(r"x\.zip: signed, ", second)
    assert "manifest.note" in zipfile.ZipFile("x.zip").namelist()
    assert main(["audit", "verify-evidence", "x.zip"]) == 0
    assert "x.zip is what was written, and signed." in capfd.readouterr().err
    assert main(["audit", "verify-evidence", "evidence-20260101-21001231"]) == 3
    assert "It is not signed." in capfd.readouterr().out


def test_the_command_says_what_is_wrong(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("score.json").write_text("[1]")
    for arguments, words in (
        (["--from", "2026-02-01", "--to", "2026-01-01"], "--to is not after --from."),
        (["--from", "x"], "--from is neither an age nor a time."),
        (["--from", "1d", "--redteam", "score.json"], "holds no score"),
        (["--from", "1d", "--redteam", "none.json"], "FileNotFoundError"),
    ):
        assert main(["evidence", *arguments]) == 2
        assert words in capfd.readouterr().err
    [segment] = Path("audit").glob("audit-*.jsonl")
    segment.write_bytes(segment.read_bytes() + b"garbage\n")
    assert main(["evidence", "--from", "1d", "--out", "bundle"]) == 3
    shown = capfd.readouterr().err
    assert "is not what was written" in shown
    assert "1 lines of the log are no record" in shown
    assert Path("bundle/evidence.html").is_file()
