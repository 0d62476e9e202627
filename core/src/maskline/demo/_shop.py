"""Makes up a small shop, the same one each time.

Nobody in it exists: names come from two short lists, addresses end in domains that RFC 2606
reserves, phone numbers are in the range that is kept for fiction, social security numbers are in
areas that were never issued, and cards begin with digits that are used for tests. This module knows
duckdb. It does not know what is masked.
"""

# ruff: noqa: SIM905 - long lists of words read best as text

import json
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa

__all__ = ["PLANTED", "make_shop"]

PLANTED: Final = (
    r"400000\d{10}|AKIA[A-Z2-7]{16}|9\d\d-\d\d-\d{4}|\+1-\d{3}-555-\d{4}|[a-z]+\.[a-z]+\.\d+@"
)
"""What stands inside of texts: cards, keys, numbers, telephones and addresses."""

_SEED: Final = 20_260_101
_CUSTOMERS: Final = 600
_ORDERS: Final = 1_800
_TICKETS: Final = 160
_SUBSCRIBERS: Final = 420
_STRANGERS: Final = 80

_GIVEN: Final = (
    "Amara Bruno Carla Dario Elena Farid Greta Hanna Imran Jonas Keiko Laura Mateo Nadia Oscar "
    "Priya Quinn Rosa Samir Tessa Umar Vera Wanda Xenia Yusuf Zora"
).split()
_FAMILY: Final = (
    "Abara Bergman Castellan Dorsey Eriksen Fontaine Gallardo Hartmann Ivanova Jankowski Kowalska "
    "Lindqvist Moreau Nakamura Okafor Petrov Quintana Rahman Salazar Thorsen Umarov Vasquez "
    "Whitaker Yamada Zielinski"
).split()
_AREAS: Final = ("212", "312", "415", "503", "617", "702", "808", "917")
_CITIES: Final = ("Aurora", "Bristol", "Camden", "Dayton", "Easton", "Fairview")
_DOMAINS: Final = ("example.com", "example.org", "example.net")
_TIERS: Final = ("bronze", "silver", "gold")
_STATES: Final = ("paid", "paid", "paid", "shipped", "shipped", "returned", "chargeback")
_SUBJECTS: Final = ("Refund", "Login", "Delivery", "Invoice", "Card declined", "Export")
_NOTES: Final = (
    "Call {phone} after six.",
    "Moved last spring, wants invoices at {email}.",
    "Identity checked, {ssn}, on the phone.",
    "Likes the blue one best.",
    "",
    None,
    None,
)
_BODIES: Final = (
    "I never got the parcel. Please write to {email} or call {phone}.",
    "My card {card} was charged twice this week, please send one of the two back.",
    "The form wants my social security number again, it is {ssn} as before.",
    "The export job fails. I set AWS_ACCESS_KEY_ID={secret} and it still does.",
    "Could you change the address on my account to {email}? Thank you.",
    "The site is slow since Tuesday, and the basket forgets what I put into it.",
)
_SCHEMAS: Final = {
    "customers": """
        id BIGINT PRIMARY KEY, full_name VARCHAR, email VARCHAR, phone VARCHAR, ssn VARCHAR,
        date_of_birth DATE, city VARCHAR, tier VARCHAR, notes VARCHAR""",
    "orders": """
        id BIGINT PRIMARY KEY, customer_id BIGINT, total DECIMAL(10, 2), status VARCHAR,
        card_number VARCHAR, created_at TIMESTAMP, payload JSON""",
    "support_tickets": """
        id BIGINT PRIMARY KEY, customer_id BIGINT, opened_at TIMESTAMP, subject VARCHAR,
        body VARCHAR""",
    "newsletter": "email VARCHAR, subscribed BOOLEAN, opened INTEGER",
}
_Row = dict[str, object]


