"""The nouns of maskline.

This module knows numpy's arrays and the standard library. It does not know pluggy, policies, keys,
databases or plugins. `docs/explanation/architecture.md` draws how the nouns hang together.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "FREE_TEXT",
    "JSON",
    "PUBLIC",
    "UNKNOWN",
    "AccessEvent",
    "Catalogue",
    "Column",
    "ColumnRef",
    "Decision",
    "Flow",
    "Kind",
    "Label",
    "Literals",
    "Mask",
    "MaskedRead",
    "OptionValue",
    "Outcome",
    "OutputColumn",
    "Principal",
    "Relation",
    "Spans",
    "Strategy",
    "Traits",
]

PUBLIC: Final = "PUBLIC"
"""Label of a column that holds nothing to protect. Somebody, or the classifier, said so."""
UNKNOWN: Final = "UNKNOWN"
"""Label of a column that nobody has looked at. It is masked as if it were sensitive."""
FREE_TEXT: Final = "FREE_TEXT"
"""Label of a text column in which sensitive values may stand among others."""
JSON: Final = "JSON"
"""Label of a column of JSON documents, some of whose paths have labels of their own."""

OptionValue: TypeAlias = str | int | float | bool
"""An option of a mask or a sink, as the policy file gives it."""


class Kind(StrEnum):
    """What the values of a database column are, engines' many type names set aside."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BINARY = "binary"
    JSON = "json"
    OTHER = "other"


