"""A box for raw values on an operator, whose attributes Airflow and its listeners show.

This module knows nothing of Airflow.
"""

from typing import Final, Generic, NoReturn, Self, TypeVar

__all__ = ["SEALED", "Sealed"]

SEALED: Final = "<sealed>"
"""What is shown in the place of a sealed value."""

_T = TypeVar("_T")


class Sealed(Generic[_T]):
    """Holds one value that no repr, pickle or JSON shows.

    Args:
        value: Anything.
    """

    __slots__ = ("_value",)

    def __init__(self, value: _T) -> None:
        self._value = value

    def __repr__(self) -> str:
        return SEALED

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        msg = "A sealed value stays in its process."
        raise TypeError(msg)

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __copy__(self) -> Self:
        return self

    def reveal(self) -> _T:
        """Return the value."""
        return self._value
