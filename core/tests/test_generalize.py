import ipaddress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._maskers.generalize import GeneralizeMasker
from maskline.model import FREE_TEXT, JSON, Kind, Label
from maskline.testing import MemoryContext, check_masker

MASKER = GeneralizeMasker()
WAYS = [
    {"step": 10},
    {"step": 10_000},
    {"step": 2.5},
    {"step": 0.1},
    {"to": "month"},
    {"to": "quarter"},
    {"to": "year"},
    {"to": "decade"},
    {"zip": 3},
    {"age": 89},
    {"ip": 24},
    {"ip": 9, "ip6": 33},
    {"decimals": 0},
    {"decimals": 1},
]
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
DECIMALS = [
    pa.decimal32(9, 2),
    pa.decimal64(18, 4),
    pa.decimal128(5, 2),
    pa.decimal128(38, 10),
    pa.decimal256(38, 6),
]
ZONE = "America/Sao_Paulo"
TIMES = [
    pa.date32(),
    pa.date64(),
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.timestamp(unit, ZONE) for unit in ("s", "ms", "us", "ns")),
    pa.timestamp("us", "UTC"),
    pa.timestamp("us", "+05:30"),
]


def bounds(kind):
    if pa.types.is_decimal(kind):
        return -(10**kind.precision) + 1, 10**kind.precision - 1
    low = -(2 ** (kind.bit_width - 1)) if pa.types.is_signed_integer(kind) else 0
    return low, low + 2**kind.bit_width - 1


def exact_values(kind):
    low, high = bounds(kind)
    units = st.integers(low, high) | st.sampled_from([low, low + 1, -1, 0, 1, high - 1, high])
    units = units.filter(lambda unit: low <= unit <= high)
    if not pa.types.is_decimal(kind):
        return units
    return units.map(lambda unit: decimal_of(unit, kind.scale))


def decimal_of(unit, scale):
    return Decimal((int(unit < 0), tuple(map(int, str(abs(unit)))), -scale))


def float_values(kind):
    width = kind.bit_width
    near = st.integers(-1000, 1000).map(lambda number: float(np.float16(number / 10)))
    return near | st.floats(width=width) | st.sampled_from([0.0, -0.0, float("inf")])


def counts(kind):
    size = 32 if kind == pa.date32() else 64
    extremes = [-(2 ** (size - 1)), 2 ** (size - 1) - 1, 0, -1]
    usual = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}
    reach = usual.get(getattr(kind, "unit", ""), 10**12 if kind == pa.date64() else 10**5)
    return (
        st.sampled_from(extremes)
        | st.integers(-4 * reach, 4 * reach)
        | st.integers(extremes[0], extremes[1])
    )


def times(kind):
    storage = pa.int32() if kind == pa.date32() else pa.int64()
    return st.lists(st.none() | counts(kind), max_size=6).map(
        lambda items: pa.array(items, storage).view(kind)
    )


def columns(kind, values):
    return st.lists(st.none() | values, max_size=6).map(lambda items: pa.array(items, kind))


digits = st.integers(-3, 12_000).map(str)
iso_texts = st.one_of(
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.datetimes().map(lambda at: at.isoformat(" ", "minutes") + "-03:00"),
)
address_texts = st.one_of(
    st.ip_addresses().map(str), st.ip_addresses(v=6).map(lambda address: address.exploded)
)
texts = st.one_of(
    iso_texts,
    address_texts,
    st.integers(0, 99_999).map("{:05}".format),
    st.text("0123456789-:./aT Z", max_size=12),
    st.text(max_size=4),
    digits,
)
any_column = st.one_of(
    *(columns(kind, exact_values(kind)) for kind in (*INTEGERS, *UNSIGNED, *DECIMALS)),
    *(columns(kind, float_values(kind)) for kind in FLOATS),
    *map(times, TIMES),
    columns(pa.string(), texts),
    columns(pa.decimal256(76, 30), st.integers(-9, 9).map(lambda unit: decimal_of(unit, 30))),
    columns(pa.decimal128(4, -2), st.integers(-9, 9).map(lambda unit: decimal_of(unit, -2))),
    columns(pa.bool_(), st.booleans()),
    columns(pa.binary(), st.binary(max_size=3)),
    columns(pa.time64("us"), st.times()),
    columns(pa.duration("ms"), st.integers(0, 9)),
    columns(pa.list_(pa.string()), st.lists(texts, max_size=2)),
    columns(pa.null(), st.none()),
)


