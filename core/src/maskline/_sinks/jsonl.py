"""Appends access events to a file, one line of JSON each, for other programs to pick up.

This module knows files. Unlike the audit log, the file has no chain of hashes and is not synced
to the disk at each event.
"""

import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from maskline.audit.record import to_json
from maskline.errors import AuditError
from maskline.model import AccessEvent, OptionValue

__all__ = ["JsonlSink", "JsonlSinkType"]


class JsonlSink:
    """A sink that appends to a file, which is made, for its owner only, if it is missing.

    Args:
        path: The file. Other processes may append to it too.

    Raises:
        AuditError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as exc:
            problem = _name_of(exc)
        else:
            return
        raise _error(path, problem)

    def __repr__(self) -> str:
        return f"<JsonlSink: {self._path}>"

    def emit(self, event: AccessEvent) -> None:
        """Append the event.

        Raises:
            AuditError: It could not be written whole.
        """
        line = json.dumps(to_json(event), separators=(",", ":")).encode("ascii") + b"\n"
        try:
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                line = b"\n" + line  # A write was cut short: its line is not ours to extend.
            if os.write(self._file, line) == len(line):
                return
            problem = errno.errorcode[errno.ENOSPC]
        except OSError as exc:
            problem = _name_of(exc)
        raise _error(self._path, problem)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class JsonlSinkType:
    """The sink ``jsonl``. Its option is *path*."""

    name = "jsonl"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong: *path* must be there, and be a text."""
        wrong = [f"The sink jsonl has no option {name}." for name in options if name != "path"]
        path = options.get("path")
        if not isinstance(path, str) or not path:
            wrong.append("The sink jsonl needs a path: the file to append to.")
        return wrong

    def open(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]
    ) -> JsonlSink:
        """Open the file.

        Raises:
            AuditError: It cannot be opened.
        """
        return JsonlSink(Path(resolve(str(options["path"]))))


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _error(path: Path, problem: str) -> AuditError:
    return AuditError(
        f"The file {path} cannot be appended to: {problem}.",
        hint="Give the sink a path that this user may write to, on a disk with room.",
    )
