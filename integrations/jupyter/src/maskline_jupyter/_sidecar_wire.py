"""What a notebook and its sidecar say to each other, and how.

Requests and answers are lines of JSON; rows are one Arrow stream between two such lines. Nouns of
maskline become JSON by their declared types, and are checked against them on the other side, so
nothing that is read can run code, as a pickle can. This module knows sockets, JSON and types. It
does not know processes, sessions or notebooks.
"""

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from maskline import errors
from maskline.errors import MasklineError, PolicyError, Problem

if TYPE_CHECKING:
    import pyarrow as pa

    from maskline import MaskedResult

__all__ = [
    "About",
    "PolicyFacts",
    "dump",
    "dump_error",
    "dump_result",
    "load",
    "load_error",
    "load_result",
    "receive",
    "send",
    "unexpected",
]

_TABLE: Final = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """What a notebook knows of a policy. Its labels, rules and URLs stay in the sidecar.

    Attributes:
        path: The file.
        hash: Of what it says; see `maskline.policy.Policy`.
        version: What people are shown of the hash.
        audit_path: The folder of the audit log.
    """

    path: Path
    hash: str
    version: str
    audit_path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an open session is, as far as a notebook needs to know."""

    source_name: str
    dialect: str
    warnings: tuple[str, ...]
    policy: PolicyFacts


def send(to: socket.socket, message: Mapping[str, object]) -> None:
    """Send one line. Nothing is kept back, so that a fork has nothing to send twice.

    Raises:
        OSError: The other side is gone.
    """
    to.sendall(json.dumps(message).encode() + b"\n")


def receive(reader: BufferedReader) -> Iterator[dict[str, Any]]:
    """Give line after line, until the other side is gone.

    Raises:
        OSError: The other side is gone, in the middle of a line perhaps.
    """
    while line := reader.readline():
        yield json.loads(line)


@cache
def _adapter(kind: Any) -> Any:  # noqa: ANN401 - any type that pydantic knows
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def dump(kind: Any, value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a value of a type as JSON knows it."""
    return _adapter(kind).dump_python(value, mode="json")


def load(kind: Any, told: object) -> Any:  # noqa: ANN401 - an object of that type
    """Return what *dump* was given.

    Raises:
        ValueError: It is none of that type.
    """
    return _adapter(kind).validate_python(told)


@cache
def _facts() -> dict[str, Any]:
    """Return the type of every attribute of a result but its rows."""
    from maskline import MaskedResult

    hints = get_type_hints(MaskedResult)
    names = [each.name for each in fields(MaskedResult) if each.name != _TABLE]
    return {name: hints[name] for name in names}


def dump_result(result: "MaskedResult") -> dict[str, Any]:
    """Return everything of a result but its rows."""
    return {name: dump(kind, getattr(result, name)) for name, kind in _facts().items()}


def load_result(told: Mapping[str, object], table: "pa.Table") -> "MaskedResult":
    """Return a result of these rows."""
    from maskline import MaskedResult

    return MaskedResult(table=table, **{name: load(_facts()[name], told[name]) for name in told})


def dump_error(error: MasklineError) -> dict[str, Any]:
    """Return an error of ours as JSON knows it; of one that a plugin made, the class above it."""
    known = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    problems = error.problems if isinstance(error, PolicyError) else ()
    return {
        "class": known.__name__,
        "message": error.message,
        "hint": error.hint,
        "problems": dump(tuple[Problem, ...], problems),
    }


def load_error(told: Mapping[str, Any]) -> MasklineError:
    """Return a fresh error, without the frames, causes and context of the one that was raised."""
    kind: type[MasklineError] = getattr(errors, told["class"])
    if issubclass(kind, PolicyError):
        problems = load(tuple[Problem, ...], told["problems"])
        return kind(told["message"], hint=told["hint"], problems=problems)
    return kind(told["message"], hint=told["hint"])


def unexpected(error: BaseException) -> MasklineError:
    """Return what may be said of an error that is none of ours: its text may hold values."""
    if isinstance(error, ImportError):
        # Its text names modules, and there was no data yet.
        return MasklineError(f"The engine cannot be loaded. {error}", hint="Mend the installation.")
    msg = f"The engine failed: {type(error).__name__}."
    return MasklineError(msg, hint="Please report this as a defect, with the query.")
