r"""Secrets by the name before them: ``password = ...``, ``IDENTIFIED BY '...'``, ``Bearer ...``.

A name is not enough: code is full of ``token = get_token()``. Whether a value is a secret is told
in ``_values.py``; this module knows how names and values are written beside each other.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from maskline.patterns import Cut, PatternDetector, PatternRule
from maskline_secrets._checks import is_dummy, variety
from maskline_secrets._contexts import context_rules
from maskline_secrets._formats import API_KEY, kinds
from maskline_secrets._values import Value, is_key, is_password

__all__ = ["assignment_detector"]

_PASSWORD: Final = "PASSWORD"  # noqa: S105 - the name of an entity


def _spelt(words: str) -> str:
    """Spell words for an expression that is matched against UTF-8 bytes."""
    return "|".join("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words.split())


_LOGIN: Final = (
    r"(?:(?i:pass(?:word|wd|phrase|code|wort)|kennwort|contrasena|mot_?de_?passe|senha|wachtwoord"
    r"|losenord|salasana|adgangskode|heslo|sifre|userpw|bindpw|rootpw|mysql_pwd|masterauth"
    r"|requirepass)"
    rf"|(?i:{_spelt('contraseña hasło lösenord jelszó şifre')})"
    rf"|{_spelt('пароль Пароль 密码 密碼 口令 パスワード 비밀번호')}"
    r"|(?:\b|_)(?i:pass|pwd|pw|pswd|psw|mdp|haslo)|[a-z0-9](?:Pass|Pwd|Pw)|[A-Z]PASS)"
)
_STRONG: Final = (
    r"(?:secret|token|api[_.\- ]?key|access[_.\- ]?key|auth[_.\- ]?key|private[_.\- ]?key"
    r"|encryption[_.\- ]?key|signing[_.\- ]?key|account[_.\- ]?key|app[_.\- ]?key|master[_.\- ]?key"
    r"|service[_.\- ]?key|shared[_.\- ]?key|session[_.\- ]?key|hmac[_.\- ]?key"
    r"|credentials?|creds|authorization|schl(?:\xc3\xbc|ue)ssel)"
)
_WEAK: Final = r"(?i:[_.\-](?:key|auth|salt|nonce)|\b(?:key|auth|salt|nonce))(?:\b|_)|[a-z0-9]Key\b"
# Names that begin so are read first, and hold no secret.
_OPEN: Final = (
    r"(?:public|csrf|xsrf|foreign|primary|partition|sort|cache|bucket|kms|idempotency|issuer|object"
    r"|schema|sequence|page|next|continuation|cursor|max|min|num|total|prompt|completion|input"
    r"|output|translation)[_.\- ]?(?:key|token)"
)
_KEY: Final = rf"(?:(?i:{_OPEN}|{_STRONG})|{_WEAK})"
# A name inside of an attribute, as in ``<add key="ApiKey" value="..."/>``.
_ATTRIBUTE: Final = r"(?:(?i:key|name)=['\"][A-Za-z0-9_.:\-]{0,24}?)?"
_NAME_END: Final = r"[A-Za-z0-9_.\-]{0,32}"
_IS: Final = (
    r"(?:(?:\\?['\"`]|[\])]){0,2}"
    r"(?:(?: ?string|\[\d{0,4}\])?[ \t]{0,8}"
    r"(?:[.?!+|:]{0,3}={1,3}>?|:{1,3}|<-|[,(]|>\s{0,8})[ \t]{0,8}"
    r"|\s{1,4}(?i:value)[ ]?=[ ]?|[ ]{1,4}))"
)
_SCHEME: Final = r"(?i:(?:bearer|basic|token|api-token|apikey|api-key)[ ])?"
_QUOTED: Final = (
    r"(?:[A-Za-z]{0,2}|@)(?:\"[^\"\n\xff]{3,}\"|'[^'\n\xff]{3,}'|`[^`\n\xff]{3,}`"
    r"|\\\"[^\"\\\n\xff]{3,}\\\"|\\'[^'\\\n\xff]{3,}\\')"
)
_VALUE: Final = rf"(?:{_QUOTED}|[^\s'\"`<\xff]{{3,}})"

_ABOUT: Final = re.compile(
    rb"(?i)(?:ids?|names?|path|files?|dir|ur[li]|endpoint|host|types?|kind|size|len(?:gth)?|count|number"
    rb"|expir\w*|expires?(?:_?-?(?:in|at))?|ttl|timeout|_at|date|version|format|alias|arn|label|fields?"
    rb"|column|headers?|prompt|hint|policy|regex|pattern|class|errors?|message|limit|usage|status|index"
    rb"|prefix|suffix|mode|algorithm|enabled|required|provider|manager|scopes?|selector|placeholder"
    rb"|title)"
)
_ABOUT_KEY: Final = re.compile(
    rb"(?i)(?:hash|sha|md|digest|checksum|fingerprint|tokens|pressed|code|chars|str)"
)
_NAME_PARTS: Final = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ENDS: Final = re.compile(
    rb"[&;,](?=[A-Za-z_][\w.\- ]{0,32}[=:])|;(?=\s|$)|\\[nrt](?=[A-Z_a-z]+=|$|\W)"
)
_CLOSED: Final = ((b")", b"("), (b"]", b"["), (b"}", b"{"))


def assignment_detector() -> PatternDetector:
    """Return a detector of secrets by the name before them."""
    rules = [
        *_named(_PASSWORD, _LOGIN, score=0.75, check=_is_password),
        *_named(API_KEY, _KEY, score=0.7, check=_is_key),
        _by_vendor(),
        *context_rules(),
    ]
    return PatternDetector("secrets_assignments", rules)


def _named(
    entity: str, names: str, *, score: float, check: Callable[[bytes, Value], bool]
) -> Sequence[PatternRule]:
    """Make rules for what is assigned to a name, and for what is compared with one."""
    reverse = r"(?:\"[^\"\n\xff]{3,}\"|'[^'\n\xff]{3,}') ?[=!]={1,2} ?[A-Za-z0-9_.]{0,32}?" + names
    return (
        PatternRule(
            entity=entity,
            pattern=_ATTRIBUTE + names + _NAME_END + _IS + _SCHEME + _VALUE,
            score=score,
            trigger=names,
            cut=_cut_assigned(names, check),
            is_bounded=False,
        ),
        PatternRule(
            entity=entity,
            pattern=reverse,
            score=score,
            trigger=r"['\"] ?[=!]=",
            cut=_cut_compared(check),
            is_bounded=False,
        ),
    )


def _cut_assigned(names: str, check: Callable[[bytes, Value], bool]) -> Cut:
    parts = re.compile(
        f"({_ATTRIBUTE}{names}{_NAME_END})({_IS}{_SCHEME})({_VALUE})".encode("ascii")
    )

    def cut(match: bytes) -> Sequence[tuple[int, int]]:
        found = parts.fullmatch(match)
        if found is None:
            return ()
        value, start = _value(found)
        return ((start, start + len(value.text)),) if check(found[1], value) else ()

    return cut


def _cut_compared(check: Callable[[bytes, Value], bool]) -> Cut:
    def cut(match: bytes) -> Sequence[tuple[int, int]]:
        text = match[1 : match.rindex(match[:1], 1, match.rindex(b"="))]
        value = Value(text, is_quoted=True, is_env=False, is_loose=False, is_weak=False)
        return ((1, 1 + len(text)),) if check(b"", value) else ()

    return cut


_IS_STRONG: Final = re.compile(f"(?i){_STRONG}".encode("ascii"))
_IS_OPEN: Final = re.compile(f"(?i){_OPEN}".encode("ascii"))


def _by_vendor() -> PatternRule:
    """Make the rule for the kinds that have a shape beside their vendor's name only."""
    shapes: dict[bytes, list[re.Pattern[bytes]]] = {}
    for kind in kinds():
        for word in kind.near:
            shapes.setdefault(word.encode(), []).append(re.compile(kind.shape.encode()))
    spellings = {spelling for word in shapes for spelling in _spellings(word.decode())}
    words = "|".join(sorted(spellings, key=len, reverse=True))
    names = rf"(?:\b|_)(?:{words})"

    def is_one(name: bytes, value: Value) -> bool:
        near = [shape for word, own in shapes.items() if word in name.lower() for shape in own]
        return any(shape.fullmatch(value.text) for shape in near) and not is_dummy(value.text)

    return PatternRule(
        entity=API_KEY,
        pattern=names + _NAME_END + _IS + _SCHEME + _VALUE,
        score=0.85,
        trigger=words,
        cut=_cut_assigned(names, is_one),
        is_bounded=False,
    )


