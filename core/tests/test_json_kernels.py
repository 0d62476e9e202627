"""Documents taken apart and written again, by the compiled kernel and by its twin."""

import json
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._kernels import NodeKind, _json, native, read_json, repeated_keys, write_json

READ = [
    "1",
    '"a"',
    " [ 1 , 2 ,{ } , [ ] ] ",
    "\t\r\n[true,false,null]\n",
    '{"a":{"b":[1,{"c":"d"}],"e":{}},"f":[[],[[]]]}',
    "[-0,0.0,1E+5,1e-05,-12.5e3,12345678901234567890]",
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u00e9\\u4e2d\\ud83d\\ude00"',
    '"\x7f é 山 😀"',
    '{"":1,"é":2,"\\u00e8":3}',
    '["\\\\ud800","\\\\"]',
    "[" * 101 + "]" * 101,
    "[" * 100 + "1" + "]" * 100,
    '{"a":' * 100 + "1" + "}" * 100,
]
REFUSED = [
    *("", " ", "ada", "{", "}", "[", "]", '"', "-", ".5", "01", "1.", "1e", "1e+", "+1", "0x1"),
    *("[1,]", "[,1]", "[1 2]", "[1}", "{]", "[}", '{"a"}', '{"a":}', '{"a":1,}', "{,}", "{1:2}"),
    *('{"a" 1}', '{"a":1 "b":2}', '{"a":1]', "1 2", "[] x", "tru", "nulll", "NaN", "-Infinity"),
    *('"a\nb"', '"\x00"', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\', '"\\"', "\ufeff1", "\xa01"),
    *('"\\ud800"', '"\\udc00"', '"\\ud83d\\u0041"', '"\\ud83dx"', '{"\\uDC00":1}', "'a'", "/**/1"),
    *('{"a":1,"a":2}', '[{"a":1,"\\u0061":2}]'),
    *("[" * 102 + "]" * 102, "[" * 101 + "1" + "]" * 101, "[" * 100_000, '{"a":' * 101 + "1"),
]

characters = st.characters(exclude_categories=["Cs"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(characters),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(characters), inner),
    max_leaves=8,
)
documents = st.builds(
    lambda value, is_ascii, indent: json.dumps(value, ensure_ascii=is_ascii, indent=indent),
    values.filter(lambda value: value not in (float("inf"), -float("inf"))),
    st.booleans(),
    st.sampled_from([None, 1]),
)
pieces = st.sampled_from(['"', "\\", "{", "}", "[", "]", ",", ":", "1", "e", "-", "\\u00e9", "é"])
broken = st.builds(
    lambda text, piece, at, count: text[:at] + piece + text[at + count :],
    documents,
    pieces,
    st.integers(0, 30),
    st.integers(0, 2),
)
columns = st.lists(st.none() | documents | broken | st.sampled_from(READ + REFUSED), max_size=5)


def column_of(texts):
    return pa.array(["[1]", *texts, "{}"], pa.string()).slice(1, len(texts))


def written(nodes):
    return write_json(kinds=nodes.kinds, ends=nodes.ends, texts=nodes.texts, edges=nodes.edges)


@pytest.mark.parametrize("text", READ)
def test_a_document_says_the_same_after_it_was_written_again(text):
    nodes = read_json(column_of([text]))

    assert nodes.is_read.tolist() == [True]
    (again,) = written(nodes).to_pylist()
    assert json.loads(again) == json.loads(text)


def test_numbers_keep_their_spelling_and_strings_have_only_the_escapes_they_need():
    numbers = "[-0,0.0,1E+5,1e-05,-12.5e3,12345678901234567890]"
    string = '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7fé山😀"'

    assert written(read_json(column_of([numbers, string]))).to_pylist() == [numbers, string]


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_read_in_only_one_way_is_not_read(text):
    assert read_json(column_of([text])).is_read.tolist() == [False]


def test_null_is_no_document_and_no_documents_have_no_nodes():
    assert read_json(column_of([None])).is_read.tolist() == [False]
    nothing = read_json(column_of([]))
    assert len(nothing.kinds) == len(written(nothing)) == 0


def test_nodes_stand_in_the_order_of_the_text():
    nodes = read_json(column_of(["x", '{"a": [true, {}], "b": null}']))

    kinds = ["OBJECT", "KEY", "LIST", "TRUE", "OBJECT", "KEY", "NULL"]
    assert [NodeKind(kind).name for kind in nodes.kinds] == kinds
    assert nodes.texts.to_pylist() == ["", "a", "", "true", "", "b", "null"]
    assert nodes.parents.tolist() == [-1, 0, 1, 2, 2, 0, 5]
    assert nodes.places.tolist() == [0, 0, 0, 0, 1, 1, 0]
    assert nodes.depths.tolist() == [0, 1, 2, 3, 3, 1, 2]
    assert nodes.ends.tolist() == [7, 5, 5, 4, 5, 7, 7]
    assert nodes.edges.tolist() == [0, 0, 7]


def test_what_lay_inside_a_list_that_became_a_string_is_left_out():
    nodes = read_json(column_of(['{"a": [1, [2]], "b": 3}']))
    nodes.kinds[2] = NodeKind.STRING

    assert written(nodes).to_pylist() == ['{"a":"","b":3}']


def test_keys_are_repeated_within_their_object_only():
    is_repeated = repeated_keys(
        np.array([0, 0, 0, 5, 5], np.int32), pa.array(["a", "b", "a", "a", "b"])
    )

    assert is_repeated.tolist() == [True, False, True, False, False]


@pytest.mark.skipif(native is None, reason="The kernels are not compiled.")
@given(columns)
@settings(max_examples=300)
def test_the_compiled_kernel_and_its_twin_agree(texts):
    column = column_of(texts)

    one, text = read_json(column), written(read_json(column))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "native", None)
        other, text_of_twin = read_json(column), written(read_json(column))

    for name in ("kinds", "depths", "parents", "places", "ends", "edges", "is_read"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
    assert one.texts.equals(other.texts)
    assert text.equals(text_of_twin)
    text.validate(full=True)


@pytest.mark.skipif(native is None, reason="The kernels are not compiled.")
def test_the_compiled_kernel_refuses_buffers_that_do_not_fit():
    offsets, data = np.array([0, 3]), np.frombuffer(b"[1]", np.uint8)
    fitting = [np.empty(2, np.uint8), np.empty(2, np.uint8), *np.empty((3, 2), np.int32)]
    fitting += [np.empty(3, np.int32), np.empty(3, np.uint8), np.empty(2, np.int64)]

    assert native.json_read(offsets, data, *fitting) == (2, 1)
    for place in range(len(fitting)):
        short = [buffer[:-1] if at == place else buffer for at, buffer in enumerate(fitting)]
        with pytest.raises(ValueError, match="has not the size"):
            native.json_read(offsets, data, *short)
    # With room for too few nodes, the document counts as one that cannot be read.
    few = [buffer[:1] if at < 5 else buffer for at, buffer in enumerate(fitting)]
    few[5] = few[5][:2]
    assert native.json_read(offsets, data, *few) == (0, 0)
    with pytest.raises(ValueError, match="do not rise"):
        native.json_write(
            fitting[0], fitting[4], np.array([0, 0, 1]), data, np.array([0, 9]), offsets, data
        )
    deep = np.zeros(200, np.uint8)
    with pytest.raises(ValueError, match="no documents"):
        native.json_write(
            deep,
            np.full(200, 200, np.int32),
            np.zeros(201, np.int64),
            b"",
            np.array([0, 200]),
            np.empty(2, np.int64),
            np.empty(0, np.uint8),
        )


@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: '"' + "\\u00e9" * (size // 6) + '"',
        lambda size: '"' + "\\" * size,
        lambda size: "[" + "1," * (size // 2) + "1]",
        lambda size: "[" * 100 + "1e" * size,
        lambda size: "{" + ",".join(f'"{n}":{{}}' for n in range(size // 10)) + "}",
    ],
)
def test_reading_takes_time_in_proportion_to_the_size(hostile):
    def seconds(size):
        column = pa.array([hostile(size)] * 4)
        begin = time.process_time()
        read_json(column)
        return time.process_time() - begin

    small = min(seconds(20_000) for _ in range(3))

    assert min(seconds(200_000) for _ in range(3)) < 40 * small + 0.02
