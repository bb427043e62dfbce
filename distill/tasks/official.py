"""GLUE and IMDb: published files, and the published metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from distill.console.errors import UserError
from distill.corpus import hub
from distill.models.presets import data_directory
from distill.tasks import glue, imdb
from distill.tasks.metric_words import metric_title
from distill.tasks.options import TaskOptions
from distill.tasks.sentences import (
    REGRESSION,
    SentenceTask,
    TextFeature,
    decided,
    labelled,
    passages_of,
)
from distill.tasks.statistics import Statistics, of_classes, of_correlations
from distill.tasks.task import Data, Labels, Metrics, Scored

DATA_ONLY = frozenset({"data"})


class OfficialTask(SentenceTask):
    """A task whose labels, splits and metrics are published."""

    takes = DATA_ONLY
    instead = ": it takes --data FOLDER"
    labels: Labels
    splits: tuple[str, ...]
    metrics: tuple[str, ...]

    def rows(self, split: str, folder: Path | str) -> list[glue.GlueExample]:
        """The examples of a split, such as "train", of the data in ``folder``, or of the hub where
        that is "hub".

        Raises:
            UserError: the data is not there, or not in the official format.
        """
        raise NotImplementedError

    def metric_in_words(self, labels: Labels | None) -> str:
        titles = [metric_title(name) for name in self.metrics]
        return titles[0] if len(titles) == 1 else f"the mean of {' and '.join(titles)}"

    def folder(self, data: str | None) -> Path | str:
        """Where the data is: a folder, or the hub.

        Raises:
            UserError: it is named nowhere.
        """
        if data is not None:
            return data if data == hub.NAME else Path(data)
        known = data_directory()
        if known is None:
            raise UserError(f"name the folder of the {self.name} data with --data, or --data hub")
        return known / "glue"

    def table(self, data: Data[glue.GlueExample]) -> Labels:
        """The published labels."""
        return self.labels

    def read(self, options: TaskOptions) -> Data[glue.GlueExample]:
        folder = self.folder(options.data)
        train = self.rows("train", folder)
        scored = {split: self.rows(split, folder) for split in self.splits}
        return Data(train, scored, self.labels, {"examples": len(train)})

    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[glue.GlueExample]:
        folder = self.folder(options.data)
        return Data([], {s: self.rows(s, folder) for s in self.splits}, self.labels)

    def score(
        self,
        data: Data[glue.GlueExample],
        features: Mapping[str, Sequence[TextFeature]],
        logits: Mapping[str, Sequence[np.ndarray]],
        options: TaskOptions,
    ) -> Scored:
        """The metrics of each split (named after it where there are two, as MNLI's matched and
        mismatched), their mean ``score``, and the ``total`` of examples."""
        report: Metrics = {}
        scores, statistics, answers = [], {}, {}
        for split, labels in labelled(features).items():
            answered = decided(logits[split], self.labels)
            measured = glue.measure(self.metrics, labels.tolist(), answered.tolist())
            scores.append(measured.pop("score"))
            suffix = split.removeprefix("dev") if len(self.splits) > 1 else ""
            report.update({name + suffix: value for name, value in measured.items()})
            passages = passages_of(data.scored[split])
            statistics[split] = self._statistics(labels, answered, passages)
            answers[split] = answered.tolist()
        total = sum(map(len, answers.values()))
        metrics = {**report, "score": float(np.mean(scores)), "total": total}
        return Scored(metrics, statistics, answers)

    def _statistics(
        self, labels: np.ndarray, answers: np.ndarray, passages: np.ndarray
    ) -> Statistics:
        if self.labels.problem_type == REGRESSION:
            base = of_correlations(labels, answers, self.metrics, passages)
        else:
            base = of_classes(labels, answers, self.labels.outputs, self.metrics, passages)
        return base.with_score(*self.metrics)


class Glue(OfficialTask):
    """One of the nine tasks (arXiv 1804.07461)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        task = glue.TASKS[name]
        kind = "single_label_classification" if task.labels else REGRESSION
        self.labels, self.splits = Labels(task.labels, kind), task.splits
        self.metrics = task.metrics

    def rows(self, split: str, folder: Path | str) -> list[glue.GlueExample]:
        return glue.load_examples(self.name, split, folder)


class Imdb(OfficialTask):
    """Film reviews; scored on the test set."""

    max_length = 512  # all that a BERT can take of a review
    labels = Labels(imdb.LABELS)
    splits = ("test",)
    metrics = ("accuracy",)

    def rows(self, split: str, folder: Path | str) -> list[glue.GlueExample]:
        return imdb.load_examples(split, folder)

    def folder(self, data: str | None) -> Path | str:
        if data is None:
            raise UserError("name the folder of the imdb data with --data, or --data hub")
        return data if data == hub.NAME else Path(data)
