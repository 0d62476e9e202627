"""Finds the connections that have names: the user's, and those of the project around the notebook.

A connection is a source of a policy. URLs and passwords stay in the policy, or better in the
environment that it names. This module knows files. It does not know the notebook or databases.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from maskline.errors import UsageError

__all__ = ["Named", "read_all"]

_KEYS: Final = ("policy", "purpose", "roles", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A connection with a name.

    Attributes:
        file: Where it is written.
        source: The source's name in the policy; empty where the policy has just one.
        policy: The policy file.
        purpose: Why queries are asked, unless they say otherwise.
        roles: What whoever asks claims to be.
    """

    name: str
    file: Path
    source: str = ""
    policy: Path
    purpose: str = ""
    roles: tuple[str, ...] = ()


def read_all(folder: Path) -> dict[str, Named]:
    """Return every named connection.

    They stand in ``[NAME]`` of ``maskline/connections.toml`` among the user's configuration, and in
    ``[tool.maskline.connections.NAME]`` of the nearest ``pyproject.toml``.

    Args:
        folder: Where the notebook runs.

    Raises:
        UsageError: A file cannot be read, a connection is not one, or both files have the name.
    """
    own, project = _user_file(), _project_file(folder)
    found = _connections(own, _read(own)) if own.is_file() else {}
    if project is not None:
        tool = _table(_read(project).get("tool"))
        theirs = _table(_table(tool.get("maskline")).get("connections"))
        for name, connection in _connections(project, theirs).items():
            if name in found:
                msg = f"The connection {name} stands in {own} and in {project}."
                raise UsageError(msg, hint="Rename one of the two.")
            found[name] = connection
    return found


def _user_file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "maskline" / "connections.toml"


def _project_file(folder: Path) -> Path | None:
    places = (place / "pyproject.toml" for place in (folder, *folder.parents))
    return next((file for file in places if file.is_file()), None)


def _read(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        problem = f"{file} cannot be read."
    except ValueError:
        problem = f"{file} is no TOML."
    # A parser's own message may quote the file, and there may be a password in it.
    raise UsageError(problem, hint="Mend it, or move it away.")


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _connections(file: Path, tables: Mapping[str, object]) -> dict[str, Named]:
    return {name: _connection(file, name, table) for name, table in tables.items()}


def _connection(file: Path, name: str, table: object) -> Named:
    hint = f"A connection has the keys {', '.join(_KEYS)}."
    if not isinstance(table, dict) or not name.isidentifier():
        msg = f"{file}: {name if name.isidentifier() else 'a key'} is not a connection's name."
        raise UsageError(msg, hint=hint)
    roles = table.get("roles", [])
    texts = [value for key, value in table.items() if key != "roles"]
    are_right = isinstance(roles, list) and all(isinstance(each, str) for each in [*texts, *roles])
    if not set(table) <= set(_KEYS) or not are_right:
        msg = f"{file}: the connection {name} has a key that is unknown, or of a wrong type."
        raise UsageError(msg, hint=f"{hint} roles is a list of texts, and the others are texts.")
    return Named(
        name=name,
        file=file,
        source=table.get("source", ""),
        policy=file.parent / Path(table.get("policy", "policy.yaml")).expanduser(),
        purpose=table.get("purpose", ""),
        roles=tuple(roles),
    )
