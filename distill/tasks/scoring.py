"""Scores of a checkpoint on the data of its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.errors import UserError, note
from distill.models.checkpoint_folder import check_length
from distill.tasks.evaluation import Comparison, comparison_of
from distill.tasks.options import TaskOptions
from distill.tasks.spaced_items import spaced
from distill.tasks.statistics import few_units
from distill.tasks.table import TASKS, task_named
from distill.tasks.trained_for import recorded_columns, recorded_task, task_of

if TYPE_CHECKING:
    from distill.tasks.task import AnyTask, Scored


def score_checkpoint(
    task: AnyTask, directory: Path, options: TaskOptions, limit: int | None = None
) -> Scored:
    """The task's metrics of a checkpoint on what ``options`` name, or on ``limit`` examples of each
    split, evenly spaced.

    Raises:
        UserError: the data cannot be read, or the checkpoint does not fit it or the task.
    """
    from distill.models.loading import configuration, scoring_device
    from distill.tasks.batches import score_model
    from distill.tasks.heads import labels_of

    check_length(directory, options.max_length)
    data = task.read_scored(options, labels_of(configuration(directory)))
    data = replace(data, scored={split: spaced(rows, limit) for split, rows in data.scored.items()})
    for line in data.notes:
        note(line)
    taught = recorded_columns(directory)
    if taught and data.columns and _read_otherwise(taught, data.columns):
        note(f"{directory} was fine-tuned on text from {' and '.join(taught)}, in this order")
    features = {
        split: task.features(rows, directory, options) for split, rows in data.scored.items()
    }
    model = task.load(directory, data.labels, trained=True)
    model.to(scoring_device())  # type: ignore[arg-type]
    return score_model(task, model, data, features, options)


def _read_otherwise(taught: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether a model reads another number of texts, or the same columns in another order."""
    swapped = set(taught) == set(columns) and list(taught) != list(columns)
    return swapped or len(taught) != len(columns)


def note_other_task(task: AnyTask, directory: Path) -> None:
    """Say on stderr that a checkpoint was fine-tuned on another task than it is scored on.

    Raises:
        UserError: its configuration cannot be read.
    """
    recorded = recorded_task(directory)
    if recorded not in (None, task.name):
        note(f"{directory} was fine-tuned on {recorded}; it is scored on {task.name}")


@dataclass(kw_only=True)
class ScoringOptions:
    """On what a checkpoint is scored before and after it is made smaller."""

    data: str | None = field(
        default=None,
        metadata={"help": "score the checkpoint before and after on these examples of its task, as "
                  "`distill.evaluate --data` takes them"},
    )  # fmt: skip
    task: str = field(
        default="", metadata={"help": f"of --data: {', '.join(TASKS)}; default: the checkpoint's"}
    )
    limit: int | None = field(
        default=None, metadata={"help": "of --data: score so many examples, evenly spaced"}
    )

    def check_scoring(self) -> None:
        """Raises:
        UserError: options of ``data`` without it, or a limit below 1.
        """
        if self.data is None and (self.task or self.limit is not None):
            raise UserError("--task and --limit say how --data is scored: name it too")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--limit must be at least 1, not {self.limit}")


@dataclass(frozen=True)
class Before:
    """The scores of a checkpoint before it is made smaller, and how they were come by."""

    task: AnyTask
    options: TaskOptions
    limit: int | None
    scored: Scored

    def against(self, directory: Path) -> Comparison:
        """These scores beside those of the smaller checkpoint; raises as `score_checkpoint`."""
        after = score_checkpoint(self.task, directory, self.options, self.limit)
        return comparison_of(self.scored, after)


def scored_before(asked: ScoringOptions, source: Path) -> Before | None:
    """Score ``source`` as asked; None where no data is named.

    Raises:
        UserError: the task is unknown, or the checkpoint does not say which one is its own; or as
            `score_checkpoint`.
    """
    if asked.data is None:
        return None
    task = task_named(asked.task or task_of(source))
    note_other_task(task, source)
    options = TaskOptions(data=asked.data)
    task.complete(options)
    scored = score_checkpoint(task, source, options, asked.limit)
    if words := few_units(scored.statistics):
        note(words)
    return Before(task, options, asked.limit, scored)
