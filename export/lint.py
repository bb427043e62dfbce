"""Find known problems of a Core ML package.

Any .mlpackage is checked for what is known to go wrong on phones, without a Mac.

Status 1 where a rule of weight "error" fires.

Example:

    python -m export.lint qa-mini-qa-none
    python -m export.lint model.mlpackage --data inputs.npz --json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.errors import command
from distill.console.help_text import HelpText

if TYPE_CHECKING:
    from export.simulator.lint import Finding

DATA = (
    "text, one input a line, a tab within a pair, or what export.verify takes, for a bundle; an "
    ".npz file of arrays by input name for any package"
)


@command
def main(argv: Sequence[str] | None = None) -> int:
    from export.simulator.lint.command import parser, run
    from export.simulator.memory_limit import limit_memory

    options = parser("python -m export.lint", __doc__, DATA)
    options.formatter_class = HelpText
    options.add_argument("--limit", type=int, default=8, help="inputs of --data at most")
    options.add_argument("--html", type=Path, metavar="FILE", help="write a page of what is found")
    arguments = options.parse_args(argv)
    limit_memory()
    inputs = []
    if arguments.data and arguments.package:
        from export.bundle.package_inputs import read_inputs

        inputs = read_inputs(arguments.package, arguments.data, arguments.limit)
    return run(arguments, inputs, lambda found: _keep(arguments, found))


def _keep(arguments: argparse.Namespace, findings: Sequence[Finding]) -> None:
    if arguments.html:
        from export.proof.html_report import write_lint

        write_lint(arguments.html, arguments.package, findings)


if __name__ == "__main__":
    sys.exit(main())
