"""Values that a label gives away."""

import pyarrow as pa
import pytest

from maskline._detectors import BUILTIN, scanner
from maskline._detectors.labelled import labelled_detector
from maskline.entities import Category, Entity, builtin_entities
from maskline.model import Label
from maskline.testing import MemoryContext, check_detector

LABELLED = labelled_detector(builtin_entities())


def found(text, detector=LABELLED):
    spans = detector.detect(pa.array([text]))
    return [
        (spans.names[entity], text.encode()[start:end].decode())
        for start, end, entity in sorted(
            zip(spans.starts.tolist(), spans.ends.tolist(), spans.entities.tolist(), strict=True)
        )
    ]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("My passport number is X1234567.", "PASSPORT", "X1234567"),
        ("passport no. X1234567", "PASSPORT", "X1234567"),
        ("Reisepass Nr. C01X00T47", "PASSPORT", "C01X00T47"),
        ("numéro de passeport : 12AB34567", "PASSPORT", "12AB34567"),
        ('{"passportNumber": "X1234567"}', "PASSPORT", "X1234567"),
        ("my_passport_number=X1234567;", "PASSPORT", "X1234567"),
        ("passport,X1234567,", "PASSPORT", "X1234567"),
        ("My driver's license number is U62928788557186", "DRIVER_LICENSE", "U62928788557186"),
        ("driving licence: MORGA 657054 SM9IJ", "DRIVER_LICENSE", "MORGA 657054 SM9IJ"),
        ("MRN 1234567", "MEDICAL_RECORD", "1234567"),
        ("mrn: 12-345-67", "MEDICAL_RECORD", "12-345-67"),
        ("Account number: 12345678", "BANK_ACCOUNT", "12345678"),
        ("routing no. 121000358", "BANK_ACCOUNT", "121000358"),
        ("sort code 12-34-56", "BANK_ACCOUNT", "12-34-56"),
        ("Kundennummer: 4711-22", "CUSTOMER_REFERENCE", "4711-22"),
        ("employee id E10042", "CUSTOMER_REFERENCE", "E10042"),
        ("the license plate is AB12 CDE", "VEHICLE_ID", "AB12 CDE"),
        ("serial number (SN-2231-77A)", "DEVICE_ID", "SN-2231-77A"),
        ("my credit card: 122000000000003", "CREDIT_CARD", "122000000000003"),
        ("zip code is 86786", "ZIP_CODE", "86786"),
        ("Postleitzahl 80331 München", "ZIP_CODE", "80331"),
        ("postcode: SW1A 1AA", "ZIP_CODE", "SW1A 1AA"),
        ("CVV 123", "CVV", "123"),
        ("card expiry: 05/27", "CARD_EXPIRY", "05/27"),
        ("valid thru 12/2028", "CARD_EXPIRY", "12/2028"),
        ("Password: hunter2!", "PASSWORD", "hunter2!"),
        ("passwort = 'geheimnis'", "PASSWORD", "geheimnis"),
        ("my password is S3cret.", "PASSWORD", "S3cret"),
        ("PIN: 1234", "PASSWORD", "1234"),
    ],
)
def test_the_label_names_the_value(text, entity, value):
    assert (entity, value) in found(text)
    assert [one for one in found(text) if one[1] != value] == []


@pytest.mark.parametrize(
    "text",
    [
        "the passport office", "an order of the day", "account manager Jane", "vin 2015 blanc",
        "ein 20000er Berg", "ein 20-jähriger Mann", "policy number 2023-05-01", "account 1234",
        "password: required", "password: ${PASSWORD}", "password: {{ password }}",
        "password = var.db_password", "password=os.environ(NAME)", "password: <yours>",
        "password: ENC[AES256_GCM,data:4g==]", "password: ********",
        "the password is forgotten", "CVV is short", "PSC 9236, Box 1684",
        "passport: [PASSPORT]", "bypassport number X1234567", "serial killer",
        "License: Apache-2.0", "An implementation of RFC 6570 URI", "Pin html5lib to it",
    ],
)  # fmt: skip
def test_a_label_alone_says_nothing(text):
    assert found(text) == []


def test_the_longest_label_names_the_value():
    assert found("bank account number 12345678") == [("BANK_ACCOUNT", "12345678")]
    assert found("health insurance number 12345678") == [("MEDICAL_RECORD", "12345678")]


def test_a_token_is_no_value():
    tokenizer = MemoryContext(Label(entity="PASSPORT")).tokenizer("PASSPORT")
    token = tokenizer.text(pa.array(["X1234567"]))[0].as_py()

    assert found(f"passport: {token}") == []


def test_look_alikes_are_seen_through():
    text = "MRN:\u3000１２３４５６７"  # noqa: RUF001 - full-width, as some keyboards type

    assert found(text) == [("MEDICAL_RECORD", "１２３４５６７")]  # noqa: RUF001


def test_a_category_of_ones_own_is_found_by_its_names():
    entity = Entity(
        name="LAB_BOOK",
        title="laboratory book",
        slug="labbook",
        category=Category.PII,
        names=("lab book", "Ærdagbog".lower()),
    )
    detector = labelled_detector({"LAB_BOOK": entity})

    check_detector(detector)
    assert found("Lab book no. 2024/77-B, ÆRDAGBOG 12-345", detector) == [
        ("LAB_BOOK", "2024/77-B"),
        ("LAB_BOOK", "12-345"),
    ]


def test_a_value_that_checks_itself_keeps_its_name():
    spans = scanner.find(pa.array(["account number 4111 1111 1111 1111"]), BUILTIN)

    assert [spans.names[entity] for entity in spans.entities] == ["CREDIT_CARD"]