def make_shop(path: Path) -> None:
    """Make a DuckDB file with customers, orders, support tickets and a newsletter.

    Args:
        path: Where to; nothing is there yet. The file appears when it is whole.
    """
    import duckdb

    # No secret and no sample of people: what is random here only has to look it.
    chance = random.Random(_SEED)  # noqa: S311
    customers = [_customer(chance, number) for number in range(1, _CUSTOMERS + 1)]
    rows = {
        "customers": customers,
        "orders": [_order(chance, number, customers) for number in range(1, _ORDERS + 1)],
        "support_tickets": [
            _ticket(chance, number, customers) for number in range(1, _TICKETS + 1)
        ],
        "newsletter": _newsletter(chance, customers),
    }
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with duckdb.connect(str(fresh)) as connection:
        for name, schema in _SCHEMAS.items():
            connection.execute(f"CREATE TABLE {name} ({schema})")
            table = pa.Table.from_pylist(rows[name])
            connection.register("rows_to_insert", table)
            connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM rows_to_insert")  # noqa: S608
            connection.unregister("rows_to_insert")
    fresh.replace(path)


def _customer(chance: random.Random, number: int) -> _Row:
    given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
    born = date(1945, 1, 1) + timedelta(days=chance.randrange(21_000))
    person: _Row = {
        "id": number,
        "full_name": f"{given} {family}",
        "email": f"{given}.{family}.{number}@{chance.choice(_DOMAINS)}".lower(),
        "phone": f"+1-{chance.choice(_AREAS)}-555-01{chance.randrange(100):02d}",
        # Areas from 900 on are no social security numbers, and groups below 50 no taxpayer's.
        "ssn": f"9{chance.randrange(100):02d}-{chance.randrange(10, 50)}-{number + 1000:04d}",
        "date_of_birth": born,
        "city": chance.choice(_CITIES),
        "tier": chance.choice(_TIERS),
    }
    note = chance.choice(_NOTES)
    return person | {"notes": note and note.format(**person)}


def _order(chance: random.Random, number: int, customers: list[_Row]) -> _Row:
    buyer = chance.choice(customers)
    payload = {
        "channel": chance.choice(("web", "app", "phone")),
        "items": chance.randrange(1, 6),
        "buyer": {"email": buyer["email"], "phone": buyer["phone"]},
    }
    return {
        "id": number,
        "customer_id": buyer["id"],
        "total": round(chance.uniform(8, 900), 2),
        "status": chance.choice(_STATES),
        "card_number": _card(chance),
        "created_at": datetime(2026, 1, 1) + timedelta(minutes=chance.randrange(400_000)),  # noqa: DTZ001
        "payload": json.dumps(payload),
    }


def _ticket(chance: random.Random, number: int, customers: list[_Row]) -> _Row:
    writer = chance.choice(customers)
    body = chance.choice(_BODIES)
    return {
        "id": number,
        "customer_id": writer["id"],
        "opened_at": datetime(2026, 2, 1) + timedelta(minutes=chance.randrange(300_000)),  # noqa: DTZ001
        "subject": chance.choice(_SUBJECTS),
        "body": body.format(**writer, card=_card(chance), secret=_secret(chance)),
    }


def _newsletter(chance: random.Random, customers: list[_Row]) -> list[_Row]:
    known = [customer["email"] for customer in chance.sample(customers, _SUBSCRIBERS)]
    strangers = [
        f"reader.{number}@{chance.choice(_DOMAINS)}" for number in range(1, _STRANGERS + 1)
    ]
    return [
        {"email": email, "subscribed": chance.random() < 0.8, "opened": chance.randrange(40)}  # noqa: PLR2004
        for email in (*known, *strangers)
    ]


def _card(chance: random.Random) -> str:
    digits = [4, 0, 0, 0, 0, 0, *(chance.randrange(10) for _ in range(9))]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[::2])  # noqa: PLR2004 - Luhn
    check = -(sum(doubled) + sum(digits[1::2])) % 10
    return "".join(map(str, [*digits, check]))


def _secret(chance: random.Random) -> str:
    # In two pieces, so that no scanner takes this file for a leak.
    return "AK" + "IA" + "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))
