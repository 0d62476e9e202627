"""Tests of maskline.plugins: what is loaded, and what stops the load."""

import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pytest

from maskline._maskers import BUILTIN as MASKERS
from maskline.entities import Category, Entity, builtin_entities
from maskline.errors import PluginContractError, PluginLoadError, PolicyError, SourceError
from maskline.hookspecs import hookimpl
from maskline.plugins import Registry, load_policy, load_registry, open_source

CANARY = "hunter2-canary"


@dataclass
class FakeDetector:
    name: str = "fake"
    entities: tuple[str, ...] = ("EMAIL_ADDRESS",)

    def detect(self, column: pa.StringArray):
        raise AssertionError


@dataclass
class FakeSource:
    url: str


class FakeSourceType:
    schemes = ("duckdb", "Fake")

    def open(self, url: str) -> FakeSource:
        return FakeSource(url)


class FakeSinkType:
    name = "jsonl"

    def check(self, options: Mapping[str, object]) -> Sequence[str]:
        return ()

    def open(self, options, *, resolve):
        raise AssertionError


class Builtin:
    """Stands in for `maskline._builtin`."""

    @hookimpl
    def maskline_register_entities(self):
        return builtin_entities().values()

    @hookimpl
    def maskline_register_maskers(self):
        return MASKERS

    @hookimpl
    def maskline_register_sources(self):
        return [FakeSourceType()]

    @hookimpl
    def maskline_register_sinks(self):
        return [FakeSinkType()]


def load(*names: str, **plugins: object) -> Registry:
    return load_registry(names, extra={"builtin": Builtin(), **plugins})


def offering(hook: str, *offers: object) -> object:
    """Return a plugin whose one hook offers something."""

    def function(self):
        return offers

    function.__name__ = hook
    return type("Plugin", (), {hook: hookimpl(function)})()


def entity(**changes: object) -> Entity:
    fields = {"name": "SHOE_SIZE", "title": "shoe size", "slug": "shoe", "category": Category.PII}
    return Entity(**{**fields, **changes})


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a distribution with one plugin."""

    def install(distribution: str, entry_point: str, source: str | None = None) -> None:
        folder = tmp_path / distribution
        metadata = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[maskline]\n{entry_point}\n")
        if source is not None:
            module = entry_point.partition("=")[2].strip()
            (folder / f"{module}.py").write_text(source)
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(str(folder))

    return install


SHOES = """
from maskline.entities import Category, Entity
from maskline.hookspecs import hookimpl

@hookimpl
def maskline_register_entities():
    return [Entity(name="SHOE_SIZE", title="shoe size", slug="shoe", category=Category.PII)]
