"""The command line: what it prints, what it writes, and how it ends."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from maskline import _kernels as kernels
from maskline import audit
from maskline.cli import _console, _output, main
from maskline.cli._options import principal_of
from maskline.errors import MasklineError, PolicyError
from maskline.policy._sources import password_variable, write_source
from maskline.tokens import Keyring

CANARIES = ("ann.canary@example.com", "912-34-1001", "Ann Canary", "+1-415-555-0101")
RUN = [sys.executable, "-c", "import sys; from maskline.cli import main; sys.exit(main())"]
POLICY = """\
version: 1
keys: {file: keyring.json}
sources:
  shop: {url: "duckdb:///shop.duckdb"}
labels:
  shop:
    main.people: {id: PUBLIC, full_name: PERSON, email: EMAIL_ADDRESS, ssn: US_SSN, word: PUBLIC,
      notes: FREE_TEXT, spent: PUBLIC, seen: PUBLIC, tags: PUBLIC, raw: PUBLIC}
    main.big: {id: PUBLIC, email: EMAIL_ADDRESS}
masks:
  US_SSN: redact
rules:
  - {who: {role: fraud}, purpose: chargeback, what: US_SSN, do: reveal}
  - {who: {kind: agent}, purpose: required}
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """
            CREATE TABLE people (id INTEGER, full_name VARCHAR, email VARCHAR, ssn VARCHAR,
                word VARCHAR, notes VARCHAR, spent DECIMAL(20, 2), seen TIMESTAMP, tags VARCHAR[],
                raw BLOB);
            INSERT INTO people VALUES
                (1, 'Ann Canary', 'ann.canary@example.com', '912-34-1001', 'plain',
                 'Call +1-415-555-0101.', 12.5, '2026-01-02 03:04:05', ['a', NULL], '\\x00\\x01'),
                (2, 'Bob Canary', 'bob.canary@example.org', '912-34-1002', '=1+cmd()', '', 1.00,
                 NULL, [], NULL),
                (3, NULL, NULL, NULL, '', NULL, 99999999999999999.01, NULL, NULL, NULL),
                (4, 'Cy Canary', 'cy.canary@example.com', '912-34-1004',
                 'a' || chr(27) || '[31mred' || chr(8238) || chr(155), 'x', -5, NULL, NULL, NULL);
            CREATE TABLE big AS
                SELECT i AS id, 'ann' || i || '.canary@example.com' AS email FROM range(400000) t(i)
            """
        )
    return path


