"""Places the boxes of a graph: sources to the left, answers beside them, jobs to the right.

The order within a layer follows the mean place of what a box is joined to, which keeps lines from
crossing: the barycentre method of Sugiyama, Tagawa and Toda, "Methods for visual understanding of
hierarchical system structures" (1981). This module knows graphs and numbers. It does not know SVG.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Generic, TypeVar

from maskline.lineage._graph import Answer, Graph, Job, Relation, SourceColumn

__all__ = ["ANSWER_HEAD", "LINE", "RELATION_HEAD", "Box", "Layout", "lay_out"]

LINE: Final = 22.0
RELATION_HEAD: Final = 46.0
ANSWER_HEAD: Final = 54.0
_JOB_HEAD: Final = 46.0
_FOOT: Final = 9.0
_GAP: Final = 22.0
_EDGE: Final = 1.0
_RELATION_WIDTH: Final = 290.0
_ANSWER_WIDTH: Final = 390.0
_JOB_WIDTH: Final = 220.0
_LANE: Final = 210.0
_SHORT_LANE: Final = 110.0
_ROUNDS: Final = 8

_T = TypeVar("_T")


@dataclass(kw_only=True, slots=True)
class Box(Generic[_T]):
    """A box with a head and lines.

    Attributes:
        of: What it shows.
        lines: What stands in it below the head.
    """

    of: _T
    lines: list[str]
    head: float
    width: float
    x: float
    y: float = 0.0

    @property
    def height(self) -> float:
        """From its top to its foot."""
        return self.head + LINE * len(self.lines) + (_FOOT if self.lines else 0)

    @property
    def middle(self) -> float:
        """Halfway down."""
        return self.y + self.height / 2

    def line(self, place: int) -> float:
        """Return the middle of a line, from the top of the drawing."""
        return self.y + self.head + LINE * (place + 0.5)


@dataclass(kw_only=True, slots=True)
class Layout:
    """Where everything stands.

    Attributes:
        relations: In the order from top to bottom.
        answers: In the order from top to bottom. The last line of one whose rows depend on columns
            stands for that.
        jobs: In the order from top to bottom.
        width: Of the drawing.
        height: Of the drawing.
    """

    relations: list[Box[Relation]]
    answers: list[Box[Answer]]
    jobs: list[Box[Job]]
    width: float
    height: float


def lay_out(graph: Graph) -> Layout:
    """Place all boxes of a graph."""
    x = _EDGE
    relations = [
        Box(of=relation, lines=names, head=RELATION_HEAD, width=_RELATION_WIDTH, x=x)
        for relation, names in graph.relations().items()
    ]
    x += _RELATION_WIDTH + _LANE
    answers = [
        Box(of=answer, lines=_lines(answer), head=ANSWER_HEAD, width=_ANSWER_WIDTH, x=x)
        for answer in graph.answers
    ]
    x += _ANSWER_WIDTH
    named = dict.fromkeys(job for answer in graph.answers for job in answer.jobs)
    jobs = [
        Box(of=job, lines=list[str](), head=_JOB_HEAD, width=_JOB_WIDTH, x=x + _SHORT_LANE)
        for job in named
    ]
    x += _SHORT_LANE + _JOB_WIDTH if jobs else 0
    _untangle(relations, answers)
    _stack(answers)
    _order_lines(relations, answers)
    _settle(relations, _wanted(relations, answers), bottom=_bottom(answers))
    users = {
        job.of: [answer.middle for answer in answers if job.of in answer.of.jobs] for job in jobs
    }
    jobs.sort(key=lambda job: fmean(users[job.of]))
    _settle(jobs, [fmean(users[job.of]) - job.height / 2 for job in jobs], bottom=_bottom(answers))
    bottom = max(_bottom(relations), _bottom(answers), _bottom(jobs))
    return Layout(
        relations=relations,
        answers=answers,
        jobs=jobs,
        width=x + _EDGE,
        height=bottom + _EDGE,
    )


def _lines(answer: Answer) -> list[str]:
    rows = ["which rows there are"] if answer.influences else []
    return [column.name for column in answer.columns] + rows


def _untangle(relations: list[Box[Relation]], answers: list[Box[Answer]]) -> None:
    """Order both layers so that what is joined stands at about the same height."""
    for _ in range(_ROUNDS):
        _stack(relations)
        middles = {box.of: box.middle for box in relations}
        answers.sort(key=lambda box: _mean(middles[c.relation] for c in box.of.reads()))
        _stack(answers)
        relations.sort(key=_mean_of_readers(answers))


def _mean_of_readers(answers: Sequence[Box[Answer]]) -> Callable[[Box[Relation]], float]:
    readers: dict[Relation, list[float]] = {}
    for box in answers:
        for column in box.of.reads():
            readers.setdefault(column.relation, []).append(box.middle)
    return lambda box: _mean(readers[box.of])


def _ends(answers: Sequence[Box[Answer]]) -> Mapping[SourceColumn, list[float]]:
    """Return at which heights the lines from each column of a source arrive."""
    ends: dict[SourceColumn, list[float]] = {}
    for box in answers:
        for place, output in enumerate(box.of.columns):
            for ref, _ in output.sources:
                ends.setdefault(box.of.column(ref), []).append(box.line(place))
        for ref, _ in box.of.influences:
            ends.setdefault(box.of.column(ref), []).append(box.line(len(box.of.columns)))
    return ends


def _order_lines(relations: Sequence[Box[Relation]], answers: Sequence[Box[Answer]]) -> None:
    ends = _ends(answers)
    for box in relations:
        box.lines.sort(key=lambda name, of=box.of: (_mean(ends[SourceColumn(of, name)]), name))  # type: ignore[misc]


def _wanted(relations: Sequence[Box[Relation]], answers: Sequence[Box[Answer]]) -> list[float]:
    """Return for each table the top at which its lines would be level, on the whole."""
    ends = _ends(answers)
    return [
        _mean(end for name in box.lines for end in ends[SourceColumn(box.of, name)])
        - box.height / 2
        for box in relations
    ]


def _stack(boxes: Sequence[Box[_T]]) -> None:
    y = _EDGE
    for box in boxes:
        box.y = y
        y += box.height + _GAP


def _settle(boxes: Sequence[Box[_T]], wanted: Sequence[float], *, bottom: float) -> None:
    """Place boxes where they want to be, as far as they do not overlap."""
    y = _EDGE
    for box, top in zip(boxes, wanted, strict=True):
        box.y = max(y, top)
        y = box.y + box.height + _GAP
    # Those at the bottom may stand above it, if there is room higher up.
    needed = sum(box.height + _GAP for box in boxes) - _GAP
    limit = max(bottom, _EDGE + needed)
    for box in reversed(boxes):
        box.y = min(box.y, limit - box.height)
        limit = box.y - _GAP


def _bottom(boxes: Sequence[Box[_T]]) -> float:
    return max((box.y + box.height for box in boxes), default=_EDGE)


def _mean(numbers: Iterable[float]) -> float:
    """Return the mean; an answer that reads nothing stands at the top."""
    listed = list(numbers)
    return fmean(listed) if listed else 0.0
