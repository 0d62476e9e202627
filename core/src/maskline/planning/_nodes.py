"""The pieces of SQL that a query may consist of, and what people call the others.

This module knows sqlglot's classes and nothing else.
"""

# ruff: noqa: SIM905 - long lists of words read best as text

from typing import Final

from sqlglot import exp

__all__ = ["ARGUMENTS", "NODES", "NUMERIC_IN_SQLITE", "OPERATORS", "TYPES", "VARIABLES", "words"]

# What may be set on a node whose parts change what is read. A node that is not here may have any.
ARGUMENTS: Final[dict[type[exp.Expr], frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        exp.Select: "with_ expressions distinct from_ joins where group having qualify "
        "windows order limit offset",
        exp.Union: "with_ this expression distinct order limit offset",
        exp.Intersect: "with_ this expression distinct order limit offset",
        exp.Except: "with_ this expression distinct order limit offset",
        exp.Subquery: "this alias joins",
        exp.Table: "this alias db catalog joins",
        exp.TableAlias: "this columns",
        exp.Join: "this on side kind using method",
        exp.Lateral: "this alias",
        exp.Unnest: "expressions alias",
        exp.Values: "expressions alias",
        exp.With: "expressions recursive",
        exp.CTE: "this alias materialized",
        exp.Star: "except_ replace",
        exp.Column: "this table db catalog",
        exp.Distinct: "expressions on",
        exp.Group: "expressions all",
        exp.Order: "this expressions",
        exp.Ordered: "this desc nulls_first",
        exp.Limit: "expression",
        exp.Offset: "expression",
        exp.Fetch: "direction count limit_options",
        exp.LimitOptions: "rows",
        exp.Window: "this partition_by order spec alias over",
        exp.WindowSpec: "kind start start_side end end_side",
        exp.In: "this expressions query",
        exp.Any: "this",
        exp.All: "this",
        exp.Exists: "this",
        exp.Cast: "this to",
        exp.TryCast: "this to safe",
        exp.Interval: "this unit",
    }.items()
}

NODES: Final[frozenset[type[exp.Expr]]] = frozenset(
    {
        *ARGUMENTS,
        exp.Add,
        exp.Alias,
        exp.AtTimeZone,
        exp.Between,
        exp.BitwiseAnd,
        exp.BitwiseLeftShift,
        exp.BitwiseNot,
        exp.BitwiseOr,
        exp.BitwiseRightShift,
        exp.BitwiseXor,
        exp.Boolean,
        exp.Bracket,
        exp.Cube,
        exp.DPipe,
        exp.DataType,
        exp.DataTypeParam,
        exp.Div,
        exp.EQ,
        exp.Escape,
        exp.Filter,
        exp.From,
        exp.GT,
        exp.GTE,
        exp.Glob,
        exp.GroupingSets,
        exp.Having,
        exp.ILike,
        exp.Identifier,
        exp.IgnoreNulls,
        exp.IntDiv,
        exp.IntervalSpan,
        exp.Is,
        exp.JSONPath,
        exp.JSONPathKey,
        exp.JSONPathRoot,
        exp.JSONPathSubscript,
        exp.JSONPathWildcard,
        exp.LT,
        exp.LTE,
        exp.Like,
        exp.Literal,
        exp.Mod,
        exp.Mul,
        exp.NEQ,
        exp.Neg,
        exp.Not,
        exp.Null,
        exp.NullSafeEQ,
        exp.NullSafeNEQ,
        exp.Paren,
        exp.PropertyEQ,
        exp.Qualify,
        exp.RespectNulls,
        exp.Rollup,
        exp.SimilarTo,
        exp.Sub,
        exp.Tuple,
        exp.Var,
        exp.Where,
        exp.WithinGroup,
    }
)

