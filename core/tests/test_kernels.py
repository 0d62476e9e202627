import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline._kernels import _buffers, _ends, extract, keep_ends, native, splice
from maskline.model import Spans

# Surrogates are no characters, and cannot be written as UTF-8.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
COLUMN = st.lists(st.none() | TEXT, max_size=8)


def text(values):
    return pa.array(values, pa.string())


def spans(*triples):
    rows, starts, ends = np.array(triples, np.int64).reshape(-1, 3).T
    return Spans(
        rows=rows,
        starts=starts,
        ends=ends,
        entities=np.zeros(len(rows), np.int32),
        scores=np.ones(len(rows), np.float32),
        names=("X",),
    )


def sliced(values):
    """A slice whose parent has other text on both sides."""
    return text(["hidden é", None, *values, "hidden", None]).slice(2, len(values))


def with_bytes_under_null():
    """A column whose null has bytes of its own, which Arrow allows."""
    edges = pa.py_buffer(np.array([0, 2, 8, 10], np.int32))
    valid = pa.py_buffer(np.packbits([True, False, True], bitorder="little"))
    return pa.StringArray.from_buffers(3, edges, pa.py_buffer(b"abSECRETcd"[:10]), valid)


def reaches(column, needle):
    return any(needle in buffer.to_pybytes() for buffer in column.buffers() if buffer is not None)


@st.composite
def spliced(draw):
    """A column, spans in it, their replacements, and what a naive splice makes of them."""
    values = draw(COLUMN)
    triples, replacements, expected, stretches = [], [], [], []
    for row, value in enumerate(values):
        if value is None:
            expected.append(None)
            continue
        cuts = sorted(draw(st.sets(st.integers(0, len(value)), max_size=4)))
        done, out = 0, ""
        for begin, end in zip(cuts[::2], cuts[1::2], strict=False):
            start = len(value[:begin].encode())
            triples.append((row, start, start + len(value[begin:end].encode())))
            stretches.append(value[begin:end])
            replacements.append(draw(TEXT))
            out += value[done:begin] + replacements[-1]
            done = end
        expected.append(out + value[done:])
    return values, spans(*triples), replacements, expected, stretches


@given(spliced(), st.sampled_from([text, sliced]))
def test_splice_and_extract_agree_with_a_naive_reference(case, build):
    values, found, replacements, expected, stretches = case
    column = build(values)

    result = splice(column, found, lambda _: text(replacements))
    taken = extract(column, found)

    result.validate(full=True)
    taken.validate(full=True)
    assert result.to_pylist() == expected
    assert taken.to_pylist() == stretches
    assert result.type == taken.type == pa.string()


def test_extract_takes_spans_in_any_order_even_if_they_overlap():
    found = spans((1, 0, 2), (0, 1, 3), (0, 0, 2))

    assert extract(text(["abc", "de"]), found).to_pylist() == ["de", "bc", "ab"]


@pytest.mark.parametrize(
    ("triple", "reason"),
    [
        ((-1, 0, 1), "row"),
        ((4, 0, 1), "row"),
        ((2**62, 0, 1), "row"),
        ((0, -1, 1), "leaves"),
        ((0, 0, 4), "leaves"),
        ((0, 2, 1), "empty"),
        ((0, 1, 1), "empty"),
        ((0, 2**63 - 2, 2**63 - 1), "leaves"),
        ((1, 0, 1), "leaves"),
        ((2, 0, 1), "cuts"),
        ((2, 1, 2), "cuts"),
        ((3, 0, 1), "leaves"),
    ],
)
def test_a_bad_span_is_refused_without_reading_beyond_its_row(triple, reason):
    column = sliced(["abc", None, "é", ""])

    with pytest.raises(ValueError, match=reason):
        extract(column, spans(triple))
    with pytest.raises(ValueError, match=reason):
        splice(column, spans(triple), lambda _: text(["-"]))


