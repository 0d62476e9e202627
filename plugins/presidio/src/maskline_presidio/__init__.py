"""Finds what Presidio finds: by its recognizers, and by a language model that a user has.

A plugin of maskline: a policy that names ``presidio`` loads it. `plugin` makes one of any
``AnalyzerEngine``, and `blank_analyzer` an engine of any recognizers.
"""

from maskline_presidio._plugin import (
    PresidioPlugin,
    blank_analyzer,
    maskline_register_detectors,
    maskline_register_entities,
    plugin,
)

__all__ = [
    "PresidioPlugin",
    "blank_analyzer",
    "maskline_register_detectors",
    "maskline_register_entities",
    "plugin",
]
