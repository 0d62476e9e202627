"""DuckDB as a source: what it tells, what it refuses, and how it stops."""

import subprocess
import sys
import threading
import time

import duckdb
import pyarrow as pa
import pytest

from maskline.errors import MasklineError, QueryCancelledError, QueryFailedError, SourceError
from maskline.model import Catalogue, ColumnRef, Kind
from maskline.sources._duckdb_catalogue import Shadow
from maskline.sources.duckdb import DuckDBType

CANARY = "canary-7391"
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
SCHEMA = """
CREATE SCHEMA other;
CREATE TYPE mood AS ENUM ('ok', 'it''s');
CREATE SEQUENCE ids;
CREATE TABLE person (
    id INTEGER PRIMARY KEY DEFAULT nextval('ids'), email VARCHAR NOT NULL, ssn VARCHAR,
    shout VARCHAR GENERATED ALWAYS AS (upper(ssn)), feel mood, born DATE, seen TIMESTAMPTZ,
    rate DOUBLE, price DECIMAL(10, 2), doc JSON, face BLOB, tags VARCHAR[],
    home STRUCT(street VARCHAR, "a.b" INTEGER), key UUID, is_new BOOLEAN, big HUGEINT,
    gap INTERVAL
);
CREATE TABLE folded (name VARCHAR COLLATE NOCASE, number INTEGER);
CREATE TABLE other."odd "" name" ("a b" INTEGER, "a b.c" INTEGER, "q""q" VARCHAR);
CREATE TABLE other.broken ("two
lines" INTEGER, secret VARCHAR);
CREATE VIEW adult AS SELECT id, upper(email) AS mail FROM person WHERE rate > 1;
CREATE VIEW other.named(key, "as") AS SELECT id, ssn FROM main.person;
CREATE VIEW other.older AS SELECT * FROM main.adult;
CREATE MACRO loudest() AS (SELECT max(ssn) FROM person);
CREATE MACRO one_of(which) AS TABLE SELECT * FROM person WHERE id = which;
INSERT INTO person (email, ssn, feel, home)
    SELECT 'a@b.example', 'canary-7391', 'ok', {'street': 's', 'a.b': 1} FROM range(3);
"""


def everything_said(error):
    said = [str(error), repr(error), repr(error.args)]
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
        said += [str(error), repr(error)]
    return " ".join(said)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("duckdb") / "my shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in SCHEMA.split(";\n")[:-1]:
            connection.execute(statement)
    return path


@pytest.fixture
def source(file):
    opened = DuckDBType().open(f"duckdb:///{file}")
    yield opened
    opened.close()


def test_a_relative_path_has_three_slashes_and_an_absolute_one_four(file, monkeypatch):
    monkeypatch.chdir(file.parent)

    relative = DuckDBType().open("duckdb:///my%20shop.duckdb")
    absolute = DuckDBType().open(f"duckdb:///{file}")

    assert relative.namespace == absolute.namespace == f"duckdb://{file}"
    assert (absolute.dialect, absolute.database, absolute.warnings) == ("duckdb", "my shop", ())
    relative.close()
    absolute.close()
    absolute.close()


def test_a_database_in_memory_cannot_be_opened():
    with pytest.raises(SourceError, match="no file"):
        DuckDBType().open("duckdb:///:memory:")


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    path = tmp_path / "junk.duckdb"
    path.write_bytes(b"junk " * 10_000)

    with pytest.raises(SourceError, match="IOException") as caught:
        DuckDBType().open(f"duckdb:///{path}")

    assert caught.value.__context__ is None


def test_a_file_that_this_process_has_open_is_an_error_with_a_hint(tmp_path):
    path = tmp_path / "busy.duckdb"
    with (
        duckdb.connect(str(path)),
        pytest.raises(SourceError, match="open in this process") as caught,
    ):
        DuckDBType().open(f"duckdb:///{path}")

    assert "Close that connection" in caught.value.hint


def test_a_file_that_another_process_writes_is_an_error_with_a_hint(tmp_path):
    path = tmp_path / "busy.duckdb"
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()

        with pytest.raises(SourceError) as caught:
            DuckDBType().open(f"duckdb:///{path}")

    assert "other process" in caught.value.hint


