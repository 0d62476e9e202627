"""PostgreSQL as a source: what it tells, what it refuses, and how it stops."""

import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal

import pyarrow as pa
import pytest

from maskline.errors import MasklineError, QueryCancelledError, QueryFailedError, SourceError
from maskline.model import ColumnRef, Kind
from maskline.sources import _postgres_catalogue as parts
from maskline.sources.postgres import PostgresType

CANARY = "canary-7391"
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
SCHEMA = """
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('ok', 'low');
CREATE DOMAIN app.short AS varchar(8);
CREATE SEQUENCE app.ids;
CREATE TABLE app.person (
    id integer PRIMARY KEY, email text NOT NULL, ssn text, feel app.mood, code app.short,
    pad char(4), folded text COLLATE "C", born date, seen timestamptz, rate double precision,
    price numeric(10, 2), free numeric, doc jsonb, face bytea, tags text[], key uuid, is_new boolean
);
CREATE TABLE app."odd "" name" ("a b" int, "q""q" text);
CREATE TABLE app.hidden (a int, b int);
CREATE TABLE app.large AS SELECT i, 'x' || i AS t FROM generate_series(1, 20000) AS i;
CREATE TABLE app.shrunk AS SELECT i FROM generate_series(1, 20000) AS i;
CREATE VIEW app.adult AS SELECT id, upper(ssn) AS number FROM app.person WHERE rate > 1;
CREATE VIEW app.named(key, "as") AS SELECT id, email FROM app.person;
CREATE VIEW app.older AS SELECT number FROM app.adult;
CREATE VIEW app.whole AS SELECT row_to_json(p) AS r FROM app.person AS p;
CREATE MATERIALIZED VIEW app.stored AS SELECT ssn FROM app.person;
CREATE FUNCTION app.first_ssn() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM app.person LIMIT 1';
CREATE FUNCTION app.same(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2';
CREATE OPERATOR app.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = app.same);
INSERT INTO app.person (id, email, ssn, feel, pad, price, doc)
    VALUES (1, 'a@b.example', 'canary-7391', 'ok', 'ab', 1.5, '{"k": 1}');
ANALYZE app.large;
ANALYZE app.shrunk;
DELETE FROM app.shrunk WHERE i > 5;
"""


def everything_said(error):
    said = [str(error), repr(error), repr(error.args)]
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
        said += [str(error), repr(error)]
    return " ".join(said)


@pytest.fixture(scope="module")
def admin_url(new_postgres_url, postgres_run):
    url = new_postgres_url()
    postgres_run(url, SCHEMA)
    return url


