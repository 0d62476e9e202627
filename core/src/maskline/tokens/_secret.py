"""Bytes that must not be shown.

This module knows that a key can escape through a ``repr``, a traceback that prints local variables,
a pickle or a copy. It does not know what the bytes are for.
"""

from typing import Final, NoReturn, final

from maskline.errors import KeyringError

__all__ = ["KeyHolder", "Secret"]


class KeyHolder:
    """Base of what holds a key: it stays in one process, in one place."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            KeyringError: Always.
        """
        msg = "A key cannot be pickled or copied."
        raise KeyringError(msg, hint="Let the other process read the keyring itself.")


@final
class Secret(KeyHolder):
    """Bytes that stay out of ``repr``, tracebacks, pickles and copies."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value: Final = value

    def __len__(self) -> int:
        """Return the number of bytes."""
        return len(self._value)

    def __repr__(self) -> str:
        return "Secret(...)"

    def reveal(self) -> bytes:
        """Return the bytes. Do not keep them in a variable longer than needed."""
        return self._value
