"""FF1, the keys and draws of a domain, and the mask ``fpe``."""

import hmac
import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._kernels import _ff1, ff1, native
from maskline._maskers import BUILTIN
from maskline.errors import KeyringError, MaskingError
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Kind, Label
from maskline.redteam._twins import TwinKeyring
from maskline.testing import MemoryContext
from maskline.tokens import Keyring, NumberCipher

KEY = bytes.fromhex(
    "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94"
)  # Those of NIST are its beginnings.
TWEAK = bytes.fromhex("39383736353433323130")
LONG_TWEAK = bytes.fromhex("3737373770717273373737")
# SP 800-38G, "FF1 Samples": bytes of the key, tweak, radix, plain text, cipher text.
SAMPLES = [
    (16, b"", 10, "0123456789", "2433477484"),
    (16, TWEAK, 10, "0123456789", "6124200773"),
    (16, LONG_TWEAK, 36, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    (24, b"", 10, "0123456789", "2830668132"),
    (24, TWEAK, 10, "0123456789", "2496655549"),
    (24, LONG_TWEAK, 36, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
    (32, b"", 10, "0123456789", "6657667009"),
    (32, TWEAK, 10, "0123456789", "1001623463"),
    (32, LONG_TWEAK, 36, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
]
SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyz"
CARDS = ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "6011000990139424"]

KEYRING = Keyring.generate()
CIPHER = NumberCipher.of_domain("CREDIT_CARD", KEYRING.pads("CREDIT_CARD"))
TOKENIZER = KEYRING.tokenizer("CREDIT_CARD", slug="card")
FPE = {masker.name: masker for masker in BUILTIN}["fpe"]

characters = st.sampled_from("0123456789") | st.characters(exclude_categories=["Cs"])
digits = st.text("0123456789", max_size=40)
texts = st.one_of(digits, st.text(characters, max_size=50), st.sampled_from(CARDS))
columns = st.lists(st.none() | texts, max_size=40)


@pytest.fixture(params=["native", "numpy"])
def kernel(request, monkeypatch):
    if request.param == "native" and not (native and native.has_aes()):
        pytest.skip("the kernels are not compiled, or the processor has no AES")
    monkeypatch.setattr(_ff1, "native", native if request.param == "native" else None)


def strings(values):
    return pa.array(values, pa.string())


def only(column):
    (value,) = column.to_pylist()
    return value


def plain_ff1(text, *, key, tweak, radix):
    """Algorithm 7 of SP 800-38G, step by step, with the integers of Python."""
    n, t = len(text), len(tweak)
    u, v = n // 2, n - n // 2
    left, right = text[:u], text[u:]
    b = math.ceil((radix**v - 1).bit_length() / 8)
    d = 4 * math.ceil(b / 4) + 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3) + bytes([10, u % 256]) + n.to_bytes(4) + t.to_bytes(4)
    for i in range(10):
        q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + int(right, radix).to_bytes(b)
        mac = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor().update(p + q)[-16:]
        y = int.from_bytes(mac[:d])
        m = u if i % 2 == 0 else v
        number = (int(left, radix) + y) % radix**m
        spelt = ""
        for _ in range(m):
            number, rest = divmod(number, radix)
            spelt = SYMBOLS[rest] + spelt
        left, right = right, spelt
    return left + right


def is_luhn_valid(text):
    numbers = [int(c) for c in reversed(text) if c in "0123456789"]
    return sum(sum(divmod(n * (1 + i % 2), 10)) for i, n in enumerate(numbers)) % 10 == 0


# FF1


@pytest.mark.parametrize(("size", "tweak", "radix", "plain", "cipher"), SAMPLES)
@pytest.mark.usefixtures("kernel")
def test_the_samples_of_nist_come_out(size, tweak, radix, plain, cipher):
    arguments = {"key": KEY[:size], "tweak": tweak, "radix": radix}

    assert only(ff1(strings([plain]), **arguments)) == cipher
    assert only(ff1(strings([cipher]), **arguments, is_inverse=True)) == plain


@pytest.mark.parametrize("radix", [10, 16, 36])
@pytest.mark.parametrize("tweak", [b"", b"x", b"x" * 8, b"x" * 15, b"x" * 16, b"x" * 100])
@pytest.mark.usefixtures("kernel")
def test_every_length_agrees_with_the_algorithm_step_by_step(radix, tweak):
    random = np.random.default_rng(radix)
    values = [
        "".join(SYMBOLS[symbol] for symbol in random.integers(radix, size=length))
        for length in range(40)
        for _ in range(3)
    ]

    encrypted = ff1(strings(values), key=KEY, tweak=tweak, radix=radix)

    most = 2 * math.floor(math.log(10**18, radix) + 1e-9)
    for value, made in zip(values, encrypted.to_pylist(), strict=True):
        if radix ** len(value) >= 10**6 and len(value) <= most:
            assert made == plain_ff1(value, key=KEY, tweak=tweak, radix=radix)
        else:
            assert made is None


@pytest.mark.parametrize("has_check", [False, True])
@pytest.mark.usefixtures("kernel")
def test_from_6_to_36_digits_are_encrypted_beside_a_check_digit(has_check):
    values = ["0" * length for length in range(50)]

    made = ff1(strings(values), key=KEY, has_check=has_check)

    lengths = [len(value) for value in made.to_pylist() if value is not None]
    assert lengths == [length + has_check for length in range(6, 37)]


@given(values=columns, has_check=st.booleans())
@settings(max_examples=150)
def test_decryption_is_the_inverse_and_everything_but_digits_stays(values, has_check):
    column = strings(values)
    made = ff1(column, key=KEY, has_check=has_check)
    back = ff1(made, key=KEY, has_check=has_check, is_inverse=True)

    made.validate(full=True)
    assert back.is_null().equals(made.is_null())
    for value, encrypted, decrypted in zip(values, made.to_pylist(), back.to_pylist(), strict=True):
        if encrypted is None:
            continue
        assert decrypted == value
        assert "".join("0" if c in "0123456789" else c for c in encrypted) == "".join(
            "0" if c in "0123456789" else c for c in value
        )
        assert not has_check or is_luhn_valid(encrypted)


@given(
    values=columns,
    rows=st.builds(slice, st.integers(0, 10), st.integers(0, 40)),
    key=st.sampled_from([KEY[:16], KEY[:24], KEY]),
    tweak=st.binary(max_size=40),
    form=st.tuples(st.integers(10, 36), st.just(False)) | st.just((10, True)),
)
@settings(max_examples=300)
def test_the_compiled_kernel_and_its_twin_agree(values, rows, key, tweak, form):
    if not (native and native.has_aes()):
        pytest.skip("the kernels are not compiled, or the processor has no AES")
    column = strings(values)[rows]
    radix, has_check = form
    arguments = {"key": key, "tweak": tweak, "radix": radix, "has_check": has_check}
    arguments["is_inverse"] = len(values) % 2 == 1

    compiled = ff1(column, **arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ff1, "native", None)
        twin = ff1(column, **arguments)

    assert compiled.equals(twin)
    assert [buffer and buffer.to_pybytes() for buffer in compiled.buffers()] == [
        buffer and buffer.to_pybytes() for buffer in twin.buffers()
    ]


@pytest.mark.usefixtures("kernel")
def test_a_row_does_not_depend_on_its_neighbours():
    random = np.random.default_rng(3)
    values = [str(random.integers(10**12))[: random.integers(1, 13)] for _ in range(20_000)]

    whole = ff1(strings(values), key=KEY).to_pylist()

    for row in range(0, len(values), 997):
        assert whole[row] == only(ff1(strings([values[row]]), key=KEY))


@pytest.mark.usefixtures("kernel")
def test_no_byte_of_what_is_not_encrypted_can_be_reached():
    column = strings(["secret 1", "4111111111111111", None, "hidden"]).slice(0, 4)

    made = ff1(column, key=KEY, has_check=True)

    reachable = b"".join(buffer.to_pybytes() for buffer in made.buffers())
    assert b"secret" not in reachable
    assert b"hidden" not in reachable
    assert b"4111" not in reachable


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": b"short"}, "key"),
        ({"tweak": bytes(2**16)}, "tweak"),
        ({"radix": 9}, "radix"),
        ({"radix": 37}, "radix"),
        ({"radix": 36, "has_check": True}, "decimal"),
    ],
)
def test_parameters_that_ff1_does_not_take_are_refused(changes, words):
    with pytest.raises(ValueError, match=words) as refused:
        ff1(strings(["4111111111111111"]), **{"key": KEY, **changes})

    assert "4111" not in str(refused.value)


