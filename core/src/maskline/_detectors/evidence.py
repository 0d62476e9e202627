"""What the values of columns look like, in fractions. It keeps no value.

All columns of a table are looked at together, by kernels that work on whole arrays. This module
knows shapes, and what detectors say. It does not know names of columns.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maskline._detectors.given_names import GIVEN_NAMES
from maskline._detectors.identifying import identify
from maskline._detectors.naming import vocabulary
from maskline.roles import Detector

__all__ = ["Evidence", "Telling", "gather", "identities", "tell"]

_DISTINCT: Final = 300
_BYTES: Final = 1_000_000
_SHAPED: Final = 500
_NOTHING: Final = vocabulary("nan none null - n/a na _ nil unknown") | {""}
_BOOLEANS: Final = vocabulary("0 1 y n t f yes no true false on off ja nein oui non si")
_GENDERS: Final = vocabulary("""
    m f d x w h male female man woman men women other nonbinary non-binary agender bigender
    genderfluid genderqueer polygender mannlich weiblich divers homme femme hombre mujer uomo donna
    """)
_HONORIFICS: Final = vocabulary("""
    mr mrs ms miss mx dr prof rev sir madam honorable hon herr frau m mme mlle sr sra srta sig
    dott dhr mevr fru
    """)
_JOBS: Final = vocabulary("""
    accountant administrator advisor agent analyst architect assistant associate attendant ceo cfo
    chef chief clerk coach consultant controller coordinator counsel cto designer developer director
    doctor driver editor engineer executive farmer head intern journalist lawyer lead lecturer
    librarian manager mechanic nurse officer operator partner president producer professor
    programmer recruiter representative researcher sales scientist secretary specialist staff
    strategist supervisor teacher technician therapist trainee vp worker writer
    """)
_STATUSES: Final = vocabulary("""
    accepted active approved archived blocked cancelled canceled closed completed con declined
    deleted delivered disabled done draft enabled error expired failed fin finished hold inactive
    int new ok open paid pending processing published queued ready rejected req rst running sent
    shipped started stopped submitted success suspended unpaid
    """)
_WHOLE: Final = 0.9
_NEARLY_ALL: Final = 0.8

_NAME_PART: Final = (
    r"(?:\p{Lo}+|\p{Lu}[\p{L}'\x{2019}.-]*|de|da|van|von|der|den|di|la|le|du|dos|bin|al)"
)
_SHAPES: Final[Mapping[str, str]] = {
    "lower": r"[a-z0-9 _.,/()-]+",
    "region_code": r"[A-Z]{2,3}",
    "password_hash": (
        r"\$(?:2[abxy]|argon2[a-z]*|scrypt|pbkdf2[a-z0-9-]*|[156y]|apr1)\$.+"
        r"|(?:pbkdf2|bcrypt|scrypt|argon2)[a-z0-9_]*[:$].+|\{(?i:s?sha|s?md5|crypt)[0-9]*\}.+"
    ),
    "numeric": r"[-+$€£]?\s?[\d,.' ]*\d%?(?:[eE][-+]?\d+)?",
    "integer": r"[-+]?\d+(?:\.0+)?",
    "long_number": r"\d{9,19}",
    "decimal": r"-?\d{1,3}\.\d+|\(?-?\d{1,3}(?:\.\d+)?°?[NS]?, ?-?\d{1,3}(?:\.\d+)?°?[EW]?\)?",
    "date": (
        r"(?i)\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2}(?:[T ].*)?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?: .*)?"
        r"|\d{1,2}[-/.]\d{4}|(?:\d{1,2}[. ]{1,2})?[a-z]{3,9}\.?,? (?:\d{1,2},? )?\d{4}(?: .*)?"
        r"|[a-z]{3,9}, .*\d{4}.*|\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?: ?[ap]m)?"
    ),
    "expiry": (
        r"(?i)(?:0?[1-9]|1[0-2])[/-](?:\d{2}|\d{4})|\d{4}-\d{2}(?:-\d{2})?"
        r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[- /]\d{2,4}"
        r"|\d{2}[/-]\d{2}[/-]\d{2,4}|\d{1,2}|20\d{2}|\d{4}"
    ),
    "postal": (
        r"(?i)\d{3,6}(?:\.0)?(?:[- ]\d{2,4})?|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}"
        r"|[a-z]\d[a-z][ -]?\d[a-z]\d|\d{4} ?[a-z]{2}|[a-z]{1,3}-?\d{3,5}|[a-z]\d{2} ?[a-z\d]{4}"
        r"|\d{3}[x*]{2}|\d{3} ?\d{2}|[a-z]\d[a-z]"
    ),
    "phone": r"[+(]?[\d(][\d\s().\-/]{5,20}(?:\s?(?:x|ext\.?)\s?\d{1,6})?",
    "card": r"(?:\d[ .-]?){12,19}",
    "iban": r"(?i)[a-z]{2}\d{2}[a-z0-9 -]{10,34}",
    "nine_digits": r"\s*\d{3}[ .-]?\d{2}[ .-]?\d{3,4}|\d{7,9}(?:\.0)?|\d\.\d+[eE]\+\d+|.*\d{4}",
    "three_digits": r"\d{3,4}(?:\.0)?",
    "digits": r"(?:.*\d){3}.*",
    "age": r"(?:\d{1,2}|1[01]\d|120)(?:\..*)?",
    "id": r"(?i)(?:[a-z]{0,4}[-_ ]?)?[a-z0-9*][a-z0-9*._/ -]{2,30}",
    "uuid": r"(?i)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "code": r"[A-Za-z0-9._:/#+-]{1,40}",
    "vin": r"[A-HJ-NPR-Z0-9]{17}",
    "swift": r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?",
    "web": r"(?i)(?:[a-z]+://\S+|(?:[a-z0-9_-]+\.)+[a-z]{2,}(?::\d+)?(?:[/?]\S*)?)",
    "age_range": (
        r"(?i)\d{1,3}\s?(?:-|to|\+)\s?(?:\d{1,3})?|(?:under|over|[<>]=?) ?\d{1,3}"
        r"|\d{1,3} and .*|\d{1,3} ?y.*"
    ),
    "money": r"[<>]?=?\s?[$€£]?\s?[\d,.]+[kK]?|[\d,.]+\s?(?:[$€£]|USD|EUR|GBP|k|K)",
    "name_like": rf"{_NAME_PART}(?: {_NAME_PART}){{0,4}}",
    "job": rf"(?i).*\b(?:{'|'.join(sorted(_JOBS))})s?\b.*",
    "street": (
        r"(?i).*\b(?:street|st|avenue|ave|av|road|rd|lane|ln|drive|dr|blvd|boulevard|way|court|ct"
        r"|place|square|terrace|parkway|highway|suite|apt|rue|via|calle|avenida|rua|weg|platz|allee"
        r"|strasse)\b.*\d.*|(?i).*\d.*\b(?:street|st|avenue|ave|av|road|rd|lane|ln|drive|dr|blvd"
        r"|boulevard|way|court|ct|place|square|terrace|parkway|highway|suite|apt|rue|crossing|alley"
        r"|circle|trail|point|plaza|parkway|hill|junction|park|center)\b.*"
        r"|(?i)[^\d]*(?:stra(?:ss|ß)e|gatan|vägen|veien|vej|katu|straat|utca|gade|weg|platz)\b.*\d.*"
    ),
}
_PERSON_SHAPE: Final = rf"{_NAME_PART}(?:[, ]+{_NAME_PART}){{0,3}}"
_GIVEN_NAME: Final = rf"\b(?:{'|'.join(sorted(GIVEN_NAMES))})\b"
# What is written with strokes, not with accents.
_STROKES: Final = (("ø", "o"), ("ł", "l"), ("đ", "d"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Fractions of the distinct values of a column.

    Attributes:
        total: Values that say something, repeats counted.
        distinct: Different values that were looked at; 300 at most.
        shapes: By shape, from 0.0 to 1.0.
        whole: By entity: values that are one as a whole.
        part: By entity: values that hold one.
        words: Words in a value, on average.
        longest: Characters of the longest value.
    """

    total: int
    distinct: int
    shapes: Mapping[str, float]
    whole: Mapping[str, float]
    part: Mapping[str, float]
    words: float
    longest: int

    def has(self, shape: str, least: float = 0.5) -> bool:
        """Tell whether at least that fraction of the values has a shape."""
        return self.shapes[shape] >= least

    def is_one(self, entity: str, least: float) -> bool:
        """Tell whether at least that fraction of the values is an entity, as a whole."""
        return self.whole.get(entity, 0.0) >= least

    def holds(self, entity: str, least: float) -> bool:
        """Tell whether at least that fraction of the values holds an entity."""
        return self.part.get(entity, 0.0) >= least

    def reads_within(self, words: float) -> bool:
        """Tell whether a value has at most so many words, on average."""
        return self.words <= words

    def fits_within(self, characters: int, distinct: int = 300) -> bool:
        """Tell whether there are no longer values than that, and not more different ones."""
        return self.longest <= characters and self.distinct <= distinct

    def repeats(self, times: int) -> bool:
        """Tell whether every value occurs that often, on average."""
        return self.total >= times * self.distinct


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Telling:
    """The values of a column that say something. Do not keep it.

    Attributes:
        total: How many there are, repeats counted.
        distinct: The first of the different ones, trimmed; not empty, and a megabyte at most.
    """

    total: int
    distinct: pa.StringArray