def test_the_catalogue_tells_kinds_nullability_and_equality(source):
    catalogue = source.catalogue()
    relations = {(each.schema, each.name): each for each in catalogue.relations}
    person = {column.name: column for column in relations["main", "person"].columns}
    inexact = [name for name, column in person.items() if not column.exact_equality]

    assert catalogue.default_schema == "main"
    assert catalogue is source.catalogue()
    assert set(relations) == {
        ("main", "person"),
        ("main", "folded"),
        ("main", "adult"),
        ("other", 'odd " name'),
        ("other", "broken"),
        ("other", "named"),
        ("other", "older"),
    }
    assert {name: column.kind for name, column in person.items()} == {
        "id": Kind.INTEGER,
        "email": Kind.TEXT,
        "ssn": Kind.TEXT,
        "shout": Kind.TEXT,
        "feel": Kind.TEXT,
        "born": Kind.DATE,
        "seen": Kind.TIMESTAMP,
        "rate": Kind.NUMBER,
        "price": Kind.NUMBER,
        "doc": Kind.JSON,
        "face": Kind.BINARY,
        "tags": Kind.OTHER,
        "home": Kind.OTHER,
        "key": Kind.TEXT,
        "is_new": Kind.BOOLEAN,
        "big": Kind.INTEGER,
        "gap": Kind.OTHER,
    }
    assert [name for name, column in person.items() if not column.nullable] == ["id", "email"]
    assert inexact == ["rate", "doc", "tags", "home", "gap"]
    assert [each.exact_equality for each in relations["main", "folded"].columns] == [False, True]


def test_a_view_has_a_definition_with_its_own_column_names(source):
    relations = {each.name: each for each in source.catalogue().relations}
    named = source.query(relations["named"].definition)

    assert relations["adult"].definition == (
        "SELECT id, upper(email) AS mail FROM person WHERE (rate > 1)"
    )
    assert relations["person"].definition == ""
    assert named.schema.names == ["key", "as"]
    # Where some column has a collation, nobody can tell which text of a view has it.
    assert [each.exact_equality for each in relations["named"].columns] == [True, False]
    named.close()


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT count(*) FROM person", []),
        ("SELECT P.EMAIL FROM Person AS p", ["email"]),
        ("SELECT id FROM person WHERE false AND ssn = 'x'", ["id", "ssn"]),
        ("SELECT 1 FROM person WHERE EXISTS (SELECT 1 FROM folded WHERE number = id)", ["id"]),
        ("SELECT mail FROM other.older", ["email", "rate"]),
        ('SELECT "as" FROM other.named', ["ssn"]),
        ("SELECT shout FROM person", ["ssn"]),
        ("SELECT loudest()", ["ssn"]),
        ("SELECT email FROM one_of(1)", ["email", "id"]),
        ("SELECT * FROM query('SELECT ssn FROM person')", ["ssn"]),
        ("SELECT #1 FROM person", ["id"]),
        ("SELECT home.street FROM person", ["home"]),
        ('SELECT home."a.b" FROM "my shop".main.person', ["home"]),
        ("SELECT id FROM person ORDER BY email LIMIT 0", ["email", "id"]),
        ("VALUES (1)", []),
        ("SELECT * FROM range(3), unnest([1]), json_each('[1]')", []),
        ("WITH a AS MATERIALIZED (SELECT ssn, id FROM person) SELECT id FROM a", ["id"]),
        ("SELECT 1 AS x EXCEPT (SELECT id FROM person)", ["id"]),
    ],
)
def test_the_read_set_sees_through_views_macros_and_generated_columns(source, sql, reads):
    found = {ref.column for ref in source.read_set(sql) if ref[:2] == ("main", "person")}

    assert found == set(reads)


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ('SELECT "a b" FROM other."odd "" name"', {"a b"}),
        ('SELECT "a b.c" FROM other."odd "" name"', {"a b", "a b.c"}),
        ('SELECT "q""q" FROM other."odd "" name"', {'q"q'}),
        ('SELECT "two\nlines" FROM other.broken', {"two\nlines", "secret"}),
        ("SELECT count(*) FROM other.broken", set()),
    ],
)
def test_the_read_set_of_odd_names_is_never_too_small(source, sql, reads):
    assert {ref.column for ref in source.read_set(sql)} == reads


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM duckdb_tables()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM pragma_storage_info('person')",
        "SELECT * FROM duckdb_settings()",
    ],
)
def test_a_scan_of_anything_but_a_table_is_a_column_that_no_catalogue_holds(source, sql):
    known = {
        ColumnRef(each.schema, each.name, column.name)
        for each in source.catalogue().relations
        for column in each.columns
    }

    assert source.read_set(sql) - known


