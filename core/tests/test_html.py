"""A result as HTML: it says everything, and runs nothing."""

# ruff: noqa: RUF001 - the sign means "times"

import re
from datetime import date
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from maskline._cells import cell_text, type_name, visible
from maskline._html import HUES, result_html, style
from maskline.model import ColumnRef, Flow, Label, Mask, OutputColumn, Strategy
from maskline.result import ColumnTreatment, MaskedResult

EVIL = "<script>alert(1)</script>\" onload='x' & </style></td>"


def column(
    name: str,
    kind: str = "string",
    *,
    mask: str = "",
    entity: str = "EMAIL_ADDRESS",
    rule: str = "",
) -> ColumnTreatment:
    ref = ColumnRef("main", "people", name)
    output = OutputColumn(
        name=name,
        sources=((ref, (Flow.IDENTITY,)),),
        label=Label(entity=entity if mask or rule else "PUBLIC", evidence="the name says so"),
        mask=Mask(name=mask, options=(("last", 4),)) if mask else None,
        rule=rule,
    )
    return ColumnTreatment(output=output, type=kind, cells=3 if mask else 0)


def result(
    columns: list[ColumnTreatment], values: list[list[object]], **more: object
) -> MaskedResult:
    arrays = [pa.array(each) for each in values]
    names = [each.output.name for each in columns]
    settings = {
        "query_id": "6be75a2a-0000-4000-8000-000000000000",
        "source": "shop",
        "strategy": Strategy.COMMUTING,
        "policy_hash": "3f2a1c9" + "0" * 57,
        "purpose": "",
        "is_truncated": False,
        "duration_ms": 938,
    } | more
    return MaskedResult(
        table=pa.Table.from_arrays(arrays, names=names), columns=tuple(columns), **settings
    )


