"""History keeps what was asked, and not whom it was asked about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline_jupyter.history import without_literals

NAMES = frozenset({"maskedsql", "sql"})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (
            "%%maskedsql @dev --limit 5\nSELECT \"a b\", x1 FROM t WHERE e = 'a@b.c' AND n = 42",
            "%%maskedsql @dev --limit 5\nSELECT ?, x1 FROM t WHERE e = ? AND n = ?",
        ),
        ("%%maskedsql --param who='a b'\nSELECT :who", "%%maskedsql --param ?\nSELECT :who"),
        ("%%sql\nSELECT 'a''b' -- a@b.c\n/* a@b.c */", "%%sql\nSELECT ? ?\n?"),
        ("%%maskedsql\nSELECT $$a@b.c$$, $t$a@b.c$t$", "%%maskedsql\nSELECT ?, ?"),
        ("%%maskedsql\nSELECT 'open a@b.c", "%%maskedsql\nSELECT ?"),
        ("%%maskedsql\nSELECT E'\\'a@b.c'", "%%maskedsql\n-- withheld"),
        (
            "x = %maskedsql --limit 5 @dev SELECT 'a@b.c'\nwho = 'me'",
            "x = %maskedsql --limit 5 @dev SELECT ?\nwho = 'me'",
        ),
        ("%maskedsql --param e=a@b.c SELECT :e", "%maskedsql --param ? SELECT :e"),
        ("print('%maskedsqlx 1')", "print('%maskedsqlx 1')"),
        ("%maskline connect pg://me:hunter2@h/d", "%maskline connect pg://me:?@h/d"),
        ("%%maskedsql --param who=O'Neil\nSELECT 1", "%%maskedsql --param ?\nSELECT ?"),
        ("# %maskedsql SELECT 'a'", "# %maskedsql SELECT ?"),
        ("x['#'] = %maskedsql SELECT 'a'", "x['#'] = %maskedsql SELECT ?"),
        ("%maskedsql SELECT 1, \\\n  'a@b.c'\nprint(1)", "%maskedsql -- withheld\nprint(1)"),
        ("%%time\n%%maskedsql\nSELECT 'a@b.c'", "%%time\n%%maskedsql\nSELECT ?"),
        ("%maskedsql --nosuch 'a@b.c'", "%maskedsql ?"),
        ("%%time\n%maskedsql SELECT 5", "%%time\n%maskedsql SELECT ?"),
    ],
)
def test_literals_are_left_out(typed: str, kept: str) -> None:
    assert without_literals(typed, NAMES) == kept


@given(st.text(), st.text())
def test_no_text_keeps_a_literal_that_is_quoted(before: str, after: str) -> None:
    before, after = (part.replace("'", "").replace('"', "") for part in (before, after))

    shown = without_literals(f"%%maskedsql\n{before}'a@b.c'{after}", NAMES)

    assert "a@b.c" not in shown
