"""Resolve the requirements into hash-locked lists: ``python tools/lock.py [--check]``.

The lists name no registry, so that they hold wherever the packages come from. ``--check`` needs no
network: it compares the inputs with the digest that each list carries in its first line.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "requirements"
MEMBERS: Final = [
    ROOT / "core/pyproject.toml",
    *sorted(ROOT.glob("plugins/*/pyproject.toml")),
    *sorted(ROOT.glob("integrations/*/pyproject.toml")),
]
# The Makefile has the same list.
DEMO: Final = [ROOT / f"{name}/pyproject.toml" for name in
               ("core", "plugins/openlineage", "plugins/secrets")]  # fmt: skip
# A list is resolved from inputs, within the limits of another list: both sets agree on versions.
LISTS: Final[dict[str, tuple[Sequence[Path], str]]] = {
    "uv": ([FOLDER / "uv.in"], ""),
    "demo": ([FOLDER / "demo.in", *DEMO], ""),
    "bench": ([FOLDER / "bench.in", FOLDER / "demo.in", MEMBERS[0]], "demo"),
    "all": ([FOLDER / "all.in", FOLDER / "demo.in", *MEMBERS], "demo"),
}


def digest(paths: Sequence[Path]) -> str:
    """Return a digest of what the inputs say."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def resolve(name: str, inputs: Sequence[Path], limits: str) -> None:
    """Write one list."""
    target = FOLDER / f"{name}.txt"
    command = [
        str(ROOT / ".uv/bin/uv"), "pip", "compile", "--quiet", "--universal",
        "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header",
        "--no-annotate", "--output-file", str(target),
    ]  # fmt: skip
    for member in MEMBERS:
        command += ["--no-emit-package", _name(member)]
    if limits:
        command += ["--constraints", str(FOLDER / f"{limits}.txt")]
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([*command, *map(str, inputs)], check=True, cwd=ROOT, env=environment)  # noqa: S603
    body = target.read_text(encoding="utf-8")
    lines = [line for line in body.splitlines() if not line.startswith("# inputs ")]
    head = f"# inputs {digest(inputs)}; made by `make lock`"
    target.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


def _name(member: Path) -> str:
    folder = member.parent.name
    return "maskline" if folder == "core" else f"maskline-{folder}"


def main(arguments: Sequence[str]) -> int:
    """Resolve every list, or check that none is stale."""
    if list(arguments) != ["--check"]:
        for name, (inputs, limits) in LISTS.items():
            resolve(name, inputs, limits)
        return 0
    stale = [
        name
        for name, (inputs, _) in LISTS.items()
        if digest(inputs) not in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n")[0]
    ]
    if stale:
        sys.stderr.write(f"Stale lists of requirements: {', '.join(stale)}. Run `make lock`.\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
