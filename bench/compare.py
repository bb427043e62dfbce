"""Compare the latency of models and runtimes.

They are given the same inputs in turns; neural inference alone is timed, without tokenization.

The first model is the baseline. A preset whose weights are not on this machine runs with random
ones: latency and size do not depend on the values.

Example:

    python -m bench.compare bert distilbert
    python -m bench.compare bert distilbert --runtime onnxruntime --workload stsb
    python -m bench.compare distilbert --peers --workload fixed:32,128,384
    python -m bench.compare qa-int8 qa-lut4 --quality dev-v1.1.json.gz --limit 300 --plot trade.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.runtimes.registry import DEFAULTS, KIT, PEERS, RUNTIMES, default_runtimes, parse_runtimes
from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command
from distill.console.pictures import write_png

if TYPE_CHECKING:
    from bench.measuring.quality import Quality
    from bench.measuring.turns import Plan
    from bench.reporting.comparison import Comparison

DEFAULT_WORKLOAD = "fixed:128"
DEFAULT_SECONDS = 12.0


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("bench.compare", __doc__, _runtimes())
    add = result.add_argument
    add("models", nargs="+", metavar="MODEL", help="preset, elmo, checkpoint, .onnx, .mlpackage")
    add(
        "--runtime",
        help="those below, separated by commas; default: what takes the models ("
        + "; ".join(f"{kind}: {','.join(names)}" for kind, names in DEFAULTS.items())
        + ")",
    )
    add(
        "--workload",
        action="append",
        help="fixed:LEN[,LEN], stsb, squad, squad:LEN[,LEN]; may be repeated; "
        f"default {DEFAULT_WORKLOAD}",
    )
    add(
        "--limit",
        type=int,
        help="inputs of real text, evenly spaced; default all, squad 100; and as many "
        "examples of --quality",
    )
    add(
        "--seconds",
        type=float,
        default=DEFAULT_SECONDS,
        help="least seconds of measuring, per runtime and workload",
    )
    add("--threads", type=int, help="threads of a runtime; default: the cores of this machine")
    add("--data", type=Path, help="folder with glue/STS-B and squad/")
    add("--peers", action="store_true", help="compare the kit's ONNX files with all other runtimes")
    add("--padding", action="store_true", help="also pad every input to the longest")
    add("--no-memory", action="store_true", help="leave out peak memory (a process per model)")
    add("--device", type=Path, metavar="JSON", help="results that the app measured on a phone")
    add("--published", action="store_true", help="show published figures with their source")
    add_json_options(result, "machine, rows and ratios")
    add(
        "--quality",
        type=Path,
        metavar="DATA",
        help="of bundles: their quality on examples of their task, as export.verify --data takes "
        "them, with intervals; --plot and --html set it against size and latency",
    )
    add("--plot", type=Path, metavar="PNG", help="write size against latency, or both and quality")
    add("--html", type=Path, metavar="FILE", help="write one page with the tables and the plot")
    return result


def _runtimes() -> str:
    lines = (f"  {name:24}{runtime.description}" for name, runtime in RUNTIMES.items())
    return "\n".join(["runtimes:", *lines])


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    _check(arguments)
    from bench.measuring.turns import measure
    from bench.reporting import tables as report
    from bench.reporting.comparison import Comparison
    from bench.reporting.device_results import read_device_results
    from export.simulator.memory_limit import limit_memory

    limit_memory()

    device = read_device_results(arguments.device) if arguments.device else []
    planned = plan(arguments)
    quality: tuple[Quality, ...] = ()
    if arguments.quality:
        from bench.measuring.quality import measure_quality

        quality = measure_quality(planned.models, arguments.quality, arguments.limit)
    result = Comparison(measure(planned), tuple(device), quality)
    measured = result.measured
    show_result(arguments, result, lambda found: report.print_tables(found, arguments.published))
    _write(arguments, result)
    if measured.error:
        raise UserError(measured.error)
    if measured.interrupted:
        raise KeyboardInterrupt
    if not measured.rows:
        raise UserError(f"nothing was measured: {'; '.join(measured.left_out)}")
    return 0


def plan(arguments: argparse.Namespace) -> Plan:
    """Open what was named.

    Raises:
        UserError: a model, runtime or workload that is not known, or nothing to pad.
    """
    from bench.measuring.machine import cores
    from bench.measuring.turns import Plan
    from bench.runtimes.contenders import open_models
    from bench.runtimes.workloads import Source, load_workloads
    from export.tasks.model_inputs import LENGTHS

    named = arguments.runtime or (",".join(KIT + PEERS) if arguments.peers else None)
    runtimes = parse_runtimes(named) if named else None
    models = open_models(arguments.models)
    if runtimes is None:
        runtimes = default_runtimes(model.kind for model in models)
    checkpoints = [model.checkpoint for model in models if model.checkpoint is not None]
    # its tokens are in the vocabulary of every model
    checkpoint = min(checkpoints, key=lambda found: found.config.vocabulary, default=None)
    bundle = next((m.bundle for m in models if m.bundle is not None), None)
    source = Source(
        data=arguments.data,
        tokenizer=checkpoint.tokenizer_directory if checkpoint else None,
        limit=arguments.limit,
        vocabulary=min(model.vocabulary for model in models),
        buckets=tuple(bundle.lengths) if bundle else LENGTHS,
    )
    wanted = arguments.workload or [DEFAULT_WORKLOAD]
    workloads = tuple(one for text in wanted for one in load_workloads(text, source))
    if arguments.data is not None and all(each.tokenization is None for each in workloads):
        raise UserError("--data is for --workload stsb or squad: no other workload reads text")
    if arguments.padding and all(len(workload.lengths) == 1 for workload in workloads):
        raise UserError(
            "--padding needs inputs of several lengths: --workload stsb or squad, with a --limit "
            "that does not leave inputs of one length alone"
        )
    return Plan(
        models=tuple(models),
        runtimes=tuple(runtimes),
        workloads=workloads,
        seconds=arguments.seconds,
        threads=cores() if arguments.threads is None else arguments.threads,
        memory=not arguments.no_memory,
        together=arguments.peers,
        padding=arguments.padding,
        chosen=named is not None,
    )


def _check(arguments: argparse.Namespace) -> None:
    if not 0 < arguments.seconds < float("inf"):
        raise UserError(f"--seconds must be above 0, not {arguments.seconds}")
    if arguments.quality and arguments.limit is not None and arguments.limit < 1:
        raise UserError(f"--limit must be at least 1 with --quality, not {arguments.limit}")
    if arguments.limit is not None and arguments.limit < 0:
        raise UserError(f"--limit must not be negative, but is {arguments.limit}")


def _write(arguments: argparse.Namespace, result: Comparison) -> None:
    if arguments.plot:
        from bench.reporting.plot import plot_png
        from bench.reporting.trade_plot import trade_png

        draw = trade_png if result.quality else plot_png
        write_png(draw(result), arguments.plot)
    if arguments.html:
        from bench.reporting.html_page import write_html

        write_html(result, arguments.html, arguments.published)


if __name__ == "__main__":
    sys.exit(main())
