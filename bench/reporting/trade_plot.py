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

    quality, panels = _panels(result)
    figure = Figure(figsize=(WIDTH * len(panels), HEIGHT), layout="constrained")
    drawn = figure.subplots(1, len(panels), squeeze=False, sharey=True).ravel()
    for axes, (title, points) in zip(drawn, panels.items(), strict=True):
        _panel(axes, quality, points)
        axes.set_xlabel(title)
    drawn[0].set_ylabel(title_and_unit(result.quality[0].metric))
    figure.legend(*drawn[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return png(figure)


def trade_panels(result: Comparison) -> list[bytes]:
    """The panels of `trade_png`, a picture each."""
    from matplotlib.figure import Figure

    quality, panels = _panels(result)
    drawn = []
    for title, points in panels.items():
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        _panel(axes, quality, points)
        axes.set_xlabel(title)
        axes.set_ylabel(title_and_unit(result.quality[0].metric))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        drawn.append(png(figure))
    return drawn


Point = tuple[str, float, tuple[float, float]]
"""A bundle, where it stands, and how far the interval of that reaches below and above."""


def _panels(result: Comparison) -> tuple[dict[str, Quality], dict[str, list[Point]]]:
    """The quality of each bundle, and what each panel shows, by the title of its axis."""
    quality = {one.model: one for one in result.quality}
    rows = [row for row in result.measured.rows if row.model in quality]
    sizes = {row.model: row.size_mb for row in rows if row.size_mb}
    panels = {"size, MB": [(name, size, (0.0, 0.0)) for name, size in sizes.items()]}
    for row in rows:
        title = f"median latency, ms ({row.runtime}, {row.workload})"
        panels.setdefault(title, []).append(_latency(row))
    return quality, panels


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
