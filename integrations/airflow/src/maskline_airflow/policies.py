"""A cluster policy: tasks may not use protected connections unless they mask what they read.

Airflow loads it with the provider, and asks it of every task of every DAG that is parsed. It sees
the arguments of operators, and not what the code of a ``@task`` function does. This module knows
operators by their attributes only.
"""

import fnmatch
from collections.abc import Iterator
from typing import Any

from airflow.policies import hookimpl

__all__ = ["task_policy"]

_PACKAGE = __name__.partition(".")[0]


@hookimpl
def task_policy(task: Any) -> None:  # noqa: ANN401 - any operator
    """Refuse a task that uses a connection of ``[maskline] protected_conn_ids`` unmasked.

    Args:
        task: An operator or a mapped operator.

    Raises:
        AirflowClusterPolicyViolation: It does. Its DAG is not loaded.
    """
    from airflow.configuration import conf

    told = conf.get("maskline", "protected_conn_ids", fallback="")
    patterns = [text for part in told.split(",") if (text := part.strip())]
    if not patterns or _masks(task):
        return
    for conn_id in _connections(task):
        if any(fnmatch.fnmatchcase(conn_id, pattern) for pattern in patterns):
            from airflow.exceptions import AirflowClusterPolicyViolation

            msg = (
                f"The task {task.task_id} ({task.task_type}) uses the protected connection "
                f"{conn_id} unmasked. Use an operator of maskline, or a connection of its type."
            )
            raise AirflowClusterPolicyViolation(msg)


def _masks(task: Any) -> bool:  # noqa: ANN401
    kind = getattr(task, "operator_class", type(task))
    # The class itself: what inherits from a masking operator may do anything.
    return isinstance(kind, type) and kind.__module__.partition(".")[0] == _PACKAGE


def _connections(task: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the value of every argument that looks like the id of a connection."""
    arguments = {**vars(task), **(getattr(task, "partial_kwargs", None) or {})}
    for name, value in arguments.items():
        if name.endswith(("conn_id", "connection_id")) and isinstance(value, str):
            yield value
