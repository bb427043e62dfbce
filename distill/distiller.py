"""Student and teacher in one module whose output is the triple loss, and the Trainer around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import Trainer

from distill import DistillError
from distill.losses import TripleWeights, triple_loss


class DistilBertHead(nn.Module):
    """The MLM head of a `DistilBertForMaskedLM`, which has it in four parts."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.transform, self.norm = model.vocab_transform, model.vocab_layer_norm
        self.projector, self.activation = model.vocab_projector, model.activation

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.projector(self.norm(self.activation(self.transform(hidden))))
        return logits


def mlm_head(model: Any) -> nn.Module:
    """The part of a `transformers` masked language model from hidden states to logits.

    Raises:
        DistillError: the model has none.
    """
    if hasattr(model, "vocab_projector"):
        return DistilBertHead(model)
    for name in ("cls", "lm_head"):
        if hasattr(model, name):
            head: nn.Module = getattr(model, name)
            return head
    raise DistillError(f"{type(model).__name__} has no MLM head, which L_ce and L_mlm need")


class Distiller(nn.Module):
    """``forward(batch) -> {"loss", terms}``. The teacher is held, not owned: it is neither saved
    nor trained."""

    def __init__(
        self, student: Any, teacher: Any | None, weights: TripleWeights, masked_only: bool
    ) -> None:
        super().__init__()
        self.student, self.weights, self.masked_only = student, weights, masked_only
        self.head = mlm_head(student)
        self._teacher = (teacher.eval().requires_grad_(False),) if teacher is not None else ()
        if self._teacher and weights.distillation:
            self._teacher_head = (mlm_head(teacher),)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        hidden = self.student.base_model(input_ids, attention_mask).last_hidden_state
        weights, teacher_hidden, teacher_head = self.weights, hidden, self.head
        if self._teacher and (weights.distillation or weights.cosine):
            (teacher,) = self._teacher
            with torch.no_grad():
                teacher_hidden = teacher.base_model(input_ids, attention_mask).last_hidden_state
            if weights.distillation:
                (teacher_head,) = self._teacher_head
        return triple_loss(
            hidden,
            teacher_hidden,
            attention_mask,
            labels,
            self.head,
            teacher_head,
            weights,
            self.masked_only,
        )


class DistillTrainer(Trainer):
    """The Trainer, with checkpoints of the student alone and the terms of the loss in its logs."""

    def compute_loss(  # type: ignore[override]
        self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
    ) -> Any:
        terms = model(**inputs)
        self._terms = {name: value.detach().float() for name, value in terms.items()}
        return (terms["loss"], terms) if return_outputs else terms["loss"]

    def log(self, logs: dict[str, float], *arguments: Any, **keywords: Any) -> None:
        if "loss" in logs:
            logs |= {f"loss_{k}": float(v) for k, v in self._terms.items() if k != "loss"}
        super().log(logs, *arguments, **keywords)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        directory = output_dir or str(self.args.output_dir)
        self.accelerator.unwrap_model(self.model).student.save_pretrained(directory)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        student = self.accelerator.unwrap_model(model or self.model).student
        loaded = type(student).from_pretrained(Path(resume_from_checkpoint))
        student.load_state_dict(loaded.state_dict())
