"""Element by element, one input."""

from __future__ import annotations

from ..graph import Graph, is_float, mil_type
from ..mil import Operation
from ..narrowing import kept_whole
from . import operation

_SAME = {
    "abs": "Abs",
    "acos": "Acos",
    "asin": "Asin",
    "atan": "Atan",
    "atanh": "Atanh",
    "ceil": "Ceil",
    "cos": "Cos",
    "cosh": "Cosh",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "logical_not": "Not",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "tan": "Tan",
    "tanh": "Tanh",
    "round": "Round",
}


@operation(*_SAME)
def same_in_onnx(graph: Graph, op: Operation) -> str:
    """The same function of the same shape in ONNX."""
    return graph.node(_SAME[op.op_type], [graph.value(op.x)])


@operation("identity")
def identity(graph: Graph, op: Operation) -> str:
    """x as it is."""
    return graph.node("Identity", [graph.value(op.x)])


@operation("cast")
def cast(graph: Graph, op: Operation) -> str:
    """Floats to integers truncate; narrow integers wrap, as a C cast does, but for those that come
    from an input: see `kept_whole`."""
    target = {"fp16": "float16", "fp32": "float32"}.get(op.dtype.val, op.dtype.val)
    carried = {"float16": "float32", "float32": "float32", "bool": "bool"}.get(target, "int32")
    result = graph.round_to(graph.cast(graph.value(op.x), carried), target)
    return kept_whole(graph, op, mil_type(op.x), target, result)


@operation("clip")
def clip(graph: Graph, op: Operation) -> str:
    """Constant bounds as float scalars, so that ONNX Runtime fuses it with what goes before."""
    x = graph.value(op.x)
    if is_float(op.x) and op.alpha.val is not None and op.beta.val is not None:
        return graph.node("Clip", [x, graph.float32(op.alpha.val), graph.float32(op.beta.val)])
    above = graph.node("Max", [x, graph.value(op.alpha)])
    return graph.node("Min", [above, graph.value(op.beta)])


@operation("exp2")
def exp2(graph: Graph, op: Operation) -> str:
    """2 to the power x."""
    return graph.node("Pow", [graph.float32(2), graph.value(op.x)])


@operation("square")
def square(graph: Graph, op: Operation) -> str:
    """x times x."""
    x = graph.value(op.x)
    return graph.node("Mul", [x, x])


@operation("threshold")
def threshold(graph: Graph, op: Operation) -> str:
    """The larger of x and alpha."""
    return graph.node("Max", [graph.value(op.x), graph.value(op.alpha)])


def _plus_epsilon(graph: Graph, op: Operation) -> str:
    return graph.node("Add", [graph.value(op.x), graph.float32(op.epsilon.val)])


@operation("inverse")
def inverse(graph: Graph, op: Operation) -> str:
    """1 / (x + epsilon)."""
    return graph.node("Reciprocal", [_plus_epsilon(graph, op)])


@operation("log")
def log(graph: Graph, op: Operation) -> str:
    """Natural logarithm of x + epsilon."""
    return graph.node("Log", [_plus_epsilon(graph, op)])


@operation("rsqrt")
def rsqrt(graph: Graph, op: Operation) -> str:
    """1 / sqrt(x + epsilon)."""
    return graph.node("Reciprocal", [graph.node("Sqrt", [_plus_epsilon(graph, op)])])
