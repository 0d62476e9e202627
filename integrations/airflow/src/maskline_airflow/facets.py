"""The run facet ``maskline_masking``, as a class of the OpenLineage client.

Its schema is published with maskline-openlineage. This module imports the client, so only
`maskline_airflow.lineage` may import it.
"""

from typing import Any, ClassVar, Final

import attr
from openlineage.client.generated.base import RunFacet
from openlineage.client.utils import RedactMixin

__all__ = ["Lookup", "MasklineMaskingRunFacet", "Principal"]

_SCHEMA: Final = (
    "https://github.com/maskline/maskline/raw/main/plugins/openlineage/src/maskline_openlineage/"
    "schemas/1-1-0/MasklineMaskingRunFacet.json#/$defs/MasklineMaskingRunFacet"
)


@attr.define
class Principal(RedactMixin):
    """Who asked."""

    kind: str
    id: str
    _skip_redact: ClassVar[list[str]] = ["kind", "id"]


@attr.define
class Lookup(RedactMixin):
    """A column in which literals of the statement were looked up, and how many."""

    column: str
    literals: int
    _skip_redact: ClassVar[list[str]] = ["column", "literals"]


@attr.define(kw_only=True)
class MasklineMaskingRunFacet(RunFacet):
    """Who asked, why, and what was decided. It holds no value.

    Attributes:
        principal: Who asked.
        purpose: Why, in the words of whoever asked.
        policyHash: The version of the policy that decided.
        decision: How the last statement was answered.
        outcome: How it ended.
        rows: Handed out, by all statements.
        lookups: Columns in which literals were looked up.
        omitted: Always empty; the schema wants it.
    """

    principal: Principal
    purpose: str
    policyHash: str  # noqa: N815 - the schema's name
    decision: str
    outcome: str
    rows: int
    lookups: list[Lookup]
    omitted: list[str]
    _additional_skip_redact: ClassVar[list[str]] = ["policyHash", "decision", "outcome", "rows"]

    @staticmethod
    def _get_schema() -> Any:  # noqa: ANN401 - of the client
        return _SCHEMA
