"""Write the ONNX graph that the simulator runs, so that a Core ML package runs anywhere.

Example:

    python -m export.simulator minilm-embed-int8 --to-onnx minilm.onnx
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from distill.console.atomic import atomic_file
from distill.console.errors import UserError, command


@command
def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export.simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("package", type=Path, help="bundle directory, or a .mlpackage")
    parser.add_argument(
        "--to-onnx",
        type=Path,
        required=True,
        metavar="FILE",
        help="file to write; its inputs and outputs have the names of the package's",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "float16"),
        default="float32",
        help="float16: every intermediate rounded to it, as on a phone; default %(default)s",
    )
    parser.add_argument("--force", action="store_true", help="replace what is at --to-onnx")
    arguments = parser.parse_args(argv)
    out: Path = arguments.to_onnx
    if out.exists() and not arguments.force:
        raise UserError(f"{out} exists already; --force replaces it")
    import onnx

    from export.bundle.bundle_folder import open_bundle
    from export.simulator import Simulator

    package: Path = arguments.package
    if package.suffix != ".mlpackage":
        package = open_bundle(package).package
    model = Simulator(package, precision=arguments.precision).onnx_model
    with atomic_file(out) as staged:
        onnx.save(model, staged)
    print(f"{out}: {len(model.graph.node)} nodes, {out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
