"""Let all processes that were started train together on any machine: `torchrun` on CPUs, too.

`transformers` runs every process of `torchrun` by itself where there is no GPU: each trains on the
same rows, and each writes the folder of the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import TrainingArguments

from distill.training.precision import choose_precision
from distill.training.settings import started_processes

CPU_BACKEND = "gloo"


def use_cpus_together(training: TrainingArguments) -> None:
    """Let the processes of a launcher train together on CPUs where there is no GPU for them."""
    if started_processes() > 1 and not torch.cuda.is_available():
        training.use_cpu = True
        training.ddp_backend = training.ddp_backend or CPU_BACKEND


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
        super().__post_init__()  # type: ignore[no-untyped-call]
