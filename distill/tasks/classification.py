"""What GLUE and IMDb share: one or two texts go in, a class or a score comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distill.console.errors import UserError
from distill.corpus import hub
from distill.models.presets import data_directory
from distill.tasks import glue, imdb
from distill.tasks.glue import GlueExample

IMDB = "imdb"
TASKS = (*glue.TASKS, IMDB)
# Default lengths in tokens: the reference's for GLUE; all a BERT can take for a review.
MAX_LENGTHS = {**dict.fromkeys(glue.TASKS, 128), IMDB: 512}


@dataclass(frozen=True)
class ClassificationTask:
    """A task by name: its classes (none for a regression), its splits that are scored, its reader
    (split, folder) and its metric (labels, predictions), which has a ``score`` in percent."""

    name: str
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    read: Callable[[str, Path | str], list[GlueExample]]
    metric: Callable[[Sequence[float], Sequence[float]], dict[str, float]]

    @property
    def outputs(self) -> int:
        """Logits of the head: one per class, or the score."""
        return len(self.labels) or 1


@dataclass(frozen=True)
class TextFeature:
    """One example as ids, with the segment of each where the tokenizer tells, and its label."""

    input_ids: list[int]
    token_type_ids: list[int] | None
    label: float


def task_named(name: str) -> ClassificationTask:
    """The task called ``name``, a GLUE task or "imdb".

    Raises:
        UserError: no such task.
    """
    if name.lower() == IMDB:
        return ClassificationTask(IMDB, imdb.LABELS, ("test",), imdb.load_examples, imdb.score)
    if name.lower().replace("-", "") not in glue.TASKS:
        raise UserError(f"unknown task {name!r}; choose from {', '.join(TASKS)}")
    described = glue.task_named(name)
    return ClassificationTask(
        name.lower().replace("-", ""),
        described.labels,
        described.splits,
        lambda split, folder: glue.load_examples(name, split, folder),
        lambda labels, predictions: glue.score(name, labels, predictions),
    )


def load_split(task: ClassificationTask, split: str, data: str | None) -> list[GlueExample]:
    """Examples of one split from the folder ``data``, from the hub ("hub"), or by default from
    the public data sets beside the checkout.

    Raises:
        UserError: no data, or a row is broken.
    """
    if data == hub.NAME:
        return task.read(split, hub.NAME)
    folder = data_directory()
    if data is None and (folder is None or task.name == IMDB):
        raise UserError(f"name the folder of the {task.name} data with --data, or --data hub")
    return task.read(split, data if data is not None else Path(str(folder)) / "glue")


def make_features(
    examples: Sequence[GlueExample], tokenizer: Any, max_length: int
) -> list[TextFeature]:
    """Ids of each example, at most ``max_length``; of a pair the longer text is cut first.

    Args:
        tokenizer: a fast tokenizer of `transformers`.

    Raises:
        UserError: ``max_length`` leaves no room for the texts.
    """
    pair = examples[0].sentence2 is not None
    if max_length < tokenizer.num_special_tokens_to_add(pair) + 1 + pair:
        raise UserError(f"a length of {max_length} leaves no room for the text")
    encoded = tokenizer(
        [example.sentence1 for example in examples],
        [example.sentence2 for example in examples] if pair else None,
        truncation="longest_first",
        max_length=max_length,
        padding=False,
        return_attention_mask=False,
    )
    segments = encoded.get("token_type_ids") or [None] * len(examples)
    return [
        TextFeature(ids, types, example.label)
        for ids, types, example in zip(encoded["input_ids"], segments, examples, strict=True)
    ]


def predictions(task: ClassificationTask, logits: np.ndarray) -> np.ndarray:
    """Class indices, or scores, from logits of shape (rows, outputs)."""
    return logits.argmax(-1) if task.labels else logits[:, 0]


def score_splits(
    task: ClassificationTask, labels: dict[str, list[float]], answers: dict[str, np.ndarray]
) -> dict[str, float | int]:
    """The metrics of each split (named after it where there are two, as MNLI's matched and
    mismatched), their mean ``score``, and the ``total`` of examples."""
    report: dict[str, float | int] = {}
    scores = []
    for split in task.splits:
        measured = task.metric(labels[split], answers[split].tolist())
        scores.append(measured.pop("score"))
        suffix = split.removeprefix("dev") if len(task.splits) > 1 else ""
        report.update({name + suffix: value for name, value in measured.items()})
    total = sum(len(values) for values in labels.values())
    return {**report, "score": float(np.mean(scores)), "total": total}


def blind_score(task: ClassificationTask, labels: dict[str, list[float]]) -> float:
    """The score of the commonest label (of the mean, for a regression) given to every example:
    what one gets without reading."""
    answers = {}
    for split, values in labels.items():
        array = np.asarray(values)
        answer = np.bincount(array.astype(int)).argmax() if task.labels else array.mean()
        answers[split] = np.full(len(array), answer)
    return float(score_splits(task, labels, answers)["score"])
