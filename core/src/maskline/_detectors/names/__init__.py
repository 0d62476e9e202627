"""Finds names in free text, by a model of our own.

The model was learnt by `tools/train_names` from sentences and gazetteers; its card is
docs/reference/names-model.md. This package knows numpy, the compiled kernel, and the model's file.
It does not know policies or masks.
"""

from maskline._detectors.names._detector import NamesDetector

__all__ = ["NamesDetector"]
