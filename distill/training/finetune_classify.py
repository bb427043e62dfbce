"""Fine-tune on a GLUE task or IMDb, from labels alone or with the second stage of distillation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedModel, TrainingArguments

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.console.progress import show_progress
from distill.corpus.length_batches import FeatureDataset
from distill.losses.task import distillation_kl, hidden_loss
from distill.models.checkpoint_folder import check_length
from distill.models.loading import load_auto_tokenizer, takes_segments
from distill.students.from_layers import check_vocabularies
from distill.tasks.classification import (
    ClassificationTask,
    TextFeature,
    blind_score,
    load_split,
    make_features,
    predictions,
    score_splits,
)
from distill.tasks.classify_batches import (
    Batch,
    collate,
    forward,
    load_model,
    predict,
)
from distill.training.exact_trainer import ExactTrainer

WEAK_MARGIN = 5.0  # points a teacher must have above an answer given without reading


@dataclass(frozen=True)
class ClassifySettings:
    """What decides a run besides the training arguments; ``data`` as in `load_split`."""

    data: str | None
    max_length: int
    dropout: float | None
    alpha: float
    temperature: float
    hidden_weight: float
    logits_cache: str
    allow_weak_teacher: bool


def hard_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the classes, or the squared error of a single output.

    Args:
        logits: (rows, outputs).
        targets: (rows,), class indices or scores, as floats.
    """
    if logits.shape[-1] == 1:
        return F.mse_loss(logits[:, 0], targets)
    return F.cross_entropy(logits, targets.long())


def soft_loss(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL to the teacher's classes at a temperature; the squared error of a regression, which has
    none. Logits of shape (rows, outputs)."""
    if student.shape[-1] == 1:
        return F.mse_loss(student, teacher.detach())
    return distillation_kl(student, teacher, temperature)


class ClassifyTrainer(ExactTrainer):
    """The Trainer with the losses above. ``targets`` are the teacher's logits, (examples,
    outputs), or None for labels alone; ``teacher`` runs beside its student for hidden states."""

    def __init__(
        self,
        targets: torch.Tensor | None,
        teacher: PreTrainedModel | None,
        settings: ClassifySettings,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.targets, self.teacher, self.settings = targets, teacher, settings
        self.segments = takes_segments(kwargs["model"])  # seen now, before any wrapping

    def compute_loss(  # type: ignore[override]
        self, model: Any, inputs: Batch, return_outputs: bool = False, **_: Any
    ) -> torch.Tensor:
        settings = self.settings
        output = forward(model, inputs, self.segments, hidden=self.teacher is not None)
        loss = hard_loss(output.logits, inputs["targets"])
        if self.targets is None:
            return loss
        target = self.targets[inputs["index"].cpu()].to(output.logits.device)
        soft = soft_loss(output.logits, target, settings.temperature)
        loss = settings.alpha * soft + (1 - settings.alpha) * loss
        if self.teacher is not None:
            with torch.no_grad():
                theirs = forward(self.teacher, inputs, takes_segments(self.teacher), hidden=True)
            matching = hidden_loss(
                output.hidden_states, theirs.hidden_states, inputs["attention_mask"]
            )
            loss = loss + settings.hidden_weight * matching
        return loss


def evaluate_model(
    model: PreTrainedModel,
    task: ClassificationTask,
    features: dict[str, list[TextFeature]],
    pad_id: int,
    description: str = "evaluating",
) -> dict[str, float | int]:
    """`distill.tasks.classification.score_splits` of a model on the features of each split."""
    logits = {
        split: predict(model, rows, pad_id, f"{description} on {split}")
        for split, rows in features.items()
    }
    answers = {split: predictions(task, values) for split, values in logits.items()}
    return score_splits(task, _labels(features), answers)


def _labels(features: dict[str, list[TextFeature]]) -> dict[str, list[float]]:
    return {split: [feature.label for feature in rows] for split, rows in features.items()}


def evaluation_features(
    task: ClassificationTask, tokenizer: Any, data: str | None, max_length: int
) -> dict[str, list[TextFeature]]:
    """The features of every split that the task is scored on."""
    return {
        split: make_features(load_split(task, split, data), tokenizer, max_length)
        for split in task.splits
    }


def finetune(
    task: ClassificationTask,
    model_directory: Path,
    teacher_directory: Path | None,
    settings: ClassifySettings,
    training: TrainingArguments,
    resume: Path | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train, save the last model to ``training.output_dir`` and return its metrics on the task's
    development set, and the log.

    Raises:
        UserError: the teacher is weak on the task, or its vocabulary is another; an input is
            longer than one of the models takes.
    """
    for directory in filter(None, (model_directory, teacher_directory)):
        check_length(directory, settings.max_length)
    tokenizer = load_auto_tokenizer(model_directory)
    train = load_split(task, "train", settings.data)
    features = make_features(train, tokenizer, settings.max_length)
    evaluated = evaluation_features(task, tokenizer, settings.data, settings.max_length)
    torch.manual_seed(training.seed)  # the head is drawn now
    model = load_model(model_directory, task, settings.dropout)
    report: dict[str, Any] = {"examples": len(train)}
    targets, teacher = None, None
    if teacher_directory is not None:
        check_vocabularies(teacher_directory, model_directory)
        teacher = load_model(teacher_directory, task, trained=True).eval()
        teacher.to(training.device)  # type: ignore[arg-type]
        _check_widths(model, teacher, settings)
        report["teacher"] = _checked(
            teacher, teacher_directory, task, evaluated, tokenizer, settings
        )
        with training.main_process_first(desc="the teacher's logits"):
            targets = _teacher_logits(teacher, teacher_directory, features, tokenizer, settings)
    pad_id = int(tokenizer.pad_token_id)
    trainer = ClassifyTrainer(
        targets=targets,
        teacher=teacher if settings.hidden_weight > 0 else None,
        settings=settings,
        model=model,
        args=training,
        train_dataset=FeatureDataset(features),
        data_collator=lambda rows: collate(rows, pad_id),
    )
    show_progress(trainer)
    began = time.monotonic()
    outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    report["seconds"] = time.monotonic() - began
    report["steps"] = outcome.global_step
    report["train_loss"] = outcome.training_loss
    trainer.save_model()
    if training.should_save:
        tokenizer.save_pretrained(str(training.output_dir))
    report["dev"] = evaluate_model(model, task, evaluated, pad_id)
    return report, trainer.state.log_history


