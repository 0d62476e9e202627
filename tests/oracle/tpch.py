"""Data like that of TPC-H, and its 22 queries; for the oracle here and for benchmarks.

All eight tables, with keys that fit and the value domains of the specification; values that the
queries ask for are more frequent, so that small tables answer them too. This is not the official
generator, and its figures compare with nobody's. This module knows numpy and Arrow. It does not
know maskline or databases.
"""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

__all__ = ["MASKED", "TABLES", "definitions", "labels", "queries", "tables"]

MASKED: Final = {
    "customer": {"c_name": "PERSON", "c_address": "STREET_ADDRESS", "c_phone": "PHONE_NUMBER"},
    "supplier": {"s_name": "PERSON", "s_address": "STREET_ADDRESS", "s_phone": "PHONE_NUMBER"},
}
"""The sensitive columns, and what they hold."""

TABLES: Final = {
    "region": "r_regionkey INTEGER, r_name VARCHAR(99), r_comment VARCHAR(152)",
    "nation": (
        "n_nationkey INTEGER, n_name VARCHAR(99), n_regionkey INTEGER, n_comment VARCHAR(152)"
    ),
    "supplier": (
        "s_suppkey INTEGER, s_name VARCHAR(99), s_address VARCHAR(99), s_nationkey INTEGER, "
        "s_phone VARCHAR(99), s_acctbal DECIMAL(15, 2), s_comment VARCHAR(101)"
    ),
    "customer": (
        "c_custkey INTEGER, c_name VARCHAR(99), c_address VARCHAR(99), c_nationkey INTEGER, "
        "c_phone VARCHAR(99), c_acctbal DECIMAL(15, 2), c_mktsegment VARCHAR(10), "
        "c_comment VARCHAR(117)"
    ),
    "part": (
        "p_partkey INTEGER, p_name VARCHAR(55), p_mfgr VARCHAR(25), p_brand VARCHAR(10), "
        "p_type VARCHAR(25), p_size INTEGER, p_container VARCHAR(10), "
        "p_retailprice DECIMAL(15, 2), p_comment VARCHAR(23)"
    ),
    "partsupp": (
        "ps_partkey INTEGER, ps_suppkey INTEGER, ps_availqty INTEGER, "
        "ps_supplycost DECIMAL(15, 2), ps_comment VARCHAR(199)"
    ),
    "orders": (
        "o_orderkey INTEGER, o_custkey INTEGER, o_orderstatus VARCHAR(1), "
        "o_totalprice DECIMAL(15, 2), o_orderdate DATE, o_orderpriority VARCHAR(15), "
        "o_clerk VARCHAR(15), o_shippriority INTEGER, o_comment VARCHAR(79)"
    ),
    "lineitem": (
        "l_orderkey INTEGER, l_partkey INTEGER, l_suppkey INTEGER, l_linenumber INTEGER, "
        "l_quantity DECIMAL(15, 2), l_extendedprice DECIMAL(15, 2), l_discount DECIMAL(15, 2), "
        "l_tax DECIMAL(15, 2), l_returnflag VARCHAR(1), l_linestatus VARCHAR(1), "
        "l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct VARCHAR(25), "
        "l_shipmode VARCHAR(10), l_comment VARCHAR(44)"
    ),
}
"""The columns of each table, as SQL."""

_KEYS: Final = (
    "supplier (s_suppkey)",
    "customer (c_custkey)",
    "part (p_partkey)",
    "partsupp (ps_partkey, ps_suppkey)",
    "orders (o_orderkey)",
    "orders (o_custkey)",
    "lineitem (l_orderkey)",
    "lineitem (l_partkey, l_suppkey)",
)
_REGIONS: Final = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
_NATIONS: Final = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4),
    ("ETHIOPIA", 0), ("FRANCE", 3), ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2),
    ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0), ("MOROCCO", 0),
    ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4),
    ("VIETNAM", 2), ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
