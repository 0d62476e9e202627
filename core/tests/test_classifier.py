"""What columns are said to be, by their names and values."""

import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from maskline._detectors import BUILTIN
from maskline._detectors.columns import Sampled, classify, classify_name, classify_table
from maskline.entities import Category, Entity, builtin_entities
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Kind
from maskline.patterns import PatternDetector, PatternRule

DATA = Path(__file__).parents[3] / "shared" / "data"
ENTITIES = builtin_entities()


def look(name, values=None, *, kind=Kind.TEXT, relation="", entities=ENTITIES, detectors=BUILTIN):
    sample = None if values is None else pa.array(values, pa.string())
    return classify(
        name,
        kind=kind,
        sample=sample,
        detectors=detectors,
        entities=entities,
        relation=relation,
    )


@pytest.mark.parametrize(
    ("name", "entity"),
    [
        ("email", "EMAIL_ADDRESS"),
        ("EmailAddress", "EMAIL_ADDRESS"),
        ("user_emails", "EMAIL_ADDRESS"),
        ("e-mail", "EMAIL_ADDRESS"),
        ("CUST_PHONE_NO", "PHONE_NUMBER"),
        ("homePhone2", "PHONE_NUMBER"),
        ("firstname", "PERSON"),
        ("lastName", "PERSON"),
        ("prénom", "PERSON"),
        ("Geburtsdatum", "DATE_OF_BIRTH"),
        ("fecha_nacimiento", "DATE_OF_BIRTH"),
        ("Straße", "STREET_ADDRESS"),
        ("billingAddressLine1", "STREET_ADDRESS"),
        ("BillingCity", "LOCATION"),
        ("postcode", "ZIP_CODE"),
        ("SSN", "US_SSN"),
        ("cc_number", "CREDIT_CARD"),
        ("cvv2", "CVV"),
        ("api_key", "API_KEY"),
        ("HTTPClientIp", "IP_ADDRESS"),
        ("patient_diagnosis", "HEALTH"),
        ("cities", "LOCATION"),
        ("addresses", "STREET_ADDRESS"),
        ("taxes_address", "STREET_ADDRESS"),
    ],
)
def test_a_name_alone_is_understood(name, entity):
    found = classify_name(name, ENTITIES)

    assert found is not None
    assert found[0] == entity
    assert found[1] >= 0.5


@pytest.mark.parametrize(
    "name", ["email_verified", "phone_count", "is_email", "num_credit_card", "card_number_length"]
)
def test_a_name_about_a_thing_is_not_the_thing(name):
    found = classify_name(name, ENTITIES)

    assert found is not None
    assert found[1] < 0.5


@pytest.mark.parametrize("name", ["quantity", "x", "", "山", "42", "of", "cityscape", "manage"])
def test_a_name_that_says_nothing_stands_for_nothing(name):
    assert classify_name(name, ENTITIES) is None


EMAILS = [f"user{number}@example.com" for number in range(30)]
CARDS = ["4111111111111111", "5555555555554444", "378282246310005"]


@pytest.mark.parametrize("name", ["col7", "x", "notes", "city"])
def test_values_that_check_themselves_decide_whatever_the_name(name):
    assert look(name, EMAILS).entity == "EMAIL_ADDRESS"
    assert look(name, CARDS).entity == "CREDIT_CARD"


