"""What a fine-tuning finds, as ``metrics.json`` keeps it; and several of them compared, as
``summary.json`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from distill.runs.kept_step import KeptStep
from distill.tasks.evaluation import EVALUATIONS, Evaluation, evaluation_name
from distill.tasks.metric_words import COUNTS
from distill.tasks.statistics import Interval

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class QuantizedScores:
    """The metrics of a model with its weights rounded to ``weights``, such as int8."""

    weights: str
    metrics: Metrics

    def as_json(self) -> dict[str, object]:
        return {"weights": self.weights, **self.metrics}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> QuantizedScores:
        """As `as_json` wrote it.

        Raises:
            KeyError: it does not say how the weights were rounded.
        """
        return cls(stored["weights"], {k: v for k, v in stored.items() if k != "weights"})


@dataclass(frozen=True, kw_only=True)
class FinetuneResult:
    """One run.

    Attributes:
        counts: of the training data, by what is counted.
        inputs: how many the model was trained on.
        seconds: of the training alone.
        train_loss: mean over the steps.
        scored_on: ``dev`` or ``held_out``.
        scores: of the model that was saved; None where nothing was held out.
        without_answer_in_a_window: questions that were left out.
        teacher: the teacher's metrics.
        quantized: the scores with rounded weights, of a quantization-aware training.
    """

    task: str
    counts: Mapping[str, int] = field(default_factory=dict)
    inputs: int
    seconds: float
    steps: int
    train_loss: float
    seed: int
    scored_on: str = EVALUATIONS[0]
    scores: Evaluation | None = None
    without_answer_in_a_window: int = 0
    teacher: Metrics | None = None
    best: KeptStep | None = None
    quantized: QuantizedScores | None = None

    @property
    def metrics(self) -> Metrics:
        """The metrics of the model that was saved; empty where nothing was held out."""
        return self.scores.metrics if self.scores else {}

    @property
    def intervals(self) -> Mapping[str, Interval]:
        """95% intervals of the metrics that have one."""
        return self.scores.intervals if self.scores else {}

    def as_json(self) -> dict[str, object]:
        lost = self.without_answer_in_a_window
        scores: dict[str, Any] = {}
        if self.scores:
            intervals = {name: list(ends) for name, ends in self.scores.intervals.items()}
            scores = {self.scored_on: dict(self.scores.metrics), "intervals": intervals}
        return {
            "task": self.task,
            **self.counts,
            "inputs": self.inputs,
            **({"without_answer_in_a_window": lost} if lost else {}),
            **({"teacher": dict(self.teacher)} if self.teacher is not None else {}),
            "seconds": self.seconds,
            "steps": self.steps,
            "train_loss": self.train_loss,
            **({"best": self.best.as_json()} if self.best else {}),
            **({"quantized": self.quantized.as_json()} if self.quantized else {}),
            **scores,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> FinetuneResult:
        """As `as_json` wrote it; what ``metrics.json`` holds besides it is passed over.

        Raises:
            KeyError, TypeError: it is not a result.
        """
        names = list(stored)
        scored_on = evaluation_name(stored)
        return cls(
            task=stored["task"],
            counts={name: stored[name] for name in names[1 : names.index("inputs")]},
            inputs=stored["inputs"],
            without_answer_in_a_window=stored.get("without_answer_in_a_window", 0),
            teacher=stored.get("teacher"),
            seconds=stored["seconds"],
            steps=stored["steps"],
            train_loss=stored["train_loss"],
            best=KeptStep.from_json(stored.get("best")),
            quantized=QuantizedScores.from_json(stored["quantized"])
            if "quantized" in stored
            else None,
            scored_on=scored_on or EVALUATIONS[0],
            scores=Evaluation(stored[scored_on], stored["intervals"]) if scored_on else None,
            seed=stored["seed"],
        )


@dataclass(frozen=True)
class FinetuneSeries:
    """The results of runs by variant ("labels", "distilled"), one per seed, with medians and
    ``spread`` (highest less lowest) by variant and metric. ``gain`` is the median of "distilled"
    less that of "labels", where there are both; ``teacher`` has its metrics, if there is one."""

    median: Mapping[str, Metrics]
    spread: Mapping[str, Metrics]
    gain: Metrics | None
    teacher: Metrics | None
    runs: Mapping[str, Sequence[FinetuneResult]]

    def as_json(self) -> dict[str, object]:
        return {
            "median": {name: dict(found) for name, found in self.median.items()},
            "spread": {name: dict(found) for name, found in self.spread.items()},
            **({"gain": dict(self.gain)} if self.gain is not None else {}),
            **({"teacher": dict(self.teacher)} if self.teacher is not None else {}),
            "runs": {name: [run.as_json() for run in runs] for name, runs in self.runs.items()},
        }


def series_of(runs: Mapping[str, Sequence[FinetuneResult]]) -> FinetuneSeries:
    """Runs compared."""
    values = {
        variant: {
            metric: [result.metrics[metric] for result in results]
            for metric in results[0].metrics
            if metric not in COUNTS
        }
        for variant, results in runs.items()
    }
    medians = {n: {m: median(v) for m, v in by_metric.items()} for n, by_metric in values.items()}
    spread = {
        n: {m: max(v) - min(v) for m, v in by_metric.items()} for n, by_metric in values.items()
    }
    gain = None
    if {"labels", "distilled"} <= medians.keys():
        labels, distilled = medians["labels"], medians["distilled"]
        gain = {metric: value - labels[metric] for metric, value in distilled.items()}
    teachers = [run.teacher for results in runs.values() for run in results]
    teacher = next((metrics for metrics in teachers if metrics is not None), None)
    return FinetuneSeries(medians, spread, gain, teacher, runs)
