"""From an Airflow connection and a running task to a session of core.

This module knows connections, the context of a task, and `maskline.connect`. It does not know
operators or cursors. Core reads the database: no driver of Airflow sees a raw row.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from maskline_airflow.errors import MaskedTaskRefusedError

if TYPE_CHECKING:
    from maskline.session import Session

__all__ = ["Asking", "connection_url", "open_session", "policy_file", "roles"]

# Parameters of libpq that say how to connect, and nothing about the session.
_LIBPQ: Final = (
    "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "channel_binding",
    "connect_timeout", "keepalives", "keepalives_idle", "target_session_attrs", "gssencmode",
    "krbsrvname", "hostaddr",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Under which policy a task asks, what, and why.

    Attributes:
        policy: The policy file; empty for that of the configuration.
        source: The name of the source in the policy; empty where the policy has just one.
        purpose: Why.
        roles: Groups whose rules of the policy apply.
    """

    policy: str = ""
    source: str = ""
    purpose: str = ""
    roles: tuple[str, ...] = ()


def roles(given: object) -> tuple[str, ...]:
    """Return roles from a list, or from a text that separates them by commas."""
    items = given.split(",") if isinstance(given, str) else [*given] if given else []  # type: ignore[misc]
    return tuple(text for item in items if (text := str(item).strip()))


def open_session(connection: Any, asking: Asking) -> "Session":  # noqa: ANN401 - an Airflow Connection
    """Open what a connection leads to, as the task that is running.

    Raises:
        MasklineError: As `maskline.connect`.
        MaskedTaskRefusedError: maskline cannot read such a connection, or there is no policy.
    """
    from maskline import Principal, connect

    task = _task_instance()
    who = f"{task.dag_id}.{task.task_id}" if task else "airflow"
    return connect(
        asking.source,
        policy=policy_file(asking.policy),
        url=connection_url(connection),
        principal=Principal(kind="service", id=who, roles=asking.roles),
        purpose=asking.purpose,
        parent_run=_run_of(task) if task else None,
    )


def policy_file(given: str) -> str:
    """Return the policy file of a task, or else that of the configuration.

    Raises:
        MaskedTaskRefusedError: Neither names one.
    """
    from airflow.providers.common.compat.sdk import conf

    found: str = given or conf.get("maskline", "policy", fallback="")
    if not found:
        msg = "No policy is named. Give the task `policy=`, or set [maskline] policy."
        raise MaskedTaskRefusedError(msg)
    return found


def connection_url(connection: Any) -> str:  # noqa: ANN401 - an Airflow Connection
    """Return a connection as a URL of core. It holds the password.

    Raises:
        MaskedTaskRefusedError: Core reads no such database.
    """
    kind = connection.conn_type
    if kind in {"sqlite", "duckdb"}:
        path = str(connection.host or "").partition("?")[0]
        return f"{kind}:///{quote(os.path.abspath(path))}"  # noqa: PTH100 - symlinks stay
    if kind == "postgres":
        return _postgres_url(connection)
    msg = (
        f"maskline cannot read {connection.conn_id}, whose type is {kind}. "
        "It reads connections of the types postgres, sqlite and duckdb."
    )
    raise MaskedTaskRefusedError(msg)


def _postgres_url(connection: Any) -> str:  # noqa: ANN401 - an Airflow Connection
    extra = connection.extra_dejson
    if extra.get("iam"):
        msg = f"maskline cannot read {connection.conn_id}: it has no password, but asks IAM."
        raise MaskedTaskRefusedError(msg)
    user = quote(connection.login or "", safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    host = connection.host or ""
    query = {name: str(extra[name]) for name in _LIBPQ if extra.get(name)}
    if host.startswith("/"):
        query, host = {"host": host, **query}, ""
    port = f":{connection.port}" if connection.port and host else ""
    if connection.port and not host:
        query["port"] = str(connection.port)
    at = f"{user}{password}@" if user else ""
    database = quote(connection.schema or "", safe="")
    return f"postgresql://{at}{host}{port}/{database}" + (f"?{urlencode(query)}" if query else "")


def _task_instance() -> Any:  # noqa: ANN401 - a task instance of any release
    from airflow.providers.common.compat.sdk import get_current_context

    try:
        return get_current_context()["ti"]
    except (RuntimeError, KeyError, LookupError):
        return None
    except Exception as exc:
        # Airflow raises its own class where no task runs.
        if type(exc).__name__.startswith("Airflow"):
            return None
        raise


def _run_of(task: Any) -> tuple[str, str, str] | None:  # noqa: ANN401 - a task instance
    """Return the task's run as the OpenLineage provider names it, where that is installed."""
    try:
        from airflow.providers.openlineage.plugins import macros
    except ImportError:
        return None
    return (
        macros.lineage_job_namespace(),  # type: ignore[no-untyped-call]
        macros.lineage_job_name(task),
        macros.lineage_run_id(task),
    )
