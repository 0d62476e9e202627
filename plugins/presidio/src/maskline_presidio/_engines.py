"""Builds engines of Presidio: from a configuration file, or without a language model.

Presidio takes its own defaults where a file is missing, and downloads a language model that is not
there. Here, both are mistakes. This module knows Presidio and spaCy. It does not know the hooks.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngine, NlpEngineProvider, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import EmailRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maskline.errors import PluginContractError

__all__ = ["VARIABLE", "blank", "configured"]

VARIABLE: Final = "MASKLINE_PRESIDIO_CONFIG"
"""Names a configuration file of Presidio's analyzer."""


class _BlankEngine(SpacyNlpEngine):
    """Tells words apart, and knows nothing of them."""

    def __init__(self, languages: Sequence[str]) -> None:
        super().__init__(models=[{"lang_code": code, "model_name": code} for code in languages])
        self.nlp = {code: spacy.blank(code) for code in languages}  # type: ignore[assignment]


def blank(
    recognizers: Sequence[EntityRecognizer] | None, languages: Sequence[str]
) -> AnalyzerEngine:
    """Make an engine without a language model.

    Args:
        recognizers: Any; those that Presidio loads for these languages if None.
        languages: Their codes.
    """
    engine = _BlankEngine(languages)
    if recognizers is None:
        return _assemble(engine, {}, languages)
    registry = RecognizerRegistry(
        recognizers=list(recognizers), supported_languages=list(languages)
    )
    return AnalyzerEngine(registry, engine, supported_languages=list(languages))


def configured() -> AnalyzerEngine:
    """Return the engine that the environment asks for, by default a blank one for English.

    It is the same one until the file says something else, for a language model is large.

    Raises:
        PluginContractError: The file cannot be read, is no configuration of an analyzer, or wants
            a model that is not installed.
    """
    path = os.environ.get(VARIABLE)
    return _from_text(_read(Path(path)) if path else "{}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        problem = type(error).__name__
    raise _no_configuration(problem)


@lru_cache(maxsize=1)
def _from_text(text: str) -> AnalyzerEngine:
    settings, problem = None, "it is no mapping"
    try:
        settings = YAML(typ="safe").load(text)
    except YAMLError as error:
        problem = type(error).__name__
    if not isinstance(settings, dict):
        raise _no_configuration(problem)
    try:
        return _build(settings)
    except PluginContractError:
        raise
    except Exception as error:  # noqa: BLE001 - Presidio and its models may raise anything
        problem = type(error).__name__
    msg = f"Presidio cannot be set up as {VARIABLE} says: {problem}."
    raise PluginContractError(msg, hint="Build it by AnalyzerEngineProvider to see why.")


def _no_configuration(problem: str) -> PluginContractError:
    return PluginContractError(
        f"{VARIABLE} names a file that is no configuration: {problem}.",
        hint="It must be YAML, as Presidio's AnalyzerEngineProvider has it.",
    )


def _build(settings: Mapping[str, Any]) -> AnalyzerEngine:
    languages = settings.get("supported_languages") or ["en"]
    models = settings.get("nlp_configuration")
    engine: NlpEngine = _BlankEngine(languages)
    if models:
        _check_models(models)
        engine = NlpEngineProvider(nlp_configuration=models).create_engine()
    registry = settings.get("recognizer_registry") or {}
    threshold = float(settings.get("default_score_threshold") or 0.0)
    return _assemble(engine, registry, languages, threshold=threshold)


def _check_models(models: Mapping[str, Any]) -> None:
    """Refuse what would have to be downloaded, and what Presidio would choose by itself."""
    named = [model["model_name"] for model in models.get("models") or ()]
    if not named:
        msg = "The nlp_configuration names no model."
        raise PluginContractError(msg, hint="List `models`, or leave nlp_configuration out.")
    if models.get("nlp_engine_name") == "stanza":
        return
    for model in named:
        name = model["spacy"] if isinstance(model, dict) else model
        if not spacy.util.is_package(name) and not Path(name).exists():
            msg = f"The model {name} is not installed, and nothing is downloaded here."
            raise PluginContractError(msg, hint=f"python -m spacy download {name}")


def _assemble(
    engine: NlpEngine,
    registry: Mapping[str, Any],
    languages: Sequence[str],
    *,
    threshold: float = 0.0,
) -> AnalyzerEngine:
    is_blank = isinstance(engine, _BlankEngine)
    with warnings.catch_warnings():
        # That the recognizer of the model is added, which is what one wants.
        warnings.simplefilter("ignore", UserWarning)
        recognizers = RecognizerRegistryProvider(
            registry_configuration={**registry, "supported_languages": list(languages)},
            # A recognizer of a blank engine would promise names and places, and find none.
            nlp_engine=None if is_blank else engine,
        ).create_recognizer_registry()
    for recognizer in recognizers.recognizers:
        if type(recognizer) is EmailRecognizer:
            recognizer.validate_result = _is_mail  # type: ignore[method-assign]
    return AnalyzerEngine(
        recognizers,
        engine,
        default_score_threshold=threshold,
        supported_languages=list(languages),
    )


# The list of domain endings that comes with the library: Presidio would fetch the newest one.
_ENDINGS: Final = tldextract.TLDExtract(suffix_list_urls=())


def _is_mail(pattern_text: str) -> bool:
    """Tell whether an address ends like a domain, as Presidio does, without any network."""
    return bool(_ENDINGS(pattern_text).fqdn)
