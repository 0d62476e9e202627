"""``maskline redteam``: attacks a policy, on databases full of made-up people.

This module knows how a score is shown.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from maskline.cli._console import ExitCode, err, out, say, warn
from maskline.cli._options import As, Listing, ListingFormat, Purpose, Roles, principal_of

if TYPE_CHECKING:
    from maskline.redteam import Score

__all__ = ["redteam"]


class Engine(StrEnum):
    """Whose SQL the attacks are written in."""

    DUCKDB = "duckdb"
    SQLITE = "sqlite"
    POSTGRES = "postgres"


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
    engine: Annotated[
        list[Engine] | None,
        typer.Option(
            "--engine",
            help="Attack only this one. May be repeated. Default: duckdb and sqlite, and postgres "
            "where --postgres is given.",
        ),
    ] = None,
    who: As = "",
    role: Roles = None,
    purpose: Purpose = "",
    how: Listing = ListingFormat.TABLE,
) -> int:
    """Attack maskline with hundreds of queries that are known to leak, under a policy of yours."""
    from maskline.redteam import run

    usual = [Engine.DUCKDB, Engine.SQLITE, *([Engine.POSTGRES] if postgres else [])]
    engines = list(dict.fromkeys(engine or usual))
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
        shown = [rules for score in scores.values() for rules in score.shown.values()]
        if shown:
            by = ", ".join(sorted({rule for rules in shown for rule in rules.split(", ")}))
            say(f"{len(shown)} attacks get what the policy shows by {by}; --format json lists them")
    if not any(score.answered for score in scores.values()):
        warn("nothing was answered, so nothing was tested: state a purpose, or another role?")
        return ExitCode.FAILED
    return ExitCode.FAILED if leaks else ExitCode.DONE


def _table(scores: Mapping[str, "Score"]) -> Table:
    table = Table("attacks", "tried", "leak from a plain driver", "refused", "answered",
                  "shown by the policy", "leak", box=None)  # fmt: skip
    table.pad_edge = False
    for column in table.columns[1:]:
        column.justify = "right"
    rows = [
        (name, s.attacks, s.attacks - s.dead, s.refused, s.answered, len(s.shown), len(s.leaks))
        for name, s in scores.items()
    ]
    for row in rows:
        table.add_row(*map(str, row))
    table.add_section()
    table.add_row("all", *(str(sum(column)) for column in list(zip(*rows, strict=True))[1:]))
    return table
