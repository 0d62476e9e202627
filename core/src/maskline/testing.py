"""What every plugin must pass, for its own tests to call.

Each check raises AssertionError, which names the plugin and the rule it breaks and never a value.
This module knows the roles and plays the engine's part with a fresh key. It does not know policies,
databases or any plugin.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from maskline._maskers.redact import redact
from maskline.model import (
    FREE_TEXT,
    JSON,
    UNKNOWN,
    AccessEvent,
    ColumnRef,
    Flow,
    Kind,
    Label,
    Mask,
    OptionValue,
    Outcome,
    OutputColumn,
    Principal,
    ReadColumn,
    Spans,
    Traits,
)
from maskline.roles import Anchor, AnchorType, Detector, Masker, Sink, SinkType, Tokenizer
from maskline.tokens import Keyring

__all__ = ["MemoryContext", "check_anchor", "check_detector", "check_masker", "check_sink"]

_T = TypeVar("_T")
_NO_OPTIONS: Final[Mapping[str, OptionValue]] = MappingProxyType({})
_NO_SUCH_OPTION: Final = "no_such_option"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_ENTITY: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_EMAIL: Final = re.compile(rb"(?<![A-Za-z0-9._])[A-Za-z0-9._]+@[A-Za-z0-9.]*[A-Za-z0-9]")
_TEXTS: Final = (
    "ada@example.com",
    "Write to ada@example.com, or to grace@example.org.",
    "ADA@EXAMPLE.COM",
    "123-45-6789",
    "4111 1111 1111 1111",
    "",
    " ",
    "-- !",
    "Zoë Müller, 山田太郎 😀",
    "Zoe\u0308 Mu\u0308ller",
    "ada\0@example.com\0",
    "\ufeff\u202e\u200d",
    None,
    "ada@example.com",
    "x" * 70_000,
    "é ada@example.com " * 2_000,
)
_DOCUMENTS: Final = (
    '{"name": "Ada", "contact": {"mail": "ada@example.com", "phones": [5550100, true, null]}}',
    '{"ada@example.com": 1.50, "grace@example.org": 2e3}',
    '["Zoë \\u00e9 \\u0000", "", {}]',
    '"ada@example.com"',
    "{",
    None,
)


class MemoryContext:
    """What a masker may ask for, without a policy: a fresh key, and a detector of e-mail addresses.

    Args:
        label: What the column is.
        masks: What entities become: maskers and their options. Others are redacted.
    """

    def __init__(
        self,
        label: Label,
        *,
        masks: Mapping[str, tuple[Masker, Mapping[str, OptionValue]]] = MappingProxyType({}),
    ) -> None:
        self._label = label
        self._masks = masks

    @property
    def label(self) -> Label:
        """What the column is."""
        return self._label

    def tokenizer(self, domain: str) -> Tokenizer:
        """Return the tokens of a domain, under a key that lives as long as the process."""
        return _tokenizer(domain)

    def find(self, column: pa.StringArray) -> Spans:
        """Find plain e-mail addresses."""
        found = [
            (row, *match.span())
            for row, text in enumerate(column.to_pylist())
            for match in _EMAIL.finditer((text or "").encode())
        ]
        rows, starts, ends = np.array(found, np.int64).reshape(-1, 3).T
        return Spans(
            rows=rows,
            starts=starts,
            ends=ends,
            entities=np.zeros(len(rows), np.int32),
            scores=np.ones(len(rows), np.float32),
            names=("EMAIL_ADDRESS",),
        )

    def mask_as(self, entity: str, column: pa.StringArray) -> pa.StringArray:
        """Mask values as *masks* says, or else replace each by the entity's name."""
        if entity not in self._masks:
            return redact(column, entity)
        masker, options = self._masks[entity]
        context = MemoryContext(Label(entity=entity), masks=self._masks)
        return masker.mask(column, options=options, context=context)


@cache
def _tokenizer(domain: str) -> Tokenizer:
    slug = "".join(filter(str.isalnum, domain.lower()))[:16]
    return _keyring().tokenizer(domain, slug=slug)


@cache
def _keyring() -> Keyring:
    return Keyring.generate()


