"""The order of rows, and what depends on it, does not tell the order of sensitive values."""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from maskline.redteam import as_twin_of
from maskline.tokens import Keyring

HERE = Path(__file__).parent
ENGINES = {"d": "duckdb", "s": "sqlite", "p": "postgres"}
COUNT = 150
LABELS = """
    {schema}.plain: {{id: PUBLIC, ssn: US_SSN, email: EMAIL_ADDRESS, country: PUBLIC, pad: PUBLIC}}
    {schema}.clustered: {{id: PUBLIC, email: EMAIL_ADDRESS}}
"""


def cases(kind: str) -> list[Any]:
    found = tomllib.loads((HERE / "orders.toml").read_text(encoding="utf-8"))
    return [
        pytest.param(
            {
                **entry,
                "engine": ENGINES[letter],
                "sql": entry.get(ENGINES[letter], entry.get("sql")),
            },
            letter in entry.get("leaks_on", "dsp") and entry.get("leaks", ""),
            id=f"{entry['id']}-{ENGINES[letter]}",
        )
        for entry in found[kind]
        for letter in entry["on"]
    ]


def ssn_of(key: int) -> str:
    return f"{100 + key:03}-45-6{key:03}"


def email_of(key: int) -> str:
    return f"user{key:04}@canary.example"


def world_of(keys: list[int], engine: str) -> list[str]:
    """Return a table whose sensitive values sort like the keys, and indexes over it."""
    rows = [
        f"({i}, '{ssn_of(key)}', '{email_of(key)}', '{('US', 'DE')[i % 2]}', '{'x' * 400}')"
        for i, key in enumerate(keys, start=1)
    ]
    last = " WITHOUT ROWID" if engine == "sqlite" else ""
    return [
        "CREATE TABLE plain (id INTEGER PRIMARY KEY, ssn TEXT, email TEXT, country TEXT, pad TEXT)",
        f"INSERT INTO plain VALUES {', '.join(rows)}",
        "CREATE INDEX by_ssn ON plain (ssn, id)",
        "CREATE INDEX by_country ON plain (country, ssn)",
        f"CREATE TABLE clustered (email TEXT PRIMARY KEY, id INTEGER){last}",
        "INSERT INTO clustered SELECT email, id FROM plain",
    ]


def shuffled_keys() -> list[int]:
    return [(i * 67 + 13) % COUNT for i in range(COUNT)]


@pytest.fixture(scope="module")
def ordered(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_redteam_world: Callable[..., Any],
) -> Iterator[Callable[[str], list[Any]]]:
    """Hand out two worlds of an engine; the second has its sensitive values the other way round.

    Both have the same tokens, so that whatever follows the order of tokens is the same in both.
    """
    made: dict[str, list[Any]] = {}

    def worlds(engine: str) -> list[Any]:
        if engine not in made:
            keys = shuffled_keys()
            keyring = Keyring.generate()
            turned = [COUNT - 1 - key for key in keys]
            made[engine] = [
                new_redteam_world(engine, world_of(each, engine), LABELS, keyring)
                for each in (keys, turned)
            ]
            as_twin_of(made[engine][0].door.session, {})
            partners = [(ssn_of(b), ssn_of(a)) for a, b in zip(keys, turned, strict=True)]
            partners += [(email_of(b), email_of(a)) for a, b in zip(keys, turned, strict=True)]
            as_twin_of(made[engine][1].door.session, dict(partners))
            if engine == "postgres":
                from adbc_driver_postgresql import dbapi

                for world in made[engine]:
                    with (
                        closing(dbapi.connect(world.url, autocommit=True)) as link,
                        closing(link.cursor()) as at,
                    ):
                        at.execute("VACUUM ANALYZE plain")
        return made[engine]

    yield worlds
    for both in made.values():
        for world in both:
            world.door.session.close()


def rise(answer: Any, position: int = 0) -> float:
    """Return how often a person follows one whose value is smaller: a half, where chance rules."""
    keys = shuffled_keys()
    ids = [row[answer.names.index("id")] for row in answer.rows if row[position]]
    ranks = [keys[each - 1] for each in ids]
    pairs = list(pairwise(ranks))
    return sum(a < b for a, b in pairs) / len(pairs)


@pytest.mark.parametrize(("case", "leaks"), cases("order"))
def test_the_raw_order_follows_the_values(
    case: dict[str, str], leaks: str, ordered: Callable[[str], list[Any]]
) -> None:
    answer = ordered(case["engine"])[0].raw(case["sql"])

    assert answer.is_answered, answer.error
    assert not 0.2 < rise(answer) < 0.8


@pytest.mark.parametrize(("case", "leaks"), cases("order"))
def test_the_masked_order_does_not_follow_the_values(
    case: dict[str, str],
    leaks: str,
    ordered: Callable[[str], list[Any]],
    request: pytest.FixtureRequest,
) -> None:
    if leaks:
        request.applymarker(pytest.mark.xfail(reason=leaks, strict=True))

    answer = ordered(case["engine"])[0].masked(case["sql"])

    assert not answer.is_answered or 0.3 < rise(answer) < 0.7


@pytest.mark.parametrize(("case", "leaks"), cases("pick"))
def test_a_raw_pick_by_order_tells_the_worlds_apart(
    case: dict[str, str], leaks: str, ordered: Callable[[str], list[Any]]
) -> None:
    one, other = ordered(case["engine"])

    assert one.raw(case["sql"]).told != other.raw(case["sql"]).told


@pytest.mark.parametrize(("case", "leaks"), cases("pick"))
def test_a_masked_pick_by_order_does_not_tell_the_worlds_apart(
    case: dict[str, str],
    leaks: str,
    ordered: Callable[[str], list[Any]],
    request: pytest.FixtureRequest,
) -> None:
    if leaks:
        request.applymarker(pytest.mark.xfail(reason=leaks, strict=True))
    one, other = ordered(case["engine"])

    # What chance picks may be told apart; then it must not be the same twice in each world.
    pairs = [[world.masked(case["sql"]).told for _ in range(4)] for world in (one, other)]

    first, second = (set(map(repr, each)) for each in pairs)
    assert first == second or (len(first) > 1 and len(second) > 1)
