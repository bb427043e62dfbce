"""The one loop of fine-tuning: any task, from labels alone or with the second stage of
distillation (arXiv 1910.01108, section 3)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.console.progress import show_progress
from distill.corpus.length_batches import FeatureDataset
from distill.losses.relation import LayerRelations
from distill.losses.task import attention_loss, hidden_loss
from distill.models.checkpoint_folder import check_length
from distill.models.loading import load_auto_tokenizer
from distill.runs.finetune_card import finetune_card
from distill.runs.run_outputs import copy_tokenizer
from distill.students.from_layers import check_vocabularies
from distill.tasks.batches import Collator, run_model, score_model
from distill.tasks.options import TaskOptions
from distill.tasks.statistics import intervals
from distill.tasks.task import Batch, Data, Labels, Scored, Task
from distill.training.exact_trainer import ExactTrainer
from distill.training.teacher import CachedTeacher, LiveTeacher

Teacher = CachedTeacher | LiveTeacher


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
    logits_cache: str = "runs/logits"
    allow_weak_teacher: bool = False

    @property
    def live(self) -> bool:
        """Whether the teacher must run beside its student."""
        return self.hidden_weight > 0 or self.relation_weight > 0 or bool(self.attention_weight)


class FinetuneTrainer(ExactTrainer):
    """The Trainer with a task's losses; ``teacher`` is None for labels alone.

    Losses are means over rows, which `ExactTrainer` weighs by the rows of the whole step.
    """

    def __init__(
        self,
        task: Task,
        labels: Labels | None,
        teacher: Teacher | None,
        settings: Distillation,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.task, self.labels, self.teacher, self.settings = task, labels, teacher, settings
        self.relations: LayerRelations | None = None
        if isinstance(teacher, LiveTeacher) and settings.relation_weight > 0:
            heads = settings.relation_heads
            self.relations = LayerRelations(keywords["model"], teacher.model, heads)

    def compute_loss(  # type: ignore[override]
        self, model: Any, inputs: Batch, return_outputs: bool = False, **_: Any
    ) -> torch.Tensor:
        return self._losses(model, inputs).mean()

    def _losses(self, model: Any, inputs: Batch) -> torch.Tensor:
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
        losses = settings.alpha * task.soft_loss(
            found.logits, theirs, inputs, settings.temperature, self.labels
        )
        if settings.alpha < 1:
            losses = losses + (1 - settings.alpha) * task.hard_loss(
                found.logits, inputs, self.labels
            )
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


def finetune(
    task: Task,
    directories: tuple[Path, Path | None],
    options: TaskOptions,
    settings: Distillation,
    training: TrainingArguments,
    resume: Path | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train, save the last model with its card to ``training.output_dir``.

    Args:
        directories: of the model to start from, and of its teacher, if there is one.

    Returns:
        The metrics on what the task is scored on, with counts and times; and the log.

    Raises:
        UserError: the teacher is weak on the task, or its vocabulary is another; an input is
            longer than one of the models takes.
    """
    start, teacher_directory = directories
    for directory in filter(None, directories):
        check_length(directory, options.max_length)
        check_tokenizer(directory)
    data = task.read(options)
    if training.should_save:
        for line in data.notes:
            print(line)
    features = task.features(data.train, start, options)
    features, lost = task.trainable(data.train, features)
    scored = {split: task.features(rows, start, options) for split, rows in data.scored.items()}
    torch.manual_seed(training.seed)  # the head is drawn now
    attentions = teacher_directory is not None and bool(settings.attention_weight)
    model = task.load(start, data.labels, settings.dropout, attentions=attentions)
    model.config.finetuning_task = task.name
    report: dict[str, Any] = {"task": task.name, **data.counts, "inputs": len(features)}
    if lost:
        report["without_answer_in_a_window"] = lost
        print(f"{lost} questions left out: no window holds their answer")
    teacher: Teacher | None = None
    if teacher_directory is not None:
        task.check_teacher(data)
        check_vocabularies(teacher_directory, start)
        own = task.load(teacher_directory, data.labels, trained=True, attentions=attentions)
        own = own.to(training.device)
        report["teacher"] = checked(task, own, teacher_directory, data, scored, options, settings)
        if training.bf16:  # as the student is; the Trainer sees to that of its own model alone
            own.forward = torch.autocast(training.device.type, torch.bfloat16)(own.forward)
        _check_widths(model, own, settings)
        if settings.live:
            teacher = LiveTeacher(
                task, own, features, data.labels, settings.hidden_weight > 0, attentions
            )
        else:
            with training.main_process_first(desc="the teacher's logits"):
                folder = Path(settings.logits_cache)
                teacher = CachedTeacher(task, own, teacher_directory, features, data.labels, folder)
    trainer = FinetuneTrainer(
        task,
        data.labels,
        teacher,
        settings,
        model=model,
        args=training,
        train_dataset=FeatureDataset(features),
        data_collator=Collator(task, data.labels, model),
    )
    show_progress(trainer)
    began = time.monotonic()
    outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    report["seconds"] = time.monotonic() - began
    report["steps"] = outcome.global_step
    report["train_loss"] = outcome.training_loss
    trainer.save_model()
    if scored:
        found = score_model(task, model, data, scored, options)
        report[task.evaluation] = found.metrics
        report["intervals"] = intervals(found.statistics)
    if training.should_save:
        output = Path(str(training.output_dir))
        save_tokenizer(start, output)
        card = finetune_card(task, directories, options, settings, training, data, report)
        with atomic_file(output / "README.md") as staged:
            staged.write_text(card, encoding="utf-8")
    return report, trainer.state.log_history


def checked(
    task: Task,
    teacher: Any,
    directory: Path,
    data: Data,
    scored: dict[str, list[Any]],
    options: TaskOptions,
    settings: Distillation,
) -> dict[str, Any]:
    """The teacher's metrics on the task.

    Raises:
        UserError: it is weak.
    """
    found: Scored = score_model(task, teacher, data, scored, options, "scoring the teacher")
    value = found.metrics[task.metric]
    least, reason = task.floor(data)
    if value < least and not settings.allow_weak_teacher:
        raise UserError(
            f"{directory}: a weak teacher, {task.name} {task.metric} {value:.1f} where {reason}; "
            "fine-tune it on the task first, or pass --allow_weak_teacher"
        )
    return found.metrics


def check_tokenizer(directory: Path) -> None:
    """Raises:
    UserError: a checkpoint without the files of a tokenizer.
    """
    names = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model", "spiece.model")
    if not any(any(directory.glob(name)) for name in names):
        raise UserError(f"{directory}: has no tokenizer (no tokenizer.json, no vocabulary file)")


def save_tokenizer(source: Path, output: Path) -> None:
    """The files as they are, where the fast tokenizer is among them."""
    if (source / "tokenizer.json").is_file():
        copy_tokenizer(source, output)
    else:
        load_auto_tokenizer(source).save_pretrained(output)


def _check_widths(student: Any, teacher: Any, settings: Distillation) -> None:
    """Hidden states are matched at equal width, attentions at an equal number of heads."""
    ours, theirs = student.config, teacher.config
    for weight, what, flag in (
        (settings.hidden_weight, "hidden_size", "--hidden_weight"),
        (settings.attention_weight, "num_attention_heads", "--attention_weight"),
    ):
        if weight and getattr(ours, what) != getattr(theirs, what):
            raise UserError(
                f"{flag} needs an equal {what}; the student's is {getattr(ours, what)}, "
                f"the teacher's {getattr(theirs, what)}: leave it at 0; --relation_weight 1 "
                "compares models of any width"
            )
