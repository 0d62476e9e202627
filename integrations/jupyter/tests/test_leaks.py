"""A raw value is in nothing that a notebook keeps, shows or saves."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from maskline.tokens import Keyring

SECRET = "zq-canary-7f3@example.com"
PHONE = "+1-212-555-0147"
PLANTED = (SECRET, PHONE, "zq-canary", "212-555-0147")
QUERIES = [
    "SELECT * FROM person",
    "SELECT email, phone, notes, doc FROM person WHERE id = 1",
    "SELECT p FROM person AS p",
    "SELECT {'e': email, 'p': phone} AS s FROM person",
    "SELECT [email, phone] AS l, list(email) OVER () AS m FROM person",
    "SELECT to_json(p) AS j FROM person AS p",
    "SELECT doc->'$.email' AS e, doc->>'$.email' AS f, json_keys(doc) AS k FROM person",
    "PIVOT person ON email USING count(*)",
    "SELECT * FROM (PIVOT person ON email USING count(*))",
    "SELECT email::INT FROM person",
    "SELECT CAST(email AS DATE) AS d, 1 / 0 AS z FROM person",
    "SELECT error(email) FROM person",
    "SELECT max(email) AS m, string_agg(phone) AS s, min(notes) AS n FROM person",
    "SELECT substr(email, 1, 3) AS a, email LIKE 'zq%' AS b, length(email) AS c FROM person",
    "SELECT nosuch FROM person",
    "SELECT email FROM person WHERE email::INT > 3",
    "SELECT x.email FROM person AS x ORDER BY x.email::DATE",
]  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A database with canaries in columns, text, JSON and keys."""
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        shop.execute("CREATE TABLE person (id INT, email TEXT, phone TEXT, notes TEXT, doc JSON)")
        doc = json.dumps({"email": SECRET, "deep": [{"phone": PHONE}], SECRET: 1})
        shop.execute(
            "INSERT INTO person VALUES (1, ?, ?, ?, ?), (2, NULL, NULL, NULL, NULL)",
            [SECRET, PHONE, f"Write to {SECRET} or call {PHONE}.", doc],
        )
    Keyring.generate().save(tmp_path / "keyring.json")
    (tmp_path / "policy.yaml").write_text(
        "version: 1\nkeys: {file: keyring.json}\nsources: {shop: {url: 'duckdb:///shop.duckdb'}}\n"
        "labels:\n  shop:\n    main.person: {id: PUBLIC, email: EMAIL_ADDRESS, "
        "phone: PHONE_NUMBER, notes: FREE_TEXT, doc: JSON}\naudit: {path: audit}\n"
    )
    return tmp_path


def hits(text: object) -> list[str]:
    return [planted for planted in PLANTED if planted in str(text)]


@pytest.fixture
def asking(planted: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(planted)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "maskline")
    shell.run_line_magic("maskline", "connect shop")
    yield shell
    shell.run_line_magic("unload_ext", "maskline")
    shell.run_line_magic("xmode", "Context")
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal", "Docs"])
def test_no_traceback_and_no_frame_holds_a_value(
    asking: InteractiveShell, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asking.run_line_magic("xmode", mode)

    failed = 0
    for query in QUERIES:
        outcome = asking.run_cell(f"%%maskedsql\n{query}")
        failed += outcome.error_in_exec is not None
        assert hits(frames(outcome.error_in_exec)) == []

    shown = capsys.readouterr()
    assert failed >= 5
    assert hits(shown.out + shown.err) == []
    assert hits(frames(getattr(sys, "last_value", None))) == []


def frames(error: BaseException | None) -> list[str]:
    """Return everything that an error drags along: its chain, and the variables of its frames."""
    found: list[str] = []
    waiting = [error]
    while waiting:
        exc = waiting.pop()
        if exc is None:
            continue
        found += [str(exc), repr(exc.args), repr(vars(exc))]
        trace = exc.__traceback__
        while trace:
            found += [repr(value) for value in trace.tb_frame.f_locals.values()]
            trace = trace.tb_next
        waiting += [exc.__cause__, exc.__context__]
    return found


def test_what_the_shell_keeps_holds_no_value(asking: InteractiveShell) -> None:
    for number, query in enumerate(QUERIES):
        asking.run_cell(f"%%maskedsql r{number} =<<\n{query}", store_history=True)
        asking.run_cell(f"r{number}.explain(); r{number}.lineage()", store_history=True)

    kept = {
        name: value
        for name, value in asking.user_ns.items()
        if name in {"_", "__", "___", "Out", "In", "_i", "_ii", "_oh", "_ih"} or name[0] == "r"
    }
    shown = [
        repr(result.table.to_pylist()) + str(result._repr_mimebundle_()) + str(result.columns)
        for result in kept.values()
        if hasattr(result, "columns")
    ]

    assert len(shown) > 5
    assert hits(kept) + hits(shown) == []


def test_no_file_of_a_notebook_holds_a_value(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(planted / "ipython"))
    cells = ["%load_ext maskline\n%maskline connect shop\n%xmode Verbose"]
    cells += [f"%%maskedsql\n{query}" for query in QUERIES]
    cells += [
        f"%%maskedsql top =<<\nSELECT email FROM person WHERE email <> '{SECRET}'",
        "top.explain('email')", "top.lineage()", "top.pandas()", "top.polars()", "top.dicts()",
        "%maskline audit", "%maskline columns", "%maskline doctor", "_, Out",
    ]  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])

    NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, timeout=60,
        resources={"metadata": {"path": str(planted)}},
    ).execute()  # fmt: skip
    outputs = [cell.outputs for cell in notebook.cells]
    html, _ = HTMLExporter().from_notebook_node(
        nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell("", outputs=each) for each in outputs]
        )
    )
    files = [path for path in planted.rglob("*") if path.is_file() and path.name != "shop.duckdb"]

    assert files
    assert hits(outputs) == []
    assert hits(html) == []
    found = {path.name: hits(path.read_bytes().decode("latin-1")) for path in files}
    assert {name: planted for name, planted in found.items() if planted} == {}


@pytest.fixture
def kernel(planted: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingKernelClient]:
    monkeypatch.setenv("IPYTHONDIR", str(planted / "ipython"))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(planted))
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def test_history_keeps_the_question_without_its_literals(
    planted: Path, kernel: BlockingKernelClient
) -> None:
    for code in (
        "%load_ext maskline\n%maskline connect shop",
        f"%%maskedsql\nSELECT id FROM person WHERE email = '{SECRET}'",
        f"x = %maskedsql --param who={SECRET} SELECT id FROM person WHERE email = :who",
    ):
        kernel.execute_interactive(code, timeout=60, store_history=True, output_hook=lambda _: None)
    kernel.execute_interactive(
        "get_ipython().history_manager.writeout_cache()", timeout=60, output_hook=lambda _: None
    )

    [path] = planted.rglob("history.sqlite")
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT source_raw, source FROM history").fetchall()
    database.close()

    assert "SELECT id FROM person WHERE email = ?" in str(rows)
    assert hits(rows) == []
