"""Addresses of machines: IPv4, IPv6, MAC."""

from typing import Final

from maskline._detectors.checks import compiled, is_ipv4, is_ipv6
from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["ip_detector", "ip_range_detector", "mac_detector"]

_IPV4_BITS: Final = 32
_IPV6_BITS: Final = 128
_MAC: Final = (
    r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
    r"|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)


def ip_detector() -> PatternDetector:
    """Return a detector of IP addresses."""
    rules = [
        PatternRule(
            entity="IP_ADDRESS",
            pattern=r"\d+(?:\.\d+)+",
            score=0.9,
            trigger=r"\d\.\d{1,3}\.\d{1,3}\.\d",
            cut=whole(is_ipv4),
        ),
        PatternRule(
            entity="IP_ADDRESS",
            pattern=r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:]*(?:\.\d+)*(?:%[0-9A-Za-z]+)?",
            score=0.9,
            trigger=r"[0-9A-Fa-f]:[0-9A-Fa-f]*:|::[0-9A-Fa-f]",
            cut=_cut_ipv6,
        ),
    ]
    return PatternDetector("ip", rules)


def _cut_ipv6(value: bytes) -> tuple[tuple[int, int], ...]:
    """Leave out a colon that belongs to the sentence."""
    end = len(value) - (value.endswith(b":") and not value.endswith(b"::"))
    return ((0, end),) if is_ipv6(value[:end]) else ()


def ip_range_detector() -> PatternDetector:
    """Return a detector of ranges of IP addresses: RFC 4632, section 3.1; RFC 4291, section 2.3."""
    rule = PatternRule(
        entity="IP_ADDRESS",
        pattern=r"(?:\d+(?:\.\d+)+|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?)/\d{1,3}",
        score=0.93,
        trigger=r"[0-9A-Fa-f:]/\d",
        cut=whole(_is_range),
    )
    return PatternDetector("ip_range", [rule])


def _is_range(value: bytes) -> bool:
    address, _, bits = value.rpartition(b"/")
    if b":" in address:
        return int(bits) <= _IPV6_BITS and (address == b"::" or is_ipv6(address))
    return int(bits) <= _IPV4_BITS and is_ipv4(address)


def mac_detector() -> PatternDetector:
    """Return a detector of hardware addresses."""
    rule = PatternRule(
        entity="MAC_ADDRESS",
        pattern=r"[0-9A-Fa-f]+(?:[:.-][0-9A-Fa-f]+)+",
        score=0.9,
        trigger=_MAC,
        cut=whole(lambda value: compiled(_MAC).fullmatch(value) is not None),
    )
    return PatternDetector("mac", [rule])
