"""What a task is to the commands: one object with everything that differs between tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch

from distill.console.errors import UserError
from distill.corpus.length_batches import ModelInput
from distill.tasks.metric_words import metric_title
from distill.tasks.options import TaskOptions, changed, check_lengths
from distill.tasks.splits import split_by_text
from distill.tasks.statistics import Statistics

if TYPE_CHECKING:
    from transformers import Trainer

    from distill.models.embedder import Model
    from distill.models.loading import ModelClass

E = TypeVar("E")
F = TypeVar("F", bound=ModelInput)
Batch = dict[str, torch.Tensor]
Metrics = dict[str, float]
"""A value by the name of its metric: in percent, or a number of examples."""
OPTIONS = tuple(TaskOptions.__dataclass_fields__)
OF_ALL = frozenset({"max_length"})
VALIDATION = "validation "  # what rows are held back for while training


@dataclass(frozen=True)
class Labels:
    """The names of a head's outputs in order, and how they are read: a ``problem_type`` of
    `transformers`. Weights of the classes where they are to count differently."""

    names: tuple[str, ...]
    problem_type: str = "single_label_classification"
    weights: tuple[float, ...] = ()

    @property
    def outputs(self) -> int:
        """How many outputs the head has: one for each name; 1 for a score, which has no name."""
        return len(self.names) or 1


@dataclass(frozen=True)
class Data(Generic[E]):
    """Examples to train on, examples to score by split, the labels of own data, and counts for
    the report. ``extra``: so many at the end of ``train`` are further data, of which nothing is
    held out. ``columns``: of own data, those that the texts are from, in their order."""

    train: Sequence[E]
    scored: Mapping[str, Sequence[E]]
    labels: Labels | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extra: int = 0
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scored:
    """Metrics in percent, what every answer was, and what intervals are computed from."""

    metrics: Metrics
    statistics: dict[str, Statistics]
    predictions: dict[str, Any] = field(default_factory=dict)


class Task(ABC, Generic[E, F]):
    """One task of the table; ``E``: its examples, ``F``: its features.

    ``takes``: the options it has besides ``max_length``; every other one is refused. ``kind``: the
    auto class of `transformers`. ``per_token``: its logits have a last axis of positions.
    ``evaluation``: what its scores are called in a report. ``metric``: the main one.
    """

    takes: frozenset[str] = frozenset()
    instead = ""  # of a refused option: which to name in its place
    max_length = 128
    metric = "score"
    evaluation = "dev"
    kind: ModelClass
    per_token = False
    takes_texts = False  # a file of answers by id can be scored, too
    matches_attention = False
    matches_layers = True  # hidden states and relations
    of_sentence_transformers = False  # its checkpoints are folders of that library

    def __init__(self, name: str) -> None:
        self.name = name

    def complete(self, options: TaskOptions) -> None:
        """Put this task's defaults into the options, and check them; reads no data.

        Raises:
            UserError: an option that the task does not take, or a value that makes no sense.
        """
        options.max_length = options.max_length or self.max_length
        if others := changed(options, set(OPTIONS) - self.takes - OF_ALL):
            raise UserError(f"--{sorted(others)[0]} is not an option of {self.name}{self.instead}")
        check_lengths(options)

    def own_data(self, options: TaskOptions) -> str:
        """Where one's own rows are.

        Raises:
            UserError: no ``--data`` is named.
        """
        if not options.data:
            raise UserError(f"name the data of {self.name} with --data")
        return options.data

    @abstractmethod
    def read(self, options: TaskOptions) -> Data[E]:
        """Everything to train and score on.

        Raises:
            UserError: no data is named, or it cannot be read or used.
        """

    @abstractmethod
    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[E]:
        """What a checkpoint with ``labels`` is scored on; ``train`` is empty.

        Raises:
            UserError: as `read`, or the data has other labels.
        """

    def read_unlabelled(self, path: str, options: TaskOptions, data: Data[E]) -> list[E]:
        """Examples of a file without labels, like those of ``data.train``; their label is there
        for the shape alone.

        Raises:
            UserError: the task takes no such rows; the file cannot be read, or holds other rows.
        """
        raise UserError(f"--unlabelled is not for {self.name}")

    @abstractmethod
    def load(
        self,
        directory: Path,
        labels: Labels | None,
        dropout: float | None = None,
        trained: bool = False,
        attentions: bool = False,
    ) -> Model:
        """A model with the task's head.

        Args:
            labels: of the head's outputs; None where the task has none.
            dropout: in the place of the checkpoint's own.
            trained: the checkpoint must have the head already.
            attentions: the model must be able to return them.

        Raises:
            UserError: the checkpoint cannot be loaded; or it is to be ``trained`` and its head is
                missing, or is another task's.
        """

    @abstractmethod
    def features(self, examples: Sequence[E], directory: Path, options: TaskOptions) -> list[F]:
        """Model inputs (``input_ids``, ``token_type_ids``), by the tokenizer in ``directory``.

        Raises:
            UserError: the tokenizer cannot be loaded, or the longest input is too short.
        """

    def asked(
        self,
        examples: Sequence[E],
        features: Sequence[F],
        directory: Path,
        options: TaskOptions,
    ) -> list[F]:
        """What a teacher with another vocabulary, in ``directory``, is asked for each of
        ``features``."""
        return self.features(examples, directory, options)

    def aligned(self, logits: np.ndarray, asked: F, feature: F) -> np.ndarray:
        """A teacher's logits for ``asked`` where ``feature`` has them: they differ for tasks that
        answer by position."""
        return logits

    def sequences(self, features: Sequence[F]) -> Sequence[ModelInput]:
        """What a model is given for ``features``, one row of ids each."""
        return features

    def fitted(
        self, teacher: Model, student: Model, predict: Callable[[int], list[np.ndarray]]
    ) -> Model:
        """The teacher with outputs that the student's can be compared with; ``predict(n)`` gives
        its outputs for the first ``n`` rows."""
        return teacher

    def save(self, trainer: Trainer, output: Path) -> None:
        """Write the trained model into ``output``."""
        trainer.save_model()

    def labelled(self, data: Data[E]) -> bool:
        """Whether the training data has labels, so that no teacher is needed."""
        return True

    def hold_back(self, examples: Sequence[E], share: float) -> tuple[Sequence[E], Sequence[E]]:
        """Examples to train on, and about ``share`` of them for evaluations while training."""
        return split_by_text(examples, share, self.text_of, VALIDATION)

    def text_of(self, example: E) -> str:
        """What of an example decides where it is held back; equal texts go together."""
        return repr(example)

    def features_of(self, features: Sequence[F], examples: int) -> int:
        """How many of ``features``, which are in order, are made of the first ``examples``."""
        return examples

    def trainable(self, examples: Sequence[E], features: list[F]) -> tuple[list[F], int]:
        """The features to train on, and how many examples have none."""
        return features, 0

    @abstractmethod
    def targets(self, features: Sequence[F], length: int, labels: Labels | None) -> Batch:
        """What the hard loss needs of a batch padded to ``length`` tokens, by name; the first axis
        of each is the rows."""

    @abstractmethod
    def logits(self, output: object, batch: Batch) -> torch.Tensor:
        """The outputs to learn from, (rows, ...), padding masked."""

    @abstractmethod
    def hard_loss(self, logits: torch.Tensor, batch: Batch, labels: Labels | None) -> torch.Tensor:
        """Loss of every row, (rows,)."""

    @abstractmethod
    def soft_loss(
        self,
        logits: torch.Tensor,
        teacher: torch.Tensor,
        batch: Batch,
        temperature: float,
        labels: Labels | None,
    ) -> torch.Tensor:
        """Distance of every row to the teacher, (rows,)."""

    @abstractmethod
    def score(
        self,
        data: Data[E],
        features: Mapping[str, Sequence[F]],
        logits: Mapping[str, Sequence[np.ndarray]],
        options: TaskOptions,
    ) -> Scored:
        """Metrics by the logits of every feature of every split."""

    def score_texts(self, examples: Sequence[E], texts: dict[str, str]) -> Scored:
        """Metrics of answers by the id of their example.

        Raises:
            UserError: the task's answers are not texts.
        """
        raise UserError(f"the answers of {self.name} are not texts")

    def floor(self, data: Data[E]) -> tuple[float, str]:
        """The least main metric of a teacher, and why."""
        return 0.0, "nothing"

    def metric_in_words(self, labels: Labels | None) -> str:
        """What the main metric is, such as macro F1."""
        return metric_title(self.metric)

    def check_teacher(self, data: Data[E]) -> None:
        """Raises:
        UserError: there is nothing to score a teacher on.
        """
        if not data.scored:
            raise UserError("nothing is held out to score the teacher on")


AnyTask = Task[Any, Any]
"""A task whose examples and features are its own affair."""
AnyData = Data[Any]
