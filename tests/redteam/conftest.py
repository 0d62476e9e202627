"""Two databases full of canaries, the ways to ask them, and the oracle that finds a canary.

World B is world A with every sensitive value replaced, equal values by equal ones: another length,
another order, other letters. Whatever tells the two apart under protection is a leak.
"""

import base64
import binascii
import datetime as dt
import hashlib
import json
import logging
import re
import shutil
import sqlite3
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pytest

import maskline
from maskline.model import OutputColumn
from maskline.tokens import Keyring

HERE = Path(__file__).parent
ENGINES = ("duckdb", "sqlite", "postgres")
LETTERS = {"d": "duckdb", "s": "sqlite", "p": "postgres"}
FIRST = ("Zelda", "Quentin", "Ottoline", "Barnaby", "Xanthe", "Lysander")
LAST = ("Quarkington", "Featherstone", "Mugglethwaite", "Oblonsky", "Vandersnoot")
PROBES = (
    "SELECT c::text FROM customers AS c",
    "SELECT o::text FROM orders AS o",
    "SELECT oid::text, relname::text, relacl::text FROM pg_class",
    "SELECT oid::text, proname::text FROM pg_proc",
    "SELECT oid::text FROM pg_largeobject_metadata",
    "SELECT description FROM pg_description WHERE objoid >= 16384",
    "SELECT last_value::text, is_called::text FROM counter",
)
DIGITS_AS_LETTERS = str.maketrans("0123456789", "abcdefghij")


@dataclass(frozen=True)
class Person:
    """One customer."""

    id: int
    country: str
    tier: str
    full_name: str
    email: str
    ssn: str
    phone: str
    born: dt.date
    key: str

    @property
    def ssn_num(self) -> int:
        """The digits of the SSN."""
        return int(self.ssn.replace("-", ""))

    @property
    def notes(self) -> str:
        """Free text with secrets."""
        return f"SSN {self.ssn}, mail {self.email}, key {self.key}"

    @property
    def profile(self) -> str:
        """A JSON document with values, and with a value as a key."""
        return json.dumps(
            {"phone": self.phone, "ids": [{"ssn": self.ssn}], "by": {self.email: 1}, "lang": "en"}
        )


def person(number: int, world: str, count: int) -> Person:
    """Return a person; in world B, the same one with other values that sort the other way."""
    n = number if world == "A" else 7 * (count - number) + 3
    first, last = FIRST[n % 6], LAST[n % 5]
    mail = f"{first}{n:03}.{last}@canary.example" if world == "A" else f"{last}{n:04}@b.example"
    return Person(
        id=number,
        country=("US", "DE", "FR")[number % 3],
        tier=("gold", "silver")[number % 2],
        full_name=f"{first} {last} {chr(65 + n % 26)}{chr(97 + n // 26 % 26)}son",
        email=mail.lower(),
        ssn=f"{536 + (n * 37) % 300}-{10 + (n * 7) % 80}-{1399 + n * 3}",
        phone=f"+1 202 555 {1000 + (n * 13) % 8000}",
        born=dt.date(1950, 1, 1) + dt.timedelta(days=37 * n + 11),
        key=f"AKIA{hashlib.sha256(str(n).encode()).hexdigest().upper()[:16].translate(_BASE32)}",
    )


_BASE32 = str.maketrans("0189", "ZYXW")


def people(world: str, count: int = 12) -> list[Person]:
    """Return everybody; two of them share an SSN."""
    found = [person(number, world, count) for number in range(1, count + 1)]
    found[-1] = Person(**{**vars(found[-1]), "ssn": found[0].ssn})
    return found


