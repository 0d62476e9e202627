"""The policy, once it is known to hold no mistake.

This module answers two questions: what is this column, and what does this principal see of it?
It knows the nouns. It does not know files, YAML, plugins or databases.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Literal

from maskline.entities import Entity
from maskline.model import (
    FREE_TEXT,
    JSON,
    PUBLIC,
    UNKNOWN,
    ColumnRef,
    Decision,
    Label,
    Literals,
    Mask,
    OptionValue,
    Principal,
)
from maskline.policy._rules import Effect, Rule, normal_purpose

__all__ = ["KeysConfig", "Policy", "SigningConfig", "SourceConfig", "fold", "resolve"]

_SEEN: Final = Decision(mask=None, rule="")
_SCANNED: Final = Decision(mask=Mask(name="scan"), rule="default")
_REDACTED: Final = Decision(mask=Mask(name="redact"), rule="default")
_UNKNOWN: Final = Label(entity=UNKNOWN, confidence=0.0, evidence="not in the policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """Where a database is.

    Attributes:
        url: Ready to open: variables are filled in and paths are absolute. It may hold a password.
    """

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysConfig:
    """Where the keys are: in a file, or in an environment variable.

    Attributes:
        file: The keyring; None if *env* is given.
        env: The name of a variable that holds the keyring; empty if *file* is given.
    """

    file: Path | None = None
    env: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningConfig:
    """How checkpoints of the audit log are signed.

    Attributes:
        key: The file of the key.
        every: How many records may go unsigned.
        anchors: What checkpoints are copied to: files and folders, else a kind and its options.
    """

    key: Path
    every: int
    anchors: tuple[Path | tuple[str, Mapping[str, OptionValue]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What columns are, and who sees what of them.

    Attributes:
        path: The file.
        hash: SHA-256 of what the file says, in hexadecimal. Comments and the order of keys do not
            change it, and neither do passwords.
        plugins: The plugins that may be loaded.
        keys: Where the keys are; None if the policy names none.
        labels: For each source, the label of every declared column. A schema may be empty: then
            the label is for tables of that name in every schema.
        masks: The mask of an entity, a category, FREE_TEXT, JSON or UNKNOWN.
        rules: In the order of the file. The first that matches and says something of values
            decides about values, and likewise about literals.
        names: How names in free text are found: ``balanced``, ``recall`` or ``off``.
        lookups_per_hour: How many literals one principal may have looked up in one source within
            an hour, in one process.
        audit_path: The folder of the audit log.
        audit_signing: How its checkpoints are signed; None if they are not.
        audit_spool: Where events wait while the log cannot be written to; None if they may not.
        audit_keep: How many days records are kept at least; None for ever.
        sinks: The options of each sink, by its kind.
    """

    path: Path
    hash: str
    plugins: tuple[str, ...] = ()
    keys: KeysConfig | None = None
    sources: Mapping[str, SourceConfig] = field(default_factory=dict)
    labels: Mapping[str, Mapping[ColumnRef, Label]] = field(default_factory=dict, repr=False)
    masks: Mapping[str, Mask] = field(default_factory=dict, repr=False)
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    names: Literal["balanced", "recall", "off"] = "balanced"
    lookups_per_hour: int = 60
    audit_path: Path = Path("audit")
    audit_signing: SigningConfig | None = None
    audit_spool: Path | None = None
    audit_keep: int | None = None
    sinks: Mapping[str, Mapping[str, OptionValue]] = field(default_factory=dict, repr=False)
    _folded: Mapping[str, Mapping[ColumnRef, Label]] = field(init=False, repr=False, compare=False)
    _decisions: Mapping[str, Decision] = field(init=False, repr=False, compare=False)
    _deciding: tuple[Rule, ...] = field(init=False, repr=False, compare=False)
    _stating: tuple[Rule, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded = {source: _fold_labels(labels) for source, labels in self.labels.items()}
        decisions = {
            name: Decision(mask=None if mask.name == "reveal" else mask, rule=f"masks.{name}")
            for name, mask in self.masks.items()
        }
        object.__setattr__(self, "_folded", folded)
        object.__setattr__(self, "_decisions", decisions)
        deciding = tuple(rule for rule in self.rules if rule.decision is not None)
        stating = tuple(rule for rule in self.rules if rule.literals is not None)
        object.__setattr__(self, "_deciding", deciding)
        object.__setattr__(self, "_stating", stating)

    @property
    def version(self) -> str:
        """The first seven digits of the hash: what people are shown."""
        return self.hash[:7]

    def label(self, source: str, ref: ColumnRef, *, ignore_case: bool) -> Label:
        """Return what the policy calls a column.

        Args:
            source: The name of the source.
            ref: The column, spelt as in the catalogue.
            ignore_case: Whether the database takes ``Email`` and ``email`` for one name, as far as
                ASCII goes.

        Returns:
            The label of the table with its schema, else of the table's bare name, else UNKNOWN.
        """
        labels = self.labels.get(source)
        if labels is None:
            return _UNKNOWN
        if found := labels.get(ref) or labels.get(ColumnRef("", ref.relation, ref.column)):
            return found
        if not ignore_case:
            return _UNKNOWN
        ref = _fold_ref(ref)
        labels = self._folded[source]
        return labels.get(ref) or labels.get(ColumnRef("", ref.relation, ref.column)) or _UNKNOWN

    def decide(
        self,
        label: Label,
        *,
        principal: Principal,
        purpose: str,
        on: date,
        entities: Mapping[str, Entity],
    ) -> Decision:
        """Return what a principal sees of a column.

        Args:
            label: What the column is.
            principal: Who asks.
            purpose: Why; may be empty.
            on: Today.
            entities: What the loaded plugins know.

        Returns:
            What the first matching rule says of values, else ``masks`` for the entity, else
            ``masks`` for its category, else the entity's own mask. What no plugin knows is
            UNKNOWN. Of literals, what the first matching rule says that says something of them;
            MASKED where none does, and where nothing is compared for all is seen or denied.
        """
        name = label.entity
        if name == PUBLIC:
            return _SEEN
        entity = entities.get(name)
        if entity is None and name not in {FREE_TEXT, JSON}:
            name = UNKNOWN
        stated = normal_purpose(purpose)
        decision = self._default(name, entity)
        for rule in self._deciding:
            if rule.covers(name, entity) and rule.applies(principal, stated, on):
                decision = rule.decision or _REDACTED
                break
        if decision.mask is None or decision.is_denied:
            return decision
        for rule in self._stating:
            if rule.covers_literals(name, entity) and rule.applies(principal, stated, on):
                return replace(decision, literals=rule.literals or Literals.MASKED)
        return decision

    def _default(self, name: str, entity: Entity | None) -> Decision:
        """Return what becomes of values that no rule is about."""
        if name in self._decisions:
            return self._decisions[name]
        if entity is None:
            return _REDACTED if name == UNKNOWN else _SCANNED
        if entity.category in self._decisions:
            return self._decisions[entity.category]
        return Decision(mask=Mask(name=entity.mask), rule="default")

    def requirement(
        self, principal: Principal, purpose: str, *, on: date | None = None
    ) -> str | None:
        """Return why a query must be refused for want of a purpose; None if it need not be.

        Args:
            principal: Who asks.
            purpose: Why; may be empty.
            on: Today, by default in UTC.
        """
        if normal_purpose(purpose):
            return None
        today = on or datetime.now(UTC).date()
        for rule in self.rules:
            if (
                rule.effect is Effect.REQUIRE
                and today <= rule.until
                and rule.who.matches(principal)
            ):
                return f"{rule.name} of the policy wants a purpose, and none is stated."
        return None

    def resolve(self, path: str) -> Path:
        """Make a path of the policy absolute: it is relative to the policy's folder."""
        return resolve(self.path, path)


def resolve(policy: Path, path: str) -> Path:
    """Make a path that a policy file mentions absolute."""
    return policy.parent.absolute() / Path(path).expanduser()


def fold(name: str) -> str:
    """Return a name in lower case, as databases fold it: ASCII letters and no others."""
    return "".join(c.lower() if c.isascii() else c for c in name)


def _fold_ref(ref: ColumnRef) -> ColumnRef:
    schema, relation, column = ref
    if schema.isascii() and relation.isascii() and column.isascii():
        return ColumnRef(schema.lower(), relation.lower(), column.lower())
    return ColumnRef(fold(schema), fold(relation), fold(column))


def _fold_labels(labels: Mapping[ColumnRef, Label]) -> dict[ColumnRef, Label]:
    """Index labels by folded names. Where two that fold to one disagree, nobody knows."""
    folded: dict[ColumnRef, Label] = {}
    for ref, label in labels.items():
        key = _fold_ref(ref)
        agrees = folded.setdefault(key, label) == label
        if not agrees:
            folded[key] = _UNKNOWN
    return folded
