"""Measure what the simulator of packages costs.

Its translation of a package, an inference in turns with the ONNX files of the same model, and its
memory.

Example:

    python -m bench.simulator bert
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command
from distill.console.tables import Pair, print_pairs

if TYPE_CHECKING:
    from bench.measuring.results import Machine

SIMULATOR = "coreml-sim"
DIRECT = ("onnxruntime-plain", "onnxruntime")
TRANSLATIONS = 3
LEAST_TURNS = 20
MB = 1e6


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("bench.simulator", __doc__)
    add = result.add_argument
    add("model", help="preset (random weights where it has none here) or checkpoint")
    add("--length", type=int, default=128, help="tokens of an input; default %(default)s")
    add(
        "--seconds",
        type=float,
        default=30.0,
        help="least seconds of inference; default %(default)s",
    )
    add("--threads", type=int, help="threads of a runtime; default: the cores of this machine")
    add_json_options(result, "the figures")
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    if not 0 < arguments.seconds < float("inf"):
        raise UserError(f"--seconds must be above 0, not {arguments.seconds}")
    from bench.measuring.machine import cores

    threads = cores() if arguments.threads is None else arguments.threads
    result = measure(arguments.model, arguments.length, arguments.seconds, threads)
    show_result(arguments, result, _print)
    return 0


@dataclass(frozen=True)
class SimulatorCost:
    """Seconds of a package's translation (and those of them that a processor worked) and of ONNX
    Runtime's start; milliseconds of an inference by runtime, and ``ratios`` of the simulator's
    time to each other one with their 95% interval; peak memory of a process that loads the package
    and runs it, beside the weights in float32."""

    machine: Machine
    model: str
    length: int
    turns: int
    translation_seconds: float
    translation_processor_seconds: float
    session_seconds: float
    milliseconds: dict[str, float]
    ratios: dict[str, tuple[float, float | None, float | None]]
    peak_mb: float | None
    weights_mb: float

    @property
    def memory_ratio(self) -> float | None:
        """Peak memory / the weights in float32; None where the memory is not known."""
        return self.peak_mb / self.weights_mb if self.peak_mb else None

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"memory_ratio": self.memory_ratio}


def measure(name: str, length: int, seconds: float, threads: int) -> SimulatorCost:
    """Export a model in three ways and run them in turns.

    Raises:
        UserError: a model without a checkpoint, or one that cannot be exported; a length that it
            does not take, or more threads than cores.
    """
    from bench.measuring.machine import describe, pinned
    from bench.measuring.memory import peak_memory
    from bench.measuring.timing import Clock, Contender, ratio
    from bench.runtimes.contenders import open_model
    from bench.runtimes.registry import load, prepare
    from bench.runtimes.workloads import Source, load_workloads

    model = open_model(name)
    if model.checkpoint is None or model.parameters is None:
        raise UserError(f"{name}: a checkpoint is needed, to export it in both ways")
    model.require_length(length)
    machine = describe(threads)
    runtimes = (SIMULATOR, *DIRECT)
    (workload,) = load_workloads(f"fixed:{length}", Source(vocabulary=model.vocabulary))
    with pinned(threads), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        prepared = {name: prepare(name, model, [length], Path(folder)) for name in runtimes}
        translation, processor, start = _translation(prepared[SIMULATOR].source, threads)
        memory = peak_memory(prepared[SIMULATOR], length, threads, model.vocabulary)
        loaded = [load(prepared[name], threads) for name in runtimes]
        clock = Clock([Contender(predict, workload.inputs) for predict in loaded])
        clock.warm_up()
        clock.run(seconds, LEAST_TURNS, lambda share: None)
        times = dict(zip(runtimes, clock.times(), strict=True))
    return SimulatorCost(
        machine=machine,
        model=model.name,
        length=length,
        turns=len(times[SIMULATOR].singles),
        translation_seconds=translation,
        translation_processor_seconds=processor,
        session_seconds=start,
        milliseconds={name: of.percentile(50) for name, of in times.items()},
        ratios={name: ratio(times[SIMULATOR].singles, times[name].singles) for name in DIRECT},
        peak_mb=memory,
        weights_mb=4 * model.parameters / MB,
    )


def _translation(bundle: str, threads: int) -> tuple[float, float, float]:
    """Median seconds of reading and translating a package, those of them that a processor worked,
    and seconds of ONNX Runtime's start."""
    from export.bundle.bundle_folder import open_bundle
    from export.simulator import Simulator

    package = open_bundle(bundle).package
    translations, worked, starts = [], [], []
    for _ in range(TRANSLATIONS):
        began, work = time.perf_counter(), time.process_time()
        simulator = Simulator(package, threads=threads)
        translations.append(time.perf_counter() - began)
        worked.append(time.process_time() - work)
        began = time.perf_counter()
        _ = simulator.session
        starts.append(time.perf_counter() - began)
    return tuple(map(statistics.median, (translations, worked, starts)))  # type: ignore[return-value]


def _print(result: SimulatorCost) -> None:
    title = f"{result.model}, {result.length} tokens, {result.turns} turns"
    print_pairs(title, _rows(result))


def _rows(result: SimulatorCost) -> Iterator[Pair]:
    yield (
        "translation",
        f"{result.translation_seconds:.2f} s, of which a processor worked "
        f"{result.translation_processor_seconds:.2f} s; kept in memory",
    )
    yield "start of ONNX Runtime", f"{result.session_seconds:.2f} s"
    for name, milliseconds in result.milliseconds.items():
        row = f"{milliseconds:.1f} ms"
        if name in result.ratios:
            value, low, high = result.ratios[name]
            row += f"; the simulator takes {value:.2f} of it ({low:.2f} to {high:.2f})"
        yield name, row
    if result.peak_mb:
        yield (
            "peak memory",
            f"{result.peak_mb:.0f} MB, {result.memory_ratio:.2f} of the float32 weights "
            f"({result.weights_mb:.0f} MB)",
        )


if __name__ == "__main__":
    sys.exit(main())
