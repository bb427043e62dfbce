"""Of a package with several functions, the one that the shapes of an input fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import ModelDescription

Shapes = dict[str, tuple[int, ...]]


def fixed_shapes(description: ModelDescription) -> dict[str, Shapes]:
    """The input shapes of every function of a model's description, by function and input."""
    return {
        function.name: {one.name: tuple(one.type.multiArrayType.shape) for one in function.input}
        for function in description.functions
    }


def fitting_function(functions: Mapping[str, Shapes], data: object) -> str | None:
    """The one function whose inputs have exactly the names and shapes of ``data``, or None."""
    if not functions or not isinstance(data, Mapping):
        return None
    shapes = {name: np.shape(value) for name, value in data.items()}
    fits = [name for name, wanted in functions.items() if wanted == shapes]
    return fits[0] if len(fits) == 1 else None
