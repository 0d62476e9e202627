"""FF1, the format-preserving cipher of NIST SP 800-38G, on columns of text.

This module knows FF1, its bounds, and the buffers of text. It does not know what a number stands
for, or where keys come from. The kernel is compiled where the processor has instructions for AES;
its twin below has OpenSSL encrypt one block of many rows at once. Both give the same results.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ._buffers import Bytes, Offsets, read, running_total
from ._choice import native

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

__all__ = ["ff1"]

_Symbols: TypeAlias = npt.NDArray[np.uint8]
"""Shape ``(n, rows)``, so that the same symbol of all rows lies in one stretch of memory."""
_Numbers: TypeAlias = npt.NDArray[np.uint64]
"""Shape ``(rows,)``: half of each number."""
_Flags: TypeAlias = npt.NDArray[np.bool_]

_RADIX_LEAST: Final = 10
_ALPHABET: Final = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", np.uint8)
_NO_SYMBOL: Final = 0xFF
_KEY_BYTES: Final = (16, 24, 32)
_TWEAK_MOST: Final = 2**16 - 1
_ROUNDS: Final = 10
_BLOCK: Final = 16
_DOMAIN_LEAST: Final = 10**6
_HALF_MOST: Final = 10**18
_BLOCK_ROWS: Final = 2**13
_FOUR, _FIFTEEN = np.uint64(4), np.uint64(15)


def ff1(  # noqa: PLR0913 - the parameters of the standard
    column: pa.StringArray,
    *,
    key: bytes,
    tweak: bytes = b"",
    radix: int = 10,
    has_check: bool = False,
    is_inverse: bool = False,
) -> pa.StringArray:
    """Encrypt the number in each value: algorithm 7 of SP 800-38G, or 8, which is its inverse.

    The symbols of a number are the digits and, beyond radix 10, as many lower-case letters. They
    may stand anywhere in a value, and all other characters stay where they are.

    There must be at least 10^6 numbers of so many symbols, and at most 10^18 halves of them: with
    radix 10, from 6 to 36 symbols.

    Args:
        column: Any length, nulls and slices allowed.
        key: Of AES: 16, 24 or 32 bytes.
        tweak: At most 65535 bytes. Different tweaks give unrelated results.
        radix: From 10 to 36.
        has_check: Whether the last digit is a check digit after Luhn, as of a card: it is not
            encrypted but made anew, and a value whose check does not hold cannot be encrypted.
            Only with radix 10.
        is_inverse: Decrypt instead.

    Returns:
        The length of *column*. Null where *column* is null, or where a value cannot be encrypted.

    Raises:
        ValueError: An argument is not as described.
    """
    if len(key) not in _KEY_BYTES or len(tweak) > _TWEAK_MOST:
        msg = "A key of FF1 has 16, 24 or 32 bytes, and a tweak at most 65535."
        raise ValueError(msg)
    if not _RADIX_LEAST <= radix <= len(_ALPHABET) or (has_check and radix != _RADIX_LEAST):
        msg = "The radix is from 10 to 36, and check digits are decimal."
        raise ValueError(msg)
    offsets, data = read(column)
    out, done = np.zeros_like(data), np.zeros(len(column), np.bool_)
    if native is not None and native.has_aes():
        native.ff1(offsets, data, key, tweak, radix, has_check, is_inverse, out, done)
    else:
        job = _Job(key=key, tweak=tweak, radix=radix, has_check=has_check, is_inverse=is_inverse)
        job.run(offsets, data, out=out, done=done)
    return _column(offsets, out, done)


def _column(offsets: Offsets, data: Bytes, done: _Flags) -> pa.StringArray:
    """Return an array of text that is null, and empty, where a row was not *done*."""
    nulls = len(done) - int(np.count_nonzero(done))
    bitmap = None
    if nulls:
        lengths = np.diff(offsets)
        data = data[np.repeat(done, lengths)]
        offsets = running_total(lengths * done)
        bitmap = pa.py_buffer(np.packbits(done, bitorder="little"))
    edges = pa.py_buffer(offsets.astype(np.int32))
    return pa.StringArray.from_buffers(len(done), edges, pa.py_buffer(data), bitmap, nulls)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """The twin of ``ff1.c``, for one column."""

    key: bytes = field(repr=False)
    tweak: bytes
    radix: int
    has_check: bool
    is_inverse: bool

    def run(self, offsets: Offsets, data: Bytes, *, out: Bytes, done: _Flags) -> None:
        """Encrypt what can be, into *out*, and say in *done* which rows those are.

        The other rows of *out* mean nothing.
        """
        values = np.full(256, _NO_SYMBOL, np.uint8)
        values[_ALPHABET[: self.radix]] = np.arange(self.radix, dtype=np.uint8)
        symbols = values[data]
        places = np.flatnonzero(symbols != _NO_SYMBOL)
        edges = np.searchsorted(places, offsets)
        counts = np.diff(edges)
        out[:] = data
        for count in self._lengths():
            rows = np.flatnonzero(counts == count + self.has_check)
            if not len(rows):
                continue
            cipher = _Cipher(self, count)
            for begin in range(0, len(rows), _BLOCK_ROWS):
                some = rows[begin : begin + _BLOCK_ROWS]
                where = places[np.arange(count + self.has_check)[:, None] + edges[some]]
                old = symbols[where]
                new, is_right = cipher.encrypt(old)
                out[where] = _ALPHABET[new]
                done[some] = is_right

    def _lengths(self) -> Iterator[int]:
        """Return how many symbols may be encrypted."""
        length = 1
        while self.radix ** (length - length // 2) <= _HALF_MOST:
            if self.radix**length >= _DOMAIN_LEAST:
                yield length
            length += 1


class _Cipher:
    """FF1 for numbers of one length. The names of the standard are in brackets."""

    def __init__(self, job: _Job, length: int) -> None:
        # OpenSSL's bindings are slow to import, and a policy without ciphers never needs them.
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        self._job = job
        self._length = length
        self._left = length // 2  # [u]
        right = length - self._left  # [v]
        self._moduli = job.radix**self._left, job.radix**right
        self._bytes = -(-(self._moduli[1] - 1).bit_length() // 8)  # [b]
        # FF1 is built of single blocks of AES, and ECB is many of them at once.
        aes = Cipher(algorithms.AES(job.key), modes.ECB())  # noqa: S305
        self._aes: CipherContext = aes.encryptor()
        self._base = self._prepare()

    def _prepare(self) -> _Numbers:
        """Return the chain of [P || Q], but for the round and the number: one block."""
        tweak = self._job.tweak
        padding = -(len(tweak) + 1 + self._bytes) % _BLOCK
        first = bytes([1, 2, 1, 0, 0, self._job.radix, _ROUNDS, self._left])
        first += self._length.to_bytes(4) + len(tweak).to_bytes(4)
        text = np.frombuffer(first + tweak + bytes(padding + 1 + self._bytes), np.uint64)
        blocks = text.reshape(-1, 2)
        chain: _Numbers = blocks[:1]
        for block in blocks[1:]:
            chain = self._encrypt(chain) ^ block
        return chain

    def _encrypt(self, blocks: _Numbers) -> _Numbers:
        """Return blocks, of shape ``(rows, 2)``, encrypted by AES."""
        words = np.frombuffer(self._aes.update(blocks.tobytes()), np.uint64)
        encrypted: _Numbers = words.reshape(-1, 2)
        return encrypted

    def encrypt(self, symbols: _Symbols) -> tuple[_Symbols, _Flags]:
        """Return the new symbols, and for which rows they are right."""
        is_right = np.ones(symbols.shape[1], np.bool_)
        if self._job.has_check:
            is_right = symbols[-1] == _luhn_digits(symbols[:-1])
        left = self._numbers(symbols[: self._left])
        right = self._numbers(symbols[self._left : self._length])
        left, right = self._run_rounds(left, right)
        new = np.empty_like(symbols)
        self._spell(left, new[: self._left])
        self._spell(right, new[self._left : self._length])
        if self._job.has_check:
            new[-1] = _luhn_digits(new[:-1])
        return new, is_right

    def _run_rounds(self, left: _Numbers, right: _Numbers) -> tuple[_Numbers, _Numbers]:
        """Do step 6 of algorithm 7, or of algorithm 8.

        They differ in which half is the source, in the order of the rounds, and in the sign.
        """
        is_inverse = self._job.is_inverse
        source, target = (left, right) if is_inverse else (right, left)
        blocks = np.empty((len(left), 2), np.uint64)
        for step in range(_ROUNDS):
            nth = _ROUNDS - 1 - step if is_inverse else step
            modulus = np.uint64(self._moduli[nth % 2])
            number = (nth << 8 * self._bytes).to_bytes(_BLOCK)
            blocks[:] = self._base ^ np.frombuffer(number, np.uint64)
            blocks[:, 1] ^= source.astype(">u8").view(np.uint64)
            drawn = self._reduce(self._encrypt(blocks), modulus)
            moved = target + (modulus - drawn if is_inverse else drawn)
            target, source = source, np.where(moved >= modulus, moved - modulus, moved)
        return (source, target) if is_inverse else (target, source)

    def _reduce(self, blocks: _Numbers, modulus: np.uint64) -> _Numbers:
        """Return the first 8 bytes or, for halves of more than 4 bytes, 12, modulo something."""
        words = blocks.view(">u8").astype(np.uint64)
        rest: _Numbers = words[:, 0] % modulus
        if self._bytes > 4:  # noqa: PLR2004 - the standard's [d] is 8 or 12
            # Four bits at a time, for nothing that a modulus of 60 bits leaves may overflow.
            for shift in np.arange(60, 28, -4, dtype=np.uint64):
                rest = ((rest << _FOUR) | ((words[:, 1] >> shift) & _FIFTEEN)) % modulus
        return rest

    def _numbers(self, symbols: _Symbols) -> _Numbers:
        numbers = np.zeros(symbols.shape[1], np.uint64)
        for symbol in symbols:
            numbers = numbers * self._job.radix + symbol
        return numbers

    def _spell(self, numbers: _Numbers, symbols: _Symbols) -> None:
        """Write numbers as symbols."""
        for place in symbols[::-1]:
            rest = numbers // self._job.radix
            place[:] = numbers - rest * self._job.radix
            numbers = rest


def _luhn_digits(digits: _Symbols) -> npt.NDArray[np.uint8]:
    """Return the digits after which Luhn's check (ISO/IEC 7812-1, annex B) holds."""
    doubled = 2 * digits[::-2]
    total = digits[-2::-2].sum(0) + (doubled // 10 + doubled % 10).sum(0)
    check: npt.NDArray[np.uint8] = ((10 - total % 10) % 10).astype(np.uint8)
    return check
