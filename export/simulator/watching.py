"""Which values of a program can be watched, and which function takes an input."""

from __future__ import annotations

from collections.abc import Mapping

from .graph import is_float
from .inputs import numbers
from .mil import Function
from .shapes import fits
from .simulator import Simulator


def float_values(function: Function) -> list[str]:
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


def takes(simulator: Simulator, inputs: Mapping[str, object]) -> bool:
    """Whether inputs have the names and shapes that a function takes.

    Raises:
        SimulatorError: an input that is no array of numbers.
    """
    return set(inputs) == set(simulator.inputs) and all(
        fits(shape, simulator.inputs[name].shape) for name, shape in shapes_of(inputs).items()
    )


def shapes_of(inputs: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """The shapes of arrays, or of nested lists as JSON has them.

    Raises:
        SimulatorError: an input that is no array of numbers.
    """
    return {name: numbers(value, name).shape for name, value in inputs.items()}
