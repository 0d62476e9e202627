"""Lets Ctrl-C end a library's call in the main thread.

Python runs the handler of a signal only when the main thread comes back from a library. But the
signal itself is noted at once, in a socket of our own, and a thread that waits there makes the
library give up. This module knows signals. It does not know what a library's call is for.
"""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

__all__ = ["interruptible"]

_T = TypeVar("_T")

_STOPPING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGALRM})
_PAUSE_SECONDS: Final = 0.01


def interruptible(action: Callable[[], _T], interrupt: Callable[[], None]) -> _T:
    """Call a library so that a signal which wants to stop the program ends the call.

    The signal's own handler runs as soon as the call has ended.

    Args:
        action: Calls the library, which lets other threads run meanwhile.
        interrupt: Makes that call end soon. Another thread calls it, perhaps several times.
    """
    if threading.current_thread() is not threading.main_thread():
        return action()
    watch = _watch()
    if watch.interrupt is not None:  # A call within a call: what ends the outer one ends both.
        return action()
    try:
        watch.before = signal.set_wakeup_fd(watch.writer.fileno(), warn_on_full_buffer=False)
    except ValueError:  # Of several interpreters in one process, only the first hears signals.
        return action()
    try:
        watch.interrupt = interrupt
        return action()
    finally:
        # In this order: a handler that raises does so when the last of these returns.
        watch.interrupt = None
        signal.set_wakeup_fd(watch.before, warn_on_full_buffer=False)


class _Watch:
    """Waits for signals, all the time; what came meanwhile for somebody else is passed on.

    Attributes:
        writer: Python writes the number of each signal into it.
        interrupt: Ends the call that the main thread makes now; None if it makes none.
        before: Where Python would else write the numbers; -1 for nowhere.
    """

    def __init__(self) -> None:
        self._reader, self.writer = socket.socketpair()
        self.writer.setblocking(False)
        self.interrupt: Callable[[], None] | None = None
        self.before = -1
        threading.Thread(target=self._work, daemon=True, name="maskline-signals").start()

    def _work(self) -> None:
        pause = threading.Event()
        while numbers := self._reader.recv(64):
            if self.before >= 0:
                with contextlib.suppress(OSError):
                    os.write(self.before, numbers)
            if not _STOPPING.intersection(numbers):
                continue
            stopped = self.interrupt
            # An interrupt that comes just before the library's call is lost, so it is repeated.
            while stopped is not None and self.interrupt is stopped:
                with contextlib.suppress(Exception):
                    stopped()
                pause.wait(_PAUSE_SECONDS)


@cache
def _watch() -> _Watch:
    return _Watch()


# A forked child has no such thread.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_watch.cache_clear)
