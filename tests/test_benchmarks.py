"""The benchmarks run, and the page about them shows what they measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"
FIGURES = ROOT / "docs/explanation/performance.json"


@pytest.mark.slow
def test_masks_and_queries_are_measured_with_both_kernels(tmp_path: Path) -> None:
    command = [sys.executable, FOLDER / "run.py", "--only", "mask", "query"]
    options = ["--rows", "200", "--runs", "1", "--folder", tmp_path]

    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "performance.json").read_text(encoding="utf-8"))
    for kernels in set(figures["query"]["few rows"]) - {"raw"}:
        assert figures["mask"][kernels].keys() == {"tokens", "FF1", "redact", "partial"}
        assert all(case[kernels] > 0 for case in figures["query"]["cases"].values())
    assert figures["mask"]["hmac loop"]["tokens"] > 0
    assert "query over raw: three columns redacted" in " ".join(done.stdout.split())


def test_the_page_shows_the_figures_that_were_kept() -> None:
    script = "import json, sys, report; print(report.markdown(json.load(sys.stdin)))"

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=FOLDER, input=FIGURES.read_text(encoding="utf-8"), capture_output=True, text=True,
        check=True,
    )  # fmt: skip

    assert done.stdout in FIGURES.with_suffix(".md").read_text(encoding="utf-8")
