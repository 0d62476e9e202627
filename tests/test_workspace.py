"""Rules of the workspace that no linter checks."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import maskline

ROOT = Path(__file__).parents[1]
MEMBERS = [
    ROOT / "core/pyproject.toml",
    *sorted(ROOT.glob("plugins/*/pyproject.toml")),
    *sorted(ROOT.glob("integrations/*/pyproject.toml")),
]


def project(path: Path) -> dict:
    return tomllib.loads(path.read_text(encoding="utf-8"))["project"]


def tracked() -> list[Path]:
    """Every file that git knows or would know; all files where this is no checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_all_members_share_one_version() -> None:
    assert len({project(path)["version"] for path in MEMBERS}) == 1


def test_members_pin_core_to_that_version() -> None:
    version = project(MEMBERS[0])["version"]

    for path in MEMBERS[1:]:
        assert f"maskline=={version}" in project(path)["dependencies"], path


def test_core_has_an_extra_for_every_member() -> None:
    version = project(MEMBERS[0])["version"]

    assert project(MEMBERS[0])["optional-dependencies"] == {
        path.parent.name: [f"maskline-{path.parent.name}=={version}"] for path in MEMBERS[1:]
    }


def test_floors_are_checked_for_every_member() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packages = {project(path)["name"].replace("-", "_") for path in MEMBERS}

    assert packages == set(tools["importlinter"]["root_packages"])
    assert packages == set(tools["coverage"]["run"]["source_pkgs"])


def test_every_member_is_typed_and_described() -> None:
    for path in MEMBERS:
        [package] = path.parent.glob("src/*/py.typed")
        assert package.is_file()
        assert len((path.parent / "README.md").read_text(encoding="utf-8")) > 200, path


def test_readme_has_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert re.findall(r"^make \w+$", text, re.MULTILINE) == ["make demo", "make test"]


def test_no_file_names_a_registry() -> None:
    # Spelt in two parts, or this file would name one.
    registry = re.compile(r"(?:pypi|pythonhosted|npmjs)" + r"\.(?:org|com)/?(?:simple|packages)?")
    allowed = re.compile(r"https://pypi" + r"\.org/project/")
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        if registry.search(allowed.sub("", text)):
            found.append(path.name)

    assert found == []
    assert not [path for path in tracked() if path.name in {"uv.lock", "pylock.toml"}]


def test_every_public_name_can_be_imported() -> None:
    for name in maskline.__all__:
        assert getattr(maskline, name) is not None


def test_importing_maskline_is_cheap() -> None:
    heavy = ["pyarrow", "numpy", "duckdb", "sqlglot", "pydantic", "pandas", "polars", "rich"]
    script = f"import maskline, sys; print([m for m in {heavy!r} if m in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_modules_stay_readable() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for member in MEMBERS
        for path in member.parent.glob("src/**/*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 600
    ]

    assert long == []
