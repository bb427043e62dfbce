"""Where a program says that its weights are.

coremltools reads the last part of such a name alone, in the folder of the weights or, without one,
in the current folder; a name that leads elsewhere would be read as another file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import SimulatorError

if TYPE_CHECKING:
    from coremltools.proto.MIL_pb2 import Block, Program

PLACE = re.compile(r"@model_path/weights/(?!\.{1,2}$)[^/\x00]+")


def check_weights(program: Program, folder: str, place: str) -> None:
    """
    Raises:
        SimulatorError: a name outside of the package's weights, or any where there is no folder.
    """
    functions = program.functions.values()
    blocks = (block for each in functions for block in each.block_specializations.values())
    for name in sorted({name for block in blocks for name in _names(block)}):
        if not folder:
            raise SimulatorError(
                f"{place}: its weights are in {name!r}; weights_dir names the folder of its weights"
            )
        if not PLACE.fullmatch(name):
            raise SimulatorError(f"{place}: a broken package (its weights {name!r} are outside)")


def _names(block: Block) -> Iterator[str]:
    for operation in block.operations:
        bound = (each for given in operation.inputs.values() for each in given.arguments)
        for value in (*operation.attributes.values(), *(each.value for each in bound)):
            if value.HasField("blobFileValue"):
                yield value.blobFileValue.fileName
        for inner in operation.blocks:
            yield from _names(inner)
