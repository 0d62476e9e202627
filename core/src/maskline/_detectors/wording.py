"""Words of people's languages as parts of expressions that run on UTF-8 bytes.

The words are the data file ``words.toml`` beside this module. It knows RE2's syntax and Unicode's
cases. It does not know what the words are good for.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final

__all__ = ["any_of", "without_accents", "words"]

_ASCII_END: Final = 0x80


def any_of(phrases: Iterable[str], *, gap: str = " ", bound: str = "") -> str:
    """Return an expression for any of some phrases, the longest first that begin alike.

    Args:
        phrases: One or more words each, in lower case, with spaces between them.
        gap: The expression of what stands between words.
        bound: The expression of what a phrase begins after, such as a bound of words. RE2 knows
            those in ASCII only, so it is not asked for where a phrase begins with another letter.

    Returns:
        A group that captures nothing. Accents may be missing, and letters beyond ASCII may be
        capitals; those of ASCII may under ``(?i)``.
    """
    spellings = {text for phrase in phrases for text in (phrase, without_accents(phrase))}
    plain = {text for text in spellings if text[0].isascii()}
    parts = [
        before + _branches([tuple(text.split()) for text in texts], gap)
        for before, texts in ((bound, plain), ("", spellings - plain))
        if texts
    ]
    return f"(?:{'|'.join(parts)})"


def words(section: str, name: str) -> Any:  # noqa: ANN401 - as TOML has it
    """Return a list of ``words.toml``: of words, or of lists of words."""
    return _table()[section][name]


@cache
def _table() -> dict[str, Any]:
    text = files("maskline._detectors").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def without_accents(text: str) -> str:
    """Return a text without what stands above or below its letters."""
    apart = unicodedata.normalize("NFD", text)
    return "".join(part for part in apart if not unicodedata.combining(part))


def _branches(phrases: list[tuple[str, ...]], gap: str) -> str:
    """Write phrases as a tree by their words, so that the automaton stays small."""
    following: dict[str, list[tuple[str, ...]]] = {}
    for first, *rest in sorted(phrases, reverse=True):
        following.setdefault(first, []).append(tuple(rest))
    branches = []
    for first, rests in following.items():
        longer = [rest for rest in rests if rest]
        more = f"(?:{gap}{_branches(longer, gap)})" if longer else ""
        is_optional = bool(longer) and len(longer) < len(rests)
        branches.append("".join(map(_character, first)) + more + ("?" if is_optional else ""))
    return f"(?:{'|'.join(branches)})"


def _character(character: str) -> str:
    if ord(character) < _ASCII_END:
        return re.escape(character)
    cases = {case for case in (character.lower(), character.upper()) if len(case) == 1}
    codes = ["".join(rf"\x{byte:02x}" for byte in case.encode()) for case in sorted(cases)]
    return f"(?:{'|'.join(codes)})"
