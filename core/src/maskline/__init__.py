"""Ask production data by SQL and get masked answers, with audit and lineage.

The whole public interface is in this package and in its modules without a leading underscore.
Names are imported when they are first used, so that ``import maskline`` is cheap.
"""

from importlib import import_module
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Any, Final

from maskline.entities import Category, Entity
from maskline.errors import (
    AuditError,
    AuditIntegrityError,
    KeyringError,
    MaskingError,
    MasklineError,
    PluginContractError,
    PluginError,
    PluginLoadError,
    PolicyError,
    Problem,
    QueryCancelledError,
    QueryError,
    QueryFailedError,
    QueryRefusedError,
    SourceError,
    UsageError,
)

if TYPE_CHECKING:
    from maskline.hookspecs import hookimpl
    from maskline.logs import scrub
    from maskline.model import Principal
    from maskline.result import MaskedResult
    from maskline.session import Session, connect
    from maskline.streaming import MaskedStream
    from maskline.unmasking import unmask

__all__ = [
    "AuditError",
    "AuditIntegrityError",
    "Category",
    "Entity",
    "KeyringError",
    "MaskedResult",
    "MaskedStream",
    "MaskingError",
    "MasklineError",
    "PluginContractError",
    "PluginError",
    "PluginLoadError",
    "PolicyError",
    "Principal",
    "Problem",
    "QueryCancelledError",
    "QueryError",
    "QueryFailedError",
    "QueryRefusedError",
    "Session",
    "SourceError",
    "UsageError",
    "connect",
    "hookimpl",
    "load_ipython_extension",
    "scrub",
    "unload_ipython_extension",
    "unmask",
]

_HOMES: Final = {
    "MaskedResult": "maskline.result",
    "MaskedStream": "maskline.streaming",
    "Principal": "maskline.model",
    "Session": "maskline.session",
    "connect": "maskline.session",
    "hookimpl": "maskline.hookspecs",
    "scrub": "maskline.logs",
    "unmask": "maskline.unmasking",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        return version("maskline")
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def load_ipython_extension(shell: object) -> None:
    """Register the SQL magic. IPython calls this for ``%load_ext maskline``.

    Raises:
        PluginLoadError: The notebook integration is not installed.
    """
    _notebook_integration().load_ipython_extension(shell)


def unload_ipython_extension(shell: object) -> None:
    """Take the SQL magic away again. IPython calls this for ``%unload_ext maskline``.

    Raises:
        PluginLoadError: The notebook integration is not installed.
    """
    _notebook_integration().unload_ipython_extension(shell)


def _notebook_integration() -> Any:  # noqa: ANN401 - a module that core must not import
    for entry_point in entry_points(group="maskline.integrations", name="jupyter"):
        return entry_point.load()
    msg = "The notebook integration of maskline is not installed."
    raise PluginLoadError(msg, hint='pip install "maskline[jupyter]"')
