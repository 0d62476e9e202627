"""The magics, in a real IPython shell."""

import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

SECRET = "alice.secret@example.com"
QUERY = "SELECT id, email, tier FROM customer ORDER BY id"


@pytest.fixture
def connected(shell: InteractiveShell) -> InteractiveShell:
    shell.run_line_magic("maskline", "connect shop")
    return shell


def test_connecting_says_what_masks(shell: InteractiveShell) -> None:
    shown = shell.run_line_magic("maskline", "connect shop --as dev")

    assert repr(shown).startswith("@dev · sqlite · read-only · 1 table · everything it returns is")
    assert "<b>@dev</b>" in shown._repr_html_()


def test_magic_shows_masked_rows(connected: InteractiveShell) -> None:
    result = connected.run_cell_magic("maskedsql", "", QUERY)

    rows = result.table.to_pylist()
    assert [row["id"] for row in rows] == [1, 2]
    assert rows[0]["email"].startswith("email_")
    assert rows[1]["email"] is None
    assert SECRET not in str(rows) + result._repr_html_() + repr(result)


def test_values_cannot_become_markup(connected: InteractiveShell) -> None:
    html = connected.run_cell_magic("maskedsql", "", QUERY)._repr_html_()

    assert "<b>silver</b>" not in html
    assert "&lt;b&gt;silver&lt;/b&gt;" in html


def test_line_magic_takes_sql_to_the_letter(connected: InteractiveShell) -> None:
    result = connected.run_line_magic(
        "maskedsql", "SELECT 1 << 2 AS n, 'a  b' AS t, '{{x}} :y' AS u"
    )

    assert result.table.to_pylist() == [{"n": 4, "t": "a  b", "u": "{{x}} :y"}]


def test_assignment_is_silent_or_shown(connected: InteractiveShell) -> None:
    silent = connected.run_cell_magic("maskedsql", "top <<", QUERY)
    shown = connected.run_cell_magic("maskedsql", "--limit 1 best =<<", QUERY)

    assert silent is None
    assert len(connected.user_ns["top"]) == 2
    assert shown is connected.user_ns["best"]
    assert shown.is_truncated


def test_dry_run_reads_nothing(connected: InteractiveShell, folder: Path) -> None:
    shown = connected.run_cell_magic("maskedsql", "--dry-run", QUERY)

    assert "EMAIL_ADDRESS  token     main.customer.email" in repr(shown)
    assert b"answered" not in b"".join(path.read_bytes() for path in folder.glob("audit/*.jsonl"))


def test_dry_run_says_why_a_query_is_refused(connected: InteractiveShell) -> None:
    shown = connected.run_cell_magic("maskedsql", "--dry-run", "SELECT nosuch(email) FROM customer")

    assert "The function nosuch" in repr(shown)


