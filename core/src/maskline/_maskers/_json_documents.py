"""Reads and writes JSON documents without changing what is not masked.

This module knows JSON. It does not know labels, paths or masks.
"""

import json
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["Node", "Number", "Object", "read", "write"]

_HALF_CHARACTER: Final = "\\ud"


class Number(str):
    """A number as the document spells it: to read it as a float could change it."""

    __slots__ = ()


@dataclass(slots=True)
class Object:
    """An object, in the order of the document."""

    keys: list[str]
    values: list["Node"]


Node: TypeAlias = Object | list["Node"] | str | bool | None


def read(text: str) -> list[Node] | None:
    """Return a document as the only element of a list, so that it has a place like any other node.

    None stands for a text that cannot be read in only one way: one that is no JSON, repeats a
    key, or holds half a character.
    """
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse,
        )
        if _HALF_CHARACTER in text.lower():
            write(document).encode()
    except (ValueError, RecursionError):
        return None
    return [document]


def _object(pairs: list[tuple[str, Node]]) -> Object:
    if len({key for key, _ in pairs}) < len(pairs):
        msg = "A key is repeated, so that readers disagree on what it holds."
        raise ValueError(msg)
    return Object([key for key, _ in pairs], [value for _, value in pairs])


def _refuse(_name: str) -> Node:
    msg = "JSON has no infinity, nor what is not a number."
    raise ValueError(msg)


def write(node: Node) -> str:
    """Return a document as text, without spaces between its parts."""
    if isinstance(node, Number):
        return str(node)
    if isinstance(node, list):
        return f"[{','.join(map(write, node))}]"
    if isinstance(node, Object):
        pairs = zip(_distinct(node.keys), node.values, strict=True)
        return f"{{{','.join(f'{write(key)}:{write(value)}' for key, value in pairs)}}}"
    return json.dumps(node, ensure_ascii=False)


def _distinct(keys: list[str]) -> list[str]:
    """Number the keys that have become equal, so that no reader drops their values."""
    distinct: dict[str, None] = {}
    for key in keys:
        name, number = key, 1
        while name in distinct:
            number += 1
            name = f"{key} {number}"
        distinct[name] = None
    return list(distinct)
