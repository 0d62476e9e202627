"""The JSON Schema of a policy file, for editors.

The schema helps while somebody types; it does not replace the checks of `read_policy`, which know
much more. This module knows what may stand where and what plugins offer.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from maskline.entities import Category
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Literals
from maskline.policy._masks import Offers

__all__ = ["policy_schema"]

Schema: TypeAlias = dict[str, Any]

_SPECIAL: Final = {
    FREE_TEXT: "Text in which sensitive values may stand among others.",
    JSON: "JSON documents, in which sensitive values may stand.",
    UNKNOWN: "What nobody has looked at.",
}
_PUBLIC: Final = {PUBLIC: "Nothing to protect."}
_CATEGORIES: Final[Mapping[str, str]] = {
    Category.PII: "Everything personal.",
    Category.PHI: "Everything about health.",
    Category.PCI: "Everything about payment cards.",
    Category.SECRET: "Everything that opens doors.",
}


def policy_schema(offers: Offers) -> Schema:
    """Return a JSON Schema, draft 2020-12.

    Args:
        offers: What the plugins offer: their entities, masks and sinks become choices.
    """
    entities = {
        name: f"{entity.title} ({entity.category})" for name, entity in offers.entities.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "maskline policy",
        "type": "object",
        "required": ["version"],
        "additionalProperties": False,
        "properties": {
            "version": {"description": "Of the format.", "const": 1},
            "plugins": {
                "description": "Installed plugins that may be loaded.",
                "type": "array",
                "items": {"type": "string"},
                "uniqueItems": True,
            },
            "keys": _KEYS,
            "sources": _map("The databases, by name.", _SOURCE),
            "entities": {
                **_map("Categories of one's own, by name.", _ENTITY),
                "propertyNames": {"pattern": _OWN_NAME},
            },
            "labels": _map("For each source, what its columns are.", _map("", _TABLE)),
            "masks": {
                "description": "What becomes of an entity or a category.",
                "type": "object",
                "propertyNames": {"$ref": "#/$defs/mentioned"},
                "additionalProperties": {"$ref": "#/$defs/mask"},
            },
            "rules": {
                "description": "Who sees what. The first rule that matches decides.",
                "type": "array",
                "items": _RULE,
            },
            "detection": _DETECTION,
            "limits": _LIMITS,
            "audit": _AUDIT,
            "sinks": _object(
                "Where the record of each read goes, besides the audit log.",
                {name: _options(_doc(kind)) for name, kind in offers.sinks.items()},
            ),
        },
        "$defs": {
            "label": _or_own(_enum("What a column is.", {**entities, **_SPECIAL, **_PUBLIC})),
            "mentioned": _or_own(
                _enum("", {**_CATEGORIES, **entities, **_SPECIAL}), but=tuple(_PUBLIC)
            ),
            "mask": _mask({name: _doc(masker) for name, masker in offers.maskers.items()}),
            "words": _words({"type": "string", "minLength": 1}),
        },
    }


def _described(description: str, schema: Schema) -> Schema:
    return {"description": description, **schema} if description else schema


def _object(description: str, properties: Mapping[str, Schema], **more: object) -> Schema:
    shape: Schema = {"type": "object", "additionalProperties": False}
    return _described(description, {**shape, "properties": dict(properties), **more})


def _map(description: str, values: Schema) -> Schema:
    return _described(description, {"type": ["object", "null"], "additionalProperties": values})


def _enum(description: str, names: Mapping[str, str]) -> Schema:
    return _described(
        description,
        {"enum": [str(name) for name in names], "enumDescriptions": list(names.values())},
    )


def _or_own(names: Schema, *, but: tuple[str, ...] = ()) -> Schema:
    """Let the policy's own entities stand, too: which there are, no schema can say."""
    own: Schema = {"type": "string", "pattern": _OWN_NAME}
    return {"anyOf": [names, own | {"not": {"enum": list(but)}} if but else own]}


