"""The look of the pages that maskline writes: one file that needs nothing else.

No script runs and nothing is loaded: a page forbids it to itself. It reads on a screen, by day and
by night, and on paper. This module knows HTML. It does not know what a page tells.
"""

from typing import Final

from maskline._html import shield, text

__all__ = ["TAIL", "head"]

TAIL: Final = "</main></body></html>\n"
"""Ends a page."""
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
# The last of the head is what a browser is told to hold the page to.
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{css}{more}</style></head>
<body><main>
<div class="brand">{shield}maskline</div>
<h1>{heading}</h1>
"""


def head(*, title: str, heading: str, css: str = "") -> str:
    """Return the begin of a page.

    Args:
        title: What a browser calls the page.
        heading: Its first line.
        css: Rules of its own.
    """
    return _HEAD.format(
        title=text(title), heading=text(heading), css=_CSS, more=css, shield=shield()
    )
