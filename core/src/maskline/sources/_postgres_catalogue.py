"""What a PostgreSQL database holds, and which of its columns a statement reads.

This module knows PostgreSQL's system tables. It does not know Arrow or connections, and reads no
row of any table of a user.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from maskline.model import Catalogue, Column, ColumnRef, Kind, Relation

__all__ = ["READ_SET", "VERSION", "Fetch", "read_catalogue", "read_set_of", "whole_rows"]

Fetch: TypeAlias = Callable[[str], Sequence[Mapping[str, object]]]
"""Runs a statement of this module and returns its rows."""

_KINDS: Final = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), Kind.INTEGER),
    **dict.fromkeys(("float4", "float8", "numeric"), Kind.NUMBER),
    **dict.fromkeys(
        (
            "text", "varchar", "bpchar", "name", "char", "citext", "uuid", "inet", "cidr",
            "macaddr", "macaddr8", "xml",
        ),
        Kind.TEXT,
    ),
    **dict.fromkeys(("json", "jsonb"), Kind.JSON),
    **dict.fromkeys(("timestamp", "timestamptz"), Kind.TIMESTAMP),
    "bool": Kind.BOOLEAN,
    "date": Kind.DATE,
    "bytea": Kind.BINARY,
}  # fmt: skip
_INEXACT: Final = frozenset({"float4", "float8", "bpchar", "citext", "xml", "json", "jsonb"})

_RELATIONS: Final = """
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_'
"""
_COLUMNS: Final = """
    SELECT n.nspname::text AS schema, c.relname::text AS relation, a.attname::text AS column,
        pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
        b.typname::text AS base, b.typtype::text AS class,
        (CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) >= 0 AS sized,
        b.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AS builtin,
        coalesce(l.collisdeterministic, true) AS deterministic,
        c.relkind = 'f' OR c.relhassubclass OR EXISTS (
            SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid
            AND (i.indexprs IS NOT NULL OR a.attnum = ANY (i.indkey))
        ) AS ordered,
        CASE c.relkind WHEN 'v' THEN pg_catalog.pg_get_viewdef(c.oid) ELSE '' END AS definition
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_type AS b
        ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND (pg_catalog.has_table_privilege(c.oid, 'SELECT')
        OR pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'))
    ORDER BY n.nspname, c.relname, a.attnum
"""

VERSION: Final = f"""
    SELECT concat_ws('/', current_schema()::text,
        (SELECT md5(string_agg(concat_ws('.', c.oid, c.xmin, n.xmin), ',' ORDER BY c.oid))
            {_RELATIONS}),
        (SELECT md5(string_agg(concat_ws('.', a.attrelid, a.attnum, a.xmin), ','
                ORDER BY a.attrelid, a.attnum))
            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid >= 16384 AND a.attnum > 0),
        (SELECT md5(string_agg(concat_ws('.', r.oid, r.xmin), ',' ORDER BY r.oid))
            FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class >= 16384),
        (SELECT md5(string_agg(concat_ws('.', i.indexrelid, i.xmin), ',' ORDER BY i.indexrelid))
            FROM pg_catalog.pg_index AS i WHERE i.indrelid >= 16384),
        (SELECT md5(string_agg(concat_ws('.', f.oid, f.v), ',' ORDER BY f.oid, f.v))
            FROM (SELECT p.oid, p.xmin::text FROM pg_catalog.pg_proc AS p
                UNION ALL SELECT o.oid, o.xmin::text FROM pg_catalog.pg_operator AS o
                UNION ALL SELECT k.oid, k.xmin::text FROM pg_catalog.pg_cast AS k) AS f(oid, v)
            WHERE f.oid >= 16384)
    ) AS version
"""  # noqa: S608 - a constant of this module
"""Changes with every change of a definition, a function or a privilege: each leaves a new row
version."""

STRANGERS: Final = """
    SELECT n.nspname::text AS schema, p.proname::text AS name
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.oid >= 16384 AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e'
        AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    )
    UNION ALL
    SELECT n.nspname::text, o.oprname::text
    FROM pg_catalog.pg_operator AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
    WHERE o.oid >= 16384 AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = o.oid AND d.deptype = 'e'
        AND d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass
    )
    UNION ALL
    SELECT '', ''
    FROM pg_catalog.pg_cast AS c
    WHERE c.oid >= 16384 AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e'
        AND d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass
    )
"""
"""Functions, operators and casts that users made; a cast has no name, which any text holds."""

READ_SET: Final = """
    WITH RECURSIVE rules(rule, tree) AS (
        SELECT r.oid, r.ev_action FROM pg_catalog.pg_rewrite AS r
        WHERE r.ev_class = 'pg_temp.maskline_probe'::pg_catalog.regclass
        UNION
        SELECT r.oid, r.ev_action FROM rules
        JOIN pg_catalog.pg_depend AS d
            ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = rules.rule
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid AND c.relkind = 'v'
        JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid AND r.ev_type = '1'
    )
    SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS relation,
        a.attname::text AS column, '' AS tree
    FROM rules
    JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = rules.rule
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0
        AND d.refobjid <> 'pg_temp.maskline_probe'::pg_catalog.regclass
    JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.deptype = 'n'
    UNION ALL
    SELECT DISTINCT n.nspname::text, coalesce(p.proname, o.oprname) || '()', '*', ''
    FROM rules
    JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = rules.rule
    LEFT JOIN pg_catalog.pg_proc AS p
        ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_operator AS o
        ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = coalesce(p.pronamespace, o.oprnamespace)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = d.refclassid
        AND e.objid = d.refobjid AND e.deptype = 'e')
    UNION ALL
    SELECT '', '', '', rules.tree::text FROM rules WHERE rules.tree::text LIKE '%:varattno 0 %'
