"""Intervals of metrics, and of their difference between two models, by resampling examples.

Every metric of the kit is a function of sums over examples, so that a resample is a vector of
counts and its metrics are one product of matrices. Examples of one cluster (the questions of one
article) are drawn together: they are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 1000
CONFIDENCE = 0.95
BLOCK_CELLS = 4_000_000  # counts held at a time
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

    def sums(self) -> np.ndarray:
        """The sums of every cluster, (clusters, k)."""
        if self.clusters is None:
            return self.rows  # type: ignore[no-any-return]
        from scipy.sparse import csr_matrix

        count = int(self.clusters.max()) + 1
        places = (self.clusters, np.arange(len(self.clusters)))
        member = csr_matrix((np.ones(len(self.clusters)), places), (count, len(self.clusters)))
        return np.asarray(member @ self.rows)

    def whole(self) -> dict[str, float]:
        """The metrics of all examples, by name."""
        values = self.metrics(np.asarray(self.rows.sum(0)).reshape(1, -1))
        return {name: float(of_all[0]) for name, of_all in values.items()}

    @property
    def several(self) -> bool:
        """Whether there is more than one unit to draw; of one there is no interval."""
        return bool(self.sums().shape[0] > 1)


def _draws(units: int, seed: int) -> Any:
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
    for split in statistics.values():
        sums = split.sums()
        parts = [split.metrics(np.asarray(counts @ sums)) for counts in _draws(sums.shape[0], seed)]
        for name in parts[0]:
            by_metric.setdefault(name, []).append(np.concatenate([part[name] for part in parts]))
    return {name: np.mean(values, 0) for name, values in by_metric.items()}


def _interval(values: np.ndarray) -> Interval:
    low, high = np.nanquantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def are_several(statistics: Mapping[str, Statistics]) -> bool:
    """Whether every split has more than one unit to draw."""
    return all(split.several for split in statistics.values())


def intervals(statistics: Mapping[str, Statistics]) -> dict[str, Interval]:
    """95% percentile intervals by metric (Efron 1979); none where there is one unit to draw."""
    if not are_several(statistics):
        return {}
    return {name: _interval(values) for name, values in resampled(statistics).items()}


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


def of_means(rows: np.ndarray, names: tuple[str, ...], clusters: Any = None) -> Statistics:
    """Metrics that are means of a column each; ``rows`` in percent, (examples, metrics)."""
    counted = np.hstack([rows, np.ones((len(rows), 1))])

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        return {name: sums[:, i] / sums[:, -1] for i, name in enumerate(names)}

    return Statistics(counted, metrics, clusters)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0))


def of_counts(rows: np.ndarray) -> Statistics:
    """Precision, recall and F1 from true positives, predicted and true items, (examples, 3)."""

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        right, predicted, true = sums[:, 0], sums[:, 1], sums[:, 2]
        return {
            "precision": 100 * _ratio(right, predicted),
            "recall": 100 * _ratio(right, true),
            "f1": 100 * _ratio(2 * right, predicted + true),
        }

    return Statistics(rows.astype(float), metrics)


def of_classes(
    labels: np.ndarray, answers: np.ndarray, classes: int, names: tuple[str, ...]
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

    return Statistics(rows, metrics)


def of_correlations(labels: np.ndarray, answers: np.ndarray, names: tuple[str, ...]) -> Statistics:
    """Pearson and Spearman from sums of products; ranks are those among all examples."""
    from scipy.stats import rankdata

    columns = []
    for name in names:
        pair = (labels, answers)
        x, y = (rankdata(v) if name == "spearman" else v for v in pair)
        x, y = x - np.mean(x), y - np.mean(y)
        columns += [x, y, x * x, y * y, x * y]
    rows = np.stack([*columns, np.ones(len(labels))], 1).astype(float)

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        n = sums[:, -1]
        correlations = {}
        for i, name in enumerate(names):
            x, y, xx, yy, xy = sums[:, 5 * i : 5 * i + 5].T
            spread = np.sqrt(np.maximum(xx - x * x / n, 0) * np.maximum(yy - y * y / n, 0))
            correlations[name] = 100 * _ratio(xy - x * y / n, spread)
        return correlations

    return Statistics(rows, metrics)
