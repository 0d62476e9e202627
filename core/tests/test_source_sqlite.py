"""SQLite as a source: what it tells, what it refuses, and how it stops."""

import signal
import sqlite3
import threading
import time

import pyarrow as pa
import pytest

from maskline.errors import MasklineError, QueryCancelledError, QueryFailedError, SourceError
from maskline.model import ColumnRef, Kind
from maskline.roles import SourceType
from maskline.sources import BUILTIN, redacted
from maskline.sources._streams import QueryStream, Running
from maskline.sources._text import view_body
from maskline.sources.sqlite import SQLiteType

CANARY = "canary-7391"
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
SCHEMA = """
CREATE TABLE person (
    id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE, ssn TEXT NOT NULL, born DATE, rate REAL,
    price DECIMAL(10, 2), doc JSON, face BLOB, loose, shout TEXT AS (upper(ssn))
);
CREATE TABLE "odd "" name" ("a b" INT, "q""q" TEXT);
CREATE TABLE coded (code TEXT PRIMARY KEY, rest) WITHOUT ROWID;
CREATE VIEW adult AS SELECT id, ssn AS number FROM person WHERE rate > 1;
CREATE VIEW named(key, "as") AS SELECT id, email FROM person;
CREATE VIEW broken AS SELECT gone FROM nowhere;
CREATE VIRTUAL TABLE words USING fts5(body);
INSERT INTO person (email, ssn, born, rate, price, doc, face, loose)
    VALUES ('a@b.example', 'canary-7391', '2020-01-01', 1.5, 2, '{"k": [1, 2]}', x'00ff', 1);
"""


def everything_said(error):
    said = [str(error), repr(error), repr(error.args)]
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
        said += [str(error), repr(error)]
    return " ".join(said)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
    connection.close()
    return path


@pytest.fixture
def source(file):
    opened = SQLiteType().open(f"sqlite:///{file}")
    yield opened
    opened.close()


def test_every_built_in_kind_of_source_is_a_source_type():
    schemes = {scheme for each in BUILTIN for scheme in each.schemes}

    assert all(isinstance(each, SourceType) for each in BUILTIN)
    assert schemes == {"duckdb", "sqlite", "postgresql", "postgres"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5432/db?sslmode=x", "postgresql://host:5432/db"),
        ("postgresql://me:se/cr@et@host/db", "postgresql://host/db"),
        ("postgresql://host:1/db?sslmode=x", "postgresql://host:1/db"),
        ("postgresql://host/db?password=p@ss", "postgresql://..."),
        ("postgresql://u:p@host/db?password=p@ss", "postgresql://host/db"),
        ("postgresql:///db?host=/run&password=secret", "postgresql:///db"),
        ("duckdb:///a@b.duckdb", "duckdb:///a@b.duckdb"),
        ("postgresql+psycopg://u:p@host/db", "postgresql+psycopg://host/db"),
        ("user:secret@host", "..."),
        ("a:b@c://x", "..."),
    ],
)
def test_a_redacted_url_has_no_user_password_or_option(url, shown):
    assert redacted(url) == shown


def test_a_relative_path_has_three_slashes_and_an_absolute_one_four(file, monkeypatch):
    monkeypatch.chdir(file.parent)

    relative = SQLiteType().open("sqlite:///shop.db")
    absolute = SQLiteType().open(f"sqlite:///{file}")

    assert relative.namespace == absolute.namespace == f"sqlite://{file}"
    assert (absolute.dialect, absolute.database, absolute.warnings) == ("sqlite", "", ())
    relative.close()
    absolute.close()
    absolute.close()


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite://x.db", "sqlite:///x.db?mode=rw", "sqlite:///none.db"],
)
def test_a_url_that_names_no_file_is_an_error_with_a_hint(url):
    with pytest.raises(SourceError) as caught:
        SQLiteType().open(url)

    assert "four slashes" in caught.value.hint


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    path = tmp_path / "junk.db"
    path.write_bytes(b"junk " * 1000)

    with pytest.raises(SourceError, match="SQLITE_NOTADB") as caught:
        SQLiteType().open(f"sqlite:///{path}")

    assert caught.value.__context__ is None


