"""Databases full of canaries for the tests; what they are made of is shipped with maskline."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from maskline.redteam import (
    ENGINES,
    LABELS,
    Attack,
    Door,
    Oracle,
    World,
    Worlds,
    definitions,
    fill,
    open_door,
    people,
    read_attacks,
)
from maskline.tokens import Keyring

EVERYTHING = """
plugins: [openlineage]
sinks: {jsonl: {path: out/events.jsonl}, openlineage: {path: out/lineage.jsonl}}
"""
PROBES = (
    "SELECT c::text FROM customers AS c",
    "SELECT o::text FROM orders AS o",
    "SELECT oid::text, relname::text, relacl::text FROM pg_class",
    "SELECT oid::text, proname::text FROM pg_proc",
    "SELECT oid::text FROM pg_largeobject_metadata",
    "SELECT description FROM pg_description WHERE objoid >= 16384",
    "SELECT last_value::text, is_called::text FROM counter",
)
_ATTACKS = {f"{each.family}-{each.id}-{each.engine}": each for each in read_attacks()}


@pytest.fixture(scope="session")
def new_postgres(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Run a script in a new database of a real server, and return its URL."""

    def new(script: str) -> str:
        url: str = request.getfixturevalue("new_postgres_url")()
        request.getfixturevalue("postgres_run")(url, script)
        return url

    return new


@pytest.fixture(scope="session")
def redteam_worlds(
    new_postgres: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Worlds]]:
    """Hand out two worlds of an engine. They are made when first asked for."""
    made: dict[str, Worlds] = {}

    def worlds(engine: str) -> Worlds:
        if engine not in made:
            folders = [tmp_path_factory.mktemp(f"redteam_{engine}_{name}") for name in "AB"]
            made[engine] = Worlds(
                engine, (folders[0], folders[1]), rest=EVERYTHING, new_postgres=new_postgres
            )
        return made[engine]

    yield worlds
    for both in made.values():
        both.close()


@pytest.fixture(scope="session")
def new_redteam_world(
    new_postgres: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., World]:
    """Make a database from statements, with a policy; whoever asks closes it."""

    def new(
        engine: str,
        statements: list[str],
        labels: str | None,
        keyring: Keyring | None = None,
        rest: str = "",
    ) -> World:
        folder = tmp_path_factory.mktemp(f"redteam_{engine}")
        url = fill(engine, folder, statements, new_postgres)
        keyring = keyring or Keyring.generate()
        door = open_door(engine, folder, url, labels or LABELS, keyring, rest=EVERYTHING + rest)
        return World(engine, url, door, Oracle([]))

    return new


@pytest.fixture(scope="session")
def redteam_door(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Door]:
    """Open a database that is there already; whoever asks closes it."""

    def new(engine: str, url: str, labels: str) -> Door:
        folder = tmp_path_factory.mktemp("redteam_door")
        return open_door(engine, folder, url, labels, Keyring.generate(), rest=EVERYTHING)

    return new


@pytest.fixture(scope="session")
def redteam_script() -> Callable[[str], list[str]]:
    """Return the statements that make world A, for an engine."""
    return lambda engine: definitions(engine, people("A"))


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[World], object]:
    """Return what changes with any change of the database that maskline asks."""

    def of(world: World) -> object:
        if world.engine == "postgres":
            return [world.raw(probe).told for probe in PROBES]
        (path,) = world.door.folder.glob("world.*")
        beside = sorted(each.name for each in world.door.folder.iterdir())
        return hashlib.sha256(path.read_bytes()).hexdigest(), beside

    return of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that wants an attack for each one of the catalogue."""
    if "attack" in metafunc.fixturenames:
        metafunc.parametrize("attack", _ATTACKS.values(), ids=list(_ATTACKS))


@pytest.fixture(scope="session")
def catalogue() -> list[Attack]:
    """Return every attack of the catalogue."""
    return read_attacks()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a scoreboard of the attacks, for each family and engine."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            attack = _ATTACKS.get(report.nodeid.partition("[")[2].rstrip("]"))
            if attack is None or "test_the_attack_" not in report.nodeid:
                continue
            is_raw = "plain_driver" in report.nodeid
            for family in (attack.family, "all"):
                counted[family, attack.engine, "tried"] += not is_raw
                # What leaks raw passes its test; what leaks through maskline fails the other one.
                if is_raw == (outcome == "passed"):
                    counted[family, attack.engine, "raw" if is_raw else "leak"] += 1
    engines = [engine for engine in ENGINES if counted["all", engine, "tried"]]
    if not engines:
        return
    terminalreporter.section("red team: tried, leak from a plain driver, leak through maskline")
    families = dict.fromkeys(attack.family for attack in _ATTACKS.values())
    terminalreporter.write_line(" " * 20 + "".join(f"{engine:>17}" for engine in engines))
    for family in (*families, "all"):
        scores = (
            "".join(f"{counted[family, engine, of]:5}" for of in ("tried", "raw", "leak"))
            for engine in engines
        )
        terminalreporter.write_line(f"{family:20}" + "".join(f"{score:>17}" for score in scores))
