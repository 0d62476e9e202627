"""Write the golden vectors of tokens: ``python tools/make_token_vectors.py [--check]``.

This is a second implementation of ``docs/reference/tokens.md``, slow and plain, with Python's own
library only. It shares no code with maskline, so that the two can prove each other wrong.
"""

import hashlib
import hmac
import json
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TARGET: Final = Path(__file__).parents[1] / "tests/vectors/tokens-v1.json"

# Public test keys: 00 01 02 ... 1f, and the same backwards.
MASTER_KEYS: Final = {1: bytes(range(32)), 2: bytes(reversed(range(32)))}

# tenant, domain, version of the master key, slug
MAIN: Final = ("default", "EMAIL_ADDRESS", 1, "email")
OTHERS: Final = [
    ("default", "EMAIL_ADDRESS", 2, "email"),
    ("acme-eu", "EMAIL_ADDRESS", 1, "email"),
    ("default", "PERSON", 1, "person"),
    ("default", "US_SSN", 1, "x"),
    ("default", "shop.customer:id-2", 2, "abcdefghijklmno6"),
]

TEXTS: Final = [
    *(
        "",
        " ",
        "  ",
        "a",
        "A",
        "0",
        "42",
        "NULL",
        "null",
        "\t",
        "\n",
        "a\n",
        "\r\n",
        "a b",
        " a b ",
    ),
    *("it's", 'say "hi"', "back\\slash", "$1", "%s", "{}", "--", "/* */", "; DROP TABLE t", "\x7f"),
    # Two spellings of one letter, which canonical form v1 keeps apart; case beyond ASCII.
    *("caf\u00e9", "cafe\u0301", "\u0130stanbul", "stra\u00dfe", "STRASSE", "\u03a3\u03c2\u03c3"),
    *("\u4e2d\u6587", "\u05e9\u05dc\u05d5\u05dd", "\U0001f600", "\u00a0", "\u200b", "\ufeffa"),
    *("\U0010ffff", "\ue000", "\u202eabc"),
    # One byte less and more than what fits into one block and into two.
    *("b" * 55, "b" * 56, "b" * 63, "b" * 64, "b" * 65, "b" * 119, "b" * 120, "0123456789" * 100),
    *("536-90-4399", "4111 1111 1111 1111", "+1 202-555-0147", "Ada Lovelace"),
]
EMAILS: Final = [
    *("ada@example.com", "Ada@example.com", "ada@EXAMPLE.com", "ada+tag@mail.example.co.uk"),
    *("a@b.co", "a@b.c", "a@1.co", "a@x--y.com", '"a b"@example.com', "a b@example.com"),
    *(" ada@example.com", "ada@example.com ", "ada@example.com\n", "a\n@example.com", "a@b.com."),
    *("@example.com", "ada@", "@", "a@@b.com", "a@b@c.com", "ada@localhost", "ada@127.0.0.1"),
    *("ada@[127.0.0.1]", "ada@-b.com", "ada@b-.com", "ada@b..com", "ada@.b.com", "ada@ex_am.com"),
    *("ada@exa mple.com", "Ada <ada@example.com>", "ada@example.c0m", "ada@4111111111111111"),
    *("ada@m\u00fcnchen.de", "ada@xn--mnchen-3ya.de", "ada@b.xn--p1ai", "ada@b.XN--P1AI"),
    *("ada@b.xn--", "ada@b.xn--a-", "\u00e4d\u00e4@example.com", "ada@example.\u0441om"),
    *("ada@b." + "c" * 63, "ada@b." + "c" * 64, "l" * 70 + "@example.com"),
]
INTEGERS: Final = [
    *(
        0,
        1,
        -1,
        7,
        42,
        -42,
        255,
        256,
        10**6,
        -(10**6),
        2**31 - 1,
        2**31,
        -(2**31),
        2**53,
        2**53 + 1,
    ),
    *(2**60 - 1, 2**60, 2**63 - 1, -(2**63), -(2**63) + 1, 4111111111111111),
]
FEW_TEXTS: Final = ["", "42", "Ada Lovelace", "caf\u00e9", "ada@example.com", "b" * 64]
FEW_INTEGERS: Final = [0, -42, 2**63 - 1, -(2**63)]


