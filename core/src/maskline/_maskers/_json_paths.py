r"""Paths into JSON documents, as labels write them.

``$`` is the document, ``.name`` and ``['any name']`` a key, ``[0]`` an element and ``[*]`` every
element. In quotes, ``\'`` and ``\\`` stand for a quote and a backslash. This module does not know
documents or what stands at a path.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from maskline.errors import MaskingError

__all__ = [
    "Nodes",
    "PathNode",
    "Step",
    "entity_at",
    "follow",
    "parse_path",
    "plant",
    "with_steps",
]

Step: TypeAlias = str | int | None
"""A key, the index of an element, or None for every element."""

_STEP: Final = re.compile(
    r"""\.(?P<name>[\w-]+)
      | \[(?P<index>[0-9]{1,9})\]
      | \[(?P<every>\*)\]
      | \[(?P<quote>['"])(?P<quoted>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)\]""",
    re.VERBOSE | re.DOTALL,
)


def parse_path(path: str) -> tuple[Step, ...]:
    """Return the steps of a path.

    Raises:
        MaskingError: It is not a path. To leave it out would leave values unmasked.
    """
    steps: list[Step] = []
    position = 1
    while position < len(path) and (match := _STEP.match(path, position)):
        steps.append(_step(match))
        position = match.end()
    if not path.startswith("$") or position < len(path):
        msg = f"The JSON path {path} of a label cannot be read."
        raise MaskingError(msg, hint="Write $.name, $.list[*].name, $.list[0] or $['any name'].")
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["every"]:
        return None
    if match["index"]:
        return int(match["index"])
    return match["name"] or re.sub(r"\\(.)", r"\1", match["quoted"], flags=re.DOTALL)


@dataclass(slots=True, eq=False)
class PathNode:
    """A place in a tree of paths, equal to no other.

    Attributes:
        entity: What stands here; empty if no path ends here.
        children: Where each step leads.
    """

    entity: str = ""
    children: dict[Step, "PathNode"] = field(default_factory=dict)


Nodes: TypeAlias = tuple[PathNode, ...]
"""Where one part of a document stands in a tree: by ``[*]`` and by ``[0]``, for example."""


def entity_at(nodes: Nodes) -> str:
    """Return what stands at a place; empty if no path ends there."""
    return next((node.entity for node in nodes if node.entity), "")


def follow(nodes: Nodes, *steps: Step) -> Nodes:
    """Return where some steps lead, each by itself."""
    return tuple(node.children[step] for node in nodes for step in steps if step in node.children)


def with_steps(nodes: Nodes, *steps: Step) -> Nodes:
    """Return a place itself, and where some steps lead from there."""
    return nodes + follow(nodes, *steps)


def plant(paths: Iterable[tuple[str, str]]) -> PathNode:
    """Return the root of a tree of paths. Where one path is labelled twice, the first label holds.

    Raises:
        MaskingError: One of them is not a path.
    """
    root = PathNode()
    for path, entity in paths:
        node = root
        for step in parse_path(path):
            node = node.children.setdefault(step, PathNode())
        node.entity = node.entity or entity
    return root
