"""Writes every masked read as an OpenLineage event with column lineage.

A plugin of maskline: a policy that names ``openlineage`` loads it.
"""

from maskline_openlineage._sink import maskline_register_sinks

__all__ = ["maskline_register_sinks"]
