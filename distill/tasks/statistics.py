"""Intervals of metrics, and of their difference between two models, by resampling examples.

Every metric of the kit is a function of sums over examples, so that a resample is a vector of
counts and its metrics are one product of matrices. Examples of one cluster (the questions of one
article, the pairs with one passage) are drawn together: they are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

RESAMPLES = 1000
CONFIDENCE = 0.95
BLOCK_CELLS = 4_000_000  # counts held at a time
FEWEST, FEW = 5, 20
"""Units to draw: of fewer than the first there is no interval, of fewer than the second it is too
narrow. Means of normal units were inside 83% of the 95% intervals of 5 of them, 91% of those of 10,
92% of those of 20 and 94% of those of 100."""
Interval = tuple[float, float]
"""Its lower and its upper end."""


@dataclass(frozen=True)
class Statistics:
    """Additive statistics of every example and the metrics that they give.

    Attributes:
        rows: (examples, k), dense or a sparse matrix of scipy.
        metrics: from sums of shape (draws, k), to values in percent by name, each (draws,).
        clusters: (examples,), numbers of what is drawn together; None: every example alone.
    """

    rows: Any
    metrics: Callable[[np.ndarray], dict[str, np.ndarray]]
    clusters: np.ndarray | None = None

    def sums(self) -> Any:
        """The sums of every cluster, (clusters, k), sparse where the rows are."""
        if self.clusters is None:
            return self.rows
        from scipy.sparse import csr_matrix

        count = int(self.clusters.max()) + 1
        places = (self.clusters, np.arange(len(self.clusters)))
        member = csr_matrix((np.ones(len(self.clusters)), places), (count, len(self.clusters)))
        return member @ self.rows

    def whole(self) -> dict[str, float]:
        """The metrics of all examples, by name."""
        values = self.metrics(np.asarray(self.rows.sum(0)).reshape(1, -1))
        return {name: float(of_all[0]) for name, of_all in values.items()}

    def with_score(self, *names: str) -> Statistics:
        """With ``score`` beside the metrics: the mean of those named."""

        def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
            found = self.metrics(sums)
            return {**found, "score": np.mean([found[name] for name in names], 0)}

        return replace(self, metrics=metrics)

    @property
    def units(self) -> int:
        """How many clusters, or examples that are alone, there are to draw."""
        return int(self.rows.shape[0] if self.clusters is None else self.clusters.max() + 1)

    @property
    def several(self) -> bool:
        """Whether there are enough units to draw for an interval."""
        return self.units >= FEWEST


def _draws(units: int, seed: Sequence[int]) -> Iterator[np.ndarray]:
    """Blocks of counts, (draws, units): how often a resample holds every unit."""
    chance = np.random.default_rng(seed)
    block = max(1, min(RESAMPLES, BLOCK_CELLS // units))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        chosen = chance.integers(0, units, (size, units))
        counts = np.zeros((size, units))
        np.add.at(counts, (np.arange(size)[:, None], chosen), 1)
        yield counts


def resampled(statistics: Mapping[str, Statistics], seed: int = 0) -> dict[str, np.ndarray]:
    """Metrics of 1,000 resamples, each (1000,), the mean over splits where there are several."""
    by_metric: dict[str, list[np.ndarray]] = {}
    for number, split in enumerate(statistics.values()):
        sums, draws = split.sums(), _draws(split.units, (seed, number))
        parts = [split.metrics(np.asarray(counts @ sums)) for counts in draws]
        for name in parts[0]:
            by_metric.setdefault(name, []).append(np.concatenate([part[name] for part in parts]))
    return {name: np.mean(values, 0) for name, values in by_metric.items()}


def _interval(values: np.ndarray) -> Interval:
    low, high = np.nanquantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def are_several(statistics: Mapping[str, Statistics]) -> bool:
    """Whether every split has enough units to draw."""
    return all(split.several for split in statistics.values())


def few_units(statistics: Mapping[str, Statistics]) -> str | None:
    """In words: the units are too few for an interval, or for a good one; None: they are enough."""
    units = min(split.units for split in statistics.values())
    if units >= FEW:
        return None
    problem = f"intervals of fewer than {FEW} are too narrow"
    if units < FEWEST:
        problem = f"too few for intervals, which need {FEWEST}"
    return (
        f"independent examples: {units} (questions on one article, pairs with one passage are one)"
        f": {problem}"
    )


def interval_of_mean(models: Sequence[Mapping[str, Statistics]], metric: str) -> Interval:
    """The interval of the mean of a metric over models on different examples."""
    draws = [resampled(statistics, seed)[metric] for seed, statistics in enumerate(models)]
    return _interval(np.mean(draws, 0))


def intervals(statistics: Mapping[str, Statistics]) -> dict[str, Interval]:
    """95% percentile intervals by metric (Efron 1979); none where too few units can be drawn, or
    where all score alike: that resamples do, too, does not make the value certain."""
    if not are_several(statistics):
        return {}
    ends = {name: _interval(values) for name, values in resampled(statistics).items()}
    return {name: (low, high) for name, (low, high) in ends.items() if low < high}


@dataclass(frozen=True)
class Difference:
    """How far two models differ in a metric (second - first), with the 95% interval over the same
    resamples, and the ``share`` of the resamples in which the second is better."""

    difference: float
    interval: Interval
    share: float


def paired(
    first: Mapping[str, Statistics], second: Mapping[str, Statistics]
) -> dict[str, Difference]:
    """The difference of every metric between two models that were scored on the same examples."""
    one, other = resampled(first), resampled(second)  # one seed: the same draws
    whole = [
        {name: float(np.mean([split.whole()[name] for split in model.values()])) for name in one}
        for model in (first, second)
    ]
    return {
        name: Difference(
            difference=whole[1][name] - whole[0][name],
            interval=_interval(other[name] - one[name]),
            share=float((other[name] > one[name]).mean()),
        )
        for name in one
    }


def of_means(rows: np.ndarray, names: Sequence[str], clusters: Any = None) -> Statistics:
    """Metrics that are means of a column each, over the examples that have it; ``rows`` in percent,
    (examples, metrics), NaN where an example has none."""
    present = ~np.isnan(rows)

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):  # a resample without any such example
            means = sums[:, : len(names)] / sums[:, len(names) :]
        return dict(zip(names, means.T, strict=True))

    return Statistics(np.hstack([np.where(present, rows, 0.0), present]), metrics, clusters)


def numbered(keys: Sequence[Hashable]) -> np.ndarray:
    """Numbers of clusters, (examples,), by what their examples have in common."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def shared_passages(texts: Sequence[tuple[str, str | None]]) -> np.ndarray:
    """Numbers of clusters, (examples,): examples with the same text are one, and so are pairs with
    the same passage, which is the text of the longer column."""
    lengths = np.array([[len(text or "") for text in pair] for pair in texts]).sum(0)
    return numbered([pair[int(lengths.argmax())] for pair in texts])


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0))