def definitions(engine: str, everybody: list[Person]) -> list[str]:
    """Return the statements that make a world, for an engine."""
    array = {"duckdb": "VARCHAR[]", "postgres": "TEXT[]"}.get(engine)
    kind = "JSONB" if engine == "postgres" else "JSON"
    date = "TEXT" if engine == "sqlite" else "DATE"
    tags = f", tags {array}" if array else ""
    rows = []
    for p in everybody:
        cells = [
            str(p.id),
            *(
                "'" + text.replace("'", "''") + "'"
                for text in (p.full_name, p.email, p.ssn, p.phone, str(p.born), p.country, p.tier)
            ),
            str(p.ssn_num),
            f"'{p.profile}'",
            f"'{p.notes}'",
        ]
        if array:
            cells.append(f"ARRAY['{p.ssn}', '{p.tier}']")
        rows.append(f"({', '.join(cells)})")
    orders = ", ".join(
        f"({i}, {p.id}, '{p.email}', '{p.ssn}', {i * 10}.5, 'item {i % 4}', '2026-0{i % 9 + 1}-15')"
        for i in range(3 * len(everybody))
        for p in [everybody[i * 5 % len(everybody)]]
    )
    return [
        (
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, full_name TEXT, email TEXT, ssn TEXT, "
            f"phone TEXT, born {date}, country TEXT, tier TEXT, ssn_num BIGINT, profile {kind}, "
            f"notes TEXT{tags})"
        ),
        f"INSERT INTO customers VALUES {', '.join(rows)}",
        (
            "CREATE TABLE orders (oid INTEGER, cid INTEGER, email TEXT, ssn TEXT, "
            f"total DOUBLE PRECISION, item TEXT, placed {date})"
        ),
        f"INSERT INTO orders VALUES {orders}",
        "CREATE VIEW renamed AS SELECT id, ssn AS code, email AS contact FROM customers",
        "CREATE VIEW nested AS SELECT code AS inner_code, id FROM renamed",
        (
            "CREATE VIEW joined AS SELECT c.id, o.ssn AS other FROM customers AS c "
            "JOIN orders AS o ON o.cid = c.id"
        ),
        "CREATE VIEW filtered AS SELECT id, country FROM customers WHERE ssn LIKE '5%'",
        "CREATE VIEW sorted AS SELECT id FROM customers ORDER BY ssn LIMIT 5",
        *OWN[engine],
    ]


OWN = {
    "duckdb": [
        "CREATE VIEW turned AS SELECT id, reverse(ssn) AS code FROM customers",
        "CREATE MACRO ssn_of(i) AS (SELECT c.ssn FROM customers AS c WHERE c.id = i)",
        "CREATE MACRO everybody() AS TABLE SELECT id, ssn AS code FROM customers",
        "CREATE MACRO scale(i) AS (SELECT c.ssn FROM customers AS c WHERE c.id = i)",
        "CREATE VIEW by_macro AS SELECT o.id, ssn_of(o.id) AS code FROM customers AS o",
        "CREATE TABLE made (id INTEGER, ssn TEXT, tail TEXT GENERATED ALWAYS AS (reverse(ssn)))",
        "INSERT INTO made (id, ssn) SELECT id, ssn FROM customers",
        "CREATE SEQUENCE counter",
    ],
    "sqlite": [
        "CREATE VIEW turned AS SELECT id, hex(ssn) AS code FROM customers",
        "CREATE TABLE made (id INTEGER, ssn TEXT, tail TEXT AS (hex(ssn)) VIRTUAL)",
        "INSERT INTO made (id, ssn) SELECT id, ssn FROM customers",
        "CREATE VIRTUAL TABLE search USING fts5(body)",
        "INSERT INTO search SELECT notes FROM customers",
    ],
    "postgres": [
        "CREATE VIEW turned AS SELECT id, reverse(ssn) AS code FROM customers",
        (
            "CREATE FUNCTION ssn_of(i INTEGER) RETURNS TEXT LANGUAGE sql STABLE SECURITY DEFINER "
            "AS 'SELECT ssn FROM customers WHERE id = i'"
        ),
        (
            "CREATE FUNCTION everybody() RETURNS SETOF customers LANGUAGE sql STABLE "
            "AS 'SELECT * FROM customers'"
        ),
        (
            "CREATE FUNCTION scale(i INTEGER) RETURNS TEXT LANGUAGE sql STABLE "
            "AS 'SELECT ssn FROM customers WHERE id = i'"
        ),
        (
            "CREATE FUNCTION same(a TEXT, b TEXT) RETURNS BOOLEAN LANGUAGE sql STABLE "
            "AS 'SELECT EXISTS (SELECT FROM customers WHERE ssn = a)'"
        ),
        "CREATE OPERATOR === (LEFTARG = TEXT, RIGHTARG = TEXT, FUNCTION = same)",
        "CREATE VIEW by_macro AS SELECT id, ssn_of(id) AS code FROM customers",
        (
            "CREATE TABLE made (id INTEGER, ssn TEXT, "
            "tail TEXT GENERATED ALWAYS AS (reverse(ssn)) STORED)"
        ),
        "INSERT INTO made (id, ssn) SELECT id, ssn FROM customers",
        "CREATE SEQUENCE counter",
        "COMMENT ON COLUMN customers.ssn IS 'such as 573-17-1402'",
        "ANALYZE",
    ],
}

