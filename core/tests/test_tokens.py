import hashlib
import hmac
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._kernels import sha256
from maskline.errors import MaskingError
from maskline.roles import Tokenizer
from maskline.tokens import TOKEN_REGEX, DomainTokenizer, HmacPads, Keyring, formats, is_token_text
from maskline.tokens._secret import Secret
from maskline.tokens.prf import hmac_sha256_rows

KEYRING = Keyring.generate()
EMAILS = KEYRING.tokenizer("EMAIL_ADDRESS", slug="email")
TOKEN = EMAILS.text(pa.array(["ada"]))[0].as_py()
TOKEN_AT_DOMAIN = EMAILS.email(pa.array(["ada@example.com"]))[0].as_py()
WRONG_CHECK = TOKEN[:-2] + f"{int(TOKEN[-2:], 16) ^ 1:02x}"

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "a", "b", TOKEN, TOKEN_AT_DOMAIN, WRONG_CHECK, f"{TOKEN}\n"]),
    st.emails(),
    st.from_regex(r"[ -~]{0,5}@[a-z0-9.-]{0,9}\.[a-z]{1,3}", fullmatch=True),
)
COLUMNS = st.lists(st.none() | TEXTS, max_size=30)
NUMBERS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=30)


def strings(values) -> pa.StringArray:
    return pa.array(values, pa.string())


def numbers(values) -> pa.Int64Array:
    return pa.array(values, pa.int64())


def reachable_bytes(column: pa.Array) -> bytes:
    return b"".join(buffer.to_pybytes() for buffer in column.buffers() if buffer is not None)


def test_a_text_token_is_slug_96_bits_and_check() -> None:
    assert re.fullmatch("email_[0-9a-f]{32}", TOKEN)
    assert hashlib.sha256(TOKEN[:-8].encode()).hexdigest()[:8] == TOKEN[-8:]


def test_an_address_keeps_its_domain_as_written() -> None:
    result = EMAILS.email(strings(["Ada@Example.COM"]))[0].as_py()

    token, domain = result.split("@")
    assert domain == "Example.COM"
    assert token == EMAILS.text(strings(["Ada@Example.COM"]))[0].as_py()


@pytest.mark.parametrize(
    "value",
    ["", "ada", "ada@", "@b.com", "a@b@c.com", "ada@localhost", "ada@10.0.0.1", "ada@b .com"],
)
def test_what_is_no_address_becomes_a_text_token(value: str) -> None:
    assert EMAILS.email(strings([value])) == EMAILS.text(strings([value]))


def test_an_integer_token_is_60_bits() -> None:
    tokens = EMAILS.integer(numbers(range(1000))).to_pylist()

    assert min(tokens) >= 0
    assert 2**59 < max(tokens) < 2**60


def test_a_number_and_its_text_have_one_digest() -> None:
    text = EMAILS.text(strings(["-42"]))[0].as_py()

    assert EMAILS.integer(numbers([-42]))[0].as_py() == int(text[6:21], 16)


def test_domains_tenants_versions_and_keys_have_tokens_of_their_own() -> None:
    rotated = KEYRING.rotate()
    tokenizers = [
        EMAILS,
        KEYRING.tokenizer("PERSON", slug="email"),
        rotated.tokenizer("EMAIL_ADDRESS", slug="email"),
        Keyring.generate().tokenizer("EMAIL_ADDRESS", slug="email"),
        Keyring.generate("acme").tokenizer("EMAIL_ADDRESS", slug="email"),
    ]

    texts = [tokenizer.text(strings(["ada"]))[0].as_py() for tokenizer in tokenizers]
    integers = [tokenizer.integer(numbers([7]))[0].as_py() for tokenizer in tokenizers]

    assert len(set(texts)) == len(set(integers)) == len(tokenizers)


def test_a_retired_version_makes_the_tokens_it_made() -> None:
    old = KEYRING.rotate().tokenizer("EMAIL_ADDRESS", slug="email", version=1)

    assert old.text(strings(["ada"]))[0].as_py() == TOKEN


def test_slugs_change_only_the_beginning_and_the_check() -> None:
    other = KEYRING.tokenizer("EMAIL_ADDRESS", slug="x").text(strings(["ada"]))[0].as_py()

    assert other[2:-8] == TOKEN[6:-8]
    assert is_token_text(other)