@pytest.fixture
def folder(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a database, a policy and keys, which is where we are."""
    (tmp_path / "shop.duckdb").symlink_to(shop)
    (tmp_path / "policy.yaml").write_text(POLICY)
    Keyring.generate().save(tmp_path / "keyring.json")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_no_canary(*texts: str) -> None:
    assert [canary for canary in CANARIES for text in texts if canary in text] == []


def written(folder: Path) -> str:
    return "".join(
        path.read_bytes().decode("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    )


# Usage, and the shape of errors


def test_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"maskline \d+\.\d+\.\d+\n", capfd.readouterr().out)


def test_help_lists_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    shown = capfd.readouterr().out
    commands = ("init", "scan", "query", "explain", "unmask", "policy", "keys", "audit", "demo")
    assert [name for name in commands if name not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "A command is missing."),
        (["nothing"], "There is no such command."),
        (["query", "--nothing"], "There is no such option."),
        (["query", "SELECT", "'912-34-1001'"], "SQL goes in quotes"),
        (["query", "SELECT 1", "--limit", "912-34-1001"], "--limit cannot be what was given."),
        (["query", "SELECT 1", "--timeout", "-1"], "--timeout cannot be what was given."),
        (["query", "SELECT 1", "--source"], "--source"),
        (["scan"], "SOURCE is missing."),
        (["query"], "The SQL is missing."),
        (["query", "SELECT 1", "--file", "q.sql"], "The SQL stands in two places."),
        (["query", "--file", "missing.sql"], "The SQL cannot be read: FileNotFoundError."),
        (["query", "SELECT 1", "--as", "robot:x"], "--as is not a kind and an id."),
        (["query", "SELECT 1", "--as", "human:"], "--as is not a kind and an id."),
        (["query", "SELECT 1", "--out", "x.txt"], "does not tell a format"),
        (["query", "SELECT 1", "--out", "x.csv", "--format", "table"], "not for files"),
        (["query", "SELECT 1", "--out", "x.json", "--spreadsheet"], "about CSV only"),
        (["audit", "verify", "--expect", "x"], "--expect is not a number and a hash."),
        (["init", "shop.duckdb"], "not the URL of a database"),
        (["scan", "shop"], "There is no policy"),
        (["query", "SELECT 1"], "policy.yaml holds 1 mistake."),
    ],
)
def test_bad_usage_ends_with_2_and_repeats_no_value(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 2

    shown = capfd.readouterr()
    assert words in shown.err
    assert re.search(r"^error\[[a-z-]+\]: ", shown.err, re.MULTILINE)
    assert bool(shown.out) == (not arguments)  # Without any, the help is shown.
    assert_no_canary(shown.err)
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_option_is_mended(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "--porpose", "x"]) == 2
    assert "Did you mean --purpose" in capfd.readouterr().err


def test_an_unexpected_error_shows_its_type_and_nothing_else(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError(CANARIES[0])

    monkeypatch.setattr("maskline.session.connect", explode)

    assert main(["query", "SELECT 1"]) == 1

    shown = capfd.readouterr()
    assert "error[unexpected]: RuntimeError where none was expected." in shown.err
    assert "Traceback" not in shown.err
    assert_no_canary(shown.err, shown.out)


def test_a_traceback_comes_with_a_warning_and_only_on_request(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("maskline.session.connect", explode)
    monkeypatch.setenv("MASKLINE_UNSAFE_TRACEBACK", "1")

    assert main(["query", "SELECT 1"]) == 1

    shown = capfd.readouterr().err
    assert "warning: MASKLINE_UNSAFE_TRACEBACK is set" in shown
    assert "Traceback" in shown


def test_an_interrupt_ends_with_130(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maskline.session.connect", interrupt)

    assert main(["query", "SELECT 1"]) == 130
    assert "error[interrupted]" in capfd.readouterr().err


@pytest.mark.parametrize(("code", "ending"), [(None, 0), (3, 3), ("words", 1)])
def test_an_exit_of_another_library_keeps_its_code(
    code: object, ending: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: object, **__: object) -> None:
        raise SystemExit(code)

    monkeypatch.setattr("maskline.session.connect", leave)

    assert main(["query", "SELECT 1"]) == ending


def test_every_error_of_ours_has_an_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    kinds = [MasklineError]
    for kind in kinds:
        kinds += kind.__subclasses__()

    codes = {kind.code: int(_console.report(kind("Words."))) for kind in kinds}

    assert codes["query-refused"] == 4
    assert codes["audit"] == codes["audit-integrity"] == 3
    assert {codes[name] for name in ("policy", "keys", "plugin", "plugin-load", "usage")} == {2}
    assert {codes[name] for name in ("source", "query-failed", "masking", "query-cancelled")} == {1}


def test_control_characters_of_a_message_are_written_out(
    capfd: pytest.CaptureFixture[str],
) -> None:
    _console.report(MasklineError("a\x1b[31mb", hint="c\x07d"))

    shown = capfd.readouterr().err
    assert r"a\x1b[31mb" in shown
    assert r"c\x07d" in shown
    assert "\x1b" not in shown


def test_roles_alone_mean_the_user_of_the_system() -> None:
    principal = principal_of("", ["fraud"])

    assert principal is not None
    assert (principal.kind, principal.roles) == ("human", ("fraud",))


# init and scan


def test_init_makes_a_policy_keys_and_ignored_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["init"]) == 0
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["init"]) == 0

    shown = capfd.readouterr().err
    assert sorted(first) == [".gitignore", "keyring.json", "policy.yaml"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    assert (tmp_path / "keyring.json").stat().st_mode & 0o777 == 0o600
    assert first[".gitignore"].decode().split() == ["keyring.json", "audit.key", "audit/"]
    assert shown.count("is there already: left as it is") == 2
    assert "next: maskline scan URL" in shown
    assert main(["policy", "check"]) == 0


def test_init_adds_to_a_gitignore_without_a_last_line_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".gitignore").write_text("audit/\n*.pyc")

    assert main(["init", "duckdb:///shop.duckdb", "--policy", "policy.yaml"]) == 0

    assert (tmp_path / ".gitignore").read_text() == "audit/\n*.pyc\nkeyring.json\naudit.key\n"
    assert 'shop: {url: "duckdb:///shop.duckdb"}' in (tmp_path / "policy.yaml").read_text()


def test_init_goes_on_without_a_gitignore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".gitignore").mkdir()

    assert main(["init"]) == 0
    assert "warning: .gitignore cannot be written: IsADirectoryError." in capfd.readouterr().err


def test_init_keeps_a_password_out_of_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["init", "postgresql://me:hunter2@db.example/books"]) == 0

    shown = capfd.readouterr().err
    assert "set BOOKS_PASSWORD to the password of books" in shown
    assert "hunter2" not in shown + written(tmp_path)
    assert "next: maskline scan books" in shown


def test_init_cannot_write_below_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()

    assert main(["init", "--policy", "file/policy.yaml"]) == 2
    assert "file/policy.yaml cannot be written" in capfd.readouterr().err


def test_a_first_scan_of_a_url_makes_everything(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.duckdb").symlink_to(shop)
    monkeypatch.chdir(tmp_path)

    assert main(["scan", "duckdb:///shop.duckdb", "--rows", "100"]) == 0

    shown = capfd.readouterr()
    assert re.search(r"email +varchar +EMAIL_ADDRESS +PII +\d+%", shown.out)
    assert re.search(r"policy\.yaml: \d+ labels added \(\d+ of them not PUBLIC\)", shown.err)
    assert 'maskline query --source shop "SELECT ..."' in shown.err
    assert_no_canary(shown.out, shown.err, written(tmp_path))
    assert main(["policy", "check"]) == 0
    assert main(["query", "SELECT email FROM people", "--format", "csv"]) == 0
    assert "email_" in capfd.readouterr().out


def test_a_second_scan_changes_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (folder / "policy.yaml").read_bytes()

    assert main(["scan", "shop"]) == 0
    assert main(["scan", "duckdb:///shop.duckdb"]) == 0

    shown = capfd.readouterr().err
    assert (folder / "policy.yaml").read_bytes() == before
    assert "0 labels added" in shown


def test_a_scan_reports_what_drifted_and_what_is_gone(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    policy = folder / "policy.yaml"
    policy.write_text(
        POLICY.replace("email: EMAIL_ADDRESS, ssn", "email: PUBLIC, ssn").replace(
            "main.big: {id: PUBLIC,", "main.big: {lost: PUBLIC,"
        )
    )

    assert main(["scan", "shop"]) == 0

    shown = capfd.readouterr().err
    assert "main.people.email is declared PUBLIC and looks like EMAIL_ADDRESS" in shown
    assert "main.big.lost has a label and is no longer there" in shown
    assert "1 labels added" in shown
    assert "email: PUBLIC" in policy.read_text()


def test_a_dry_scan_writes_nothing(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.duckdb").symlink_to(shop)
    monkeypatch.chdir(tmp_path)

    assert main(["scan", "duckdb:///shop.duckdb", "--dry-run", "--format", "json"]) == 0

    shown = capfd.readouterr()
    columns = {(row["relation"], row["column"]): row for row in json.loads(shown.out)}
    assert columns["people", "ssn"]["label"] == "US_SSN"
    assert [path.name for path in tmp_path.iterdir()] == ["shop.duckdb"]
    assert_no_canary(shown.out, shown.err)


def test_a_dry_scan_compares_with_the_policy(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY.replace("ssn: US_SSN, ", ""))
    before = policy.read_bytes()

    assert main(["scan", "shop", "--dry-run"]) == 0
    assert "1 labels would be added" in capfd.readouterr().err
    assert policy.read_bytes() == before


def test_a_check_fails_once_something_changed_and_writes_nothing(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    policy = folder / "policy.yaml"
    assert main(["scan", "shop"]) == 0
    labels, memory = policy.read_bytes(), (folder / "scan.json").read_bytes()
    assert main(["scan", "shop", "--check"]) == 0
    capfd.readouterr()

    policy.write_text(policy.read_text().replace("ssn: US_SSN, ", ""))

    assert main(["scan", "shop", "--check", "--format", "json"]) == 1
    shown = capfd.readouterr()
    changed = {row["column"]: row["changes"] for row in json.loads(shown.out) if row["changes"]}
    assert changed == {"ssn": ["new"]}
    assert "1 labels would be added" in shown.err
    assert (folder / "scan.json").read_bytes() == memory
    assert policy.read_text() == labels.decode().replace("ssn: US_SSN, ", "")


def test_a_check_needs_a_policy(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.duckdb").symlink_to(shop)
    monkeypatch.chdir(tmp_path)

    assert main(["scan", "duckdb:///shop.duckdb", "--check"]) == 2
    assert "There is no policy policy.yaml to check." in capfd.readouterr().err


def test_a_scan_may_look_at_some_tables_and_rows_only(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    few = ["--tables", "main.*", "--exclude", "big", "--sample", "first", "--rows", "2"]

    assert main(["scan", "shop", *few, "--format", "json"]) == 0

    shown = capfd.readouterr()
    assert {row["relation"] for row in json.loads(shown.out)} == {"people"}
    assert "0 gone" in shown.err


def test_a_scan_writes_a_page_without_values(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "shop", "--format", "html"]) == 0

    shown = capfd.readouterr().out
    assert shown.startswith("<!doctype html>")
    assert shown.endswith("</html>\n")
    assert "US_SSN" in shown
    assert "<script" not in shown
    assert_no_canary(shown)


def test_a_scan_without_keys_remembers_no_fingerprints(folder: Path) -> None:
    policy = folder / "policy.yaml"
    policy.write_text(
        POLICY.replace("keys: {file: keyring.json}\n", "masks: {PII: redact}\n", 1).replace(
            "masks:\n  US_SSN: redact\n", ""
        )
    )

    assert main(["scan", "shop"]) == 0
    assert main(["scan", "shop", "--check"]) == 0

    fingerprints = re.findall(r'"fingerprint": "(.*)"', (folder / "scan.json").read_text())
    assert fingerprints == ["", ""]


def test_a_scan_adds_another_source_to_the_policy(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect(str(folder / "other.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 'x' AS email, {'a': 1} AS nested")
    before = (folder / "policy.yaml").read_text()

    assert main(["scan", "duckdb:///other.duckdb"]) == 0
    assert "added the source other to policy.yaml" in capfd.readouterr().err
    assert main(["scan", "duckdb:///other.duckdb"]) == 0

    after = (folder / "policy.yaml").read_text()
    assert all(line in after.splitlines() for line in before.splitlines())
    assert after.count("other.duckdb") == 1
    assert main(["policy", "check"]) == 0


def test_a_scan_of_a_policy_elsewhere_writes_paths_from_there(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.duckdb").symlink_to(shop)
    monkeypatch.chdir(tmp_path)
    policy = "conf/policy.yaml"

    assert main(["scan", "duckdb:///shop.duckdb", "--policy", policy, "--name", "mine"]) == 0
    assert main(["query", "SELECT 1", "--policy", policy, "--format", "csv"]) == 0

    assert 'mine: {url: "duckdb:///../shop.duckdb"}' in (tmp_path / policy).read_text()


def test_a_new_source_may_not_take_a_name(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "duckdb:///elsewhere/shop.duckdb"]) == 2
    assert "another source of that name" in capfd.readouterr().err


def test_a_scan_of_an_unknown_name_lists_the_known(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "shopp"]) == 2
    assert "It has: shop." in capfd.readouterr().err


def test_a_scan_of_a_missing_file_is_a_failed_source(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "duckdb:///missing.duckdb", "--dry-run"]) == 1
    assert "error[source]" in capfd.readouterr().err


def test_a_new_source_with_a_password_gets_a_variable(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "postgresql://me:hunter2@127.0.0.1:1/books"]) == 1

    shown = capfd.readouterr()
    assert "set BOOKS_PASSWORD to its password" in shown.err
    assert "hunter2" not in shown.err + shown.out + written(folder)
    assert "${BOOKS_PASSWORD}" in (folder / "policy.yaml").read_text()


# query


def test_a_table_names_entities_and_masks_and_tells_null_from_empty(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT id, full_name, ssn, word, notes FROM people ORDER BY id"

    assert main(["query", sql, "--format", "table"]) == 0

    shown = capfd.readouterr()
    lines = shown.out.splitlines()
    assert re.search(r"PERSON +US_SSN +FREE_TEXT", shown.out)
    assert re.search(r"token +removed +word +scan", shown.out)
    assert next(line for line in lines if line.strip().startswith("3 ")).split() == [
        "3", "NULL", "NULL", "(empty)", "NULL",
    ]  # fmt: skip
    assert re.search(
        r"^4 rows x 5 columns, 3 masked, policy [0-9a-f]{7}, audit [0-9a-f-]{36}, \d+ ms$",
        shown.err,
        re.MULTILINE,
    )
    assert_no_canary(shown.out, shown.err)


def test_a_table_commands_no_terminal(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT word FROM people WHERE id = 4", "--format", "table"]) == 0

    shown = capfd.readouterr()
    assert r"a\x1b[31mred\u202e\x9b" in shown.out
    assert not re.search(r"[\x1b\x9b\u202e]", shown.out + shown.err)


def test_a_table_shows_fifty_rows_and_counts_the_others(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT id FROM big ORDER BY id", "--format", "table"]) == 0

    shown = capfd.readouterr()
    assert [line.strip() for line in shown.out.splitlines()][-2] == "49"
    assert "… and 399\u202f950 more rows." in shown.err
    assert "400\u202f000 rows x 1 column, 0 masked" in shown.err


def test_csv_tells_null_from_empty_and_warns_of_formulas(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT id, word, notes, tags, raw FROM people ORDER BY id"]) == 0

    shown = capfd.readouterr()
    lines = shown.out.splitlines()
    assert lines[2] == '2,"=1+cmd()","","[]",'
    assert lines[3] == '3,"",,,'
    assert list(csv.reader(io.StringIO(shown.out)))[1][3:] == ['["a", null]', "AAE="]
    assert "1 cells begin like a formula" in shown.err
    assert_no_canary(shown.out, shown.err)


def test_csv_for_spreadsheets_quotes_formulas(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT id, word FROM people ORDER BY id", "--spreadsheet"]) == 0

    shown = capfd.readouterr()
    assert """2,"'=1+cmd()\"""" in shown.out
    assert "formula" not in shown.err


def test_a_masked_phone_and_a_negative_number_are_no_formulas(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT '-5' AS a, '+*-***-***-0101' AS b, -5 AS c"]) == 0

    shown = capfd.readouterr()
    assert "formula" not in shown.err


def test_json_is_an_array_and_loses_nothing(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT id, spent, seen, tags, raw, id FROM people ORDER BY id"

    assert main(["query", sql, "--format", "json"]) == 0

    rows = json.loads(capfd.readouterr().out)
    assert rows[0] == {
        "id": 1,
        "spent": 12.5,
        "seen": "2026-01-02T03:04:05",
        "tags": ["a", None],
        "raw": "AAE=",
        "id_2": 1,
    }
    assert [row["spent"] for row in rows[1:]] == [1, "99999999999999999.01", -5]


def test_json_of_no_rows_is_an_empty_array(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT id FROM people WHERE id > 9", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out) == []


def test_json_writes_what_it_has_no_number_for_as_text(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT CAST('nan' AS DOUBLE) AS n, 1.5 AS f, {'a': [1, 2]} AS s, INTERVAL 1 DAY AS i"

    assert main(["query", sql, "--format", "jsonl"]) == 0

    row = json.loads(capfd.readouterr().out)
    assert row["n"] == "nan"
    assert (row["f"], row["s"]) == (1.5, {"a": [1, 2]})


def test_jsonl_has_a_row_on_each_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT id FROM people ORDER BY id"

    assert main(["query", sql, "--format", "jsonl"]) == 0
    assert [json.loads(line)["id"] for line in capfd.readouterr().out.splitlines()] == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.jsonl", "x.arrow", "x.parquet"])
def test_a_file_appears_whole_private_and_alone(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / name).write_text("old")

    assert main(["query", "SELECT id, email, id FROM people", "--out", name]) == 0

    path = folder / name
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size > 30
    assert [each.name for each in folder.iterdir() if each.name.startswith(".")] == []
    assert f"wrote {name}" in capfd.readouterr().err
    assert_no_canary(path.read_bytes().decode("utf-8", "replace"))


def test_arrow_and_parquet_hold_the_same_table(folder: Path) -> None:
    sql = "SELECT id, email FROM people ORDER BY id"
    assert main(["query", sql, "--out", "x.arrow"]) == 0
    assert main(["query", sql, "--out", "x.parquet"]) == 0
    assert main(["query", sql, "--out", "y", "--format", "parquet"]) == 0

    with pa.memory_map(str(folder / "x.arrow")) as file:
        table = pyarrow.ipc.open_file(file).read_all()

    assert table.column("id").to_pylist() == [1, 2, 3, 4]
    assert pq.read_table(folder / "x.parquet").equals(table)
    assert pq.read_table(folder / "y").equals(table)


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_binary_formats_go_through_pipes(
    form: str, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["query", "SELECT id FROM people ORDER BY id", "--format", form]) == 0

    data = io.BytesIO(capfdbinary.readouterr().out)
    table = pq.read_table(data) if form == "parquet" else pyarrow.ipc.open_stream(data).read_all()
    assert table.column("id").to_pylist() == [1, 2, 3, 4]


def test_after_a_failure_no_file_is_left_and_the_old_one_stays(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "x.csv").write_text("old")

    code = main(["query", "SELECT CAST(word AS INTEGER) AS n FROM people", "--out", "x.csv"])

    shown = capfd.readouterr()
    assert code == 1
    assert "error[query-failed]" in shown.err
    assert (folder / "x.csv").read_text() == "old"
    assert not list(folder.glob(".x.csv*"))
    assert shown.out == ""


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.parquet"])
def test_a_failure_in_the_middle_leaves_no_file(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT id, CAST(CASE WHEN id > 390000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM big"

    assert main(["query", sql, "--out", name]) == 1
    assert "error[query-failed]" in capfd.readouterr().err
    assert not list(folder.glob("*x.*")) + list(folder.glob(".x*"))


def test_a_file_in_a_missing_folder_is_bad_usage(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT 1", "--out", "nowhere/x.csv"]) == 2
    assert "nowhere/x.csv cannot be written: FileNotFoundError." in capfd.readouterr().err


def test_sql_comes_from_a_file_and_from_the_standard_input(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "q.sql").write_text("\ufeffSELECT 41 + 1 AS a", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 42 + 1 AS b"))

    assert main(["query", "--file", "q.sql"]) == 0
    assert main(["query", "-"]) == 0

    assert capfd.readouterr().out == '"a"\n42\n"b"\n43\n'


def test_a_limit_says_that_more_rows_exist(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT id FROM big ORDER BY id", "--limit", "2"]) == 0

    shown = capfd.readouterr()
    assert shown.out.splitlines() == ['"id"', "0", "1"]
    assert "stopped at the row limit, more rows exist" in shown.err


def test_a_refusal_ends_with_4_and_a_hint(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT to_json(p) FROM people AS p WHERE ssn = '912-34-1001'"

    assert main(["query", sql]) == 4

    shown = capfd.readouterr()
    assert "error[query-refused]: " in shown.err
    assert "hint: " in shown.err
    assert shown.out == ""
    assert_no_canary(shown.err, written(folder))


def test_a_guess_is_compared_with_masks(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    right, wrong = "912-34-1001", "912-34-9999"

    for guess in (right, wrong):
        sql = f"SELECT count(*) AS n, min(email) AS e FROM people WHERE ssn = '{guess}'"
        assert main(["query", sql, "--format", "json"]) == 0

    shown = capfd.readouterr()
    answers = list(map(json.loads, re.findall(r"\[.*?\]", shown.out, flags=re.DOTALL)))
    assert answers == [[{"n": 0, "e": None}]] * 2
    assert "Masked columns are computed with as they are shown" in shown.err
    assert_no_canary(shown.out, shown.err, written(folder))


def test_who_asks_and_why_decides(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT ssn FROM people WHERE id = 1"
    fraud = ["--as", "human:f", "--role", "fraud", "--purpose", "chargeback"]

    assert main(["query", "SELECT 1", "--as", "agent:bot"]) == 4
    assert main(["query", "SELECT 1 AS n", "--as", "agent:bot", "--purpose", "x"]) == 0
    assert main(["query", sql, *fraud]) == 0

    out = capfd.readouterr().out
    assert out.splitlines() == ['"n"', "1", '"ssn"', '"912-34-1001"']


def test_an_unwritable_audit_log_refuses_every_row(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "audit").write_text("a regular file")

    assert main(["query", "SELECT id FROM people"]) == 3

    shown = capfd.readouterr()
    assert shown.out == ""
    assert "error[audit]" in shown.err


def test_keys_that_others_may_read_are_bad_usage(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "keyring.json").chmod(0o644)

    assert main(["query", "SELECT id FROM people"]) == 2
    assert capfd.readouterr().out == ""


# explain


def test_explain_tells_sources_labels_masks_and_rules(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT p.email, count(*) AS n FROM people p JOIN big b ON b.email = p.email GROUP BY 1"

    assert main(["explain", sql]) == 0

    shown = capfd.readouterr().out
    assert shown.startswith("commuting: ")
    assert re.search(r"email +main\.(people|big)\.email", shown)
    assert "EMAIL_ADDRESS" in shown
    assert "which rows there are depends on: " in shown
    assert "reads: main.big.email, main.people.email" in shown
    assert not list((folder / "audit").glob("*.jsonl"))


def test_explain_of_a_refusal_ends_with_4(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "SELECT p FROM people AS p", "--as", "agent:x"]) == 4

    shown = capfd.readouterr().out
    assert shown.startswith("refused: nothing would be read.\n  - rules[1] of the policy wants")
    assert "A whole row is used as a value." in shown
    assert shown.count("hint: ") == 2


ON_MASKS = (
    "SELECT substr(p.ssn, 1, 9) AS piece, p.email FROM people AS p JOIN big AS b ON b.id = p.id "
    "WHERE p.email IN ('ann.canary@example.com', 'x@example.com') AND p.id = 4217 ORDER BY b.email"
)


def test_explain_of_a_query_on_masks_tells_why_and_what_is_read_masked(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rule = "rules:\n  - {what: EMAIL_ADDRESS, literals: lookup}\n"
    (folder / "policy.yaml").write_text(POLICY.replace("rules:\n", rule))

    assert main(["explain", ON_MASKS]) == 0
    shown = capfd.readouterr().out
    assert main(["explain", ON_MASKS, "--format", "json"]) == 0
    plan = json.loads(capfd.readouterr().out)

    lines = shown.splitlines()
    assert lines[0].startswith("at_read: ")
    assert "  - substring() is applied to main.people.ssn" in shown
    assert re.search(r"piece +main\.people\.ssn \(transformation\) +US_SSN +redact", shown)
    filtered = "; a filter on columns without a mask comes first"
    assert f"reads masked: main.people (email, ssn{filtered})" in lines
    assert "reads masked: main.big (email)" in lines
    assert "looks up: 2 literals in main.people.email" in lines
    assert plan["decision"] == "at_read"
    assert [reason for reason in plan["reasons"] if f"  - {reason}" not in lines] == []
    assert plan["refusals"] == []
    assert sorted(plan["masked_reads"], key=lambda read: read["table"]) == [
        {"table": "main.big", "columns": ["email"], "pushed": False},
        {"table": "main.people", "columns": ["email", "ssn"], "pushed": True},
    ]
    assert plan["looked_up"] == [{"column": "main.people.email", "literals": 2}]
    # Neither a literal, nor a name that only the rewritten query has.
    assert_no_canary(shown, json.dumps(plan))
    assert [word for word in ("4217", "x@example", "maskline_") if word in shown + str(plan)] == []


def test_explain_of_one_lookup_counts_one(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rule = "rules:\n  - {what: EMAIL_ADDRESS, literals: lookup}\n"
    (folder / "policy.yaml").write_text(POLICY.replace("rules:\n", rule))

    assert main(["explain", "SELECT id FROM people WHERE email = 'x@example.com'"]) == 0
    assert "looks up: 1 literal in main.people.email\n" in capfd.readouterr().out


def test_explain_names_a_table_whose_index_could_betray_an_order(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(sqlite3.connect("keys.db")) as connection:
        connection.execute("CREATE TABLE people (email TEXT PRIMARY KEY, n INTEGER)")
        connection.execute("CREATE TABLE big (email TEXT, n INTEGER)")
    labels = "{email: EMAIL_ADDRESS, n: PUBLIC}"
    (folder / "policy.yaml").write_text(
        "version: 1\nkeys: {file: keyring.json}\nsources:\n  k: {url: 'sqlite:///keys.db'}\n"
        f"labels:\n  k:\n    main.people: {labels}\n    main.big: {labels}\n"
    )

    assert (
        main(["explain", "SELECT upper(b.email), p.n FROM big b JOIN people p ON p.n = b.n"]) == 0
    )
    assert "reads masked: main.people (the order of its rows)\n" in capfd.readouterr().out


def test_explain_of_a_query_without_its_purpose_tells_no_masks(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", ON_MASKS, "--as", "agent:x", "--format", "json"]) == 4
    plan = json.loads(capfd.readouterr().out)
    assert main(["explain", ON_MASKS, "--as", "agent:x"]) == 4

    assert plan["decision"] == "refused"
    assert len(plan["refusals"]) == 1
    assert (plan["reasons"], plan["masked_reads"], plan["looked_up"]) == ([], [], [])
    assert "reads masked" not in capfd.readouterr().out


def test_explain_as_json(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "SELECT id, ssn FROM people ORDER BY id", "--format", "json"]) == 0
    assert main(["explain", "SELECT p FROM people AS p", "--format", "json"]) == 4

    plans = re.split(r"(?<=^\})\n", capfd.readouterr().out, flags=re.MULTILINE)
    plan, refused = map(json.loads, plans[:2])
    assert plan["decision"] == "commuting"
    assert plan["outputs"][1]["mask"] == "redact"
    assert plan["outputs"][1]["rule"] == "masks.US_SSN"
    assert plan["reads"] == ["main.people.id", "main.people.ssn"]
    assert (plan["reasons"], plan["masked_reads"], plan["looked_up"]) == ([], [], [])
    assert refused["decision"] == "refused"
    assert refused["refusals"]


# policy and keys


def test_policy_check_prints_every_problem_on_a_line(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "policy.yaml").write_text("version: 2\nnothing: 1\nrules:\n  - {do: what}\n")

    assert main(["policy", "check"]) == 2

    shown = capfd.readouterr()
    lines = shown.out.splitlines()
    assert len(lines) >= 3
    assert [line for line in lines if not re.match(r"policy\.yaml:\d+:\d+: \S", line)] == []
    assert "error[policy]: " in shown.err


def test_policy_check_finds_a_rule_that_is_over(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    over = POLICY.replace("do: reveal}", "do: reveal, until: 2020-01-01}")
    (folder / "policy.yaml").write_text(over)

    assert main(["policy", "check"]) == 2
    assert main(["query", "SELECT 1"]) == 0


def test_policy_check_says_what_there_is(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "policy.yaml"]) == 0
    assert "1 sources, 12 labels, 2 rules" in capfd.readouterr().err


def test_policy_check_without_keys(folder: Path) -> None:
    (folder / "policy.yaml").write_text("version: 1\n")

    assert main(["policy", "check"]) == 0


def test_policy_schema_is_a_json_schema(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "schema"]) == 0

    schema = json.loads(capfd.readouterr().out)
    assert schema["title"] == "maskline policy"
    assert "EMAIL_ADDRESS" in json.dumps(schema["$defs"])


def test_policy_schema_of_a_missing_plugin_is_bad_usage(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["policy", "schema", "--plugin", "nothing"]) == 2
    assert "error[plugin-load]" in capfd.readouterr().err


def test_the_doctor_tells_which_kernels_mask(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["doctor"]) == 0
    table = capsys.readouterr().out

    assert found["maskline"] == version("maskline")
    assert found["kernels"] == kernels.which()
    assert {"SHA-256", "AES", "duckdb", "pyarrow"} < set(found)
    assert all(f"{name} " in table and what in table for name, what in found.items())


def test_the_doctor_says_how_to_come_to_compiled_kernels(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels._choice, "native", None)

    assert main(["doctor"]) == 0

    told = capsys.readouterr()
    assert "numpy" in told.out
    assert "C compiler" in told.err


@pytest.mark.parametrize(
    ("wanted", "told"), [("numpy", "numpy"), ("fast", "neither native nor numpy")]
)
def test_the_environment_chooses_the_kernels(wanted: str, told: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import maskline._kernels as k; print(k.which())"],
        env=os.environ | {"MASKLINE_KERNELS": wanted}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert told in ran.stdout + ran.stderr
    assert "fast" not in ran.stdout + ran.stderr


def test_keys_are_made_listed_and_rotated_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["keys", "create"]) == 0
    assert main(["keys", "create"]) == 2
    assert main(["keys", "rotate"]) == 0
    assert main(["keys", "list"]) == 0
    table = capfd.readouterr()
    assert main(["keys", "list", "keyring.json", "--format", "json"]) == 0

    versions = json.loads(capfd.readouterr().out)
    assert [(each["version"], each["state"]) for each in versions] == [
        (1, "retired"),
        (2, "active"),
    ]
    assert versions[1]["fingerprint"] in table.out
    assert "warning: Tokens that are made from now on" in table.err
    secrets = re.findall(r"[A-Za-z0-9_/+=-]{40,}", (tmp_path / "keyring.json").read_text())
    assert secrets
    assert [secret for secret in secrets if secret in table.out + table.err] == []


# audit


def test_audit_verify_gives_a_head_to_expect(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT id FROM people"]) == 0
    assert main(["audit", "verify"]) == 0

    out = capfd.readouterr().out
    assert "The log is whole." in out
    head = re.search(r"^head (\d+:[0-9a-f]{64})$", out, re.MULTILINE)
    assert head
    assert main(["audit", "verify", "audit", "--expect", head[1]]) == 0
    assert main(["audit", "verify", "--expect", f"7:{'0' * 64}"]) == 3
    assert "expected head not found" in capfd.readouterr().out


def test_audit_verify_finds_a_changed_record(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT id FROM people"]) == 0
    (segment,) = (folder / "audit").glob("audit-*.jsonl")
    segment.write_text(segment.read_text().replace('"rows":4', '"rows":3'))

    assert main(["audit", "verify"]) == 3
    shown = capfd.readouterr()
    assert "FOUND audit-000001.jsonl:2: edited" in shown.out
    assert "error[audit-integrity]" in shown.err
    assert main(["audit", "verify", "--format", "json"]) == 3
    assert json.loads(capfd.readouterr().out)["findings"][0]["what"] == "edited"
    assert main(["query", "SELECT id FROM people"]) == 3
    assert '"id"' not in capfd.readouterr().out


def test_audit_verify_tells_of_a_recovery(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT 1"]) == 0
    (segment,) = (folder / "audit").glob("audit-*.jsonl")
    with segment.open("a") as file:
        file.write('{"torn')
    assert main(["query", "SELECT 1"]) == 0

    assert main(["audit", "verify"]) == 0
    assert "recovered audit-000001.jsonl:3: " in capfd.readouterr().out


def test_audit_verify_of_a_missing_log_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["audit", "verify"]) == 3
    assert main(["audit", "tail"]) == 3
    assert "unreadable" in capfd.readouterr().out


def test_audit_tail_shows_the_last_records(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT id FROM people WHERE id = 77", "--purpose", "p\x1b[1m"]) == 0
    assert main(["query", "SELECT p FROM people AS p"]) == 4
    capfd.readouterr()

    assert main(["audit", "tail"]) == 0
    table = capfd.readouterr().out
    assert main(["audit", "tail", "-n", "1", "--format", "json"]) == 0

    (record,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert record["event"]["outcome"] == "refused"
    assert len(table.splitlines()) == 4
    assert "SELECT id FROM people WHERE id = ?" in table
    assert r"p\x1b[1m" in table
    assert "77" not in table.replace(record["hash"], "").split("SELECT")[1]


# Processes


def test_a_killed_query_is_named_as_not_completed(folder: Path) -> None:
    process = subprocess.Popen(
        [*RUN, "query", "SELECT * FROM big", "--format", "csv"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    begun = os.read(process.stdout.fileno(), 1000)
    process.kill()
    process.wait()
    process.stdout.close()

    verified = subprocess.run(
        [*RUN, "audit", "verify"], cwd=folder, capture_output=True, text=True, check=False
    )

    assert begun.startswith(b'"id","email"')
    assert verified.returncode == 0, verified.stdout
    ((query,),) = ([record["event"]["query_id"] for record in audit.read(folder / "audit")],)
    assert f"not completed {query} by human " in verified.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_query_is_recorded_and_leaves_no_file(number: int, folder: Path) -> None:
    sql = "SELECT a.id, b.id, a.email FROM big a, big b"
    process = subprocess.Popen(
        [*RUN, "query", sql, "--out", "x.parquet"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 20
        while not list(folder.glob(".x.parquet*")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()

    assert process.returncode == 130, errors
    assert "error[interrupted]" in errors
    assert not list(folder.glob("*.parquet")) + list(folder.glob(".x*"))
    outcomes = [record["event"]["outcome"] for record in audit.read(folder / "audit")]
    assert outcomes == ["started", "cancelled"]


@pytest.mark.parametrize("form", ["csv", "json", "arrow", "parquet", "table"])
def test_a_broken_pipe_is_quiet(form: str, folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    run = subprocess.run(
        [*RUN, "query", "SELECT * FROM big", "--format", form],
        cwd=folder,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)

    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "error" not in run.stderr


def on_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command whose streams are a terminal; return how it ended and what was seen."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [*RUN, *arguments],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    return process.wait(), seen.decode()


def test_on_a_terminal_a_table_is_the_default(folder: Path) -> None:
    code, seen = on_terminal(folder, "query", "SELECT id, email FROM people ORDER BY id")

    assert code == 0
    assert "EMAIL_ADDRESS" in seen
    assert "─" in seen
    assert_no_canary(seen)


def test_on_a_terminal_values_command_nothing_in_any_format(folder: Path) -> None:
    for form in ("table", "csv", "json"):
        sql = "SELECT word FROM people WHERE id = 4"
        code, seen = on_terminal(folder, "query", sql, "--format", form)

        assert code == 0
        assert "[31mred" in seen
        assert "\x1b[31mred" not in seen
        assert "\u202e" not in seen
        assert "\x9b" not in seen


def test_a_terminal_gets_no_binary_format(folder: Path) -> None:
    code, seen = on_terminal(folder, "query", "SELECT 1", "--format", "arrow")

    assert code == 2
    assert "arrow is not for terminals." in seen


def test_a_scan_on_a_terminal_shows_progress(folder: Path) -> None:
    code, seen = on_terminal(folder, "scan", "shop")

    assert code == 0
    assert "scan main." in seen


def test_names_are_made_unique_without_taking_others() -> None:
    assert _output.unique(["a", "a", "a_2", "a", ""]) == ["a", "a_3", "a_2", "a_4", ""]


def test_a_text_is_cut_into_pieces_without_harm_on_its_way_to_a_terminal() -> None:
    file = io.BytesIO()
    with _output.open_output(None, file, is_terminal=True) as shown:
        for piece in ("ü\x1b[1m\nb".encode()[place : place + 1] for place in range(8)):
            shown.write(piece)

    assert file.getvalue().decode() == "ü\\x1b[1m\nb"


def test_a_request_to_end_ends_what_runs_in_this_process_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr("maskline.session.connect", stop)
    before = signal.getsignal(signal.SIGTERM)

    assert main(["query", "SELECT 1"]) == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_commands_run_in_any_thread(folder: Path) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["policy", "check"])))
    thread.start()
    thread.join()

    assert codes == [0]


def test_an_administrator_is_told_what_to_mend(
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    monkeypatch.setenv("BOOKS_PASSWORD", "")

    assert main(["scan", postgres_url, "--name", "books"]) == 0
    assert main(["query", "SELECT 1 AS n"]) == 0

    assert capfd.readouterr().err.count("warning: ") >= 2


@pytest.mark.parametrize(
    "policy",
    [
        "version: 1\n",
        "version: 1\nsources: {}",
        "version: 1\nsources:\n  a: {url: 'sqlite:///a.db'}\n",
        "version: 1\nsources: {a: {url: 'sqlite:///a.db'}}\n",
    ],
)
def test_a_source_can_be_added_to_any_policy(policy: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy)

    assert write_source(path, "7up", "sqlite:///b.db") == ""
    assert write_source(path, "pg", "postgresql://me:hunter2@host/db") == "PG_PASSWORD"

    loaded, _ = load_policy_text(path)
    assert set(loaded) == {"7up", "pg"} | ({"a"} if "a.db" in policy else set())
    assert "hunter2" not in path.read_text()
    assert password_variable("7up") == "_7UP_PASSWORD"


def load_policy_text(path: Path) -> tuple[dict[str, object], str]:
    from ruamel.yaml import YAML

    text = path.read_text()
    return YAML(typ="safe").load(text)["sources"], text


@pytest.mark.parametrize(
    "policy",
    ["- a list", "version: [", "version: 1\nsources: [1, 2]\n", "version: 1\nsources: 7\n"],
)
def test_a_policy_that_takes_no_source_stays_as_it_is(policy: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy)

    with pytest.raises(PolicyError):
        write_source(path, "b", "sqlite:///b.db")

    assert path.read_text() == policy


@contextlib.contextmanager
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let this process itself write to a terminal; put what was seen into the list."""
    ours, theirs = pty.openpty()
    seen: list[str] = []
    with os.fdopen(theirs, "w") as file, monkeypatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        patch.setattr("sys.stdout", file)
        patch.setattr("sys.stderr", file)
        yield seen
        file.flush()
        while select.select([ours], [], [], 0.2)[0]:
            seen.append(os.read(ours, 65536).decode())
    os.close(ours)


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_screen_shows_rows_and_how_long_it_took(
    form: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with screen(monkeypatch) as seen:
        code = main(["query", "SELECT word FROM people WHERE id = 4", "--format", form])

    text = "".join(seen)
    assert code == 0
    assert "[31mred" in text
    assert "\x1b[31mred" not in text
    assert "1 row x 1 column, 0 masked" in text


def test_a_screen_is_no_place_for_binary_formats(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with screen(monkeypatch) as seen:
        codes = [
            main(["query", "SELECT 1", "--format", "parquet"]),
            main(["query", "SELECT 1", "--out", "x.parquet"]),
        ]

    assert codes == [2, 0]
    assert "parquet is not for terminals." in "".join(seen)


def test_a_screen_shows_which_table_is_scanned(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with screen(monkeypatch) as seen:
        code = main(["scan", "shop"])

    assert code == 0
    assert "scan main." in "".join(seen)


@pytest.mark.parametrize("form", ["csv", "table", "parquet"])
def test_nobody_reading_ends_quietly(
    form: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as file, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", file)

        code = main(["query", "SELECT * FROM big", "--format", form])

    assert code == 1
    assert "error" not in capfd.readouterr().err


def test_an_explanation_names_each_computed_column_and_its_notes(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT a.id FROM people AS a JOIN big AS b ON b.email = a.email"

    assert main(["explain", "SELECT upper(word) AS u, 1 AS one FROM people"]) == 0
    assert main(["explain", "SELECT 1 AS one"]) == 0
    assert main(["explain", "SELECT tier FROM pairs"]) == 4
    assert main(["explain", sql]) == 0

    shown = capfd.readouterr().out
    assert re.search(r"u +main\.people\.word \(transformation\) +as it is", shown)
    assert "note: Chance orders rows" in shown


def test_audit_commands_without_a_policy_look_for_a_folder(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT 1"]) == 0
    (folder / "policy.yaml").unlink()

    assert main(["audit", "verify"]) == 0
    assert main(["audit", "verify", "--format", "json"]) == 0
    assert '"ok": true' in capfd.readouterr().out


def test_audit_verify_shows_queries_that_did_not_end(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "SELECT 1"]) == 0
    (segment,) = (folder / "audit").glob("audit-*.jsonl")
    first, _ = segment.read_text().splitlines()
    segment.write_text(f"{first}\n")

    assert main(["audit", "verify"]) == 0
    assert "not completed " in capfd.readouterr().out
