"""The Trainer of a task: hard labels, and what a teacher says of the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from distill.console.errors import UserError
from distill.losses.relation import LayerRelations
from distill.losses.task import attention_loss, hidden_loss
from distill.tasks.batches import run_model
from distill.tasks.task import AnyTask, Batch, Labels, Scored
from distill.training.exact_trainer import ExactTrainer
from distill.training.teacher import CachedTeacher, LiveTeacher
from distill.training.teacher_choice import Distillation

if TYPE_CHECKING:
    from distill.models.embedder import Model

Teacher = CachedTeacher | LiveTeacher


class FinetuneTrainer(ExactTrainer):
    """The Trainer with a task's losses; ``teacher`` is None for labels alone. So many rows as are
    ``labelled`` come first, None for all; those after them are taught by the teacher alone.

    Losses are means over rows, which `ExactTrainer` weighs by the rows of the whole step.
    """

    def __init__(
        self,
        task: AnyTask,
        labels: Labels | None,
        teacher: Teacher | None,
        settings: Distillation,
        evaluation: Callable[[], Scored] | None = None,
        labelled: int | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.task, self.labels, self.teacher, self.settings = task, labels, teacher, settings
        self.evaluation, self.labelled = evaluation, labelled
        self.relations: LayerRelations | None = None
        if isinstance(teacher, LiveTeacher) and settings.relation_weight > 0:
            heads = settings.relation_heads
            self.relations = LayerRelations(keywords["model"], teacher.model, heads)

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """The task's metrics of the model as it is, as ``eval_NAME``.

        Raises:
            UserError: the metric that chooses the best step is not among them.
        """
        assert self.evaluation is not None
        metrics = {n: v for n, v in self.evaluation().metrics.items() if isinstance(v, float)}
        chooses = self.args.metric_for_best_model
        if chooses and chooses.removeprefix("eval_") not in metrics:
            raise UserError(
                f"--metric_for_best_model {chooses} is not a metric of {self.task.name} "
                f"(expected {', '.join(metrics)})"
            )
        logged = {f"eval_{name}": value for name, value in metrics.items()}
        self.log(dict(logged))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, logged
        )
        return logged

    def compute_loss(  # type: ignore[override]
        self, model: Model, inputs: Batch, return_outputs: bool = False, **_: object
    ) -> torch.Tensor:
        """The mean loss of the rows of a batch, a number in a tensor."""
        return self._losses(model, inputs).mean()

    def _losses(self, model: Model, inputs: Batch) -> torch.Tensor:
        """The loss of every row, (rows,)."""
        settings, task = self.settings, self.task
        matching = self.teacher is not None
        outputs = run_model(
            task,
            model,
            inputs,
            matching and settings.hidden_weight > 0,
            matching and bool(settings.attention_weight),
        )
        if self.teacher is None:
            return task.hard_loss(outputs.logits, inputs, self.labels)
        taught = self.teacher(inputs)
        teacher_logits = taught.logits.to(outputs.logits.device)
        share = self._teachers_share(inputs)
        losses = share * task.soft_loss(
            outputs.logits, teacher_logits, inputs, settings.temperature, self.labels
        )
        if settings.alpha < 1:
            losses = losses + (1 - share) * task.hard_loss(outputs.logits, inputs, self.labels)
        mask = inputs["attention_mask"]
        if settings.hidden_weight > 0:
            matched = hidden_loss(outputs.hidden_states, taught.hidden_states, mask)
            losses = losses + settings.hidden_weight * matched
        if settings.attention_weight:
            matched = attention_loss(outputs.attentions, taught.attentions, mask)
            losses = losses + settings.attention_weight * matched
        if self.relations is not None:
            losses = losses + settings.relation_weight * self.relations.row_losses(mask)
        return losses

    def _teachers_share(self, inputs: Batch) -> float | torch.Tensor:
        """The teacher's share of the loss: alpha, or 1 for the rows without labels, (rows,)."""
        alpha, rows = self.settings.alpha, inputs["index"]
        if self.labelled is None:
            return alpha
        return torch.where(rows < self.labelled, alpha, 1.0)
