"""The one loop of fine-tuning: any task, from labels alone or with the second stage of
distillation (arXiv 1910.01108, section 3)."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from distill.console.atomic import atomic_file
from distill.console.errors import UserError, note
from distill.console.progress import show_progress
from distill.console.tables import say
from distill.corpus.length_batches import FeatureDataset
from distill.models.checkpoint_folder import check_length
from distill.models.loading import check_tokenizer, load_auto_tokenizer
from distill.runs.finetune_card import finetune_card
from distill.runs.finetune_result import FinetuneResult, QuantizedScores
from distill.runs.kept_step import KeptStep
from distill.runs.run_outputs import copy_tokenizer
from distill.tasks.batches import Collator, score_model
from distill.tasks.evaluation import Evaluation, evaluation_of
from distill.tasks.options import TaskOptions
from distill.tasks.statistics import few_units
from distill.tasks.task import AnyTask
from distill.training.best_step import EvaluatedTraining, Validation, best_step, evaluate_steps
from distill.training.finetune_trainer import FinetuneTrainer, Teacher
from distill.training.precision import precision_in_words
from distill.training.teacher_choice import Distillation, Lesson
from distill.training.training_data import TrainingData, training_data

if TYPE_CHECKING:
    from distill.models.embedder import Model
    from distill.training.fake_quantization import FakeQuantization


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
        resume: the checkpoint to go on from.

    Returns:
        The metrics on what the task is scored on, with counts and times; and the Trainer's log.

    Raises:
        UserError: as `training_data` and `Lesson.teacher`; an input is longer than one of the
            models takes.
    """
    start, teacher_directory = directories
    for directory in filter(None, directories):
        check_length(directory, options.max_length)
        check_tokenizer(directory)
    prepared = training_data(task, start, options, settings, training)
    data = prepared.data
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
    model.config.finetuning_metric = task.metric_in_words(data.labels)
    if data.columns:
        model.config.finetuning_columns = list(data.columns)
    teacher, of_teacher = None, None
    if teacher_directory is not None:
        lesson = Lesson(task, data, prepared.features, options, start)
        teacher, of_teacher = lesson.teacher(teacher_directory, model, settings, training)
    trainer = _trainer(task, model, teacher, prepared, options, settings, training)
    rounded = None
    if settings.quantization_aware:
        rounded = fake_quantization(model, settings.quantization_aware)
    began = time.monotonic()
    outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    seconds = time.monotonic() - began
    quantized = None
    if rounded is not None:
        quantized = _rounded_scores(task, model, prepared, options, settings)
        rounded.remove()
    task.save(trainer, Path(str(training.output_dir)))
    # Scored as it is saved: without the autocast that the Trainer wraps around a forward in bf16.
    saved = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    result = FinetuneResult(
        task=task.name,
        counts=data.counts,
        inputs=len(prepared.features),
        without_answer_in_a_window=prepared.lost,
        teacher=of_teacher,
        seconds=seconds,
        steps=outcome.global_step,
        train_loss=outcome.training_loss,
        best=_best_step(trainer, prepared.validation),
        quantized=quantized,
        scored_on=task.evaluation,
        scores=_scores(task, saved, prepared, options),
        seed=training.seed,
    )
    if training.should_save:
        output = Path(str(training.output_dir))
        save_tokenizer(start, output)
        card = finetune_card(task, directories, options, settings, training, data, result)
        with atomic_file(output / "README.md") as staged:
            staged.write_text(card, encoding="utf-8")
    return result, trainer.state.log_history


def _trainer(
    task: AnyTask,
    model: Model,
    teacher: Teacher | None,
    prepared: TrainingData,
    options: TaskOptions,
    settings: Distillation,
    training: EvaluatedTraining,
) -> FinetuneTrainer:
    """The Trainer, which evaluates on the way where there are rows that choose the step."""
    # It plans anew for every length of a batch, which takes up to seconds.
    torch.backends.cuda.enable_cudnn_sdp(False)
    data, features, validation = prepared.data, prepared.features, prepared.validation
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
    return trainer


def _best_step(trainer: FinetuneTrainer, validation: Validation | None) -> KeptStep | None:
    """The step that was kept; None where the last one was, whatever it scored."""
    if validation is None or not trainer.args.load_best_model_at_end:
        return None
    return best_step(trainer, len(validation), validation.source)


def _rounded_scores(
    task: AnyTask,
    model: Model,
    prepared: TrainingData,
    options: TaskOptions,
    settings: Distillation,
) -> QuantizedScores | None:
    """The scores of a model whose weights are rounded now; None where nothing is held out."""
    if not prepared.scored:
        return None
    words = "evaluating, rounded,"
    scored = score_model(task, model, prepared.data, prepared.scored, options, words)
    return QuantizedScores(str(settings.quantization_aware), scored.metrics)


def _scores(
    task: AnyTask, model: Model, prepared: TrainingData, options: TaskOptions
) -> Evaluation | None:
    """The scores of a model with their intervals; None where nothing is held out."""
    if not prepared.scored:
        return None
    scored = score_model(task, model, prepared.data, prepared.scored, options)
    if words := few_units(scored.statistics):
        note(words)
    return evaluation_of(scored)


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
