"""Values and secrets are planted wherever they can be, and none of them is in anything written.

Real queries run on DuckDB and PostgreSQL, with every library's log at DEBUG. What is searched is
every byte that maskline, its plugins and its loggers wrote beside the answers.
"""

import contextlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import maskline
from maskline.audit import AuditLog
from maskline.cli import main
from maskline.logs import ScrubFilter
from maskline.tokens import Keyring

# In rows. Those of the column `fine` are public, and yet nobody writes them down.
ROWS = {
    "full_name": ("Zqxa Vellington", "Zqxb Ömer", "Zqxc O'Hara"),
    "email": ("zqxd.canary@example.org", "zqxe.canary@example.org", "zqxf.canary@example.org"),
    "ssn": ("536-90-4399", "536-90-4401", "536-90-4402"),
    "card": ("4929138271651000", "4929138271651018", "4929138271651026"),
    "phone": ("+1-415-555-0171", "+1-415-555-0172", "+1-415-555-0173"),
    "notes": ("zqxg knows AKIAZQXHCANARY77EXAM", "zqxi was ill", "paid by zqxj"),
    "payload": ('{"zqxk": "zqxl"}', '{"k": {"zqxm": [1]}}', "{}"),
    "fine": ("zqxn", "zqxo", "zqxp"),
}
# Parts of them.
IN_ROWS = ("Vellington", "zqxg", "AKIAZQXHCANARY77EXAM", "zqxi", "zqxj", "zqxk", "zqxl", "zqxm")
# In literals, comments and parameters.
LITERALS = ("zqxr", "zqxs", "zqxy", "7731940265518")
# Names that whoever asks has made up: of columns, tables, functions.
NAMES = ("zqxq", "zqxt", "zqxu", "zqxv", "zqxw", "zqxz@example.org")
COLUMNS = ", ".join(ROWS)
QUERIES = (
    f"SELECT {COLUMNS} FROM people ORDER BY id",
    "SELECT email, count(*) FROM people GROUP BY email",
    "SELECT p.email AS zqxq FROM people AS p WHERE full_name = 'zqxr' -- zqxs",
    "SELECT id /*zqxs*/, 'zqxr' AS \"zqxq zqxt\" FROM people WHERE ssn IN ('zqxr', '536-90-4402')",
    "SELECT id FROM people WHERE email = 'zqxd.canary@example.org' AND id < 7731940265518",
    "SELECT id FROM people WHERE email IN ('zqxe.canary@example.org', 'zqxq@example.org')",
    "WITH zqxu AS (SELECT ssn FROM people) SELECT count(ssn) FROM zqxu",
    "SELECT max(card), min(full_name) FROM people",
    "SELECT card FROM people WHERE fine = 'zqxn'",
    "SELECT CAST(notes AS INTEGER) FROM people",
    "SELECT CAST(fine AS INTEGER) FROM people",
    "SELECT 1 / (id - id), fine FROM people",
    "SELECT zqxv FROM people",
    'SELECT id FROM people WHERE email = "zqxz@example.org"',
    "SELECT zqxw(email) FROM people",
    "SELECT $1, :zqxy FROM people WHERE email = $2",
    "SELECT email FROM zqxu.zqxv",
    "SELECT 'zqxr FROM people",
    "SELECT 'zqxr' zqxt 'zqxs' FROM FROM people",
    "COPY people TO 'zqxr.csv'",
    "UPDATE people SET email = 'zqxr' WHERE ssn = '536-90-4401'",
    "SELECT 1; SELECT 'zqxr'",
    "SELECT fine, CAST('zqxr' AS DATE) FROM people",
    "SELECT fine, id + CAST('7731940265518x' AS INTEGER) FROM people",
    "",
)
POLICY = """\
version: 1
plugins: [openlineage]
keys: {{file: keyring.json}}
sources:
  shop: {{url: "{url}"}}
labels:
  shop:
    people: {{id: PUBLIC, full_name: PERSON, email: EMAIL_ADDRESS, ssn: US_SSN, card: CREDIT_CARD,
      phone: PHONE_NUMBER, notes: FREE_TEXT, payload: JSON, fine: PUBLIC}}
masks:
  CREDIT_CARD: fpe
rules:
  - {{who: {{role: fraud}}, purpose: chargeback, what: CREDIT_CARD, do: reveal}}
  - {{who: {{role: support}}, what: EMAIL_ADDRESS, literals: lookup}}
audit: {{path: out/audit}}
sinks:
  alerts: {{path: out/alerts.jsonl, refusals: 1, rows_per_hour: 1, lookups_per_hour: 1}}
  jsonl: {{path: out/events.jsonl}}
  openlineage: {{path: out/outbox}}
"""


