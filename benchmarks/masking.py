"""How fast values are masked: maskline's masks beside loops over other libraries.

Each contender gets an Arrow column and gives one back. This module knows masks by name.
"""

import hmac
import secrets
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from rounds import KERNELS, Process, cpu_seconds, in_turn, medians
from workload import persons

__all__ = ["MASKS", "measure"]

MASKS: Final[dict[str, tuple[str, str, dict[str, int]]]] = {
    "tokens": ("email", "token", {}),
    "FF1": ("card", "fpe", {}),
    "redact": ("email", "redact", {}),
    "partial": ("email", "partial", {"last": 4}),
}
"""For each figure the column that is masked, the mask, and its options."""

_ENTITIES: Final = {"email": "EMAIL_ADDRESS", "card": "CREDIT_CARD"}
_MOST_ROWS: Final = {"ff3": 2_000, "pyffx": 2_000, "hmac loop": 200_000}
_KEY: Final = secrets.token_bytes(32)


def measure(*, rows: int, runs: int) -> dict[str, dict[str, float]]:
    """Return values per second of CPU time, by contender and figure; of what is installed.

    Args:
        rows: Distinct values; slow contenders get the first of them.
        runs: How often each is measured.
    """
    found: dict[str, dict[str, float]] = {}
    with Process() as loops, Process("native") as native, Process("numpy") as numpy:
        places = dict(zip(KERNELS, (native, numpy), strict=True))
        for figure in MASKS:
            rivals = {name: loops for name, (of, _) in _LOOPS.items() if of == figure}
            rates = in_turn(
                {
                    name: partial(at.call, _rate, name, figure, rows)
                    for name, at in (rivals | places).items()
                    if at.call(_is_there, name, figure)
                },
                runs=runs,
            )
            for name, rate in medians(rates).items():
                found.setdefault(name, {})[figure] = rate
    return found


def _is_there(name: str, figure: str) -> bool:
    try:
        _ready(name, figure, 1)
    except ImportError:
        return False
    return True


def _rate(name: str, figure: str, rows: int) -> float:
    count = min(rows, _MOST_ROWS.get(name, rows))
    return count / cpu_seconds(_ready(name, figure, count))


def _ready(name: str, figure: str, rows: int) -> Callable[[], pa.Array]:
    """Return what masks the first rows, with everything done that need be done just once."""
    column = _column(MASKS[figure][0], rows)
    if name in _LOOPS:
        return _LOOPS[name][1](column)
    return _mask(column, figure)


def _column(name: str, rows: int) -> pa.StringArray:
    table = persons(rows)
    if name == "card":
        # Without the marks between the digits, which others do not see through.
        return pc.replace_substring_regex(table["credit_card"], "[ -]", "").combine_chunks()
    return table[name].combine_chunks()


def _mask(column: pa.StringArray, figure: str) -> Callable[[], pa.Array]:
    from maskline.model import Label, Mask

    name, mask, options = MASKS[figure]
    of = Mask(name=mask, options=tuple(sorted(options.items())))
    label = Label(entity=_ENTITIES[name])
    masking = _masking()
    return lambda: masking.mask(column, label=label, mask=of)


@cache
def _masking() -> Any:  # noqa: ANN401 - maskline is imported only where its kernels were chosen
    from maskline.execution import Masking
    from maskline.model import Decision
    from maskline.plugins import load_registry
    from maskline.tokens import Keyring

    return Masking(
        load_registry(),
        keyring=Keyring.generate(),
        decide=lambda _: Decision(mask=None, rule=""),
    )


def _hmac_loop(column: pa.StringArray) -> Callable[[], pa.Array]:
    def mask() -> pa.Array:
        values = column.to_pylist()
        return pa.array([hmac.digest(_KEY, value.encode(), "sha256").hex() for value in values])

    return mask


def _ff3(column: pa.StringArray) -> Callable[[], pa.Array]:
    from ff3 import FF3Cipher

    cipher = FF3Cipher(_KEY.hex(), "CBD09280979564")
    return lambda: pa.array([cipher.encrypt(value) for value in column.to_pylist()])


def _pyffx(column: pa.StringArray) -> Callable[[], pa.Array]:
    import pyffx

    cipher = pyffx.String(_KEY, alphabet="0123456789", length=len(column[0].as_py()))
    return lambda: pa.array([cipher.encrypt(value) for value in column.to_pylist()])


_LOOPS: Final[dict[str, tuple[str, Callable[[pa.StringArray], Callable[[], pa.Array]]]]] = {
    "hmac loop": ("tokens", _hmac_loop),
    "ff3": ("FF1", _ff3),
    "pyffx": ("FF1", _pyffx),
}
"""Which figure a loop belongs to, and what makes it ready."""