def test_the_catalogue_tells_kinds_nullability_and_equality(source):
    relations = {each.name: each for each in source.catalogue().relations}
    person = {column.name: column for column in relations["person"].columns}

    assert set(relations) == {"person", 'odd " name', "coded", "adult", "named"}
    assert {name: column.kind for name, column in person.items()} == {
        "id": Kind.INTEGER,
        "email": Kind.TEXT,
        "ssn": Kind.TEXT,
        "born": Kind.TEXT,
        "rate": Kind.NUMBER,
        "price": Kind.NUMBER,
        "doc": Kind.JSON,
        "face": Kind.BINARY,
        "loose": Kind.OTHER,
        "shout": Kind.TEXT,
    }
    assert [name for name, column in person.items() if not column.nullable] == ["id", "ssn"]
    exact = [name for name, column in person.items() if column.exact_equality]
    assert exact == ["id", "ssn", "born", "shout"]
    assert person["price"].type == "DECIMAL(10, 2)"


def test_a_view_has_the_collation_of_its_table_and_a_definition_with_its_names(source):
    relations = {each.name: each for each in source.catalogue().relations}

    assert relations["adult"].definition == "SELECT id, ssn AS number FROM person WHERE rate > 1"
    assert relations["person"].definition == ""
    assert [each.exact_equality for each in relations["named"].columns] == [True, False]
    stream = source.query(relations["named"].definition)
    assert stream.schema.names == ["key", "as"]
    stream.close()


def test_a_collation_that_only_another_program_has_is_not_exact(source, file):
    with sqlite3.connect(file) as connection:
        connection.create_collation("OWN", lambda a, b: (a > b) - (a < b))
        connection.execute("CREATE TABLE sorted (word TEXT COLLATE OWN)")
    connection.close()

    (table,) = (each for each in source.catalogue().relations if each.name == "sorted")

    assert not table.columns[0].exact_equality


@pytest.mark.parametrize("create", ["CREATE VIEW 'x AS SELECT 1", "CREATE VIEW x (a)"])
def test_a_view_that_cannot_be_understood_counts_as_a_table(create):
    assert view_body(create, "sqlite", name="x", columns=["a"]) == ""


def test_the_definition_of_a_view_is_cut_at_its_own_as_only():
    create = 'CREATE VIEW "é AS" ("as", b) /* AS */ AS SELECT 1 AS x, (2) AS y;'

    body = view_body(create, "duckdb", name="é AS", columns=["as", "b"])

    assert body == 'SELECT * FROM (SELECT 1 AS x, (2) AS y) AS "é AS"("as", "b")'


def test_the_catalogue_is_kept_until_the_schema_changes(source, file):
    first = source.catalogue()
    again = source.catalogue()
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO coded VALUES ('x', 1)")
    connection.close()
    after_rows = source.catalogue()
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE coded ADD COLUMN more TEXT")
    connection.close()
    changed = source.catalogue()

    assert first is again is after_rows
    assert changed.version != first.version


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT count(*) FROM person", []),
        ("SELECT P.SSN FROM Person AS p", ["person.ssn"]),
        ("SELECT id FROM person WHERE 0 AND ssn = 'x'", ["person.id"]),
        ("SELECT 1 WHERE EXISTS (SELECT ssn FROM person)", ["person.ssn"]),
        ("SELECT number FROM adult", ["adult.number", "person.id", "person.rate", "person.ssn"]),
        ("SELECT rowid FROM person", ["person.id"]),
        ('SELECT rowid FROM "odd "" name"', ['odd " name.ROWID']),
        ('SELECT "q""q" FROM "odd "" name"', ['odd " name.q"q']),
        ("SELECT e.value FROM person, json_each(doc) AS e", ["person.doc"]),
        ("VALUES (1)", []),
    ],
)
def test_the_read_set_is_what_the_authorizer_saw(source, sql, reads):
    assert sorted(source.read_set(sql)) == sorted(
        ColumnRef("main", *each.rsplit(".", 1)) for each in reads
    )


def test_a_table_named_like_a_table_function_is_read_like_any_other(source, file):
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE json_each (value TEXT)")
    connection.close()

    reads = source.read_set("SELECT value FROM json_each")

    assert reads == {ColumnRef("main", "json_each", "value")}


