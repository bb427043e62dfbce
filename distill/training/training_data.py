"""What a fine-tuning is given: rows to train on, to score on, and to choose the step by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.console.errors import UserError, note
from distill.models.loading import load_auto_tokenizer
from distill.tasks.options import TaskOptions
from distill.tasks.task import AnyData, AnyTask
from distill.training.best_step import EvaluatedTraining, Validation, held_back
from distill.training.settings import evaluates
from distill.training.teacher_choice import Distillation
from distill.training.unlabelled import with_unlabelled

UNKNOWN_SAID, UNKNOWN_REFUSED = 0.05, 0.5  # shares of the tokens


@dataclass(frozen=True)
class TrainingData:
    """``features``: the inputs of ``data.train``, less those that teach nothing; ``labelled`` of
    them have labels and come first, None for all. ``scored``: inputs by split. ``lost``: questions
    whose answer no window holds. ``notes``: what is to be said of all this."""

    data: AnyData
    features: list[Any]
    labelled: int | None
    scored: Mapping[str, Sequence[Any]]
    validation: Validation | None
    lost: int
    notes: tuple[str, ...]


def training_data(
    task: AnyTask,
    start: Path,
    options: TaskOptions,
    settings: Distillation,
    training: EvaluatedTraining,
) -> TrainingData:
    """Read everything, by the tokenizer of the checkpoint ``start``.

    Raises:
        UserError: data that cannot be read, that leaves nothing to train or to score on, or whose
            words are unknown to the tokenizer.
    """
    data = task.read(options)
    notes = [*data.notes]
    if shared := _shared(task, data.scored, data.train):
        notes.append(f"{shared} of the rows to score on are among the training rows too")
    validation: Validation | None = None
    if evaluates(training):
        data, validation = held_back(task, data, start, options, settings)
        notes.append(f"{len(validation)} rows to evaluate on while training, {validation.source}")
        chooses = validation.data.scored
        scored_rows = [row for rows in data.scored.values() for row in rows]
        for rows, words in ((data.train, "training rows"), (scored_rows, "rows to score on")):
            if shared := _shared(task, chooses, rows):
                notes.append(f"{shared} of these rows are among the {words} too")
    examples = len(data.train)
    if settings.unlabelled:
        chooses = validation.data.scored if validation else {}
        data, words = with_unlabelled(task, data, settings.unlabelled, options, chooses)
        notes.append(words)
    features = task.features(data.train, start, options)
    _check_words(task.sequences(features), start)
    features, lost = task.trainable(data.train, features)
    if lost:
        notes.append(f"{lost} questions left out: no window holds their answer")
    labelled = task.features_of(features, examples) if settings.unlabelled else None
    scored = {split: task.features(rows, start, options) for split, rows in data.scored.items()}
    return TrainingData(data, features, labelled, scored, validation, lost, tuple(notes))


def _shared(task: AnyTask, splits: Mapping[str, Sequence[Any]], others: Sequence[Any]) -> int:
    """How many rows of some splits have the text of one of ``others``, but for case and blanks."""
    known = {_plain(task.text_of(row)) for row in others}
    return sum(_plain(task.text_of(row)) in known for rows in splits.values() for row in rows)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _check_words(sequences: Sequence[Any], directory: Path) -> None:
    """Say how much of the data is unknown to the tokenizer in ``directory``, if it is much.

    Raises:
        UserError: half of it, or more.
    """
    unknown = load_auto_tokenizer(directory).unk_token_id
    total = sum(len(sequence.input_ids) for sequence in sequences)
    count = sum(sequence.input_ids.count(unknown) for sequence in sequences)
    share = f"{count:,} of {total:,} tokens of the training data"
    if count >= UNKNOWN_REFUSED * total:
        raise UserError(f"{directory}: {share} are unknown to its tokenizer")
    if count >= UNKNOWN_SAID * total:
        note(f"{directory}: {share} are unknown to its tokenizer")
