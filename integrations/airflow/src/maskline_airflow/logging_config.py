"""Logs of tasks, scrubbed before they are written or sent.

``[logging] logging_config_class = maskline_airflow.logging_config.LOGGING_CONFIG`` is Airflow's own
configuration, and its remote log is wrapped: Airflow puts the processors of a remote log where
each record of a task passes. This module knows Airflow's contract for that module. It is a safety
net, as `maskline.scrub` is.
"""

from collections.abc import Callable, MutableMapping
from typing import Any, Final

from airflow.config_templates import airflow_local_settings

from maskline.logs import scrub_event

__all__ = ["DEFAULT_REMOTE_CONN_ID", "LOGGING_CONFIG", "REMOTE_TASK_LOG", "ScrubbingTaskLog"]

# What Airflow and structlog add to a record, and what is no text of the program.
_OURS: Final = frozenset({"timestamp", "level", "logger", "lineno", "filename", "loc"})


class ScrubbingTaskLog:
    """A remote log whose records are scrubbed first.

    Args:
        inner: The remote log that is configured; None if logs stay where they are.
    """

    def __init__(self, inner: Any = None) -> None:  # noqa: ANN401 - a RemoteLogIO
        self._inner = inner

    @property
    def processors(self) -> tuple[Callable[..., Any], ...]:
        """The processors of structlog: the scrubber, and then those of the wrapped log."""
        return (_scrub, *(getattr(self._inner, "processors", None) or ()))

    def upload(self, path: Any, ti: Any = None) -> None:  # noqa: ANN401 - Airflow's signature
        """Send a log, if there is somewhere to send it to."""
        if self._inner is not None:
            self._inner.upload(path, ti)

    def read(self, relative_path: str, ti: Any) -> Any:  # noqa: ANN401 - Airflow's signature
        """Fetch a log, if there is somewhere to fetch it from."""
        return self._inner.read(relative_path, ti) if self._inner is not None else ([], None)


def _scrub(logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    kept = {key: value for key, value in event.items() if key in _OURS}
    rest = {key: value for key, value in event.items() if key not in _OURS}
    return {**kept, **scrub_event(logger, name, rest)}


LOGGING_CONFIG: Final = airflow_local_settings.DEFAULT_LOGGING_CONFIG
REMOTE_TASK_LOG: Final = ScrubbingTaskLog(getattr(airflow_local_settings, "REMOTE_TASK_LOG", None))
DEFAULT_REMOTE_CONN_ID: Final = getattr(airflow_local_settings, "DEFAULT_REMOTE_CONN_ID", None)