"""


def test_a_registry_holds_what_is_built_in():
    registry = load()

    assert registry.entities == builtin_entities()
    assert set(registry.maskers) == {masker.name for masker in MASKERS}
    assert set(registry.sources) == {"duckdb", "fake"}
    assert set(registry.sinks) == {"jsonl"}
    assert registry.detectors == ()


def test_the_real_built_ins_load():
    registry = load_registry()

    assert {"duckdb", "sqlite", "postgresql"} <= set(registry.sources)
    assert {"redact", "token", "scan"} <= set(registry.maskers)
    assert registry.detectors
    assert registry.sinks


def test_a_plugin_that_is_at_hand_adds_to_it():
    registry = load(shoes=offering("maskline_register_entities", entity()))

    assert registry.entities["SHOE_SIZE"].title == "shoe size"


def test_detectors_are_sorted_by_name():
    registry = load(
        one=offering("maskline_register_detectors", FakeDetector("b"), FakeDetector("c")),
        two=offering("maskline_register_detectors", FakeDetector("a")),
    )

    assert [detector.name for detector in registry.detectors] == ["a", "b", "c"]


def test_an_installed_plugin_is_loaded_if_it_is_named(installed):
    installed("maskline-shoes", "shoes = maskline_test_shoes", SHOES)

    assert "SHOE_SIZE" in load("shoes").entities
    assert "SHOE_SIZE" not in load().entities


def test_a_plugin_that_is_not_named_is_not_imported(installed):
    installed("maskline-bomb", "bomb = maskline_test_bomb", "raise SystemExit")

    load()

    assert "maskline_test_bomb" not in sys.modules


def test_built_in_may_be_named():
    assert load("builtin").entities == load().entities


def test_a_plugin_that_is_not_installed_stops_the_load():
    with pytest.raises(PluginLoadError, match="'gloves' is not installed") as caught:
        load("gloves")

    assert caught.value.hint == "pip install maskline-gloves"
    assert pickle.loads(pickle.dumps(caught.value)).hint == caught.value.hint  # noqa: S301


def test_a_misspelt_plugin_that_is_installed_is_offered_first(installed):
    installed("maskline-shoes", "shoes = maskline_test_shoes", SHOES)

    with pytest.raises(PluginLoadError) as caught:
        load("shoe")

    assert caught.value.hint == "Did you mean `shoes`?"


def test_the_hint_offers_no_odd_word_to_a_shell():
    with pytest.raises(PluginLoadError) as caught:
        load("shoes; rm -rf .")

    assert caught.value.hint == ""


def test_a_plugin_that_fails_to_import_is_named_without_the_text(installed):
    installed("maskline-bad", "bad = maskline_test_bad", f"raise ValueError({CANARY!r})")

    with pytest.raises(PluginLoadError, match="'bad' cannot be imported: ValueError") as caught:
        load("bad")

    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_plugin_that_two_distributions_offer_stops_the_load(installed):
    installed("maskline-shoes", "shoes = maskline_test_shoes", SHOES)
    installed("evil-shoes", "shoes = maskline_test_evil", SHOES)

    with pytest.raises(PluginLoadError, match="evil-shoes, maskline-shoes"):
        load("shoes")


def test_a_misspelt_hook_stops_the_load():
    with pytest.raises(PluginContractError, match="'odd' implements an unknown hook") as caught:
        load(odd=offering("maskline_register_entitys"))

    assert "maskline_register_entities" in caught.value.hint
    assert caught.value.__context__ is None


def test_a_hook_with_an_argument_stops_the_load():
    class Odd:
        @hookimpl
        def maskline_register_entities(self, size):
            raise AssertionError

    with pytest.raises(PluginContractError, match="'odd' implements"):
        load(odd=Odd())


def test_a_hook_that_wraps_others_stops_the_load():
    class Odd:
        @hookimpl(wrapper=True)
        def maskline_register_entities(self):
            return (yield)

    with pytest.raises(PluginContractError, match="wraps"):
        load(odd=Odd())


def test_a_hook_that_raises_stops_the_load_without_its_text():
    class Odd:
        @hookimpl
        def maskline_register_entities(self):
            raise ValueError(CANARY)

    with pytest.raises(PluginContractError, match=r"failed in .*: ValueError") as caught:
        load(odd=Odd())

    assert CANARY not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_hook_that_offers_none_stops_the_load():
    class Odd:
        @hookimpl
        def maskline_register_entities(self):
            return None

    with pytest.raises(PluginContractError, match="'odd' failed"):
        load(odd=Odd())


@pytest.mark.parametrize(
    "plugin",
    [
        offering("maskline_register_entities", "SHOE_SIZE"),
        offering("maskline_register_detectors", FakeDetector),
        offering("maskline_register_maskers", FakeDetector()),
    ],
)
def test_an_offer_of_the_wrong_type_stops_the_load(plugin):
    with pytest.raises(PluginContractError, match="'odd' offers something"):
        load(odd=plugin)


@pytest.mark.parametrize("name", ["", None])
def test_an_offer_without_a_name_stops_the_load(name):
    with pytest.raises(PluginContractError, match="without a name"):
        load(odd=offering("maskline_register_detectors", FakeDetector(name)))


@pytest.mark.parametrize(
    "plugin",
    [
        offering("maskline_register_maskers", MASKERS[0]),
        offering("maskline_register_sources", FakeSourceType()),
        offering("maskline_register_entities", entity(name="EMAIL_ADDRESS")),
    ],
)
def test_two_offers_of_one_name_stop_the_load(plugin):
    with pytest.raises(PluginContractError, match=r"'odd' offers .* and so does 'builtin'"):
        load(odd=plugin)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "PUBLIC"}, "no entity may be"),
        ({"name": "PII"}, "no entity may be"),
        ({"name": "shoes"}, "no entity may be"),
        ({"slug": "Shoe size"}, "slug of SHOE_SIZE"),
        ({"slug": "email"}, "have one slug"),
        ({"mask": "polish"}, "'polish', is offered by no plugin"),
    ],
)
def test_an_entity_that_nobody_can_use_stops_the_load(changes, message):
    with pytest.raises(PluginContractError, match=message):
        load(odd=offering("maskline_register_entities", entity(**changes)))


def test_a_detector_of_an_unknown_entity_stops_the_load():
    with pytest.raises(PluginContractError, match="'fake' finds HAT, SHOE"):
        load(odd=offering("maskline_register_detectors", FakeDetector(entities=("SHOE", "HAT"))))


def test_a_source_is_opened_by_its_scheme():
    source = open_source(load(), "FAKE://shop")

    assert source.url == "FAKE://shop"


@pytest.mark.parametrize("url", [f"odd://me:{CANARY}@host", "duckdb"])
def test_a_url_that_nobody_opens_is_not_shown(url):
    with pytest.raises(SourceError) as caught:
        open_source(load(), url)

    assert CANARY not in str(caught.value)
    assert caught.value.hint == "Schemes: duckdb, fake."


def test_a_policy_loads_with_its_plugins(tmp_path, installed):
    installed("maskline-shoes", "shoes = maskline_test_shoes", SHOES)
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nplugins: [shoes, builtin]\nmasks: {SHOE_SIZE: redact}\n")

    policy, registry = load_policy(str(path), extra={"builtin": Builtin()})

    assert policy.plugins == ("shoes", "builtin")
    assert "SHOE_SIZE" in registry.entities


def test_a_missing_policy_says_how_to_write_one(tmp_path):
    with pytest.raises(PolicyError) as caught:
        load_policy(tmp_path / "policy.yaml")

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (0, 0)
    assert "maskline init" in problem.hint
    assert caught.value.__context__ is None
