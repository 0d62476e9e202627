"""Adds entries to the mappings of a YAML text, and leaves every other character as it is.

ruamel.yaml can write a file back, but it moves the comments that follow a mapping when the mapping
grows, and indents lists its own way. A person who reviews a change wants to see the change only.
This module knows YAML's marks. It does not know what a policy is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.nodes import Node as YamlNode

__all__ = ["Edit", "Entry", "Place", "after_line", "apply", "block", "grow", "last_line", "quote"]

_PLAIN: Final = re.compile(r"[A-Za-z_$](?:[A-Za-z0-9_.$-]*[A-Za-z0-9_$-])?")
_COMMENT: Final = re.compile("#.*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key with a word or with more entries, and a comment for the end of the line."""

    key: str
    value: "str | tuple[Entry, ...]"
    comment: str = ""


Edit: TypeAlias = tuple[int, int, str]
"""From where to where in the text, and what shall stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A key and its value in ruamel's tree; *is_block* tells of the mapping they stand in."""

    key: YamlNode
    value: YamlNode
    is_block: bool


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with edits made. They do not overlap; those at one place keep their order."""
    pieces = []
    position = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[0]):
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position:]])


def grow(text: str, place: Place, entries: Sequence[Entry]) -> list[Edit]:
    """Return what adds entries to the mapping at a place.

    A mapping in braces on one line is opened, to make room for comments. One that spans lines, or
    stands in other braces, stays as it is and gets the entries without comments.
    """
    value = place.value
    if isinstance(value, MappingNode) and not value.flow_style:
        indent = value.value[0][0].start_mark.column
        at = after_line(text, last_line(value, place.key))
        return [(at, at, block(entries, indent))]
    mark = value.start_mark
    is_on_key_line = mark.line == value.end_mark.line == place.key.start_mark.line
    indent = place.key.start_mark.column + 2
    if isinstance(value, ScalarNode):
        at = after_line(text, place.key.end_mark.line)
        return [(at, at, block(entries, indent))]
    if place.is_block and is_on_key_line:
        old = "".join(
            f"{' ' * indent}{_slice(text, key)}: {_slice(text, item)}".rstrip() + "\n"
            for key, item in value.value
        )
        start = len(text[: mark.index].rstrip())
        at = after_line(text, mark.line)
        return [(start, value.end_mark.index, ""), (at, at, old + block(entries, indent))]
    at = value.end_mark.index - 1
    comma = ""
    if value.value:
        rest = text[value.value[-1][1].end_mark.index : at]
        comma = "" if "," in _COMMENT.sub("", rest) else ", "
    return [(at, at, comma + _flow(entries))]


def last_line(node: YamlNode, key: YamlNode) -> int:
    """Return the line, from 0, on which a value ends. A block's own mark is beyond its comments."""
    if isinstance(node, MappingNode) and not node.flow_style:
        last_key, last = node.value[-1]
        return last_line(last, last_key)
    if isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index:
        return int(key.end_mark.line)
    end = node.end_mark
    return int(end.line if end.column else end.line - 1)


def after_line(text: str, line: int) -> int:
    """Return where the line after a line begins. The text ends with a line break."""
    position = 0
    for _ in range(line + 1):
        position = text.index("\n", position) + 1
    return position


def _slice(text: str, node: YamlNode) -> str:
    return text[node.start_mark.index : node.end_mark.index]


def block(entries: Sequence[Entry], indent: int = 0) -> str:
    """Write entries on lines of their own."""
    lines = []
    for entry in entries:
        comment = f"  # {entry.comment}" if entry.comment else ""
        if isinstance(entry.value, str):
            lines.append(f"{' ' * indent}{quote(entry.key)}: {quote(entry.value)}{comment}\n")
        else:
            lines.append(f"{' ' * indent}{quote(entry.key)}:{comment}\n")
            lines.append(block(entry.value, indent + 2))
    return "".join(lines)


def _flow(entries: Sequence[Entry]) -> str:
    pieces = []
    for entry in entries:
        value = quote(entry.value) if isinstance(entry.value, str) else f"{{{_flow(entry.value)}}}"
        pieces.append(f"{quote(entry.key)}: {value}")
    return ", ".join(pieces)


def quote(text: str, *, always: bool = False) -> str:
    """Write a text so that YAML reads the same text."""
    if not always and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"
