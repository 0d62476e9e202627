r"""Secrets by the statement, the command or the file that they stand in.

SQL, sentences, HTTP headers, flags of commands, and files that have no names for their fields. This
module knows those; what is assigned to a name is another's.
"""

import re
from collections.abc import Sequence
from typing import Final

from maskline.patterns import PatternRule, whole
from maskline_secrets._checks import is_dummy, is_mixed, is_random, variety
from maskline_secrets._formats import API_KEY
from maskline_secrets._keys import is_stand_in
from maskline_secrets._values import Value, is_key, is_password, is_template

__all__ = ["context_rules"]

_PASSWORD: Final = "PASSWORD"  # noqa: S105 - the name of an entity
_MIN_SPOKEN: Final = 4
_MIN_HEADER: Final = 16
_DATA: Final = re.compile(
    rb"\n[ \t]{0,40}[\w.\-]{1,253}:[ \t]*(?:[|>][-+]?[ \t]*\n[ \t]*)?"
    rb"([A-Za-z0-9+/]{8,}={0,2})[ \t]*(?=\n|\\|$)"
)


def context_rules() -> Sequence[PatternRule]:
    """Return the rules, in no order that matters."""
    return (*_statements(), *_headers(), *_flags(), *_files())


def _statements() -> Sequence[PatternRule]:
    return (
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"(?i:\bidentified\s{1,8}(?:(?:with|via)\s{1,8}\S{1,40}\s{1,8})?(?:by|as|using)\s{1,8}"
                r"(?:password\s{1,8}|values\s{1,8})?)['\"]([^'\"\n\xff]+)['\"]"
            ),
            score=0.95,
            trigger=r"(?i)identified\s",
            cut=whole(lambda value: not is_template(value)),
            is_bounded=False,
        ),
        PatternRule(
            entity=_PASSWORD,
            pattern=r"(?i:\bidentified\s{1,8}by\s{1,8})([A-Za-z][A-Za-z0-9_$#]{3,})",
            score=0.7,
            trigger=r"(?i)identified\s",
            cut=whole(is_mixed),
            is_bounded=False,
        ),
        PatternRule(
            entity=_PASSWORD,
            pattern=r"(?i:\bpassword(?:\s{1,8}|\s{0,8}=?\s{0,8}\(\s{0,8}))N?'([^'\n\xff]+)'",
            score=0.9,
            trigger=r"(?i)password[\s(=]",
            cut=whole(_is_quoted),
            is_bounded=False,
        ),
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"(?i:\b(?:password|passcode|passphrase|passwort|kennwort|mot de passe|senha)"
                r"\s{1,3}(?:is|was|ist|lautet|est|es|to)\s{0,3}:?\s{1,3})['\"]?([^\s'\"<>\xff]{4,})"
            ),
            score=0.75,
            trigger=r"(?i)(?:word|code|phrase|wort|passe|senha)\s{1,3}(?:is|was|ist|laut|est|es|to)",
            cut=_cut_spoken,
            is_bounded=False,
        ),
    )


def _headers() -> Sequence[PatternRule]:
    return (
        PatternRule(
            entity=API_KEY,
            pattern=r"(?i:\b(?:bearer|basic)\s{1,3})([A-Za-z0-9+/=_.~\-]{12,})",
            score=0.8,
            trigger=r"(?i)(?:bearer|basic)\s",
            cut=whole(_is_header),
            is_bounded=False,
        ),
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"\s(?:-u|--user|--proxy-user|-U)(?:[ =]{1,2})['\"]?[{A-Za-z0-9_.@}\-\\]{1,64}"
                r"['\"]?:['\"]?([^\s'\"\xff]{3,})"
            ),
            score=0.8,
            trigger=r"\s(?:-u|--user|--proxy-user|-U)[ =]",
            cut=whole(lambda value: _is_quoted(value) and not is_stand_in(value)),
            is_bounded=False,
        ),
    )


def _flags() -> Sequence[PatternRule]:
    return (
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"(?i:\bConvertTo-SecureString(?:\s{1,4}-AsPlainText|\s{1,4}-Force|\s{1,4}-String){0,3})"
                r"\s{1,4}['\"]([^'\"\n\xff]{3,})['\"]"
            ),
            score=0.9,
            trigger=r"(?i)ConvertTo-SecureString",
            cut=whole(_is_quoted),
            is_bounded=False,
        ),
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"\B--?(?i:[a-z0-9\-]{0,24}(?:password|passwd|passphrase|pass|pwd))(?: |=)"
                r"['\"]?([^\s'\"\-<][^\s'\"\xff]{2,})"
            ),
            score=0.8,
            trigger=r"-(?i:[a-z0-9\-]{0,24}(?:pass|pwd))",
            cut=whole(_is_quoted),
            is_bounded=False,
        ),
        PatternRule(
            entity=API_KEY,
            pattern=(
                r"\B--?(?i:[a-z0-9\-]{0,24}(?:token|secret|api-?key|access-?key|auth|key))(?: |=)"
                r"['\"]?([^\s'\"\-<][^\s'\"\xff]{7,})"
            ),
            score=0.8,
            trigger=r"-(?i:[a-z0-9\-]{0,24}(?:token|secret|key|auth))",
            cut=whole(_is_argument),
            is_bounded=False,
        ),
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"\b(?:mysql(?:dump|admin|import)?|mariadb|mongo(?:sh|dump)?|sshpass|redis-cli|ldapsearch"
                r"|7z|unzip|zip)\b[^\n|;&\xff]{0,120}?\s(?:-p ?|-P|-w |-a )['\"]?([^\s'\"\xff]{3,})"
            ),
            score=0.75,
            trigger=r"mysql|mariadb|mongo|sshpass|redis-cli|ldapsearch|7z|zip",
            cut=whole(_is_short),
            is_bounded=False,
        ),
    )


