"""The mask pseudonym: what it makes, from which ranges, and what it leaves alone."""

import ipaddress
import re
import tomllib
import unicodedata
import uuid
from importlib.resources import files

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maskline._maskers.pseudonym import PseudonymMasker
from maskline.model import Kind, Label
from maskline.testing import MemoryContext, check_masker

MASKER = PseudonymMasker()
ENTITIES = {
    "PERSON": ["Ada Lovelace", "LOVELACE, ADA", "ada", "山田太郎", "Zoë"],
    "EMAIL_ADDRESS": ["ada@mail.test", "ADA <ada@mail.test>", "no address"],
    "PHONE_NUMBER": ["(212) 867-5309", "+44 7911 123456", "+49 151 2345678", "ext. 5", "5309"],
    "STREET_ADDRESS": ["1 Main St, Springfield IL", "Hauptstraße 5\n10115 Berlin"],
    "LOCATION": ["Paris", "CA", "Côte d'Ivoire"],
    "CREDIT_CARD": ["4111 1111 1111 1111", "378282246310005", "6304000000000000", "4111"],
    "US_SSN": ["123-45-6789", "123456789", "987 65 4321", "unknown"],
    "IP_ADDRESS": ["8.8.8.8", "fe80::1", "::ffff:8.8.8.8", "10.0.0.1/8", "host"],
    "MAC_ADDRESS": ["00:1A:2B:3C:4D:5E", "001a.2b3c.4d5e", "02:42:ac:11:00:02", "none"],
    "URL": ["https://ada.test/?q=1", "https://example.com/ada", "ada.test"],
}
CODED = ("EMAIL_ADDRESS", "URL")  # What these make of different values is different.

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
digits = st.text("0123456789 ().+-", max_size=24)
odd = st.sampled_from(["", " ", "\0", "\ufeff", "1" * 40, "٣" * 10, "9999 9999 9999 9999", "+1"])


def masked(entity, column, options=None):
    context = MemoryContext(Label(entity=entity))
    return MASKER.mask(column, options=options or {}, context=context)


def pseudonyms(entity, values, options=None):
    return masked(entity, pa.array(values, pa.string()), options).to_pylist()


def drawn(entity, shape, count=300):
    """Return pseudonyms of many values of one shape, whose number signs stand for digits."""
    values = []
    for number in range(count):
        figures = iter(f"{number:03d}".rjust(shape.count("#"), "1"))
        values.append("".join(next(figures) if c == "#" else c for c in shape))
    return pseudonyms(entity, values)


def only_digits(text):
    return re.sub("[^0-9]", "", text)


