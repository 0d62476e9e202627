from typing_extensions import Buffer

def ff1(
    offsets: Buffer,
    data: Buffer,
    key: bytes,
    tweak: bytes,
    radix: int,
    has_check: bool,
    is_inverse: bool,
    out: Buffer,
    done: Buffer,
    /,
) -> None: ...
def fold(
    offsets: Buffer,
    data: Buffer,
    characters: Buffer,
    odd: Buffer,
    out_offsets: Buffer,
    out_data: Buffer,
    /,
) -> int: ...
def gather(data: Buffer, begins: Buffer, ends: Buffer, out: Buffer, /) -> None: ...
def json_read(
    offsets: Buffer,
    data: Buffer,
    kinds: Buffer,
    depths: Buffer,
    parents: Buffer,
    places: Buffer,
    ends: Buffer,
    text_offsets: Buffer,
    text: Buffer,
    edges: Buffer,
    /,
) -> tuple[int, int]: ...
def json_write(
    kinds: Buffer,
    ends: Buffer,
    text_offsets: Buffer,
    text: Buffer,
    edges: Buffer,
    out_offsets: Buffer,
    out_data: Buffer,
    /,
) -> int: ...
def keep_ends(
    offsets: Buffer,
    data: Buffer,
    letters: Buffer,
    ranges: Buffer,
    first: int,
    last: int,
    fill: int,
    out_offsets: Buffer,
    out_data: Buffer,
    /,
) -> None: ...
def hmac_sha256_rows(
    inner_pad: Buffer, outer_pad: Buffer, offsets: Buffer, data: Buffer, out: Buffer, /
) -> None: ...
def has_aes() -> bool: ...
def names(
    offsets: Buffer,
    data: Buffer,
    letters: Buffer,
    keys: Buffer,
    flags: Buffer,
    templates: Buffer,
    weights: Buffer,
    transitions: Buffer,
    doubt: int,
    is_gated: bool,
    /,
) -> tuple[bytes, bytes, bytes, bytes, bytes]: ...
def scan(
    offsets: Buffer, data: Buffer, characters: Buffer, scores: Buffer, is_merged: bool, /
) -> tuple[bytearray, bytearray, bytearray, bytearray]: ...
def sha256_rows(offsets: Buffer, data: Buffer, out: Buffer, /) -> None: ...
def sha256_unit() -> str: ...
def shapes(offsets: Buffer, data: Buffer, out: Buffer, /) -> None: ...
def token_rows(
    inner_pad: Buffer,
    outer_pad: Buffer,
    head: bytes,
    offsets: Buffer,
    data: Buffer,
    out: Buffer,
    /,
) -> None: ...
def unfold(
    offsets: Buffer,
    data: Buffer,
    characters: Buffer,
    rows: Buffer,
    starts: Buffer,
    ends: Buffer,
    /,
) -> None: ...
def weave(
    data: Buffer,
    begins: Buffer,
    ends: Buffer,
    piece_offsets: Buffer,
    piece_data: Buffer,
    out: Buffer,
    /,
) -> None: ...