LABELS = """
    {schema}.customers:
      {{id: PUBLIC, country: PUBLIC, tier: PUBLIC, full_name: PERSON, email: EMAIL_ADDRESS,
       ssn: US_SSN, ssn_num: US_SSN, phone: PHONE_NUMBER, born: DATE_OF_BIRTH, notes: FREE_TEXT}}
    {schema}.customers.profile: {{$.phone: PHONE_NUMBER, $.lang: PUBLIC}}
    {schema}.orders:
      {{oid: PUBLIC, cid: PUBLIC, email: EMAIL_ADDRESS, ssn: US_SSN, total: PUBLIC, item: PUBLIC,
       placed: PUBLIC}}
    {schema}.renamed: {{id: PUBLIC}}
    {schema}.nested: {{id: PUBLIC}}
    {schema}.joined: {{id: PUBLIC}}
    {schema}.filtered: {{id: PUBLIC, country: PUBLIC}}
    {schema}.sorted: {{id: PUBLIC}}
    {schema}.turned: {{id: PUBLIC}}
    {schema}.made: {{id: PUBLIC, ssn: US_SSN}}
"""


# The oracle.


def squashed(text: str) -> str:
    """Return the letters and digits of a text, in one form and case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def readings(text: str) -> Iterator[str]:
    """Give what a text may say to somebody who takes the trouble to decode it."""
    yield text
    yield text[::-1]
    yield unquote(text)
    for run in re.findall(r"(?:[0-9A-Fa-f]{2}){5,}", text.replace("\\x", "")):
        yield bytes.fromhex(run).decode("latin-1")
        yield bytes.fromhex(run).decode("utf-16-le", "replace")
    for run in re.findall(r"[A-Za-z0-9+/]{10,}={0,2}", text):
        try:
            yield base64.b64decode(run + "=" * (-len(run) % 4)).decode("latin-1")
        except binascii.Error:
            continue
    codes = [int(run) for run in re.findall(r"(?<!\d)\d{2,3}(?!\d)", text)]
    yield "".join(chr(code) for code in codes if 31 < code < 127)


@dataclass
class Oracle:
    """Finds the canaries of a world, decoded in many ways."""

    everybody: list[Person]
    needles: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for p in self.everybody:
            texts = [p.full_name, p.email, p.ssn, p.phone, str(p.born), p.key]
            self.needles |= {squashed(text) for text in texts}
            self.needles |= {p.ssn.translate(DIGITS_AS_LETTERS).replace("-", "")}
            self.needles |= {f"{p.ssn_num:x}", f"{p.ssn_num:b}", f"{p.ssn_num:o}"}
            self.needles |= {
                hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
                for name in ("md5", "sha1", "sha224", "sha256", "sha512")
                for text in (p.ssn, p.email)
            }

    def found(self, text: str) -> set[str]:
        """Return the canaries that a text holds."""
        seen = {squashed(reading) for reading in readings(text)}
        return {needle for needle in self.needles if any(needle in each for each in seen)}


def as_text(cell: object) -> str:
    """Return what a cell says."""
    if isinstance(cell, bytes):
        return f"{cell.decode('utf-8', 'replace')} {cell.hex()}"
    return str(cell)


def spread(names: list[str], rows: list[tuple[object, ...]]) -> str:
    """Return a table as text: cell by cell, row by row and column by column."""
    cells = [[as_text(cell) for cell in row] for row in rows]
    lines = [" ".join(names)]
    lines += [" | ".join(row) for row in cells]
    lines += ["".join(row) for row in cells]
    lines += ["".join(column) for column in zip(*cells, strict=True)]
    lines += [" ".join(column) for column in zip(*cells, strict=True)]
    return "\n".join(lines)


# Asking.


@dataclass
class Answer:
    """What a driver or maskline gave back."""

    names: list[str] = field(default_factory=list)
    rows: list[tuple[object, ...]] = field(default_factory=list)
    error: str = ""
    artefacts: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether there was no error."""
        return not self.error

    @property
    def text(self) -> str:
        """All of it, for the oracle."""
        return "\n".join([spread(self.names, self.rows), self.error, self.artefacts])

    @property
    def told(self) -> object:
        """What can be compared: the error, or the rows in any order."""
        return self.error or sorted(repr(row) for row in self.rows)


