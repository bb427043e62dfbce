"""Distillation of sentence embeddings, and of the cosine of a pair with a score.

The cosine term is that of the embeddings themselves; the relation term compares the matrix of
cosines among the texts of a batch (Park et al., relational distillation, arXiv 1904.05068, with
cosines in the place of distances), which knows no width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def cosine_distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """1 - cosine of every text, (texts,); both of shape (texts, width)."""
    return 1 - F.cosine_similarity(student, teacher.detach(), dim=-1)


def relation_distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of the cosines of every text with all texts of the batch, (texts,).

    Args:
        student: (texts, width).
        teacher: (texts, its own width); no gradient flows to it.
    """
    own, taught = F.normalize(student, dim=-1), F.normalize(teacher.detach(), dim=-1)
    return (own @ own.T - taught @ taught.T).square().mean(-1)


def embedding_distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """`cosine_distance` + `relation_distance` of every row, (rows,), the mean over its texts; both
    of shape (rows, texts of a row, width)."""
    own, taught = student.flatten(0, 1), teacher.flatten(0, 1)
    distances = cosine_distance(own, taught) + relation_distance(own, taught)
    return distances.view(student.shape[:2]).mean(1)


def pair_loss(embeddings: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """Squared error of a pair's cosine, (rows,), as `CosineSimilarityLoss` of
    `sentence-transformers` has it.

    Args:
        embeddings: (rows, 2, width).
        scores: (rows,), 0 to 1.
    """
    return (F.cosine_similarity(embeddings[:, 0], embeddings[:, 1], dim=-1) - scores).square()
