"""What others offer to find sensitive values in text, each as one function.

Presidio, DataFog and scrubadub find spans and types, as they come, without language models.
Hyperscan, RE2 and polars search for one plain expression for each form that maskline's built-in
detectors know; they check nothing, and polars tells rows alone. Each library is imported where it
is used, so that one that is not installed is merely left out. This module does not know maskline.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

import pyarrow as pa

__all__ = ["MOST_BYTES", "RIVALS", "Ready"]

Ready: TypeAlias = Callable[[], object]
"""Searches a column that it has in the form it likes best; returns what it found."""

_CHUNK_BYTES: Final = 64_000_000
_PHONE_LABEL: Final = (
    r"(?i:\b(?:phone|telephone|tel|mobile|cell|fax|call|contact|reach|dial|ring|hotline|landline"
    r"|whatsapp|sms|telefon|handy|mobil))"
)
# All of the engines take them. They have ASCII in mind alone, so that nobody is slowed by Unicode.
_PATTERNS: Final = (
    r"\b[A-Za-z0-9._%+\-]+@(?:[A-Za-z0-9\-]+\.)+[A-Za-z]{2,24}\b",
    (
        r"(?:\+|\b00)[1-9][0-9]{0,2}[ .\-/]{0,2}(?:\([0-9]{1,5}\)[ .\-/]{0,2})?"
        r"[0-9](?:[ .\-/]{0,2}[0-9]){4,13}\b"
    ),
    (
        r"(?:\b1[ .\-/]{0,2})?(?:\([2-9][0-9]{2}\)[ .\-]{0,2}|\b[2-9][0-9]{2}[ .\-/])"
        r"[0-9]{3}[ .\-][0-9]{4}\b"
    ),
    _PHONE_LABEL + r"[a-z :#.]{1,12}[+(]?[0-9](?:[ .\-/()]{0,2}[0-9]){5,14}\b",
    r"\([0-9]{2,5}\)[ \-/.]{0,2}[0-9](?:[ \-/.]?[0-9]){4,9}\b",
    (
        r"\b[0-9](?:[ .\-/()]{0,2}[0-9]){5,14}[ ,\-]{1,3}"
        r"(?i:office|mobile|cell|fax|home|work|phone|direct)\b"
    ),
    r"\b0[1-9][0-9]{0,3}[ \-/](?:[0-9]{5,9}|[0-9]{2,4}(?:[ \-.][0-9]{2,4}){1,3})\b",
    r"(?i:\b(?:https?|ftps?)://[^\x00-\x20<>\"'`]+)",
    r"(?i:\bwww[0-9]?\.[a-z0-9-]+\.[^\x00-\x20<>\"'`]+)",
    r"\b[0-9](?:[ .\-]{0,2}[0-9]){11,18}\b",
    (
        r"(?i:card|visa|mastercard|amex|maestro|\bpan\b|\bccn?\b)[^0-9\n]{0,20}"
        r"[0-9]{4}[ \-]?[0-9]{4,6}[ \-]?[0-9]{4,5}(?:[ \-]?[0-9]{4})?\b"
    ),
    r"\b[A-Z]{2}[ \-]?[0-9][ \-]?[0-9](?:[ \-]?[A-Z0-9]){11,30}\b",
    r"(?i:\biban\b)[^A-Za-z0-9\n]{0,5}[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]{3,4}){3,8}\b",
    r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
    r"\b[0-9]{3}\.[0-9]{2}\.[0-9]{4}\b",
    r"\b[0-9]{3} [0-9]{2} [0-9]{4}\b",
    (
        r"(?i:\bssn\b|\bss ?#|\bsocial[ _-]?security)[^0-9\n]{0,24}"
        r"[0-9]{3}[ .\-]?[0-9]{2}[ .\-]?[0-9]{4}\b"
    ),
    r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b",
    r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:]*[0-9A-Fa-f]\b",
    r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b",
    r"\b(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}\b",
    r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*){0,3}",
    r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA|ANVA|AIPA)[A-Z0-9]{16}\b",
    (
        r"(?i:aws_?-?secret|secret_?-?access_?-?key)[a-z_\-'\" ]{0,20}[:=][ '\"]{0,4}"
        r"[A-Za-z0-9/+]{40}\b"
    ),
    r"\bAIza[A-Za-z0-9_\-]{35}\b",
    r"\bGOCSPX-[A-Za-z0-9_\-]{28}\b|\bya29\.[A-Za-z0-9_\-]{20,}",
    r"(?i:AccountKey|SharedAccessKey)[:=,'\" ]{1,6}[A-Za-z0-9/+]{43,86}={1,2}",
    r"\b[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}\b",
    r"[?&]sig=[A-Za-z0-9%/+]{43,70}",
)
_UNION: Final = "|".join(f"(?:{pattern})" for pattern in _PATTERNS)


def presidio(column: pa.StringArray) -> Ready:
    """Run the pattern recognizers that Presidio loads for English, without a language model."""
    recognizers = _recognizers()
    rows = column.to_pylist()
    return lambda: [
        recognizer.analyze(row, recognizer.supported_entities)
        for row in rows
        for recognizer in recognizers
    ]


@cache
def _recognizers() -> list[Any]:
    import tldextract
    from presidio_analyzer import PatternRecognizer, RecognizerRegistry

    # Otherwise the recognizer of e-mail addresses fetches a list of domain endings.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    return [one for one in registry.recognizers if isinstance(one, PatternRecognizer)]


def datafog(column: pa.StringArray) -> Ready:
    """Run DataFog's engine of regular expressions."""
    from datafog.processing.text_processing.regex_annotator import RegexAnnotator

    annotator = RegexAnnotator()
    rows = column.to_pylist()
    return lambda: [annotator.annotate_with_spans(row) for row in rows]