@pytest.mark.parametrize(
    ("offsets", "size", "rows", "key"),
    [
        ([0, 17], 16, 1, KEY),
        ([-1, 16], 16, 1, KEY),
        ([0, 16], 15, 1, KEY),
        ([0, 16], 16, 2, KEY),
        ([0, 16], 16, 1, KEY[:17]),
    ],
)
def test_the_compiled_kernel_refuses_buffers_that_do_not_fit(offsets, size, rows, key):
    if not (native and native.has_aes()):
        pytest.skip("the kernels are not compiled, or the processor has no AES")
    data = np.full(16, ord("1"), np.uint8)
    out, done = np.zeros(size, np.uint8), np.zeros(rows, np.bool_)

    with pytest.raises(ValueError, match=r"\.$"):
        native.ff1(np.array(offsets, np.int64), data, key, b"", 10, False, False, out, done)

    assert not out.any()


# The cipher of a domain


def test_the_key_and_tweak_are_those_of_the_specification():
    pads = KEYRING.pads("CREDIT_CARD")
    block = bytes(byte ^ 0x36 for byte in pads.inner.reveal())
    key = hmac.digest(block, b"\xfffpe/ff1", "sha256")

    made = only(CIPHER.encrypt(strings(["4111 1111 1111 1111"])))

    assert made.replace(" ", "") == plain_ff1(
        "4111111111111111", key=key, tweak=b"CREDIT_CARD", radix=10
    )


