"""The one loop of fine-tuning: any task, from labels alone or with the second stage of
distillation (arXiv 1910.01108, section 3)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.console.progress import show_progress
from distill.console.tables import say
from distill.corpus.length_batches import FeatureDataset
from distill.losses.relation import LayerRelations
from distill.losses.task import attention_loss, hidden_loss
from distill.models.checkpoint_folder import check_length
from distill.models.loading import check_tokenizer, load_auto_tokenizer
from distill.runs.finetune_card import finetune_card
from distill.runs.finetune_result import FinetuneResult, QuantizedScores
from distill.runs.run_outputs import copy_tokenizer
from distill.tasks.batches import Collator, run_model, score_model
from distill.tasks.evaluation import evaluation_of
from distill.tasks.options import TaskOptions
from distill.tasks.task import AnyTask, Batch, Labels, Scored
from distill.training.best_step import (
    EvaluatedTraining,
    best_step,
    evaluate_steps,
)
from distill.training.exact_trainer import ExactTrainer
from distill.training.precision import precision_in_words
from distill.training.teacher import CachedTeacher, LiveTeacher
from distill.training.teacher_choice import Distillation, Lesson
from distill.training.training_data import training_data

if TYPE_CHECKING:
    from distill.models.embedder import Model
    from distill.training.fake_quantization import FakeQuantization

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
        return self._losses(model, inputs).mean()

    def _losses(self, model: Model, inputs: Batch) -> torch.Tensor:
        """Of every row, (rows,)."""
        settings, task = self.settings, self.task
        matching = self.teacher is not None
        found = run_model(
            task,
            model,
            inputs,
            matching and settings.hidden_weight > 0,
            matching and bool(settings.attention_weight),
        )
        if self.teacher is None:
            return task.hard_loss(found.logits, inputs, self.labels)
        target = self.teacher(inputs)
        theirs = target.logits.to(found.logits.device)
        share = self._teachers_share(inputs)
        losses = share * task.soft_loss(
            found.logits, theirs, inputs, settings.temperature, self.labels
        )
        if settings.alpha < 1:
            losses = losses + (1 - share) * task.hard_loss(found.logits, inputs, self.labels)
        mask = inputs["attention_mask"]
        if settings.hidden_weight > 0:
            matched = hidden_loss(found.hidden_states, target.hidden_states, mask)
            losses = losses + settings.hidden_weight * matched
        if settings.attention_weight:
            matched = attention_loss(found.attentions, target.attentions, mask)
            losses = losses + settings.attention_weight * matched
        if self.relations is not None:
            losses = losses + settings.relation_weight * self.relations.row_losses(mask)
        return losses

    def _teachers_share(self, inputs: Batch) -> float | torch.Tensor:
        """Of the loss: alpha, or 1 for the rows without labels, (rows,)."""
        alpha, rows = self.settings.alpha, inputs["index"]
        if self.labelled is None:
            return alpha
        return torch.where(rows < self.labelled, alpha, 1.0)


def finetune(
    task: AnyTask,
    directories: tuple[Path, Path | None],
    options: TaskOptions,
    settings: Distillation,
    training: EvaluatedTraining,
    resume: Path | None,
) -> tuple[FinetuneResult, list[dict[str, float]]]:
    """Train, save the last model with its card to ``training.output_dir``.

    Args:
        directories: of the model to start from, and of its teacher, if there is one.

    Returns:
        The metrics on what the task is scored on, with counts and times; and the Trainer's log.

    Raises:
        UserError: as `Lesson.teacher`; an input is longer than one of the models takes.
    """
    start, teacher_directory = directories
    for directory in filter(None, directories):
        check_length(directory, options.max_length)
        check_tokenizer(directory)
    prepared = training_data(task, start, options, settings, training)
    data, features, validation = prepared.data, prepared.features, prepared.validation
    if training.should_save:
        for line in (*prepared.notes, precision_in_words(training)):
            say(line)
    if not task.labelled(data):
        if teacher_directory is None:
            raise UserError(f"{options.data}: has no labels, so it needs a --teacher")
        settings = replace(settings, alpha=1.0)
    torch.manual_seed(training.seed)  # the head is drawn now
    attentions = teacher_directory is not None and bool(settings.attention_weight)
    model = task.load(start, data.labels, settings.dropout, attentions=attentions)
    model.config.finetuning_task = task.name
    teacher: Teacher | None = None
    of_teacher = None
    if teacher_directory is not None:
        lesson = Lesson(task, data, features, options, start)
        teacher, of_teacher = lesson.teacher(teacher_directory, model, settings, training)
    evaluation = None
    if validation is not None:
        evaluation = partial(
            score_model, task, model, validation.data, validation.features, options, "evaluating"
        )
    trainer = FinetuneTrainer(
        task,
        data.labels,
        teacher,
        settings,
        evaluation,
        prepared.labelled,
        model=model,
        args=training,
        train_dataset=FeatureDataset(features),
        eval_dataset=FeatureDataset(features) if validation else None,  # `evaluate` has its own
        data_collator=Collator(task, data.labels, model),
    )
    if validation is not None:
        evaluate_steps(trainer)
    show_progress(trainer)
    rounded = None
    if settings.quantization_aware:
        rounded = fake_quantization(model, settings.quantization_aware)
    began = time.monotonic()
    outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    seconds = time.monotonic() - began
    best = quantized = scores = None
    if validation is not None and training.load_best_model_at_end:
        best = best_step(trainer, len(validation), validation.source)
    if rounded is not None:
        if prepared.scored:
            found = score_model(task, model, data, prepared.scored, options, "evaluating, rounded,")
            quantized = QuantizedScores(str(settings.quantization_aware), found.metrics)
        rounded.remove()
    task.save(trainer, Path(str(training.output_dir)))
    # Scored as it is saved: without the autocast that the Trainer wraps around a forward in bf16.
    model = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    if prepared.scored:
        scores = evaluation_of(score_model(task, model, data, prepared.scored, options))
    result = FinetuneResult(
        task=task.name,
        counts=data.counts,
        inputs=len(features),
        without_answer_in_a_window=prepared.lost,
        teacher=of_teacher,
        seconds=seconds,
        steps=outcome.global_step,
        train_loss=outcome.training_loss,
        best=best,
        quantized=quantized,
        scored_on=task.evaluation,
        scores=scores,
        seed=training.seed,
    )
    if training.should_save:
        output = Path(str(training.output_dir))
        save_tokenizer(start, output)
        card = finetune_card(task, directories, options, settings, training, data, result)
        with atomic_file(output / "README.md") as staged:
            staged.write_text(card, encoding="utf-8")
    return result, trainer.state.log_history


def fake_quantization(model: Model, quantize: str) -> FakeQuantization:
    """The model with its matrices rounded, as `FakeQuantization` has it.

    Raises:
        UserError: the package `torchao` is missing, or nothing is large enough to be rounded.
    """
    if find_spec("torchao") is None:
        raise UserError(
            "--quantization_aware needs the package torchao: install the extra `quantization`"
        )
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # of kernels for other machines, which torchao looks for
    try:
        from distill.training.fake_quantization import FakeQuantization
    finally:
        logging.disable(before)
    rounded = FakeQuantization(model, quantize)
    if not len(rounded):
        raise UserError(f"--quantization_aware {quantize}: the model has no weights to round")
    return rounded


def save_tokenizer(source: Path, output: Path) -> None:
    """The files as they are, where the fast tokenizer is among them."""
    if (source / "tokenizer.json").is_file():
        copy_tokenizer(source, output)
    else:
        load_auto_tokenizer(source).save_pretrained(output)
