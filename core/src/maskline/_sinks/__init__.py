"""The sinks that come with maskline: files of JSON lines, a list in memory, and alerts."""

from typing import Final

from maskline._sinks.alerts import AlertSinkType
from maskline._sinks.jsonl import JsonlSinkType
from maskline._sinks.memory import MemorySink, MemorySinkType
from maskline.roles import SinkType

__all__ = ["BUILTIN", "MemorySink"]

BUILTIN: Final[tuple[SinkType, ...]] = (AlertSinkType(), JsonlSinkType(), MemorySinkType())
