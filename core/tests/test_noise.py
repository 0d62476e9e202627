import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._maskers.noise import NoiseMasker
from maskline.model import Kind, Label
from maskline.testing import MemoryContext, check_masker

MASKER = NoiseMasker()
INTEGERS = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
]
DECIMALS = [
    *(pa.decimal32(9, 2), pa.decimal64(18, 4), pa.decimal128(5, 2), pa.decimal128(38, 10)),
    *(pa.decimal128(38, 0), pa.decimal128(38, 38), pa.decimal256(38, 6)),
]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
REACHES = [{}, {"percent": 1}, {"percent": 50}, {"most": 7}, {"most": 0.5}, {"most": 10**12}]


def mask(column, label="FINANCIAL", **options):
    assert MASKER.check(options) == []
    return MASKER.mask(column, options=options, context=MemoryContext(Label(entity=label)))


def bounds(kind):
    if pa.types.is_decimal(kind):
        return -(10**kind.precision) + 1, 10**kind.precision - 1
    low = -(2 ** (kind.bit_width - 1)) if pa.types.is_signed_integer(kind) else 0
    return low, low + 2**kind.bit_width - 1


def decimal_of(unit, scale):
    return Decimal((int(unit < 0), tuple(map(int, str(abs(unit)))), -scale))


def exact_columns(kind):
    low, high = bounds(kind)
    near = st.integers(max(low, -300), min(high, 300))
    units = near | st.integers(low, high) | st.sampled_from([low, high])
    if pa.types.is_decimal(kind):
        units = units.map(lambda unit: decimal_of(unit, kind.scale))
    return st.lists(st.none() | units, max_size=6).map(lambda items: pa.array(items, kind))


def float_columns(kind):
    near = st.integers(-1000, 1000).map(lambda number: float(np.float16(number / 10)))
    values = near | st.floats(width=kind.bit_width)
    return st.lists(st.none() | values, max_size=6).map(lambda items: pa.array(items, kind))


def units_of(column):
    factor = 10 ** getattr(column.type, "scale", 0)
    return [
        value if value is None else int(Fraction(value) * factor) for value in column.to_pylist()
    ]


def is_contract_kept(column, masked, **options):
    masked.validate(full=True)
    twice = pa.concat_arrays([column, column])
    return (
        masked.type == column.type
        and len(masked) == len(column)
        and masked.filter(column.is_null()).null_count == column.null_count
        and mask(twice.slice(len(column)), **options).equals(masked)
        and mask(twice[:0], **options).equals(masked[:0])
    )


@pytest.mark.parametrize("options", [*REACHES, {"domain": "pay"}], ids=str)
def test_noise_keeps_the_contract_of_maskers(options):
    check_masker(MASKER, options=options)


@pytest.mark.parametrize("kind", [*INTEGERS, *DECIMALS], ids=str)
@given(data=st.data(), options=st.sampled_from(REACHES))
@settings(max_examples=60)
def test_exact_numbers_get_noise_within_reach_and_never_none(kind, data, options):
    column = data.draw(exact_columns(kind))
    low, high = bounds(kind)

    masked = mask(column, **options)

    assert is_contract_kept(column, masked, **options)
    for before, after in zip(units_of(column), units_of(masked), strict=True):
        if before is None:
            continue
        if "most" in options:
            reach = int(Fraction(str(options["most"])) * 10 ** getattr(kind, "scale", 0))
        else:
            reach = abs(before) * options.get("percent", 10) // 100
        if after is None:
            assert reach == 0 or before - reach < low or before + reach > high
        else:
            assert 1 <= abs(after - before) <= reach


@pytest.mark.parametrize("kind", FLOATS, ids=str)
@given(data=st.data(), options=st.sampled_from(REACHES))
@settings(max_examples=200)
def test_floats_get_noise_within_reach_and_never_none(kind, data, options):
    column = data.draw(float_columns(kind))
    dtype = kind.to_pandas_dtype()

    masked = mask(column, **options)

    assert is_contract_kept(column, masked, **options)
    for before, after in zip(column.to_pylist(), masked.to_pylist(), strict=True):
        if before is None or not math.isfinite(before):
            assert after is None
            continue
        reach = float(options.get("most", abs(before) * (options.get("percent", 10) / 100)))
        if after is None:
            # The type ends there, or nothing is within reach.
            is_far = abs(before) + reach > float(np.finfo(dtype).max)
            beside = np.nextafter(dtype(abs(before)), dtype(0))
            assert is_far or reach < 2 * (abs(before) - float(beside) or np.spacing(dtype(0)))
        else:
            assert after != before
            assert abs(after - before) <= reach


