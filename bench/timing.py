"""Times of contenders taken in turns, and ratios with an interval.

On a shared machine the speed drifts by the minute; contenders that take turns within one process
drift alike, so that their ratio holds still where their times do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.workloads import Inputs

WARM_UP = 2
RESAMPLES = 2000
CONFIDENCE = 0.95
Predict = Callable[[Inputs], object]


@dataclass(frozen=True)
class Times:
    """Seconds of one contender: ``rounds`` of one full pass over a workload each, and of every
    single inference."""

    rounds: tuple[float, ...]
    singles: tuple[float, ...]

    def percentile(self, q: float) -> float:
        """Milliseconds of a single inference."""
        return float(np.percentile(self.singles, q)) * 1000


class Clock:
    """Takes rounds of all contenders in turns; what was taken stays when it is interrupted."""

    def __init__(self, contenders: Mapping[str, Predict], inputs: Sequence[Inputs]) -> None:
        self.contenders, self.inputs = contenders, inputs
        self._singles: dict[str, list[list[float]]] = {name: [] for name in contenders}

    def warm_up(self) -> None:
        """The first inputs, not counted: memory is mapped and kernels are chosen there."""
        longest = max(self.inputs, key=lambda inputs: inputs["input_ids"].size)
        for predict in self.contenders.values():
            for _ in range(WARM_UP):
                predict(longest)

    def round(self) -> None:
        """One input after the other, on each the contenders in turns; counted when complete."""
        singles: dict[str, list[float]] = {name: [] for name in self.contenders}
        for inputs in self.inputs:
            for name, predict in self.contenders.items():
                began = time.perf_counter()
                predict(inputs)
                singles[name].append(time.perf_counter() - began)
        for name, values in singles.items():
            self._singles[name].append(values)

    def times(self) -> dict[str, Times]:
        return {
            name: Times(
                tuple(sum(values) for values in rounds),
                tuple(value for values in rounds for value in values),
            )
            for name, rounds in self._singles.items()
            if rounds
        }


def ratio(baseline: Times, other: Times, seed: int = 0) -> tuple[float, float, float]:
    """Baseline time / other time, with the 95% interval of its percentile bootstrap.

    Inferences are paired: the same input in the same round. The ratio is that of the sums, which
    is what a pass over the workload costs, after the slowest 1% of pairs (another process had the
    core) is left out.
    """
    pairs = np.array([baseline.singles, other.singles])
    together = pairs.sum(0)
    pairs = pairs[:, together <= np.percentile(together, 99)]
    draws = np.random.default_rng(seed).integers(0, pairs.shape[1], (RESAMPLES, pairs.shape[1]))
    sampled = pairs[0][draws].sum(1) / pairs[1][draws].sum(1)
    low, high = np.quantile(sampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(pairs[0].sum() / pairs[1].sum()), float(low), float(high)
