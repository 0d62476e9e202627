"""What the rows of a table are, by its name and by the names of its columns.

``last`` alone says nothing; beside ``first`` it is a person's name. ``name`` is a person's in a
table of customers, and a thing's in a table of tracks. This module knows names and entities. It
never sees a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from maskline._detectors.naming import rank_name, singular, vocabulary, words
from maskline.entities import Entity

__all__ = ["Surroundings", "survey"]

_SURE: Final = 0.6
_READ: Final = 0.95

# Names that say nothing unless one knows what the rows are.
_OPEN_NAMES: Final = vocabulary(
    "name names title number no nr code nom nome nombre naam navn label namn imie"
)
_OTHER_NAMES: Final = frozenset({"names", "nom", "nome", "nombre", "naam", "navn", "namn"})
_PEOPLE_WORDS: Final = vocabulary("""
    account applicant attendee author borrower buyer candidate cardholder citizen client colleague
    consumer contact contractor customer dependent doctor donor driver employee guardian guest
    human individual inhabitant lead lender member nurse parent participant passenger patient payee
    payer people person personnel player recipient representative resident respondent seller
    shareholder speaker staff student subscriber teacher tenant trainee user victim visitor
    volunteer voter witness worker kunde mitarbeiter personal schueler benutzer nutzer patienten
    kunden employe salarie utilisateur cliente empleado usuario paciente dipendente utente klant
    medewerker werknemer gebruiker funcionario kund anstalld medarbejder klient pracownik
    """)
_THING_WORDS: Final = vocabulary("""
    album article artist asset attribute badge band book brand build campaign category channel
    chapter color colour column course currency department dimension document event exercise feature
    field file film folder font game genre group icon item job language layer lesson level
    media mediatype medium menu metric model module movie package page parameter part permission
    plan platform playlist plugin post process product program project promotion property question
    quiz recipe release report resource role room rule schema segment series service setting show
    sku skill song source stage status step subject survey table tag task team template term
    ticket topic track type unit variant version video warehouse workflow
    """)
_MEDICAL_WORDS: Final = vocabulary("""
    admission diagnosis encounter hospitalization hospitalisation patient prescription treatment
    """)
# What stands around the word that tells what the rows are: ``stg_customers_backup``.
_AROUND: Final = vocabulary("""
    archive archived backup bak base bronze clean copy csv current data db details dim dump export
    extract fact feed final full gold hist history import info information list load main master
    new old raw record records sample scd silver snapshot stage staging stg table tbl temp test tmp
    train v view vw xlsx
    """)

# Of these, two in one table tell that its rows are people.
_PERSONAL: Final = vocabulary("""
    AGE DATE_OF_BIRTH DRIVER_LICENSE EMAIL_ADDRESS GENDER HEALTH MARITAL_STATUS MEDICAL_RECORD
    NATIONAL_ID NRP OCCUPATION PASSPORT PASSWORD PERSON USERNAME US_SSN
    """)
# Columns of things, which people have not.
_OF_THINGS: Final = vocabulary("""
    artist author barcode brand calories category colour director ean genre inventory isbn isrc
    manufacturer milliseconds model price publisher qty quantity runtime size sku stock supplier
    upc warranty weight
    """)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What short names are, where certain columns stand beside them.

    Attributes:
        names: Each is a whole name, or a part of one that has no other parts.
        beside: Entities that another column's name speaks for, or its whole name.
    """

    names: frozenset[str]
    beside: frozenset[str]
    entity: str


