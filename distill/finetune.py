"""Fine-tune a checkpoint, with or without a teacher.

With a teacher it is the second stage of distillation; without one it learns from labels alone.

Example:

    python -m distill.finetune --task squad --model minilm --out runs/teacher \\
        --learning_rate 1.5e-4 --num_train_epochs 1
    python -m distill.finetune --task stsb --model runs/start --teacher runs/stsb-teacher \\
        --baseline --seeds 5 --out runs/stsb --learning_rate 1e-4 --num_train_epochs 3
    python -m distill.finetune FILE.yaml --max_steps 500   # options from a file, and over it
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.atomic import atomic_file
from distill.console.command_parser import show_result
from distill.console.errors import UserError, command
from distill.console.options import PLAIN_TRAINING, JsonOptions, options_given, parse
from distill.console.tables import say
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.fingerprint import contents
from distill.models.stored_weights import EVEN_STEPS
from distill.runs import score_report
from distill.runs.finetune_result import FinetuneResult, FinetuneSeries, series_of
from distill.runs.kept_step import KeptStep
from distill.runs.loss_plot import LOSSES_FILE, write_losses
from distill.runs.own_reports import check_report
from distill.runs.run_folder import (
    SUMMARY_FILE,
    claim_run,
    clear_run,
    finished_run,
    last_complete_checkpoint,
    locked,
    where_the_model_is,
)
from distill.runs.run_outputs import METRICS_FILE, disk_problems, machine
from distill.tasks.options import TaskOptions
from distill.tasks.table import TASKS, USUAL, task_named
from distill.training.settings import (
    EVALUATED_SCHEDULE,
    SCHEDULE,
    check_training,
    evaluates,
    schedule,
)

if TYPE_CHECKING:
    from distill.training.best_step import EvaluatedTraining
    from distill.training.teacher_choice import Distillation

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
WEIGHTS = ("hidden_weight", "attention_weight", "relation_weight", "relation_heads")
OF_A_TEACHER = ("alpha", "temperature", *WEIGHTS, "unlabelled")
NEXT = "export.coreml --model {} --out BUNDLE"


@dataclass(kw_only=True)
class FinetuneArguments(TaskOptions, JsonOptions):
    """What to fine-tune, on what, and from which teacher."""

    model: str = field(metadata={"help": "checkpoint folder, hub id or preset to start from"})
    task: str = field(default=USUAL, metadata={"help": f"one of {', '.join(TASKS)}"})
    teacher: str | None = field(
        default=None, metadata={"help": "fine-tuned checkpoint to distil from (the second stage)"}
    )
    dropout: float | None = field(
        default=None, metadata={"help": "dropout to train with; default: that of the checkpoint"}
    )
    alpha: float | None = field(
        default=None, metadata={"help": "share of the teacher in the loss; default: 0.5"}
    )
    temperature: float | None = field(
        default=None, metadata={"help": "temperature of the teacher's distribution; default: 2"}
    )
    hidden_weight: float | None = field(
        default=None,
        metadata={"help": "weight of matching hidden states layer by layer; default: 0"},
    )
    attention_weight: float | None = field(
        default=None,
        metadata={"help": "squad: weight of matching what the heads attend to; default: 0"},
    )
    relation_weight: float | None = field(
        default=None,
        metadata={
            "help": "weight of matching MiniLMv2's relations, for models of any width; default: 0"
        },
    )
    relation_heads: int | None = field(
        default=None,
        metadata={"help": "heads of the relations; default: as many as the student has"},
    )
    unlabelled: str | None = field(
        default=None,
        metadata={"help": "with --teacher: rows like those of the training data, without labels; "
                  "the teacher alone teaches them"},
    )  # fmt: skip
    validation_share: float | None = field(
        default=None,
        metadata={"help": "with --eval_strategy: share of the training rows that choose the best "
                  "step; default: 0.1"},
    )  # fmt: skip
    validation_data: str | None = field(
        default=None, metadata={"help": "with --eval_strategy: these rows choose the best step"}
    )
    quantization_aware: str | None = field(
        default=None,
        metadata={"help": f"{', '.join(EVEN_STEPS)}: round the weights while training, as "
                  "export.coreml --quantize will store them"},
    )  # fmt: skip
    logits_cache: str = field(
        default="runs/logits", metadata={"help": "folder to keep the teacher's logits in"}
    )
    allow_weak_teacher: bool = field(
        default=False, metadata={"help": "distil also from a teacher that scores badly"}
    )
    seeds: int = field(
        default=1,
        metadata={"help": "number of runs, with --seed and the seeds after it; medians count"},
    )
    baseline: bool = field(
        default=False, metadata={"help": "repeat every run without the teacher, to compare"}
    )
    force: bool = field(
        default=False, metadata={"help": "start anew where a run was finished or stopped"}
    )

    def __post_init__(self) -> None:
        task = task_named(self.task)
        self.task = task.name
        task.complete(self)
        if self.seeds < 1:
            raise UserError(f"--seeds must be at least 1, not {self.seeds}")
        if self.baseline and not self.teacher:
            raise UserError(
                "--baseline compares with a run without a teacher, so it needs --teacher"
            )
        if self.attention_weight and not task.matches_attention:
            raise UserError(f"--attention_weight is for SQuAD, not {self.task}")
        if not task.matches_layers and (self.hidden_weight or self.relation_weight):
            raise UserError(f"--hidden_weight and --relation_weight are not for {self.task}")
        if self.validation_share is not None and not 0 < self.validation_share < 1:
            raise UserError(
                f"--validation_share must be between 0 and 1, not {self.validation_share}"
            )
        if self.validation_share is not None and self.validation_data:
            raise UserError("give --validation_share or --validation_data, not both")
        if self.quantization_aware not in (None, *EVEN_STEPS):
            raise UserError(
                f"--quantization_aware {self.quantization_aware} is not supported (expected "
                f"{', '.join(EVEN_STEPS)})"
            )
        self._check_loss()

    def _check_loss(self) -> None:
        alpha = 0.5 if self.alpha is None else self.alpha
        if not 0 <= alpha <= 1:
            raise UserError(f"--alpha must be between 0 and 1, not {self.alpha}")
        if self.temperature is not None and self.temperature <= 0:
            raise UserError(f"--temperature must be above 0, not {self.temperature}")
        for name in WEIGHTS:
            if (getattr(self, name) or 0) < 0:
                raise UserError(f"--{name} must not be negative")
        if self.relation_heads and not self.relation_weight:
            raise UserError("--relation_heads needs a --relation_weight")
        named = [name for name in OF_A_TEACHER if getattr(self, name) is not None]
        if named and not self.teacher:
            raise UserError(f"--{named[0]} needs a --teacher")

    def distillation(self) -> Distillation:
        """The settings of the loss, with the reference's where none is named."""
        from distill.training.teacher_choice import Distillation

        names = {described.name for described in fields(Distillation)}
        named = {name: getattr(self, name) for name in names}
        return Distillation(**{name: v for name, v in named.items() if v is not None})


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, FinetuneArguments, __doc__, PLAIN_TRAINING)
    from distill.console.progress import quiet
    from distill.training.best_step import EvaluatedTraining

    arguments, training = parse(words, FinetuneArguments, EvaluatedTraining)
    with quiet():
        result = run(arguments, training)
    if training.process_index != 0:
        return 0
    show_result(arguments, result, lambda found: _show(found, arguments, Path(training.output_dir)))
    return 0


