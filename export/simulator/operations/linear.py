"""Matrix products."""

from __future__ import annotations

import numpy as np

from ..constants import stored
from ..graph import Graph, carrier, is_float
from ..mil import Operation, Variable
from . import operation


@operation("linear")
def linear(graph: Graph, op: Operation) -> str:
    """``x @ weight.T + bias``; a constant weight is transposed once, here. From iOS17 on integers
    and floats may meet; then the product is one of floats."""
    floats = any(is_float(var) for var in (op.x, op.weight))
    constant = stored(op.weight)
    if constant is not None:
        transposed = carrier(constant).T
        weight = graph.constant(transposed, np.float32 if floats else None)
    else:
        weight = graph.node("Transpose", [_operand(graph, op.weight, floats)], perm=[1, 0])
    result = graph.node("MatMul", [_operand(graph, op.x, floats), weight])
    if op.bias is not None:
        result = graph.node("Add", [result, _operand(graph, op.bias, floats)])
    return graph.cast(result, "int32") if floats and not is_float(op.outputs[0]) else result


def _operand(graph: Graph, var: Variable, floats: bool) -> str:
    """A value, as a float where the product is one of floats."""
    name = graph.value(var)
    return graph.cast(name, "float32") if floats and not is_float(var) else name


@operation("matmul")
def matmul(graph: Graph, op: Operation) -> str:
    """x y over the last two axes, either transposed if asked; the axes before them broadcast."""
    x = _transposed(graph, op.x, op.transpose_x)
    y = _transposed(graph, op.y, op.transpose_y)
    if all(is_float(var) for var in (op.x, op.y)):
        return graph.node("MatMul", [x, y])
    floats = any(is_float(var) for var in (op.x, op.y))
    kind = "float32" if floats else "int64"
    product = graph.node("MatMul", [graph.cast(x, kind), graph.cast(y, kind)])
    if is_float(op.outputs[0]):
        return product if floats else graph.cast(product, "float32")
    return graph.cast(product, "int32")


def _transposed(graph: Graph, var: Variable, flag: Variable) -> str:
    name = graph.value(var)
    if flag is None or not flag.val or var.rank < 2:
        return name
    axes = [*range(var.rank - 2), var.rank - 1, var.rank - 2]
    return graph.node("Transpose", [name], perm=axes)


@operation("einsum")
def einsum(graph: Graph, op: Operation) -> str:
    """The sum that ``equation`` names over its two ``values``."""
    values = [graph.value(var) for var in op.values]
    return graph.node("Einsum", values, equation=str(np.asarray(op.equation.val)))
