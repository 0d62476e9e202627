"""Takes sensitive values out of text, and out of the records that programs log.

What the built-in detectors find is replaced by the name of its entity, such as ``[EMAIL_ADDRESS]``.
That is a safety net, not a mask: a name or a diagnosis in a sentence looks like any other word. So
what is known to be a value should not be logged at all.

This module knows the built-in detectors and `logging`. It does not know policies, keys or plugins,
and it needs no structlog to serve it.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final, TypeAlias

import pyarrow as pa

from maskline._detectors import BUILTIN
from maskline._detectors.scanner import find
from maskline._kernels import splice
from maskline._maskers.redact import redaction

__all__ = ["UNSCRUBBED", "ScrubFilter", "scrub", "scrub_event"]

UNSCRUBBED: Final = "<a log record that could not be scrubbed>"
"""Stands for a record of which nothing could safely be kept."""

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

# What `logging` makes of the program and the clock, and not of data.
_OURS: Final = frozenset(
    {
        "args", "created", "exc_info", "filename", "funcName", "levelname", "levelno", "lineno",
        "module", "msecs", "msg", "name", "pathname", "process", "relativeCreated", "thread",
    }
)  # fmt: skip
_NESTED: Final = (Mapping, list, tuple, set, frozenset)


def scrub(text: str) -> str:
    """Replace every sensitive value that the built-in detectors find in a text.

    Args:
        text: Any text, of any length.

    Returns:
        The text with the name of its entity in place of each value: ``[CREDIT_CARD]``. Scrubbing it
        again changes nothing.
    """
    [scrubbed] = _scrubbed([text])
    return scrubbed


class ScrubFilter(logging.Filter):
    """Scrubs log records: the message with its arguments, the traceback, the stack, and extras.

    Add it to handlers. A filter of a logger does not see the records of the loggers below it. The
    record is changed for all handlers that come after, and no record is dropped. If one cannot be
    scrubbed, all that is left of it is where it came from, its level, and `UNSCRUBBED`.
    """

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: A003, RUF100 - logging's name
        """Scrub a record, and let it pass."""
        try:
            fresh = _scrubbed_record(record)
        except Exception:  # noqa: BLE001 - the record may hold objects that do anything
            # Formatters name attributes, and fail where one is missing.
            fresh = {name: None for name in record.__dict__.keys() - _OURS if name.isidentifier()}
            fresh["msg"] = UNSCRUBBED
        for name in record.__dict__.keys() - _OURS:
            del record.__dict__[name]
        record.__dict__.update({"exc_text": None, "stack_info": None, **fresh})
        record.args = None
        record.exc_info = None
        return True


def scrub_event(
    logger: object, name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Scrub an event of structlog: put it among the processors, before the one that renders.

    An exception in ``exc_info`` becomes its scrubbed text in ``exception``. Keys are scrubbed too.

    Args:
        logger: Not looked at.
        name: Not looked at.
        event_dict: The event. It is not changed.

    Returns:
        A new event. If it cannot be scrubbed, all that is left of it is `UNSCRUBBED`.
    """
    del logger, name
    try:
        event = dict(event_dict)
        found = _exc_info(event.pop("exc_info", None))
        if found is not None:
            event["exception"] = _traceback(found)
        scrubbed: dict[str, Any] = _everywhere(event)
    except Exception:  # noqa: BLE001 - the event may hold objects that do anything
        return {"event": UNSCRUBBED}
    return scrubbed


def _scrubbed_record(record: logging.LogRecord) -> dict[str, Any]:
    """Return what takes the place of a record's attributes."""
    fresh = {name: value for name, value in record.__dict__.items() if name not in _OURS}
    fresh["msg"] = record.getMessage()
    found = _exc_info(record.exc_info)
    if found is not None:
        fresh["exc_text"] = record.exc_text or _traceback(found)
    scrubbed: dict[str, Any] = _everywhere(fresh)
    return scrubbed


def _exc_info(given: object) -> _ExcInfo | None:
    """Return the exception that somebody wants logged, in any of the ways to say so."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple):
        kind, error, trace = given
        return (kind, error, trace) if error is not None else None
    kind, error, trace = sys.exc_info() if given else (None, None, None)
    return (kind, error, trace) if kind is not None and error is not None else None


def _traceback(found: _ExcInfo) -> str:
    return "".join(traceback.format_exception(*found)).rstrip("\n")


def _everywhere(value: Any) -> Any:  # noqa: ANN401 - anything that somebody logs
    """Return a copy of nested lists and dictionaries in which every text is scrubbed."""
    return _rebuilt(value, iter(_scrubbed(list(_texts(value, ())))))


def _texts(value: object, inside: tuple[int, ...]) -> Iterator[str]:
    """Yield every text there is, in the order in which `_rebuilt` puts them back."""
    if isinstance(value, _NESTED):
        if id(value) in inside:
            msg = "What is logged holds itself."
            raise ValueError(msg)
        items = value.items() if isinstance(value, Mapping) else value
        for item in items:
            yield from _texts(item, (*inside, id(value)))
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _rebuilt(value: Any, scrubbed: Iterator[str]) -> Any:  # noqa: ANN401 - as in `_everywhere`
    if isinstance(value, Mapping):
        return {_rebuilt(key, scrubbed): _rebuilt(item, scrubbed) for key, item in value.items()}
    if isinstance(value, _NESTED):
        items = [_rebuilt(item, scrubbed) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if value is None or isinstance(value, bool):
        return value
    text = next(scrubbed)
    # Of any other object nobody knows what it shows of itself, and to whom.
    return value if type(value) in {int, float} and text == str(value) else text


def _scrubbed(texts: list[str]) -> list[str]:
    """Scrub texts, all at once."""
    try:
        column = pa.array(texts, pa.string())
    except UnicodeEncodeError:
        # Halves of characters are in no text that anybody could read.
        column = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
    spans = find(column, BUILTIN)
    # Every line of a log has a time, which tells of nobody. A date of birth is told apart.
    spans = spans.take(~spans.are("DATE_TIME"))
    if not len(spans):
        return texts
    stretches = pa.array([redaction(spans.names[entity]) for entity in spans.entities], pa.string())
    scrubbed: list[str] = splice(column, spans, lambda _: stretches).to_pylist()
    return scrubbed
