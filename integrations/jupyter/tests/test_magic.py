"""The magics, in a real IPython shell."""

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

SECRET = "alice.secret@example.com"
QUERY = "SELECT id, email, tier FROM customer ORDER BY id"


@pytest.fixture
def connected(shell: InteractiveShell) -> InteractiveShell:
    shell.run_line_magic("maskline", "connect shop")
    return shell


def test_connecting_says_what_masks(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("maskline", "connect shop --as dev")

    assert capsys.readouterr().out.startswith("@dev: sqlite, read-only. Everything it returns")


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


def test_dry_run_reads_nothing(
    connected: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    result = connected.run_cell_magic("maskedsql", "--dry-run", QUERY)

    assert result is None
    assert "email token" in capsys.readouterr().out


def test_dry_run_says_why_a_query_is_refused(
    connected: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    connected.run_cell_magic("maskedsql", "--dry-run", "SELECT nosuch(email) FROM customer")

    assert "The function nosuch" in capsys.readouterr().out


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


def test_purpose_of_the_session_can_be_set(
    connected: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    connected.run_line_magic("maskline", 'purpose "churn review"')
    result = connected.run_cell_magic("maskedsql", "", QUERY)

    assert result.purpose == "churn review"
    assert "churn review" in capsys.readouterr().out


def test_columns_and_status_are_listed(
    connected: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    connected.run_line_magic("maskline", "columns customer")
    connected.run_line_magic("maskline", "status")

    out = capsys.readouterr().out
    assert "main.customer.email  TEXT  EMAIL_ADDRESS  token" in out
    assert "* @shop: sqlite" in out


@pytest.mark.parametrize(
    ("line", "cell", "words"),
    [
        ("--limitt 3", QUERY, "Did you mean --limit?"),
        ("--frobnicate", QUERY, "It has:"),
        ("--limit many", QUERY, "--limit needs a whole number"),
        ("--timeout soon", QUERY, "--timeout needs a duration"),
        ("--limit", QUERY, "--limit needs a value"),
        ("SELECT 1", QUERY, "options only"),
        ("", "  ", "no SQL"),
        ("@elsewhere", QUERY, "Open are: @shop"),
    ],
)
def test_wrong_words_are_explained(
    connected: InteractiveShell, line: str, cell: str, words: str
) -> None:
    with pytest.raises(Exception, match="usage") as caught:
        connected.run_cell_magic("maskedsql", line, cell)

    assert words in str(caught.value)


def test_unknown_command_is_explained(connected: InteractiveShell) -> None:
    with pytest.raises(Exception, match="It has: connect, purpose"):
        connected.run_line_magic("maskline", "explode")


def test_closing_the_last_connection_leaves_none(
    connected: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    connected.run_line_magic("maskline", "close")
    connected.run_line_magic("maskline", "status")

    assert "No connection" in capsys.readouterr().out
    with pytest.raises(Exception, match="There is no connection"):
        connected.run_line_magic("maskedsql", QUERY)


def test_unloading_leaves_no_magic_behind(connected: InteractiveShell) -> None:
    connected.run_line_magic("unload_ext", "maskline")

    assert connected.find_cell_magic("maskedsql") is None
    assert connected.find_line_magic("maskline") is None
    connected.run_line_magic("load_ext", "maskline")


def test_every_notebook_query_is_recorded(connected: InteractiveShell, folder: Path) -> None:
    connected.run_cell_magic("maskedsql", "--purpose audit", QUERY)

    log = b"".join(path.read_bytes() for path in (folder / "audit").glob("*.jsonl"))
    assert log.count(b'"answered"') == 1
    assert SECRET.encode() not in log
