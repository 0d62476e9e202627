"""`PIICheckOperator`: fails a DAG where personal data is found unmasked.

This module knows operators, and looks at columns with the detectors of core. What it tells are
names of columns, entities and counts.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import BaseHook
from airflow.providers.common.sql.operators.sql import BaseSQLOperator, SQLCheckResult

from maskline_airflow.asking import connection_url
from maskline_airflow.errors import MaskedTaskRefusedError, without_values

if TYPE_CHECKING:
    import pyarrow as pa

    from maskline.model import Relation
    from maskline.plugins import Registry
    from maskline.roles import Source

__all__ = ["PIICheckOperator"]

_CHECK: Final = "no_unmasked_personal_data"
_SURE: Final = 0.5
"""From this score on, a detector tells a value by its form and not by words around it."""


class PIICheckOperator(BaseSQLOperator):
    """Looks at rows of a table, and fails where detectors find what no mask has made.

    Values that masks of maskline make are not found: they are recognised. For OpenLineage, each
    column is an assertion of data quality. XCom gets the counts.

    Args:
        conn_id: A connection to PostgreSQL, SQLite or DuckDB.
        table: ``table`` or ``schema.table``.
        allow: Columns in which personal data is expected.
        plugins: Of maskline, whose detectors look too, such as ``secrets``.
        rows: How many rows to look at.
        share: Which part of a column's values may be found before it fails: 0.0 for none.
        kwargs: As for every operator of common-sql.
    """

    template_fields: Sequence[str] = ("conn_id", "table", "allow")
    ui_color = "#d9f2e6"

    def __init__(  # noqa: PLR0913 - what to look at, and how hard
        self,
        *,
        conn_id: str,
        table: str,
        allow: Sequence[str] = (),
        plugins: Sequence[str] = (),
        rows: int = 10_000,
        share: float = 0.0,
        **kwargs: Any,  # noqa: ANN401 - of the base class
    ) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
        self.table = table
        self.allow = allow
        self.plugins = plugins
        self.rows = rows
        self.share = share
        self._dataset = ("", "")

    def execute(self, context: Any) -> dict[str, dict[str, int]]:  # noqa: ANN401
        """Look, and return for each column how many values are which entity.

        Raises:
            MaskedTaskRefusedError: Personal data was found, or there is no such table. No retry.
            MaskedTaskError: The database failed.
        """
        del context
        found = without_values("look at a table", self._look)
        bad = {name: counts for name, counts in found.items() if counts and name not in self.allow}
        told = "; ".join(
            f"{name}: {', '.join(f'{count} {entity}' for entity, count in counts.items())}"
            for name, counts in bad.items()
        )
        if bad:
            msg = f"{self.table} holds personal data that is not masked. {told}."
            raise MaskedTaskRefusedError(msg)
        self.log.info("No personal data was found in %d columns of %s.", len(found), self.table)
        return {name: counts for name, counts in found.items() if counts}

    def _look(self) -> dict[str, dict[str, int]]:
        from maskline.plugins import load_registry, open_source

        registry = load_registry(tuple(self.plugins))
        url = connection_url(BaseHook.get_connection(str(self.conn_id)))
        with closing(open_source(registry, url)) as source:
            relation = self._relation(source)
            name = ".".join(filter(None, (source.database, relation.schema, relation.name)))
            self._dataset = (source.namespace, name)
            names = [column.name for column in relation.columns]
            sample = source.sample(relation.schema, relation.name, names, rows=self.rows)
            found = {
                name: self._counts(registry, column)
                for name, column in zip(names, sample.columns, strict=True)
            }
        for name, counts in found.items():
            self._assert(name, counts)
        return found

    def _relation(self, source: "Source") -> "Relation":
        catalogue = source.catalogue()
        schema, _, name = self.table.rpartition(".")
        wanted = (schema or catalogue.default_schema, name)
        for relation in catalogue.relations:
            if (relation.schema, relation.name) == wanted:
                return relation
        msg = f"There is no table {'.'.join(wanted)} at {self.conn_id}."
        raise MaskedTaskRefusedError(msg)

    def _counts(self, registry: "Registry", column: "pa.Array") -> dict[str, int]:
        """Return how many values hold which entity; nothing if they are few enough."""
        import numpy as np
        import pyarrow as pa

        try:
            texts = column.cast(pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return {}
        rows: dict[str, set[int]] = {}
        for detector in registry.detectors:
            spans = detector.detect(texts)
            sure = spans.scores >= _SURE
            for number in np.unique(spans.entities[sure]):
                at = spans.rows[sure & (spans.entities == number)]
                rows.setdefault(spans.names[number], set()).update(np.unique(at).tolist())
        most = self.share * (len(texts) - texts.null_count)
        return {name: len(found) for name, found in sorted(rows.items()) if len(found) > most}

    def _assert(self, name: str, counts: Mapping[str, int]) -> None:
        self.check_results.append(
            SQLCheckResult(
                name=f"{_CHECK}.{name}",
                check_type=_CHECK,
                success=not counts or name in self.allow,
                table=self._dataset[1],
                column=name,
                expected="0",
                actual=str(sum(counts.values())),
            )
        )

    def get_openlineage_facets_on_start(self) -> Any:  # noqa: ANN401 - an OperatorLineage
        """Return the table that was looked at; the base class adds the assertions."""
        try:
            from airflow.providers.openlineage.extractors import OperatorLineage
            from openlineage.client.event_v2 import InputDataset
        except ImportError:
            return None
        return OperatorLineage(inputs=[InputDataset(*self._dataset)] if self._dataset[1] else [])

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ANN401
        """Return the table and an assertion for each column."""
        del task_instance
        lineage = self.get_openlineage_facets_on_start()
        return self._attach_check_facets(lineage) if lineage and self.check_results else lineage

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:  # noqa: ANN401
        """Return the table and an assertion for each column."""
        return self.get_openlineage_facets_on_complete(task_instance)