def _show(
    result: FinetuneResult | FinetuneSeries, arguments: FinetuneArguments, output: Path
) -> None:
    score_report.show(result, f"{arguments.model} on {arguments.task}")
    for best in _best_steps(result):
        say(best.in_words())
    say(*where_the_model_is(output, NEXT))


def _best_steps(result: FinetuneResult | FinetuneSeries) -> list[KeptStep]:
    """Of the run, or of all runs of a series, as far as they were evaluated while training."""
    if isinstance(result, FinetuneResult):
        runs = [result]
    else:
        runs = [run for of_variant in result.runs.values() for run in of_variant]
    return [run.best for run in runs if run.best]


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
    import torch

    from distill.training import finetuning

    check_training(training)
    _check_evaluation(arguments, training)
    output, record = Path(training.output_dir or ""), _record(arguments, training)
    with locked(output), disk_problems(output):
        with training.main_process_first(local=False, desc="run"):
            if arguments.force and training.process_index == 0:
                clear_run(output)
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


def _write(path: Path, result: dict[str, Any]) -> None:
    with atomic_file(path) as staged:
        staged.write_text(json.dumps(result, indent=2) + "\n")


def _record(arguments: FinetuneArguments, training: EvaluatedTraining) -> dict[str, Any]:
    """What a run must agree on to go on."""
    settings = {k: v for k, v in asdict(arguments).items() if k not in NOT_OF_ONE_RUN}
    inputs = [arguments.model, arguments.teacher, arguments.data, arguments.train_file]
    inputs += [arguments.eval_data, arguments.validation_data, arguments.unlabelled]
    inputs += arguments.extra_files
    return {**settings, **_schedule(training), **contents(inputs)}


def _schedule(training: EvaluatedTraining) -> dict[str, Any]:
    return schedule(training, EVALUATED_SCHEDULE if evaluates(training) else SCHEDULE)


if __name__ == "__main__":
    sys.exit(main())