def mask(column, label="X", **options):
    assert MASKER.check(options) == []
    return MASKER.mask(column, options=options, context=MemoryContext(Label(entity=label)))


def values_of(column, **options):
    return mask(column, **options).to_pylist()


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_each_way_keeps_the_contract_of_maskers(options):
    check_masker(MASKER, options=options)


@pytest.mark.parametrize("options", WAYS, ids=str)
@given(column=any_column)
@settings(max_examples=150)
def test_what_is_generalised_keeps_length_type_and_nulls_and_settles_at_once(options, column):
    masked = mask(column, **options)
    padded = pa.concat_arrays([column[:1], column, column[-1:]])

    masked.validate(full=True)
    assert masked.type == column.type
    assert len(masked) == len(column)
    assert all(after is None for after in masked.filter(column.is_null()).to_pylist())
    if column.type == pa.string():
        assert masked.null_count == column.null_count
    assert mask(masked, **options).equals(masked)
    assert mask(padded.slice(len(column[:1]), len(column)), **options).equals(masked)


def units_of(column):
    factor = 10 ** getattr(column.type, "scale", 0)
    return [
        value if value is None else int(Fraction(value) * factor) for value in column.to_pylist()
    ]


@given(
    column=st.one_of(
        *(columns(kind, exact_values(kind)) for kind in (*INTEGERS, *UNSIGNED, *DECIMALS))
    ),
    step=st.sampled_from([10, 7, 2.5, 0.01, 10**12, 0.000001]),
)
@settings(max_examples=300)
def test_a_number_becomes_the_greatest_edge_that_is_not_above_it(column, step):
    low, high = bounds(column.type)
    width = Fraction(str(step)) * 10 ** getattr(column.type, "scale", 0)

    masked = mask(column, step=step)

    for before, after in zip(units_of(column), units_of(masked), strict=True):
        is_several = width.denominator == 1 and 1 < width <= high
        edge = before // width * width if before is not None and is_several else None
        assert after == (None if edge is None or edge < low else edge)


@pytest.mark.parametrize("kind", FLOATS)
@given(data=st.data(), step=st.sampled_from([10, 0.1, 2.5, 0.25]))
def test_a_float_becomes_an_edge_that_is_not_above_it(kind, data, step):
    column = data.draw(columns(kind, float_values(kind)))

    masked = mask(column, step=step).to_pylist()

    for before, after in zip(column.to_pylist(), masked, strict=True):
        if before is None or not np.isfinite(before):
            assert after is None
        elif abs(before) > 2**40:
            assert after is None or after <= before
        else:
            # Far out, numbers of the type may lie farther from each other than edges.
            gap = abs(float(np.spacing(kind.to_pandas_dtype()(before))))
            assert 0 <= before - after <= step + gap


def test_edges_are_the_same_below_zero_and_above_it():
    assert values_of(pa.array([-21, -20, -1, 0, 19, 20, None]), step=20) == [
        -40,
        -20,
        -20,
        0,
        0,
        20,
        None,
    ]
    cents = pa.array([Decimal("-0.01"), Decimal("9.99"), Decimal("-999.99")], pa.decimal128(5, 2))
    assert values_of(cents, step=10) == [Decimal("-10.00"), Decimal("0.00"), None]


def test_edges_of_floats_are_decimal():
    assert values_of(pa.array([0.3, 0.7, -0.05, -0.0]), step=0.1) == [0.3, 0.7, -0.1, 0.0]
    single = pa.array([0.3, 0.7], pa.float32())
    assert mask(single, step=0.1).equals(single)