def statements() -> Iterator[str]:
    yield "CREATE TABLE people (id INTEGER, " + ", ".join(f"{name} TEXT" for name in ROWS) + ")"
    for number, row in enumerate(zip(*ROWS.values(), strict=True)):
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in row)
        yield f"INSERT INTO people VALUES ({number}, {values})"


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Ask and report everything on one database, and return every file that came of it."""
    folder = tmp_path_factory.mktemp("canaries")
    if request.param == "duckdb":
        with duckdb.connect(str(folder / "shop.duckdb")) as connection:
            for statement in statements():
                connection.execute(statement)
        url = "duckdb:///shop.duckdb"
    else:
        url = request.getfixturevalue("new_postgres_url")()
        run = request.getfixturevalue("postgres_run")
        run(url, ";".join(statements()))
    (folder / "policy.yaml").write_text(POLICY.format(url=url))
    Keyring.generate().save(folder / "keyring.json")
    (folder / "out").mkdir()
    with pytest.MonkeyPatch.context() as patch, everything_is_logged(folder):
        patch.chdir(folder)
        # Full segments are what questions keep in Parquet.
        options = {**AuditLog.open.__kwdefaults__, "segment_bytes": 20_000}
        patch.setattr(AuditLog.open.__func__, "__kwdefaults__", options)
        ask_everything(folder)
        report_everything(folder)
    keys = re.findall(r'"key":\s*"([^"]+)"', (folder / "keyring.json").read_text())
    files = {
        str(file.relative_to(folder / "out")): file.read_bytes()
        for file in (folder / "out").rglob("*")
        if file.is_file()
    }
    assert found(files, keys) == []
    return files


@contextlib.contextmanager
def everything_is_logged(folder: Path) -> Iterator[None]:
    root, handler = logging.getLogger(), logging.FileHandler(folder / "out" / "debug.log")
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield
    root.removeHandler(handler)
    root.setLevel(level)
    handler.close()


def ask_everything(folder: Path) -> None:
    """Ask every query, as three principals, in three ways; write every error down."""
    people = [
        (maskline.Principal(kind="human", id="ada"), ""),
        (maskline.Principal(kind="human", id="kim", roles=("fraud",)), "chargeback"),
        (maskline.Principal(kind="agent", id="bot", roles=("support",)), "tickets"),
    ]
    with (folder / "out" / "errors.txt").open("a", encoding="utf-8") as errors:
        for principal, purpose in people:
            with maskline.connect("shop", principal=principal, purpose=purpose) as session:
                for sql in QUERIES:
                    for ask in (session.query, session.explain):
                        try:
                            answer = ask(sql)
                            # A plan names aliases and holds the query, for whoever asks.
                            print(repr(answer) if ask == session.query else "", file=errors)
                        except maskline.MasklineError as exc:
                            print(repr(exc), str(exc), exc.__cause__, exc.__context__, file=errors)
                with (
                    contextlib.suppress(maskline.MasklineError),
                    session.stream(QUERIES[0], limit=1) as stream,
                ):
                    next(iter(stream))
                print(repr(session), file=errors)
            logging.getLogger("app").info("asked as %s", principal.id)


def report_everything(folder: Path) -> None:
    """Have everything written that tells of what was asked."""
    commands = [
        ["lineage", "--out", "out/lineage.html"],
        ["lineage", "--out", "out/lineage.json"],
        ["evidence", "--from", "1d", "--out", "out/evidence"],
        ["audit", "who-saw", "email", "--format", "csv"],
        ["audit", "what-did", "ada", "--format", "json"],
        ["audit", "refusals"],
        ["audit", "reveals"],
        ["audit", "exports"],
    ]
    with (
        (folder / "out" / "shown.txt").open("w", encoding="utf-8") as shown,
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
    ):
        assert [main(command) for command in commands] == [0] * len(commands)
    # Parquet is compressed, so that its bytes show nothing.
    for file in (folder / "out").rglob("*.parquet"):
        told = json.dumps(pq.read_table(file).to_pylist(), default=str, ensure_ascii=False)
        file.with_suffix(".txt").write_text(told, encoding="utf-8")


def forms(canary: str) -> set[bytes]:
    """Return the spellings in which a canary would be known again."""
    texts = {canary, canary.upper(), canary.title(), canary[::-1], re.sub(r"[-+ .]", "", canary),
             json.dumps(canary)[1:-1]}  # fmt: skip
    raw = {text.encode(encoding) for text in texts for encoding in ("utf-8", "utf-16-le")}
    return raw | {canary.encode().hex().encode(), canary.encode().hex().upper().encode()}


def found(files: Mapping[str, bytes], canaries: Iterable[str]) -> list[tuple[str, str]]:
    return [
        (name, canary)
        for canary in canaries
        for form in forms(canary)
        for name, data in files.items()
        if form in data
    ]


def test_what_is_searched_tells_of_everything_that_happened(written: dict[str, bytes]) -> None:
    names, told = " ".join(written), b"".join(written.values())

    for part in ("audit/audit-000001.jsonl", ".queries.txt", ".reads.txt", "debug.log",
                 "alerts.jsonl", "alerts.jsonl.state", "events.jsonl", "outbox", "errors.txt",
                 "lineage.html", "lineage.json", "evidence.html", "evidence.json",
                 "shown.txt"):  # fmt: skip
        assert part in names
    for word in (b'"answered"', b'"refused"', b'"failed"', b'"cancelled"', b"mass_export",
                 b"lookup_walking", b"first_reveal", b"repeated_refusals", b"COMPLETE",
                 b"QueryRefusedError", b"QueryFailedError"):  # fmt: skip
        assert word in told


def test_no_value_is_in_anything_that_is_written(written: dict[str, bytes]) -> None:
    planted = {value for column in ROWS.values() for value in column if len(value) > 2}
    planted |= {*IN_ROWS, *LITERALS}

    assert found(written, planted) == []
    assert len(planted) >= 30


def test_no_name_of_the_askers_is_in_anything_that_is_written(written: dict[str, bytes]) -> None:
    # What whoever asks is told may repeat a plain name of theirs.
    told = {name: data for name, data in written.items() if name != "errors.txt"}
    assert found(told, NAMES) == []


def test_the_search_would_find_a_canary(tmp_path: Path) -> None:
    for canary in ("zqxa", "536-90-4399", "Zqxb Ömer"):
        for written in (canary, canary.upper(), json.dumps(canary), canary.encode().hex()):
            assert any(form in written.encode() for form in forms(canary))
    assert not any(form in b"people" for form in forms("zqxa"))


def test_what_the_filter_lets_through_holds_no_canary_that_has_a_shape(tmp_path: Path) -> None:
    """What somebody logs by mistake is caught where the detectors know it."""
    shaped = [value for name in ("email", "ssn", "card", "phone") for value in ROWS[name]]
    handler = logging.FileHandler(tmp_path / "app.log")
    handler.addFilter(ScrubFilter())
    logger = logging.getLogger("maskline.tests.canaries")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    for value in shaped:
        logger.info("row %s of %r", value, {"value": [value]})
        try:
            raise ValueError(value)  # noqa: TRY301 - it is the traceback that is wanted
        except ValueError:
            logger.exception("%s", value)
    logger.removeHandler(handler)
    handler.close()

    written = (tmp_path / "app.log").read_bytes()
    assert [value for value in shaped if value.encode() in written] == []
    assert written.count(b"ValueError: [") == len(shaped)
