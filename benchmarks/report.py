"""Shows what was measured: as tables on a terminal, as a page, as a plot.

Everything shown is computed from the figures of one run, which are kept as JSON. This module knows
the goals. It measures nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from queries import CASES
from rich.console import Console
from rich.table import Table as Shown
from rounds import KERNELS

__all__ = ["END", "START", "markdown", "plot", "show"]

START: Final = "<!-- figures: written by benchmarks/run.py -->"
"""Begins what `markdown` writes."""
END: Final = "<!-- end of figures -->"
"""Ends it."""

Figures: TypeAlias = dict[str, Any]

_NAMES: Final = {
    "raw": "raw",
    "native": "**maskline**",
    "numpy": "**maskline**, no compiler",
    "everything": "**maskline**, names and all",
    "hmac loop": "a loop over `hmac.digest`",
    "ff3": "a loop over ff3",
    "pyffx": "a loop over pyffx",
}
_MARKS: Final = ("o", "s", "^", "D", "v")
# The least that is written with so many digits after the point.
_DIGITS: Final = {100: 0, 10: 1, 0.1: 2}
# An axis has more marks where its end is less than so many times its beginning.
_WIDE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What was set out for, beside what came of it.

    Attributes:
        what: In a few words.
        value: What was measured.
        least: It should be as much as that.
        most: It should be no more than that.
        unit: Of all three.
    """

    what: str
    value: float
    least: float | None = None
    most: float | None = None
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        """Whether the value is as it should be."""
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )

    @property
    def aim(self) -> str:
        """The limit, in words."""
        if self.least is not None:
            return f"at least {self.least:,g}{self.unit}"
        return f"at most {self.most:,g}{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text under a title."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def goals(figures: Figures) -> list[Goal]:
    """Return every goal that the figures say something about."""
    return [
        *_scanning_goals(figures.get("scan", {}), figures.get("hostile", {})),
        *_masking_goals(figures.get("mask", {})),
        *_query_goals(figures.get("query", {})),
        *_memory_goals(figures.get("memory", {})),
    ]


def _scanning_goals(scan: Figures, hostile: Figures) -> Iterator[Goal]:
    for ours, rival, title, least in (
        ("native", "Presidio", "English", 1000),
        ("native", "Presidio", "notes", 1000),
        ("native", "Presidio", "JSON", 1000),
        ("native", "Hyperscan", "English", 4),
        ("native", "polars union", "English", 2),
        ("numpy", "Presidio", "English", 200),
    ):
        if ours in scan and rival in scan:
            value = scan[ours][title] / scan[rival][title]
            name = _plain(ours)
            yield Goal(what=f"scan {title}: {name} over {rival}", value=value, least=least)
    if "native" in hostile:
        found = hostile["native"]
        what = "scan hostile text, the slowest"
        yield Goal(what=what, value=found["slowest"], least=20, unit=" MB/s")
        what = "scan hostile text: time for a byte, in a row 64 times as long"
        yield Goal(what=what, value=found["growth"], most=1.5)


def _masking_goals(mask: Figures) -> Iterator[Goal]:
    for ours, rival, figure, least in (
        ("native", "hmac loop", "tokens", 10),
        ("numpy", "hmac loop", "tokens", 2),
        ("native", "ff3", "FF1", 300),
    ):
        if figure in mask.get(ours, {}) and rival in mask:
            value = mask[ours][figure] / mask[rival][figure]
            what = f"{figure}: {_plain(ours)} over {_plain(rival)}"
            yield Goal(what=what, value=value, least=least)


def _query_goals(query: Figures) -> Iterator[Goal]:
    for title, found in query.get("cases", {}).items():
        most = CASES[title].most
        if most is not None and "native" in found:
            yield Goal(what=f"query over raw: {title}", value=found["native"], most=most)
    few = query.get("few rows", {})
    if "native" in few:
        value = few["native"] - few["raw"]
        yield Goal(what="query: 100 rows take longer by", value=value, most=1, unit=" ms")


