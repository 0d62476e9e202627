"""Where the engine of a notebook runs: in a sidecar, or in the notebook's own process.

This module knows both kinds of session, and the requests of the magics. It does not know IPython.
"""

import getpass
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from maskline.errors import SourceError
from maskline_jupyter._running import run
from maskline_jupyter._sidecar import SidecarSession
from maskline_jupyter._sidecar_process import Sidecar
from maskline_jupyter.doctor import found
from maskline_jupyter.grammar import Connect, Request

if TYPE_CHECKING:
    import maskline

__all__ = ["Engines", "Session", "ask", "report"]

Session: TypeAlias = "maskline.Session | SidecarSession"
"""Whatever answers queries, wherever it runs."""


class Engines:
    """Opens sessions. The first sidecar is started at once, so that it is ready when it is needed.

    Args:
        in_process: Whether sessions run in this process, unless one is asked for otherwise.
    """

    def __init__(self, *, in_process: bool = False) -> None:
        self._spare: Sidecar | None = None
        if not in_process:
            # Where there can be none, connecting says so.
            with suppress(SourceError):
                self._spare = Sidecar()

    def open(self, wanted: Connect, roles: tuple[str, ...], *, in_process: bool) -> "Session":
        """Open a source under a policy.

        Raises:
            MasklineError: `maskline.connect` tells why; or the sidecar cannot be started.
            QueryCancelledError: Somebody stopped it.
        """
        from maskline import Principal, connect

        who = Principal(kind="human", id=getpass.getuser(), roles=roles)
        policy, purpose = Path(wanted.policy), wanted.purpose
        if in_process:
            return connect(wanted.source, policy=policy, principal=who, purpose=purpose)
        spare, self._spare = self._spare, None
        session = SidecarSession(
            wanted.source, policy=policy, principal=who, purpose=purpose, spare=spare
        )
        run(session.open, session.cancel)
        return session

    def close(self) -> None:
        """End the sidecar that was not needed. Sessions are closed by whoever has them."""
        if self._spare is not None:
            self._spare.close()


def ask(session: "Session", request: Request, *, is_alone: bool) -> "maskline.MaskedResult":
    """Run a query, which can be stopped.

    Args:
        session: Answers it.
        request: What to ask, with everything filled in.
        is_alone: Whether nothing else was shown so far, so that its progress may be cleared.

    Raises:
        MasklineError: Whatever the session raises, fresh.
        QueryCancelledError: Somebody stopped it.
    """
    return run(
        lambda: session.query(
            request.sql, purpose=request.purpose, limit=request.limit, timeout=request.timeout
        ),
        session.cancel,
        timeout=request.timeout,
        progress=session.progress,
        is_alone=is_alone,
    )


def report(session: "Session") -> dict[str, str]:
    """Return where a session's engine runs, and what *found* finds there."""
    if isinstance(session, SidecarSession):
        return {"engine": "sidecar", **session.report()}
    return {"engine": "in process", **found(session)}
