"""How fast maskline masks: beside others, and beside the database alone.

``python benchmarks/run.py [--rows 1000000] [--runs 5] [--only scan mask query memory]``

Contenders take turns, each in a process of its own; figures are medians of the rounds, of CPU time
unless they say otherwise. Whatever is not installed is left out. The figures go to a folder, as
JSON and as a plot. With ``--write-docs`` nothing is measured: the figures there go to the
documentation, whole.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import masking
import queries
import report
import scanning

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs/explanation/performance.md"
NAMES: Final = (
    "maskline", "duckdb", "pyarrow", "numpy", "cryptography", "google-re2", "presidio-analyzer",
    "datafog", "scrubadub", "hyperscan", "polars", "ff3", "pyffx",
)  # fmt: skip
# What a CPU may have that some kernel or library makes use of.
INSTRUCTIONS: Final = ("aes", "sha_ni", "avx2", "avx512bw", "vaes", "gfni")
# Those that print a table of their own.
SCRIPTS: Final = {"public": "public_query.py", "tpch": "tpch.py"}


def measure(parts: list[str], *, rows: int, runs: int) -> dict[str, Any]:
    """Return the figures, with all that is needed to judge them."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "scan": lambda: {
            "scan": scanning.measure(rows=rows, runs=runs),
            "hostile": scanning.measure_hostile(rows=rows, runs=runs),
        },
        "mask": lambda: {"mask": masking.measure(rows=rows, runs=runs)},
        "query": lambda: {"query": queries.measure(rows=rows, runs=runs)},
        "memory": lambda: {
            "memory": {str(size): queries.measure_memory(rows=size) for size in (rows, 10 * rows)}
        },
    }
    figures: dict[str, Any] = {
        "made": datetime.now(UTC).date().isoformat(),
        "rows": rows,
        "runs": runs,
        "machine": machine(),
        "versions": versions(),
    }
    for part in parts:
        sys.stderr.write(f"measuring {part}\n")
        figures |= makers[part]()
    return figures


def machine() -> dict[str, str]:
    """Describe what the figures were measured on."""
    described = Path("/proc/cpuinfo")
    about = described.read_text(encoding="utf-8") if described.exists() else ""
    name = re.search(r"model name\s*: (.*)", about)
    flags = set(about.split())
    return {
        "processor": name[1] if name else platform.machine(),
        "instructions": " ".join(each for each in INSTRUCTIONS if each in flags),
        "cores": f"{os.cpu_count()} cores",
        "load": f"load {os.getloadavg()[0]:.1f} when it began",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of what is installed of what is measured."""
    found = {}
    for name in NAMES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_docs(figures: dict[str, Any]) -> None:
    """Put the figures, their tables and their plot into the documentation."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(report.START)
    _, _, after = rest.partition(report.END)
    PAGE.write_text(before + report.markdown(figures) + after, encoding="utf-8")
    PAGE.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    report.plot(figures, PAGE.with_suffix(".png"))


def main() -> None:
    """Measure, then print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parts = ["scan", "mask", "query", "memory"]
    parser.add_argument("--only", nargs="+", choices=[*parts, *SCRIPTS], default=parts)
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    kept = options.folder / "performance.json"
    if options.write_docs:
        write_docs(json.loads(kept.read_text(encoding="utf-8")))
        return
    for name in SCRIPTS.keys() & options.only:
        subprocess.run([sys.executable, Path(__file__).with_name(SCRIPTS[name])], check=True)  # noqa: S603
    if wanted := [part for part in parts if part in options.only]:
        figures = measure(wanted, rows=options.rows, runs=options.runs)
        options.folder.mkdir(exist_ok=True)
        kept.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        report.show(figures)
        try:
            report.plot(figures, kept.with_suffix(".png"))
        except ImportError as exc:
            sys.stderr.write(f"No plot: {exc.name} is not installed.\n")


if __name__ == "__main__":
    main()