def test_what_cannot_be_planned_without_a_missing_definition_is_an_error(tmp_path):
    path = tmp_path / "gone.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE gone (a INTEGER)")
        connection.execute("CREATE VIEW stale AS SELECT a FROM gone")
        connection.execute("DROP TABLE gone")
        connection.execute("CREATE TABLE here (a INTEGER)")
    source = DuckDBType().open(f"duckdb:///{path}")

    assert source.read_set("SELECT a FROM here") == {ColumnRef("main", "here", "a")}
    with pytest.raises(QueryFailedError, match="CatalogException"):
        source.read_set("SELECT a FROM stale")
    source.close()


def test_a_table_that_the_catalogue_does_not_know_is_a_column_that_no_catalogue_holds():
    empty = Catalogue(dialect="duckdb", default_schema="main", relations=(), version="")
    shadow = Shadow(
        {}, database="x", ddl=[("table", "", "", "CREATE TABLE t (a INT)")], catalogue=empty
    )

    assert shadow.reads("SELECT a FROM t") == {ColumnRef("", "x.main.t", "*")}
    shadow.close()


def test_a_database_named_like_the_one_in_memory_has_a_read_set(tmp_path):
    path = tmp_path / "memory.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE here (a INTEGER)")
    source = DuckDBType().open(f"duckdb:///{path}")

    assert source.read_set("SELECT a FROM memory.main.here") == {ColumnRef("main", "here", "a")}
    source.close()


ATTACKS = [
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE person",
    "INSERT INTO folded VALUES ('x', 1)",
    "WITH x AS (INSERT INTO folded VALUES ('x', 1) RETURNING 1) SELECT * FROM x",
    "WITH x AS (DELETE FROM folded RETURNING 1) SELECT * FROM x",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP MACRO x() AS 1",
    "COPY person TO 'SIDE'",
    "COPY (SELECT 1) TO 'SIDE'",
    "EXPORT DATABASE 'SIDE'",
    "ATTACH 'SIDE' AS other_file",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT nextval('ids')",
    "SUMMARIZE person",
    "DESCRIBE person",
    "SHOW TABLES",
    "SELECT * FROM (SUMMARIZE person)",
    "EXPLAIN SELECT ssn FROM person",
    "EXPLAIN ANALYZE SELECT ssn FROM person",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "PIVOT person ON ssn USING count(*)",
    "SET threads = 1",
    "SET VARIABLE x = 1",
    "RESET lock_configuration",
    "PREPARE x AS SELECT 1",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE SECRET (TYPE s3)",
    "CHECKPOINT",
    "BEGIN",
    "SELECT error('canary-7391')",
    "SELECT ?",
    "",
    ";",
    "\0",
    "SELECT '\ud800'",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_what_is_not_one_harmless_select_fails_and_changes_nothing(source, file, sql):
    side = file.parent / "side"
    before = file.read_bytes()

    with pytest.raises(QueryFailedError) as caught:
        list(source.query(sql.replace("SIDE", str(side))))

    assert caught.value.__context__ is None
    assert CANARY not in everything_said(caught.value)
    assert sorted(each.name for each in file.parent.iterdir()) == [file.name]
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "sql", [each for each in ATTACKS if "error(" not in each and "nextval" not in each]
)
def test_the_read_set_of_what_is_not_one_harmless_select_is_an_error(source, file, sql):
    with pytest.raises(QueryFailedError):
        source.read_set(sql.replace("SIDE", str(file.parent / "side")))


def test_variables_of_the_caller_are_not_tables(source):
    secret_table = pa.table({"a": [1]})

    with pytest.raises(QueryFailedError, match="CatalogException"):
        source.query("SELECT * FROM secret_table")

    assert secret_table.num_rows == 1


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT CAST(ssn AS INTEGER) FROM person", "ConversionException"),
        (f"SELECT CAST('{CANARY}' AS INTEGER)", "ConversionException"),
        (f"SELECT '{CANARY}' FROM nowhere", "CatalogException"),
        (f"SELEC '{CANARY}'", "ParserException"),
        (f"SELECT 1 FROM person WHERE '{CANARY}'(", "ParserException"),
    ],
)
def test_an_error_keeps_its_class_and_quotes_neither_value_nor_literal(source, sql, name):
    with pytest.raises(MasklineError) as caught:
        list(source.query(sql))

    assert name in caught.value.message
    assert CANARY not in everything_said(caught.value)


