"""`MaskedSQLExecuteQueryOperator`: the operator of common-sql, whose rows are masked.

This module knows operators and the hook. It does not know sessions.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from maskline_airflow.errors import without_values
from maskline_airflow.hooks import MaskedSqlHook
from maskline_airflow.operators._sealing import SealingOperator
from maskline_airflow.sealed import SEALED, Sealed

__all__ = ["MaskedSQLExecuteQueryOperator"]


class MaskedSQLExecuteQueryOperator(SealingOperator, SQLExecuteQueryOperator):
    """Asks SELECTs and returns masked rows.

    It takes the arguments of `SQLExecuteQueryOperator`. The handler gets a cursor over masked
    rows, and XCom gets what it returns. While the task runs, *sql* and *parameters* show that
    there is something, and afterwards the statement without literals.

    Args:
        policy: The policy file; by default, ``[maskline] policy`` of the configuration.
        source: The name of the source in the policy, where it has several.
        purpose: Why is asked.
        roles: Groups whose rules of the policy apply.
        kwargs: As for `SQLExecuteQueryOperator`. *conn_id* may be a connection to PostgreSQL,
            SQLite or DuckDB, or of the type ``maskline``.
    """

    template_fields: Sequence[str] = (
        *SQLExecuteQueryOperator.template_fields,
        "policy",
        "source",
        "purpose",
    )
    ui_color = "#d9f2e6"
    # After the run, the statement without literals takes the place of the seal.
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        policy: str = "",
        source: str = "",
        purpose: str = "",
        roles: Sequence[str] = (),
        **kwargs: Any,  # noqa: ANN401 - of the base class
    ) -> None:
        super().__init__(**kwargs)
        self.policy = policy
        self.source = source
        self.purpose = purpose
        self.roles = roles

    @cached_property
    def _hook(self) -> MaskedSqlHook:
        return MaskedSqlHook.around(
            str(self.conn_id),
            policy=self.policy,
            source=self.source,
            purpose=self.purpose,
            roles=self.roles,
        )

    def _seal(self) -> None:
        self._statement = Sealed((self.sql, self.parameters))
        self.sql = SEALED
        self.parameters = SEALED if self.parameters else None

    def execute(self, context: Any) -> Any:  # noqa: ANN401 - what the handler returns
        """Ask, and return masked rows.

        Raises:
            MaskedTaskRefusedError: A statement is refused, or the policy is wrong. No retry.
            MaskedTaskError: The database failed.
        """
        del context
        return without_values("answer a query", self._answer)

    def _answer(self) -> Any:  # noqa: ANN401 - what the handler returns
        sql, parameters = self._statement.reveal()
        wants_rows = self._should_run_output_processing() or self.requires_result_fetch
        split = {} if self.split_statements is None else {"split_statements": self.split_statements}
        hook = self._hook
        output = hook.run(
            sql,
            parameters=parameters,  # type: ignore[arg-type]
            handler=self.handler if wants_rows else None,
            return_last=self.return_last,
            **split,
        )
        self.sql = [event.sql for event in hook.events]
        for event in hook.events:
            self.log.info("Answered %d masked rows: %s", event.rows, event.sql)
        if not self._should_run_output_processing():
            return None
        is_single = isinstance(sql, str) and len(hook.descriptions) == 1
        if is_single:
            return self._process_output([output], hook.descriptions)[-1]
        return self._process_output(output, hook.descriptions)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ANN401
        """Return what was read, and how it was masked."""
        return self._hook.get_openlineage_database_specific_lineage(task_instance)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:  # noqa: ANN401
        """Return what was read until it failed."""
        return self._hook.get_openlineage_database_specific_lineage(task_instance)