@pytest.mark.parametrize(
    "found",
    [spans((0, 0, 2), (0, 1, 3)), spans((0, 2, 3), (0, 0, 1)), spans((1, 0, 1), (0, 0, 1))],
    ids=["overlap", "starts", "rows"],
)
def test_splice_refuses_spans_out_of_order(found):
    with pytest.raises(ValueError, match="overlap"):
        splice(text(["abc", "abc"]), found, lambda _: text(["-", "-"]))


@pytest.mark.parametrize("replacements", [[], ["-", "-"], [None]])
def test_splice_refuses_replacements_that_do_not_fit(replacements):
    with pytest.raises(ValueError, match="replacement"):
        splice(text(["abc"]), spans((0, 0, 1)), lambda _: text(replacements))


def test_spans_of_unequal_parts_are_refused():
    found = spans((0, 0, 1))
    uneven = Spans(
        rows=found.rows,
        starts=np.zeros(2, np.int64),
        ends=found.ends,
        entities=found.entities,
        scores=found.scores,
        names=found.names,
    )

    with pytest.raises(ValueError, match="length"):
        extract(text(["abc"]), uneven)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["abc"], pa.large_string()),
        pa.array([b"abc"], pa.binary()),
        pa.Array.from_buffers(
            pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"a\xff")]
        ),
        pa.Array.from_buffers(
            pa.string(), 2, [None, pa.py_buffer(np.array([0, 9, 2], np.int32)), pa.py_buffer(b"ab")]
        ),
    ],
    ids=["large", "binary", "no UTF-8", "offset beyond the data"],
)
def test_what_is_not_sound_text_is_refused(column):
    nothing = spans()

    with pytest.raises(ValueError, match="sound") as caught:
        splice(column, nothing, lambda _: text([]))
    assert caught.value.__context__ is None
    with pytest.raises(ValueError, match="sound"):
        keep_ends(column, last=1)


def test_a_result_of_two_gigabytes_is_refused_before_it_is_built(monkeypatch):
    monkeypatch.setattr(_buffers, "_MOST_BYTES", 5)

    with pytest.raises(ValueError, match="smaller batches"):
        splice(text(["abc"]), spans((0, 0, 1)), lambda _: text(["123456"]))
    with pytest.raises(ValueError, match="smaller batches"):
        extract(text(["abc"]), spans((0, 0, 3), (0, 0, 3)))


def test_bytes_outside_a_slice_or_under_a_null_cannot_be_reached_through_a_result():
    column, hidden = sliced(["abc", None]), with_bytes_under_null()
    nothing = spans()

    for result in (
        splice(column, nothing, lambda _: text([])),
        keep_ends(column, last=1),
        extract(column, spans((0, 0, 1))),
    ):
        assert not reaches(result, b"hidden")
    for result in (splice(hidden, nothing, lambda _: text([])), keep_ends(hidden, last=1)):
        assert not reaches(result, b"SEC")
    assert splice(hidden, spans((2, 0, 1)), lambda _: text(["-"])).to_pylist()[:2] == ["ab", None]


@pytest.mark.parametrize(
    ("value", "first", "last", "expected"),
    [
        ("4111 1111 1111 1234", 0, 4, "**** **** **** 1234"),
        ("078-05-1120", 0, 4, "***-**-1120"),
        ("Lovelace", 1, 0, "L*******"),
        ("Lovelace", 2, 2, "Lo****ce"),
        ("12345678", 0, 4, "****5678"),
        ("1234567", 0, 4, "*******"),
        ("1234", 0, 4, "****"),
        ("a", 1, 0, "*"),
        ("", 0, 4, ""),
        ("Zoë Müller", 1, 1, "Z** *****r"),
        ("山田太郎", 1, 0, "山***"),
        ("𐎀𐎁😀𐎂𐎃", 1, 0, "𐎀*😀**"),
        ("e\u0301e\u0301", 0, 1, "***\u0301"),
        ("a\0b\0c\0d", 0, 1, "*\0*\0*\0d"),
        ("-- !", 0, 4, "****"),
        ("😀😀", 0, 4, "**"),
        ("\U000e0fffab", 0, 1, "**b"),
        ("****1234", 0, 4, "****1234"),
    ],
)
def test_keep_ends_hides_the_middle(value, first, last, expected):
    column = sliced([value, None, value])

    result = keep_ends(column, first=first, last=last)

    assert result.to_pylist() == [expected, None, expected]


