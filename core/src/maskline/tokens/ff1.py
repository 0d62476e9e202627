"""Numbers that stay numbers: FF1 of NIST SP 800-38G, under the key of a domain.

This module knows what FF1's key and tweak are made of, as ``docs/reference/tokens.md`` states it,
and how integers stay in their type. The kernel knows FF1. It does not know keyrings, policies or
maskers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import ff1
from maskline.errors import MaskingError

from ._draws import derived_key
from ._secret import KeyHolder, Secret
from .prf import HmacPads

__all__ = ["NumberCipher"]

_USE: Final = "fpe/ff1"

# pyarrow's functions are made at import and have no types.
_compute: Final[Any] = pc


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCipher(KeyHolder):
    """Encrypts and decrypts the numbers of one domain. Any number of threads may share it.

    A number of 6 to 36 digits becomes another one of as many digits.

    Attributes:
        domain: The key space, and the tweak.
        key: Of AES-256.
    """

    domain: str
    key: Secret = field(repr=False)

    @classmethod
    def of_domain(cls, domain: str, pads: HmacPads) -> "NumberCipher":
        """Return the cipher of a domain.

        Args:
            domain: The key space.
            pads: The key of the domain.
        """
        return cls(domain=domain, key=derived_key(pads, use=_USE))

    def encrypt(self, column: pa.Array, *, has_check: bool = False) -> pa.Array:
        """Encrypt the digits of each value, and leave everything else of it where it is.

        An integer keeps its sign and its number of digits. It is encrypted again, as often as
        needed, while its first digit is 0 or it does not fit its type (SP 800-38G does not know
        such cycle walking; Black and Rogaway, "Ciphers with arbitrary finite domains", do).

        Args:
            column: Any length, nulls and slices allowed: ``pa.string()``, or integers of at most
                64 bits with a sign, or 32 without.
            has_check: Whether the last digit is a check digit after Luhn: it is made anew, and
                does not count among the 6 to 36.

        Returns:
            The same length and type. Null where *column* is null, where a value has too few or
            too many digits, and where its check does not hold.

        Raises:
            MaskingError: The column is of another type.
        """
        return self._run(column, has_check=has_check, is_inverse=False)

    def decrypt(self, column: pa.Array, *, has_check: bool = False) -> pa.Array:
        """Return what *encrypt* made each value of, if it did. Nothing tells whether it did.

        Arguments, results and errors are those of *encrypt*.
        """
        return self._run(column, has_check=has_check, is_inverse=True)

    def _run(self, column: pa.Array, *, has_check: bool, is_inverse: bool) -> pa.Array:
        def texts(values: pa.StringArray) -> pa.StringArray:
            return ff1(
                values,
                key=self.key.reveal(),
                tweak=self.domain.encode(),
                has_check=has_check,
                is_inverse=is_inverse,
            )

        if column.type == pa.string():
            return texts(column)
        if not pa.types.is_integer(column.type) or column.type == pa.uint64():
            msg = f"FF1 encrypts text and integers, and the column is {column.type}."
            raise MaskingError(msg, hint="Cast the column before it is masked.")
        return _walk(column, texts)


def _walk(column: pa.Array, encrypt: Callable[[pa.StringArray], pa.StringArray]) -> pa.Array:
    """Encrypt integers until each is one that could have been there, digit for digit."""
    kind = column.type.to_pandas_dtype()
    numbers = column.fill_null(0).to_numpy().astype(np.int64)
    most = np.uint64(np.iinfo(kind).max)
    # The least of all integers has no positive twin. It stays what it is, and is beyond *most*.
    sizes = np.abs(numbers).view(np.uint64)
    texts = encrypt(pa.array(np.where(sizes > most, 0, sizes)).cast(pa.string()))
    done = texts.is_valid().to_numpy(zero_copy_only=False)
    walked = np.zeros(len(column), np.uint64)
    left = np.flatnonzero(done)
    texts = texts.drop_null()
    while len(left):
        sizes = texts.cast(pa.uint64()).to_numpy()
        is_out = (sizes > most) | _begins_with_zero(texts)
        walked[left] = sizes
        left, texts = left[is_out], encrypt(texts.filter(pa.array(is_out)))
    signed = np.where(numbers < 0, -walked.astype(np.int64), walked.astype(np.int64))
    return pa.array(signed.astype(kind), mask=~done)


def _begins_with_zero(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    begins: npt.NDArray[np.bool_] = _compute.starts_with(texts, "0").to_numpy(zero_copy_only=False)
    return begins