def test_a_step_that_takes_nothing_away_makes_null():
    assert values_of(pa.array([7]), step=1) == [None]
    assert values_of(pa.array([7]), step=0.5) == [None]
    assert values_of(pa.array([Decimal("7.25")], pa.decimal128(5, 2)), step=0.01) == [None]
    assert values_of(pa.array([7], pa.int8()), step=1000) == [None]


def test_decimals_that_arrow_cannot_compute_with_become_null():
    long, short = pa.decimal256(76, 30), pa.decimal128(4, -2)

    for options in ({"step": 10}, {"age": 89}, {"decimals": 1}):
        assert values_of(pa.array([Decimal(50)], long), **options) == [None]
        assert values_of(pa.array([Decimal(5000)], short), **options) == [None]


def test_what_is_no_number_has_no_bucket():
    assert values_of(pa.array([float("nan"), float("-inf"), 1e300]), step=10) == [None] * 3
    assert values_of(pa.array(["7"]), step=10) == ["[X]"]
    assert values_of(pa.array([True]), step=10) == [None]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("month", date(2024, 2, 1)),
        ("quarter", date(2024, 1, 1)),
        ("year", date(2024, 1, 1)),
        ("decade", date(2020, 1, 1)),
    ],
)
def test_a_date_becomes_the_first_day_of_its_period(to, expected):
    leap_day = date(2024, 2, 29)
    moment = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)

    for kind in (pa.date32(), pa.date64()):
        assert values_of(pa.array([leap_day, None], kind), to=to) == [expected, None]
    for unit in ("s", "ms", "us", "ns"):
        (found,) = mask(pa.array([moment], pa.timestamp(unit)), to=to).cast(pa.timestamp("s"))
        assert found.as_py().isoformat() == f"{expected}T00:00:00"
    assert values_of(pa.array(["2024-02-29"]), to=to) == [str(expected)]


@given(column=times(pa.date32()), to=st.sampled_from(["month", "quarter", "year", "decade"]))
def test_only_dates_of_four_digit_years_have_periods(column, to):
    days = column.view(pa.int32()).to_pylist()

    for before, after in zip(days, values_of(column, to=to), strict=True):
        if before is None or not -719_162 <= before <= 2_932_896:
            assert after is None
            continue
        day = date(1970, 1, 1) + timedelta(before)
        months = {"month": 1, "quarter": 3, "year": 12, "decade": 120}[to]
        first = (12 * day.year + day.month - 1) // months * months
        assert after == (None if first < 12 else date(first // 12, first % 12 + 1, 1))


def test_a_timestamp_becomes_midnight_in_its_own_zone():
    # Late on the 31st in São Paulo, early on the 1st in Greenwich.
    moment = datetime(2024, 6, 1, 1, 30, tzinfo=UTC)
    here = datetime(2024, 5, 1, tzinfo=ZoneInfo(ZONE))

    assert values_of(pa.array([moment], pa.timestamp("us", ZONE)), to="month") == [here]
    assert values_of(pa.array([moment], pa.timestamp("us", "UTC")), to="month") == [
        datetime(2024, 6, 1, tzinfo=UTC)
    ]


def test_a_day_without_midnight_begins_later():
    # The clocks of Asunción were put forward at midnight of 1 October 2017.
    zone = "America/Asuncion"
    moment = datetime(2017, 10, 9, 12, tzinfo=UTC)

    (found,) = values_of(pa.array([moment], pa.timestamp("us", zone)), to="month")

    assert found == datetime(2017, 10, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1990-12-31", "1990-10-01"),
        ("1990-12-31 23:59", "1990-10-01 00:00"),
        ("1990-12-31T23:59:59.123456", "1990-10-01T00:00:00.000000"),
        ("1990-12-31 23:59:59,5Z", "1990-10-01 00:00:00,0Z"),
        ("1990-12-31 23:59:59+05:30", "1990-10-01 00:00:00+05:30"),
        ("2000-02-29", "2000-01-01"),
        ("1900-02-29", "[X]"),
        ("1990-00-01", "[X]"),
        ("1990-13-01", "[X]"),
        ("1990-01-00", "[X]"),
        ("1990-04-31", "[X]"),
        ("0000-05-05", "[X]"),
        ("1990-1-1", "[X]"),
        ("1990-01-01 24:00", "[X]"),
        ("1990-01-01 ", "[X]"),
        ("1990-01-01\n", "[X]"),
        (" 1990-01-01", "[X]"),
        ("01/02/1990", "[X]"),
        ("born 1990-01-01", "[X]"),
        ("", "[X]"),
    ],
)
def test_a_date_in_text_keeps_its_form(text, expected):
    assert values_of(pa.array([text]), to="quarter") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("94110", "94100"),
        ("94100", "94100"),
        ("02139-4307", "02100"),
        ("021394307", "02100"),
        ("02139 4307", "02100"),
        ("94110  ", "94100"),
        ("03601", "00000"),
        ("00000", "00000"),
        ("83001", "00000"),
        ("75398-0001", "00000"),
        ("9411", "[X]"),
        ("941", "[X]"),
        ("94110-", "[X]"),
        ("SW1A 1AA", "[X]"),
        ("\N{ARABIC-INDIC DIGIT NINE}4110", "[X]"),
        ("", "[X]"),
    ],
)
def test_a_post_code_becomes_its_area(text, expected):
    assert values_of(pa.array([text]), zip=3) == [expected]


