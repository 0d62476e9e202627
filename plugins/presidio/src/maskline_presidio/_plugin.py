"""Hands detectors and entities over. It knows the hooks, and nothing of how Presidio works.

Presidio itself is imported when something is asked of it, and not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from maskline.entities import Entity
from maskline.hookspecs import hookimpl
from maskline.roles import Detector

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer

__all__ = [
    "PresidioPlugin",
    "blank_analyzer",
    "maskline_register_detectors",
    "maskline_register_entities",
    "plugin",
]


class PresidioPlugin:
    """A plugin made of an engine, to be given to maskline by name: see `plugin`."""

    def __init__(
        self,
        analyzer: AnalyzerEngine,
        *,
        entities: Sequence[str] | None = None,
        threshold: float | None = None,
    ) -> None:
        """Make a detector for each language for which the engine has recognizers.

        Args:
            analyzer: The engine.
            entities: As Presidio calls them; all that the engine knows if None.
            threshold: The smallest score that counts; the engine's own if None.

        Raises:
            PluginContractError: The engine knows no entity, or not those; or it writes what it
                reads into a log.
        """
        from maskline_presidio._detector import PresidioDetector, known_entities

        languages = analyzer.supported_languages
        # One with no recognizer at all would be a detector of nothing; but one there must be.
        speaking = [one for one in languages if known_entities(analyzer, one)] or languages[:1]
        self._detectors = tuple(
            PresidioDetector(analyzer, language=language, entities=entities, threshold=threshold)
            for language in speaking
        )

    @hookimpl
    def maskline_register_entities(self) -> Sequence[Entity]:
        """Offer the entities that maskline does not have."""
        from maskline_presidio._entities import missing_entities

        return missing_entities(name for one in self._detectors for name in one.entities)

    @hookimpl
    def maskline_register_detectors(self) -> Sequence[Detector]:
        """Offer a detector for each language."""
        return self._detectors


def plugin(
    analyzer: AnalyzerEngine,
    *,
    entities: Sequence[str] | None = None,
    threshold: float | None = None,
) -> PresidioPlugin:
    """Make a plugin of an engine.

    Args:
        analyzer: The engine, with any recognizers and any language model.
        entities: As Presidio calls them; all that the engine knows if None.
        threshold: The smallest score that counts; the engine's own if None.

    Returns:
        An object for ``load_registry(extra={"presidio": ...})``, or for a module of one's own
        whose entry point it is.

    Raises:
        PluginContractError: The engine knows no entity, or not those; or it writes what it reads
            into a log.
    """
    return PresidioPlugin(analyzer, entities=entities, threshold=threshold)


def blank_analyzer(
    recognizers: Sequence[EntityRecognizer] | None = None, *, languages: Sequence[str] = ("en",)
) -> AnalyzerEngine:
    """Make an engine without a language model: words are told apart, and nothing is known of them.

    Args:
        recognizers: Any; those that Presidio loads for these languages if None.
        languages: Their codes, such as ``en``.
    """
    from maskline_presidio._engines import blank

    return blank(recognizers, languages)


@hookimpl
def maskline_register_entities() -> Sequence[Entity]:
    """Offer the entities of the configured engine that maskline does not have."""
    return _configured().maskline_register_entities()


@hookimpl
def maskline_register_detectors() -> Sequence[Detector]:
    """Offer a detector for each language of the configured engine."""
    return _configured().maskline_register_detectors()


def _configured() -> PresidioPlugin:
    from maskline_presidio._engines import configured

    return plugin(configured())
