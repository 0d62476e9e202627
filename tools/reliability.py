"""Print how often each rule is right on labelled sets: ``python tools/reliability.py FILE...``.

A rule's score is meant as a probability: of the findings with a score of 0.8, about 80 in 100 are
right. For each rule, a line says the score, the share that is right where the labels are complete,
and how many findings that is of. A finding is right if half of it, or more, lies within a label
of the same meaning. Rules are asked one by one, before any other could overrule them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from maskline._detectors import BUILTIN
from maskline.entities import Category, builtin_entities
from maskline.evaluation._names import Names
from maskline.evaluation._records import LabelledText, read_dataset
from maskline.patterns import PatternDetector
from maskline.roles import Detector

SHARED: Final = 0.5


def rules() -> Iterator[tuple[str, Detector]]:
    """Yield each rule as a detector of its own, and detectors that are not made of rules."""
    for detector in BUILTIN:
        if isinstance(detector, PatternDetector):
            for number, rule in enumerate(detector.rules):
                name = f"{detector.name}[{number}]"
                yield name, PatternDetector(name, [rule])
        else:
            yield detector.name, detector


def judge(names: Names, record: LabelledText, entity: str, begin: int, end: int) -> bool | None:
    """Tell whether a finding is right; None where the labels do not say."""
    for label in record.spans:
        shared = min(end, label.end) - max(begin, label.start)
        if shared >= SHARED * (end - begin) and names.match(label.entity.rstrip("?"), entity):
            return True
    return False if names.covers(record.scope, entity) else None


def main() -> None:
    """Read the sets that the command line names and print a line for each rule."""
    records = [
        record
        for path in sys.argv[1:]
        for record in read_dataset(Path(path))
        if isinstance(record, LabelledText)
    ]
    secrets = [one.name for one in builtin_entities().values() if one.category is Category.SECRET]
    names = Names(secrets)
    column = pa.array([record.text for record in records], pa.string())
    for rule, detector in rules():
        spans = detector.detect(column)
        judged: dict[tuple[str, float], list[bool]] = {}
        for row, start, end, entity, score in zip(
            spans.rows, spans.starts, spans.ends, spans.entities, spans.scores, strict=True
        ):
            record, name = records[row], spans.names[entity]
            text = record.text.encode()
            begin, stop = (len(text[:offset].decode()) for offset in (start, end))
            answer = judge(names, record, name, begin, stop)
            if answer is not None:
                judged.setdefault((name, round(float(score), 2)), []).append(answer)
        for (name, score), answers in sorted(judged.items()):
            share = sum(answers) / len(answers)
            print(f"{rule:22} {name:24} score {score:.2f}  right {share:.2f} of {len(answers)}")


if __name__ == "__main__":
    main()
