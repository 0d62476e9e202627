"""The report of a demonstration: one page that needs nothing else.

It holds masked values, numbers and words. Whatever comes from data, queries or policies is escaped.
This module knows the story and HTML. It asks nothing and reads nothing.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from maskline._cells import cell_text, grouped, visible
from maskline._html import chip, result_html, shield, style, text
from maskline.demo._lineage import lineage_svg
from maskline.demo._page import CSS
from maskline.demo._story import Answer, Column, Hunt, Joined, NoAnswer, Question, Story
from maskline.model import Mask, OutputColumn

__all__ = ["report_html"]

_ROWS: Final = 8
_RECORDS: Final = 24
_WORDS: Final = re.compile(
    r"('(?:[^']|'')*')|\b(SELECT|FROM|JOIN|ON|WHERE|AND|OR|GROUP BY|ORDER BY|LIMIT|AS|DESC|OVER"
    r"|DISTINCT|LIKE|DATE)\b"
)
_NUMBER: Final = re.compile("[0-9\u202f]+")
_PROMISE: Final = (
    "Every answer is what the same SQL would give on a masked copy of the database, without the "
    "copy."
)
_LIMITS: Final = (
    (
        "The person at the keyboard.",
        (
            "In your own process, maskline protects people who mean well from seeing and "
            "spreading personal data by accident. Whoever can read the database's URL can connect "
            "without it; who asks and why is what they say about themselves."
        ),
    ),
    (
        "Frequencies and equality.",
        (
            "A token shows how often its value occurs and where else it stands. The most frequent "
            "city is easily guessed."
        ),
    ),
    (
        "Small groups.",
        "Numbers are exact, for groups of one person too. There is no minimum group size.",
    ),
    (
        "Names in prose.",
        (
            "Free text is searched by patterns. What has no pattern, such as a nickname or the "
            "story of an illness, passes unseen. Redact a column where that must not be."
        ),
    ),
    (
        "Wrong labels.",
        (
            "A personal column that is declared PUBLIC is not masked. The scan looks at a sample; "
            "a person should read what it proposes."
        ),
    ),
    (
        "The log's owner.",
        (
            "A change inside of the log is found. Whoever may write its folder can still write all "
            "of it anew, unless its head is noted where they cannot write."
        ),
    ),
    (
        "The database's own logs.",
        "They hold statements as they were sent, with their literals.",
    ),
)


def report_html(story: Story, searched: Hunt | None) -> str:
    """Return the page.

    Args:
        story: What happened.
        searched: The search for raw values; None for the page that is itself searched first.
    """
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        # Nothing is loaded and nothing runs, whatever stands in the data.
        (
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        ),
        f"<title>maskline: {text(story.name)}</title>",
        f"<style>{CSS}</style>{style()}</head><body><main>",
        *_opening(story, searched),
        *_found(story),
        *_answers(story),
        *_joined(story.joined),
        *_refused(story.refused),
        *_lineage(story.answers),
        *_record(story),
        *_search(story, searched),
        *_limits(),
        (
            f"<footer>Source {text(story.shown)} · policy <code>{story.policy_hash[:7]}</code> · "
            "this page loads nothing and runs nothing.</footer>"
        ),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _opening(story: Story, searched: Hunt | None) -> Iterator[str]:
    masked = sum(column.is_masked for column in story.columns)
    what = "a shop that is made up" if story.is_shop else story.name
    yield f'<div class="brand">{shield()}maskline</div>'
    yield f"<h1>Asking {text(what)}, masked</h1>"
    yield f'<p class="lead">{_PROMISE}</p>'
    tiles = [
        (f"{masked} of {len(story.columns)}", "columns hold something to protect"),
        (grouped(len(story.answers)), "questions answered, each run once"),
        (grouped(len(story.refused)), "attacks refused, with a reason"),
        (grouped(story.verification.records), "records in a chain of hashes"),
    ]
    if story.lineage_events is not None:
        tiles.append((grouped(story.lineage_events), "lineage events"))
    if searched is not None:
        tiles.append((grouped(searched.found), "raw values in anything written"))
    yield '<ul class="tiles">'
    yield from (f"<li><b>{number}</b><span>{words}</span></li>" for number, words in tiles)
    yield "</ul>"


def _found(story: Story) -> Iterator[str]:
    yield "<h2>What was found</h2>"
    yield (
        "<p>Each column was looked at once, by its name and a sample of its values. The labels "
        "went into the policy, where a person can read and change them. Beside each is what "
        "becomes of it for somebody without special rights.</p>"
    )
    yield '<div class="tables">'
    for table in dict.fromkeys(column.ref[:2] for column in story.columns):
        columns = [column for column in story.columns if column.ref[:2] == table]
        rows = "".join(f"<li><span>{text(c.ref.column)}</span>{_label(c)}</li>" for c in columns)
        name = f'<span class="soft">{text(table[0])}.</span>{text(table[1])}'
        yield f'<section class="card"><h3>{name}</h3><ul>{rows}</ul></section>'
    yield "</div>"
    yield '<div class="key maskline">'
    yield from (f"<span>{_example(name)} {words}</span>" for name, words in _KEY)
    yield "</div>"


_KEY: Final = (
    ("token", "equal for equal values"),
    ("partial", "some characters are left"),
    ("redact", "nothing is left"),
    ("scan", "masked inside of the text"),
    ("reveal", "seen as it is, by a rule"),
)


def _example(name: str) -> str:
    mask = None if name == "reveal" else Mask(name=name)
    words = chip(OutputColumn(name="", mask=mask, rule="rule"))
    return words.replace("PUBLIC · ", "")


def _label(column: Column) -> str:
    if not column.is_masked:
        words = "public" if column.label.entity == "PUBLIC" else "seen as it is"
        return f'<span class="soft">{words}</span>'
    decision = column.decision
    treated = OutputColumn(
        name=column.ref.column, label=column.label, mask=decision.mask, rule=decision.rule
    )
    title = f"{column.label.evidence}; decided by {decision.rule}"
    return f'<span class="maskline" title="{text(title)}">{chip(treated)}</span>'


def _answers(story: Story) -> Iterator[str]:
    yield "<h2>Questions and answers</h2>"
    kinds = len({answer.question.who for answer in story.answers})
    yield (
        f"<p>{kinds} principals ask. The same policy decides for all of them, and every question "
        "leaves a record before its first row does.</p>"
    )
    for answer in story.answers:
        yield '<section class="card">'
        yield _question(answer.question)
        yield result_html(answer.result, rows=_ROWS, with_style=False)
        yield "</section>"
    for failure in story.failures:
        yield f'<section class="card">{_question(failure.question)}{_verdict(failure)}</section>'


def _question(question: Question) -> str:
    return (
        f"<h3>{text(question.title)}</h3>{_who(question)}"
        f'<p>{text(question.why)}</p><pre class="sql">{_sql(question.sql)}</pre>'
    )


def _who(question: Question) -> str:
    who = question.who
    roles = f" · role {text(', '.join(who.roles))}" if who.roles else ""
    behalf = f" · on behalf of {text(', '.join(who.on_behalf_of))}" if who.on_behalf_of else ""
    purpose = f"for “{text(question.purpose)}”" if question.purpose else "no purpose stated"
    return f'<p class="who">{text(who.kind)} <b>{text(who.id)}</b>{roles}{behalf} · {purpose}</p>'


def _sql(sql: str) -> str:
    pieces = []
    place = 0
    shown = "\n".join(map(visible, sql.split("\n")))
    for found in _WORDS.finditer(shown):
        tag = "i" if found[1] else "b"
        pieces += [escape(shown[place : found.start()]), f"<{tag}>{escape(found[0])}</{tag}>"]
        place = found.end()
    return "".join(pieces) + escape(shown[place:])


def _joined(joined: Joined | None) -> Iterator[str]:
    if joined is None:
        return
    yield "<h2>A join that holds</h2>"
    same = all(is_same for _, is_same in joined.ways)
    yield (
        "<p>The join was made again, in other ways. A token is a function of its value and of a "
        "key, so equal values have equal tokens, in every table and in every tool that got its "
        "data under the same keys.</p>"
    )
    rows = [[_cell(value) for value in row] for row in joined.rows[:_ROWS]]
    yield f'<section class="card">{_numbers(joined.names, rows)}<ul class="checks">'
    for way, is_same in joined.ways:
        yield f"<li>{_mark(is_same)} {text(way)}</li>"
    words = "Equal in every number." if same else "The answers differ."
    yield f'</ul><p class="{"good" if same else "bad"}">{words}</p></section>'


def _cell(value: object) -> str:
    if value is None:
        return "<i>NULL</i>"
    return grouped(value) if isinstance(value, int) else escape(cell_text(value))


def _numbers(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_data, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _data(cell: str) -> str:
    return f'<td class="n">{cell}</td>' if _NUMBER.fullmatch(cell) else f"<td>{cell}</td>"


def _mark(is_good: bool) -> str:  # noqa: FBT001 - the only thing it is told
    return '<span class="good">✓</span>' if is_good else '<span class="bad">✗</span>'


def _refused(refused: tuple[NoAnswer, ...]) -> Iterator[str]:
    if not refused:
        return
    yield "<h2>What was refused</h2>"
    yield (
        "<p>Of each of these, something would be left in the answer that masking the answer cannot "
        "take away. None of them reached the database. The reason names the column and never a "
        "value.</p>"
    )
    for attempt in refused:
        question = attempt.question
        yield (
            f'<section class="card refused"><div><h3>{text(question.title)}</h3>'
            f'<p class="hint">{text(question.why)}</p>'
            f'<pre class="sql">{_sql(question.sql)}</pre></div>'
            f"<div>{_who(question)}{_verdict(attempt)}</div></section>"
        )


def _verdict(attempt: NoAnswer) -> str:
    error = attempt.error
    hint = f'<p class="hint">{text(error.hint)}</p>' if error.hint else ""
    word = "Refused." if attempt.is_refused else "Not answered."
    return f'<p class="verdict"><b>{word}</b> {text(error.message)}</p>{hint}'


def _lineage(answers: tuple[Answer, ...]) -> Iterator[str]:
    drawn = max(
        answers,
        key=lambda answer: (
            len({ref[:2] for out in answer.plan.outputs for ref, _ in out.sources}),
            sum(column.is_masked for column in answer.result.columns),
        ),
        default=None,
    )
    if drawn is None:
        return
    yield "<h2>Where an answer comes from</h2>"
    yield (
        f"<p>“{text(drawn.question.title)}”, column by column. A coloured line carries "
        "something that is masked or revealed on its way, a dashed one something that was "
        "computed, a dotted one decides only which rows there are. The same goes out as "
        "OpenLineage events.</p>"
    )
    yield f'<section class="card scroll">{lineage_svg(drawn)}</section>'


def _record(story: Story) -> Iterator[str]:
    log = story.verification
    yield "<h2>The record</h2>"
    yield (
        "<p>A record is on the disk before the first row leaves, and another tells how it ended. "
        "Each holds the hash of the one before it. Statements are kept with every literal "
        "replaced, and no record holds a value.</p>"
    )
    rows = [list(_record_row(record)) for record in story.records[-_RECORDS:]]
    heads = ("#", "time", "who", "outcome", "rows", "statement", "follows", "hash")
    yield f'<section class="card">{_numbers(heads, rows)}'
    if len(story.records) > _RECORDS:
        yield f'<p class="soft">the last {_RECORDS} of {grouped(len(story.records))} records</p>'
    yield '<ul class="checks">'
    words = "Every hash and every link was checked: the log is whole."
    yield f"<li>{_mark(log.ok)} {words if log.ok else 'The log is not what was written.'}</li>"
    found = story.tampered
    if found is not None:
        yield (
            f"<li>{_mark(True)} One digit was changed in a copy, and found: "
            f"<code>{text(found.segment)}:{found.line}</code>, {text(found.what)}.</li>"
        )
    yield (
        f"<li>Head <code>{log.head_seq}:{text(log.head_hash)}</code>. Note it where nobody who "
        "writes the log can write.</li></ul></section>"
    )


def _record_row(record: dict[str, Any]) -> Iterator[str]:
    event = record["event"]
    who = event["principal"]
    yield str(record["seq"])
    yield text(str(event["time"])[11:19])
    yield text(f"{who['kind']} {who['id']}")
    yield text(str(event["outcome"]))
    yield grouped(event["rows"])
    sql = " ".join(str(event["sql"]).split())
    yield f"<code>{text(sql if len(sql) <= 46 else f'{sql[:45]}…')}</code>"  # noqa: PLR2004
    yield f'<code class="soft">{text(record["prev"][:8])}</code>'
    yield f"<code>{text(record['hash'][:8])}</code>"


def _search(story: Story, searched: Hunt | None) -> Iterator[str]:
    if searched is None:
        return
    yield "<h2>No raw value in anything that was written</h2>"
    revealed = ""
    if searched.revealed:
        revealed = (
            f" A rule revealed {grouped(searched.revealed)} of them to one principal, so this page "
            "may show these; the other files may not."
        )
    yield (
        f"<p>{grouped(searched.values)} different values of the masked columns were looked for, as "
        f"they are, as HTML and as JSON.{revealed}</p>"
    )
    if not story.is_shop:
        yield (
            "<p>Words that also stand in texts or in columns without a mask were left out: nobody "
            "can tell where they come from.</p>"
        )
    rows = [
        [f"<code>{text(name)}</code>", f"{grouped(size)} bytes", f"{_mark(not found)} {found}"]
        for name, size, found in searched.places
    ]
    yield f'<section class="card">{_numbers(("file", "size", "raw values"), rows)}</section>'


def _limits() -> Iterator[str]:
    yield "<h2>What this does not protect against</h2>"
    yield '<ul class="limits">'
    yield from (f"<li><b>{head}</b> {words}</li>" for head, words in _LIMITS)
    yield "</ul>"
    yield (
        "<p>maskline enforces a policy and leaves evidence of it. Whether that satisfies a law or "
        "a standard is for people to judge.</p>"
    )
