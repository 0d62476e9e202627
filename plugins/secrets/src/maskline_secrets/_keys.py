"""Secrets by what stands around them: blocks of private keys, passwords inside of URLs."""

from typing import Final

from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["private_key_detector", "url_credential_detector"]

_HEAD: Final = r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_TAIL: Final = r"-----END[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PLACEHOLDERS: Final = frozenset(
    {b"password", b"pass", b"passwd", b"pwd", b"secret", b"token", b"xxx", b"***", b"..."}
)


def private_key_detector() -> PatternDetector:
    """Return a detector of private keys as text, whole ones and such as were cut off."""
    rules = [
        PatternRule(
            entity="PRIVATE_KEY",
            # A block never holds two dashes in a row, so a block without an end stops at the next.
            pattern=rf"{_HEAD}(?:(?:-?[A-Za-z0-9+/=\s\\,:.()<>@'\"])*{_TAIL}|[A-Za-z0-9+/=\s\\]*)",
            score=0.99,
            trigger="PRIVATE KEY",
            is_bounded=False,
        ),
        PatternRule(
            entity="PRIVATE_KEY",
            pattern=r"Private-Lines: \d+\s+([A-Za-z0-9+/=]+(?:\s+[A-Za-z0-9+/=]{20,})*)",
            score=0.99,
            trigger="Private-Lines:",
        ),
    ]
    return PatternDetector("secrets_private_keys", rules)


def url_credential_detector() -> PatternDetector:
    """Return a detector of the password in ``scheme://user:password@host``."""
    rule = PatternRule(
        entity="URL_CREDENTIALS",
        pattern=r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"<>\xff]*:([^\s/'\"<>\xff]+)@[A-Za-z0-9\[_.{$-]",
        score=0.97,
        trigger="://",
        cut=whole(_is_password),
        is_bounded=False,
    )
    return PatternDetector("secrets_url_credentials", [rule])


def _is_password(value: bytes) -> bool:
    """Tell a password from a variable's name, and from what documentation writes instead."""
    is_variable = value[:1] in {b"$", b"{", b"%", b"<"} and not value[1:2].isdigit()
    is_masked = not value.strip(b"*x.X")
    return not (is_variable or is_masked or value.lower() in _PLACEHOLDERS)
