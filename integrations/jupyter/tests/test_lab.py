"""The look, and that nothing runs, in a real JupyterLab in a real browser.

Pictures go to a temporary folder; `MASKLINE_PICTURES` names another one.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import nbformat
import pytest

from maskline.tokens import Keyring

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = Path(__file__).parents[3]
SECRET = "alice.secret@example.com"
EVIL = "<img src=x onerror=window.pwned=1>"
ONLY_HERE = "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
CELLS = [
    f'%load_ext maskline\n%maskline connect shop --as "{EVIL}"',
    "import os\n%maskline connect shop --as dev",
    '%%maskedsql @dev --purpose "TICKET-482 churn review"\nSELECT * FROM customers ORDER BY id',
    """%%maskedsql top <<
SELECT email, count(*) AS orders, sum(balance) AS revenue
FROM customers WHERE id < 6 GROUP BY ALL""",
    "top.lineage()",
    "top.plot('email', 'revenue')",
    "%%maskedsql --purpose \"<b id='evil'>\"\nSELECT * FROM evil ORDER BY id",
    "%%maskedsql --show 60 --limit 60\nSELECT id, email FROM customers ORDER BY id",
    "%%maskedsql\nSELECT email::INT AS n FROM evil",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]
pytest.importorskip("jupyterlab")
playwright = pytest.importorskip("playwright.sync_api")


class Lab(NamedTuple):
    """A running JupyterLab, a page of it, the folder it serves, and where pictures go."""

    page: object
    folder: Path
    pictures: Path


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("JupyterLab did not start")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with evil names and values, its policy, and a notebook that asks it."""
    folder = tmp_path_factory.mktemp("lab")
    with duckdb.connect(str(folder / "shop.duckdb")) as shop:
        shop.execute(f'CREATE TABLE evil (id INT, email TEXT, "{EVIL}" TEXT, note TEXT)')
        shop.execute(
            "INSERT INTO evil VALUES (?, ?, ?, ?), (2, NULL, '', NULL)",
            [1, SECRET, EVIL, "<script>window.pwned=2</script>"],
        )
        shop.execute(
            "CREATE TABLE customers AS SELECT n AS id, 'Jane ' || n AS full_name, "
            "'jane' || n || '@example.com' AS email, '+1-212-555-01' || 10 + n % 90 AS phone, "
            "CASE WHEN n % 4 > 0 THEN '900-70-' || 1000 + n END AS ssn, n * 7.25 AS balance, "
            "n % 2 = 0 AS active FROM range(1, 25001) AS numbers(n)"
        )
    Keyring.generate().save(folder / "keyring.json")
    (folder / "policy.yaml").write_text(
        "version: 1\nkeys: {file: keyring.json}\n"
        "sources: {shop: {url: 'duckdb:///shop.duckdb'}}\n"
        "labels:\n  shop:\n"
        f"    main.evil: {{id: PUBLIC, email: EMAIL_ADDRESS, {json.dumps(EVIL)}: PUBLIC, "
        "note: PUBLIC}\n"
        "    main.customers: {id: PUBLIC, full_name: PERSON, email: EMAIL_ADDRESS, "
        "phone: PHONE_NUMBER, ssn: US_SSN, balance: PUBLIC, active: PUBLIC}\n"
        "masks: {PHONE_NUMBER: {partial: {last: 4}}, US_SSN: redact}\naudit: {path: audit}\n"
    )
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, id=f"c{n}") for n, cell in enumerate(CELLS)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, folder / "asked.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with the notebook open, and all of its cells run."""
    home = tmp_path_factory.mktemp("home")
    pictures = Path(os.environ.get("MASKLINE_PICTURES") or tmp_path_factory.mktemp("pictures"))
    settings = home / ".jupyter/lab/user-settings/@jupyterlab"
    # Else cells that are out of sight are not in the page, and a question covers others.
    for name, setting in (
        ("notebook-extension/tracker", {"windowingMode": "none"}),
        ("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False}),
    ):
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(setting))
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--allow-root",
        "--IdentityProvider.token=", f"--ServerApp.root_dir={served}",
        "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    environment = os.environ | {
        "HOME": str(home),
        "JUPYTER_PATH": str(ROOT / "integrations/jupyter/labextension/share/jupyter"),
    }
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api")
            with playwright.sync_playwright() as started:
                browser = started.chromium.launch(
                    executable_path=CHROMIUM,
                    args=["--no-sandbox", f"--host-resolver-rules={ONLY_HERE}"],
                )
                page = browser.new_page(viewport={"width": 1360, "height": 1500})
                page.goto(f"http://127.0.0.1:{port}/lab/tree/asked.ipynb?reset")
                page.wait_for_function(
                    "window.jupyterapp && window.jupyterapp.shell.currentWidget"
                    "?.sessionContext?.session?.kernel",
                    timeout=60_000,
                )
                page.evaluate(
                    "async () => {const app = window.jupyterapp;"
                    "await app.shell.currentWidget.sessionContext.ready;"
                    "await app.commands.execute('application:toggle-left-area');"
                    "await app.commands.execute('notebook:run-all-cells')}"
                )
                page.wait_for_function(
                    "window.jupyterapp.shell.currentWidget.content.widgets"
                    ".every(cell => cell.model.executionCount)",
                    timeout=60_000,
                )
                yield Lab(page, served, pictures)
                browser.close()
        finally:
            server.terminate()
            server.wait()


def picture(lab: Lab, name: str) -> None:
    lab.page.screenshot(path=str(lab.pictures / f"{name}.png"))


