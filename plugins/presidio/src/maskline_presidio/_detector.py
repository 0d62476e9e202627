"""Runs an engine of Presidio over a column.

Each distinct text is looked at once. Presidio counts characters and maskline bytes. Nothing that
Presidio raises is passed on, since it may hold the text. This module knows Arrow, and of Presidio
only its engines.
"""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerResult

from maskline.errors import MaskingError, PluginContractError
from maskline.model import Spans
from maskline.patterns import masked_stretches
from maskline_presidio._entities import names_of

__all__ = ["PresidioDetector", "known_entities"]

_TEXTS: Final = 1_000
_BATCH: Final = 64
_TOP_BITS, _CONTINUES = 0xC0, 0x80
_Places = npt.NDArray[np.int64]


def known_entities(analyzer: AnalyzerEngine, language: str) -> frozenset[str]:
    """Return what an engine finds in texts in a language, as Presidio calls it."""
    try:
        return frozenset(analyzer.get_supported_entities(language))
    except ValueError:
        # That is how it says that it has no recognizer for the language.
        return frozenset()


class PresidioDetector:
    """A detector of all that an engine of Presidio finds in one language."""

    __slots__ = ("_engine", "_language", "_lock", "_names", "_threshold", "_wanted")

    def __init__(
        self,
        analyzer: AnalyzerEngine,
        *,
        language: str = "en",
        entities: Sequence[str] | None = None,
        threshold: float | None = None,
    ) -> None:
        """Take an engine.

        Args:
            analyzer: The engine.
            language: One that it supports.
            entities: As Presidio calls them; all that it knows for the language if None.
            threshold: The smallest score that counts; the engine's own if None.

        Raises:
            PluginContractError: The engine knows no entity, or not those; or it writes what it
                reads into a log.
        """
        known = known_entities(analyzer, language)
        self._wanted = sorted(known if entities is None else {*entities})
        if not self._wanted or not known.issuperset(self._wanted):
            msg = f"Presidio does not find these entities in texts in {language!r}."
            raise PluginContractError(msg, hint=f"It finds: {', '.join(sorted(known)) or 'none'}.")
        if analyzer.log_decision_process:
            msg = "The engine of Presidio logs its decisions, and with them pieces of the texts."
            raise PluginContractError(msg, hint="Make it with log_decision_process=False.")
        self._engine = BatchAnalyzerEngine(analyzer)
        self._language = language
        self._names = names_of(self._wanted)
        self._threshold = threshold
        # A pipeline of spaCy is not made for several threads at once.
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """A name that is unique among all detectors."""
        return f"presidio_{self._language}"

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of the entities it can find."""
        return tuple(self._names.values())

    def detect(self, column: pa.StringArray) -> Spans:
        """Find every stretch. Stretches of different recognizers may overlap.

        Raises:
            MaskingError: Presidio failed, or gave back what cannot be.
        """
        encoded = column.dictionary_encode()
        texts = encoded.dictionary
        found = self._find(texts)
        number, starts, ends, entities = found[:, :4].astype(np.int64).T
        starts, ends = _bytes_of(texts, number, starts, ends)
        is_open = ~_is_masked(texts, number, starts, ends)
        number, starts, ends = number[is_open], starts[is_open], ends[is_open]
        entities, scores = entities[is_open], found[is_open, 4]
        rows, which = _copies(encoded.indices, number)
        return Spans(
            rows=rows,
            starts=starts[which],
            ends=ends[which],
            entities=entities[which].astype(np.int32),
            scores=scores[which].astype(np.float32),
            names=self.entities,
        )

    def _find(self, texts: pa.StringArray) -> npt.NDArray[np.float64]:
        """Return number of the text, first character, character after the last, entity, score."""
        places = {entity: place for place, entity in enumerate(self._names)}
        found = [np.empty((0, 5))]
        for first in range(0, len(texts), _TEXTS):
            batch: list[str] = texts.slice(first, _TEXTS).to_pylist()
            rows = [
                (first + row, one.start, one.end, places[one.entity_type], min(one.score, 1.0))
                for row, results in enumerate(self._analyze(batch))
                for one in results
            ]
            found.append(np.array(rows, np.float64).reshape(-1, 5))
        return np.concatenate(found)

    def _analyze(self, batch: Sequence[str]) -> list[list[RecognizerResult]]:
        """Ask Presidio, and check what it says."""
        problem = ""
        try:
            with self._lock:
                results = self._engine.analyze_iterator(
                    batch,
                    self._language,
                    batch_size=_BATCH,
                    entities=self._wanted,
                    score_threshold=self._threshold,
                )
        except Exception as error:  # noqa: BLE001 - recognizers and models may raise anything
            problem, results = type(error).__name__, []
        if not problem and not all(
            one.entity_type in self._names and 0 <= one.start < one.end <= len(text)
            for text, found in zip(batch, results, strict=True)
            for one in found
        ):
            problem = "it found what it had not announced, or beside the text"
        if problem:
            msg = f"Presidio failed on some of {len(batch)} texts: {problem}."
            raise MaskingError(msg, hint="Try its recognizers one by one to see which does.")
        return results


def _is_masked(
    texts: pa.StringArray, number: _Places, starts: _Places, ends: _Places
) -> npt.NDArray[np.bool_]:
    """Tell what overlaps something that maskline wrote: a token, or a redaction."""
    rows, first, last = masked_stretches(texts)
    if not len(rows):
        return np.zeros(len(number), np.bool_)
    # Laid end to end, with room between, the texts are one line.
    room = int(max(last.max(), ends.max(initial=0))) + 1
    # The first stretch that ends behind the start of a finding is the only one to look at.
    place = np.searchsorted(rows * room + last, number * room + starts, side="right")
    nearest = np.minimum(place, len(rows) - 1)
    overlaps = rows[nearest] * room + first[nearest] < number * room + ends
    is_masked: npt.NDArray[np.bool_] = (place < len(rows)) & overlaps
    return is_masked


def _copies(indices: pa.Array, number: _Places) -> tuple[_Places, _Places]:
    """Return each row whose text something was found in, with the place of the finding."""
    codes = pc.fill_null(indices, -1).to_numpy(zero_copy_only=False)
    rows = np.argsort(codes, kind="stable").astype(np.int64)
    low = np.searchsorted(codes[rows], number, side="left")
    times = np.searchsorted(codes[rows], number, side="right") - low
    which = np.repeat(np.arange(len(number)), times)
    copy = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)
    return rows[low[which] + copy], which


def _bytes_of(
    texts: pa.StringArray, number: _Places, starts: _Places, ends: _Places
) -> tuple[_Places, _Places]:
    """Count bytes of UTF-8 where Presidio counts characters."""
    data = np.frombuffer("".join(texts.to_pylist()).encode(), np.uint8)
    # Where each character begins; the end of all is one more place.
    begins = np.append(np.flatnonzero((data & _TOP_BITS) != _CONTINUES), len(data))
    sizes = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    origin = (np.cumsum(sizes) - sizes)[number]
    zero = begins[origin]
    return begins[origin + starts] - zero, begins[origin + ends] - zero
