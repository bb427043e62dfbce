"""Find known hazards of a Core ML package.

Status 1 where a rule of weight "error" fires.
"""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import OneLineParser, add_json_options, show_result
from ..command_line import _inputs
from ..errors import SimulatorError
from .linting import lint
from .numbers import GREATEST
from .rule import Finding
from .rules import RULES

if TYPE_CHECKING:
    import numpy as np

Headroom = tuple[float, str, str]
"""How often the greatest half holds the peak of a value, its name, and that of its function."""
FIRED = 1
INDENT = " " * 4
SHOWN = 3
"""Places of a finding that are printed; --json has all."""


def parser(prog: str, description: str | None, data: str) -> argparse.ArgumentParser:
    """The options; ``data`` says what --data may be."""
    result = OneLineParser(prog, description)
    add = result.add_argument
    add("package", type=Path, nargs="?", help="a .mlpackage or a bundle directory")
    add(
        "--data",
        type=Path,
        metavar="FILE",
        help=f"real inputs, to see how near values come to 65,504: {data}",
    )
    add("--rules", action="store_true", help="list the rules and what they rest on")
    add_json_options(result, "what is found")
    return result


def main(argv: Sequence[str]) -> int:
    arguments = parser("coreml-simulator lint", __doc__, ".npz or .json of arrays").parse_args(argv)
    return run(arguments, [_inputs(arguments.data)] if arguments.data else [])


def run(
    arguments: argparse.Namespace,
    inputs: Iterable[Mapping[str, np.ndarray]],
    keep: Callable[[Sequence[Finding]], None] = lambda found: None,
) -> int:
    """Print what is found, and give it to ``keep``.

    Raises:
        SimulatorError: no package is named, or it cannot be read.
    """
    if arguments.rules:
        for rule in RULES:
            print("\n".join(wrapped(f"{rule.number:2} {rule.weight:7} {rule.sentence}", "")))
            print("\n".join(wrapped(rule.report)))
        return 0
    if arguments.package is None:
        raise SimulatorError("name a .mlpackage or a bundle directory, or --rules")
    headrooms: list[Headroom] = []
    findings = lint(
        arguments.package, inputs, lambda function, peaks: headrooms.extend(_of(function, peaks))
    )
    lines = [
        *described(findings),
        *least_headrooms(headrooms),
        *wrapped(verdict(arguments.package, findings), ""),
    ]
    show_result(arguments, [finding.as_json() for finding in findings], lines)
    keep(findings)
    return FIRED if any(finding.weight == "error" for finding in findings) else 0


def verdict(package: Path, findings: Sequence[Finding]) -> str:
    """How many rules fired, in a sentence."""
    weights = {finding.number: finding.weight for finding in findings}
    if not weights:
        return f"{package}: nothing found"
    errors = sum(weight == "error" for weight in weights.values())
    return f"{package}: known hazards; errors: {errors}, cautions: {len(weights) - errors}"


def described(findings: Sequence[Finding]) -> list[str]:
    """Lines for a terminal: each rule once, with its first places and the functions it fires in."""
    lines = []
    for number in dict.fromkeys(finding.number for finding in findings):
        same = [finding for finding in findings if finding.number == number]
        first, places = same[0], same[0].places
        more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
        functions = ", ".join(finding.function for finding in same)
        lines += wrapped(f"{first.weight} {number}: {first.sentence}", "")
        lines += wrapped(f"where: {', '.join(places[:SHOWN])}{more} (in {functions})")
        lines += wrapped(f"remedy: {first.remedy}")
        lines += wrapped(f"report: {first.report}")
    return lines


def _of(function: str, peaks: Mapping[str, float]) -> Iterator[Headroom]:
    return ((GREATEST / peak, name, function) for name, peak in peaks.items() if peak)


def least_headrooms(headrooms: Iterable[Headroom]) -> list[str]:
    """Lines with the values that came nearest to the greatest half; none without inputs."""
    least = sorted(headrooms)[:SHOWN]
    shown = (f"{ratio:.3g} of {name} (in {function})" for ratio, name, function in least)
    return wrapped(f"least headroom, 65,504 over the peak: {', '.join(shown)}", "") if least else []


def wrapped(text: str, indent: str = INDENT) -> list[str]:
    """Lines no wider than the terminal; a name that is wider than that stays whole."""
    width = shutil.get_terminal_size().columns
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
