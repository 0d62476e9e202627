"""How a masked value reads to people, on a terminal and on a page.

This module knows strings and what Arrow makes of values in Python. It does not know results, rich
or HTML.
"""

import re
import unicodedata
from typing import Final

from maskline.model import OutputColumn

__all__ = ["cell_text", "grouped", "is_numeric", "method_of", "type_name", "visible"]

_LONGEST: Final = 400
_NAMES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NUMERIC: Final = ("int", "uint", "float", "double", "halffloat", "decimal")
_TYPES: Final = {
    "string": "text",
    "large_string": "text",
    "string_view": "text",
    "double": "float64",
    "float": "float32",
    "date32[day]": "date",
    "timestamp[us]": "timestamp",
    "binary": "bytes",
}
_DECIMAL: Final = re.compile(r"^decimal\d+\(")
_REMOVING: Final = frozenset({"aggregate", "redact", "null"})


def visible(text: str) -> str:
    r"""Return a text with everything that is not to be seen written out, such as ``\x1b``.

    Control characters command terminals, and marks of direction make text read as another one.
    """
    if text.isprintable():
        return text
    return "".join(c if _is_seen(c) else _NAMES.get(c) or _escape(c) for c in text)


def _is_seen(character: str) -> bool:
    # Spaces that do not break, and the like, are as harmless as spaces.
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    number = ord(character)
    if number.bit_length() > 16:  # noqa: PLR2004 - what \\u can write
        return f"\\U{number:08x}"
    return f"\\x{number:02x}" if number.bit_length() <= 8 else f"\\u{number:04x}"  # noqa: PLR2004


def cell_text(value: object) -> str:
    """Return one line for a value that is not null; empty for an empty text.

    A very long value is cut, and ends in ``…``.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
    return visible(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def grouped(number: int) -> str:
    """Return a number with its thousands apart, such as ``25 000``; the spaces do not break."""
    return f"{number:,}".replace(",", "\u202f")


def is_numeric(arrow_type: str) -> bool:
    """Whether values of an Arrow type are numbers, and stand to the right."""
    return arrow_type.startswith(_NUMERIC)


def type_name(arrow_type: str) -> str:
    """Return a short name of an Arrow type for people, such as ``text``."""
    return _TYPES.get(arrow_type) or visible(_DECIMAL.sub("decimal(", arrow_type))


def method_of(output: OutputColumn) -> str:
    """Return what was done to a column, in one word; empty where there was nothing to do.

    ``revealed`` stands for a sensitive column that whoever asks may see.
    """
    if output.mask is None:
        return "revealed" if output.rule else ""
    return "removed" if output.mask.name in _REMOVING else output.mask.name
