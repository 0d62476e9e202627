"""The ``%%maskedsql`` cell magic: SQL in a notebook, masked answers.

Load it with ``%load_ext maskline``. IPython is imported only then.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_NAMES: Final = {"line": ("maskline", "maskedsql"), "cell": ("maskedsql",)}


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Register the magics. IPython calls this."""
    from maskline_jupyter.magic import Maskline

    shell.register_magics(Maskline(shell))


def unload_ipython_extension(shell: "InteractiveShell") -> None:
    """Close every connection, take the magics away and leave the shell as it was."""
    manager = shell.magics_manager
    magics = manager.registry.pop("Maskline", None)
    if magics is not None:
        magics.close()
    for kind, names in _NAMES.items():
        for name in names:
            manager.magics[kind].pop(name, None)
