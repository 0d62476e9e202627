"""``maskline init``: writes a first policy, a keyring and what keeps them unpublished.

This module knows files and URLs. What a person wrote is never changed.
"""

import os
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Final

import typer

from maskline.cli._console import say, warn
from maskline.cli._options import Policy
from maskline.errors import PolicyError, UsageError

__all__ = ["FILE_SCHEMES", "begin", "init", "name_of", "path_in_policy"]

_POLICY: Final = Path("policy.yaml")
_IGNORED: Final = ("keyring.json", "audit.key", "audit/")
_SAMPLE_NAME: Final = "shop"
# The plugins of this project; those of others are for a person to name.
_OWN_PLUGINS: Final = frozenset({"openlineage", "secrets"})
_SAMPLE_URL: Final = "duckdb:///shop.duckdb"
FILE_SCHEMES: Final = ("duckdb", "sqlite")


def init(
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="A database, such as duckdb:///shop.duckdb.")
    ] = "",
    *,
    policy: Policy = _POLICY,
    name: Annotated[str, typer.Option(help="What to call the database in the policy.")] = "",
) -> None:
    """Write a first policy and a keyring. Nothing that is there is overwritten."""
    if url and "://" not in url:
        _no_url()
    begin(policy, name=name, url=url)
    say(f"next: maskline scan {name_of(url, name) if url else 'URL'}")


def begin(policy: Path, *, name: str, url: str) -> Path:
    """Make what is missing of a policy, a keyring and a .gitignore, and tell what was made.

    Returns:
        The keyring.

    Raises:
        PolicyError: A file cannot be written.
        KeyringError: The keyring cannot be written.
    """
    from maskline.policy import initial_policy
    from maskline.policy._sources import password_variable
    from maskline.tokens import Keyring

    plugins = {found.name for found in entry_points(group="maskline")} & _OWN_PLUGINS
    text = initial_policy(name or _SAMPLE_NAME, _SAMPLE_URL, plugins=plugins)
    if url:
        name = name_of(url, name)
        text = initial_policy(name, path_in_policy(url, policy), plugins=plugins)
    else:
        text = re.sub(r"(?m)^sources:\n  ", "sources:\n  # ", text)
    _write_new(policy, text)
    if url and f"${{{password_variable(name)}}}" in text:
        say(f"set {password_variable(name)} to the password of {name}: no password is in {policy}")
    keyring = policy.parent / "keyring.json"
    if keyring.exists():
        say(f"{keyring} is there already: left as it is")
    else:
        fresh = Keyring.generate()
        fresh.save(keyring)
        say(f"made {keyring}: key {fresh.fingerprints()[0].fingerprint}, for its owner only")
    _ignore(policy.parent / ".gitignore")
    return keyring


def _no_url() -> None:
    msg = "That is not the URL of a database."
    raise UsageError(msg, hint="Such as duckdb:///shop.duckdb, sqlite:///shop.db or postgresql://…")


def name_of(url: str, name: str) -> str:
    """Return what somebody called a source, else what its URL suggests."""
    if name:
        return name
    path = url.partition("://")[2].partition("?")[0].rpartition("@")[2].rstrip("/")
    stem = Path(path).stem if "/" in path else ""
    return re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_") or "db"


def path_in_policy(url: str, policy: Path) -> str:
    """Return a URL whose relative path starts at the policy's folder, not at ours."""
    scheme, _, path = url.partition("://")
    here, there = Path.cwd(), policy.parent.absolute()
    is_relative = path.startswith("/") and not path.startswith("//")
    if scheme.lower() not in FILE_SCHEMES or not is_relative or here == there:
        return url
    return f"{scheme}:///{Path(os.path.relpath(here / path[1:], there)).as_posix()}"


def _write_new(path: Path, text: str) -> None:
    if path.exists():
        say(f"{path} is there already: left as it is")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        problem = type(exc).__name__
    else:
        say(f"made {path}")
        return
    msg = f"{path} cannot be written: {problem}."
    raise PolicyError(msg)


def _ignore(path: Path) -> None:
    """Keep keys and records out of version control."""
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        missing = [line for line in _IGNORED if line not in old.splitlines()]
        if missing:
            gap = "" if not old or old.endswith("\n") else "\n"
            with path.open("a", encoding="utf-8") as file:
                file.write(gap + "".join(f"{line}\n" for line in missing))
            say(f"added {' and '.join(missing)} to {path}")
    except (OSError, UnicodeDecodeError) as exc:
        problem = type(exc).__name__
    else:
        return
    warn(f"{path} cannot be written: {problem}. Keep {' and '.join(_IGNORED)} unpublished.")
