"""Results and lists as people see them: as text and as HTML, and as data for programs."""

import pickle
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from maskline import MaskedResult, UsageError
from maskline.model import ColumnRef, Flow, Label, Mask, OutputColumn, Strategy
from maskline.result import ColumnTreatment
from maskline.views import View, bars, explanation, lineage, listing, statement

EVIL = "<script>alert(1)</script>\x1b[31m"


def treated(name: str, kind: str, *, mask: str = "", confidence: float = 1.0) -> ColumnTreatment:
    ref = ColumnRef("main", "people", name)
    output = OutputColumn(
        name=name,
        sources=((ref, (Flow.IDENTITY,)),),
        label=Label(
            entity="EMAIL_ADDRESS" if mask else "PUBLIC",
            confidence=confidence,
            evidence="its name" if mask else "",
        ),
        mask=Mask(name=mask) if mask else None,
        rule="default" if mask else "",
    )
    return ColumnTreatment(output=output, type=kind, cells=2 if mask else 0)


@pytest.fixture
def result() -> MaskedResult:
    """Three rows: a masked text, a number, a flag."""
    columns = (
        treated("email", "string", mask="token", confidence=0.71),
        treated("n", "int64"),
        treated("ok", "bool"),
    )
    table = pa.table({"email": ["email_1", None, ""], "n": [10, None, -5], "ok": [True] * 3})
    return MaskedResult(
        table=table,
        columns=columns,
        query_id="6be75a2a-0000-4000-8000-000000000000",
        source="shop",
        strategy=Strategy.COMMUTING,
        policy_hash="3f2a1c9" + "0" * 57,
        purpose="why",
        is_truncated=False,
        duration_ms=938,
        influences=((ColumnRef("main", "people", "n"), (Flow.FILTER,)),),
    )


