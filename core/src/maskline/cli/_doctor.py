"""``maskline doctor``: tells what this installation consists of, and what it does without."""

import json
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from maskline._kernels import ENVIRONMENT_VARIABLE, units, which
from maskline.cli._console import out, say
from maskline.cli._options import Listing, ListingFormat

__all__ = ["doctor"]

_PACKAGES: Final = ("duckdb", "adbc-driver-postgresql", "pyarrow", "sqlglot", "google-re2")


def doctor(how: Listing = ListingFormat.TABLE) -> None:
    """Show versions, and whether compiled kernels mask the values."""
    found = _found()
    if how is ListingFormat.JSON:
        print(json.dumps(found, indent=2))  # noqa: T201 - data, on the standard output
        return
    width = max(map(len, found))
    for name, what in found.items():
        out().print(f"{name:{width}}  {what}")
    if which() == "numpy":
        say(
            "Masking works without the compiled kernels, and is several times slower. To have "
            f"them, unset {ENVIRONMENT_VARIABLE}, and install maskline where there is a C compiler."
        )


def _found() -> dict[str, str]:
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