@pytest.fixture(scope="module")
def role_url(admin_url, postgres_run):
    """A role that may only read, named after its database, which is new."""
    role = admin_url.split("/")[-2 if admin_url.endswith("/") else 3].partition("?")[0] + "_reader"
    postgres_run(
        admin_url,
        f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA app TO {role};"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA app TO {role};"
        f"REVOKE ALL ON app.hidden FROM {role}; GRANT SELECT (b) ON app.hidden TO {role}",
    )
    yield admin_url.replace("postgres:@", f"{role}@")
    postgres_run(admin_url, f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.fixture
def source(role_url):
    opened = PostgresType().open(role_url)
    yield opened
    opened.close()


def columns_of(source, name):
    (relation,) = (each for each in source.catalogue().relations if each.name == name)
    return {column.name: column for column in relation.columns}


def test_an_open_source_tells_where_it_is_without_credentials(source, role_url):
    assert source.dialect == "postgres"
    assert source.namespace == "postgres://localhost:5432"
    assert f"/{source.database}?" in role_url
    assert source.warnings == ()
    source.close()


@pytest.mark.parametrize(
    ("url", "namespace"),
    [
        ("postgresql://me:pw@db.example:6000/x", "postgres://db.example:6000"),
        ("postgres://db.example/x", "postgres://db.example:5432"),
        ("postgresql://a:1,b:2/x", "postgres://a:1"),
        ("postgresql://[::1]:6000/x", "postgres://[::1]:6000"),
        ("postgresql:///x?host=db.example&port=7", "postgres://db.example:7"),
        ("postgresql://%2Frun%2Fpg/x", "postgres://localhost:5432"),
    ],
)
def test_a_namespace_has_host_and_port_only(url, namespace):
    from maskline.sources import postgres

    assert postgres._namespace(url) == namespace


@pytest.mark.parametrize("host", ["127.0.0.1:1", "none.invalid"])
def test_a_server_that_is_not_there_is_an_error_without_credentials(host):
    with pytest.raises(SourceError) as caught:
        PostgresType().open(f"postgresql://{CANARY}:{CANARY}@{host}/{CANARY}")

    assert CANARY not in everything_said(caught.value)


def test_adbc_is_used_without_pandas_or_polars(admin_url):
    script = """
import sys
from maskline.sources.postgres import PostgresType
source = PostgresType().open(sys.argv[1])
list(source.query("SELECT 1"))
source.close()
assert not {"adbc_driver_manager.dbapi", "pandas", "polars"} & set(sys.modules)
"""

    subprocess.run([sys.executable, "-c", script, admin_url], check=True)


def test_a_superuser_and_roles_that_read_files_are_warned_of(admin_url, postgres_run):
    admin = PostgresType().open(admin_url)
    role = f"{admin.database}_files"
    postgres_run(admin_url, f"CREATE ROLE {role} LOGIN; GRANT pg_read_server_files TO {role}")
    reader = PostgresType().open(admin_url.replace("postgres:@", f"{role}@"))

    warnings = admin.warnings, reader.warnings
    reader.close()
    admin.close()
    postgres_run(admin_url, f"DROP ROLE {role}")

    assert "superuser" in warnings[0][0]
    assert "pg_read_server_files" in warnings[1][0]


def test_the_catalogue_tells_kinds_nullability_and_equality(source):
    person = columns_of(source, "person")
    names = {each.name for each in source.catalogue().relations}
    inexact = [name for name, column in person.items() if not column.exact_equality]

    assert source.catalogue().default_schema == "public"
    assert {each.schema for each in source.catalogue().relations} == {"app"}
    assert names == {
        "person", 'odd " name', "hidden", "large", "shrunk", "adult", "named", "older", "whole",
        "stored",
    }  # fmt: skip
    assert {name: column.kind for name, column in person.items()} == {
        "id": Kind.INTEGER,
        "email": Kind.TEXT,
        "ssn": Kind.TEXT,
        "feel": Kind.TEXT,
        "code": Kind.TEXT,
        "pad": Kind.TEXT,
        "folded": Kind.TEXT,
        "born": Kind.DATE,
        "seen": Kind.TIMESTAMP,
        "rate": Kind.NUMBER,
        "price": Kind.NUMBER,
        "free": Kind.NUMBER,
        "doc": Kind.JSON,
        "face": Kind.BINARY,
        "tags": Kind.OTHER,
        "key": Kind.TEXT,
        "is_new": Kind.BOOLEAN,
    }
    assert inexact == ["pad", "rate", "free", "doc", "tags"]
    assert [name for name, column in person.items() if not column.nullable] == ["id", "email"]
    assert person["price"].type == "numeric(10,2)"
    assert person["code"].type == "app.short"


def test_the_catalogue_has_only_columns_that_the_role_may_read(source):
    assert list(columns_of(source, "hidden")) == ["b"]


def test_a_view_has_a_definition_and_a_materialized_one_is_a_table(source):
    relations = {each.name: each for each in source.catalogue().relations}

    assert " ".join(relations["named"].definition.split()) == (
        'SELECT id AS key, email AS "as" FROM app.person'
    )
    assert relations["stored"].definition == ""
    assert relations["person"].definition == ""


def test_the_catalogue_is_kept_until_the_schema_changes(source, admin_url, postgres_run):
    first = source.catalogue()
    again = source.catalogue()
    postgres_run(admin_url, 'ALTER TABLE app."odd "" name" RENAME "a b" TO renamed')
    renamed = source.catalogue()
    postgres_run(admin_url, 'ALTER TABLE app."odd "" name" RENAME renamed TO "a b"')

    assert first is again
    assert renamed.version != first.version
    assert "renamed" in {c.name for each in renamed.relations for c in each.columns}
    assert source.catalogue().version == first.version


EVERY = [
    "born", "code", "doc", "email", "face", "feel", "folded", "free", "id", "is_new", "key", "pad",
    "price", "rate", "seen", "ssn", "tags",
]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT count(*) FROM app.person", []),
        ("SELECT P.EMAIL FROM app.person AS p", ["email"]),
        ("SELECT id FROM app.person WHERE false AND ssn > email;", ["email", "id", "ssn"]),
        ("SELECT 1 WHERE EXISTS (SELECT FROM app.person WHERE ssn = 'x')", ["ssn"]),
        ("SELECT number FROM app.older", ["id", "rate", "ssn"]),
        ("SELECT p FROM app.person AS p", EVERY),
        ("SELECT p.id, p FROM app.person AS p -- all of it", EVERY),
        ("SELECT r FROM app.whole", EVERY),
        ("SELECT row_to_json(x) FROM (SELECT id, email FROM app.person) AS x", ["email", "id"]),
        ("SELECT j FROM (app.person AS a JOIN app.large AS b ON a.id = b.i) AS j", EVERY),
        ("WITH w AS (SELECT id FROM app.person) SELECT w FROM w", ["id"]),
        ("SELECT y FROM app.person AS x, LATERAL (SELECT x.id, x AS row) AS y", EVERY),
        ("SELECT (SELECT count(p)) FROM app.person AS p", EVERY),
        ("SELECT '\"{(}\\', id FROM app.person AS \"a\\{b\"", ["id"]),
        ("SELECT 1 AS a, 2 AS a, row(1, 2)", []),
        ("VALUES (1)", []),
    ],
)  # fmt: skip
def test_the_read_set_has_columns_behind_views_and_of_whole_rows(source, sql, reads):
    found = source.read_set(sql)

    assert sorted(ref.column for ref in found if ref.relation == "person") == reads


