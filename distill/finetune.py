"""Fine-tune a checkpoint on a task, with a teacher (the second stage) or from labels alone.

Example:

    python -m distill.finetune --task squad --model minilm --output_dir runs/teacher \\
        --learning_rate 1.5e-4 --num_train_epochs 1
    python -m distill.finetune --task stsb --model runs/start --teacher runs/stsb-teacher \\
        --baseline --seeds 5 --output_dir runs/stsb --learning_rate 1e-4 --num_train_epochs 3
    python -m distill.finetune --task mlm --help   # text without labels has options of its own
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar

from distill import adapt_mlm as mlm
from distill.console.atomic import atomic_file
from distill.console.errors import UserError, command
from distill.console.options import PLAIN_TRAINING, expanded, options_given, parse
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.fingerprint import contents
from distill.models.presets import data_directory
from distill.runs import score_report as report
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
from distill.tasks import classification
from distill.training.settings import check_training, evaluates, schedule

SQUAD = ("squad", "squad2")
TASKS = (*SQUAD, *classification.TASKS)
NAMES = ", ".join((*TASKS, mlm.TASK))
MAX_LENGTHS = {**dict.fromkeys(SQUAD, 384), **classification.MAX_LENGTHS}
MISMATCH = ("skip", "refuse")
SHORTEST = 8  # tokens of an input
# What says how often to run, how to print, where to keep what and what to refuse does not make a
# run another one.
NOT_OF_ONE_RUN = (
    "seeds",
    "baseline",
    "json",
    "on_mismatch",
    "force",
    "logits_cache",
    "allow_weak_teacher",
)

RECORD = ("settings", "training", "machine", "log")  # what metrics.json adds to the result

Settings = TypeVar("Settings")


def _default_train_file() -> str:
    data = data_directory()
    return str(data / "squad" / "train-shifts.json.gz") if data else ""


@dataclass
class FinetuneArguments:
    """What to fine-tune, on what, and from which teacher."""

    model: str = field(metadata={"help": "checkpoint directory or preset to start from"})
    task: str = field(default="squad", metadata={"help": f"one of {NAMES}"})
    teacher: str | None = field(
        default=None, metadata={"help": "fine-tuned checkpoint to distil from: the second stage"}
    )
    train_file: str = field(
        default="", metadata={"help": "squad: training data in SQuAD format, or hub:NAME[:SPLIT]"}
    )
    extra_files: list[str] = field(
        default_factory=list,
        metadata={"help": "squad: further training data, as of distill.cloze; none is held out"},
    )
    data: str | None = field(
        default=None, metadata={"help": "GLUE, imdb: folder in the official layout, or hub"}
    )
    held_out: float = field(
        default=0.02, metadata={"help": "squad: share of the passages kept for the final check"}
    )
    max_length: int = field(
        default=0, metadata={"help": "tokens of an input; 0: squad 384, GLUE 128, imdb 512"}
    )
    doc_stride: int = field(
        default=128, metadata={"help": "squad: tokens between starts of windows"}
    )
    dropout: float | None = field(default=None, metadata={"help": "instead of the checkpoint's"})
    alpha: float = field(default=0.5, metadata={"help": "share of the teacher in the loss"})
    temperature: float = field(default=2.0, metadata={"help": "of the teacher's distribution"})
    hidden_weight: float = field(
        default=0.0, metadata={"help": "of matching hidden states layer by layer; 0 is off"}
    )
    attention_weight: float | None = field(
        default=None, metadata={"help": "squad: of matching what the heads attend to; none is off"}
    )
    on_mismatch: str = field(
        default="skip", metadata={"help": "squad: skip or refuse answers not at their answer_start"}
    )
    logits_cache: str = field(
        default="runs/logits", metadata={"help": "folder of the teacher's logits"}
    )
    allow_weak_teacher: bool = field(
        default=False, metadata={"help": "distil from a teacher that scores badly"}
    )
    seeds: int = field(
        default=1, metadata={"help": "runs, with --seed and the seeds after it; medians"}
    )
    baseline: bool = field(
        default=False, metadata={"help": "the same without the teacher beside every run"}
    )
    force: bool = field(
        default=False, metadata={"help": "run again, also where a run was finished or stopped"}
    )
    json: bool = field(default=False, metadata={"help": "print JSON"})

    def __post_init__(self) -> None:
        self.task = self.task.lower().replace("-", "")
        if self.task not in TASKS:
            raise UserError(f"unknown task {self.task!r}; choose from {NAMES}")
        self._check_data()
        self.max_length = self.max_length or MAX_LENGTHS[self.task]
        if self.max_length < SHORTEST or self.doc_stride < 1:
            raise UserError(
                f"--max_length must be at least {SHORTEST} and --doc_stride 1, not "
                f"{self.max_length} and {self.doc_stride}"
            )
        if self.seeds < 1:
            raise UserError(f"--seeds must be at least 1, not {self.seeds}")
        if self.baseline and not self.teacher:
            raise UserError("--baseline sets a run without teacher beside one with --teacher")
        if not 0 <= self.held_out < 1:
            raise UserError(f"--held_out must be at least 0 and below 1, not {self.held_out}")
        if not 0 <= self.alpha <= 1:
            raise UserError(f"--alpha must be between 0 and 1, not {self.alpha}")
        if self.temperature <= 0:
            raise UserError(f"--temperature must be above 0, not {self.temperature}")
        if min(self.hidden_weight, self.attention_weight or 0) < 0:
            raise UserError("--hidden_weight and --attention_weight must not be negative")

    def _check_data(self) -> None:
        if self.on_mismatch not in MISMATCH:
            raise UserError(f"--on_mismatch is {' or '.join(MISMATCH)}, not {self.on_mismatch}")
        if self.attention_weight and self.task not in SQUAD:
            raise UserError(f"--attention_weight is for SQuAD, not {self.task}")
        if self.task == "squad":
            self.train_file = self.train_file or _default_train_file()
        if self.task in SQUAD and not self.train_file:
            raise UserError(f"name the training data of {self.task} with --train_file")
        if self.task in SQUAD and self.data:
            raise UserError("--data is for GLUE and imdb; SQuAD takes --train_file")
        if self.task not in SQUAD and (self.train_file or self.extra_files):
            raise UserError(
                f"--train_file and --extra_files are for SQuAD; name {self.task}'s folder by --data"
            )


@command
def main(argv: Sequence[str] | None = None) -> int:
    given = list(argv) if argv is not None else sys.argv[1:]
    if _task(given) == mlm.TASK:
        return mlm.main(given)
    options_given(given, FinetuneArguments, __doc__, PLAIN_TRAINING)
    from distill.console.progress import quiet
    from distill.training.processes import SharedTraining

    arguments, training = parse(given, FinetuneArguments, SharedTraining)
    with quiet():
        result = run(arguments, training)
    if training.process_index != 0:
        return 0
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        report.show(result, f"{arguments.model} on {arguments.task}")
    return 0


def _task(given: Sequence[str]) -> str:
    """The task that the options or their file name: that of text without labels, mlm, has options
    of its own."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--task", nargs="?", default="")
    return str(parser.parse_known_args(expanded(given))[0].task).lower()