def is_luhn(number):
    """Say whether a card number is valid, one digit after the other."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(digit // 10 + digit % 10 for digit in doubled) % 10 == 0


@pytest.mark.parametrize("options", [{}, {"domain": "people"}])
def test_it_keeps_the_contract_of_maskers(options):
    check_masker(MASKER, options=options)


@pytest.mark.parametrize("entity", ENTITIES)
@given(values=st.lists(st.none() | texts | digits | odd, max_size=8))
@example(values=[])
@example(values=[None])
def test_any_text_has_a_pseudonym_that_depends_on_the_value_alone(entity, values):
    column = pa.array(["dropped", *values], pa.string()).slice(1)

    result = masked(entity, column)

    result.validate(full=True)
    assert result.type == pa.string()
    assert result.is_null().equals(column.is_null())
    alone = [pseudonyms(entity, [value])[0] for value in values]
    assert result.to_pylist() == alone
    if entity in CODED:
        assert len(set(alone)) == len(set(values))


@pytest.mark.parametrize("entity", ENTITIES)
def test_no_value_stays_as_it_is_and_equal_values_have_equal_pseudonyms(entity):
    values = ENTITIES[entity]

    result = pseudonyms(entity, values + values)

    assert result[: len(values)] == result[len(values) :]
    assert not set(result) & set(values)
    raw = pa.array(values)
    reached = b"".join(b.to_pybytes() for b in masked(entity, raw.slice(1)).buffers() if b)
    assert values[0].encode() not in reached


@pytest.mark.parametrize("entity", [name for name in ENTITIES if name != "PERSON"])
@given(values=st.lists(texts | digits | odd, max_size=6))
def test_a_pseudonym_stays_as_it_is(entity, values):
    once = pseudonyms(entity, ENTITIES[entity] + values)

    assert pseudonyms(entity, once) == once
    # In another domain, under another key, it stays, too.
    assert pseudonyms(entity, once, {"domain": "other"}) == once


def test_domains_have_pseudonyms_of_their_own_and_may_be_shared():
    own = pseudonyms("EMAIL_ADDRESS", ["ada@mail.test"])
    shared = pseudonyms("EMAIL_ADDRESS", ["ada@mail.test"], {"domain": "people"})

    assert own != shared
    assert shared == pseudonyms("EMAIL_ADDRESS", ["ada@mail.test"], {"domain": "people"})


def test_nobody_keeps_a_name_that_is_on_the_list():
    lists = tomllib.loads(files("maskline._maskers").joinpath("pseudonyms.toml").read_text("utf-8"))
    names = lists["given"]

    # In every domain, one name in 360 would have been its own pseudonym.
    for domain in range(8):
        made = pseudonyms("PERSON", names, {"domain": f"people{domain}"})
        assert not any(one == other for one, other in zip(names, made, strict=True))


def test_names_have_the_shape_of_names():
    full, inverted, single, upper, lower = pseudonyms(
        "PERSON", ["Ada King", "King, Ada", "Ada", "ADA KING", "ada"]
    )

    assert re.fullmatch(r"[^ ]+ [^ ]+", full)
    assert re.fullmatch(r"[^ ]+, [^ ]+", inverted)
    assert " " not in single
    assert upper.isupper()
    assert lower.islower()


def test_an_address_of_mail_holds_80_bits_and_is_of_nobodys_domain():
    addresses = pseudonyms("EMAIL_ADDRESS", [f"{number}@mail.test" for number in range(3000)])

    assert len(set(addresses)) == 3000
    for address in addresses:
        assert re.fullmatch(r"[a-z]+\.[a-z]+\.[a-z2-7]{16}@example\.(com|net|org)", address)
    assert len({address.split(".")[0] for address in addresses}) > 300
    assert {address.rpartition(".")[2] for address in addresses} == {"com", "net", "org"}


@pytest.mark.parametrize(
    "value",
    [
        "ada.lovelace.aaaaaaaaaaaaaaaa@example.com",
        "ada.lovelace@example.com",
        "ada@example.org",
    ],
)
def test_an_address_that_only_looks_like_a_pseudonym_is_replaced(value):
    assert pseudonyms("EMAIL_ADDRESS", [value]) != [value]


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [
        ("(212) ###-####", r"\([2-9][02-8]\d\) 555-01\d\d"),
        ("212.###.####", r"[2-9][02-8]\d\.555\.01\d\d"),
        ("+1 212 ### ####", r"\+1 [2-9][02-8]\d 555 01\d\d"),
        ("1-212-###-####", r"1-[2-9][02-8]\d-555-01\d\d"),
        ("###-####", r"555-01\d\d"),
        ("+44 7911 ######", r"\+44 7700 900\d\d\d"),
        ("+447911######", r"\+447700900\d\d\d"),
        ("07911 ######", r"07700 900\d\d\d"),
        ("+4915112345###", r"\+1[2-9][02-8]\d55501\d\d"),
        ("0151 12345###", r"[2-9][02-8]\d-555-01\d\d"),
        ("12345###", r"[2-9][02-8]\d55501\d\d"),
        ("(212) ###-#### ext. 5", r"[2-9][02-8]\d-555-01\d\d"),
    ],
)
def test_telephone_numbers_are_of_ranges_for_fiction_and_keep_their_shape(shape, pattern):
    numbers = drawn("PHONE_NUMBER", shape)

    assert all(re.fullmatch(pattern, number) for number in numbers)
    assert len(set(numbers)) > 60


@pytest.mark.parametrize(
    "shape", ["#### #### #### ####", "####-####-####-####", "#" * 15, "#" * 12, "#" * 19]
)
def test_cards_are_valid_cannot_be_issued_and_keep_their_groups(shape):
    cards = drawn("CREDIT_CARD", shape)

    assert len(set(cards)) > 0.95 * len(cards)
    for card in cards:
        assert re.sub("[0-9]", "#", card) == shape
        assert only_digits(card).startswith("9999")
        assert is_luhn(only_digits(card))


def test_a_card_of_no_known_shape_becomes_one_of_16_digits_and_a_wrong_check_is_no_pseudonym():
    (card,) = pseudonyms("CREDIT_CARD", ["my card"])

    assert re.fullmatch(r"9999( \d{4}){3}", card)
    assert is_luhn(only_digits(card))
    wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
    assert pseudonyms("CREDIT_CARD", [wrong]) != [wrong]


@pytest.mark.parametrize("shape", ["###-##-####", "### ## ####", "#########"])
def test_social_security_numbers_are_neither_issued_nor_taxpayer_numbers(shape):
    numbers = drawn("US_SSN", shape)

    assert len(set(numbers)) > 0.95 * len(numbers)
    for number in numbers:
        assert re.sub("[0-9]", "#", number) == shape
        assert only_digits(number)[0] == "9"
        assert int(only_digits(number)[3:5]) < 50


def test_ip_addresses_are_for_documentation():
    fours = [ipaddress.ip_address(ip) for ip in drawn("IP_ADDRESS", "10.0.0.###")]
    sixes = [ipaddress.ip_address(ip) for ip in drawn("IP_ADDRESS", "fe80::###")]

    nets = [
        ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    ]
    assert all(any(ip in net for net in nets) for ip in fours)
    assert all(any(ip in net for ip in fours) for net in nets)
    assert all(ip in ipaddress.ip_network("2001:db8::/32") for ip in sixes)
    assert len(set(sixes)) == len(sixes)
    assert [str(ip) for ip in sixes] == drawn("IP_ADDRESS", "fe80::###")


@pytest.mark.parametrize(
    "shape", ["00:1A:2b:00:0#:##", "001a.2b00.0###", "00-1A-2B-00-0#-##", "001A2B000###"]
)
def test_mac_addresses_are_administered_locally_and_keep_their_shape(shape):
    addresses = drawn("MAC_ADDRESS", shape)

    for address in addresses:
        assert re.sub("[0-9A-Fa-f]", "#", address) == re.sub("[0-9A-Fa-f]", "#", shape)
        assert re.sub("[^0-9A-Fa-f]", "", address).startswith("06")
        assert address == (address.lower() if "a." in shape else address.upper())
    assert len(set(addresses)) == len(addresses)


def test_a_mac_address_that_a_device_drew_is_replaced():
    values = [f"06:00:00:00:{number:02x}:5a" for number in range(256)]

    kept = [value for value in values if pseudonyms("MAC_ADDRESS", [value]) == [value]]

    assert len(kept) <= 1


def test_addresses_and_towns_are_of_the_lists():
    lists = tomllib.loads(files("maskline._maskers").joinpath("pseudonyms.toml").read_text("utf-8"))

    for address in drawn("STREET_ADDRESS", "### Main St"):
        number, street, way, town = re.fullmatch(r"(\d{1,3}) (\w+) (\w+), (\w+)", address).groups()
        assert street in lists["streets"]
        assert way in lists["ways"]
        assert any(town.startswith(name) for name in lists["towns"])
        assert any(town.endswith(ending) for ending in lists["endings"])
        assert number != "0"


def test_web_addresses_hold_a_token():
    first, second = pseudonyms("URL", ["https://ada.test", "https://example.com/ada"])

    assert re.fullmatch("https://example.com/url_[0-9a-f]{32}", first)
    assert first != second
    forged = "https://example.com/url_" + "0" * 32
    assert pseudonyms("URL", [forged]) != [forged]


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.decimal128(38, 0)])
def test_whole_numbers_hold_pseudonyms_of_digits(kind):
    card, none, short, long = masked(
        "CREDIT_CARD", pa.array([4111111111111111, None, 17, 4111111111111111110], kind)
    ).to_pylist()

    assert re.fullmatch(r"9999\d{12}", str(card))
    assert is_luhn(str(card))
    assert (none, short, long) == (None, None, None)
    phone = masked("PHONE_NUMBER", pa.array([2128675309], kind)).to_pylist()[0]
    assert re.fullmatch(r"[2-9][02-8]\d55501\d\d", str(phone))
    assert masked("EMAIL_ADDRESS", pa.array([1], kind)).null_count == 1


def test_a_uuid_becomes_one_of_version_8_whatever_it_is_of():
    values = pa.array([b"a" * 16, None, b"b" * 16], pa.binary(16))

    first, none, second = masked("DEVICE_ID", values).to_pylist()

    assert uuid.UUID(bytes=first).version == 8
    assert none is None
    assert first != second


@pytest.mark.parametrize("entity", ["HEALTH", "PASSWORD", "FREE_TEXT", "UNKNOWN"])
def test_what_has_no_pseudonym_is_redacted_without_a_key(entity):
    class Keyless(MemoryContext):
        def tokenizer(self, domain):
            raise AssertionError

    context = Keyless(Label(entity=entity))
    text = MASKER.mask(pa.array(["flu", None]), options={}, context=context)
    number = MASKER.mask(pa.array([1, None], pa.int32()), options={}, context=context)

    assert text.to_pylist() == [f"[{'REDACTED' if entity == 'UNKNOWN' else entity}]", None]
    assert number.null_count == 2


@pytest.mark.parametrize("kind", Kind)
def test_it_promises_only_the_nulls_of_text(kind):
    traits = MASKER.traits({}, kind)

    assert not traits.injective
    assert traits.keeps_nulls is (kind is Kind.TEXT)


def test_it_says_what_is_wrong_with_its_options():
    assert MASKER.check({}) == []
    assert MASKER.check({"domain": "people"}) == []
    assert len(MASKER.check({"domain": "2 people"})) == 1
    assert len(MASKER.check({"keep": "domain"})) == 1


def test_the_lists_are_long_have_no_repeats_and_fold_to_letters():
    lists = tomllib.loads(files("maskline._maskers").joinpath("pseudonyms.toml").read_text("utf-8"))

    assert len(lists["given"]) > 300
    assert len(lists["family"]) > 300
    for names in lists.values():
        assert len(set(names)) == len(names)
    for name in lists["given"] + lists["family"]:
        plain = unicodedata.normalize("NFKD", name.lower())
        assert re.fullmatch("[a-z\u0300-\u036f'-]+", plain), name
