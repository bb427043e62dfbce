"""Distil a student on text, with the triple loss.

As DistilBERT learns from BERT (arXiv 1910.01108).

Example:

    python -m distill.pretrain --teacher runs/minilm-mlm --layers 3 --text corpus/*.txt.gz \\
        --out runs/start --max_steps 500

The same from a file: python -m distill.pretrain run.yaml (or .json). A run that was stopped goes
on from its last complete checkpoint when the same command is started again. A teacher without MLM
head gets one by python -m distill.adapt_mlm. Many GPUs:

    torchrun --nproc_per_node 8 -m distill.pretrain run.yaml
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from distill.console.command_parser import show_result
from distill.console.errors import command
from distill.console.options import options_given, parse
from distill.runs.pretraining_result import show
from distill.training.settings import REFERENCE_TRAINING, PretrainSettings


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, PretrainSettings, __doc__, REFERENCE_TRAINING)
    from distill.console.progress import quiet
    from distill.training.pretraining_run import ReferenceTraining, pretrain

    settings, training = parse(words, PretrainSettings, ReferenceTraining)
    with quiet():
        result = pretrain(settings, training)
    if training.process_index == 0:
        show_result(settings, result, lambda found: show(found, Path(training.output_dir)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
