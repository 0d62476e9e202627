"""Writes random queries over the shop, in three dialects; most of them are valid.

What a query may answer is settled by its text: a LIMIT stands behind an order by all outputs, a
row number behind an order by keys, an aggregate of texts has an order of its own, and nothing sums
doubles. So two runs on equal data differ by nothing but the order of rows. This module knows SQL
and the shop's columns. It does not know maskline.
"""

# ruff: noqa: PLR0911, S311 - one return for each kind of SQL, by a chance that can be repeated

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["Relation", "Writer"]

_PATTERNS: Final = ("%a%", "E%", "%@%", "email\\_%", "%e", "_____-%", "%1%", "ssn%", "%lamp%", "")
_WORDS: Final = ("gold", "open", "pen", "Lamp", "-", "a", "email_", "zz", "")
_ORDERED: Final = frozenset({"text", "int", "big", "num", "date", "float"})


class Relation(NamedTuple):
    """What a query may read; of its columns, each a name, a kind and an entity, the first is a key.

    Where *has_key* does not hold, rows may be equal.
    """

    name: str
    columns: Sequence[tuple[str, str, str]]
    has_key: bool


class Cell(NamedTuple):
    """An expression, its kind, and the entity of its values."""

    text: str
    kind: str
    entity: str = ""


@dataclass(frozen=True)
class Scope:
    """What expressions may use: the columns of FROM, and an order in which no two rows tie."""

    cells: tuple[Cell, ...]
    order: tuple[str, ...]

    def of(self, kind: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == kind]


