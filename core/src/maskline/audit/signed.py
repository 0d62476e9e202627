"""What a signer has said about an audit log: the tree over its records, and signed checkpoints.

This module imports the standard library only, like ``verify.py``, with which an auditor copies it.
It knows the tree of RFC 6962, the signed notes and checkpoints of C2SP, and how a signature of
Ed25519 is checked. It does not know records, and cannot sign.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = [
    "Checkpoint",
    "Tree",
    "decoded",
    "is_signature",
    "is_signed",
    "key_hash",
    "leaf",
    "read_checkpoint",
    "split_notes",
]

_Point: TypeAlias = tuple[int, int, int, int]

_HASH: Final = "[A-Za-z0-9+/]{43}="
_NOTE: Final = re.compile("^(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+", re.MULTILINE)
_CHECKPOINT: Final = re.compile(
    f"([^\\s+]+)\n([1-9][0-9]{{0,17}})\n({_HASH})\ntime ([^\n]+)\nhead ([0-9a-f]{{64}})\n"
    f"end (audit-[0-9]{{6,18}}\\.jsonl) ([0-9]{{1,18}})\nrange((?: {_HASH})+)\n(pruned\n)?"
    "\n(?:\u2014 [^\n]+\n)+"
)
_PRIME: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_BASE_X: Final = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y: Final = 46316835694926478169428394003475163141307993866256225615783033603165251855960
_BASE: Final = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _PRIME)
_HASH_BYTES: Final = 32
_POINT_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


def leaf(line: bytes) -> bytes:
    """Return what stands for a record in the tree: RFC 6962, section 2.1, of its line."""
    return hashlib.sha256(b"\0" + line.removesuffix(b"\n")).digest()


class Tree:
    """The roots of the largest whole subtrees over a run of records: a compact range.

    Records are counted from 0 here. What RFC 6962, section 2.1, calls the Merkle tree hash of the
    first records follows from about log2 of their number of such roots.

    Args:
        begin: How many records stand before the first.

    Attributes:
        end: How many records stand before what would come next.
    """

    def __init__(self, begin: int = 0) -> None:
        self.end = begin
        self._nodes: list[tuple[int, bytes]] = []

    @property
    def hashes(self) -> list[bytes]:
        """The roots, from left to right. Where they stand follows from where the run does."""
        return [digest for _, digest in self._nodes]

    def add(self, digest: bytes, size: int = 1) -> None:
        """Add the root of the next *size* records, a power of two that divides *end*."""
        self.end += size
        while self._nodes and self._nodes[-1][0] == size and self.end % (2 * size) == 0:
            digest = hashlib.sha256(b"\1" + self._nodes.pop()[1] + digest).digest()
            size *= 2
        self._nodes.append((size, digest))

    def extend(self, hashes: Sequence[bytes], end: int) -> bool:
        """Add the *hashes* of another run, which goes on to *end*.

        Returns:
            Whether there were as many hashes as such a run has. If not, nothing was added.
        """
        sizes, begin = [], self.end
        while begin < end:
            most = 1 << (end - begin).bit_length() - 1
            sizes.append(min(begin & -begin, most) if begin else most)
            begin += sizes[-1]
        are_hashes = all(len(digest) == _HASH_BYTES for digest in hashes)
        if len(sizes) != len(hashes) or not are_hashes or end < self.end:
            return False
        for digest, size in zip(hashes, sizes, strict=True):
            self.add(digest, size)
        return True

    def root(self) -> bytes:
        """Return the Merkle tree hash of a run that begins with the first record of all."""
        digest = self._nodes[-1][1] if self._nodes else hashlib.sha256().digest()
        for _, left in reversed(self._nodes[:-1]):
            digest = hashlib.sha256(b"\1" + left + digest).digest()
        return digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a signer has said about a log: the text of a C2SP tlog-checkpoint, taken apart.

    Attributes:
        origin: The name of the log.
        size: How many records it had.
        root: The Merkle tree hash of them.
        time: When it was signed, by the signer's clock.
        head: The hash that the last of them states.
        segment: The file that ends with it.
        offset: Where it ends in that file, in bytes.
        hashes: The compact range of them.
        is_removal: Whether they may be missing: retention removed them.
    """

    origin: str
    size: int
    root: bytes
    time: str
    head: str
    segment: str
    offset: int
    hashes: tuple[bytes, ...]
    is_removal: bool

    def tree(self) -> Tree:
        """Return the tree as it was then, for more records to be added."""
        tree = Tree()
        tree.extend(self.hashes, self.size)
        return tree


