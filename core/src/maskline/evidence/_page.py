"""Writes evidence as one page that needs nothing else, on a screen and on paper.

No script runs and nothing is loaded: the page forbids it to itself. This module knows HTML and what
`gather` returns. It adds no figure of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from maskline._cells import grouped
from maskline._html import text
from maskline._page import TAIL, head

__all__ = ["to_html"]

_MOST: Final = 100
"""So many rows a table has at most; ``evidence.json`` has all of them."""
_TITLES: Final = {
    "verification": "The audit log",
    "policies": "Versions of the policy",
    "coverage": "Labels of columns",
    "accesses": "Who asked, and why",
    "reveals": "Sensitive values shown as they are",
    "refusals": "What was refused",
    "exports": "The largest answers",
    "redteam": "Attacks",
    "detection": "What detection finds",
}
_NUMBERS: Final = frozenset(
    {
        "queries", "rows", "bytes", "looked_up", "answered", "refused", "failed", "cancelled",
        "not_completed", "columns_", "labelled", "attacks", "dead", "shown_", "leaking",
        "labels_",
    }
)  # fmt: skip
_TIMES: Final = frozenset({"first", "last", "time"})
_CODES: Final = frozenset({"policy_hash", "statement"})
_RARE: Final = frozenset({"failed", "cancelled", "not_completed", "looked_up", "bytes"})
"""Columns that are left out where all of their numbers are 0."""


def to_html(evidence: Mapping[str, Any]) -> str:
    """Return evidence as an HTML page.

    Args:
        evidence: What `gather` returned.
    """
    return "\n".join(
        [
            head(title="Evidence from the audit log", heading="Evidence"),
            f'<p class="lead">{text(_lead(evidence))}</p>',
            *_cards(evidence),
            *_controls(evidence["controls"]),
            *_verification(evidence),
            *_policies(evidence),
            *_coverage(evidence["coverage"]),
            *_listed("accesses", evidence, "Each principal, with each purpose that they stated."),
            *_listed(
                "reveals",
                evidence,
                "A rule of the policy let these principals see these columns without a mask.",
            ),
            *_listed("refusals", evidence, "maskline did not run these queries. No row was read."),
            *_listed("exports", evidence, "The queries that handed out the most rows."),
            *_redteam(evidence["redteam"]),
            *_detection(evidence["detection"]),
            f"<footer>{text(_foot(evidence))}</footer>",
            TAIL,
        ]
    )


def _lead(evidence: Mapping[str, Any]) -> str:
    since, until = evidence["from"], evidence["to"]
    begin = f" from {since}" if since else ""
    end = f" until {until}" if until else ""
    return (
        f"What the audit log, the policy and the catalogues tell{begin}{end}. This is evidence for "
        "somebody to judge. It does not say that a rule, a law or a standard is met."
    )


def _cards(evidence: Mapping[str, Any]) -> Iterator[str]:
    verification = evidence["verification"]
    unknown = sum(len(one.get("unknown", ())) for one in evidence["coverage"])
    reached = all(one["reached"] for one in evidence["coverage"])
    asked = sum(
        row[outcome]
        for row in evidence["accesses"]
        for outcome in ("answered", "refused", "failed", "cancelled", "not_completed")
    )
    cards = [
        ("whole" if verification["ok"] else "NOT whole", "the audit log",
         "good" if verification["ok"] else "bad"),
        (grouped(verification["signed"]), f"of {grouped(verification['records'])} records signed",
         "good" if verification["signed"] else "care"),
        (grouped(asked), "queries", ""),
        (grouped(len({row["who"] for row in evidence["accesses"]})), "principals", ""),
        (grouped(sum(row["queries"] for row in evidence["reveals"])), "reveals of a column",
         "care" if evidence["reveals"] else "good"),
        (grouped(sum(row["queries"] for row in evidence["refusals"])), "queries refused", ""),
        (grouped(unknown) if reached else f"{grouped(unknown)}+", "columns without a label",
         "care" if unknown or not reached else "good"),
    ]  # fmt: skip
    yield '<ul class="cards">'
    for figure, words, state in cards:
        yield f'<li class="{state}"><b>{text(figure)}</b>{text(words)}</li>'
    yield "</ul>"


def _controls(controls: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>Controls that this bears on</h2>"
    yield '<div class="scroll"><table><thead><tr><th>framework<th>control<th>about'
    yield "<th>evidence</tr></thead><tbody>"
    for control in controls:
        links = ", ".join(
            f'<a href="#{text(part)}">{text(_TITLES[part].lower())}</a>'
            for part in control["parts"]
        )
        yield (
            f'<tr><td class="t">{text(control["framework"])}<td class="t">{text(control["id"])}'
            f"<td>{text(control['title'])}<td>{links}</tr>"
        )
    yield "</tbody></table></div>"


def _verification(evidence: Mapping[str, Any]) -> Iterator[str]:
    found = evidence["verification"]
    yield _title("verification")
    state = "is what was written" if found["ok"] else "is NOT what was written"
    yield (
        f"<p>The whole log, whatever the time, {state}: every hash and every link of "
        f"{grouped(found['records'])} records in {grouped(found['segments'])} segments was checked "
        f"when this was made, at {text(evidence['made'])}. "
        f"{text(_signed(found))}</p>"
    )
    head = f"{found['head_seq']}:{found['head_hash']}"
    yield f'<p class="soft">Its head was <code>{text(head)}</code>.'
    if evidence["unreadable"]:
        yield f"{grouped(evidence['unreadable'])} lines are no record, and are not counted here."
    yield "</p>"
    places = [
        {
            "what": at["what"],
            "where": f"{at['segment'] or 'log'}:{at['line']}",
            "detail": at["detail"],
        }
        for at in (*found["findings"], *found["recoveries"])
    ]
    if places:
        yield from _table(places)


def _signed(found: Mapping[str, Any]) -> str:
    gone = f" Retention removed {grouped(found['pruned'])} records." if found["pruned"] else ""
    if not found["signed"]:
        return f"No signature was checked.{gone}"
    return f"Signed checkpoints cover the first {grouped(found['signed'])} records.{gone}"


def _policies(evidence: Mapping[str, Any]) -> Iterator[str]:
    yield _title("policies")
    yield (
        "<p>Under these versions queries were asked. The policy has the version "
        f"<code>{text(evidence['policy'])}</code> now.</p>"
    )
    yield from _table(evidence["policies"])


def _coverage(coverage: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _title("coverage")
    yield "<p>What nobody has labelled is masked as if it were sensitive.</p>"
    yield from _table(
        [
            {
                "source": one["source"],
                "columns_": one["columns"],
                "labelled": one["labelled"],
                "labels": ", ".join(f"{name} {n}" for name, n in one["labels"].items()),
                "without a label": ", ".join(one["unknown"]),
            }
            if one["reached"]
            else {
                "source": one["source"],
                "columns_": None,
                "labelled": None,
                "labels": f"could not be reached ({one['why']})",
                "without a label": "",
            }
            for one in coverage
        ]
    )


def _listed(part: str, evidence: Mapping[str, Any], words: str) -> Iterator[str]:
    yield _title(part)
    if evidence[part]:
        yield f"<p>{text(words)}</p>"
    yield from _table(evidence[part])


def _redteam(score: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    yield _title("redteam")
    if score is None:
        yield "<p>No score was given. <code>maskline redteam --format json</code> makes one.</p>"
        return
    yield (
        "<p>Each attack is a query that gets sensitive values from a plain driver. "
        "They were made on databases of people who do not exist.</p>"
    )
    yield from _table(
        [
            {
                **{name: row[name] for name in ("family", "attacks", "dead", "refused")},
                "answered": row["answered"],
                "shown_": row["shown"],
                "leaking": len(row["leaks"]),
                "leaks": ", ".join(row["leaks"]),
            }
            for row in score
        ]
    )


def _detection(measured: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    yield _title("detection")
    if measured is None:
        yield "<p>No score was given. <code>maskline evaluate --format json</code> makes one.</p>"
        return
    yield (
        "<p>How much of what is labelled in these data sets was found, and how much of what was "
        "found is right. The interval of F2, which weighs recall more, is at 95 %.</p>"
    )
    names = ("dataset", "system", "entity")
    yield from _table(
        [
            {
                **{name: row[name] for name in names},
                "labels_": row["labels"],
                "precision": f"{row['precision']:.3f}",
                "recall": f"{row['recall']:.3f}",
                "F2": f"{row['f2']:.3f} ({row['f2_low']:.2f} to {row['f2_high']:.2f})",
            }
            for row in measured
        ]
    )


def _foot(evidence: Mapping[str, Any]) -> str:
    return (
        f"Made by maskline {evidence['maskline']} at {evidence['made']}. Names are those of the "
        "catalogue, statements have no literals, and no value of the data is in the log, so none "
        "is here. manifest.json has the SHA-256 of this file."
    )


def _title(part: str) -> str:
    return f'<h2 id="{part}">{text(_TITLES[part])}</h2>'


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        yield '<p class="soft">Nothing.</p>'
        return
    names = [
        name
        for name in rows[0]
        if name != "shown"  # It is in the title.
        and any(
            row[name] not in (None, "", []) and (row[name] or name not in _RARE) for row in rows
        )
    ]
    head = "".join(
        f"<th{' class=n' if name in _NUMBERS else ''}>{text(name.strip('_').replace('_', ' '))}"
        for name in names
    )
    yield f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>'
    for row in rows[:_MOST]:
        yield f"<tr>{''.join(_cell(name, row[name]) for name in names)}</tr>"
    yield "</tbody></table></div>"
    if len(rows) > _MOST:
        yield f'<p class="soft">{grouped(len(rows) - _MOST)} more are in evidence.json.</p>'


def _cell(name: str, value: object) -> str:
    if name in _NUMBERS:
        return f'<td class="n">{grouped(value) if isinstance(value, int) else ""}'
    if name in _TIMES:
        return f'<td class="t">{text(str(value)[:16].replace("T", " "))}'
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    if name in {"column", "query_id"}:
        short = shown[:8] if name == "query_id" else shown
        return f'<td class="t"><code>{text(short)}</code>'
    return f"<td><code>{text(shown)}</code>" if name in _CODES else f"<td>{text(shown)}"
