"""The errors that leave a task, without values.

This module knows Airflow's exceptions and those of core. It does not know operators. Airflow logs
an exception with everything that it hangs on, and sends its text to lineage servers, so what leaves
here has no cause and no context.
"""

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from maskline.errors import (
    KeyringError,
    MasklineError,
    PluginError,
    PolicyError,
    QueryRefusedError,
    UsageError,
)

__all__ = ["MaskedTaskError", "MaskedTaskRefusedError", "without_values"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

# To try again changes nothing about these.
_FINAL: Final = (KeyringError, PluginError, PolicyError, QueryRefusedError, UsageError)
_NAMED: Final = ("schema_name", "table_name", "column_name", "constraint_name")


class MaskedTaskError(AirflowException):
    """A masked task failed. It holds no value; another try may succeed."""


class MaskedTaskRefusedError(AirflowFailException):
    """A masked task may not do what it was told. It holds no value, and is not tried again."""


def without_values(stage: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call a function, and raise whatever it raises without values, cause or context.

    It is a function and no context manager, for Python hangs the first error on any that leaves
    a ``with`` block.

    Args:
        stage: What is being done, for the message.
        work: What to call.
        args: Its arguments.
        kwargs: Its arguments.

    Raises:
        MaskedTaskRefusedError: To try again would change nothing.
        MaskedTaskError: Anything else went wrong.
    """
    try:
        return work(*args, **kwargs)
    except (MaskedTaskError, MaskedTaskRefusedError) as exc:
        error = type(exc)(*exc.args)
    except MasklineError as exc:
        kind = MaskedTaskRefusedError if isinstance(exc, _FINAL) else MaskedTaskError
        error = kind(str(exc))
    except Exception as exc:  # noqa: BLE001 - the text of any library's error may hold values
        error = MaskedTaskError(f"{_description(exc)} while it was to {stage}.")
    raise error


def _description(error: Exception) -> str:
    """Return what of an error is no value: its class, its SQLSTATE, and names of the catalogue."""
    parts = [f"{type(error).__module__}.{type(error).__qualname__}"]
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state:
        parts.append(f"SQLSTATE {state}")
    diagnosis = getattr(error, "diag", None)
    for name in _NAMED:
        found = getattr(diagnosis, name, None)
        if found:
            parts.append(f"{name.removesuffix('_name')} {found}")
    return ", ".join(parts)
