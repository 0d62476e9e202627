"""Measures detection on labelled texts, values and columns."""

from maskline.evaluation._counting import Json
from maskline.evaluation._misses import Miss
from maskline.evaluation._page import to_html
from maskline.evaluation._records import (
    LabelledColumn,
    LabelledSpan,
    LabelledText,
    read_dataset,
)
from maskline.evaluation._run import evaluate
from maskline.evaluation._tables import Sheet, tabulate

__all__ = [
    "Json",
    "LabelledColumn",
    "LabelledSpan",
    "LabelledText",
    "Miss",
    "Sheet",
    "evaluate",
    "read_dataset",
    "tabulate",
    "to_html",
]
