"""The differential oracle over masks of numbers, dates, areas and networks.

A table of people, whose columns are generalised, shifted or given noise, is asked through maskline
and in a masked copy: whether the engine computes with the masks, or the answer is masked.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

ENGINES = ["duckdb", "sqlite", "postgres"]
COLUMNS = {
    "id": ("INTEGER", "PUBLIC"),
    "born": ("DATE", "DATE_OF_BIRTH"),
    "came": ("DATE", "HEALTH"),
    "went": ("DATE", "HEALTH"),
    "seen": ("TIMESTAMP", "HEALTH"),
    "expires": ("TIMESTAMP", "CARD_EXPIRY"),
    "age": ("INTEGER", "AGE"),
    "zip": ("VARCHAR(10)", "ZIP_CODE"),
    "host": ("VARCHAR(45)", "IP_ADDRESS"),
    "pay": ("INTEGER", "FINANCIAL"),
    "fee": ("DECIMAL(10, 2)", "FINANCIAL"),
    "rate": ("DOUBLE PRECISION", "FINANCIAL"),
    "debt": ("BIGINT", "BANK_ACCOUNT"),
    "owed": ("DECIMAL(10, 2)", "BANK_ACCOUNT"),
    "lat": ("DOUBLE PRECISION", "GEO"),
}
MASKS = """masks:
  DATE_OF_BIRTH: {generalize: {to: year}}
  CARD_EXPIRY: {generalize: {to: quarter}}
  HEALTH: {shift: {days: 90}}
  AGE: {generalize: {age: 89}}
  ZIP_CODE: {generalize: {zip: 3}}
  IP_ADDRESS: {generalize: {ip: 24, ip6: 48}}
  FINANCIAL: {noise: {percent: 20}}
  BANK_ACCOUNT: {generalize: {step: 1000}}
  GEO: {generalize: {decimals: 1}}
"""
PEOPLE = """
  (1, '1931-05-06', '2024-02-29', '2024-03-07', '2024-02-29 23:59:59', '2027-05-31 12:00:00', 93,
    '94110', '192.168.7.9', 52000, 12.50, 0.625, 1999, -0.01, 52.5163),
  (2, '1990-12-31', '2024-03-01', '2024-03-01', '2024-03-01 00:00:00', '2026-01-01 00:00:00', 33,
    '02139-4307', '2001:db8:7:1::9', 61000, 99.99, -1.5, -1, 1500.00, -13.3777),
  (3, '2001-01-01', '2023-12-31', '2024-01-05', '2023-12-31 08:30:00', '2026-12-31 23:59:59', 23,
    '03601', '10.0.0.1', 0, 0.00, 0.0, 0, 999.99, 0.25),
  (4, '1991-07-08', '2024-02-29', '2024-03-02', '2024-02-29 23:59:59', '2026-02-03 04:05:06', 33,
    '94105', '192.168.7.200', 52000, -7.25, 10.5, 123456789012, -2000.00, 52.5201),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
QUERIES = [
    "SELECT * FROM people",
    "SELECT id, born FROM people WHERE born IS NOT NULL",
    "SELECT zip, count(*) AS n FROM people GROUP BY zip",
    "SELECT host, count(*) AS n, min(age) AS youngest FROM people GROUP BY host",
    "SELECT count(born) AS b, count(pay) AS p, count(zip) AS z, count(lat) AS l FROM people",
    "SELECT DISTINCT seen FROM people",
    "SELECT DISTINCT age, debt FROM people",
    "SELECT a.id, b.id AS other FROM people AS a JOIN people AS b ON a.came = b.came",
    "SELECT a.id, b.id AS other FROM people AS a JOIN people AS b ON a.pay = b.pay",
    "SELECT a.id, b.id AS other FROM people AS a JOIN people AS b ON a.zip = b.zip",
    "SELECT id FROM people WHERE came < went",
    "SELECT id FROM people WHERE pay IS NULL",
    "SELECT id FROM people WHERE debt >= 1000 OR lat < 0",
    "SELECT id FROM people WHERE age > 89",
    "SELECT id FROM people WHERE zip LIKE '941%'",
    "SELECT id, pay + 1 AS more FROM people",
    "SELECT sum(pay) AS s, max(debt) AS d, max(lat) AS l FROM people",
    "SELECT max(born) AS last, min(came) AS first, max(seen) AS seen FROM people",
    "SELECT id, coalesce(zip, 'none') AS z, upper(host) AS h FROM people",
    "SELECT id, CASE WHEN lat > 50 THEN 'north' ELSE 'south' END AS side FROM people",
]
COMPUTED_DECIMALS = [
    "SELECT id, fee * 2 AS double_fee FROM people",
    "SELECT id FROM people WHERE owed < 0",
    "SELECT DISTINCT owed FROM people",
    "SELECT min(owed) AS o, max(fee) AS f FROM people",
]
DAYS = {
    "duckdb": "SELECT id, went - came AS days FROM people",
    "sqlite": "SELECT id, julianday(went) - julianday(came) AS days FROM people",
    "postgres": "SELECT id, went - came AS days FROM people",
}


