"""How fast the compiled scanner is on text that was made to slow it down, as a table.

Run it by itself: ``python benchmarks/scan_hostile.py [bytes of the row]``. It prints megabytes per
second of CPU time for one long row, and how many times longer a byte takes there than in rows of a
64th of the length: about 1, for every text, if time grows with the text and not with its content.
"""

import sys
import time
from typing import Final

import numpy as np
import pyarrow as pa
from workload import hostile

from maskline._detectors.scanner import scan
from maskline._kernels import native

_BYTES: Final = 8_388_608
_PARTS: Final = 64
_RUNS: Final = 3

# Beside those of `workload`: what comes near to many rules, and never ends as one of them.
_BITS: Final = {
    "lone digits": "4 ",
    "dotted quads": "1.1.1.",
    "groups of colons": "::::1",
    "phone words": "phone is at no. 1 ",
    "nearly numbers": "0049 (1) ",
    "web addresses": "www.a.b)",
    "assigned keys": "aws_secret_key=" + "a" * 39 + " ",
    "base64": "aB3/",
    "underscores": "a_0123456789abcdef_",
    "capitals": "AGJ",
    "nested social security": "078-05-1120.",
    "addresses after findings": "10.0.0.1.078-05-1120.a",
    "accents": "é",
}


def main() -> None:
    """Print the table."""
    if native is None:
        sys.exit("The kernels were not compiled: run `make native`.")
    size = int(sys.argv[1]) if len(sys.argv) > 1 else _BYTES
    longs = hostile(size) | {title: _row(bit, size) for title, bit in _BITS.items()}
    part = size // _PARTS
    shorts = hostile(part) | {title: _row(bit, part) for title, bit in _BITS.items()}
    print(f"{'text':<28}{'MB/s':>8}{'growth':>8}")
    for title, column in longs.items():
        seconds = _seconds(column)
        growth = seconds / _seconds(pa.concat_arrays([shorts[title]] * _PARTS))
        print(f"{title:<28}{size / seconds / 1e6:>8.0f}{growth:>8.2f}")


def _row(bit: str, size: int) -> pa.StringArray:
    raw = (bit.encode() * (size // len(bit.encode()) + 1))[:size]
    return pa.array([raw.decode("utf-8", "ignore")], pa.string())


def _seconds(column: pa.StringArray) -> float:
    taken = []
    for _ in range(_RUNS):
        start = time.process_time()
        scan(column, native=native, is_merged=True)
        taken.append(time.process_time() - start)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