def scrubadub(column: pa.StringArray) -> Ready:
    """Run the detectors that scrubadub has on by default."""
    from scrubadub import Scrubber

    scrubber = Scrubber()
    rows = column.to_pylist()
    return lambda: [list(scrubber.iter_filth(row)) for row in rows]


def hyperscan(column: pa.StringArray) -> Ready:
    """Search for every match with Hyperscan, with its start, in rows joined by newlines."""
    database = _hyperscan_database()
    chunks = _joined(column)

    def search() -> object:
        found: list[tuple[int, int, int]] = []
        for chunk in chunks:
            database.scan(
                chunk,
                match_event_handler=lambda kind, start, end, *_: found.append((kind, start, end)),
            )
        return found

    return search


@cache
def _hyperscan_database() -> Any:  # noqa: ANN401 - it has no types
    from hyperscan import HS_FLAG_SOM_LEFTMOST, Database

    database = Database()
    database.compile(
        expressions=[pattern.encode() for pattern in _PATTERNS],
        ids=list(range(len(_PATTERNS))),
        elements=len(_PATTERNS),
        flags=[HS_FLAG_SOM_LEFTMOST] * len(_PATTERNS),
    )
    return database


def re2(column: pa.StringArray) -> Ready:
    """Search for spans of the union with RE2, in rows joined by newlines."""
    expression = _re2_union()
    chunks = _joined(column)
    return lambda: [match.span() for chunk in chunks for match in expression.finditer(chunk)]


@cache
def _re2_union() -> Any:  # noqa: ANN401 - it has no types
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(_UNION.encode(), options)


def polars(column: pa.StringArray) -> Ready:
    """Tell with polars in which rows the union matches; it has no spans of several types."""
    import polars as pl

    # Its word boundary is Unicode's by default, and a hundred times slower beyond ASCII.
    union = _UNION.replace(r"\b", r"(?-u:\b)")
    series = pl.Series(column)
    return lambda: series.str.contains(union)


def _joined(column: pa.StringArray) -> list[bytes]:
    """Return the rows, joined by newlines, in chunks that no engine cuts off."""
    chunks: list[bytes] = []
    rows: list[str] = []
    size = 0
    for row in column.to_pylist():
        rows.append(row)
        size += 4 * len(row) + 1
        if size >= _CHUNK_BYTES:
            chunks.append("\n".join(rows).encode())
            rows, size = [], 0
    return [*chunks, "\n".join(rows).encode()]


RIVALS: Final[dict[str, Callable[[pa.StringArray], Ready]]] = {
    "Presidio": presidio,
    "DataFog": datafog,
    "scrubadub": scrubadub,
    "Hyperscan": hyperscan,
    "RE2 union": re2,
    "polars union": polars,
}
"""What makes ready to search a column, by name."""
MOST_BYTES: Final = {"Presidio": 300_000, "DataFog": 1_000_000, "scrubadub": 500_000}
"""How much the slow ones get of a text. All of them take time in proportion to it."""
