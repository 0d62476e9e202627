"""Write the page of entities: ``python tools/make_entities_page.py [--check]``.

It says what ``entities.toml`` and ``identifiers.toml`` say, in the words of the documentation.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from maskline._detectors.identifiers import Form, forms
from maskline.entities import Entity, builtin_entities

TARGET: Final = Path(__file__).parents[1] / "docs/reference/entities.md"

HEAD: Final = """# Entities

An entity is a kind of sensitive data.
Its name is what `labels`, `masks` and `rules` of a [policy](policy.md) call it, and a policy may
[add categories of its own](../how-to/add-a-category.md).
Names are Presidio's where it has the entity.
`python tools/make_entities_page.py` writes this page.

*Mask* is what becomes of the entity unless a policy says otherwise.
*Of* is the wider entity that it is one of: a column that is merely called "passport" is a PASSPORT,
and its values tell whose.
*Looks like* is an invented example of each form that an identifier has.
A form with a check digit or with a check of its own has ✓ behind it.
One with ● is found in running text without a label beside it; the others are found where a label
or the name of a column says what they are, and in columns of values that nothing else looks like.
What has no example is no number: words, dates and addresses are found in ways of their own, and
some entities by the names of columns only.
"""


def page() -> str:
    """Return the page."""
    entities = builtin_entities()
    by_entity: dict[str, list[Form]] = defaultdict(list)
    for form in forms():
        by_entity[form.entity].append(form)
    of_all = [one for one in entities.values() if not one.country]
    of_one = sorted((one for one in entities.values() if one.country), key=lambda one: one.country)
    parts = [
        HEAD,
        "## Everywhere\n",
        *_table(of_all, by_entity),
        "\n## By country\n",
        *_table(of_one, by_entity),
        "\n## What they are called\n",
        "Columns, keys of JSON and labels in text are compared with these words.",
        "Case, accents, digits and the way words are joined do not matter.\n",
        *(f"- {one.name}: {', '.join(one.names)}." for one in entities.values()),
    ]
    return "\n".join(parts) + "\n"


def _table(entities: list[Entity], by_entity: dict[str, list[Form]]) -> Iterator[str]:
    yield "| entity | what it is | category | mask | regulations | of | looks like |"
    yield "|---|---|---|---|---|---|---|"
    for one in entities:
        examples = "<br>".join(_example(form) for form in by_entity[one.name])
        cells = (
            f"{one.name}" + (f" ({one.country})" if one.country else ""),
            one.title,
            one.category.value,
            one.mask,
            ", ".join(one.regulations),
            one.generic,
            examples,
        )
        yield f"| {' | '.join(cells)} |"


def _example(form: Form) -> str:
    marks = (" ✓" if form.check else "") + (" ●" if form.text_score else "")
    return f"`{form.example}`{marks}"


def main() -> int:
    """Write the page, or with ``--check`` say whether it is what it should be."""
    text = page()
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
