"""Tokens: what stands in for a value, equal for equal values, and of no use without the key."""

from ._shapes import TOKEN_REGEX, is_token_text
from .ff1 import NumberCipher
from .formats import DomainTokenizer
from .keyring import ENVIRONMENT_VARIABLE, Fingerprint, KeyPlace, Keyring
from .prf import HmacPads

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "TOKEN_REGEX",
    "DomainTokenizer",
    "Fingerprint",
    "HmacPads",
    "KeyPlace",
    "Keyring",
    "NumberCipher",
    "is_token_text",
]
