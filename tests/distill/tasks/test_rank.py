"""Rankings are scored as by scikit-learn and by the definition, also where answers are equal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from distill.tasks.glue import GlueExample
from distill.tasks.rank import CUT, ranking


def by_definition(truth: np.ndarray, answers: np.ndarray) -> float:
    """The mean reciprocal rank over all orders of the passages that their answers allow."""
    orders = [
        order
        for order in itertools.permutations(range(len(truth)))
        if all(answers[a] >= answers[b] for a, b in itertools.pairwise(order))
    ]
    firsts = [next(i for i, passage in enumerate(o) if truth[passage] > 0) for o in orders]
    return float(np.mean([1 / (first + 1) for first in firsts]))


@pytest.mark.parametrize("seed", range(12))
def test_scores_of_equal_answers_are_the_mean_over_their_orders(seed: int) -> None:
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 3, 6).astype(float)
    truth[seed % 6] = 1
    answers = chance.integers(0, 1 + seed % 4, 6).astype(float)
    pairs = [GlueExample("q", f"p{i}", 0) for i in range(6)]
    found = ranking(pairs, truth, answers).whole()
    assert found["ndcg"] == pytest.approx(100 * ndcg_score([truth], [answers], k=CUT))
    assert found["mrr"] == pytest.approx(100 * by_definition(truth, answers))


def test_model_that_tells_nothing_apart_does_not_get_the_order_of_the_file() -> None:
    """The relevant passage often comes first in a file."""
    pairs = [GlueExample(f"q{i // 20}", f"p{i}", 0) for i in range(200)]
    truth = np.array([float(i % 20 == 0) for i in range(200)])
    found = ranking(pairs, truth, np.zeros(200)).whole()
    assert found["mrr"] == pytest.approx(100 * sum(1 / r for r in range(1, CUT + 1)) / 20)
    assert found["ndcg"] < 30
