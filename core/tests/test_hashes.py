"""Compiled hashes and their twins give the same bytes, whatever the rows are."""

import hashlib
import hmac
import itertools

import numpy as np
import pyarrow as pa
import pytest

from maskline._kernels import _hashes, native
from maskline.tokens import Keyring, _shapes
from maskline.tokens._shapes import shapes

KEYS = {"inner": bytes(range(64)), "outer": bytes(range(64, 128))}
# Around the sizes at which padding needs another block, and runs of short rows between long ones.
SIZES = [0, 1, 3, 4, 31, 32, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]


def columns():
    random = np.random.default_rng(20_261_124)
    for rows in (0, 1, 2, 15, 16, 17, 33, 200):
        yield random.choice(SIZES, rows)
        yield random.integers(0, 56, rows)
        yield np.full(rows, 23)


def rows_of(sizes):
    random = np.random.default_rng(len(sizes))
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets, random.integers(0, 256, int(offsets[-1]), dtype=np.uint8)


@pytest.mark.parametrize("sizes", list(columns()), ids=lambda sizes: f"{len(sizes)} rows")
@pytest.mark.parametrize("are_compiled", [True, False])
def test_digests_are_those_of_the_standard_library(sizes, are_compiled, monkeypatch) -> None:
    use(monkeypatch, are_compiled)
    offsets, data = rows_of(sizes)
    values = [data[a:b].tobytes() for a, b in itertools.pairwise(offsets)]

    plain = _hashes.sha256(offsets, data)
    keyed = _hashes.hmac_sha256(offsets, data, inner=b"\x36" * 64, outer=b"\x5c" * 64)

    assert plain.shape == keyed.shape == (len(values), 32)
    assert [row.tobytes() for row in plain] == [hashlib.sha256(v).digest() for v in values]
    assert [row.tobytes() for row in keyed] == [hmac.digest(b"", v, "sha256") for v in values]


@pytest.mark.parametrize("sizes", list(columns()), ids=lambda sizes: f"{len(sizes)} rows")
@pytest.mark.parametrize("head", [b"e_", b"email_", b"x" * 31])
@pytest.mark.parametrize("are_compiled", [True, False])
def test_tokens_are_head_digest_and_check(sizes, head, are_compiled, monkeypatch) -> None:
    use(monkeypatch, are_compiled)
    offsets, data = rows_of(sizes)

    made = _hashes.tokens(offsets, data, **KEYS, head=head)

    digests = _hashes.hmac_sha256(offsets, data, **KEYS)
    stems = [head + digest.tobytes().hex()[:24].encode() for digest in digests]
    checks = [hashlib.sha256(stem).hexdigest()[:8].encode() for stem in stems]
    assert [row.tobytes() for row in made] == [
        stem + check for stem, check in zip(stems, checks, strict=True)
    ]


def use(monkeypatch, are_compiled):
    if are_compiled and native is None:
        pytest.skip("the kernels are not compiled")
    monkeypatch.setattr(_hashes, "native", native if are_compiled else None)


def texts():
    tokenizer = Keyring.generate().tokenizer("EMAIL_ADDRESS", slug="email")
    real = tokenizer.text(pa.array(["ada", "bob"])).to_pylist()
    domains = [
        "example.com", "EXAMPLE.Com", "xn--bcher-kva.example", "example.xn--p1ai", "a.b", "a.bc",
        "-a.com", "a-.com", "a..com", ".com", "com", "", "a.c0m", "a.com.", "ex ample.com",
        "a.xn--", "a.xn---", "a.xn--a-", "a.XN--q", "a." + "x" * 63, "a." + "x" * 64, "a_b.com",
        "b\u00fccher.de", "a.com\n",
    ]  # fmt: skip
    yield from real
    yield from (f"{token}@{domain}" for token in real[:1] for domain in domains)
    yield from (
        f"{name}@{domain}" for name in ("ada", "", "a@b", "\u00fc", "a\n") for domain in domains
    )
    yield from (real[0][:-1] + "g", real[0] + "0", real[0][1:], real[0].upper(), "_" + real[0])
    yield from (real[0][:8] + "0" + real[0][9:], "x" * 17 + real[0][5:], "1" + real[0])
    yield from ("", "@", "a@", "@a.com", "_", "a_" + "0" * 32)


def test_compiled_shapes_are_those_of_the_expression(monkeypatch) -> None:
    if native is None:
        pytest.skip("the kernels are not compiled")
    values = pa.array(list(texts()))

    compiled = shapes(values)
    monkeypatch.setattr(_shapes, "native", None)
    twin = shapes(values)

    assert compiled.tolist() == twin.tolist()
    assert set(twin.tolist()) == {0, 1, 2}


def test_mutated_tokens_and_addresses_have_the_shape_that_the_expression_says(monkeypatch) -> None:
    if native is None:
        pytest.skip("the kernels are not compiled")
    random = np.random.default_rng(7)
    alphabet = list("az09AZ_@.-xnXN \n\u00fc")
    base = list(texts())
    mutated = []
    for _ in range(20_000):
        text = list(base[random.integers(len(base))])
        for _ in range(random.integers(0, 3)):
            place = int(random.integers(len(text) + 1))
            text[place : place + int(random.integers(2))] = alphabet[random.integers(len(alphabet))]
        mutated.append("".join(text))
    values = pa.array(mutated)

    compiled = shapes(values)
    monkeypatch.setattr(_shapes, "native", None)

    assert compiled.tolist() == shapes(values).tolist()


@pytest.mark.parametrize(
    "offsets",
    [[0, 2, 1], [-1, 1], [0, 9], [1, 0]],
)
def test_offsets_that_leave_the_data_are_refused(offsets) -> None:
    if native is None:
        pytest.skip("the kernels are not compiled")
    out = np.zeros((len(offsets) - 1, 32), np.uint8)

    with pytest.raises(ValueError, match="offsets"):
        native.sha256_rows(np.array(offsets, np.int64), b"abc", out)


def test_an_output_of_another_size_is_refused() -> None:
    if native is None:
        pytest.skip("the kernels are not compiled")

    with pytest.raises(ValueError, match="size"):
        native.sha256_rows(np.array([0, 3], np.int64), b"abc", np.zeros((2, 32), np.uint8))
