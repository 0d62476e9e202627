"""maskline on a database that nobody here wrote."""

import contextlib
import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

import maskline
from maskline import cli

DATABASE = Path(__file__).parents[2] / "shared/data/chinook.sqlite"
PERSONAL = {
    "Customer": {
        "FirstName": "PERSON", "LastName": "PERSON", "Company": "ORGANIZATION",
        "Address": "STREET_ADDRESS", "City": "LOCATION", "State": "LOCATION",
        "Country": "LOCATION", "PostalCode": "ZIP_CODE", "Phone": "PHONE_NUMBER",
        "Fax": "PHONE_NUMBER", "Email": "EMAIL_ADDRESS",
    },
    "Employee": {
        "FirstName": "PERSON", "LastName": "PERSON", "BirthDate": "DATE_OF_BIRTH",
        "Address": "STREET_ADDRESS", "City": "LOCATION", "State": "LOCATION",
        "Country": "LOCATION", "PostalCode": "ZIP_CODE", "Phone": "PHONE_NUMBER",
        "Fax": "PHONE_NUMBER", "Email": "EMAIL_ADDRESS",
    },
}  # fmt: skip
PLANTED = ["FirstName", "LastName", "Email", "Phone", "Fax", "Address"]

pytestmark = pytest.mark.skipif(not DATABASE.exists(), reason="the sample database is not here")


def raw(sql: str) -> list[tuple]:
    with sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True) as connection:
        rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chinook")
    policy = folder / "policy.yaml"
    assert cli.main(["scan", f"sqlite:///{DATABASE}", "--policy", str(policy)]) == 0
    return folder


@pytest.fixture
def session(folder: Path) -> maskline.Session:
    with maskline.connect("chinook", policy=folder / "policy.yaml", purpose="a test") as session:
        yield session


def planted() -> set[bytes]:
    """Every personal value that is long enough not to occur by chance."""
    values = set()
    for table in ("Customer", "Employee"):
        for row in raw(f"SELECT {', '.join(PLANTED)} FROM {table}"):
            values |= {value.encode() for value in row if value and len(value) >= 5}
    return values


def written(folder: Path) -> bytes:
    audit = b"".join(path.read_bytes() for path in sorted(folder.glob("audit/*")) if path.is_file())
    return audit + (folder / "lineage.jsonl").read_bytes()


def assert_nothing_raw(text: bytes) -> None:
    ascii_too = planted() | {json.dumps(value.decode())[1:-1].encode() for value in planted()}
    assert [value for value in ascii_too if value in text] == []


@pytest.mark.parametrize("table", PERSONAL)
def test_every_personal_column_is_labelled(session: maskline.Session, table: str) -> None:
    labels = {
        ref.column: label.entity for ref, _, label, _ in session.columns() if ref.relation == table
    }

    assert {column: labels[column] for column in PERSONAL[table]} == PERSONAL[table]


@pytest.mark.parametrize("table", ["Customer", "Employee", "Invoice"])
def test_no_personal_value_leaves(session: maskline.Session, folder: Path, table: str) -> None:
    result = session.query(f"SELECT * FROM {table}")

    assert len(result) == raw(f"SELECT count(*) FROM {table}")[0][0]
    assert_nothing_raw(str(result.table.to_pylist()).encode() + result._repr_html_().encode())
    assert_nothing_raw(written(folder))


@pytest.mark.parametrize(
    "sql",
    [
        (
            "SELECT c.Email, count(*) AS n, sum(i.Total) AS spent FROM Customer AS c "
            "JOIN Invoice AS i ON i.CustomerId = c.CustomerId GROUP BY c.Email"
        ),
        (
            "SELECT c.Country, count(DISTINCT c.Email) AS n, count(c.Fax) AS f FROM Customer AS c "
            "GROUP BY c.Country"
        ),
        (
            "SELECT c.LastName, e.LastName, count(*) AS n, sum(c.CustomerId) FROM Customer AS c "
            "LEFT JOIN Employee AS e ON c.City = e.City GROUP BY c.LastName, e.LastName"
        ),
    ],
)
def test_joins_and_counts_are_those_of_the_raw_data(session: maskline.Session, sql: str) -> None:
    numbers = [
        tuple(value for value in row if isinstance(value, int | float))
        for row in zip(*session.query(sql).table.columns, strict=True)
        for row in [tuple(cell.as_py() for cell in row)]
    ]
    expected = [tuple(value for value in row if isinstance(value, int | float)) for row in raw(sql)]

    assert Counter(numbers) == Counter(expected)


def test_equal_values_have_equal_tokens_in_every_table(session: maskline.Session) -> None:
    billing = session.query("SELECT BillingCity FROM Invoice").table.column(0).to_pylist()
    home = session.query("SELECT City FROM Customer").table.column(0).to_pylist()

    assert set(billing) == set(home)
    assert len(set(home)) == raw("SELECT count(DISTINCT City) FROM Customer")[0][0]


def test_refusals_and_errors_write_no_value(session: maskline.Session, folder: Path) -> None:
    email = raw("SELECT Email FROM Customer LIMIT 1")[0][0]

    for sql in (
        f"SELECT '{email}' FROM Nowhere",
        f"SELECT '{email}",
        f"SELECT load_extension('{email}') FROM Customer",
        f"SELECT random() FROM Customer WHERE Email = '{email}'",
    ):
        with pytest.raises(maskline.QueryRefusedError) as caught:
            session.query(sql)
        assert_nothing_raw(str(caught.value).encode())
    assert_nothing_raw(written(folder))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM Customer WHERE Email = '{email}'",
        "SELECT CustomerId FROM Customer WHERE Email LIKE '{start}%'",
        "SELECT max(Email), min(Phone) FROM Customer",
        "SELECT substr(Phone, 1, 9), Email || ' ' || LastName FROM Customer",
        "SELECT Email, substr(LastName, 1, 12) FROM Customer ORDER BY LastName, Email",
    ],
)
def test_what_computes_with_masked_columns_is_what_a_masked_copy_answers(
    session: maskline.Session, folder: Path, sql: str
) -> None:
    email = raw("SELECT Email FROM Customer LIMIT 1")[0][0]
    sql = sql.format(email=email, start=email[:3])
    copy = session.query("SELECT * FROM Customer").table
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE Customer ({', '.join(copy.column_names)})")
        connection.executemany(
            f"INSERT INTO Customer VALUES ({', '.join('?' * copy.num_columns)})",
            list(zip(*(column.to_pylist() for column in copy.columns), strict=True)),
        )
        expected = connection.execute(sql).fetchall()

    result = session.query(sql)

    answer = list(zip(*(column.to_pylist() for column in result.table.columns), strict=True))
    assert result.strategy == "at_read"
    assert (answer if "ORDER BY" in sql else Counter(answer)) == (
        expected if "ORDER BY" in sql else Counter(expected)
    )
    assert_nothing_raw(str(answer).encode() + result._repr_html_().encode())
    assert_nothing_raw(written(folder))


def test_command_line_shows_no_value(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    policy = str(folder / "policy.yaml")

    for shape in ("table", "json", "csv"):
        code = cli.main(["query", "SELECT * FROM Customer", "--policy", policy, "--format", shape])
        assert code == 0

    shown = capfd.readouterr()
    assert_nothing_raw(shown.out.encode() + shown.err.encode())
    assert "email_" in shown.out
