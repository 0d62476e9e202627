"""The figures of detection on their page are those that were measured."""

import json
import runpy
from pathlib import Path

TOOL = runpy.run_path(str(Path(__file__).parents[1] / "tools/make_detection_page.py"))


def figures():
    share = {"hits": 9, "total": 10, "value": 0.9, "low": 0.6, "high": 0.98}
    few = {"hits": 1, "total": 1, "value": 1.0, "low": 0.2, "high": 1.0}
    told = {"precision": share, "recall": share, "f2": 0.9, "f2_low": 0.7, "f2_high": 1.0}
    return {
        "date": "2026-01-02",
        "versions": {"maskline": "1.2.3"},
        "iou": 0.9,
        "results": [
            {
                "dataset": "set.jsonl",
                "system": "maskline",
                "records": 3,
                "entities": {"AGE": told, "CVV": told | {"recall": few}},
                "all": told,
                "any": {},
                "overlapped": share,
                "confusion": [],
                "calibration": {"expected_error": 0.1, "bins": []},
                "speed": {"megabytes_per_cpu_second": 2.5},
            }
        ],
    }


def test_figures_are_written_between_their_marks():
    text = f"before\n{TOOL['BEGIN']}old\n{TOOL['END']}after\n"

    page = TOOL["page"](text, figures())

    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "old" not in page
    assert "Measured on 2026-01-02 with maskline 1.2.3." in page
    assert "| AGE | 10 | 0.900 | 0.900 | 0.900 | 0.70-1.00 |" in page
    assert TOOL["page"](page, figures()) == page


def test_entities_with_few_labels_are_left_out():
    page = TOOL["page"](f"{TOOL['BEGIN']}{TOOL['END']}", figures())

    assert "CVV" not in page
    assert "| all |" in page


def test_the_page_has_the_figures_that_were_kept():
    text = TOOL["PAGE"].read_text(encoding="utf-8")
    kept = json.loads(TOOL["FIGURES"].read_text(encoding="utf-8"))

    assert TOOL["page"](text, kept) == text
