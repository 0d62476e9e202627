"""Writes policy files: a first one, and the labels that a scan found.

This module knows files. It never overrides what a person wrote, and whatever it cannot write
without doing so, it leaves to them.
"""

import codecs
import os
import re
import stat
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Final

from ruamel.yaml.nodes import MappingNode
from ruamel.yaml.nodes import Node as YamlNode

from maskline.errors import PolicyError
from maskline.model import ColumnRef, Label
from maskline.policy._compare import Drift, LabelDiff, compare
from maskline.policy._edit import Entry, Place, after_line, apply, block, grow, last_line, quote
from maskline.policy._labels import looks_like_path, read_labels, split_name
from maskline.policy._policy import fold
from maskline.policy._problems import Problems
from maskline.policy._read import broken, read_text
from maskline.policy._tree import Node, compose, parse
from maskline.policy._urls import hide_password

__all__ = ["Drift", "LabelDiff", "initial_policy", "write_labels"]

_Table = tuple[str, str]

_INITIAL: Final = Template("""\
# What columns are, what becomes of them, and who sees what.
version: 1

# Installed plugins that may be loaded. What comes with maskline is always there.
plugins: [$plugins]

# Tokens are made with these keys. `maskline keys create` writes the file; do not publish it.
keys: {file: keyring.json}

# A url may hold variables, such as $${PASSWORD}: no password belongs into this file.
sources:
  $name: {url: $url}

# What each column is. `maskline scan` proposes, a person reviews.
# A column without a label is masked.
labels: {}

# What becomes of an entity or a category. Where this says nothing, maskline's own choice holds: a
# token for what identifies, nothing at all of a secret. Such as:
#   EMAIL_ADDRESS: {token: {keep: domain}}
#   CREDIT_CARD: {partial: {last: 4}}
masks: {}

# Who sees what. The first rule that matches decides; without one, everything stays masked. Such as:
#   - {who: {role: fraud}, purpose: chargeback, what: CREDIT_CARD, do: reveal, until: 2027-01-31}
rules:
  # Programs that act on their own have to say why.
  - {who: {kind: agent}, purpose: required}

# Who read what. A read that cannot be recorded is refused.
audit: {path: audit, on_failure: refuse}
$sinks""")

_LINEAGE: Final = """
# Every read as an OpenLineage event with column lineage.
sinks:
  openlineage: {path: lineage.jsonl}
"""


def initial_policy(source_name: str, url: str, *, plugins: Collection[str] = ()) -> str:
    """Return the text of a first policy file, with comments for whoever edits it.

    Args:
        source_name: What the source shall be called.
        url: Where it is. In the place of a password, the text names a variable.
        plugins: The plugins that the policy may load. With ``openlineage`` it gets its sink.
    """
    variable = re.sub(r"[^A-Z0-9]", "_", f"{source_name.upper()}_PASSWORD")
    if variable[0].isdigit():
        variable = f"_{variable}"
    shown = hide_password(url, variable)
    return _INITIAL.substitute(
        name=quote(source_name),
        url=quote(shown, always=True),
        plugins=", ".join(sorted(plugins)),
        sinks=_LINEAGE if "openlineage" in plugins else "",
    )


def write_labels(  # noqa: PLR0913 - what a scan found, all of it by keyword
    path: str | Path,
    source: str,
    found: Mapping[ColumnRef, Label],
    *,
    unscanned: Collection[ColumnRef] = (),
    ignore_case: bool = False,
    dry_run: bool = False,
) -> LabelDiff:
    """Add labels to a policy for columns that have none.

    Every label, comment and blank line that is there stays, and so does the order.

    Args:
        path: The policy file. It is replaced at once or not at all.
        source: The name of the source.
        found: The columns that were looked at, with what they look like, in the order to write
            them.
        unscanned: The other columns of the database: that nothing was found is no reason to take
            them for gone.
        ignore_case: Whether the database takes ``Email`` and ``email`` for one name.
        dry_run: Whether to compare only.

    Returns:
        What was added, and what differs.

    Raises:
        PolicyError: The file is missing or holds mistakes where labels stand, or the labels cannot
            be added without changing anything else. The file is as it was.
    """
    path = Path(path)
    text = read_text(path)
    if not text.endswith("\n"):
        text += "\n"
    declared, rest = _read(path, text, source)
    diff = compare(declared, found, ignore_case=ignore_case, unscanned=unscanned)
    if not diff.added or dry_run:
        return diff
    tables: dict[_Table, list[tuple[str, Label]]] = {}
    for ref, label in diff.added:
        tables.setdefault((ref.schema, ref.relation), []).append((ref.column, label))
    text = _add(text, source, tables, ignore_case=ignore_case)
    _check(path, text, source, (declared, rest), diff)
    _replace(path, text)
    return diff


_Content = tuple[dict[ColumnRef, Label], object]


def _read(path: Path, text: str, source: str) -> _Content:
    """Return the labels of one source, and everything else that the file says."""
    problems = Problems()
    root = parse(text, problems)
    declared = []
    labels = root.get("labels") if root else None
    if labels and not labels.is_empty:
        if labels.entries is None:
            problems.add(labels, "This must be a mapping from sources to tables.")
        elif tables := labels.get(source):
            declared = read_labels(tables, None, problems)
    if len(problems) or root is None:
        raise broken(path, problems)
    return {one.ref: one.label for one in declared}, _without(root, source)