def ask_raw(engine: str, url: str, sql: str) -> Answer:
    """Ask with a plain driver; several statements give the answer of the last."""
    try:
        if engine == "postgres":
            from adbc_driver_postgresql import dbapi

            with closing(dbapi.connect(url)) as link, closing(link.cursor()) as at:
                *before, last = sql.split(";;")
                for statement in before:
                    at.execute(statement)
                    at.fetchall()
                at.execute(last)
                table = at.fetch_arrow_table()
            columns = [
                column.chunks and pa.chunked_array(column).cast(_plain(column.type)).to_pylist()
                for column in table.columns
            ]
            rows = list(zip(*columns, strict=True)) if table.num_rows else []
            return Answer(list(table.column_names), rows)
        link = duckdb.connect(url) if engine == "duckdb" else sqlite3.connect(url)
        with closing(link):
            at = link.cursor()
            for statement in sql.split(";;"):
                at.execute(statement)
            rows = at.fetchall()
            return Answer([item[0] for item in at.description or []], rows)
    except Exception as error:  # noqa: BLE001 - whatever the driver says is what an attacker sees
        return Answer(error=f"{type(error).__name__}: {error}")


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


class Door:
    """maskline's one door, and everything that it leaves behind."""

    def __init__(self, session: maskline.Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self._seen: dict[Path, int] = {}

    def ask(self, sql: str, *, timeout: float | None = None) -> Answer:
        """Ask, and collect the answer with all artefacts."""
        records: list[str] = []
        handler = _Collector(records)
        logger = logging.getLogger()
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        answer = Answer()
        try:
            result = self.session.query(sql, timeout=timeout)
            answer.names = list(result.table.column_names)
            columns = [column.to_pylist() for column in result.table.columns]
            answer.rows = list(zip(*columns, strict=True))
            answer.artefacts = "\n".join(
                [repr(result), str(result.columns), str(result.notes), result._repr_html_()]
            )
        except maskline.MasklineError as error:
            answer.error = str(error)
            answer.artefacts = "\n".join(_chain(error))
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)
        answer.artefacts += "\n".join(["", *records, repr(self.session), self._written()])
        return answer

    def _written(self) -> str:
        """Return what was appended to files since the last time."""
        new = []
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix not in {".db", ".duckdb", ".json"}:
                text = path.read_text(encoding="utf-8", errors="replace")
                new.append(text[self._seen.get(path, 0) :])
                self._seen[path] = len(text)
        return "\n".join(new)