@given(values=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=6))
def test_equal_values_of_a_domain_get_equal_noise(values):
    column = pa.array([*values, *values])

    masked = mask(column, label="PAY", domain="money").to_pylist()

    assert masked[: len(values)] == masked[len(values) :]
    assert masked == mask(column.cast(pa.int32()), label="FEE", domain="money").to_pylist()


def test_zero_has_one_noise_whatever_its_sign():
    masked = mask(pa.array([0.0, -0.0]), most=5).to_pylist()

    assert masked[0] == masked[1] != 0


def test_domains_and_reaches_have_noise_of_their_own():
    column = pa.array(range(10**6, 10**6 + 50))
    tenth = np.array(mask(column).to_pylist()) - np.array(column)
    fifth = np.array(mask(column, percent=20).to_pylist()) - np.array(column)
    other = np.array(mask(column, domain="other").to_pylist()) - np.array(column)

    for noise in (fifth, fifth / 2, other):
        assert np.count_nonzero(np.abs(noise - tenth) < 2) < 3


def test_all_of_the_reach_is_used_both_ways_alike():
    column = pa.array(range(10**6, 10**6 + 20_000))

    noise = np.array(mask(column, most=4).to_pylist()) - np.array(column)

    sizes, counts = np.unique(noise, return_counts=True)
    assert sizes.tolist() == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert counts.min() > 2200
    assert counts.max() < 2800


def test_noise_of_floats_is_even_over_all_of_the_reach():
    values = np.random.default_rng(1).uniform(100, 200, 20_000)

    noise = np.array(mask(pa.array(values), percent=50).to_pylist()) / values - 1

    assert abs(noise.mean()) < 0.01
    assert abs(noise[noise > 0].mean() - 0.25) < 0.01
    assert abs(noise[noise < 0].mean() + 0.25) < 0.01
    assert np.abs(noise).max() > 0.499


def test_what_has_no_room_becomes_null():
    assert mask(pa.array([0, 3, -9])).null_count == 3
    assert mask(pa.array([0.0, 5e-324])).null_count == 2
    assert mask(pa.array([Decimal("0.09")], pa.decimal128(5, 2))).null_count == 1
    assert mask(pa.array([1e300]), most=1).null_count == 1
    assert mask(pa.array([1, 2]), most=0.5).null_count == 2


def test_what_would_leave_its_type_becomes_null():
    column = pa.array([255, 0], pa.uint8())
    found = {
        tuple(mask(column, most=1, domain=f"domain{number}").to_pylist()) for number in range(64)
    }

    assert found == {(254, 1), (254, None), (None, 1), (None, None)}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([True]),
        pa.array([b"1"]),
        pa.array([1], pa.date32()),
        pa.array([1], pa.timestamp("us")),
        pa.array([1], pa.duration("s")),
        pa.array([[1]]),
        pa.array([Decimal(1)], pa.decimal256(60, 2)),
        pa.array([Decimal(100)], pa.decimal128(4, -2)),
    ],
    ids=lambda column: str(column.type),
)
def test_what_is_no_number_becomes_null(column):
    assert mask(column).equals(pa.nulls(1, column.type))


def test_text_is_redacted_whatever_it_holds():
    assert mask(pa.array(["100", None, ""])).to_pylist() == ["[FINANCIAL]", None, "[FINANCIAL]"]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 0),
        ({"percent": 50, "domain": "pay"}, 0),
        ({"most": 0.000001}, 0),
        ({"percent": 0}, 1),
        ({"percent": 51}, 1),
        ({"percent": 2.5}, 1),
        ({"percent": True}, 1),
        ({"most": 0}, 1),
        ({"most": -1}, 1),
        ({"most": 0.0000001}, 1),
        ({"most": "5"}, 1),
        ({"most": float("inf")}, 1),
        ({"percent": 5, "most": 5}, 1),
        ({"domain": ""}, 1),
        ({"colour": "red"}, 1),
    ],
)
def test_wrong_options_get_a_sentence_each(options, count):
    problems = MASKER.check(options)

    assert len(problems) == count
    assert all(problem.endswith(".") and "mask noise" in problem for problem in problems)


@pytest.mark.parametrize("kind", Kind)
def test_only_nulls_of_text_are_promised(kind):
    traits = MASKER.traits({}, kind)

    assert traits.keeps_nulls == (kind is Kind.TEXT)
    assert not traits.injective
