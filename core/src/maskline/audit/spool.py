"""Keeps events for a while that the audit log cannot take, where a policy allows it.

Nothing here is chained or signed, so it is no evidence until the log has taken it. This module
knows files. It does not know the log.
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from maskline.audit._appending import append
from maskline.audit._lock import locked
from maskline.audit.verify import canonical
from maskline.errors import AuditError

__all__ = ["Spool"]

_NAME: Final = "spool.jsonl"
_LOCK: Final = "spool.lock"
_MOST: Final = 1_000


class Spool:
    """A bounded file of events that wait for the audit log.

    Any number of processes and threads of one machine may use one spool at once.

    Args:
        path: Its folder, best on another disk than the log. It is made when it is needed.
        most: How many events may wait.
        lock_timeout: How many seconds to wait for others.
    """

    def __init__(self, path: Path, *, most: int = _MOST, lock_timeout: float = 10.0) -> None:
        self.path = path
        self._most = most
        self._timeout = lock_timeout

    def __repr__(self) -> str:
        return f"<Spool: {self.path}>"

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not (self.path / _NAME).exists()

    def keep(self, event: Mapping[str, Any]) -> None:
        """Add an event. When this returns, it outlives a crash of the machine.

        Raises:
            AuditError: Too many events wait already, or it cannot be written. Nothing was added.
        """
        line = canonical(event) + b"\n"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.path / _LOCK, timeout=self._timeout):
                problem = self._add(line)
        except OSError as exc:
            problem = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
        if problem:
            msg = f"Neither the audit log nor the spool {self.path} takes an event: {problem}."
            raise AuditError(msg, hint="Mend the audit log: what waits in the spool goes there.")

    @contextmanager
    def emptied(self) -> Iterator[list[dict[str, Any]]]:
        """Give the events that wait, oldest first, and drop them unless the block raises.

        Raises:
            AuditError: Others use the spool all the time.
            OSError: It cannot be read.
        """
        file = self.path / _NAME
        with locked(self.path / _LOCK, timeout=self._timeout):
            # A line that a crash cut short was never acknowledged.
            lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
            yield [json.loads(line) for line in lines]
            file.unlink(missing_ok=True)

    def _add(self, line: bytes) -> str:
        """Append a line; return what the matter is, if it was not."""
        file = self.path / _NAME
        kept = file.read_bytes() if file.exists() else b""
        if kept.count(b"\n") >= self._most:
            return f"{self._most:,} events wait there"
        whole = kept.rfind(b"\n") + 1
        if whole < len(kept):
            os.truncate(file, whole)  # What a crash cut short was never acknowledged.
        append(self.path, _NAME, line)
        return ""