def test_the_read_set_of_a_view_has_its_own_columns_too(source):
    found = source.read_set("SELECT number FROM app.older")

    assert {str(each) for each in found} == {
        "app.older.number",
        "app.adult.number",
        "app.person.id",
        "app.person.rate",
        "app.person.ssn",
    }


def test_the_read_set_of_a_materialized_view_stops_there(source):
    assert source.read_set("SELECT s FROM app.stored AS s") == {ColumnRef("app", "stored", "ssn")}


@pytest.mark.parametrize("sql", ["SELECT app.first_ssn()", "SELECT 1 OPERATOR(app.===) 2"])
def test_functions_and_operators_of_users_are_columns_that_no_catalogue_holds(source, sql):
    (found,) = source.read_set(sql)

    assert found.column == "*"
    assert found.relation.endswith("()")


def test_a_whole_row_of_an_unknown_kind_counts_as_all_relations_beside_it():
    tree = (
        "({QUERY :rtable ({RANGETBLENTRY :rtekind 0 :relid 16400} {RANGETBLENTRY :rtekind 2}"
        " {RANGETBLENTRY :rtekind 1}) :targetList ({VAR :varno 2 :varattno 0 :varlevelsup 0}) <>"
        " :x ()})"
    )

    assert parts.whole_rows(tree) == {16400}