TYPES: Final = frozenset(
    """
    ARRAY BIGINT BINARY BLOB BOOLEAN BPCHAR CHAR DATE DATETIME DECIMAL DOUBLE FLOAT INT INT128
    INTERVAL JSON JSONB LIST MEDIUMINT NCHAR NVARCHAR SMALLINT TEXT TIME TIMESTAMP TIMESTAMPLTZ
    TIMESTAMPNTZ TIMESTAMPTZ TIMESTAMP_MS TIMESTAMP_NS TIMESTAMP_S TIMETZ TINYINT UBIGINT UINT
    UINT128 USMALLINT UTINYINT UUID VARBINARY VARCHAR
    """.split()
)

# Types whose names SQLite does not know, which makes them numeric.
NUMERIC_IN_SQLITE: Final = frozenset(
    """
    BINARY BOOLEAN DATE DATETIME DECIMAL JSON JSONB TIME TIMESTAMP TIMESTAMPLTZ TIMESTAMPNTZ
    TIMESTAMPTZ TIMESTAMP_MS TIMESTAMP_NS TIMESTAMP_S TIMETZ UUID VARBINARY
    """.split()
)

# Bare words that are neither names nor values: units of time, collations, and the like.
VARIABLES: Final = frozenset(
    """
    all binary both c century centuries day days decade decades dow doy epoch hour hours isodow
    isoyear julian leading microsecond microseconds millennium millisecond milliseconds minute
    minutes month months nanosecond nocase posix quarter quarters rtrim second seconds timezone
    trailing week weeks year years
    """.split()
)

OPERATORS: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+",
    exp.And: "AND",
    exp.AtTimeZone: "AT TIME ZONE",
    exp.Between: "BETWEEN",
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.Bracket: "[...]",
    exp.DPipe: "||",
    exp.Div: "/",
    exp.EQ: "=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.Glob: "GLOB",
    exp.ILike: "ILIKE",
    exp.In: "IN",
    exp.IntDiv: "//",
    exp.Is: "IS",
    exp.JSONBContains: "?",
    exp.JSONBExtract: "#>",
    exp.JSONBExtractScalar: "#>>",
    exp.JSONExtract: "->",
    exp.JSONExtractScalar: "->>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.Like: "LIKE",
    exp.Mod: "%",
    exp.Mul: "*",
    exp.NEQ: "<>",
    exp.Neg: "-",
    exp.Not: "NOT",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.Or: "OR",
    exp.RegexpILike: "~*",
    exp.RegexpLike: "~",
    exp.SimilarTo: "SIMILAR TO",
    exp.Sub: "-",
}

_WORDS: Final = {
    "ByteString": "a string with escapes (E'...')",
    "Columns": "COLUMNS(...)",
    "Command": "a statement other than SELECT",
    "Dot": "a member of a value (a.b.c, (row).column or value.method())",
    "HexString": "a string of hexadecimal digits",
    "Hint": "an optimizer hint",
    "Into": "SELECT INTO",
    "Lambda": "a lambda",
    "Lock": "a locking clause",
    "ObjectIdentifier": "a cast to an object identifier",
    "Operator": "OPERATOR(...)",
    "Parameter": "a parameter",
    "Pivot": "PIVOT or UNPIVOT",
    "Placeholder": "a parameter",
    "PositionalColumn": "a column by its position (#1)",
    "PropertyEQ": "a struct",
    "PseudoType": "a cast to a pseudo-type",
    "Pseudocolumn": "a hidden column of the engine",
    "SessionParameter": "a session variable",
    "Subquery": "a query in parentheses with more behind it",
    "Summarize": "SUMMARIZE",
    "TableSample": "TABLESAMPLE",
    "Tuple": "a row of values",
    "UnicodeString": "a string with escapes (U&'...')",
}


def words(kind: type[exp.Expr]) -> str:
    """Return what people call a piece of SQL."""
    name = kind.__name__
    if name in _WORDS:
        return _WORDS[name]
    spaced = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return f"the clause{spaced.upper()}"
