"""Street addresses and postcodes in text."""

import pyarrow as pa
import pytest

from maskline._detectors.addresses import address_detector
from maskline._detectors.postcodes import postcode_detector
from maskline._detectors.resolution import resolve


def found(text):
    """Return (entity, the stretch itself) of what is found, settled."""
    column = pa.array([text])
    spans = resolve(
        [detector.detect(column) for detector in (address_detector(), postcode_detector())]
    )
    return [
        (spans.names[entity], text.encode()[start:end].decode())
        for start, end, entity in zip(
            spans.starts.tolist(), spans.ends.tolist(), spans.entities.tolist(), strict=True
        )
    ]


@pytest.mark.parametrize(
    "street",
    [
        "4589 40th Street", "3314 Harley Brook Lane", "12 St Marys Rd", "Adams Street",
        "36 Rue de Pologne", "Rue de la Sarthe 421", "Via Carlo Cattaneo 130", "Calle Mayor 5",
        "Rua Joaquim de Oliveira Cruz 1615", "ul. Karpacka 69", "Obere Bahnhofstrasse 9",
        "Gumpendorfer Strasse 44",
        "Hauptstraße 12a", "Lindenweg 7", "Joan Maetsuyckerstraat 15", "Frørupvej 58",
        "Drottninggatan 3", "Mannerheimintie 4", "Veres Pálné utca 91", "Apt. 566", "suite 286",
        "P.O. Box 101", "PO Box 12", "Postfach 12 34", "PSC 9236, Box 1684\nAPO AP 02137",
        "USNS Walter\nFPO AP 08653", "Unit 1783 Box 3210\nDPO AP 99855",
        "the corner of Auenweg 85 and Kesä Street",
    ],
)  # fmt: skip
def test_a_street_is_found_in_a_sentence_and_alone(street):
    assert found(f"they were at {street}, and left") == [("STREET_ADDRESS", street)]
    assert found(street) == [("STREET_ADDRESS", street)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "Send it to my address: 12 Rua Papoula 1998\n Apt. 5\n Porto\n Portugal 01344, please",
            "12 Rua Papoula 1998\n Apt. 5\n Porto\n Portugal 01344",
        ),
        (
            "The letter arrived at 4589 40th Street Suite 603 Calgary AB last night.",
            "4589 40th Street Suite 603 Calgary AB",
        ),
        (
            "She lives at 7 Celso Emilio Ferreiro 23, Selwyn Heights, Denmark? I do",
            "7 Celso Emilio Ferreiro 23, Selwyn Heights, Denmark",
        ),
    ],
)
def test_in_a_sentence_an_address_is_one_stretch(text, address):
    assert found(text) == [("STREET_ADDRESS", address)]


def test_in_a_block_each_part_is_a_stretch():
    text = "Ann Lee\n\n78 Lindenweg 91\n Suite 286\n Bremen\n Gabon 66298"

    assert found(text) == [
        ("STREET_ADDRESS", "78"),
        ("STREET_ADDRESS", "Lindenweg 91"),
        ("STREET_ADDRESS", "Suite 286"),
        ("ZIP_CODE", "66298"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "5 people in the street", "walk down the road", "it took 20 minutes on the road",
        "a suite of 5 tests", "box office", "he drives 3 cars", "Katie 12", "during 5 minutes",
        "see section 3 and table 4", "the court of 12 judges", "Dr. Brenda Meier",
        "via GitHub Actions on Python 3", "Place Order", "find the gate 5",
    ],
)  # fmt: skip
def test_what_is_no_address_is_left_alone(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("in SW1A 1AA, London", "SW1A 1AA"),
        ("EC1A1BB", "EC1A1BB"),
        ("GIR 0AA", "GIR 0AA"),
        ("Toronto M5V 3L9", "M5V 3L9"),
        ("Austin, TX 78701", "78701"),
        ("Salem OR 97301-1234", "97301-1234"),
        ("Musterfirma, 80331 München", "80331"),
        ("Firma, D-80331 München", "D-80331"),
        ("Kantoor, 1012 AB Amsterdam", "1012 AB"),
    ],
)
def test_a_postcode_is_known_by_its_shape_or_its_place(text, code):
    assert found(text) == [("ZIP_CODE", code)]


@pytest.mark.parametrize(
    "text", ["VA1 1AA", "XA1 1AA", "M1 1AI", "10115", "12345 Items", "D5V 3L9", "2018, 2019 Adobe"]
)
def test_what_nobody_has_as_a_postcode_is_left_alone(text):
    assert found(text) == []
