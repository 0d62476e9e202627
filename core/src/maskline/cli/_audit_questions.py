"""``maskline audit who-saw`` and the other questions that an auditor asks of the audit log.

This module knows how answers are shown. It does not know how they are found.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, TypeAlias, cast

import typer

from maskline._cells import cell_text, grouped
from maskline.cli._console import err, out, warn
from maskline.cli._options import Policy, is_terminal, log_of, moment_of

if TYPE_CHECKING:
    import pyarrow as pa

    from maskline.audit.questions import Questions, Span

__all__ = ["add_to", "exports", "refusals", "reveals", "what_did", "who_saw"]


class Form(StrEnum):
    """How an answer about the log is shown."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


_Log: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--log", metavar="DIR", help="The audit log. Default: the one that the policy names."
    ),
]
_Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cache", metavar="DIR", help="Where to keep what was read. Default: in the log's folder."
    ),
]
_Since: TypeAlias = Annotated[
    str,
    typer.Option("--since", metavar="AGE|TIME", help="30d, 12h, 2w, 2026-03-01, or a time in UTC."),
]
_Until: TypeAlias = Annotated[
    str, typer.Option("--until", metavar="AGE|TIME", help="Before this; as for --since.")
]
_Form: TypeAlias = Annotated[Form, typer.Option("--format", help="How to show it.")]
_POLICY: Final = Path("policy.yaml")
_SHOWN: Final = 100
"""So many rows a table has at most; the other forms have all of them."""


def add_to(app: typer.Typer) -> None:
    """Add the questions to a group of commands."""
    app.command("who-saw")(who_saw)
    app.command("what-did")(what_did)
    app.command("reveals")(reveals)
    app.command("refusals")(refusals)
    app.command("exports")(exports)


def who_saw(  # noqa: PLR0913 - the options of a command
    column: Annotated[
        str, typer.Argument(help="Such as ssn, customer.ssn, or crm.main.customer.ssn.")
    ],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Only those who saw it as it is.")] = False,
    since: _Since = "",
    until: _Until = "",
    log: _Log = None,
    cache: _Cache = None,
    policy: Policy = _POLICY,
    how: _Form = Form.TABLE,
) -> None:
    """Show who read a column, when, and how it was masked for them."""
    _answer(
        lambda asked, span: asked.who_saw(column, span=span, raw=raw),
        since=since, until=until, log=log, cache=cache, policy=policy, how=how,
    )  # fmt: skip


def what_did(  # noqa: PLR0913 - the options of a command
    principal: Annotated[str, typer.Argument(help="An id, or a kind and an id: human:kim.")],
    *,
    number: Annotated[
        int | None, typer.Option("-n", min=1, help="At most so many, the last ones.")
    ] = None,
    since: _Since = "",
    until: _Until = "",
    log: _Log = None,
    cache: _Cache = None,
    policy: Policy = _POLICY,
    how: _Form = Form.TABLE,
) -> None:
    """Show the queries of a principal, and those that were asked on their behalf."""
    _answer(
        lambda asked, span: asked.what_did(principal, span=span, most=number),
        since=since, until=until, log=log, cache=cache, policy=policy, how=how,
    )  # fmt: skip


def reveals(  # noqa: PLR0913 - the options of a command
    *,
    since: _Since = "",
    until: _Until = "",
    log: _Log = None,
    cache: _Cache = None,
    policy: Policy = _POLICY,
    how: _Form = Form.TABLE,
) -> None:
    """Show who saw sensitive values as they are, why, and by which rule."""
    _answer(
        lambda asked, span: asked.reveals(span=span),
        since=since, until=until, log=log, cache=cache, policy=policy, how=how,
    )  # fmt: skip


def refusals(  # noqa: PLR0913 - the options of a command
    *,
    since: _Since = "",
    until: _Until = "",
    log: _Log = None,
    cache: _Cache = None,
    policy: Policy = _POLICY,
    how: _Form = Form.TABLE,
) -> None:
    """Show what was refused to whom, and why."""
    _answer(
        lambda asked, span: asked.refusals(span=span),
        since=since, until=until, log=log, cache=cache, policy=policy, how=how,
    )  # fmt: skip


def exports(  # noqa: PLR0913 - the options of a command
    *,
    number: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 20,
    since: _Since = "",
    until: _Until = "",
    log: _Log = None,
    cache: _Cache = None,
    policy: Policy = _POLICY,
    how: _Form = Form.TABLE,
) -> None:
    """Show the queries that handed out the most rows."""
    _answer(
        lambda asked, span: asked.exports(span=span, most=number),
        since=since, until=until, log=log, cache=cache, policy=policy, how=how,
    )  # fmt: skip


def _answer(  # noqa: PLR0913 - the options of the commands
    ask: "Callable[[Questions, Span], pa.Table]",
    *,
    since: str,
    until: str,
    log: Path | None,
    cache: Path | None,
    policy: Path,
    how: Form,
) -> None:
    from maskline.audit.questions import Questions, Span

    span = Span(moment_of(since, "--since"), moment_of(until, "--until"))
    with err().status("reading the log …") as status:

        def tell(done: int, full: int) -> None:
            status.update(f"reading {grouped(full - done)} segments for the first time …")

        with Questions.open(log_of(log, policy), cache=cache, progress=tell) as asked:
            answer = ask(asked, span)
            unreadable = asked.unreadable
    _show(answer, how)
    if not answer.num_rows:
        warn("the log has nothing of that")
    if unreadable:
        warn(
            f"{grouped(unreadable)} lines of the log are no record, and are not counted here. "
            "`maskline audit verify` says where they are."
        )


def _show(answer: "pa.Table", how: Form) -> None:
    if how is Form.TABLE:
        _show_table(answer)
        return
    from maskline.cli._output import Format, open_output, opened_writer

    stdout = cast("BinaryIO", sys.stdout.buffer)
    with (
        open_output(None, stdout, is_terminal=is_terminal()) as file,
        # Whoever asks chooses the text of a purpose, and an auditor opens this in a spreadsheet.
        opened_writer(
            Format(how), file, answer.schema, is_path=False, quote_formulas=True
        ) as writer,
    ):
        for batch in answer.to_batches():
            writer.write(batch)


def _show_table(answer: "pa.Table") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in answer.schema.names:
        is_number = name in {"rows", "bytes", "queries", "looked_up"}
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left")
    for row in answer.slice(0, _SHOWN).to_pylist():
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    out().print(table)
    if answer.num_rows > _SHOWN:
        warn(f"{grouped(answer.num_rows - _SHOWN)} rows more; --format csv shows all of them")


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return cell_text(", ".join(map(str, value)))
    return grouped(value) if isinstance(value, int) else cell_text(" ".join(str(value).split()))
