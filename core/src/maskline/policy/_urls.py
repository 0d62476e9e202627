"""The URLs of sources: variables are filled in, and paths made absolute.

This module knows the environment. It does not know databases, and no message of it shows a URL.
"""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from maskline.policy._policy import resolve
from maskline.policy._problems import Problems
from maskline.policy._tree import Node

__all__ = ["absolute_url", "expand", "hide_password", "without_credentials"]

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_FILE_SCHEMES: Final = frozenset({"duckdb", "sqlite"})
_IN_MEMORY: Final = frozenset({"/", "/:memory:"})
_SECRET_PARAMETER: Final = re.compile(
    r"(?i)(?<=[?&])(pass(?:word|wd)?|pwd|token|secret|api_?key|sslpassword)=[^&#]*"
)


def expand(url: str, *, policy: Path, node: Node, problems: Problems) -> str:
    """Return a URL that is ready to open.

    Args:
        url: What the policy says.
        policy: The policy file; paths are relative to its folder.
        node: Where the URL stands.
        problems: Receives variables that are not set.
    """

    def fill(found: re.Match[str]) -> str:
        value = os.environ.get(found[1])
        if value is None:
            problems.add(
                node,
                f"The environment variable `{found[1]}` is not set.",
                "Set it, or name another.",
            )
        return value or ""

    if "${" in _VARIABLE.sub("", url):
        problems.add(node, "A variable is written `${NAME}`.")
    filled = _VARIABLE.sub(fill, url)
    return absolute_url(filled, policy)


def absolute_url(url: str, policy: Path) -> str:
    """Return a URL whose path, if it names a file, is absolute.

    Args:
        url: Without variables.
        policy: The policy file; paths are relative to its folder.
    """
    scheme, _, rest = url.partition("://")
    path, mark, query = rest.partition("?")
    if scheme.lower() not in _FILE_SCHEMES or not path.startswith("/") or path in _IN_MEMORY:
        return url
    absolute = resolve(policy, unquote(path[1:])).as_posix()
    return f"{scheme}:///{quote(absolute)}{mark}{query}"


def without_credentials(url: str) -> str:
    """Return what is left of a URL that may be hashed: no user, password or parameter."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('?')[0].rpartition('@')[2]}"


def hide_password(url: str, variable: str) -> str:
    """Return a URL with ``${variable}`` in the place of its password, if it has one."""
    placeholder = f"${{{variable}}}"
    scheme, separator, rest = url.partition("://")
    before, at, after = rest.rpartition("@")
    user, colon, password = before.partition(":")
    if at and colon and not _VARIABLE.fullmatch(password):
        url = f"{scheme}{separator}{user}:{placeholder}@{after}"
    return _SECRET_PARAMETER.sub(lambda found: f"{found[1]}={placeholder}", url)
