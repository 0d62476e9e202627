"""Writes to the end of a file, durably, or leaves it as it was.

This module knows files. It does not know records.
"""

import errno
import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["Stamp", "append", "stamp_of", "sync_directory"]


class Stamp(NamedTuple):
    """What tells a file that somebody has touched from one that nobody has."""

    file: int
    size: int
    changed: int


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_ino, status.st_size, status.st_ctime_ns)


def append(directory: Path, name: str, data: bytes) -> Stamp:
    """Write all of *data* to the end of a file and to the disk, or leave the file as it was."""
    file = os.open(directory / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        size = os.fstat(file).st_size
        if size == 0:
            sync_directory(directory)
        is_written = False
        try:
            is_written = os.write(file, data) == len(data)
            if is_written:
                os.fsync(file)
        except OSError:
            os.ftruncate(file, size)
            raise
        if not is_written:
            # The disk is full, or the process may not write more. What was written is no record.
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return stamp_of(os.fstat(file))
    finally:
        os.close(file)


def sync_directory(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
