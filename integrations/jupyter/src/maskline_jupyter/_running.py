"""Runs a query so that Stop works and something can be seen of it.

The query runs in a thread of its own, so that Python's main thread is free to hear Ctrl-C. Frames
of that thread may hold raw values; none of them comes here. This module knows threads, and how
IPython shows things. It does not know queries.
"""

import copy
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from maskline.errors import MasklineError, QueryCancelledError

__all__ = ["run"]

_T = TypeVar("_T")

_STEP_SECONDS: Final = 0.05
_SHOWN_AFTER_SECONDS: Final = 0.6
_EVERY_SECONDS: Final = 0.25
_GRACE_SECONDS: Final = 5.0
"""How long a query may go on after it was stopped, or after its time was up."""


def run(
    call: Callable[[], _T],
    cancel: Callable[[], None],
    *,
    timeout: float | None = None,
    progress: Callable[[], int] = lambda: 0,
    is_alone: bool = True,
) -> _T:
    """Make a call in another thread, and wait for it.

    Args:
        call: Runs a query. It keeps to the timeout by itself.
        cancel: Makes the call end soon.
        timeout: In seconds. Where the call does not keep to it, it is cancelled.
        progress: Returns how many rows there are so far.
        is_alone: Whether nothing but this was shown so far, so that it may be cleared.

    Returns:
        What the call returned.

    Raises:
        MasklineError: What the call raised, fresh: without the frames that raised it.
        QueryCancelledError: Somebody stopped it.
    """
    work = _Work(call)
    shown = _Progress(is_alone=is_alone)
    until = float("inf") if timeout is None else timeout + _GRACE_SECONDS
    try:
        while not work.wait(_STEP_SECONDS):
            if shown.seconds > until:
                break
            shown.show(progress)
    except KeyboardInterrupt:
        stopped = "The query was stopped before its end."
    else:
        stopped = "" if work.has_ended else "The query was stopped: its time limit was reached."
    if stopped:
        cancel()
        work.wait(_GRACE_SECONDS)
    shown.clear()
    if stopped:
        raise QueryCancelledError(stopped)
    if work.failure is not None:
        raise work.failure
    return work.result


class _Work(Generic[_T]):
    """A call in a thread of its own.

    Attributes:
        result: What it returned; there is none before it has ended.
        failure: What it raised, with nothing that hangs on it; None if it did not.
    """

    result: _T

    def __init__(self, call: Callable[[], _T]) -> None:
        self.failure: MasklineError | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._run, args=(call,), daemon=True, name="maskline-query").start()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, or for some time; return whether it has."""
        return self._ended.wait(seconds)

    def _run(self, call: Callable[[], _T]) -> None:
        try:
            self.result = call()
        except MasklineError as exc:
            self.failure = copy.copy(exc)
        except BaseException as exc:  # noqa: BLE001 - its text and its frames may hold values
            msg = f"The query failed: {type(exc).__name__}. Its message is withheld."
            self.failure = MasklineError(msg, hint="Please report this as a defect.")
        finally:
            self._ended.set()


class _Progress:
    """What is shown of a query that takes long: a bar in a notebook, a line in a terminal."""

    def __init__(self, *, is_alone: bool) -> None:
        self._is_alone = is_alone
        self._began = time.monotonic()
        self._next = _SHOWN_AFTER_SECONDS
        self._name = f"maskline-{uuid.uuid4().hex}"
        self._is_shown = False

    @property
    def seconds(self) -> float:
        """Since the query began."""
        return time.monotonic() - self._began

    def show(self, progress: Callable[[], int]) -> None:
        """Show how far it is, if it is time to."""
        if self.seconds < self._next:
            return
        self._next = self.seconds + _EVERY_SECONDS
        rows = progress()
        words = f"{rows:,} rows".replace(",", " ") if rows else "running"
        words = f"{words}, {self.seconds:.1f} s"
        publisher = _publisher()
        if publisher is not None:
            html = f'<progress aria-label="query"></progress> {words}'
            self._publish(publisher, {"text/plain": words, "text/html": html})
        elif sys.stderr.isatty():
            print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)  # noqa: T201
        self._is_shown = True

    def clear(self) -> None:
        """Take away what was shown."""
        publisher = _publisher()
        if not self._is_shown:
            return
        if publisher is None:
            if sys.stderr.isatty():
                print("\r\033[K", end="", file=sys.stderr, flush=True)  # noqa: T201
        elif self._is_alone:
            # Now, and not when the result is shown: there may be nothing to show.
            publisher.clear_output(wait=False)
        else:
            self._publish(publisher, {"text/plain": "", "text/html": ""})

    def _publish(self, publisher: Any, data: dict[str, str]) -> None:  # noqa: ANN401 - IPython's
        place = {"display_id": self._name}
        publisher.publish(data, transient=place, update=self._is_shown)


def _publisher() -> Any:  # noqa: ANN401 - IPython's, which has no types
    """Return what shows things in a notebook; None in a terminal."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    return shell.display_pub if getattr(shell, "kernel", None) is not None else None
