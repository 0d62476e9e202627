"""The ``%%maskedsql`` cell magic: SQL in a notebook, masked answers.

Load it with ``%load_ext maskline``. IPython is imported only then.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_NAMES = {"line": ("maskline", "maskedsql"), "cell": ("maskedsql",)}


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Register the magics. IPython calls this."""
    from maskline_jupyter.magic import MaskedSqlMagics

    shell.register_magics(MaskedSqlMagics(shell))


def unload_ipython_extension(shell: "InteractiveShell") -> None:
    """Close every connection and take the magics away. IPython calls this."""
    manager = shell.magics_manager
    magics = manager.registry.pop("MaskedSqlMagics", None)
    if magics is not None:
        magics.close()
    for kind, names in _NAMES.items():
        for name in names:
            manager.magics[kind].pop(name, None)
