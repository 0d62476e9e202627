"""The report of a demonstration: one page that needs nothing else.

It holds masked values, numbers and words. Whatever comes from data, queries or policies is escaped.
This module knows the story and HTML. It asks nothing and reads nothing.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from maskline._cells import grouped
from maskline._html import chip, result_html, shield, style, text
from maskline.demo._lineage import lineage_svg
from maskline.demo._page import CSS
from maskline.demo._pieces import cell, mark, numbers, question, sql, verdict, who
from maskline.demo._story import (
    Answer,
    Attack,
    Column,
    Hunt,
    Joined,
    Story,
)
from maskline.model import Mask, OutputColumn

__all__ = ["report_html"]

_ROWS: Final = 8
_ATTACK_ROWS: Final = 3
_RECORDS: Final = 24
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
        "Guesses that a rule allows.",
        (
            "A literal that is compared with a masked column finds nothing. A rule can have it "
            "looked up: then whoever knows a value learns whether it is there. Lookups are counted "
            "and recorded."
        ),
    ),
    (
        "Small groups.",
        (
            "Numbers are exact, for groups of one person too, unless a measure has the mask "
            "aggregate. That one asks for a size of the group, and yet the difference of two large "
            "groups can be one person."
        ),
    ),
    (
        "Names in prose.",
        (
            "Free text is searched by patterns, and for names by a model that misses some. A "
            "nickname or the story of an illness passes unseen. Redact a column where that must "
            "not be."
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
        *_attacks(story.attacks),
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
        *_closed(story.attacks),
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
        yield question(answer.question)
        yield result_html(answer.result, rows=_ROWS, with_style=False)
        yield "</section>"
    for failure in story.failures:
        yield f'<section class="card">{question(failure.question)}{verdict(failure)}</section>'


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
    rows = [[cell(value) for value in row] for row in joined.rows[:_ROWS]]
    yield f'<section class="card">{numbers(joined.names, rows)}<ul class="checks">'
    for way, is_same in joined.ways:
        yield f"<li>{mark(is_same)} {text(way)}</li>"
    words = "Equal in every number." if same else "The answers differ."
    yield f'</ul><p class="{"good" if same else "bad"}">{words}</p></section>'


def _closed(attacks: tuple[Attack, ...]) -> Iterator[tuple[str, str]]:
    """Yield how many attacks got nothing, if there was one."""
    if attacks:
        nothing = sum(attack.got_nothing for attack in attacks)
        yield f"{nothing} of {len(attacks)}", f"attacks got nothing: {_outcomes(attacks)}"


def _outcomes(attacks: tuple[Attack, ...]) -> str:
    counted = Counter(_outcome(attack) for attack in attacks)
    return ", ".join(f"{number} {outcome}" for outcome, number in counted.items())


def _outcome(attack: Attack) -> str:
    if isinstance(attack.happened, Answer):
        return "answered on masks" if attack.got_nothing else "leaked"
    return "refused" if attack.happened.is_refused else "failed"


def _attacks(attacks: tuple[Attack, ...]) -> Iterator[str]:
    if not attacks:
        return
    yield "<h2>Trying to break in</h2>"
    yield (
        "<p>Run on the raw values, these would give something away. Some are answered all the "
        "same, because the database computes with masks: a piece of a token is cut, tokens are "
        "sorted, and a guess meets none of them. The others are refused before they reach the "
        "database, and the reason may name a column but never a value.</p>"
    )
    for attack in attacks:
        happened = attack.happened
        asked = happened.question
        got = _got(attack, happened) if isinstance(happened, Answer) else verdict(happened)
        yield (
            f'<section class="card attack"><div><h3>{text(asked.title)}</h3>'
            f'<p class="hint">{text(asked.why)}</p>'
            f'<pre class="sql">{sql(asked.sql)}</pre></div>'
            f"<div>{who(asked)}{got}</div></section>"
        )


def _got(attack: Attack, answer: Answer) -> str:
    """Tell what an attack got that was answered. What it should not have got is not shown again."""
    number = len(answer.rows)
    size = f"{grouped(number)} row{'' if number == 1 else 's'}"
    shown = ""
    if attack.got_nothing and number:
        names = [column.output.name for column in answer.result.columns]
        cells = [[cell(value) for value in row] for row in answer.rows[:_ATTACK_ROWS]]
        size += f", {len(cells)} of them here" if number > len(cells) else ""
        shown = numbers(names, cells)
    found = f"{grouped(attack.found)} raw values" if attack.found else "No raw value"
    checks = [(not attack.found, found)]
    if attack.is_copy is not None:
        words = "The same" if attack.is_copy else "Not the same"
        checks.append((attack.is_copy, f"{words} as this SQL gives on a masked copy"))
    lines = "".join(f"<li>{mark(is_good)} {words}</li>" for is_good, words in checks)
    way, words = ("good", "Answered on masks.") if attack.got_nothing else ("bad", "Leaked.")
    return (
        f'<p class="verdict"><b class="{way}">{words}</b> {size}.</p>{shown}'
        f'<ul class="checks">{lines}</ul>'
    )


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
    yield f'<section class="card">{numbers(heads, rows)}'
    if len(story.records) > _RECORDS:
        yield f'<p class="soft">the last {_RECORDS} of {grouped(len(story.records))} records</p>'
    yield '<ul class="checks">'
    words = "Every hash and every link was checked: the log is whole."
    yield f"<li>{mark(log.ok)} {words if log.ok else 'The log is not what was written.'}</li>"
    found = story.tampered
    if found is not None:
        yield (
            f"<li>{mark(True)} One digit was changed in a copy, and found: "
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
        [f"<code>{text(name)}</code>", f"{grouped(size)} bytes", f"{mark(not found)} {found}"]
        for name, size, found in searched.places
    ]
    yield f'<section class="card">{numbers(("file", "size", "raw values"), rows)}</section>'


def _limits() -> Iterator[str]:
    yield "<h2>What this does not protect against</h2>"
    yield '<ul class="limits">'
    yield from (f"<li><b>{head}</b> {words}</li>" for head, words in _LIMITS)
    yield "</ul>"
    yield (
        "<p>maskline enforces a policy and leaves evidence of it. Whether that satisfies a law or "
        "a standard is for people to judge.</p>"
    )