def test_a_post_code_that_is_a_number_becomes_null():
    assert values_of(pa.array([94110]), zip=3) == [None]


@pytest.mark.parametrize("kind", [*INTEGERS, *UNSIGNED, *FLOATS, *DECIMALS])
def test_ages_over_89_become_90(kind):
    ages = [0, 18, 89, 90, 91, 119, None]
    make = float if kind in FLOATS else Decimal if kind in DECIMALS else int
    column = pa.array([None if age is None else make(age) for age in ages], kind)

    assert values_of(column, age=89) == [0, 18, 89, 90, 90, 90, None]


def test_an_age_between_two_years_is_over_the_lower_one():
    assert values_of(pa.array([89.5, -0.0]), age=89) == [90, 0]
    assert values_of(pa.array([Decimal("89.5")], pa.decimal128(3, 1)), age=89) == [90]


def test_what_is_no_age_becomes_null():
    assert values_of(pa.array([-1, 5]), age=89) == [None, 5]
    assert values_of(pa.array([-1.0, float("nan"), float("inf")]), age=89) == [None] * 3
    assert values_of(pa.array([date(1920, 1, 1)]), age=89) == [None]
    assert values_of(pa.array(["95"]), age=89) == ["[X]"]
    # 100 has more digits than the type has room for.
    assert values_of(pa.array([Decimal("99.5")], pa.decimal128(3, 1)), age=99) == [None]


@given(
    addresses=st.lists(st.none() | st.ip_addresses(), max_size=6),
    bits=st.integers(1, 31),
    ipv6_bits=st.integers(1, 64),
    data=st.data(),
)
@settings(max_examples=300)
def test_an_address_becomes_that_of_its_network(addresses, bits, ipv6_bits, data):
    def spelt(address):
        if address is None:
            return None
        forms = [str(address), address.exploded, f"{address}/{address.max_prefixlen}"]
        if address.version == 6:
            groups = address.exploded.split(":")
            tail = ipaddress.IPv4Address(int("".join(groups[6:]), 16))
            forms += [address.exploded.upper(), f"{':'.join(groups[:6])}:{tail}"]
        return data.draw(st.sampled_from(forms))

    found = values_of(
        pa.array([spelt(each) for each in addresses], pa.string()), ip=bits, ip6=ipv6_bits
    )

    assert found == [
        address
        and str(
            ipaddress.ip_network(
                (address, bits if address.version == 4 else ipv6_bits), strict=False
            ).network_address
        )
        for address in addresses
    ]


pieces = st.sampled_from(["::", ":", ".", "/", "0", "ffff", "1.2.3.4", "255", "/64", "12345"])
address_like = st.lists(pieces | st.just("1:"), max_size=12).map("".join)


