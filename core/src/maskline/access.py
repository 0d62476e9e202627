"""What one principal needs to read one source: the database, the policy, the keys, the records.

`Session` is the face of it and `MaskedStream` runs queries on it. This module knows the floors
below; it does not know how rows are fetched or shown.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from maskline._kept import Kept
from maskline.audit import AuditLog, Notary, SigningKey, Spool
from maskline.errors import AuditError, MasklineError
from maskline.execution import Masking
from maskline.model import (
    UNKNOWN,
    AccessEvent,
    Catalogue,
    ColumnRef,
    Decision,
    Kind,
    Label,
    Mask,
    OptionValue,
    Principal,
    ReadColumn,
    Traits,
)
from maskline.planning import Plan, plan_query
from maskline.planning.scrub import Scrubbed, scrub
from maskline.plugins import Registry
from maskline.policy import Policy
from maskline.roles import Anchor, Sink, Source
from maskline.scanning import classified
from maskline.tokens import Keyring

__all__ = ["Access", "notary_of", "open_audit", "open_sinks", "record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One principal's way to one source, under one policy."""

    source_name: str
    source: Source = field(repr=False)
    policy: Policy
    registry: Registry = field(repr=False)
    keyring: Keyring | None = field(repr=False)
    audit: AuditLog = field(repr=False)
    sinks: Sequence[Sink] = field(repr=False)
    principal: Principal
    parent_run: tuple[str, str, str] | None = None
    _touched: dict[tuple[str, ColumnRef], Label] = field(
        default_factory=dict, repr=False, compare=False
    )
    _names: Kept[str, tuple[dict[ColumnRef, str], frozenset[str]]] = field(
        default_factory=lambda: Kept(2), repr=False, compare=False
    )
    _scrubbed: Kept[tuple[str, str], Scrubbed] = field(
        default_factory=Kept, repr=False, compare=False
    )

    def decide(self, purpose: str) -> Callable[[Label], Decision]:
        """Return what the policy says about labels, for a purpose, today."""
        return partial(
            self.policy.decide,
            principal=self.principal,
            purpose=purpose,
            on=datetime.now(UTC).date(),
            entities=self.registry.entities,
        )

    def masking(self, purpose: str) -> Masking:
        """Return what masks values, for a purpose."""
        return Masking(self.registry, keyring=self.keyring, decide=self.decide(purpose))

    def label(self, catalogue: Catalogue, ref: ColumnRef) -> Label:
        """Return what the policy calls a column."""
        # PostgreSQL tells Name from name; the other two engines do not.
        return self.policy.label(self.source_name, ref, ignore_case=catalogue.dialect != "postgres")

    def scrubbed(self, sql: str, catalogue: Catalogue) -> tuple[frozenset[str], Scrubbed]:
        """Return every known name, and what may be recorded of a query."""
        _, known = self._named(catalogue)
        text = self._scrubbed.get(
            (catalogue.version, sql), lambda: scrub(sql, dialect=catalogue.dialect, known=known)
        )
        return known, text

    def touch(self, plan: Plan, catalogue: Catalogue) -> bool:
        """Classify columns of text that a query reads first, and that nobody has labelled.

        Returns:
            Whether any was found to be an entity, so that the query has to be planned anew.
        """
        new = {
            ref
            for ref in plan.reads
            if (catalogue.version, ref) not in self._touched
            and self.label(catalogue, ref).entity == UNKNOWN
        }
        if not new:
            return False
        found = classified(self.source, self.registry, catalogue, new)
        self._touched.update({(catalogue.version, ref): label for ref, label in found.items()})
        return any(label.entity != UNKNOWN for label in found.values())

    def plan(self, sql: str, purpose: str, *, catalogue: Catalogue) -> Plan:
        """Plan a query. Nothing is run and nothing is recorded."""
        decide = self.decide(purpose)
        return plan_query(
            sql,
            catalogue=catalogue,
            label_of=partial(self._label_of, catalogue, decide),
            decide=decide,
            traits_of=self._traits,
            masks_by=self.source.masks_by,
            # Nobody can write a query that uses a name before it exists.
            prefix=f"maskline_{secrets.token_hex(8)}",
        )

    def record(self, event: AccessEvent) -> None:
        """Make an event durable in the audit log, then hand it to every sink.

        Raises:
            AuditError: The log or a sink did not take it: nothing more may be released.
        """
        record(event, audit=self.audit, sinks=self.sinks)

    def reads(self, plan: Plan, purpose: str, *, catalogue: Catalogue) -> tuple[ReadColumn, ...]:
        """Return what a query reads, and what the policy says of each column."""
        types, _ = self._named(catalogue)
        decide = self.decide(purpose)
        reads = []
        for ref in sorted(plan.reads):
            label = self._label_of(catalogue, decide, ref)
            decision = decide(label)
            reads.append(
                ReadColumn(
                    ref=ref,
                    type=types.get(ref, ""),
                    entity=label.entity,
                    mask=decision.mask,
                    rule=decision.rule,
                )
            )
        return tuple(reads)

    def _label_of(
        self, catalogue: Catalogue, decide: Callable[[Label], Decision], ref: ColumnRef
    ) -> Label:
        """Return what a column is: as the policy says, else as its values say."""
        label = self.label(catalogue, ref)
        found = self._touched.get((catalogue.version, ref))
        # What nobody has labelled is masked, if perhaps in another way, and never revealed.
        if found is None or label.entity != UNKNOWN or found.entity == UNKNOWN:
            return label
        return label if decide(found).mask is None else found

    def _named(self, catalogue: Catalogue) -> tuple[dict[ColumnRef, str], frozenset[str]]:
        return self._names.get(catalogue.version, lambda: _names(catalogue))

    def _traits(self, mask: Mask, label: Label, kind: Kind) -> Traits:
        del label  # A mask promises the same for every label.
        return self.registry.maskers[mask.name].traits(dict(mask.options), kind)


