"""What the engines share: one running query, how it is stopped, and how it fails.

This module knows threads and Arrow. It does not know any engine: those tell it how to start,
fetch, interrupt and release.
"""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

import pyarrow as pa

from maskline.errors import MasklineError, QueryCancelledError, QueryError

__all__ = ["WITHHELD", "QueryStream", "Running", "attempt", "cancelled"]

WITHHELD: Final = "The database's own words are withheld, for they may quote values."
"""The hint of an error whose cause the database knows better."""

_POLL_SECONDS: Final = 0.05
_INTERRUPTS: Final = 100
_INTERRUPT_SECONDS: Final = 0.01
_AHEAD_UNITS: Final = 8
"""So many batches are fetched before somebody asks for them; a large one counts for several."""
_UNIT_BYTES: Final = 4 * 1024 * 1024

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


class _Ahead:
    """Runs the steps of a query in a thread of its own, a little ahead of whoever takes them.

    A library's call cannot be interrupted by Ctrl-C; waiting for another thread can. Where the
    engine keeps all cores busy, a thread is slow to wake, so this one waits only if there is no
    room for what it would fetch, and not each time until somebody has taken its last batch.

    Args:
        steps: Gives None once the query has started, then its batches.
        interrupt: Makes the step that now runs end soon.
    """

    def __init__(
        self, steps: Iterator[pa.RecordBatch | None], interrupt: Callable[[], None]
    ) -> None:
        self._steps = steps
        self._interrupt = interrupt
        # These are written in C, so Ctrl-C cannot come between two of their lines.
        self._room: SimpleQueue[None] = SimpleQueue()
        self._results: SimpleQueue[tuple[pa.RecordBatch | BaseException | None, int]]
        self._results = SimpleQueue()
        self._has_begun = False
        self._is_stopped = False
        # Not Thread.join: interrupted, Python 3.11 takes the thread for ended while it runs.
        self._is_done = threading.Event()
        threading.Thread(target=self._work, daemon=True, name="maskline-query").start()

    def take(self) -> pa.RecordBatch | None:
        """Wait for the next result: None for the start and for the end, else a batch."""
        while not (self._is_stopped and self._is_done.is_set()):
            with contextlib.suppress(Empty):
                result, units = self._results.get(timeout=_POLL_SECONDS)
                self._make_room(units)
                if isinstance(result, BaseException):
                    try:
                        raise result
                    finally:
                        # Its traceback has this frame: they would keep each other, and the query.
                        del result
                return result
        raise cancelled()

    def begin(self) -> None:
        """Let it fetch. Until this was called, it only starts the query."""
        if not self._has_begun:
            self._has_begun = True
            self._make_room(_AHEAD_UNITS + 1)

    def stop(self) -> None:
        """End the step that runs, and return when it has ended. May be called again.

        What nobody took is forgotten.
        """
        self._is_stopped = True
        self._room.put(None)
        while not self._is_done.is_set():
            with contextlib.suppress(Exception):
                self._interrupt()
            self._is_done.wait(_INTERRUPT_SECONDS)
        with contextlib.suppress(Empty):
            while True:
                self._results.get_nowait()

    def _make_room(self, units: int) -> None:
        for _ in range(units):
            self._room.put(None)

    def _work(self) -> None:
        end = self._run()
        # In this order: whoever takes the end may count on it that no library is called any more.
        self._is_done.set()
        self._results.put((end, 0))

    def _run(self) -> BaseException | None:
        """Make all steps, and return why there are no more; None if they were all."""
        units = 0
        try:
            while self._has_room(units):
                units = self._step()
        except StopIteration:
            return None
        except BaseException as exc:  # noqa: BLE001 - raised again by whoever takes it
            return exc
        return cancelled()

    def _has_room(self, units: int) -> bool:
        """Wait until there is room for what came last; none is needed once it was stopped."""
        for _ in range(units):
            if not self._is_stopped:
                self._room.get()
        return not self._is_stopped

    def _step(self) -> int:
        result = next(self._steps)
        if result is None:
            self._results.put((None, 0))
            return 1
        units: int = min(1 + result.nbytes // _UNIT_BYTES, _AHEAD_UNITS)
        self._results.put((result, units))
        return units


class QueryStream(ABC):
    """One running query. `maskline.roles.RowStream` states what it promises.

    In the main thread, where a KeyboardInterrupt can land, another thread makes the library's
    calls; elsewhere this one does.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._is_cancelled = threading.Event()
        self._is_busy = False
        self._is_closed = False
        self._is_exhausted = False
        self._schema: pa.Schema | None = None
        self._ahead: _Ahead | None = None
        self._results = self._steps()

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
        self._guard(self._next)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._ahead:
            self._ahead.begin()
        while not self._is_exhausted:
            if self._is_closed:
                raise cancelled()
            batch = self._guard(self._next)
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
        # First, so that closing can be tried again where Ctrl-C came here.
        if self._ahead:
            self._ahead.stop()
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(Exception):
            self._release()
        # They know this stream, which would then wait for the garbage collector.
        self._ahead, self._results = None, iter(())
        self._running.remove(self)

    def _guard(self, action: Callable[[], _T]) -> _T:
        """Call the library; after any failure the query is over."""
        try:
            result = attempt(action, self._explain)
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

    def _next(self) -> pa.RecordBatch | None:
        if not self._ahead and threading.current_thread() is threading.main_thread():
            self._ahead = _Ahead(self._results, self._interrupt)
        return self._ahead.take() if self._ahead else next(self._results, None)

    def _steps(self) -> Iterator[pa.RecordBatch | None]:
        self._schema = self._call(self._start)
        yield None
        while (batch := self._call(self._fetch)) is not None:
            yield batch
            # A traceback shows it, and it holds values.
            del batch

    def _call(self, action: Callable[[], _T]) -> _T:
        # Before the question, for whoever cancels looks at this last.
        self._is_busy = True
        try:
            if self._is_cancelled.is_set():
                raise cancelled()
            return action()
        finally:
            self._is_busy = False