def test_a_tokenizer_plays_its_role() -> None:
    tokenizer: Tokenizer = KEYRING.tokenizer("PERSON", slug="person")

    assert isinstance(tokenizer, DomainTokenizer)
    assert (tokenizer.domain, tokenizer.slug, tokenizer.version) == ("PERSON", "person", 1)
    assert repr(tokenizer) == "DomainTokenizer(domain='PERSON', slug='person', version=1)"


@given(COLUMNS)
def test_text_is_null_exactly_where_the_value_is_and_keeps_length_and_type(values) -> None:
    for mask in [EMAILS.text, EMAILS.email]:
        result = mask(strings(values))

        result.validate(full=True)
        assert result.type == pa.string()
        assert isinstance(result, pa.StringArray)
        assert [item is None for item in result.to_pylist()] == [item is None for item in values]


@given(NUMBERS)
def test_integer_is_null_exactly_where_the_value_is_and_keeps_length_and_type(values) -> None:
    result = EMAILS.integer(numbers(values))

    result.validate(full=True)
    assert result.type == pa.int64()
    assert isinstance(result, pa.Int64Array)
    assert [item is None for item in result.to_pylist()] == [item is None for item in values]


@given(COLUMNS)
def test_a_token_does_not_depend_on_its_neighbours(values) -> None:
    for mask in [EMAILS.text, EMAILS.email]:
        alone = [mask(strings([value]))[0].as_py() for value in values]

        assert mask(strings(values)).to_pylist() == alone


@given(COLUMNS)
def test_masking_twice_is_masking_once(values) -> None:
    others = KEYRING.tokenizer("PERSON", slug="person")
    for mask in [EMAILS.text, EMAILS.email]:
        once = mask(strings(values))

        for again in [EMAILS.text, EMAILS.email, others.text, others.email]:
            assert again(once) == once


@given(st.lists(TEXTS, unique=True, max_size=30))
def test_distinct_texts_have_distinct_tokens(values) -> None:
    for mask in [EMAILS.text, EMAILS.email]:
        assert len(mask(strings(values)).unique()) == len(values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=30))
def test_distinct_integers_have_distinct_tokens(values) -> None:
    assert len(EMAILS.integer(numbers(values)).unique()) == len(values)


@given(TEXTS)
def test_only_tokens_stay_as_they_are(value: str) -> None:
    for mask in [EMAILS.text, EMAILS.email]:
        result = mask(strings([value]))[0].as_py()

        assert (result == value) == is_token_text(value)
        assert is_token_text(result)


@given(NUMBERS)
def test_integers_do_not_depend_on_their_neighbours_and_agree_with_hmac(values) -> None:
    key = bytes(byte ^ 0x36 for byte in KEYRING.pads("EMAIL_ADDRESS").inner.reveal())

    expected = [
        None
        if value is None
        else int(hmac.new(key, str(value).encode(), "sha256").hexdigest()[:15], 16)
        for value in values
    ]

    assert EMAILS.integer(numbers(values)).to_pylist() == expected


@given(COLUMNS, st.integers(0, 10), st.integers(0, 20))
def test_slices_have_the_tokens_of_their_rows(values, start: int, length: int) -> None:
    column = strings(values)

    for mask in [EMAILS.text, EMAILS.email]:
        assert mask(column.slice(start, length)) == mask(column).slice(start, length)


@given(NUMBERS, st.integers(0, 10), st.integers(0, 20))
def test_slices_of_integers_have_the_tokens_of_their_rows(values, start: int, length: int) -> None:
    column = numbers(values)

    assert EMAILS.integer(column.slice(start, length)) == EMAILS.integer(column).slice(
        start, length
    )


def test_chunks_with_offsets_have_the_tokens_of_their_rows() -> None:
    values = ["ada", None, "", TOKEN, "ada@example.com"] * 20
    table = pa.table({"a": strings(values)}).slice(3, 90)

    parts = [
        EMAILS.email(batch.column(0)).to_pylist() for batch in table.to_batches(max_chunksize=7)
    ]

    assert list(chain.from_iterable(parts)) == EMAILS.email(strings(values)).to_pylist()[3:93]


