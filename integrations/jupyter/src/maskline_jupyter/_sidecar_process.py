"""The notebook's end of a sidecar: a process, two sockets, and what happens when either ends.

This module knows processes and sockets. It does not know what is asked.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from io import BufferedReader
from typing import Any, Final, TypeVar

from maskline.errors import MasklineError, QueryCancelledError, QueryFailedError, SourceError
from maskline_jupyter._sidecar_wire import load_error, receive, send

__all__ = ["Sidecar", "environment"]

_T = TypeVar("_T")

_BUFFER: Final = 1 << 16
_GRACE_SECONDS: Final = 3.0
"""How long a request may go on after it was cancelled."""
_LAST_SECONDS: Final = 10.0
_NOT_PASSED: Final = ("JPY_", "IPYTHON", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONBREAKPOINT")
"""Starts of names of variables that are for the notebook only."""


def environment() -> dict[str, str]:
    """Return the variables that a sidecar gets: passwords and settings of drivers are there."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED)}


class Sidecar:
    """A process that answers requests, and that has nothing of this one but two sockets.

    It is a group of its own: what interrupts or kills the notebook's group leaves it time to end
    its query. It ends when this process does. A child that is forked from here has no part in it.

    Raises:
        SourceError: The system cannot start one.
    """

    def __init__(self) -> None:
        if not hasattr(os, "fork"):
            msg = "There is no sidecar on this system."
            raise SourceError(msg, hint="Connect with --in-process.")
        self.is_open = True
        self._lock = threading.Lock()
        self._number = 0
        self._is_cancelled = False
        self._is_busy = False
        self._heard = b""
        self._rows = 0
        self._calls, calls = socket.socketpair()
        self._control, control = socket.socketpair()
        self._reader = self._calls.makefile("rb")
        self._lines = receive(self._reader)
        with calls, control:
            self._process = _start(calls, control)
        _ALL.add(self)

    def request(
        self,
        call: str,
        arguments: dict[str, object],
        *,
        read: Callable[[BufferedReader], _T] | None = None,
    ) -> tuple[Any, _T | None]:
        """Send a request, and wait for the answer.

        Args:
            call: What is to be done.
            arguments: What JSON can hold.
            read: Reads the rows of an answer that has some.

        Returns:
            The answer, and what *read* returned.

        Raises:
            MasklineError: What the sidecar raised, fresh; or it has ended. It ends here, too, if
                this call is interrupted: nobody could tell its answer from the next one.
        """
        with self._lock:
            self._number += 1
            self._is_cancelled, self._is_busy = False, True
            self._rows = 0
            failure: MasklineError | None = None
            try:
                return self._exchange(call, arguments, read)
            except MasklineError:
                raise
            except Exception as exc:  # noqa: BLE001 - whatever it is, the two are out of step
                failure = self._lost(exc)
            except BaseException:
                self.stop()
                raise
            finally:
                self._is_busy = False
        raise failure

    def _exchange(
        self,
        call: str,
        arguments: dict[str, object],
        read: Callable[[BufferedReader], _T] | None,
    ) -> tuple[Any, _T | None]:
        send(self._calls, {"number": self._number, "call": call, "arguments": arguments})
        answer, rows = next(self._lines), None
        if "rows" in answer and read is not None:
            rows = read(self._reader)
            answer = next(self._lines)
        if "error" in answer:
            raise load_error(answer["error"])
        return answer["value"], rows

    def cancel(self) -> None:
        """Have the request that now runs end, from any thread. Does nothing if none runs."""
        if not self._is_busy:
            return
        self._is_cancelled = True
        number = self._number
        with contextlib.suppress(OSError):
            send(self._control, {"cancel": number})
        timer = threading.Timer(_GRACE_SECONDS, self._stop_late, (number,))
        timer.daemon = True
        timer.start()

    def progress(self) -> int:
        """Ask how many rows there are; return the newest answer, without waiting for this one."""
        with contextlib.suppress(OSError):
            send(self._control, {"progress": self._number})
            self._heard += self._control.recv(_BUFFER, socket.MSG_DONTWAIT)
        *whole, self._heard = self._heard.split(b"\n")
        if whole:
            told = json.loads(whole[-1])
            if told["number"] == self._number:
                self._rows = told["rows"]
        return self._rows

    def stop(self) -> None:
        """Let the process end its query and itself, from any thread. May be called twice."""
        if self.is_open:
            self.is_open = False
            for each in (self._calls, self._control):
                # Who waits for an answer now gets none.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            threading.Thread(target=self._reap, daemon=True, name="maskline-reaper").start()

    def close(self) -> None:
        """Let the process end, and wait until it has."""
        self.stop()
        self._reap()

    def forget(self) -> None:
        """Leave the process to the one that this one was forked from."""
        self.is_open = False
        for each in (self._calls, self._control):
            os.close(each.detach())
        # Not a child of this process, so there is nothing to wait for.
        self._process.returncode = 0

    def _stop_late(self, number: int) -> None:
        if self._is_busy and self._number == number:
            self.stop()

    def _lost(self, error: Exception) -> MasklineError:
        """End what is out of step, and say so."""
        was_cancelled = self._is_cancelled
        self.stop()
        if was_cancelled:
            return QueryCancelledError("The query was stopped, and the sidecar with it.")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        msg = f"The sidecar process ended before it answered: {_end(self._process, error)}."
        return QueryFailedError(
            msg, hint="Ask again: that starts a new one. If memory ran out, ask for fewer rows."
        )

    def _reap(self) -> None:
        try:
            self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.close()
        self._calls.close()
        self._control.close()


def _start(calls: socket.socket, control: socket.socket) -> "subprocess.Popen[bytes]":
    numbers = [calls.fileno(), control.fileno()]
    # -P: a file in the notebook's folder must not pass for a library.
    program = [sys.executable, "-P", "-m", "maskline_jupyter._sidecar_main"]
    try:
        return subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [*program, *map(str, numbers)],
            pass_fds=numbers,
            env=environment(),
            # What a library prints may be values, and the notebook's server keeps a log.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as exc:
        kind = type(exc).__name__
    msg = f"The sidecar process cannot be started: {kind}."
    raise SourceError(msg, hint="Free some memory, or connect with --in-process.")


def _end(process: "subprocess.Popen[bytes]", error: Exception) -> str:
    code = process.returncode
    if code is None:
        return type(error).__name__
    return f"exit status {code}" if code >= 0 else signal.Signals(-code).name


_ALL: Final["weakref.WeakSet[Sidecar]"] = weakref.WeakSet()


def _forget_all() -> None:
    for each in _ALL:
        if each.is_open:
            each.forget()


# A forked child must not speak for its parent, nor keep the sidecar alive after it.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
