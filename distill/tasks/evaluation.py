"""What an evaluation finds: the metrics of a model with their intervals, or two models compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from distill.tasks.statistics import Difference, Interval, are_several, intervals, paired

if TYPE_CHECKING:
    from distill.tasks.task import Scored


EVALUATIONS = ("dev", "held_out")  # what tasks call the examples they are scored on


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, in percent or a count, and 95% intervals of those that have one."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]

    def as_json(self) -> dict[str, object]:
        return {**self.metrics, **({"intervals": dict(self.intervals)} if self.intervals else {})}


def evaluation_name(stored: Mapping[str, object]) -> str | None:
    """Under which name the ``metrics.json`` of a fine-tuning has its metrics; None: nothing was
    held out."""
    return next((name for name in EVALUATIONS if name in stored), None)


@dataclass(frozen=True)
class Comparison:
    """Two models on the same examples, and by metric the difference second - first."""

    first: Evaluation
    second: Evaluation
    differences: Mapping[str, Difference]

    def as_json(self) -> dict[str, object]:
        return {
            "first": self.first.as_json(),
            "second": self.second.as_json(),
            "difference": {name: asdict(found) for name, found in self.differences.items()},
        }


def evaluation_of(scored: Scored) -> Evaluation:
    """The metrics of a model with their intervals."""
    return Evaluation(scored.metrics, intervals(scored.statistics))


def comparison_of(first: Scored, second: Scored) -> Comparison:
    """Two models that were scored on the same examples; differences where these have intervals."""
    several = are_several(first.statistics)
    differences = paired(first.statistics, second.statistics) if several else {}
    return Comparison(evaluation_of(first), evaluation_of(second), differences)
