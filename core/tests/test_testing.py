import random
import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from maskline._detectors import BUILTIN as DETECTORS
from maskline._sinks import BUILTIN as SINKS
from maskline.model import FREE_TEXT, JSON, Kind, Label, Spans, Traits
from maskline.testing import MemoryContext, check_detector, check_masker, check_sink

CANARY = "ada@example.com"


class Redact:
    """A masker that keeps every rule, for others to break one."""

    name = "mine"
    injective = False

    def check(self, options):
        return [f"There is no option {name}." for name in options]

    def traits(self, options, kind):
        return Traits(injective=self.injective, keeps_nulls=kind is Kind.TEXT)

    def mask(self, column, *, options, context):
        if column.type != pa.string():
            return pa.nulls(len(column), column.type)
        return self.mask_text(column, context)

    def mask_text(self, column, context):
        return pc.if_else(column.is_valid(), "[X]", pa.scalar(None, pa.string()))


def texts(values):
    return pa.array(values, pa.string())


class NotARole:
    name = "mine"


class Unnamed(Redact):
    name = "My masker"


class Nameless(Redact):
    @property
    def name(self):
        raise KeyError(CANARY)


class TakesAnyOption(Redact):
    def check(self, options):
        return []


class TakesNoOption(Redact):
    def check(self, options):
        return ["Nothing pleases it."]


class ReturnsAString(Redact):
    def check(self, options):
        return "Wrong." if options else ""


class ReturnsOtherThanSentences(Redact):
    def check(self, options):
        return [None for _ in options]


class NoTraits(Redact):
    def traits(self, options, kind):
        return {"injective": False}


class ShowsGroupsOfOne(Redact):
    def traits(self, options, kind):
        return Traits(injective=False, keeps_nulls=False, minimum_group=1)


class ShowsGroupsOfHalves(Redact):
    def traits(self, options, kind):
        return Traits(injective=False, keeps_nulls=False, minimum_group=2.5)


class Raises(Redact):
    def mask_text(self, column, context):
        raise ValueError(column[0].as_py())


class Asserts(Redact):
    def mask_text(self, column, context):
        raise AssertionError(column[0].as_py())


class NoArray(Redact):
    def mask_text(self, column, context):
        return ["[X]"] * len(column)


class OtherType(Redact):
    def mask(self, column, *, options, context):
        return pa.nulls(len(column), pa.int8())


class OtherLength(Redact):
    def mask_text(self, column, context):
        return texts(["[X]"])


class Unsound(Redact):
    def mask_text(self, column, context):
        edges = pa.py_buffer(
            np.zeros(len(column) + 1, np.int32) + np.arange(len(column) + 1, dtype=np.int32)
        )
        data = pa.py_buffer(b"\xff" * len(column))
        return pa.StringArray.from_buffers(len(column), edges, data)


class NoNullForNull(Redact):
    def mask_text(self, column, context):
        return texts(["[X]"] * len(column))


class NullForValue(Redact):
    def mask_text(self, column, context):
        return pa.nulls(len(column), pa.string())


class ClaimsToBeInjective(Redact):
    injective = True


class DependsOnChance(Redact):
    def mask_text(self, column, context):
        return texts([text and str(random.random()) for text in column.to_pylist()])  # noqa: S311


class DependsOnTheBatch(Redact):
    def mask_text(self, column, context):
        return texts([text if text is None else f"{len(column)}" for text in column.to_pylist()])


class DependsOnTheRow(Redact):
    def mask_text(self, column, context):
        masked = [
            text if text is None else f"[{len(column) - i}]"
            for i, text in enumerate(column.to_pylist())
        ]
        return texts(masked)


class IgnoresTheOffset(Redact):
    def mask_text(self, column, context):
        _, edges, data = column.buffers()
        whole = pa.StringArray.from_buffers(len(column), edges, data) if len(column) else column
        lengths = pc.cast(pc.binary_length(whole), pa.string())
        return pc.if_else(column.is_valid(), lengths, pa.scalar(None, pa.string()))


class NeverSettles(Redact):
    def mask_text(self, column, context):
        return texts([text if text is None else f"[X]{text}" for text in column.to_pylist()])


def test_a_masker_that_keeps_the_rules_passes():
    check_masker(Redact())