def test_a_cipher_shows_no_key_and_stays_in_its_process():
    assert repr(CIPHER) == "NumberCipher(domain='CREDIT_CARD')"
    with pytest.raises(KeyringError):
        CIPHER.__reduce__()


def test_domains_and_versions_have_ciphers_of_their_own():
    rotated = KEYRING.rotate()
    pads = [KEYRING.pads("A"), KEYRING.pads("B"), rotated.pads("A")]
    ciphers = [NumberCipher.of_domain("A", each) for each in pads]
    ciphers.append(NumberCipher.of_domain("B", pads[0]))

    assert len({only(each.encrypt(strings(["1234567890123456"]))) for each in ciphers}) == 4
    old = NumberCipher.of_domain("A", rotated.pads("A", version=1))
    assert old.encrypt(strings(CARDS)).equals(ciphers[0].encrypt(strings(CARDS)))


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()]
)
@given(data=st.data())
@settings(max_examples=60)
def test_integers_keep_their_type_sign_and_number_of_digits(kind, data):
    limits = np.iinfo(kind.to_pandas_dtype())
    numbers = st.integers(int(limits.min), int(limits.max)) | st.sampled_from(
        [int(limits.min), int(limits.min) + 1, int(limits.max), 0]
    )
    values = data.draw(st.lists(st.none() | numbers, max_size=30))
    column = pa.array([0, *values], kind).slice(1)

    made = CIPHER.encrypt(column)
    back = CIPHER.decrypt(made)

    made.validate(full=True)
    assert made.type == back.type == kind
    for value, encrypted, decrypted in zip(values, made.to_pylist(), back.to_pylist(), strict=True):
        if value is None or not 10**5 <= abs(value) <= limits.max:
            assert encrypted is None
            continue
        assert decrypted == value
        assert len(str(encrypted)) == len(str(value))
        assert (encrypted < 0) == (value < 0)


def test_every_integer_of_six_digits_has_another_one():
    column = pa.array(np.arange(10**5, 10**6))

    made = CIPHER.encrypt(column)

    assert len(made.unique()) == len(column)
    assert pc.min_max(made).as_py() == {"min": 10**5, "max": 10**6 - 1}


def test_integers_may_have_a_check_digit():
    column = pa.array([4111111111111111, 4111111111111112, None, 378282246310005])

    made = CIPHER.encrypt(column, has_check=True)

    assert made.is_null().to_pylist() == [False, True, True, False]
    assert all(is_luhn_valid(str(value)) for value in made.drop_null().to_pylist())
    assert CIPHER.decrypt(made, has_check=True).to_pylist() == [
        4111111111111111,
        None,
        None,
        378282246310005,
    ]


@pytest.mark.parametrize(
    "column",
    [pa.array([10**6], pa.uint64()), pa.array([1e6]), pa.array(["4111111111111111"], pa.binary())],
)
def test_other_types_are_refused_without_their_values(column):
    with pytest.raises(MaskingError, match=str(column.type)) as refused:
        CIPHER.encrypt(column)

    assert "41111" not in str(refused.value)


def test_a_tokenizer_encrypts_as_the_cipher_of_its_domain():
    column = strings([*CARDS, None, "no digits"])

    assert TOKENIZER.encrypt(column).equals(CIPHER.encrypt(column))
    assert TOKENIZER.encrypt(column, has_check=True).equals(CIPHER.encrypt(column, has_check=True))


# Draws


@given(values=st.lists(st.none() | st.text(characters, max_size=5), max_size=30))
def test_a_draw_is_the_start_of_a_keyed_hash_of_the_value(values):
    pads = KEYRING.pads("CREDIT_CARD")
    block = bytes(byte ^ 0x36 for byte in pads.inner.reveal())
    key = hmac.digest(block, b"\xffshift", "sha256")

    words = TOKENIZER.draw(strings(["x", *values]).slice(1), use="shift")

    assert words.dtype == np.uint64
    assert words.tolist() == [
        0 if value is None else int.from_bytes(hmac.digest(key, value.encode(), "sha256")[:8])
        for value in values
    ]


