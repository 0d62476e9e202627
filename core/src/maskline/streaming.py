"""Runs one query: plan, admit, record, fetch, mask, record.

This module knows every floor below it and puts them in the order of the design. It does not know
how a result is shown.
"""

import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, Self

import pyarrow as pa

from maskline._lookups import spend
from maskline.access import Access
from maskline.audit import timestamp
from maskline.errors import (
    MasklineError,
    QueryCancelledError,
    QueryError,
    QueryRefusedError,
)
from maskline.execution import BatchMasker, Masking
from maskline.model import (
    AccessEvent,
    Catalogue,
    Outcome,
    OutputColumn,
    Strategy,
)
from maskline.planning import Plan
from maskline.result import ColumnTreatment, MaskedResult
from maskline.roles import RowStream

__all__ = ["MaskedStream"]

_BATCH_ROWS: Final = 65_536
_RAW_ROWS: Final = 16_384
"""Of rows that are still to be masked, fewer are held at once."""
_KEYLESS: Final = frozenset({"redact", "null", "partial", "reveal", "aggregate", "generalize"})
"""Masks that need no key; of another one, a plugin's too, nobody knows here."""


class MaskedStream:
    """The masked batches of one running query. `Session.stream` makes it.

    By the time it exists, the query was planned, its record is durable and the database runs it.
    Leaving the ``with`` block stops the query and records how it ended.

    Args:
        access: Who asks what, under which policy.
        sql: One SELECT.
        purpose: Why it is asked.
        limit: At most so many rows.
        timeout: In seconds, for the whole query.

    Attributes:
        query_id: Finds the query in the audit log and in the lineage.
        plan: How it is answered.
        purpose: Why it was asked.
        schema: The columns that leave.
        rows: Handed out so far.
        is_truncated: Whether more rows exist than the row limit let through.
        duration_ms: From the query's arrival to its last record.
    """

    def __init__(
        self,
        access: Access,
        sql: str,
        *,
        purpose: str,
        limit: int | None,
        timeout: float | None,
    ) -> None:
        self.query_id = str(uuid.uuid4())
        self.purpose = purpose
        self.rows = 0
        self.is_truncated = False
        self.duration_ms = 0
        self._access = access
        self._limit = limit
        self._began = time.monotonic()
        self._bytes = 0
        self._has_ended = False
        self._is_exhausted = False
        self._is_late = False
        # Asked for once: each time, the database is asked whether it has changed.
        catalogue = access.source.catalogue()
        missing = access.policy.requirement(access.principal, purpose)
        self.plan = access.plan(sql, purpose, catalogue=catalogue)
        if not missing and access.touch(self.plan, catalogue):
            self.plan = access.plan(sql, purpose, catalogue=catalogue)
        self._event = self._describe(sql, catalogue)
        self._admit(missing)
        masking = access.masking(purpose)
        self._timer = threading.Timer(timeout or 0, self._stop_late)
        self._timer.daemon = True
        if timeout is not None:
            self._timer.start()
        try:
            self._rows = self._run(masking)
        except BaseException as exc:
            self._timer.cancel()
            self._end(exc)
            if not self._is_end_of_time(exc):
                raise
        if self._has_ended:
            raise _late()
        try:
            self._masker = BatchMasker(
                masking,
                self.plan.outputs,
                self._rows.schema,
                are_masked=self.plan.strategy is not Strategy.COMMUTING,
            )
            self.schema = self._masker.schema
            self._event = replace(
                self._event, output_types=tuple(str(field.type) for field in self.schema)
            )
            self._record(Outcome.STARTED)
        except BaseException as exc:
            self._timer.cancel()
            self._rows.close()
            self._end(exc)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._timer.cancel()
        self._rows.close()
        self._end(error)

    @property
    def event(self) -> AccessEvent:
        """The last record of the query. It holds no value."""
        return self._event

    @property
    def columns(self) -> tuple[ColumnTreatment, ...]:
        """How each column is treated, with the cells masked so far."""
        return tuple(
            ColumnTreatment(output=output, type=str(field.type), cells=cells)
            for output, field, cells in zip(
                self.plan.outputs, self.schema, self._masker.cells, strict=True
            )
        )

    def result(self, table: pa.Table) -> MaskedResult:
        """Return the answer as one object, once the ``with`` block was left.

        Args:
            table: All batches that were handed out.
        """
        return MaskedResult(
            table=table,
            columns=self.columns,
            query_id=self.query_id,
            source=self._access.source_name,
            strategy=self.plan.strategy,
            policy_hash=self._access.policy.hash,
            purpose=self.purpose,
            is_truncated=self.is_truncated,
            duration_ms=self.duration_ms,
            notes=self.plan.notes,
            influences=self.plan.influences,
        )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Give masked batch after masked batch.

        Raises:
            QueryFailedError: The database gave up.
            QueryCancelledError: Somebody cancelled it, or the time was up.
            MaskingError: A batch could not be masked; it was not released.
        """
        for batch in self._masker.masked(self._within_limit()):
            self.rows += batch.num_rows
            self._bytes += batch.nbytes
            if batch.num_rows:
                yield batch
        if self._is_late:
            raise _late()
        self._is_exhausted = True

    def _within_limit(self) -> Iterator[pa.RecordBatch]:
        """Give raw batches, as many rows as may be."""
        left = sys.maxsize if self._limit is None else self._limit - self.rows
        for batch in self._until_late():
            if self._is_late:
                return
            self.is_truncated = batch.num_rows > left
            left -= batch.num_rows
            yield batch.slice(0, batch.num_rows + min(left, 0))
            # A traceback shows it, and it holds values.
            del batch
            if self.is_truncated:
                return

    def _until_late(self) -> Iterator[pa.RecordBatch]:
        """Give raw batches; the end of the time ends them, and is told by who asked for them."""
        try:
            yield from self._rows
        except QueryCancelledError as exc:
            if not self._is_end_of_time(exc):
                raise

    def _is_end_of_time(self, error: BaseException) -> bool:
        return self._is_late and isinstance(error, QueryCancelledError)

    def _stop_late(self) -> None:
        self._is_late = True
        self._access.source.cancel()

    def _run(self, masking: Masking) -> RowStream:
        """Have the database run the query."""
        plan, source = self.plan, self._access.source
        sql = _with_masked_literals(plan, masking)
        if plan.strategy is Strategy.COMMUTING:
            is_work = any(output.mask and not output.is_fixed for output in plan.outputs)
            return source.query(sql, batch_rows=_RAW_ROWS if is_work else _BATCH_ROWS)
        return source.query_masked(
            sql,
            reads=plan.masked_reads,
            mask=partial(_mask_column, masking),
            batch_rows=_BATCH_ROWS,
        )

    def _admit(self, missing: str | None) -> None:
        """Let the query pass, or record why not and raise."""
        refusals = [(refusal.reason, refusal.hint) for refusal in self.plan.refusals]
        if missing:
            refusals.insert(0, (missing, "Say why you ask: state a purpose."))
        if refusals := refusals or self._unseen() or self._over_limit():
            reason = " ".join(reason for reason, _ in refusals)
            hint = " ".join(dict.fromkeys(hint for _, hint in refusals if hint))
            self._event = replace(self._event, decision=Strategy.REFUSED.value)
            self._record(Outcome.REFUSED, reason)
            raise QueryRefusedError(reason, hint=hint)

    def _unseen(self) -> list[tuple[str, str]]:
        """Hold the analysis against the database's own reading of the statement."""
        try:
            read = self._access.source.read_set(self.plan.checked)
        except QueryError as exc:
            return [(exc.message, exc.hint)]
        # None is an engine that cannot tell, such as a replica; the lists of the guard stand alone.
        unseen = sorted((read or frozenset()) - self.plan.reads)
        if not unseen:
            return []
        names = ", ".join(map(str, unseen))
        reason = f"The database would read columns that the analysis did not see: {names}."
        return [(reason, "Please report this as a defect; plain tables and columns will work.")]

    def _over_limit(self) -> list[tuple[str, str]]:
        access, looked_up = self._access, self.plan.looked_up
        count = sum(number for _, number in looked_up)
        who = (access.policy.path, access.source_name, access.principal.kind, access.principal.id)
        per_hour = access.policy.lookups_per_hour
        if not count or spend(who, count, per_hour=per_hour):
            return []
        names = ", ".join(str(ref) for ref, _ in looked_up)
        reason = (
            f"The query looks up {count} literal{'s' * (count != 1)} in {names}, and "
            f"limits.lookups_per_hour of the policy lets you look up {per_hour} in an hour."
        )
        return [(reason, "Wait, look up fewer, or ask for a higher limit.")]

    def _describe(self, sql: str, catalogue: Catalogue) -> AccessEvent:
        access, plan = self._access, self.plan
        known, scrubbed = access.scrubbed(sql, catalogue)
        self._scrubbed = scrubbed
        reads = [column for read in plan.masked_reads for column in read.columns]
        masks = {column.mask.name for column in (*plan.outputs, *reads) if column.mask}
        keyring, is_keyed = access.keyring, masks - _KEYLESS
        return AccessEvent(
            query_id=self.query_id,
            time="",
            outcome=Outcome.STARTED,
            principal=access.principal,
            purpose=self.purpose,
            source=access.source_name,
            namespace=access.source.namespace,
            database=access.source.database,
            dialect=catalogue.dialect,
            sql=scrubbed.text,
            fingerprint=scrubbed.fingerprint,
            decision=plan.strategy.value,
            policy_hash=access.policy.hash,
            reads=access.reads(plan, self.purpose, catalogue=catalogue),
            outputs=tuple(
                replace(output, name=scrubbed.name_of(output.name, position, known=known))
                for position, output in enumerate(plan.outputs)
            ),
            influences=plan.influences,
            lookups=plan.looked_up,
            parent_run=access.parent_run,
            key_versions=(keyring.active_version,) if keyring and is_keyed else (),
        )

    def _end(self, error: BaseException | None) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        if error is None:
            if self._is_exhausted:
                self._record(Outcome.ANSWERED)
            else:
                self._record(Outcome.CANCELLED, "Not all rows were fetched.")
        elif self._is_late:
            self._record(Outcome.CANCELLED, "Its time limit was reached.")
        elif isinstance(error, QueryCancelledError | KeyboardInterrupt):
            self._record(Outcome.CANCELLED, "Somebody stopped it.")
        elif isinstance(error, MasklineError):
            self._record(Outcome.FAILED, error.message)
        else:
            kind = type(error).__name__
            self._record(Outcome.FAILED, f"{kind} in the program that fetched the rows.")

    def _record(self, outcome: Outcome, reason: str = "") -> None:
        self.duration_ms = round((time.monotonic() - self._began) * 1000)
        self._event = replace(
            self._event,
            time=timestamp(datetime.now(UTC)),
            outcome=outcome,
            reason=self._scrubbed.hide(reason),
            rows=self.rows,
            bytes=self._bytes,
            duration_ms=self.duration_ms,
        )
        self._access.record(self._event)


def _late() -> QueryCancelledError:
    msg = "The query was stopped: its time limit was reached."
    return QueryCancelledError(msg, hint="Ask for less, or allow it more time.")


def _mask_column(masking: Masking, column: OutputColumn, values: pa.Array) -> pa.Array:
    if column.mask is None:
        return values
    return masking.mask(values, label=column.label, mask=column.mask)


def _with_masked_literals(plan: Plan, masking: Masking) -> str:
    """Return a plan's SQL with the mask of its column in every place that waits for one."""
    sql = plan.sql
    for lookup in plan.lookups:
        masked = masking.mask(
            pa.array([lookup.text], pa.string()), label=lookup.label, mask=lookup.mask
        )
        text = str(masked[0].as_py()).replace("'", "''")
        sql = sql.replace(f"'{lookup.placeholder}'", f"'{text}'")
    return sql
