"""Changes the day of dates and timestamps, and of dates that are written as text.

This module knows the calendar, as ISO 8601 and Arrow write it. It does not know options or labels,
nor what becomes of a day: a function says that.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import rows_of

__all__ = ["Days", "change_days", "month_starts"]

Days: TypeAlias = npt.NDArray[np.int64]
"""Shape ``(rows,)``: days since 1970-01-01."""

# The years 1 to 9999, beyond which ISO 8601 needs agreements between its users.
_FIRST: Final = -719_162
_LAST: Final = 2_932_896
_DAY_MILLISECONDS: Final = 86_400_000
_TICKS: Final = {
    "s": 86_400,
    "ms": _DAY_MILLISECONDS,
    "us": 1_000 * _DAY_MILLISECONDS,
    "ns": 1_000_000 * _DAY_MILLISECONDS,
}
_ISO: Final = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
    "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
_TIME_AND_ZONE: Final = "^(?P<time>[^Z+-]*)(?P<zone>.*)$"
_DAY_WIDTH: Final = 10
# Where the digits of year, month and day stand in YYYY-MM-DD, and what they count.
_PLACES: Final = (
    ((0, 1000), (1, 100), (2, 10), (3, 1)),
    ((5, 10), (6, 1)),
    ((8, 10), (9, 1)),
)


def change_days(
    column: pa.Array, change: Callable[[Days], Days], *, keep_time: bool = False
) -> pa.Array:
    """Change the day of each value.

    Args:
        column: Any length, nulls allowed. Of text, dates as ISO 8601 writes them are changed, with
            or without a time and a zone.
        change: Returns as many days as it is given.
        keep_time: Whether the time of day stays; else it becomes midnight, in the column's own
            time zone or the one that is written in the text.

    Returns:
        The same length and type. Null for what is no date, for a day outside of the years 1 to
        9999 before or after, and for a day at which the values of the type end.
    """
    if pa.types.is_string(column.type):
        return _change_texts(column, change, keep_time=keep_time)
    if pa.types.is_timestamp(column.type):
        return _change_timestamps(column, change, keep_time=keep_time)
    if pa.types.is_date32(column.type):
        return _change_ticks(column, pa.int32(), 1, change)
    if pa.types.is_date64(column.type):
        return _change_ticks(column, pa.int64(), _DAY_MILLISECONDS, change)
    return pa.nulls(len(column), column.type)


def month_starts(days: Days, span: int) -> Days:
    """Return the first day of the period of *span* months in which each day lies.

    One period begins with the year 0, so that decades begin with years that end in 0.
    """
    months = _months(days)
    return _first_days(months - months % span)


def _change_timestamps(
    column: pa.TimestampArray, change: Callable[[Days], Days], *, keep_time: bool
) -> pa.TimestampArray:
    kind, ticks = column.type, _TICKS[column.type.unit]
    if keep_time:
        return _change_ticks(column, pa.int64(), ticks, change, keep_time=True)
    if kind.tz is None:
        return _change_ticks(column, pa.int64(), ticks, change)
    # What lies too near to the end of the type would come out of another zone at the other end.
    local = pc.local_timestamp(_change_ticks(column, pa.int64(), ticks, np.copy, keep_time=True))
    midnights = _change_ticks(local, pa.int64(), ticks, change)
    # A clock may be set back at midnight, or forward: then the day begins later.
    return pc.assume_timezone(midnights, kind.tz, ambiguous="earliest", nonexistent="latest")


def _change_ticks(
    column: pa.Array,
    storage: pa.DataType,
    ticks: int,
    change: Callable[[Days], Days],
    *,
    keep_time: bool = False,
) -> pa.Array:
    """Change days that are counted in so many ticks each."""
    counts = pc.fill_null(column.view(storage), 0).to_numpy().astype(np.int64)
    days, times = np.divmod(counts, ticks)
    low, high = max(_FIRST, -(2**63) // ticks + 2), min(_LAST, 2**63 // ticks - 2)
    is_day = (days >= low) & (days <= high)
    changed = change(np.where(is_day, days, 0))
    is_day &= (changed >= low) & (changed <= high)
    counts = np.where(is_day, changed, 0) * ticks + (times if keep_time else 0)
    is_valid = is_day & column.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(counts, storage, mask=~is_valid).view(column.type)


def _change_texts(
    column: pa.StringArray, change: Callable[[Days], Days], *, keep_time: bool
) -> pa.StringArray:
    is_found = pc.fill_null(pc.match_substring_regex(column, _ISO), False)
    found = column.filter(is_found)
    days, is_day = _read(pc.utf8_slice_codeunits(found, 0, _DAY_WIDTH))
    changed = change(days)
    is_day &= (changed >= _FIRST) & (changed <= _LAST)
    times = pc.utf8_slice_codeunits(found, _DAY_WIDTH)
    if not keep_time:
        times = _midnights(times)
    texts = pc.binary_join_element_wise(_write(np.where(is_day, changed, 0)), times, "")
    texts = pc.if_else(pa.array(is_day), texts, pa.scalar(None, pa.string()))
    return pc.replace_with_mask(pa.nulls(len(column), pa.string()), is_found, texts)


def _midnights(times: pa.StringArray) -> pa.StringArray:
    """Write 0 for each digit of times, and leave their zones."""
    if not pc.any(pc.not_equal(times, "")).as_py():
        return times
    parts = pc.extract_regex(times, _TIME_AND_ZONE)
    zeros = pc.replace_substring_regex(parts.field("time"), "[0-9]", "0")
    return pc.binary_join_element_wise(zeros, parts.field("zone"), "")


def _read(texts: pa.StringArray) -> tuple[Days, npt.NDArray[np.bool_]]:
    """Return the days of texts that look like one, and which of them are in the calendar."""
    _, data = rows_of(texts)
    digits = data.reshape(len(texts), _DAY_WIDTH).T - np.uint8(ord("0"))
    years, months, days = (
        sum(digits[place].astype(np.int64) * power for place, power in places) for places in _PLACES
    )
    begins = _first_days(12 * years + months - 1)
    days = begins + days - 1
    # A month or a day that is not there falls into another month.
    is_day = (months >= 1) & (months <= 12) & (_months(days) == 12 * years + months - 1)  # noqa: PLR2004
    return days, is_day & (days >= _FIRST)


def _write(days: Days) -> pa.StringArray:
    months = _months(days)
    parts = (months // 12, months % 12 + 1, days - _first_days(months) + 1)
    texts = np.full((len(days), _DAY_WIDTH), ord("-"), np.uint8)
    for part, places in zip(parts, _PLACES, strict=True):
        for place, power in places:
            texts[:, place] = part // power % 10 + ord("0")
    ends = np.arange(len(days) + 1, dtype=np.int32) * np.int32(_DAY_WIDTH)
    return pa.StringArray.from_buffers(len(days), pa.py_buffer(ends), pa.py_buffer(texts))


def _months(days: Days) -> npt.NDArray[np.int64]:
    """Return the month in which each day lies, counted from January of the year 0."""
    return days.view("M8[D]").astype("M8[M]").astype(np.int64) + 12 * 1970


def _first_days(months: npt.NDArray[np.int64]) -> Days:
    return (months - 12 * 1970).view("M8[M]").astype("M8[D]").astype(np.int64)
