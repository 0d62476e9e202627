"""The keyring: versions of one master key, and the keys of domains derived from it.

This module knows where keyrings are kept and how keys are derived, as ``docs/reference/tokens.md``
states it. It does not know values, columns or policies.
"""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from maskline.errors import KeyringError
from maskline.roles import Tokenizer

from ._document import KEY_BYTES, Document, MasterKey, is_tenant, parse, write
from ._files import read_private, write_private
from ._secret import KeyHolder, Secret
from ._shapes import is_slug
from .formats import DomainTokenizer
from .prf import HmacPads, hkdf_sha256

__all__ = ["ENVIRONMENT_VARIABLE", "Fingerprint", "KeyPlace", "Keyring"]

ENVIRONMENT_VARIABLE: Final = "MASKLINE_KEYRING_JSON"
"""Holds the text of a keyring file, where there is no file: in CI and in containers."""

_PURPOSE: Final = "maskline/v1"
_FINGERPRINT_TEXT: Final = b"maskline/v1/fingerprint"
_FINGERPRINT_DIGITS: Final = 16
_DOMAIN: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


class KeyPlace(Protocol):
    """Where a policy says that the keys are: in exactly one of two places."""

    @property
    def file(self) -> Path | None:
        """The keyring's file, or None."""
        ...

    @property
    def env(self) -> str:
        """The environment variable that holds the keyring, or nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What may be shown of one version of the master key.

    Attributes:
        version: Counted from 1.
        created: In UTC.
        state: ``active`` if it makes the tokens of today, else ``retired``.
        fingerprint: 16 hexadecimal digits, equal for equal keys. They reveal nothing of the key.
    """

    version: int
    created: datetime
    state: str
    fingerprint: str


