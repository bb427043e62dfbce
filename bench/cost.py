"""Compare a latency with the arithmetic behind it.

FLOPs and bytes of each part of a model, the least time they need on this machine, and what share
of that each runtime reaches.

Example:

    python -m bench.cost distilbert --length 128
    python -m bench.cost distilbert --precision float16 --peak 2000 --bandwidth 50
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command

if TYPE_CHECKING:
    from bench.measuring.results import Measurements
    from bench.roofline.cost import Cost
    from bench.runtimes.contenders import Model

PRECISIONS = ("float32", "float16", "int8")
DEFAULT_RUNTIMES = {
    "float32": "torch,onnxruntime",
    "float16": "coreml",
    "int8": "onnxruntime-int8",
}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("bench.cost", __doc__)
    add = result.add_argument
    add("model", metavar="MODEL", help="preset, elmo or checkpoint directory")
    add("--length", type=int, default=128, help="tokens of the sequence; default %(default)s")
    add("--precision", choices=PRECISIONS, default="float32", help="default %(default)s")
    add("--peak", type=float, metavar="GFLOPS", help="of another machine; default: measured here")
    add("--bandwidth", type=float, metavar="GB/S", help="of another machine; default: measured")
    add("--runtime", help="to time against it; default by precision; none where --peak is given")
    add(
        "--seconds",
        type=float,
        default=4.0,
        help="seconds of timing per runtime; default %(default)s",
    )
    add("--threads", type=int, help="threads of a runtime; default: the cores of this machine")
    add_json_options(result)
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    _check(arguments)
    from bench.roofline.cost_table import print_cost

    result = cost(arguments)
    show_result(arguments, result, print_cost)
    if result.interrupted:
        raise KeyboardInterrupt
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if (arguments.peak is None) != (arguments.bandwidth is None):
        raise UserError("--peak and --bandwidth belong together")
    for name in ("peak", "bandwidth", "seconds"):
        value = getattr(arguments, name)
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"--{name} must be above 0, not {value}")


def cost(arguments: argparse.Namespace) -> Cost:
    """The cost of a model's parts under the roof of this machine or of a given one.

    Raises:
        UserError: a length that the model does not take, or a file, which has no architecture.
    """
    from bench.measuring.machine import cores, describe, pinned
    from bench.roofline.cost import Cost, part_costs, runtime_shares, whole_cost
    from bench.roofline.peaks import measure_roof
    from bench.runtimes.arithmetic import Roof, elmo_parts, encoder_parts
    from bench.runtimes.contenders import ELMO, open_model

    threads = cores() if arguments.threads is None else arguments.threads
    model, length, precision = open_model(arguments.model), arguments.length, arguments.precision
    if model.kind not in (ELMO, "checkpoint"):
        raise UserError(f"{model.name}: a file has no architecture to count; name a checkpoint")
    model.require_length(length)
    parts = (
        elmo_parts(length)
        if model.checkpoint is None
        else encoder_parts(model.checkpoint.config, length)
    )
    elsewhere = arguments.peak is not None
    machine = None if elsewhere else describe(threads)
    with pinned(threads):
        roof = (
            Roof(arguments.peak, arguments.peak, arguments.bandwidth)
            if elsewhere
            else measure_roof(precision, threads)
        )
    costs = part_costs(parts, roof, precision)
    whole = whole_cost(parts, costs, precision)
    measured = None if elsewhere else _measure(arguments, model, threads)
    return Cost(
        model=model.name,
        random_weights=model.random_weights,
        length=length,
        precision=precision,
        machine=machine,
        roof=roof,
        parts=costs,
        whole=whole,
        runtimes=runtime_shares(measured, whole.roofline_ms),
        left_out=measured.left_out if measured else (),
        interrupted=measured.interrupted if measured else False,
    )


def _measure(arguments: argparse.Namespace, model: Model, threads: int) -> Measurements:
    from bench.measuring.turns import Plan, measure
    from bench.runtimes.registry import parse_runtimes
    from bench.runtimes.workloads import Source, load_workloads

    named = arguments.runtime or DEFAULT_RUNTIMES[arguments.precision]
    plan = Plan(
        models=(model,),
        runtimes=tuple(parse_runtimes(named)),
        workloads=tuple(
            load_workloads(f"fixed:{arguments.length}", Source(vocabulary=model.vocabulary))
        ),
        seconds=arguments.seconds,
        threads=threads,
        memory=False,
        together=True,
    )
    return measure(plan)


if __name__ == "__main__":
    sys.exit(main())
