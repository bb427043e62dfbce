"""The graphs of a bundle's package for ONNX Runtime, so that Swift can run it on Linux.

    python ios_app/Tools/make_graphs.py BUNDLE --out FOLDER
    swift run -c release textmodels predict BUNDLE --graphs FOLDER --question ... --passage ...

FOLDER gets the graph that the simulator runs for each function of the package
(`coreml-simulator to-onnx` writes the same), and ONNX Runtime's C library from this Python
environment as libonnxruntime.so.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import onnxruntime

from distill.console.errors import UserError, command
from export.bundle.bundle_folder import open_bundle
from export.simulator.command_line import main as coreml_simulator

LIBRARY = "libonnxruntime.so"


def write_graphs(bundle: Path, out: Path) -> None:
    """Write the graph of each function of the bundle's package.

    Raises:
        UserError: no bundle there.
    """
    opened = open_bundle(bundle)
    out.mkdir(parents=True, exist_ok=True)
    for name in opened.functions.values() or [None]:
        graph = out / f"{name or opened.package.stem}.onnx"
        arguments = ["to-onnx", str(opened.package), str(graph), "--force"]
        if coreml_simulator([*arguments, *(["--function", name] if name else [])]):
            raise UserError(f"{opened.package}: no graph of function {name}")


def copy_library(out: Path) -> Path:
    """Copy ONNX Runtime's C library out of the Python package.

    Raises:
        UserError: the package has none.
    """
    folder = Path(onnxruntime.__file__).parent / "capi"
    libraries = sorted(folder.glob(f"{LIBRARY}.*"))
    if not libraries:
        raise UserError(f"{folder}: no {LIBRARY}")
    return Path(shutil.copyfile(libraries[-1], out / LIBRARY))


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the graphs and the library that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Graphs of a bundle for ONNX Runtime.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args(argv)
    write_graphs(arguments.bundle, arguments.out)
    print(copy_library(arguments.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
