"""The benchmark of questions to the audit log runs."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks/audit_questions.py"


def test_every_question_is_measured(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, "--events", "300", "--folder", tmp_path]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "300 events in 0.0 GB" in done.stdout
    for title in ("opening it", "who-saw", "who-saw --raw", "what-did", "reveals", "exports"):
        assert title in done.stdout
    assert list(tmp_path.iterdir()) == []