def test_without_the_privilege_for_temporary_objects_there_is_no_read_set(
    admin_url, role_url, postgres_run
):
    name = admin_url.split("/")[3].partition("?")[0]
    postgres_run(admin_url, f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    source = PostgresType().open(role_url)

    found = source.read_set("SELECT id FROM app.person")
    postgres_run(admin_url, f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC")

    assert found is None
    assert source.read_set("SELECT id FROM app.person") == {ColumnRef("app", "person", "id")}
    source.close()


def test_a_role_that_is_read_only_by_default_has_a_read_set(admin_url, role_url, postgres_run):
    role = role_url.split("//")[1].partition("@")[0]
    postgres_run(admin_url, f"ALTER ROLE {role} SET default_transaction_read_only = on")
    source = PostgresType().open(role_url)

    assert source.read_set("SELECT id FROM app.person") == {ColumnRef("app", "person", "id")}
    postgres_run(admin_url, f"ALTER ROLE {role} RESET ALL")
    source.close()


ATTACKS = [
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE app.person",
    "SELECT 1) AS q(c0); DROP TABLE app.person; --",
    "SELECT 1) AS q(c0), (SELECT 2",
    "INSERT INTO app.large VALUES (0, 'x')",
    "WITH x AS (INSERT INTO app.large VALUES (0, 'x') RETURNING 1) SELECT * FROM x",
    "WITH x AS (DELETE FROM app.large RETURNING 1) SELECT * FROM x",
    "SELECT 1 INTO app.made",
    "SELECT 1 AS a INTO TEMP made",
    "CREATE TABLE app.made AS SELECT 1",
    "COPY app.large TO '/dev/null'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY app.large TO STDOUT",
    "DO $$ BEGIN NULL; END $$",
    "CALL app.nothing()",
    "SET TRANSACTION READ WRITE",
    "SET client_min_messages = debug",
    "SHOW ALL",
    "EXPLAIN SELECT ssn FROM app.person",
    "EXPLAIN ANALYZE SELECT ssn FROM app.person",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "DECLARE x CURSOR FOR SELECT 1",
    "LISTEN x",
    "LOCK TABLE app.large",
    "VACUUM",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "DISCARD ALL",
    "SELECT",
    "",
    ";",
    "SELECT $1::int",
    "\0",
    "SELECT '\ud800'",
]
WRITES = [
    "SELECT nextval('app.ids')",
    "SELECT setval('app.ids', 7)",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT * FROM app.large FOR UPDATE",
    "TABLE app.hidden",
]


@pytest.fixture(scope="module")
def state(admin_url):
    def look():
        admin = PostgresType().open(admin_url)
        (batch,) = admin.query(
            "SELECT (SELECT count(*) FROM app.large) AS a, (SELECT last_value FROM app.ids) AS b,"
            " (SELECT is_called FROM app.ids) AS c,"
            " (SELECT count(*) FROM pg_largeobject_metadata) AS d,"
            " (SELECT count(*) FROM pg_class WHERE relname IN ('made', 'maskline_probe')) AS e,"
            " (SELECT count(*) FROM app.person) AS f"
        )
        admin.close()
        return batch.to_pylist()

    return look


@pytest.mark.parametrize("sql", ATTACKS + WRITES)
def test_what_is_not_one_harmless_select_fails_and_changes_nothing(source, state, sql):
    before = state()

    with pytest.raises(QueryFailedError) as caught:
        list(source.query(sql))

    assert caught.value.__context__ is None
    assert state() == before
    assert next(iter(source.query("SELECT 1 AS one"))).to_pylist() == [{"one": 1}]


@pytest.mark.parametrize("sql", ATTACKS)
def test_the_read_set_of_what_is_not_one_harmless_select_is_an_error(source, state, sql):
    with pytest.raises(QueryFailedError):
        source.read_set(sql)

    assert state()[0]["e"] == 0


def test_a_superuser_cannot_write_either(admin_url, state):
    before = state()
    admin = PostgresType().open(admin_url)

    for sql in [each for each in ATTACKS + WRITES[:-3] if each != "COMMIT"]:
        with pytest.raises(QueryFailedError):
            list(admin.query(sql))

    assert state() == before
    admin.close()


def test_what_a_query_sets_does_not_outlive_it(source):
    list(source.query("SELECT set_config('search_path', 'app', false)"))

    with pytest.raises(QueryFailedError, match="undefined_table"):
        source.query("SELECT * FROM person")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT ssn::int FROM app.person", "invalid_text_representation (22P02)"),
        (f"SELECT '{CANARY}'::int", "invalid_text_representation (22P02)"),
        (f"SELECT '{CANARY}' FROM nowhere", "undefined_table (42P01)"),
        (f"SELECT ('{CANARY}' || i)::int FROM generate_series(1, 3) AS i", "(22P02)"),
        (f"SELECT 1 / 0, '{CANARY}'", "division_by_zero (22012)"),
        (f"SELEC '{CANARY}'", "syntax_error (42601)"),
        (f"SELECT '{CANARY}'::app.mood", "(22P02)"),
        ("SELECT ssn::regclass FROM app.person", "(42P01)"),
        ("SELECT (ssn || '')::bit(3) FROM app.person", "(22P02)"),
    ],
)
def test_an_error_keeps_its_sqlstate_and_quotes_neither_value_nor_literal(
    source, capfd, sql, words
):
    with pytest.raises(MasklineError) as caught:
        list(source.query(sql))

    assert words in caught.value.message
    assert CANARY not in everything_said(caught.value)
    assert CANARY not in "".join(capfd.readouterr())