def test_an_error_of_a_later_row_keeps_its_class_and_quotes_no_value(source):
    sql = (
        "SELECT CASE WHEN i < 4000000 THEN i ELSE CAST('canary-7391' || i AS BIGINT) END AS c"
        " FROM range(5000000) AS t(i)"
    )

    with pytest.raises(QueryFailedError, match="Conversion") as caught:
        for _ in source.query(sql, batch_rows=2048):
            pass

    assert CANARY not in everything_said(caught.value)


def test_types_that_arrow_lacks_come_as_text(source):
    stream = source.query(
        "SELECT '101'::BIT AS a, 1::BIGNUM AS a, 1::VARIANT AS v, INTERVAL 1 DAY AS i,"
        " '10:00:00+01'::TIMETZ AS t, [1::BIGNUM] AS l, union_value(n := 1) AS u, uuid() AS k,"
        " '{}'::JSON AS j, 1.5::DECIMAL(4, 2) AS d, NOW() AS w -- a comment"
    )
    (batch,) = stream

    assert batch.schema.names == ["a", "a", "v", "i", "t", "l", "u", "k", "j", "d", "w"]
    assert [str(each) for each in batch.schema.types[:9]] == ["string"] * 9
    assert batch.schema.types[9] == pa.decimal128(4, 2)
    assert batch.column(0).to_pylist() + batch.column(4).to_pylist() == ["101", "10:00:00+01"]


def test_names_may_repeat_and_rows_keep_their_order(source):
    batches = list(
        source.query(
            "SELECT i AS a, INTERVAL (i) DAY AS a FROM range(9000) AS t(i) ORDER BY -i",
            batch_rows=2048,
        )
    )

    assert batches[0].schema.names == ["a", "a"]
    assert max(each.num_rows for each in batches) <= 2048
    assert [row for each in batches for row in each.column(0).to_pylist()] == [*range(9000)][::-1]


def test_rows_arrive_before_the_last_one_exists_and_memory_stays_small(source):
    began = time.monotonic()
    stream = source.query("SELECT i, repeat('x', 100) AS t FROM range(10000000000) AS t(i)")
    batches = iter(stream)
    before = pa.total_allocated_bytes()

    rows = sum(next(batches).num_rows for _ in range(20))
    stream.close()
    stream.close()

    assert rows > 0
    assert time.monotonic() - began < 5
    assert pa.total_allocated_bytes() - before < 100_000_000
    with pytest.raises(QueryCancelledError):
        next(batches)


@pytest.mark.parametrize(
    "sql",
    [
        ENDLESS,
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 = b.range % 5",
    ],
)
def test_cancel_stops_a_heavy_query_from_another_thread(source, sql):
    timer = threading.Timer(0.3, source.cancel)
    timer.start()
    began = time.monotonic()

    with pytest.raises(QueryCancelledError):
        list(source.query(sql))

    assert time.monotonic() - began < 2
    timer.join()
    assert next(iter(source.query("SELECT 1 AS one"))).num_rows == 1


def test_a_sample_is_the_same_each_time(source):
    first = source.sample("main", "person", ["ssn", "id"], rows=2)
    again = source.sample("main", "person", ["ssn", "id"], rows=2)
    of_view = source.sample("other", "named", ["as"], rows=2)
    none = source.sample("other", 'odd " name', ['q"q'], rows=2)

    assert first.equals(again)
    assert (first.num_rows, of_view.num_rows, none.num_rows) == (2, 2, 0)
    assert none.schema.names == ['q"q']


def test_a_sample_of_unknown_columns_is_an_error(source):
    with pytest.raises(SourceError, match="no such columns"):
        source.sample("main", "person", ["nope"], rows=10)


def test_closing_a_source_ends_its_queries(file):
    source = DuckDBType().open(f"duckdb:///{file}")
    source.read_set("SELECT 1")
    stream = source.query("SELECT * FROM range(10000000)", batch_rows=2048)
    next(iter(stream))

    source.close()

    with pytest.raises(QueryCancelledError):
        list(stream)
