"""The recipe of pre-training distillation as data: what is learnt, from whom, by which loss.

The defaults are those of the reference (`huggingface/transformers`,
`research_projects/distillation`), where the paper's text is silent.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from distill.console.errors import UserError
from distill.console.options import JsonOptions

if TYPE_CHECKING:
    from transformers import TrainingArguments

TRAINING_DEFAULTS: dict[str, Any] = {
    "learning_rate": 5e-4,
    "adam_beta2": 0.98,
    "adam_epsilon": 1e-6,
    "max_grad_norm": 5.0,
    "warmup_steps": 0.05,
    "per_device_train_batch_size": 5,
    "gradient_accumulation_steps": 50,
}
"""Where the reference differs from `transformers.TrainingArguments`: AdamW with a linear schedule,
5% warm-up, no weight decay, 3 epochs."""
REFERENCE_TRAINING = (
    "Besides these, every option of transformers.TrainingArguments (--out, which it calls "
    "--output_dir, --max_steps, --seed, ...), here with the reference's defaults: "
    + ", ".join(f"--{name} {value}" for name, value in TRAINING_DEFAULTS.items())
    + "; and --precision auto|float32|bf16, --early_stopping_patience N. YAML or JSON files of "
    "options may stand first; what comes later overrides."
)

# What of any training decides its outcome: a run goes on only with the same.
SCHEDULE = (
    *TRAINING_DEFAULTS,
    "adam_beta1",
    "weight_decay",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "optim",
    "optim_args",
    "optim_target_modules",
    "neftune_noise_alpha",
    "dataloader_drop_last",
    "num_train_epochs",
    "max_steps",
    "seed",
    "data_seed",
    "bf16",
    "fp16",
)
PRETRAIN_SCHEDULE = (*SCHEDULE, "early_stopping_patience", "eval_steps")
# Of a training that is evaluated on the way.
EVALUATED_SCHEDULE = (
    *SCHEDULE,
    "early_stopping_patience",
    "eval_strategy",
    "eval_steps",
    "eval_delay",
    "load_best_model_at_end",
    "metric_for_best_model",
)
# Where launchers say how many processes there are: torchrun and accelerate; mpirun of Open MPI, of
# MPICH and of MVAPICH.
LAUNCHED = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
OF_A_TEACHER = ("alpha_ce", "alpha_cos", "alpha_rel", "temperature", "masked_only")
OF_A_NEW_STUDENT = ("layers", "choice")
VALIDATION_SHARE = 0.1  # of the training rows, where a training is evaluated on the way
# Options of `TrainingArguments` that would do nothing, or not what they say.
WITHOUT_EFFECT = {
    "resume_from_checkpoint": "a run goes on from its last complete checkpoint by itself",
    "save_only_model": "a run cannot go on from weights alone; --save_strategy no saves nothing",
    "ignore_data_skip": "a run that goes on takes up the data where it stopped",
    "train_sampling_strategy": "batches are of nearly one length anyway",
    "auto_find_batch_size": "other batches are another run; name the size",
    "label_smoothing_factor": "the losses have no such term",
}


@dataclass(kw_only=True)
class CorpusSettings(JsonOptions):
    """The text of a training and how it is cut, and whether it runs again."""

    text: list[str] = field(
        metadata={
            "help": "files (.txt, .jsonl with a text field, either as .gz), a folder saved by "
            "`datasets`, or hub:NAME[:CONFIG[:SPLIT]]"
        }
    )
    sequence_length: int = field(default=512, metadata={"help": "longest sequence in tokens"})
    corpus_dir: str = field(
        default="",
        metadata={"help": "folder of the tokenized corpus, for several runs; default: in --out"},
    )
    held_out: float = field(
        default=0.0, metadata={"help": "share of the sequences kept for evaluation"}
    )
    data_note: str = field(
        default="", metadata={"help": "sources and licences of the text, for the model card"}
    )
    force: bool = field(
        default=False, metadata={"help": "start anew where a run was finished or stopped"}
    )


@dataclass(kw_only=True)
class PretrainSettings(CorpusSettings):
    """Who learns from whom, on what, by which loss."""

    teacher: str | None = field(
        default=None,
        metadata={
            "help": "checkpoint folder, hub id or preset; without it --student is trained alone, "
            "by MLM"
        },
    )
    student: str | None = field(
        default=None, metadata={"help": "checkpoint to go on with; default: made from the teacher"}
    )
    layers: int = field(
        default=6, metadata={"help": "number of layers of a student made from the teacher"}
    )
    choice: str = field(
        default="reference",
        metadata={"help": "its layers: reference, even, first, last, random, or such as 0,2,4"},
    )
    alpha_ce: float = field(default=5.0, metadata={"help": "weight of L_ce; 0 leaves the term out"})
    alpha_mlm: float = field(default=2.0, metadata={"help": "weight of L_mlm"})
    alpha_cos: float = field(default=1.0, metadata={"help": "weight of L_cos"})
    alpha_rel: float = field(
        default=0.0, metadata={"help": "weight of MiniLMv2's relations, for any two widths"}
    )
    relation_heads: int = field(
        default=0, metadata={"help": "heads of the relations; 0: as many as the student has"}
    )
    temperature: float = field(default=2.0, metadata={"help": "temperature of L_ce"})
    masked_only: bool = field(
        default=False, metadata={"help": "compute L_ce at masked positions only"}
    )
    loss_positions: int = field(
        default=0,
        metadata={
            "help": "positions whose logits are in memory at a time; 0: chosen by the device"
        },
    )
    freeze_encoder: bool = field(default=False, metadata={"help": "train the MLM head alone"})
    dropout: float | None = field(
        default=None, metadata={"help": "dropout to train with; default: that of the checkpoint"}
    )

    def __post_init__(self) -> None:
        if isinstance(self.text, str):  # a YAML file may give one name
            self.text = [self.text]
        if not self.text:
            raise UserError("name the text to train on with --text")
        if not (self.teacher or self.student):
            raise UserError("give a --teacher, or a --student to train alone")
        weights = (self.alpha_ce, self.alpha_mlm, self.alpha_cos, self.alpha_rel)
        numbers = (*weights, self.temperature)
        if min(numbers) < 0 or not self.temperature or not all(map(math.isfinite, numbers)):
            raise UserError("weights must be 0 or more, the temperature must be above 0")
        if self.relation_heads < 0:
            raise UserError(f"--relation_heads must be 0 or more, not {self.relation_heads}")
        if self.relation_heads and not self.alpha_rel:
            raise UserError("--relation_heads needs an --alpha_rel")
        if not self.teacher and (named := self._changed(OF_A_TEACHER)):
            raise UserError(f"--{named[0]} needs a --teacher")
        if self.student and (named := self._changed(OF_A_NEW_STUDENT)):
            raise UserError(
                f"--{named[0]} is for a student made from the teacher, and --student names one"
            )
        if not self._terms():
            raise UserError("every term of the loss has weight 0")
        if not 0 <= self.held_out < 1:
            raise UserError(f"--held_out must be at least 0 and below 1, not {self.held_out}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise UserError(f"--dropout must be at least 0 and below 1, not {self.dropout}")
        if self.sequence_length < 14:
            raise UserError(f"--sequence_length must be 14 or more, not {self.sequence_length}")
        if self.loss_positions < 0:
            raise UserError("--loss_positions must not be negative")

    def _changed(self, names: Sequence[str]) -> list[str]:
        """The options among ``names`` whose values are not their defaults."""
        defaults = {described.name: described.default for described in fields(self)}
        return [name for name in names if getattr(self, name) != defaults[name]]

    def _terms(self) -> float:
        taught = self.alpha_ce + self.alpha_cos + self.alpha_rel
        return self.alpha_mlm + (taught if self.teacher else 0)


def layer_choice(text: str) -> str | tuple[int, ...]:
    """``reference`` as it is, ``0,2,4`` as numbers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        return text


