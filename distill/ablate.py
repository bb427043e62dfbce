"""Ablate the triple loss, as the paper does.

As in table 4 of DistilBERT: one student per row, without one term of the loss or without the start
from the teacher, all under the same steps, data and seed, compared with the full loss.

Example:

    python -m distill.ablate --teacher runs/minilm-mlm --layers 3 --text corpus/*.txt.gz \\
        --out runs/ablation --max_steps 500 --tasks sst2 stsb \\
        --rows full no-ce no-cos no-mlm random

Options of distill.pretrain say what the full loss is. Every row has a folder of its own; what is
finished there is not run again, so that the same command goes on with an ablation that was stopped.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import atomic_file
from distill.console.command_parser import show_result
from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.console.tables import say
from distill.models.checkpoint_folder import checkpoint_directory
from distill.runs.own_reports import check_report
from distill.tasks.table import task_named
from distill.training.loss_ablation import (
    ROWS,
    Ablation,
    Row,
    TrainedRow,
    chosen_rows,
    compared,
    show,
    write_plot,
)
from distill.training.settings import REFERENCE_TRAINING, PretrainSettings, check_training

if TYPE_CHECKING:
    from distill.training.pretraining_run import ReferenceTraining

REPORT_FILE, PLOT_FILE = "ablation.json", "ablation.png"
HELD_OUT = 0.02


@dataclass
class AblateSettings:
    """Which rows, and on which tasks their students are scored."""

    rows: list[str] = field(
        default_factory=list,
        metadata={"help": f"rows to train, of {', '.join(ROWS)}; default: all"},
    )
    tasks: list[str] = field(
        default_factory=list,
        metadata={"help": "tasks to fine-tune every student on, such as sst2 stsb; default: none"},
    )
    data: str | None = field(
        default=None, metadata={"help": "GLUE, imdb: folder in the official layout, or hub"}
    )
    train_file: str = field(default="", metadata={"help": "squad: training data"})
    task_epochs: float = field(default=3.0, metadata={"help": "epochs of fine-tuning"})
    task_steps: int = field(
        default=-1, metadata={"help": "steps of fine-tuning, instead of epochs"}
    )
    task_learning_rate: float = field(default=5e-5, metadata={"help": "its learning rate"})
    task_batch_size: int = field(default=32, metadata={"help": "its batch size"})
    task_max_length: int = field(
        default=0,
        metadata={"help": "longest input of fine-tuning in tokens; 0: as the task has it"},
    )
    seeds: int = field(
        default=1, metadata={"help": "runs of every fine-tuning, whose median counts"}
    )

    def __post_init__(self) -> None:
        self.tasks = [task_named(task).name for task in self.tasks]
        if self.seeds < 1 or self.task_batch_size < 1 or self.task_learning_rate <= 0:
            raise UserError("--seeds, --task_batch_size and --task_learning_rate must be above 0")


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, (AblateSettings, PretrainSettings), __doc__, REFERENCE_TRAINING)
    from distill.console.progress import quiet
    from distill.training.pretraining_run import ReferenceTraining

    chosen, settings, training = parse(words, AblateSettings, PretrainSettings, ReferenceTraining)
    with quiet():
        result = ablate(chosen, settings, training)
    show_result(settings, result, show)
    return 0


def ablate(
    chosen: AblateSettings, settings: PretrainSettings, training: ReferenceTraining
) -> Ablation:
    """Train and score every row in ``training.output_dir``; ``ablation.json`` and the plot are
    written there anew after every row.

    Raises:
        UserError: as `distill.training.pretraining_run.pretrain` and
            `distill.training.finetuning_run.run`.
    """
    check_training(training)
    if settings.student or not settings.teacher:
        raise UserError("an ablation makes its students from --teacher: leave --student out")
    if training.world_size > 1:
        raise UserError("an ablation runs in one process: start it without torchrun")
    from distill.models.loading import configuration
    from distill.runs.run_outputs import machine

    output = Path(training.output_dir or "")
    check_report(output / REPORT_FILE, ("teacher", "rows"), [output / PLOT_FILE])
    teacher = configuration(checkpoint_directory(settings.teacher))
    base = replace(
        settings,
        held_out=settings.held_out or HELD_OUT,
        corpus_dir=settings.corpus_dir or str(output / "corpus"),
    )
    rows = chosen_rows(chosen.rows, base, teacher.num_hidden_layers)
    trained: list[TrainedRow] = []
    for number, row in enumerate(rows, 1):
        say(f"[{number}/{len(rows)}] {row.label}", error=True)
        trained.append(_trained(row, chosen, base, training))
        ablation = Ablation(
            teacher=settings.teacher,
            layers=base.layers,
            steps=trained[0].steps,
            tasks=chosen.tasks,
            seed=training.seed,
            seeds=chosen.seeds,
            rows=compared(trained),
            machine=machine(),
        )
        with atomic_file(output / REPORT_FILE) as staged:
            content = json.dumps(ablation.as_json(), indent=2)
            staged.write_text(f"{content}\n", encoding="utf-8")
        write_plot(ablation, output / PLOT_FILE)
    return ablation


def _trained(
    row: Row, chosen: AblateSettings, base: PretrainSettings, training: ReferenceTraining
) -> TrainedRow:
    """Pre-train the student of a row and fine-tune it on every task, or read what is finished."""
    from distill.training.pretraining_run import pretrain

    folder = Path(training.output_dir or "") / row.name
    own = copy.copy(training)
    own.output_dir = str(folder / "student")
    result = pretrain(replace(base, **row.changes), own)
    assert result.evaluation is not None  # sequences are held out for it
    return TrainedRow(
        row=row,
        perplexity=result.evaluation["perplexity"],
        scores={task: _score(task, folder, chosen, own) for task in chosen.tasks},
        steps=result.steps,
        tokens_seen=result.tokens_seen,
        seconds=result.seconds,
    )


def _score(task: str, folder: Path, chosen: AblateSettings, training: ReferenceTraining) -> float:
    """The task's main metric of the fine-tuned student; the median of its seeds."""
    from distill.runs.finetune_result import FinetuneResult
    from distill.training.best_step import EvaluatedTraining
    from distill.training.finetune_settings import FinetuneArguments
    from distill.training.finetuning_run import run

    takes = task_named(task).takes
    arguments = FinetuneArguments(
        model=str(folder / "student"),
        task=task,
        data=chosen.data if "train_file" not in takes else None,
        train_file=chosen.train_file if "train_file" in takes else "",
        max_length=chosen.task_max_length,
        seeds=chosen.seeds,
    )
    own = EvaluatedTraining(
        output_dir=str(folder / task),
        num_train_epochs=chosen.task_epochs,
        max_steps=chosen.task_steps,
        learning_rate=chosen.task_learning_rate,
        per_device_train_batch_size=chosen.task_batch_size,
        seed=training.seed,
        save_strategy=training.save_strategy,
        save_steps=training.save_steps,
        logging_steps=training.logging_steps,
        save_total_limit=1,
        report_to="none",
        use_cpu=training.use_cpu,
        disable_tqdm=training.disable_tqdm,
        bf16=training.bf16,
    )
    result = run(arguments, own)
    metrics = result.metrics if isinstance(result, FinetuneResult) else result.median["labels"]
    metric = task_named(task).metric
    if metric not in metrics:
        raise UserError(f"{task}: no held-out passage to score on; give more of --train_file")
    return metrics[metric]


if __name__ == "__main__":
    sys.exit(main())