@pytest.mark.parametrize(
    ("name", "values", "entity"),
    [
        ("email", ["yes", "no"] * 9, PUBLIC),
        ("email", [*EMAILS[:8], *["ask the office"] * 12], "EMAIL_ADDRESS"),
        ("city", ["1", "2", "3"], PUBLIC),
        ("state", ["CA", "NY"], "LOCATION"),
        ("age", ["33", "71"], "AGE"),
        ("age", ["18-24", "25-39", "65+"], "AGE"),
        ("age", ["22 weeks and a day"] * 3, PUBLIC),
        ("cvv", ["123", "9876"], "CVV"),
        ("security_code", ["alpha", "beta", "gamma"], FREE_TEXT),
        ("expires", ["12/2022", "01/2030"], "CARD_EXPIRY"),
        ("ssn", ["70906649", "16325404"], "US_SSN"),
        ("card_number", ["1234567812345678", "4111 1111 1111 1112"], "CREDIT_CARD"),
        ("iban", ["DE00370400440532013000"], "IBAN_CODE"),
        ("zip", ["12227-000", "H2G 1A7", "0171"], "ZIP_CODE"),
        ("lat", ["48.85661", "-33.868"], "GEO"),
        ("lat", ["0", "7"], PUBLIC),
        ("salary", ["$52,000", "61000"], "FINANCIAL"),
        ("credit_score", ["Good", "Poor"] * 5, PUBLIC),
        ("title", ["Mr", "Mrs.", "Dr"], "TITLE"),
        ("title", ["General Manager", "Sales Agent"], "OCCUPATION"),
        ("sex", ["1", "2"], "GENDER"),
        ("passport_no", ["C01X00T47", "X1234567"], "PASSPORT"),
        ("license_no", ["MIT", "BSD"], FREE_TEXT),
        ("mac", ["00:1a:2b:3c:4d:5e"], "MAC_ADDRESS"),
        ("website", ["finaid.example.edu/", "www.example.edu"], "URL"),
        ("link", ["weak", "strong"] * 5, PUBLIC),
        ("swift", ["DEUTDEFF", "NEDSZAJJXXX"], "SWIFT_CODE"),
        ("username", ["jdoe", "ann7"], "USERNAME"),
        ("username", ["17", "18"], PUBLIC),
        ("password", ["$2b$12$abcdef", "x"], "PASSWORD"),
        ("born", ["1962-02-18", "1958-12-08"], "DATE_OF_BIRTH"),
        ("born", ["Vienna", "Graz", "Linz"], FREE_TEXT),
        ("company", ["Embraer - Empresa Brasileira de Aeronáutica S.A."], "ORGANIZATION"),
    ],
)
def test_a_name_is_believed_unless_the_values_veto_it(name, values, entity):
    assert look(name, values).entity == entity


@pytest.mark.parametrize(
    ("values", "entity"),
    [
        (["+49 30 1234567", "(212) 555-0100", "1-212-555-0199"], "PHONE_NUMBER"),
        (["Hazel Robinson", "Thomas Lee", "Maria de Souza", "Peter Clark"], "PERSON"),
        (["Mr", "Ms", "Dr."], "TITLE"),
        (["Male", "Female", "Agender"], "GENDER"),
        (["462 Rose Lane", "3606 Federal Boulevard", "3 Madison Street"], "STREET_ADDRESS"),
        (["3GTP1VEC4EG551563", "1GCSCSE06AZ123805"], "VEHICLE_ID"),
        (["good", "bad", "fair"] * 5, PUBLIC),
        (["yes", "no"], PUBLIC),
        (["word " * 200, "other words " * 300], FREE_TEXT),
        (["1.5", "2.25", "nan", "-"], PUBLIC),
        (["26.822619623699016", "31.94496005538421"], PUBLIC),
        (["2020-01-01", "2021-05-06"], PUBLIC),
        (["6f1c2c1e-3a9d-4d4e-9f53-000000000001"], PUBLIC),
        (["a new idea", "some other words", "whatever it is"], FREE_TEXT),
        (["call me", "write to a@b.example", "come by", "ok"], FREE_TEXT),
        ([*EMAILS[:5], *(f"+1 212 555 01{n}" for n in range(10, 15))], FREE_TEXT),
    ],
)
def test_values_speak_where_the_name_does_not(values, entity):
    assert look("col7", values).entity == entity


def test_free_text_says_what_was_found_in_it():
    label = look("notes", ["call me", "write to a@b.example", "come by", "ok"])

    assert label.entity == FREE_TEXT
    assert label.evidence == "EMAIL_ADDRESS in 25% of 4 values"


@pytest.mark.parametrize(
    ("relation", "entity"),
    [
        ("customer", "PERSON"),
        ("Employees", "PERSON"),
        ("people", "PERSON"),
        ("company", "ORGANIZATION"),
        ("cities", "LOCATION"),
        ("track", PUBLIC),
        ("MediaType", PUBLIC),
        ("playlists", PUBLIC),
        ("zzz", FREE_TEXT),
        ("", FREE_TEXT),
        ("42", FREE_TEXT),
    ],
)
def test_what_an_open_name_means_depends_on_the_relation(relation, entity):
    assert look("name", ["Alpha Beta", "Gamma Delta", "Zeta"], relation=relation).entity == entity


def test_an_open_name_is_a_persons_where_the_values_look_like_people():
    people = ["Anna Smith", "Zed Zimmer", "Ivo Weel", "Otto Klum", "Uma Dirk", "Kay Reed"]

    assert look("name", people).entity == "PERSON"
    assert look("nom", people, relation="clients").entity == "PERSON"


