"""What JupyterLab finds of us where the package is installed."""

import json
import re
import tomllib
from pathlib import Path

MEMBER = Path(__file__).parents[1]
FOLDER = MEMBER / "labextension/share/jupyter/labextensions/maskline-lab"


def test_the_extension_is_installed_where_jupyterlab_looks() -> None:
    project = tomllib.loads((MEMBER / "pyproject.toml").read_text())
    package = json.loads((FOLDER / "package.json").read_text())
    installed = json.loads((FOLDER / "install.json").read_text())
    entry = FOLDER / package["jupyterlab"]["_build"]["load"]

    assert project["tool"]["uv"]["build-backend"]["data"] == {"data": "labextension"}
    assert package["version"] == project["project"]["version"]
    assert package["name"] == FOLDER.name
    assert installed["packageName"] == project["project"]["name"]
    assert f"window._JUPYTERLAB['{package['name']}']" in entry.read_text()


def test_the_extension_loads_and_sends_nothing() -> None:
    code = (FOLDER / "static/remoteEntry.js").read_text()

    assert not re.search(r"https?:|fetch|XMLHttp|WebSocket|eval|innerHTML|localStorage", code)
