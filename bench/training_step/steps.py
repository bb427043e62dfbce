"""Two ways to write a step of pre-training distillation, to be timed side by side.

Both do the same work on the same models: forward of teacher and student, the triple loss over all
attended positions, backward, AdamW. `PlainStep` is the step as one writes it with `transformers`:
full logits of both models, batches in random order padded to their longest. `KitStep` is that of
`distill`: logits a few positions at a time, batches of nearly one length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from distill.console.errors import UserError
from distill.corpus.length_batches import LengthBatches
from distill.corpus.masking import MaskingCollator
from distill.losses.triple import IGNORED, TripleWeights
from distill.training.distiller import Distiller

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MASK_ID, PAD_ID, SPECIAL = 103, 0, (0, 100, 101, 102, 103)


@dataclass(frozen=True)
class Shape:
    """Teacher and student of one width."""

    layers: int
    student_layers: int
    width: int
    heads: int
    vocabulary: int = 30_522

    def flops(self, length: float) -> float:
        """Of one token of a step: teacher forward, student forward and backward (twice that).
        ``length`` is that of the sequence which a token is in; the mean is over tokens.

        Products of matrices only, two operations for a multiply-add: 24 width^2 of a layer with
        its attention's 4 length width, and the head (arXiv 2001.08361, table 1).
        """
        layer = 24 * self.width**2 + 4 * length * self.width
        head = 2 * self.width**2 + 2 * self.width * self.vocabulary
        return (self.layers * layer + head) + 3 * (self.student_layers * layer + head)


SHAPES = {"mini": Shape(6, 3, 384, 12), "base": Shape(12, 6, 768, 12)}


def models(shape: Shape, device: torch.device) -> tuple[PreTrainedModel, PreTrainedModel]:
    """(teacher, student) with random weights, which cost what trained ones do."""
    from transformers import BertConfig, BertForMaskedLM

    from distill.students.from_layers import make_student

    torch.manual_seed(0)
    teacher: PreTrainedModel = BertForMaskedLM(
        BertConfig(
            vocab_size=shape.vocabulary,
            num_hidden_layers=shape.layers,
            hidden_size=shape.width,
            num_attention_heads=shape.heads,
            intermediate_size=4 * shape.width,
        )
    )
    teacher.eval()
    student = make_student(teacher, shape.student_layers)
    student.train()
    teacher.requires_grad_(False)
    modules: tuple[torch.nn.Module, ...] = (teacher, student)
    for module in modules:
        module.to(device)
    return teacher, student


class Batches:
    """Endless masked batches of sequences, random ids of the given lengths.

    Args:
        grouped: of nearly one length, as `distill.corpus.length_batches` makes them; else in
            random order.
    """

    def __init__(
        self, lengths: npt.NDArray[np.int32], batch_size: int, grouped: bool, seed: int = 0
    ) -> None:
        if len(lengths) < batch_size:
            raise UserError(f"{len(lengths)} sequences are too few for a batch of {batch_size}")
        counts = np.ones(SHAPES["mini"].vocabulary, np.int64)
        self.collate = MaskingCollator(counts, MASK_ID, SPECIAL, PAD_ID, seed)
        self.lengths, self.size, self.grouped, self.seed = lengths, batch_size, grouped, seed

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        chance = np.random.default_rng(self.seed)
        epoch = 0
        while True:
            for rows in self._order(epoch, chance):
                sequences = [chance.integers(1000, 30_000, self.lengths[row]) for row in rows]
                yield self.collate(
                    [{"input_ids": ids, "key": i} for i, ids in enumerate(sequences)]
                )
            epoch += 1

    def _order(self, epoch: int, chance: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        if self.grouped:
            return LengthBatches(self.lengths, self.size, self.seed).rows(epoch)
        order = chance.permutation(len(self.lengths))
        return [order[i : i + self.size] for i in range(0, len(order) - self.size + 1, self.size)]


class Step(Protocol):
    """What is timed: a loss, and the optimizer of the student that it belongs to."""

    optimizer: torch.optim.Optimizer

    def loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of one batch of `Batches`, a number in a tensor."""
        ...


class KitStep:
    """A step of `distill.pretrain`."""

    def __init__(
        self, teacher: PreTrainedModel, student: PreTrainedModel, compiled: bool = False
    ) -> None:
        self.distiller = Distiller(student, teacher, TripleWeights()).train()
        if compiled:
            self.distiller.compile()
        self.optimizer = _optimizer(student)

    def loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of one batch, a number in a tensor: the three losses of `distill.losses.triple`."""
        loss: torch.Tensor = self.distiller(**batch)["loss"]
        return loss


class PlainStep:
    """The same with full logits, as in the reference implementation."""

    def __init__(self, teacher: PreTrainedModel, student: PreTrainedModel) -> None:
        self.teacher, self.student = teacher, student
        self.optimizer = _optimizer(student)

    def loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of one batch, a number in a tensor, in the reference implementation's words."""
        inputs, labels = (batch["input_ids"], batch["attention_mask"]), batch["labels"]
        ours = self.student(*inputs, output_hidden_states=True)
        with torch.no_grad():
            theirs = self.teacher(*inputs, output_hidden_states=True)
        attended = batch["attention_mask"].bool()
        chosen = attended[..., None].expand_as(ours.logits)
        vocabulary = ours.logits.shape[-1]
        student_logits = ours.logits.masked_select(chosen).view(-1, vocabulary)
        teacher_logits = theirs.logits.masked_select(chosen).view(-1, vocabulary)
        divergence = F.kl_div(
            F.log_softmax(student_logits / 2, dim=-1),
            F.softmax(teacher_logits / 2, dim=-1),
            reduction="batchmean",
        )
        masked = F.cross_entropy(
            ours.logits.view(-1, vocabulary), labels.view(-1), ignore_index=IGNORED
        )
        mine, target = (model.hidden_states[-1][attended] for model in (ours, theirs))
        cosine = (1 - F.cosine_similarity(mine, target, dim=-1)).mean()
        total: torch.Tensor = 5 * 4 * divergence + 2 * masked + cosine
        return total


def _optimizer(student: PreTrainedModel) -> torch.optim.Optimizer:
    """The one that `transformers` takes by default."""
    return torch.optim.AdamW(student.parameters(), lr=1e-4, fused=True)


def take(step: Step, batch: dict[str, torch.Tensor], device: torch.device, half: bool) -> float:
    """One whole step; returns its loss."""
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        loss = step.loss(batch)
    loss.backward()
    step.optimizer.step()
    step.optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())
