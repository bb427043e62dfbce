"""The card of a trade: size and latency of bundles against their quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.measuring.quality import Quality
from bench.measuring.results import Row
from bench.reporting.comparison import Comparison
from bench.reporting.plot import HEIGHT, WIDTH, interval, short
from distill.console.pictures import png
from distill.tasks.metric_words import title_and_unit


def trade_png(result: Comparison) -> bytes:
    """A panel of size against quality and one of latency against quality for each runtime and
    workload; a point for each bundle, with the 95% intervals of its quality and median latency."""
    from matplotlib.figure import Figure

    quality = {one.model: one for one in result.quality}
    rows = [row for row in result.measured.rows if row.model in quality]
    places = list(dict.fromkeys((row.runtime, row.workload) for row in rows))
    figure = Figure(figsize=(WIDTH * (1 + len(places)), HEIGHT), layout="constrained")
    panels = figure.subplots(1, 1 + len(places), squeeze=False, sharey=True).ravel()
    sizes = {row.model: row.size_mb for row in rows if row.size_mb}
    _panel(panels[0], quality, [(name, size, (0.0, 0.0)) for name, size in sizes.items()])
    panels[0].set_xlabel("size, MB")
    panels[0].set_ylabel(title_and_unit(result.quality[0].metric))
    for axes, (runtime, workload) in zip(panels[1:], places, strict=True):
        here = [row for row in rows if (row.runtime, row.workload) == (runtime, workload)]
        _panel(axes, quality, [_latency(row) for row in here])
        axes.set_xlabel(f"median latency, ms ({runtime}, {workload})")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return png(figure)


Point = tuple[str, float, tuple[float, float]]
"""A bundle, where it stands, and how far the interval of that reaches below and above."""


def _latency(row: Row) -> Point:
    return row.model, row.median_ms, interval(row)


def _panel(axes: Any, quality: Mapping[str, Quality], points: Sequence[Point]) -> None:
    for name, place, (below, above) in points:
        one = quality[name]
        low, high = one.interval or (one.value, one.value)
        # A percentile interval need not hold the value itself.
        reach = [[max(one.value - low, 0.0)], [max(high - one.value, 0.0)]]
        axes.errorbar(
            [place],
            [one.value],
            xerr=[[below], [above]],
            yerr=reach,
            fmt="o",
            capsize=3,
            color=f"C{[*quality].index(name) % 10}",
            label=short(name),
        )
    axes.margins(x=0.2, y=0.15)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