def test_draws_of_other_uses_and_domains_are_others():
    column = strings([str(number) for number in range(100)] * 50)
    other = KEYRING.tokenizer("US_SSN", slug="ssn")

    words = [
        TOKENIZER.draw(column, use="shift"),
        TOKENIZER.draw(column, use="noise"),
        other.draw(column, use="shift"),
    ]

    assert len(np.unique(np.concatenate(words))) == 300
    with pytest.raises(MaskingError):
        TOKENIZER.draw(pa.array([1]), use="shift")


def test_a_twin_draws_and_encrypts_as_its_partner():
    partner = strings(["1234567890", "x"])
    twin = TwinKeyring(KEYRING, {"7777777": "1234567890"}).tokenizer("CREDIT_CARD", slug="card")
    column = strings(["7777777", "x"])

    assert twin.encrypt(column).equals(TOKENIZER.encrypt(partner))
    assert twin.draw(column, use="a").tolist() == TOKENIZER.draw(partner, use="a").tolist()


# The mask


def mask(column, *, options=None, label="CREDIT_CARD"):
    context = MemoryContext(Label(entity=label))
    return FPE.mask(column, options=options or {}, context=context)


@given(values=columns, has_luhn=st.booleans())
@settings(max_examples=100)
def test_the_mask_redacts_what_it_cannot_encrypt_and_keeps_the_form_of_the_rest(values, has_luhn):
    options = {"luhn": "keep"} if has_luhn else {}
    column = strings(values)

    masked = mask(column, options=options).to_pylist()

    assert masked == [
        mask(column.slice(row, 1), options=options)[0].as_py() for row in range(len(values))
    ]
    for value, after in zip(values, masked, strict=True):
        count = 0 if value is None else sum(c in "0123456789" for c in value) - has_luhn
        if value is None:
            assert after is None
        elif not 6 <= count <= 36 or (has_luhn and not is_luhn_valid(value)):
            assert after == "[CREDIT_CARD]"
        else:
            assert len(after) == len(value)
            assert not has_luhn or is_luhn_valid(after)


def test_equal_numbers_are_equal_within_a_domain_and_differ_between_domains():
    values = strings(["1234567890123456", "9234567890123456", "1234567890123456", None])

    own = mask(values).to_pylist()
    shared = mask(values, options={"domain": "numbers"}).to_pylist()

    assert own[0] == own[2] != own[1]
    assert own[3] is None
    assert shared == mask(values, options={"domain": "numbers"}, label="US_SSN").to_pylist()
    assert set(shared[:2]).isdisjoint(own)


@pytest.mark.parametrize("label", [FREE_TEXT, JSON, PUBLIC, UNKNOWN])
def test_what_is_not_known_to_be_a_number_is_redacted_whole(label):
    (masked,) = mask(strings(["Ada Lovelace, 4111 1111 1111 1111"]), label=label).to_pylist()

    assert masked.startswith("[")
    assert "Ada" not in masked


def test_integers_are_encrypted_and_other_values_become_null():
    masked = mask(pa.array([1234567, 12345, None], pa.int32()))

    assert masked.type == pa.int32()
    assert masked.is_null().to_pylist() == [False, True, True]
    assert masked[0].as_py() != 1234567
    for column in (pa.array([10**7], pa.uint64()), pa.array([1e7]), pa.array([b"1234567"])):
        assert mask(column).equals(pa.nulls(1, column.type))


def test_the_mask_promises_no_more_than_it_keeps():
    assert {kind for kind in Kind if FPE.traits({}, kind).keeps_nulls} == {Kind.TEXT}
    assert not any(FPE.traits({}, kind).injective for kind in Kind)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"luhn": "keep", "domain": "cards_2"}, 0),
        ({"luhn": "drop"}, 1),
        ({"luhn": True}, 1),
        ({"domain": "2cards"}, 1),
        ({"domain": 3, "luhn": "hunter2", "tweak": "x"}, 3),
    ],
)
def test_the_mask_says_what_is_wrong_with_its_options(options, count):
    problems = FPE.check(options)

    assert len(problems) == count
    assert all(problem.endswith(".") for problem in problems)
    assert "hunter2" not in "".join(problems)


def test_masking_twice_encrypts_twice():
    once = mask(strings(["1234567890123456"]))

    assert not mask(once).equals(once)
