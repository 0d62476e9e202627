"""Gives back what the mask ``fpe`` encrypted, to those who may see it, and on record.

This module knows policies, keys and records. It does not know databases, nor where values come from
and where they go.
"""

import getpass
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from maskline.access import open_audit, open_sinks, record
from maskline.audit import timestamp
from maskline.entities import Entity
from maskline.errors import KeyringError, PolicyError, QueryRefusedError
from maskline.model import AccessEvent, Label, Mask, Outcome, OutputColumn, Principal, Strategy
from maskline.plugins import Registry, load_policy
from maskline.policy import Policy
from maskline.tokens import Keyring, NumberCipher

__all__ = ["unmask"]

_MASK: Final = "fpe"
_DECISION: Final = "unmasked"


def unmask(  # noqa: PLR0913 - what a policy asks about, and where it is
    values: pa.Array,
    *,
    entity: str,
    domain: str = "",
    key_version: int | None = None,
    policy: str | Path = "policy.yaml",
    principal: Principal | None = None,
    purpose: str = "",
) -> pa.Array:
    """Decrypt values that the mask ``fpe`` has encrypted.

    Whoever may see the raw values of an entity may unmask it. Where entities share a domain, the
    cipher cannot tell their values apart, so whoever asks must be allowed to see all of them.

    What was not encrypted under this domain and key is decrypted to something that nobody ever
    wrote: a cipher that keeps the form has no room for a check.

    Args:
        values: Any length, nulls allowed: ``pa.string()``, or integers of the type that they had
            in the database.
        entity: What the values are.
        domain: That of the mask; needed where the policy encrypts the entity in several.
        key_version: Of the master key with which they were masked; by default the active one.
        policy: The policy file.
        principal: Who asks; by default the user of the operating system, as a human.
        purpose: Why.

    Returns:
        The same length and type. Null where *values* is null, and where the mask would not have
        left such a value.

    Raises:
        PolicyError: The policy is missing or broken, or does not encrypt the entity.
        PluginError: A plugin of the policy cannot be used.
        KeyringError: The policy names no keys, or they cannot be read.
        QueryRefusedError: The policy does not let the principal see the values. It is recorded.
        MaskingError: The values are of a type that the mask does not encrypt.
        AuditError: The read cannot be recorded. No value is returned.
    """
    loaded, registry = load_policy(Path(policy))
    form = _form(loaded, registry.entities, entity, domain)
    if loaded.keys is None:
        msg = f"{loaded.path.name} names no keys, and nothing is decrypted without one."
        raise KeyringError(msg, hint="Name the keyring with which the values were masked.")
    keyring = Keyring.open(loaded.keys)
    version = keyring.active_version if key_version is None else key_version
    pads = keyring.pads(form.domain, version=version)
    desk = _Desk(loaded, registry, principal or Principal(kind="human", id=getpass.getuser()))
    event = desk.event(entity, form, purpose)
    try:
        desk.admit(event, entity, form)
        cipher = NumberCipher.of_domain(form.domain, pads)
        raw = cipher.decrypt(values, has_check=form.has_check)
        desk.record(
            replace(
                event,
                outcome=Outcome.ANSWERED,
                output_types=(str(raw.type),),
                key_versions=(version,),
                rows=len(raw) - raw.null_count,
                bytes=raw.nbytes,
            )
        )
    finally:
        desk.close()
    return raw


@dataclass(frozen=True, slots=True)
class _Form:
    """How a policy encrypts the values of an entity."""

    domain: str
    has_check: bool


