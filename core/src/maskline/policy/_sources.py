"""Adds a source to a policy file, and changes nothing else in it.

This module knows files and YAML. It does not know databases.
"""

import re
from pathlib import Path

from maskline.errors import PolicyError
from maskline.policy._edit import Entry, apply, block, grow
from maskline.policy._problems import Problems
from maskline.policy._read import broken, read_text
from maskline.policy._tree import parse
from maskline.policy._urls import hide_password
from maskline.policy._write import _find, _replace

__all__ = ["password_variable", "write_source"]


def password_variable(name: str) -> str:
    """Return the name of the environment variable for the password of a source."""
    variable = re.sub(r"[^A-Z0-9]", "_", f"{name.upper()}_PASSWORD")
    return f"_{variable}" if variable[0].isdigit() else variable


def write_source(path: str | Path, name: str, url: str) -> str:
    """Add a source to a policy.

    Args:
        path: The policy file. It is replaced at once or not at all.
        name: What the source shall be called. No source has this name yet.
        url: Where it is. In the place of a password, the file gets a variable.

    Returns:
        The name of that variable; empty if the URL holds no password.

    Raises:
        PolicyError: The file is missing or no policy, or a source cannot be added without changing
            anything else. The file is as it was.
    """
    path = Path(path)
    variable = password_variable(name)
    shown = hide_password(url, variable)
    text = read_text(path)
    text += "" if text.endswith("\n") else "\n"
    before = _content(path, text)
    known = before.get("sources") or {}
    fresh = ""
    is_right = isinstance(known, dict)
    if isinstance(known, dict):
        fresh = _added(text, name, shown)
        wanted = before | {"sources": {**known, name: {"url": shown}}}
        try:
            is_right = _content(path, fresh) == wanted
        except PolicyError:
            is_right = False
    if not is_right:
        msg = f"A source cannot be added to {path.name} without changing anything else."
        raise PolicyError(msg, hint="Write `sources:` on a line of its own, and try again.")
    _replace(path, fresh)
    return "" if shown == url else variable


def _added(text: str, name: str, url: str) -> str:
    entry = Entry(key=name, value=(Entry(key="url", value=url),))
    place = _find(text, "sources")
    if place is None:
        return f"{text}\n{block([Entry(key='sources', value=(entry,))])}"
    return apply(text, grow(text, place, [entry]))


def _content(path: Path, text: str) -> dict[str, object]:
    problems = Problems()
    root = parse(text, problems)
    content = root.plain() if root else None
    if len(problems) or not isinstance(content, dict):
        raise broken(path, problems)
    return content