@pytest.mark.parametrize("distinct", [1, 5, 300, 1500, 2500, 9000, 12_000])
@pytest.mark.parametrize("with_nulls", [False, True])
def test_how_often_values_repeat_does_not_matter(distinct: int, with_nulls: bool) -> None:
    rows = np.arange(12_000)
    ids = numbers(rows % distinct)
    if with_nulls:
        ids = pc.if_else(pa.array(rows % 3 == 0), pa.scalar(None, pa.int64()), ids)
    column = pc.binary_join_element_wise("user", ids.cast(pa.string()), "")
    key = bytes(byte ^ 0x36 for byte in KEYRING.pads("EMAIL_ADDRESS").inner.reveal())

    text, integers = EMAILS.text(column).to_pylist(), EMAILS.integer(ids).to_pylist()

    for row in range(0, len(rows), 97):
        value, number = column[row].as_py(), ids[row].as_py()
        if value is None:
            assert text[row] is None
            assert integers[row] is None
        else:
            digest = hmac.new(key, value.encode(), "sha256").hexdigest()
            assert text[row][:-8] == f"email_{digest[:24]}"
            digest = hmac.new(key, str(number).encode(), "sha256").hexdigest()
            assert integers[row] == int(digest[:15], 16)


@pytest.mark.parametrize(
    ("repeats", "expected"), [(1, False), (1.1, False), (2, True), (10, True), (1000, True)]
)
def test_equal_values_are_looked_for_only_where_it_pays(repeats: float, expected: bool) -> None:
    rows = 60_000
    for size in [rows, 1000]:
        order = np.random.default_rng(7).permutation(size) % int(size / repeats)

        assert formats._has_repeats(numbers(order)) is expected


@pytest.mark.parametrize("values", [[], [None], [None, None], [""], ["", ""], [TOKEN], [TOKEN] * 9])
def test_columns_without_a_byte_or_a_new_token_are_right(values) -> None:
    for mask in [EMAILS.text, EMAILS.email]:
        result = mask(strings(values))

        result.validate(full=True)
        assert [item is None for item in result.to_pylist()] == [item is None for item in values]
        assert len(result) == len(values)


def test_no_raw_byte_can_be_reached_through_a_result() -> None:
    data = b"canaryada@canary.example" + TOKEN.encode() + b"canary"
    edges = np.array([0, 6, 24, 24 + len(TOKEN), len(data)], np.int32)
    # Row 3 is null and hides bytes; row 0 is before the slice.
    bits = pa.py_buffer(bytes([0b0111]))
    column = pa.StringArray.from_buffers(4, pa.py_buffer(edges), pa.py_buffer(data), bits)

    for part in [column, column[1:], column[2:], column[2:3], column[3:], column[:0]]:
        for mask in [EMAILS.text, EMAILS.email]:
            result = mask(part)

            assert b"canaryada" not in reachable_bytes(result)
            assert b"ada@" not in reachable_bytes(result)
            assert not reachable_bytes(result).endswith(b"canary")
            assert len(result) == len(part)


def test_a_nul_character_is_a_character() -> None:
    values = ["", "\0", "a", "a\0", "a\0b", f"{TOKEN}\0", "ada\0@b.com"]

    tokens = EMAILS.text(strings(values)).to_pylist()

    assert len(set(tokens)) == len(values)
    assert EMAILS.email(strings(["ada\0@b.com"]))[0].as_py() == f"{tokens[-1]}@b.com"


def test_bytes_that_are_not_utf_8_are_hashed_as_they_are() -> None:
    edges = pa.py_buffer(np.array([0, 2, 10], np.int32))
    column = pa.StringArray.from_buffers(2, edges, pa.py_buffer(b"\xff\xfe\xff@b.com\xff"))

    result = EMAILS.email(column)

    result.validate(full=True)
    assert all(is_token_text(token) and "@" not in token for token in result.to_pylist())


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["canary"], pa.large_string()),
        pa.array([b"canary"]),
        pa.array(["canary"]).dictionary_encode(),
        pa.chunked_array([["canary"]]),
        pa.nulls(1),
        ["canary"],
    ],
)
def test_text_of_another_type_is_refused_without_its_values(column) -> None:
    for mask in [EMAILS.text, EMAILS.email]:
        with pytest.raises(MaskingError, match="Tokens are made of a StringArray") as caught:
            mask(column)

        assert "canary" not in str(caught.value)
        assert caught.value.__context__ is None


def test_integers_of_another_type_are_refused() -> None:
    for kind in [pa.int32(), pa.uint64(), pa.float64(), pa.string()]:
        with pytest.raises(MaskingError, match=f"the column is {kind}"):
            EMAILS.integer(pa.nulls(1, kind))


