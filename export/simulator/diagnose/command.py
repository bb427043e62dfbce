"""Find what half precision does to a Core ML package.

The package runs in float16 beside float32, and every value is compared. Status
1 where an operation overflows.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import OneLineParser, add_json_options, add_limits, show_result
from ..command_line import _inputs
from ..errors import SimulatorError
from .diagnosing import Diagnosis, Loss, diagnose

if TYPE_CHECKING:
    import numpy as np

OVERFLOWS = 1
WIDTH, NAME_WIDTH, PART_WIDTH = 80, 28, 24


def parser(prog: str, description: str | None, data: str) -> argparse.ArgumentParser:
    """The options; ``data`` says what --data may be."""
    result = OneLineParser(prog, description)
    add = result.add_argument
    add("package", type=Path, help="a .mlpackage or a bundle directory")
    add("--data", type=Path, metavar="FILE", help=data)
    add("--function", help="of the package; default: the one it names, or one that takes the input")
    add("--top", type=int, default=15, help="number of operations to print; default %(default)s")
    add("--plot", type=Path, metavar="PNG", help="draw these operations (needs matplotlib)")
    add_limits(result)
    add_json_options(result, "all operations")
    return result


def main(argv: Sequence[str]) -> int:
    arguments = parser("coreml-simulator diagnose", __doc__, ".npz or .json of arrays").parse_args(
        argv
    )
    if arguments.data is None:
        raise SimulatorError("--data names the inputs: .npz or .json of arrays")
    return run(arguments, [_inputs(arguments.data)])


def run(arguments: argparse.Namespace, inputs: Sequence[Mapping[str, np.ndarray]]) -> int:
    """Print the diagnosis.

    Raises:
        SimulatorError: as `diagnose`, or ``--top`` is below 1.
    """
    if arguments.top < 1:
        raise SimulatorError(f"--top must be at least 1, not {arguments.top}")
    diagnosis = diagnose(
        arguments.package,
        inputs,
        arguments.function,
        max_iterations=arguments.max_iterations,
        max_seconds=arguments.max_seconds,
    )
    if arguments.plot:
        from .picture import write_picture

        write_picture(diagnosis, arguments.plot, arguments.top)
    show_result(arguments, diagnosis.as_json(), described(diagnosis, len(inputs), arguments.top))
    return OVERFLOWS if diagnosis.first else 0


def described(diagnosis: Diagnosis, given: int, top: int) -> list[str]:
    """Lines for a terminal of 80 columns."""
    first = diagnosis.first
    verdict = (
        "no operation overflows in half precision"
        if first is None
        else f"first overflow: {first.kind} {first.operation} ({first.part}): {first.not_finite} "
        f"values are not finite, the greatest in float32 is {first.peak:.4g}"
    )
    in_single = diagnosis.not_finite_in_single
    too = [f"{in_single} is not finite in float32 either"] if in_single else []
    nested = ", ".join(diagnosis.not_watched)
    inside = _wrapped(f"not watched: what is computed inside of {nested}") if nested else []
    heads = ("operation", "part", "PSNR dB", "peak", "lost")
    return [
        f"function {diagnosis.function}, {diagnosis.inputs} of {given} inputs",
        *_wrapped(verdict),
        *too,
        *inside,
        "",
        _row(*heads),
        *(_row(*_cells(loss)) for loss in diagnosis.losses[:top]),
        "",
        "ranked by the noise that an operation adds to that of its inputs",
        "peak: the largest value in float32; lost: how many values are not finite",
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _cells(loss: Loss) -> tuple[str, ...]:
    psnr = "-" if loss.psnr is None else f"{loss.psnr:.1f}"
    return loss.operation, loss.part, psnr, f"{loss.peak:.4g}", str(loss.not_finite or "-")


def _row(operation: str, part: str, psnr: str, peak: str, lost: str) -> str:
    left = f"{_cut(operation, NAME_WIDTH):{NAME_WIDTH}} {_cut(part, PART_WIDTH):{PART_WIDTH}}"
    return f"{left} {psnr:>7} {peak:>9} {lost:>7}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
