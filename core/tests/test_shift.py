from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._maskers.shift import ShiftMasker
from maskline.model import Kind, Label
from maskline.testing import MemoryContext, check_masker

MASKER = ShiftMasker()
FIRST, LAST = date(1, 1, 1), date(9999, 12, 31)
STAMPS = [
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    pa.timestamp("us", "America/Sao_Paulo"),
    pa.timestamp("ns", "UTC"),
]
TICKS = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def mask(column, label="DATE_OF_BIRTH", **options):
    assert MASKER.check(options) == []
    return MASKER.mask(column, options=options, context=MemoryContext(Label(entity=label)))


def offset(**options):
    """Return by how many days a domain is shifted."""
    (day,) = mask(pa.array([date(2000, 1, 1)]), **options).to_pylist()
    return (day - date(2000, 1, 1)).days


def shifted(day, days):
    try:
        return day + timedelta(days)
    except OverflowError:
        return None


@pytest.mark.parametrize("options", [{}, {"days": 7}, {"domain": "stay", "days": 3650}], ids=str)
def test_shift_keeps_the_contract_of_maskers(options):
    check_masker(MASKER, options=options)


@given(days=st.lists(st.none() | st.dates(), max_size=8), most=st.integers(7, 3650))
def test_dates_are_moved_by_one_number_of_days(days, most):
    by = offset(days=most)

    assert 1 <= abs(by) <= most
    expected = [day and shifted(day, by) for day in days]
    for kind in (pa.date32(), pa.date64()):
        masked = mask(pa.array(days, kind), days=most)
        assert masked.type == kind
        assert masked.to_pylist() == expected
    texts = mask(pa.array([day and str(day) for day in days], pa.string()), days=most)
    assert texts.to_pylist() == [
        None if day is None else str(shifted(day, by) or "[DATE_OF_BIRTH]") for day in days
    ]


@pytest.mark.parametrize("kind", STAMPS, ids=str)
@given(data=st.data())
@settings(max_examples=200)
def test_timestamps_keep_their_time_of_day_and_what_lies_between_them(kind, data):
    ticks = TICKS[kind.unit]
    counts = data.draw(
        st.lists(
            st.none()
            | st.integers(-20_000 * ticks, 20_000 * ticks)
            | st.integers(-(2**63), 2**63 - 1)
            | st.sampled_from([-(2**63), 2**63 - 1, -1, 0]),
            max_size=6,
        )
    )
    column = pa.array(counts, pa.int64()).view(kind)
    by = offset()

    masked = mask(column)

    assert masked.type == kind
    for before, after in zip(counts, masked.view(pa.int64()).to_pylist(), strict=True):
        if before is None:
            assert after is None
        elif after is None:
            low, high = max(-719_162, -(2**63) // ticks + 3), min(2_932_896, 2**63 // ticks - 3)
            assert not (low <= before // ticks <= high and low <= before // ticks + by <= high)
        else:
            assert after == before + by * ticks


def test_a_shift_is_of_whole_days_also_where_clocks_are_changed():
    zone = ZoneInfo("Europe/Berlin")
    before = [datetime(2024, 3, 1, 12, tzinfo=zone), datetime(2024, 4, 1, 12, tzinfo=zone)]

    masked = mask(pa.array(before, pa.timestamp("us", "Europe/Berlin"))).to_pylist()

    for old, new in zip(before, masked, strict=True):
        assert new.astimezone(UTC) - old.astimezone(UTC) == timedelta(offset())


def test_order_and_intervals_hold_across_columns_of_a_domain():
    came = pa.array([date(2024, 1, 30), date(2023, 12, 31), date(2024, 2, 29)])
    went = pa.array(["2024-02-29", "2024-01-05 08:00", "2024-03-01T00:00Z"])

    arrived = mask(came, label="DATE_TIME", domain="stay").to_pylist()
    left = mask(went, label="DATE", domain="stay").to_pylist()

    days = [(date.fromisoformat(b[:10]) - a).days for a, b in zip(arrived, left, strict=True)]
    assert days == [30, 5, 1]
    assert np.argsort(arrived).tolist() == [1, 0, 2]
    assert [text[10:] for text in left] == ["", " 08:00", "T00:00Z"]


def test_domains_and_reaches_are_moved_by_numbers_of_their_own():
    by_domain = {offset(domain=f"domain{number}", days=3650) for number in range(20)}
    by_reach = {offset(days=days) for days in range(3000, 3020)}

    assert len(by_domain) > 15
    assert len(by_reach) > 15
    assert offset(domain="people") == offset(domain="people", label="DATE_TIME")


def test_every_number_of_days_is_drawn_but_none():
    drawn = {offset(domain=f"d{number}", days=7) for number in range(400)}

    assert drawn == {*range(-7, 8)} - {0}


def test_masking_twice_moves_twice():
    column = pa.array([date(2000, 1, 1)])

    assert mask(mask(column)).to_pylist() == [date(2000, 1, 1) + timedelta(2 * offset())]


def test_dates_that_leave_the_calendar_become_null():
    edge = LAST if offset() > 0 else FIRST

    assert mask(pa.array([edge])).to_pylist() == [None]
    assert mask(pa.array([str(edge), "0000-01-01"])).to_pylist() == ["[DATE_OF_BIRTH]"] * 2
    infinite = pa.array([-(2**31), 2**31 - 1], pa.int32()).view(pa.date32())
    assert mask(infinite).null_count == 2


@pytest.mark.parametrize(
    "text", ["", "soon", "1990-02-30", "1990-1-1", "30.01.1990", "19900130", "on 1990-01-30"]
)
def test_text_that_is_no_date_is_redacted(text):
    assert mask(pa.array([text, None])).to_pylist() == ["[DATE_OF_BIRTH]", None]


@given(text=st.text("0123456789-:T Z+", max_size=20) | st.text(max_size=5))
@settings(max_examples=300)
def test_no_text_stays_as_it_is(text):
    assert mask(pa.array([text])).to_pylist() != [text]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([19900130]),
        pa.array([1.5]),
        pa.array([True]),
        pa.array([b"1990-01-30"]),
        pa.array([1], pa.time32("s")),
        pa.array([1], pa.duration("s")),
        pa.array([["1990-01-30"]]),
    ],
    ids=lambda column: str(column.type),
)
def test_what_is_no_date_becomes_null(column):
    assert mask(column).equals(pa.nulls(1, column.type))


@given(days=st.lists(st.none() | st.dates(), min_size=2, max_size=8))
def test_a_slice_is_moved_as_the_whole(days):
    for column in (pa.array(days, pa.date32()), pa.array([day and str(day) for day in days])):
        if column.type == pa.null():
            continue
        assert mask(column.slice(1)).equals(mask(column).slice(1))
        assert len(mask(column.slice(0, 0))) == 0


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 0),
        ({"days": 7, "domain": "stay"}, 0),
        ({"days": 3650}, 0),
        ({"days": 6}, 1),
        ({"days": 3651}, 1),
        ({"days": 30.0}, 1),
        ({"days": True}, 1),
        ({"days": "30"}, 1),
        ({"domain": "2"}, 1),
        ({"colour": "red", "days": 0, "domain": ""}, 3),
    ],
)
def test_wrong_options_get_a_sentence_each(options, count):
    problems = MASKER.check(options)

    assert len(problems) == count
    assert all(problem.endswith(".") and "mask shift" in problem for problem in problems)


@pytest.mark.parametrize("kind", Kind)
def test_only_nulls_of_text_are_promised(kind):
    traits = MASKER.traits({}, kind)

    assert traits.keeps_nulls == (kind is Kind.TEXT)
    assert not traits.injective
