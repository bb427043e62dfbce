"""Losses of sentence embeddings, against the formulas written out in NumPy."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics.pairwise import cosine_similarity

from distill.losses.embeddings import embedding_distance, pair_loss


def test_embedding_distance_is_cosine_and_relations_of_every_row() -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(3, 2, 5), torch.randn(3, 2, 5)
    own, taught = student.view(6, 5).numpy(), teacher.view(6, 5).numpy()
    cosines = np.diag(cosine_similarity(own, taught))
    relations = ((cosine_similarity(own) - cosine_similarity(taught)) ** 2).mean(1)
    expected = (1 - cosines + relations).reshape(3, 2).mean(1)
    np.testing.assert_allclose(embedding_distance(student, teacher), expected, atol=1e-6)


def test_pair_loss_is_the_squared_error_of_the_cosine() -> None:
    torch.manual_seed(0)
    pairs, scores = torch.randn(4, 2, 5), torch.rand(4)
    cosines = np.diag(cosine_similarity(pairs[:, 0], pairs[:, 1]))
    np.testing.assert_allclose(pair_loss(pairs, scores), (cosines - scores.numpy()) ** 2, atol=1e-6)
