"""The Airflow provider of maskline: out of its tasks, only masked data leaves the process.

Names are imported when they are first used, so that the scheduler's plugins manager and every
parsed DAG pay for nothing that they do not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from maskline_airflow.errors import MaskedTaskError, MaskedTaskRefusedError
    from maskline_airflow.hooks import MaskedSqlHook
    from maskline_airflow.operators.check import PIICheckOperator
    from maskline_airflow.operators.sql import MaskedSQLExecuteQueryOperator
    from maskline_airflow.operators.transfer import MaskTransferOperator

__all__ = [
    "MaskTransferOperator",
    "MaskedSQLExecuteQueryOperator",
    "MaskedSqlHook",
    "MaskedTaskError",
    "MaskedTaskRefusedError",
    "PIICheckOperator",
]

_HOMES: Final = {
    "MaskTransferOperator": "maskline_airflow.operators.transfer",
    "MaskedSQLExecuteQueryOperator": "maskline_airflow.operators.sql",
    "MaskedSqlHook": "maskline_airflow.hooks",
    "MaskedTaskError": "maskline_airflow.errors",
    "MaskedTaskRefusedError": "maskline_airflow.errors",
    "PIICheckOperator": "maskline_airflow.operators.check",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