def run(arguments: FinetuneArguments, training) -> dict:  # type: ignore[no-untyped-def, type-arg]
    """Fine-tune in ``training.output_dir``, going on from its last complete checkpoints; writes
    ``metrics.json`` there. A run that has come to its end is not run again.

    With several seeds or a baseline every run has a folder of its own in it, and the result is
    `distill.runs.score_report.summary` of them, written to ``summary.json``. Those with the
    teacher come first: a weak one is refused before anything is trained.

    Raises:
        UserError: data, models or settings that do not go together, a folder that holds another
            run, or a disk that is full.
    """
    if arguments.seeds == 1 and not arguments.baseline:
        return _run_once(arguments, training)
    output = Path(training.output_dir)
    variants = {"distilled" if arguments.teacher else "labels": arguments}
    if arguments.baseline:
        variants = {"labels": replace(arguments, teacher=None, baseline=False), **variants}
    runs: dict[str, list[dict]] = {name: [] for name in variants}  # type: ignore[type-arg]
    for seed in range(training.seed, training.seed + arguments.seeds):
        for name, variant in reversed(variants.items()):
            own = copy.copy(training)
            own.seed, own.output_dir = seed, str(output / f"{name}-seed-{seed}")
            runs[name].append(_run_once(variant, own))
    result = report.summary(runs)
    if training.process_index == 0:
        _write(output / SUMMARY_FILE, result)
    return result


def _run_once(arguments: FinetuneArguments, training) -> dict:  # type: ignore[no-untyped-def, type-arg]
    check_training(training)
    if evaluates(training):
        raise UserError("fine-tuning is scored at its end alone: leave --eval_strategy out")
    output, record = Path(training.output_dir), _record(arguments, training)
    with locked(output), disk_problems(output):
        with training.main_process_first(desc="run"):
            if arguments.force and training.process_index == 0:
                clear_run(output)
            done = None if arguments.force else finished_run(output, record)
            if done:
                return {name: value for name, value in done.items() if name not in RECORD}
            claim_run(output, record)
        trained, log = _trained(arguments, training)
        result = {**trained, "seed": training.seed}
        if training.process_index == 0:
            settings, used = asdict(arguments), schedule(training)
            recorded = dict(zip(RECORD, (settings, used, machine(), log), strict=True))
            _write(output / METRICS_FILE, {**result, **recorded})
    return result


def _trained(arguments: FinetuneArguments, training) -> tuple[dict, list]:  # type: ignore[no-untyped-def, type-arg]
    """The report and the log of the task family's `finetune`."""
    import torch

    training.dataloader_pin_memory &= torch.cuda.is_available()
    training.remove_unused_columns = False
    model = checkpoint_directory(arguments.model)
    teacher = checkpoint_directory(arguments.teacher) if arguments.teacher else None
    resume = last_complete_checkpoint(Path(training.output_dir))
    if arguments.task in SQUAD:
        from distill.training import finetune_squad

        squad = _settings(finetune_squad.SquadSettings, arguments)
        return finetune_squad.finetune(model, teacher, squad, training, resume)
    from distill.training import finetune_classify

    task = classification.task_named(arguments.task)
    classify = _settings(finetune_classify.ClassifySettings, arguments)
    return finetune_classify.finetune(task, model, teacher, classify, training, resume)


def _settings(kind: type[Settings], arguments: FinetuneArguments) -> Settings:
    """The settings of a task family, by name from the arguments of the command."""
    names = {described.name for described in fields(kind)}  # type: ignore[arg-type]
    return kind(**{k: v for k, v in asdict(arguments).items() if k in names})


def _write(path: Path, result: dict) -> None:  # type: ignore[type-arg]
    with atomic_file(path) as staged:
        staged.write_text(json.dumps(result, indent=2) + "\n")


def _record(arguments: FinetuneArguments, training) -> dict:  # type: ignore[no-untyped-def, type-arg]
    """What a run must agree on to go on."""
    settings = {k: v for k, v in asdict(arguments).items() if k not in NOT_OF_ONE_RUN}
    inputs = (arguments.model, arguments.teacher, arguments.data, arguments.train_file)
    return {**settings, **schedule(training), **contents([*inputs, *arguments.extra_files])}


if __name__ == "__main__":
    sys.exit(main())
