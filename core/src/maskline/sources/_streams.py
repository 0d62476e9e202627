"""What the engines share: one running query, how it is stopped, and how it fails.

This module knows threads and Arrow. It does not know any engine: those tell it how to start,
fetch, interrupt and release.
"""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import pyarrow as pa

from maskline.errors import MasklineError, QueryCancelledError, QueryError

__all__ = ["WITHHELD", "QueryStream", "Running", "attempt", "cancelled"]

WITHHELD: Final = "The database's own words are withheld, for they may quote values."
"""The hint of an error whose cause the database knows better."""

_POLL_SECONDS: Final = 0.05
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
    """One running query. `maskline.roles.RowStream` states what it promises.

    A library's call cannot be interrupted by Ctrl-C. So the main thread lets another thread make
    the call, and waits where a KeyboardInterrupt can land; it stops the query and passes on.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._is_cancelled = threading.Event()
        self._is_busy = False
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
            if self._is_closed:
                raise cancelled()
            batch = self._guard(self._fetch)
            if batch is None:
                self._is_exhausted = True
                self.close()
            else:
                yield batch

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
            # An interrupt that comes just before the library's call is lost, so it is repeated.
            if not self._is_busy:
                return
            with contextlib.suppress(Exception):
                self._interrupt()
            time.sleep(_INTERRUPT_SECONDS)

    def close(self) -> None:
        """Stop the query if it still runs, and free what it holds. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(Exception):
            self._release()
        self._running.remove(self)

    def _guard(self, action: Callable[[], _T]) -> _T:
        """Call the library; after any failure the query is over."""
        try:
            result = attempt(lambda: self._call(action), self._explain)
        except BaseException as exc:  # noqa: BLE001 - raised again below, outside of this block
            self.close()
            if isinstance(exc, QueryError) and self._is_cancelled.is_set():
                exc = cancelled()
            failure = exc
        else:
            if not self._is_cancelled.is_set():
                return result
            self.close()
            failure = cancelled()
        raise failure

    def _call(self, action: Callable[[], _T]) -> _T:
        self._is_busy = True
        try:
            if self._is_cancelled.is_set():
                raise cancelled()
            if threading.current_thread() is not threading.main_thread():
                return action()
            return self._call_aside(action)
        finally:
            self._is_busy = False

    def _call_aside(self, action: Callable[[], _T]) -> _T:
        results: list[_T] = []
        errors: list[BaseException] = []
        # Not Thread.join: interrupted, Python 3.11 takes the thread for ended while it runs.
        is_done = threading.Event()

        def work() -> None:
            try:
                results.append(action())
            except BaseException as exc:  # noqa: BLE001 - raised again in the main thread
                errors.append(exc)
            finally:
                is_done.set()

        threading.Thread(target=work, daemon=True, name="maskline-query").start()
        try:
            while not is_done.wait(_POLL_SECONDS):
                pass
        except BaseException:
            while not is_done.is_set():
                with contextlib.suppress(Exception):
                    self._interrupt()
                is_done.wait(_INTERRUPT_SECONDS)
            # A traceback shows these, and they may hold values.
            results.clear()
            errors.clear()
            raise
        if errors:
            raise errors.pop()
        return results[0]
