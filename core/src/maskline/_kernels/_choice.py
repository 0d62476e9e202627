"""Chooses between the compiled kernels and their Python twins, once, when it is imported.

This module knows one environment variable. It does not know what a kernel does.
"""

import os
from types import ModuleType
from typing import Final

__all__ = ["ENVIRONMENT_VARIABLE", "native", "units", "which"]

ENVIRONMENT_VARIABLE: Final = "MASKLINE_KERNELS"
"""``native`` demands the compiled kernels, ``numpy`` does without; by default, they are used where
they were built."""


def _load() -> ModuleType | None:
    wanted = os.environ.get(ENVIRONMENT_VARIABLE, "")
    if wanted not in {"", "native", "numpy"}:
        # Nothing of the variable is shown: people paste secrets into the wrong one.
        msg = f"The environment variable {ENVIRONMENT_VARIABLE} is neither native nor numpy."
        raise ImportError(msg)
    if wanted == "numpy":
        return None
    try:
        from maskline._kernels import _native
    except ImportError:
        if wanted == "native":
            msg = (
                f"{ENVIRONMENT_VARIABLE} is native, and the compiled kernels were not built: "
                "install a C compiler and maskline again, or unset the variable."
            )
            raise ImportError(msg) from None
        return None
    return _native


native: Final = _load()
"""The compiled kernels, or None."""


def which() -> str:
    """Return ``native`` or ``numpy``: what masks values in this process."""
    return "numpy" if native is None else "native"


def units() -> dict[str, str]:
    """Return what the processor does itself, by algorithm."""
    if native is None:
        return {"SHA-256": "OpenSSL", "AES": "OpenSSL"}
    aes = "AES extensions" if native.has_aes() else "OpenSSL"
    return {"SHA-256": native.sha256_unit(), "AES": aes}
