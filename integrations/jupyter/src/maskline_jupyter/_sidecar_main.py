"""The sidecar: the process in which a notebook's engine runs, and the only one with raw rows.

``python -P -m maskline_jupyter._sidecar_main CALLS CONTROL`` is started with two sockets, by their
numbers. On the first it answers requests, one after the other. On the second it hears what cannot
wait: that a request is to be given up, or how far it is. When that socket ends, so does the
notebook, and with it the query and this process. This module knows sessions. It does not know
notebooks.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from maskline.errors import MasklineError
from maskline_jupyter._sidecar_wire import (
    About,
    PolicyFacts,
    dump,
    dump_error,
    dump_result,
    load,
    receive,
    send,
    unexpected,
)

if TYPE_CHECKING:
    from maskline import Session

__all__ = ["Engine", "main"]

_BUFFER: Final = 1 << 20
_PAUSE_SECONDS: Final = 0.05
_PR_SET_DUMPABLE: Final = 4
"""Of Linux, ``linux/prctl.h``."""
_LAST_SECONDS: Final = 5.0
"""How long the end of the notebook may take to end a query and record that."""


class Engine:
    """Answers one notebook, until it is gone.

    Args:
        calls: Brings requests, and takes answers.
        control: Brings what cannot wait.
    """

    def __init__(self, calls: socket.socket, control: socket.socket) -> None:
        self._calls = calls
        self._control = control
        self._session: Session | None = None
        self._number = 0
        self._ended = 0
        self._handlers: dict[str, Callable[..., object]] = {
            "open": self._open,
            "columns": self._columns,
            "explain": self._explain,
            "query": self._query,
            "report": self._report,
        }

    def serve(self) -> None:
        """Answer request after request. It returns when the notebook is gone."""
        threading.Thread(target=self._listen, daemon=True, name="maskline-control").start()
        # A notebook that ends in the middle of an answer ends it here.
        with contextlib.suppress(OSError), self._calls.makefile("rb") as reader:
            for request in receive(reader):
                self._number = request["number"]
                answer = self._answer(request)
                self._ended = self._number
                send(self._calls, answer)
        if self._session is not None:
            self._session.close()

    def _answer(self, request: Mapping[str, Any]) -> dict[str, object]:
        try:
            return {"value": self._handlers[request["call"]](**request["arguments"])}
        except MasklineError as exc:
            return {"error": dump_error(exc)}
        except Exception as exc:  # noqa: BLE001 - its text may hold values, so it stays here
            return {"error": dump_error(unexpected(exc))}

    def _open(  # noqa: PLR0913 - all that a session needs
        self,
        *,
        source: str,
        policy: str,
        principal: object,
        purpose: str,
        folder: str,
        environment: Mapping[str, str],
    ) -> object:
        from maskline import Principal, connect

        # The notebook may have changed both since this process began.
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        session = connect(
            source,
            policy=Path(policy),
            principal=load(Principal | None, principal),
            purpose=purpose,
        )
        self._session = session
        return {
            "about": dump(About, _about(session)),
            "principal": dump(Principal, session.principal),
        }

    def _columns(self, *, purpose: str) -> object:
        from maskline.model import ColumnRef, Decision, Label

        session = self._opened()
        session.purpose = purpose
        return dump(list[tuple[ColumnRef, str, Label, Decision]], session.columns())

    def _explain(self, *, sql: str, purpose: str) -> object:
        from maskline.planning import Plan

        plan = self._opened().explain(sql, purpose=purpose)
        # What is sent to the database is no business of the notebook.
        return dump(Plan, replace(plan, sql="", checked="", masked_reads=(), lookups=()))

    def _query(self, **arguments: Any) -> object:  # noqa: ANN401 - those of Session.query
        import pyarrow as pa

        with self._opened().stream(**arguments) as stream:
            send(self._calls, {"rows": True})
            with (
                self._calls.makefile("wb", buffering=_BUFFER) as file,
                pa.ipc.new_stream(file, stream.schema) as writer,
            ):
                for batch in stream:
                    writer.write_batch(batch)
        return dump_result(stream.result(stream.schema.empty_table()))

    def _report(self) -> object:
        from maskline_jupyter.doctor import found

        return found(self._opened())

    def _opened(self) -> "Session":
        if self._session is None:
            msg = "The sidecar has no open session."
            raise MasklineError(msg, hint="Please report this as a defect.")
        return self._session

    def _listen(self) -> None:
        with contextlib.suppress(OSError), self._control.makefile("rb") as reader:
            for message in receive(reader):
                if "cancel" in message:
                    stop = threading.Thread(
                        target=self._cancel, args=(message["cancel"],), daemon=True
                    )
                    stop.start()
                elif self._session is not None:
                    rows = self._session.progress()
                    send(self._control, {"number": self._number, "rows": rows})
        threading.Thread(target=self._cancel, args=(self._number,), daemon=True).start()
        time.sleep(_LAST_SECONDS)
        os._exit(1)

    def _cancel(self, number: int) -> None:
        """Stop a request that has not ended, whatever it does at the moment."""
        # A request may be between two statements when it is stopped, so this is repeated.
        while self._ended < number:
            if self._session is not None:
                self._session.cancel()
            time.sleep(_PAUSE_SECONDS)


def _about(session: "Session") -> About:
    """Return what a notebook may know of a session."""
    policy = session.policy
    return About(
        source_name=session.source_name,
        dialect=session.dialect,
        warnings=session.warnings,
        policy=PolicyFacts(
            path=policy.path,
            hash=policy.hash,
            version=policy.version,
            audit_path=policy.audit_path,
        ),
    )


def _harden() -> None:
    """Keep raw rows in this process: no core file, and no look into its memory by its peers."""
    import ctypes
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _warm_up() -> None:
    """Load and compile what the first query needs, while the notebook's user still types."""
    import duckdb  # noqa: F401

    import maskline.session  # noqa: F401
    from maskline.plugins import load_registry

    load_registry()


def main() -> None:
    """Serve the notebook that started this process, then end."""
    _harden()
    calls, control = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    # What cannot be imported now cannot be either when it is needed, and is told then.
    with contextlib.suppress(Exception):
        _warm_up()
    Engine(calls, control).serve()
    # Threads of libraries may still wait for work.
    os._exit(0)


if __name__ == "__main__":
    main()