def split_notes(text: str) -> list[str]:
    """Return the signed notes of a file that has one after another, and what is none as another."""
    rest = _NOTE.sub("", text).strip()
    return _NOTE.findall(text) + [rest] * bool(rest)


def read_checkpoint(note: str, public_keys: str = "") -> Checkpoint | None:
    """Return the checkpoint in a C2SP signed note, if it is one, and the signature is right.

    Args:
        note: The text with its signatures.
        public_keys: Verifier keys as C2SP spells them, one a line. Without any, the signature is
            not looked at.
    """
    match = _CHECKPOINT.fullmatch(note)
    if match is None or (public_keys.strip() and not is_signed(note, public_keys, origin=match[1])):
        return None
    checkpoint = Checkpoint(
        origin=match[1],
        size=int(match[2]),
        root=base64.b64decode(match[3]),
        time=match[4],
        head=match[5],
        segment=match[6],
        offset=int(match[7]),
        hashes=tuple(base64.b64decode(each) for each in match[8].split()),
        is_removal=match[9] is not None,
    )
    return checkpoint if checkpoint.tree().root() == checkpoint.root else None


def key_hash(name: str, public_key: bytes) -> bytes:
    """Return the four bytes by which a signature names its Ed25519 key: C2SP signed-note."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public_key).digest()[:4]


def is_signed(note: str, public_keys: str, *, origin: str = "") -> bool:
    """Whether a C2SP signed note has a right signature.

    Args:
        note: The text with its signatures.
        public_keys: Verifier keys as C2SP spells them, one a line.
        origin: The name of the key that must have signed; empty for any of them.
    """
    text, _, signatures = note.rpartition("\n\n")
    for line in public_keys.split():
        name, _, rest = line.partition("+")
        data = decoded(rest.partition("+")[2])
        public = data[1:]
        if (
            (origin and name != origin)
            or data[:1] != b"\x01"
            or rest[:8] != key_hash(name, public).hex()
        ):
            continue
        for signature in signatures.splitlines():
            signer, _, encoded = signature.removeprefix("\u2014 ").partition(" ")
            data = decoded(encoded)
            # The first signature that claims to be by the key decides.
            if (signer, data[:4]) == (name, key_hash(name, public)):
                return is_signature(public, f"{text}\n".encode(), data[4:])
    return False


def decoded(text: str) -> bytes:
    """Return what a text in base 64 stands for; nothing if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is right: Ed25519, RFC 8032, section 5.1.7.

    Nothing here is secret, so the time it takes may tell anything.

    Args:
        public_key: 32 bytes; anything else has no signatures.
        message: What was signed.
        signature: 64 bytes; anything else is wrong.
    """
    key, begin = _point(public_key), _point(signature[:32])
    factor = int.from_bytes(signature[32:], "little")
    if key is None or begin is None or len(signature) != _SIGNATURE_BYTES or factor >= _ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % _ORDER
    left, right = _times(factor, _BASE), _sum(begin, _times(challenge, key))
    return all((left[i] * right[2] - right[i] * left[2]) % _PRIME == 0 for i in (0, 1))


def _sum(a: _Point, b: _Point) -> _Point:
    """Add points in extended coordinates: RFC 8032, section 5.1.4."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % _PRIME
    f = (a[1] + a[0]) * (b[1] + b[0]) % _PRIME
    g = 2 * a[3] * b[3] * _D % _PRIME
    h = 2 * a[2] * b[2] % _PRIME
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % _PRIME, k * m % _PRIME, j * k % _PRIME, i * m % _PRIME


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _sum(total, point)
        point, factor = _sum(point, point), factor >> 1
    return total


def _point(data: bytes) -> _Point | None:
    """Decode a point: RFC 8032, section 5.1.3. None if it is none."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if len(data) != _POINT_BYTES or y >= _PRIME:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    x = pow(square, (_PRIME + 3) // 8, _PRIME)
    if (x * x - square) % _PRIME:
        x = x * pow(2, (_PRIME - 1) // 4, _PRIME) % _PRIME
    if (x * x - square) % _PRIME or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _PRIME - x
    return x, y, 1, x * y % _PRIME
