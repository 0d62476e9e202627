"""Telephone numbers of all countries, as a library that knows them writes them; and domains."""

import phonenumbers
import pyarrow as pa
import pytest

from maskline._detectors import COMPILED, scanner
from maskline._detectors.contact import domain_detector, national_phone_detector
from maskline._detectors.network import ip_range_detector

DETECTORS = (*COMPILED, domain_detector(), national_phone_detector(), ip_range_detector())

FORMATS = phonenumbers.PhoneNumberFormat
KINDS = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
NUMBERS = [
    number
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in KINDS
    if (number := phonenumbers.example_number_for_type(region, kind))
]


def found(text):
    spans = scanner.find(pa.array([text]), DETECTORS)
    return [
        (spans.names[entity], text.encode()[start:end].decode())
        for start, end, entity in zip(
            spans.starts.tolist(), spans.ends.tolist(), spans.entities.tolist(), strict=True
        )
    ]


def share_found(shape, sentence):
    """Return the share of all countries' numbers that are found as they are."""
    texts = [phonenumbers.format_number(number, shape) for number in NUMBERS]
    hits = [found(sentence.format(text)) == [("PHONE_NUMBER", text)] for text in texts]
    return sum(hits) / len(hits), [text for text, hit in zip(texts, hits, strict=True) if not hit]


@pytest.mark.parametrize(
    ("shape", "sentence", "least"),
    [
        (FORMATS.INTERNATIONAL, "you may reach them at {} today", 0.99),
        (FORMATS.INTERNATIONAL, "it was {} then", 0.99),
        (FORMATS.E164, "it was {} then", 0.99),
        (FORMATS.NATIONAL, "phone: {}", 0.95),
        (FORMATS.NATIONAL, "{} office", 0.95),
    ],
)
def test_numbers_of_all_countries_are_found(shape, sentence, least):
    share, missed = share_found(shape, sentence)

    assert share >= least, missed


@pytest.mark.parametrize(
    "text",
    [
        "(415) 555-0132", "+30 21 0 1234567", "91-415-555-0132", "0 (917) 123 4567", "09171234567",
        "0917 123 4567", "05359876543", "532.123.45.67", "13812345678", "01.23.45.67.89",
        "09-7625400", "8 (495) 123-45-67", "062-085-9260x155", "+1-203-305-2492x5662",
    ],
)  # fmt: skip
def test_numbers_are_known_by_how_they_are_grouped(text):
    assert found(f"it was {text}, I think") == [("PHONE_NUMBER", text)]
    assert found(text) == [("PHONE_NUMBER", text)]


@pytest.mark.parametrize(
    "text",
    [
        "0917123456", "091712345678", "12345678901", "10000000146", "532123456", "15053212345678",
        "078-05-0000", "006249976", "BE71 0961 2345 6760 1", "CZ65 0800 A000 1920 0014 5399",
        "3.14159265358", "2.532.123.45.67",
    ],
)  # fmt: skip
def test_numbers_of_other_things_are_no_telephones(text):
    assert "PHONE_NUMBER" not in dict(found(text))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("see microsoft.com for more", "microsoft.com"),
        ("(google.co.il)", "google.co.il"),
        ("at shop.example.de/a?b=c.", "shop.example.de/a?b=c"),
        ("at example.org:8080/x", "example.org:8080/x"),
    ],
)
def test_a_domain_is_a_web_address(text, domain):
    assert found(text) == [("URL", domain)]


@pytest.mark.parametrize(
    "text", ["main.py", "README.md", "it.It is", "java.util.Map", "a.b", "v1.com2"]
)
def test_a_file_is_no_domain(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "text", ["10.0.0.0/8", "192.168.1.1/32", "2001:db8::/32", "::/0", "fe80::1%eth0/64"]
)
def test_a_range_of_addresses_is_one_stretch(text):
    assert found(f"route {text}, ok") == [("IP_ADDRESS", text)]


@pytest.mark.parametrize("text", ["10.0.0.0/64 is too long", "300.0.0.0/8", "1:2/3"])
def test_what_is_no_range_is_none(text):
    assert all("/" not in stretch for _, stretch in found(text))
