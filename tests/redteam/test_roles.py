"""A role that may not create temporary objects: PostgreSQL cannot be asked what it reads."""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

LABELS = """
    {schema}.customers: {{id: PUBLIC, ssn: US_SSN, country: PUBLIC}}
"""
SSN = "573-17-1402"
# More exact for an integer than PostgreSQL's own scale(numeric), so it is chosen.
SCRIPT = f"""
    CREATE TABLE customers (id INTEGER PRIMARY KEY, ssn TEXT, country TEXT);
    INSERT INTO customers VALUES (1, '{SSN}', 'US'), (2, '610-24-1405', 'DE');
    CREATE FUNCTION scale(i INTEGER) RETURNS TEXT LANGUAGE sql STABLE SECURITY DEFINER
        AS 'SELECT ssn FROM customers WHERE id = i';
    DO $$ BEGIN
        EXECUTE format('REVOKE TEMP ON DATABASE %I FROM PUBLIC', current_database());
    END $$;
"""


@pytest.fixture(scope="module")
def limited(
    redteam_door: Callable[..., Any],
    new_postgres_url: Callable[[], str],
    postgres_run: Callable[[str, str], None],
) -> Iterator[Any]:
    role = f"maskline_reader_{uuid.uuid4().hex}"
    url = new_postgres_url()
    postgres_run(url, f"{SCRIPT} CREATE ROLE {role} LOGIN; GRANT SELECT ON customers TO {role}")
    door = redteam_door("postgres", re.sub(r"//[^@/]*@", f"//{role}@", url), LABELS)
    yield door
    door.session.close()
    postgres_run(url, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_limited_role_is_answered_with_tokens(limited: Any) -> None:
    answer = limited.ask("SELECT ssn FROM customers")

    assert answer.is_answered
    assert SSN not in answer.text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT scale(id) AS x FROM customers",
        "SELECT scale(1) AS x",
        f"SELECT '{SSN}' AS x FROM customers WHERE scale(id) = '{SSN}'",
    ],
)
def test_a_function_that_is_named_like_a_pure_one_is_refused_to_a_limited_role(
    limited: Any, sql: str
) -> None:
    answer = limited.ask(sql)

    assert not answer.is_answered


def test_a_role_without_temporary_tables_is_told_why_a_query_is_refused(limited: Any) -> None:
    answer = limited.ask("SELECT ssn FROM customers ORDER BY ssn")

    assert "[query-refused] Rows are sorted by public.customers.ssn" in answer.error
    (warning,) = limited.session.warnings
    assert "GRANT TEMPORARY" in warning
