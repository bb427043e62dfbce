"""Evaluations while training: the best step is kept, and a training without gain stops early.

The rows that choose the step are kept out of the training rows, and are not those that the result
is reported on: a score that chose is too high.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import (
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from distill.console.errors import UserError
from distill.runs.kept_step import KeptStep
from distill.tasks.options import TaskOptions
from distill.tasks.task import AnyData, AnyTask
from distill.training.processes import SharedTraining
from distill.training.settings import evaluates
from distill.training.teacher_choice import Distillation


@dataclass
class EvaluatedTraining(SharedTraining):
    """`TrainingArguments` that may keep the best of several steps. Every evaluated step is saved
    then: `transformers` keeps none that it has no checkpoint of."""

    logging_steps: float = field(
        default=0.05,
        metadata={"help": "steps between two logged losses, or their share if below 1"},
    )
    early_stopping_patience: int = field(
        default=0,
        metadata={"help": "stop after so many evaluations without gain and keep the best; 0: off"},
    )

    def __post_init__(self) -> None:
        if self.early_stopping_patience < 0:
            raise UserError(
                f"--early_stopping_patience must be at least 0, not {self.early_stopping_patience}"
            )
        if self.early_stopping_patience:
            self.eval_strategy = "steps" if self.eval_strategy == "no" else self.eval_strategy
            self.load_best_model_at_end = True
        named = self.metric_for_best_model
        if self.load_best_model_at_end:
            if self.eval_strategy == "no":
                raise UserError("--load_best_model_at_end needs --eval_strategy steps or epoch")
            self.eval_steps = self.eval_steps or self.save_steps
            self.save_strategy, self.save_steps = self.eval_strategy, self.eval_steps
            self.restore_callback_states_from_checkpoint = True  # evaluations without gain so far
        super().__post_init__()
        self.metric_for_best_model = named  # where none is named, not the loss but the task's


@dataclass(frozen=True)
class Validation:
    """Rows that choose the step to keep: ``data.scored`` by split, their model inputs, and where
    they are from, in words."""

    data: AnyData
    features: Mapping[str, Sequence[Any]]
    source: str

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.data.scored.values())


def held_back(
    task: AnyTask,
    data: AnyData,
    start: Path,
    options: TaskOptions,
    settings: Distillation,
) -> tuple[AnyData, Validation]:
    """The data with less to train on, and what chooses the step: a share of the training rows, or
    all rows of ``settings.validation_data``.

    Raises:
        UserError: the share leaves nothing on one side; the file cannot be read.
    """
    path, share = settings.validation_data, settings.validation_share
    if path:
        chosen_data = task.read_scored(replace(options, data=path), data.labels)
        scored, source = chosen_data.scored, f"of {path}"
    else:
        own, extra = list(data.train), []
        if data.extra:
            own, extra = own[: -data.extra], own[-data.extra :]
        kept, chosen = task.hold_back(own, share)
        if not kept or not chosen:
            raise UserError(
                f"{len(own)} training rows are too few to keep {share:g} of them for validation; "
                "change --validation_share, or name --validation_data"
            )
        data, scored = replace(data, train=[*kept, *extra]), {task.evaluation: chosen}
        source = "kept out of the training data"
    features = {split: task.features(rows, start, options) for split, rows in scored.items()}
    return data, Validation(replace(data, train=[], scored=scored), features, source)


class LastStepEvaluated(TrainerCallback):
    """The last step is evaluated too, wherever it falls."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Called by the Trainer: ask for an evaluation after the last step."""
        if evaluates(args) and state.global_step >= state.max_steps:
            control.should_evaluate = True


def evaluate_steps(trainer: Trainer) -> None:
    """Let a Trainer evaluate its last step, and stop early where its arguments say so."""
    trainer.add_callback(LastStepEvaluated())
    patience = getattr(trainer.args, "early_stopping_patience", 0)
    if patience:
        trainer.add_callback(EarlyStoppingCallback(patience))


def best_step(trainer: Trainer, rows: int, source: str) -> KeptStep:
    """Which step was kept, by which metric, of how many evaluations on which rows.

    Raises:
        UserError: the metric was never a number.
    """
    state = trainer.state
    metric = str(trainer.args.metric_for_best_model)
    evaluations = [row for row in state.log_history if f"eval_{metric}" in row]
    if state.best_global_step is None or state.best_metric is None:
        raise UserError(
            f"{metric} was not a number in any of {len(evaluations)} evaluations: lower "
            "--learning_rate"
        )
    return KeptStep(
        step=state.best_global_step,
        metric=metric,
        value=state.best_metric,
        evaluations=len(evaluations),
        rows=rows,
        rows_from=source,
        steps=state.global_step,
        stopped_early=state.global_step < state.max_steps,
    )
