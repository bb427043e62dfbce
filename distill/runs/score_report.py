"""The outcome of fine-tuning as a table: one run, or several seeds with and without a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from distill.console.tables import plain, visible
from distill.tasks.metric_words import COUNTS, difference_words, metric_title, value_words

EVALUATIONS = ("dev", "held_out")  # what a task family calls the examples it is scored on


def evaluation(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics in the result of a run; none where nothing was held out."""
    return next((dict(result[name]) for name in EVALUATIONS if name in result), {})


def summary(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Results of runs by variant ("labels", "distilled"), one per seed, with their medians.

    Returns:
        ``runs`` as given; ``median`` and ``spread`` (highest less lowest), by variant and metric;
        ``gain``, the median of "distilled" less that of "labels", where there are both; and the
        ``teacher``'s metrics where there is one.
    """
    by_variant = {
        name: [evaluation(result) for result in results] for name, results in runs.items()
    }
    values = {
        name: {metric: [row[metric] for row in rows] for metric in rows[0] if metric not in COUNTS}
        for name, rows in by_variant.items()
    }
    result: dict[str, Any] = {
        "median": {n: {m: median(v) for m, v in found.items()} for n, found in values.items()},
        "spread": {n: {m: max(v) - min(v) for m, v in f.items()} for n, f in values.items()},
    }
    medians = result["median"]
    if {"labels", "distilled"} <= medians.keys():
        result["gain"] = {
            metric: value - medians["labels"][metric]
            for metric, value in medians["distilled"].items()
        }
    teachers = [run["teacher"] for results in runs.values() for run in results if "teacher" in run]
    if teachers:
        result["teacher"] = teachers[0]
    result["runs"] = {name: list(results) for name, results in runs.items()}
    return result


def show(result: Mapping[str, Any], title: str) -> None:
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
    print(visible(title))  # beside the table, which would break it to its own width
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


def _rows(result: Mapping[str, Any]) -> dict[str, _Row]:
    rows = {"teacher": _Row(result["teacher"])} if "teacher" in result else {}
    if "median" not in result:
        name = "student" if rows else "model"
        rows[name] = _Row(evaluation(result), result.get("intervals", {}))
        if quantized := result.get("quantized"):
            rows[f"{name}, {quantized['weights']}"] = _Row(quantized)
        return rows
    for name, found in result["median"].items():
        runs = result["runs"][name]
        if len(runs) == 1:
            rows[name] = _Row(found, runs[0].get("intervals", {}))
        else:
            rows[f"{name}, median of {len(runs)}"] = _Row(found)
    if "gain" in result:
        rows[GAIN] = _Row(result["gain"])
    return rows