def _memory_goals(memory: Figures) -> Iterator[Goal]:
    for rows, found in memory.items():
        if "native" in found:
            what = f"peak memory over raw, {int(rows):,} rows"
            value = found["native"] - found["raw"]
            yield Goal(what=what, value=value, most=150, unit=" MB")


def tables(figures: Figures) -> list[Table]:
    """Return everything that was measured, goals first."""
    makers: dict[str, Callable[[Figures], Table]] = {
        "scan": _scan_table,
        "hostile": _hostile_table,
        "mask": _mask_table,
        "query": _query_table,
        "memory": _memory_table,
    }
    reached = Table(
        title="Goals",
        header=("what", "goal", "measured", ""),
        rows=[
            (
                goal.what,
                goal.aim,
                _short(goal.value) + goal.unit,
                "met" if goal.is_met else "**missed**",
            )
            for goal in goals(figures)
        ],
    )
    return [reached, *(make(figures[part]) for part, make in makers.items() if figures.get(part))]


def _scan_table(scan: Figures) -> Table:
    titles = list(next(iter(scan.values())))
    return Table(
        title="Scanning, MB/s",
        header=("", *titles),
        rows=[
            (_NAMES.get(name, name), *(_short(found[title]) for title in titles))
            for name, found in _ours_last(scan).items()
        ],
    )


def _hostile_table(hostile: Figures) -> Table:
    return Table(
        title="Scanning hostile text",
        header=("", "MB/s, at worst", "on a row of", "time for a byte in a row 64 times as long"),
        rows=[
            (_NAMES[name], _short(found["slowest"]), found["on"], _short(found["growth"]) + "x")
            for name, found in hostile.items()
        ],
    )


def _mask_table(mask: Figures) -> Table:
    titles = list(dict.fromkeys(title for found in mask.values() for title in found))
    return Table(
        title="Masking, million values/s",
        header=("", *titles),
        rows=[
            (
                _NAMES[name],
                *(_short(found[title] / 1e6) if title in found else "" for title in titles),
            )
            for name, found in _ours_last(mask).items()
        ],
    )


def _query_table(query: Figures) -> Table:
    kernels = [name for name in KERNELS if name in query["few rows"]]
    rows = [
        (
            title,
            f"{_short(1000 * found['raw'])} ms",
            *(f"{found[name]:.2f}x" for name in kernels),
        )
        for title, found in query["cases"].items()
    ]
    for title, part in (("a hundred rows", "few rows"), ("until the first batch", "first batch")):
        found = query[part]
        more = (f"{_short(found[name] - found['raw'])} ms more" for name in kernels)
        rows.append((title, f"{_short(found['raw'])} ms", *more))
    return Table(
        title="Whole queries", header=("", "raw", *(_NAMES[name] for name in kernels)), rows=rows
    )


def _memory_table(memory: Figures) -> Table:
    names = list(next(iter(memory.values())))
    return Table(
        title="Peak memory, MB",
        header=("rows", *(_NAMES.get(name, name) for name in names)),
        rows=[
            (f"{int(rows):,}", *(_short(found[name]) for name in names))
            for rows, found in memory.items()
        ],
    )


def _ours_last(found: Figures) -> Figures:
    return dict(sorted(found.items(), key=lambda item: item[0] in {*KERNELS, "everything"}))


def _plain(name: str) -> str:
    return _NAMES.get(name, name).replace("*", "").replace("`", "")


def _short(value: float) -> str:
    """Write a figure with three digits or so."""
    digits = next((digits for least, digits in _DIGITS.items() if abs(value) >= least), 3)
    return f"{value:,.{digits}f}"


