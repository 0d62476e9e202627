"""Every kind of ``formats.toml``: a secret of that shape is found, and one that falls short is not.

Secrets are made from the shapes when the tests run, so that no scanner takes the tests for a leak.
"""

import random
import re
from collections import Counter
from pathlib import Path
from re import _constants as code  # type: ignore[attr-defined] # the parser that re itself uses
from re import _parser as parser  # type: ignore[attr-defined]

import pyarrow as pa
import pytest

import maskline_secrets
from maskline.entities import builtin_entities
from maskline_secrets._formats import VendorDetector, kinds

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "secrets.md"
VENDORS = VendorDetector()
DETECTORS = maskline_secrets.maskline_register_detectors()
SHAPED = [kind for kind in kinds() if not kind.near]
NAMED = [kind for kind in kinds() if kind.near]


def make(shape):
    """Return the shortest text of a shape, with characters drawn by chance."""
    chance = random.Random(shape)  # noqa: S311 - the same in every run
    return "".join(written(parser.parse(shape), chance))


def written(parts, chance):
    for operator, argument in parts:
        if operator is code.LITERAL:
            yield chr(argument)
        elif operator is code.IN:
            yield chance.choice(sorted(members(argument)))
        elif operator is code.MAX_REPEAT:
            least, _, inner = argument
            for _ in range(least):
                yield from written(inner, chance)
        elif operator is code.SUBPATTERN:
            yield from written(argument[-1], chance)
        elif operator is code.BRANCH:
            yield from written(argument[1][0], chance)
        else:
            raise AssertionError(operator)


def members(items):
    for operator, argument in items:
        if operator is code.LITERAL:
            yield chr(argument)
        elif operator is code.RANGE:
            yield from map(chr, range(argument[0], argument[1] + 1))
        else:
            assert argument is code.CATEGORY_DIGIT
            yield from "0123456789"


def find(text, detectors):
    column = pa.array([text], pa.string())
    raw = text.encode()
    return [
        (spans.names[entity], raw[start:end].decode())
        for detector in detectors
        for spans in [detector.detect(column)]
        for start, end, entity in zip(
            spans.starts.tolist(), spans.ends.tolist(), spans.entities.tolist(), strict=True
        )
    ]


def titled(kind):
    return f"{kind.vendor}: {kind.name}"


def test_there_are_many_kinds_and_each_has_a_name_of_its_own():
    names = Counter((kind.vendor, kind.name, bool(kind.near)) for kind in kinds())

    assert len(SHAPED) >= 150
    assert max(names.values()) == 1


def test_every_kind_has_an_entity_that_somebody_offers():
    offered = {entity.name for entity in maskline_secrets.maskline_register_entities()}

    assert {kind.entity for kind in kinds()} <= offered | builtin_entities().keys()


@pytest.mark.parametrize("kind", SHAPED, ids=titled)
def test_a_secret_is_found_whole_and_under_its_vendors_name(kind):
    secret = make(kind.shape)

    assert (kind.entity, secret) in find(f"é set {secret}, please", [VENDORS])


@pytest.mark.parametrize("kind", SHAPED, ids=titled)
def test_every_secret_holds_what_is_looked_for_first(kind):
    assert len(kind.holds) >= 3
    assert re.search(kind.holds, make(kind.shape))


@pytest.mark.parametrize("kind", SHAPED, ids=titled)
def test_one_that_falls_short_or_is_inside_of_a_word_is_of_no_such_kind(kind):
    secret = make(kind.shape)
    broken = f"{secret[: len(secret) // 2]} {secret[len(secret) // 2 :]}"

    for text in (secret[:-1], broken, f"x{secret}", f"{secret[:-1]}\N{LATIN SMALL LETTER ENG}"):
        stretches = [stretch for _, stretch in find(text, [VENDORS])]
        assert not any(re.fullmatch(kind.shape, stretch) for stretch in stretches)


@pytest.mark.parametrize("kind", NAMED, ids=titled)
def test_a_shape_that_says_little_needs_its_vendors_name_beside_it(kind):
    secret = make(kind.shape)

    for word in kind.near:
        assert secret in [stretch for _, stretch in find(f"{word}_x = '{secret}'", DETECTORS)]
    assert ("API_KEY", secret) not in find(f"of '{secret}'", [DETECTORS[-1]])


def test_a_dummy_of_a_shape_is_no_secret():
    for text in (f"ghp_{'x' * 36}", f"glpat-{'X' * 20}", f"sntryu_{'a' * 64}", f"hvs.{'0' * 24}"):
        assert find(text, [VENDORS]) == []


def test_what_is_written_in_odd_characters_is_found_all_the_same():
    secret = make(next(kind.shape for kind in SHAPED if kind.entity == "NPM_TOKEN"))
    odd = secret.replace("npm", "\uff4e\uff50\uff4d")

    assert find(odd, [VENDORS]) == [("API_KEY", odd)]


@pytest.mark.parametrize("prefix", ["ghp", "npm"])
def test_a_checksum_makes_a_token_sure_and_a_wrong_one_less_so(prefix):
    # The checksum of GitHub's own shape: CRC-32 of the thirty characters, in base 62.
    body = make("[a-z0-9]{30}")
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, checksum = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        checksum = digits[digit] + checksum
    wrong = checksum[::-1] if checksum != checksum[::-1] else "000000"

    scores = VENDORS.detect(
        pa.array([f"{prefix}_{body}{checksum}", f"{prefix}_{body}{wrong}"], pa.string())
    ).scores.tolist()

    assert scores == pytest.approx([0.99, 0.8])


def test_a_pypi_token_is_a_macaroon_of_version_2():
    tail = make("[A-Za-z0-9]{80}")

    good, bad = VENDORS.detect(
        pa.array([f"pypi-AgEIcHlwaS5vcmc{tail}", f"pypi-AAAA{tail}"], pa.string())
    ).scores.tolist()

    assert good > bad


def test_the_repr_holds_no_shapes():
    assert repr(VENDORS) == "VendorDetector('secrets_vendors')"


def crc32(data):
    """Return the CRC-32 of ISO 3309, a bit at a time, as an oracle for the table-driven one."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def page():
    lines = [
        "# Kinds of secrets",
        "",
        "What the plugin `secrets` finds by the format that a vendor documents.",
        "This page is made from `plugins/secrets/src/maskline_secrets/formats.toml`.",
        "",
        f"{len(SHAPED)} kinds have a shape that tells them from anything else.",
        f"{len(NAMED)} more look like any random string: the vendor's name has to be beside them.",
        "",
        "| vendor | kind | entity | found by |",
        "|---|---|---|---|",
    ]
    for kind in kinds():
        by = "its shape"
        if kind.near:
            by = "its shape, beside " + " or ".join(f"`{word}`" for word in kind.near)
        elif kind.check in {"crc32", "macaroon"}:
            by = "its shape and a checksum" if kind.check == "crc32" else "its shape and its header"
        lines.append(f"| {kind.vendor} | {kind.name} | `{kind.entity}` | {by} |")
    return "\n".join(lines) + "\n"


def test_the_page_of_kinds_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
