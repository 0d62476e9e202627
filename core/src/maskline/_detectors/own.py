"""Finds the categories that a policy describes itself.

This module knows what such a category looks like. It does not know the policy.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from maskline._detectors.checksums import are_luhn_valid
from maskline.entities import OwnEntity
from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["own_detector"]

# Who writes an expression of one's own knows better than any that is built in.
_SCORE: Final = 0.98


def own_detector(own: Sequence[OwnEntity]) -> PatternDetector | None:
    """Return a detector of what the entities' patterns match; None if there is no pattern.

    Args:
        own: Entities whose patterns RE2 takes.
    """
    rules = [
        PatternRule(
            entity=one.entity.name,
            pattern=pattern,
            score=_SCORE,
            trigger=pattern,
            cut=whole(_is_checked) if one.has_check_digit else None,
        )
        for one in own
        for pattern in one.patterns
    ]
    return PatternDetector("own", rules) if rules else None


def _is_checked(value: bytes) -> bool:
    digits = bytes(byte for byte in value if byte in b"0123456789")
    return len(digits) > 1 and bool(are_luhn_valid(np.frombuffer(digits, np.uint8)[None, :])[0])
