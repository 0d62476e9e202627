"""Nothing that is asked changes the database or the disk, or reads another file."""

import sqlite3
import tempfile
import tomllib
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from maskline.redteam import World, Worlds

HERE = Path(__file__).parent
ENGINES = {"d": "duckdb", "s": "sqlite", "p": "postgres"}
SECRET = "canary 573-17-1402 of a file"


def cases(kind: str) -> list[Any]:
    found = tomllib.loads((HERE / "effects.toml").read_text(encoding="utf-8"))
    return [
        pytest.param({**entry, "engine": ENGINES[letter]}, id=f"{entry['id']}-{ENGINES[letter]}")
        for entry in found[kind]
        for letter in entry["on"]
    ]


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a path that a server of another user may write to."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder / f"out{uuid.uuid4().hex}.csv"
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def run_raw(engine: str, url: str, sql: str) -> None:
    if engine == "postgres":
        from adbc_driver_postgresql import dbapi

        with closing(dbapi.connect(url, autocommit=True)) as link, closing(link.cursor()) as at:
            at.adbc_statement.set_sql_query(sql)
            at.adbc_statement.execute_update()
        return
    with closing(duckdb.connect(url) if engine == "duckdb" else sqlite3.connect(url)) as link:
        for statement in sql.split(";;"):
            link.execute(statement)
        link.commit() if engine == "sqlite" else None


@pytest.fixture
def fresh(
    new_redteam_world: Callable[..., Any], redteam_script: Callable[[str], list[str]]
) -> Iterator[Callable[[str], Any]]:
    """Make a world that a test may spoil."""
    made = []

    def new(engine: str) -> Any:
        made.append(new_redteam_world(engine, redteam_script(engine), None))
        return made[-1]

    yield new
    for world in made:
        world.door.session.close()


def state(case: dict[str, str], world: Any, place: Path) -> object:
    probe = case.get(f"probe_{case['engine']}", case.get("probe"))
    return world.raw(probe).told if probe else place.exists()


@pytest.mark.parametrize("case", cases("attacks"))
def test_the_statement_changes_something_with_a_plain_driver(
    case: dict[str, str], fresh: Callable[[str], Any], place: Path
) -> None:
    world = fresh(case["engine"])
    before = state(case, world, place)

    run_raw(case["engine"], world.url, case["sql"].replace("{file}", str(place)))

    assert state(case, world, place) != before


@pytest.mark.parametrize("case", cases("attacks"))
def test_the_statement_changes_nothing_through_maskline(
    case: dict[str, str],
    redteam_worlds: Callable[[str], Worlds],
    fingerprint: Callable[[World], object],
    place: Path,
) -> None:
    world = redteam_worlds(case["engine"]).ours
    before = fingerprint(world)

    for part in case["sql"].replace("{file}", str(place)).split(";;"):
        answer = world.masked(part)
        assert not answer.is_answered
        assert not world.oracle.found(answer.text)

    assert fingerprint(world) == before
    assert not place.exists()


@pytest.mark.parametrize("case", cases("reads"))
def test_a_file_is_read_by_a_plain_driver_and_not_by_maskline(
    case: dict[str, str], redteam_worlds: Callable[[str], Worlds], place: Path
) -> None:
    world = redteam_worlds(case["engine"]).ours
    place.write_text(SECRET)
    with closing(sqlite3.connect(f"{place}.db")) as link:
        link.execute(f"CREATE TABLE t AS SELECT '{SECRET}' AS v")
        link.commit()
    sql = case["sql"].replace("{file}", str(place))

    raw = world.raw(sql)
    answers = [world.masked(part) for part in sql.split(";;")]

    assert SECRET in raw.text, raw.error
    assert not any(answer.is_answered or SECRET in answer.text for answer in answers)