@pytest.fixture(scope="module")
def coarse_pairs(oracle_makers: Any) -> Iterator[Callable[[str], Any]]:
    """Hand out the people of an engine and their masked copy."""
    made: dict[str, Any] = {}
    table = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    labels = ", ".join(f"{name}: {entity}" for name, (_, entity) in COLUMNS.items())

    def pair(engine: str) -> Any:
        if engine not in made:
            schema = "public" if engine == "postgres" else "main"
            empty = [f"CREATE TABLE people ({table})"]
            made[engine] = oracle_makers.pair(
                engine,
                filled=[*empty, f"INSERT INTO people VALUES {PEOPLE}"],
                empty=empty,
                tables=["people"],
                labels=f"labels:\n  shop:\n    {schema}.people: {{{labels}}}\n{MASKS}",
            )
        return made[engine]

    yield pair
    for each in made.values():
        each.close()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_gives_what_it_gives_on_the_masked_copy(
    engine: str, sql: str, coarse_pairs: Callable[[str], Any]
) -> None:
    pair = coarse_pairs(engine)

    assert pair.answer(sql) == pair.copy.ask(sql)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sql", COMPUTED_DECIMALS)
def test_a_query_that_computes_with_decimals_gives_what_it_gives_on_the_masked_copy(
    engine: str, sql: str, coarse_pairs: Callable[[str], Any]
) -> None:
    pair = coarse_pairs(engine)

    assert pair.answer(sql) == pair.copy.ask(sql)


@pytest.mark.parametrize("engine", ENGINES)
def test_days_between_dates_are_what_they_are(
    engine: str, coarse_pairs: Callable[[str], Any]
) -> None:
    answer = coarse_pairs(engine).answer(DAYS[engine])

    assert answer == {(1, 7): 1, (2, 0): 1, (3, 5): 1, (4, 2): 1, (5, None): 1}


@pytest.mark.parametrize("engine", ENGINES)
def test_values_are_masked_as_the_policy_says(
    engine: str, coarse_pairs: Callable[[str], Any]
) -> None:
    masked = dict(
        zip(COLUMNS, zip(*coarse_pairs(engine).masked["people"], strict=True), strict=True)
    )

    assert masked["born"] == ("1931-01-01", "1990-01-01", "2001-01-01", "1991-01-01", None)
    assert [text and text[:10] for text in masked["expires"]] == [
        *("2027-04-01", "2026-01-01", "2026-10-01", "2026-01-01"),
        None,
    ]
    assert masked["age"] == (90, 33, 23, 33, None)
    assert masked["zip"] == ("94100", "02100", "00000", "94100", None)
    assert masked["host"] == ("192.168.7.0", "2001:db8:7::", "10.0.0.0", "192.168.7.0", None)
    assert masked["debt"] == (1000, -1000, 0, 123_456_789_000, None)
    assert masked["owed"] == (-1000, 1000, 0, -2000, None)
    assert masked["lat"] == (52.5, -13.4, 0.2, 52.5, None)
    assert masked["came"][0] == masked["came"][3] != "2024-02-29"
    assert 41_600 <= masked["pay"][0] == masked["pay"][3] <= 62_400
    assert masked["pay"][2] is masked["fee"][2] is masked["rate"][2] is None
    assert 79.99 <= masked["fee"][1] <= 119.99
    assert masked["fee"][1] != 99.99
