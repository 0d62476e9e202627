"""Loads the plugins that a policy names, and nothing else.

This module knows pluggy and entry points. It does not know what the objects do that plugins hand
over: it only checks that they have the right shape, and that no two have one name.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NoReturn, Protocol, TypeVar

import pluggy

from maskline import hookspecs
from maskline._detectors.labelled import labelled_detector
from maskline._detectors.names import NamesDetector
from maskline._detectors.own import own_detector
from maskline.entities import Category, Entity, OwnEntity, builtin_entities
from maskline.errors import PluginContractError, PluginLoadError, SourceError
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN
from maskline.policy import Policy, read_policy
from maskline.roles import AnchorType, Detector, Masker, SinkType, Source, SourceType

__all__ = ["GROUP", "Registry", "load_policy", "load_registry", "open_source"]

GROUP: Final = "maskline"
_BUILTIN: Final = "builtin"
_RESERVED: Final = frozenset({FREE_TEXT, JSON, PUBLIC, UNKNOWN, *Category})
_ENTITY_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_SLUG: Final = re.compile(r"[a-z][a-z0-9]{0,15}")
_PLUGIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class _HasName(Protocol):
    @property
    def name(self) -> str: ...


_T = TypeVar("_T")
_Named = TypeVar("_Named", bound=_HasName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What the loaded plugins offer.

    Attributes:
        entities: By name.
        detectors: Sorted by name, so that no answer depends on the order of loading.
        maskers: By name.
        sinks: Kinds of sink, by name.
        anchors: Kinds of anchor, by name.
        sources: Kinds of source, by scheme, in lower case.
    """

    entities: Mapping[str, Entity]
    detectors: tuple[Detector, ...]
    maskers: Mapping[str, Masker]
    sinks: Mapping[str, SinkType]
    anchors: Mapping[str, AnchorType]
    sources: Mapping[str, SourceType]


def load_policy(
    path: str | Path, *, strict: bool = False, extra: Mapping[str, object] | None = None
) -> tuple[Policy, Registry]:
    """Read a policy and load the plugins it names.

    Args:
        path: The policy file.
        strict: Whether a rule whose last day is over is a mistake. To those who ask data it is
            merely a rule that no longer matches, for a policy must not break at midnight.
        extra: Plugins that are at hand, by name; see `load_registry`.

    Raises:
        PolicyError: The file is missing or holds mistakes; *problems* has all of them.
        PluginError: A plugin breaks the contract of a hook, or what is built in cannot be loaded.
    """
    policy, registry = read_policy(Path(path), _Plugins(extra or {}), strict=strict)
    return policy, _with_names(registry, policy.names)


def load_registry(
    names: Iterable[str] = (), *, extra: Mapping[str, object] | None = None
) -> Registry:
    """Load plugins, and what is built in.

    Args:
        names: Entry points in the group ``maskline``.
        extra: Plugins that are at hand, by name. All of them are loaded, and one whose name is
            ``builtin`` takes the place of what is built in.

    Raises:
        PluginLoadError: A plugin is not installed, is installed twice, or cannot be imported.
        PluginContractError: A plugin implements an unknown hook, raises, or offers what it may not.
    """
    return _Plugins(extra or {}).load(tuple(names))


def open_source(registry: Registry, url: str) -> Source:
    """Open a database.

    Args:
        registry: Knows the kinds of source.
        url: Where it is. It may hold a password, and no error shows it.

    Raises:
        SourceError: No plugin opens such URLs, or the database does not let us in.
    """
    scheme, separator, _ = url.partition("://")
    kind = registry.sources.get(scheme.lower())
    if kind is None or not separator:
        msg = "No plugin opens such a URL."
        raise SourceError(msg, hint=f"Schemes: {', '.join(sorted(registry.sources))}.")
    return kind.open(url)


