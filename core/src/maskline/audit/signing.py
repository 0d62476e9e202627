"""The key that signs checkpoints of an audit log, and where they are kept.

This module knows keys, folders, files, and the role of an anchor. It does not know records. How a
signature is checked is stated in ``signed.py``, for whoever has no key.
"""

import base64
import errno
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from maskline.audit.signed import decoded, key_hash
from maskline.errors import AuditError, KeyringError, MasklineError
from maskline.roles import Anchor
from maskline.tokens._files import read_private, write_private
from maskline.tokens._secret import KeyHolder, Secret

__all__ = ["Notary", "SigningKey", "public_path"]

_PREFIX: Final = b"PRIVATE+KEY+"
_NAME: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32


class SigningKey(KeyHolder):
    """An Ed25519 key with the name of the log whose checkpoints it signs.

    Attributes:
        name: What a checkpoint gives as its origin.
        public: The key to check signatures with, as C2SP spells a verifier key.
    """

    __slots__ = ("_key", "name", "public")

    def __init__(self, name: str, seed: Secret) -> None:
        """Use *generate* or *load* instead."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key: Final = Ed25519PrivateKey.from_private_bytes(seed.reveal())
        self.name: Final = name
        self.public: Final = _spelt(name, self._public, self._public).decode()

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new random key.

        Args:
            name: Of the log. It should belong to one log only, such as ``example.com/shop/audit``.

        Raises:
            KeyringError: It is not 1 to 128 letters, digits and ``_.:/-``.
        """
        if not _NAME.fullmatch(name):
            msg = "The name of an audit key is not a name."
            hint = "Use 1 to 128 letters, digits or `_.:/-`, such as example.com/shop/audit."
            raise KeyringError(msg, hint=hint)
        return cls(name, Secret(os.urandom(_KEY_BYTES)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key from a file that its owner alone may read.

        Raises:
            KeyringError: There is no such file, it belongs to another user, its mode lets others
                use it, or it holds no key.
        """
        text = read_private(path)
        if not isinstance(text, Secret):
            hint = "Make one with `maskline audit create-key`, or correct its path or mode."
            msg = f"The audit key {path} {text[0]}."
            raise KeyringError(msg, hint=hint)
        if (key := cls._read(text)) is None:
            msg = f"The audit key {path} is damaged."
            raise KeyringError(msg, hint="Restore it from a backup, or make another for a new log.")
        return key

    @classmethod
    def _read(cls, text: Secret) -> Self | None:
        name, _, rest = text.reveal().strip().removeprefix(_PREFIX).partition(b"+")
        data = decoded(rest.partition(b"+")[2].decode("ascii", "replace"))
        spelling = name.decode("ascii", "replace")
        is_key = data[:1] == _ED25519 and len(data) == len(_ED25519) + _KEY_BYTES
        if not is_key or not _NAME.fullmatch(spelling):
            return None
        key = cls(spelling, Secret(data[1:]))
        return key if _PREFIX + key._spelt_private() == text.reveal().strip() else None

    def __repr__(self) -> str:
        return f"<SigningKey {self.name}>"

    def save(self, path: Path) -> None:
        """Write the key to a new file of mode 0600, and the public key beside it, as ``.pub``.

        Raises:
            KeyringError: One of them exists, or cannot be written. Then no key is kept.
        """
        public = public_path(path)
        private = _PREFIX + self._spelt_private() + b"\n"
        place = public
        failure = write_private(public, Secret(f"{self.public}\n".encode()), overwrite=False)
        if not failure:
            place = path
            failure = write_private(path, Secret(private), overwrite=False)
            if not failure:
                public.chmod(0o644)
                return
            public.unlink()
        problem, hint = failure
        msg = f"The audit key {place} {problem}."
        raise KeyringError(msg, hint=hint)

    def sign(self, text: str) -> str:
        """Return a C2SP signed note.

        Args:
            text: Lines, each with its end, none of them empty.
        """
        signature = key_hash(self.name, self._public) + self._key.sign(text.encode())
        return f"{text}\n\u2014 {self.name} {base64.b64encode(signature).decode()}\n"

    def has_signed(self, note: str) -> bool:
        """Whether a note is just what this key makes of its text: Ed25519 leaves no choice."""
        text, _, _ = note.rpartition("\n\n")
        return note == self.sign(f"{text}\n")

    @property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def _spelt_private(self) -> bytes:
        return _spelt(self.name, self._public, self._key.private_bytes_raw())


def _spelt(name: str, public: bytes, key: bytes) -> bytes:
    """Return a key as Go's package note and C2SP spell it."""
    known_by = key_hash(name, public).hex().encode()
    return b"+".join((name.encode(), known_by, base64.b64encode(_ED25519 + key)))


def public_path(path: Path) -> Path:
    """Return where the public key of a key is."""
    return path.with_name(f"{path.name}.pub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notary:
    """Who signs the checkpoints of a log, how often, and where copies go.

    Attributes:
        every: A checkpoint is signed as soon as so many records are not covered by one.
        anchors: What checkpoints are copied to, best where nobody who may write to the log may
            change them. A folder that exists gets a file for each; a file that exists is
            appended to.
    """

    key: SigningKey = field(repr=False)
    every: int = 100
    anchors: tuple[Path | Anchor, ...] = ()

    def copy(self, note: str, *, size: int) -> None:
        """Copy a checkpoint to every anchor, durably.

        Args:
            note: The signed note.
            size: How many records it is about.

        Raises:
            AuditError: An anchor did not take it.
            OSError: A file or folder is not there, or cannot be written.
        """
        for anchor in self.anchors:
            if isinstance(anchor, Path):
                _append(anchor, note, size=size)
            else:
                _put(anchor, note, size=size)


def _put(anchor: Anchor, note: str, *, size: int) -> None:
    try:
        return anchor.put(note, size=size)
    except MasklineError:
        raise
    except Exception as exc:  # noqa: BLE001 - a plugin may raise anything
        culprit = type(exc).__name__
    msg = f"The anchor {type(anchor).__name__} did not take a checkpoint: {culprit}."
    raise AuditError(msg, hint="Mend it, or take it out of `audit.anchors` in the policy.")


def _append(anchor: Path, note: str, *, size: int) -> None:
    is_folder = anchor.is_dir()
    name = anchor / f"{size:012d}.checkpoint" if is_folder else anchor
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if is_folder else 0)
    file = os.open(name, flags, 0o644)
    try:
        before = os.fstat(file).st_size
        if is_folder and before:
            return  # An anchor after this one failed the last time.
        try:
            # The empty line keeps it apart from the next.
            data = f"{note}\n".encode()
            if os.write(file, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301
            os.fsync(file)
        except OSError:
            os.ftruncate(file, before)
            raise
    finally:
        os.close(file)