def notary_of(policy: Policy, registry: Registry) -> Notary | None:
    """Return who signs checkpoints of the audit log; None if the policy names no key.

    Raises:
        KeyringError: The key cannot be read, or other users can read it.
        AuditError: An anchor cannot be opened.
    """
    signing = policy.audit_signing
    if signing is None:
        return None
    anchors = [
        anchor if isinstance(anchor, Path) else _opened(anchor, policy, registry)
        for anchor in signing.anchors
    ]
    return Notary(key=SigningKey.load(signing.key), every=signing.every, anchors=tuple(anchors))


def _opened(
    anchor: tuple[str, Mapping[str, OptionValue]], policy: Policy, registry: Registry
) -> Anchor:
    kind, options = anchor
    return registry.anchors[kind].open(options, resolve=lambda path: str(policy.resolve(path)))


def open_audit(policy: Policy, registry: Registry) -> AuditLog:
    """Open the audit log of a policy.

    Raises:
        AuditError: It cannot be written to, and the policy has no spool.
        AuditIntegrityError: It is not what was written or signed.
        KeyringError: The key that signs it cannot be read.
    """
    return AuditLog.open(
        policy.audit_path,
        notary=notary_of(policy, registry),
        spool=Spool(policy.audit_spool) if policy.audit_spool else None,
    )


def open_sinks(policy: Policy, registry: Registry) -> list[Sink]:
    """Open the sinks of a policy; their paths are relative to its folder."""
    return [
        registry.sinks[kind].open(options, resolve=lambda path: str(policy.resolve(path)))
        for kind, options in policy.sinks.items()
    ]


def record(event: AccessEvent, *, audit: AuditLog, sinks: Sequence[Sink]) -> None:
    """Make an event durable in an audit log, then hand it to every sink.

    Raises:
        AuditError: The log or a sink did not take it: nothing more may be released.
    """
    audit.append(event)
    for sink in sinks:
        _emit(sink, event)


def _names(catalogue: Catalogue) -> tuple[dict[ColumnRef, str], frozenset[str]]:
    """Return every column's type, and every name that is known not to be a value."""
    types = {
        ColumnRef(relation.schema, relation.name, column.name): column.type
        for relation in catalogue.relations
        for column in relation.columns
    }
    return types, frozenset(word.lower() for ref in types for word in ref)


def _emit(sink: Sink, event: AccessEvent) -> None:
    try:
        return sink.emit(event)
    except MasklineError:
        raise
    except Exception as exc:  # noqa: BLE001 - the text of any library error may hold data
        culprit = type(exc).__name__
    msg = f"The sink {type(sink).__name__} did not take the record of the read: {culprit}."
    raise AuditError(msg, hint="Mend the sink, or take it out of `sinks:` in the policy.")
