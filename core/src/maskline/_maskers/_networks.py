"""Cuts network addresses that are written as text down to the network they belong to.

This module knows how addresses of IPv4 (RFC 791) and IPv6 (RFC 4291) are written, and the one way
in which RFC 5952 writes the latter. It does not know options or labels.
"""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import Bytes, rows_of

__all__ = ["to_networks"]

_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_GROUP: Final = "[0-9A-Fa-f]{1,4}"
_IPV4: Final = rf"^{_OCTET}(?:\.{_OCTET}){{3}}(?:/(?:3[0-2]|[12]?[0-9]))?$"
_GROUPS_BEHIND: Final = f"::(?:{_GROUP}(?::{_GROUP}){{0,6}})?"
_IPV6: Final = (
    f"^(?:{_GROUP}(?::{_GROUP}){{0,7}}(?:{_GROUPS_BEHIND})?|{_GROUPS_BEHIND})"
    "(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$"
)
# The last 32 bits may be written like an address of IPv4. They are not part of any network here.
_IPV4_TAIL: Final = rf":{_OCTET}(?:\.{_OCTET}){{3}}(/|$)"
_GROUPS: Final = 8
_NO_GAP: Final = _GROUPS + 1
_KEPT: Final = 4
_OCTETS: Final = 4


def to_networks(column: pa.StringArray, *, bits: int, ipv6_bits: int) -> pa.StringArray:
    """Return the first address of the network that each address belongs to.

    Args:
        column: Any length, nulls allowed. An address may end in the length of a prefix, such as
            ``/24``, which is left out.
        bits: How many bits of an address of IPv4 stay, from 0 to 32.
        ipv6_bits: How many bits of an address of IPv6 stay, from 0 to 64.

    Returns:
        The same length and type; null for what is no address.
    """
    is_ipv4 = pc.fill_null(pc.match_substring_regex(column, _IPV4), False)
    is_other = pc.invert(is_ipv4)
    networks = pa.nulls(len(column), pa.string())
    networks = pc.replace_with_mask(networks, is_ipv4, _ipv4_networks(column.filter(is_ipv4), bits))
    others = _ipv6_networks(column.filter(is_other), ipv6_bits)
    return pc.replace_with_mask(networks, is_other, others)


def _ipv4_networks(addresses: pa.StringArray, bits: int) -> pa.StringArray:
    words = pc.list_flatten(pc.split_pattern(_without_length(addresses), "."))
    octets = words.cast(pa.uint8()).to_numpy().reshape(-1, _OCTETS)
    kept = octets & np.array(_masks(bits, width=8, count=_OCTETS), np.uint8)
    texts = [pa.array(np.ascontiguousarray(octet)).cast(pa.string()) for octet in kept.T]
    return pc.binary_join_element_wise(*texts, ".")


def _ipv6_networks(column: pa.StringArray, bits: int) -> pa.StringArray:
    """Return the networks of addresses of IPv6, null for anything else."""
    plain = pc.replace_substring_regex(column, _IPV4_TAIL, r":0:0\1")
    is_found = pc.fill_null(pc.match_substring_regex(plain, _IPV6), False)
    groups, is_address = _read(_without_length(plain.filter(is_found)))
    kept = groups[:, :_KEPT] & np.array(_masks(bits, width=16, count=_KEPT), np.uint16)
    texts = pc.if_else(pa.array(is_address), _write(kept), pa.scalar(None, pa.string()))
    return pc.replace_with_mask(pa.nulls(len(column), pa.string()), is_found, texts)


def _without_length(addresses: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(addresses, "/.*$", "")


def _masks(bits: int, *, width: int, count: int) -> list[int]:
    """Return the first of *bits* ones and then zeros, cut to *count* numbers of *width* bits."""
    ones = (1 << width) - 1
    kept = [min(max(bits - width * place, 0), width) for place in range(count)]
    return [ones << (width - each) & ones for each in kept]


def _read(
    addresses: pa.StringArray,
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Return the eight groups of what looks like addresses, and which of them are some."""
    # With one more colon, every word ends in one.
    offsets, data = rows_of(pc.binary_join_element_wise(addresses, "", ":"))
    ends = np.flatnonzero(data == ord(":"))
    lengths = np.diff(ends, prepend=-1) - 1
    sizes = np.diff(np.searchsorted(ends, offsets))
    rows = np.repeat(np.arange(len(addresses)), sizes)
    places = np.arange(len(rows)) - (np.cumsum(sizes) - sizes)[rows]
    is_group = lengths > 0
    # Where two colons meet, there is an empty word; the groups behind it are the last ones.
    gaps = np.full(len(addresses), _NO_GAP)
    gaps[rows[~is_group][::-1]] = places[~is_group][::-1]
    counts = np.bincount(rows[is_group], minlength=len(addresses))
    is_address = np.where(gaps < _NO_GAP, counts < _GROUPS, counts == _GROUPS)
    places = np.where(places < gaps[rows], places, places + _GROUPS - sizes[rows])
    is_group &= is_address[rows]
    groups = np.zeros((len(addresses), _GROUPS), np.uint16)
    groups[rows[is_group], places[is_group]] = _values(data, ends[is_group], lengths[is_group])
    return groups, is_address


def _values(
    data: Bytes, ends: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint16]:
    """Return the numbers that words of one to four hexadecimal digits stand for."""
    # Letters, upper and lower, begin at 1 in their last four bits.
    nibbles = ((data & 0x0F) + 9 * (data >> 6)).astype(np.uint16)
    values = np.zeros(len(ends), np.uint16)
    for digit in range(4):
        found = nibbles[np.maximum(ends - 1 - digit, 0)] << 4 * digit
        values |= np.where(digit < lengths, found, 0).astype(np.uint16)
    return values


def _write(groups: npt.NDArray[np.uint16]) -> pa.StringArray:
    """Write the first groups of addresses whose other groups are all zero."""
    words = [_hexadecimal().take(pa.array(group)) for group in groups.T]
    texts = [pa.scalar("::")]
    for count in range(1, _KEPT + 1):
        joined = pc.binary_join_element_wise(*words[:count], ":")
        texts.append(pc.binary_join_element_wise(joined, "", "::"))
    counts = np.where(groups != 0, np.arange(1, _KEPT + 1), 0).max(axis=1, initial=0)
    return pc.choose(pa.array(counts), *texts)


@cache
def _hexadecimal() -> pa.StringArray:
    return pa.array([f"{number:x}" for number in range(1 << 16)])
