"""The sink ``openlineage``: run events in an outbox, from which they are forwarded.

This module knows the options. A query waits for the outbox, which is a file, and never for a
lineage server.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from maskline.errors import AuditError
from maskline.hookspecs import hookimpl
from maskline.lineage import Delivery
from maskline.model import AccessEvent, OptionValue, Outcome
from maskline.roles import SinkType
from maskline_openlineage._events import NAMESPACE, encode
from maskline_openlineage._forwarding import Background, forward
from maskline_openlineage._outbox import Outbox
from maskline_openlineage._sending import Sender, is_disabled

__all__ = ["OpenLineageSink", "OpenLineageSinkType", "maskline_register_sinks"]

_log: Final = logging.getLogger("maskline.openlineage")

_JOB: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
_DEFAULTS: Final[Mapping[str, OptionValue]] = {
    "namespace": "maskline",
    "job": "query",
    "forward": False,
    "megabytes": 256,
    "when_full": "count",
    "sync": False,
}
_WHEN_FULL: Final = ("count", "refuse")
_MEGABYTE: Final = 1_000_000


class OpenLineageSink:
    """A sink that appends OpenLineage run events to an outbox, one line of JSON each.

    Args:
        outbox: Where they wait. Other processes may append to it too.
        namespace: The namespace of the jobs.
        job: What the names of jobs begin with.
        refuses_when_full: Whether an event that finds the outbox full is an error; else it is
            counted and not kept.
        background: What forwards the outbox; None if something else does.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        namespace: str,
        job: str,
        refuses_when_full: bool = False,
        background: Background | None = None,
    ) -> None:
        self._outbox = outbox
        self._namespace = namespace
        self._job = job
        self._refuses_when_full = refuses_when_full
        self._background = background
        self._starts: dict[str, bool] = {}  # Of the queries that run: whether it was kept.
        self._has_warned = False

    def __repr__(self) -> str:
        return f"<OpenLineageSink: {self._outbox.path}>"

    def emit(self, event: AccessEvent) -> None:
        """Append the event; before it a START, if this run has none, as every run needs one.

        Raises:
            AuditError: It could not be written whole, the outbox is full and refuses, or the
                query's id is not a UUID.
        """
        line = encode(event, namespace=self._namespace, job=self._job)
        is_start = event.outcome is Outcome.STARTED
        start = None if is_start else self._starts.pop(event.query_id, None)
        if not is_start and not start:
            line = encode(_start_of(event), namespace=self._namespace, job=self._job) + line
        # A START that found the outbox full was counted then.
        is_kept = self._outbox.append(line, events=1 if is_start or start is not None else 2)
        if is_start:
            self._starts[event.query_id] = is_kept
        if not is_kept:
            self._tell_full()
        if self._background:
            self._background.wake()

    def close(self) -> None:
        """Stop forwarding; what was not sent stays in the outbox."""
        if self._background:
            self._background.close()

    def _tell_full(self) -> None:
        msg = f"The outbox {self._outbox.path} is full, because lineage events are not forwarded."
        if self._refuses_when_full:
            hint = "Run `maskline lineage flush`, or give the sink more megabytes."
            raise AuditError(msg, hint=hint)
        if not self._has_warned:
            self._has_warned = True
            _log.warning("%s New ones are counted and not kept; the audit log has the reads.", msg)


class OpenLineageSinkType:
    """The sink ``openlineage``. The README lists its options."""

    name = "openlineage"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong with the options, a sentence each."""
        known = ("path", *_DEFAULTS)
        given = {**_DEFAULTS, **options}
        wrong = [
            f"The sink openlineage has no option {name}; it has {', '.join(known)}."
            for name in options
            if name not in known
        ]
        path, namespace, job, megabytes = (
            given.get(name) for name in ("path", "namespace", "job", "megabytes")
        )
        if not isinstance(path, str) or not path:
            wrong.append("The sink openlineage needs a path: the outbox to append to.")
        if not isinstance(namespace, str) or not NAMESPACE.match(namespace):
            wrong.append("The namespace is made of letters, digits and these: : ; = / _ - . @ +")
        if not isinstance(job, str) or not _JOB.match(job):
            wrong.append("The job is made of at most 100 letters, digits and these: _ . -")
        wrong += [
            f"The option {name} is true or false."
            for name in ("forward", "sync")
            if not isinstance(given[name], bool)
        ]
        if not isinstance(megabytes, int) or isinstance(megabytes, bool) or megabytes < 1:
            wrong.append("The option megabytes is a whole number from 1.")
        if given["when_full"] not in _WHEN_FULL:
            wrong.append(f"The option when_full is one of these: {', '.join(_WHEN_FULL)}.")
        if given["forward"] is True and find_spec("openlineage") is None:
            install = 'pip install "maskline-openlineage[client]"'
            wrong.append(f"The option forward needs the OpenLineage client: {install}.")
        return wrong

    def open(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]
    ) -> OpenLineageSink:
        """Open the outbox, and with *forward* begin to forward it.

        Raises:
            AuditError: It cannot be opened.
            UsageError: OpenLineage is not configured, so nothing could be forwarded.
        """
        given = {**_DEFAULTS, **options}
        outbox = _outbox(given, resolve)
        # The client is made here and not in the thread, so that a mistake is told at once.
        forwards = given["forward"] is True and not is_disabled()
        return OpenLineageSink(
            outbox,
            namespace=str(given["namespace"]),
            job=str(given["job"]),
            refuses_when_full=given["when_full"] == "refuse",
            background=Background(outbox, Sender().send) if forwards else None,
        )

    def forward(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str], timeout: float
    ) -> Delivery:
        """Send what waits in the outbox.

        Args:
            options: Options that *check* found right.
            resolve: Makes a path of the policy absolute.
            timeout: After how many seconds to give up for now.

        Raises:
            AuditError: The outbox cannot be read.
            UsageError: OpenLineage is not configured.
        """
        sender = Sender()
        try:
            return forward(_outbox({**_DEFAULTS, **options}, resolve), sender.send, timeout=timeout)
        finally:
            sender.close()


@hookimpl
def maskline_register_sinks() -> Sequence[SinkType]:
    """Offer the sink ``openlineage``."""
    return (OpenLineageSinkType(),)


def _outbox(options: Mapping[str, OptionValue], resolve: Callable[[str], str]) -> Outbox:
    return Outbox(
        Path(resolve(str(options["path"]))),
        most_bytes=int(options["megabytes"]) * _MEGABYTE,
        is_synced=options["sync"] is True,
    )


def _start_of(event: AccessEvent) -> AccessEvent:
    """Return how a query began of which only the end was reported, such as one refused."""
    began = datetime.fromisoformat(event.time) - timedelta(milliseconds=event.duration_ms)
    time = began.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    outputs = () if event.outcome is Outcome.REFUSED else event.outputs
    return replace(
        event, time=time, outcome=Outcome.STARTED, outputs=outputs, rows=0, bytes=0, duration_ms=0
    )