ATTACKS = [
    "SELECT 1; DROP TABLE coded",
    "INSERT INTO coded VALUES ('x', 1)",
    "WITH x AS (SELECT 1) DELETE FROM coded",
    "UPDATE person SET ssn = ''",
    "CREATE TEMP TABLE x AS SELECT 1",
    "DROP TABLE coded",
    "ATTACH 'SIDE' AS other",
    "VACUUM INTO 'SIDE'",
    "PRAGMA query_only = 0",
    "PRAGMA table_info(person)",
    "SELECT * FROM pragma_table_info('person')",
    "SELECT sql FROM sqlite_master",
    "SELECT load_extension('x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT zeroblob(1000000000)",
    "SELECT * FROM dbstat",
    "SELECT * FROM words",
    "EXPLAIN SELECT ssn FROM person",
    "QUERY PLAN SELECT 1",
    "BEGIN",
    "REINDEX",
    "",
    ";",
    "SELECT '\0'",
    "SELECT '\ud800'",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_what_is_not_one_harmless_select_fails_and_changes_nothing(source, file, sql):
    side = file.parent / "side.db"
    before = file.read_bytes()

    with pytest.raises(QueryFailedError) as caught:
        list(source.query(sql.replace("SIDE", str(side))))

    assert caught.value.__context__ is None
    assert not side.exists()
    assert file.read_bytes() == before
    assert next(iter(source.query("SELECT 1 AS one"))).to_pylist() == [{"one": 1}]


@pytest.mark.parametrize("sql", [each for each in ATTACKS if each != "QUERY PLAN SELECT 1"])
def test_the_read_set_of_what_is_not_one_harmless_select_is_an_error(source, file, sql):
    with pytest.raises(QueryFailedError):
        source.read_set(sql.replace("SIDE", str(file.parent / "side.db")))

    assert not (file.parent / "side.db").exists()


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT json_extract(ssn, '$') FROM person WHERE ssn = '{CANARY}'",
        f"SELECT json('{CANARY}')",
        f"SELECT '{CANARY}' FROM nowhere",
        f'SELECT 1 FROM "{CANARY}"',
    ],
)
def test_an_error_quotes_neither_value_nor_literal(source, sql):
    with pytest.raises(MasklineError) as caught:
        list(source.query(sql))

    assert CANARY not in everything_said(caught.value)
    assert "SQLITE_ERROR (OperationalError)" in caught.value.message


def test_the_columns_of_an_answer_have_one_type_each(source):
    stream = source.query("SELECT *, 1 AS id FROM person")
    batch = next(iter(stream))
    stream.close()

    assert stream.schema.names.count("id") == 2
    assert stream.schema.types == [
        pa.int64(),
        pa.string(),
        pa.string(),
        pa.string(),
        pa.float64(),
        pa.float64(),
        pa.string(),
        pa.binary(),
        pa.int64(),
        pa.string(),
        pa.int64(),
    ]
    assert batch.column(5).to_pylist() == [2.0]


def test_an_answer_without_rows_has_the_declared_types(source):
    stream = source.query(
        "SELECT id, ssn, rate, price, face, loose, 1 + 1 AS sum FROM person WHERE 0"
    )

    assert list(stream) == []
    assert stream.schema.types == [
        pa.int64(),
        pa.string(),
        pa.float64(),
        pa.float64(),
        pa.binary(),
        pa.string(),
        pa.string(),
    ]


def test_an_answer_whose_declared_types_cannot_be_told_still_has_types(source, file):
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE maskline_probe (number INT)")
    connection.close()

    stream = source.query("SELECT number FROM maskline_probe")

    assert stream.schema.types == [pa.string()]
    stream.close()


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ("(1), (2.5), (NULL)", [1.0, 2.5, None]),
        ("(1), ('two'), (NULL), (x'ff41'), (2.5)", ["1", "two", None, "\\xffA", "2.5"]),
        (f"({2**53 + 1}), (0.5)", [str(2**53 + 1), "0.5"]),
        ("(x'00'), (NULL)", [b"\x00", None]),
        ("(9223372036854775807)", [2**63 - 1]),
    ],
)
def test_a_mixture_in_the_first_rows_becomes_a_type_that_loses_nothing(source, values, wanted):
    (batch,) = source.query(f"SELECT * FROM (VALUES {values})")

    assert batch.column(0).to_pylist() == wanted


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("1", f"'{CANARY}'", "text"),
        ("1", "2.5", "a real number"),
        ("0.5", str(2**53 + 1), "an integer"),
        ("0.5", f"'{CANARY}'", "text"),
        ("x'00'", "7", "an integer"),
    ],
)
def test_a_later_value_of_another_type_stops_the_query(source, first, second, found):
    stream = source.query(f"SELECT {first} AS c UNION ALL SELECT {second}", batch_rows=1)
    batches = iter(stream)
    next(batches)

    with pytest.raises(QueryFailedError, match=f"Output column 1 holds {found}") as caught:
        next(batches)

    assert CANARY not in everything_said(caught.value)
    assert "CAST" in caught.value.hint


@pytest.mark.parametrize(
    ("first", "second", "wanted"), [("'x'", "7", "7"), ("0.5", "7", 7.0), ("NULL", "7", "7")]
)
def test_a_later_value_that_fits_is_converted(source, first, second, wanted):
    batches = list(source.query(f"SELECT {first} AS c UNION ALL SELECT {second}", batch_rows=1))

    assert batches[1].column(0).to_pylist() == [wanted]


