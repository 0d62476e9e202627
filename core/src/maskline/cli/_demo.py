"""``maskline demo``: everything at once, on a small shop or on a database of yours."""

from pathlib import Path
from typing import Annotated

import typer

from maskline.cli._console import out

__all__ = ["demo"]


def demo(
    database: Annotated[
        str,
        typer.Option(
            metavar="PATH_OR_URL",
            help="A database of yours, opened read-only. Default: a small shop that is made up.",
        ),
    ] = "",
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="For everything that is made. Default: ./maskline-demo."
        ),
    ] = None,
) -> int:
    """Scan, ask, refuse, record, verify, and write a report of it all."""
    from maskline.demo import run_demo

    return run_demo(out_folder, database=database, console=out())
