"""The catalogue of entities."""

import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import re2

from maskline._detectors.naming import words
from maskline.entities import Category, Entity, builtin_entities

ROOT = Path(__file__).parents[2]
ENTITIES = builtin_entities()
MASKERS = {"redact", "null", "partial", "token", "scan", "reveal"}
PROMISED = """
PERSON EMAIL_ADDRESS PHONE_NUMBER CREDIT_CARD CVV CARD_EXPIRY IBAN_CODE BANK_ACCOUNT SWIFT_CODE
US_SSN NATIONAL_ID PASSPORT DRIVER_LICENSE TAX_ID IP_ADDRESS MAC_ADDRESS URL USERNAME PASSWORD
DATE_OF_BIRTH AGE GENDER STREET_ADDRESS ZIP_CODE LOCATION GEO ORGANIZATION OCCUPATION TITLE
FINANCIAL NRP MARITAL_STATUS MEDICAL_RECORD HEALTH DEVICE_ID VEHICLE_ID CUSTOMER_REFERENCE JWT
AWS_ACCESS_KEY AWS_SECRET_KEY GCP_API_KEY AZURE_KEY API_KEY PRIVATE_KEY
"""


@pytest.mark.parametrize("name", PROMISED.split())
def test_every_promised_entity_is_in_the_catalogue(name):
    assert isinstance(ENTITIES[name], Entity)


def test_slugs_are_unique_and_can_begin_a_token():
    slugs = [entity.slug for entity in ENTITIES.values()]

    assert len(set(slugs)) == len(slugs)
    assert all(re2.fullmatch(r"[a-z][a-z0-9]{0,15}", slug) for slug in slugs)


def test_names_of_entities_are_capitals():
    assert all(re2.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in ENTITIES)


def test_every_default_mask_is_built_in():
    assert {entity.mask for entity in ENTITIES.values()} <= MASKERS


def test_secrets_are_redacted():
    secrets = [entity for entity in ENTITIES.values() if entity.category is Category.SECRET]

    assert secrets
    assert {entity.mask for entity in secrets} == {"redact"}


@pytest.mark.parametrize("name", ["CVV", "PASSWORD", "DATE_OF_BIRTH", "FINANCIAL", "HEALTH"])
def test_what_needs_no_joins_is_redacted(name):
    assert ENTITIES[name].mask == "redact"


def test_names_of_columns_are_lower_case_and_say_something():
    for entity in ENTITIES.values():
        assert entity.names
        assert all(name == name.lower() and words(name) for name in entity.names), entity.name


def test_no_name_stands_for_two_entities():
    owners = {}
    for entity in ENTITIES.values():
        for name in entity.names:
            owners.setdefault(words(name), set()).add(entity.name)

    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_every_entity_has_a_title_and_personal_data_a_regulation():
    assert all(entity.title for entity in ENTITIES.values())
    assert all(
        entity.regulations for entity in ENTITIES.values() if entity.category is not Category.SECRET
    )


def test_the_data_file_has_no_key_that_nobody_reads():
    text = files("maskline").joinpath("entities.toml").read_text(encoding="utf-8")
    keys = {key for entry in tomllib.loads(text).values() for key in entry}

    assert keys <= {
        "title",
        "slug",
        "category",
        "mask",
        "names",
        "regulations",
        "country",
        "generic",
    }


def test_a_generic_entity_is_in_the_catalogue_and_generic_itself():
    generic = {entity.generic for entity in ENTITIES.values()} - {""}

    assert generic <= ENTITIES.keys()
    assert all(not ENTITIES[name].generic and not ENTITIES[name].country for name in generic)


def test_a_country_is_two_letters():
    assert all(re2.fullmatch("[A-Z]{2}|", entity.country) for entity in ENTITIES.values())


def test_the_page_of_entities_is_current():
    command = [sys.executable, str(ROOT / "tools/make_entities_page.py"), "--check"]

    result = subprocess.run(command, check=False)

    assert result.returncode == 0, "Run `python tools/make_entities_page.py`."


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        ENTITIES["PERSON"] = None
