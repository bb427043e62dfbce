"""A step of several batches is the step of one batch with all of their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, TrainingArguments

from distill.corpus.length_batches import FILLER
from distill.losses.triple import IGNORED, TripleWeights
from distill.students.from_layers import make_student
from distill.training.distill_trainer import DistillTrainer
from distill.training.distiller import Distiller
from distill.training.exact_trainer import ExactTrainer

PARTS = (1, 2, 5)  # rows of the batches of a step
LENGTHS = np.array([5, 40, 7, 9, 21, 33, 6, 12])


class Rows(list):
    lengths = LENGTHS


def batch(rows: slice) -> dict[str, torch.Tensor]:
    """Random ids; the share of masked positions differs from row to row."""
    drawn = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 400, (len(LENGTHS), 40), generator=drawn)
    mask = (torch.arange(40) < torch.tensor(LENGTHS)[:, None]).long()
    chosen = torch.rand(ids.shape, generator=drawn) < torch.linspace(0.05, 0.5, len(ids))[:, None]
    chosen[:, 1] = True
    labels = torch.where(chosen & mask.bool(), ids, IGNORED)
    whole = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    length = int(LENGTHS[rows].max())
    return {name: tensor[rows, :length] for name, tensor in whole.items()}


def parts() -> list[dict[str, torch.Tensor]]:
    ends = np.cumsum(PARTS)
    return [batch(slice(end - size, end)) for end, size in zip(ends, PARTS, strict=True)]


def step(trainer: Any, batches: list[dict[str, torch.Tensor]]) -> tuple[float, torch.Tensor]:
    """Loss and gradient of an optimizer's step, as the Trainer's loop takes it."""
    trainer.model.zero_grad()
    items = trainer._get_num_items_in_batch(batches, "cpu")
    loss = sum(float(trainer.training_step(trainer.model, inputs, items)) for inputs in batches)
    gradients = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
    return loss, torch.cat(gradients).clone()


@pytest.mark.parametrize("masked_only", [False, True])
def test_pre_training_weighs_batches_by_their_positions(
    masked_only: bool, small_teacher: Path, tmp_path: Path
) -> None:
    teacher = AutoModelForMaskedLM.from_pretrained(small_teacher)
    student = make_student(teacher, 2)
    for module in student.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    student.config.attention_dropout = 0.0
    trainer = DistillTrainer(
        model=Distiller(student, teacher, TripleWeights(), masked_only),
        args=TrainingArguments(
            output_dir=str(tmp_path), use_cpu=True, report_to="none", remove_unused_columns=False
        ),
        train_dataset=Rows(range(8)),
    )
    loss, gradient = step(trainer, [batch(slice(0, 8))])
    split_loss, split_gradient = step(trainer, parts())
    assert split_loss == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(split_gradient, gradient, rtol=1e-3, atol=1e-5)


def test_fine_tuning_weighs_batches_by_their_rows(tmp_path: Path) -> None:
    class MeanSquares(ExactTrainer):
        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
            return model(inputs["input_ids"][:, :5].float()).square().mean()

    def indexed(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {**batch, "index": torch.arange(len(batch["input_ids"]))}

    torch.manual_seed(0)
    trainer = MeanSquares(
        model=torch.nn.Linear(5, 2),
        args=TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none"),
        train_dataset=Rows(range(8)),
    )
    loss, gradient = step(trainer, [indexed(batch(slice(0, 8)))])
    filler = {**batch(slice(0, 1)), "index": torch.tensor([FILLER])}
    split_loss, split_gradient = step(trainer, [*map(indexed, parts()), filler])
    assert split_loss == pytest.approx(loss, rel=1e-6)
    torch.testing.assert_close(split_gradient, gradient, rtol=1e-5, atol=1e-3)