def test_rows_arrive_before_the_last_one_exists(source):
    sql = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"
    stream = source.query(sql, batch_rows=100)
    batches = iter(stream)

    sizes = [next(batches).num_rows for _ in range(3)]
    stream.close()
    stream.close()

    assert sizes == [100, 100, 100]
    with pytest.raises(QueryCancelledError):
        next(batches)


def test_two_queries_may_run_at_once_and_be_read_again_when_done(source):
    first = source.query("SELECT 1 AS a")
    second = source.query("SELECT 2 AS a")

    assert [batch.column(0).to_pylist() for batch in first] == [[1]]
    assert [batch.column(0).to_pylist() for batch in second] == [[2]]
    assert list(first) == []


def test_cancel_stops_a_heavy_query_from_another_thread(source):
    timer = threading.Timer(0.3, source.cancel)
    timer.start()
    began = time.monotonic()

    with pytest.raises(QueryCancelledError):
        source.query(ENDLESS)

    assert time.monotonic() - began < 2
    timer.join()


def test_cancel_works_where_the_query_runs_in_a_worker_thread(source):
    raised = []

    def work():
        try:
            source.query(ENDLESS)
        except MasklineError as exc:
            raised.append(type(exc))

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.3)
    source.cancel()
    thread.join(2)

    assert raised == [QueryCancelledError]


def test_cancel_between_two_batches_ends_the_stream(source):
    stream = source.query("SELECT 1 AS a UNION ALL SELECT 2", batch_rows=1)
    batches = iter(stream)
    next(batches)

    source.cancel()

    with pytest.raises(QueryCancelledError):
        next(batches)
    source.cancel()


def test_cancel_does_not_wait_for_a_library_that_will_not_stop():
    class Deaf(QueryStream):
        def _start(self):
            time.sleep(2)
            return pa.schema([])

        def _fetch(self):
            raise NotImplementedError

        def _interrupt(self):
            raise NotImplementedError

        def _release(self):
            raise NotImplementedError

        def _explain(self, error):
            return QueryFailedError(type(error).__name__)

    running = Running()
    took = []

    def cancel():
        began = time.monotonic()
        running.cancel()
        took.append(time.monotonic() - began)

    timer = threading.Timer(0.1, cancel)
    timer.start()
    with pytest.raises(QueryCancelledError):
        Deaf(running).start()

    timer.join()
    assert took[0] < 1.8


def test_a_file_that_is_gone_fails_the_query(file):
    source = SQLiteType().open(f"sqlite:///{file}")
    file.unlink()

    with pytest.raises(QueryFailedError, match="SQLITE_CANTOPEN"):
        source.query("SELECT 1")

    source.close()


def test_ctrl_c_stops_a_heavy_query_and_passes_on(source):
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    began = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        source.query(ENDLESS)

    assert time.monotonic() - began < 2
    assert next(iter(source.query("SELECT 1 AS one"))).num_rows == 1


def test_a_sample_comes_from_all_over_a_large_table(source, file):
    with sqlite3.connect(file) as connection:
        connection.executemany("INSERT INTO coded VALUES (?, 1)", ((str(i),) for i in range(50)))
        connection.executemany(
            "INSERT INTO person (id, ssn) VALUES (?, 'x')", ((i,) for i in range(2, 5000))
        )
    connection.close()

    spread = source.sample("main", "person", ["id"], rows=100)
    few = source.sample("main", "coded", ["code", "rest"], rows=10)
    of_view = source.sample("main", "named", ["as"], rows=10)
    none = source.sample("main", 'odd " name', ['q"q', "a b"], rows=10)

    assert spread.num_rows == 100
    assert max(spread.column(0).to_pylist()) > 4000
    assert few.num_rows == 10
    assert of_view.num_rows == 10
    assert (none.num_rows, none.schema.names) == (0, ['q"q', "a b"])


@pytest.mark.parametrize(
    ("relation", "columns"), [("person", ["nope"]), ("person", []), ("nope", ["id"])]
)
def test_a_sample_of_unknown_columns_is_an_error(source, relation, columns):
    with pytest.raises(SourceError, match="no such columns"):
        source.sample("main", relation, columns, rows=10)


def test_closing_a_source_ends_its_queries(file):
    source = SQLiteType().open(f"sqlite:///{file}")
    stream = source.query("SELECT 1 AS a UNION ALL SELECT 2", batch_rows=1)

    source.close()

    with pytest.raises(QueryCancelledError):
        list(stream)