class _Collector(logging.Handler):
    def __init__(self, records: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(f"{record.getMessage()} {vars(record)}")


def _chain(error: BaseException | None) -> Iterator[str]:
    """Give all that an exception carries, and those behind it."""
    while error is not None:
        yield f"{error!r} {error.args} {vars(error)} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or error.__context__


@dataclass
class World:
    """One database with its canaries, and both ways to ask it."""

    engine: str
    name: str
    url: str
    door: Door
    oracle: Oracle

    def raw(self, sql: str) -> Answer:
        """Ask with a plain driver, on a copy."""
        return ask_raw(self.engine, self.url, sql)

    def masked(self, sql: str) -> Answer:
        """Ask through maskline."""
        return self.door.ask(sql)

    def outputs(self, sql: str) -> tuple[OutputColumn, ...]:
        """Return the columns of an answer, and how they are masked."""
        return self.door.session.explain(sql).outputs

    def fingerprint(self) -> object:
        """Return what changes with any change of the database that maskline asks."""
        if self.engine == "postgres":
            return [self.raw(probe).told for probe in PROBES]
        (path,) = self.door.folder.glob("world.*")
        beside = sorted(each.name for each in self.door.folder.iterdir())
        return hashlib.sha256(path.read_bytes()).hexdigest(), beside


def fill(engine: str, folder: Path, statements: list[str], new_url: object, run: object) -> str:
    """Make a database; return the address for a plain driver."""
    if engine == "postgres":
        assert callable(new_url)
        assert callable(run)
        url = str(new_url())
        run(url, ";\n".join(statements))
        return url
    path = folder / ("world.duckdb" if engine == "duckdb" else "world.db")
    link = duckdb.connect(str(path)) if engine == "duckdb" else sqlite3.connect(path)
    with closing(link):
        for statement in statements:
            link.execute(statement)
        link.commit()
    copied = folder / f"raw{path.suffix}"
    shutil.copy(path, copied)
    return str(copied)


def open_door(
    engine: str, folder: Path, url: str, labels: str, keyring: Keyring, *, rest: str = ""
) -> Door:
    """Open a database through maskline, with every sink there is."""
    address = {"duckdb": "duckdb:///world.duckdb", "sqlite": "sqlite:///world.db"}.get(engine, url)
    schema = "public" if engine == "postgres" else "main"
    keyring.save(folder / "keyring.json")
    (folder / "policy.yaml").write_text(
        "version: 1\nplugins: [openlineage]\nkeys: {file: keyring.json}\n"
        f"sources:\n  world: {{url: '{address}'}}\n"
        f"labels:\n  world:{labels.format(schema=schema)}"
        "sinks:\n  jsonl: {path: out/events.jsonl}\n  openlineage: {path: out/lineage.jsonl}\n"
        f"audit: {{path: audit}}\n{rest}"
    )
    return Door(maskline.connect(policy=folder / "policy.yaml"), folder)


def partners(ours: list[Person], theirs: list[Person]) -> dict[object, object]:
    """Return, for each sensitive value of one world, the one of the other."""
    fields = ("full_name", "email", "ssn", "phone", "ssn_num", "key")
    return {
        getattr(one, field): getattr(other, field)
        for one, other in zip(ours, theirs, strict=True)
        for field in fields
    }


@pytest.fixture(scope="session")
def redteam_worlds(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    as_twin: Callable[[maskline.Session, Mapping[object, object]], None],
) -> Iterator[Callable[[str], tuple[World, World]]]:
    """Hand out worlds A and B of an engine. They are made when first asked for."""
    made: dict[str, tuple[World, World]] = {}
    keyring = Keyring.generate()

    def worlds(engine: str) -> tuple[World, World]:
        if engine not in made:
            both = []
            new_url = run = None
            if engine == "postgres":
                new_url = request.getfixturevalue("new_postgres_url")
                run = request.getfixturevalue("postgres_run")
            for name in "AB":
                folder = tmp_path_factory.mktemp(f"redteam_{engine}_{name}")
                everybody = people(name)
                url = fill(engine, folder, definitions(engine, everybody), new_url, run)
                door = open_door(engine, folder, url, LABELS, keyring)
                # So both worlds look the same when masked, whatever is computed with the masks.
                as_twin(door.session, partners(everybody, people("A")))
                both.append(World(engine, name, url, door, Oracle(everybody)))
            made[engine] = (both[0], both[1])
        return made[engine]

    yield worlds
    for both in made.values():
        for world in both:
            world.door.session.close()


@pytest.fixture(scope="session")
def new_redteam_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., World]:
    """Make a database from statements, with a policy; whoever asks closes it."""

    def new(
        engine: str,
        statements: list[str],
        labels: str | None,
        keyring: Keyring | None = None,
        rest: str = "",
    ) -> World:
        new_url = run = None
        if engine == "postgres":
            new_url = request.getfixturevalue("new_postgres_url")
            run = request.getfixturevalue("postgres_run")
        folder = tmp_path_factory.mktemp(f"redteam_{engine}")
        url = fill(engine, folder, statements, new_url, run)
        keyring = keyring or Keyring.generate()
        door = open_door(engine, folder, url, labels or LABELS, keyring, rest=rest)
        return World(engine, "", url, door, Oracle([]))

    return new


