"""A file that several processes append whole lines to, for sinks of maskline and of plugins.

This module knows files. It does not know what a line says.
"""

import errno
import os
from pathlib import Path

from maskline.errors import AuditError

__all__ = ["LineFile"]


class LineFile:
    """A file of lines, made for its owner only if it is missing. It is not synced at each line.

    Args:
        path: The file. Other processes may append to it too.
        what: What an error calls it, such as ``file``.

    Raises:
        AuditError: The file cannot be opened.
    """

    def __init__(self, path: Path, *, what: str = "file") -> None:
        self.path = path
        self._what = what
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as exc:
            problem = _name_of(exc)
        else:
            return
        raise self._error(problem)

    def append(self, lines: bytes) -> None:
        """Append one or more whole lines, each with its line end.

        Raises:
            AuditError: They could not be written whole.
        """
        try:
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                lines = b"\n" + lines  # A write was cut short: its line is not ours to extend.
            # One unbuffered write, so that lines of several processes do not mix.
            if os.write(self._file, lines) == len(lines):
                return
            problem = errno.errorcode[errno.ENOSPC]
        except OSError as exc:
            problem = _name_of(exc)
        raise self._error(problem)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _error(self, problem: str) -> AuditError:
        return AuditError(
            f"The {self._what} {self.path} cannot be appended to: {problem}.",
            hint="Give the sink a path that this user may write to, on a disk with room.",
        )


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