class ColumnRef(NamedTuple):
    """The name of a database column, spelt as the catalogue spells it."""

    schema: str
    relation: str
    column: str

    def __str__(self) -> str:
        """Return ``schema.relation.column``."""
        return f"{self.schema}.{self.relation}.{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table or view.

    Attributes:
        type: The engine's own name of the type, such as ``NVARCHAR(40)``.
        exact_equality: Whether two values are equal only where their bytes are: false under a
            case-insensitive collation, for ``citext``, for blank-padded ``CHAR(n)``.
        is_ordered: Whether an index or key may hand out the table's rows in the order of this
            column.
    """

    name: str
    type: str
    kind: Kind
    nullable: bool = True
    exact_equality: bool = True
    is_ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or view.

    Attributes:
        definition: The SELECT behind a view, in the engine's dialect; empty for a table.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    definition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What a database holds, at one moment.

    Attributes:
        dialect: The name sqlglot gives to the engine's SQL: ``duckdb``, ``sqlite``, ``postgres``.
        default_schema: Where an unqualified name is looked up.
        version: Changes when the database's schema changes.
    """

    dialect: str
    default_schema: str
    relations: tuple[Relation, ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a column is.

    Attributes:
        entity: The name of an entity, or one of FREE_TEXT, JSON, PUBLIC and UNKNOWN.
        confidence: From 0.0 to 1.0; 1.0 where a person declared it.
        evidence: Why we think so, in words. It never quotes a value.
        paths: For JSON, what stands at which path: ``("$.buyer.phone", "PHONE_NUMBER")``.
    """

    entity: str
    confidence: float = 1.0
    evidence: str = ""
    paths: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What becomes of a value: the name of a masker, and its options, sorted by name."""

    name: str
    options: tuple[tuple[str, OptionValue], ...] = ()

    def __str__(self) -> str:
        """Return ``token(keep=domain)``."""
        inside = ", ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.name}({inside})" if inside else self.name


class Literals(StrEnum):
    """What becomes of a literal of the query that is compared with a masked column.

    With MASKED it stays what it is, so it is compared with masked values, and a raw one finds
    nothing. With LOOKUP the row of that value is found, as if the literal were masked too; this is
    recorded and rate-limited. With DENY the query is refused.
    """

    MASKED = "masked"
    LOOKUP = "lookup"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a policy says about one label, for one principal and purpose.

    Attributes:
        mask: What becomes of the values; None if they may be seen as they are.
        rule: The place in the policy that decided it, such as ``rules[0]`` or ``masks.US_SSN``,
            or ``default`` where it is the entity's own mask.
        is_denied: Whether a query that touches such a column is refused altogether.
        literals: What becomes of a literal of the query that is compared with such a column.
    """

    mask: Mask | None
    rule: str
    is_denied: bool = False
    literals: Literals = Literals.MASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks.

    In a process that the asker controls, this is what they say about themselves: it is recorded
    and the policy acts on it, but only a process of its own can vouch for it.

    Attributes:
        kind: ``human``, ``service`` or ``agent``.
        id: A name that the organisation can trace to somebody.
        roles: Groups whose rules apply.
        on_behalf_of: Who sent them, nearest first, such as the human behind an agent.
    """

    kind: str
    id: str
    roles: tuple[str, ...] = ()
    on_behalf_of: tuple[str, ...] = ()


class Flow(StrEnum):
    """How a column's value reaches an output. The first four are direct, the rest indirect.

    The names, but for COUNT, are the subtypes of OpenLineage's column lineage facet.
    """

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    COUNT = "COUNT"
    JOIN = "JOIN"
    FILTER = "FILTER"
    GROUP_BY = "GROUP_BY"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"

    @property
    def is_direct(self) -> bool:
        """Whether (part of) the value itself arrives, and not merely its influence."""
        return self in {Flow.IDENTITY, Flow.TRANSFORMATION, Flow.AGGREGATION, Flow.COUNT}


class Strategy(StrEnum):
    """How a query is answered.

    COMMUTING runs it on raw values and masks its output, which is proved to be the same. AT_READ
    masks columns inside the database as they are read. LOCAL reads masked copies of what it needs,
    in temporary tables of its own connection. REFUSED does not run it.
    """

    COMMUTING = "commuting"
    AT_READ = "at_read"
    LOCAL = "local"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """One column of an answer: where it comes from, and what was done to it.

    Attributes:
        sources: Every database column that reaches it, with the ways in which it does.
        label: What the column is; PUBLIC where nothing was masked.
        mask: What was done to it; None where the values are the database's own.
        rule: The place in the policy that decided it, such as ``rules[0]`` or ``masks.US_SSN``.
        is_fixed: Whether the database itself fills in the mask, and does not send the values.
    """

    name: str
    sources: tuple[tuple[ColumnRef, tuple[Flow, ...]], ...] = ()
    label: Label = field(default_factory=lambda: Label(entity=PUBLIC))
    mask: Mask | None = None
    rule: str = ""
    is_fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedRead:
    """A table or view that a query reads masked.

    Attributes:
        name: What the query calls it. AT_READ, the query calls `mask_name` for each masked column;
            LOCAL, it reads a temporary table of this name.
        schema: Of the table or view.
        relation: The table or view.
        sql: A SELECT that gives the raw rows: *columns*, by position.
        columns: What is done to each column; nothing where it has no mask.
        types: The engine's own name of each column's type.
        kinds: What the values of each column are.
        pushed: Whether *sql* leaves out rows that the query does not want.
    """

    name: str
    schema: str
    relation: str
    sql: str
    columns: tuple[OutputColumn, ...]
    types: tuple[str, ...]
    kinds: tuple[Kind, ...]
    pushed: bool = False

    def mask_name(self, position: int) -> str:
        """Return the name of the function that masks a column."""
        return f"{self.name}_{position}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadColumn:
    """A column that a query reads, and what the policy says of it to whoever asks.

    Attributes:
        type: The engine's own name of the type; empty where the catalogue has none.
        entity: What the column is.
        mask: What becomes of its values; None where they may be seen as they are.
        rule: The place in the policy that decided it; empty where the column is PUBLIC.
    """

    ref: ColumnRef
    type: str = ""
    entity: str = PUBLIC
    mask: Mask | None = None
    rule: str = ""


class Outcome(StrEnum):
    """How far a query came. A query whose last record is STARTED was not completed."""

    STARTED = "started"
    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEvent:
    """The record of one step of one read. It holds no value, no literal and no key.

    Attributes:
        query_id: A random UUID, shared by all events of one query.
        time: RFC 3339, in UTC.
        source: The name of the source in the policy.
        namespace: The source as OpenLineage names it, without credentials.
        database: What OpenLineage puts before ``schema.table``; empty where it puts nothing.
        dialect: The dialect of *sql*.
        sql: The statement with every literal replaced by ``?``, or a word for why there is none.
        fingerprint: Hex digest of *sql*: equal for queries that differ only in their literals.
        reads: Every column that the database has to look at.
        outputs: The columns of the answer, by position; their types in *output_types*.
        influences: Columns that decide which rows there are, and how.
        decision: ``commuting`` and so on, or ``refused``.
        reason: Why it was refused or failed, in words without values.
        lookups: Columns in which literals of the query were looked up, and how many literals.
        key_versions: The version of the master key that tokens were made with; empty if none was.
        rows: Handed out so far.
        bytes: Handed out so far, in Arrow's memory.
        duration_ms: Since the query arrived.
        parent_run: The OpenLineage run that this query is part of: namespace, job name, run id.
    """

    query_id: str
    time: str
    outcome: Outcome
    principal: Principal
    purpose: str
    source: str
    namespace: str
    database: str = ""
    dialect: str
    sql: str
    fingerprint: str
    decision: str
    reason: str = ""
    policy_hash: str
    reads: tuple[ReadColumn, ...] = ()
    outputs: tuple[OutputColumn, ...] = ()
    output_types: tuple[str, ...] = ()
    influences: tuple[tuple[ColumnRef, tuple[Flow, ...]], ...] = ()
    lookups: tuple[tuple[ColumnRef, int], ...] = ()
    key_versions: tuple[int, ...] = ()
    rows: int = 0
    bytes: int = 0
    duration_ms: int = 0
    parent_run: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """Sensitive stretches of text in one column, as parallel arrays of one length.

    Attributes:
        rows: Shape ``(n,)``, int64: the row of the column.
        starts: Shape ``(n,)``, int64: the first byte, counted in the UTF-8 of that row's value.
        ends: Shape ``(n,)``, int64: the byte after the last.
        entities: Shape ``(n,)``, int32: indexes into *names*.
        scores: Shape ``(n,)``, float32: how sure the detector is, from 0.0 to 1.0.
        names: Names of entities.
    """

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    entities: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    names: tuple[str, ...]

    def __len__(self) -> int:
        """Return how many stretches there are."""
        return len(self.rows)

    def are(self, entity: str) -> npt.NDArray[np.bool_]:
        """Tell which stretches are of an entity. Shape ``(n,)``."""
        known = self.names.index(entity) if entity in self.names else -1
        return np.asarray(self.entities == known, np.bool_)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Spans":
        """Return some of the stretches: by number, or those for which *which* is true."""
        return Spans(
            rows=self.rows[which],
            starts=self.starts[which],
            ends=self.ends[which],
            entities=self.entities[which],
            scores=self.scores[which],
            names=self.names,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What may be concluded from a masked column, for one kind of values.

    The planner relies on these: a masker that claims too much makes answers wrong.

    Attributes:
        injective: Different values have different masks, and equal values equal ones.
        keeps_nulls: The mask is null exactly where the value is.
        minimum_group: Sums, averages and counts over at least so many values may be seen, though
            no value may; 0 if none may.
        fixed: All values that are not null have the same mask, which depends on the label only;
            where *keeps_nulls* does not hold, that mask is null, too.
    """

    injective: bool
    keeps_nulls: bool
    minimum_group: int = 0
    fixed: bool = False
