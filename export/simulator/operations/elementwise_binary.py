"""Element by element, two inputs that broadcast."""

from __future__ import annotations

from ..graph import Graph, is_float
from ..mil import Operation
from . import operation

_SAME = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "pow": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "equal": "Equal",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "logical_and": "And",
    "logical_or": "Or",
    "logical_xor": "Xor",
}


def _operands(graph: Graph, op: Operation) -> list[str]:
    return [graph.value(op.x), graph.value(op.y)]


@operation(*_SAME)
def same_in_onnx(graph: Graph, op: Operation) -> str:
    """The same function in ONNX, with the same broadcasting of ``x`` and ``y``."""
    return graph.node(_SAME[op.op_type], _operands(graph, op))


@operation("not_equal")
def not_equal(graph: Graph, op: Operation) -> str:
    """Whether x differs from y, in bool."""
    return graph.node("Not", [graph.node("Equal", _operands(graph, op))])


def _quotient(graph: Graph, op: Operation) -> str:
    """Integers in double precision, which holds every quotient of theirs on its side of the next
    integer."""
    kind = "float32" if is_float(op.outputs[0]) else "float64"
    return graph.node("Div", [graph.cast(name, kind) for name in _operands(graph, op)])


@operation("real_div")
def real_div(graph: Graph, op: Operation) -> str:
    """x / y; of integers the part before the point."""
    quotient = _quotient(graph, op)
    return quotient if is_float(op.outputs[0]) else graph.cast(quotient, "int32")


@operation("floor_div")
def floor_div(graph: Graph, op: Operation) -> str:
    """The largest whole number that is not above x / y."""
    quotient = graph.node("Floor", [_quotient(graph, op)])
    return quotient if is_float(op.outputs[0]) else graph.cast(quotient, "int32")


@operation("mod")
def mod(graph: Graph, op: Operation) -> str:
    """The sign is the divisor's, as in Python; ONNX gives floats the dividend's."""
    x, y = _operands(graph, op)
    if not is_float(op.outputs[0]):
        return graph.node("Mod", [x, y])
    floor = graph.node("Floor", [graph.node("Div", [x, y])])
    return graph.node("Sub", [x, graph.node("Mul", [floor, y])])
