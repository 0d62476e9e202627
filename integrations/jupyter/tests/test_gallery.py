"""The gallery runs, and shows what it promises."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

GALLERY = Path(__file__).parents[3] / "examples" / "gallery.ipynb"


@pytest.mark.slow
def test_the_gallery_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(GALLERY, 4)
    assert all(not cell.get("outputs") for cell in notebook.cells)

    NotebookClient(notebook, kernel_name="python3", timeout=60).execute()

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = [output.ename for output in outputs if output.output_type == "error"]
    shown = str([output.get("data", {}) for output in outputs])
    assert errors == ["QueryRefusedError"]
    assert "EMAIL_ADDRESS · token" in shown
    assert "CREDIT_CARD · revealed" in shown
    assert "<svg" in shown
    assert "@example.com" not in shown
    assert "+1-212-555" not in shown
