"""Terms of the second stage against their formulas, written out: what no test of a whole run tells
from a term that is near it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.metrics import log_loss

from distill.losses.task import distillation_kl, span_targets
from distill.tasks.embed import scaled
from distill.tasks.glue import GlueExample
from distill.tasks.sentences import class_distance, class_loss
from distill.tasks.table import TASKS
from distill.tasks.task import Labels

MULTI = "multi_label_classification"
CHANCE = np.random.default_rng(0)
STUDENT, TEACHER = CHANCE.normal(size=(5, 3)), CHANCE.normal(size=(5, 3))
TARGETS = np.array([0, 2, 1, 1, 0])
SEVERAL = CHANCE.integers(0, 2, (5, 3)).astype(float)


def kl(student: np.ndarray, teacher: np.ndarray, temperature: float) -> np.ndarray:
    own, taught = (log_softmax(x / temperature, -1) for x in (student, teacher))
    return np.asarray((np.exp(taught) * (taught - own)).sum(-1) * temperature**2)


def two(logits: np.ndarray) -> np.ndarray:
    """Logits of yes and no whose sigmoid is that of one logit."""
    return np.stack([logits, np.zeros_like(logits)], -1)


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_divergences_have_the_square_of_the_temperature(temperature: float) -> None:
    own, taught = tensors(STUDENT, TEACHER)
    expected = kl(STUDENT, TEACHER, temperature)
    assert distillation_kl(own, taught, temperature).numpy() == pytest.approx(expected)
    found = class_distance(own, taught, temperature, Labels(("a", "b", "c"), MULTI))
    expected = kl(two(STUDENT), two(TEACHER), temperature).mean(-1)
    assert found.numpy() == pytest.approx(expected)
    rank: Any = TASKS["rank"]
    found = rank.soft_loss(own[:, :1], taught[:, :1], {}, temperature, None)
    expected = kl(two(STUDENT[:, 0]), two(TEACHER[:, 0]), temperature)
    assert found.numpy() == pytest.approx(expected)


def test_losses_of_classes_are_weighed() -> None:
    weights = (0.5, 2.0, 3.0)
    logits, targets, several = tensors(STUDENT, TARGETS.astype(float), SEVERAL)
    own = -log_softmax(STUDENT, -1)[np.arange(5), TARGETS] * np.array(weights)[TARGETS]
    found = class_loss(logits, targets, Labels(("a", "b", "c"), weights=weights))
    assert found.numpy() == pytest.approx(own)
    chances = 1 / (1 + np.exp(-STUDENT))
    of_each = -(SEVERAL * np.log(chances) + (1 - SEVERAL) * np.log(1 - chances))
    found = class_loss(logits, several, Labels(("a", "b", "c"), MULTI, weights))
    assert found.numpy() == pytest.approx((of_each * weights).mean(-1))


def test_relevance_is_learnt_by_the_cross_entropy_of_scikit_learn() -> None:
    rank: Any = TASKS["rank"]
    logits, targets = tensors(STUDENT[:, :1], SEVERAL[:, 0])
    chances = 1 / (1 + np.exp(-STUDENT[:, 0]))
    found = rank.hard_loss(logits, {"targets": targets}, None)
    assert float(found.mean()) == pytest.approx(log_loss(SEVERAL[:, 0], chances, labels=[0, 1]))


def test_starts_and_ends_of_all_annotators_have_equal_shares() -> None:
    start, end = span_targets([((1, 3), (2, 3), (1, 4)), ()], 6)
    third = 1 / 3
    assert start[0].tolist() == pytest.approx([0, 2 * third, third, 0, 0, 0])
    assert end[0].tolist() == pytest.approx([0, 0, 0, 2 * third, third, 0])
    assert (start[1].tolist(), end[1].tolist()) == ([1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0])


def test_scores_are_scaled_from_their_least_to_their_highest() -> None:
    pairs = scaled([GlueExample("a", "b", score) for score in (1.0, 2.0, 5.0)])
    assert [pair.label for pair in pairs] == [0, 0.25, 1]
