"""Fine-tune a checkpoint on a task, with a teacher (the second stage) or from labels alone.

Example:

    python -m distill.finetune --task squad --model minilm --output_dir runs/teacher \\
        --learning_rate 1.5e-4 --num_train_epochs 1
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from distill import DistillError
from distill.atomic import atomic_file
from distill.command import command
from distill.presets import PRESETS, data_directory, preset_directory

TASKS = ("squad",)


def _default_train_file() -> str:
    data = data_directory()
    return str(data / "squad" / "train-shifts.json.gz") if data else ""


@dataclass
class FinetuneArguments:
    """What to fine-tune, on what, and from which teacher."""

    model: str = field(metadata={"help": "checkpoint directory or preset to start from"})
    task: str = field(default="squad", metadata={"help": f"one of {', '.join(TASKS)}"})
    teacher: str | None = field(
        default=None, metadata={"help": "fine-tuned checkpoint to distil from: the second stage"}
    )
    train_file: str = field(
        default_factory=_default_train_file, metadata={"help": "training data, SQuAD format"}
    )
    held_out: float = field(
        default=0.02, metadata={"help": "share of the passages kept for the final check"}
    )
    max_length: int = field(default=384, metadata={"help": "tokens in a window"})
    doc_stride: int = field(default=128, metadata={"help": "tokens between starts of windows"})
    dropout: float | None = field(default=None, metadata={"help": "instead of the checkpoint's"})
    alpha: float = field(default=0.5, metadata={"help": "share of the teacher in the loss"})
    temperature: float = field(default=2.0, metadata={"help": "of the teacher's distribution"})
    hidden_weight: float = field(
        default=0.0, metadata={"help": "of matching hidden states layer by layer; 0 is off"}
    )
    logits_cache: str = field(
        default="runs/logits", metadata={"help": "folder of the teacher's logits"}
    )
    allow_weak_teacher: bool = field(
        default=False, metadata={"help": "distil from a teacher that scores badly"}
    )

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise DistillError(f"unknown task {self.task!r}; choose from {', '.join(TASKS)}")
        if not 0 <= self.held_out < 1:
            raise DistillError(f"--held_out must be at least 0 and below 1, not {self.held_out}")
        if not 0 <= self.alpha <= 1:
            raise DistillError(f"--alpha must be between 0 and 1, not {self.alpha}")
        if self.temperature <= 0:
            raise DistillError(f"--temperature must be above 0, not {self.temperature}")


def checkpoint_directory(model: str) -> Path:
    """The directory of a preset's weights, or ``model`` itself as a directory.

    Raises:
        DistillError: there is no such checkpoint here.
    """
    directory = preset_directory(model) if model in PRESETS else Path(model)
    if directory is None:
        raise DistillError(f"the weights of {model} are not on this machine; name a directory")
    if not (directory / "config.json").is_file():
        raise DistillError(f"{directory}: no checkpoint there (config.json is missing)")
    return directory


@command(DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    from transformers import HfArgumentParser, TrainingArguments

    parser = HfArgumentParser(
        (FinetuneArguments, TrainingArguments),  # type: ignore[arg-type]
        description=__doc__,
    )
    arguments, training = parser.parse_args_into_dataclasses(
        list(argv) if argv is not None else None
    )
    report = run(arguments, training)
    print(json.dumps(report, indent=2))
    return 0


def run(arguments: FinetuneArguments, training) -> dict:  # type: ignore[no-untyped-def, type-arg]
    """Fine-tune in ``training.output_dir``, going on from its last complete checkpoint; writes
    ``metrics.json`` there."""
    from distill.checkpoints import claim_run, last_complete_checkpoint
    from distill.finetune_squad import SquadSettings, finetune

    output = Path(training.output_dir)
    names = SquadSettings.__dataclass_fields__
    settings = SquadSettings(**{k: v for k, v in asdict(arguments).items() if k in names})
    output.mkdir(parents=True, exist_ok=True)
    claim_run(output, {**asdict(arguments), **_schedule(training)})
    training.train_sampling_strategy = "group_by_length"
    training.remove_unused_columns = False
    teacher = checkpoint_directory(arguments.teacher) if arguments.teacher else None
    report = finetune(
        checkpoint_directory(arguments.model),
        teacher,
        settings,
        training,
        last_complete_checkpoint(output),
    )
    with atomic_file(output / "metrics.json") as staged:
        staged.write_text(json.dumps({**report, "seed": training.seed}, indent=2) + "\n")
    return report


def _schedule(training) -> dict:  # type: ignore[no-untyped-def, type-arg]
    names = [
        "learning_rate",
        "max_steps",
        "num_train_epochs",
        "seed",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
    ]
    return {name: getattr(training, name) for name in names}


if __name__ == "__main__":
    sys.exit(main())
