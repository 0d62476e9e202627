"""How fast sensitive values are found in text: maskline beside what others offer.

maskline finds spans and types, and checks what can be checked: with the detectors of what the
others look for, too, and with everything that it has, names included, as a session does. This
module does not know how the others work.
"""

from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from rivals import MOST_BYTES, RIVALS, Ready
from rounds import KERNELS, Process, cpu_seconds, in_turn, medians, ratio
from workload import TEXTS, hostile, text

__all__ = ["measure", "measure_hostile"]

_BATCH_ROWS: Final = 65_536
_MOST_ROWS: Final = 200_000
_MOST_BYTES: Final = 32_000_000
_MOST_HOSTILE_BYTES: Final = 4_194_304
_SHORT_ROWS: Final = 64
_EVERYTHING: Final = "everything"


def measure(*, rows: int, runs: int) -> dict[str, dict[str, float]]:
    """Return megabytes per second of CPU time, by contender and text; of what is installed.

    Args:
        rows: Of each text; slow contenders get the first of them.
        runs: How often each is measured.
    """
    found: dict[str, dict[str, float]] = {}
    with Process() as rivals, Process("native") as native, Process("numpy") as numpy:
        ours = dict(zip((*KERNELS, _EVERYTHING), (native, numpy, native), strict=True))
        places = dict.fromkeys(RIVALS, rivals) | ours
        places = {name: at for name, at in places.items() if at.call(_is_there, name)}
        for title in TEXTS:
            speeds = in_turn(
                {name: partial(at.call, _speed, name, title, rows) for name, at in places.items()},
                runs=runs,
            )
            for name, speed in medians(speeds).items():
                found.setdefault(name, {})[title] = speed
    return found


def measure_hostile(*, rows: int, runs: int) -> dict[str, dict[str, Any]]:
    """Return how the kernels fare on text that was made to slow them down.

    Args:
        rows: Of the other texts; there is much hostile text if there is much of those.
        runs: How often each text is measured.

    Returns:
        For each of `KERNELS`: *slowest*, megabytes per second on the text that is the worst; *on*,
        which one that is; and *growth*, how many times longer a byte takes, at worst, in a row 64
        times as long.
    """
    size = min(_MOST_HOSTILE_BYTES, 16 * rows)
    found = {}
    for kernels in KERNELS:
        with Process(kernels) as place:
            if place.call(_is_there, kernels):
                found[kernels] = place.call(_on_hostile, kernels, size, runs)
    return found


def _on_hostile(kernels: str, size: int, runs: int) -> dict[str, Any]:
    short, long = hostile(size // _SHORT_ROWS), hostile(size)
    speeds, growths = {}, {}
    for title in long:
        columns = {"short": pa.concat_arrays([short[title]] * _SHORT_ROWS), "long": long[title]}
        seconds = in_turn(
            {
                name: partial(cpu_seconds, _ready(kernels, column))
                for name, column in columns.items()
            },
            runs=runs,
        )
        speeds[title] = size / medians(seconds)["long"] / 1e6
        growths[title] = ratio(seconds, "long", "short")
    slowest = min(speeds, key=speeds.__getitem__)
    return {"slowest": speeds[slowest], "on": slowest, "growth": max(growths.values())}


def _is_there(name: str) -> bool:
    try:
        _ready(name, pa.array([""]))()
    except ImportError:
        return False
    return True


def _speed(name: str, title: str, rows: int) -> float:
    column = text(title, min(rows, _MOST_ROWS))
    share = min(1.0, MOST_BYTES.get(name, _MOST_BYTES) / _size(column))
    part = column.slice(0, max(1, int(share * len(column))))
    return _size(part) / cpu_seconds(_ready(name, part)) / 1e6


def _size(column: pa.StringArray) -> int:
    """Return how many bytes of text there are."""
    return int(pc.sum(pc.binary_length(column)).as_py())


def _ready(name: str, column: pa.StringArray) -> Ready:
    """Return what searches a column, with everything done that need be done just once."""
    if name in RIVALS:
        return RIVALS[name](column)
    from maskline._detectors import BUILTIN, COMPILED
    from maskline._detectors.scanner import find

    detectors = BUILTIN if name == _EVERYTHING else COMPILED
    batches = [column.slice(begin, _BATCH_ROWS) for begin in range(0, len(column), _BATCH_ROWS)]
    return lambda: [find(batch, detectors) for batch in batches]
