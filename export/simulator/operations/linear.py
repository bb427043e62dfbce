"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.simulator.graph import carrier, mil_type, stored
from export.simulator.operations import operation


@operation("linear")
def linear(graph: Any, op: Any) -> str:
    """``x @ weight.T + bias``; a constant weight is transposed once, here."""
    constant = stored(op.weight)
    if constant is not None:
        weight = graph.constant(carrier(constant).T)
    else:
        weight = graph.node("Transpose", [graph.value(op.weight)], perm=[1, 0])
    product = graph.node("MatMul", [graph.value(op.x), weight])
    if op.bias is None:
        return product
    return graph.node("Add", [product, graph.value(op.bias)])


@operation("matmul")
def matmul(graph: Any, op: Any) -> str:
    x = _transposed(graph, op.x, op.transpose_x)
    y = _transposed(graph, op.y, op.transpose_y)
    if all(mil_type(var).startswith("float") for var in (op.x, op.y)):
        return graph.node("MatMul", [x, y])
    floats = any(mil_type(var).startswith("float") for var in (op.x, op.y))
    kind = "float32" if floats else "int64"
    product = graph.node("MatMul", [graph.cast(x, kind), graph.cast(y, kind)])
    if mil_type(op.outputs[0]).startswith("float"):
        return product if floats else graph.cast(product, "float32")
    return graph.cast(product, "int32")


def _transposed(graph: Any, var: Any, flag: Any) -> str:
    name = graph.value(var)
    if flag is None or not flag.val or var.rank < 2:
        return name
    axes = [*range(var.rank - 2), var.rank - 1, var.rank - 2]
    return graph.node("Transpose", [name], perm=axes)


@operation("einsum")
def einsum(graph: Any, op: Any) -> str:
    values = [graph.value(var) for var in op.values]
    return graph.node("Einsum", values, equation=str(np.asarray(op.equation.val)))
