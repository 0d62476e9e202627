"""The model: weights that were learnt, the lexicon they were learnt with, and how both are kept.

The file is a line of JSON, then arrays, compressed; docs/reference/names-model.md describes both.
This module knows the file. It does not know what a token is.
"""

import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt

from maskline._detectors.names._features import BUCKETS, U16
from maskline._detectors.names._tokens import U32

__all__ = ["LABELS", "LANES", "Model", "load", "unpack"]

LABELS: Final = (
    "PERSON",
    "LOCATION",
    "ORGANIZATION",
    "NRP",
    "TITLE",
    "STREET_ADDRESS",
    "DATE_TIME",
)
"""What a token may be part of: lane 0 is for nothing, 2n + 1 for the first token of the label at n,
2n + 2 for its other tokens."""
LANES: Final = 16
"""How many scores a token has; the last stays unused."""

_FILE: Final = "names.model"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """What was learnt.

    Attributes:
        keys: Shape ``(words,)``, rising: what the lexicon holds.
        flags: Shape ``(words,)``: what it says of that.
        templates: Shape ``(templates, 3, 2)``: the features.
        weights: Shape ``(BUCKETS, LANES)``: how much a feature speaks for each lane.
        transitions: Shape ``(LANES, LANES)``: the same, for a lane and the one after it.
        unit: What 1 in *weights* and *transitions* means, as a logarithm of odds.
        slopes: Shape ``(labels,)``: a margin times this, and
        offsets: this added, is a logarithm of odds that holds on texts that were not learnt from.
    """

    keys: U32
    flags: U16
    templates: npt.NDArray[np.int8]
    weights: npt.NDArray[np.int8]
    transitions: npt.NDArray[np.int32]
    unit: float
    slopes: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.float64]


@cache
def load() -> Model:
    """Read the model that comes with maskline.

    Raises:
        ValueError: The file is damaged: install maskline again.
    """
    return unpack(files("maskline._detectors.names").joinpath(_FILE).read_bytes())


def unpack(packed: bytes) -> Model:
    """Read a model.

    Raises:
        ValueError: The file is damaged, or of another version.
    """
    head, _, body = packed.partition(b"\n")
    header = json.loads(head)
    if header["version"] != _VERSION or header["sha256"] != hashlib.sha256(body).hexdigest():
        message = f"The file {_FILE} is damaged, or of another version: install maskline again."
        raise ValueError(message)
    data = zlib.decompress(body)
    words, templates = header["words"], header["templates"]
    shapes: list[tuple[str, tuple[int, ...]]] = [
        ("<u4", (words,)),
        ("<u2", (words,)),
        ("<i1", (templates, 3, 2)),
        ("<i1", (BUCKETS, LANES)),
        ("<i4", (LANES, LANES)),
    ]
    arrays, at = [], 0
    for kind, shape in shapes:
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(data, kind, count, at).reshape(shape))
        at += arrays[-1].nbytes
    return Model(
        keys=np.ascontiguousarray(np.cumsum(arrays[0], dtype=np.uint32)),
        flags=arrays[1],
        templates=arrays[2],
        weights=arrays[3],
        transitions=arrays[4],
        unit=header["unit"],
        slopes=np.array(header["slopes"]),
        offsets=np.array(header["offsets"]),
    )