_HOT_NATIONS: Final = (2, 3, 6, 7, 8, 20)
_SEGMENTS: Final = ("BUILDING", "AUTOMOBILE", "MACHINERY", "HOUSEHOLD", "FURNITURE")
_TYPES: Final = (
    ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"),
    ("ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"),
    ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER"),
)
_CONTAINERS: Final = (
    ("SM", "LG", "MED", "JUMBO", "WRAP"),
    ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"),
)
_COLOURS: Final = ("almond", "forest", "green", "lemon", "blush", "antique", "chiffon", "burnt")
_SIZES: Final = (3, 9, 15)
_PRIORITIES: Final = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
_INSTRUCTIONS: Final = ("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")
_MODES: Final = ("REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB")
_FIRST_DAY: Final = (date(1992, 1, 1) - date(1970, 1, 1)).days
_TODAY: Final = (date(1995, 6, 17) - date(1970, 1, 1)).days
_DAYS: Final = 2406
_LINES: Final = 7


def queries(dialect: str) -> dict[str, str]:
    """Return the 22 queries by name, ``q01`` to ``q22``, in a dialect."""
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    found = re.findall(r"^-- (q\d\d):[^\n]*\n(.*?);$", text, re.DOTALL | re.MULTILINE)
    if dialect != "sqlite":
        return dict(found)
    return {name: _for_sqlite(sql) for name, sql in found}


def definitions() -> list[str]:
    """Return the statements that make empty tables with indexes on their keys."""
    tables = [f"CREATE TABLE {name} ({columns})" for name, columns in TABLES.items()]
    indexes = [f"CREATE INDEX tpch_{place} ON {on}" for place, on in enumerate(_KEYS)]
    return tables + indexes


def labels(schema: str) -> str:
    """Return ``labels:`` of a policy for a source called ``shop``."""
    lines = []
    for table, columns in TABLES.items():
        names = re.findall(r"(\w+) [A-Z]+", columns)
        held = MASKED.get(table, {})
        pairs = ", ".join(f"{name}: {held.get(name, 'PUBLIC')}" for name in names)
        lines.append(f"    {schema}.{table}: {{{pairs}}}")
    return "\n".join(["labels:", "  shop:", *lines, ""])


def tables(scale: float) -> dict[str, pa.Table]:
    """Return all tables, the same ones each time.

    Args:
        scale: 1.0 is six million rows of ``lineitem``, 1,500,000 of ``orders``.

    Returns:
        Tables with 32-bit keys, text, dates and ``decimal128(15, 2)``, without nulls.
    """
    chance = np.random.default_rng(22)
    suppliers, customers = max(25, int(10_000 * scale)), max(50, int(150_000 * scale))
    parts = max(100, int(200_000 * scale))
    return {
        "region": _table("region", [range(5), _REGIONS, ["r"] * 5]),
        "nation": _table("nation", [range(25), *zip(*_NATIONS, strict=True), ["n"] * 25]),
        "supplier": _suppliers(chance, suppliers),
        "customer": _customers(chance, customers),
        "part": _parts(chance, parts),
        "partsupp": _partsupp(chance, parts, suppliers),
        **_orders(chance, max(500, int(1_500_000 * scale)), customers, parts, suppliers),
    }


def _for_sqlite(sql: str) -> str:
    """Return a query with dates as text: SQLite has no intervals and no EXTRACT."""

    def moved(found: re.Match[str]) -> str:
        day = date.fromisoformat(found[1])
        if found[2] is None:
            return f"'{day}'"
        count, unit = int(found[3]) * (1 if found[2] == "+" else -1), found[4]
        if unit == "DAY":
            return f"'{date.fromordinal(day.toordinal() + count)}'"
        months = day.year * 12 + day.month - 1 + count * (12 if unit == "YEAR" else 1)
        return f"'{day.replace(year=months // 12, month=months % 12 + 1)}'"

    sql = re.sub(r"DATE '([\d-]+)'(?: ([+-]) INTERVAL '(\d+)' (\w+))?", moved, sql)
    sql = re.sub(r"extract\(YEAR FROM (\w+)\)", r"CAST(strftime('%Y', \1) AS INTEGER)", sql)
    # A derived table cannot name its columns there.
    return sql.replace("count(o_orderkey)\n", "count(o_orderkey) AS c_count\n").replace(
        "AS c_orders (c_custkey, c_count)", "AS c_orders"
    )


