"""What the engines share: one running query, how it is stopped, and how it fails.

This module knows locks and Arrow. It does not know any engine: those tell it how to start,
fetch, interrupt and release.
"""

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import pyarrow as pa

from maskline.errors import MasklineError, QueryCancelledError, QueryError
from maskline.sources._signals import interruptible

__all__ = ["WITHHELD", "QueryStream", "Running", "attempt", "cancelled"]

WITHHELD: Final = "The database's own words are withheld, for they may quote values."
"""The hint of an error whose cause the database knows better."""

_INTERRUPTS: Final = 100
_INTERRUPT_SECONDS: Final = 0.01

_T = TypeVar("_T")


def attempt(action: Callable[[], _T], explain: Callable[[Exception], MasklineError]) -> _T:
    """Call a library, and turn its errors into ours.

    Args:
        action: Calls the library.
        explain: Makes an error that holds nothing of the library's text. A MasklineError of the
            action itself is passed on as it is.
    """
    try:
        return action()
    except MasklineError:
        raise
    except Exception as exc:  # noqa: BLE001 - the text of any library error may hold values
        failure = explain(exc)
    raise failure


def cancelled() -> QueryCancelledError:
    """Return the error of a query that somebody stopped."""
    return QueryCancelledError("The query was stopped before its end.")


class Running:
    """The queries of one source that have not ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: set[QueryStream] = set()

    def add(self, stream: "QueryStream") -> None:
        """Note a query that is about to start."""
        with self._lock:
            self._streams.add(stream)

    def remove(self, stream: "QueryStream") -> None:
        """Forget a query that has ended."""
        with self._lock:
            self._streams.discard(stream)

    def cancel(self) -> None:
        """Stop every query."""
        for stream in self._snapshot():
            stream.cancel()

    def close(self) -> None:
        """Stop every query and free what it holds."""
        for stream in self._snapshot():
            stream.close()

    def _snapshot(self) -> tuple["QueryStream", ...]:
        with self._lock:
            return tuple(self._streams)


class QueryStream(ABC):
    """One running query. `maskline.roles.RowStream` states what it promises."""

    def __init__(self, running: Running) -> None:
        self._running = running
        # Held while the library is called, so that nobody frees what a call uses.
        self._calls = threading.RLock()
        self._is_cancelled = threading.Event()
        self._is_closed = False
        self._is_exhausted = False
        self._schema: pa.Schema | None = None

    @abstractmethod
    def _start(self) -> pa.Schema:
        """Send the statement, and return the columns of its answer."""

    @abstractmethod
    def _fetch(self) -> pa.RecordBatch | None:
        """Return the next batch, or None after the last."""

    @abstractmethod
    def _interrupt(self) -> None:
        """Make the library call that now runs in another thread end soon."""

    @abstractmethod
    def _release(self) -> None:
        """Stop the query if it still runs, and free everything."""

    @abstractmethod
    def _explain(self, error: Exception) -> MasklineError:
        """Name an error of the library without quoting it."""

    @property
    def schema(self) -> pa.Schema:
        """The columns, by position. Names may repeat."""
        return self._schema

    def start(self) -> None:
        """Send the statement. Called once, before anything else."""
        self._running.add(self)
        self._schema = self._guard(self._start)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while not self._is_exhausted:
            batch = self._guard(self._fetch)
            if batch is None:
                self._is_exhausted = True
                self.close()
                return
            yield batch
            # A traceback shows it, and it holds values.
            del batch

    def read_all(self) -> pa.RecordBatch:
        """Fetch everything as one batch; for answers that are known to be small."""
        batches = list(self)
        if batches:
            return pa.concat_batches(batches)
        empty = [pa.array([], type=kind) for kind in self.schema.types]
        return pa.RecordBatch.from_arrays(empty, schema=self.schema)

    def cancel(self) -> None:
        """Stop the query, from any thread. It returns when the query has noticed."""
        self._is_cancelled.set()
        for _ in range(_INTERRUPTS):
            if self._end_call():
                self._calls.release()
                return

    def close(self) -> None:
        """Stop the query if it still runs, and free what it holds, from any thread."""
        self._is_cancelled.set()
        while not self._end_call():
            pass
        try:
            if not self._is_closed:
                self._is_closed = True
                with contextlib.suppress(Exception):
                    self._release()
                self._running.remove(self)
        finally:
            self._calls.release()

    def _end_call(self) -> bool:
        """Take the place of the library's call that now runs, if any; or tell it to end.

        An interrupt that comes just before the call is lost, so this has to be repeated.
        """
        if self._calls.acquire(timeout=_INTERRUPT_SECONDS):
            return True
        with contextlib.suppress(Exception):
            self._interrupt()
        return False

    def _guard(self, action: Callable[[], _T]) -> _T:
        """Call the library; after any failure the query is over."""
        try:
            result = attempt(lambda: self._call(action), self._explain)
        except BaseException as exc:  # noqa: BLE001 - raised again below, outside of this block
            was_cancelled = self._is_cancelled.is_set()
            self.close()
            if isinstance(exc, QueryError) and was_cancelled:
                exc = cancelled()
            failure = exc
        else:
            if not self._is_cancelled.is_set():
                return result
            self.close()
            failure = cancelled()
        raise failure

    def _call(self, action: Callable[[], _T]) -> _T:
        with self._calls:
            if self._is_cancelled.is_set():
                raise cancelled()
            return interruptible(action, self._interrupt)
