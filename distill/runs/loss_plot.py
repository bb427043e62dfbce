"""The picture of a training: its losses by step, and what was evaluated on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.pictures import png, write_png
from distill.tasks.metric_words import title_and_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSSES_FILE = "losses.png"
WIDTH, HEIGHT = 6.4, 3.2
WHOLE = {"loss": "training loss", "eval_loss": "held-out loss"}
NOT_SHOWN = ("_runtime", "_per_second")
Log = Sequence[Mapping[str, float]]
Curve = tuple[list[float], list[float]]
"""Steps, and a value at each."""


def write_losses(log: Log, path: Path) -> bool:
    """Draw the log of a Trainer as PNG; false where no loss was logged, and nothing is written."""
    if not any("loss" in row for row in log):
        return False
    write_png(png(loss_figure(log)), path)
    return True


def loss_figure(log: Log) -> Figure:
    """The loss and its terms above; below, if any, the metrics of the evaluations on the way.

    Args:
        log: rows with ``step`` and ``loss``, ``loss_TERM``, ``eval_loss`` or ``eval_METRIC``.
    """
    from matplotlib.figure import Figure

    terms = {name for row in log for name in row if name.startswith("loss_")}
    evaluated = {f"eval_{name.removeprefix('loss_')}" for name in terms}
    losses = {name: _curve(log, name) for name in (*WHOLE, *sorted(terms))}
    metrics = {
        name: _curve(log, name)
        for row in log
        for name in row
        if name.startswith("eval_") and name not in (*WHOLE, *evaluated)
        if not name.endswith(NOT_SHOWN)
    }
    panels = 1 + bool(metrics)
    figure = Figure(figsize=(WIDTH, HEIGHT * panels), layout="constrained")
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False).ravel()
    for name, curve in losses.items():
        _draw(axes[0], curve, WHOLE.get(name, name.removeprefix("loss_")), bold=name in WHOLE)
    for name, curve in metrics.items():
        _draw(axes[1], curve, title_and_unit(name.removeprefix("eval_")), bold=True)
    for each, what in zip(axes, ("loss", "evaluated on the way"), strict=False):
        each.set_ylabel(what)
        each.grid(alpha=0.3)
        each.legend(fontsize=7, frameon=False)
    axes[-1].set_xlabel("step")
    return figure


def _curve(log: Log, name: str) -> Curve:
    rows = [row for row in log if name in row]
    return [row["step"] for row in rows], [row[name] for row in rows]


def _draw(axes: Axes, curve: Curve, label: str, bold: bool) -> None:
    steps, values = curve
    if steps:
        style: dict[str, Any] = {"linewidth": 1.8 if bold else 0.9, "marker": ".", "markersize": 4}
        axes.plot(steps, values, label=label, **style)
