"""Which values of a program can be watched, what they are, and which function takes an input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .graph import is_float
from .shapes import fits
from .simulator import Simulator
from .state import checked


def float_values(function: Any) -> list[str]:
    """Names of the float values that a MIL function computes, in their order; constants, lists and
    what branches and loops compute inside are left out."""
    from coremltools.converters.mil.mil import types

    return [
        var.name
        for op in function.operations
        if not op.op_type.startswith("const")
        for var in op.outputs
        if types.is_tensor(var.sym_type) and is_float(var)
    ]


def takes(simulator: Simulator, inputs: Mapping[str, np.ndarray]) -> bool:
    """Whether inputs have the names and shapes that a function takes."""
    return set(inputs) == set(simulator.inputs) and all(
        fits(array.shape, simulator.inputs[name].shape) for name, array in inputs.items()
    )


def values(simulator: Simulator, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs and watched values in the type that carries them: `Simulator.predict` gives those of
    half precision as halves, and so hides what float32 holds beyond them."""
    feeds = {f"input_{name}": array for name, array in simulator._inputs.checked(inputs).items()}
    states = checked(simulator.make_state(), simulator.states)
    results = simulator._run(feeds | {f"input_{name}": array for name, array in states.items()})
    return {out.name: results[f"output_{out.name}"] for out in simulator.outputs}
