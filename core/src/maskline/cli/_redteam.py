"""``maskline redteam``: attacks a policy, on databases full of made-up people.

This module knows how a score is shown.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from maskline.cli._console import ExitCode, err, out, say
from maskline.cli._options import As, Listing, ListingFormat, Purpose, Roles, principal_of

if TYPE_CHECKING:
    from maskline.redteam import Score

__all__ = ["redteam"]


def redteam(  # noqa: PLR0913 - the options of a command
    *,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy", "-p", help="Its masks, rules and plugins are attacked. Default: none."
        ),
    ] = None,
    postgres: Annotated[
        str,
        typer.Option(
            "--postgres", metavar="URL", help="A server on which databases may be created."
        ),
    ] = "",
    who: As = "",
    role: Roles = None,
    purpose: Purpose = "",
    how: Listing = ListingFormat.TABLE,
) -> int:
    """Attack maskline with hundreds of queries that are known to leak, under a policy of yours."""
    from maskline.redteam import run

    engines = ("duckdb", "sqlite", *(("postgres",) if postgres else ()))
    with err().status("making people up …") as status:
        scores = run(
            engines,
            policy=policy,
            postgres=postgres,
            principal=principal_of(who, role),
            purpose=purpose,
            progress=lambda done, total: status.update(f"{done} of {total} attacks …"),
        )
    leaks = {name: told for score in scores.values() for name, told in score.leaks.items()}
    if how is ListingFormat.JSON:
        print(json.dumps({family: vars(score) for family, score in scores.items()}, indent=2))  # noqa: T201 - data
    else:
        out().print(_table(scores))
        for name, told in leaks.items():
            say(f"leak: {name}: {told}")
        shown = sum(len(score.shown) for score in scores.values())
        if shown:
            say(f"{shown} attacks get what the policy itself shows; --format json lists them")
    return ExitCode.FAILED if leaks else ExitCode.DONE


def _table(scores: Mapping[str, "Score"]) -> Table:
    table = Table("attacks", "tried", "leak from a plain driver", "shown by the policy", "leak",
                  box=None)  # fmt: skip
    table.pad_edge = False
    for column in table.columns[1:]:
        column.justify = "right"
    rows = [
        (name, s.attacks, s.attacks - s.dead, len(s.shown), len(s.leaks))
        for name, s in scores.items()
    ]
    for row in rows:
        table.add_row(*map(str, row))
    table.add_section()
    table.add_row("all", *(str(sum(column)) for column in list(zip(*rows, strict=True))[1:]))
    return table
