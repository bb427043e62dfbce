"""The command ``coreml-simulator``. Within the kit it is ``python -m export.simulator``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .arguments import OneLineParser, add_json_options, add_limits, show_result, written
from .errors import SimulatorError
from .graph import PRECISIONS
from .memory_limit import limit_memory

DESCRIPTION = """Run a Core ML package on a CPU, look for what is known to go wrong with it, or
write it as an ONNX graph.

    coreml-simulator run model.mlpackage --inputs inputs.npz --precision float16
    coreml-simulator lint model.mlpackage
    coreml-simulator diagnose model.mlpackage --data inputs.npz
    coreml-simulator to-onnx model.mlpackage model.onnx
"""
USAGE_ERROR = 2
INTERRUPTED = 130
ROOMS = {
    "lint": "known hazards of a package",
    "diagnose": "the first operation that overflows, and those that lose most",
}
"""Commands in rooms of their own, where those are installed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; an error is one line and status 2, Ctrl-C 130."""
    given = list(sys.argv[1:] if argv is None else argv)
    limit_memory()
    try:
        if given and given[0] in _rooms():
            command: Callable[[list[str]], int] = importlib.import_module(
                f"{__package__}.{given[0]}.command"
            ).main
            return command(given[1:])
        arguments = _parser().parse_args(given)
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except (SimulatorError, OSError, MemoryError) as error:
        print("error:", _one_line(str(error) or "out of memory"), file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _one_line(text: str) -> str:
    """A text with the codes of the characters that a terminal would obey."""
    shown = (c if c.isprintable() else f"\\u{ord(c):04x}" for c in " ".join(text.split()))
    return "".join(shown)


def _rooms() -> dict[str, str]:
    """The commands of rooms that are here, each with a line on what it does."""
    return {
        name: line
        for name, line in ROOMS.items()
        if importlib.util.find_spec(f"{__package__}.{name}") is not None
    }


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser("coreml-simulator", DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run a package on inputs from a file")
    run.set_defaults(run=_run)
    run.add_argument(
        "--inputs", type=Path, required=True, metavar="FILE", help="arrays by name: .npz or .json"
    )
    add_json_options(run, "the outputs")
    run.add_argument("--out", type=Path, metavar="FILE", help="write the outputs as .npz")
    add_limits(run)
    onnx = commands.add_parser("to-onnx", help="write the graph that the simulator runs")
    onnx.set_defaults(run=_to_onnx)
    for command in (run, onnx):
        command.add_argument("package", type=Path, help="a .mlpackage, or a bundle folder")
    onnx.add_argument("out", type=Path, metavar="FILE", help="the .onnx file to write")
    for command in (run, onnx):
        command.add_argument(
            "--precision",
            choices=PRECISIONS,
            default=PRECISIONS[0],
            help="float16 rounds every intermediate, as a phone does (default: %(default)s)",
        )
        command.add_argument("--function", help="function to run (default: the package's own)")
        command.add_argument("--force", action="store_true", help="replace the file to write")
    for name, line in _rooms().items():
        commands.add_parser(name, help=line, add_help=False)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from .simulator import Simulator

    simulator = Simulator(
        arguments.package,
        arguments.precision,
        function=arguments.function,
        max_iterations=arguments.max_iterations,
        max_seconds=arguments.max_seconds,
    )
    results = simulator.predict(_inputs(arguments.inputs))
    if arguments.out is not None:
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in results.items()}
        with written(arguments.out, arguments.force) as path, path.open("wb") as file:
            np.savez(file, **arrays)
    plain = {name: _plain(value) for name, value in results.items()}
    lines = (f"{name}: {_shown(value)}" for name, value in results.items())
    show_result(arguments, plain, lines, indent=None)
    return 0


def _to_onnx(arguments: argparse.Namespace) -> int:
    import onnx

    from .simulator import Simulator

    with written(arguments.out, arguments.force) as path:
        simulator = Simulator(arguments.package, arguments.precision, function=arguments.function)
        model = simulator.onnx_model
        onnx.save(model, path)
    size = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out}: {len(model.graph.node)} nodes, {size:.1f} MB")
    return 0


def _inputs(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise SimulatorError(f"{path}: not a .npz or .json of arrays ({reason})") from None
    if not isinstance(values, dict):
        raise SimulatorError(f"{path}: not an object of arrays by name")
    return values


def _plain(value: object) -> Any:
    """A result as JSON has it; an infinity or NaN as text, which JSON lacks."""
    if isinstance(value, dict):
        return {str(key): number for key, number in value.items()}
    if isinstance(value, str | int):
        return value
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return _plain(np.asarray(value).tolist())


def _shown(value: object) -> str:
    if not isinstance(value, np.ndarray):
        return str(value)
    whole = np.array2string(value, threshold=8, edgeitems=2, precision=5)
    return f"{value.dtype} {value.shape} {' '.join(whole.split())}"


if __name__ == "__main__":
    sys.exit(main())