def test_a_title_in_a_table_of_people_is_an_occupation_where_it_is_one():
    assert look("title", ["Sales Manager", "IT Staff"], relation="employee").entity == "OCCUPATION"
    assert look("title", ["Big Ones", "Let There Be Rock"], relation="album").entity == PUBLIC


def test_a_number_in_a_table_of_cards_is_a_card_number():
    label = look("number", ["4111 1111 1111 1112"], relation="credit_cards")

    assert label.entity == "CREDIT_CARD"


@pytest.mark.parametrize(
    ("name", "kind", "values", "entity"),
    [
        ("customer_id", Kind.INTEGER, ["1", "2"], PUBLIC),
        ("customer_id", Kind.TEXT, ["CUS_0xd40", "CUS_0xd41"], PUBLIC),
        ("total", Kind.NUMBER, ["1.98", "3.96"], PUBLIC),
        ("salary", Kind.NUMBER, ["52000.0"], "FINANCIAL"),
        ("city", Kind.INTEGER, ["17"], PUBLIC),
        ("name", Kind.INTEGER, ["17"], PUBLIC),
        ("x", Kind.INTEGER, CARDS, "CREDIT_CARD"),
        ("x", Kind.INTEGER, [*CARDS, *(str(n) for n in range(6))], "CREDIT_CARD"),
        ("latitude", Kind.NUMBER, ["48.85661"], "GEO"),
        ("birth_date", Kind.DATE, ["1962-02-18"], "DATE_OF_BIRTH"),
        ("birth_date", Kind.TIMESTAMP, None, "DATE_OF_BIRTH"),
        ("hire_date", Kind.TIMESTAMP, ["2002-08-14"], PUBLIC),
        ("pregnant", Kind.BOOLEAN, ["true"], "HEALTH"),
        ("email", Kind.BOOLEAN, None, PUBLIC),
        ("active", Kind.BOOLEAN, None, PUBLIC),
        ("email", Kind.TEXT, None, "EMAIL_ADDRESS"),
        ("email", Kind.TEXT, [None, " ", "NULL"], "EMAIL_ADDRESS"),
        ("thing", Kind.TEXT, None, UNKNOWN),
        ("track_id", Kind.INTEGER, None, PUBLIC),
        ("track_id", Kind.TEXT, None, UNKNOWN),
        ("bytes", Kind.INTEGER, None, UNKNOWN),
        ("city", Kind.INTEGER, None, UNKNOWN),
        ("ssn", Kind.INTEGER, None, "US_SSN"),
        ("photo", Kind.BINARY, ["x"], UNKNOWN),
        ("email", Kind.BINARY, ["a@b.example"], UNKNOWN),
        ("payload", Kind.JSON, None, UNKNOWN),
        ("email", Kind.OTHER, EMAILS, "EMAIL_ADDRESS"),
    ],
)
def test_the_kind_of_the_values_counts(name, kind, values, entity):
    assert look(name, values, kind=kind).entity == entity


DOCUMENTS = [
    json.dumps(
        {
            "buyer": {"phone": f"+1 212 555 01{number}", "name": f"Anna B{number}"},
            "items": [{"sku": "A-1", "price": 1.5}, {"sku": "B-2", "price": 2}],
            "tags": ["new", "old"],
            "contacts": [f"a{number}@b.example"],
            "by_mail": {f"a{number}@b.example": 1},
            f"Person{number}": 1,
            "none": None,
        }
    )
    for number in range(10, 60)
]


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.JSON])
def test_documents_are_labelled_path_by_path(kind):
    label = look("payload", [*DOCUMENTS, "{"], kind=kind)
    paths = dict(label.paths)

    assert label.entity == JSON
    assert paths["$.buyer.phone"] == "PHONE_NUMBER"
    assert paths["$.buyer.name"] == "PERSON"
    assert paths["$.items[*].sku"] == PUBLIC
    assert paths["$.items[*].price"] == PUBLIC
    assert paths["$.contacts[*]"] == "EMAIL_ADDRESS"


def test_a_key_that_is_data_is_written_nowhere():
    label = look("payload", DOCUMENTS)

    assert not [path for path, _ in label.paths if "@" in path or "Person" in path]


def test_a_document_without_keys_has_a_path_too():
    assert look("payload", ['"one"', '"two words"', "[1]"], kind=Kind.JSON).paths == (
        ("$", FREE_TEXT),
        ("$[*]", PUBLIC),
    )


