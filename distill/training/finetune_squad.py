"""Fine-tune on SQuAD, from labels alone or with the second stage of distillation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tqdm import tqdm
from transformers import AutoModelForQuestionAnswering, TrainingArguments

from distill.console.errors import UserError
from distill.console.progress import show_progress
from distill.corpus.length_batches import FeatureDataset
from distill.losses.task import attention_loss, hidden_loss, span_distillation_kl, span_loss
from distill.models.checkpoint_folder import check_length
from distill.models.loading import configuration, load_weights, takes_segments
from distill.models.tokenizer import load_tokenizer
from distill.runs.run_outputs import copy_tokenizer
from distill.tasks.squad import Example, Feature, decode, load_checked, make_features, score
from distill.tasks.squad_batches import (
    LOGITS,
    CachedTeacher,
    LiveTeacher,
    SpanCollator,
    span_logits,
    span_outputs,
    split_by_passage,
)
from distill.training.exact_trainer import ExactTrainer

Teacher = CachedTeacher | LiveTeacher

WEAK_TEACHER_F1 = 60.0
PREDICTION_ROWS = 32


@dataclass(frozen=True)
class SquadSettings:
    """What decides a run besides the training arguments; ``task`` is squad, or squad2, which has
    questions without an answer."""

    task: str
    train_file: str
    extra_files: list[str]
    held_out: float
    max_length: int
    doc_stride: int
    dropout: float | None
    alpha: float
    temperature: float
    hidden_weight: float
    attention_weight: float | None
    logits_cache: str
    allow_weak_teacher: bool
    on_mismatch: str


class SpanTrainer(ExactTrainer):
    """The Trainer with the loss of `distill.losses.task`; ``teacher`` is None for labels alone."""

    def __init__(self, teacher: Teacher | None, settings: SquadSettings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.teacher, self.settings = teacher, settings

    def compute_loss(  # type: ignore[override]
        self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
    ) -> torch.Tensor:
        settings = self.settings
        match_hidden, match_attention = settings.hidden_weight > 0, bool(settings.attention_weight)
        if self.teacher is None:
            match_hidden = match_attention = False
        found = span_outputs(model, inputs, match_hidden, match_attention)
        start, end = found.logits[:, 0], found.logits[:, 1]
        hard = span_loss(start, end, inputs["start_targets"], inputs["end_targets"])
        if self.teacher is None:
            return hard
        target = self.teacher(inputs)
        device, mask = found.logits.device, inputs["attention_mask"]
        soft = span_distillation_kl(found.logits, target.logits.to(device), settings.temperature)
        loss = settings.alpha * soft + (1 - settings.alpha) * hard
        if match_hidden:
            matching = hidden_loss(found.hidden_states, target.hidden_states, mask)
            loss = loss + settings.hidden_weight * matching
        if match_attention:
            matching = attention_loss(found.attentions, target.attentions, mask)
            loss = loss + float(settings.attention_weight or 0) * matching
        return loss


def load_model(
    directory: Path,
    dropout: float | None = None,
    attentions: bool = False,
    trained: bool = False,
) -> torch.nn.Module:
    """A question-answering model from a checkpoint; a missing head is drawn at random.

    Args:
        dropout: replaces the checkpoint's dropout when given.
        attentions: it must be able to return them, which fused attention cannot.
        trained: the checkpoint must have the head.

    Raises:
        UserError: the checkpoint cannot be loaded.
    """
    config = configuration(directory, dropout)
    config.num_labels = LOGITS  # not those of a classifier that it starts from
    kernel = {"attn_implementation": "eager"} if attentions else {}
    return load_weights(
        AutoModelForQuestionAnswering, directory, trained=trained, config=config, **kernel
    )


@torch.no_grad()
def predict(
    model: torch.nn.Module, features: Sequence[Feature], description: str = "predicting"
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Start and end logits of every feature, computed in batches of similar length."""
    model.eval()
    collate = SpanCollator(takes_segments(model))
    device = next(model.parameters()).device
    order = sorted(range(len(features)), key=lambda i: len(features[i].input_ids))
    logits: list[np.ndarray] = [np.empty(0)] * len(features)
    with tqdm(total=len(order), desc=description, unit="window") as progress:
        for at in range(0, len(order), PREDICTION_ROWS):
            rows = order[at : at + PREDICTION_ROWS]
            batch = collate([{"index": row, "feature": features[row]} for row in rows])
            output = span_logits(model, {k: v.to(device) for k, v in batch.items()})
            for row, values in zip(rows, output.float().cpu().numpy(), strict=True):
                logits[row] = values
            progress.update(len(rows))
    return [values[0] for values in logits], [values[1] for values in logits]


