"""Secrets by the word before them: ``password = ...``, ``IDENTIFIED BY '...'``, ``Bearer ...``.

A word is not enough: code is full of ``token = get_token()``. The value has to look like a secret.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["assignment_detector", "entropy"]

_LOGIN: Final = r"(?i:pass(?:word|wd|phrase|code)?|pwd|[_\-]pw|kennwort|passwort)"
_KEY: Final = (
    r"(?i:secret|token|api[_.\- ]?key|access[_.\- ]?key|auth[_.\- ]?key|private[_.\- ]?key"
    r"|encryption[_.\- ]?key|signing[_.\- ]?key|account[_.\- ]?key|client[_.\- ]?id|credentials?"
    r"|app[_.\- ]?key|master[_.\- ]?key|service[_.\- ]?key|webhook|signature|license[_.\- ]?key"
    r"|authorization|auth|[a-z0-9][_.\-]key)"
)
_NAME_END: Final = r"[A-Za-z0-9_.\-]{0,24}"
_IS: Final = (
    r"(?:['\"`\])]{0,2}(?: string)?\s{0,8}(?:[.?]?=|:{1,3}=|=>|={2,3}|:|,|>)\s{0,8}"
    r"|['\"]? value=|[ ]['\"]?)"
    r"(?:[A-Za-z]?['\"`]{1,3})?(?i:(?:bearer|basic|token|api-token)[ ])?"
)
_VALUE: Final = r"([^\s'\"`;,<>(){}\[\]\xff]{4,})"

_MIN_PASSWORD: Final = 6
_MIN_KEY: Final = 12
_MIN_ENTROPY: Final = 2.7
_MIN_KINDS: Final = 2
_DUMMIES: Final = (
    *(b"example", b"changeme", b"placeholder", b"your", b"xxxx", b"****", b"...", b"dummy"),
    *(b"redacted", b"process.env", b"os.environ", b"getenv", b"config.", b"settings."),
    *(b"password", b"insert", b"undefined", b"function", b"string"),
)
_VARIABLE_MARKS: Final = (b"$", b"%", b"{", b"<", b"@", b"&", b"*", b"/", b"#", b"\\")


def assignment_detector() -> PatternDetector:
    """Return a detector of secrets by the word before them."""
    rules = [
        PatternRule(
            entity="PASSWORD",
            pattern=_LOGIN + _NAME_END + _IS + _VALUE,
            score=0.75,
            trigger=_LOGIN,
            cut=_cut_password,
            is_bounded=False,
        ),
        PatternRule(
            entity="PASSWORD",
            pattern=_LOGIN
            + _NAME_END
            + r"['\"]?\s{0,3}(?:=|:)\s{0,3}[\"']([^'\"\n\xff]{6,64})['\"]",
            score=0.7,
            trigger=_LOGIN,
            cut=_cut_password,
            is_bounded=False,
        ),
        PatternRule(
            entity="API_KEY",
            pattern=_KEY + _NAME_END + _IS + _VALUE,
            score=0.7,
            trigger=_KEY,
            cut=_cut_key,
            is_bounded=False,
        ),
        PatternRule(
            entity="PASSWORD",
            pattern=(
                r"(?i:identified\s{1,3}(?:with\s{1,3}\S{1,40}\s{1,3})?by\s{1,3}(?:password\s{1,3})?"
                r"|\bpassword\s{1,3})'([^'\n\xff]+)'"
            ),
            score=0.9,
            trigger=r"(?i)identified|password\s",
            is_bounded=False,
        ),
        PatternRule(
            entity="PASSWORD",
            pattern=r"(?i:\b(?:password|passcode|passwort)\s{1,3}(?:is|was|ist)\s{1,3})" + _VALUE,
            score=0.75,
            trigger=r"(?i)pass(?:word|code|wort)\s",
            cut=whole(_is_mixed),
            is_bounded=False,
        ),
        PatternRule(
            entity="API_KEY",
            pattern=r"(?i:\b(?:bearer|basic)\s{1,3})([A-Za-z0-9+/=_.~-]{16,})",
            score=0.8,
            trigger=r"(?i)bearer|basic",
            cut=_cut_key,
            is_bounded=False,
        ),
        PatternRule(
            entity="PASSWORD",
            pattern=r"\s(?:-u|--user)[ =]{1,2}['\"]?[A-Za-z0-9_.@-]{1,64}:([^\s'\"\xff]{4,})",
            score=0.75,
            trigger=r"\s(?:-u|--user)[ =]",
            cut=_cut_password,
            is_bounded=False,
        ),
    ]
    return PatternDetector("secrets_assignments", rules)


def entropy(value: bytes) -> float:
    """Return Shannon's entropy of a value, in bits for each byte."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0


def _kinds(value: bytes) -> int:
    """Count the kinds of characters: small, capital, digit, other."""
    text = value.decode("latin-1")
    return (
        any(character.islower() for character in text)
        + any(character.isupper() for character in text)
        + any(character.isdigit() for character in text)
        + any(not character.isalnum() and character not in "_.-" for character in text)
    )


def _is_dummy(value: bytes) -> bool:
    small = value.lower()
    return any(dummy in small for dummy in _DUMMIES) or len(set(small)) <= len("abc")


def _is_mixed(value: bytes) -> bool:
    """Tell whether a value cannot be a word of a sentence."""
    core = value.rstrip(b".,;:!?")
    text = core.decode("latin-1")
    has_more = any(not character.isalpha() for character in text[1:])
    return len(core) >= len("1234") and has_more and not _is_dummy(core)


def _cut_password(value: bytes) -> Sequence[tuple[int, int]]:
    core = value.rstrip(b".,;:")
    is_reference = value.startswith(_VARIABLE_MARKS) and _kinds(value) <= _MIN_KINDS
    is_path = core.count(b".") > 1 and _kinds(core) <= 1
    if is_reference or is_path or len(core) < _MIN_PASSWORD or _is_dummy(core):
        return ()
    return ((0, len(core)),) if _kinds(core) >= _MIN_KINDS else ()


def _cut_key(value: bytes) -> Sequence[tuple[int, int]]:
    core = value.rstrip(b".,;:")
    text = core.decode("latin-1")
    is_word = not any(character.isdigit() for character in text)
    if len(core) < _MIN_KEY or is_word or _is_dummy(core) or value.startswith(_VARIABLE_MARKS):
        return ()
    return ((0, len(core)),) if entropy(core) >= _MIN_ENTROPY else ()