def _words(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _options(description: str) -> Schema:
    scalar: Schema = {"type": ["string", "number", "boolean"]}
    return _map(description, scalar)


def _mask(names: Mapping[str, str]) -> Schema:
    # YAML takes the mask `null` for nothing, unless it stands in quotes.
    words: dict[str | None, str] = dict(names.items())
    words |= {None if name == "null" else name: text for name, text in names.items()}
    with_options = {name: _options(text) for name, text in names.items()}
    return {
        "anyOf": [
            {"enum": list(words), "enumDescriptions": list(words.values())},
            _object("", with_options, minProperties=1, maxProperties=1),
        ]
    }


def _doc(thing: object) -> str:
    """Return the first line of what the class of a plugin's object says about itself."""
    return next(iter((type(thing).__doc__ or "").strip().splitlines()), "")


def _one_of(*required: Iterable[str]) -> list[Schema]:
    return [{"required": list(names)} for names in required]


_KEYS: Final = _object(
    "Where the keys of tokens are.",
    {
        "file": {"description": "A keyring that only you may read.", "type": "string"},
        "env": {"description": "A variable that holds the keyring.", "type": "string"},
    },
    oneOf=_one_of(["file"], ["env"]),
)
_SOURCE: Final = _object(
    "",
    {
        "url": {
            "description": "Where the database is. ${NAME} is taken from the environment.",
            "type": "string",
        }
    },
    required=["url"],
)
_OWN_NAME: Final = "^[A-Z][A-Z0-9_]*$"
_ENTITY: Final = _object(
    "",
    {
        "names": _described(
            "What columns, keys and labels in text are called.", {"$ref": "#/$defs/words"}
        ),
        "pattern": _described(
            "What a value looks like, an expression of RE2.", {"$ref": "#/$defs/words"}
        ),
        "check": _enum(
            "What a value has to pass, too.",
            {"none": "Nothing.", "luhn": "The last digit checks the others, as in cards."},
        ),
        "category": _described(
            "Why it is sensitive.", {"enum": [str(name) for name in _CATEGORIES]}
        ),
        "mask": _described("What becomes of it.", {"$ref": "#/$defs/mask"}),
        "title": {"description": "For people to read.", "type": "string", "minLength": 1},
    },
    anyOf=[{"required": ["names"]}, {"required": ["pattern"]}],
)
_LABEL: Final[Schema] = {"$ref": "#/$defs/label"}
_TABLE: Final = _map(
    "Columns and what they are; for a column of JSON, paths and what stands there.",
    {"anyOf": [_LABEL, {"type": "object", "additionalProperties": _LABEL}]},
)
_WORDS: Final[Schema] = {"$ref": "#/$defs/words"}
_RULE: Final = _object(
    "",
    {
        "who": _object(
            "Whom the rule is about; nothing means everybody.",
            {
                "kind": _words({"enum": ["human", "service", "agent"]}),
                "id": _WORDS,
                "role": _WORDS,
            },
        ),
        "purpose": _described("One of these, or `required` for any.", _WORDS),
        "what": _described(
            "What the rule is about.",
            _words({"anyOf": [{"$ref": "#/$defs/mentioned"}, {"const": "*"}]}),
        ),
        "do": {
            "description": "What becomes of it.",
            "anyOf": [{"const": "deny"}, {"$ref": "#/$defs/mask"}],
        },
        "until": {"description": "The last day of the rule.", "type": "string", "format": "date"},
        "literals": _enum(
            "What becomes of a literal of the query that is compared with masked values.",
            {
                Literals.MASKED: "It stays what it is, and finds nothing that is masked.",
                Literals.LOOKUP: "The row of that value is found, and the audit log tells of it.",
                Literals.DENY: "The query is refused.",
            },
        ),
    },
    anyOf=[
        {"required": ["what", "do"]},
        {"required": ["what", "literals"]},
        {"required": ["purpose"], "properties": {"purpose": {"const": "required"}}},
    ],
    **{
        "if": {"required": ["literals"]},
        "then": {
            "required": ["what"],
            "properties": {"do": {"not": {"enum": ["reveal", "deny"]}}},
        },
    },
)
_DETECTION: Final = _object(
    "What is looked for in free text.",
    {
        "names": _enum(
            "Names of people, places, organisations and groups, and addresses.",
            {
                "balanced": "What a word speaks for, and is likely.",
                "recall": "Whatever may be one; much else is masked, too.",
                "off": "None: names in free text are shown to whoever sees the text.",
            },
        )
    },
)
_LIMITS: Final = _object(
    "How much one principal may have.",
    {
        "lookups_per_hour": {
            "description": "Literals that are looked up in one source, in one process.",
            "type": "integer",
            "minimum": 0,
        }
    },
)
_ANCHOR: Final[Schema] = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {"type": "object"},
}
_AUDIT: Final = _object(
    "Where it is written down who read what.",
    {
        "path": {"description": "A folder.", "type": "string"},
        "key": {"description": "The file of the key that signs it.", "type": "string"},
        "every": {
            "description": "A checkpoint is signed after so many records.",
            "type": "integer",
            "minimum": 1,
        },
        "anchors": {
            "description": "What checkpoints are copied to: files, folders, and other anchors.",
            **_words({"anyOf": [{"type": "string", "minLength": 1}, _ANCHOR]}),
        },
        "keep": {
            "description": "`maskline audit prune` removes records that are older, in days.",
            "type": "integer",
            "minimum": 1,
        },
        "on_failure": {
            "description": "What is done while the log cannot be written to.",
            "enum": ["refuse", "spool"],
        },
        "spool": {"description": "A folder where events wait meanwhile.", "type": "string"},
    },
)
