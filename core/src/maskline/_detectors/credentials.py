"""Credentials that have a shape of their own: web tokens, and the keys of three clouds.

The formats of many more vendors are in the plugin ``secrets``.
"""

from typing import Final

from maskline._detectors.checks import is_jwt
from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["cloud_key_detector", "jwt_detector"]

_ASSIGNED: Final = r"['\"]?\s{0,3}(?::=|=>|=|:|,)\s{0,3}['\"]?"


def jwt_detector() -> PatternDetector:
    """Return a detector of JSON web tokens, signed or encrypted."""
    rule = PatternRule(
        entity="JWT",
        pattern=r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,3}",
        score=0.95,
        trigger="eyJ",
        cut=whole(is_jwt),
    )
    return PatternDetector("jwt", [rule])


def cloud_key_detector() -> PatternDetector:
    """Return a detector of keys of AWS, Google Cloud and Azure."""
    aws = (
        r"(?i:aws_?-?secret_?-?(?:access)?_?-?key|secret_?-?access_?-?key|aws_?-?secret"
        r"|aws_?-?sk|secretaccesskey)"
    )
    azure = r"(?i:AccountKey|SharedAccessKey|azure_?storage_?(?:account_?)?key)"
    rules = [
        PatternRule(
            entity="AWS_ACCESS_KEY",
            pattern=r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA|ANVA|AIPA)[A-Z0-9]{16}",
            score=0.95,
            trigger=r"A3T|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA|ANVA|AIPA",
        ),
        PatternRule(
            entity="AWS_SECRET_KEY",
            pattern=aws + _ASSIGNED + r"([A-Za-z0-9/+]{40})",
            score=0.95,
            trigger=aws,
        ),
        PatternRule(
            entity="GCP_API_KEY",
            pattern=r"AIza[0-9A-Za-z_-]{35}",
            score=0.95,
            trigger="AIza",
        ),
        PatternRule(
            entity="GCP_API_KEY",
            pattern=r"GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{20,}",
            score=0.95,
            trigger=r"GOCSPX-|ya29\.",
        ),
        PatternRule(
            entity="AZURE_KEY",
            pattern=azure + _ASSIGNED + r"([A-Za-z0-9/+]{86}==|[A-Za-z0-9/+]{43}=)",
            score=0.95,
            trigger=azure,
        ),
        PatternRule(
            entity="AZURE_KEY",
            pattern=r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}",
            score=0.9,
            trigger=r"\dQ~",
        ),
        PatternRule(
            entity="AZURE_KEY",
            pattern=r"[?&]sig=([A-Za-z0-9%/+]{43,70}(?:%3D|=)?)",
            score=0.85,
            trigger=r"[?&]sig=",
        ),
    ]
    return PatternDetector("cloud_keys", rules)