class _Plugins:
    """Finds plugins, and keeps what it found."""

    def __init__(self, extra: Mapping[str, object]) -> None:
        self._extra = extra
        self._found: dict[str, object] = dict(extra)

    def find(self, name: str) -> None:
        """Import a plugin, once."""
        if name not in self._found:
            self._found[name] = _import_builtin() if name == _BUILTIN else _import(name)

    def load(self, names: Collection[str]) -> Registry:
        """Load what is built in, *names* and *extra*, in this order."""
        wanted = dict.fromkeys((_BUILTIN, *names, *self._extra))
        for name in wanted:
            self.find(name)
        return _relabelled(_collect({name: self._found[name] for name in wanted}))

    def extend(self, offers: Registry, own: Sequence[OwnEntity]) -> Registry:
        """Add a policy's entities. What the policy calls one, it calls no other any more."""
        return _relabelled(_with_own(offers, own))


def _import_builtin() -> object:
    # Not by its entry point, for another distribution could claim the name.
    return _load("builtin", "maskline._builtin", lambda: import_module("maskline._builtin"))


def _import(name: str) -> object:
    installed = entry_points(group=GROUP)
    found = [entry for entry in installed if entry.name == name]
    if not found:
        msg = f"The plugin {name!r} is not installed."
        raise PluginLoadError(msg, hint=_mend(name, installed.names))
    # One distribution may be seen twice: by its metadata, and in a folder that is on the path, too.
    if len({entry.value for entry in found}) > 1:
        msg = f"Several distributions offer a plugin {name!r}: {', '.join(_owners(found))}."
        raise PluginLoadError(msg, hint="Uninstall all but one.")
    return _load(name, found[0].value, found[0].load)


def _mend(name: str, installed: Collection[str]) -> str:
    # First what is there: whoever installs a misspelt name gets what somebody put there for them.
    if close := get_close_matches(name, installed, n=1):
        return f"Did you mean `{close[0]}`?"
    return f"pip install maskline-{name}" if _PLUGIN_NAME.fullmatch(name) else ""


def _owners(found: Iterable[EntryPoint]) -> list[str]:
    return sorted({entry.dist.name for entry in found if entry.dist})


def _load(name: str, target: str, load: Callable[[], object]) -> object:
    try:
        return load()
    except Exception as error:  # noqa: BLE001 - an import may raise anything
        culprit = type(error).__name__
    module = target.partition(":")[0]
    msg = f"The plugin {name!r} cannot be imported: {culprit}."
    raise PluginLoadError(msg, hint=f"`python -c 'import {module}'` says why.")