def test_keep_ends_fills_with_another_character():
    assert keep_ends(text(["a-bcdé"]), last=1, fill=b"#").to_pylist() == ["#-###é"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"first": -1},
        {"last": -1},
        {"fill": b""},
        {"fill": b"**"},
        {"fill": b"x"},
        {"fill": b"\xff"},
    ],
)
def test_keep_ends_refuses_senseless_arguments(arguments):
    with pytest.raises(ValueError, match="fill"):
        keep_ends(text(["abc"]), **arguments)


@given(COLUMN, st.integers(0, 3), st.integers(0, 3), st.sampled_from([text, sliced]))
def test_keep_ends_never_shows_more_than_half_and_settles_at_once(values, first, last, build):
    result = keep_ends(build(values), first=first, last=last)

    result.validate(full=True)
    assert keep_ends(result, first=first, last=last).equals(result)
    for before, after in zip(values, result.to_pylist(), strict=True):
        assert (before is None) == (after is None)
        if before and "*" not in before:
            assert len(after) == len(before)
            assert after != before
            letters = sum(map(str.isalnum, before))
            shown = sum(map(str.isalnum, after))
            marks = len(before) - letters
            assert shown <= min(first + last, (letters + marks) // 2)


@given(COLUMN)
def test_the_kernels_treat_each_row_alone(values):
    whole = keep_ends(text(values), first=1, last=1)
    alone = [keep_ends(text([value]), first=1, last=1)[0].as_py() for value in values]

    assert whole.to_pylist() == alone


def twins(monkeypatch, module, call):
    """Return what the compiled kernel gives, and what its twin does."""
    if native is None:
        pytest.skip("the kernels are not compiled")
    compiled = call()
    with monkeypatch.context() as patch:
        patch.setattr(module, "native", None)
        return compiled, call()


WIDE = [chr(point) for point in (*range(0x20, 0x80), 0xE9, 0x301, 0x5C71, 0x2014, 0x10380, 0x1F600)]


@pytest.mark.parametrize("seed", range(20))
def test_compiled_ends_are_those_of_the_twin(monkeypatch, seed):
    random = np.random.default_rng(seed)
    values = [
        None if random.random() < 0.1 else "".join(random.choice(WIDE, random.integers(0, 12)))
        for _ in range(200)
    ]
    first, last = random.integers(0, 4, 2).tolist()
    fill = random.choice([b"*", b"#", b" "])

    compiled, twin = twins(
        monkeypatch, _ends, lambda: keep_ends(sliced(values), first=first, last=last, fill=fill)
    )

    assert compiled.equals(twin)


@pytest.mark.parametrize("seed", range(20))
def test_compiled_stretches_are_those_of_the_twin(monkeypatch, seed):
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, int(random.integers(0, 500)), dtype=np.uint8)
    edges = np.sort(random.integers(0, len(data) + 1, (30, 2)), axis=1)
    begins, ends = edges[:, 0], edges[:, 1]

    compiled, twin = twins(monkeypatch, _buffers, lambda: _buffers.gather(data, begins, ends))

    assert compiled.tobytes() == twin.tobytes()


@pytest.mark.parametrize(("begin", "end"), [(-1, 1), (0, 4), (2, 1)])
def test_a_stretch_that_leaves_the_data_is_refused(begin, end):
    if native is None:
        pytest.skip("the kernels are not compiled")
    out = np.zeros(max(end - begin, 0), np.uint8)

    with pytest.raises(ValueError, match="stretch"):
        native.gather(b"abc", np.array([begin]), np.array([end]), out)
