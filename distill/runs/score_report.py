"""The outcome of fine-tuning as a table: one run, or several seeds with and without a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from distill.console.tables import plain, say
from distill.runs.finetune_result import FinetuneResult, FinetuneSeries
from distill.tasks.metric_words import COUNTS, difference_words, metric_title, value_words


def show(result: FinetuneResult | FinetuneSeries, title: str) -> None:
    """Print a table: a row per model, a column per metric; below a single run's value
    its interval."""
    from rich.console import Console
    from rich.table import Table

    rows = _rows(result)
    metrics = [name for name in next(iter(rows.values())).metrics if name not in COUNTS]
    table = Table()
    table.add_column("model")
    for name in metrics:
        table.add_column(plain(metric_title(name)), justify="right")
    for label, row in rows.items():
        table.add_row(plain(label), *(_cell(name, row, label == GAIN) for name in metrics))
    say(title)  # beside the table, which would break it to its own width
    Console(markup=False).print(table)
    if any(row.intervals for row in rows.values()):
        print("below a value: its 95% interval, by bootstrap")


GAIN = "gain of the teacher"


@dataclass(frozen=True)
class _Row:
    """The metrics of a model, and the intervals of those that have one."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, Sequence[float]] = field(default_factory=dict)


def _cell(name: str, row: _Row, is_gain: bool) -> str:
    value = row.metrics[name]
    if is_gain:
        return difference_words(name, value)
    interval = row.intervals.get(name)
    words = value_words(name, value)
    return words if interval is None else f"{words}\n{interval[0]:.2f} to {interval[1]:.2f}"


def _rows(result: FinetuneResult | FinetuneSeries) -> dict[str, _Row]:
    rows = {"teacher": _Row(result.teacher)} if result.teacher is not None else {}
    if isinstance(result, FinetuneResult):
        name = "student" if rows else "model"
        rows[name] = _Row(result.metrics, result.intervals)
        if result.quantized:
            rows[f"{name}, {result.quantized.weights}"] = _Row(result.quantized.metrics)
        return rows
    for name, metrics in result.median.items():
        runs = result.runs[name]
        if len(runs) == 1:
            rows[name] = _Row(metrics, runs[0].intervals)
        else:
            rows[f"{name}, median of {len(runs)}"] = _Row(metrics)
    if result.gain is not None:
        rows[GAIN] = _Row(result.gain)
    return rows