def _form(policy: Policy, entities: Mapping[str, Entity], name: str, domain: str) -> _Form:
    """Return the only way in which an entity is encrypted, in a domain if one is given."""
    # Nothing that was given is repeated: it may be a value that somebody put in the wrong place.
    if name not in entities:
        msg = f"{policy.path.name} and its plugins know no such entity."
        raise PolicyError(msg, hint="Name one such as CREDIT_CARD, for which the mask is fpe.")
    every = set(_forms(policy, entities, name))
    forms = {form for form in every if domain in {"", form.domain}}
    if len(forms) == 1:
        return forms.pop()
    domains = ", ".join(sorted({form.domain for form in every}))
    if not every:
        msg = f"{policy.path.name} encrypts no values of {name}."
        raise PolicyError(msg, hint=f"Only what was masked by {_MASK} can be unmasked.")
    if not forms:
        msg = f"{policy.path.name} does not encrypt {name} in that domain."
        raise PolicyError(msg, hint=f"Name one of: {domains}.")
    msg = f"{policy.path.name} encrypts {name} in several ways."
    if len({form.domain for form in forms}) == 1:
        raise PolicyError(msg, hint="With and without `luhn: keep`, use domains of their own.")
    raise PolicyError(msg, hint=f"Name one of the domains: {domains}.")


def _forms(policy: Policy, entities: Mapping[str, Entity], name: str) -> Iterator[_Form]:
    """Return every way in which a policy encrypts an entity, for whomever."""
    entity = entities[name]
    default = policy.masks.get(name) or policy.masks.get(entity.category)
    decisions = [rule.decision for rule in policy.rules if rule.covers(name, entity)]
    masks = [decision.mask for decision in decisions if decision is not None]
    for mask in (default or Mask(name=entity.mask), *masks):
        if mask is not None and mask.name == _MASK:
            options = dict(mask.options)
            yield _Form(str(options.get("domain", name)), "luhn" in options)


class _Desk:
    """Decides whether somebody may unmask, and records it."""

    def __init__(self, policy: Policy, registry: Registry, principal: Principal) -> None:
        self._policy = policy
        self._entities = registry.entities
        self._principal = principal
        self._audit = open_audit(policy, registry)
        self._sinks = open_sinks(policy, registry)

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()
        self._audit.close()

    def event(self, entity: str, form: _Form, purpose: str) -> AccessEvent:
        """Return the record of a read, but for how it ends."""
        statement = f"<unmask {entity} in {form.domain}>"
        return AccessEvent(
            query_id=str(uuid.uuid4()),
            time="",
            outcome=Outcome.STARTED,
            principal=self._principal,
            purpose=purpose,
            source="",
            namespace="",
            dialect="",
            sql=statement,
            fingerprint=hashlib.sha256(statement.encode()).hexdigest(),
            decision=_DECISION,
            policy_hash=self._policy.hash,
            outputs=(OutputColumn(name="value", label=Label(entity=entity)),),
        )

    def record(self, event: AccessEvent) -> None:
        now = timestamp(datetime.now(UTC))
        record(replace(event, time=now), audit=self._audit, sinks=self._sinks)

    def admit(self, event: AccessEvent, entity: str, form: _Form) -> None:
        """Let the read pass, or record why not and raise."""
        who, purpose = self._principal, event.purpose
        reason, hint = self._policy.requirement(who, purpose), "Say why you ask: state a purpose."
        hidden = [name for name in self._sharers(entity, form) if not self._is_seen(name, purpose)]
        if reason is None and hidden:
            names = " and ".join(hidden)
            reason = f"What may be unmasked is what may be seen, and {names} is masked for you."
            if hidden != [entity]:
                reason = f"{reason} The domain {form.domain} cannot be unmasked but as a whole."
            hint = "Ask for a rule of the policy that reveals it to you, for a purpose."
        if reason is not None:
            refused = Strategy.REFUSED.value
            self.record(replace(event, outcome=Outcome.REFUSED, decision=refused, reason=reason))
            raise QueryRefusedError(reason, hint=hint)

    def _sharers(self, entity: str, form: _Form) -> list[str]:
        """Return the entities whose values may be encrypted in a domain."""
        return [
            name
            for name in sorted(self._entities)
            if name in {entity, form.domain}
            or any(
                other.domain == form.domain for other in _forms(self._policy, self._entities, name)
            )
        ]

    def _is_seen(self, entity: str, purpose: str) -> bool:
        decision = self._policy.decide(
            Label(entity=entity),
            principal=self._principal,
            purpose=purpose,
            on=datetime.now(UTC).date(),
            entities=self._entities,
        )
        return decision.mask is None and not decision.is_denied
