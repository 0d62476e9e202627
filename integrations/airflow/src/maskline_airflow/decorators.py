"""``@task.masked_sql``: a function that returns SQL, whose answer is masked.

This module knows Airflow's decorators and the operator. It does not know the hook.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import (
    DecoratedOperator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from airflow.sdk.definitions._internal.types import SET_DURING_EXECUTION

from maskline_airflow.errors import without_values
from maskline_airflow.operators.sql import MaskedSQLExecuteQueryOperator
from maskline_airflow.sealed import SEALED, Sealed

__all__ = ["masked_sql_task"]


class _MaskedSqlDecoratedOperator(DecoratedOperator, MaskedSQLExecuteQueryOperator):
    """Asks what a function returns."""

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *MaskedSQLExecuteQueryOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **MaskedSQLExecuteQueryOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.masked_sql"

    def __init__(
        self,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 - of the operator
    ) -> None:
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            sql=SET_DURING_EXECUTION,
            **kwargs,
        )
        self._is_asked = False

    def _seal(self) -> None:
        # The first time, there is no statement yet; its parameters and the function's arguments
        # may hold values already.
        if self._is_asked:
            super()._seal()
            return
        self._arguments = Sealed((self.op_args, dict(self.op_kwargs), self.parameters))
        self.op_args = [SEALED for _ in self.op_args]
        self.op_kwargs = dict.fromkeys(self.op_kwargs, SEALED)
        self.parameters = SEALED if self.parameters else None

    def execute(self, context: Any) -> Any:  # noqa: ANN401 - what the handler returns
        """Call the function, and answer what it returns."""
        without_values("call the function that returns SQL", self._ask, context)
        return super().execute(context)

    def _ask(self, context: Any) -> None:  # noqa: ANN401
        args, kwargs, self.parameters = self._arguments.reveal()
        context_merge(context, kwargs)
        self.sql = self.python_callable(
            *args, **determine_kwargs(self.python_callable, args, context)
        )
        self._is_asked = True
        self.render_template_fields(context)


def masked_sql_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:  # noqa: ANN401
    """Wrap a function that returns one SELECT, or several.

    Args:
        python_callable: The function.
        kwargs: As for `MaskedSQLExecuteQueryOperator`.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=_MaskedSqlDecoratedOperator,
        **kwargs,
    )