def test_an_error_of_a_later_row_comes_after_the_rows_before_it(source):
    sql = (
        "SELECT CASE WHEN i < 900000 THEN repeat('x', 20) ELSE (1 / (i - i))::text END"
        " FROM generate_series(1, 1000000) AS i"
    )
    rows = 0

    batches = iter(source.query(sql))

    def count():
        nonlocal rows
        for batch in batches:
            rows += batch.num_rows

    with pytest.raises(QueryFailedError, match="22012"):
        count()

    assert 0 < rows < 900_000


def test_a_notice_does_not_reach_the_standard_error(admin_url, postgres_run, capfd):
    postgres_run(
        admin_url,
        "CREATE OR REPLACE FUNCTION app.say() RETURNS int LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE WARNING '{CANARY}'; RETURN 1; END $$",
    )
    admin = PostgresType().open(admin_url)

    list(admin.query("SELECT app.say()"))
    admin.close()

    assert CANARY not in "".join(capfd.readouterr())


def test_every_type_comes_as_one_that_people_and_detectors_can_read(source):
    stream = source.query(
        "SELECT 1::numeric AS n, 1.5::numeric(10, 2) AS d, 1.5::numeric(50, 2) AS w,"
        " 1::numeric(100, 0) AS x, 12345::numeric(3, -2) AS y, 'NaN'::numeric AS nan,"
        " '10.0.0.1'::inet AS i, '10.0.0.0/8'::cidr AS c, 'a0:b0:c0:d0:e0:f0'::macaddr AS m,"
        " '10:00+01'::timetz AS tz, to_tsvector('simple', 'ab') AS tv, int4range(1, 3) AS r,"
        " '101'::bit(3) AS b, interval '1 day' AS iv, array[[1, 2], [3, 4]] AS a2,"
        " '{\"a\":1}'::json AS j, '{\"a\": 1}'::jsonb AS jb, '\\x01'::bytea AS by,"
        " 'ab'::char(4) AS bp, 'n'::name AS na, 4000000000::oid AS o, 'pg_class'::regclass AS rc,"
        " now() AS ts, now()::timestamp AS t2, current_date AS dt, localtime AS lt,"
        " 'a'::\"char\" AS ch, true AS bo, 1::int2 AS i2, 1.5::float4 AS f4, NULL AS nul,"
        " '(1,2)'::point AS po, row(1, 2) AS ro, feel, p, 'v'::app.short AS dom, 1 AS z, 2 AS z"
        " FROM app.person AS p; "
    )
    (batch,) = stream
    by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
    not_text = {
        name: str(array.type) for name, array in by_name.items() if array.type != pa.string()
    }

    assert batch.schema.equals(stream.schema)
    assert not_text == {
        "n": "double",
        "d": "decimal128(10, 2)",
        "w": "decimal256(50, 2)",
        "x": "double",
        "y": "double",
        "nan": "double",
        "by": "binary",
        "o": "int64",
        "ts": "timestamp[us, tz=UTC]",
        "t2": "timestamp[us]",
        "dt": "date32[day]",
        "lt": "time64[us]",
        "bo": "bool",
        "i2": "int16",
        "f4": "float",
        "z": "int32",
    }
    assert by_name["d"].to_pylist() == [Decimal("1.50")]
    assert {name: by_name[name][0].as_py() for name in ("i", "c", "tz", "b", "iv", "a2")} == {
        "i": "10.0.0.1",
        "c": "10.0.0.0/8",
        "tz": "10:00:00+01",
        "b": "101",
        "iv": "1 day",
        "a2": "{{1,2},{3,4}}",
    }
    assert by_name["bp"].to_pylist() == ["ab  "]
    assert by_name["feel"].to_pylist() == ["ok"]
    assert by_name["nul"].to_pylist() == [None]
    assert batch.schema.names[-2:] == ["z", "z"]


def test_a_decimal_that_is_not_a_number_is_an_error_that_says_so(source):
    with pytest.raises(QueryFailedError, match="Output column 2 holds NaN"):
        list(source.query("SELECT 1, 'NaN'::numeric(4, 1)"))


def test_order_and_limit_survive_and_batches_are_as_small_as_asked(source):
    sql = "SELECT i, i::text AS t FROM app.large ORDER BY -i LIMIT 5000 -- the last"
    batches = list(source.query(sql, batch_rows=1000))

    assert [each.num_rows for each in batches] == [1000] * 5
    assert [row for each in batches for row in each.column(0).to_pylist()] == [
        *range(20000, 15000, -1)
    ]


