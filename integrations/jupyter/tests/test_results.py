"""Earlier results, asked by SQL."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

SECRET = "alice.secret@example.com"


@pytest.fixture
def asked(shell: InteractiveShell) -> InteractiveShell:
    shell.run_line_magic("maskline", "connect shop --purpose review")
    shell.run_cell_magic("maskedsql", "top <<", "SELECT id, email, tier FROM customer")
    shell.run_cell_magic("maskedsql", "--save kept --quiet", "SELECT id, email FROM customer")
    return shell


def ask(shell: InteractiveShell, sql: str, options: str = "") -> object:
    return shell.run_cell_magic("maskedsql", f"@results {options}", sql)


def test_variables_and_saved_results_join_on_their_tokens(asked: InteractiveShell) -> None:
    joined = ask(asked, "SELECT t.tier, k.email FROM top AS t JOIN kept AS k USING (email)")

    assert joined.dicts() == [{"tier": "gold", "email": asked.user_ns["top"][0]["email"]}]
    assert "kept" not in asked.user_ns


def test_labels_travel_along(asked: InteractiveShell) -> None:
    made = ask(
        asked, "SELECT upper(email) AS e, count(email) AS n, id + 1 AS i FROM top GROUP BY ALL"
    )

    entities = [column.output.label.entity for column in made.columns]
    assert entities == ["EMAIL_ADDRESS", "PUBLIC", "PUBLIC"]
    assert str(made.columns[0].output.mask) == "token"
    assert str(made.columns[0].output.sources[0][0]) == "main.customer.email"
    assert made.columns[0].cells == 1
    assert (made.query_id, made.purpose) == (asked.user_ns["top"].query_id, "review")
    assert "no database was asked" in made.notes[0]


def test_a_result_made_of_results_can_be_asked_again(asked: InteractiveShell) -> None:
    asked.run_cell_magic("maskedsql", "@results again <<", "SELECT email FROM top")

    made = ask(asked, "SELECT email FROM again", "--limit 1")

    assert made.is_truncated
    assert made.columns[0].output.label.entity == "EMAIL_ADDRESS"


def test_a_query_of_no_result_is_answered(asked: InteractiveShell) -> None:
    made = ask(asked, "SELECT 1 AS n")

    assert made.dicts() == [{"n": 1}]
    assert made.source == "results"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM read_csv('policy.yaml')", "query-refused"),
        ("SELECT * FROM 'policy.yaml'", "query-refused"),
        ("COPY top TO 'x.csv'", "query-refused"),
        ("SELECT 1; SELECT 2", "query-refused"),
        ("SELECT * FROM nosuch", "query-refused"),
        ("SELECT email::INT FROM top", "ConversionException"),
    ],
)
def test_nothing_but_selects_on_results_runs(asked: InteractiveShell, sql: str, words: str) -> None:
    with pytest.raises(Exception, match=r"^\[query") as caught:
        ask(asked, sql)

    assert words in str(caught.value)
    assert "email_" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_results_have_no_plan(asked: InteractiveShell) -> None:
    with pytest.raises(Exception, match="not planned"):
        ask(asked, "SELECT 1", "--dry-run")
