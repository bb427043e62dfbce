"""Give an encoder the MLM head that it lacks.

The encoder is frozen first, and then free.

Example:

    python -m distill.adapt_mlm --model minilm --text corpus/*.txt.gz \\
        --out runs/minilm-mlm --frozen_steps 300 --max_steps 600

A head drawn at random would send noise through a trained encoder; so it learns alone until it can
read it. The decoder is tied to the word embeddings. The same command resumes a stopped run.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.command_parser import show_result
from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.runs.pretraining_result import AdaptationResult, show
from distill.runs.run_folder import claim_run, clear_run
from distill.training.settings import (
    REFERENCE_TRAINING,
    CorpusSettings,
    PretrainSettings,
    check_training,
)

if TYPE_CHECKING:
    from distill.training.pretraining_run import ReferenceTraining

FROZEN = "frozen"  # the folder of the first phase, in that of the run


@dataclass(kw_only=True)
class MlmSettings(CorpusSettings):
    """Which encoder learns from which text, and for how long its head learns alone."""

    model: str = field(metadata={"help": "checkpoint folder, hub id or preset"})
    frozen_steps: int = field(
        default=200, metadata={"help": "steps in which the head alone is trained; 0: none"}
    )
    frozen_learning_rate: float = field(
        default=2e-3, metadata={"help": "learning rate of these steps"}
    )
    held_out: float = field(
        default=0.01, metadata={"help": "share of the sequences kept for evaluation"}
    )

    def __post_init__(self) -> None:
        if self.frozen_steps < 0 or self.frozen_learning_rate <= 0:
            raise UserError("--frozen_steps must be 0 or more, its learning rate above 0")


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, MlmSettings, __doc__, REFERENCE_TRAINING)
    from distill.console.progress import quiet
    from distill.training.pretraining_run import ReferenceTraining

    settings, training = parse(words, MlmSettings, ReferenceTraining)
    with quiet():
        result = adapt(settings, training)
    if training.process_index == 0:
        folder = Path(training.output_dir)
        show_result(settings, result, lambda found: show(found.free, folder, found.frozen))
    return 0


def adapt(settings: MlmSettings, training: ReferenceTraining) -> AdaptationResult:
    """Train head and then encoder in ``training.output_dir``.

    Raises:
        UserError: as `distill.training.pretraining_run.pretrain`.
    """
    from distill.training.pretraining_run import identity, pretrain

    output = Path(training.output_dir or "")
    common = {option.name: getattr(settings, option.name) for option in fields(CorpusSettings)}
    common["corpus_dir"] = settings.corpus_dir or str(output / "corpus")
    check_training(training)
    start = str(output / FROZEN) if settings.frozen_steps else settings.model
    free = PretrainSettings(student=start, **common)
    record = identity(free, training)
    # Before the first phase writes into its folder.
    with training.main_process_first(local=False, desc="run"):
        if settings.force and training.process_index == 0:
            clear_run(output, record)
        claim_run(output, record)
    frozen = None
    if settings.frozen_steps:
        first = copy.copy(training)
        first.output_dir, first.max_steps = start, settings.frozen_steps
        first.learning_rate = settings.frozen_learning_rate
        alone = PretrainSettings(student=settings.model, freeze_encoder=True, **common)
        frozen = pretrain(alone, first).evaluation
    return AdaptationResult(pretrain(free, training), frozen)


if __name__ == "__main__":
    sys.exit(main())