def of_counts(rows: np.ndarray, clusters: Any = None) -> Statistics:
    """Precision, recall and F1 from true positives, predicted and true items, (examples, 3)."""

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        right, predicted, true = sums[:, 0], sums[:, 1], sums[:, 2]
        return {
            "precision": 100 * _ratio(right, predicted),
            "recall": 100 * _ratio(right, true),
            "f1": 100 * _ratio(2 * right, predicted + true),
        }

    return Statistics(rows.astype(float), metrics, clusters)


def of_classes(
    labels: np.ndarray,
    answers: np.ndarray,
    classes: int,
    names: tuple[str, ...],
    clusters: Any = None,
) -> Statistics:
    """Accuracy, F1 of class 1, macro F1 and Matthews' correlation, from confusion matrices."""
    from scipy.sparse import csr_matrix

    cells = labels.astype(int) * classes + answers.astype(int)
    rows = csr_matrix(
        (np.ones(len(cells)), (np.arange(len(cells)), cells)), (len(cells), classes**2)
    )

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        matrix = sums.reshape(-1, classes, classes)
        right = np.einsum("nii->ni", matrix)
        true, predicted, total = matrix.sum(2), matrix.sum(1), matrix.sum((1, 2))
        f1 = _ratio(2 * right, true + predicted)
        present = (true + predicted) > 0
        covered = total * right.sum(1) - (true * predicted).sum(1)
        spread = np.sqrt((total**2 - (predicted**2).sum(1)) * (total**2 - (true**2).sum(1)))
        shares = {
            "accuracy": right.sum(1) / total,
            "f1": f1[:, 1] if classes > 1 else f1[:, 0],
            "macro_f1": _ratio((f1 * present).sum(1), present.sum(1).astype(float)),
            "matthews": _ratio(covered, spread),
        }
        return {name: 100 * shares[name] for name in names}

    return Statistics(rows, metrics, clusters)


def of_correlations(
    labels: np.ndarray, answers: np.ndarray, names: tuple[str, ...], clusters: Any = None
) -> Statistics:
    """Pearson and Spearman; the sums are how often each example was drawn, and ranks are those
    among the drawn ones."""
    from scipy.sparse import eye

    labels, answers = np.asarray(labels, dtype=float), np.asarray(answers, dtype=float)

    def metrics(counts: np.ndarray) -> dict[str, np.ndarray]:
        found = {}
        for name in names:
            x, y = (ranks(v, counts) if name == "spearman" else v for v in (labels, answers))
            found[name] = 100 * _correlation(x, y, counts)
        return found

    return Statistics(eye(len(labels), format="csr"), metrics, clusters)


def ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The rank of every value, (draws, values), the mean of its places among equal ones, where it
    stands as often as ``counts`` says, (draws, values)."""
    _, groups = np.unique(values, return_inverse=True)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    sizes = np.add.reduceat(counts[:, order], starts, axis=1)
    return np.asarray((sizes.cumsum(1) - (sizes - 1) / 2)[:, groups])


def _correlation(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Pearson's of x and y, each (values,) or (draws, values), which stand as often as ``counts``
    says, (draws, values): (draws,). 0 where one of them is constant."""
    drawn, total = counts > 0, counts.sum(1, keepdims=True)
    varied, centred = np.ones(len(counts), dtype=bool), []
    for values in (np.broadcast_to(each, counts.shape) for each in (x, y)):
        highest = values.max(1, where=drawn, initial=-np.inf)
        varied &= highest > values.min(1, where=drawn, initial=np.inf)
        centred.append(values - (counts * values).sum(1, keepdims=True) / total)
    x, y = centred
    spread = np.sqrt((counts * x * x).sum(1) * (counts * y * y).sum(1))
    return _ratio((counts * x * y).sum(1), np.where(varied, spread, 0.0))
