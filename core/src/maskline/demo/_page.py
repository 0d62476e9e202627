"""The look of the report: light and dark, on screens and on paper, without scripts."""

from typing import Final

__all__ = ["CSS"]

CSS: Final = """
:root {color-scheme: light dark; --back: #fbfbfa; --card: #fff; --ink: #1c1d1f; --soft: #5b5e63;
  --line: #e3e3df; --code: #f3f3f0; --good: #1f7a3d; --bad: #b3261e; --blue: #2f5bd7;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace}
@media (prefers-color-scheme: dark) {
  :root {--back: #121314; --card: #191a1c; --ink: #e8e8e6; --soft: #a2a5aa; --line: #2d2f32;
    --code: #202224; --good: #6cc488; --bad: #f2877f; --blue: #8aa6f7}
}
* {box-sizing: border-box}
body {margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif}
main {max-width: 1080px; margin: 0 auto; padding: 56px 28px 72px}
h1 {font-size: 30px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 10px; font-weight: 680}
h2 {font-size: 20px; letter-spacing: -.01em; margin: 60px 0 6px; font-weight: 660}
h3 {font-size: 16px; margin: 0 0 2px; font-weight: 640}
p {margin: 0 0 12px; max-width: 74ch}
a {color: var(--blue)}
code, pre {font-family: var(--mono); font-size: .87em}
.brand {display: flex; align-items: center; gap: 9px; font-weight: 650; margin-bottom: 40px;
  color: var(--soft)}
.brand .mk-shield {width: 22px; height: 22px; color: var(--ink)}
.lead {font-size: 18px; line-height: 1.5; color: var(--soft); max-width: 62ch; margin: 0 0 30px}
.soft {color: var(--soft)}
.tiles {display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 0; padding: 0; list-style: none}
.tiles li {background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 13px 16px}
.tiles b {display: block; font-size: 25px; line-height: 1.2; font-weight: 660;
  letter-spacing: -.02em; font-variant-numeric: tabular-nums}
.tiles span {display: block; color: var(--soft); font-size: 13px; line-height: 1.35;
  margin-top: 3px}
.card {background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 20px 22px; margin: 18px 0; break-inside: avoid}
.who {color: var(--soft); font-size: 13.5px; margin: 0 0 12px}
.who b {color: var(--ink); font-weight: 600}
pre.sql {background: var(--code); border-radius: 8px; padding: 12px 15px; margin: 0 0 16px;
  overflow-x: auto; line-height: 1.55; white-space: pre-wrap; overflow-wrap: anywhere}
pre.sql b {font-weight: 650; color: color-mix(in srgb, var(--blue) 80%, var(--ink))}
pre.sql i {font-style: normal; color: color-mix(in srgb, var(--good) 80%, var(--ink))}
.tables {columns: 3 290px; column-gap: 14px; margin-top: 18px}
.tables .card {margin: 0 0 14px; padding: 15px 18px}
.tables h3 {font-family: var(--mono); font-size: 13.5px; margin: 0 0 8px}
.tables ul {list-style: none; margin: 0; padding: 0}
.tables li {display: flex; justify-content: space-between; gap: 12px; padding: 3px 0;
  border-top: 1px solid var(--line); font-size: 13px; align-items: baseline}
.tables li > span:first-child {font-family: var(--mono); font-size: 12.5px;
  overflow-wrap: anywhere}
.tables .maskline.maskline {margin: 0; text-align: right}
.tables .maskline.maskline .mk-chip {margin: 0}
.card .maskline.maskline .mk-table td.mk-scan {white-space: normal; min-width: 24ch;
  max-width: 78ch; overflow-wrap: anywhere}
.attack {display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 4px 26px}
.attack pre.sql {margin: 8px 0 0}
.attack .numbers td, .attack .numbers th {padding: 3px 18px 3px 0}
.attack .numbers td {font-family: var(--mono); font-size: 12px}
.attack .checks {margin: 6px 0 0; font-size: 13.5px}
.verdict {margin: 0 0 6px; font-size: 14px}
.verdict b {color: var(--good)} .verdict b.bad {color: var(--bad)}
.hint {color: var(--soft); font-size: 13.5px; margin: 0}
.numbers {border-collapse: collapse; font-size: 13.5px; margin: 4px 0 8px;
  font-variant-numeric: tabular-nums}
.numbers th {text-align: left; font-weight: 620; color: var(--soft)}
.numbers th, .numbers td {padding: 5px 18px 5px 0; border-bottom: 1px solid var(--line);
  white-space: nowrap}
.numbers td.n, .numbers th.n {text-align: right}
.numbers code {font-size: 12px}
.scroll {overflow-x: auto}
.scroll svg {display: block; max-width: 100%; height: auto}
.good {color: var(--good)} .bad {color: var(--bad); font-weight: 650}
.checks {list-style: none; padding: 0; margin: 12px 0}
.checks li {padding: 2px 0}
.limits {padding-left: 20px; max-width: 78ch}
.limits li {margin: 0 0 9px}
.key.maskline.maskline {display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 4px 0 0}
footer {margin-top: 64px; padding-top: 18px; border-top: 1px solid var(--line); font-size: 13px;
  color: var(--soft)}
@media (max-width: 720px) {.attack {grid-template-columns: 1fr} main {padding: 32px 16px 48px}}
@media print {
  :root {--back: #fff; --card: #fff; --ink: #111; --soft: #555; --line: #ccc; --code: #f4f4f4}
  body {font-size: 11pt} main {max-width: none; padding: 0}
  h2 {break-after: avoid; margin-top: 28pt} .card {break-inside: auto}
  details::details-content {content-visibility: visible; display: block}
}
"""