def tell(sample: pa.StringArray | None) -> Telling | None:
    """Return the values that say something; None if there are none."""
    if sample is None:
        return None
    trimmed = pc.utf8_trim_whitespace(sample.drop_null())
    nothing = _is_in(pc.utf8_lower(trimmed), _NOTHING)
    told = trimmed.filter(pa.array(~nothing))
    distinct = pc.unique(told)[:_DISTINCT]
    if not len(distinct):
        return None
    reach = np.cumsum(pc.binary_length(distinct).to_numpy())
    count = max(1, int(np.searchsorted(reach, _BYTES, side="right")))
    return Telling(total=len(told), distinct=distinct[:count])


def gather(tellings: Sequence[Telling], detectors: Sequence[Detector]) -> list[Evidence]:
    """Look at the values of many columns at once.

    Args:
        tellings: The columns.
        detectors: What to look for in the values.

    Returns:
        What the values of each column look like, in the order of *tellings*.
    """
    if not tellings:
        return []
    values = pa.concat_arrays([telling.distinct for telling in tellings])
    counts = np.array([len(telling.distinct) for telling in tellings])
    columns = _Columns(values=values, owners=np.repeat(np.arange(len(counts)), counts))
    shapes = dict(columns.shapes())
    whole, part = columns.findings(detectors)
    words = pc.count_substring_regex(values, r"\S+").to_numpy()
    lengths = pc.utf8_length(values).to_numpy()
    longest = np.maximum.reduceat(lengths, np.cumsum(counts) - counts)
    return [
        Evidence(
            total=telling.total,
            distinct=len(telling.distinct),
            shapes={name: float(shares[place]) for name, shares in shapes.items()},
            whole={name: float(shares[place]) for name, shares in whole.items()},
            part={name: float(shares[place]) for name, shares in part.items()},
            words=float(words[columns.owners == place].mean()),
            longest=int(longest[place]),
        )
        for place, telling in enumerate(tellings)
    ]


