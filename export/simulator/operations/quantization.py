"""Quantizing and dequantizing activations, executed as stored (iOS17)."""

from __future__ import annotations

import numpy as np

from ..constants import stored
from ..errors import SimulatorError
from ..graph import Graph, carrier
from ..mil import Operation, Variable
from . import operation

_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15)}


def _along(graph: Graph, op: Operation, var: Variable) -> str:
    """A scalar, or a vector shaped to broadcast along the operation's axis."""
    constant = stored(var)
    if constant is None:
        raise SimulatorError(f"{var.name} is not a constant")
    values = carrier(constant).astype(np.float32)
    if values.ndim:
        shape = [1] * op.input.rank
        shape[int(op.axis.val) % op.input.rank] = -1
        values = values.reshape(shape)
    return graph.constant(values)


@operation("quantize")
def quantize(graph: Graph, op: Operation) -> str:
    """``clip(round(input / scale) + zero_point)``."""
    scaled = graph.node(
        "Round", [graph.node("Div", [graph.value(op.input), _along(graph, op, op.scale)])]
    )
    if op.zero_point is not None:
        scaled = graph.node("Add", [scaled, _along(graph, op, op.zero_point)])
    low, high = (graph.float32(bound) for bound in _RANGES[str(op.output_dtype.val)])
    return graph.cast(graph.node("Clip", [scaled, low, high]), "int32")


@operation("dequantize")
def dequantize(graph: Graph, op: Operation) -> str:
    """``(input - zero_point) * scale``."""
    value = graph.cast(graph.value(op.input), "float32")
    if op.zero_point is not None:
        value = graph.node("Sub", [value, _along(graph, op, op.zero_point)])
    return graph.node("Mul", [value, _along(graph, op, op.scale)])
