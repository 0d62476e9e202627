"""Commits checkpoints of the audit log to a git repository.

They are not pushed: whoever waits for a network while a query waits waits too long. This module
knows git's command line. It does not know what a checkpoint says.
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from maskline.errors import AuditError
from maskline.model import OptionValue

__all__ = ["GitAnchor", "GitAnchorType"]

_SECONDS: Final = 10.0
_OPTIONS: Final = ("path", "folder")
_WHO: Final = ("-c", "user.name=maskline", "-c", "user.email=maskline@localhost")
_QUIET: Final = ("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0")


class GitAnchor:
    """A folder of a repository: each checkpoint becomes a file of its own, and a commit.

    Hooks of the repository do not run, and what else stands in its index is left there.

    Args:
        path: The repository's working tree.
        folder: Below it. It is made when it is needed.
    """

    def __init__(self, path: Path, *, folder: str = "") -> None:
        self._path = path
        self._folder = folder

    def __repr__(self) -> str:
        return f"<GitAnchor: {self._path / self._folder}>"

    def put(self, note: str, *, size: int) -> None:
        """Commit a checkpoint, unless it is there.

        Args:
            note: The signed note.
            size: How many records it is about.

        Raises:
            AuditError: It could not be written or committed.
        """
        name = os.path.join(self._folder, f"{size:012d}.checkpoint")  # noqa: PTH118 - for git
        place = self._path / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.write_text(note, "utf-8")
            self._git("add", "--", name)
            # Only this file is committed; a commit of nothing would be a failure.
            if self._git("status", "--porcelain", "--", name):
                message = f"Checkpoint of {size} records"
                self._git("commit", "--quiet", f"--message={message}", "--", name)
        except (OSError, subprocess.SubprocessError) as exc:
            problem = type(exc).__name__
        else:
            return
        msg = f"A checkpoint cannot be committed to {self._path}: {problem}."
        raise AuditError(msg, hint="Name the working tree of a git repository that you may write.")

    def _git(self, *arguments: str) -> str:
        # A process that git itself has started has a repository in its environment, not this one.
        ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(  # noqa: S603 - a list of our own, and no shell
            ["git", *_WHO, *_QUIET, *arguments],  # noqa: S607 - wherever git is installed
            cwd=self._path,
            env={**ours, "LC_ALL": "C"},
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_SECONDS,
        )
        return done.stdout


class GitAnchorType:
    """The anchor ``git``. Its options are *path* and *folder*."""

    name = "git"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong: *path* must be there, and both are texts."""
        wrong = [
            f"The anchor git has no option {name}." for name in options if name not in _OPTIONS
        ]
        path, folder = options.get("path"), options.get("folder", "")
        if not isinstance(path, str) or not path:
            wrong.append("The anchor git needs a path: the working tree of a repository.")
        if not isinstance(folder, str) or ".." in Path(folder).parts or Path(folder).is_absolute():
            wrong.append("The folder of the anchor git is one below its path.")
        return wrong

    def open(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]
    ) -> GitAnchor:
        """Return the anchor. Whether the repository is there shows at the first checkpoint."""
        folder = str(options.get("folder", ""))
        return GitAnchor(Path(resolve(str(options["path"]))), folder=folder)
