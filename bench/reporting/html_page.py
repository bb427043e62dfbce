"""The page of `bench.compare --html`: tables, ratios as bars, size against latency."""

from __future__ import annotations

from pathlib import Path

from bench.measuring.results import Ratio
from bench.reporting.comparison import Comparison
from bench.reporting.plot import plot_panels
from bench.reporting.tables import ABOVE_ONE, notes, tables
from bench.reporting.trade_plot import trade_panels
from distill.console import html_page
from distill.console.html_page import Bar

TRADE = "Size and latency against quality"
TITLE = "Latency of neural inference"


def write_html(result: Comparison, path: Path, published: bool = False) -> None:
    """Write the page to ``path``, whole or not at all; ``published`` adds others' figures."""
    html_page.write_page(path, TITLE, parts(result, published))


def parts(result: Comparison, published: bool = False) -> list[str]:
    """What the page is made of."""
    written = []
    for table in tables(result, published):
        written += [
            html_page.heading(table.title),
            html_page.table(table.header, table.rows, table.numbers),
        ]
        if table.title == ABOVE_ONE:
            bars = [_bar(ratio) for ratio in result.ratios]
            written.append(html_page.bar_chart(bars, ABOVE_ONE))
    if result.quality:
        written += [
            html_page.heading(TRADE),
            html_page.pictures(trade_panels(result), TRADE),
        ]
    return [
        *written,
        html_page.heading("Size against latency"),
        html_page.pictures(plot_panels(result), "Size of each model against its latency"),
        *(html_page.paragraph(line, "notes") for line in notes(result)),
    ]


def _bar(ratio: Ratio) -> Bar:
    interval = "" if ratio.interval is None else f" ({ratio.interval})"
    label = f"{ratio.models}, {ratio.runtimes}, {ratio.workloads}"
    return Bar(label, ratio.ratio, f"{ratio.ratio:.2f}{interval}", ratio.low, ratio.high)