def _files() -> Sequence[PatternRule]:
    return (
        # .netrc
        PatternRule(
            entity=_PASSWORD,
            pattern=r"\blogin\s{1,4}\S{1,128}\s{1,8}password\s{1,4}([^\s\xff]{2,})",
            score=0.9,
            trigger=r"login\s",
            cut=whole(_is_quoted),
            is_bounded=False,
        ),
        # Lists of accounts
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"(?i:\b(?:id|user(?:name)?|login|account) ?[/|] ?(?:pw|pwd|pass(?:word)?))"
                r" ?[:=] ?[^\s/|\xff]{1,64} ?[/|] ?([^\s\xff]{4,})"
            ),
            score=0.85,
            trigger=r"(?i)[/|] ?(?:pw|pass)",
            cut=whole(_is_quoted),
            is_bounded=False,
        ),
        # .npmrc
        PatternRule(
            entity=API_KEY,
            pattern=(
                r"//[A-Za-z0-9.\-]{1,253}(?::\d{1,5})?/[^\s:\xff]{0,128}"
                r":_(?:authToken|auth|password) ?= ?\"?([^\s\"\xff]{8,})"
            ),
            score=0.9,
            trigger=r":_(?:auth|password)",
            cut=whole(_is_argument),
            is_bounded=False,
        ),
        # .pgpass, for the ports that PostgreSQL and what speaks its protocol use.
        PatternRule(
            entity=_PASSWORD,
            pattern=(
                r"(?:\b[A-Za-z0-9][A-Za-z0-9.\-]{0,252}|\*):(?:54\d\d|6432|6543|26257|\*)"
                r":[A-Za-z0-9_*\-]{1,63}:[A-Za-z0-9_*.@\-]{1,63}:([^\s\xff]{2,})"
            ),
            score=0.85,
            trigger=r":(?:54\d\d|6432|6543|26257|\*):",
            cut=whole(_is_quoted),
            is_bounded=False,
        ),
        # Kubernetes
        PatternRule(
            entity=_PASSWORD,
            pattern=r"(?i:\bkind:[ \t]{0,8}['\"]?secret['\"]?)[ \t]{0,40}\r?\n[^\xff]*",
            score=0.8,
            trigger=r"(?i)kind:[ \t]{0,8}['\"]?secret",
            cut=_cut_manifest,
            is_bounded=False,
        ),
    )


def _bare(text: bytes, *, is_quoted: bool) -> Value:
    return Value(text, is_quoted=is_quoted, is_env=False, is_loose=False, is_weak=False)


def _is_quoted(text: bytes) -> bool:
    return is_password(_bare(text, is_quoted=True))


def _is_short(text: bytes) -> bool:
    """Tell whether what follows a flag of one letter is a password, and not a port or a path."""
    return variety(text) > 1 and _is_quoted(text)


def _is_argument(text: bytes) -> bool:
    return is_key(_bare(text, is_quoted=True))


def _is_header(text: bytes) -> bool:
    has_padding = text.endswith(b"=") and len(text) >= _MIN_HEADER
    return not is_dummy(text) and (is_random(text) or has_padding)


def _cut_spoken(text: bytes) -> Sequence[tuple[int, int]]:
    """Keep what cannot be the next word of the sentence."""
    core = text.rstrip(b".,;:!?)")
    has_more = any(not character.isalpha() for character in core.decode("latin-1"))
    is_spoken = has_more and variety(core) > 1 and len(core) >= _MIN_SPOKEN and not is_dummy(core)
    return ((0, len(text.rstrip(b",;:"))),) if is_spoken else ()


def _cut_manifest(text: bytes) -> Sequence[tuple[int, int]]:
    """Keep the values of ``data``, in base 64, up to the end of the document."""
    document = text.partition(b"\n---")[0]
    start = document.find(b"\ndata:")
    if start < 0 or b"ENC[" in document:
        return ()
    end = re.compile(rb"\n(?=[A-Za-z])").search(document, start + 1)
    found = _DATA.finditer(document, start + 1, end.start() if end else len(document))
    return [match.span(1) for match in found]