class Tags(HTMLParser):
    """Collects the names of tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs)}


def assert_harmless(view: View) -> None:
    tags = Tags()
    tags.feed(view.html)
    assert not {"script", "img", "link", "iframe", "onload", "onerror"} & tags.seen
    assert "\x1b" not in view.text + view.html


def test_rows_columns_and_slices_are_taken_out(result: MaskedResult) -> None:
    assert result[0] == {"email": "email_1", "n": 10, "ok": True}
    assert result[-1]["n"] == -5
    assert result["n"].to_pylist() == [10, None, -5]
    assert result[1:].dicts() == result.dicts()[1:]
    assert result[::-2].dicts() == result.dicts()[::-2]
    assert result[:1].columns == result.columns
    with pytest.raises(IndexError):
        result[3]


@pytest.mark.parametrize("ask", [lambda r: r["emial"], lambda r: r.explain("emial")])
def test_a_name_that_no_column_has_is_explained(result: MaskedResult, ask: object) -> None:
    with pytest.raises(UsageError, match=r"Did you mean email\? It has: email, n, ok") as caught:
        ask(result)

    assert pickle.loads(pickle.dumps(caught.value)).hint == caught.value.hint  # noqa: S301


def test_a_name_that_two_columns_have_is_explained(result: MaskedResult) -> None:
    from dataclasses import replace

    twice = replace(result, columns=(result.columns[0], result.columns[0]))

    with pytest.raises(UsageError, match="Several columns have that name"):
        twice.explain("email")


def test_every_name_of_a_frame_gives_the_same(result: MaskedResult) -> None:
    for frame in (result.pandas(), result.DataFrame(), result.df()):
        assert frame.attrs["maskline"] == result.meta
        assert next(iter(frame["email"])) == "email_1"
    for frame in (result.polars(), result.PolarsDataFrame(), result.pl()):
        assert frame["n"].to_list() == [10, None, -5]


def test_other_libraries_take_it_as_it_is(result: MaskedResult) -> None:
    assert result.arrow() is result.table
    assert pa.table(result).equals(result.table)


def test_a_result_without_columns_is_a_line_of_text(result: MaskedResult) -> None:
    from dataclasses import replace

    none = replace(result, table=pa.table({}), columns=())

    [line] = none._repr_mimebundle_()["text/plain"].splitlines()
    assert line.startswith("0 rows × 0 columns · 0 masked")  # noqa: RUF001


def test_data_for_programs_holds_no_value(result: MaskedResult) -> None:
    bundle = result._repr_mimebundle_()

    data = bundle["application/vnd.maskline.result+json"]
    assert data["columns"][0] == {
        "name": "email", "type": "string", "entity": "EMAIL_ADDRESS", "confidence": 0.71,
        "method": "token", "mask": "token", "rule": "default",
        "sources": ["main.people.email"], "cells": 2,
    }  # fmt: skip
    assert data["columns"][1]["entity"] is None
    assert "email_1" not in str(data)
    assert "email_1" in bundle["text/plain"]
    assert "email_1" in bundle["text/html"]
    assert "email_1" not in repr(result)


def test_a_terminal_shows_a_table(result: MaskedResult) -> None:
    assert result._repr_mimebundle_()["text/plain"].splitlines() == [
        "3 rows × 3 columns · 1 masked · shop · policy 3f2a1c9 · audit 6be75a2a · 938 ms",  # noqa: RUF001
        "email                      n  ok",
        "text                   int64  bool",
        "EMAIL_ADDRESS · token",
        "─────────────────────  ─────  ────",
        "email_1                   10  true",
        "NULL                    NULL  true",
        "(empty)                   -5  true",
    ]


def test_a_terminal_gives_wide_letters_their_room_and_cuts_long_cells() -> None:
    view = listing(("a", "b"), [("名前", "x"), ("y" * 300, "z")])

    lines = view.text.splitlines()
    assert lines[2].index("x") + 2 == lines[3].index("z")
    assert "…" in lines[3]


def test_what_is_not_sure_is_said_and_drawn_apart(result: MaskedResult) -> None:
    assert "mk-unsure" in result._repr_html_()
    assert "EMAIL_ADDRESS · token · 71%?" in result._repr_html_()
    assert "EMAIL_ADDRESS, 71% sure" in repr(result.explain("email"))


def test_an_explanation_tells_all_that_is_known(result: MaskedResult) -> None:
    view = explanation(result.columns)

    assert result.explain() == view

    assert "comes from        main.people.email" in view.text
    assert "why               its name" in view.text
    assert "cells masked      2" in view.text
    assert "nothing, it is as it is" in view.text
    assert "equal values have equal tokens" in view.html
    assert_harmless(view)


def test_lineage_is_drawn_and_told(result: MaskedResult) -> None:
    view = lineage(result)

    assert result.lineage() == view

    assert "main.people.email  →  email  (EMAIL_ADDRESS · token)" in view.text
    assert "<svg" in view.html
    assert "which rows there are" in view.html
    assert "The same in words" in view.html
    assert_harmless(view)


def test_bars_are_as_long_as_their_numbers(result: MaskedResult) -> None:
    view = result.plot("email", "n")

    assert [line.split() for line in view.text.splitlines()[3:]] == [
        ["email_1", "10"], ["NULL", "NULL"], ["-5"],
    ]  # fmt: skip
    assert view.html.count("<rect") == 3
    assert 'width="380.0"' in view.html
    assert 'width="0.0"' in view.html
    assert_harmless(view)


def test_bars_need_numbers(result: MaskedResult) -> None:
    with pytest.raises(UsageError, match="Bars need a column of numbers"):
        result.plot("n", "email")
    with pytest.raises(UsageError, match="Bars need a column of numbers"):
        result.plot()


def test_bars_are_not_endless(result: MaskedResult) -> None:
    from dataclasses import replace

    table = pa.table({"email": ["x" * 99] * 50, "n": [0] * 50, "ok": [True] * 50})

    view = bars(replace(result, table=table), names=0, numbers=1)

    assert view.html.count("<rect") == 24
    assert "first 24 of 50 rows" in view.html


def test_lists_and_statements_show_markup_as_text() -> None:
    views = [
        listing((EVIL, "b"), [(EVIL, EVIL)], title=EVIL),
        listing(("a",), [], empty=EVIL),
        statement(EVIL, EVIL, notes=[EVIL]),
        statement(EVIL),
    ]

    for view in views:
        assert_harmless(view)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in view.html
        assert repr(view) == view.text
        assert view._repr_html_() == view.html