def _check_widths(
    model: PreTrainedModel, teacher: PreTrainedModel, settings: ClassifySettings
) -> None:
    ours, theirs = model.config.hidden_size, teacher.config.hidden_size
    if settings.hidden_weight > 0 and ours != theirs:
        raise UserError(
            f"--hidden_weight matches hidden states of one width; the student has {ours}, the "
            f"teacher {theirs}: leave it at 0"
        )


def _checked(
    teacher: PreTrainedModel,
    directory: Path,
    task: ClassificationTask,
    evaluated: dict[str, list[TextFeature]],
    tokenizer: Any,
    settings: ClassifySettings,
) -> dict[str, float | int]:
    """The teacher's score on the task.

    Raises:
        UserError: it is weak: hardly above what one gets without reading.
    """
    measured = evaluate_model(
        teacher, task, evaluated, int(tokenizer.pad_token_id), "scoring the teacher"
    )
    floor = blind_score(task, _labels(evaluated))
    if measured["score"] < floor + WEAK_MARGIN and not settings.allow_weak_teacher:
        raise UserError(
            f"{directory}: a weak teacher, {task.name} score {measured['score']:.1f} where one "
            f"answer for all has {floor:.1f}; fine-tune it on the task first, or pass "
            "--allow_weak_teacher"
        )
    return measured


def _teacher_logits(
    teacher: PreTrainedModel,
    directory: Path,
    features: Sequence[TextFeature],
    tokenizer: Any,
    settings: ClassifySettings,
) -> torch.Tensor:
    """Logits of shape (features, outputs), from the cache where an earlier run left them; one file
    serves all epochs and seeds, named by the teacher's weights and the features."""
    digest = hashlib.sha256()
    for path in sorted(directory.iterdir()):
        if path.suffix in {".safetensors", ".bin"}:
            digest.update(path.read_bytes())
    for feature in features:
        ids = feature.input_ids
        digest.update(np.asarray([len(ids), *ids], dtype=np.int32).tobytes())
    path = Path(settings.logits_cache) / f"logits-{digest.hexdigest()[:16]}.npy"
    if not path.is_file():
        logits = predict(teacher, features, int(tokenizer.pad_token_id), "teacher's logits")
        with atomic_file(path) as staged, staged.open("wb") as file:
            np.save(file, logits)
    return torch.from_numpy(np.load(path))
