"""The triple loss of DistilBERT (arXiv 1910.01108, section 2), chunked over positions.

``loss = 5 * KL(teacher || student) * T^2 + 2 * MLM cross-entropy + 1 * cosine``, T = 2.

Logits over a vocabulary of 30,522 are by far the largest tensors of the step, so neither model's
are ever held for a whole batch: the projection and its loss run over a few positions at a time,
and their gradient is computed in the same pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

Projection = Callable[[torch.Tensor], torch.Tensor]
POSITIONS = 256
"""Positions whose logits are held at a time: 256 x 30,522 floats are 31 MB for each model."""


@dataclass(frozen=True)
class TripleWeights:
    """Weights of the three terms and the temperature; a term of weight 0 is not computed."""

    distillation: float = 5.0
    masked: float = 2.0
    cosine: float = 1.0
    temperature: float = 2.0


class _Chunked(torch.autograd.Function):
    """Sum over chunks of ``loss(hidden, ...)``, its gradient taken as each chunk is done."""

    @staticmethod
    def forward(ctx, run, hidden, rows, *parameters):  # type: ignore[no-untyped-def]
        wanted = [hidden, *parameters]
        gradients = [torch.zeros_like(value) for value in wanted]
        total = hidden.new_zeros(())
        for at in range(0, rows, POSITIONS):
            part = slice(at, min(at + POSITIONS, rows))
            with torch.enable_grad():
                piece = hidden.detach()[part].requires_grad_()
                loss = run(piece, part)
                found = torch.autograd.grad(loss, [piece, *parameters], allow_unused=True)
            gradients[0][part] = found[0]
            for gradient, value in zip(gradients[1:], found[1:], strict=True):
                if value is not None:
                    gradient += value
            total = total + loss.detach()
        ctx.save_for_backward(*gradients)
        return total

    @staticmethod
    def backward(ctx, upstream):  # type: ignore[no-untyped-def]
        hidden, *parameters = (upstream * gradient for gradient in ctx.saved_tensors)
        return None, hidden, None, *parameters


def _chunked(
    run: Callable[[torch.Tensor, slice], torch.Tensor],
    hidden: torch.Tensor,
    head: torch.nn.Module,
) -> torch.Tensor:
    parameters = [p for p in head.parameters() if p.requires_grad]
    total: torch.Tensor = _Chunked.apply(run, hidden, len(hidden), *parameters)
    return total


def distillation_loss(
    hidden: torch.Tensor,
    teacher_hidden: torch.Tensor,
    head: torch.nn.Module,
    teacher_head: Projection,
    temperature: float,
) -> torch.Tensor:
    """Mean over positions of KL(teacher || student) at a temperature, times its square.

    Args:
        hidden: student states of the chosen positions, (positions, width).
        teacher_hidden: the teacher's of the same positions, (positions, teacher width).
        head: student states -> vocabulary logits; its parameters get their gradient.
        teacher_head: the same for the teacher; it gets none.
    """
    count = max(len(hidden), 1)

    def run(piece: torch.Tensor, part: slice) -> torch.Tensor:
        with torch.no_grad():
            target = F.log_softmax(teacher_head(teacher_hidden[part]) / temperature, dim=-1)
        found = F.log_softmax(head(piece) / temperature, dim=-1)
        divergence = F.kl_div(found, target, reduction="sum", log_target=True)
        return divergence * (temperature**2 / count)

    return _chunked(run, hidden, head)


def masked_loss(hidden: torch.Tensor, labels: torch.Tensor, head: torch.nn.Module) -> torch.Tensor:
    """Mean cross-entropy at the masked positions.

    Args:
        hidden: student states of the masked positions, (positions, width).
        labels: their true ids, (positions,).
    """
    count = max(len(hidden), 1)

    def run(piece: torch.Tensor, part: slice) -> torch.Tensor:
        return F.cross_entropy(head(piece), labels[part], reduction="sum") / count

    return _chunked(run, hidden, head)


def cosine_loss(hidden: torch.Tensor, teacher_hidden: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cos(student, teacher) over positions; both (positions, width)."""
    return (1 - F.cosine_similarity(hidden, teacher_hidden, dim=-1)).mean()


def triple_loss(
    hidden: torch.Tensor,
    teacher_hidden: torch.Tensor,
    attention_mask: torch.Tensor,
    labels: torch.Tensor,
    head: torch.nn.Module,
    teacher_head: Projection,
    weights: TripleWeights,
    masked_only: bool = False,
) -> dict[str, torch.Tensor]:
    """The weighted sum as ``loss``, and each computed term by its name.

    Args:
        hidden: last hidden states of the student, (batch, length, width).
        teacher_hidden: of the teacher; the cosine needs the same width.
        attention_mask: (batch, length), 1 for a token.
        labels: true ids at masked positions, -100 elsewhere, (batch, length).
        masked_only: distil at the masked positions instead of all attended ones.
    """
    attended, masked = attention_mask.bool(), labels != -100
    terms: dict[str, torch.Tensor] = {}
    total = hidden.new_zeros(())
    if weights.distillation:
        at = masked if masked_only else attended
        terms["distillation"] = distillation_loss(
            hidden[at], teacher_hidden[at], head, teacher_head, weights.temperature
        )
        total = total + weights.distillation * terms["distillation"]
    if weights.masked:
        terms["masked"] = masked_loss(hidden[masked], labels[masked], head)
        total = total + weights.masked * terms["masked"]
    if weights.cosine:
        terms["cosine"] = cosine_loss(hidden[attended], teacher_hidden[attended])
        total = total + weights.cosine * terms["cosine"]
    return {"loss": total, **terms}