class Writer:
    """Writes the query of one seed.

    Args:
        seed: Settles the query.
        dialect: ``duckdb``, ``sqlite`` or ``postgres``.
        relations: Tables and views.
        literals: Values, raw and masked, that columns of an entity may be compared with.
    """

    def __init__(
        self,
        seed: int,
        *,
        dialect: str,
        relations: Sequence[Relation],
        literals: Mapping[str, Sequence[str]],
    ) -> None:
        self._chance = random.Random(f"{dialect} {seed}")
        self._dialect = dialect
        self._relations = list(relations)
        self._literals = literals
        self._names = 0

    def write(self) -> str:
        """Return the query."""
        if self._is_likely(0.02):
            return self._brave()
        clause, relations = self._with(1) if self._is_likely(0.35) else ("", [])
        self._relations += 3 * relations
        text, cells = self._query(2)
        return clause + self._limited(text, cells, odds=0.35)

    # Pieces of chance.

    def _is_likely(self, odds: float) -> bool:
        return self._chance.random() < odds

    def _one(self, choices: Sequence[str]) -> str:
        return self._chance.choice(choices)

    def _name(self, letter: str = "t") -> str:
        self._names += 1
        return f"{letter}{self._names}"

    @property
    def _is_sqlite(self) -> bool:
        return self._dialect == "sqlite"

    # Whole queries.

    def _query(self, depth: int, want: Sequence[str] = ()) -> tuple[str, list[Cell]]:
        """Write a query whose outputs are called x0, x1 and so on."""
        width = self._chance.choice([1, 2, 2, 3])
        if depth > 0 and self._is_likely(0.17):
            return self._united(depth, list(want) or [self._kind() for _ in range(width)])
        from_, scope = self._from(depth)
        kinds = list(want) or [self._kind_in(scope) for _ in range(width)]
        where = self._where(scope, depth)
        if self._is_likely(0.3):
            return self._grouped(from_ + where, scope, kinds)
        items = [self._output(scope, kind, depth) for kind in kinds]
        distinct = "DISTINCT " if self._is_likely(0.2) else ""
        if not want and not distinct and (documents := scope.of("json")) and self._is_likely(0.3):
            items.append(self._chance.choice(documents))
        qualify = ""
        if self._dialect == "duckdb" and not distinct and self._is_likely(0.04):
            order = ", ".join(scope.order)
            qualify = f" QUALIFY row_number() OVER (ORDER BY {order}) <= 7"
        return self._named(f"SELECT {distinct}", items, f" FROM {from_}{where}{qualify}")

    def _kind(self) -> str:
        return self._one(["text"] * 7 + ["int"] * 4 + ["num", "date", "big", "float"])

    def _kind_in(self, scope: Scope) -> str:
        kinds = [cell.kind for cell in scope.cells if cell.kind != "json"]
        return self._one(kinds) if kinds and self._is_likely(0.8) else self._kind()

    def _named(self, head: str, items: list[Cell], rest: str) -> tuple[str, list[Cell]]:
        chosen = ", ".join(f"{item.text} AS x{place}" for place, item in enumerate(items))
        cells = [Cell(f"x{i}", item.kind, item.entity) for i, item in enumerate(items)]
        return f"{head}{chosen}{rest}", cells

    def _united(self, depth: int, kinds: Sequence[str]) -> tuple[str, list[Cell]]:
        left, cells = self._query(depth - 1, kinds)
        right, _ = self._query(depth - 1, kinds)
        word = self._one(["UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
        names = ", ".join(cell.text for cell in cells)
        text = f"SELECT {names} FROM ({left}) AS {self._name()} {word} "
        text += f"SELECT {names} FROM ({right}) AS {self._name()}"
        return text, [_without_entity(cell) for cell in cells]

    def _limited(self, text: str, cells: Sequence[Cell], *, odds: float) -> str:
        if not self._is_likely(odds) or any(cell.kind == "json" for cell in cells):
            return text
        ways = [self._one(["", " DESC", ""]) for _ in cells]
        order = ", ".join(f"{place}{way}" for place, way in enumerate(ways, 1))
        limit = self._one([" LIMIT 5", " LIMIT 3 OFFSET 2", " LIMIT 20", ""])
        return f"{text} ORDER BY {order}{limit}"

    def _with(self, depth: int) -> tuple[str, list[Relation]]:
        parts: list[str] = []
        found: list[Relation] = []
        recursive = self._is_likely(0.2)
        if recursive:
            parts.append("nums(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM nums WHERE i < 6)")
            found.append(Relation("nums", [("i", "int", "")], has_key=True))
        for _ in range(self._chance.choice([1, 1, 2])):
            name = self._name("c")
            kept, self._relations = self._relations, self._relations + 4 * found
            text, cells = self._query(depth)
            text = self._limited(text, cells, odds=0.15)
            self._relations = kept
            parts.append(f"{name} AS ({text})")
            columns = [(cell.text, cell.kind, cell.entity) for cell in cells]
            found.append(Relation(name, columns, has_key=False))
        return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} ", found

    def _brave(self) -> str:
        """Write what most engines fail at, for a token is no number."""
        relation = self._chance.choice(self._relations)
        name, _, _ = self._chance.choice(relation.columns)
        kinds = ["INTEGER", "DATE", "DECIMAL(9, 2)"]
        # What SQLite makes of the other two has a test of its own.
        kind = "INTEGER" if self._is_sqlite else self._one(kinds)
        return f"SELECT CAST({name} AS {kind}) AS x0 FROM {relation.name}"

    # FROM and WHERE.

    def _source(self, depth: int) -> tuple[str, Scope]:
        alias = self._name()
        if depth > 0 and self._is_likely(0.22):
            clause, relations = self._with(0) if self._is_likely(0.15) else ("", [])
            kept, self._relations = self._relations, self._relations + 4 * relations
            text, cells = self._query(depth - 1)
            text = clause + self._limited(text, cells, odds=0.2)
            self._relations = kept
            cells = [cell._replace(text=f"{alias}.{cell.text}") for cell in cells]
            return f"({text}) AS {alias}", Scope(tuple(cells), _total(cells))
        relation = self._chance.choice(self._relations)
        cells = [Cell(f"{alias}.{name}", kind, entity) for name, kind, entity in relation.columns]
        order = (cells[0].text,) if relation.has_key else _total(cells)
        return f"{relation.name} AS {alias}", Scope(tuple(cells), order)

    def _from(self, depth: int) -> tuple[str, Scope]:
        text, scope = self._source(depth)
        for _ in range(self._chance.choice([0, 0, 0, 1, 1, 2])):
            other, more = self._source(depth)
            shared = _shared(scope, more)
            kinds = ["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]
            kinds += ["SEMI JOIN", "ANTI JOIN"] if self._dialect == "duckdb" else []
            kind = self._one(kinds)
            pair = self._pair(scope, more)
            if pair is None:
                text += f" CROSS JOIN {other}"
            elif shared and self._is_likely(0.3) and kind in {"JOIN", "LEFT JOIN"}:
                text += f" {kind} {other} USING ({self._one(shared)})"
            else:
                text += f" {kind} {other} ON {pair}"
            if kind not in {"SEMI JOIN", "ANTI JOIN"} or pair is None:
                scope = Scope(scope.cells + more.cells, scope.order + more.order)
        return text, scope

    def _pair(self, left: Scope, right: Scope) -> str | None:
        """Return an equality of two columns of one meaning; seldom of one kind only."""
        fits = [
            (a.text, b.text)
            for a in left.cells
            for b in right.cells
            if a.kind == b.kind
            and a.kind in {"text", "int", "big", "date"}
            and (a.entity == b.entity or self._is_likely(0.03))
        ]
        return " = ".join(self._chance.choice(fits)) if fits else None

    def _where(self, scope: Scope, depth: int) -> str:
        tests = []
        if self._is_likely(0.5):
            tests += [self._test(scope, depth) for _ in range(self._chance.choice([1, 1, 2]))]
        return f" WHERE {' AND '.join(tests)}" if tests else ""

    def _test(self, scope: Scope, depth: int) -> str:
        cell = self._chance.choice(scope.cells)
        negated = self._one(["NOT ", "", ""])
        match self._chance.randrange(12):
            case 0:
                return f"{cell.text} IS {negated}NULL"
            case 1:
                return f"{negated}({self._pair(scope, scope) or 'true'})"
            case 2 if depth > 0 and cell.kind in {"text", "int", "big"}:
                inner, _ = self._query(depth - 1, [cell.kind])
                return f"{cell.text} {negated}IN ({inner})"
            case 3 if depth > 0:
                text, inside = self._source(0)
                pair = self._pair(scope, inside) or "1 = 1"
                more = f" AND {self._test(inside, 0)}" if self._is_likely(0.4) else ""
                return f"{negated}EXISTS (SELECT 1 FROM {text} WHERE {pair}{more})"
            case 4 if depth > 0:
                left, right = self._test(scope, 0), self._test(scope, 0)
                return f"({left} OR {right})"
            case 5 | 6:
                value = self._value(scope, "text", 0)
                likes = {"sqlite": ["LIKE", "GLOB"]}.get(self._dialect, ["LIKE", "ILIKE"])
                return f"{value.text} {negated}{self._one(likes)} {_quoted(self._one(_PATTERNS))}"
            case 7:
                texts = scope.of("text") or [self._value(scope, "text", 0)]
                value = self._chance.choice(texts)
                known = [self._known(value.entity) for _ in range(2)]
                return self._one(
                    [
                        f"{value.text} = {known[0]}",
                        f"{value.text} <> {known[0]}",
                        f"{value.text} {negated}IN ({', '.join(known)})",
                        f"{value.text} >= {known[0]}",
                        f"{value.text} BETWEEN {min(known)} AND {max(known)}",
                    ]
                )
            case 8:
                kind = self._one(["text", "int", "num", "big"])
                left, right = (self._value(scope, kind, 0).text for _ in range(2))
                return f"{left} {self._one(['<', '>=', '<>'])} {right}"
            case 9:
                return f"{self._value(scope, 'date', 0).text} >= {self._date('2026-02-10')}"
            case _:
                number = self._chance.randrange(40)
                return f"{self._value(scope, 'int', 0).text} {self._one(['<', '>', '<='])} {number}"

    def _known(self, entity: str) -> str:
        return _quoted(self._one(self._literals.get(entity) or _WORDS))

    def _date(self, text: str) -> str:
        return f"'{text}'" if self._is_sqlite else f"DATE '{text}'"

    # Expressions.

    def _output(self, scope: Scope, kind: str, depth: int) -> Cell:
        if self._is_likely(0.13):
            return (
                self._window(scope)._replace(kind="int")
                if kind == "int"
                else self._moved(scope, kind)
            )
        if kind == "float":
            value = self._value(scope, "int", 0).text
            scale = {"postgres": f"CAST({value} AS DOUBLE PRECISION)"}.get(
                self._dialect, f"CAST({value} AS DOUBLE)"
            )
            return Cell(f"{scale} / 4", "float")
        return self._value(scope, kind, depth)

    def _window(self, scope: Scope) -> Cell:
        by = self._chance.choice(scope.cells)
        part = "" if by.kind == "json" or self._is_likely(0.3) else f"PARTITION BY {by.text} "
        value = self._value(scope, "int", 0).text
        key = self._value(scope, self._one(["text", "int", "date"]), 0).text
        order = ", ".join(scope.order)
        frame = self._one(["", " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"])
        peers = " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        return Cell(
            self._one(
                [
                    f"row_number() OVER ({part}ORDER BY {order})",
                    f"rank() OVER ({part}ORDER BY {key})",
                    f"dense_rank() OVER ({part}ORDER BY {key} DESC)",
                    f"ntile(3) OVER ({part}ORDER BY {order})",
                    f"sum({value}) OVER ({part}ORDER BY {order}{frame})",
                    f"count({key}) OVER ({part}ORDER BY {key}{peers})",
                    f"count(*) OVER ({part})",
                ]
            ),
            "int",
        )

    def _moved(self, scope: Scope, kind: str) -> Cell:
        """Return the value of another row."""
        if kind == "float":
            return Cell(f"avg({self._value(scope, 'int', 0).text}) OVER ()", "float")
        value = self._value(scope, kind, 0)
        order = ", ".join(scope.order)
        call = self._one(["lag({})", "lead({}, 2)", "first_value({})", "max({})"])
        ordered = f"{call.format(value.text)} OVER (ORDER BY {order})"
        return Cell(ordered, kind, value.entity)

    def _value(self, scope: Scope, kind: str, depth: int) -> Cell:
        """Return an expression of a kind, mostly a column."""
        columns = scope.of(kind)
        if columns and self._is_likely(0.55):
            return self._chance.choice(columns)
        if depth >= 0 and kind in {"text", "int", "num", "date", "big"} and self._is_likely(0.3):
            return self._common(scope, kind, depth)
        make: dict[str, Callable[[Scope, int], Cell]] = {
            "text": self._text,
            "int": self._int,
            "num": self._num,
            "date": self._day,
            "big": self._big,
        }
        return make.get(kind, self._int)(scope, depth)

    def _leaf(self, scope: Scope, kind: str) -> Cell:
        columns = scope.of(kind)
        if columns:
            return self._chance.choice(columns)
        constants = {"text": "'none'", "int": "3", "num": "2.5", "big": "7"}
        return Cell(constants.get(kind, self._date("2026-03-01")), kind)

    def _common(self, scope: Scope, kind: str, depth: int) -> Cell:
        first, second = self._leaf(scope, kind), self._leaf(scope, kind)
        entity = first.entity if first.entity == second.entity else ""
        if kind == "text" and self._is_likely(0.3):
            second = Cell(self._known(first.entity), "text")
        match self._chance.randrange(5):
            case 0:
                return Cell(f"coalesce({first.text}, {second.text})", kind, entity)
            case 1:
                return Cell(f"nullif({first.text}, {second.text})", kind, first.entity)
            case 2 if depth > 0:
                text, inside = self._source(0)
                value = self._leaf(inside, kind)
                pair = self._pair(scope, inside) or "1 = 1"
                call = self._one(["max", "min"])
                return Cell(f"(SELECT {call}({value.text}) FROM {text} WHERE {pair})", kind, entity)
            case 3:
                ends = self._one([f" ELSE {second.text}", "", " ELSE NULL"])
                return Cell(f"CASE WHEN {self._test(scope, 0)} THEN {first.text}{ends} END", kind)
            case _:
                least = {"sqlite": "min({}, {})"}.get(self._dialect, "least({}, {})")
                return Cell(least.format(first.text, second.text), kind, entity)

    def _text(self, scope: Scope, depth: int) -> Cell:
        value, other = self._leaf(scope, "text").text, self._leaf(scope, "text").text
        to_text = "VARCHAR" if self._dialect == "duckdb" else "TEXT"
        number = self._leaf(scope, self._one(["int", "big", "num", "date"])).text
        made = [
            f"upper({value})",
            f"lower({value})",
            f"trim({value})",
            f"substr({value}, {self._chance.randrange(1, 7)}, 4)",
            f"{value} || '-' || {other}",
            f"replace({value}, 'e', '_')",
            f"CAST({number} AS {to_text})",
            f"ltrim({value}, 'emailsn')",
            f"CASE {value} WHEN {other} THEN 'same' ELSE substr({value}, 1, 3) END",
        ]
        if self._is_sqlite:
            made += [f"hex({value})", f"printf('%.6s|', {value})"]
        else:
            made += [
                f"reverse({value})",
                f"left({value}, 5)",
                f"right({value}, 3)",
                f"split_part({value}, '_', 2)",
                f"md5({value})",
                f"regexp_replace({value}, '[0-9]', '#')",
                f"lpad({value}, 12, '*')",
                f"concat({value}, ' ', {other})",
            ]
        for document in scope.of("json"):
            made += 4 * self._paths(document.text)
        return Cell(self._one(made), "text")

    def _paths(self, document: str) -> list[str]:
        if self._dialect == "postgres":
            return [f"({document} ->> 'phone')", f"({document} -> 'who' ->> 'email')"]
        if self._is_sqlite:
            return [f"json_extract({document}, '$.{path}')" for path in ("phone", "who.email")]
        return [
            f"({document} ->> '$.phone')",
            f"json_extract_string({document}, '$.who.email')",
        ]

    def _int(self, scope: Scope, depth: int) -> Cell:
        value, other = self._leaf(scope, "int").text, self._leaf(scope, "int").text
        text, day = self._leaf(scope, "text").text, self._leaf(scope, "date").text
        made = [
            f"length({text})",
            f"({value} + {other})",
            f"{value} * 2",
            f"abs({value} - 9)",
            f"{value} % 5",
            f"CASE WHEN {self._test(scope, 0)} THEN 1 ELSE 0 END",
            f"{self._chance.randrange(9)}",
        ]
        if self._is_sqlite:
            made += [f"instr({text}, 'a')", f"CAST(strftime('%m', {day}) AS INTEGER)"]
        else:
            made += [f"strpos({text}, 'a')", f"CAST(extract(month FROM {day}) AS INTEGER)"]
        for document in scope.of("json"):
            path = f"({document.text} ->> 'n')"
            if self._is_sqlite:
                path = f"json_extract({document.text}, '$.n')"
            made += 3 * [f"CAST({path} AS INTEGER)"]
        if depth > 0:
            source, inside = self._source(0)
            pair = self._pair(scope, inside) or "1 = 1"
            made += 3 * [f"(SELECT count(*) FROM {source} WHERE {pair})"]
        return Cell(self._one(made), "int")

    def _num(self, scope: Scope, depth: int) -> Cell:
        value, other = self._leaf(scope, "num").text, self._leaf(scope, "num").text
        number = self._leaf(scope, "int").text
        made = [f"({value} + {other})", f"{value} * 2", f"round({value}, 1)", f"{value} - {number}"]
        return Cell(self._one(made[:2] + made[3:] if self._is_sqlite else made), "num")

    def _day(self, scope: Scope, depth: int) -> Cell:
        value, number = self._leaf(scope, "date").text, self._chance.randrange(1, 40)
        if self._is_sqlite:
            made = 4 * [f"strftime('%Y-%m-01', {value})", f"strftime('{number:04}-%m-%d', {value})"]
            made.append(f"date({value}, '+{number} days')")
        else:
            made = [f"({value} + {number})", f"CAST(date_trunc('month', {value}) AS DATE)"]
        return Cell(self._one(made), "date")

    def _big(self, scope: Scope, depth: int) -> Cell:
        value = self._leaf(scope, "big").text
        return Cell(self._one([f"{value} % 97", f"{value} / 1000", f"-{value}"]), "big")

    # GROUP BY.

    def _grouped(self, rest: str, scope: Scope, kinds: list[str]) -> tuple[str, list[Cell]]:
        """Write a query of groups: some outputs are keys, the others aggregates."""
        count = self._chance.randrange(len(kinds)) if self._is_likely(0.8) else len(kinds)
        keys = [
            self._value(scope, kind, -1) if kind != "float" else Cell("", "")
            for kind in kinds[:count]
        ]
        items = [
            key if key.text else self._aggregate(scope, kind)
            for key, kind in zip(keys, kinds, strict=False)
        ]
        items += [self._aggregate(scope, kind) for kind in kinds[count:]]
        places = [place for place, key in enumerate(keys) if key.text]
        bare = [keys[place].text for place in places]
        is_bare = all(text.replace(".", "").isalnum() and text[0] == "t" for text in bare)
        by = ", ".join(str(place + 1) for place in places)
        if is_bare and self._is_likely(0.6):
            by = ", ".join(bare)
            if bare and not self._is_sqlite and self._is_likely(0.2):
                by = self._one([f"ROLLUP ({by})", f"CUBE ({by})", f"GROUPING SETS (({by}), ())"])
        having = ""
        if self._is_likely(0.25):
            having = f" HAVING {self._aggregate(scope, 'int').text} > {self._chance.randrange(5)}"
        group = f" GROUP BY {by}" if by else ""
        if not by and having and all(key.text for key in keys) and keys:
            having = ""
        return self._named("SELECT ", items, f" FROM {rest}{group}{having}")

    def _aggregate(self, scope: Scope, kind: str) -> Cell:
        number, text = self._value(scope, "int", -1).text, self._value(scope, "text", -1).text
        keep = ""
        if self._is_likely(0.2):
            keep = f" FILTER (WHERE {self._test(scope, 0)})"
        if kind == "int":
            any_ = self._chance.choice(scope.cells)
            distinct = "DISTINCT " if any_.kind != "json" and self._is_likely(0.5) else ""
            calls = [
                "count(*)",
                f"count({distinct}{any_.text})",
                f"sum({number})",
                f"max(length({text}))",
            ]
            return Cell(self._one(calls) + keep, "int")
        if kind == "float":
            return Cell(f"avg({number}){keep}", "float")
        value = self._value(scope, kind, -1)
        entity = value.entity
        if kind == "num" and self._is_likely(0.5):
            return Cell(f"sum({value.text}){keep}", "num")
        if kind == "text" and not self._is_sqlite and self._is_likely(0.4):
            lists = [
                f"string_agg({text}, '|' ORDER BY {text}){keep}",
                f"array_to_string(array_agg({text} ORDER BY {text} DESC){keep}, ',')",
            ]
            return Cell(self._one(lists), "text")
        return Cell(f"{self._one(['min', 'max'])}({value.text}){keep}", kind, entity)


def _without_entity(cell: Cell) -> Cell:
    """Return an output of a set operation, which may hold values of several entities."""
    return cell._replace(entity="")


def _total(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return an order in which rows that tie are equal."""
    return tuple(cell.text for cell in cells if cell.kind in _ORDERED)


def _shared(left: Scope, right: Scope) -> list[str]:
    """Return the names of columns that both sides have once."""
    names = [[cell.text.partition(".")[2] for cell in side.cells] for side in (left, right)]
    kinds = {cell.text.partition(".")[2]: cell.kind for cell in (*left.cells, *right.cells)}
    return [
        name
        for name in names[0]
        if names[0].count(name) == 1 and names[1].count(name) == 1 and kinds[name] != "json"
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
