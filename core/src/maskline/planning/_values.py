"""What the analysis computes: values, uses of columns, relations.

This module knows the nouns of `maskline.model` and sqlglot's trees. It does not know names, labels
or policies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from maskline.model import ColumnRef, Flow

__all__ = [
    "COMPARED",
    "CONSTANT",
    "INTERPRETED",
    "MEASURED",
    "NULL",
    "PLAIN",
    "Bare",
    "Form",
    "Refusal",
    "Relation",
    "Taint",
    "TooLargeError",
    "Use",
    "UseKind",
    "Value",
    "aggregated",
    "counted",
    "indirect",
    "merged",
    "transformed",
]

Taint: TypeAlias = Mapping[ColumnRef, frozenset[Flow]]
"""Which columns reach something, and how."""

Bare: TypeAlias = frozenset[ColumnRef] | None
"""The columns of which a value is one, unchanged, or null. Empty if it is always null, None if it
is computed: a literal, or whatever an operator or a function made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a query is not answered.

    Attributes:
        reason: One sentence. It names columns, functions and clauses, never a literal.
        hint: What would work.
    """

    reason: str
    hint: str = ""


class TooLargeError(Exception):
    """A query says little and means more than we can look at."""


class UseKind(StrEnum):
    """What a query does with the values of columns."""

    EQUALITY = "equality"
    GROUP = "group"
    DISTINCT = "distinct"
    PARTITION = "partition"
    COUNT = "count"
    MEASURE = "measure"
    NULL_TEST = "null_test"
    MIX = "mix"
    TEXT_CAST = "text_cast"
    SORT = "sort"
    EXPRESSION = "expression"
    ROW_ORDER = "row_order"


@dataclass(frozen=True, slots=True)
class Use:
    """One place where values of columns decide something.

    Attributes:
        parts: The values that meet there, one for each operand.
        what: How it is written, such as ``upper()`` or ``the operator <``.
        literals: How many of the parts are texts that stand in the query itself.
    """

    kind: UseKind
    parts: tuple[Bare, ...]
    what: str
    literals: int = 0

    @property
    def columns(self) -> frozenset[ColumnRef]:
        """Every column that is used bare."""
        return frozenset().union(*(part for part in self.parts if part))


class Form(IntEnum):
    """What the order of rows may change about a result that is made of several values.

    Of LOOSE values, such as floating-point numbers, it may change a sum, and which of several equal
    ones is shown. EXACT ones have the same sum in any order. PLAIN ones look alike if they are
    equal, and have an exact sum too if they are numbers.
    """

    LOOSE = 0
    EXACT = 1
    PLAIN = 2


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of an expression.

    Attributes:
        taint: Every column that reaches it.
        bare: See `Bare`.
        latent: Uses inside a view, which count only once somebody reads this column of it.
        form: See `Form`.
    """

    taint: Taint = field(default_factory=dict)
    bare: Bare = None
    latent: tuple[Use, ...] = ()
    form: Form = Form.LOOSE

    @property
    def is_plain(self) -> bool:
        """Whether equal values look alike. Those of one column of decimals have the same scale."""
        is_column = self.bare is not None and len(self.bare) == 1
        return self.form is Form.PLAIN or (self.form is Form.EXACT and is_column)


INTERPRETED: Final = "interpreted"
"""Marks the pieces of a tree that the analysis has looked at: what bears no mark is not sent."""

MEASURED: Final = "maskline_measured"
"""Marks, in an aggregate's meta, the column of one table whose rows it adds up or counts, once."""

COMPARED: Final = "maskline_compared"
"""Marks, in a literal's meta, the columns that it is compared with."""

CONSTANT: Final = Value()
PLAIN: Final = Value(form=Form.PLAIN)
NULL: Final = Value(bare=frozenset(), form=Form.PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What is known of a table, view, query or function in FROM.

    Attributes:
        names: Of its columns, as the engine knows them.
        values: Of its columns.
        rows: The columns that decide which rows there are.
        order: The columns along which the engine may have sorted or hashed the rows.
        schema: Of a table or view; empty otherwise.
    """

    names: tuple[str, ...]
    values: tuple[Value, ...]
    rows: Taint = field(default_factory=dict)
    order: frozenset[ColumnRef] = frozenset()
    schema: str = ""


_DIRECT: Final = frozenset(flow for flow in Flow if flow.is_direct)


def merged(taints: Sequence[Taint]) -> Taint:
    """Return what reaches something through any of several ways."""
    if len(taints) == 1:
        return taints[0]
    union: dict[ColumnRef, frozenset[Flow]] = {}
    for taint in taints:
        for ref, flows in taint.items():
            union[ref] = union.get(ref, frozenset()) | flows
    return union


def _replaced(taint: Taint, old: frozenset[Flow], new: Flow) -> Taint:
    return {ref: (flows - old) | {new} if flows & old else flows for ref, flows in taint.items()}


def transformed(taint: Taint) -> Taint:
    """Return what reaches the result of an operator or a scalar function."""
    return _replaced(taint, frozenset({Flow.IDENTITY}), Flow.TRANSFORMATION)


def aggregated(taint: Taint) -> Taint:
    """Return what reaches the result of an aggregate."""
    return _replaced(taint, frozenset({Flow.IDENTITY, Flow.TRANSFORMATION}), Flow.AGGREGATION)


def counted(taint: Taint) -> Taint:
    """Return what reaches a count."""
    return _replaced(taint, _DIRECT, Flow.COUNT)


def indirect(taint: Taint, flow: Flow) -> Taint:
    """Return what reaches a result that only depends on a condition, an order or a grouping."""
    return _replaced(taint, _DIRECT, flow)
