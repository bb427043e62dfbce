"""Fine-tuning in the folder of a run: one run that goes on where it was stopped, or several seeds
with and without a teacher."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.fingerprint import contents
from distill.runs.finetune_result import FinetuneResult, FinetuneSeries, series_of
from distill.runs.loss_plot import LOSSES_FILE, write_losses
from distill.runs.own_reports import check_report
from distill.runs.run_folder import (
    METRICS_FILE,
    SUMMARY_FILE,
    claim_run,
    clear_run,
    finished_run,
    last_complete_checkpoint,
    locked,
)
from distill.runs.run_outputs import disk_problems, machine
from distill.tasks.table import task_named
from distill.training import finetuning
from distill.training.best_step import EvaluatedTraining
from distill.training.finetune_settings import OF_A_TEACHER, FinetuneArguments
from distill.training.settings import (
    EVALUATED_SCHEDULE,
    SCHEDULE,
    check_training,
    evaluates,
    schedule,
)

# What says how often to run, how to print, where to keep what and what to refuse does not make a
# run another one.
NOT_OF_ONE_RUN = (
    "seeds",
    "baseline",
    "json",
    "save_json",
    "on_mismatch",
    "force",
    "logits_cache",
    "allow_weak_teacher",
)


def run(
    arguments: FinetuneArguments, training: EvaluatedTraining
) -> FinetuneResult | FinetuneSeries:
    """Fine-tune in ``training.output_dir``, going on from its last complete checkpoints; writes
    ``metrics.json`` there. A run that has come to its end is not run again.

    With several seeds or a baseline every run has a folder of its own in it, and their results are
    compared in ``summary.json``. Those with the teacher come first: a weak one is refused before
    anything is trained.

    Raises:
        UserError: data, models or settings that do not go together, a folder that holds another
            run, or a disk that is full.
    """
    if arguments.seeds == 1 and not arguments.baseline:
        return _run_once(arguments, training)
    output = Path(training.output_dir or "")
    check_report(output / SUMMARY_FILE, ("median", "spread", "runs"))
    variants = {"distilled" if arguments.teacher else "labels": arguments}
    if arguments.baseline:
        alone: dict[str, Any] = dict.fromkeys(OF_A_TEACHER)
        labels = replace(arguments, teacher=None, baseline=False, **alone)
        variants = {"labels": labels, **variants}
    runs: dict[str, list[FinetuneResult]] = {name: [] for name in variants}
    for seed in range(training.seed, training.seed + arguments.seeds):
        for name, variant in reversed(variants.items()):
            own = copy.copy(training)
            own.seed, own.output_dir = seed, str(output / f"{name}-seed-{seed}")
            runs[name].append(_run_once(variant, own))
    result = series_of(runs)
    if training.process_index == 0:
        _write(output / SUMMARY_FILE, result.as_json())
    return result


def _run_once(arguments: FinetuneArguments, training: EvaluatedTraining) -> FinetuneResult:
    check_training(training)
    _check_evaluation(arguments, training)
    output, record = Path(training.output_dir or ""), _record(arguments, training)
    with locked(output), disk_problems(output):
        with training.main_process_first(local=False, desc="run"):
            if arguments.force and training.process_index == 0:
                clear_run(output, record)
            if not arguments.force:
                done = finished_run(output, record, FinetuneResult.from_json)
                if done:
                    return done
            claim_run(output, record)
        training.dataloader_pin_memory &= torch.cuda.is_available()
        training.remove_unused_columns = False
        model = checkpoint_directory(arguments.model)
        teacher = checkpoint_directory(arguments.teacher) if arguments.teacher else None
        result, log = finetuning.finetune(
            task_named(arguments.task),
            (model, teacher),
            arguments,
            arguments.distillation(),
            training,
            last_complete_checkpoint(output),
        )
        if training.process_index == 0:
            recorded = {
                "settings": asdict(arguments),
                "training": _schedule(training),
                "machine": machine(),
                "log": log,
            }
            write_losses(log, output / LOSSES_FILE)
            _write(output / METRICS_FILE, {**result.as_json(), **recorded})
    return result


def _check_evaluation(arguments: FinetuneArguments, training: EvaluatedTraining) -> None:
    """Set the task's metric as that which chooses the best step.

    Raises:
        UserError: rows are named to choose it, and nothing is evaluated.
    """
    if not evaluates(training) and (arguments.validation_share or arguments.validation_data):
        raise UserError("--validation_share and --validation_data need --eval_strategy steps")
    if training.load_best_model_at_end:
        metric = training.metric_for_best_model or task_named(arguments.task).metric
        training.metric_for_best_model = metric.removeprefix("eval_")
        training.greater_is_better = True  # as of every metric of the tasks


def _write(path: Path, result: dict[str, object]) -> None:
    with atomic_file(path) as staged:
        staged.write_text(json.dumps(result, indent=2) + "\n")


def _record(arguments: FinetuneArguments, training: EvaluatedTraining) -> dict[str, object]:
    """What a run must agree on to go on."""
    settings = {k: v for k, v in asdict(arguments).items() if k not in NOT_OF_ONE_RUN}
    inputs = [arguments.model, arguments.teacher, arguments.data, arguments.train_file]
    inputs += [arguments.eval_data, arguments.validation_data, arguments.unlabelled]
    inputs += arguments.extra_files
    return {**settings, **_schedule(training), **contents(inputs)}


def _schedule(training: EvaluatedTraining) -> dict[str, object]:
    return schedule(training, EVALUATED_SCHEDULE if evaluates(training) else SCHEDULE)