def _suppliers(chance: np.random.Generator, count: int) -> pa.Table:
    keys = np.arange(1, count + 1)
    nations = _hot(chance, count, _HOT_NATIONS, 25)
    comments = ["xx Customer yy Complaints" if key % 20 == 3 else "fine" for key in keys]
    return _table(
        "supplier",
        [
            keys,
            [f"Supplier#{key:09}" for key in keys],
            [f"{key * 7919 % 997} Quay Road {key}" for key in keys],
            nations,
            _phones(keys, nations),
            chance.integers(-99_999, 999_999, count),
            comments,
        ],
    )


def _customers(chance: np.random.Generator, count: int) -> pa.Table:
    keys = np.arange(1, count + 1)
    nations = _hot(chance, count, _HOT_NATIONS, 25)
    return _table(
        "customer",
        [
            keys,
            [f"Customer#{key:09}" for key in keys],
            [f"{key * 104729 % 9973} Elm Street {key}" for key in keys],
            nations,
            _phones(keys, nations),
            chance.integers(-99_999, 999_999, count),
            _picked(chance, count, _SEGMENTS),
            [f"comment {key}" for key in keys],
        ],
    )


def _parts(chance: np.random.Generator, count: int) -> pa.Table:
    keys = np.arange(1, count + 1)
    kinds = np.where(
        chance.random(count) < 0.1,
        "ECONOMY ANODIZED STEEL",
        _joined(chance, count, _TYPES),
    )
    makers = chance.integers(1, 6, count)
    brands = np.where(
        chance.random(count) < 0.4,
        np.array(["Brand#12", "Brand#23", "Brand#34"])[chance.integers(0, 3, count)],
        [f"Brand#{maker}{1 + key % 5}" for maker, key in zip(makers, keys, strict=True)],
    )
    containers = np.where(
        chance.random(count) < 0.4,
        [{"1": "SM BOX", "2": "MED BOX", "3": "LG BOX"}.get(b[6], "JUMBO JAR") for b in brands],
        _joined(chance, count, _CONTAINERS),
    )
    return _table(
        "part",
        [
            keys,
            _joined(chance, count, (_COLOURS, _COLOURS)),
            [f"Manufacturer#{maker}" for maker in makers],
            brands,
            kinds,
            np.where(
                chance.random(count) < 0.4,
                np.array(_SIZES)[chance.integers(0, 3, count)],
                chance.integers(1, 51, count),
            ),
            containers,
            90_000 + keys % 1000 * 100,
            ["p"] * count,
        ],
    )


def _partsupp(chance: np.random.Generator, parts: int, suppliers: int) -> pa.Table:
    count = 4 * parts
    keys = np.repeat(np.arange(1, parts + 1), 4)
    return _table(
        "partsupp",
        [
            keys,
            _supplier_of(keys, np.tile(np.arange(4), parts), suppliers),
            chance.integers(1, 10_000, count),
            chance.integers(100, 100_001, count),
            ["ps"] * count,
        ],
    )


