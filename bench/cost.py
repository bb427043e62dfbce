"""The arithmetic behind a latency: FLOPs and bytes of each part of a model, the least time they
need on this machine, and what share of that each runtime reaches.

Example:

    python -m bench.cost distilbert --length 128
    python -m bench.cost distilbert --precision float16 --peak 2000 --bandwidth 50
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from bench import BenchError
from distill import DistillError
from distill.command import command
from export import ExportError

PRECISIONS = ("float32", "float16", "int8")
DEFAULT_RUNTIMES = {
    "float32": "torch,onnxruntime",
    "float16": "coreml",
    "int8": "onnxruntime-int8",
}


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m bench.cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("model", metavar="MODEL", help="preset, elmo or checkpoint directory")
    add("--length", type=int, default=128, help="tokens of the one sequence; default %(default)s")
    add("--precision", choices=PRECISIONS, default="float32", help="default %(default)s")
    add("--peak", type=float, metavar="GFLOPS", help="of another machine; default: measured here")
    add("--bandwidth", type=float, metavar="GB/S", help="of another machine; default: measured")
    add("--runtime", help="to time against it; default by precision; none where --peak is given")
    add("--seconds", type=float, default=4.0, help="of timing per runtime; default %(default)s")
    add("--threads", type=int, help="default: the cores of this machine")
    add("--json", action="store_true", help="print JSON")
    return result


@command(BenchError, ExportError, DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    _check(arguments)
    result = cost(arguments)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        from bench.report_cost import print_cost

        print_cost(result)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if (arguments.peak is None) != (arguments.bandwidth is None):
        raise BenchError("--peak and --bandwidth belong together")
    for name in ("peak", "bandwidth", "seconds"):
        value = getattr(arguments, name)
        if value is not None and not 0 < value < float("inf"):
            raise BenchError(f"--{name} must be above 0, not {value}")


def cost(arguments: argparse.Namespace) -> dict[str, Any]:
    """Parts, totals, roof and runtimes, as the JSON has them.

    Raises:
        BenchError: a length that the model does not take, or a file, which has no architecture.
    """
    from bench.arithmetic import Roof, elmo_parts, encoder_parts, totals
    from bench.machine import cores, describe, pinned
    from bench.models import ELMO, open_model
    from bench.roofline import measure_roof

    threads = cores() if arguments.threads is None else arguments.threads
    model, length, precision = open_model(arguments.model), arguments.length, arguments.precision
    if model.kind not in (ELMO, "checkpoint"):
        raise BenchError(f"{model.name}: a file has no architecture to count; name a checkpoint")
    if length < 2 or length > (model.longest or length):
        raise BenchError(f"length {length} is not between 2 and {model.longest} of {model.name}")
    parts = (
        elmo_parts(length)
        if model.checkpoint is None
        else encoder_parts(model.checkpoint.config, length)
    )
    elsewhere = arguments.peak is not None
    with pinned(threads):
        roof = (
            Roof(arguments.peak, arguments.peak, arguments.bandwidth)
            if elsewhere
            else measure_roof(precision, threads)
        )
    flops, weights, moved = totals(parts, precision)
    result = {
        "model": model.name,
        "random_weights": model.random_weights,
        "length": length,
        "precision": precision,
        "machine": None if elsewhere else describe(threads),
        "roof": {
            "product_gflops": roof.products,
            "other_gflops": roof.rest,
            "bandwidth_gb_s": roof.bandwidth,
        },
        "parts": [_part(part, roof, precision) for part in parts],
        "parameters": round(weights),
        "flops": flops,
        "bytes": moved,
        "roofline_ms": 1000 * sum(part.count * roof.seconds(part, precision) for part in parts),
    }
    result["runtimes"] = [] if elsewhere else _runtimes(arguments, model, threads, result)
    return result


def _part(part: Any, roof: Any, precision: str) -> dict[str, Any]:
    moved = part.bytes(precision)
    return {
        "part": part.name,
        "count": part.count,
        "weights": part.weights,
        "flops": part.flops,
        "bytes": moved,
        "flops_per_byte": part.flops / moved,
        "roofline_ms": 1000 * part.count * roof.seconds(part, precision),
    }


def _runtimes(
    arguments: argparse.Namespace, model: Any, threads: int, result: dict[str, Any]
) -> list[dict[str, Any]]:
    """Each runtime's median and the share of the roofline that it reaches."""
    from bench.measure import Plan, measure
    from bench.runtimes import parse_runtimes
    from bench.workloads import Source, load_workloads

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
    measured = measure(plan)
    result["left_out"] = measured["left_out"]
    return [
        {
            "runtime": row["runtime"],
            "median_ms": row["median_ms"],
            "share": result["roofline_ms"] / row["median_ms"],
        }
        for row in measured["rows"]
    ]


if __name__ == "__main__":
    sys.exit(main())
