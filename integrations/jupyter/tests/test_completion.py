"""Completion of what stands in a masked query."""

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell


def complete(shell: InteractiveShell, text: str) -> list[tuple[str, str]]:
    """Return what is offered at the bar in a cell, and what kind it is."""
    cursor = text.index("|")
    shell.Completer.use_jedi = False
    with provisionalcompleter():
        found = shell.Completer.completions(text.replace("|", ""), cursor)
        return [(each.text, each.type) for each in found]


@pytest.fixture
def connected(shell: InteractiveShell) -> InteractiveShell:
    shell.run_line_magic("maskline", "connect shop")
    return shell


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%%maskedsql @|", [("@shop", "sqlite"), ("@results", "results")]),
        ("%%maskedsql --li|\nSELECT 1", [("--limit", "option")]),
        ("%%maskedsql --as pa|", [("pandas", "form")]),
        ("%%maskedsql\nSELECT em|", [("email", "emailaddre")]),
        ("%%maskedsql\nSELECT em| FROM customer", [("email", "emailaddre")]),
        ("%%maskedsql\nSELECT c.| FROM customer AS c",
         [("c.id", "integer"), ("c.email", "emailaddre"), ("c.tier", "text")]),
        ("%%maskedsql\nSELECT 1 FROM cu|", [("customer", "table")]),
        ("%%maskedsql\nSELECT 1 FROM main.c|", [("main.customer", "table")]),
        ("%%maskedsql\nSELECT 1 GROUP| ", [("GROUP BY", "keyword")]),
        ("x = %maskedsql SELECT em|", [("email", "emailaddre")]),
        ("%maskedsql --d|", [("--dry-run", "option")]),
        ("%maskedsql --as po|", [("polars", "form")]),
        ("%maskline con|", [("connect", "command"), ("config", "command")]),
        ("%%maskedsql\nSELECT 1 --lim|", []),
    ],
)  # fmt: skip
def test_what_can_stand_there_is_offered(
    connected: InteractiveShell, text: str, offered: list[tuple[str, str]]
) -> None:
    assert complete(connected, text) == offered


def test_named_connections_are_offered(
    connected: InteractiveShell, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    Path("pyproject.toml").write_text("[tool.maskline.connections.prod]\n")

    assert ("@prod", "named") in complete(connected, "%%maskedsql @p|")

    Path("pyproject.toml").write_text("[tool.maskline.connections.prod]\nx = 1\n")
    assert complete(connected, "%%maskedsql @s|") == [("@shop", "sqlite")]


def test_python_is_left_to_others(connected: InteractiveShell) -> None:
    connected.user_ns["emailed"] = 1

    assert [name for name, _ in complete(connected, "emaile|")] == ["emailed"]


def test_a_database_that_cannot_tell_offers_nothing(
    connected: InteractiveShell, folder: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3
    from pathlib import Path

    path = Path("shop.db")
    path.write_bytes(b"no database" * 999)
    with pytest.raises(sqlite3.DatabaseError), sqlite3.connect(path) as broken:
        broken.execute("SELECT 1 FROM customer")
    broken.close()

    assert complete(connected, "%%maskedsql\nSELECT em|") == []


def test_tables_are_listed_once(connected: InteractiveShell) -> None:
    assert complete(connected, "%%maskedsql\nSELECT ti|") == [("tier", "text")]
    assert complete(connected, "%%maskedsql\nSELECT ti|") == [("tier", "text")]


def test_without_a_connection_there_are_words(shell: InteractiveShell) -> None:
    assert complete(shell, "%%maskedsql\nSELEC|") == [("SELECT", "keyword")]
