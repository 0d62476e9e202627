"""Reads a policy file, and reports every mistake in it at once.

Each section is read by itself, so that a mistake in one hides nothing in the others. This module
knows what may stand where. It is handed the means to load plugins, and knows none.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from maskline.entities import OwnEntity
from maskline.errors import PluginLoadError, PolicyError
from maskline.model import ColumnRef, Label, Mask, OptionValue
from maskline.policy._entities import read_entities
from maskline.policy._file import (
    SECTIONS,
    AuditPart,
    DetectionPart,
    LimitsPart,
    SourcePart,
    check_part,
    check_text,
)
from maskline.policy._keys import read_keys
from maskline.policy._labels import read_labels
from maskline.policy._masks import Checks, Offers
from maskline.policy._policy import Policy, SigningConfig, SourceConfig, resolve
from maskline.policy._problems import Problems, choices
from maskline.policy._rule_parts import read_rules
from maskline.policy._tree import Node, Spot, parse
from maskline.policy._urls import expand, without_credentials

__all__ = ["Plugins", "broken", "read_policy", "read_text"]

_OffersT = TypeVar("_OffersT", bound=Offers)


class Plugins(Protocol[_OffersT]):
    """The means to load plugins."""

    def find(self, name: str) -> None:
        """Import a plugin.

        Raises:
            PluginLoadError: It is not installed, or cannot be imported.
        """
        ...

    def load(self, names: Collection[str]) -> _OffersT:
        """Return what plugins that were found offer, together with what is built in."""
        ...

    def extend(self, offers: _OffersT, own: Sequence[OwnEntity]) -> _OffersT:
        """Return offers with a policy's own entities, which no plugin knows."""
        ...


def read_policy(path: Path, plugins: Plugins[_OffersT], *, strict: bool) -> tuple[Policy, _OffersT]:
    """Read a policy and load the plugins it names.

    Args:
        path: The file.
        plugins: The means to load plugins.
        strict: Whether a rule whose last day is over is a mistake.

    Raises:
        PolicyError: The file is missing or holds mistakes; *problems* has all of them.
        PluginError: A plugin breaks the contract of a hook, or what is built in cannot be loaded.
    """
    problems = Problems()
    root = parse(read_text(path), problems)
    if root is None:
        raise broken(path, problems)
    good, bad = _read_plugins(root, plugins, problems)
    offers = plugins.load(good)
    also = f"Or it comes with the plugin `{'` or `'.join(bad)}`." if bad else ""
    checks = Checks(offers=offers, problems=problems, also=also)
    own, masks = read_entities(root.get("entities"), checks)
    if own:
        offers = plugins.extend(offers, own)
        checks = replace(checks, offers=offers)
    reader = _Reader(path, root, checks, masks)
    policy = reader.read(good, expired_before=_today() if strict else date.min)
    if len(problems):
        raise broken(path, problems)
    return policy, offers