def show(figures: Figures) -> None:
    """Print the tables."""
    console = Console()
    for table in tables(figures):
        shown = Shown(title=table.title, title_justify="left")
        for number, name in enumerate(table.header):
            shown.add_column(_plain(name), justify="right" if number else "left")
        for row in table.rows:
            shown.add_row(*map(_plain, row))
        console.print(shown)


def markdown(figures: Figures) -> str:
    """Return the tables for a page, between `START` and `END`."""
    lines = [START, "", *_facts(figures)]
    for table in tables(figures):
        lines += ["", f"### {table.title}", ""]
        lines.append("| " + " | ".join(table.header) + " |")
        lines.append("|---" + "|---:" * (len(table.header) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in table.rows]
    return "\n".join([*lines, "", END])


def _facts(figures: Figures) -> Iterator[str]:
    machine = ", ".join(figures["machine"].values())
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    yield f"- Run: {figures['made']}, {figures['rows']:,} rows, {figures['runs']} rounds."
    yield f"- Machine: {machine}."
    yield f"- Versions: {versions}."


def plot(figures: Figures, path: Path) -> None:
    """Draw the figures as dots on logarithmic axes, one panel for each part.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    panels = list(_panels(figures))
    heights = [len(panel.rows) + 2 for panel in panels]
    drawing = Figure(figsize=(9, 0.32 * sum(heights) + 0.6), layout="constrained")
    axes = drawing.subplots(len(panels), height_ratios=heights, squeeze=False)[:, 0]
    for panel, axis in zip(panels, axes, strict=True):
        _draw(panel, axis)
    drawing.savefig(path, dpi=150)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One part of the plot.

    Attributes:
        title: Says what the axis is.
        rows: What stands beside each line, from the top.
        series: For each kind of dot, the value in each row; None where there is none.
        limits: For each row, what it should not go beyond; None where there is no such goal.
    """

    title: str
    rows: Sequence[str]
    series: dict[str, Sequence[float | None]]
    limits: Sequence[float | None] = ()


def _panels(figures: Figures) -> Iterator[_Panel]:
    for part, title, scale in (
        ("scan", "Scanning: MB of text per second of CPU time, more is better", 1),
        ("mask", "Masking: million values per second of CPU time, more is better", 1e6),
    ):
        if found := _ours_last(figures.get(part, {})):
            titles = dict.fromkeys(title for each in found.values() for title in each)
            yield _Panel(
                title=title,
                rows=[_plain(name) for name in found],
                series={
                    title: [
                        each[title] / scale if title in each else None for each in found.values()
                    ]
                    for title in titles
                },
            )
    if cases := figures.get("query", {}).get("cases"):
        yield _Panel(
            title="Queries: CPU time masked over raw, less is better; a bar marks the goal",
            rows=list(cases),
            series={
                _plain(name): [each[name] for each in cases.values()]
                for name in KERNELS
                if name in next(iter(cases.values()))
            },
            limits=[CASES[title].most for title in cases],
        )


def _draw(panel: _Panel, axis: Any) -> None:  # noqa: ANN401 - matplotlib is imported where it is used
    from matplotlib.ticker import LogLocator

    for number, (name, values) in enumerate(panel.series.items()):
        there = [(value, row) for row, value in enumerate(values) if value is not None]
        # Dots for the same row stand a little apart, so that none hides another.
        apart = 0.16 * (number - (len(panel.series) - 1) / 2)
        axis.plot(
            [value for value, _ in there],
            [row + apart for _, row in there],
            _MARKS[number],
            label=name,
            markersize=5,
        )
    for row, limit in enumerate(panel.limits):
        if limit is not None:
            axis.plot([limit, limit], [row - 0.35, row + 0.35], color="black", linewidth=1.5)
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < _WIDE * low else (1,)))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axis.set_yticks(range(len(panel.rows)), panel.rows)
    axis.set_ylim(len(panel.rows) - 0.4, -0.6)
    axis.grid(visible=True, which="major", alpha=0.4)
    axis.set_title(panel.title, loc="left", fontsize=10)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=9)
