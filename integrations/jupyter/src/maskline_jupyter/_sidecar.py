"""Sessions whose engine runs in a process of its own, so that raw rows never enter the notebook.

A `SidecarSession` stands in for a `maskline.Session`: what the magics use of one, it has. This
module knows what is asked and what comes back. It does not know processes, or how results look.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskline.errors import UsageError
from maskline_jupyter._sidecar_process import Sidecar, environment
from maskline_jupyter._sidecar_wire import About, PolicyFacts, dump, load, load_result

if TYPE_CHECKING:
    from io import BufferedReader

    import pyarrow as pa

    from maskline import MaskedResult, Principal
    from maskline.model import ColumnRef, Decision, Label
    from maskline.planning import Plan

__all__ = ["SidecarSession"]


class SidecarSession:
    """One open source under one policy, in a process of its own.

    Nothing is opened before `open`. If the process ends, by whatever cause, the next question
    starts a new one. One thread at a time may ask; *cancel* may come from any thread.

    Args:
        source: The name of a source in the policy, or its URL.
        policy: The policy file.
        principal: Who asks; by default the user of the operating system.
        purpose: Why, unless a query says otherwise.
        spare: A sidecar that is nobody's, to be used first.

    Attributes:
        purpose: Why, unless a query says otherwise.
    """

    def __init__(
        self,
        source: str = "",
        *,
        policy: str | Path = "policy.yaml",
        principal: "Principal | None" = None,
        purpose: str = "",
        spare: Sidecar | None = None,
    ) -> None:
        self.purpose = purpose
        self._source = source
        self._policy = str(policy)
        self._folder = str(Path.cwd())
        self._asker = principal
        self._sidecar = spare
        self._about: About | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<SidecarSession: {self._source or 'the only source'}>"

    def open(self) -> None:
        """Start the process, if there is none, and open the source there.

        Raises:
            MasklineError: `maskline.connect` tells why; or there can be no such process.
        """
        from maskline import Principal

        if self._sidecar is None or not self._sidecar.is_open:
            self._sidecar = Sidecar()
        try:
            told = self._request(
                "open",
                source=self._source,
                policy=self._policy,
                principal=dump(Principal | None, self._asker),
                purpose=self.purpose,
                folder=self._folder,
                environment=environment(),
            )
        except BaseException:
            self._sidecar.stop()
            raise
        self._about = load(About, told["about"])
        self._asker = load(Principal, told["principal"])

    @property
    def source_name(self) -> str:
        """The name of the source in the policy."""
        return self._opened.source_name

    @property
    def dialect(self) -> str:
        """The name sqlglot gives to the database's SQL."""
        return self._opened.dialect

    @property
    def policy(self) -> PolicyFacts:
        """Which policy decides what is masked."""
        return self._opened.policy

    @property
    def principal(self) -> "Principal":
        """Who asks."""
        asker = self._asker
        if asker is None:
            raise _not_open()
        return asker

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an administrator of the database should mend."""
        return self._opened.warnings

    def query(
        self,
        sql: str,
        *,
        purpose: str | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> "MaskedResult":
        """Answer one SELECT. `maskline.Session.query` states arguments and errors.

        Raises:
            QueryFailedError: The sidecar ended before it answered, besides.
        """
        self._ensure()
        arguments: dict[str, object] = {
            "sql": sql,
            "purpose": self.purpose if purpose is None else purpose,
            "limit": limit,
            "timeout": timeout,
        }
        told, table = self._exchange("query", arguments, read=_read_rows)
        return load_result(told, table)

    def explain(self, sql: str, *, purpose: str | None = None) -> "Plan":
        """Plan a query without running it. What would be sent to the database is left out."""
        from maskline.planning import Plan

        self._ensure()
        asked = self.purpose if purpose is None else purpose
        plan: Plan = load(Plan, self._request("explain", sql=sql, purpose=asked))
        return plan

    def columns(self) -> "list[tuple[ColumnRef, str, Label, Decision]]":
        """List every column with its type, its label and what the policy says about it."""
        from maskline.model import ColumnRef, Decision, Label

        self._ensure()
        told = self._request("columns", purpose=self.purpose)
        listed: list[tuple[ColumnRef, str, Label, Decision]] = load(
            list[tuple[ColumnRef, str, Label, Decision]], told
        )
        return listed

    def report(self) -> dict[str, str]:
        """Return what *maskline_jupyter.doctor.found* finds in the sidecar."""
        self._ensure()
        told: dict[str, str] = self._request("report")
        return told

    def progress(self) -> int:
        """Return how many rows of the running query there were when last asked."""
        return self._sidecar.progress() if self._sidecar else 0

    def cancel(self) -> None:
        """Stop the running query, from any thread; or the opening, and the process with it."""
        if self._sidecar is None:
            return
        if self._about is None:
            self._sidecar.stop()
        else:
            self._sidecar.cancel()

    def close(self) -> None:
        """Close the source and end its process. May be called twice."""
        self._is_closed = True
        if self._sidecar is not None:
            self._sidecar.close()

    @property
    def _opened(self) -> About:
        if self._about is None:
            raise _not_open()
        return self._about

    def _ensure(self) -> None:
        """Open the source anew where its process has ended, or was left to a parent."""
        if self._is_closed or self._about is None:
            raise _not_open()
        if self._sidecar is None or not self._sidecar.is_open:
            self.open()

    def _request(self, call: str, **arguments: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        return self._exchange(call, arguments)[0]

    def _exchange(
        self,
        call: str,
        arguments: dict[str, object],
        *,
        read: "Callable[[BufferedReader], pa.Table] | None" = None,
    ) -> "tuple[Any, pa.Table]":
        sidecar = self._sidecar
        if sidecar is None:
            raise _not_open()
        return sidecar.request(call, arguments, read=read)


def _read_rows(reader: "BufferedReader") -> "pa.Table":
    """Read one stream to its end, and not a byte more."""
    import pyarrow as pa

    return pa.ipc.open_stream(reader).read_all()


def _not_open() -> UsageError:
    return UsageError("The session is not open.", hint="Open one: %maskline connect SOURCE")