def domain_key(tenant: str, domain: str, version: int) -> bytes:
    """Derive the key of a domain by RFC 5869, with an empty salt and one block of output."""
    info = f"maskline/v1/{tenant}/{domain}/{version}".encode()
    extracted = hmac.new(bytes(32), MASTER_KEYS[version], hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def text_token(key: bytes, slug: str, value: str) -> str:
    """Return what a text becomes."""
    if is_token(value):
        return value
    stem = f"{slug}_{hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:24]}"
    return stem + check(stem)


def email_token(key: bytes, slug: str, value: str) -> str:
    """Return what an e-mail address becomes if its domain is kept."""
    if is_token(value) or not is_address(value):
        return text_token(key, slug, value)
    return f"{text_token(key, slug, value)}@{value.split('@')[1]}"


def integer_token(key: bytes, value: int) -> int:
    """Return what a number becomes."""
    return int(hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest()[:15], 16)


def check(stem: str) -> str:
    """Return the eight digits that end a token."""
    return hashlib.sha256(stem.encode()).hexdigest()[:8]


def is_token(value: str) -> bool:
    """Whether a value is a token, or a token and a domain."""
    token, at, domain = value.partition("@")
    if at and not is_plausible(domain):
        return False
    has_shape = re.fullmatch("[a-z][a-z0-9]{0,15}_[0-9a-f]{32}", token) is not None
    return has_shape and check(token[:-8]) == token[-8:]


def is_address(value: str) -> bool:
    """Whether a value has a domain that may be kept."""
    local, _, domain = value.partition("@")
    return bool(local) and is_plausible(domain)


def is_plausible(domain: str) -> bool:
    """Whether a domain has two or more labels, and a word as its last one."""
    *labels, last = domain.split(".")
    if not labels or not all(is_label(label) for label in [*labels, last]):
        return False
    is_word = all(letter in string.ascii_letters for letter in last) and 2 <= len(last) <= 63  # noqa: PLR2004
    return is_word or (last.lower().startswith("xn--") and len(last) > len("xn--"))


def is_label(label: str) -> bool:
    """Whether a part of a domain is ASCII letters, digits and inner hyphens."""
    alphabet = string.ascii_letters + string.digits + "-"
    has_edges = not label.startswith("-") and not label.endswith("-")
    return bool(label) and has_edges and all(letter in alphabet for letter in label)


def known_tokens() -> list[str]:
    """Return tokens, and texts that only look like some."""
    key = domain_key("default", "PERSON", 1)
    right = text_token(key, "person", "Ada Lovelace")
    long_slug = text_token(key, "abcdefghijklmno6", "Ada Lovelace")
    wrong_check = right[:-2] + f"{int(right[-2:], 16) ^ 1:02x}"
    too_long = f"abcdefghijklmnop7_{'0' * 24}"
    upper_case = f"person_{'A' * 24}"
    digit_first = f"1a_{'0' * 24}"
    return [
        *(right, long_slug, f"{right}@example.com", f"{long_slug}@b.xn--p1ai"),
        *(wrong_check, f"{wrong_check}@example.com", too_long + check(too_long)),
        *(upper_case + check(upper_case), digit_first + check(digit_first)),
        *(f"{right}@localhost", f"{right}@", f"@{right}", f"{right}@b.com@b.com", f"x@{right}"),
        *(f"{right}\n", f" {right}", f"{right} {right}", right[:-1], f"{right}0", right.upper()),
    ]


def vectors() -> Iterator[dict[str, object]]:
    """Return every vector, in the order of the file."""
    texts = [*TEXTS, *EMAILS, *known_tokens()]
    for space in [MAIN, *OTHERS]:
        tenant, domain, version, slug = space
        key = domain_key(tenant, domain, version)
        where = {"tenant": tenant, "domain": domain, "version": version, "slug": slug}
        for text in texts if space == MAIN else FEW_TEXTS:
            yield {**where, "format": "text", "value": text, "token": text_token(key, slug, text)}
            yield {**where, "format": "email", "value": text, "token": email_token(key, slug, text)}
        for number in INTEGERS if space == MAIN else FEW_INTEGERS:
            token = str(integer_token(key, number))
            yield {**where, "format": "integer", "value": str(number), "token": token}


def domains() -> Iterator[dict[str, object]]:
    """Return the keys of every domain."""
    for tenant, domain, version, _ in [MAIN, *OTHERS]:
        key = domain_key(tenant, domain, version)
        block = key.ljust(64, b"\0")
        yield {
            "tenant": tenant,
            "domain": domain,
            "version": version,
            "key": key.hex(),
            "inner_pad": bytes(byte ^ 0x36 for byte in block).hex(),
            "outer_pad": bytes(byte ^ 0x5C for byte in block).hex(),
        }


def render() -> str:
    """Return the file: JSON with one vector a line, in ASCII."""
    head = {
        "specification": "docs/reference/tokens.md, version 1",
        "warning": "These keys are public. They protect nothing.",
        "master_keys": {str(version): key.hex() for version, key in MASTER_KEYS.items()},
    }
    lists = {"domains": list(domains()), "vectors": list(vectors())}
    parts = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    for name, items in lists.items():
        lines = ",\n".join(f"    {json.dumps(item)}" for item in items)
        parts.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Write the file, or with ``--check`` say whether it is as it would be written."""
    text = render()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} differs from what tools/make_token_vectors.py writes.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