def _orders(
    chance: np.random.Generator, count: int, customers: int, parts: int, suppliers: int
) -> dict[str, pa.Table]:
    keys = np.arange(1, count + 1)
    # A third of the customers never orders, as in the specification.
    buyers = chance.integers(0, customers, count)
    buyers = np.where(buyers % 3 == 2, (buyers + 1) % customers, buyers) + 1
    dates = _FIRST_DAY + chance.integers(0, _DAYS, count)
    is_large = keys % 100 == 0
    lines = np.where(is_large, _LINES, chance.integers(1, _LINES + 1, count))
    of = np.repeat(np.arange(count), lines)
    total = len(of)
    part = chance.integers(1, parts + 1, total)
    quantity = np.where(is_large[of], chance.integers(45, 51, total), chance.integers(1, 51, total))
    shipped = dates[of] + chance.integers(1, 122, total)
    received = shipped + chance.integers(1, 31, total)
    is_open = shipped > _TODAY
    returned = np.where(received <= _TODAY, _picked(chance, total, ("R", "A")), "N")
    open_lines = np.bincount(of, weights=is_open, minlength=count)
    status = np.where(open_lines == 0, "F", np.where(open_lines == lines, "O", "P"))
    price = quantity * (90_000 + part % 1000 * 100)
    prices = np.bincount(of, weights=price, minlength=count).astype(np.int64)
    comments = np.where(chance.random(count) < 0.05, "a special b requests", "ok")
    orders = [
        keys,
        buyers,
        status,
        prices,
        dates,
        _picked(chance, count, _PRIORITIES),
        [f"Clerk#{key % 1000:09}" for key in keys],
        np.zeros(count, np.int64),
        comments,
    ]
    first = np.repeat(np.cumsum(lines) - lines, lines)
    items = [
        keys[of],
        part,
        _supplier_of(part, chance.integers(0, 4, total), suppliers),
        np.arange(total) - first + 1,
        quantity * 100,
        price,
        chance.integers(0, 11, total),
        chance.integers(0, 9, total),
        returned,
        np.where(is_open, "O", "F"),
        shipped,
        dates[of] + chance.integers(30, 91, total),
        received,
        _picked(chance, total, _INSTRUCTIONS),
        _picked(chance, total, _MODES),
        ["l"] * total,
    ]
    return {"orders": _table("orders", orders), "lineitem": _table("lineitem", items)}


def _supplier_of(part: Any, place: Any, suppliers: int) -> Any:
    """Return the supplier at a place, 0 to 3, of the four that have a part."""
    return (part + place * (suppliers // 4 + (part - 1) // suppliers)) % suppliers + 1


def _phones(keys: Any, nations: Any) -> list[str]:
    return [
        f"{10 + nation}-{key % 900 + 100}-{key * 7 % 900 + 100}-{key * 13 % 9000 + 1000}"
        for key, nation in zip(keys, nations, strict=True)
    ]


def _picked(chance: np.random.Generator, count: int, words: Sequence[str]) -> Any:
    return np.array(words)[chance.integers(0, len(words), count)]


def _joined(chance: np.random.Generator, count: int, lists: Sequence[Sequence[str]]) -> Any:
    first, *others = (_picked(chance, count, words) for words in lists)
    for other in others:
        first = np.char.add(np.char.add(first, " "), other)
    return first


def _hot(chance: np.random.Generator, count: int, often: Sequence[int], below: int) -> Any:
    hot = np.array(often)[chance.integers(0, len(often), count)]
    return np.where(chance.random(count) < 0.5, hot, chance.integers(0, below, count))


def _table(name: str, columns: Sequence[Any]) -> pa.Table:
    """Make a table; decimals come as hundredths, dates as days since 1970."""
    described = re.findall(r"(\w+) ([A-Z]+)", TABLES[name])
    arrays = {}
    for (column, kind), values in zip(described, columns, strict=True):
        cells = np.asarray(list(values) if isinstance(values, range) else values)
        if kind == "DECIMAL":
            halves = np.stack([cells.astype(np.int64), cells.astype(np.int64) >> 63], axis=1)
            data = pa.py_buffer(np.ascontiguousarray(halves))
            kind_of = pa.decimal128(15, 2)
            arrays[column] = pa.Array.from_buffers(kind_of, len(cells), [None, data])
        elif kind == "DATE":
            arrays[column] = pa.array(cells.astype(np.int32)).cast(pa.date32())
        elif kind == "INTEGER":
            arrays[column] = pa.array(cells.astype(np.int32))
        else:
            arrays[column] = pa.array(cells.astype(str))
    return pa.table(arrays)
