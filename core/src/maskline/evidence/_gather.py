"""Gathers what an auditor asks for, as plain JSON.

This module knows the audit log, policies and catalogues. It reads no row of a database, and it
draws no conclusion: that a control is met is for an auditor to say.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from maskline.audit import verify
from maskline.audit.questions import Questions, Span
from maskline.audit.signing import public_path
from maskline.errors import MasklineError, UsageError
from maskline.model import UNKNOWN, ColumnRef
from maskline.plugins import Registry, open_source
from maskline.policy import Policy

__all__ = ["Json", "gather"]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
_Rows: TypeAlias = list[dict[str, Any]]


def gather(  # noqa: PLR0913 - all that evidence is made of
    policy: Policy,
    registry: Registry,
    *,
    span: Span,
    redteam: Mapping[str, Any] | None = None,
    detection: Mapping[str, Any] | None = None,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Gather evidence from the audit log, the policy and the catalogues of its databases.

    Args:
        policy: Names the log, the databases and the labels.
        registry: Opens the databases, to list their columns. None of their rows is read.
        span: From when to when.
        redteam: What ``maskline redteam --format json`` printed.
        detection: What ``maskline evaluate --format json`` printed.
        cache: Where to keep what was read of the log; see `Questions.open`.

    Returns:
        Plain JSON with the keys ``version``, ``made``, ``from``, ``to``, ``maskline``, ``policy``,
        ``verification``, ``policies``, ``coverage``, ``accesses``, ``reveals``, ``refusals``,
        ``exports``, ``redteam``, ``detection``, ``unreadable`` and ``controls``. It holds what the
        log holds: no value of the data, no literal and no key.

    Raises:
        AuditError: The log cannot be read.
        UsageError: *redteam* or *detection* is something else.
    """
    measured = None if detection is None else _measured(detection)
    score = None if redteam is None else _score(redteam)
    with Questions.open(policy.audit_path, cache=cache) as asked:
        told = {
            "policies": _rows(asked.policies(span=span).to_pylist()),
            "accesses": _rows(asked.accesses(span=span).to_pylist()),
            "reveals": _rows(asked.reveals(span=span).to_pylist()),
            "refusals": _rows(asked.refusals(span=span).to_pylist()),
            "exports": _rows(asked.exports(span=span).to_pylist()),
            "unreadable": asked.unreadable,
        }
    controls = files("maskline.evidence").joinpath("controls.toml").read_text("utf-8")
    return {
        "version": 1,
        "made": _time(datetime.now(UTC)),
        "from": None if span.since is None else _time(span.since),
        "to": None if span.until is None else _time(span.until),
        "maskline": version("maskline"),
        "policy": policy.hash,
        "verification": asdict(verify(policy.audit_path, public_keys=_public_keys(policy))),
        "coverage": [_coverage(policy, registry, name) for name in sorted(policy.sources)],
        "redteam": score,
        "detection": measured,
        **told,
        "controls": tomllib.loads(controls)["control"],
    }


def _public_keys(policy: Policy) -> str:
    if policy.audit_signing is None:
        return ""
    try:
        return public_path(policy.audit_signing.key).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # Then no signature is checked, and `signed` says that none was.


def _coverage(policy: Policy, registry: Registry, name: str) -> dict[str, Any]:
    """Say what the columns of a database are called in the policy, if it can be reached."""
    try:
        source = open_source(registry, policy.sources[name].url)
        try:
            catalogue = source.catalogue()
        finally:
            source.close()
    except MasklineError as exc:
        return {"source": name, "reached": False, "why": exc.code}
    refs = [
        ColumnRef(relation.schema, relation.name, column.name)
        for relation in catalogue.relations
        for column in relation.columns
    ]
    ignore_case = catalogue.dialect != "postgres"
    labels = {ref: policy.label(name, ref, ignore_case=ignore_case).entity for ref in refs}
    unknown = sorted(str(ref) for ref, label in labels.items() if label == UNKNOWN)
    return {
        "source": name,
        "reached": True,
        "columns": len(refs),
        "labelled": len(refs) - len(unknown),
        "labels": dict(sorted(Counter(labels.values()).items())),
        "unknown": unknown,
    }


def _score(redteam: Mapping[str, Any]) -> _Rows:
    """Take the numbers of a red-team run, and the names of the attacks that leak."""
    numbers = ("attacks", "dead", "refused", "answered")
    rows = []
    for family, score in redteam.items():
        is_score = isinstance(score, Mapping) and isinstance(score.get("leaks"), Mapping)
        if not is_score or not all(isinstance(score.get(name), int) for name in numbers):
            msg = "That is not what `maskline redteam --format json` prints."
            raise UsageError(msg, hint="Give the file that it printed, unchanged.")
        shown = score.get("shown")
        rows.append(
            {
                "family": family,
                **{name: score[name] for name in numbers},
                "shown": len(shown) if isinstance(shown, Mapping) else 0,
                "leaks": sorted(map(str, score["leaks"])),
            }
        )
    return rows


def _measured(detection: Mapping[str, Any]) -> _Rows:
    """Take the numbers of each entity and data set from a run of the evaluation."""
    rows = []
    try:
        for result in detection["results"]:
            for entity, found in result["entities"].items():
                rows.append(
                    {
                        "dataset": str(result["dataset"]),
                        "system": str(result["system"]),
                        "entity": str(entity),
                        "labels": int(found["recall"]["total"]),
                        "precision": float(found["precision"]["value"]),
                        "recall": float(found["recall"]["value"]),
                        "f2": float(found["f2"]),
                        "f2_low": float(found["f2_low"]),
                        "f2_high": float(found["f2_high"]),
                    }
                )
    except (KeyError, TypeError, ValueError, AttributeError):
        is_ours = False
    else:
        is_ours = True
    if is_ours:
        return rows
    msg = "That is not what `maskline evaluate --format json` prints."
    raise UsageError(msg, hint="Give the file that it printed, unchanged.")


def _rows(rows: _Rows) -> _Rows:
    return [
        {
            name: _time(value) if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
