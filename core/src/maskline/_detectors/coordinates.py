"""Where on Earth something is: pairs of a latitude and a longitude."""

from maskline.patterns import PatternDetector, PatternRule

__all__ = ["coordinate_detector"]

# Four decimals are ten metres: what is coarser is no person's place, and many other things.
_LATITUDE = r"[+-]?(?:[1-8]?\d|90)\.\d{4,15}"
_LONGITUDE = r"[+-]?(?:1[0-7]\d|[1-9]?\d|180)\.\d{4,15}"
_MINUTES = r"\xc2\xb0[ ]?\d{1,2}(?:'|\xe2\x80\xb2)[ ]?(?:\d{1,2}(?:\.\d+)?(?:\"|\xe2\x80\xb3)[ ]?)?"


def coordinate_detector() -> PatternDetector:
    """Return a detector of coordinates in decimals, and in degrees and minutes (ISO 6709)."""
    rules = [
        PatternRule(
            entity="GEO",
            pattern=rf"{_LATITUDE}[ ]?[,;/][ ]?{_LONGITUDE}",
            score=0.85,
            trigger=r"\.\d{4,15}[ ]?[,;/][ ]?[+-]?\d{1,3}\.\d{4}",
            not_after=b".+-",
        ),
        PatternRule(
            entity="GEO",
            pattern=rf"\d{{1,2}}{_MINUTES}[NS][, ]{{0,2}}\d{{1,3}}{_MINUTES}[EWO]",
            score=0.95,
            trigger=r"\d\xc2\xb0[ ]?\d",
        ),
    ]
    return PatternDetector("coordinate", rules)
