"""Reads and writes a file that only its owner may see.

This module knows modes, owners and atomic replacement on POSIX systems. It does not know what is in
the file.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from ._secret import Secret

__all__ = ["read_private", "write_private"]

_MODE: Final = 0o600
_OTHERS: Final = 0o077
_MOST_BYTES: Final = 1_000_000


def read_private(path: Path) -> Secret | tuple[str, str]:
    """Read a file, if only its owner may read it, and the owner is who runs this process.

    Returns:
        The text, or what is wrong and how to mend it.
    """
    try:
        # A pipe would block for ever without O_NONBLOCK; a regular file ignores it.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        hint = "Make one with `maskline keys create`, or correct the path."
        return f"cannot be opened ({type(error).__name__})", hint
    try:
        # The open file is examined, not the path: nobody can exchange it in between.
        return _find_problem(os.fstat(handle), path) or Secret(os.read(handle, _MOST_BYTES))
    finally:
        os.close(handle)


def _find_problem(status: os.stat_result, path: Path) -> tuple[str, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file", "Name the keyring's own file."
    if status.st_uid != os.geteuid():
        return "belongs to another user", f"Run `chown {os.geteuid()} {path}` as that user or root."
    if status.st_mode & _OTHERS:
        return "may be used by other users", f"Run `chmod 600 {path}`."
    if status.st_size > _MOST_BYTES:
        return "is too large for a keyring", "Name the keyring's own file."
    return None


def write_private(path: Path, text: Secret, *, overwrite: bool) -> tuple[str, str] | None:
    """Write a file at once or not at all, with mode 0600.

    Returns:
        None, or what is wrong and how to mend it. The file is then as it was before.
    """
    try:
        # What a symbolic link points to is replaced, and not the link.
        _write(path.resolve(), text, overwrite=overwrite)
    except FileExistsError:
        return "exists, and was not overwritten", "Name another file, or ask to overwrite it."
    # Python 3.11 and 3.12 raise RuntimeError where symbolic links go round in a circle.
    except (OSError, RuntimeError) as error:
        hint = "Name a file in a folder that exists and that you may write to."
        return f"cannot be written ({type(error).__name__})", hint
    return None


def _write(target: Path, text: Secret, *, overwrite: bool) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        _write_new(draft, text)
        if overwrite:
            draft.replace(target)
        else:
            # Unlike a rename, a link fails where there is a file already.
            os.link(draft, target)
        _flush_folder(target.parent)
    finally:
        with suppress(OSError):
            draft.unlink()


def _write_new(draft: Path, text: Secret) -> None:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, _MODE)
        file.write(text.reveal())
        file.flush()
        os.fsync(handle)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
