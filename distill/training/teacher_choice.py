"""Which teacher teaches, and how: read from a cache, or beside its student; scored first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainingArguments

from distill.console.errors import UserError
from distill.students.from_layers import one_vocabulary
from distill.tasks.batches import predict, score_model
from distill.tasks.metric_words import metric_title
from distill.tasks.options import TaskOptions
from distill.tasks.task import AnyData, AnyTask, Metrics
from distill.training.settings import VALIDATION_SHARE
from distill.training.teacher import CachedTeacher, LiveTeacher

if TYPE_CHECKING:
    from distill.models.embedder import Model


@dataclass(kw_only=True)
class Distillation:
    """What decides a run besides the task's options and the training arguments."""

    dropout: float | None = None
    alpha: float = 0.5
    temperature: float = 2.0
    hidden_weight: float = 0.0
    attention_weight: float | None = None
    relation_weight: float = 0.0
    relation_heads: int = 0
    validation_share: float = VALIDATION_SHARE
    validation_data: str | None = None
    unlabelled: str | None = None
    quantization_aware: str | None = None
    logits_cache: str = "runs/logits"
    allow_weak_teacher: bool = False

    @property
    def live(self) -> bool:
        """Whether the teacher must run beside its student."""
        return self.hidden_weight > 0 or self.relation_weight > 0 or bool(self.attention_weight)


@dataclass(frozen=True)
class Lesson:
    """What is learnt: a task's data, as the student's ``features``, made by the tokenizer of its
    checkpoint ``start``."""

    task: AnyTask
    data: AnyData
    features: Sequence[Any]
    options: TaskOptions
    start: Path

    def teacher(
        self, directory: Path, student: Model, settings: Distillation, training: TrainingArguments
    ) -> tuple[CachedTeacher | LiveTeacher, Metrics]:
        """The teacher in ``directory``, and its metrics on the task.

        Raises:
            UserError: the teacher is weak, or has another vocabulary or width where the settings
                need the student's.
        """
        task, labels = self.task, self.data.labels
        task.check_teacher(self.data)
        shared = one_vocabulary(directory, self.start)
        if settings.live and not shared:
            raise UserError(
                f"the tokenizers of {directory} and {self.start} differ: only the teacher's "
                "logits can teach; leave --hidden_weight, --attention_weight and "
                "--relation_weight out"
            )
        attentions = bool(settings.attention_weight)
        model = task.load(directory, labels, trained=True, attentions=attentions)
        model.to(training.device)  # type: ignore[arg-type]
        metrics = self._checked(model, directory, settings)
        if training.bf16:  # as the student is; the Trainer sees to that of its own model alone
            autocast = torch.autocast(training.device.type, torch.bfloat16)
            model.forward = autocast(model.forward)  # type: ignore[method-assign]
        check_widths(student, model, settings)
        if settings.live:
            hidden = settings.hidden_weight > 0
            return LiveTeacher(task, model, self.features, labels, hidden, attentions), metrics
        asked = None
        if not shared:
            asked = task.asked(self.data.train, self.features, directory, self.options)
        of_teacher = self.features if asked is None else asked
        model = task.fitted(model, student, lambda n: predict(task, model, of_teacher[:n], labels))
        with training.main_process_first(local=False, desc="the teacher's logits"):
            folder = Path(settings.logits_cache)
            cached = CachedTeacher(task, model, directory, self.features, labels, folder, asked)
        return cached, metrics

    def _checked(self, model: Model, directory: Path, settings: Distillation) -> Metrics:
        """The teacher's metrics, by its own tokenizer.

        Raises:
            UserError: its main metric is below the least that the task asks for.
        """
        task, data = self.task, self.data
        scored = {s: task.features(r, directory, self.options) for s, r in data.scored.items()}
        scores = score_model(task, model, data, scored, self.options, "scoring the teacher")
        value = scores.metrics[task.metric]
        least, reason = task.floor(data)
        if value < least and not settings.allow_weak_teacher:
            raise UserError(
                f"{directory}: a weak teacher, {task.name} {metric_title(task.metric)} "
                f"{value:.1f}% where {reason}; fine-tune it on the task first, or pass "
                "--allow_weak_teacher"
            )
        return scores.metrics


def check_widths(student: Model, teacher: Model, settings: Distillation) -> None:
    """Hidden states are matched at equal width, attentions at an equal number of heads.

    Raises:
        UserError: widths or numbers of heads differ.
    """
    for weight, what, flag in (
        (settings.hidden_weight, "hidden_size", "--hidden_weight"),
        (settings.attention_weight, "num_attention_heads", "--attention_weight"),
    ):
        if not weight:
            continue
        own, taught = (getattr(model.config, what) for model in (student, teacher))
        if own != taught:
            raise UserError(
                f"{flag} needs an equal {what}; the student's is {own}, the teacher's {taught}: "
                "leave it at 0; --relation_weight 1 compares models of any width"
            )
