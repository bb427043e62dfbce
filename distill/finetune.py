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

import sys
from collections.abc import Sequence
from pathlib import Path

from distill.console.command_parser import show_result
from distill.console.errors import command
from distill.console.options import PLAIN_TRAINING, options_given, parse
from distill.console.tables import say
from distill.runs import score_report
from distill.runs.finetune_result import FinetuneResult, FinetuneSeries
from distill.runs.kept_step import KeptStep
from distill.runs.run_folder import where_the_model_is
from distill.training.finetune_settings import FinetuneArguments

NEXT = "export.coreml --model {} --out BUNDLE"
NEXT_ROUNDED = "export.coreml --model {{}} --quantize {} --out BUNDLE"
"""Of a model that was trained for the bits of a package."""


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, FinetuneArguments, __doc__, PLAIN_TRAINING)
    from distill.console.progress import quiet
    from distill.training.best_step import EvaluatedTraining
    from distill.training.finetuning_run import run

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
    bits = arguments.quantization_aware
    say(*where_the_model_is(output, NEXT_ROUNDED.format(bits) if bits else NEXT))


def _best_steps(result: FinetuneResult | FinetuneSeries) -> list[KeptStep]:
    """The step that each run kept, of those runs that were evaluated while training."""
    if isinstance(result, FinetuneResult):
        runs = [result]
    else:
        runs = [run for of_variant in result.runs.values() for run in of_variant]
    return [run.best for run in runs if run.best]


if __name__ == "__main__":
    sys.exit(main())
