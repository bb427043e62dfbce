"""Intervals against scikit-learn and scipy on the same resamples, and against textbook formulas;
the best threshold of SQuAD 2.0 against the official definition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from distill.tasks import statistics as module
from distill.tasks.squad import Example
from distill.tasks.squad_scores import normalized, scores_by_question
from distill.tasks.squad_task import best_threshold
from distill.tasks.statistics import (
    Difference,
    intervals,
    of_classes,
    of_correlations,
    of_counts,
    of_means,
    paired,
    resampled,
)

ROWS, DRAWS = 120, 20


def macro_f1(truth: Any, answers: Any) -> float:
    return float(f1_score(truth, answers, average="macro"))


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """The rows of every resample, as NumPy draws them with the seed of the kit."""
    monkeypatch.setattr(module, "RESAMPLES", DRAWS)
    return np.random.default_rng(0).integers(0, ROWS, (DRAWS, ROWS))


@pytest.mark.parametrize(
    ("name", "classes", "witness"),
    [
        ("accuracy", 2, accuracy_score),
        ("f1", 2, f1_score),
        ("matthews", 2, matthews_corrcoef),
        ("macro_f1", 4, macro_f1),
        ("accuracy", 3, accuracy_score),
    ],
)
def test_resamples_of_classes_are_scored_as_by_scikit_learn(
    name: str, classes: int, witness: Callable[[Any, Any], float], draws: np.ndarray
) -> None:
    chance = np.random.default_rng(classes)
    truth = chance.integers(0, classes, ROWS)
    answers = np.where(chance.random(ROWS) < 0.6, truth, chance.integers(0, classes, ROWS))
    found = resampled({"dev": of_classes(truth, answers, classes, (name,))})[name]
    expected = [100 * witness(truth[rows], answers[rows]) for rows in draws]
    assert found == pytest.approx(expected)


def test_resamples_of_several_labels_are_scored_as_by_scikit_learn(draws: np.ndarray) -> None:
    truth, answers = np.random.default_rng(1).integers(0, 2, (2, ROWS, 3))
    both = np.stack([(truth & answers).sum(1), answers.sum(1), truth.sum(1)], 1)
    found = resampled({"dev": of_counts(both)})["f1"]
    expected = [100 * f1_score(truth[rows], answers[rows], average="micro") for rows in draws]
    assert found == pytest.approx(expected)


def test_resamples_of_scores_are_correlated_as_by_scipy(draws: np.ndarray) -> None:
    """Ranks are those of the resample, in which rows that are drawn twice share theirs."""
    truth, noise = np.random.default_rng(2).normal(size=(2, ROWS))
    truth, answers = truth.round(1), truth + noise
    found = resampled({"dev": of_correlations(truth, answers, ("pearson", "spearman"))})
    expected = [100 * pearsonr(truth[rows], answers[rows]).statistic for rows in draws]
    assert found["pearson"] == pytest.approx(expected)
    expected = [100 * spearmanr(truth[rows], answers[rows]).statistic for rows in draws]
    assert found["spearman"] == pytest.approx(expected)


def test_answers_that_are_constant_have_no_correlation() -> None:
    found = of_correlations(np.arange(9.0), np.full(9, 0.1), ("pearson", "spearman"))
    assert found.whole() == {"pearson": 0, "spearman": 0}
    assert intervals({"dev": found}) == {}


def test_interval_of_a_share_is_that_of_the_binomial_distribution() -> None:
    truth = np.zeros(400, dtype=int)
    answers = (np.arange(400) % 5 == 0).astype(int)  # 80% right
    low, high = intervals({"dev": of_classes(truth, answers, 2, ("accuracy",))})["accuracy"]
    half = 100 * 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert [low, high] == pytest.approx([80 - half, 80 + half], abs=0.1 * half)


def test_paired_interval_is_that_of_the_differences_of_rows() -> None:
    """1.96 standard errors of the mean difference; models that agree differ far less than their own
    intervals are wide."""
    chance = np.random.default_rng(3)
    first = 100.0 * (chance.random(500) < 0.7)
    changed = chance.random(500) < 0.1
    second = np.where(changed, 100 - first, first)
    one, other = ({"dev": of_means(rows[:, None], ("f1",))} for rows in (first, second))
    found = paired(one, other)["f1"]
    change = second - first
    assert found.difference == pytest.approx(change.mean())
    half = 1.96 * change.std() / np.sqrt(500)
    expected = [change.mean() - half, change.mean() + half]
    assert list(found.interval) == pytest.approx(expected, abs=0.15 * half)
    low, high = intervals(one)["f1"]
    assert found.interval[1] - found.interval[0] < 0.8 * (high - low)
    assert paired(one, one)["f1"] == Difference(difference=0, interval=(0, 0), share=0)


def test_two_splits_have_the_interval_of_their_mean() -> None:
    rows = [np.repeat([[20.0], [60.0]], 200, 0), np.full((50, 1), 60.0)]
    splits = {name: of_means(r, ("f1",)) for name, r in zip("ab", rows, strict=True)}
    low, high = intervals(splits)["f1"]
    assert [low, high] == pytest.approx([50 - 1.96 / 2, 50 + 1.96 / 2], abs=0.1)


def official_f1(example: Example, text: str) -> float:
    """`compute_f1` of evaluate-v2.0.py over its `gold_answers`."""
    golds = [gold for gold, _ in example.answers if normalized(gold)] or [""]
    scores = []
    for gold in golds:
        one, other = Counter(normalized(gold).split()), Counter(normalized(text).split())
        common = (one & other).total()
        if not one or not other:
            scores.append(float(one == other))
        else:
            scores.append(2 * common / (one.total() + other.total()))
    return max(scores)


def official_best(
    examples: list[Example], texts: dict[str, str], leads: dict[str, float]
) -> tuple[float, float]:
    """`find_best_thresh` of evaluate-v2.0.py, by its definition."""
    answered = {e.id for e in examples if e.answers}
    scores = {e.id: official_f1(e, texts[e.id]) for e in examples}
    total = best = float(len(leads) - len(answered))
    threshold = 0.0
    for key in sorted(leads, key=lambda key: leads[key]):
        total += scores[key] if key in answered else (-1 if texts[key] else 0)
        if total > best:
            best, threshold = total, leads[key]
    return 100 * best / len(leads), threshold


@pytest.mark.parametrize("seed", range(6))
def test_best_threshold_is_that_of_the_official_script(seed: int) -> None:
    """Also where a reference or an answer is an article alone, of which nothing is left."""
    chance = np.random.default_rng(seed)
    examples, texts = [], {}
    leads = chance.normal(size=60)
    for number in range(60):
        key, has = str(number), bool(chance.random() < 0.5)
        references = (("red mill",), ("the",), ("the", "mill"))[int(chance.integers(3))]
        answers = tuple((text, 0) for text in references) if has else ()
        texts[key] = str(chance.choice(["red mill", "mill", "stone", "the", ""]))
        examples.append(Example(key, "?", "the red mill", answers))
        leads[number] -= 1.5 * has
    expected = official_best(examples, texts, dict(zip(texts, leads, strict=True)))
    best = best_threshold(examples, texts, leads)
    found = best.metrics()
    assert found["best_f1"] == pytest.approx(expected[0])
    assert found["best_f1_threshold"] == pytest.approx(expected[1])
    rows = scores_by_question(examples, texts, version2=True)[:, 1]
    assert rows == pytest.approx([100 * official_f1(e, texts[e.id]) for e in examples])
