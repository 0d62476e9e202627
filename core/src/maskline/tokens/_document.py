"""A keyring as JSON.

This module knows the fields of the document and how to say what is wrong with one, without a word
of what it holds. It does not know where the text comes from, or what keys are for.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ._secret import KeyHolder, Secret

__all__ = ["KEY_BYTES", "Document", "MasterKey", "is_tenant", "parse", "write"]

KEY_BYTES: Final = 32
"""The length of a master key."""

_FORMAT: Final = "maskline-keyring-1"
_TENANT: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey(KeyHolder):
    """One version of the master key."""

    version: int
    created: datetime
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(KeyHolder):
    """What a keyring consists of.

    Attributes:
        keys: One or more, sorted by version.
        active: The version that makes new tokens.
    """

    tenant: str
    active: int
    keys: tuple[MasterKey, ...]


class _KeyPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    version: int = Field(ge=1, le=2**31 - 1)
    created: str
    key: str = Field(repr=False)


class _KeyringPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    format: Literal["maskline-keyring-1"]
    tenant: str = "default"
    active: int
    keys: list[_KeyPart] = Field(min_length=1, repr=False)


_NAMES: Final = frozenset({*_KeyringPart.model_fields, *_KeyPart.model_fields})


def is_tenant(text: str) -> bool:
    """Whether *text* may name a tenant. It holds no slash, which ends it in the derivation."""
    return _TENANT.fullmatch(text) is not None


def parse(text: Secret) -> Document | tuple[str, ...]:
    """Read a keyring. It never raises, since a traceback could show the text.

    Returns:
        The keyring, or what is wrong with it: one phrase for each mistake.
    """
    try:
        part = _KeyringPart.model_validate_json(text.reveal())
    except ValidationError as error:
        return tuple(_where(item["loc"], item["type"]) for item in error.errors())
    keys = [_master_key(item) for item in part.keys]
    problems = [*_contradictions(part), *_bad_keys(keys)]
    if problems:
        return tuple(problems)
    good = sorted((key for key in keys if key), key=lambda key: key.version)
    return Document(tenant=part.tenant, active=part.active, keys=tuple(good))


def write(document: Document) -> Secret:
    """Return the text that *parse* reads."""
    keys = [
        {
            "version": key.version,
            "created": key.created.astimezone(UTC).strftime(_TIME),
            "key": base64.b64encode(key.secret.reveal()).decode(),
        }
        for key in document.keys
    ]
    whole = {
        "format": _FORMAT,
        "tenant": document.tenant,
        "active": document.active,
        "keys": keys,
    }
    return Secret((json.dumps(whole, indent=2) + "\n").encode())


def _where(location: Sequence[str | int], kind: str) -> str:
    # A secret that was pasted as the name of a field stands in the location.
    steps = [
        f"[{step}]" if isinstance(step, int) else f".{step}" if step in _NAMES else ".(unknown)"
        for step in location
    ]
    path = "".join(steps).removeprefix(".")
    return f"{path}: {kind}" if path else kind


def _contradictions(part: _KeyringPart) -> list[str]:
    versions = [key.version for key in part.keys]
    problems = []
    if not is_tenant(part.tenant):
        problems.append("tenant: not 1 to 64 letters, digits, dots, dashes or underscores")
    if len(set(versions)) < len(versions):
        problems.append("keys: two of them have the same version")
    if part.active not in versions:
        problems.append("active: no key has this version")
    return problems


def _bad_keys(keys: Iterable[MasterKey | None]) -> list[str]:
    return [
        f"keys[{index}]: `key` is not {KEY_BYTES} bytes in base64, or `created` is no time in UTC"
        for index, key in enumerate(keys)
        if key is None
    ]


def _master_key(part: _KeyPart) -> MasterKey | None:
    try:
        secret = Secret(base64.b64decode(part.key, validate=True))
        created = datetime.strptime(part.created, _TIME).replace(tzinfo=UTC)
    except (binascii.Error, ValueError):
        return None
    if len(secret) != KEY_BYTES:
        return None
    return MasterKey(version=part.version, created=created, secret=secret)
