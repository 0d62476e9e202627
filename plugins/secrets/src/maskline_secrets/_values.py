"""Whether what is assigned to a telling name is a secret, or only speaks of one.

It knows how code, settings and people write values. It does not know vendors, nor how a name and
its value are found.
"""

import re
from typing import Final, NamedTuple

from maskline_secrets._checks import is_dummy, is_random, is_uuid, variety

__all__ = ["Value", "is_key", "is_password", "is_template"]

_MIN_PASSWORD: Final = 4
_MIN_KEY: Final = 8
_MIN_WEAK: Final = 16

# Words that stand where a password would, in quotes or without.
_NOTHING: Final = re.compile(
    rb"(?i)(?:null|nil|none|undefined|true|false|yes|no|on|off|str(?:ing)?|text|bytes|int|any|void"
    rb"|var|let|const|self|this|new|await|return|pass|required|optional|default|hidden|disabled|enabled"
    rb"|empty|unset|unknown|missing|invalid|incorrect|wrong|expired|n/?a|tbd|todo|fixme|xxx+|basic"
    rb"|bearer|digest|oauth2?|md5|sha\d*|bcrypt|plain(?:text)?|secure|credentials?|e?mail|name|value"
    rb"|user(?:_?name)?|login|auth(?:entication|orization)?|number|email_?address|json|file|env"
    rb"|the|a|an|is|was|has|must|should|may|can|will|cannot|not|and|or|of|for|with|from|to|in|it|your)"
)
# Names of what holds a secret, inside of a value: it is another name.
_NAMED: Final = re.compile(
    rb"(?i)pass(?:word|wd|phrase|code)|pwd|secret|token|api_?-?key|credential|_key\b|kennwort|passwort"
    rb"|contrase|mot de passe|senha|wachtwoord|has\xc5\x82o|parola|salasana|l\xc3\xb6senord|heslo"
    rb"|\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c|\xe5\xaf\x86\xe7\xa0\x81"
)
_TEMPLATE: Final = re.compile(
    rb"\$\{\{?[^{}]*\}?\}.*|\$\(.*|\$(?:[A-Z_][A-Z0-9_]*|[A-Za-z_]+|\d)|%[\w.-]+%|%\(?\w*\)?[sd]|\{\{?[^{}]*\}?\}|<[^<>]*>"
    rb"|\[[^\[\]]*\]|#\{[^{}]*\}|@\{?[A-Za-z_.]*\}?(?:/.*)?|@[A-Za-z_.]+@|__\w+__|<%.*%>"
    rb"|[*&][A-Za-z_-]+|!(?:vault|secret|env|encrypted|Ref|Sub|GetAtt|ImportValue)\b.*|.*%s.*|ENC(?:\[|\().*"
)
_SENTENCE: Final = re.compile(
    rb"(?i)\b(?:please|enter|your|must|should|invalid|forg[oe]t|required|confirm|incorrect|cannot"
    rb"|can't|the|is|not|choose|change|reset|new|this|for|to|of)\b"
)
_PATH: Final = re.compile(
    rb"(?:[a-z][a-z0-9+.-]*://|[A-Za-z]:[\\/]).*"
    rb"|(?:~|\.{1,2})?/(?:[a-z][a-z0-9_.\-]*/)*[a-z0-9_.\-]*"
    rb"|[\w.\-/\\]+\.(?:pem|crt|cer|key|json|ya?ml|txt|xml|properties|conf|cfg|ini|py|js|ts|java|go|rb"
    rb"|php|html?|css|md|log|db|sql|sh|exe|dll|so|jar|zip|gz|png|jpe?g|svg|gif|ico|p12|pfx|jks)"
)
_CALL: Final = re.compile(rb"[!&*({\[]*[A-Za-z_$@][\w.$:>\-!?\[\]]*[(\[].*", re.DOTALL)
_IDENTIFIER: Final = re.compile(
    rb"[*&!@$(\[{]*(?:[A-Za-z_][A-Za-z_]*|[A-Za-z_]\w*(?:(?:\.|->|::|\?\.)[A-Za-z_]\w*)+)[;,:)\]}]*"
)
_WORDS: Final = re.compile(rb"(?:[A-Za-z]+\d*|\d+)(?:[-_./: ](?:[A-Za-z]+\d*|\d+))*")
# What a minified program leaves behind a colon or a sign of equality.
_PROGRAM: Final = re.compile(
    rb"\)[{;,:})]|;\w|&&|\|\||=>|\w\([\w,.]*\)|\{\w+:|\.\w+=\w"
    rb"|[)}\]](?:return|function|var|let|else|void|case|break)"
)
_SPELT: Final = re.compile(rb"[A-Za-z0-9]")
_DIGIT: Final = re.compile(rb"\d")


class Value(NamedTuple):
    """A value as it stands in a text.

    Attributes:
        text: Without what encloses it.
        is_quoted: Whether quotes enclose it.
        is_env: Whether it is assigned as in a file of environment variables: ``NAME=value``.
        is_loose: Whether what stands between the name and it is not there to assign anything.
        is_weak: Whether the name says little, such as ``key``.
    """

    text: bytes
    is_quoted: bool
    is_env: bool
    is_loose: bool
    is_weak: bool


def is_password(value: Value) -> bool:
    """Tell whether a value is what people use as a password, or a machine made."""
    text = value.text
    if len(text) < _MIN_PASSWORD or _is_empty(text) or not _SPELT.search(text):
        return False
    if value.is_loose:
        return is_random(text)
    if not value.is_quoted:
        return _is_bare_secret(value)
    has_name = _NAMED.search(text) is not None
    return not (
        (has_name and variety(text) < len("aA1"))
        or (b" " in text and (has_name or _SENTENCE.search(text)))
        or _PATH.fullmatch(text)
    )


def is_key(value: Value) -> bool:
    """Tell whether a value is a key or a token: nothing that people would call a thing."""
    text = value.text
    if len(text) < _MIN_KEY or _is_empty(text) or _PATH.fullmatch(text):
        return False
    if b" " in text or _is_code(value):
        return False
    if value.is_weak:
        has_digits = len(_DIGIT.findall(text)) > 1
        return len(text) >= _MIN_WEAK and has_digits and is_random(text) and not is_uuid(text)
    if is_random(text) or is_uuid(text):
        return True
    has_kinds = _SPELT.search(text) is not None and variety(text) > 1
    return has_kinds and not value.is_loose and _WORDS.fullmatch(text) is None


def is_template(text: bytes) -> bool:
    """Tell whether a value is filled in later: ``${PASSWORD}``, ``{{ token }}``, ``<password>``."""
    return _TEMPLATE.fullmatch(text) is not None


def _is_empty(text: bytes) -> bool:
    return bool(_NOTHING.fullmatch(text)) or is_template(text) or is_dummy(text)


def _is_code(value: Value) -> bool:
    if value.is_quoted:
        return False
    text = value.text
    return any((_CALL.fullmatch(text), _IDENTIFIER.fullmatch(text), _PROGRAM.search(text)))


def _is_bare_secret(value: Value) -> bool:
    text = value.text
    if value.is_env and text.isalpha():
        return _NAMED.search(text) is None
    if _is_code(value) or _PATH.fullmatch(text):
        return False
    return variety(text) > 1 and (_NAMED.search(text) is None or variety(text) > len("aA"))
