"""What operators have in common whose statements nobody may see.

This module knows when Airflow renders the fields of an operator. It does not know what is in them.
"""

from typing import Any

from maskline_airflow.errors import without_values

__all__ = ["SealingOperator"]


class SealingOperator:
    """To be inherited before an operator: seals what may hold values before anybody shows it."""

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Render, and seal.

        Mapped tasks are rendered by this method too, and not by *render_template_fields*.
        """
        render = super()._do_render_template_fields  # type: ignore[misc]
        without_values("render", render, parent, *args, **kwargs)
        if parent is self:
            self._seal()

    def _seal(self) -> None:
        """Put away what may hold values, and leave something in its place."""
        raise NotImplementedError

    def get_openlineage_facets_on_start(self) -> Any:  # noqa: ANN401 - an OperatorLineage
        """Return nothing yet: what is read is known when it is planned."""
        return None