def words(html: str) -> str:
    """Return what is left where styles and drawings are stripped."""
    bare = re.sub(r"<(style|svg)\b.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that all is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"br", "path"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return tags


def test_the_meaning_survives_without_styles_and_drawing() -> None:
    shown = result(
        [column("id", "int64"), column("email", mask="token"), column("card", rule="rules[0]")],
        [list(range(25_000)), ["t"] * 25_000, ["4000"] * 25_000],
        is_truncated=True,
        purpose="TICKET-482",
        notes=("A column was renamed.",),
    )

    text = words(result_html(shown))

    assert text.startswith(
        "25 000 rows × 3 columns · 1 masked · shop · policy 3f2a1c9 · audit 6be75a2a"
    )
    assert "938 ms note: A column was renamed." in text
    assert "email text EMAIL_ADDRESS · token" in text
    assert "card text EMAIL_ADDRESS · revealed" in text
    assert "first 10 of 25 000 rows shown · stopped at the row limit, more rows exist" in text
    assert "How each column was treated" in text
    assert "main.people.email" in text
    assert "token(last=4)" in text
    assert "EMAIL_ADDRESS (the name says so)" in text
    assert "rules[0]" in text
    assert "asked for: TICKET-482" in text


def test_null_and_an_empty_text_differ_from_words() -> None:
    shown = result([column("a")], [[None, "", "NULL", "empty"]])

    cells = re.findall(r"<td[^>]*>(.*?)</td>", result_html(shown))[:4]

    assert cells == ["<i>NULL</i>", "<i>empty</i>", "NULL", "empty"]


def test_nothing_of_data_or_names_becomes_a_tag_or_an_attribute() -> None:
    evil = column(EVIL, mask="token", entity=EVIL, rule=EVIL)
    shown = result(
        [evil], [[EVIL]], source=EVIL, purpose=EVIL, notes=(EVIL,), query_id=EVIL, policy_hash=EVIL
    )

    tags = parsed(result_html(shown))

    names = {tag for tag, _ in tags.seen}
    attributes = {name for _, attrs in tags.seen for name in attrs}
    assert names <= {
        "div", "style", "span", "svg", "path", "b", "i", "code", "table", "thead", "tbody", "tr",
        "th", "td", "details", "summary", "br",
    }  # fmt: skip
    assert {name for name in attributes if name.startswith("on")} == set()
    assert "<script" not in result_html(shown)


def test_nothing_is_loaded_and_nothing_runs() -> None:
    html = result_html(result([column("a", mask="token")], [["x"]]))

    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|javascript:", html)


def test_every_style_is_scoped() -> None:
    rules = re.sub(r"@media print \{(.*)\}", r"\1", style()[7:-8], flags=re.DOTALL)
    selectors = [
        selector.strip()
        for head in re.findall(r"([^{}]+)\{", rules)
        for selector in head.split(",")
    ]

    assert selectors
    assert [each for each in selectors if not each.startswith(".maskline.maskline")] == []


def test_styles_can_be_left_out_and_no_row_shown() -> None:
    html = result_html(result([column("a")], [["x", "y"]]), rows=0, with_style=False)

    assert "<style" not in html
    assert "first 0 of 2 rows shown" in words(html)


def test_a_result_without_rows_or_without_columns_is_shown() -> None:
    empty = result([column("")], [[]])
    nothing = result([], [])

    assert "0 rows × 1 column · 0 masked" in words(result_html(empty))
    assert "no name" in words(result_html(empty))
    assert "0 rows × 0 columns" in words(result_html(nothing))
    assert parsed(result_html(nothing))


def test_a_computed_column_says_how_and_from_nowhere_says_so() -> None:
    ref = ColumnRef("main", "people", "email")
    counted = OutputColumn(name="n", sources=((ref, (Flow.COUNT, Flow.GROUP_BY)),))
    constant = OutputColumn(name="one")
    shown = result(
        [ColumnTreatment(output=each, type="int64", cells=0) for each in (counted, constant)],
        [[1], [1]],
    )

    text = words(result_html(shown))

    assert "main.people.email (count, group_by)" in text
    assert "one no column as it is" in text


def test_the_result_shows_itself_in_notebooks() -> None:
    assert result([column("a")], [["x"]])._repr_html_().startswith('<div class="maskline">')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (b"\x00\xff", "0x00ff"),
        (b"\x01" * 300, "0x" + "01" * 199 + "…"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 1, 2), "2026-01-02"),
        ("x" * 500, "x" * 400 + "…"),
        ("a\tb\r\n", "a\\tb\\r\\n"),
        ("\x1b[1m\u202e\U000e0041", "\\x1b[1m\\u202e\\U000e0041"),
        ("caf\u00e9 1\u00a0000", "caf\u00e9 1\u00a0000"),
    ],
)
def test_values_are_one_line_and_all_of_them_is_seen(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_types_have_short_names() -> None:
    names = ["large_string", "decimal128(38, 0)", "int64", "list<item: string>"]
    assert [type_name(name) for name in names] == [
        "text", "decimal(38, 0)", "int64", "list<item: string>",
    ]  # fmt: skip
    assert visible("plain") == "plain"


def channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))


def mixed(one: tuple[float, ...], two: tuple[float, ...], share: float) -> tuple[float, ...]:
    return tuple(share * a + (1 - share) * b for a, b in zip(one, two, strict=True))


def luminance(colour: tuple[float, ...]) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("hue", HUES)
@pytest.mark.parametrize(
    ("ink", "page"),
    [
        ("#1c1d1f", "#ffffff"),
        ("#212121", "#f7f7f7"),
        ("#e8e8e6", "#191a1c"),
        ("#c9d1d9", "#0d1117"),
        ("#ffffff", "#111111"),
    ],
)
def test_text_has_contrast_on_light_and_dark_pages(hue: str, ink: str, page: str) -> None:
    share = {
        name: int(found) / 100
        for name, found in re.findall(
            rf"mk-chip\.mk-({hue}) {{color: color-mix\(in srgb, {HUES[hue]} (\d+)%", style()
        )
    }[hue]
    cell = mixed(channels(HUES[hue]), channels(page), 0.07)
    chip = mixed(channels(HUES[hue]), cell, 0.11)

    assert contrast(mixed(channels(HUES[hue]), channels(ink), share), chip) >= 4.5
    assert contrast(mixed(channels(ink), cell, 0.70), cell) >= 4.5