def check_masker(masker: Masker, *, options: Mapping[str, OptionValue] = _NO_OPTIONS) -> None:
    """Check a masker on columns of many types.

    Args:
        masker: The masker, as the plugin offers it.
        options: Options that a policy may give it.

    Raises:
        AssertionError: It breaks a rule: of its role, its options, the length, type and nulls of
            its results, its claims, or the promises that a mask depends on the value alone and
            that to mask a text twice changes nothing.
    """
    who = _check_role(masker, Masker, "masker")
    _check_options(masker.check, who, options)
    for kind, column, label in _samples():
        traits = _call(who, partial(masker.traits, options, kind))
        _require(isinstance(traits, Traits), who, "traits returns Traits")
        # Over one value, a sum is that value.
        least: object = traits.minimum_group
        is_group = type(least) is int and (least == 0 or least > 1)
        _require(is_group, who, "its minimum_group is 0, or a whole number from 2")
        what = f"{who} on {column.type} labelled {label.entity}"
        context = MemoryContext(label)

        def mask(values: pa.Array, what: str = what, context: MemoryContext = context) -> pa.Array:
            masked = _call(what, lambda: masker.mask(values, options=options, context=context))
            _require(isinstance(masked, pa.Array), what, "mask returns an Arrow array")
            _require(masked.type == values.type, what, "the type stays exactly the same")
            _require(len(masked) == len(values), what, "the length stays the same")
            _require(_is_sound(masked), what, "the result is a sound array")
            return masked

        _check_claims(mask(column), column, what, traits)
        _check_function(mask, column, what)


def _check_claims(masked: pa.Array, column: pa.Array, who: str, traits: Traits) -> None:
    missing, gone = column.is_null(), masked.is_null()
    _require(gone.filter(missing).true_count == missing.true_count, who, "null stays null")
    if traits.keeps_nulls:
        _require(gone.equals(missing), who, "no value becomes null, as its traits claim")
    if traits.injective:
        _require(
            _distinct(masked) == _distinct(column),
            who,
            "different values stay different, as its traits claim",
        )


def _check_function(mask: Callable[[pa.Array], pa.Array], column: pa.Array, who: str) -> None:
    masked = mask(column)
    mask(column.slice(0, 0))
    _require(mask(column).equals(masked), who, "the same column has the same mask again")
    _require(mask(column.slice(1)).equals(masked.slice(1)), who, "a slice is masked as the whole")
    alone = pa.concat_arrays([mask(column.slice(row, 1)) for row in range(len(column))])
    _require(alone.equals(masked), who, "a mask depends on the value alone")
    if column.type == pa.string():
        _require(mask(masked).equals(masked), who, "to mask what is masked changes nothing")


def _samples() -> Iterator[tuple[Kind, pa.Array, Label]]:
    entity = Label(entity="EMAIL_ADDRESS")
    for label in (entity, Label(entity=FREE_TEXT), Label(entity=UNKNOWN)):
        yield Kind.TEXT, pa.array(_TEXTS, pa.string()), label
    paths = (("$.contact.mail", "EMAIL_ADDRESS"), ("$.contact.phones[*]", "PHONE_NUMBER"))
    for kind in (Kind.TEXT, Kind.JSON):
        yield kind, pa.array(_DOCUMENTS + _TEXTS, pa.string()), Label(entity=JSON, paths=paths)
    for kind, type_, values in _typed_values():
        yield kind, pa.array([*values, None, values[0]], type_), entity


def _typed_values() -> Iterator[tuple[Kind, pa.DataType, list[object]]]:
    for width in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64()):
        yield Kind.INTEGER, width, [1, 0, 127]
    yield Kind.INTEGER, pa.int64(), [-(2**63), 2**63 - 1, -1]
    yield Kind.NUMBER, pa.float32(), [1.5, 0.0, -2.0]
    yield Kind.NUMBER, pa.float64(), [1.5, float("inf"), -1e300]
    yield Kind.NUMBER, pa.decimal128(38, 2), [Decimal("1.50"), Decimal("-0.01")]
    yield Kind.BOOLEAN, pa.bool_(), [True, False]
    yield Kind.DATE, pa.date32(), [date(1990, 1, 31), date(1, 1, 1)]
    moments: list[object] = [
        datetime(1990, 1, 31, 12, tzinfo=UTC),
        datetime(2024, 2, 29, tzinfo=UTC),
    ]
    yield Kind.TIMESTAMP, pa.timestamp("us"), moments
    yield Kind.TIMESTAMP, pa.timestamp("ns", "UTC"), moments
    yield Kind.BINARY, pa.binary(), [b"\x00\xff", b"", b"ada@example.com"]
    yield Kind.JSON, pa.struct({"name": pa.string()}), [{"name": "Ada"}, {"name": None}]
    yield Kind.OTHER, pa.list_(pa.string()), [["Ada"], [], [None]]
    yield Kind.OTHER, pa.map_(pa.string(), pa.int64()), [[("Ada", 1)], []]
    yield Kind.OTHER, pa.time64("us"), [time(12, 30), time(0)]
    yield Kind.OTHER, pa.uuid(), [bytes(16), bytes(range(16))]
    yield Kind.OTHER, pa.null(), [None]