def beside(relation, **columns):
    labels = classify_table(
        [
            Sampled(name=name, kind=Kind.TEXT, values=pa.array(values, pa.string()))
            for name, values in columns.items()
        ],
        detectors=BUILTIN,
        entities=ENTITIES,
        relation=relation,
    )
    return {name: label.entity for name, label in zip(columns, labels, strict=True)}


WORDS = ["Weel", "Klum", "Dirk", "Reed", "Zimmer", "Orlop", "Quast", "Fink"]


def test_a_first_and_a_last_name_explain_each_other():
    assert beside("t", first=WORDS, last=WORDS) == {"first": "PERSON", "last": "PERSON"}
    assert beside("t", first=WORDS)["first"] != "PERSON"


def test_people_are_told_by_what_is_known_of_them():
    facts = {"sex": ["m", "f"] * 4, "age": ["31", "45"] * 4}

    assert beside("event", name=WORDS, **facts)["name"] == "PERSON"
    assert beside("event", name=WORDS)["name"] == PUBLIC


@pytest.mark.parametrize(
    ("name", "values", "neighbour", "around", "entity"),
    [
        ("st", ["CA", "NY", "TX"], "zip", ["12345", "98765"], "LOCATION"),
        ("apt", ["4b", "12"], "street", ["1 Main Street"], "STREET_ADDRESS"),
        ("number", ["12", "7a"], "street", ["Main Street"], "STREET_ADDRESS"),
        ("exp", ["01/30", "12/31"], "card_number", CARDS, "CARD_EXPIRY"),
        ("code", ["123", "987"], "card_number", CARDS, "CVV"),
        ("home", ["+1 212 555 0100"], "phone", ["+1 212 555 0101"], "PHONE_NUMBER"),
        ("pincode", ["825511", "263536"], "city", ["Patna", "Pune"], "ZIP_CODE"),
    ],
)
def test_a_short_name_means_what_its_neighbour_says(name, values, neighbour, around, entity):
    assert beside("t", **{name: values, neighbour: around})[name] == entity


@pytest.mark.parametrize(
    ("name", "values", "entity"),
    [
        ("pw_hash", ["$2b$12$abcdefghijklmnopqrstuv", "{SSHA}c2FsdA=="], "PASSWORD"),
        ("contact", ["9348350690", "9396495854"], "PHONE_NUMBER"),
        ("contact", ["cellular", "telephone"] * 9, PUBLIC),
        ("state", ["open", "closed"] * 9, PUBLIC),
        ("annual_income_total", ["<=50K", ">50K"], "FINANCIAL"),
        ("ref", ["203415759", "703304045", "543203852"], UNKNOWN),
        ("nif", ["55093990C", "96955823J"], "ES_NIF"),
        ("cpf", ["614.104.712-25", "365.673.790-81"], "BR_CPF"),
        ("vin", ["3GTP1VEC4EG551563", "1GCSCSE06AZ123805"], "VEHICLE_ID"),
        ("postcode", ["T5K 2N1", "M5V 3L9"], "ZIP_CODE"),
        ("born", ["1962-02-18"], "DATE_OF_BIRTH"),
        ("posted", ["1962-02-18", "2001-01-01"], PUBLIC),
    ],
)
def test_more_is_told_by_the_values(name, values, entity):
    assert look(name, values).entity == entity


def test_days_tell_of_people_only_where_health_is_told():
    days = ["2020-01-01", "2021-05-06"]

    assert beside("stay", admitted_on=days, diagnosis=["Asthma", "Gout"])["admitted_on"] == (
        "DATE_TIME"
    )
    assert beside("hotel", admitted_on=days)["admitted_on"] == PUBLIC


def test_evidence_never_quotes_a_value():
    canary = "canary7@secret.example"
    labels = [
        look("col", [canary]),
        look("notes", [f"to {canary} and others"] * 2),
        look("email", [canary, "x", "y", "z"]),
        look("payload", [json.dumps({canary: canary})]),
    ]

    assert "canary" not in repr(labels)


def test_of_two_likely_labels_the_stricter_is_taken():
    loose = Entity(name="LOOSE", title="", slug="a", category=Category.PII, names=("thing",))
    strict = Entity(name="STRICT", title="", slug="b", category=Category.SECRET, names=("thing",))
    entities = {"LOOSE": loose, "STRICT": strict}

    assert look("thing", ["a", "b"], entities=entities).entity == "STRICT"
    assert classify_name("thing", entities) == ("STRICT", pytest.approx(0.9))


