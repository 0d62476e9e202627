"""What this installation consists of, and what it does without.

This module knows the versions of libraries and which kernels mask. It does not know who asks.
"""

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from maskline._kernels import units, which

__all__ = ["installation"]

_PACKAGES: Final = ("duckdb", "adbc-driver-postgresql", "pyarrow", "sqlglot", "google-re2")


def installation() -> dict[str, str]:
    """Return versions, by name; *kernels* is ``native`` or ``numpy``, as masks in this process."""
    return {
        "maskline": version("maskline"),
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "kernels": which(),
        **units(),
        "sqlite": sqlite3.sqlite_version,
        **{name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
