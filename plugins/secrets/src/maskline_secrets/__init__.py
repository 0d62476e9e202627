"""Finds access keys, tokens, passwords and private keys in text.

A plugin of maskline: a policy that names ``secrets`` loads it.
"""

from maskline_secrets._plugin import maskline_register_detectors, maskline_register_entities

__all__ = ["maskline_register_detectors", "maskline_register_entities"]