def test_an_entity_of_a_plugin_is_found_by_its_detector():
    rule = PatternRule(entity="STAR_DATE", pattern=r"SD\d+", score=0.9, trigger="SD")
    detectors = (*BUILTIN, PatternDetector("stars", [rule]))
    star = Entity(name="STAR_DATE", title="", slug="star", category=Category.PII)

    known = look("x", ["SD1", "SD2"], detectors=detectors, entities={**ENTITIES, "STAR_DATE": star})
    unknown = look("x", ["SD1", "SD2"], detectors=detectors)

    assert known.entity == "STAR_DATE"
    assert unknown.entity == FREE_TEXT


PERSONAL = {
    "FirstName": "PERSON",
    "LastName": "PERSON",
    "Company": "ORGANIZATION",
    "Address": "STREET_ADDRESS",
    "City": "LOCATION",
    "State": "LOCATION",
    "Country": "LOCATION",
    "PostalCode": "ZIP_CODE",
    "Phone": "PHONE_NUMBER",
    "Fax": "PHONE_NUMBER",
    "Email": "EMAIL_ADDRESS",
    "BirthDate": "DATE_OF_BIRTH",
    "Title": "OCCUPATION",
}


def kind_of(declared):
    for start, kind in (
        ("INT", Kind.INTEGER),
        ("NUM", Kind.NUMBER),
        ("DATE", Kind.TIMESTAMP),
    ):
        if declared.startswith(start):
            return kind
    return Kind.TEXT


@pytest.mark.skipif(not DATA.exists(), reason="the sample database is not here")
def test_every_column_of_a_music_shop_is_labelled_right():
    connection = sqlite3.connect(f"file:{DATA / 'chinook.sqlite'}?mode=ro", uri=True)
    try:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found = {}
        for table in tables:
            for _, name, declared, *_ in connection.execute(f"PRAGMA table_info({table})"):
                query = f'SELECT CAST("{name}" AS TEXT) FROM {table} LIMIT 2000'
                values = [value for (value,) in connection.execute(query)]
                label = look(name, values, kind=kind_of(declared), relation=table)
                found[f"{table}.{name}"] = label.entity
    finally:
        connection.close()

    assert found.pop("Track.Composer") in {"PERSON", FREE_TEXT}
    for column, entity in found.items():
        table, _, name = column.partition(".")
        wanted = (
            PERSONAL.get(name.removeprefix("Billing"), PUBLIC)
            if table in {"Customer", "Employee", "Invoice"}
            else PUBLIC
        )
        assert entity == wanted, column


# The names that the labelled columns use for what we call otherwise.
OURS = {
    "NONE": PUBLIC,
    "DATE_TIME": PUBLIC,
    "CUSTOMER_ID": PUBLIC,
    "US_DRIVER_LICENSE": "DRIVER_LICENSE",
    "VIN": "VEHICLE_ID",
}


DIRECT = {
    "CREDIT_CARD",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "PERSON",
    "PHONE_NUMBER",
    "STREET_ADDRESS",
    "US_SSN",
}


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the labelled columns are not here")
def test_labels_of_real_columns_do_not_get_worse():
    lines = (DATA / "detection" / "columns.jsonl").read_text(encoding="utf-8").splitlines()
    tables = {}
    for record in map(json.loads, lines):
        tables.setdefault((record["source"], record["table"]), []).append(record)
    readable = {PUBLIC, FREE_TEXT}
    pairs = []
    for (_, table), records in tables.items():
        columns = [
            Sampled(name=one["name"], kind=Kind.TEXT, values=pa.array(one["values"], pa.string()))
            for one in records
        ]
        labels = classify_table(columns, detectors=BUILTIN, entities=ENTITIES, relation=table)
        pairs += [
            (OURS.get(one["label"], one["label"]), label.entity)
            for one, label in zip(records, labels, strict=True)
        ]
    right = sum(
        wanted in {found, getattr(ENTITIES.get(found), "generic", found)}
        or (wanted == PUBLIC and found in readable)
        for wanted, found in pairs
    )
    sensitive = [found for wanted, found in pairs if wanted not in readable]
    flagged = [wanted for wanted, found in pairs if found not in readable]

    assert right / len(pairs) >= 0.97
    assert sum(found not in readable for found in sensitive) / len(sensitive) >= 0.98
    assert all(found not in readable for wanted, found in pairs if wanted in DIRECT)
    assert sum(wanted not in readable for wanted in flagged) / len(flagged) >= 0.95