class Keyring(KeyHolder):
    """Versions of one master key, of which one is active.

    A keyring never changes: *rotate* returns another one. It cannot be pickled or copied, and its
    ``repr`` shows versions only.
    """

    __slots__ = ("_document",)

    def __init__(self, document: Document) -> None:
        """Use *generate*, *load*, *from_environment* or *open* instead."""
        self._document: Final = document

    @classmethod
    def generate(cls, tenant: str = "default") -> "Keyring":
        """Make a keyring with one new random key.

        Args:
            tenant: Goes into every derived key: two tenants with one master key have different
                tokens.

        Raises:
            KeyringError: The tenant is not 1 to 64 letters, digits, dots, dashes or underscores.
        """
        if not is_tenant(tenant):
            msg = "The tenant of a keyring is not a name."
            hint = "Use 1 to 64 letters, digits, dots, dashes or underscores; begin with no sign."
            raise KeyringError(msg, hint=hint)
        return cls(Document(tenant=tenant, active=1, keys=(_new_key(1),)))

    @classmethod
    def open(cls, place: KeyPlace) -> "Keyring":
        """Read the keyring from where a policy says that it is.

        Raises:
            KeyringError: It cannot be read, or other users can read it.
        """
        return cls.from_environment(place.env) if place.file is None else cls.load(place.file)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Keyring":
        """Read a keyring from a file that its owner alone may read.

        Args:
            path: A leading ``~`` is the user's home.

        Raises:
            KeyringError: There is no such file, it belongs to another user, its mode lets others
                use it, or it is not a keyring.
        """
        place = Path(path).expanduser()
        text = read_private(place)
        if not isinstance(text, Secret):
            problem, hint = text
            msg = f"The keyring {place} {problem}."
            raise KeyringError(msg, hint=hint)
        return cls._from_text(text, place=str(place))

    @classmethod
    def from_environment(cls, variable: str = "") -> "Keyring":
        """Read a keyring from an environment variable, which holds the text of a keyring file.

        Args:
            variable: By default ``MASKLINE_KEYRING_JSON``.

        Raises:
            KeyringError: There is no such variable, or it does not hold a keyring.
        """
        name = variable or ENVIRONMENT_VARIABLE
        text = Secret(os.environ.get(name, "").encode("utf-8", "surrogateescape"))
        if not len(text):
            msg = f"The environment variable {name} is missing or empty."
            raise KeyringError(msg, hint="Set it to the text of a keyring file.")
        return cls._from_text(text, place=f"in {name}")

    @classmethod
    def _from_text(cls, text: Secret, *, place: str) -> "Keyring":
        document = parse(text)
        if not isinstance(document, Document):
            msg = f"The keyring {place} is damaged: {'; '.join(document)}."
            hint = "Restore it from a backup. A new keyring makes other tokens."
            raise KeyringError(msg, hint=hint)
        return cls(document)

    def __repr__(self) -> str:
        versions = [key.version for key in self._document.keys]
        return f"<Keyring tenant={self.tenant!r} versions={versions} active={self.active_version}>"

    @property
    def tenant(self) -> str:
        """The tenant that goes into every derived key."""
        return self._document.tenant

    @property
    def active_version(self) -> int:
        """The version that makes new tokens."""
        return self._document.active

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the keyring to a file of mode 0600, at once or not at all.

        Args:
            path: A leading ``~`` is the user's home. Its folder exists.
            overwrite: Whether a file that is there may be replaced.

        Raises:
            KeyringError: The file exists, or cannot be written. It is then as it was before.
        """
        place = Path(path).expanduser()
        failure = write_private(place, write(self._document), overwrite=overwrite)
        if failure:
            problem, hint = failure
            msg = f"The keyring {place} {problem}."
            raise KeyringError(msg, hint=hint)

    def rotate(self) -> "Keyring":
        """Return a keyring with one more key, which is active. The others stay usable."""
        old = self._document
        version = old.keys[-1].version + 1
        return Keyring(
            Document(tenant=old.tenant, active=version, keys=(*old.keys, _new_key(version)))
        )

    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """Return what may be shown of each key, by version."""
        return tuple(
            Fingerprint(
                version=key.version,
                created=key.created,
                state="active" if key.version == self.active_version else "retired",
                fingerprint=_fingerprint(key.secret),
            )
            for key in self._document.keys
        )

    def tokenizer(self, domain: str, *, slug: str, version: int | None = None) -> Tokenizer:
        """Return what makes the tokens of a domain. Any number of threads may share it.

        Args:
            domain: The key space: 1 to 128 ASCII letters, digits and ``_ . : -``.
            slug: Begins each text token; matches ``[a-z][a-z0-9]{0,15}``.
            version: Of the master key; by default the active one.

        Raises:
            KeyringError: The domain or the slug is not such a name, or there is no such version.
        """
        if not is_slug(slug):
            msg = f"The slug {slug!r} cannot begin a token."
            hint = "Use 1 to 16 lower-case ASCII letters and digits; begin with a letter."
            raise KeyringError(msg, hint=hint)
        key = self._key(version)
        return DomainTokenizer(
            domain=domain, slug=slug, version=key.version, pads=self._pads(domain, key)
        )

    def pads(self, domain: str, *, version: int | None = None) -> HmacPads:
        """Return the HMAC pads of a domain, the only keys that may be handed to an engine.

        Args:
            domain: The key space.
            version: Of the master key; by default the active one.

        Raises:
            KeyringError: The domain is not a name, or there is no such version.
        """
        return self._pads(domain, self._key(version))

    def _key(self, version: int | None) -> MasterKey:
        wanted = self.active_version if version is None else version
        for key in self._document.keys:
            if key.version == wanted:
                return key
        msg = f"The keyring has no key of version {wanted}."
        known = ", ".join(str(key.version) for key in self._document.keys)
        raise KeyringError(msg, hint=f"It has {known}.")

    def _pads(self, domain: str, key: MasterKey) -> HmacPads:
        if not _DOMAIN.fullmatch(domain):
            msg = f"The domain {domain!r} is not a name."
            hint = "Use 1 to 128 ASCII letters, digits and `_ . : -`; begin with no sign."
            raise KeyringError(msg, hint=hint)
        info = f"{_PURPOSE}/{self.tenant}/{domain}/{key.version}"
        return HmacPads.from_key(hkdf_sha256(key.secret, info=info.encode()))


def _new_key(version: int) -> MasterKey:
    now = datetime.now(UTC).replace(microsecond=0)
    return MasterKey(version=version, created=now, secret=Secret(secrets.token_bytes(KEY_BYTES)))


def _fingerprint(key: Secret) -> str:
    digest = hmac.new(key.reveal(), _FINGERPRINT_TEXT, hashlib.sha256).hexdigest()
    return digest[:_FINGERPRINT_DIGITS]
