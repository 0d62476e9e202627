"""The parts of a policy file, as pydantic checks them, and pydantic's complaints in our words.

This module knows pydantic and the shape of the file. It does not know which entities, maskers,
sinks or sources there are. No message quotes what the file says.
"""

from datetime import date
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from maskline.policy._problems import Place, Problems, choices
from maskline.policy._tree import Node

__all__ = [
    "SECTIONS",
    "AuditPart",
    "DetectionPart",
    "EntityPart",
    "KeysPart",
    "LimitsPart",
    "RulePart",
    "SourcePart",
    "WhoPart",
    "check_part",
    "check_text",
]

SECTIONS: Final = (
    "version",
    "plugins",
    "keys",
    "sources",
    "entities",
    "detection",
    "labels",
    "masks",
    "rules",
    "limits",
    "audit",
    "sinks",
)


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
TextOrList = Annotated[list[Text], BeforeValidator(_as_list), Field(min_length=1)]
Kind = Literal["human", "service", "agent"]


class _Part(BaseModel):
    # Nothing has the default None: a key that is there and says nothing is a mistake, for a rule
    # with an empty `purpose:` must not become a rule for every purpose.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class KeysPart(_Part):
    """Where the keys are: exactly one of the two."""

    file: Text = ""
    env: Text = ""


class SourcePart(_Part):
    """Where a database is."""

    url: Text = Field(repr=False)


class WhoPart(_Part):
    """Whom a rule is about. Empty is everybody."""

    kind: Annotated[list[Kind], BeforeValidator(_as_list), Field(min_length=1)] = []
    id: TextOrList = []
    role: TextOrList = []


class EntityPart(_Part):
    """A category of one's own. What stands in *pattern* and *mask* is checked elsewhere."""

    names: TextOrList = []
    pattern: TextOrList = []
    category: Literal["PII", "PHI", "PCI", "SECRET"] = "PII"
    title: Text = ""
    check: Literal["none", "luhn"] = "none"
    mask: Any = None


class RulePart(_Part):
    """A rule. What stands in *what* and *do* is checked elsewhere, name by name."""

    who: WhoPart = WhoPart()
    purpose: TextOrList = []
    what: TextOrList = []
    do: Any = None
    until: Annotated[date, Field(strict=False)] = date.max
    literals: Literal["masked", "lookup", "deny"] = "masked"


class DetectionPart(_Part):
    """What is looked for in text that nobody has described."""

    names: Literal["balanced", "recall", "off"] = "balanced"


class LimitsPart(_Part):
    """How much of something one principal may have."""

    lookups_per_hour: Annotated[int, Field(ge=0)] = 60


class AuditPart(_Part):
    """Where the audit log is, and who signs it."""

    path: Text = "audit"
    key: Text = ""
    every: Annotated[int, Field(gt=0)] = 100
    anchors: Annotated[list[Any], BeforeValidator(_as_list), Field(min_length=1)] = []
    keep: Annotated[int, Field(gt=0)] | None = None
    on_failure: Literal["refuse", "spool"] = "refuse"
    spool: Text = ""


_Model = TypeVar("_Model", bound=_Part)

_MESSAGES: Final = {
    "date_from_datetime_inexact": "This must be a date, such as 2027-01-31.",
    "date_from_datetime_parsing": "This must be a date, such as 2027-01-31.",
    "date_type": "This must be a date, such as 2027-01-31.",
    "greater_than": "This must be a whole number, 1 or more.",
    "greater_than_equal": "This must be a whole number, 0 or more.",
    "int_type": "This must be a whole number, 0 or more.",
    "model_type": "This must be a mapping, such as `{key: value}`.",
    "string_pattern_mismatch": "This must not be empty.",
    "string_too_short": "This must not be empty.",
    "string_type": "This must be text.",
    "too_short": "This list must not be empty.",
}


def check_part(model: type[_Model], node: Node, problems: Problems) -> _Model | None:
    """Check the shape of a part.

    Args:
        model: What it should be.
        node: What the file says. Nothing written counts as an empty mapping.
        problems: Receives every mistake.

    Returns:
        The part; None if anything is wrong with it.
    """
    try:
        return model.model_validate({} if node.is_empty else node.plain())
    except ValidationError as error:
        details = [
            (detail["type"], detail["loc"], detail.get("ctx", {}))
            for detail in error.errors(include_url=False, include_input=False)
        ]
    for kind, path, context in details:
        place, key, parent = _find(node, path)
        if kind == "extra_forbidden":
            valid = WhoPart.model_fields if path[0] == "who" else model.model_fields
            problems.add(place, "There is no such key.", choices(key, valid))
        elif kind == "missing":
            problems.add(parent, f"`{key}` is missing.")
        elif kind == "literal_error":
            problems.add(place, "This is not one of the choices.", f"Write {context['expected']}.")
        else:
            problems.add(place, _MESSAGES.get(kind, "This value cannot stand here."))
    return None


def check_text(node: Node, problems: Problems) -> str:
    """Return the text of a scalar; empty, with a problem, if it is anything else."""
    if isinstance(node.value, str) and node.value.strip():
        return node.value
    problems.add(node, "This must be text.")
    return ""


def _find(node: Node, path: tuple[int | str, ...]) -> tuple[Place, str, Node]:
    """Find what pydantic complains about: its place, its key, and the mapping it stands in."""
    place: Place = node
    key = ""
    parent = node
    for step in path:
        parent = node
        key = str(step)
        if isinstance(step, str) and node.entries is not None:
            place = node.at_key(step)
            if (found := node.entries.get(step)) is None:
                break
            node = found
        elif isinstance(step, int) and node.items is not None:
            node = node.items[step]
        # Else the step is into a list of one, which the file writes as a scalar.
        place = node
    return place, key, parent