def _without(root: Node, source: str) -> object:
    """Return what the file says, but for the labels of a source."""
    content = {key: node.plain() for key, node in (root.entries or {}).items()}
    labels = content.get("labels")
    others = labels if isinstance(labels, dict) else {}
    return content | {"labels": {name: others[name] for name in others if name != source}}


def _check(path: Path, text: str, source: str, before: _Content, diff: LabelDiff) -> None:
    """Read the new text as if it had been written, and compare."""
    wanted = sorted((ref.column, label.entity, label.paths) for ref, label in diff.added)
    try:
        labels, rest = _read(path, text, source)
    except PolicyError:
        is_right = False
    else:
        new = {ref: label for ref, label in labels.items() if ref not in before[0]}
        got = sorted((ref.column, label.entity, label.paths) for ref, label in new.items())
        kept = {ref: label for ref, label in labels.items() if ref in before[0]}
        is_right = (kept, rest, got) == (*before, wanted)
    if not is_right:
        msg = f"The labels cannot be added to {path.name} without changing anything else."
        raise PolicyError(
            msg, hint=f"Write `labels:` and `{source}:` on lines of their own, and try again."
        )


def _add(
    text: str, source: str, tables: Mapping[_Table, list[tuple[str, Label]]], *, ignore_case: bool
) -> str:
    """Return the text with labels added, to the tables that are there and as new tables."""
    there = _tables(text, source, ignore_case=ignore_case)
    edits = []
    new = []
    for table, columns in tables.items():
        entries = [_entry(column, label) for column, label in columns]
        key = _folded(table, ignore_case=ignore_case)
        if place := there.get(key) or there.get(("", key[1])):
            edits += grow(text, place, entries)
        else:
            name = ".".join(map(_quote_part, table))
            new.append(Entry(key=name, value=tuple(entries)))
    text = apply(text, edits)
    if not new:
        return text
    # Looked up anew, for everything may stand somewhere else by now.
    labels = _find(text, "labels")
    if labels is None:
        line = _labels_line(text)
        entry = Entry(key=source, value=tuple(new))
        return apply(text, [(line, line, f"\n{block([Entry(key='labels', value=(entry,))])}")])
    place = _find(text, "labels", source)
    if place is None:
        return apply(text, grow(text, labels, [Entry(key=source, value=tuple(new))]))
    return apply(text, grow(text, place, new))


def _tables(text: str, source: str, *, ignore_case: bool) -> dict[_Table, Place]:
    """Return where the tables of a source stand."""
    place = _find(text, "labels", source)
    found: dict[_Table, Place] = {}
    if place is None or not isinstance(place.value, MappingNode):
        return found
    for key, value in place.value.value:
        name = split_name(key.value)
        if isinstance(value, MappingNode) and any(looks_like_path(k.value) for k, _ in value.value):
            continue
        schema, relation = name if len(name) == 2 else ("", *name)  # noqa: PLR2004 - schema, table
        where = Place(key=key, value=value, is_block=not place.value.flow_style)
        found[_folded((schema, relation), ignore_case=ignore_case)] = where
    return found


def _folded(table: _Table, *, ignore_case: bool) -> _Table:
    return (fold(table[0]), fold(table[1])) if ignore_case else table


def _find(text: str, *path: str) -> Place | None:
    """Follow keys from the root; None if one is not there."""
    node: YamlNode | None = compose(text, Problems())
    place = None
    for step in path:
        if not isinstance(node, MappingNode):
            return None
        pairs = [pair for pair in node.value if pair[0].value == step]
        if not pairs:
            return None
        is_block = not node.flow_style
        ((key, node),) = pairs
        place = Place(key=key, value=node, is_block=is_block)
    return place


def _labels_line(text: str) -> int:
    """Return where a section of labels may begin: after the sources, else at the end."""
    sources = _find(text, "sources")
    if sources is None:
        return len(text)
    return after_line(text, last_line(sources.value, sources.key))


def _entry(column: str, label: Label) -> Entry:
    evidence = " ".join(label.evidence.split())
    comment = f"{label.confidence:.2f} {evidence}".rstrip()
    if not label.paths:
        return Entry(key=column, value=label.entity, comment=comment)
    paths = tuple(Entry(key=path, value=entity) for path, entity in label.paths)
    return Entry(key=column, value=paths, comment=comment)


def _quote_part(part: str) -> str:
    if part and not {".", '"'} & set(part):
        return part
    return '"' + part.replace('"', '""') + '"'


def _replace(path: Path, text: str) -> None:
    """Write a file beside the old one and put it in its place, with its permissions."""
    target = path.resolve()
    old = target.read_bytes()
    newline = "\r\n" if b"\r\n" in old else "\n"
    encoding = "utf-8-sig" if old.startswith(codecs.BOM_UTF8) else "utf-8"
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline=newline) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(stat.S_IMODE(target.stat().st_mode))
        fresh.replace(target)
    except OSError as error:
        culprit = type(error).__name__
    else:
        return
    with suppress(OSError):
        fresh.unlink()
    msg = f"{path.name} cannot be written: {culprit}."
    raise PolicyError(msg)