def _spellings(word: str) -> Sequence[str]:
    """Return a word as code spells it. Any capital would not do: ``sumOf`` is not of *sumo*."""
    return (word, word.capitalize(), word.title(), word.upper())


def _is_password(name: bytes, value: Value) -> bool:
    return not _is_about(name, _ABOUT) and is_password(value)


def _is_key(name: bytes, value: Value) -> bool:
    is_open = _IS_OPEN.match(name) or _is_about(name, _ABOUT) or _is_about(name, _ABOUT_KEY)
    return not is_open and is_key(value)


def _is_about(name: bytes, last: re.Pattern[bytes]) -> bool:
    """Tell whether a name is of something about a secret: ``token_type``, ``passwordField``."""
    words = _NAME_PARTS.findall(name)
    return len(words) > 1 and last.fullmatch(words[-1]) is not None


def _value(found: re.Match[bytes]) -> tuple[Value, int]:
    """Return the value of an assignment, and where in the match it starts."""
    name, between, raw = found.groups()
    quote = _opening(raw)
    text, start = raw, found.start(3)
    if quote:
        skip = raw.index(quote) + len(quote)
        text, start = raw[skip : -len(quote)], start + skip
    else:
        text = _end(raw)
    sign = between.strip(b" \t\r\n'\"`)]\\")
    is_element = sign[-1:] == b">" and text[:1] not in {b"[", b"(", b"@", b"?"}
    value = Value(
        text,
        is_quoted=bool(quote) or is_element,
        is_env=sign == b"=" and between == b"=" and name.upper() == name,
        is_loose=sign[-1:] in {b",", b"("} or not (sign or _is_plain(text, quote)),
        is_weak=_IS_STRONG.search(name) is None,
    )
    return value, start


def _is_plain(text: bytes, quote: bytes) -> bool:
    """Tell whether quotes after a name hold a value, and not a piece of code or of a sentence."""
    return quote in {b'"', b"'"} and variety(text) > 1 and not re.search(rb"[=\s]", text)


def _opening(raw: bytes) -> bytes:
    """Return the quote that a value stands in, with the backslash before it; empty if none."""
    last = raw[-1:]
    if last not in {b'"', b"'", b"`"}:
        return b""
    return raw[-2:] if raw[-2:-1] == b"\\" and b"\\" + last in raw[:4] else last


def _end(raw: bytes) -> bytes:
    """Cut off what is not of a value without quotes: what closes a list, the next parameter."""
    found = _ENDS.search(raw, 1)
    text = (raw[: found.start()] if found else raw).rstrip(b",;")
    for closing, opening in _CLOSED * 2:
        surplus = text.count(closing) - text.count(opening)
        tail = len(text) - len(text.rstrip(closing))
        text = text[: len(text) - max(0, min(surplus, tail))].rstrip(b",;")
    return text
