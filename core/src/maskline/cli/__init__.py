"""The command ``maskline``: a face of the engine for terminals, scripts and pipelines.

Data goes to the standard output, everything else to the standard error. Exit codes are stable;
``docs/reference/cli.md`` lists them. This package knows terminals. It decides nothing about what is
masked.
"""

from maskline.cli._app import main

__all__ = ["main"]