def test_refusal_is_shown_without_frames(
    connected: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = connected.run_cell("%%maskedsql\nSELECT nosuch(email) FROM customer")

    shown = capsys.readouterr()
    assert outcome.error_in_exec is not None
    assert outcome.error_in_exec.__context__ is None
    assert "The function nosuch" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err
    assert "streaming.py" not in shown.out + shown.err


def test_purpose_of_the_session_can_be_set(connected: InteractiveShell) -> None:
    shown = connected.run_line_magic("maskline", 'purpose "churn review"')
    result = connected.run_cell_magic("maskedsql", "", QUERY)

    assert result.purpose == "churn review"
    assert "purpose: churn review" in repr(shown)


def test_every_word_that_is_no_option_of_another_tool_is_explained(
    connected: InteractiveShell,
) -> None:
    with pytest.raises(Exception, match="Did you mean --as"):
        connected.run_cell_magic("maskedsql", "--alias x", QUERY)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("status", "→  @shop"),
        ("", "→  @shop"),
        ("tables cust", "main.customer  3        1"),
        ("tables nosuch", "No such table."),
        ("columns customer", "main.customer.email  TEXT     EMAIL_ADDRESS  token"),
        ("columns @shop email", "main.customer.email"),
        ("policy", "EMAIL_ADDRESS     token"),
        ("explain", "comes from        main.customer.email"),
        ("explain top email", "what was done     token"),
        ("lineage top", "main.customer.email  →  email  (EMAIL_ADDRESS · token)"),
        ("audit 1", "SELECT id, email, tier FROM customer ORDER BY id"),
        ("purpose", "purpose: none"),
        ("config show", "show     10"),
        ("config show=20", "show     20"),
        ("config form=pandas", "pandas"),
        ("config take_over=sql, other", "sql, other"),
        ("doctor", "promise"),
        ("close", "@shop · closed"),
    ],
)
def test_commands_say_what_is_the_case(
    connected: InteractiveShell, command: str, shown: str
) -> None:
    connected.run_cell_magic("maskedsql", "top <<", QUERY)

    view = connected.run_line_magic("maskline", command)

    assert shown in repr(view)
    assert view._repr_html_().startswith('<div class="maskline">')
    assert SECRET not in repr(view) + view._repr_html_()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("config shw=1", "Did you mean show?"),
        ("config show=-1", "show cannot be that"),
        ("config form=excel", "form cannot be that"),
        ("audit many", "audit needs a whole number"),
        ("explain nosuch", "No column has that name"),
        ("close @nosuch", "There are: @shop"),
        ("connect @nosuch", "no connection of that name"),
        ("conect", "Did you mean connect?"),
        ("explode", "It has: status, connect"),
    ],
)
def test_commands_say_what_is_wrong(connected: InteractiveShell, command: str, words: str) -> None:
    connected.run_cell_magic("maskedsql", "top <<", QUERY)

    with pytest.raises(Exception, match=r"^\[usage\]") as caught:
        connected.run_line_magic("maskline", command)

    assert words in str(caught.value)


def test_before_the_first_query_there_is_no_result(connected: InteractiveShell) -> None:
    with pytest.raises(Exception, match="no result yet"):
        connected.run_line_magic("maskline", "explain")


def test_doctor_finds_what_may_let_raw_values_in(connected: InteractiveShell) -> None:
    import sqlite3

    raw = sqlite3.connect(":memory:")
    connected.user_ns["raw"] = raw
    connected.run_cell("x = 'postgresql://me:hunter2@host/db'", store_history=True)
    connected.run_line_magic("maskline", "config unsafe_history=true")
    connected.run_line_magic("xmode", "Verbose")
    connected.register_magic_function(lambda line, cell: None, "cell", "sql")

    found = repr(connected.run_line_magic("maskline", "doctor"))
    connected.run_line_magic("xmode", "Context")
    raw.close()

    for words in (
        "the variable raw is a sqlite3 connection", "holds a password", "unsafe_history is on",
        "%xmode is Verbose", "%%sql is loaded",
    ):  # fmt: skip
        assert words in found
    assert "hunter2" not in found


def test_a_password_in_a_cell_is_warned_of(connected: InteractiveShell, folder: Path) -> None:
    text = (folder / "policy.yaml").read_text()
    url = "postgresql://me:hunter2@127.0.0.1:9/db"
    (folder / "other.yaml").write_text(text.replace("sqlite:///shop.db", url))

    with pytest.raises(Exception, match=r"^\[source\]") as caught:
        connected.run_line_magic("maskline", f"connect {url} --policy other.yaml")

    assert "hunter2" not in str(caught.value)


def test_a_password_that_stands_in_a_cell_is_noted(connected: InteractiveShell) -> None:
    shown = connected.run_line_magic("maskline", "connect shop --purpose 'ssh://me:hunter2@host'")

    assert "This cell holds a password" in repr(shown)
    assert "hunter2" not in repr(shown)


