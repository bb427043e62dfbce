"""Reports as one HTML page that needs nothing else: no script, no request; light, dark, printable.

Every text is escaped; what is here is put together from tables, bar charts and pictures.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from distill.console.command_parser import save_text

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --ground: #fff; --line: #d0d7de;
  --bar: #2f6fd0; --quiet: #59636e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --ground: #0d1117;
  --line: #3d444d; --bar: #5b9bf0; --quiet: #9198a1; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; white-space: pre-line; }
.wide { overflow-x: auto; background: linear-gradient(90deg, var(--ground) 30%, transparent),
    linear-gradient(270deg, var(--ground) 30%, transparent) 100% 0,
    linear-gradient(90deg, var(--line), transparent), linear-gradient(270deg, var(--line),
    transparent) 100% 0; background-repeat: no-repeat; background-size: 2.5rem 100%, 2.5rem 100%,
    .8rem 100%, .8rem 100%; background-attachment: local, local, scroll, scroll; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
.cells th, .cells td { white-space: nowrap; }
.cells .long { white-space: normal; min-width: 12rem; }
.pairs { table-layout: fixed; width: 100%; }
.pairs th { width: 17rem; overflow-wrap: break-word; }
@media (max-width: 40rem) { .pairs th, .pairs td { display: block; width: auto; }
  .pairs th { border: 0; padding-bottom: 0; } .pairs td { padding-top: 0; } }
.number { text-align: right; }
.pictures { display: flex; flex-wrap: wrap; gap: .5rem; }
@media (min-width: 60rem) { .pictures img { max-width: calc(50% - .25rem); } }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
svg { width: 100%; max-width: 34rem; height: auto; font: 13px system-ui, sans-serif; }
svg text { fill: var(--text); } svg rect { fill: var(--bar); }
svg line { stroke: var(--text); } svg .one { stroke: var(--quiet); stroke-dasharray: 4 3; }
.verdict { font-weight: 600; }
.notes { font-size: .85rem; color: var(--quiet); }
@media print { :root { --text: #000; --ground: #fff; --line: #999; --bar: #777; --quiet: #444; }
  body { max-width: none; margin: 0; font-size: 10pt; }
  .wide { overflow: visible; } .cells th, .cells td { white-space: normal; }
  tr, svg, img { break-inside: avoid; } h2 { break-after: avoid; } }
"""
CHART_WIDTH, ROW_HEIGHT, BAR_HEIGHT, LETTER = 480, 44, 14, 7
"""In the units of the drawing; a letter is as wide as 7 of them at most, but for a few."""
VALUE_WIDTH = 150
LONG = 40
"""Letters of a cell from which on it may be broken."""


@dataclass(frozen=True)
class Bar:
    """A value with its interval, where one is known; ``words`` is how they are written."""

    label: str
    value: float
    words: str
    low: float | None = None
    high: float | None = None


def write_page(path: Path, title: str, parts: Iterable[str]) -> None:
    """Write a page of parts, which the functions below make."""
    save_text(path, page(title, parts))


def page(title: str, parts: Iterable[str]) -> str:
    """The page as text."""
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Or a browser asks for one.
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title><style>{STYLE}</style>'
    )
    body = "\n".join([f"<h1>{escape(title)}</h1>", *parts])
    return f"{head}</head><body>\n{body}\n</body></html>\n"


def heading(text: str) -> str:
    """A heading of the second level."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    """``kind``: ``verdict`` or ``notes``."""
    return f'<p class="{kind}">{escape(text)}</p>'


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values; long values are broken."""
    cells = "\n".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f'<table class="pairs">{cells}</table>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[bool]) -> str:
    """A table whose short cells are not broken; it scrolls by itself where it is too wide.
    ``numbers`` are the columns to align right."""
    lines = "\n".join(_row("td", row, numbers) for row in rows)
    return (
        f'<div class="wide"><table class="cells"><thead>{_row("th", header, numbers)}</thead>\n'
        f"<tbody>\n{lines}\n</tbody></table></div>"
    )


def _row(tag: str, cells: Sequence[str], numbers: Sequence[bool]) -> str:
    kinds = (
        "number" if number else "long" if len(cell) > LONG else ""
        for cell, number in zip(cells, numbers, strict=True)
    )
    written = (
        f'<{tag} class="{kind}">{escape(cell)}</{tag}>'
        for cell, kind in zip(cells, kinds, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"


def picture(png: bytes, description: str) -> str:
    """A PNG within the page; ``description`` is for readers who do not see it."""
    image = base64.b64encode(png).decode()
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{image}">'


def pictures(pngs: Iterable[bytes], description: str) -> str:
    """Pictures beside each other, below each other where the page is narrow."""
    return f'<div class="pictures">{"".join(picture(png, description) for png in pngs)}</div>'


def bar_chart(bars: Sequence[Bar], description: str) -> str:
    """Bars from 0 with their intervals, and a dashed line at 1; nothing without bars."""
    if not bars:
        return ""
    longest = max(1.0, *(max(bar.value, bar.high or 0.0) for bar in bars))
    scale = (CHART_WIDTH - VALUE_WIDTH) / longest
    height = ROW_HEIGHT * len(bars)
    drawn = "\n".join(_bar(bar, number * ROW_HEIGHT, scale) for number, bar in enumerate(bars))
    return (
        f'<svg role="img" viewBox="0 0 {CHART_WIDTH} {height}" aria-label="{escape(description)}">'
        f"\n{drawn}\n</svg>"
    )


def _bar(bar: Bar, top: int, scale: float) -> str:
    most = CHART_WIDTH // LETTER
    label = bar.label if len(bar.label) <= most else f"{bar.label[: most - 1]}…"
    middle, end = top + 20 + BAR_HEIGHT / 2, scale * bar.value
    lines = [
        f"<g><title>{escape(bar.label)}: {escape(bar.words)}</title>",
        f'<text x="0" y="{top + 15}">{escape(label)}</text>',
        f'<rect x="0" y="{top + 20}" width="{end:.1f}" height="{BAR_HEIGHT}"/>',
    ]
    lines.append(
        f'<line class="one" x1="{scale:.1f}" x2="{scale:.1f}" y1="{top + 17}" y2="{top + 37}"/>'
    )
    if bar.low is not None and bar.high is not None:
        low, high = scale * bar.low, scale * bar.high
        lines.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>')
        lines += [
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{middle - 5}" y2="{middle + 5}"/>'
            for x in (low, high)
        ]
        end = max(end, high)
    lines.append(f'<text x="{end + 8:.1f}" y="{middle + 5}">{escape(bar.words)}</text></g>')
    return "\n".join(lines)