def read_text(path: Path) -> str:
    """Return the text of a policy file.

    Raises:
        PolicyError: There is none, or it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message, hint = "There is no such file.", "`maskline init` writes one."
    except OSError as error:
        message, hint = f"The file cannot be read: {type(error).__name__}.", ""
    except UnicodeDecodeError:
        message, hint = "The file is not UTF-8.", "Save it as UTF-8."
    problems = Problems()
    problems.add(Spot(line=0, column=0, where=""), message, hint)
    raise broken(path, problems)


def broken(path: Path, problems: Problems) -> PolicyError:
    """Return the error for a file that holds mistakes."""
    count = len(problems)
    message = f"{path.name} holds {count} mistake{'' if count == 1 else 's'}."
    return PolicyError(
        message,
        hint="docs/reference/policy.md tells what may stand where.",
        problems=problems.sorted(),
    )


def _today() -> date:
    return datetime.now(UTC).date()


def _read_plugins(
    root: Node, plugins: Plugins[_OffersT], problems: Problems
) -> tuple[tuple[str, ...], list[str]]:
    """Return the plugins that can be loaded, and the names of those that cannot."""
    good: dict[str, None] = {}
    bad: list[str] = []
    node = root.get("plugins")
    if node is None or node.is_empty:
        return (), bad
    if node.items is None:
        problems.add(node, "This must be a list, such as `[secrets]`.")
        return (), bad
    for item in node.items:
        name = check_text(item, problems)
        if name in good:
            problems.add(item, f"The plugin `{name}` stands here twice.", "Take one away.")
        elif name:
            try:
                plugins.find(name)
            except PluginLoadError as error:
                bad.append(name)
                message, hint = error.message, error.hint
            else:
                good[name] = None
                continue
            problems.add(item, message, hint)
    return tuple(good), bad


class _Reader:
    def __init__(
        self, path: Path, root: Node, checks: Checks, own_masks: Mapping[str, Mask]
    ) -> None:
        self._path = path
        self._own_masks = own_masks
        self._root = root
        self._checks = checks
        self._problems = checks.problems

    def read(self, plugins: tuple[str, ...], *, expired_before: date) -> Policy:
        """Read every section. What comes back counts only if there is no problem."""
        for key in self._root.keys:
            if key not in SECTIONS:
                self._problems.add(
                    self._root.at_key(key), "There is no such key.", choices(key, SECTIONS)
                )
        self._version()
        audit = self._audit()
        limits = self._root.get("limits")
        most = check_part(LimitsPart, limits, self._problems) if limits else None
        detection = self._root.get("detection")
        looked_for = check_part(DetectionPart, detection, self._problems) if detection else None
        return Policy(
            path=self._path.absolute(),
            hash=_hash(self._root),
            plugins=plugins,
            keys=read_keys(self._root.get("keys"), self._path, self._problems),
            sources=self._sources(),
            labels=self._labels(),
            masks=self._masks(),
            rules=read_rules(self._root.get("rules"), self._checks, expired_before=expired_before),
            names=(looked_for or DetectionPart()).names,
            lookups_per_hour=(most or LimitsPart()).lookups_per_hour,
            audit_path=resolve(self._path, audit.path),
            audit_signing=SigningConfig(
                key=resolve(self._path, audit.key),
                every=audit.every,
                anchors=tuple(self._anchors()),
            )
            if audit.key
            else None,
            audit_spool=resolve(self._path, audit.spool) if audit.spool else None,
            audit_keep=audit.keep,
            sinks=self._sinks(),
        )

    def _version(self) -> None:
        node = self._root.get("version")
        if node is None:
            self._problems.add(self._root, "`version` is missing.", "Write `version: 1`.")
        elif node.value != 1 or type(node.value) is not int:
            self._problems.add(node, "There is no such version.", "Write `version: 1`.")

    def _mapping(self, key: str, what: str) -> Mapping[str, Node]:
        """Return the entries of a section; none, with a problem, if it is not a mapping."""
        node = self._root.get(key)
        if node is None or node.is_empty:
            return {}
        if node.entries is None:
            self._problems.add(node, f"This must be a mapping from {what}.")
            return {}
        return node.entries

    def _sources(self) -> Mapping[str, SourceConfig]:
        sources = {}
        for name, node in self._mapping("sources", "names to `{url: ...}`").items():
            check_part(SourcePart, node, self._problems)
            place = node.get("url")
            if place is None or not isinstance(place.value, str) or not place.value.strip():
                continue
            url = expand(place.value, policy=self._path, node=place, problems=self._problems)
            self._scheme(place, url)
            sources[name] = SourceConfig(name=name, url=url)
        return MappingProxyType(sources)

    def _scheme(self, place: Node, url: str) -> None:
        schemes = self._checks.offers.sources
        scheme, separator, _ = url.partition("://")
        if not separator:
            # A variable that is not set has been reported already.
            if url:
                self._problems.add(
                    place,
                    "A URL begins with a scheme, such as `duckdb:///file`.",
                    f"Choose from: {', '.join(sorted(schemes))}.",
                )
        elif scheme.lower() not in schemes:
            self._problems.add(
                place,
                "No plugin opens URLs of this scheme.",
                choices(scheme, schemes, also=self._checks.also),
            )

    def _labels(self) -> Mapping[str, Mapping[ColumnRef, Label]]:
        sources = self._root.get("sources")
        names = (sources.entries if sources else None) or {}
        labels: dict[str, Mapping[ColumnRef, Label]] = {}
        node = self._root.get("labels")
        for source, tables in self._mapping("labels", "sources to tables").items():
            if source not in names and node:
                self._problems.add(
                    node.at_key(source), "There is no such source.", choices(source, names)
                )
            declared: dict[ColumnRef, Label] = {}
            for found in read_labels(
                tables, self._checks.offers.entities, self._problems, also=self._checks.also
            ):
                if found.ref in declared:
                    self._problems.add(found.place, "This column has a label already.")
                declared[found.ref] = found.label
            labels[source] = MappingProxyType(declared)
        return MappingProxyType(labels)

    def _masks(self) -> Mapping[str, Mask]:
        masks = dict(self._own_masks)
        section = self._root.get("masks")
        for name, node in self._mapping("masks", "entities to masks").items():
            place = section.at_key(name) if section else node
            is_known = self._checks.mentioned(place, name)
            if name in self._own_masks:
                hint = "Take one of the two away."
                self._problems.add(place, f"The mask of {name} stands under `entities`, too.", hint)
            mask = self._checks.mask(node)
            if mask and is_known:
                if mask.name == "reveal":
                    self._checks.may_be_revealed_to_all(node, name)
                masks[name] = mask
        return MappingProxyType(masks)

    def _audit(self) -> AuditPart:
        node = self._root.get("audit")
        part = (check_part(AuditPart, node, self._problems) if node else None) or AuditPart()
        for key in ("every", "anchors", "keep"):
            if node and node.get(key) and not node.get("key"):
                self._problems.add(
                    node.at_key(key),
                    "Nothing is signed without a `key`.",
                    "`maskline audit create-key` writes one.",
                )
        if node and (part.on_failure == "spool") != bool(part.spool):
            self._problems.add(
                node,
                "`on_failure: spool` and `spool` belong together.",
                "Write both, or neither: `{on_failure: spool, spool: /var/spool/maskline}`.",
            )
        return part

    def _anchors(self) -> Iterator[Path | tuple[str, Mapping[str, OptionValue]]]:
        audit = self._root.get("audit")
        anchors = audit.get("anchors") if audit else None
        for node in anchors.each() if anchors else ():
            if isinstance(node.value, str) and node.value.strip():
                yield resolve(self._path, node.value)
                continue
            entries = list((node.entries or {}).items())
            if len(entries) != 1:
                hint = "Write a path, or `{git: {path: ...}}`."
                self._problems.add(node, "This is no anchor.", hint)
                continue
            name, options = entries[0]
            kind = self._checks.offers.anchors.get(name)
            if kind is None:
                hint = choices(name, self._checks.offers.anchors, also=self._checks.also)
                self._problems.add(node.at_key(name), f"There is no anchor `{name}`.", hint)
            elif (checked := self._checks.options(kind, options)) is not None:
                yield name, MappingProxyType(checked)

    def _sinks(self) -> Mapping[str, Mapping[str, OptionValue]]:
        sinks = {}
        section = self._root.get("sinks")
        for name, node in self._mapping("sinks", "kinds of sink to options").items():
            kind = self._checks.offers.sinks.get(name)
            if kind is None:
                self._problems.add(
                    section.at_key(name) if section else node,
                    f"There is no sink `{name}`.",
                    choices(name, self._checks.offers.sinks, also=self._checks.also),
                )
                continue
            options = self._checks.options(kind, node)
            if options is not None:
                sinks[name] = MappingProxyType(options)
        return MappingProxyType(sinks)


def _hash(root: Node) -> str:
    """Hash what the file says. Passwords are left out, for a hash of a short one can be undone."""
    content = root.plain()
    sources = content.get("sources") if isinstance(content, dict) else None
    for source in sources.values() if isinstance(sources, dict) else ():
        if isinstance(source, dict) and isinstance(source.get("url"), str):
            source["url"] = without_credentials(source["url"])
    text = json.dumps(content, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