def check_detector(detector: Detector, *, examples: Sequence[str] = ()) -> None:
    """Check a detector on texts of many kinds.

    Args:
        detector: The detector, as the plugin offers it.
        examples: Texts in each of which it must find something.

    Raises:
        AssertionError: It breaks a rule: of its role, or that its stretches lie inside their rows,
            cut no character in two, name entities it has declared, and depend on the text alone.
    """
    who = _check_role(detector, Detector, "detector")
    entities = _entities(detector, who)
    texts = (*examples, *_TEXTS)
    # Who counts characters instead of bytes ends up inside one of these, after 30 or after 31.
    padded = [text and f"{'山' * count} {text} 山" for text in texts for count in (30, 31)]
    column = pa.array([*texts, *_DOCUMENTS, *padded], pa.string())

    def detect(values: pa.StringArray) -> list[tuple[int, int, int, str, float]]:
        spans = _call(who, lambda: detector.detect(values))
        _check_spans(spans, values, who, entities)
        names = [spans.names[entity] for entity in spans.entities]
        parts = (spans.rows, spans.starts, spans.ends)
        numbers = zip(*(part.tolist() for part in parts), names, spans.scores.tolist(), strict=True)
        return sorted(numbers)

    found = detect(column)
    rows = {row for row, *_ in found}
    _require(rows.issuperset(range(len(examples))), who, "it finds something in each example")
    _require(detect(column.slice(0, 0)) == [], who, "it finds nothing where there is nothing")
    _require(detect(column) == found, who, "the same column has the same stretches again")
    alone = [
        (row, *rest) for row in range(len(column)) for _, *rest in detect(column.slice(row, 1))
    ]
    _require(alone == found, who, "what it finds in a row depends on that row alone")


def _entities(detector: Detector, who: str) -> tuple[str, ...]:
    entities: object = _call(who, lambda: detector.entities)
    if not isinstance(entities, tuple) or not all(_is_name(name, _ENTITY) for name in entities):
        raise _broken(who, "entities is a tuple of names in capitals")
    _require(len(entities) > 0, who, "it names an entity at least")
    return entities


def _check_spans(
    spans: object, column: pa.StringArray, who: str, entities: tuple[str, ...]
) -> None:
    if not isinstance(spans, Spans):
        raise _broken(who, "detect returns Spans")
    parts: tuple[tuple[Any, type], ...] = (
        (spans.rows, np.int64),
        (spans.starts, np.int64),
        (spans.ends, np.int64),
        (spans.entities, np.int32),
        (spans.scores, np.float32),
    )
    _require(
        all(isinstance(part, np.ndarray) and part.shape == (len(spans),) for part, _ in parts),
        who,
        "the parts of its Spans are arrays of one length",
    )
    _require(all(part.dtype == kind for part, kind in parts), who, "they have the right types")
    _require(set(spans.names) <= set(entities), who, "its Spans name entities it has declared")
    indexes, scores = spans.entities, spans.scores
    _require(_all((indexes >= 0) & (indexes < len(spans.names))), who, "each entity has a name")
    _require(_all((scores >= 0) & (scores <= 1)), who, "scores go from 0 to 1")
    _require(_all((spans.rows >= 0) & (spans.rows < len(column))), who, "rows are of the column")
    for row in np.unique(spans.rows):
        _check_row(spans, int(row), column[int(row)].as_py(), who)


def _check_row(spans: Spans, row: int, text: str | None, who: str) -> None:
    if text is None:
        raise _broken(who, "nothing is found in null")
    data = np.frombuffer(text.encode() + b"\0", np.uint8)
    starts, ends = spans.starts[spans.rows == row], spans.ends[spans.rows == row]
    is_inside = (starts >= 0) & (starts < ends) & (ends < len(data))
    _require(_all(is_inside), who, "a stretch lies inside its row, and is not empty")
    edges = data[np.concatenate([starts, ends])]
    _require(_all(edges & 0xC0 != 0x80), who, "no stretch cuts a character in two")  # noqa: PLR2004


def check_sink(sink_type: SinkType, *, options: Mapping[str, OptionValue] = _NO_OPTIONS) -> None:
    """Check a kind of sink: open it twice, each time for events of every outcome.

    Args:
        sink_type: The kind of sink, as the plugin offers it.
        options: Options that a policy may give it. Their paths are put into an empty folder.

    Raises:
        AssertionError: It breaks a rule: of its role or its options, or that it takes every event.
    """
    who = _check_role(sink_type, SinkType, "sink")
    _check_options(sink_type.check, who, options)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            sink = _call(
                who,
                lambda: sink_type.open(options, resolve=lambda path: str(Path(folder, path))),
            )
            _require(isinstance(sink, Sink), who, "open returns a sink")
            for outcome in Outcome:
                for event in _events(outcome):
                    _call(who, partial(sink.emit, event))
            _call(who, sink.close)


