"""Secrets by what stands around them: blocks of private keys, passwords inside of URLs."""

import re
from collections.abc import Sequence
from typing import Final

from maskline.patterns import PatternDetector, PatternRule, whole
from maskline_secrets._checks import is_dummy

__all__ = ["is_stand_in", "private_key_detector", "url_credential_detector"]

_KIND: Final = r"[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?"
_HEAD: Final = rf"-----BEGIN{_KIND}-----|---- BEGIN{_KIND} ----"
_TAIL: Final = rf"-----END{_KIND}-----|---- END{_KIND} ----"
_BODY: Final = re.compile(rb"[A-Za-z0-9+/=]{32,}")
_STAND_INS: Final = frozenset(
    {b"password", b"pass", b"passwd", b"pwd", b"secret", b"token", b"test", b"pw", b"..."}
)


def private_key_detector() -> PatternDetector:
    """Return a detector of private keys as text, whole ones and such as were cut off."""
    rules = [
        PatternRule(
            entity="PRIVATE_KEY",
            # A block never holds two dashes in a row, so a block without an end stops at the next.
            pattern=(
                rf"(?:{_HEAD})(?:(?:-?[A-Za-z0-9+/=\s\\,:.()<>@'\"])*(?:{_TAIL})|[A-Za-z0-9+/=\s\\]*)"
            ),
            score=0.99,
            trigger="PRIVATE KEY",
            cut=_cut_block,
            is_bounded=False,
        ),
        PatternRule(
            entity="PRIVATE_KEY",
            pattern=r"Private-Lines: \d+\s+([A-Za-z0-9+/=]+(?:\s+[A-Za-z0-9+/=]{20,})*)",
            score=0.99,
            trigger="Private-Lines:",
        ),
        # An RSA, EC or OpenSSH key in base 64 without its frame: one line of DER, or its magic.
        PatternRule(
            entity="PRIVATE_KEY",
            pattern=r"(?:MI[IC][A-Z][A-Za-z0-9+/]{2}(?:IBAAKCA|IBADANBgkqhkiG9w0BAQEFAASC)|b3BlbnNzaC1rZXktdjE)"
            r"[A-Za-z0-9+/=\s\\]{40,}",
            score=0.95,
            trigger="IBAAKCA|BADANBgkqhkiG9w0BAQEFAASC|b3BlbnNzaC1rZXktdjE",
        ),
        # The same frame once more in base 64: "-----BEGIN".
        PatternRule(
            entity="PRIVATE_KEY",
            pattern=r"LS0tLS1CRUdJTi(?:[A-Za-z0-9+/]{4}){1,10}[A-Za-z0-9+/]{0,2}(?:UFJJVkFURSBLRVk|QUklWQVRFIEtFWS|BSSVZBVEUgS0VZ)"
            r"[A-Za-z0-9+/=]{40,}",
            score=0.95,
            trigger="LS0tLS1CRUdJTi",
        ),
    ]
    return PatternDetector("secrets_private_keys", rules)


def _cut_block(block: bytes) -> Sequence[tuple[int, int]]:
    """Keep a block with something in it. One that was cut off may end right after its head."""
    is_whole = b"---END" in block or b"- END" in block
    return () if is_whole and not _BODY.search(block) else ((0, len(block)),)


def url_credential_detector() -> PatternDetector:
    """Return a detector of the password in ``scheme://user:password@host``."""
    rule = PatternRule(
        entity="URL_CREDENTIALS",
        pattern=r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"<>\xff]*:([^\s/'\"<>\xff]+)@[A-Za-z0-9\[_.{$-]",
        score=0.99,
        trigger="://",
        cut=whole(lambda value: not is_stand_in(value)),
        is_bounded=False,
    )
    return PatternDetector("secrets_url_credentials", [rule])


def is_stand_in(value: bytes) -> bool:
    """Tell whether a value is what documentation writes for a password, or a variable's name."""
    is_variable = value[:1] in {b"$", b"{", b"%", b"<"} and not value[1:2].isdigit()
    is_masked = not value.strip(b"*x.X")
    return is_variable or is_masked or value.lower() in _STAND_INS or is_dummy(value)
