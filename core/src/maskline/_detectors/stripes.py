"""What a card's magnetic stripe holds, which may not be kept once a payment is authorised."""

from maskline.patterns import PatternDetector, PatternRule

__all__ = ["track_detector"]

# A date of expiry and a service code, and what the issuer likes; ISO/IEC 7813.
_TAIL = r"\d\d(?:0[1-9]|1[0-2])\d{3}"


def track_detector() -> PatternDetector:
    """Return a detector of tracks 1 and 2 as readers hand them over (ISO/IEC 7813)."""
    rules = [
        PatternRule(
            entity="CARD_TRACK",
            pattern=rf"%?B\d{{12,19}}\^[^\^\n\xff]{{2,26}}\^{_TAIL}"
            r"(?:[0-9A-Za-z ]{0,48}\?|[0-9A-Za-z]{0,48})",
            score=0.99,
            trigger=r"\^\d{4}",
        ),
        PatternRule(
            entity="CARD_TRACK",
            pattern=rf";?\d{{12,19}}[=D]{_TAIL}\d{{0,20}}\??",
            score=0.98,
            trigger=r"\d[=D]\d{7}",
        ),
    ]
    return PatternDetector("card_track", rules)