@pytest.mark.parametrize(
    ("masker", "rule"),
    [
        (NotARole(), "plays the role Masker"),
        (Unnamed(), "its name is of lower-case letters"),
        (Nameless(), "raised KeyError"),
        (TakesAnyOption(), "refuses an option that it does not have"),
        (TakesNoOption(), "accepts the options given"),
        (ReturnsAString(), "sequence of sentences"),
        (ReturnsOtherThanSentences(), "sequence of sentences"),
        (NoTraits(), "traits returns Traits"),
        (ShowsGroupsOfOne(), "its minimum_group is 0, or a whole number from 2"),
        (ShowsGroupsOfHalves(), "its minimum_group is 0, or a whole number from 2"),
        (Raises(), "raised ValueError"),
        (Asserts(), "raised AssertionError"),
        (NoArray(), "returns an Arrow array"),
        (OtherType(), "type stays exactly the same"),
        (OtherLength(), "length stays the same"),
        (Unsound(), "sound array"),
        (NoNullForNull(), "null stays null"),
        (NullForValue(), "no value becomes null"),
        (ClaimsToBeInjective(), "different values stay different"),
        (DependsOnChance(), "same mask again"),
        (DependsOnTheBatch(), "a slice is masked as the whole"),
        (DependsOnTheRow(), "a mask depends on the value alone"),
        (IgnoresTheOffset(), "a slice is masked as the whole"),
        (NeverSettles(), "changes nothing"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_masker_that_breaks_a_rule_is_told_which_and_no_value(masker, rule):
    with pytest.raises(AssertionError, match=rule) as caught:
        check_masker(masker)

    message = str(caught.value)
    assert message.startswith("The masker ")
    assert caught.value.__context__ is None
    assert CANARY not in message
    if not isinstance(masker, (NotARole, Unnamed, Nameless)):
        assert message.startswith("The masker mine")


def test_options_reach_the_masker():
    class Colourful(Redact):
        def check(self, options):
            return [f"There is no option {name}." for name in options if name != "colour"]

        def mask_text(self, column, context):
            raise NotImplementedError

        def mask(self, column, *, options, context):
            assert options == {"colour": "red"}
            return super().mask(column, options=options, context=context)

    with pytest.raises(AssertionError, match="raised NotImplementedError"):
        check_masker(Colourful(), options={"colour": "red"})


class Finder:
    """A detector that keeps every rule, for others to break one."""

    name = "mine"
    entities = ("EMAIL_ADDRESS",)
    changes = {}  # noqa: RUF012 - replaced by subclasses, never changed

    def detect(self, column):
        found = [
            (row, *match.span())
            for row, text in enumerate(column.to_pylist())
            for match in self.matches(text)
        ]
        rows, starts, ends = np.array(found, np.int64).reshape(-1, 3).T
        count = len(rows)
        spans = Spans(
            rows=rows,
            starts=starts,
            ends=ends,
            entities=np.zeros(count, np.int32),
            scores=np.ones(count, np.float32),
            names=("EMAIL_ADDRESS",),
        )
        return replace(spans, **{name: make(spans) for name, make in self.changes.items()})

    def matches(self, text):
        return re.finditer(rb"ada@example\.com", (text or "").encode())


def finder(**changes):
    return type("Changed", (Finder,), {"changes": changes})()


class DeclaresAList(Finder):
    entities = ["EMAIL_ADDRESS"]  # noqa: RUF012 - wrong on purpose


class DeclaresNothing(Finder):
    entities = ()


class DeclaresAnother(Finder):
    entities = ("PHONE_NUMBER",)


class ReturnsNone(Finder):
    def detect(self, column):
        return None


class FindsInNothing(Finder):
    def matches(self, text):
        return [] if text is not None else re.finditer(b"x", b"x")


class CountsCharacters(Finder):
    def matches(self, text):
        return re.finditer("ada@example", text or "")


class FindsByChance(Finder):
    def matches(self, text):
        return (match for match in super().matches(text) if random.random() < 0.5)  # noqa: S311


class LooksAtTheBatch(Finder):
    def detect(self, column):
        return super().detect(column if len(column) > 1 else column.slice(0, 0))


class FindsInAnEmptyColumn(Finder):
    def detect(self, column):
        if len(column):
            return super().detect(column)
        return super().detect(texts(["ada@example.com"]))


def test_a_detector_that_keeps_the_rules_passes():
    check_detector(Finder(), examples=["<ada@example.com>"])


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_every_detector_that_comes_with_maskline_passes(detector):
    check_detector(detector)


@pytest.mark.parametrize(
    ("detector", "rule"),
    [
        (NotARole(), "plays the role Detector"),
        (DeclaresAList(), "tuple of names in capitals"),
        (DeclaresNothing(), "an entity at least"),
        (DeclaresAnother(), "entities it has declared"),
        (ReturnsNone(), "detect returns Spans"),
        (FindsInNothing(), "nothing is found in null"),
        (CountsCharacters(), "no stretch cuts a character"),
        (FindsByChance(), "same stretches again"),
        (LooksAtTheBatch(), "depends on that row alone"),
        (FindsInAnEmptyColumn(), "rows are of the column"),
        (finder(rows=lambda spans: spans.rows.tolist()), "arrays of one length"),
        (finder(ends=lambda spans: spans.ends[:-1]), "arrays of one length"),
        (finder(starts=lambda spans: spans.starts.astype(np.int32)), "right types"),
        (finder(entities=lambda spans: spans.entities + np.int32(1)), "each entity has a name"),
        (finder(scores=lambda spans: spans.scores * np.float32("nan")), "from 0 to 1"),
        (finder(rows=lambda spans: spans.rows + 1000), "rows are of the column"),
        (finder(ends=lambda spans: spans.ends + 100_000), "lies inside its row"),
        (finder(ends=lambda spans: spans.starts), "is not empty"),
    ],
)
def test_a_detector_that_breaks_a_rule_is_told_which_and_no_value(detector, rule):
    with pytest.raises(AssertionError, match=rule) as caught:
        check_detector(detector)

    assert str(caught.value).startswith("The detector ")
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_detector_must_find_its_examples():
    with pytest.raises(AssertionError, match="finds something in each example"):
        check_detector(Finder(), examples=["ada@example.com", "nothing"])


class ListSinkType:
    """A kind of sink that keeps every rule, for others to break one."""

    name = "mine"

    def __init__(self, sink=None):
        self.opened = []
        self.sink = sink

    def check(self, options):
        return [f"There is no option {name}." for name in options if name != "path"]

    def open(self, options, *, resolve):
        self.opened.append(resolve(str(options.get("path", ""))))
        return self.sink or ListSink()


class ListSink:
    def __init__(self, refused=None):
        self.events = []
        self.closed = 0
        self._refused = refused

    def emit(self, event):
        if event.outcome == self._refused:
            raise ValueError(event.sql)
        self.events.append(event)

    def close(self):
        self.closed += 1


def test_a_sink_that_keeps_the_rules_passes_and_sees_every_outcome_twice():
    sink = ListSink()
    sink_type = ListSinkType(sink)

    check_sink(sink_type, options={"path": "events"})

    assert sink.closed == 2
    assert {event.outcome.value for event in sink.events} == {
        "started",
        "answered",
        "refused",
        "failed",
        "cancelled",
    }
    assert len(set(sink_type.opened)) == 1
    assert sink_type.opened[0].endswith("events")


@pytest.mark.parametrize("sink_type", SINKS, ids=lambda sink_type: sink_type.name)
def test_every_sink_that_comes_with_maskline_passes(sink_type):
    options = {"path": "events.jsonl"} if sink_type.check({}) else {}

    check_sink(sink_type, options=options)


@pytest.mark.parametrize(
    ("sink_type", "rule"),
    [
        (NotARole(), "plays the role SinkType"),
        (ListSinkType(NotARole()), "open returns a sink"),
        (ListSinkType(ListSink(refused="cancelled")), "raised ValueError"),
    ],
)
def test_a_sink_that_breaks_a_rule_is_told_which(sink_type, rule):
    with pytest.raises(AssertionError, match=rule) as caught:
        check_sink(sink_type)

    assert "SELECT" not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_context_finds_addresses_by_their_bytes_and_masks_what_it_is_told_to():
    context = MemoryContext(Label(entity=FREE_TEXT), masks={"PHONE_NUMBER": (Redact(), {})})
    column = texts(["é ada@example.com", None, "none"])

    spans = context.find(column)

    assert [part.tolist() for part in (spans.rows, spans.starts, spans.ends)] == [[0], [3], [18]]
    assert context.mask_as("US_SSN", column).to_pylist() == ["[US_SSN]", None, "[US_SSN]"]
    assert context.mask_as("PHONE_NUMBER", column).to_pylist() == ["[X]", None, "[X]"]
    assert context.tokenizer("A").text(column).equals(context.tokenizer("A").text(column))
    assert context.label.entity != JSON
