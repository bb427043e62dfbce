"""Find what half precision does to a package.

Which operation overflows first, and which lose most.

The package runs in float16 beside float32 in the simulator, and every value is compared. Status 1
where an operation overflows.

Example:

    python -m export.diagnose minilm-embed-none
    python -m export.diagnose model.mlpackage --data inputs.npz --json
    python -m export.diagnose minilm-embed-none --plot losses.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from distill.console.errors import command
from distill.console.help_text import HelpText

DATA = (
    "text, one input a line, a tab within a pair, or what export.verify takes, for a bundle "
    "(default: built-in texts); an .npz file of arrays by input name for any package"
)


@command
def main(argv: Sequence[str] | None = None) -> int:
    from export.simulator.diagnose.command import parser, run
    from export.simulator.memory_limit import limit_memory
    from export.simulator.program import check_format

    options = parser("python -m export.diagnose", __doc__, DATA)
    options.formatter_class = HelpText
    options.add_argument("--limit", type=int, default=8, help="inputs at most")
    arguments = options.parse_args(argv)
    limit_memory()
    check_format(arguments.package)
    from export.bundle.package_inputs import read_inputs

    inputs = read_inputs(arguments.package, arguments.data, arguments.limit)
    return run(arguments, inputs)


if __name__ == "__main__":
    sys.exit(main())
