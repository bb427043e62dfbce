"""Measure a distillation step beside a plain one.

Tokens per second, memory and share of the matrix peak, beside the same step written plainly with
`transformers`.

Example:

    python -m bench.training --seconds 60
    python -m bench.training --model base --length 512 --batch-size 32 --compile --json

Tokens are those that carry text: padding is work that both do, the plain step more of it. The two
take turns in one process, so that a busy machine slows them alike.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command
from distill.console.tables import one_line, print_table, wide_console

if TYPE_CHECKING:
    from bench.training_step.step_timing import StepTimes

TOKEN_PASSES = 13e9
"""Of the paper's training: 8 V100s for about 90 hours."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("bench.training", __doc__)
    add = result.add_argument
    add("--model", choices=("mini", "base"), default="mini", help="3 of 6x384, or 6 of 12x768")
    add(
        "--text",
        nargs="+",
        type=Path,
        help="text whose lengths the sequences have; default: books and sentences in the folder "
        "that DISTILKIT_DATA names, else --length 128",
    )
    add("--length", type=int, help="all sequences of this length instead: packed, no padding")
    add("--batch-size", type=int, default=16, help="sequences in a batch; default %(default)s")
    add("--seconds", type=float, default=60.0, help="seconds of timed steps; default %(default)s")
    add("--threads", type=int, help="threads of PyTorch; default: all cores")
    add("--seed", type=int, default=0, help="seed of weights, order and masks; default %(default)s")
    add(
        "--compile",
        action="store_true",
        help="torch.compile the kit's step, as distill.pretrain does with --torch_compile",
    )
    add(
        "--no-memory",
        action="store_true",
        help="do not measure memory, which takes two more processes",
    )
    add_json_options(result)
    add("--memory-of", choices=("kit", "plain"), help="print the peak memory of this step alone")
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.threads is not None and arguments.threads < 1:
        raise UserError(f"--threads must be at least 1, not {arguments.threads}")
    if not 0 < arguments.seconds < float("inf") or arguments.batch_size < 1:
        raise UserError("--seconds and --batch-size must be above 0")
    if arguments.length is not None and not 14 <= arguments.length <= 512:
        raise UserError(f"--length must be between 14 and 512, not {arguments.length}")
    from bench.training_step import step_timing

    lengths = step_timing.sequence_lengths(arguments.text, arguments.length)
    settings = step_timing.Settings(
        arguments.model,
        arguments.batch_size,
        arguments.seconds,
        arguments.threads,
        arguments.seed,
        arguments.compile,
    )
    if arguments.memory_of:
        print(step_timing.peak_bytes(settings, lengths, arguments.memory_of))
        return 0
    result = step_timing.measure(settings, lengths, TOKEN_PASSES)
    if not arguments.no_memory:
        given = list(argv) if argv is not None else sys.argv[1:]
        rows = (
            replace(row, memory_mb=step_timing.memory_in_its_own_process(given, row.step))
            for row in result.rows
        )
        result = replace(result, rows=tuple(rows))
    show_result(arguments, result, show)
    return 0


def show(result: StepTimes) -> None:
    """Print both steps as a table, their ratio, and the machine."""
    header = (
        "step",
        "tokens/s",
        "padding",
        "peak MB",
        "of matrix peak",
        "hours for 13 G tokens",
    )
    rows = [
        (
            row.step,
            f"{row.tokens_per_second:,.0f}",
            f"{row.padding:.1%}",
            f"{row.memory_mb:,.0f}" if row.memory_mb else "-",
            f"{row.share_of_peak:.1%}",
            f"{row.hours:,.0f}",
        )
        for row in result.rows
    ]
    title = (
        f"Distillation step, student {one_line(result.model)}\n"
        f"batch of {result.batch_size} sequences, {result.mean_length:.0f} tokens on average"
    )
    print_table(title, header, rows, [False, *[True] * (len(header) - 1)])
    console = wide_console()
    ratio = result.ratio
    console.print(
        f"kit / plain: {ratio.value:.2f} times the tokens/s ({ratio.low:.2f} to "
        f"{ratio.high:.2f}, 95%); matrix peak {result.peak_gflops:,.0f} GFLOP/s in "
        f"{result.precision}"
    )
    console.print(result.machine_line)


if __name__ == "__main__":
    sys.exit(main())
