"""What a DuckDB file holds, and which of its columns a statement reads.

This module knows DuckDB's system tables and plans. It does not know Arrow, and reads no row of
any table.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from maskline._kept import Kept
from maskline.errors import QueryFailedError
from maskline.model import Catalogue, Column, ColumnRef, Kind, Relation
from maskline.sources._text import quoted, view_body

if TYPE_CHECKING:
    import duckdb

__all__ = ["Config", "Shadow", "check_select", "read_catalogue", "read_ddl"]

Config: TypeAlias = dict[str, str | bool | int | float | list[str]]

_KINDS: Final = (
    # The first that fits; what has brackets is a list or a struct, and none of these.
    (re.compile(r".*[\])]$"), Kind.OTHER),
    (re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$"), Kind.INTEGER),
    (re.compile(r"VARCHAR$|UUID$"), Kind.TEXT),
    (re.compile(r"FLOAT$|DOUBLE$|BIGNUM$"), Kind.NUMBER),
    (re.compile(r"BOOLEAN$"), Kind.BOOLEAN),
    (re.compile(r"DATE$"), Kind.DATE),
    (re.compile(r"TIMESTAMP"), Kind.TIMESTAMP),
    (re.compile(r"BLOB$"), Kind.BINARY),
    (re.compile(r"JSON$"), Kind.JSON),
)
_EXACT: Final = frozenset(
    {Kind.INTEGER, Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.TIMESTAMP, Kind.BINARY}
)
_COLLATION: Final = re.compile(r"\bCOLLATE\b", re.IGNORECASE)
_PART: Final = re.compile(r'"(?:[^"]|"")*"|[^."]+')
_QUERY_NODES: Final = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
)
_HARMLESS_LEAVES: Final = frozenset(
    {
        "COLUMN_DATA_SCAN", "CTE_SCAN", "DELIM_SCAN", "DUMMY_SCAN", "EMPTY_RESULT",
        "EXPRESSION_SCAN", "GENERATE_SERIES", "JSON_EACH", "JSON_TREE", "RANGE", "REC_CTE_SCAN",
        "REPEAT", "UNNEST",
    }
)  # fmt: skip
"""Ends of a plan that read no table: constants, intermediate results, and table functions that
only compute."""


def read_ddl(connection: "duckdb.DuckDBPyConnection") -> list[tuple[str, ...]]:
    """Return (kind, schema, name, statement) of everything that a database defines."""
    rows: list[tuple[str, ...]] = connection.execute(
        """
        WITH own AS (SELECT current_database() AS name)
        SELECT 1 AS rank, 'schema' AS kind, schema_name AS schema, '' AS name, '' AS sql
            FROM duckdb_schemas(), own WHERE database_name = own.name AND NOT internal
        UNION ALL SELECT 2, 'type', schema_name, type_name, CAST(
                CASE logical_type WHEN 'ENUM' THEN
                'ENUM (' || list_aggregate(list_transform(labels,
                    lambda label: '''' || replace(label, '''', '''''') || ''''), 'string_agg', ', ')
                    || ')'
                ELSE logical_type END AS VARCHAR)
            FROM duckdb_types(), own WHERE database_name = own.name AND NOT internal
        UNION ALL SELECT 3, 'sequence', schema_name, sequence_name, sql
            FROM duckdb_sequences(), own WHERE database_name = own.name
        UNION ALL SELECT 4, 'table', schema_name, table_name, sql
            FROM duckdb_tables(), own WHERE database_name = own.name AND NOT internal
        UNION ALL SELECT 5, function_type, schema_name, function_name,
                '(' || array_to_string(parameters, ', ') || ') AS '
                || CASE function_type WHEN 'table_macro' THEN 'TABLE ' ELSE '' END
                || macro_definition
            FROM duckdb_functions(), own
            WHERE database_name = own.name AND NOT internal AND macro_definition IS NOT NULL
        UNION ALL SELECT 6, 'view', schema_name, view_name, sql
            FROM duckdb_views(), own WHERE database_name = own.name AND NOT internal
        ORDER BY ALL
        """
    ).fetchall()
    return [row[1:] for row in rows]


def read_catalogue(
    connection: "duckdb.DuckDBPyConnection", ddl: list[tuple[str, ...]]
) -> Catalogue:
    """Describe every table and view."""
    rows = connection.execute(
        """
        SELECT schema_name, table_name, column_name, data_type, is_nullable
        FROM duckdb_columns() WHERE database_name = current_database() AND NOT internal
        ORDER BY schema_name, table_name, column_index
        """
    ).fetchall()
    statements = {
        (schema, name): (kind, sql) for kind, schema, name, sql in ddl if kind in {"table", "view"}
    }
    has_collations = any(_COLLATION.search(sql) for kind, sql in statements.values())
    columns: dict[tuple[str, str], list[Column]] = {key: [] for key in statements}
    for schema, relation, name, type_, nullable in rows:
        own_kind, sql = statements[schema, relation]
        # The system tables do not tell a column's collation; a view has its table's.
        is_collated = has_collations if own_kind == "view" else bool(_COLLATION.search(sql))
        kind = _kind(type_)
        columns[schema, relation].append(
            Column(
                name=name,
                type=type_,
                kind=kind,
                nullable=nullable,
                exact_equality=(kind in _EXACT or type_.startswith("DECIMAL"))
                and not (is_collated and kind == Kind.TEXT),
            )
        )
    return Catalogue(
        dialect="duckdb",
        default_schema=connection.execute("SELECT current_schema()").fetchall()[0][0],
        relations=tuple(
            Relation(
                schema=schema,
                name=name,
                columns=tuple(columns[schema, name]),
                definition=view_body(
                    sql, "duckdb", name=name, columns=[each.name for each in columns[schema, name]]
                )
                if kind == "view"
                else "",
            )
            for (schema, name), (kind, sql) in statements.items()
        ),
        version=hashlib.sha256(repr((ddl, rows)).encode()).hexdigest(),
    )


def _kind(type_: str) -> Kind:
    if type_.startswith("DECIMAL(") and type_.endswith(")"):
        return Kind.NUMBER
    if type_.startswith("ENUM(") and type_.endswith(")"):
        return Kind.TEXT
    for pattern, kind in _KINDS:
        if pattern.match(type_):
            return kind
    return Kind.OTHER


def check_select(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """Let DuckDB's own parser say that a text is one plain SELECT.

    Its statement type is not enough: SUMMARIZE, DESCRIBE and SHOW count as SELECT, and so does a
    SELECT over a common table expression that writes.

    Raises:
        QueryFailedError: It is something else.
        duckdb.Error: It cannot be parsed.
    """
    import duckdb

    statements = connection.extract_statements(sql)
    if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
        ((tree,),) = connection.execute(
            "SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR)) AS VARCHAR)", [sql]
        ).fetchall()
        parsed = json.loads(tree)
        if not parsed["error"] and all(map(_is_query, _types(parsed))):
            return
    msg = "The statement is not exactly one SELECT."
    raise QueryFailedError(msg, hint="Ask with one SELECT; FROM, VALUES and WITH may begin it.")


def _types(tree: object) -> Iterator[str]:
    """Give the type of every node of a parse tree."""
    if isinstance(tree, dict):
        own = tree.get("type")
        if isinstance(own, str):
            yield own
        for each in tree.values():
            yield from _types(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from _types(each)


def _is_query(type_: str) -> bool:
    """Tell whether a parse tree with such a node may still be a plain SELECT."""
    return type_ in _QUERY_NODES or not type_.endswith(("_NODE", "SHOW_REF"))


class Shadow:
    """A copy in memory of a database's definitions, without rows, to plan statements on.

    It is a database of its own because optimizers are switched off for a whole database, and
    because an optimized plan depends on the rows: statistics may prune a scan from it. Only the
    optimizer that finds unused columns stays on.

    What cannot be defined again, such as a view over a missing extension, is left out. Statements
    that use it are refused.

    Args:
        config: Settings of the connection.
        database: Its name.
        ddl: What *read_ddl* found.
        catalogue: What *read_catalogue* made of it.
        accepted: Which statements *check_select* has accepted; this adds to them.
    """

    def __init__(
        self,
        config: Config,
        *,
        database: str,
        ddl: list[tuple[str, ...]],
        catalogue: Catalogue,
        accepted: Kept[str, None] | None = None,
    ) -> None:
        import duckdb

        self._accepted = accepted or Kept()

        self._relations: dict[tuple[str, ...], Relation] = {
            (database, relation.schema, relation.name): relation for relation in catalogue.relations
        }
        self._connection = duckdb.connect(
            ":memory:", config={**config, "lock_configuration": False}
        )
        ((own,),) = self._connection.execute("SELECT current_database()").fetchall()
        if own != database:
            self._connection.execute(f"ATTACH ':memory:' AS {quoted(database)}")
            self._connection.execute(f"USE {quoted(database)}")
        _define(self._connection, [_statement(*each) for each in ddl])
        rows = self._connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
        disabled = ",".join(name for (name,) in rows if name != "unused_columns")
        self._connection.execute(f"SET disabled_optimizers = '{disabled}'")
        self._connection.execute("SET lock_configuration = true")

    def reads(self, sql: str) -> frozenset[ColumnRef]:
        """Return the columns that a statement reads from tables, views expanded.

        A scan of anything but a table, other than of constants, is reported as a column that no
        catalogue holds, for nobody can say what it reads.

        Raises:
            QueryFailedError: It is not exactly one SELECT.
            duckdb.Error: It does not fit the database.
        """
        self._accepted.get(sql, lambda: check_select(self._connection, sql))
        ((_, plan),) = self._connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()
        found: set[ColumnRef] = set()
        for name, info in _leaves(json.loads(plan)):
            if name == "SEQ_SCAN":
                found.update(self._scanned(info))
            elif name not in _HARMLESS_LEAVES:
                found.add(ColumnRef("", name.lower(), "*"))
        return frozenset(found)

    def close(self) -> None:
        """Free the database."""
        self._connection.close()

    def _scanned(self, info: dict[str, object]) -> Iterator[ColumnRef]:
        parts = tuple(
            part[1:-1].replace('""', '"') if part.startswith('"') else part
            for part in _PART.findall(str(info.get("Table", "")))
        )
        projected = info.get("Projections", "")
        names = [projected] if isinstance(projected, str) else list(map(str, _items(projected)))
        relation = self._relations.get(parts)
        if relation is None:
            yield ColumnRef("", str(info.get("Table", "")), "*")
            return
        columns = [column.name for column in relation.columns]
        read: set[str] = set()
        for name in filter(None, names):
            # A field of a struct is given as column.field, and a name is cut at its line breaks.
            found = {each for each in columns if name == each or name.startswith(f"{each}.")}
            read |= found or set(columns)
        if read and any("\n" in each for each in columns):
            read = set(columns)
        for each in read:
            yield ColumnRef(relation.schema, relation.name, each)


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _leaves(plan: object) -> Iterator[tuple[str, dict[str, object]]]:
    """Give the name and details of every node of a plan that has no children."""
    for node in _items(plan):
        assert isinstance(node, dict)  # noqa: S101 - DuckDB's plans are trees of objects
        children = node.get("children") or []
        if not children or node["name"] == "SEQ_SCAN":
            yield str(node["name"]).strip(), node.get("extra_info") or {}
        yield from _leaves(children)


def _statement(kind: str, schema: str, name: str, sql: str) -> str:
    """Return the statement that defines something again."""
    if kind == "schema":
        return f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"
    if kind == "type":
        return f"CREATE TYPE {quoted(schema, name)} AS {sql}"
    if kind in {"macro", "table_macro"}:
        return f"CREATE MACRO {quoted(schema, name)}{sql}"
    return sql


def _define(connection: "duckdb.DuckDBPyConnection", statements: list[str]) -> None:
    """Run definitions in an order that suits them: as long as another one succeeds, go on."""
    import duckdb

    while statements:
        failed = []
        for statement in statements:
            try:
                connection.execute(statement)
            except duckdb.Error:
                failed.append(statement)
        if len(failed) == len(statements):
            return
        statements = failed
