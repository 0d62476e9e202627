"""Scrubs the events of other OpenLineage producers on their way out.

The client of OpenLineage runs `ScrubbingTransformer` if its configuration names it; the how-to on
lineage shows how. Only facets on a list pass, and of these only what tells of structure: a
statement loses its literals, an error its text, a metric its extremes. This module knows the
facets of the specification. It imports the client, so nothing else here may import it.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from openlineage.client.client import Event
from openlineage.client.serde import Serde
from openlineage.client.transport.transform import EventTransformer
from sqlglot.dialects.dialect import Dialect

from maskline.planning.scrub import scrub
from maskline_openlineage._sending import to_event

__all__ = ["MASKED", "ScrubbingTransformer"]

MASKED: Final = "<masked>"
"""Stands for the text of an error."""

_log: Final = logging.getLogger("maskline.openlineage")
_Facet: TypeAlias = dict[str, Any]

# These loggers write whole events at DEBUG, before they are scrubbed.
_TALKATIVE: Final = (
    "openlineage.client.client",
    "openlineage.client.transport.transform.transform",
)

_CREDENTIALS: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY_OF_URL: Final = re.compile(r"(?<=://)([^?#\s]*)[?#]\S*")
_WORDS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXCEPTION: Final = re.compile(
    r"(?P<before>Caused by: )?(?P<name>[A-Za-z_][\w.$]{0,120}(?:Error|Exception|Interrupt|Exit))"
    r"(?=:|\s|\Z)"
)
_PYTHON_FRAME: Final = re.compile(
    r'  File "(?:[^"]*[/\\])?(?P<file>[\w.<>-]+)", line (?P<line>\d+), in (?P<name>[\w.<>]+)\Z'
)
_JAVA_FRAME: Final = re.compile(r"\s*at [\w.$<>/]+\([\w.$ ]*(?::\d+)?\)\Z")
_FACETS: Final = frozenset({"facets", "inputFacets", "outputFacets"})
_FREE_TEXT: Final = frozenset({"description", "transformationDescription"})
_DIALECTS: Final = {
    "awsathena": "athena",
    "mssql": "tsql",
    "postgresql": "postgres",
    "sqlserver": "tsql",
}


class ScrubbingTransformer(EventTransformer):
    """Takes everything out of an event that could be a value.

    Args:
        properties: ``unsafe_keep`` lists facets that pass as they are.
    """

    def __init__(self, properties: dict[str, Any]) -> None:
        super().__init__(properties)
        self._kept = frozenset(map(str, properties.get("unsafe_keep") or ()))
        if self._kept:
            _log.warning("unsafe_keep lets these facets pass: %s", ", ".join(sorted(self._kept)))
        for name in _TALKATIVE:
            logger = logging.getLogger(name)
            if _is_not_debug not in logger.filters:
                logger.addFilter(_is_not_debug)

    def transform(self, event: Event) -> Event | None:
        """Return the event without values; None, so that it is not sent, if that fails."""
        try:
            return to_event(self._scrubbed(Serde.to_dict(event)))
        except Exception as exc:  # noqa: BLE001 - whatever it is, its text may hold a value
            culprit = type(exc).__name__
        _log.warning("An event was not sent, as it could not be scrubbed: %s.", culprit)
        return None

    def _scrubbed(self, body: dict[str, Any]) -> dict[str, Any]:
        datasets = [*body.get("inputs", ()), *body.get("outputs", ()), body.get("dataset", {})]
        names = {"known": frozenset(_names(datasets)), "dialect": _dialect(datasets)}
        scrubbed = dict(body)
        for owner in ("run", "job", "dataset"):
            if owner in body:
                scrubbed[owner] = self._owner(body[owner], **names)
        for owners in ("inputs", "outputs"):
            scrubbed[owners] = [self._owner(owner, **names) for owner in body.get(owners) or ()]
        return scrubbed

    def _owner(self, owner: dict[str, Any], **names: Any) -> dict[str, Any]:  # noqa: ANN401 - to _sql
        return {
            key: dict(self._facets(value or {}, **names)) if key in _FACETS else _plain(value)
            for key, value in owner.items()
        }

    def _facets(self, facets: _Facet, **names: Any) -> Iterator[tuple[str, _Facet]]:  # noqa: ANN401
        for name, facet in facets.items():
            if name in self._kept:
                yield name, facet
            elif name == "sql":
                yield name, _sql(facet, **names)
            elif name in _SCRUBBERS:
                yield name, _SCRUBBERS[name](facet) | _common(facet)


def _is_not_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


def _common(facet: _Facet) -> _Facet:
    return {key: facet[key] for key in ("_producer", "_schemaURL", "_deleted") if key in facet}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Drop descriptions, and what addresses carry beside the address."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in _FREE_TEXT}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return _QUERY_OF_URL.sub(r"\1", _CREDENTIALS.sub("", value))
    return value


def _only(*names: str) -> Callable[[_Facet], _Facet]:
    return lambda facet: _plain({name: facet[name] for name in names if name in facet})


def _sql(facet: _Facet, *, known: Collection[str], dialect: str) -> _Facet:
    stated = _known_dialect(str(facet.get("dialect") or ""))
    text = scrub(str(facet.get("query") or ""), dialect=stated or dialect, known=known).text
    told = {"dialect": facet["dialect"]} if stated else {}
    return _common(facet) | {"query": text} | told


def _names(datasets: Collection[Mapping[str, Any]]) -> Iterator[str]:
    """Return every name of the catalogue that the event tells anyway, in lower case."""
    for dataset in datasets:
        facets = dataset.get("facets") or {}
        fields = (facets.get("schema") or {}).get("fields") or ()
        lineage = (facets.get("columnLineage") or {}).get("fields") or {}
        texts = [
            str(dataset.get("name", "")),
            *(str(field.get("name")) for field in fields),
            *lineage,
        ]
        for text in texts:
            yield from (word.lower() for word in _WORDS.findall(text))


def _dialect(datasets: Collection[Mapping[str, Any]]) -> str:
    schemes = (str(dataset.get("namespace", "")).partition(":")[0] for dataset in datasets)
    return next(filter(None, map(_known_dialect, schemes)), "")


def _known_dialect(name: str) -> str:
    name = _DIALECTS.get(name.lower(), name.lower())
    return name if name in Dialect.classes else ""


def _error(facet: _Facet) -> _Facet:
    trace = facet.get("stackTrace")
    return {
        "message": _first_line(str(facet.get("message", ""))),
        "programmingLanguage": facet.get("programmingLanguage", ""),
    } | ({"stackTrace": _frames(str(trace))} if trace else {})


def _extraction_error(facet: _Facet) -> _Facet:
    errors = [
        {
            "errorMessage": _first_line(str(error.get("errorMessage", ""))),
            "stackTrace": _frames(str(error.get("stackTrace", ""))),
        }
        | _only("taskNumber")(error)
        for error in facet.get("errors") or ()
    ]
    return _only("totalTasks", "failedTasks")(facet) | {"errors": errors}


def _first_line(message: str) -> str:
    """Return the class of an error, if a message begins with one."""
    found = _EXCEPTION.match(message)
    return f"{found['before'] or ''}{found['name']}: {MASKED}" if found else MASKED


def _frames(trace: str) -> str:
    """Return the frames of a Python or Java traceback, and the classes of its errors."""
    kept = []
    for line in trace.splitlines():
        if frame := _PYTHON_FRAME.match(line):
            kept.append(f'  File "{frame["file"]}", line {frame["line"]}, in {frame["name"]}')
        elif _JAVA_FRAME.match(line):
            kept.append(line)
        elif _EXCEPTION.match(line):
            kept.append(_first_line(line))
    return "\n".join(kept)


def _metrics(facet: _Facet) -> _Facet:
    """Return what is counted: extremes, sums and quantiles are values."""
    columns = {
        name: _only("nullCount", "distinctCount", "count")(metrics)
        for name, metrics in (facet.get("columnMetrics") or {}).items()
    }
    return _only("rowCount", "bytes", "fileCount", "lastUpdated")(facet) | {
        "columnMetrics": columns
    }


def _assertions(facet: _Facet) -> _Facet:
    keep = _only("assertion", "success", "column", "severity")
    return {"assertions": [keep(item) for item in facet.get("assertions") or ()]}


def _everything(facet: _Facet) -> _Facet:
    plain: _Facet = _plain(facet)
    return plain


_SCRUBBERS: Final[Mapping[str, Callable[[_Facet], _Facet]]] = {
    "catalog": _only("framework", "type", "name", "metadataUri", "warehouseUri", "source"),
    "columnLineage": _everything,
    "dataQualityAssertions": _assertions,
    "dataQualityMetrics": _metrics,
    "dataSource": _only("name", "uri"),
    "datasetType": _everything,
    "errorMessage": _error,
    "extractionError": _extraction_error,
    "externalQuery": _everything,
    "hierarchy": _everything,
    "inputStatistics": _only("rowCount", "size", "fileCount"),
    "jobType": _everything,
    "lifecycleStateChange": _everything,
    "lineage": _everything,
    "maskline_masking": _everything,
    "nominalTime": _everything,
    "outputStatistics": _only("rowCount", "size", "fileCount"),
    "ownership": _everything,
    "parent": _everything,
    "processing_engine": _everything,
    "schema": _everything,
    "sourceCodeLocation": _only("type", "url", "repoUrl", "path", "version", "tag", "branch"),
    "storage": _everything,
    "symlinks": _everything,
    "tags": _everything,
    "version": _everything,
}
