"""The sink ``openlineage``: run events in an outbox, a file that something else forwards.

This module knows files. It opens no connection: a query must not wait for a lineage server.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from maskline.appending import LineFile
from maskline.hookspecs import hookimpl
from maskline.model import AccessEvent, OptionValue, Outcome
from maskline.roles import SinkType
from maskline_openlineage._events import NAMESPACE, encode

__all__ = ["OpenLineageSink", "OpenLineageSinkType", "maskline_register_sinks"]

_JOB: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
_DEFAULTS: Final = {"namespace": "maskline", "job": "query"}


class OpenLineageSink:
    """A sink that appends OpenLineage run events to a file, one line of JSON each.

    The file is made, for its owner only, if it is missing. It is not synced to the disk at each
    event: the audit log is what must survive a crash.

    Args:
        path: The outbox. Other processes may append to it too.
        namespace: The namespace of the jobs.
        job: What the names of jobs begin with.

    Raises:
        AuditError: The file cannot be opened.
    """

    def __init__(self, path: Path, *, namespace: str, job: str) -> None:
        self._file = LineFile(path, what="outbox")
        self._namespace = namespace
        self._job = job
        self._running: set[str] = set()

    def __repr__(self) -> str:
        return f"<OpenLineageSink: {self._file.path}>"

    def emit(self, event: AccessEvent) -> None:
        """Append the event; before it a START, if this run has none, as every run needs one.

        Raises:
            AuditError: It could not be written whole, or the query's id is not a UUID.
        """
        line = encode(event, namespace=self._namespace, job=self._job)
        if event.outcome is not Outcome.STARTED and event.query_id not in self._running:
            line = encode(_start_of(event), namespace=self._namespace, job=self._job) + line
        self._file.append(line)
        if event.outcome is Outcome.STARTED:
            self._running.add(event.query_id)
        else:
            self._running.discard(event.query_id)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class OpenLineageSinkType:
    """The sink ``openlineage``. Its options are *path*, *namespace* and *job*."""

    name = "openlineage"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Return what is wrong with the options, a sentence each."""
        known = ("path", *_DEFAULTS)
        wrong = [
            f"The sink openlineage has no option {name}; it has {', '.join(known)}."
            for name in options
            if name not in known
        ]
        path, namespace, job = (options.get(name, _DEFAULTS.get(name)) for name in known)
        if not isinstance(path, str) or not path:
            wrong.append("The sink openlineage needs a path: the outbox to append to.")
        if not isinstance(namespace, str) or not NAMESPACE.match(namespace):
            wrong.append("The namespace is made of letters, digits and these: : ; = / _ - . @ +")
        if not isinstance(job, str) or not _JOB.match(job):
            wrong.append("The job is made of at most 100 letters, digits and these: _ . -")
        return wrong

    def open(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]
    ) -> OpenLineageSink:
        """Open the outbox.

        Raises:
            AuditError: It cannot be opened.
        """
        given = {**_DEFAULTS, **options}
        return OpenLineageSink(
            Path(resolve(str(given["path"]))),
            namespace=str(given["namespace"]),
            job=str(given["job"]),
        )


@hookimpl
def maskline_register_sinks() -> Sequence[SinkType]:
    """Offer the sink ``openlineage``."""
    return (OpenLineageSinkType(),)


def _start_of(event: AccessEvent) -> AccessEvent:
    """Return how a query began of which only the end was reported, such as one refused."""
    began = datetime.fromisoformat(event.time) - timedelta(milliseconds=event.duration_ms)
    time = began.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    outputs = () if event.outcome is Outcome.REFUSED else event.outputs
    return replace(
        event, time=time, outcome=Outcome.STARTED, outputs=outputs, rows=0, bytes=0, duration_ms=0
    )
