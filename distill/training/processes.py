"""Let all processes that were started train together on any machine: `torchrun` on CPUs, too.

`transformers` runs every process of `torchrun` by itself where there is no GPU: each trains on the
same rows, and each writes the folder of the run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta

import torch
from torch import distributed
from transformers import TrainingArguments

from distill.console.errors import UserError
from distill.training.precision import choose_precision
from distill.training.settings import started_processes

CPU_BACKEND = "gloo"
# Set by `accelerate launch` without --multi_gpu where it was asked for more than one process.
OF_ONE_OF_SEVERAL = ("ACCELERATE_USE_CPU", "MASTER_ADDR")
OF_A_LAUNCHER = ("RANK", "MASTER_ADDR", "MASTER_PORT")


def use_cpus_together(training: TrainingArguments) -> None:
    """Let the processes of a launcher train together on CPUs where there is no GPU for them.

    Raises:
        UserError: several processes were asked for, and the launcher started one.
    """
    if "WORLD_SIZE" not in os.environ and all(name in os.environ for name in OF_ONE_OF_SEVERAL):
        raise UserError(
            "accelerate launch was asked for several processes and started one: add --multi_gpu, "
            "on CPUs too, or use torchrun"
        )
    if started_processes() > 1 and not torch.cuda.is_available():
        training.use_cpu = True
        training.ddp_backend = training.ddp_backend or CPU_BACKEND


def meet_on_cpus(training: TrainingArguments) -> None:
    """Wait for the other processes, for ``ddp_timeout`` seconds: `transformers` passes that option
    on for GPUs alone.

    Raises:
        UserError: there is no launcher, or the others do not come.
    """
    started = started_processes()
    if started == 1 or not training.use_cpu or distributed.is_initialized():
        return
    if missing := [name for name in OF_A_LAUNCHER if name not in os.environ]:
        raise UserError(
            f"{started} processes were started, as the environment says, but {missing[0]} is not "
            "set: start them with torchrun or accelerate launch, or unset WORLD_SIZE to train alone"
        )
    rank, seconds = os.environ["RANK"], training.ddp_timeout
    if not rank.isdecimal() or int(rank) >= started:
        raise UserError(f"RANK is {rank!r}, not one of 0 to {started - 1}, as WORLD_SIZE has it")
    try:
        distributed.init_process_group(training.ddp_backend, timeout=timedelta(seconds=seconds))
    except RuntimeError as error:
        raise UserError(
            f"the {started} processes did not meet within {seconds} seconds (--ddp_timeout): "
            f"{str(error).splitlines()[0]}"
        ) from None


@dataclass
class SharedTraining(TrainingArguments):
    """`TrainingArguments` of a run that the started processes share."""

    output_dir: str | None = field(  # "": to be named, where transformers has one of its own
        default="", metadata={"help": "folder of the run", "aliases": ["--out"]}
    )

    precision: str | None = field(
        default=None,
        metadata={
            "help": "precision of the arithmetic: float32, bf16, or auto (bf16 where a GPU has it)"
        },
    )

    def __post_init__(self) -> None:
        use_cpus_together(self)
        choose_precision(self, self.precision)
        meet_on_cpus(self)
        super().__post_init__()  # type: ignore[no-untyped-call]
