"""Times of contenders taken in turns, and ratios with an interval.

On a shared machine the speed drifts by the minute; contenders that take turns within one process
drift alike, so that their ratio holds still where their times do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.runtimes.workloads import Inputs, Predict

WARM_UP = 2
SETTLE = 0.002
"""Seconds of rest before each inference, so that the threads of the last contender, which wait in
a loop for more work, no longer hold a core."""
RESAMPLES = 1000
CONFIDENCE = 0.95
STATISTICS: dict[str, Callable[..., np.ndarray]] = {"median": np.median, "total": np.sum}


@dataclass(frozen=True)
class Contender:
    """Something to time on inputs of its own, as many as the others have."""

    predict: Predict
    inputs: Sequence[Inputs]


@dataclass(frozen=True)
class Times:
    """Seconds of single inferences in the order taken, over ``inputs`` inputs again and again."""

    singles: np.ndarray
    inputs: int

    def percentile(self, q: float) -> float:
        """Milliseconds of a single inference."""
        return float(np.percentile(self.singles, q)) * 1000

    def median_interval(self) -> tuple[float, float]:
        """95% interval of the median, in milliseconds, by order statistics: whatever the
        distribution, half of the times are below it, so the count below is binomial."""
        ordered = np.sort(self.singles) * 1000
        reach = 0.98 * np.sqrt(len(ordered))
        middle = (len(ordered) - 1) / 2
        low, high = max(int(np.floor(middle - reach)), 0), int(np.ceil(middle + reach))
        return float(ordered[low]), float(ordered[min(high, len(ordered) - 1)])

    @property
    def pass_seconds(self) -> float | None:
        """One pass over all inputs: the sum of each input's median. None where none is complete."""
        passes = len(self.singles) // self.inputs
        if not passes:
            return None
        complete = self.singles[: passes * self.inputs].reshape(passes, self.inputs)
        return float(np.median(complete, axis=0).sum())


class Clock:
    """Times all contenders in turns: A B A B. Each has seen the same inputs at any time, so that
    what was measured stays comparable when it is interrupted."""

    def __init__(self, contenders: Sequence[Contender]) -> None:
        self.contenders = contenders
        self.inputs = len(contenders[0].inputs)
        self._turns: list[list[float]] = []

    def warm_up(self) -> None:
        """The longest and the shortest input, not counted: memory is mapped, kernels are chosen
        and compilers have seen two lengths."""
        for contender in self.contenders:
            by_length = sorted(contender.inputs, key=lambda inputs: inputs["input_ids"].size)
            for inputs in (by_length[-1], by_length[0]):
                for _ in range(WARM_UP):
                    contender.predict(inputs)

    def turn(self) -> None:
        """The next input, once by each contender; counted when all of them are done."""
        index = len(self._turns) % self.inputs
        seconds = []
        for contender in self.contenders:
            inputs = contender.inputs[index]
            time.sleep(SETTLE)
            began = time.perf_counter()
            contender.predict(inputs)
            seconds.append(time.perf_counter() - began)
        self._turns.append(seconds)

    def run(self, seconds: float, least: int, tick: Callable[[float], None]) -> None:
        """Turns until ``seconds`` are used and at least ``least`` were taken; ``tick`` is told the
        share done."""
        began = time.perf_counter()
        share = 0.0
        while share < 1:
            self.turn()
            used = time.perf_counter() - began
            share = min(used / seconds, len(self._turns) / least)
            tick(min(share, 1.0))

    def times(self) -> list[Times]:
        """In the contenders' order; without any inference before the first turn is complete."""
        taken = np.array(self._turns).reshape(-1, len(self.contenders))
        return [Times(column, self.inputs) for column in taken.T]


def ratio(
    baseline: np.ndarray, other: np.ndarray, statistic: str = "median", paired: bool = True
) -> tuple[float, float | None, float | None]:
    """Baseline time / other time, with the 95% interval of its percentile bootstrap (Efron and
    Tibshirani, 1993); no interval from fewer than two times.

    Args:
        baseline, other: seconds of single inferences; with ``paired``, taken in the same turns.
        statistic: ``median`` of one input's times, or ``total`` where inputs differ in length, as
            a pass over a data set is the sum of them.
    """
    of = STATISTICS[statistic]
    value = float(of(baseline) / of(other))
    if min(len(baseline), len(other)) < 2:
        return value, None, None
    low, high = bootstrap_interval(
        (baseline, other), lambda a, b, axis: of(a, axis=axis) / of(b, axis=axis), paired
    )
    return value, low, high


def bootstrap_interval(
    samples: Sequence[np.ndarray],
    statistic: Callable[..., np.ndarray],
    paired: bool = True,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95% interval of a statistic of the samples by the percentile bootstrap (Efron and
    Tibshirani, 1993); with ``paired`` the same places are drawn of all."""
    from scipy.stats import bootstrap

    found = bootstrap(
        tuple(samples),
        statistic,
        n_resamples=RESAMPLES,
        batch=100,
        vectorized=True,
        paired=paired,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def ratio_by_round(
    baseline: np.ndarray, other: np.ndarray, baseline_rounds: np.ndarray, other_rounds: np.ndarray
) -> tuple[float, float | None, float | None]:
    """Median of the baseline / median of the other, with the 95% interval of a paired block
    bootstrap (Kuensch, 1989): whole rounds are drawn, the same for both, since the times of one
    round share the temperature and the load of the device. Without at least two common rounds
    there is no interval.

    Args:
        baseline, other: times of single inferences, in any unit.
        baseline_rounds, other_rounds: the round of each time.
    """
    common = np.intersect1d(baseline_rounds, other_rounds)
    value = float(np.median(baseline) / np.median(other))
    if len(common) < 2:
        return value, None, None
    blocks = [(baseline[baseline_rounds == r], other[other_rounds == r]) for r in common]
    source = np.random.default_rng(0)
    drawn = source.integers(len(blocks), size=(RESAMPLES, len(blocks)))
    ratios = [
        np.median(np.concatenate([blocks[i][0] for i in rounds]))
        / np.median(np.concatenate([blocks[i][1] for i in rounds]))
        for rounds in drawn
    ]
    tail = (1 - CONFIDENCE) / 2
    return value, float(np.quantile(ratios, tail)), float(np.quantile(ratios, 1 - tail))
