"""Compare models: the same inputs in turns, neural inference alone, tokenization excluded.

Example:

    python -m bench.compare bert distilbert
    python -m bench.compare bert distilbert --workload stsb --runtime onnxruntime,coreml-sim
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import BenchError
from distill import DistillError
from distill.command import command
from export import ExportError

DEFAULT_RUNTIMES = "torch,onnxruntime,onnxruntime-int8"
DEFAULT_WORKLOAD = "fixed:128"
DEFAULT_SECONDS = 20.0


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("models", nargs="+", help="preset, elmo, checkpoint, .onnx or .mlpackage; baseline first")
    add("--runtime", default=DEFAULT_RUNTIMES, help="comma-separated; default %(default)s")
    add("--workload", default=DEFAULT_WORKLOAD, help="fixed:LEN[,LEN], stsb, squad, squad:LEN")
    add("--limit", type=int, help="so many inputs of real text, evenly spaced; default 100, 0: all")
    add("--seconds", type=float, default=DEFAULT_SECONDS, help="per runtime and workload")
    add("--threads", type=int, help="default: the cores of this machine")
    add("--data", type=Path, help="folder with glue/ and squad/")
    add("--memory", action="store_true", help="peak memory too, each model in its own process")
    add("--device", type=Path, metavar="JSON", help="results that the app measured on a phone")
    add("--published", action="store_true", help="show published figures with their source")
    add("--json", type=Path, metavar="FILE", help="write machine, rows and ratios")
    add("--plot", type=Path, metavar="PNG", help="write size against latency")
    add("--html", type=Path, metavar="FILE", help="write one page with the tables and the plot")
    return result


@command(BenchError, ExportError, DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.seconds <= 0:
        raise BenchError(f"--seconds must be above 0, not {arguments.seconds}")
    if arguments.limit is not None and arguments.limit < 0:
        raise BenchError(f"--limit must not be negative, but is {arguments.limit}")
    from bench import report
    from bench.device import read_device_results

    device = read_device_results(arguments.device) if arguments.device else []
    result = measure(arguments)
    result["device"] = report.device_rows(device)
    result["ratios"] += report.device_ratios(device)
    report.print_tables(result, arguments.published)
    for path, write in (
        (arguments.json, report.write_json),
        (arguments.plot, report.write_plot),
        (arguments.html, report.write_html),
    ):
        if path:
            write(result, path)
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time every model in every runtime on every workload; Ctrl-C keeps what is complete."""
    from bench.machine import cores, describe
    from bench.runtimes import RUNTIMES, open_model
    from bench.workloads import load_workloads

    threads = arguments.threads or cores()
    runtimes = arguments.runtime.split(",")
    for runtime in runtimes:
        if runtime not in RUNTIMES:
            raise BenchError(f"unknown runtime {runtime!r}; choose from {', '.join(RUNTIMES)}")
    limit = 100 if arguments.limit is None else arguments.limit or None
    workloads = load_workloads(arguments.workload, limit, arguments.data)
    models = [open_model(name) for name in arguments.models]
    result: dict[str, Any] = {
        "machine": describe(threads),
        "rows": [],
        "ratios": [],
        "left_out": [],
    }
    try:
        for runtime in runtimes:
            _measure_runtime(result, runtime, models, workloads, arguments, threads)
    except KeyboardInterrupt:
        print("interrupted; what is complete follows", file=sys.stderr)
    return result


def _measure_runtime(
    result: dict[str, Any],
    runtime: str,
    models: list[Any],
    workloads: list[Any],
    arguments: argparse.Namespace,
    threads: int,
) -> None:
    from bench.runtimes import Unavailable, load_runtime
    from bench.timing import Clock, ratio

    lengths = {i["input_ids"].shape[1] for workload in workloads for i in workload.inputs}
    contenders = {}
    for model in models:
        try:
            contenders[model.name] = load_runtime(runtime, model, lengths, threads)
        except Unavailable as reason:
            result["left_out"].append(f"{model.name} in {runtime}: {reason}")
    if not contenders:
        return
    for workload in workloads:
        clock = Clock(contenders, workload.inputs)
        _run(clock, f"{runtime} {workload.name}", arguments.seconds)
        times = clock.times()
        for model in models:
            if model.name in times:
                row = _row(model, runtime, workload, times[model.name])
                if arguments.memory:
                    row["memory_mb"] = _memory(runtime, model, workload, threads)
                result["rows"].append(row)
        baseline = models[0].name
        for name in times:
            if baseline in times and name != baseline:
                value, low, high = ratio(times[baseline], times[name])
                result["ratios"].append(
                    {
                        "baseline": baseline,
                        "model": name,
                        "runtime": runtime,
                        "workload": workload.name,
                        "ratio": value,
                        "low": low,
                        "high": high,
                    }
                )


def _run(clock: Any, title: str, seconds: float) -> None:
    """Rounds until the time is used, at least one."""
    from tqdm import tqdm

    with tqdm(total=round(seconds), desc=title, unit="s", leave=False) as progress:
        clock.warm_up()
        began = time.monotonic()
        while True:
            clock.round()
            used = time.monotonic() - began
            progress.update(min(round(used), progress.total) - progress.n)
            if used >= seconds:
                return


def _row(model: Any, runtime: str, workload: Any, times: Any) -> dict[str, Any]:
    return {
        "model": model.name,
        "random_weights": model.random_weights,
        "parameters": model.parameters,
        "runtime": runtime,
        "workload": workload.name,
        "inferences": len(times.singles),
        "median_ms": times.percentile(50),
        "p90_ms": times.percentile(90),
        "p99_ms": times.percentile(99),
        "pass_s": sorted(times.rounds)[len(times.rounds) // 2],
        "tokenization_ms": 1000 * workload.tokenization / len(workload.inputs),
    }


def _memory(runtime: str, model: Any, workload: Any, threads: int) -> float | None:
    from bench.memory import peak_memory

    longest = max(inputs["input_ids"].shape[1] for inputs in workload.inputs)
    return peak_memory(runtime, str(model.path or model.name), longest, threads)


if __name__ == "__main__":
    sys.exit(main())