_READINGS: Final = (
    _Reading(
        names=vocabulary(
            "first last middle given family initial initials maiden mothers preferred"
        ),
        beside=frozenset({"PERSON", "PEOPLE"}),
        entity="PERSON",
    ),
    _Reading(
        names=vocabulary("home work mobile cell office ext extension day evening"),
        beside=frozenset({"PHONE_NUMBER"}),
        entity="PHONE_NUMBER",
    ),
    _Reading(
        names=vocabulary("unit apt suite building house door block hausnr hausnummer huisnummer"),
        beside=frozenset({"STREET_ADDRESS", "ZIP_CODE"}),
        entity="STREET_ADDRESS",
    ),
    _Reading(
        names=vocabulary("number no nr numero civico num"),
        beside=vocabulary("street strasse rue via calle rua straat gata gatan vej ulica"),
        entity="STREET_ADDRESS",
    ),
    _Reading(
        names=vocabulary("st prov area zone place ort land pais uf bairro barrio colonia"),
        beside=frozenset({"STREET_ADDRESS", "ZIP_CODE"}),
        entity="LOCATION",
    ),
    _Reading(
        names=vocabulary("cap cep cp pin pincode plz"),
        beside=frozenset({"STREET_ADDRESS", "LOCATION"}),
        entity="ZIP_CODE",
    ),
    _Reading(
        names=vocabulary("exp expires expiry expiration month year valid"),
        beside=frozenset({"CREDIT_CARD"}),
        entity="CARD_EXPIRY",
    ),
    _Reading(
        names=vocabulary("code cid security verification"),
        beside=frozenset({"CREDIT_CARD"}),
        entity="CVV",
    ),
    _Reading(
        names=vocabulary("account acct routing sort"),
        beside=frozenset({"IBAN_CODE", "SWIFT_CODE", "BANK_ACCOUNT"}),
        entity="BANK_ACCOUNT",
    ),
    _Reading(
        names=vocabulary("plate tag registration"),
        beside=frozenset({"VEHICLE_ID", "VIN"}),
        entity="VEHICLE_ID",
    ),
    _Reading(names=vocabulary("lat lon lng long x y"), beside=frozenset({"GEO"}), entity="GEO"),
)
_PATIENTS: Final = frozenset({"HEALTH", "MEDICAL_RECORD", "HEALTH_PLAN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is around a column.

    Attributes:
        noun: What a row is, in the singular; empty if the table's name does not tell.
        is_people: Whether the rows are people.
        is_things: Whether the rows are things that no name of a person stands for.
        is_medical: Whether they tell of somebody's health.
        names: Of each column, the entities that its own name speaks for, and the name where it is
            one word.
    """

    noun: str
    is_people: bool
    is_things: bool
    is_medical: bool
    names: Mapping[str, frozenset[str]]

    def is_open(self, name: str) -> bool:
        """Tell whether a column's name says nothing unless one knows what the rows are."""
        parts = words(name)
        return len(parts) == 1 and parts[0] in _OPEN_NAMES

    def rank(self, name: str, entities: Mapping[str, Entity]) -> list[tuple[str, float]]:
        """Rank what a column's name may stand for here, the likeliest first."""
        parts = words(name)
        read = {one for one in self._read(name, parts) if one in entities}
        if self.is_open(name) and self.noun and not self.is_things and parts[0] != "title":
            parts = (self.noun, "name" if parts[0] in _OTHER_NAMES else parts[0])
        ranked = dict(rank_name(parts, entities)) | dict.fromkeys(read, _READ)
        return sorted(ranked.items(), key=lambda item: -item[1])

    def _read(self, name: str, parts: tuple[str, ...]) -> set[str]:
        others = {one for other, found in self.names.items() if other != name for one in found}
        # The first and the last name explain each other.
        others |= {"PEOPLE"} if self.is_people else set()
        return {
            reading.entity
            for reading in _READINGS
            if parts and reading.names.issuperset(parts) and reading.beside & others
        }


def survey(relation: str, names: Sequence[str], entities: Mapping[str, Entity]) -> Surroundings:
    """Say what the rows of a table are.

    Args:
        relation: The table's name; of values in documents, the key above.
        names: Of all columns.
        entities: What to look for in the names.
    """
    found = {name: _sure(words(name), entities) for name in names}
    noun = _noun(relation)
    kinds = frozenset[str]().union(*found.values())
    alone = {parts[0] for parts in map(words, names) if len(parts) == 1}
    told = len(kinds & _PERSONAL) > 1 or {"first", "last"} <= alone
    is_people = told or noun in _PEOPLE_WORDS
    return Surroundings(
        noun=noun,
        is_people=is_people,
        is_things=not is_people and (noun in _THING_WORDS or len(alone & _OF_THINGS) > 1),
        is_medical=noun in _MEDICAL_WORDS or bool(kinds & _PATIENTS),
        names=found,
    )


def _sure(parts: tuple[str, ...], entities: Mapping[str, Entity]) -> frozenset[str]:
    named = {entity for entity, score in rank_name(parts, entities) if score >= _SURE}
    return frozenset({*named, *(parts if len(parts) == 1 else ())})


def _noun(relation: str) -> str:
    """Return the word that tells what the rows are: the last that is known, else the last."""
    parts = [singular(word) for word in words(relation) if word not in _AROUND]
    known = [word for word in parts if word in _PEOPLE_WORDS or word in _THING_WORDS]
    return (known or parts or [""])[-1]
