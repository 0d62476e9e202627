"""An XCom backend that scrubs every text before it is stored.

``[core] xcom_backend = maskline_airflow.xcom.ScrubbingXComBackend`` works on its own. With
``[maskline] xcom_backend``, it hands what it has scrubbed to another backend, such as that of
``common.io``, which keeps large values in an object store. This module knows XCom backends.

It is a safety net, for tasks that do not mask: detectors find what has a form, such as an e-mail
address, and no names or diagnoses.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from airflow.sdk.bases.xcom import BaseXCom

__all__ = ["ScrubbingXComBackend", "scrubbed"]


def _inner() -> Any:  # noqa: ANN401 - a class of backends
    from airflow.providers.common.compat.sdk import conf

    path = conf.get("maskline", "xcom_backend", fallback="")
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name) if module else BaseXCom


class ScrubbingXComBackend(BaseXCom):
    """Scrubs values, and leaves storing them to another backend."""

    @staticmethod
    def serialize_value(value: Any, **where: Any) -> Any:  # noqa: ANN401 - Airflow's signature
        """Scrub a value, and store it."""
        return _inner().serialize_value(scrubbed(value), **where)

    @staticmethod
    def deserialize_value(result: Any) -> Any:  # noqa: ANN401 - Airflow's signature
        """Fetch a value."""
        return _inner().deserialize_value(result)

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:  # noqa: ANN401 - Airflow's signature
        """Delete what the other backend stored."""
        _inner().purge(xcom, *args)


def scrubbed(value: Any) -> Any:  # noqa: ANN401 - anything that a task returns
    """Return a copy in which every text is scrubbed, in lists, tuples, sets and mappings too.

    Other objects stay as they are: Airflow stores those that it knows, such as dates.
    """
    from maskline import scrub

    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrubbed(key): scrubbed(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [scrubbed(item) for item in value]
        # A named tuple takes its fields one by one.
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value