"""
"""What ``pg_temp.maskline_probe`` depends on, views expanded; functions and operators that a user
defined, which may read anything, as a column that no catalogue holds; and the trees of rules that
take a row as a whole, which PostgreSQL does not count as a use of its columns."""

_WHOLE: Final = """
    SELECT n.nspname::text AS schema, c.relname::text AS relation, a.attname::text AS column
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN ({})
"""
_TREE_TOKEN: Final = re.compile(r'[{}()]|"(?:[^"\\]|\\.)*"|(?:[^\s{}()\\]|\\.)+', re.DOTALL)
_PLAIN_RELATION: Final = "0"
_NAMED_QUERY: Final = frozenset({"1", "3", "4", "5", "6", "7", "8"})


def read_catalogue(fetch: Fetch) -> Catalogue:
    """Describe every table and view whose columns the role may read; only those columns."""
    ((current,),) = (row.values() for row in fetch("SELECT current_schema()::text AS name"))
    rows = fetch(_COLUMNS)
    columns: dict[tuple[str, str], list[Column]] = {}
    definitions: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (str(row["schema"]), str(row["relation"]))
        definitions[key] = str(row["definition"]).strip().removesuffix(";")
        columns.setdefault(key, []).append(_column(row))
    relations = tuple(
        Relation(schema=key[0], name=key[1], columns=tuple(columns[key]), definition=definition)
        for key, definition in definitions.items()
    )
    return Catalogue(
        dialect="postgres",
        default_schema=str(current or "public"),
        relations=relations,
        version=hashlib.sha256(repr((current, relations)).encode()).hexdigest(),
    )


def _column(row: Mapping[str, object]) -> Column:
    base = str(row["base"])
    is_known = bool(row["builtin"]) or base == "citext"
    kind = _KINDS.get(base, Kind.OTHER) if is_known else Kind.OTHER
    if row["class"] == "e":
        kind = Kind.TEXT
    return Column(
        name=str(row["column"]),
        type=str(row["type"]),
        kind=kind,
        nullable=not row["required"],
        exact_equality=kind != Kind.OTHER
        and base not in _INEXACT
        and (base != "numeric" or bool(row["sized"]))
        and bool(row["deterministic"]),
        is_ordered=bool(row["ordered"]),
    )


def read_set_of(rows: Sequence[Mapping[str, object]], fetch: Fetch) -> frozenset[ColumnRef]:
    """Return the columns that READ_SET's rows name, whole rows among them."""
    found = {
        ColumnRef(str(row["schema"]), str(row["relation"]), str(row["column"]))
        for row in rows
        if not row["tree"]
    }
    whole = {oid for row in rows if row["tree"] for oid in whole_rows(str(row["tree"]))}
    if whole:
        found.update(
            ColumnRef(str(row["schema"]), str(row["relation"]), str(row["column"]))
            for row in fetch(_WHOLE.format(", ".join(map(str, sorted(whole)))))
        )
    return frozenset(found)


_Node: TypeAlias = "str | list[_Node]"


def whole_rows(tree: str) -> set[int]:
    """Return the relations that a rule's tree takes as whole rows.

    A row of a join or of a query that has a name counts as what is below it: of a join, all
    relations beside it. The columns of a named query depend on their own.

    Args:
        tree: PostgreSQL's text form of a node tree.

    Returns:
        The identifiers of tables and views.
    """
    return set(_whole_rows(_parsed(tree), []))


def _parsed(tree: str) -> _Node:
    stack: list[list[_Node]] = [[]]
    for token in _TREE_TOKEN.findall(tree):
        if token in {"{", "("}:
            stack.append([])
        elif token in {"}", ")"}:
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    return stack[0]


def _whole_rows(node: _Node, ranges: list[list[_Node]]) -> Iterator[int]:
    if isinstance(node, str) or not node:
        return
    if node[0] == "VAR" and _field(node, ":varattno") == "0":
        tables = ranges[-1 - int(str(_field(node, ":varlevelsup")))]
        own = tables[int(str(_field(node, ":varno"))) - 1]
        kind = _field(own, ":rtekind")
        if kind == _PLAIN_RELATION:
            yield int(str(_field(own, ":relid")))
        elif kind not in _NAMED_QUERY:
            for each in tables:
                if _field(each, ":rtekind") == _PLAIN_RELATION:
                    yield int(str(_field(each, ":relid")))
    inner = ranges
    if node[0] == "QUERY":
        table_list = _field(node, ":rtable")
        inner = [*ranges, table_list if isinstance(table_list, list) else []]
    for each in node:
        yield from _whole_rows(each, inner)


def _field(node: _Node, name: str) -> _Node:
    assert isinstance(node, list)  # noqa: S101 - only trees have fields
    return node[node.index(name) + 1]