def schedule(training: TrainingArguments, names: Sequence[str] = SCHEDULE) -> dict[str, object]:
    """The named settings of `TrainingArguments`, enumerations by their values, and the number of
    processes, which is part of the batch of a step."""
    values = {name: getattr(training, name) for name in names}
    values["processes"] = training.world_size
    return {name: getattr(value, "value", value) for name, value in values.items()}


def evaluates(training: TrainingArguments) -> bool:
    """Whether `TrainingArguments` ask for evaluations while training."""
    strategy = training.eval_strategy
    return str(getattr(strategy, "value", strategy)) != "no" or bool(training.eval_on_start)


def started_processes() -> int:
    """How many processes the launcher started, as it says in the environment.

    Raises:
        UserError: what it says there is not a number of processes.
    """
    name = next((name for name in LAUNCHED if os.environ.get(name)), LAUNCHED[0])
    said = os.environ.get(name) or "1"
    if not said.isdecimal() or not int(said):
        raise UserError(f"{name} is {said!r} in the environment, not a number of processes")
    return int(said)


def check_training(training: TrainingArguments) -> None:
    """Raises:
    UserError: `TrainingArguments` without a batch, a step or a folder, or with what would do
        nothing here; or processes that were started together and do not train together.
    """
    for name, reason in WITHOUT_EFFECT.items():
        if getattr(training, name, None) not in (None, False, 0, "random"):
            raise UserError(f"--{name} cannot be used here: {reason}")
    if training.world_size != (started := started_processes()):
        raise UserError(
            f"{started} processes were started, but each trains by itself (world size "
            f"{training.world_size}): give every process a GPU, or hide the GPUs with "
            "CUDA_VISIBLE_DEVICES= to train on CPUs"
        )
    for name in ("learning_rate", "weight_decay", "max_grad_norm", "warmup_steps"):
        if not 0 <= (value := getattr(training, name)) < math.inf:
            raise UserError(f"--{name} must be 0 or more, not {value}")
    if not training.output_dir:
        raise UserError("name the folder of the run with --out")
    for name in ("per_device_train_batch_size", "gradient_accumulation_steps"):
        if getattr(training, name) < 1:
            raise UserError(f"--{name} must be at least 1, not {getattr(training, name)}")
    if training.max_steps == 0 or (training.max_steps < 0 and training.num_train_epochs <= 0):
        raise UserError("nothing to train: --max_steps and --num_train_epochs are 0")