def test_a_library_that_is_missing_is_named(
    connected: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(Exception, match=r"polars is not installed.\nHint: pip install polars"):
        connected.run_cell_magic("maskedsql", "--as polars", QUERY)


class Evil:
    """A value whose every use raises with a secret."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(SECRET)


def test_an_error_of_another_library_is_withheld(connected: InteractiveShell) -> None:
    connected.user_ns["evil"] = Evil()

    with pytest.raises(Exception, match=r"The magic failed: RuntimeError") as caught:
        connected.run_line_magic("maskedsql", "SELECT :evil")

    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_interrupt_stays_one(connected: InteractiveShell) -> None:
    class Stopped:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt(SECRET)

    connected.user_ns["stopped"] = Stopped()

    with pytest.raises(KeyboardInterrupt) as caught:
        connected.run_line_magic("maskedsql", "SELECT :stopped")

    assert caught.value.args == ()
    assert caught.value.__context__ is None


def test_history_is_kept_where_somebody_wants_it(
    connected: InteractiveShell, caplog: pytest.LogCaptureFixture
) -> None:
    cell = "%%maskedsql\nSELECT 'kept' AS t"

    connected.run_cell(cell, store_history=True)
    connected.run_line_magic("maskline", "config unsafe_history=true")
    connected.run_cell(cell, store_history=True)

    assert "history keeps the literals" in caplog.text
    assert connected.history_manager.input_hist_raw[-2:] == [cell.replace("'kept'", "?"), cell]


def test_forms_and_variables(connected: InteractiveShell) -> None:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    for form, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table)):
        shown = connected.run_cell_magic("maskedsql", f"--into x --as {form}", QUERY)
        assert isinstance(connected.user_ns["x"], kind)
        assert shown is connected.user_ns["x"]


def test_values_of_the_notebook_are_bound(connected: InteractiveShell) -> None:
    connected.user_ns.update(ids=[1, 2], table="customer", who=SECRET)

    result = connected.run_cell_magic(
        "maskedsql",
        "--param n=1 --show 1 --quiet --save kept --into x",
        "SELECT id FROM {{table}} WHERE id IN :ids AND id >= :n ORDER BY id",
    )
    none = connected.run_line_magic("maskedsql", "SELECT id FROM customer WHERE email = :who")

    assert result is None
    assert connected.user_ns["x"].dicts() == [{"id": 1}, {"id": 2}]
    assert connected.user_ns["x"].shown_rows == 1
    assert len(none) == 0


def test_variables_of_a_function_are_bound(connected: InteractiveShell) -> None:
    connected.run_cell("def f(n):\n    x = %maskedsql SELECT :n AS n\n    return x")

    assert connected.user_ns["f"](7).dicts() == [{"n": 7}]


def test_a_bound_value_follows_the_policy_on_literals(
    connected: InteractiveShell, folder: Path
) -> None:
    policy = (folder / "policy.yaml").read_text()
    rule = "rules:\n  - {what: EMAIL_ADDRESS, literals: lookup}\n"
    (folder / "policy.yaml").write_text(policy + rule)
    connected.run_line_magic("maskline", "connect shop")
    connected.user_ns["who"] = SECRET

    found = connected.run_line_magic("maskedsql", "SELECT id FROM customer WHERE email = :who")

    assert found.dicts() == [{"id": 1}]


def test_sql_can_stand_in_a_file(connected: InteractiveShell, folder: Path) -> None:
    (folder / "q.sql").write_text(QUERY)

    assert len(connected.run_line_magic("maskedsql", "--file q.sql")) == 2
    with pytest.raises(Exception, match="cannot be read"):
        connected.run_line_magic("maskedsql", "--file nosuch.sql")


def test_a_named_connection_is_opened_when_it_is_asked(
    shell: InteractiveShell, folder: Path
) -> None:
    (folder / "pyproject.toml").write_text(
        "[tool.maskline.connections.prod]\nsource = 'shop'\npurpose = 'why'\nroles = ['fraud']\n"
    )

    result = shell.run_cell_magic("maskedsql", "@prod", QUERY)

    assert result.purpose == "why"
    assert "@prod" in repr(shell.run_line_magic("maskline", "status"))
    assert len(shell.run_cell_magic("maskedsql", "sqlite:///shop.db", QUERY)) == 2


def test_settings_come_from_the_configuration_too(connected: InteractiveShell) -> None:
    connected.run_line_magic("config", "Maskline.limit = 1")
    connected.run_line_magic("config", "Maskline.show = 3")

    result = connected.run_cell_magic("maskedsql", "", QUERY)

    assert (len(result), result.is_truncated, result.shown_rows) == (1, True, 3)


def test_magics_of_others_are_taken_over_and_given_back(connected: InteractiveShell) -> None:
    def theirs(line: str, cell: str = "") -> str:
        return "raw"

    connected.register_magic_function(theirs, "line_cell", "sql")
    connected.extension_manager.loaded.add("other")
    connected.run_line_magic("maskline", "config take_over=sql,other")

    assert len(connected.run_cell_magic("sql", "", QUERY)) == 2
    assert "sql" in connected.extension_manager.loaded

    connected.run_line_magic("maskline", "config take_over=[]")
    assert connected.run_cell_magic("sql", "", QUERY) == "raw"
    assert "sql" not in connected.extension_manager.loaded
    assert "other" in connected.extension_manager.loaded


@pytest.mark.parametrize(
    ("line", "cell", "words"),
    [
        ("--limitt 3", QUERY, "Did you mean --limit?"),
        ("--frobnicate", QUERY, "There are: --as"),
        ("--limit many", QUERY, "--limit needs a whole number"),
        ("--timeout soon", QUERY, "--timeout needs a duration"),
        ("--limit", QUERY, "--limit needs a value"),
        ("SELECT 1", QUERY, "options only"),
        ("", "  ", "no SQL"),
        ("@elsewhere", QUERY, "There are: @shop"),
    ],
)
def test_wrong_words_are_explained(
    connected: InteractiveShell, line: str, cell: str, words: str
) -> None:
    with pytest.raises(Exception, match="usage") as caught:
        connected.run_cell_magic("maskedsql", line, cell)

    assert words in str(caught.value)


def test_closing_the_last_connection_leaves_none(connected: InteractiveShell) -> None:
    connected.run_line_magic("maskline", "close")

    assert "No connection" in repr(connected.run_line_magic("maskline", "status"))
    with pytest.raises(Exception, match="There is no connection"):
        connected.run_line_magic("maskedsql", QUERY)
    with pytest.raises(Exception, match="There is no connection"):
        connected.run_line_magic("maskline", "close")


@pytest.mark.parametrize("way", ["unload_ext", "reload_ext"])
def test_unloading_and_reloading_leave_nothing_behind(
    connected: InteractiveShell, way: str
) -> None:
    def state() -> list[object]:
        manager = connected.magics_manager
        return [
            dict(manager.magics["line"]) if way == "unload_ext" else sorted(manager.magics["line"]),
            sorted(manager.magics["cell"]),
            len(connected.configurables),
            len(connected.Completer.custom_matchers),
            "store_inputs" in vars(connected.history_manager),
            sorted(connected.extension_manager.loaded),
            len(connected.events.callbacks["pre_run_cell"]),
        ]

    before = state()
    connected.run_line_magic("maskline", "config take_over=sql")
    if way == "unload_ext":
        connected.run_line_magic("unload_ext", "maskline")
        unloaded = state()
        connected.run_line_magic("load_ext", "maskline")
        connected.run_line_magic("unload_ext", "maskline")
        assert state() == unloaded
        assert connected.find_cell_magic("maskedsql") is None
        assert connected.find_cell_magic("sql") is None
        assert connected.find_line_magic("maskline") is None
        connected.run_line_magic("load_ext", "maskline")
    else:
        connected.run_line_magic("reload_ext", "maskline")
        assert state() == before


def test_loading_is_quick_and_imports_nothing_heavy(folder: Path) -> None:
    script = (
        "import sys, time\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from traitlets.config import Config\n"
        "config = Config()\n"
        "config.HistoryManager.enabled = False\n"
        "shell = InteractiveShell.instance(config=config)\n"
        "began = time.process_time()\n"
        "shell.run_line_magic('load_ext', 'maskline')\n"
        "took = time.process_time() - began\n"
        "heavy = [name for name in ('pyarrow', 'duckdb', 'sqlglot') if name in sys.modules]\n"
        "shell.run_line_magic('maskline', 'connect shop')\n"
        "shell.run_line_magic('maskedsql', 'SELECT * FROM customer WHERE id > 0')\n"
        "shell.run_line_magic('unload_ext', 'maskline')\n"
        "heavy += [name for name in ('pandas', 'polars') if name in sys.modules]\n"
        "print(took, heavy)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    took, _, heavy = done.stdout.splitlines()[-1].partition(" ")

    assert float(took) < 0.5
    assert heavy == "[]"


def test_every_notebook_query_is_recorded(connected: InteractiveShell, folder: Path) -> None:
    connected.run_cell_magic("maskedsql", "--purpose audit", QUERY)

    log = b"".join(path.read_bytes() for path in (folder / "audit").glob("*.jsonl"))
    assert log.count(b'"answered"') == 1
    assert SECRET.encode() not in log