def identities(telling: Telling, hints: Collection[str]) -> dict[str, float]:
    """Say which identifiers nearly all values of a column are, as a whole.

    Args:
        telling: A column whose values look like identifiers.
        hints: Entities that the column's name speaks for.

    Returns:
        How likely a value is one, on average, by entity. Where a form has a check, that all of
        many values pass it says more than each of them does.
    """
    found = identify(telling.distinct, hints=hints)
    is_first = np.diff(found.rows, prepend=-1) > 0
    sizes = pc.binary_length(telling.distinct).to_numpy()[found.rows]
    is_best = is_first & (found.ends - found.starts >= _WHOLE * sizes)
    likely = {}
    for index in np.unique(found.entities[is_best]).tolist():
        scores = found.scores[is_best & (found.entities == index)]
        if len(scores) >= _NEARLY_ALL * len(telling.distinct):
            likely[found.names[index]] = float(scores.mean())
    return likely


_Rows = npt.NDArray[np.bool_]
_Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Columns:
    """The values of many columns, end to end.

    Attributes:
        values: No nulls.
        owners: The number of each value's column, ascending; no column is empty.
    """

    values: pa.StringArray
    owners: npt.NDArray[np.int64]

    def share(self, rows: _Rows) -> _Shares:
        """Return of each column which fraction of its values was chosen."""
        return np.bincount(self.owners, rows) / np.bincount(self.owners)

    def shapes(self) -> Iterator[tuple[str, _Shares]]:
        """Yield every shape, and of each column the fraction of values that have it."""
        # Nothing that is longer has a shape, and looking would take long.
        is_short = pc.less_equal(pc.utf8_length(self.values), _SHAPED)
        values = pc.if_else(is_short, self.values, "")
        values = pc.replace_substring_regex(values, r"\s+", " ")
        plain = pc.utf8_lower(values)
        for name, pattern in _SHAPES.items():
            yield name, self.share(_matches(values, f"^(?:{pattern})$"))
        yield "boolean", self.share(_is_in(plain, _BOOLEANS))
        yield "status", self.share(_is_in(plain, _STATUSES))
        yield "gender", self.share(_is_in(plain, _GENDERS))
        yield "honorific", self.share(_is_in(pc.utf8_rtrim(plain, "."), _HONORIFICS))
        named = pc.if_else(pa.array(_matches(values, f"^(?:{_PERSON_SHAPE})$")), plain, "")
        yield "person", self.share(_matches(_unaccented(named), _GIVEN_NAME))
        yield "document", self.share(self._documents())

    def findings(
        self, detectors: Sequence[Detector]
    ) -> tuple[dict[str, _Shares], dict[str, _Shares]]:
        """Return of each column which fraction of the values is, and which holds, each entity."""
        sizes = pc.binary_length(self.values).to_numpy()
        whole: defaultdict[str, _Rows] = defaultdict(lambda: np.zeros(len(sizes), np.bool_))
        part: defaultdict[str, _Rows] = defaultdict(lambda: np.zeros(len(sizes), np.bool_))
        for detector in detectors:
            spans = detector.detect(self.values)
            is_whole = spans.ends - spans.starts >= _WHOLE * sizes[spans.rows]
            for index, name in enumerate(spans.names):
                of_entity = spans.entities == index
                part[name][spans.rows[of_entity]] = True
                whole[name][spans.rows[of_entity & is_whole]] = True
        return (
            {name: self.share(rows) for name, rows in whole.items()},
            {name: self.share(rows) for name, rows in part.items()},
        )

    def _documents(self) -> _Rows:
        rows = _matches(self.values, r"^[{\[]")
        for row in np.flatnonzero(rows):
            rows[row] = _is_document(self.values[row].as_py())
        return rows


def _is_document(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        return False


def _matches(values: pa.StringArray, pattern: str) -> _Rows:
    found: _Rows = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False)
    return found.copy()


def _is_in(values: pa.StringArray, chosen: frozenset[str]) -> _Rows:
    found: _Rows = pc.is_in(values, pa.array(sorted(chosen))).to_numpy(zero_copy_only=False)
    return found


def _unaccented(values: pa.StringArray) -> pa.StringArray:
    for stroke, letter in _STROKES:
        values = pc.replace_substring(values, stroke, letter)
    return pc.replace_substring_regex(pc.utf8_normalize(values, "NFKD"), r"\p{Mn}", "")
