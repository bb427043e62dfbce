"""Relations between positions, as MiniLMv2 distils them (Wang et al., arXiv 2012.15828, section 3).

Queries, keys and values of one layer are split anew into a number of relation heads of its own
choice, the same for teacher and student. A relation is then a distribution over positions,
``softmax(A A^T / sqrt(width of a head))``, whose shape knows neither the width nor the heads of a
model: a student of any width learns from a teacher of any other, and vocabularies play no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from distill.console.errors import UserError
from distill.families.table import family_of
from distill.losses.task import row_means

if TYPE_CHECKING:
    from distill.models.embedder import Model

PARTS = ("query", "key", "value")


def split_heads(states: torch.Tensor, heads: int) -> torch.Tensor:
    """(batch, length, width) as (batch, heads, length, width / heads).

    Raises:
        UserError: the width is not a multiple of the heads.
    """
    batch, length, width = states.shape
    if width % heads:
        raise UserError(
            f"{heads} relation heads do not divide a width of {width}: choose a divisor of both "
            "the teacher's and the student's width with --relation_heads"
        )
    return states.view(batch, length, heads, width // heads).transpose(1, 2)


def log_relation(states: torch.Tensor, attention_mask: torch.Tensor, heads: int) -> torch.Tensor:
    """The logarithm of what every position relates to, (batch, heads, length, length).

    Args:
        states: queries, keys or values, (batch, length, width).
        attention_mask: (batch, length), 1 for a token; nothing relates to padding.
    """
    split = split_heads(states, heads)
    products = split @ split.transpose(-1, -2) / split.shape[-1] ** 0.5
    padding = attention_mask[:, None, None, :] == 0
    visible: torch.Tensor = products.masked_fill(padding, torch.finfo(products.dtype).min)
    return visible.log_softmax(-1)


def relation_divergence(
    student: Sequence[torch.Tensor],
    teacher: Sequence[torch.Tensor],
    attention_mask: torch.Tensor,
    heads: int,
) -> torch.Tensor:
    """KL(teacher || student) of the relations among queries, among keys and among values; of every
    position, (batch, length), the mean over the three and over heads (equations 5 to 7, each with
    weight 1/3). Positions of padding have no meaning.

    Args:
        student: queries, keys and values of one layer, each (batch, length, width).
        teacher: of the teacher, each (batch, length, its own width); no gradient flows to them.
        attention_mask: (batch, length), 1 for a token.
        heads: relation heads, which divide both widths.

    Raises:
        UserError: the heads do not divide both widths.
    """
    divergences = []
    for own, taught in zip(student, teacher, strict=True):
        target = log_relation(taught.detach(), attention_mask, heads)
        relation = log_relation(own, attention_mask, heads)
        divergence = F.kl_div(relation, target, reduction="none", log_target=True).sum(-1)
        divergences.append(divergence.mean(1))
    return torch.stack(divergences).mean(0)


def relation_loss(
    student: Sequence[torch.Tensor],
    teacher: Sequence[torch.Tensor],
    attention_mask: torch.Tensor,
    heads: int,
) -> torch.Tensor:
    """The mean of `relation_divergence` over attended positions."""
    divergence = relation_divergence(student, teacher, attention_mask, heads)
    return divergence[attention_mask.bool()].mean()


def taught_layer(layers: int) -> int:
    """The teacher's layer, from 0, that a student's last one learns from: the last one of a base
    model, the fourth from the end of a large one of 24 (section 4.3)."""
    return layers - 4 if layers == 24 else layers - 1


class LayerStates:
    """Queries, keys and values of one layer of a `transformers` encoder, from its last forward.

    Raises:
        UserError: the model type is not in `distill.families`, or has no such layer.
    """

    def __init__(self, model: Model, layer: int) -> None:
        kind = model.config.model_type
        family = family_of(kind, type(model).__name__)
        self.width = 0
        self._kept: dict[str, torch.Tensor] = {}
        for part in PARTS:
            name = f"{family.layer}.{layer}.{family.part(part)}"
            try:
                module = model.base_model.get_submodule(name)
            except AttributeError:
                raise UserError(
                    f"a {kind} model has no {name}, which --relation_weight needs"
                ) from None
            assert isinstance(module, nn.Linear)
            self.width = module.out_features
            module.register_forward_hook(self._keeper(part))

    def _keeper(self, part: str) -> Callable[[nn.Module, object, torch.Tensor], None]:
        def keep(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            self._kept[part] = output

        return keep

    def take(self) -> tuple[torch.Tensor, ...]:
        """Queries, keys, values, each (batch, length, width); they are forgotten here."""
        kept, self._kept = self._kept, {}
        return tuple(kept[part] for part in PARTS)


class LayerRelations:
    """The relation term of a student and its teacher, at the student's last layer.

    Args:
        heads: relation heads; 0 takes the student's attention heads.

    Raises:
        UserError: as `LayerStates`, or heads that do not divide both widths.
    """

    def __init__(self, student: Model, teacher: Model, heads: int = 0) -> None:
        self.heads = heads or int(student.config.num_attention_heads)
        self.student = LayerStates(student, int(student.config.num_hidden_layers) - 1)
        self.teacher = LayerStates(teacher, taught_layer(int(teacher.config.num_hidden_layers)))
        for states in (self.student, self.teacher):
            split_heads(torch.empty(1, 1, states.width), self.heads)

    def loss(self, attention_mask: torch.Tensor) -> torch.Tensor:
        """`relation_loss` of the last forward of both, which this takes."""
        return relation_loss(self.student.take(), self.teacher.take(), attention_mask, self.heads)

    def row_losses(self, attention_mask: torch.Tensor) -> torch.Tensor:
        """The loss of every row, (batch,): the mean over its attended positions."""
        states = self.student.take(), self.teacher.take()
        return row_means(relation_divergence(*states, attention_mask, self.heads), attention_mask)
