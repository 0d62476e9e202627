"""`MaskTransferOperator`: from one database, masked, to a table or a Parquet file.

This module knows the hook, targets and lineage, and brings them together. Rows stream through it
masked: it sees no others.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from maskline_airflow.errors import MaskedTaskRefusedError, without_values
from maskline_airflow.hooks import MaskedSqlHook
from maskline_airflow.lineage import Target, of_transfer
from maskline_airflow.operators._sealing import SealingOperator
from maskline_airflow.sealed import SEALED, Sealed

if TYPE_CHECKING:
    import pyarrow as pa

    from maskline.streaming import MaskedStream
    from maskline_airflow import targets

__all__ = ["MaskTransferOperator"]

_MODES: Final = ("append", "overwrite", "replace_partition")


class MaskTransferOperator(SealingOperator, BaseOperator):
    """Writes a masked copy of a table, or of the answer to a query.

    Rows are streamed, so that memory does not grow with them, and written in one transaction: a
    task that fails or is killed changes nothing. With ``overwrite`` and ``replace_partition``, a
    task that is repeated leaves the same rows. The target is made if there is none. XCom gets
    the number of rows, how many cells of each column were masked, and the hash of the policy.

    Args:
        source_conn_id: The connection to read: PostgreSQL, SQLite, DuckDB, or ``maskline``.
        source_table: ``table`` or ``schema.table``; or give *sql*.
        sql: One SELECT.
        target_conn_id: The connection to write to, PostgreSQL or SQLite, for *target_table*.
        target_table: ``table`` or ``schema.table``.
        target_path: Instead of a table, a Parquet file: any path that `ObjectStoragePath` knows.
        mode: ``append``, ``overwrite`` or ``replace_partition``.
        partition: For ``replace_partition``, the value of each column by which the target is cut.
            All rows must have these values, unmasked.
        policy: The policy file; by default, ``[maskline] policy`` of the configuration.
        source: The name of the source in the policy, where it has several.
        purpose: Why is asked.
        roles: Groups whose rules of the policy apply.
        kwargs: As for every operator.

    Raises:
        ValueError: The arguments contradict each other.
    """

    template_fields: Sequence[str] = (
        "source_conn_id",
        "source_table",
        "sql",
        "target_conn_id",
        "target_table",
        "target_path",
        "partition",
        "policy",
        "source",
        "purpose",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "partition": "json"}
    ui_color = "#d9f2e6"
    overwrite_rtif_after_execution = True

    def __init__(  # noqa: PLR0913 - a source, a target and a policy
        self,
        *,
        source_conn_id: str,
        source_table: str = "",
        sql: str = "",
        target_conn_id: str = "",
        target_table: str = "",
        target_path: str = "",
        mode: str = "overwrite",
        partition: Mapping[str, object] | None = None,
        policy: str = "",
        source: str = "",
        purpose: str = "",
        roles: Sequence[str] = (),
        **kwargs: Any,  # noqa: ANN401 - of the base class
    ) -> None:
        super().__init__(**kwargs)
        self.source_conn_id = source_conn_id
        self.source_table = source_table
        self.sql = sql
        self.target_conn_id = target_conn_id
        self.target_table = target_table
        self.target_path = target_path
        self.mode = mode
        self.partition = partition
        self.policy = policy
        self.source = source
        self.purpose = purpose
        self.roles = roles
        self._lineage: Sealed[tuple[Any, Target | None]] = Sealed((None, None))

    def _seal(self) -> None:
        self._statement = Sealed(self.sql)
        self._values = Sealed(dict(self.partition or {}))
        self.sql = SEALED if self.sql else ""
        self.partition = dict.fromkeys(self.partition or {}, SEALED)

    def execute(self, context: Any) -> dict[str, Any]:  # noqa: ANN401 - an Airflow Context
        """Write the copy, and return what XCom may hold.

        Raises:
            MaskedTaskRefusedError: The query, the policy or the target is wrong. No retry, and the
                target is as it was.
            MaskedTaskError: A database failed. The target is as it was.
        """
        told = without_values("transfer", self._transfer)
        self.log.info("Wrote %d masked rows.", told["rows"])
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = {"maskline": told}
        return told

    def _transfer(self) -> dict[str, Any]:
        self._check()
        hook = MaskedSqlHook.around(
            self.source_conn_id,
            policy=self.policy,
            source=self.source,
            purpose=self.purpose,
            roles=self.roles,
        )
        statement = self._statement.reveal() or f"SELECT * FROM {_quoted(self.source_table)}"  # noqa: S608
        with hook.session() as session, session.stream(statement) as stream:
            try:
                self._copy(stream)
            finally:
                self._lineage = Sealed((stream.event, self._lineage.reveal()[1]))
        self._lineage = Sealed((stream.event, self._lineage.reveal()[1]))
        self.sql = stream.event.sql
        return {
            "rows": stream.rows,
            "masked": {
                name: column.cells
                for name, column in zip(stream.schema.names, stream.columns, strict=True)
                if column.is_masked
            },
            "policy_hash": session.policy.hash,
        }

    def _check(self) -> None:
        """Refuse what contradicts itself, before anything is opened."""
        problem = ""
        if bool(self.source_table) == bool(self._statement.reveal()):
            problem = "Give source_table or sql."
        elif bool(self.target_path) == bool(self.target_table and self.target_conn_id):
            problem = "Give target_path, or target_conn_id and target_table."
        elif self.mode not in _MODES:
            problem = f"The mode is one of {', '.join(_MODES)}."
        elif (self.mode == "replace_partition") != bool(self._values.reveal()):
            problem = "The mode replace_partition needs a partition, and no other mode has one."
        if problem:
            raise MaskedTaskRefusedError(problem)

    def _copy(self, stream: "MaskedStream") -> None:
        from maskline_airflow.columns import column_types
        from maskline_airflow.targets import open_target

        hook = (
            BaseHook.get_connection(self.target_conn_id).get_hook() if self.target_table else None  # type: ignore[no-untyped-call]
        )
        if hook is not None:
            hook.log_sql = False
        conn_type = hook.conn_type if hook else "parquet"
        types = column_types(stream.event, stream.schema, conn_type=conn_type)
        partition = self._values.reveal()
        _refuse_unknown(stream)
        _refuse_masked_partition(stream, partition)
        target = open_target(
            hook=hook,
            table=self.target_table,
            path=self.target_path,
            mode=self.mode,
            partition=partition,
        )
        self._lineage = Sealed((stream.event, self._told(hook, types)))
        self._write(stream, target, types, partition)
        self._lineage = Sealed((stream.event, self._told(hook, types, rows=stream.rows)))

    @staticmethod
    def _write(
        stream: "MaskedStream",
        target: "targets.Target",
        types: Mapping[str, str],
        partition: Mapping[str, object],
    ) -> None:
        with target:
            target.prepare(types, stream.schema)
            for batch in stream:
                _refuse_other_partition(batch, partition)
                target.write(batch)

    def _told(
        self,
        hook: Any,  # noqa: ANN401 - a DbApiHook or None
        types: Mapping[str, str],
        *,
        rows: int | None = None,
    ) -> Target:
        from maskline_airflow.naming import file_name, table_name

        namespace, name = (
            table_name(hook, self.target_table) if hook else file_name(self.target_path)
        )
        return Target(namespace=namespace, name=name, types=types, rows=rows)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ANN401
        """Return what was read and written, and how it was masked."""
        del task_instance
        return of_transfer(*self._lineage.reveal())

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:  # noqa: ANN401
        """Return what was read until it failed."""
        return self.get_openlineage_facets_on_complete(task_instance)


def _quoted(table: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))


def _refuse_unknown(stream: "MaskedStream") -> None:
    """Refuse columns that nobody has classified: whoever gets the copy would not know."""
    from maskline.model import UNKNOWN

    names = [
        column.output.name for column in stream.columns if column.output.label.entity == UNKNOWN
    ]
    if names:
        msg = (
            f"The policy does not say what these columns are: {', '.join(names)}. "
            "Label them, or leave them out of the query."
        )
        raise MaskedTaskRefusedError(msg)


def _refuse_masked_partition(stream: "MaskedStream", partition: Mapping[str, object]) -> None:
    plain = {column.output.name for column in stream.columns if not column.is_masked}
    wrong = sorted(partition.keys() - plain)
    if wrong:
        msg = (
            f"A partition needs columns that the answer has, unmasked. Not so: {', '.join(wrong)}."
        )
        raise MaskedTaskRefusedError(msg)


def _refuse_other_partition(batch: "pa.RecordBatch", partition: Mapping[str, object]) -> None:
    """Refuse rows of another partition: they would be there twice after a second run."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, value in partition.items():
        column = batch.column(name)
        wanted = pa.scalar(value) if not isinstance(value, str) else pa.scalar(value, pa.string())
        if not pc.all(pc.fill_null(pc.equal(column, wanted.cast(column.type)), False)).as_py():
            msg = f"There are rows of another partition: {name} differs. Add a WHERE to the query."
            raise MaskedTaskRefusedError(msg)
