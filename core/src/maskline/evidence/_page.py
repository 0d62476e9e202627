"""Writes evidence as one page that needs nothing else, on a screen and on paper.

No script runs and nothing is loaded: the page forbids it to itself. This module knows HTML and what
`gather` returns. It adds no figure of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from maskline._cells import grouped
from maskline._html import shield, text

__all__ = ["to_html"]

_MOST: Final = 100
"""So many rows a table has at most; ``evidence.json`` has all of them."""
_CSS: Final = """
:root {color-scheme: light dark; --back: #fbfbfa; --card: #fff; --ink: #1c1d1f; --soft: #5b5e63;
  --line: #e3e3df; --good: #1f7a3d; --bad: #c92a2a; --care: #b26a00;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace}
@media (prefers-color-scheme: dark) {
  :root {--back: #121314; --card: #191a1c; --ink: #e8e8e6; --soft: #a2a5aa; --line: #2d2f32;
    --good: #5dbb7c; --bad: #f08080; --care: #e0a458}
}
* {box-sizing: border-box}
body {margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif}
main {max-width: 1080px; margin: 0 auto; padding: 44px 28px 72px}
.brand {display: flex; align-items: center; gap: 9px; font-weight: 650; margin-bottom: 34px;
  color: var(--soft)}
.brand .mk-shield {width: 22px; height: 22px; color: var(--ink)}
h1 {font-size: 30px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 10px; font-weight: 680}
h2 {font-size: 20px; letter-spacing: -.01em; margin: 48px 0 6px; font-weight: 660;
  scroll-margin-top: 20px}
p {margin: 0 0 12px; max-width: 74ch}
.lead {font-size: 18px; line-height: 1.5; color: var(--soft); max-width: 66ch; margin: 0 0 26px}
.soft {color: var(--soft)}
.cards {display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px;
  margin: 0 0 12px; padding: 0; list-style: none}
.cards li {background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 12px 16px; font-size: 13px; color: var(--soft)}
.cards b {display: block; font-size: 23px; line-height: 1.3; font-weight: 660; color: var(--ink);
  font-variant-numeric: tabular-nums}
.cards .good b {color: var(--good)} .cards .bad b {color: var(--bad)}
.cards .care b {color: var(--care)}
.scroll {overflow-x: auto; margin: 8px 0 12px}
table {border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%}
th {text-align: left; font-weight: 620; color: var(--soft); white-space: nowrap}
th, td {padding: 6px 18px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top}
td.n, th.n {text-align: right; white-space: nowrap}
td.t {white-space: nowrap}
td.t code {overflow-wrap: normal}
code {font: 12px/1.5 var(--mono); overflow-wrap: anywhere}
a {color: inherit; text-decoration-color: var(--line); text-underline-offset: 3px}
footer {margin-top: 56px; padding-top: 16px; border-top: 1px solid var(--line); font-size: 13px;
  color: var(--soft)}
@media (max-width: 720px) {main {padding: 28px 16px 48px}}
@media print {
  :root {color-scheme: light; --back: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc;
    --good: #1f7a3d; --bad: #c92a2a; --care: #8a5200}
  body {font-size: 10.5pt} main {max-width: none; padding: 0} table {font-size: 8.5pt}
  h2 {break-after: avoid} tr, .cards li {break-inside: avoid} thead {display: table-header-group}
  .scroll {overflow: visible}
}
"""
# The last is what a browser is told to hold the page to.
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Evidence from the audit log</title>
<style>{css}</style></head>
<body><main>
<div class="brand">{shield}maskline</div>
<h1>Evidence</h1>
"""
_TITLES: Final = {
    "verification": "The audit log",
    "policies": "Versions of the policy",
    "coverage": "Labels of columns",
    "accesses": "Who asked, and why",
    "reveals": "Sensitive values shown as they are",
    "refusals": "What was refused",
    "exports": "The largest answers",
    "redteam": "Attacks",
}
_NUMBERS: Final = frozenset(
    {
        "queries", "rows", "bytes", "looked_up", "answered", "refused", "failed", "cancelled",
        "not_completed", "columns_", "labelled", "attacks", "dead", "shown_", "leaking",
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
            _HEAD.format(css=_CSS, shield=shield()),
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
            f"<footer>{text(_foot(evidence))}</footer>",
            "</main></body></html>",
            "",
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
