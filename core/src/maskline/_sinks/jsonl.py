"""Appends access events to a file, one line of JSON each, for other programs to pick up.

This module knows lines. Unlike the audit log, the file has no chain of hashes and is not synced
to the disk at each event.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from maskline.appending import LineFile
from maskline.audit.record import to_json
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
        self._file = LineFile(path)

    def __repr__(self) -> str:
        return f"<JsonlSink: {self._file.path}>"

    def emit(self, event: AccessEvent) -> None:
        """Append the event.

        Raises:
            AuditError: It could not be written whole.
        """
        line = json.dumps(to_json(event), separators=(",", ":")).encode("ascii") + b"\n"
        self._file.append(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


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
