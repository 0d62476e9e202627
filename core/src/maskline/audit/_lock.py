"""A lock that many processes and threads share: one holder at a time.

This module knows POSIX advisory locks. It does not know records.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskline.errors import AuditError

__all__ = ["locked"]


@contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold the lock on a file, which is made if it is missing.

    Args:
        path: The file. Nobody may remove it while somebody uses it.
        timeout: How many seconds to wait.

    Raises:
        AuditError: Somebody else held it all the time.
        OSError: The file cannot be made or opened.
    """
    # Opened anew each time: a lock belongs to an open file, so threads exclude each other, and a
    # forked child does not inherit it.
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not _acquire(file, time.monotonic() + timeout):
            msg = f"Another process holds the lock of the audit log for more than {timeout:g} s."
            raise AuditError(msg, hint=f"Find out which one holds {path.name}, and end it.")
        yield
    finally:
        os.close(file)


def _acquire(file: int, deadline: float) -> bool:
    pause = 0.0005
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        else:
            return True
        time.sleep(pause)
        pause = min(pause * 2, 0.01)
