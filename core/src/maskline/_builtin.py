"""What comes with maskline, offered through the same hooks as any plugin's.

This module only hands over: it knows where the built-in roles are, and nothing of how they work.
"""

from collections.abc import Sequence

from maskline._anchors import BUILTIN as _ANCHORS
from maskline._detectors import BUILTIN as _DETECTORS
from maskline._maskers import BUILTIN as _MASKERS
from maskline._sinks import BUILTIN as _SINKS
from maskline.entities import Entity, builtin_entities
from maskline.hookspecs import hookimpl
from maskline.roles import AnchorType, Detector, Masker, SinkType, SourceType
from maskline.sources import BUILTIN as _SOURCES

__all__: list[str] = []


@hookimpl
def maskline_register_entities() -> Sequence[Entity]:
    """Offer the entities of ``entities.toml``."""
    return tuple(builtin_entities().values())


@hookimpl
def maskline_register_detectors() -> Sequence[Detector]:
    """Offer the detectors that work by pattern and checksum."""
    return _DETECTORS


@hookimpl
def maskline_register_maskers() -> Sequence[Masker]:
    """Offer the maskers that the documentation names."""
    return _MASKERS


@hookimpl
def maskline_register_sinks() -> Sequence[SinkType]:
    """Offer the sinks that need no other library."""
    return _SINKS


@hookimpl
def maskline_register_anchors() -> Sequence[AnchorType]:
    """Offer the anchors that need no other library."""
    return _ANCHORS


@hookimpl
def maskline_register_sources() -> Sequence[SourceType]:
    """Offer DuckDB, SQLite and PostgreSQL."""
    return _SOURCES
