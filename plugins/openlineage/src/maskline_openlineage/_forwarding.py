"""Forwards what is in an outbox: in the background of a process, or once, for a command.

An event is acknowledged when it has arrived, so that each arrives at least once. One that arrives
twice is told by its run id, type and time. This module knows outboxes. It does not know how an
event is sent.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from maskline.errors import MasklineError
from maskline.lineage import Delivery
from maskline_openlineage._outbox import Outbox
from maskline_openlineage._sending import RejectedError, UnsentError

__all__ = ["Background", "forward"]

_log: Final = logging.getLogger("maskline.openlineage")

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_TURN: Final = 0.2
_LOOK_EVERY: Final = 1.0  # Other processes may append to the outbox too.


def forward(
    outbox: Outbox,
    send: Callable[[bytes], None],
    *,
    timeout: float,
    stop: threading.Event | None = None,
) -> Delivery:
    """Send what waits, oldest first. One that does not arrive is tried again, ever more rarely.

    Args:
        outbox: Where it waits.
        send: Sends one line, or raises `UnsentError` or `RejectedError`.
        timeout: After how many seconds to give up for now.
        stop: Ends it early.

    Returns:
        What became of the events.

    Raises:
        AuditError: The outbox cannot be read.
    """
    stop = stop or threading.Event()
    deadline = time.monotonic() + timeout
    sent = rejected = 0
    is_done = False
    while not is_done:
        with outbox.forwarding() as is_alone:
            if is_alone:
                sent, rejected = _forward(outbox, send, deadline, stop)
        # Somebody else forwards; what they leave is forwarded here.
        is_done = is_alone or time.monotonic() + _TURN > deadline or stop.wait(_TURN)
    lost, since = outbox.lost()
    return Delivery(
        sent=sent, rejected=rejected, waiting=outbox.waiting(), lost=lost, lost_since=since
    )


def _forward(
    outbox: Outbox, send: Callable[[bytes], None], deadline: float, stop: threading.Event
) -> tuple[int, int]:
    """Send what waits, and return how many events arrived and how many were rejected."""
    sent = rejected = 0
    for line, position in outbox.unsent():
        if stop.is_set():
            break
        problem = _send(send, line, deadline, stop)
        if isinstance(problem, UnsentError):
            break
        if problem is None:
            sent += 1
        else:
            _log.warning("A lineage event was rejected: %s.", problem)
            outbox.reject(line)
            rejected += 1
        outbox.acknowledge(position)
    return sent, rejected


def _send(
    send: Callable[[bytes], None], line: bytes, deadline: float, stop: threading.Event
) -> UnsentError | RejectedError | None:
    pause = _FIRST_PAUSE
    while True:
        try:
            send(line)
        except RejectedError as exc:
            return exc
        except UnsentError as exc:
            problem = exc
        else:
            return None
        if pause == _FIRST_PAUSE:
            _log.warning("Lineage events cannot be sent, and wait in the outbox: %s.", problem)
        if time.monotonic() + pause > deadline or stop.wait(pause):
            return problem
        pause = min(pause * 2, _LONGEST_PAUSE)


class Background:
    """A thread that forwards an outbox as long as the process lives. It never holds a query up.

    It stays with the process that made it, for forked children would share its connections: what
    they append is forwarded from there.

    Args:
        outbox: What to forward.
        send: As for `forward`.
    """

    def __init__(self, outbox: Outbox, send: Callable[[bytes], None]) -> None:
        self._outbox = outbox
        self._send = send
        self._new = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maskline-openlineage", daemon=True)
        self._thread.start()  # Something may have waited since the last process ended.

    def wake(self) -> None:
        """Say that there is something new."""
        self._new.set()

    def close(self) -> None:
        """Ask the thread to end. It is not waited for: what is not sent stays in the outbox."""
        self._stop.set()
        self._new.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                forward(self._outbox, self._send, timeout=threading.TIMEOUT_MAX, stop=self._stop)
            except MasklineError as exc:
                _log.warning("%s %s", exc.message, exc.hint)
                self._stop.wait(_LONGEST_PAUSE)
            self._new.wait(_LOOK_EVERY)
            self._new.clear()
