"""Connections that have names."""

from pathlib import Path

import pytest

from maskline import UsageError
from maskline_jupyter.connections import read_all


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration, and a project beside it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config/maskline").mkdir(parents=True)
    (tmp_path / "project/notebooks").mkdir(parents=True)
    return tmp_path


def write(home: Path, *, own: str = "", project: str = "") -> Path:
    (home / "config/maskline/connections.toml").write_text(own)
    (home / "project/pyproject.toml").write_text(project)
    return home / "project/notebooks"


def test_both_files_name_connections(home: Path) -> None:
    folder = write(
        home,
        own='[prod]\nsource = "shop"\npolicy = "p.yaml"\nroles = ["fraud"]\npurpose = "x"\n',
        project="[tool.maskline.connections.dev]\n[tool.black]\n",
    )

    found = read_all(folder)

    assert list(found) == ["prod", "dev"]
    assert found["prod"].policy == home / "config/maskline/p.yaml"
    assert (found["prod"].source, found["prod"].roles) == ("shop", ("fraud",))
    assert found["dev"].policy == home / "project/policy.yaml"


def test_no_file_is_no_connection(home: Path) -> None:
    assert read_all(home / "project/notebooks") == {}


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("[prod", "is no TOML"),
        ("[dev]", "stands in"),
        ('[prod]\nurl = "postgres://u:hunter2@h/d"', "unknown, or of a wrong type"),
        ("[prod]\nsource = 1", "unknown, or of a wrong type"),
        ('[prod]\nroles = "fraud"', "roles is a list"),
        ('["a b"]', "not a connection's name"),
        ("prod = 1", "not a connection's name"),
    ],
)
def test_mistakes_are_named_without_quoting_the_file(home: Path, own: str, words: str) -> None:
    folder = write(home, own=own, project="[tool.maskline.connections.dev]")

    with pytest.raises(UsageError) as caught:
        read_all(folder)

    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_said(home: Path) -> None:
    (home / "config/maskline/connections.toml").write_bytes(b"\xff")

    with pytest.raises(UsageError, match="is no TOML"):
        read_all(home)

    path = home / "config/maskline/connections.toml"
    path.unlink()
    path.symlink_to("/proc/self/mem")
    if path.is_file():
        with pytest.raises(UsageError, match="cannot be read"):
            read_all(home)