@pytest.fixture(scope="session")
def redteam_door(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Door]:
    """Open a database that is there already; whoever asks closes it."""

    def new(engine: str, url: str, labels: str) -> Door:
        return open_door(
            engine, tmp_path_factory.mktemp("redteam_door"), url, labels, Keyring.generate()
        )

    return new


@pytest.fixture(scope="session")
def redteam_script() -> Callable[[str], list[str]]:
    """Return the statements that make world A, for an engine."""
    return lambda engine: definitions(engine, people("A"))


# The catalogue.


@dataclass(frozen=True)
class Attack:
    """One attack on one engine.

    Attributes:
        kind: ``value``: a canary must not come out; ``guess``: a right and a wrong guess must give
            the same answer; ``worlds``: the two worlds must.
        leaks: Why it leaks today; empty if it does not.
    """

    id: str
    family: str
    engine: str
    kind: str
    sql: str
    right: str
    wrong: str
    leaks: str
    by_chance: bool


def read_attacks() -> list[Attack]:
    """Read the catalogue."""
    found = []
    for path in sorted(HERE.glob("attacks_*.toml")):
        for family, section in tomllib.loads(path.read_text(encoding="utf-8")).items():
            for entry in section["attacks"]:
                for letter in entry.get("on", section.get("on", "dsp")):
                    leaks = entry.get("leaks", "")
                    found.append(
                        Attack(
                            id=entry["id"],
                            family=family,
                            engine=LETTERS[letter],
                            kind=entry.get("kind", section.get("kind", "value")),
                            sql=entry.get(LETTERS[letter], entry.get("sql", "")),
                            right=entry.get("right", ""),
                            wrong=entry.get("wrong", ""),
                            leaks=leaks if letter in entry.get("leaks_on", "dsp") else "",
                            by_chance=entry.get("by_chance", False),
                        )
                    )
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that wants an attack for each one of the catalogue."""
    if "attack" in metafunc.fixturenames:
        is_protected = "protected" in metafunc.function.__name__
        metafunc.parametrize(
            "attack",
            [
                pytest.param(
                    attack,
                    id=f"{attack.family}-{attack.id}-{attack.engine}",
                    marks=pytest.mark.xfail(reason=attack.leaks, strict=True)
                    if attack.leaks and is_protected
                    else (),
                )
                for attack in read_attacks()
            ],
        )


@pytest.fixture(scope="session")
def catalogue() -> list[Attack]:
    """Return every attack of the catalogue."""
    return read_attacks()
