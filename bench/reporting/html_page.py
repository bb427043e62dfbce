"""One page with the tables and the plot inside it, which needs nothing else."""

from __future__ import annotations

import base64
import html
from pathlib import Path

from bench.reporting.comparison import Comparison
from bench.reporting.plot import plot_png
from bench.reporting.tables import Table, notes, tables
from distill.console.atomic import atomic_file

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-bottom: .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: left; border-bottom: 1px solid #8885;
  white-space: nowrap; }
.number { text-align: right; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.notes { font-size: .85rem; opacity: .8; }
"""


def page(result: Comparison, published: bool = False) -> str:
    """The page as text."""
    image = base64.b64encode(plot_png(result)).decode()
    body = [
        "<h1>Latency of neural inference</h1>",
        *(_table(table) for table in tables(result, published)),
        "<h2>Size against latency</h2>",
        f'<img alt="Size of each model against its latency" src="data:image/png;base64,{image}">',
        *(f'<p class="notes">{html.escape(line)}</p>' for line in notes(result)),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',  # or a browser asks for one
            f"<title>Latency of neural inference</title><style>{STYLE}</style></head><body>",
            *body,
            "</body></html>",
        ]
    )


def write_html(result: Comparison, path: Path, published: bool = False) -> None:
    with atomic_file(path) as staged:
        staged.write_text(page(result, published) + "\n", encoding="utf-8")


def _table(table: Table) -> str:
    kinds = ['class="number"' if number else "" for number in table.numbers]
    head = _cells("th", kinds, table.header)
    rows = "\n".join(_cells("td", kinds, row) for row in table.rows)
    return (
        f'<h2>{html.escape(table.title)}</h2>\n<div class="wide"><table>\n<thead>{head}</thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _cells(tag: str, kinds: list[str], values: list[str]) -> str:
    cells = (
        f"<{tag} {kind}>{html.escape(value)}</{tag}>"
        for kind, value in zip(kinds, values, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"
