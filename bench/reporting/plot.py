"""Size against latency, with the accuracy where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.measuring.results import Row
from bench.reporting.comparison import Comparison
from distill.console.pictures import png
from distill.tasks.metric_words import metric_title

WIDTH, HEIGHT, PANELS_A_ROW = 4.6, 3.8, 2
LONGEST_NAME = 32


def plot_png(result: Comparison) -> bytes:
    """A panel for each workload, a colour for each runtime, a point for each model with the 95%
    interval of its median; the size is that of the file the runtime loads."""
    from matplotlib.figure import Figure

    rows, workloads = _drawn(result)
    across = min(PANELS_A_ROW, len(workloads))
    down = -(-len(workloads) // across)
    figure = Figure(figsize=(WIDTH * across, HEIGHT * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, workload in zip(panels, workloads, strict=False):
        _panel(axes, [row for row in rows if row.workload == workload], workload)
    for axes in panels[len(workloads) :]:
        axes.set_visible(False)
    return png(figure)


def plot_panels(result: Comparison) -> list[bytes]:
    """The panels of `plot_png`, a picture each."""
    from matplotlib.figure import Figure

    rows, workloads = _drawn(result)
    drawn = []
    for workload in workloads:
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        _panel(figure.subplots(), [row for row in rows if row.workload == workload], workload)
        drawn.append(png(figure))
    return drawn


def _drawn(result: Comparison) -> tuple[list[Row], list[str]]:
    """The rows whose size is known, and their workloads."""
    rows = [row for row in result.measured.rows if row.size_mb]
    return rows, list(dict.fromkeys(row.workload for row in rows)) or ["nothing measured"]


def _panel(axes: Any, rows: Sequence[Row], title: str) -> None:
    edge = 0.8 * max((row.size_mb or 0 for row in rows), default=0)
    for runtime in dict.fromkeys(row.runtime for row in rows):
        chosen = sorted(
            (row for row in rows if row.runtime == runtime), key=lambda row: row.size_mb or 0
        )
        medians = [row.median_ms for row in chosen]
        axes.errorbar(
            [row.size_mb for row in chosen],
            medians,
            yerr=np.transpose([interval(row) for row in chosen]),
            fmt="o",
            capsize=3,
            label=runtime,
            linewidth=1,
        )
        for row in chosen:
            right = (row.size_mb or 0) > edge  # its name would leave the panel
            axes.annotate(
                label(row),
                (row.size_mb, row.median_ms),
                textcoords="offset points",
                xytext=(-5 if right else 5, 5),
                ha="right" if right else "left",
                fontsize=7,
            )
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("size (MB)")
    axes.set_ylabel("median latency (ms)")
    axes.margins(x=0.2, y=0.15)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if rows:
        axes.legend(fontsize=7)


def interval(row: Row) -> tuple[float, float]:
    """How far the median's interval reaches below and above it; nothing where it is not known."""
    median = row.median_ms
    low, high = row.median_interval_ms or (median, median)
    return median - low, high - median


def short(name: str) -> str:
    """A name, cut where it is too long for a picture."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def label(row: Row) -> str:
    """The model's name, with its accuracy where that is known."""
    known = row.accuracy or {}
    name = short(row.model)
    scores = (f"({metric_title(metric)} {value:.1f}%)" for metric, value in known.items())
    return " ".join([name, *scores]).replace("$", r"\$")  # no formula