def evaluate_model(
    model: torch.nn.Module,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    max_length: int,
    doc_stride: int,
    description: str = "evaluating",
    allow_null: bool = False,
) -> dict[str, float | int]:
    """`distill.tasks.squad.score` of a model on examples; with ``allow_null`` it may
    give no answer."""
    features = make_features(examples, tokenizer, max_length, doc_stride)
    logits = predict(model, features, description)
    answers = decode(examples, features, *logits, allow_null=allow_null)
    return score(examples, {key: found[0].text if found else "" for key, found in answers.items()})


def finetune(
    model_directory: Path,
    teacher_directory: Path | None,
    settings: SquadSettings,
    training: TrainingArguments,
    resume: Path | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train, save the last model to ``training.output_dir`` and return its metrics, measured on
    the held-out passages, and the log.

    Raises:
        UserError: the teacher is weak on the task, or its vocabulary is another; an input is
            longer than one of the models takes.
    """
    for directory in filter(None, (model_directory, teacher_directory)):
        check_length(directory, settings.max_length)
    tokenizer = load_tokenizer(model_directory)
    examples, mismatches = load_checked(settings.train_file, settings.on_mismatch)
    kept, held_out = split_by_passage(examples, settings.held_out)
    for path in settings.extra_files:
        extra, wrong = load_checked(path, settings.on_mismatch)
        kept, mismatches = kept + extra, mismatches + wrong
    features = make_features(kept, tokenizer, settings.max_length, settings.doc_stride)
    torch.manual_seed(training.seed)  # the head is drawn now
    attentions = teacher_directory is not None and bool(settings.attention_weight)
    model = load_model(model_directory, settings.dropout, attentions)
    report: dict[str, Any] = {"questions": len(kept), "windows": len(features)}
    report["mismatches"] = len(mismatches)
    if mismatches and training.should_save:
        print(f"{len(mismatches)} questions have an answer that is not at its answer_start")
    teacher: Teacher | None = None
    if teacher_directory is not None:
        teacher, report["teacher"] = _teacher(
            teacher_directory, tokenizer, features, held_out, settings, training
        )
        _check_widths(model, teacher.model, settings)
    trainer = SpanTrainer(
        teacher=teacher,
        settings=settings,
        model=model,
        args=training,
        train_dataset=FeatureDataset(features),
        data_collator=SpanCollator(takes_segments(model)),
    )
    show_progress(trainer)
    began = time.monotonic()
    outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    report["seconds"] = time.monotonic() - began
    report["steps"] = outcome.global_step
    report["train_loss"] = outcome.training_loss
    trainer.save_model()
    if training.should_save:
        copy_tokenizer(model_directory, Path(str(training.output_dir)))
    if held_out:
        report["held_out"] = evaluate_model(
            model,
            tokenizer,
            held_out,
            settings.max_length,
            settings.doc_stride,
            "held out",
            settings.task == "squad2",
        )
    return report, trainer.state.log_history


def _check_widths(student: Any, teacher: Any, settings: SquadSettings) -> None:
    """Hidden states are matched at equal width, attentions at an equal number of heads."""
    ours, theirs = student.config, teacher.config
    for weight, what, flag in (
        (settings.hidden_weight, "hidden_size", "--hidden_weight"),
        (settings.attention_weight, "num_attention_heads", "--attention_weight"),
    ):
        if weight and getattr(ours, what) != getattr(theirs, what):
            raise UserError(
                f"{flag} needs an equal {what}; the student's is {getattr(ours, what)}, "
                f"the teacher's {getattr(theirs, what)}"
            )


def _teacher(
    directory: Path,
    tokenizer: Tokenizer,
    features: Sequence[Feature],
    held_out: Sequence[Example],
    settings: SquadSettings,
    training: TrainingArguments,
) -> tuple[Teacher, dict[str, Any]]:
    if load_tokenizer(directory).get_vocab() != tokenizer.get_vocab():
        raise UserError(f"{directory}: the teacher's vocabulary is not the student's")
    if not held_out:
        raise UserError("no held-out passage to score the teacher on; raise --held_out")
    model = load_model(directory, attentions=bool(settings.attention_weight), trained=True)
    model = model.to(training.device)
    measured = evaluate_model(
        model,
        tokenizer,
        held_out,
        settings.max_length,
        settings.doc_stride,
        "scoring the teacher",
        settings.task == "squad2",
    )
    if measured["f1"] < WEAK_TEACHER_F1 and not settings.allow_weak_teacher:
        raise UserError(
            f"{directory}: a weak teacher, F1 {measured['f1']:.1f} on the held-out questions; "
            "fine-tune it on the task first, or pass --allow_weak_teacher"
        )
    if settings.hidden_weight > 0 or settings.attention_weight:
        return LiveTeacher(model, features, bool(settings.attention_weight)), dict(measured)
    weights = next(p for p in sorted(directory.iterdir()) if p.suffix in {".safetensors", ".bin"})
    with training.main_process_first(desc="the teacher's logits"):
        cached = CachedTeacher(model, weights, features, Path(settings.logits_cache))
    return cached, dict(measured)
