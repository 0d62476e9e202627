"""The hooks a plugin may implement.

A plugin is a module or an object whose functions carry ``@maskline.hookimpl``, named by an entry
point in the group ``maskline``. Hooks run once, when a policy is loaded: they hand over objects,
and the engine calls those objects for each batch. A plugin is loaded only if the policy names it.
An exception from a hook, and an offer of the wrong type, stop the load.
"""

from collections.abc import Sequence
from typing import Final

import pluggy

from maskline.entities import Entity
from maskline.roles import AnchorType, Detector, Masker, SinkType, SourceType

__all__ = [
    "PROJECT",
    "hookimpl",
    "maskline_register_anchors",
    "maskline_register_detectors",
    "maskline_register_entities",
    "maskline_register_maskers",
    "maskline_register_sinks",
    "maskline_register_sources",
]

PROJECT: Final = "maskline"

hookimpl = pluggy.HookimplMarker(PROJECT)
_hookspec = pluggy.HookspecMarker(PROJECT)


@_hookspec
def maskline_register_entities() -> Sequence[Entity]:  # type: ignore[empty-body]
    """Offer kinds of sensitive data that policies may name.

    Returns:
        Entities with names no other plugin uses.
    """


@_hookspec
def maskline_register_detectors() -> Sequence[Detector]:  # type: ignore[empty-body]
    """Offer detectors. Every detector looks at every free text.

    Returns:
        Detectors with names no other plugin uses, for entities that some plugin offers.
    """


@_hookspec
def maskline_register_maskers() -> Sequence[Masker]:  # type: ignore[empty-body]
    """Offer maskers, for a policy to pick by name.

    Returns:
        Maskers with names no other plugin uses.
    """


@_hookspec
def maskline_register_sinks() -> Sequence[SinkType]:  # type: ignore[empty-body]
    """Offer kinds of sink, for a policy to open by name.

    Returns:
        Kinds of sink with names no other plugin uses. Each sink that the policy opens receives
        every access event; an exception from any of them stops the release of the rows.
    """


@_hookspec
def maskline_register_anchors() -> Sequence[AnchorType]:  # type: ignore[empty-body]
    """Offer kinds of anchor, for a policy to copy checkpoints of the audit log to.

    Returns:
        Kinds of anchor with names no other plugin uses. Each anchor that the policy opens receives
        every checkpoint, while queries wait; an exception from any of them stops the release of
        the rows.
    """


@_hookspec
def maskline_register_sources() -> Sequence[SourceType]:  # type: ignore[empty-body]
    """Offer kinds of database, for a URL to open by its scheme.

    Returns:
        Kinds of source with schemes no other plugin uses.
    """
