"""Trains the model of names, and writes ``core/src/maskline/_detectors/names/names.model``.

    python -m pip install -r tools/train_names/requirements.txt
    PYTHONHASHSEED=0 python tools/train_names/train.py

The same versions of everything, and the same seed, give the same file. Faker keeps some of its
lists in sets, so Python's own seed has to be told, too.
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pycrfsuite
from lexicon import build
from texts import Span, Writer

from maskline._detectors.names._decode import decode, join, sequences
from maskline._detectors.names._features import BUCKETS, Flag, atoms, buckets, look_up
from maskline._detectors.names._model import LABELS, LANES
from maskline._detectors.names._tokens import Case, Tokens, cut, mix

MODEL: Final = Path("core/src/maskline/_detectors/names/names.model")
_CHUNK: Final = 1000
# A gazetteer that held every name of the texts would teach that there are no others.
_FORGOTTEN: Final = 0.4

WORD, SHAPE, PREFIX, SUFFIX, ENDING, LISTS, PEOPLE, PLACES, THINGS, COMMON, GAP = range(11)
TEMPLATES: Final[list[tuple[tuple[int, int], ...]]] = [
    (),
    *[((atom, 0),) for atom in (WORD, SHAPE, PREFIX, SUFFIX, ENDING, PEOPLE, PLACES, THINGS)],
    ((COMMON, 0), (GAP, 0)),
    ((SHAPE, 0), (LISTS, 0)),
    ((SHAPE, 0), (COMMON, 0), (GAP, 0)),
    *[((atom, at),) for at in (-1, 1) for atom in (WORD, SHAPE, SUFFIX, PEOPLE, PLACES, THINGS)],
    *[((WORD, at),) for at in (-3, -2, 2, 3)],
    *[((SHAPE, at), (LISTS, at)) for at in (-2, 2)],
    ((WORD, -1), (SHAPE, 0)),
    ((WORD, -2), (WORD, -1)),
    ((WORD, -2), (WORD, -1), (SHAPE, 0)),
    ((WORD, 1), (SHAPE, 0)),
    ((WORD, 1), (WORD, 2)),
    ((SHAPE, -1), (SHAPE, 0), (SHAPE, 1)),
    ((PEOPLE, -1), (PEOPLE, 0)),
    ((PEOPLE, 0), (PEOPLE, 1)),
    ((PLACES, -1), (PLACES, 0)),
    ((GAP, 0), (GAP, 1), (WORD, -1)),
    ((GAP, 1), (WORD, 1), (COMMON, 0)),
]


def _columns(texts: list[str]) -> tuple[Tokens, list[int]]:
    parts = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, parts)])
    return cut(offsets, np.frombuffer(b"".join(parts), np.uint8)), offsets.tolist()


def _lanes(
    tokens: Tokens, offsets: list[int], texts: list[str], spans: list[list[Span]]
) -> npt.NDArray[np.int32]:
    """Return the lane of each token."""
    lanes = np.zeros(len(tokens), np.int32)
    for row, found in enumerate(spans):
        for start, end, label in found:
            low = offsets[row] + len(texts[row][:start].encode())
            high = offsets[row] + len(texts[row][:end].encode())
            inside = np.flatnonzero((tokens.starts >= low) & (tokens.ends <= high))
            lanes[inside] = 2 * LABELS.index(label) + 2
            lanes[inside[:1]] -= 1
    return lanes


def _forget(tokens: Tokens, flags: npt.NDArray[np.uint16], seed: int) -> npt.NDArray[np.uint16]:
    """Take some words of the gazetteers out, the same ones in the whole of a chunk."""
    lots = mix(tokens.hashes, np.uint32(seed)).astype(np.float64) / 2**32
    lists = Flag.GIVEN | Flag.FAMILY | Flag.PLACE
    return np.where(lots < _FORGOTTEN, flags & ~np.uint16(lists), flags).astype(np.uint16)


class _Examples:
    """Labelled texts, as features."""

    def __init__(self, keys: npt.NDArray[np.uint32], flags: npt.NDArray[np.uint16]) -> None:
        self._keys, self._flags = keys, flags
        self.templates = _packed_templates()

    def chunks(
        self, writer: Writer, count: int, *, is_forgetful: bool
    ) -> Iterator[tuple[Tokens, npt.NDArray[np.uint16], npt.NDArray[np.int32]]]:
        """Yield tokens, their features, shape ``(templates, tokens)``, and their lanes."""
        labelled = list(writer.write(count))
        for number in range(0, count, _CHUNK):
            part = labelled[number : number + _CHUNK]
            texts, spans = [text for text, _ in part], [found for _, found in part]
            tokens, offsets = _columns(texts)
            flags = look_up(tokens, self._keys, self._flags)
            if is_forgetful:
                flags = _forget(tokens, flags, number)
            features = buckets(self.templates, atoms(tokens, flags), tokens.rows)
            yield tokens, features, _lanes(tokens, offsets, texts, spans)


def _packed_templates() -> npt.NDArray[np.int8]:
    packed = np.full((len(TEMPLATES), 3, 2), -1, np.int8)
    for number, parts in enumerate(TEMPLATES):
        for place, part in enumerate(parts):
            packed[number, place] = part
    return packed


def _learn(
    examples: _Examples, writer: Writer, arguments: argparse.Namespace
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return weights, shape ``(BUCKETS, LANES)``, and transitions, shape ``(LANES, LANES)``."""
    trainer = pycrfsuite.Trainer(verbose=arguments.verbose)
    names = np.array([str(number) for number in range(BUCKETS)], object)
    for tokens, features, lanes in examples.chunks(writer, arguments.texts, is_forgetful=True):
        edges = [*np.flatnonzero(np.diff(tokens.rows, prepend=-1)).tolist(), len(tokens)]
        words = names[features.T]
        for low, high in pairwise(edges):
            trainer.append(words[low:high].tolist(), [str(lane) for lane in lanes[low:high]])
    trainer.set_params(
        {
            "c1": 0.15,
            "c2": 0.02,
            "max_iterations": arguments.iterations,
            "feature.possible_transitions": True,
            "feature.minfreq": 2,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/crf"
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        learnt = tagger.info()
    weights, transitions = np.zeros((BUCKETS, LANES)), np.full((LANES, LANES), -20.0)
    for (feature, lane), weight in learnt.state_features.items():
        weights[int(feature), int(lane)] = weight
    transitions[:-1, :-1] = 0
    for (left, right), weight in learnt.transitions.items():
        transitions[int(left), int(right)] = weight
    for lane in range(2, LANES, 2):
        stays = np.isin(np.arange(LANES), (lane - 1, lane))
        transitions[~stays, lane] = -20.0
    return weights, transitions


def _calibrate(
    examples: _Examples,
    writer: Writer,
    weights: npt.NDArray[np.int8],
    transitions: npt.NDArray[np.int32],
    unit: float,
) -> tuple[list[float], list[float]]:
    """Fit a logistic curve for each label: how often a stretch of some margin is right.

    Platt scaling (Platt, 1999), by Newton's method.
    """
    margins: list[list[float]] = [[] for _ in LABELS]
    rights: list[list[bool]] = [[] for _ in LABELS]
    for tokens, features, truth in examples.chunks(writer, 4000, is_forgetful=True):
        scores = weights[features.astype(np.int64)].sum(axis=0, dtype=np.int32)
        starts = sequences(tokens.rows, tokens.cases == Case.LINE)
        is_inner = np.diff(tokens.rows, prepend=-1)[starts] == 0
        lanes, gaps = decode(scores, transitions, starts, is_inner)
        found = join(tokens.rows, lanes, gaps)
        for first, last, label, margin in zip(
            found.firsts, found.lasts, found.labels, found.margins, strict=True
        ):
            margins[label].append(margin * unit)
            rights[label].append(bool(((truth[first : last + 1] + 1) // 2 - 1 == label).any()))
    fitted = [_platt(np.array(m), np.array(r)) for m, r in zip(margins, rights, strict=True)]
    return [slope for slope, _ in fitted], [offset for _, offset in fitted]


def _platt(margins: npt.NDArray[np.float64], rights: npt.NDArray[np.bool_]) -> tuple[float, float]:
    parameters, inputs = np.array([1.0, 0.0]), np.stack([margins, np.ones(len(margins))])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-(parameters @ inputs)))
        slope = inputs @ (rights - chance) - 10 * (parameters - [1.0, 0.0])
        curve = (inputs * (chance * (1 - chance))) @ inputs.T + 10 * np.eye(2)
        parameters += np.linalg.solve(curve, slope)
    return round(float(parameters[0]), 4), round(float(parameters[1]), 4)


def main() -> None:
    """Train, calibrate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=30000)
    parser.add_argument("--iterations", type=int, default=90)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        parser.error("Set PYTHONHASHSEED=0, else the file depends on chance.")
    began = time.monotonic()
    keys, flags = build()
    examples, writer = _Examples(keys, flags), Writer(arguments.seed)
    weights, transitions = _learn(examples, writer, arguments)
    unit = max(np.abs(weights).max() / 127, 1 / 24)
    whole = np.rint(np.clip(weights / unit, -127, 127)).astype(np.int8)
    steps = np.rint(transitions / unit).astype(np.int32)
    slopes, offsets = _calibrate(examples, Writer(arguments.seed + 1), whole, steps, unit)
    deltas = np.diff(keys, prepend=np.uint32(0)).astype("<u4")
    arrays = (deltas, flags.astype("<u2"), examples.templates, whole, steps.astype("<i4"))
    body = zlib.compress(b"".join(array.tobytes() for array in arrays), 9)
    header = {
        "version": 1,
        "sha256": hashlib.sha256(body).hexdigest(),
        "words": len(keys),
        "templates": len(TEMPLATES),
        "unit": float(unit),
        "slopes": slopes,
        "offsets": offsets,
        "labels": LABELS,
        "seed": arguments.seed,
        "texts": arguments.texts,
        "places": "Contains data of GeoNames (geonames.org), CC BY 4.0",
    }
    arguments.out.write_bytes(json.dumps(header).encode() + b"\n" + body)
    print(
        f"{arguments.out}: {arguments.out.stat().st_size} bytes, {time.monotonic() - began:.0f} s"
    )
    print(f"{np.count_nonzero(whole)} weights, slopes {slopes}, offsets {offsets}")


if __name__ == "__main__":
    main()