def test_tokens_that_do_not_fit_into_one_array_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(formats, "_MOST_BYTES", 3 * len(TOKEN))

    assert len(EMAILS.text(strings(["a", "b", "c"]))) == 3
    assert len(EMAILS.text(strings(["a", "a", "a"]))) == 3
    for values in [["a", "b", "c", "d"], ["a", "a", "a", "a"]]:
        with pytest.raises(MaskingError, match="do not fit into one array"):
            EMAILS.text(strings(values))


def test_threads_may_share_a_tokenizer() -> None:
    columns = [strings([f"{part}-{row}" for row in range(500)]) for part in range(16)]
    expected = [EMAILS.text(column) for column in columns]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(EMAILS.text, columns)) == expected


def test_tokens_are_made_without_pandas() -> None:
    code = """
import sys
import numpy, pyarrow
from maskline.tokens import Keyring
tokenizer = Keyring.generate().tokenizer("A", slug="a")
text = pyarrow.Int64Array.from_buffers(
    pyarrow.int64(), 3, [None, pyarrow.py_buffer(numpy.arange(3))]).cast(pyarrow.string())
tokenizer.email(tokenizer.text(text))
sys.exit("pandas" in sys.modules)
"""

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("value", [TOKEN, TOKEN_AT_DOMAIN])
def test_a_token_is_recognised(value: str) -> None:
    assert is_token_text(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ada",
        WRONG_CHECK,
        TOKEN.upper(),
        f" {TOKEN}",
        f"{TOKEN}\n",
        f"{TOKEN}0",
        f"{TOKEN}@",
        f"{TOKEN}@localhost",
        f"{TOKEN}@b.com\n",
        f"{TOKEN}@b.com@b.com",
        f"{WRONG_CHECK}@b.com",
        TOKEN.replace("email", "1email"),
    ],
)
def test_what_is_not_quite_a_token_is_not_recognised(value: str) -> None:
    assert not is_token_text(value)


@pytest.mark.parametrize("compile_pattern", [re2.compile, lambda text: re.compile(text, re.ASCII)])
def test_the_pattern_finds_tokens_inside_text(compile_pattern) -> None:
    pattern = compile_pattern(TOKEN_REGEX)
    text = f"mail {TOKEN_AT_DOMAIN}, or ({TOKEN}).\n{TOKEN}@ x_{TOKEN} {TOKEN}0 {TOKEN}_"

    found = [match.group() for match in pattern.finditer(text)]

    assert found == [TOKEN_AT_DOMAIN, TOKEN, TOKEN]
    assert all(is_token_text(match) for match in found)


@given(COLUMNS.map(lambda values: [value for value in values if value is not None]))
def test_the_pattern_finds_every_token_we_write(values) -> None:
    for token in EMAILS.email(strings(values)).to_pylist():
        assert re2.fullmatch(TOKEN_REGEX, token)
        assert re2.search(TOKEN_REGEX, f"<{token}> ").group() == token


# RFC 4231, sections 4.2 to 4.8. Case 5 publishes the first 128 bits.
@pytest.mark.parametrize(
    ("key", "data", "digest"),
    [
        (
            b"\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 20,
            b"\xdd" * 50,
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            bytes(range(1, 26)),
            b"\xcd" * 50,
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            b"\xaa" * 131,
            (
                b"This is a test using a larger than block-size key and a larger than block-size "
                b"data. The key needs to be hashed before being used by the HMAC algorithm."
            ),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ],
)
def test_hmac_is_that_of_rfc_4231(key: bytes, data: bytes, digest: str) -> None:
    pads = HmacPads.from_key(Secret(key))

    (row,) = hmac_sha256_rows(
        pads, offsets=np.array([0, len(data)]), data=np.frombuffer(data, np.uint8)
    )

    assert len(pads.inner) == len(pads.outer) == 64
    assert row.tobytes().hex().startswith(digest)


@given(st.binary(max_size=150), st.lists(st.binary(max_size=150), max_size=9))
@settings(max_examples=50)
def test_rows_of_digests_agree_with_the_standard_library(key: bytes, values: list[bytes]) -> None:
    data = np.frombuffer(b"".join(values), np.uint8)
    offsets = np.cumsum([0, *map(len, values)], dtype=np.int64)

    keyed = hmac_sha256_rows(HmacPads.from_key(Secret(key)), offsets=offsets, data=data)
    plain = sha256(offsets, data)

    assert keyed.shape == plain.shape == (len(values), 32)
    assert [row.tobytes() for row in keyed] == [hmac.digest(key, v, "sha256") for v in values]
    assert [row.tobytes() for row in plain] == [hashlib.sha256(v).digest() for v in values]