def check_anchor(
    anchor_type: AnchorType, *, options: Mapping[str, OptionValue] = _NO_OPTIONS
) -> None:
    """Check a kind of anchor: open it twice, each time for the same two checkpoints.

    Args:
        anchor_type: The kind of anchor, as the plugin offers it.
        options: Options that a policy may give it. Relative paths are put into an empty folder.

    Raises:
        AssertionError: It breaks a rule: of its role or its options, or that it takes every
            checkpoint, one that it has taken before, too.
    """
    who = _check_role(anchor_type, AnchorType, "anchor")
    _check_options(anchor_type.check, who, options)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            anchor = _call(
                who,
                lambda: anchor_type.open(options, resolve=lambda path: str(Path(folder, path))),
            )
            _require(isinstance(anchor, Anchor), who, "open returns an anchor")
            for size in (1, 2**40):
                note = f"example.com/audit\n{size}\n\n\u2014 example.com/audit AAAA\n"
                _call(who, partial(anchor.put, note, size=size))


def _events(outcome: Outcome) -> Iterator[AccessEvent]:
    ref = ColumnRef("main", 'Zoë\'s "customers"', "e\nmail")
    sparse = AccessEvent(
        query_id="00000000-0000-4000-8000-000000000000",
        time="2024-02-29T12:00:00.000000Z",
        outcome=outcome,
        principal=Principal(kind="agent", id="山田 😀"),
        purpose="",
        source="shop",
        namespace="duckdb",
        dialect="duckdb",
        sql="",
        fingerprint="",
        decision="refused",
        policy_hash="0" * 64,
    )
    yield sparse
    yield replace(
        sparse,
        principal=Principal(kind="human", id="zoë", roles=("a", "b"), on_behalf_of=("c",)),
        purpose="support",
        sql="SELECT email FROM customers WHERE id = ?",
        fingerprint="0" * 64,
        decision="commuting",
        reason="Because.",
        reads=(
            ReadColumn(ref=ref, type="VARCHAR", entity="EMAIL_ADDRESS", mask=Mask(name="redact")),
            ReadColumn(ref=ref),
        ),
        outputs=(
            OutputColumn(
                name="",
                sources=((ref, (Flow.IDENTITY,)),),
                label=Label(entity="EMAIL_ADDRESS", confidence=0.5, evidence="its name"),
                mask=Mask(name="token", options=(("keep", "domain"),)),
                rule="default",
            ),
            OutputColumn(name="n"),
        ),
        output_types=("string", "int64"),
        influences=((ref, (Flow.FILTER, Flow.SORT)),),
        lookups=((ref, 2),),
        key_versions=(1, 2),
        rows=2**40,
        bytes=2**50,
        duration_ms=1,
        parent_run=("airflow", "dag.task", "00000000-0000-4000-8000-000000000001"),
    )


def _check_role(plugin: object, role: type, what: str) -> str:
    who = f"{what} {type(plugin).__name__}"
    plays = _call(who, lambda: isinstance(plugin, role))
    _require(plays, who, f"it plays the role {role.__name__}")
    name = _call(who, lambda: plugin.name)  # type: ignore[attr-defined]
    _require(_is_name(name, _NAME), who, "its name is of lower-case letters, digits, - and _")
    return f"{what} {name}"


def _check_options(
    check: Callable[[Mapping[str, OptionValue]], Sequence[str]],
    who: str,
    options: Mapping[str, OptionValue],
) -> None:
    _require(len(_call(who, lambda: check(options))) == 0, who, "it accepts the options given")
    wrong = {**options, _NO_SUCH_OPTION: "x"}
    problems = _call(who, lambda: check(wrong))
    _require(len(problems) > 0, who, "it refuses an option that it does not have")
    _require(
        not isinstance(problems, str) and all(map(_is_sentence, problems)),
        who,
        "check returns a sequence of sentences",
    )


def _call(who: str, function: Callable[[], _T]) -> _T:
    try:
        return function()
    except Exception as exc:  # noqa: BLE001 - its text may hold a value
        culprit = type(exc).__name__
    raise _broken(who, f"it raises nothing, but raised {culprit}")


def _require(is_met: bool, who: str, rule: str) -> None:  # noqa: FBT001 - as in assert
    if not is_met:
        raise _broken(who, rule)


def _broken(who: str, rule: str) -> AssertionError:
    return AssertionError(f"The {who} breaks a rule: {rule}.")


def _is_name(name: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(name, str) and pattern.fullmatch(name) is not None


def _is_sentence(problem: object) -> bool:
    return isinstance(problem, str) and problem.endswith(".")


def _is_sound(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _distinct(column: pa.Array) -> int:
    return len({repr(value) for value in column.drop_null().to_pylist()})


def _all(is_met: npt.NDArray[np.bool_]) -> bool:
    return bool(is_met.all())
