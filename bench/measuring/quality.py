"""The quality of bundles on one data set, with intervals, beside their size and latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.runtimes.contenders import METRICS, Model
from distill.console.errors import UserError
from distill.tasks.spaced_items import spaced
from distill.tasks.statistics import Statistics, intervals, paired
from export.proof.engines import open_engine
from export.proof.side_by_side import run_engine
from export.tasks.table import task_named


@dataclass(frozen=True)
class Quality:
    """``value`` of a ``metric`` on so many examples, with its 95% interval; ``difference`` from the
    first bundle, paired by example, None for the first itself. There is no interval of fewer than
    five independent examples (questions on one article are one)."""

    model: str
    metric: str
    value: float
    interval: tuple[float, float] | None
    examples: int
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def check_quality(models: Sequence[Model], data: Path) -> None:
    """Check at once that everything can be measured.

    Raises:
        UserError: a model that is not a bundle, bundles for several tasks, or a file that is not in
            the task's format.
    """
    tasks = {}
    for model in models:
        if model.bundle is None:
            raise UserError(f"--quality is for exported bundles, and {model.name} is not one")
        tasks[model.bundle.task] = model.name
    if len(tasks) > 1:
        described = ", ".join(f"{name} for {task}" for task, name in tasks.items())
        raise UserError(f"--quality compares bundles for one task: {described}")
    task_named(next(iter(tasks))).read(data)


def measure_quality(models: Sequence[Model], data: Path, limit: int | None) -> tuple[Quality, ...]:
    """The main measure of every bundle on ``limit`` examples of ``data``, evenly spaced where
    they do not belong together, run by the engine that runs it everywhere.

    Raises:
        UserError: as `check_quality`, or a task without right answers.
    """
    check_quality(models, data)
    found: list[Quality] = []
    first: Statistics | None = None
    for model in models:
        bundle = model.bundle
        assert bundle is not None
        examples = bundle.record.read(data)
        examples = examples[:limit] if bundle.record.grouped else spaced(examples, limit)
        workload = bundle.record.workload(examples, bundle.reading)
        if workload.statistics is None:
            raise UserError(f"{bundle.task} has no right answers: there is no quality to measure")
        outputs = run_engine(workload.inputs, bundle.task, open_engine(bundle))
        measures, statistics = workload.measure(outputs), workload.statistics(outputs)
        metric = next((name for name in METRICS if name in measures), next(iter(measures)))
        quality = Quality(
            model.name,
            metric,
            measures[metric],
            intervals({"data": statistics}).get(metric),
            workload.examples,
        )
        if first is not None:
            found.append(_against(first, statistics, quality))
        else:
            first = statistics
            found.append(quality)
    return tuple(found)


def _against(first: Statistics, statistics: Statistics, quality: Quality) -> Quality:
    pair = paired({"data": first}, {"data": statistics})[quality.metric]
    interval = pair.interval if statistics.several else None
    return replace(quality, difference=pair.difference, difference_interval=interval)
