"""Makes two worlds look the same when masked: each value has the tokens of its partner.

This module knows keyrings. Nobody but the red team may exchange one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from maskline.roles import Tokenizer
from maskline.session import Session
from maskline.tokens import Keyring

__all__ = ["as_twin_of"]


def as_twin_of(session: Session, partners: Mapping[Any, Any]) -> None:
    """Give a session's values the tokens of their partners.

    Args:
        session: An open session, whose policy names keys.
        partners: For each sensitive value, the one whose token it is to have.
    """
    access = session._access  # noqa: SLF001 - see above
    twin: Any = TwinKeyring(access.keyring, partners) if access.keyring else None
    session._access = replace(access, keyring=twin)  # noqa: SLF001 - see above


class TwinKeyring:
    """A keyring of a world whose values have partners in another one, and the tokens of those."""

    def __init__(self, keyring: Keyring, partners: Mapping[Any, Any]) -> None:
        self.active_version = keyring.active_version
        self._keyring = keyring
        self._partners = partners

    def tokenizer(self, domain: str, *, slug: str) -> Tokenizer:
        """Return the tokens of a domain."""
        return _TwinTokenizer(self._keyring.tokenizer(domain, slug=slug), self._partners)


class _TwinTokenizer:
    def __init__(self, tokenizer: Tokenizer, partners: Mapping[Any, Any]) -> None:
        self._tokenizer = tokenizer
        self._partners = partners

    def text(self, column: pa.StringArray) -> pa.StringArray:
        return self._tokenizer.text(self._translated(column))

    def email(self, column: pa.StringArray) -> pa.StringArray:
        return self._tokenizer.email(self._translated(column))

    def integer(self, column: pa.Int64Array) -> pa.Int64Array:
        return self._tokenizer.integer(self._translated(column))

    def encrypt(self, column: pa.Array, *, has_check: bool = False) -> pa.Array:
        return self._tokenizer.encrypt(self._translated(column), has_check=has_check)

    def draw(self, column: pa.StringArray, *, use: str) -> npt.NDArray[np.uint64]:
        return self._tokenizer.draw(self._translated(column), use=use)

    def _translated(self, column: pa.Array) -> pa.Array:
        cells = [self._partners.get(cell, cell) for cell in column.to_pylist()]
        return pa.array(cells, column.type)