def test_rows_arrive_before_the_last_one_exists_and_closing_stops_the_query(source):
    began = time.monotonic()
    sql = "SELECT a.i, repeat('x', 100) AS t FROM app.large AS a, app.large AS b"
    stream = source.query(sql)
    batches = iter(stream)
    before = pa.total_allocated_bytes()

    rows = sum(next(batches).num_rows for _ in range(10))
    stream.close()
    stream.close()

    assert rows > 0
    assert time.monotonic() - began < 5
    assert pa.total_allocated_bytes() - before < 100_000_000
    assert next(iter(source.query("SELECT count(*) FROM app.large"))).num_rows == 1
    with pytest.raises(QueryCancelledError):
        next(batches)


@pytest.mark.parametrize("sql", [ENDLESS, "SELECT pg_sleep(30)"])
def test_cancel_stops_a_heavy_query_from_another_thread(source, sql):
    timer = threading.Timer(0.3, source.cancel)
    timer.start()
    began = time.monotonic()

    with pytest.raises(QueryCancelledError):
        list(source.query(sql))

    assert time.monotonic() - began < 2
    timer.join()
    assert next(iter(source.query("SELECT 1 AS one"))).num_rows == 1


def test_cancel_stops_a_query_that_waits_for_a_lock(source, admin_url):
    holder = PostgresType().open(admin_url)
    link = holder._pool.take()
    link.rollback()
    link.run("SET TRANSACTION READ WRITE; LOCK TABLE app.person IN ACCESS EXCLUSIVE MODE")
    timer = threading.Timer(0.3, source.cancel)
    timer.start()
    began = time.monotonic()

    with pytest.raises(QueryCancelledError):
        source.query("SELECT * FROM app.person")

    assert time.monotonic() - began < 2
    timer.join()
    link.close()
    holder.close()


def test_a_time_limit_of_the_server_ends_a_query_as_cancelled(role_url):
    source = PostgresType().open(f"{role_url}&options=-c%20statement_timeout%3D300")

    with pytest.raises(QueryCancelledError):
        list(source.query(ENDLESS))

    source.close()


def test_ctrl_c_stops_a_heavy_query_and_passes_on(source):
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    began = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        list(source.query(ENDLESS))

    assert time.monotonic() - began < 2


def test_two_queries_may_run_at_once(source):
    first = iter(source.query("SELECT i FROM app.large", batch_rows=1000))
    next(first)
    (second,) = source.query("SELECT 2 AS a")

    assert second.num_rows == 1
    assert next(first).num_rows == 1000


def test_a_sample_comes_from_all_over_a_large_table(source):
    large = source.sample("app", "large", ["i"], rows=100)
    few = source.sample("app", "large", ["t", "i"], rows=5000)
    shrunk = source.sample("app", "shrunk", ["i"], rows=100)
    of_view = source.sample("app", "named", ["as"], rows=10)
    none = source.sample("app", 'odd " name', ['q"q', "a b"], rows=10)

    assert large.num_rows == 100
    assert max(large.column(0).to_pylist()) > 10000
    assert shrunk.num_rows == 5
    assert few.num_rows == 5000
    assert of_view.num_rows == 1
    assert (none.num_rows, none.schema.names) == (0, ['q"q', "a b"])


def test_a_sample_of_unknown_columns_is_an_error(source):
    with pytest.raises(SourceError, match="no such columns"):
        source.sample("app", "person", ["nope"], rows=10)


def test_a_server_that_goes_away_is_an_error_that_says_so(admin_url, role_url, postgres_run):
    source = PostgresType().open(role_url)
    role = role_url.split("//")[1].partition("@")[0]
    kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
    postgres_run(admin_url, kill)
    time.sleep(0.2)

    with pytest.raises(SourceError, match="does not describe"):
        source.catalogue()

    assert source.catalogue().relations
    source.close()


def test_closing_a_source_ends_its_queries(role_url):
    source = PostgresType().open(role_url)
    stream = source.query("SELECT * FROM app.large", batch_rows=10)
    next(iter(stream))

    source.close()

    with pytest.raises(QueryCancelledError):
        list(stream)