@given(text=address_like | st.text("0123456789abcdefF:./", max_size=42))
@settings(max_examples=1000)
def test_only_what_is_an_address_is_taken_for_one(text):
    (found,) = values_of(pa.array([text]), ip=24)

    head, _, length = text.partition("/")
    try:
        address = ipaddress.ip_address(head)
        right = "/" not in text or (
            length.isdigit() and str(int(length)) == length and int(length) <= address.max_prefixlen
        )
    except ValueError:
        right = False
    assert (found != "[X]") == right


@pytest.mark.parametrize(
    "text",
    [
        "192.168.1",
        "192.168.1.256",
        "192.168.01.1",
        "192.168.1.1/33",
        "192.168.1.1:80",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:12345678",
        "1:2:3:4:5:6:7:8::",
        "fe80::1%eth0",
        "::/129",
        "::1.2.3",
        " ::1",
        "",
    ],
)
def test_what_is_no_address_is_redacted(text):
    assert values_of(pa.array([text]), ip=24) == ["[X]"]


def test_48_bits_of_an_address_of_ipv6_stay_unless_told():
    column = pa.array(["2001:db8:abcd:12::1", "::ffff:192.168.1.1"])

    assert values_of(column, ip=24) == ["2001:db8:abcd::", "::"]
    assert values_of(column, ip=24, ip6=32) == ["2001:db8::", "::"]


def test_coordinates_are_rounded_to_a_grid():
    assert values_of(pa.array([52.5163, -13.3777, 0.25, -0.01]), decimals=1) == [
        52.5,
        -13.4,
        0.2,
        0.0,
    ]
    exact = pa.array([Decimal("52.516300"), Decimal("-0.050000")], pa.decimal128(9, 6))
    assert values_of(exact, decimals=1) == [Decimal("52.500000"), Decimal("0.000000")]
    assert values_of(pa.array([52.5163, -0.2]), decimals=0) == [53.0, 0.0]


def test_coordinates_without_more_places_become_null():
    assert values_of(pa.array([525_163_000]), decimals=1) == [None]
    assert values_of(pa.array([Decimal("52.5")], pa.decimal128(3, 1)), decimals=1) == [None]
    assert values_of(pa.array([1e300, float("inf")]), decimals=1) == [None, None]
    assert values_of(pa.array([Decimal("9.99")], pa.decimal128(3, 2)), decimals=1) == [None]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_documents_and_free_text_are_redacted_whole(options):
    for label in (JSON, FREE_TEXT):
        assert values_of(pa.array(['{"born": "1990-01-01"}']), label=label, **options) == [
            f"[{label}]"
        ]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        *((options, 0) for options in WAYS),
        ({}, 1),
        ({"step": 10, "to": "year"}, 1),
        ({"colour": "red", "step": 10}, 1),
        ({"ip6": 48}, 2),
        ({"step": 0}, 1),
        ({"step": -5}, 1),
        ({"step": 0.0000001}, 1),
        ({"step": 1e13}, 1),
        ({"step": float("nan")}, 1),
        ({"step": float("inf")}, 1),
        ({"step": True}, 1),
        ({"step": "10"}, 1),
        ({"to": "week"}, 1),
        ({"to": 7}, 1),
        ({"zip": 5}, 1),
        ({"zip": "3"}, 1),
        ({"age": 0}, 1),
        ({"age": 89.5}, 1),
        ({"ip": 0}, 1),
        ({"ip": 32}, 1),
        ({"ip": 24, "ip6": 65}, 1),
        ({"decimals": -1}, 1),
        ({"decimals": 7}, 1),
    ],
)
def test_wrong_options_get_a_sentence_each(options, count):
    problems = MASKER.check(options)

    assert len(problems) == count
    assert all(problem.endswith(".") and "generalize" in problem for problem in problems)
    assert not any("1e" in problem or "nan" in problem for problem in problems)


@pytest.mark.parametrize("kind", Kind)
def test_only_nulls_of_text_are_promised(kind):
    traits = MASKER.traits({"step": 10}, kind)

    assert traits.keeps_nulls == (kind is Kind.TEXT)
    assert not traits.injective
    assert not traits.minimum_group