def in_theme(lab: Lab, theme: str) -> None:
    lab.page.evaluate(
        f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})"
    )
    lab.page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    lab.page.wait_for_timeout(500)


def test_markup_in_values_and_names_stays_text(lab: Lab) -> None:
    page = lab.page

    shown = page.locator(".jp-OutputArea").all_inner_texts()

    assert page.evaluate("window.pwned") is None
    assert page.locator(".maskline img, .maskline script, #evil").count() == 0
    assert sum(EVIL in text for text in shown) >= 2
    assert "NULL" in "".join(shown)
    assert "empty" in "".join(shown)


def test_nothing_raw_is_in_the_page_or_in_any_file(lab: Lab) -> None:
    lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    lab.page.wait_for_timeout(1_000)

    files = [
        path
        for path in lab.folder.rglob("*")
        if path.is_file() and path.suffix not in {".duckdb", ".wal"}
    ]

    assert any(".ipynb_checkpoints" in path.parts for path in files)
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in lab.page.content()


def test_the_heads_stay_while_rows_pass_below(lab: Lab) -> None:
    box = lab.page.locator(".mk-scroll", has=lab.page.locator("tbody tr:nth-child(60)"))
    box.evaluate("node => {node.scrollTop = 400}")

    head, around = box.locator("thead th").first.bounding_box(), box.bounding_box()
    back = box.locator("thead th").first.evaluate("node => getComputedStyle(node).backgroundColor")

    assert box.evaluate("node => node.scrollTop") == 400
    assert abs(head["y"] - around["y"]) <= 2
    assert "/ 0" not in back
    assert back not in {"transparent", "rgba(0, 0, 0, 0)"}


def test_sql_has_the_colours_of_a_language(lab: Lab) -> None:
    colour = "node => getComputedStyle(node).color"
    python = lab.page.locator(".cm-line span", has_text=re.compile(r"^import$")).first
    sql = lab.page.locator(".cm-line span", has_text=re.compile(r"^SELECT$")).first

    assert sql.evaluate(colour) == python.evaluate(colour)
    assert sql.evaluate(colour) != sql.locator("xpath=..").evaluate(colour)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_word_has_contrast(lab: Lab, theme: str) -> None:
    in_theme(lab, theme)
    lab.page.evaluate("document.querySelector('.maskline').scrollIntoView()")
    picture(lab, theme.replace("JupyterLab ", "").lower())

    # What the browser has computed is drawn on a canvas, which mixes it as the screen does.
    contrasts = lab.page.evaluate(
        """() => {
          const canvas = document.createElement('canvas');
          canvas.width = canvas.height = 1;
          const drawing = canvas.getContext('2d', {willReadFrequently: true});
          const page = getComputedStyle(document.body).getPropertyValue('--jp-layout-color0');
          const drawn = colours => {
            for (const colour of [page, ...colours]) {
              drawing.fillStyle = colour;
              drawing.fillRect(0, 0, 1, 1);
            }
            return [...drawing.getImageData(0, 0, 1, 1).data].slice(0, 3).map(c => c / 255);
          };
          const light = colours => {
            const [r, g, b] = drawn(colours).map(
              c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const found = {};
          for (const node of document.querySelectorAll(
            '.maskline td, .maskline th span, .maskline i, .maskline b, .maskline summary')) {
            const behind = [];
            for (let up = node; up && !up.matches('.maskline'); up = up.parentElement) {
              behind.unshift(getComputedStyle(up).backgroundColor);
            }
            const [low, high] = [light(behind), light([...behind, getComputedStyle(node).color])]
              .sort((a, b) => a - b);
            found[node.tagName + ' ' + node.className] = (high + 0.05) / (low + 0.05);
          }
          return found;
        }"""
    )

    assert len(contrasts) > 10
    assert {what: ratio for what, ratio in contrasts.items() if ratio < 4.5} == {}


def test_a_page_made_by_nbconvert_looks_alike(lab: Lab) -> None:
    from nbconvert import HTMLExporter

    lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    lab.page.wait_for_timeout(500)
    html, _ = HTMLExporter().from_filename(str(lab.folder / "asked.ipynb"))
    path = lab.pictures / "exported.html"
    path.write_text(html)

    page = lab.page.context.browser.new_page(viewport={"width": 1100, "height": 1400})
    page.goto(path.as_uri())
    page.screenshot(path=str(lab.pictures / "exported.png"))

    assert SECRET not in html
    assert page.evaluate("window.pwned") is None
    assert "EMAIL_ADDRESS · token" in page.inner_text("body")
    page.close()


def test_an_untrusted_notebook_keeps_its_meaning(lab: Lab) -> None:
    notebook = nbformat.read(lab.folder / "asked.ipynb", 4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("Changed by other hands."))
    nbformat.write(notebook, lab.folder / "untrusted.ipynb")

    # A page of its own: styles of a trusted notebook reach the whole page.
    page = lab.page.context.browser.new_page(viewport={"width": 1360, "height": 1500})
    page.goto(lab.page.url.replace("asked.ipynb", "untrusted.ipynb?reset"))
    shown = page.locator(".jp-NotebookPanel .jp-OutputArea")
    shown.get_by_text("How each column was treated").first.wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    page.screenshot(path=str(lab.pictures / "untrusted.png"))
    text = " ".join(shown.all_inner_texts())

    assert page.locator(".maskline style, .maskline svg").count() == 0
    assert page.evaluate("window.pwned") is None
    assert "EMAIL_ADDRESS · token" in text
    assert "PHONE_NUMBER · partial" in text
    assert "first 10 of 25" in text
    page.close()