def _collect(plugins: Mapping[str, object]) -> Registry:
    """Ask each plugin for everything it offers, and check that it all fits together."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for name, plugin in plugins.items():
        _register(manager, name, plugin)
    hook = manager.hook
    # A protocol is as good as a class here, for isinstance() is all that is asked of it.
    detectors = _offers(hook.maskline_register_detectors, Detector)  # type: ignore[type-abstract]
    maskers = _offers(hook.maskline_register_maskers, Masker)  # type: ignore[type-abstract]
    sinks = _offers(hook.maskline_register_sinks, SinkType)  # type: ignore[type-abstract]
    anchors = _offers(hook.maskline_register_anchors, AnchorType)  # type: ignore[type-abstract]
    sources = _offers(hook.maskline_register_sources, SourceType)  # type: ignore[type-abstract]
    registry = Registry(
        entities=_by_name(_offers(hook.maskline_register_entities, Entity)),
        detectors=tuple(_by_name(detectors).values()),
        maskers=_by_name(maskers),
        sinks=_by_name(sinks),
        anchors=_by_name(anchors),
        sources=_by_scheme(sources),
    )
    _check_entities(registry)
    _check_detectors(registry)
    return registry


def _with_own(registry: Registry, own: Sequence[OwnEntity]) -> Registry:
    taken = {name for one in own for name in one.entity.names}
    others = {
        name: replace(entity, names=tuple(word for word in entity.names if word not in taken))
        if taken.intersection(entity.names)
        else entity
        for name, entity in registry.entities.items()
    }
    entities = others | {one.entity.name: one.entity for one in own}
    found = own_detector(own)
    detectors = [*registry.detectors, *([found] if found else [])]
    return replace(
        registry,
        entities=MappingProxyType({name: entities[name] for name in sorted(entities)}),
        detectors=tuple(sorted(detectors, key=lambda detector: detector.name)),
    )


def _with_names(registry: Registry, point: Literal["balanced", "recall", "off"]) -> Registry:
    """Let the detector of names work as a policy wants it."""
    if point == "balanced":
        return registry
    others = tuple(one for one in registry.detectors if not isinstance(one, NamesDetector))
    names = () if point == "off" else (NamesDetector(is_balanced=False),)
    detectors = sorted((*others, *names), key=lambda detector: detector.name)
    return replace(registry, detectors=tuple(detectors))


def _relabelled(registry: Registry) -> Registry:
    """Let the detector of labels know every entity, and not only those that are built in."""
    if dict(registry.entities) == dict(builtin_entities()):
        return registry
    labelled = labelled_detector(registry.entities)
    detectors = tuple(
        labelled if type(detector) is type(labelled) else detector
        for detector in registry.detectors
    )
    return replace(registry, detectors=detectors)


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    try:
        manager.register(plugin, name=name)
        # Without this, pluggy takes a misspelt hook for one that nobody calls.
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        culprit = type(error).__name__
    else:
        return
    hooks = sorted(hook for hook in hookspecs.__all__ if hook.startswith("maskline_"))
    msg = f"The plugin {name!r} implements an unknown hook, or a hook wrongly: {culprit}."
    raise PluginContractError(msg, hint=f"The hooks are {', '.join(hooks)}; none has an argument.")


def _offers(hook: pluggy.HookCaller, role: type[_T]) -> Iterator[tuple[str, _T]]:
    """Ask every plugin, one by one, so that an error can name the plugin."""
    for implementation in hook.get_hookimpls():
        plugin = implementation.plugin_name
        try:
            if implementation.hookwrapper or implementation.wrapper:
                _break(plugin, f"wraps {hook.name}, which it may not.")
            offered: list[_T] = [*implementation.function()]  # type: ignore[misc]
        except PluginContractError:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            culprit = type(error).__name__
        else:
            for offer in offered:
                if isinstance(offer, type) or not isinstance(offer, role):
                    _break(plugin, f"offers something as a {role.__name__} that is none.")
                yield plugin, offer
            continue
        _break(plugin, f"failed in {hook.name}: {culprit}.")


def _break(plugin: str, what: str) -> NoReturn:
    msg = f"The plugin {plugin!r} {what}"
    raise PluginContractError(msg, hint="Tell the plugin's authors, or take it out of the policy.")


def _by_name(offers: Iterable[tuple[str, _Named]]) -> Mapping[str, _Named]:
    return _unique((plugin, offer.name, offer) for plugin, offer in offers)


def _by_scheme(offers: Iterable[tuple[str, SourceType]]) -> Mapping[str, SourceType]:
    return _unique(
        (plugin, scheme.lower(), offer) for plugin, offer in offers for scheme in offer.schemes
    )


def _unique(offers: Iterable[tuple[str, object, _T]]) -> Mapping[str, _T]:
    owners: dict[str, str] = {}
    named: dict[str, _T] = {}
    for plugin, name, offer in offers:
        if not isinstance(name, str) or not name:
            _break(plugin, "offers something without a name.")
        if name in named:
            _break(plugin, f"offers {name!r}, and so does {owners[name]!r}.")
        owners[name] = plugin
        named[name] = offer
    return MappingProxyType({name: named[name] for name in sorted(named)})


def _check_entities(registry: Registry) -> None:
    slugs: dict[str, str] = {}
    for name, entity in registry.entities.items():
        if not _ENTITY_NAME.fullmatch(name) or name in _RESERVED:
            msg = f"An entity is called {name!r}, which no entity may be."
        elif not _SLUG.fullmatch(entity.slug):
            msg = f"The slug of {name} must be a letter of a to z, then letters and digits."
        elif entity.slug in slugs:
            msg = f"{name} and {slugs[entity.slug]} have one slug, so their tokens look alike."
        elif entity.mask not in registry.maskers:
            msg = f"The mask of {name}, {entity.mask!r}, is offered by no plugin."
        else:
            slugs[entity.slug] = name
            continue
        raise PluginContractError(msg)


def _check_detectors(registry: Registry) -> None:
    for detector in registry.detectors:
        if unknown := sorted(set(detector.entities) - set(registry.entities)):
            names = ", ".join(unknown)
            msg = f"The detector {detector.name!r} finds {names}, which no plugin offers."
            raise PluginContractError(msg)
