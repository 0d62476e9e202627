"""The part of a policy that says where the keys are.

This module looks at the file's permissions and never into it. No message of it shows the value of
a setting, for people put keys in the wrong place.
"""

import os
import stat
from pathlib import Path

from maskline.policy._file import KeysPart, check_part
from maskline.policy._policy import KeysConfig, resolve
from maskline.policy._problems import Problems
from maskline.policy._tree import Node

__all__ = ["read_keys"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_keys(node: Node | None, policy: Path, problems: Problems) -> KeysConfig | None:
    """Read the section ``keys``; None if it is not there, or wrong.

    Args:
        node: The section.
        policy: The policy file; paths are relative to its folder.
        problems: Receives every mistake.
    """
    if node is None:
        return None
    before = len(problems)
    check_part(KeysPart, node, problems)
    file, env = node.get("file"), node.get("env")
    if len(problems) == before and (file is None) == (env is None):
        problems.add(node, "Name one place for the keys.", "Write `{file: ...}` or `{env: ...}`.")
    # Each setting is looked at even if the other is wrong.
    path = name = None
    if env and isinstance(env.value, str) and env.value.strip():
        name = env.value
        if name not in os.environ:
            problems.add(env, "This environment variable is not set.", "Set it to the keyring.")
    if file and isinstance(file.value, str) and file.value.strip():
        path = resolve(policy, file.value)
        _check_file(path, file, problems)
    return KeysConfig(file=path, env=name or "")


def _check_file(path: Path, node: Node, problems: Problems) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = 0
    if not stat.S_ISREG(mode):
        problems.add(node, "There is no such file.", "`maskline keys create` writes one.")
    elif os.name == "posix" and mode & _OTHERS:
        problems.add(node, "Others than you may read this file.", "Run `chmod 600` on it.")
