"""The second distillation, on the task itself (arXiv 1910.01108, section 3; reference settings).

``loss = alpha * KL(teacher || student) * T^2 + (1 - alpha) * hard_loss`` with alpha = 0.5, T = 2.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

TEMPERATURE = 2.0
MASKED = -1e4
LEAST_PROBABILITY = 1e-7  # padding has none, and its logarithm must stay finite


def distillation_kl(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """KL(teacher || student) of every row at a temperature, times its square: (rows,).

    The square keeps the size of the gradient independent of the temperature (Hinton et al.,
    arXiv 1503.02531, section 2).

    Args:
        student: logits of shape (rows, classes).
        teacher: logits of the same shape; no gradient flows to them.
    """
    divergence = F.kl_div(
        F.log_softmax(student / temperature, dim=-1),
        F.log_softmax(teacher.detach() / temperature, dim=-1),
        reduction="none",
        log_target=True,
    ).sum(-1)
    return divergence * temperature**2


def span_targets(
    spans: list[tuple[tuple[int, int], ...]], length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Start and end targets of shape (rows, length): every annotator's answer has an equal share;
    a window without an answer points to its first token."""
    start, end = torch.zeros(len(spans), length), torch.zeros(len(spans), length)
    for row, answers in enumerate(spans):
        for first, last in answers or ((0, 0),):
            start[row, first] += 1.0 / max(len(answers), 1)
            end[row, last] += 1.0 / max(len(answers), 1)
    return start, end


def span_loss(
    start_logits: torch.Tensor,
    end_logits: torch.Tensor,
    start_targets: torch.Tensor,
    end_targets: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy of start and end, averaged, of every row; all of shape (rows, length), padding
    masked."""
    start = F.cross_entropy(start_logits, start_targets, reduction="none")
    return (start + F.cross_entropy(end_logits, end_targets, reduction="none")) / 2


def span_distillation_kl(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """`distillation_kl` of start and end, averaged; logits of shape (rows, 2, length)."""
    return (
        distillation_kl(student[:, 0], teacher[:, 0], temperature)
        + distillation_kl(student[:, 1], teacher[:, 1], temperature)
    ) / 2


def mask_padding(logits: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Give padding no probability; ``attention_mask`` broadcasts to ``logits``."""
    return logits.masked_fill(attention_mask == 0, MASKED)


def layer_pairs(student: int, teacher: int) -> list[tuple[int, int]]:
    """Student layer i learns from the teacher layer at the same depth (TinyBERT, arXiv 1909.10351,
    section 3.1); numbers count from 1, as in ``hidden_states``, whose 0 is the embeddings."""
    return [(layer, layer * teacher // student) for layer in range(1, student + 1)]


def hidden_loss(
    student: tuple[torch.Tensor, ...],
    teacher: tuple[torch.Tensor, ...],
    attention_mask: torch.Tensor,
) -> torch.Tensor:
    """Squared error of the hidden states at paired layers, relative to the teacher's length;
    of every row, (batch,), the mean over layers and its attended positions.

    Args:
        student: ``hidden_states`` of the student, each (batch, length, width).
        teacher: of the teacher, of the same width.
        attention_mask: (batch, length), 1 for a token.
    """
    losses = []
    for student_layer, teacher_layer in layer_pairs(len(student) - 1, len(teacher) - 1):
        target = teacher[teacher_layer].detach()
        error = (student[student_layer] - target).square().sum(-1)
        losses.append(row_means(error / target.square().sum(-1), attention_mask))
    return torch.stack(losses).mean(0)


def row_means(values: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Means over the attended positions of every row; both of shape (batch, length)."""
    kept = values.masked_fill(attention_mask == 0, 0.0)  # and no gradient from padding
    return kept.sum(-1) / attention_mask.sum(-1)


def attention_loss(
    student: tuple[torch.Tensor, ...],
    teacher: tuple[torch.Tensor, ...],
    attention_mask: torch.Tensor,
) -> torch.Tensor:
    """KL(teacher || student) of what every head attends to, at paired layers (MiniLM,
    arXiv 2002.10957, section 3.1, which matches the last layer alone); of every row, (batch,),
    the mean over layers, heads and its attended positions.

    Args:
        student: ``attentions`` of the student, each (batch, heads, length, length), rows adding
            up to 1.
        teacher: of the teacher, with as many heads.
        attention_mask: (batch, length), 1 for a token.
    """
    losses = []
    for student_layer, teacher_layer in layer_pairs(len(student), len(teacher)):
        target = teacher[teacher_layer - 1].detach().clamp_min(LEAST_PROBABILITY)
        attended = student[student_layer - 1].clamp_min(LEAST_PROBABILITY)
        divergence = (target * (target.log() - attended.log())).sum(-1)
        losses.append(row_means(divergence.mean(1), attention_mask))
    return torch.stack(losses).mean(0)
